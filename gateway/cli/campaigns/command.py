"""The commands on campaigns."""

import sys
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.app import common
from gateway.app.campaigns import campaign_people
from gateway.cli.campaigns import exports, show
from gateway.cli.campaigns.campaign_context import session_of
from gateway.cli.context import (
    Context,
    Json,
    NotFound,
    of,
    read_id,
    read_mail_address,
    read_person,
    wrong_use,
)
from gateway.cli.listing import ListColumns, ListRequest, lists, newest_first
from gateway.cli.output import complain, one_line, print_json, print_line, print_table
from gateway.core import ids
from gateway.core.campaigns.campaigns import Campaign, CampaignRequest
from gateway.core.errors import GatewayError
from gateway.documents.campaigns import (
    NOTHING_DONE,
    MemberDoings,
    MembersPreparedDocument,
    campaign_document,
    campaign_whole_document,
    member_document,
)
from gateway.store.campaigns import activities, campaign_members, campaigns
from gateway.store.engine.database import Database, StoreTransaction

if TYPE_CHECKING:
    from gateway.sync.mailchimp_session import MailchimpSession

app = typer.Typer(help="Campaigns that go out through Mailchimp.", no_args_is_help=True)

_NO_CAMPAIGNS = "No campaigns. `gateway campaigns create` makes one."

SHOWN = 50  #: Members listed on a terminal; --json has all.

Id = Annotated[str, typer.Argument(metavar="ID", help="The id of a campaign.")]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name, which is the subject.")]
_Template = Annotated[
    int,
    typer.Option(
        metavar="ID", help="A template: see gateway mailchimp templates.", min=1, max=2**53
    ),
]
_FromName = Annotated[str, typer.Option(metavar="NAME", help="The sender's name.")]
_FromAddress = Annotated[str, typer.Option(metavar="ADDRESS", help="The sender's address.")]
_People = Annotated[
    list[str] | None, typer.Option(metavar="PERSON", help="candidate:17, or an address.")
]
_Groups = Annotated[
    list[str] | None, typer.Option(metavar="GROUP", help="A group's id or name, or contact:7.")
]
_Files = Annotated[
    list[Path] | None,
    typer.Option("--file", metavar="CSV", help="A file with kind and crm_id, or email."),
]
_Yes = Annotated[bool, typer.Option("--yes", help="Go on even if unexpectedly many drop out.")]
_At = Annotated[
    str, typer.Option(metavar="LOCALTIME", help="A quarter hour such as 2026-03-12T08:30.")
]


@app.command("list")
@lists()
def list_campaigns(context: typer.Context, request: ListRequest) -> None:
    """List the campaigns, the newest first."""
    invocation = of(context)

    def read(
        connection: StoreTransaction, before: int | None, limit: int
    ) -> list[tuple[Campaign, Mapping[str, int]]]:
        rows = campaigns.list_campaigns(connection, since=request.since, before=before, limit=limit)
        tallies = campaign_members.tallies(connection, [campaign.id for campaign in rows])
        return [(campaign, tallies[campaign.id]) for campaign in rows]

    columns: ListColumns[tuple[Campaign, Mapping[str, int]]] = {
        "id": lambda entry: ids.show(entry[0].id),
        "name": lambda entry: one_line(entry[0].name),
        "state": lambda entry: entry[0].state,
        "for": lambda entry: entry[0].sent_at or entry[0].scheduled_for,
        "members": lambda entry: show.members_in_words(entry[1]),
        "read": lambda entry: show.last_read(entry[0]),
        "next": lambda entry: show.next_read(entry[0]),
    }
    with invocation.store() as store:
        request.print(
            newest_first(store, read, lambda entry: entry[0].id),
            columns,
            document=lambda entry: campaign_document(*entry),
            empty=_NO_CAMPAIGNS,
        )


