"""What is known of a person, and everything that happened, on one page."""

from typing import Annotated

import typer

from gateway.cli.context import Json, NotFound, of, read_person
from gateway.cli.output import local, one_line, print_json, print_line, print_table
from gateway.cli.people import erasing_command
from gateway.cli.people.suppress import described, open_standings, refusal
from gateway.core.people.people import PersonRef, SuppressionSource
from gateway.documents.people import groups_of, person_document, status_of, topics_of
from gateway.store.people import people
from gateway.store.views.timeline import pages

app = typer.Typer(help="People of the CRM.", no_args_is_help=True)

_NO_TIMELINE = "Nothing yet. Messages, filed replies and campaigns of this person are listed here."

_STATUS, _GROUP = "people.status", "memberships.group"
_Person = Annotated[str, typer.Argument(metavar="PERSON", help="candidate:17, or an address.")]


@app.callback()
def person() -> None:
    """People of the CRM."""


@app.command("show")
def show(context: typer.Context, wanted: _Person, as_json: Json = False) -> None:
    """Show a person, what suppresses them, and their timeline.

    An address stands for everybody who has it. With --json that is one document, or an array where
    several people have the address.
    """
    chosen = of(context)
    sought = read_person(wanted)
    key = sought if isinstance(sought, PersonRef) else chosen.lookup(sought)
    with chosen.store() as store, store.reading() as connection:
        standings = open_standings(chosen, store)
        if isinstance(key, PersonRef):
            people.known(connection, key)
        records = pages(connection, standings, key)
        standings.close()
    if not records:
        raise NotFound(f"nobody known as {wanted}")
    if as_json:
        documented = [person_document(page) for page in records]
        print_json(documented if len(documented) > 1 else documented[0])
        return
    for page in records:
        known, record = page.record.person, page.record
        inactive = "" if known.active else " (not active)"
        print_line(f"{known.ref} {one_line(known.name)}{inactive}", "bold")
        print_line(f"Addresses: {', '.join(record.addresses) or '-'}")
        if record.lookalikes:
            print_line(f"Only kept from mail: {', '.join(record.lookalikes)}")
        # What nobody knows may keep mail away, once others of the sort are known.
        sources = {suppression.source for suppression in page.suppressions}
        is_held = SuppressionSource.UNREAD_STATUS in sources
        not_known = f" (not known: {'no bulk mail until it is' if is_held else 'no effect'})"
        is_known = record.status is not None or not known.status
        status = status_of(record) + ("" if is_known else not_known)
        print_line(f"Status:    {one_line(status) or '-'}")
        unknown = {given for reference, given in page.leads_nowhere if reference == _GROUP}
        groups = [name + (not_known if name in unknown else "") for name in groups_of(record)]
        print_line(f"Groups:    {one_line(', '.join(groups)) or '-'}")
        for reference, given in page.leads_nowhere:
            is_kept_away = is_held and reference in (_STATUS, _GROUP)
            effect = "no bulk mail until it is" if is_kept_away else "it has no effect"
            print_line(f"Not known: {one_line(f'{reference} {given!r}')}: {effect}")
        for suppression in page.suppressions:
            print_line(f"  {described(chosen, suppression)}")
        for topic in topics_of(page):
            print_line(f"  wants no mailings of: {one_line(topic)}")
        for refused in page.refusals:
            print_line(f"  {refusal(chosen, refused)}")
        for field in page.unread:
            since = local(field.since, chosen.zone)
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
                local(event.at, chosen.zone),
                event.type,
                event.id,
                event.state,
                event.reference,
                one_line(event.summary),
            )
            for event in page.timeline
        )
        print_table(headings, rows, empty=_NO_TIMELINE)


app.command("erase")(erasing_command.erase)
app.command("export")(erasing_command.export_person)
app.command("erasures")(erasing_command.list_erasures)
