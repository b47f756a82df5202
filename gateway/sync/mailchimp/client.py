"""The gateway's calls to Mailchimp, each checked."""

import hashlib
import random
import time
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import Any

from gateway.core.campaigns.counters import REPORT_FIELDS
from gateway.sync.mailchimp.official_client import (
    PAGE,
    OfficialClient,
    Pages,
    in_one_call,
    path_id,
)
from gateway.sync.mailchimp.shapes import (
    ACTIVITY,
    ADDED_MEMBERS,
    ADDRESSED_MEMBER,
    AUDIENCE,
    AUDIENCES,
    CAMPAIGN,
    CHECKLIST,
    DOMAIN,
    MEMBER,
    MERGE_FIELD,
    OPENS,
    REPORT,
    SEGMENT,
    SEGMENT_CHANGE,
    SEGMENT_MEMBER,
    TEMPLATE,
    UNSUBSCRIBED,
    WEBHOOK,
    AnswerShape,
)
from gateway.sync.mailchimp.transport import MailchimpJson, MailchimpLimits

#: Mailchimp's support recommends no more for email-activity, which times out at 1000.
ACTIVITY_PAGE = 500
MEMBER_FIELDS = ("id", "contact_id", "email_address", "status", "merge_fields", "last_changed")


def member_id(address: str) -> str:
    """Return Mailchimp's id for an address: the MD5 of its lower case."""
    return hashlib.md5(address.lower().encode(), usedforsecurity=False).hexdigest()


def timestamp(at: datetime) -> str:
    """Format an aware time for Mailchimp: UTC, no fraction (a fraction causes a 500)."""
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {at}")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


