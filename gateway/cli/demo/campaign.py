"""The demo's campaign: sent through a make-believe account, and its report."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from rich.table import Table

from gateway.app import common
from gateway.app.campaigns import mailchimp
from gateway.app.campaigns.mailchimp import sync_rounds
from gateway.cli.campaigns.report import lines_of
from gateway.cli.campaigns.show import REASONS
from gateway.cli.context import Context
from gateway.cli.demo import sample
from gateway.cli.output import console, one_line, print_line
from gateway.core.campaigns.campaigns import CampaignRequest
from gateway.core.campaigns.membership import LeftOutReason
from gateway.store.campaigns import campaign_members
from gateway.store.people import people

if TYPE_CHECKING:
    from gateway.sandbox import Sandbox

NAME = "Vacancies for *|FNAME|*"
_LINK = "https://crm.example/vacancies/4711"
_OPENS, _LEAVES = "anna@example.org", "dieter@example.org"


@contextmanager
def account(start: datetime | None = None) -> Iterator["Sandbox"]:
    """Run a Mailchimp account that exists only here.

    With `start`, its clock stands still at that time and is moved by hand. Otherwise it runs, set
    back so that it is right once the campaign's day has passed.
    """
    from gateway.sandbox import Options, Sandbox

    with Sandbox(start=start, options=Options(refused_domains=frozenset())) as sandbox:
        if start is None:
            sandbox.advance(hours=-22, minutes=-13)
        sandbox.furnish()
        yield sandbox


def send_campaign(invocation: Context, sandbox: "Sandbox") -> int:
    """Send a campaign to everybody, let a day pass, and read back what happened."""
    from gateway.sync import campaigns as engine
    from gateway.sync.activation import Activation

    with (
        invocation.store() as store,
        mailchimp.mailchimp_session(invocation.settings, store) as as_configured,
    ):
        session = replace(as_configured, clock=sandbox.now, pause=lambda _: None)
        wishes = mailchimp.wishes(invocation.settings)
        activation = Activation(
            client=session.client,
            database=store,
            wishes=wishes,
            clock=sandbox.now,
            dry_run=False,
        )
        list(activation.run())
        draft = CampaignRequest(
            name=NAME,
            template=next(iter(sandbox.account.templates)),
            from_name="Recruiter",
            from_address="recruiter@crm.test",
        )
        campaign, _ = engine.create(session, draft, common.ids_of(store).next())
        with session.database.reading() as connection:
            everybody = [
                ref for address in sample.PEOPLE for ref in people.holders(connection, address)
            ]
        engine.add(session, campaign.id, everybody)
        mailchimp_id = engine.send(session, campaign.id, yes=False).mailchimp_id
        sandbox.advance(minutes=3)
        sandbox.open(mailchimp_id, _OPENS, proxy=True)
        sandbox.advance(hours=2)
        sandbox.open(mailchimp_id, _OPENS)
        sandbox.click(mailchimp_id, _OPENS, _LINK)
        sandbox.advance(hours=20)
        sandbox.open(mailchimp_id, _LEAVES)
        sandbox.unsubscribe(mailchimp_id, _LEAVES, "too many mails")
        sandbox.advance(minutes=10)
        sync_rounds(invocation.settings, session, lambda _: None).sync_campaign(campaign.id)
    return campaign.id


def show_campaign(invocation: Context, number: int) -> None:
    """Print who got it and who did not, its report, and the effect of an opt-out."""
    print_line(f"\nA Mailchimp campaign to everybody, “{NAME}”, at a make-believe account:", "bold")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("person", "became", "because"):
        table.add_column(heading)
    with invocation.store() as store, store.reading() as connection:
        for member in campaign_members.members(connection, number):
            because = "" if member.included else REASONS[LeftOutReason(member.reason)]
            table.add_row(member.name, "sent" if member.included else "left out", because)
        console().print(table)
        print_line("\nA day later, gateway campaigns report has:", "bold")
    for line in lines_of(invocation, number):
        print_line(f"  {line}")
    with invocation.store() as store, store.reading() as connection:
        for ref in people.holders(connection, _LEAVES):
            for record in people.find(connection, ref):
                names = (
                    f"“{one_line(joined.group.name)}”"
                    for joined in record.groups
                    if joined.group.active
                )
                print_line(
                    f"{record.person.name} unsubscribed, and is in {', '.join(names)} from now on: "
                    "no feed of the CRM undoes that.",
                    "green",
                )
