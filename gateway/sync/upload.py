"""Bringing a campaign's members to Mailchimp: new ones added, known ones updated, the segment.

Nobody is ever resubscribed: new addresses are added by calls that leave known ones alone, and known
ones are updated without a status.
"""

import operator
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest

from gateway.core.batches import batched
from gateway.core.campaigns.campaigns import Campaign, PendingCall
from gateway.core.mail.address import lookup_form
from gateway.store.campaigns import audiences, campaign_members, campaign_segments
from gateway.store.campaigns.campaign_segments import Outgoing
from gateway.sync.campaign_at_mailchimp import change_campaign
from gateway.sync.mailchimp.errors import MailchimpRefused
from gateway.sync.mailchimp.official_client import BATCH
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.mailchimp_session import MailchimpSession, create_once, required_text
from gateway.sync.member_calls import CallResult, MemberCalls
from gateway.sync.preparation import outgoing_pages

KEPT_AT_ONCE = 100  #: Calls whose results are stored in one transaction.


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploader:
    """Makes the calls, several in parallel; the store is written between them."""

    session: MailchimpSession
    campaign: Campaign
    double_optin: bool

    @property
    def calls(self) -> MemberCalls:
        """Makes the single calls."""
        return MemberCalls(
            session=self.session, campaign=self.campaign, double_optin=self.double_optin
        )

    def members(self, *, may_add: bool = True) -> None:
        """Add new members, 500 a call, and update those with changed data, one a call."""
        done, total = 0, self._count()
        carried: list[Outgoing] = []
        with ThreadPoolExecutor(self.session.threads, "mailchimp") as pool:
            for page in outgoing_pages(self.session, self.campaign):
                new = [*carried, *(member for member in page if not member.status and may_add)]
                whole = len(new) - len(new) % BATCH
                carried = new[whole:]
                changed = [member for member in page if member.status and not member.is_current]
                self._run(pool, new[:whole], changed)
                done += len(page)
                self.session.beat("Bringing members to Mailchimp", done, total)
            self._run(pool, carried, [])

    def segment(self, leaving: Sequence[str], *, may_add: bool = True) -> None:
        """Remove addresses from the segment and add included ones, 500 each a call."""
        total = self._count() if may_add else len(leaving)
        done = 0

        def arrivals() -> Iterator[list[tuple[str, str]]]:
            after = ""
            while may_add:
                with self.session.database.reading() as connection:
                    chunk = campaign_segments.missing_in_segment(
                        connection,
                        self.campaign.id,
                        self.campaign.audience,
                        after=after,
                        limit=BATCH,
                    )
                if not chunk:
                    return
                yield chunk
                after = chunk[-1][0]

        # One call removes 500 and adds 500; as many calls run in parallel as there are threads, and
        # the store is written in between.
        with ThreadPoolExecutor(self.session.threads, "mailchimp") as pool:
            calls = zip_longest(batched(leaving, BATCH), arrivals(), fillvalue=())
            for group in batched(calls, self.session.threads):
                results = pool.map(lambda call: self.calls.change_segment(*call), group)
                for (left, _), (arrived, result) in zip(group, results, strict=True):
                    self._keep(result)
                    with self.session.database.writing() as connection:
                        gone = [lookup_form(email) for email in left]
                        campaign_segments.record_out_of_segment(connection, self.campaign.id, gone)
                        campaign_segments.record_in_segment(connection, self.campaign.id, arrived)
                    done += len(arrived)
                self.session.beat("Building the segment", done, total)

    def _count(self) -> int:
        with self.session.database.reading() as connection:
            return campaign_members.tally(connection, self.campaign.id).get("", 0)

    def _run(
        self, pool: ThreadPoolExecutor, new: Sequence[Outgoing], changed: Sequence[Outgoing]
    ) -> None:
        calls = self.calls
        tasks = [partial(calls.add, batch) for batch in batched(new, BATCH)]
        tasks += [partial(calls.update, member) for member in changed]
        for group in batched(tasks, KEPT_AT_ONCE):
            together = CallResult()
            try:
                for result in pool.map(operator.call, group):
                    together.add(result)
            finally:
                self._keep(together)

    def _keep(self, result: CallResult) -> None:
        if not (result.contacts or result.refused or result.outs or result.gone):
            return
        audience = self.campaign.audience
        with self.session.database.writing() as connection:
            audiences.take_in(connection, audience, result.contacts)
            audiences.record_refusals(connection, audience, result.refused)
            audiences.forget(connection, audience, result.gone)
            campaign_members.exclude(connection, self.campaign.id, result.outs)


def ensure_segment(session: MailchimpSession, campaign: Campaign) -> Campaign:
    """Return the campaign with its own segment, found by its name or created."""
    if campaign.segment is not None:
        return campaign
    client = session.client

    def named() -> MailchimpJson | None:
        segments = client.segments(campaign.audience)
        return next(
            (segment for segment in segments if segment.get("name") == campaign.segment_name), None
        )

    segment = named() if campaign.pending_call is PendingCall.SEGMENT else None
    if segment is None:
        change_campaign(
            session, campaign, pending_call=PendingCall.SEGMENT, pending_since=session.clock()
        )
        try:
            segment = create_once(
                lambda: client.create_segment(campaign.audience, campaign.segment_name), named
            )
        except MailchimpRefused:
            # One with this name may exist: from a call that arrived late.
            segment = named()
            if segment is None:
                raise
    return change_campaign(
        session,
        campaign,
        segment=int(required_text(segment, "id")),
        pending_call=PendingCall.NOTHING,
    )
