"""Bringing a campaign's members to Mailchimp: new ones added, known ones updated, the segment.

Nobody is ever subscribed again: new addresses go in by calls that leave known ones alone, and
known ones are updated without a status.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import zip_longest
from typing import TypeVar

from gateway.core.campaigns.campaigns import Campaign, PendingCall
from gateway.core.campaigns.membership import KnownContact, LeftOutReason, Out, kept_out
from gateway.core.mail.address import lookup_form
from gateway.store.campaigns import audiences, campaign_members, campaign_segments, campaigns
from gateway.store.campaigns.campaign_segments import Outgoing
from gateway.sync.client import BATCH, MailchimpClient, member_id
from gateway.sync.errors import AnswerLost, MailchimpNotFound, MailchimpRefused, is_passing
from gateway.sync.mailchimp_session import MailchimpSession, once, told
from gateway.sync.preparation import outgoing_pages
from gateway.sync.reading import known_member
from gateway.sync.transport import Document

#: When Mailchimp is asked again for an address it refused for a while (MAILCHIMP 4.4).
PASSING = timedelta(days=1)
KEPT_AT_ONCE = 100  #: Calls whose results are written in one transaction.
_ATTEMPTS = 3
_PAUSE = 2.0  #: Seconds before a call whose answer was lost is made again.
_EXISTS = "ERROR_CONTACT_EXISTS"

T = TypeVar("T")


@dataclass(slots=True)
class Result:
    """What became of some addresses."""

    known: list[KnownContact] = field(default_factory=list)
    refused: list[KnownContact] = field(default_factory=list)
    outs: list[tuple[str, Out]] = field(default_factory=list)

    def found(self, known: KnownContact, now: datetime) -> None:
        """Take in an address as Mailchimp has it; one that can't get mail drops out."""
        self.known.append(known)
        out = kept_out(known, now)
        if out is not None:
            self.outs.append((known.address, out))

    def refuse(self, address: str, text: str, *, until: datetime | None) -> None:
        """Take in that Mailchimp refused an address; `until`: when it is asked again, if ever."""
        self.refused.append(KnownContact(address=address, refusal=text, refused_until=until))
        self.outs.append((address, Out(LeftOutReason.REFUSED, text)))

    def add(self, other: "Result") -> None:
        """Take in what became of others."""
        self.known += other.known
        self.refused += other.refused
        self.outs += other.outs


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploader:
    """Makes the calls, several side by side; the store is written between them."""

    session: MailchimpSession
    campaign: Campaign
    double_optin: bool

    def members(self, *, may_add: bool = True) -> None:
        """Add who is new, 500 a call, and update whose data changed, one a call."""
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
        """Take addresses out of the segment and put in who is in, 500 each a call."""
        total = self._count() if may_add else len(leaving)
        done = 0

        def arrivals() -> Iterator[list[tuple[str, str]]]:
            after = ""
            while may_add:
                with self.session.database.reading() as connection:
                    chunk = campaign_segments.to_segment(
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

        # One call takes 500 out and puts 500 in; as many calls run side by side as there are
        # threads, and the store is written in between.
        with ThreadPoolExecutor(self.session.threads, "mailchimp") as pool:
            departures = (leaving[start : start + BATCH] for start in range(0, len(leaving), BATCH))
            calls = zip_longest(departures, arrivals(), fillvalue=())
            for some in _by(self.session.threads, calls):
                results = pool.map(lambda call: self._change_segment(*call), some)
                for (left, _), (arrived, result) in zip(some, results, strict=True):
                    self._keep(result)
                    with self.session.database.writing() as connection:
                        gone = [lookup_form(email) for email in left]
                        campaign_segments.left_segment(connection, self.campaign.id, gone)
                        campaign_segments.found_in_segment(connection, self.campaign.id, arrived)
                    done += len(arrived)
                self.session.beat("Building the segment", done, total)

    # Members.

    def _count(self) -> int:
        with self.session.database.reading() as connection:
            return campaign_members.tally(connection, self.campaign.id).get("", 0)

    def _run(
        self, pool: ThreadPoolExecutor, new: Sequence[Outgoing], changed: Sequence[Outgoing]
    ) -> None:
        tasks = [
            partial(self._add, new[start : start + BATCH]) for start in range(0, len(new), BATCH)
        ]
        tasks += [partial(self._update, member) for member in changed]
        for some in _by(KEPT_AT_ONCE, tasks):
            together = Result()
            try:
                for result in pool.map(operator.call, some):
                    together.add(result)
            finally:
                self._keep(together)

    def _keep(self, result: Result) -> None:
        if not (result.known or result.refused or result.outs):
            return
        audience = self.campaign.audience
        with self.session.database.writing() as connection:
            audiences.take_in(connection, audience, result.known)
            audiences.refuse(connection, audience, result.refused)
            campaign_members.exclude(connection, self.campaign.id, result.outs)

    def _add(self, batch: Sequence[Outgoing]) -> Result:
        """Add addresses; where the answer is lost once more: who is in then is left alone."""
        status = "pending" if self.double_optin else "subscribed"
        bodies = [
            {"email_address": member.email, "status": status, "merge_fields": member.merge_fields}
            for member in batch
        ]
        client, audience = self.session.client, self.campaign.audience
        answer = self._patiently(lambda: client.add_members(audience, bodies))
        result = Result()
        for name in ("new_members", "updated_members"):
            for document in answer.get(name) or []:
                result.found(known_member(document), self.session.clock())
        for error in answer.get("errors") or []:
            email = str(error.get("email_address") or "")
            if error.get("error_code") == _EXISTS:
                self._look_up(result, email)
                continue
            text = str(error.get("error") or error.get("field_message") or "no reason given")
            until = self.session.clock() + PASSING if is_passing(text) else None
            result.refuse(lookup_form(email), text, until=until)
        # Of whom nothing is said the segment tells: it takes subscribed members only.
        return result

    def _look_up(self, result: Result, email: str, otherwise: str = "") -> None:
        """Take an address as Mailchimp has it, after it turned out to be other than thought."""
        try:
            document = self.session.client.member(self.campaign.audience, member_id(email))
        except MailchimpNotFound:
            out = Out(
                LeftOutReason.REFUSED, otherwise or "Mailchimp does not find it: prepare again"
            )
            result.outs.append((lookup_form(email), out))
            return
        known = known_member(document)
        result.found(known, self.session.clock())
        if otherwise and known.status == "subscribed":
            result.outs.append((known.address, Out(LeftOutReason.REFUSED, otherwise)))

    def _update(self, member: Outgoing) -> Result:
        """Update a member; a status is given for the case only that it is gone (MAILCHIMP 4.1)."""
        body = {
            "email_address": member.email,
            "status_if_new": "pending" if self.double_optin else "subscribed",
            "merge_fields": member.merge_fields,
        }
        result = Result()
        number = member.email_id or member_id(member.email)
        try:
            document = self.session.client.put_member(self.campaign.audience, number, body)
        except MailchimpRefused as error:
            if error.status != 400:
                raise
            until = self.session.clock() + PASSING if error.is_temporary else None
            result.refuse(member.address, str(error), until=until)
        else:
            result.found(known_member(document), self.session.clock())
        return result

    # The segment.

    def _change_segment(
        self, leaving: Sequence[str], arriving: Sequence[tuple[str, str]]
    ) -> tuple[list[str], Result]:
        """Make one call; return who is in the segment by it, and what became of the others."""
        client, campaign = self.session.client, self.campaign
        assert campaign.segment is not None
        add = [email for _, email in arriving]
        change = partial(
            client.change_segment, campaign.audience, campaign.segment, add=add, remove=leaving
        )
        answer = self._patiently(change)
        result, ignored = Result(), set()
        for error in answer.get("errors") or []:
            for email in error.get("email_addresses") or []:
                ignored.add(lookup_form(str(email)))
                self._look_up(result, str(email), str(error.get("error") or ""))
        return [address for address, _ in arriving if address not in ignored], result

    def _patiently(self, call: Callable[[], Document]) -> Document:
        """Make a call that may be made twice, again where its answer is lost."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return call()
            except AnswerLost:
                self.session.pause(_PAUSE)
        return call()


def ensure_segment(session: MailchimpSession, campaign: Campaign) -> Campaign:
    """Return the campaign with a segment of its own, found again by its name or made."""
    if campaign.segment is not None:
        return campaign
    client = session.client
    segment = _find_segment(client, campaign) if campaign.asked is PendingCall.SEGMENT else None
    if segment is None:
        _keep(session, campaign, asked=PendingCall.SEGMENT, asked_at=session.clock())
        try:
            segment = once(
                lambda: client.create_segment(campaign.audience, campaign.segment_name),
                lambda: _find_segment(client, campaign),
            )
        except MailchimpRefused:
            # One of this name may be there: of a call that came late.
            segment = _find_segment(client, campaign)
            if segment is None:
                raise
    return _keep(session, campaign, segment=int(told(segment, "id")), asked=PendingCall.NOTHING)


def _find_segment(client: MailchimpClient, campaign: Campaign) -> Document | None:
    segments = client.segments(campaign.audience)
    return next(
        (segment for segment in segments if segment.get("name") == campaign.segment_name), None
    )


def _keep(session: MailchimpSession, campaign: Campaign, **values: object) -> Campaign:
    with session.database.writing() as connection:
        return campaigns.change(connection, campaign.id, **values)


def _by(size: int, items: Iterable[T]) -> Iterator[list[T]]:
    group: list[T] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
