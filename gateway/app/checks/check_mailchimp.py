"""`gateway check` for campaigns: can Mailchimp be reached, and what is wrong there."""

from collections.abc import Iterator
from datetime import timedelta

from gateway.app import common
from gateway.app.campaigns import mailchimp
from gateway.app.checks.findings import Finding, error, good, warning
from gateway.config import Settings
from gateway.core import ids
from gateway.core.campaigns.campaigns import OPEN_STATES, Campaign
from gateway.core.errors import GatewayError
from gateway.store.campaigns import audiences, campaigns
from gateway.store.campaigns.audiences import Audience
from gateway.sync import readiness
from gateway.sync.client import MailchimpClient
from gateway.sync.errors import MailchimpError, MailchimpNotFound, NotAuthorised, UnusableKey
from gateway.sync.transport import MailchimpLimits

WHAT = "mailchimp"
#: Whoever checks does not wait long for an answer.
_HASTY = MailchimpLimits(
    attempts=2, connect_timeout=timedelta(seconds=5), read_timeout=timedelta(seconds=20)
)


def account(settings: Settings) -> Iterator[Finding]:
    """Ask Mailchimp whether campaigns could be sent; nothing where no key is set."""
    if settings.mailchimp.api_key is None:
        return
    try:
        client = mailchimp.client(settings, limits=_HASTY)
    except (mailchimp.NoKey, UnusableKey) as problem:
        yield error(WHAT, str(problem))
        return
    try:
        client.ping()
        yield good(WHAT, f"answers at {client.base_url}")
        audience, troubled = _known(settings)
        if audience is not None:
            yield _audience(client, audience)
        for each in readiness.look(client, audience).prerequisites():
            yield good(WHAT, each.text) if each.is_met else warning(WHAT, each.text)
        for campaign in troubled:
            text = f"campaign {ids.show(campaign.id)} ({campaign.name}): {campaign.trouble}"
            yield warning(WHAT, text)
    except NotAuthorised as problem:
        yield error(
            WHAT, f"refuses the key ({problem}): set mailchimp.api_key to one that is valid"
        )
    except MailchimpError as problem:
        yield error(WHAT, f"{client.base_url}: {problem}: is it reached from here?")
    except GatewayError as problem:
        yield error(WHAT, f"what it should be compared with is not known: {problem}")
    finally:
        client.close()


def _known(settings: Settings) -> tuple[Audience | None, list[Campaign]]:
    database = common.open_database(settings)
    try:
        database.prepare()
        with database.reading() as connection:
            found = campaigns.listed(connection, states=OPEN_STATES)
            troubled = [one for one in found if one.trouble]
            return audiences.active(connection), troubled
    finally:
        database.close()


def _audience(client: MailchimpClient, audience: Audience) -> Finding:
    try:
        client.audience(audience.id)
    except MailchimpNotFound:
        why = f"the audience {audience.name} was deleted there: gateway mailchimp activate"
        return error(WHAT, why)
    return good(WHAT, f"the audience {audience.name} is there")