class MailchimpClient:
    """The official client behind one checked exchange; for threads, never for the event loop.

    Every method returns Mailchimp's answer and raises a `MailchimpError` for anything but success.
    Methods that return `Pages` make one call per page: the first on demand, later ones a few pages
    ahead. At most `MailchimpLimits.connections` calls run at once, whatever the number of threads.
    """

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        limits: MailchimpLimits | None = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._official = OfficialClient(
            api_key, base_url, limits or MailchimpLimits(), sleep=sleep, jitter=jitter
        )
        self._api = self._official.api
        self.base_url = self._official.base_url

    def close(self) -> None:
        """Close idle connections."""
        self._official.transport.close()

    def ping(self) -> None:
        """Check the key and the base URL."""
        self._official.call(self._api.ping.get)

    def audiences(self) -> MailchimpJson:
        """Return `lists` and `constraints`, which say whether the plan allows another one."""
        return self._official.call(self._api.lists.get_all_lists, count=PAGE, shape=AUDIENCES)

    def audience(self, audience_id: str) -> MailchimpJson:
        """Return one audience."""
        return self._official.call(self._api.lists.get_list, path_id(audience_id), shape=AUDIENCE)

    def create_audience(self, body: MailchimpJson) -> MailchimpJson:
        """Create an audience; requires name, contact, permission_reminder, campaign_defaults."""
        return self._official.call(self._api.lists.create_list, body, shape=AUDIENCE)

    def merge_fields(self, audience_id: str) -> list[MailchimpJson]:
        """Return the merge fields of an audience."""
        method = self._api.lists.get_list_merge_fields
        return self._official.rows("merge_fields", MERGE_FIELD, method, path_id(audience_id))

    def add_merge_field(self, audience_id: str, *, tag: str, name: str) -> MailchimpJson:
        """Add an optional text field hidden from the public; tag ≤ 10 characters."""
        body = {"tag": tag, "name": name, "type": "text", "required": False, "public": False}
        return self._official.call(self._api.lists.add_list_merge_field, path_id(audience_id), body)

    def members(
        self, audience_id: str, *, status: str | None = None, changed_since: datetime | None = None
    ) -> Pages:
        """Yield the members of an audience, oldest change first; archived ones only if requested.

        `changed_since` is exclusive. A member that changes between pages moves to the end, so
        another may be skipped: read again from before the first page.
        """
        narrowed: MailchimpJson = {"status": status} if status else {}
        if changed_since:
            narrowed["since_last_changed"] = timestamp(changed_since)
        yield from self._official.pages(
            "members",
            MEMBER,
            PAGE,
            self._api.lists.get_list_members_info,
            path_id(audience_id),
            fields=["list_id", "total_items", *(f"members.{name}" for name in MEMBER_FIELDS)],
            sort_field="last_changed",
            sort_dir="ASC",
            **narrowed,
        )

    def member(self, audience_id: str, member: str) -> MailchimpJson:
        """Return a member by its id or contact_id."""
        return self._official.call(
            self._api.lists.get_list_member,
            path_id(audience_id),
            path_id(member),
            shape=ADDRESSED_MEMBER,
        )

    def put_member(self, audience_id: str, member: str, body: MailchimpJson) -> MailchimpJson:
        """Create or update a member; a `status` in the body overwrites, so leave it out."""
        return self._official.call(
            self._api.lists.set_list_member,
            path_id(audience_id),
            path_id(member),
            body,
            skip_merge_validation="true",
            shape=ADDRESSED_MEMBER,
        )

    def archive_member(self, audience_id: str, member: str) -> None:
        """Hide a member; it keeps its history, and returns when it is added again."""
        self._official.call(
            self._api.lists.delete_list_member, path_id(audience_id), path_id(member)
        )

    def delete_member_for_ever(self, audience_id: str, member: str) -> None:
        """Delete everything Mailchimp has about a member; the address can never be added again."""
        method = self._api.lists.delete_list_member_permanent
        self._official.call(method, path_id(audience_id), path_id(member))

    def add_members(self, audience_id: str, members: Iterable[MailchimpJson]) -> MailchimpJson:
        """Add up to 500 new members; existing ones are listed in `errors`, unchanged."""
        return self._official.call(
            self._api.lists.batch_list_members,
            path_id(audience_id),
            {"members": in_one_call(members), "update_existing": False},
            skip_merge_validation="true",
            shape=ADDED_MEMBERS,
        )

    def segments(self, audience_id: str) -> list[MailchimpJson]:
        """Return the static segments of an audience, including tags."""
        method = self._api.lists.list_segments
        return self._official.rows("segments", SEGMENT, method, path_id(audience_id), type="static")

    def create_segment(self, audience_id: str, name: str) -> MailchimpJson:
        """Create an empty static segment."""
        body: MailchimpJson = {"name": name, "static_segment": []}
        return self._official.call(
            self._api.lists.create_segment, path_id(audience_id), body, shape=SEGMENT
        )

    def change_segment(
        self,
        audience_id: str,
        segment_id: int,
        *,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
    ) -> MailchimpJson:
        """Add and remove up to 500 addresses each; those not subscribed are listed in `errors`."""
        body = {"members_to_add": in_one_call(add), "members_to_remove": in_one_call(remove)}
        # The body goes first, unlike in every other method of the official client.
        method = self._api.lists.batch_segment_members
        return self._official.call(
            method, body, path_id(audience_id), path_id(segment_id), shape=SEGMENT_CHANGE
        )

    def segment_members(self, audience_id: str, segment_id: int) -> Pages:
        """Yield the subscribed members of a segment."""
        yield from self._official.pages(
            "members",
            SEGMENT_MEMBER,
            PAGE,
            self._api.lists.get_segment_members_list,
            path_id(audience_id),
            path_id(segment_id),
            fields=["total_items", "members.id", "members.email_address", "members.status"],
        )

    def webhooks(self, audience_id: str) -> list[MailchimpJson]:
        """Return the webhooks of an audience."""
        method = self._api.lists.get_list_webhooks
        return self._official.only_page("webhooks", WEBHOOK, method, path_id(audience_id))

    def create_webhook(self, audience_id: str, url: str, events: Collection[str]) -> MailchimpJson:
        """Subscribe to events caused by people or the account's users, not to our own writes."""
        body = {
            "url": url,
            "events": dict.fromkeys(sorted(events), True),
            "sources": {"user": True, "admin": True, "api": False},
        }
        return self._official.call(
            self._api.lists.create_list_webhook, path_id(audience_id), body, shape=WEBHOOK
        )

    def templates(self) -> list[MailchimpJson]:
        """Return the account's own templates, of every content type."""
        return self._official.rows("templates", TEMPLATE, self._api.templates.list, type="user")

    def sender_domains(self) -> list[MailchimpJson]:
        """Return the domains mail may be sent from, with `verified` and `authenticated`."""
        method = self._api.verifiedDomains.get_verified_domains_all
        return self._official.only_page("domains", DOMAIN, method)

    def campaigns(self) -> list[MailchimpJson]:
        """Return all campaigns."""
        return self._official.rows("campaigns", CAMPAIGN, self._api.campaigns.list)

    def campaign(self, campaign_id: str) -> MailchimpJson:
        """Return a campaign in its present state."""
        return self._official.call(self._api.campaigns.get, path_id(campaign_id), shape=CAMPAIGN)

    def create_campaign(self, body: MailchimpJson) -> MailchimpJson:
        """Create a campaign; after AnswerLost, look for its title before creating it again."""
        return self._official.call(self._api.campaigns.create, body, shape=CAMPAIGN)

    def link(self, campaign: MailchimpJson) -> str:
        """Return the URL of a campaign in Mailchimp."""
        data_centre = self._official.data_centre
        host = f"{data_centre}.admin" if data_centre else "admin"
        return f"https://{host}.mailchimp.com/campaigns/show/?id={campaign['web_id']}"

    def delete_campaign(self, campaign_id: str) -> None:
        """Delete a campaign; raise NotAllowed while it is being sent."""
        self._official.call(self._api.campaigns.remove, path_id(campaign_id))

    def set_template(self, campaign_id: str, template_id: int) -> MailchimpJson:
        """Fill a campaign from a template; only once, as a later change keeps the content."""
        body = {"template": {"id": template_id}}
        return self._official.call(self._api.campaigns.set_content, path_id(campaign_id), body)

    def checklist(self, campaign_id: str) -> MailchimpJson:
        """Return `is_ready` and the `items` that say what is missing."""
        return self._official.call(
            self._api.campaigns.get_send_checklist, path_id(campaign_id), shape=CHECKLIST
        )

    def send(self, campaign_id: str) -> None:
        """Send now; after AnswerLost, check the campaign's status before sending again."""
        self._official.call(self._api.campaigns.send, path_id(campaign_id))

    def schedule(self, campaign_id: str, at: datetime) -> None:
        """Schedule for a future quarter hour."""
        body = {"schedule_time": timestamp(at)}
        self._official.call(self._api.campaigns.schedule, path_id(campaign_id), body)

    def unschedule(self, campaign_id: str) -> None:
        """Make a scheduled campaign a draft again."""
        self._official.call(self._api.campaigns.unschedule, path_id(campaign_id))

    def reports(self, *, sent_since: datetime | None = None) -> Pages:
        """Yield the counters of all sent campaigns (`REPORT_FIELDS`), many in one call."""
        narrowed = {"since_send_time": timestamp(sent_since)} if sent_since else {}
        fields = ["total_items", *(f"reports.{name}" for name in REPORT_FIELDS)]
        method = self._api.reports.get_all_campaign_reports
        yield from self._official.pages("reports", REPORT, PAGE, method, fields=fields, **narrowed)

    def report(self, campaign_id: str) -> MailchimpJson:
        """Return the counters of a sent campaign."""
        return self._official.call(
            self._api.reports.get_campaign_report, path_id(campaign_id), shape=REPORT
        )

    def email_activity(self, campaign_id: str, *, since: datetime | None = None) -> Pages:
        """Yield every recipient, with its opens, clicks and first bounce later than `since`.

        Unsubscribes are not included, and the order may change between pages.
        """
        method = self._api.reports.get_email_activity_for_campaign
        yield from self._of_report("emails", ACTIVITY, method, campaign_id, since=since)

    def open_details(self, campaign_id: str, *, since: datetime | None) -> Pages:
        """Yield members who opened, with `is_proxy_open` for each time."""
        method = self._api.reports.get_campaign_open_details
        yield from self._of_report("members", OPENS, method, campaign_id, since=since)

    def unsubscribed(self, campaign_id: str) -> Pages:
        """Yield members who unsubscribed through a campaign."""
        method = self._api.reports.get_unsubscribed_list_for_campaign
        yield from self._of_report("unsubscribes", UNSUBSCRIBED, method, campaign_id, size=PAGE)

    def _of_report(
        self,
        name: str,
        row: AnswerShape,
        method: Callable[..., Any],
        campaign_id: str,
        *,
        since: datetime | None = None,
        size: int = ACTIVITY_PAGE,
    ) -> Pages:
        query: MailchimpJson = {"exclude_fields": ["_links", f"{name}._links"]}
        if since:
            query["since"] = timestamp(since)
        return self._official.pages(name, row, size, method, path_id(campaign_id), **query)
