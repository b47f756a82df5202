"""Reading an audience into the store: the first time all of it, then what changed."""

from collections.abc import Callable
from datetime import timedelta

from gateway.core.campaigns.membership import KnownContact
from gateway.core.mail.address import lookup_form
from gateway.store.campaigns import audiences
from gateway.store.campaigns.audiences import Audience
from gateway.sync.mailchimp.client import MailchimpClient
from gateway.sync.mailchimp.errors import MailchimpNotFound, MailchimpRefused
from gateway.sync.mailchimp.official_client import PAGE, Pages
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.mailchimp_session import MailchimpSession, moment

#: Changes made at the same time as the newest one may appear after it (MAILCHIMP 4.9).
OVERLAP = timedelta(minutes=10)


#: How often pages are read at most. If somebody leaves a list between two pages, the members after
#: them move up by one, and the first of the next page is missed.
_READINGS = 5


class AudienceGone(MailchimpRefused):
    """The audience was deleted at Mailchimp, or the key is of an account that never had it."""

    def __init__(self, name: str, cure: str = "gateway mailchimp activate") -> None:
        super().__init__(
            f'the audience "{name}" is not at Mailchimp any more, or the key is of another '
            f"account: {cure}",
            status=404,
        )


def check_audience(client: MailchimpClient, audience: Audience) -> None:
    """Raise AudienceGone if Mailchimp does not have an audience."""
    try:
        client.audience(audience.id)
    except MailchimpNotFound as error:
        raise AudienceGone(audience.name) from error


def read_audience(session: MailchimpSession, audience: str) -> None:
    """Update what is known of an audience's members, storing each page as it is read.

    The position, by Mailchimp's clock, only advances with the last page, so that an interrupted
    reading starts over. A member skipped because it changed between two pages is noticed when it is
    to be added: Mailchimp then says that it exists.
    """
    with session.database.reading() as connection:
        before = audiences.by_id(connection, audience)
    newest = before.read_until if before else None
    since = newest - OVERLAP if newest else None
    read = 0
    try:
        double_optin = session.client.audience(audience).get("double_optin") is True
        for status in (None, "archived"):
            for page in session.client.members(audience, status=status, changed_since=since):
                read += len(page)
                contacts = [
                    member for member in map(known_member, page) if member.address and member.status
                ]
                with session.database.writing() as connection:
                    audiences.take_in(connection, audience, contacts)
                changes = [member.changed_at for member in contacts]
                newest = max((at for at in (newest, *changes) if at), default=None)
                session.beat("Reading the audience", read, 0)
    except MailchimpNotFound as error:
        name = before.name if before else audience
        cure = "gateway mailchimp activate, then gateway campaigns recreate"
        raise AudienceGone(name, cure) from error
    with session.database.writing() as connection:
        audiences.follow_changed_addresses(connection, audience)
        audiences.change(connection, audience, read_until=newest, double_optin=double_optin)


def read_until_nothing_is_new(
    pages: Callable[[], Pages], take: Callable[[list[MailchimpJson]], int]
) -> int:
    """Read pages whose members may change meanwhile, until a reading finds nobody new.

    `take` gets a page and returns how many of it were new; the total of those is returned.
    """
    news = 0
    for reading in range(_READINGS):
        new = whole_pages = 0
        for page in pages():
            whole_pages += len(page) == PAGE
            new += take(page)
        news += new
        # With one page, nobody can be missed. With several, the first reading proves nothing: the
        # one who was missed may be the only new one.
        if not whole_pages or (reading and not new):
            break
    return news


def known_member(document: MailchimpJson) -> KnownContact:
    """Return what Mailchimp says about a member."""
    email = str(document.get("email_address") or "")
    return KnownContact(
        address=lookup_form(email),
        email=email,
        email_id=str(document.get("id") or ""),
        contact_id=str(document.get("contact_id") or ""),
        status=str(document.get("status") or ""),
        merge_fields=audiences.fields_as_text(document.get("merge_fields")),
        changed_at=moment(document.get("last_changed")),
    )
