"""People: found, shown with all that is known and happened, suppressed and released."""

from datetime import datetime
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse

from gateway.api import paths  # noqa: F401  # Routes with {person:id} need it.
from gateway.api.console.access import Fields, Looks, Works, language_of, said
from gateway.api.console.acts import change_store
from gateway.api.console.form_text import typed_moment
from gateway.api.console.rendering import render, see_other
from gateway.api.problems import Problem
from gateway.api.replies import Text, Using, plain_text, unwrapped, wrapped
from gateway.core import ids
from gateway.core.decision.note import reasons
from gateway.core.decision.note_facts import NoteFacts
from gateway.core.decision.note_template import NoteTemplate
from gateway.core.kinds import Kind, Scope
from gateway.core.mail.typed.typed_address import TypedAddress, read_address
from gateway.core.people.people import ENTRY_SOURCES, PersonKind, PersonRef, Suppression
from gateway.documents.people import groups_of, status_of, topics_of
from gateway.store.engine.database import StoreTransaction
from gateway.store.journal import messages
from gateway.store.people import people, releases, suppression
from gateway.store.people.releases import Released
from gateway.store.people.search import search
from gateway.store.views.timeline import (
    PersonPage,
    TimelineAsked,
    TimelinePlace,
    TimelineType,
    pages,
)

router = APIRouter(prefix="/people")

_AT_ONCE = 50
_FIRST_PART = TimelineAsked(limit=_AT_ONCE)
_LONGEST = 2_000  #: Characters of a reason.
#: Pages that tell more of what happened, by its sort; the id follows.
_MORE = {
    TimelineType.MESSAGE: "/console/messages/",
    TimelineType.BOUNCE: "/console/messages/",
    TimelineType.TRIGGER_MAIL: "/console/messages/",
    TimelineType.REPLY: "/console/replies/",
    TimelineType.DOCUMENT: "/console/replies/documents/",
    TimelineType.ACTIVITY: "/console/campaigns/",
}
#: Those of them that are always there: what is listed is read from where they are.
_FILED = (TimelineType.REPLY, TimelineType.DOCUMENT, TimelineType.ACTIVITY)


