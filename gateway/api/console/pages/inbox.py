"""The inbox: mails that could not be filed, shown safely, with likely applications."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.console.access import LOOKS, ConsoleUser, FormFields, Works, language_of, text_for
from gateway.api.console.acts import doing
from gateway.api.console.form_text import typed_text
from gateway.api.console.rendering import render, see_other
from gateway.api.console.sentences import retell
from gateway.api.json_response import Cursor, Using, id_before, id_cursor, on_page, read_id
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
    number = id_before(cursor)
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
    return await _mail_page(request, using, read_id(id))


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
        why = text_for(request, "Say which application: its reference, or choose one.")
        return await _mail_page(request, using, read_id(id), problem=why, status=422)
    return await _decide(
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
    return await _decide(request, using, user, read_id(id), act="retry", work=using.inbox.retry)


@router.post("/{id}/discard")
async def discard(request: Request, using: Using, user: Works, id: str) -> Response:  # noqa: A002
    """Discard a mail; it stays listed and can still be assigned."""
    number = read_id(id)
    return await _decide(request, using, user, number, act="discard", work=using.inbox.discard)


async def _decide(
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
        return await _mail_page(request, using, number, problem=str(error), status=status)
    if row.state is InboxState.NEEDS_ATTENTION:
        why = attention_words(request).get(row.reason, row.reason)
        sentence = text_for(request, "It still can't be filed: {why}", why=why)
        return await see_other(request, f"/console/inbox/{ids.show(number)}", sentence)
    sentence = _what_was_done(request, row)
    following = await using.database.read(_next_waiting, number)
    if following is None:
        return await see_other(
            request, "/console/inbox", f"{sentence} {text_for(request, 'Nothing else waits.')}"
        )
    return await see_other(
        request,
        f"/console/inbox/{ids.show(following.id)}",
        f"{sentence} {text_for(request, 'This is the next one.')}",
    )


def _next_waiting(connection: StoreTransaction, number: int) -> InboxRow | None:
    """Return the next older mail that waits for a decision, or else the newest."""
    states = [InboxState.NEEDS_ATTENTION]
    older = inbox.list_inbox(connection, states=states, before=number, limit=1)
    return next(iter(older or inbox.list_inbox(connection, states=states, limit=1)), None)


def _what_was_done(request: Request, row: InboxRow) -> str:
    match row.state:
        case InboxState.FILED:
            return text_for(request, "“{subject}” is filed.", subject=row.subject)
        case InboxState.REPEATED:
            return text_for(request, "“{subject}” was filed there before.", subject=row.subject)
        case InboxState.DISCARDED:
            return text_for(request, "“{subject}” is given up.", subject=row.subject)
        case _:
            return text_for(request, "“{subject}” is ignored: automatic mail.", subject=row.subject)


async def _mail_page(
    request: Request, using: ApiServices, number: int, *, problem: str = "", status: int = 200
) -> Response:
    try:
        reading = await using.inbox.read_mail(number)
    except NotDone as error:
        if error.status == 404:
            raise Problem(404, text_for(request, "The inbox has no such mail.")) from None
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
        InboxState.NEEDS_ATTENTION: text_for(request, "waits for a decision"),
        InboxState.WAITING: text_for(request, "not read yet"),
        InboxState.FILED: text_for(request, "filed"),
        InboxState.REPEATED: text_for(request, "filed before"),
        InboxState.IGNORED: text_for(request, "ignored"),
        InboxState.DISCARDED: text_for(request, "given up"),
    }


def attention_words(request: Request) -> dict[str, str]:
    """Return the names of the reasons why mails wait."""
    return {
        "no_reference": text_for(request, "the subject begins with no reference"),
        "unknown_reference": text_for(request, "there is no application with this reference"),
        "not_allowed": text_for(request, "whoever forwarded it may not import"),
        "untrusted_origin": text_for(request, "it can't be told who sent it"),
        "too_large": text_for(request, "it is too large"),
        "unreadable": text_for(request, "it can't be read"),
        "no_bounce": text_for(request, "it came to the address of bounces and is none"),
        "unproven_bounce": text_for(request, "it says it came back, of nothing the gateway sent"),
    }


def suggestion_words(request: Request) -> dict[str, str]:
    """Return the names of what makes an application likely or unlikely."""
    reason = SuggestionReason
    return {
        reason.NUMBER_IN_SUBJECT: text_for(request, "its number is in the subject"),
        reason.SENDER: text_for(request, "the person's address sent it"),
        reason.NUMBER_IN_TEXT: text_for(request, "its number is in the text"),
        reason.SENDER_NAME: text_for(request, "the sender has the person's name"),
        reason.NAME_IN_SUBJECT: text_for(request, "the person's name is in the subject"),
        reason.ADDRESS_IN_TEXT: text_for(request, "the person's address is in the text"),
        reason.NAME_IN_TEXT: text_for(request, "the person's name is in the text"),
        reason.SLIP: text_for(request, "the subject has a number that differs in one sign"),
        reason.TITLE_IN_SUBJECT: text_for(request, "its title is in the subject"),
        reason.LATELY_REPLIED: text_for(request, "a reply was filed there lately"),
        reason.SUBMITTED_BEFORE: text_for(request, "it was submitted in the months before"),
        reason.SUBMITTED_AFTER: text_for(request, "but it was submitted after this mail"),
        reason.CLOSED: text_for(request, "but it is closed"),
    }
