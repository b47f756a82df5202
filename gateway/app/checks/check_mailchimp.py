"""`gateway check` for campaigns: whether Mailchimp can be reached, and what is wrong there."""

from collections.abc import Iterator
from datetime import timedelta

from gateway.app import common
from gateway.app.campaigns import mailchimp
from gateway.app.checks.findings import Finding, error, good, warning
from gateway.config import Settings
from gateway.core import ids
from gateway.core.campaigns.campaigns import OPEN_STATES
from gateway.core.errors import GatewayError
from gateway.store.campaigns import audiences, campaigns
from gateway.sync import readiness
from gateway.sync.mailchimp.errors import (
    MailchimpError,
    NotAuthorised,
    UnusableKey,
)
from gateway.sync.mailchimp.transport import MailchimpLimits

WHAT = "mailchimp"
#: A check doesn't wait long for an answer.
_HASTY = MailchimpLimits(
    attempts=2, connect_timeout=timedelta(seconds=5), read_timeout=timedelta(seconds=20)
)


def account(settings: Settings) -> Iterator[Finding]:
    """Check with Mailchimp whether campaigns could be sent; does nothing without a key."""
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
        database = common.open_database(settings)
        try:
            database.prepare()
            with database.reading() as connection:
                open_campaigns = campaigns.list_campaigns(connection, states=OPEN_STATES)
                audience = audiences.active(connection)
        finally:
            database.close()
        for prerequisite in readiness.account_standing(client, audience).prerequisites():
            is_gone = prerequisite.name == "activated" and audience is not None
            missing = error if is_gone else warning
            yield (good if prerequisite.is_met else missing)(WHAT, prerequisite.text)
        for campaign in open_campaigns:
            if campaign.trouble:
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
