"""People: search, details and timeline, suppressing and releasing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse

from gateway.api import paths  # noqa: F401  # Routes with {person:id} need it.
from gateway.api.console.access import LOOKS, FormFields, Works, text_for
from gateway.api.console.acts import change_store
from gateway.api.console.form_text import typed_moment, typed_text
from gateway.api.console.pages.addresses import show_address
from gateway.api.console.pages.person_parts import ids_with_page, parts_of_page
from gateway.api.console.rendering import render, see_other
from gateway.api.json_response import PlainText, Using
from gateway.api.person_cursors import person_before, person_cursor, timeline_cursor, timeline_place
from gateway.api.problems import Problem
from gateway.core import ids
from gateway.core.kinds import Scope
from gateway.core.mail.address import readable
from gateway.core.mail.typed.typed_address import TypedAddress, can_be_recipient, read_address
from gateway.core.people.people import PersonKind, PersonRef, RefOrAddress
from gateway.documents.people import groups_of, status_of, topics_of
from gateway.store.engine.database import StoreTransaction
from gateway.store.people import people, releases, suppression
from gateway.store.people.releases import Released
from gateway.store.people.search import search
from gateway.store.views.timeline import (
    PersonPage,
    TimelineQuery,
    TimelineType,
    pages,
)

router = APIRouter(prefix="/people")

_AT_ONCE = 50
_FIRST_PART = TimelineQuery(limit=_AT_ONCE)


@router.get("", dependencies=[LOOKS])
async def find_people(
    request: Request,
    using: Using,
    q: Annotated[PlainText, Query(max_length=200)] = "",
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """List people, or those who match a text."""
    address = using.lookup(q)
    matches, end = await using.database.read(
        search, q, address=address, limit=_AT_ONCE, after=person_before(cursor or None)
    )
    is_address = isinstance(read_address(q), TypedAddress)
    return await render(
        request,
        "people.html",
        {
            "matches": matches,
            "following": person_cursor(end),
            "q": q,
            "unknown_address": address if is_address and not matches else "",
        },
    )


@router.get("/{person:id}", dependencies=[LOOKS])
async def show_person(
    request: Request,
    using: Using,
    person: PlainText,
    *,
    type: Annotated[list[str] | None, Query()] = None,  # noqa: A002
    since: Annotated[str, Query(max_length=40)] = "",
    until: Annotated[str, Query(max_length=40)] = "",
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """Show a person; an address or bare key redirects to whoever has it."""
    try:
        ref = PersonRef.parse(person)
    except ValueError:
        ref = None
    types = [name for name in type or () if name in set(TimelineType)]
    timeline_query = TimelineQuery(
        types=frozenset(map(TimelineType, types or TimelineType)),
        since=_moment(request, using, since, "since"),
        until=_moment(request, using, until, "until", is_end=True),
        after=timeline_place(cursor or None),
        limit=_AT_ONCE,
    )
    if ref is None:
        return await _to_whom_it_is(request, using, person, timeline_query, types=types)
    return await _person_page(request, using, ref, timeline_query, types=types)


@router.post("/{person:id}/suppress")
async def suppress(
    request: Request, using: Using, user: Works, person: PlainText, form: FormFields
) -> Response:
    """Suppress a person, or one of their addresses, from the next message on."""
    ref_or_address = _read_ref_or_address(request, using, person)
    problems: dict[str, str] = {}
    scope, note = typed_text(form, "scope"), typed_text(form, "note")
    until = None
    try:
        until = _moment(request, using, typed_text(form, "until"), "until", is_end=True)
    except Problem as problem:
        problems["until"] = str(problem.detail)
    now = using.clock()
    if until is not None and until <= now:
        problems["until"] = text_for(request, "This day is over.")
    if scope not in set(Scope):
        problems["scope"] = text_for(request, "Choose one of these.")
    if not note:
        problems["note"] = text_for(request, "Say why: whoever releases it later asks for that.")
    if problems:
        return await _person_page(
            request, using, ref_or_address, problems=problems, form=form, status=422
        )
    number = using.new_id()

    def add(connection: StoreTransaction) -> tuple[str, bool]:
        selected = _ref_or_own_address(
            request, connection, ref_or_address, typed_text(form, "whom")
        )
        _, is_new = suppression.add_once(
            connection,
            id=number,
            ref_or_address=selected,
            scope=Scope(scope),
            remark=note,
            public=form.get("public") == "yes",
            by=user.name,
            since=now,
            until=until,
        )
        return str(selected), is_new

    is_person = isinstance(ref_or_address, PersonRef)
    about = str(ref_or_address) if is_person else ids.show(number)
    selected, is_new = await change_store(
        *(request, user, "person.suppress" if is_person else "address.suppress"),
        add,
        about=lambda done: [about] if done[1] else [],
    )
    sentence = text_for(request, "{whom} is suppressed from now on.", whom=readable(selected))
    if not is_new:
        sentence = text_for(
            request,
            "{whom} was suppressed for this reason already; nothing was changed.",
            whom=readable(selected),
        )
    return await see_other(request, _path(ref_or_address), sentence)


@router.post("/{person:id}/release")
async def release(
    request: Request, using: Using, user: Works, person: PlainText, form: FormFields
) -> Response:
    """Lift suppressions of a person, or of one of their addresses, as far as they are ours."""
    ref_or_address, note = _read_ref_or_address(request, using, person), typed_text(form, "note")
    if not note:
        problems = {"release_note": text_for(request, "Say why: the history keeps it.")}
        return await _person_page(
            request, using, ref_or_address, problems=problems, form=form, status=422
        )

    def lift(connection: StoreTransaction) -> tuple[str, Released, list[str]]:
        selected = _ref_or_own_address(
            request, connection, ref_or_address, typed_text(form, "whom")
        )
        erased = standings.names_if_erased(connection, selected)
        about = [str(ref_or_address)]
        if isinstance(ref_or_address, str):
            about = _in_force(connection, ref_or_address, erased)
        released = releases.release(
            connection,
            selected,
            by=user.name,
            now=using.clock(),
            remark=note,
            erased=erased,
        )
        return str(selected), released, about if released.is_any else []

    is_person = isinstance(ref_or_address, PersonRef)
    with using.standings() as standings:
        selected, released, _ = await change_store(
            *(request, user, "person.release" if is_person else "address.release"),
            lift,
            about=lambda done: done[2],
        )
    if not released.is_any:
        none_of_ours = text_for(
            request, "Nothing of ours suppresses {whom}.", whom=readable(selected)
        )
        problems = {"release_note": none_of_ours}
        return await _person_page(
            request, using, ref_or_address, problems=problems, form=form, status=409
        )
    sentences = [text_for(request, "{whom} is released.", whom=readable(selected))]
    sentences += [
        text_for(request, "Mailchimp itself still refuses {address}.", address=refused.address)
        for refused in released.refused
    ]
    return await see_other(request, _path(ref_or_address), " ".join(sentences))


def _in_force(connection: StoreTransaction, address: str, erased: Sequence[str]) -> list[str]:
    """Return the ids of an address's suppressions in force: acts don't record addresses."""
    entries = suppression.history(connection, address, erased=erased)
    return [ids.show(entry.id) for entry in entries if entry.released_at is None]


async def _to_whom_it_is(
    request: Request, using: Using, text: str, timeline_query: TimelineQuery, *, types: list[str]
) -> Response:
    """Redirect to the person with an address or key, or to the list if there are several; else 404.

    An address nobody has gets its own page.
    """
    lookup_form = _address(using, text)
    address = lookup_form or using.lookup(text)

    def load(connection: StoreTransaction) -> list[PersonRef]:
        refs = set(people.holders(connection, address))
        keys = [PersonRef(kind, text) for kind in PersonKind if text]
        refs |= {key for key in keys if people.find(connection, key)}
        return sorted(refs)

    refs = await using.database.read(load)
    if len(refs) > 1:
        return RedirectResponse(f"/console/people?{urlencode({'q': text})}", 303)
    for ref in refs:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(_path(ref) + query, 303)
    if lookup_form:
        return await show_address(
            *(request, using, lookup_form), timeline_query, path=_path(lookup_form), types=types
        )
    if "@" in text:
        raise Problem(404, text_for(request, "Nobody has the address {address}.", address=text))
    raise Problem(404, text_for(request, "A person is written candidate:17 or contact:17."))


async def _person_page(
    request: Request,
    using: Using,
    ref_or_address: RefOrAddress,
    timeline_query: TimelineQuery = _FIRST_PART,
    *,
    types: list[str] | None = None,
    problems: dict[str, str] | None = None,
    form: FormData | None = None,
    status: int = 200,
) -> Response:
    """Return the page of a person or address; with `problems`, its fields keep their `form`."""
    filled: dict[str, Any] = {
        "problems": problems or {},
        "types": types or [],
    }
    if isinstance(ref_or_address, str):
        return await show_address(
            *(request, using, ref_or_address, timeline_query),
            path=_path(ref_or_address),
            form=form,
            status=status,
            **filled,
        )

    def load(connection: StoreTransaction) -> tuple[PersonPage | None, set[str]]:
        page = next(iter(pages(connection, standings, ref_or_address, timeline_query)), None)
        return page, ids_with_page(connection, page.timeline if page else ())

    with using.standings() as standings:
        page, links = await using.database.read(load)
    if page is None:
        raise Problem(
            404,
            text_for(request, "Nobody is known by the key {person}.", person=str(ref_or_address)),
        )
    return await render(
        request,
        "person.html",
        {
            **parts_of_page(
                *(request, using),
                suppressions=page.suppressions,
                prospects=page.prospects,
                recipient=next(iter(page.record.every_address), str(ref_or_address)),
                persons=(ref_or_address,),
            ),
            "page": page,
            "refusals": page.refusals,
            "timeline": page.timeline,
            "references": [entry.application.reference for entry in page.applications],
            "person": page.record.person,
            "every_address": page.record.every_address,
            "path": _path(ref_or_address),
            "status_name": status_of(page.record),
            "groups": groups_of(page.record),
            "topics": topics_of(page),
            "all_types": list(TimelineType),
            "linked": links,
            "following": timeline_cursor(page.timeline_end),
            "given": form or {},
            **filled,
        },
        status=status,
    )


def _ref_or_own_address(
    request: Request, connection: StoreTransaction, ref_or_address: RefOrAddress, text: str
) -> RefOrAddress:
    """Return the person, or the address, a page is about."""
    if isinstance(ref_or_address, str):
        return ref_or_address
    ref = ref_or_address
    record = people.known_person(connection, ref)
    if text in record.every_address:
        return text
    if text in ("", str(ref)):
        return ref
    raise Problem(422, text_for(request, "{whom} is no address of this person.", whom=text))


def _read_ref_or_address(request: Request, using: Using, text: str) -> RefOrAddress:
    """Return what a path means: a person, or an address in lookup form."""
    try:
        return PersonRef.parse(text)
    except ValueError:
        address = _address(using, text)
    if address:
        return address
    raise Problem(404, text_for(request, "A person is written candidate:17 or contact:17."))


def _address(using: Using, text: str) -> str:
    """Return the address in a path, in lookup form; empty if it isn't one.

    It may already be in that form, as in links, or as people type it: `a b@x`, `"a b"@x`.
    """
    typed = read_address(text)
    if isinstance(typed, TypedAddress):
        return using.lookup(typed.address)
    return text if can_be_recipient(text) else ""


def _path(ref_or_address: RefOrAddress) -> str:
    return f"/console/people/{quote(str(ref_or_address), safe=':@')}"


def _moment(
    request: Request, using: Using, text: str, name: str, *, is_end: bool = False
) -> datetime | None:
    """Read a day or time of a form, in local time; an end day counts in full."""
    if not text.strip():
        return None
    try:
        return typed_moment(text, using.clock(), using.zone(), is_end=is_end)
    except ValueError:
        raise Problem(
            422,
            text_for(request, "{name}: write a day such as 2026-03-12.", name=name),
        ) from None
