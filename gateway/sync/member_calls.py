"""The calls that bring a campaign's members to Mailchimp, and the result for each address."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from gateway.core.campaigns.campaigns import Campaign
from gateway.core.campaigns.membership import KnownContact, LeftOutReason, MemberOut, kept_out
from gateway.core.campaigns.merge_tags import MERGE_TAGS
from gateway.core.mail.address import lookup_form
from gateway.store.campaigns.campaign_segments import Outgoing
from gateway.sync.mailchimp.client import member_id
from gateway.sync.mailchimp.errors import (
    AnswerLost,
    MailchimpNotFound,
    MailchimpRefused,
    is_passing,
)
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.mailchimp_session import MailchimpSession
from gateway.sync.reading import known_member

#: When to retry an address that Mailchimp refused temporarily (MAILCHIMP 4.4).
PASSING = timedelta(days=1)
_ATTEMPTS = 3
_PAUSE = 2.0  #: Seconds before a call whose answer was lost is repeated.
_EXISTS = "ERROR_CONTACT_EXISTS"


class NotTakenOut(MailchimpRefused):
    """Mailchimp leaves somebody in the segment who must not get the campaign."""


@dataclass(slots=True)
class CallResult:
    """The result for some addresses."""

    contacts: list[KnownContact] = field(default_factory=list)
    refused: list[KnownContact] = field(default_factory=list)
    outs: list[tuple[str, MemberOut]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)  #: Mailchimp no longer has them.

    def take_in(self, contact: KnownContact, now: datetime) -> None:
        """Record an address as Mailchimp has it; one that can't get mail drops out."""
        self.contacts.append(contact)
        out = kept_out(contact, now)
        if out is not None:
            self.outs.append((contact.address, out))

    def refuse(self, address: str, text: str, *, until: datetime | None) -> None:
        """Record that Mailchimp refused an address; `until`: when to retry it, if ever."""
        self.refused.append(KnownContact(address=address, refusal=text, refused_until=until))
        self.outs.append((address, MemberOut(LeftOutReason.REFUSED, text)))

    def refuse_data(self, address: str, text: str) -> None:
        """Record that Mailchimp refused a person's data; corrected, it is sent the next time."""
        detail = f"Mailchimp refuses the data: {text}"
        self.outs.append((address, MemberOut(LeftOutReason.REFUSED, detail)))

    def add(self, other: "CallResult") -> None:
        """Add the results for others."""
        self.contacts += other.contacts
        self.refused += other.refused
        self.outs += other.outs
        self.gone += other.gone


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberCalls:
    """Makes single calls for members of a campaign; several threads may do so at once."""

    session: MailchimpSession
    campaign: Campaign
    double_optin: bool

    def add(self, batch: Sequence[Outgoing]) -> CallResult:
        """Add addresses, once more if the answer is lost: those already added are left alone."""
        status = "pending" if self.double_optin else "subscribed"
        bodies = [
            {"email_address": member.email, "status": status, "merge_fields": member.merge_fields}
            for member in batch
        ]
        client, audience = self.session.client, self.campaign.audience
        answer = self.repeat_until_answered(lambda: client.add_members(audience, bodies))
        result = CallResult()
        for name in ("new_members", "updated_members"):
            for document in answer.get(name) or []:
                result.take_in(known_member(document), self.session.clock())
        for error in answer.get("errors") or []:
            email = str(error.get("email_address") or "")
            if error.get("error_code") == _EXISTS:
                self.look_up(result, email)
                continue
            text = str(error.get("error") or error.get("field_message") or "no reason given")
            tag = str(error.get("field") or "")
            if tag in MERGE_TAGS:
                complaint = str(error.get("field_message") or text)
                result.refuse_data(lookup_form(email), f"{tag}: {complaint}")
                continue
            until = self.session.clock() + PASSING if is_passing(text) else None
            result.refuse(lookup_form(email), text, until=until)
        # Members not mentioned in the answer are checked by the segment, which only accepts
        # subscribed ones.
        return result

    def update(self, member: Outgoing) -> CallResult:
        """Update a member; its status only applies if it no longer exists (MAILCHIMP 4.1)."""
        body = {
            "email_address": member.email,
            "status_if_new": "pending" if self.double_optin else "subscribed",
            "merge_fields": member.merge_fields,
        }
        result = CallResult()
        number = member.email_id or member_id(member.email)
        try:
            document = self.session.client.put_member(self.campaign.audience, number, body)
        except MailchimpRefused as error:
            if error.status != 400:
                raise
            complaints = [fault for fault in error.errors if fault.field in MERGE_TAGS]
            if complaints:
                texts = (f"{fault.field}: {fault.message}" for fault in complaints)
                result.refuse_data(member.address, "; ".join(texts))
                return result
            until = self.session.clock() + PASSING if error.is_temporary else None
            result.refuse(member.address, str(error), until=until)
        else:
            result.take_in(known_member(document), self.session.clock())
        return result

    def change_segment(
        self, leaving: Sequence[str], arriving: Sequence[tuple[str, str]]
    ) -> tuple[list[str], CallResult]:
        """Make one call; return who it put into the segment, and the results for the others.

        Raise NotTakenOut if Mailchimp would still mail somebody who is to leave it.
        """
        client, campaign = self.session.client, self.campaign
        assert campaign.segment is not None
        add = [email for _, email in arriving]
        change = partial(
            client.change_segment, campaign.audience, campaign.segment, add=add, remove=leaving
        )
        answer = self.repeat_until_answered(change)
        result, ignored = CallResult(), set()
        for error in answer.get("errors") or []:
            for email in error.get("email_addresses") or []:
                ignored.add(lookup_form(str(email)))
                self.look_up(result, str(email), str(error.get("error") or ""))
        to_leave = {lookup_form(email) for email in leaving}
        mailed = [contact for contact in result.contacts if contact.status == "subscribed"]
        if still_in := [contact for contact in mailed if contact.address in to_leave]:
            raise NotTakenOut(
                f"Mailchimp did not take {len(still_in)} of {len(to_leave)} addresses out of the "
                "campaign's segment: look there"
            )
        return [address for address, _ in arriving if address not in ignored], result

    def look_up(self, result: CallResult, email: str, otherwise: str = "") -> None:
        """Record an address as Mailchimp has it, after it proved different from expected."""
        try:
            document = self.session.client.member(self.campaign.audience, member_id(email))
        except MailchimpNotFound:
            # Deleted there: the next time it is added, or refused with the reason.
            out = MemberOut(LeftOutReason.REFUSED, "Mailchimp does not find it: prepare again")
            result.outs.append((lookup_form(email), out))
            result.gone.append(lookup_form(email))
            return
        contact = known_member(document)
        result.take_in(contact, self.session.clock())
        if otherwise and contact.status == "subscribed":
            result.outs.append((contact.address, MemberOut(LeftOutReason.REFUSED, otherwise)))

    def repeat_until_answered(self, call: Callable[[], MailchimpJson]) -> MailchimpJson:
        """Make an idempotent call, repeating it if its answer is lost."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return call()
            except AnswerLost:
                self.session.pause(_PAUSE)
        return call()
