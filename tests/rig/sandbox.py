"""The sandbox, with actions of people and staff at Mailchimp that only tests need."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from gateway.sandbox import Sandbox, contacts
from gateway.sandbox.account import SandboxAudience, SandboxMember, member_hash
from gateway.sandbox.sending import clean, opt_out, record_event


class ScriptedSandbox(Sandbox):
    """An account whose members and staff act as a test says."""

    @property
    def most_at_once(self) -> int:
        """The largest number of simultaneous calls."""
        return self.server.calls.most

    def delete_audience(self, audience_id: str) -> None:
        """Delete an audience, as staff can at Mailchimp."""
        with self.account.lock:
            del self.account.audiences[audience_id]

    def require_merge_field(self, audience_id: str, tag: str) -> None:
        """Mark a merge field required, as staff can at Mailchimp."""
        with self.account.lock:
            for field in self.account.audience(audience_id).merge_fields:
                field.required = field.required or field.tag == tag

    def type_merge_field(self, audience_id: str, tag: str, kind: str) -> None:
        """Make a merge field one of another type, as staff can at Mailchimp."""
        with self.account.lock:
            for field in self.account.audience(audience_id).merge_fields:
                field.type = kind if field.tag == tag else field.type

    def revoke_key(self) -> None:
        """Make every key invalid."""
        self.account.revoked = True

    def add_member(self, audience_id: str, address: str, **merge_fields: str) -> SandboxMember:
        """Have somebody subscribe through one of the customer's forms."""
        with self._audience(audience_id) as audience:
            writer = contacts.Writer(
                account=self.account, audience=audience, source="user", lenient=True
            )
            return writer.create(address, {"merge_fields": merge_fields}, "subscribed")

    def member(self, audience_id: str, address: str) -> SandboxMember:
        """Return a member's current state."""
        with self._audience(audience_id) as audience:
            return audience.member(address)

    def opt_out(self, audience_id: str, address: str, reason: str = "") -> None:
        """Have a member unsubscribe from the audience."""
        with self._audience(audience_id) as audience:
            opt_out(self.account, audience, audience.member(address), reason)

    def unsubscribe_by_staff(self, audience_id: str, address: str) -> None:
        """Unsubscribe a member as staff would at Mailchimp; the API can bring this one back."""
        with self._audience(audience_id) as audience:
            self._staff(audience).update(audience.member(address), {}, "unsubscribed")

    def confirm(self, audience_id: str, address: str) -> None:
        """Have a pending member follow the link in the confirmation mail."""
        with self._audience(audience_id) as audience:
            member = audience.member(address)
            member.opted_out = False
            self._staff(audience).update(member, {}, "subscribed")

    def clean(self, audience_id: str, address: str) -> None:
        """Mark a member's address as permanently bouncing."""
        with self._audience(audience_id) as audience:
            clean(self.account, audience_id, audience.member(address))

    def rename(self, audience_id: str, address: str, new: str) -> None:
        """Have a member change their own address."""
        with self._audience(audience_id) as audience:
            member = audience.member(address)
            self._staff(audience).update(member, {"email_address": new}, None)

    def forget(self, audience_id: str, address: str) -> None:
        """Delete a member for good, as staff can at Mailchimp."""
        with self._audience(audience_id) as audience:
            contacts.forget(audience, audience.member(address))

    def bounce(
        self, campaign_id: str, address: str, kind: str = "hard", *, at: datetime | None = None
    ) -> None:
        """Have a mail bounce, `hard` or `soft`."""
        with self.account.lock:
            self.account.catch_up()
            campaign = self.account.campaign(campaign_id)
            recipient = campaign.recipients[member_hash(address)]
            happened_at = at or self.now()
            record_event(self.account, campaign, recipient, "bounce", happened_at, bounce=kind)

    def choose_recipients(
        self, campaign_id: str, audience_id: str, segment: int | None = None
    ) -> None:
        """Choose a campaign's recipients as staff would: a segment, or a whole audience."""
        with self.account.lock:
            campaign = self.account.campaign(campaign_id)
            campaign.audience_id = audience_id
            campaign.segment_opts = None if segment is None else {"saved_segment_id": segment}

    def settle_webhooks(self, within: float = 10.0) -> None:
        """Wait until due webhooks are sent; TimeoutError after this many seconds."""
        self.webhooks.settle(within)

    def _staff(self, audience: SandboxAudience) -> contacts.Writer:
        return contacts.Writer(
            account=self.account, audience=audience, source="admin", lenient=True
        )

    @contextmanager
    def _audience(self, audience_id: str) -> Iterator[SandboxAudience]:
        with self.account.lock:
            yield self.account.audience(audience_id)