@router.get("")
async def find_people(
    request: Request,
    using: Using,
    user: Looks,  # noqa: ARG001
    q: Annotated[Text, Query(max_length=200)] = "",
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """List people, or those who fit a text."""
    after = None
    if cursor:
        kind, crm_id = unwrapped(cursor, 2)
        if kind not in set(PersonKind):
            raise Problem(422, said(request, "This page of the list is not known."))
        after = PersonRef(PersonKind(kind), crm_id)
    address = using.lookup(q)
    matches, end = await using.database.read(
        lambda connection: search(connection, q, address=address, limit=_AT_ONCE, after=after)
    )
    following = "" if end is None else wrapped([end.kind, end.crm_id])
    return await render(
        request, "people.html", {"matches": matches, "following": following, "q": q}
    )


@router.get("/{person:id}")
async def show_person(
    request: Request,
    using: Using,
    user: Looks,  # noqa: ARG001
    person: Text,
    *,
    type: Annotated[list[str] | None, Query()] = None,  # noqa: A002
    since: Annotated[str, Query(max_length=40)] = "",
    until: Annotated[str, Query(max_length=40)] = "",
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """Show a person; an address or bare key leads to whoever has it."""
    try:
        ref = PersonRef.parse(person)
    except ValueError:
        return await _to_whom_it_is(request, using, person)
    types = [name for name in type or () if name in set(TimelineType)]
    asked = TimelineAsked(
        types=frozenset(map(TimelineType, types or TimelineType)),
        since=_moment(request, using, since, "since"),
        until=_moment(request, using, until, "until", is_end=True),
        after=_place(request, cursor),
        limit=_AT_ONCE,
    )
    return await _shown(request, using, ref, asked, types=types)


@router.post("/{person:id}/suppress")
async def suppress(
    request: Request, using: Using, user: Works, person: Text, form: Fields
) -> Response:
    """Suppress a person, or one of the addresses, from the next message on."""
    ref = _ref(request, person)
    problems: dict[str, str] = {}
    scope, note = _given(form, "scope"), _given(form, "note")
    until = None
    try:
        until = _moment(request, using, _given(form, "until"), "until", is_end=True)
    except Problem as problem:
        problems["until"] = str(problem.detail)
    now = using.clock()
    if until is not None and until <= now:
        problems["until"] = said(request, "This day is over.")
    if scope not in set(Scope):
        problems["scope"] = said(request, "Choose one of these.")
    if not note:
        problems["note"] = said(request, "Say why: whoever releases it later asks for that.")
    if problems:
        return await _shown(request, using, ref, problems=problems, given=form, status=422)

    def add(connection: StoreTransaction) -> str:
        whom = _whom(request, connection, ref, _given(form, "whom"))
        suppression.add(
            connection,
            id=using.new_id(),
            address=whom,
            scope=Scope(scope),
            remark=note[:_LONGEST],
            public=form.get("public") == "yes",
            by=user.name,
            since=now,
            until=until,
        )
        return str(whom)

    whom = await change_store(request, user, "person.suppress", add, about=str(ref))
    return await see_other(
        request, _path(ref), said(request, "{whom} is suppressed from now on.", whom=whom)
    )


@router.post("/{person:id}/release")
async def release(
    request: Request, using: Using, user: Works, person: Text, form: Fields
) -> Response:
    """Lift what suppresses a person, or one of the addresses, as far as it is ours."""
    ref, note = _ref(request, person), _given(form, "note")
    if not note:
        problems = {"release_note": said(request, "Say why: the history keeps it.")}
        return await _shown(request, using, ref, problems=problems, given=form, status=422)
    standings = using.standings()

    def lift(connection: StoreTransaction) -> tuple[str, Released]:
        whom = _whom(request, connection, ref, _given(form, "whom"))
        erased = standings.names_if_erased(connection, whom)
        released = releases.release(
            connection,
            whom,
            by=user.name,
            now=using.clock(),
            remark=note[:_LONGEST],
            erased=erased,
        )
        return str(whom), released

    try:
        whom, released = await change_store(
            *(request, user, "person.release"),
            lift,
            about=lambda done: [str(ref)] if done[1].is_any else [],
        )
    finally:
        standings.close()
    if not released.is_any:
        none_of_ours = said(request, "Nothing of ours suppresses {whom}.", whom=whom)
        problems = {"release_note": none_of_ours}
        return await _shown(request, using, ref, problems=problems, given=form, status=409)
    sentences = [said(request, "{whom} is released.", whom=whom)]
    sentences += [
        said(request, "Mailchimp itself still refuses {address}.", address=refused.address)
        for refused in released.refused
    ]
    return await see_other(request, _path(ref), " ".join(sentences))


async def _to_whom_it_is(request: Request, using: Using, text: str) -> Response:
    """Lead to the one person with an address or key, or to the list of several; else 404."""
    typed = read_address(text)
    address = using.lookup(typed.address if isinstance(typed, TypedAddress) else text)

    def look(connection: StoreTransaction) -> list[PersonRef]:
        refs = set(people.holders(connection, address))
        keys = [PersonRef(kind, text) for kind in PersonKind if text]
        refs |= {key for key in keys if people.find(connection, key)}
        return sorted(refs)

    refs = await using.database.read(look)
    if len(refs) > 1:
        return RedirectResponse(f"/console/people?{urlencode({'q': text})}", 303)
    for ref in refs:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(_path(ref) + query, 303)
    if "@" in text:
        raise Problem(404, said(request, "Nobody has the address {address}.", address=text))
    raise Problem(404, said(request, "A person is written candidate:17 or contact:17."))


async def _shown(
    request: Request,
    using: Using,
    ref: PersonRef,
    asked: TimelineAsked = _FIRST_PART,
    *,
    types: list[str] | None = None,
    problems: dict[str, str] | None = None,
    given: FormData | None = None,
    status: int = 200,
) -> Response:
    """Return the page of a person; with `problems`, what was `given` is kept in the forms."""
    standings = using.standings()

    def look(connection: StoreTransaction) -> tuple[PersonPage | None, set[str]]:
        page = next(iter(pages(connection, standings, ref, asked)), None)
        # Mail that never left has no message, and the journal forgets old ones before bounces.
        events = page.timeline if page else ()
        filed = {event.id for event in events if event.type in _FILED}
        mails = [event.id for event in events if event.id and event.type in _MORE]
        numbers = [ids.read(mail) for mail in mails if mail not in filed]
        return page, filed | {ids.show(head.id) for head in messages.heads(connection, numbers)}

    page, linked = await using.database.read(look)
    if page is None:
        raise Problem(404, said(request, "Nobody is known by the key {person}.", person=str(ref)))
    template, end = note_wording(request, using), page.timeline_end
    now = using.clock().astimezone(using.zone())
    return await render(
        request,
        "person.html",
        {
            "page": page,
            "note": template,
            "person": page.record.person,
            "path": _path(ref),
            "status_name": status_of(page.record),
            "groups": groups_of(page.record),
            "topics": topics_of(page),
            "reasons": [
                (entry, told_why(template, entry, now, page)) for entry in page.suppressions
            ],
            "has_ours": any(_is_ours(entry) for entry in page.suppressions),
            "types": types or [],
            "all_types": list(TimelineType),
            "scopes": [scope.value for scope in (Scope.BULK, Scope.ALL, Scope.MAILCHIMP)],
            "more": _MORE,
            "linked": linked,
            "following": "" if end is None else wrapped([end.at.isoformat(), str(end.shown)]),
            "problems": problems or {},
            "given": given or {},
        },
        status=status,
    )


def note_wording(request: Request, using: Using) -> NoteTemplate:
    """Return the wording of notes in the language of the page."""
    notes = using.notes()
    return notes.get(language_of(request)) or next(iter(notes.values()))


def told_why(template: NoteTemplate, entry: Suppression, now: datetime, page: PersonPage) -> str:
    """Return why a suppression is there and how it is lifted, as a note says it."""
    ref = page.record.person.ref
    facts = NoteFacts(
        message=0,
        now=now,
        kind=Kind.BULK,
        rule="",
        recipient=next(iter(page.record.every_address), str(ref)),
        suppressions=(entry,),
        personal_mail=not any(prospect.personal for prospect in page.prospects),
        persons=(ref,),
    )
    return reasons(template, facts)


def _is_ours(entry: Suppression) -> bool:
    """Whether releasing may lift it: an entry of ours, or an opt-out that Mailchimp told of."""
    return entry.source in ENTRY_SOURCES or entry.origin == "mailchimp"


def _whom(
    request: Request, connection: StoreTransaction, ref: PersonRef, whom: str
) -> PersonRef | str:
    """Return the person, or the one of the addresses that is meant."""
    record = people.known(connection, ref)
    if whom in record.every_address:
        return whom
    if whom in ("", str(ref)):
        return ref
    raise Problem(422, said(request, "{whom} is no address of this person.", whom=whom))


def _given(form: FormData, name: str) -> str:
    value = form.get(name, "")
    text = value.strip() if isinstance(value, str) else ""
    try:
        return plain_text(text)
    except ValueError:
        return ""


def _ref(request: Request, text: str) -> PersonRef:
    try:
        return PersonRef.parse(text)
    except ValueError:
        raise Problem(
            404, said(request, "A person is written candidate:17 or contact:17.")
        ) from None


def _path(ref: PersonRef) -> str:
    return f"/console/people/{quote(str(ref), safe=':')}"


def _moment(
    request: Request, using: Using, text: str, name: str, *, is_end: bool = False
) -> datetime | None:
    """Read a day or time of a form, local; a day as an end counts whole."""
    if not text.strip():
        return None
    try:
        return typed_moment(text, using.clock(), using.zone(), is_end=is_end)
    except ValueError:
        raise Problem(
            422,
            said(request, "{name}: write a day such as 2026-03-12.", name=name),
        ) from None


def _place(request: Request, cursor: str | None) -> TimelinePlace | None:
    if not cursor:
        return None
    moment, shown = unwrapped(cursor, 2)
    try:
        place = TimelinePlace(datetime.fromisoformat(moment), int(shown))
    except ValueError:
        place = None
    if place is None or place.at.tzinfo is None or not 0 < place.shown < 10_000:
        raise Problem(422, said(request, "This page of the list is not known."))
    return place
