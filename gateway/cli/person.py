"""What is known of a person, and everything that happened, on one page."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy import Connection

from gateway.cli import documents
from gateway.cli.context import Context, Json, NotFound, of, read_person
from gateway.cli.output import in_utc, local, one_line, print_json, print_line, print_table
from gateway.cli.suppress import described, open_standings
from gateway.core import ids
from gateway.core.journal import Message
from gateway.core.kinds import State
from gateway.core.people import PersonRef, Suppression
from gateway.store import messages, people, suppression
from gateway.store.people import PersonRecord
from gateway.store.suppression import Entry, Standings

app = typer.Typer(help="People of the CRM.", no_args_is_help=True)

_Person = Annotated[str, typer.Argument(metavar="PERSON", help="candidate:17, or an address.")]
_ADDED = "added"
_RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of a person's timeline."""

    at: datetime
    type: str
    id: str
    summary: str
    state: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A person, with all that is known."""

    record: PersonRecord
    suppressions: tuple[Suppression, ...]
    timeline: tuple[Event, ...]  #: The newest first.


@app.callback()
def person() -> None:
    """People of the CRM."""


@app.command("show")
def show(context: typer.Context, wanted: _Person, as_json: Json = False) -> None:
    """Show a person with suppressions and timeline; of an address, everybody who has it.

    With --json that is one document, or an array where several people have the address.
    """
    chosen = of(context)
    sought = read_person(wanted)
    with chosen.store() as store:
        standings = open_standings(chosen, store)
        with store.reading() as connection:
            key = sought if isinstance(sought, PersonRef) else chosen.lookup(sought)
            found = people.find(connection, key)
            pages = [_page(connection, standings, record) for record in found]
        standings.close()
    if not pages:
        raise NotFound(f"nobody known as {wanted}")
    if as_json:
        documented = [_document(page) for page in pages]
        print_json(documented if len(documented) > 1 else documented[0])
        return
    for page in pages:
        _print(chosen, page)


def _page(connection: Connection, standings: Standings, record: PersonRecord) -> Page:
    known = standings.within(connection, record.addresses)
    found = people.suppressions_of(record, known)
    mail = messages.of_person(connection, record.person.ref)
    history = [entry for one in record.addresses for entry in suppression.history(connection, one)]
    events = [*_mails(record, mail), *_brought(found), *_own(history)]
    return Page(record, found, tuple(sorted(events, key=lambda one: one.at, reverse=True)))


def _mails(record: PersonRecord, mail: Iterable[Message]) -> Iterator[Event]:
    addresses = set(record.addresses)
    for one in mail:
        theirs = [each for each in one.deliveries if each.address in addresses]
        state = theirs[0].state if theirs else State.UNKNOWN
        yield Event(
            at=one.at, type="message", id=ids.show(one.id), summary=one.subject, state=state
        )


def _brought(found: Iterable[Suppression]) -> Iterator[Event]:
    """Tell of what groups and the status brought."""
    for one in found:
        if one.person is not None and one.since is not None:
            summary = f'{one.source} "{one.name}": no {one.scope} mail'
            yield Event(at=one.since, type="suppression", id="", summary=summary, state=_ADDED)


def _own(history: Iterable[Entry]) -> Iterator[Event]:
    """Tell of suppressions of the address itself, and of their end."""
    for one in history:
        what, number = f"{one.address}: no {one.scope} mail", ids.show(one.id)
        summary = f"{what} ({one.remark})" if one.remark else what
        yield Event(at=one.since, type="suppression", id=number, summary=summary, state=_ADDED)
        if one.released_at is not None:
            yield Event(
                at=one.released_at, type="suppression", id=number, summary=what, state=_RELEASED
            )


def _document(page: Page) -> documents.Document:
    known, status = page.record.person, page.record.status
    return {
        "person": str(known.ref),
        "name": known.name,
        "active": known.active,
        "addresses": list(page.record.addresses),
        "status": status.name or status.crm_id if status else known.status,
        "groups": [joined.group.name or joined.group.crm_id for joined in page.record.groups],
        "suppressions": [documents.suppression(one) for one in page.suppressions],
        "applications": [],
        "timeline": [
            {
                "at": in_utc(event.at),
                "type": event.type,
                "id": event.id,
                "reference": event.reference,
                "summary": event.summary,
                "state": event.state,
            }
            for event in page.timeline
        ],
    }


def _print(context: Context, page: Page) -> None:
    known, status = page.record.person, page.record.status
    print_line(
        f"{known.ref} {one_line(known.name)}{'' if known.active else ' (not active)'}", "bold"
    )
    print_line(f"Addresses: {', '.join(page.record.addresses) or '-'}")
    print_line(f"Status:    {(status.name or status.crm_id) if status else known.status or '-'}")
    groups = (joined.group.name or joined.group.crm_id for joined in page.record.groups)
    print_line(f"Groups:    {', '.join(groups) or '-'}")
    for one in page.suppressions:
        print_line(f"  {described(context, one)}")
    print_line()
    print_table(("time", "type", "id", "state", "summary"), _rows(context, page.timeline))


def _rows(context: Context, timeline: Iterable[Event]) -> Iterator[Sequence[object]]:
    for one in timeline:
        when = local(one.at, context.zone)
        yield when, one.type, one.id, one.state, one_line(one.summary)
