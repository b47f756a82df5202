"""Everything about a person on one page: data and timeline."""

from collections.abc import Iterator
from typing import Annotated

import typer

from gateway.app import common
from gateway.cli.context import Context, Json, NotFound, of, read_person, wrong_use
from gateway.cli.listing import ListColumns, ListRequest, ListSource, SinceOption, lists
from gateway.cli.output import one_line, print_json, print_line, print_table
from gateway.cli.people import erasing_command
from gateway.cli.people.suppress import refusal, suppression_line
from gateway.core.people.people import PersonRef, SuppressionSource
from gateway.documents.people import (
    groups_of,
    person_document,
    person_match_document,
    status_of,
    topics_of,
)
from gateway.store.people import people
from gateway.store.people.people import PersonUnknown
from gateway.store.people.search import PersonMatch, search
from gateway.store.views.timeline import (
    MOST_EVENTS,
    PersonPage,
    TimelineQuery,
    TimelineType,
    pages,
)

app = typer.Typer(help="People of the CRM.", no_args_is_help=True)

_NOBODY = "Nobody. People of the CRM whose key, address, reference or name fits are listed here."
_NO_TIMELINE = "Nothing yet. Messages, filed replies and campaigns of this person are listed here."

_STATUS, _GROUP = "people.status", "memberships.group"
_Person = Annotated[str, typer.Argument(metavar="PERSON", help="candidate:17, or an address.")]


@app.callback()
def person() -> None:
    """People of the CRM."""


_MATCHES: ListColumns[PersonMatch] = {
    "person": lambda match: one_line(str(match.ref)),
    "name": lambda match: one_line(match.name) + ("" if match.active else " (not active)"),
    "addresses": lambda match: ", ".join(match.addresses) or None,
    "status": lambda match: one_line(match.status),
    "found by": lambda match: match.by,
}


@app.command("find")
@lists(has_since=False)
def find(
    context: typer.Context,
    request: ListRequest,
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT", help="A key, a number, an address or its beginning, or a name."
        ),
    ],
) -> None:
    """Find people by key, address, reference or name.

    Whoever has exactly this key, reference or address comes first, then everybody whose names
    hold each word of the text, by key.
    """
    invocation = of(context)
    address = invocation.lookup(text)

    def every(after: str | None, at_once: int) -> Iterator[PersonMatch]:
        end = None if after is None else read_person(after)
        if isinstance(end, str):
            wrong_use("--after takes a person: candidate:17")
        while True:
            with store.reading() as connection:
                matches, end = search(connection, text, address=address, limit=at_once, after=end)
            yield from matches
            if end is None:
                return

    with invocation.store() as store:
        source = ListSource(every, lambda match: str(match.ref))
        request.print(source, _MATCHES, document=person_match_document, empty=_NOBODY)


@app.command("show")
def show(
    context: typer.Context,
    person: _Person,
    *,
    only: Annotated[
        list[TimelineType] | None,
        typer.Option("--type", help="Only events of this type; may be repeated."),
    ] = None,
    since: SinceOption = None,
    until: Annotated[
        str | None, typer.Option(help="Only what happened until then; a date means its whole day.")
    ] = None,
    limit: Annotated[
        int, typer.Option(help="How many events at most, the newest.", min=1, max=10_000)
    ] = MOST_EVENTS,
    as_json: Json = False,
) -> None:
    """Show a person, what suppresses them, and their timeline.

    An address stands for everybody who has it. With --json that is one document, or an array where
    several people have the address.
    """
    invocation = of(context)
    timeline_query = TimelineQuery(
        types=frozenset(only or TimelineType),
        since=invocation.since(since),
        until=invocation.until(until),
        limit=limit,
    )
    ref_or_address = invocation.read_ref_or_address(person)
    with (
        invocation.store() as store,
        common.standings(invocation.settings, store) as standings,
        store.reading() as connection,
    ):
        if isinstance(ref_or_address, PersonRef):
            people.known_person(connection, ref_or_address)
        records = pages(connection, standings, ref_or_address, timeline_query)
    if not records:
        raise NotFound(f"nobody known as {person}", PersonUnknown.cure)
    if as_json:
        documented = [person_document(page) for page in records]
        print_json(documented if len(documented) > 1 else documented[0])
        return
    for page in records:
        print_page(invocation, page)


def print_page(invocation: Context, page: PersonPage) -> None:
    """Print everything known about a person, with the timeline."""
    _print_master_data(page)
    _print_what_mail(invocation, page)
    for field in page.unread:
        since = invocation.local(field.since)
        why = one_line(f"{field.place}: {field.text}")
        print_line(f"Unread:    {field.field} since {since} ({why})")
    for view in page.applications:
        status = view.status_name or view.application.status or "no status"
        about = f"{view.application.reference}: {view.about or '-'} ({status})"
        print_line(f"Application {one_line(about)}")
    print_line()
    headings = ("time", "type", "id", "state", "about", "summary")
    rows = (
        (
            event.at,
            event.type,
            event.id,
            event.state,
            event.reference,
            one_line(event.summary),
        )
        for event in page.timeline
    )
    print_table(headings, rows, empty=_NO_TIMELINE, times=invocation.times)
    if page.timeline_end is not None:
        oldest = invocation.times.without_zone(page.timeline_end.at)
        print_line(f"… and more, before {oldest}: --limit, or --until '{oldest}'")


def _print_master_data(page: PersonPage) -> None:
    """Print name, addresses, status and groups, and which of these are unknown."""
    person, record = page.record.person, page.record
    inactive = "" if person.active else " (not active)"
    print_line(f"{person.ref} {one_line(person.name)}".rstrip() + inactive, "bold")
    print_line(f"Addresses: {', '.join(record.addresses) or '-'}")
    if record.lookalikes:
        print_line(f"Only kept from mail: {', '.join(record.lookalikes)}")
    # Something unknown may keep mail away, once others of its sort are known.
    sources = {suppression.source for suppression in page.suppressions}
    is_held = SuppressionSource.UNREAD_STATUS in sources
    not_known = f" (not known: {'no bulk mail until it is' if is_held else 'no effect'})"
    is_known = record.status is not None or not person.status
    status = status_of(record) + ("" if is_known else not_known)
    print_line(f"Status:    {one_line(status) or '-'}")
    unknown = {target for reference, target in page.leads_nowhere if reference == _GROUP}
    groups = [name + (not_known if name in unknown else "") for name in groups_of(record)]
    print_line(f"Groups:    {one_line(', '.join(groups)) or '-'}")
    for reference, target in page.leads_nowhere:
        is_kept_away = is_held and reference in (_STATUS, _GROUP)
        effect = "no bulk mail until it is" if is_kept_away else "it has no effect"
        print_line(f"Not known: {one_line(f'{reference} {target!r}')}: {effect}")


def _print_what_mail(invocation: Context, page: PersonPage) -> None:
    """Print which mail the person gets at which address, and why not."""
    for suppression in page.suppressions:
        print_line(f"  {suppression_line(invocation, suppression)}")
    for prospect in page.prospects:
        mailing, personal = (
            "send failed" if keeps_away else "relayed"
            for keeps_away in (prospect.mailing, prospect.personal)
        )
        now = f"a mailing: {mailing}, personal mail: {personal}"
        print_line(f"Now to {one_line(prospect.address)}: {now}")
    for topic in topics_of(page):
        print_line(f"  wants no mailings of: {one_line(topic)}")
    for refused in page.refusals:
        print_line(f"  {refusal(invocation, refused)}")


app.command("erase")(erasing_command.erase)
app.command("export")(erasing_command.export_person)
app.command("erasures")(erasing_command.list_erasures)