@app.command("show")
def show_campaign(
    context: typer.Context,
    number: Id,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print what its members did as CSV, for the CRM.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show a campaign and what its members did.

    Also who is in, and who is out and why.
    """
    invocation = of(context)
    with invocation.store() as store:
        if as_csv:
            exports.print_activities(store, read_id(number))
            return
        _print(invocation, store, read_id(number), as_json=as_json)


@app.command("create")
def create(
    context: typer.Context,
    name: _Name,
    *,
    template: _Template,
    from_name: _FromName,
    from_address: _FromAddress,
    yes: Annotated[
        bool, typer.Option("--yes", help="Make it even if there is one of that name.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a campaign; its name is the subject.

    Mailchimp fills in merge tags in it. If there is a campaign of that name already, you are asked
    whether you want another; scripts give --yes.
    """
    from gateway.sync import campaigns as work

    draft = CampaignRequest(
        name=name,
        template=template,
        from_name=from_name,
        from_address=read_mail_address(from_address),
    )
    with session_of(context) as (invocation, session):
        try:
            campaign, remarks = work.create(
                session, draft, common.ids_of(session.database).next(), yes=yes
            )
        except work.NameTaken as error:
            session.finished()
            if not (sys.stdin.isatty() and sys.stderr.isatty()):
                raise GatewayError(f"{error}: --yes makes another of that name") from error
            typer.confirm(f"{error}. Make another of that name?", abort=True, err=True)
            campaign, remarks = work.create(
                session, draft, common.ids_of(session.database).next(), yes=True
            )
        _warn(remarks)
        _report_done(
            invocation, session, campaign, f"Created: {ids.show(campaign.id)}", as_json=as_json
        )


@app.command("add")
def add(
    context: typer.Context,
    number: Id,
    *,
    person: _People = None,
    group: _Groups = None,
    file: _Files = None,
    as_json: Json = False,
) -> None:
    """Put people into a campaign.

    One by one, by group or by file; all three may be repeated.
    """
    from gateway.sync import campaigns as work
    from gateway.sync.campaign_states import stored_campaign

    campaign_id = read_id(number)
    if not (person or group or file):
        wrong_use("name somebody: --person, --group or --file")
    persons = [read_person(written) for written in person or []]
    with session_of(context) as (invocation, session):
        people_chosen = campaign_people.choose_people(
            invocation.settings,
            session.database,
            persons=persons,
            groups=group or (),
            files=file or (),
        )
        added = work.add(session, campaign_id, people_chosen.people)
        problems = [
            *people_chosen.problems,
            *(f"the CRM has sent no {ref}" for ref in added.unknown),
        ]
        for problem in problems:
            complain(problem)
        _warn(added.remarks)
        campaign = stored_campaign(session, campaign_id)
        text = f"Added: {added.added}; {added.already_in} were in it before"
        _report_done(invocation, session, campaign, text, as_json=as_json)
    raise typer.Exit(1 if problems else 0)


@app.command("remove")
def remove(
    context: typer.Context,
    number: Id,
    *,
    person: Annotated[str, typer.Option(metavar="PERSON", help="candidate:17, or an address.")],
    as_json: Json = False,
) -> None:
    """Take a person out of a campaign.

    An address stands for everybody who has it.
    """
    from gateway.sync import campaigns as work
    from gateway.sync.campaign_states import stored_campaign

    campaign_id, ref_or_address = read_id(number), read_person(person)
    with session_of(context) as (invocation, session):
        refs = campaign_people.find_people(invocation.settings, session.database, ref_or_address)
        gone = [ref for ref in refs if work.remove(session, campaign_id, ref)]
        if not gone:
            raise NotFound(f"{person} is not in the campaign {number}")
        text = f"Removed: {', '.join(map(str, gone))}"
        _report_done(
            invocation, session, stored_campaign(session, campaign_id), text, as_json=as_json
        )


@app.command("prepare")
def prepare(
    context: typer.Context, number: Id, *, yes: _Yes = False, as_json: Json = False
) -> None:
    """Show who is in, who is out and why.

    Also what would change at Mailchimp, where nothing is touched. With --yes the present members
    are accepted, and the guard compares with them from then on.
    """
    from gateway.sync import campaigns as work

    campaign_id = read_id(number)
    with session_of(context) as (_, session):
        campaign, plan, faults = work.preview(session, campaign_id)
        _warn(faults)
        if yes:
            with session.database.writing() as connection:
                campaign_members.expect(connection, campaign.id)
        with session.database.reading() as connection:
            members = campaign_members.members(connection, campaign.id)
            if as_json:
                prepared: MembersPreparedDocument = {
                    **campaign_document(campaign, plan.tally),
                    "members": [member_document(member) for member in members],
                    "changes": plan.document(),
                    "missing": faults,
                }
                print_json(prepared)
                return
            for line in show.changes(plan):
                print_line(line)
            outs = sum(number for reason, number in plan.tally.items() if reason)
            _print_members((member for member in members if not member.included), outs)


@app.command("open")
def open_campaign(
    context: typer.Context, number: Id, *, yes: _Yes = False, as_json: Json = False
) -> None:
    """Create a campaign at Mailchimp without sending it.

    Its recipients are brought there too, and its link is printed.
    """
    from gateway.sync import campaigns as work

    campaign_id = read_id(number)
    with session_of(context) as (invocation, session):
        campaign, missing = work.open_at_mailchimp(session, campaign_id, yes=yes)
        _warn([f"before it can be sent: {prerequisite}" for prerequisite in missing])
        _report_done(invocation, session, campaign, f"Opened: {campaign.link}", as_json=as_json)


@app.command("send")
def send(context: typer.Context, number: Id, *, yes: _Yes = False, as_json: Json = False) -> None:
    """Send a campaign now."""
    from gateway.sync import campaigns as work

    campaign_id = read_id(number)
    with session_of(context) as (invocation, session):
        campaign = work.send(session, campaign_id, yes=yes)
        _report_done(invocation, session, campaign, f"On its way: {campaign.link}", as_json=as_json)


@app.command("schedule")
def schedule(
    context: typer.Context, number: Id, *, at: _At, yes: _Yes = False, as_json: Json = False
) -> None:
    """Schedule a campaign for a local time.

    Shortly before, it is brought up to date once more.
    """
    from gateway.sync import campaigns as work

    campaign_id, wished = read_id(number), of(context).moment(at, "--at")
    with session_of(context) as (invocation, session):
        from gateway.app.campaigns.mailchimp import quarter

        moment = quarter(wished, invocation.zone, at)
        campaign = work.schedule(session, campaign_id, moment, yes=yes)
        text = f"Scheduled for {invocation.local(campaign.scheduled_for)}: {campaign.link}"
        _report_done(invocation, session, campaign, text, as_json=as_json)


@app.command("unschedule")
def unschedule(context: typer.Context, number: Id, as_json: Json = False) -> None:
    """Take a campaign out of the schedule; it stays at Mailchimp."""
    from gateway.sync import campaigns as work

    campaign_id = read_id(number)
    with session_of(context) as (invocation, session):
        campaign = work.unschedule(session, campaign_id)
        _report_done(
            invocation, session, campaign, f"Not scheduled any more: {number}", as_json=as_json
        )


@app.command("delete")
def delete(context: typer.Context, number: Id, as_json: Json = False) -> None:
    """Delete a campaign that was not sent.

    It goes here and at Mailchimp; its people stay in both places.
    """
    from gateway.sync import campaigns as work

    campaign_id = read_id(number)
    with session_of(context) as (invocation, session):
        campaign = work.delete(session, campaign_id)
        _report_done(invocation, session, campaign, f"Deleted: {number}", as_json=as_json)


@app.command("recreate")
def recreate(
    context: typer.Context,
    number: Id,
    *,
    template: Annotated[
        int | None, typer.Option(metavar="ID", help="Another template.", min=1, max=2**53)
    ] = None,
    as_json: Json = False,
) -> None:
    """Delete a campaign and make it again.

    With the same people and, if wanted, a new template.
    """
    from gateway.sync import campaigns as work

    campaign_id = read_id(number)
    with session_of(context) as (invocation, session):
        campaign, remarks = work.recreate(
            session, campaign_id, template=template, new=common.ids_of(session.database).next()
        )
        _warn(remarks)
        text = f"Created: {ids.show(campaign.id)}, in place of {number}"
        _report_done(invocation, session, campaign, text, as_json=as_json)


def _report_done(
    invocation: Context,
    session: "MailchimpSession",
    campaign: Campaign,
    text: str,
    *,
    as_json: bool,
) -> None:
    if as_json:
        _print(invocation, session.database, campaign.id, as_json=True)
        return
    print_line(text)
    with session.database.reading() as connection:
        print_line(
            f"Members: {show.members_in_words(campaign_members.tally(connection, campaign.id))}"
        )


def _print(invocation: Context, store: Database, number: int, *, as_json: bool) -> None:
    counts_machines = invocation.settings.mailchimp.count_machine_opens
    with store.reading() as connection:
        if as_json:
            print_json(
                campaign_whole_document(connection, number, count_machine_opens=counts_machines)
            )
            return
        campaign = campaigns.by_id(connection, number)
        tally = campaign_members.tally(connection, number)
        doings = MemberDoings(activities.by_recipient(connection, number), counts_machines)
        members = campaign_members.members(connection, number)
        for line in show.campaign_lines(invocation, campaign, tally):
            print_line(line)
        _print_members(members, sum(tally.values()), doings)


def _print_members(
    members: Iterable[campaign_members.CampaignMember],
    total: int,
    doings: MemberDoings = NOTHING_DONE,
) -> None:
    """Print the first of some members, and how many more there are."""
    if not total:
        return
    print_line("")
    headings = ("person", "name", "address", "state", "because")
    print_table(headings, show.rows(islice(members, SHOWN), doings))
    if total > SHOWN:
        print_line(f"… and {total - SHOWN} more: --json has all")


def _warn(texts: Iterable[str]) -> None:
    for text in texts:
        complain(f"note: {text}")
