"""The inbox: mails that could not be filed, shown safely, with likely applications."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.console.access import LOOKS, ConsoleUser, FormFields, Works, language_of, said
from gateway.api.console.acts import doing
from gateway.api.console.form_text import typed_text
from gateway.api.console.rendering import render, see_other
from gateway.api.console.sentences import retell
from gateway.api.json_response import Cursor, Using, before, id_cursor, on_page, read_id
from gateway.api.problems import Problem
from gateway.api.services import ApiServices, NotDone
from gateway.core import ids
from gateway.core.replies.inbox import InboxRow, InboxState
from gateway.core.replies.suggestions import DATED_REASONS, SuggestionReason
from gateway.store.engine.database import StoreTransaction
from gateway.store.replies import inbox

router = APIRouter(prefix="/inbox")

_AT_ONCE = 50
_LONGEST_REFERENCE = 200
#: States in which a person decides.
UNDECIDED = (InboxState.NEEDS_ATTENTION, InboxState.DISCARDED)


@router.get("", dependencies=[LOOKS])
async def list_mails(
    request: Request,
    using: Using,
    state: Annotated[str, Query()] = InboxState.NEEDS_ATTENTION,
    cursor: Cursor = None,
) -> Response:
    """List the mails that wait for a decision, or those in another state; newest first."""
    number = before(cursor)
    states = [InboxState(state)] if state in set(InboxState) else []
    rows = await using.database.read(
        inbox.list_inbox, states=states, before=number, limit=_AT_ONCE + 1
    )
    shown_rows, following = on_page(rows, _AT_ONCE, id_cursor)
    return await render(
        request,
        "inbox.html",
        {
            "rows": shown_rows,
            "following": following,
            "state": state,
            "states": state_names(request),
            "reasons": attention_words(request),
            "import_addresses": using.import_addresses(),
        },
    )


@router.get("/{id}", dependencies=[LOOKS])
async def show_mail(request: Request, using: Using, id: str) -> Response:  # noqa: A002
    """Show a sanitised mail, with the applications it is probably about."""
    return await _shown(request, using, read_id(id))


@router.post("/{id}/assign")
async def assign(
    request: Request,
    using: Using,
    user: Works,
    id: str,  # noqa: A002
    form: FormFields,
) -> Response:
    """File a mail to an application; then open the next one."""
    reference = typed_text(form, "reference")[:_LONGEST_REFERENCE]
    if not reference:
        why = said(request, "Say which application: its reference, or choose one.")
        return await _shown(request, using, read_id(id), problem=why, status=422)
    return await _decided(
        request,
        using,
        user,
        read_id(id),
        act="assign",
        work=lambda number: using.inbox.assign(number, reference),
    )


@router.post("/{id}/retry")
async def retry(request: Request, using: Using, user: Works, id: str) -> Response:  # noqa: A002
    """Try to file a mail again."""
    return await _decided(request, using, user, read_id(id), act="retry", work=using.inbox.retry)


@router.post("/{id}/discard")
async def discard(request: Request, using: Using, user: Works, id: str) -> Response:  # noqa: A002
    """Discard a mail; it stays listed and can still be assigned."""
    number = read_id(id)
    return await _decided(request, using, user, number, act="discard", work=using.inbox.discard)


async def _decided(
    request: Request,
    using: ApiServices,
    user: ConsoleUser,
    number: int,
    *,
    act: str,
    work: Callable[[int], Awaitable[InboxRow]],
) -> Response:
    """Carry out a decision, and open the next waiting mail; or show why it was refused."""
    try:
        async with doing(request, user, f"inbox.{act}", about=ids.show(number)):
            row = await work(number)
    except (NotDone, inbox.WrongInboxState) as error:
        status = error.status if isinstance(error, NotDone) else 409
        return await _shown(request, using, number, problem=str(error), status=status)
    if row.state is InboxState.NEEDS_ATTENTION:
        why = attention_words(request).get(row.reason, row.reason)
        sentence = said(request, "It still can't be filed: {why}", why=why)
        return await see_other(request, f"/console/inbox/{ids.show(number)}", sentence)
    sentence = _what_was_done(request, row)
    following = await using.database.read(_next_waiting, number)
    if following is None:
        return await see_other(
            request, "/console/inbox", f"{sentence} {said(request, 'Nothing else waits.')}"
        )
    return await see_other(
        request,
        f"/console/inbox/{ids.show(following.id)}",
        f"{sentence} {said(request, 'This is the next one.')}",
    )


def _next_waiting(connection: StoreTransaction, number: int) -> InboxRow | None:
    """Return the next older mail that waits for a decision, or else the newest."""
    states = [InboxState.NEEDS_ATTENTION]
    older = inbox.list_inbox(connection, states=states, before=number, limit=1)
    return next(iter(older or inbox.list_inbox(connection, states=states, limit=1)), None)


def _what_was_done(request: Request, row: InboxRow) -> str:
    match row.state:
        case InboxState.FILED:
            return said(request, "“{subject}” is filed.", subject=row.subject)
        case InboxState.REPEATED:
            return said(request, "“{subject}” was filed there before.", subject=row.subject)
        case InboxState.DISCARDED:
            return said(request, "“{subject}” is given up.", subject=row.subject)
        case _:
            return said(request, "“{subject}” is ignored: automatic mail.", subject=row.subject)


async def _shown(
    request: Request, using: ApiServices, number: int, *, problem: str = "", status: int = 200
) -> Response:
    try:
        reading = await using.inbox.look(number)
    except NotDone as error:
        if error.status == 404:
            raise Problem(404, said(request, "The inbox has no such mail.")) from None
        raise
    return await render(
        request,
        "inbox_mail.html",
        {
            "mail": reading.row,
            "reading": reading,
            "is_undecided": reading.row.state in UNDECIDED,
            "states": state_names(request),
            "reasons": attention_words(request),
            "because": suggestion_words(request),
            "dated": DATED_REASONS,
            "problem": retell(language_of(request), problem),
        },
        status=status,
    )


def state_names(request: Request) -> dict[str, str]:
    """Return the names of the states."""
    return {
        InboxState.NEEDS_ATTENTION: said(request, "waits for a decision"),
        InboxState.WAITING: said(request, "not read yet"),
        InboxState.FILED: said(request, "filed"),
        InboxState.REPEATED: said(request, "filed before"),
        InboxState.IGNORED: said(request, "ignored"),
        InboxState.DISCARDED: said(request, "given up"),
    }


def attention_words(request: Request) -> dict[str, str]:
    """Return the names of the reasons why mails wait."""
    return {
        "no_reference": said(request, "the subject begins with no reference"),
        "unknown_reference": said(request, "there is no application with this reference"),
        "not_allowed": said(request, "whoever forwarded it may not import"),
        "untrusted_origin": said(request, "it can't be told who sent it"),
        "too_large": said(request, "it is too large"),
        "unreadable": said(request, "it can't be read"),
        "no_bounce": said(request, "it came to the address of bounces and is none"),
        "unproven_bounce": said(request, "it says it came back, of nothing the gateway sent"),
    }


def suggestion_words(request: Request) -> dict[str, str]:
    """Return the names of what makes an application likely or unlikely."""
    reason = SuggestionReason
    return {
        reason.NUMBER_IN_SUBJECT: said(request, "its number is in the subject"),
        reason.SENDER: said(request, "the person's address sent it"),
        reason.NUMBER_IN_TEXT: said(request, "its number is in the text"),
        reason.SENDER_NAME: said(request, "the sender has the person's name"),
        reason.NAME_IN_SUBJECT: said(request, "the person's name is in the subject"),
        reason.ADDRESS_IN_TEXT: said(request, "the person's address is in the text"),
        reason.NAME_IN_TEXT: said(request, "the person's name is in the text"),
        reason.SLIP: said(request, "the subject has a number that differs in one sign"),
        reason.TITLE_IN_SUBJECT: said(request, "its title is in the subject"),
        reason.LATELY_REPLIED: said(request, "a reply was filed there lately"),
        reason.SUBMITTED_BEFORE: said(request, "it was submitted in the months before"),
        reason.SUBMITTED_AFTER: said(request, "but it was submitted after this mail"),
        reason.CLOSED: said(request, "but it is closed"),
    }
