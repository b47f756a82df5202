"""Who may be added to an audience, who is out, and for how long."""

import re
from dataclasses import dataclass

from gateway.sandbox.account import Account, SandboxAudience, SandboxMember, member_hash
from gateway.sandbox.call import SandboxDocument, SandboxProblem, invalid, write_time
from gateway.sandbox.segments import untag_member

ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
TEXT_BYTES = 255
STATUSES = frozenset({"subscribed", "unsubscribed", "cleaned", "pending", "transactional"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes one member on behalf of a call."""

    account: Account
    audience: SandboxAudience
    source: str  #: For webhooks: api, user or admin.
    lenient: bool  #: Required merge fields may be missing.

    def create(self, address: str, body: SandboxDocument, status: str | None) -> SandboxMember:
        """Add a member, if the address may be added."""
        if status not in STATUSES:
            raise invalid("status", "Data did not match any of the schemas described in anyOf.")
        self._check_address(address)
        fields = self._merge_fields({}, body)
        now, member_id = self.account.now(), member_hash(address)
        member = SandboxMember(
            id=member_id,
            address=address,
            contact_id=self.account.token(32),
            web_id=self.account.number(),
            status=status,
            signed_up=now,
            last_changed=now,
            merge_fields=fields,
        )
        self.audience.members[member_id] = member
        self.audience.contacts[member.contact_id] = member_id
        self._note_change(member, "subscribe" if status == "subscribed" else "")
        return member

    def update(self, member: SandboxMember, body: SandboxDocument, status: str | None) -> None:
        """Change a member; a status overwrites, but can't resubscribe who left on their own."""
        barred = member.opted_out or member.status == "cleaned"
        if status == "subscribed" and barred:
            raise _compliance(member)
        address = body.get("email_address", member.address)
        fields = self._merge_fields(member.merge_fields, body)
        if address.lower() != member.address.lower():
            self._move(member, address)
        member.address = address
        member.merge_fields = fields
        left = status == "unsubscribed" != member.status
        if status:
            member.status = status
        if left:
            member.unsubscribed = self.account.now()
        self._note_change(member, "unsubscribe" if left else "profile")

    def _move(self, member: SandboxMember, address: str) -> None:
        self._check_address(address)
        new_id = member_hash(address)
        if new_id in self.audience.members:
            raise member_exists(address)
        moved = {"new_id": new_id, "new_email": address, "old_email": member.address}
        self.account.tell(self.audience, "upemail", self.source, moved)
        del self.audience.members[member.id]
        for segment_id in member.tags:
            segment = self.audience.segments[segment_id]
            segment.members.pop(member.id, None)
            segment.members[new_id] = None
        member.id = new_id
        self.audience.members[new_id] = member
        self.audience.contacts[member.contact_id] = new_id

    def _check_address(self, address: str) -> None:
        if not ADDRESS.fullmatch(address):
            raise SandboxProblem(400, "Invalid Resource", "Please provide a valid email address.")
        if member_hash(address) in self.audience.forgotten:
            raise SandboxProblem(
                400,
                "Forgotten Email Not Subscribed",
                f"{address} was permanently deleted and cannot be re-imported. "
                "The contact must re-subscribe to get back on the list.",
            )
        if address.rpartition("@")[2].lower() in self.account.options.refused_domains:
            raise SandboxProblem(
                400,
                "Invalid Resource",
                f"{address} looks fake or invalid, please enter a real email address.",
            )
        if address.lower() in self.account.options.busy_addresses:
            raise SandboxProblem(
                400,
                "Invalid Resource",
                f"{address} has signed up to a lot of lists very recently; "
                "we're not allowing more signups for now",
            )

    def _merge_fields(self, old_fields: SandboxDocument, body: SandboxDocument) -> SandboxDocument:
        new_fields = body.get("merge_fields") or {}
        columns = self.audience.merge_fields
        merged = {
            column.tag: _cut_text(
                new_fields.get(column.tag, old_fields.get(column.tag, column.default_value))
            )
            for column in columns
        }
        wrong = [
            (column.tag, "Please enter a valid email address.")
            for column in columns
            if column.type == "email"
            and merged[column.tag]
            and not ADDRESS.fullmatch(str(merged[column.tag]))
        ]
        if wrong:
            raise SandboxProblem(400, "Invalid Resource", "Your merge fields were invalid.", wrong)
        missing = [column.tag for column in columns if column.required and not merged[column.tag]]
        if missing and not self.lenient:
            errors = [(tag, "Please enter a value") for tag in missing]
            raise SandboxProblem(400, "Invalid Resource", "Your merge fields were invalid.", errors)
        return merged

    def _note_change(self, member: SandboxMember, event: str) -> None:
        member.last_changed = self.account.now()
        self.audience.revision += 1
        if event:
            data = event_data(self.audience, member)
            self.account.tell(self.audience, event, self.source, data)


def event_data(audience: SandboxAudience, member: SandboxMember) -> SandboxDocument:
    """Return a webhook's data about a member."""
    return {
        "id": member.id,
        "list_id": audience.id,
        "email": member.address,
        "email_type": "html",
        "ip_opt": "198.51.100.7",
        "merges": {"EMAIL": member.address, **member.merge_fields},
    }


def _cut_text(value: object) -> object:
    """Return a text cut to 255 bytes."""
    if not isinstance(value, str):
        return value
    return value.encode()[:TEXT_BYTES].decode(errors="ignore")


def member_exists(address: str) -> SandboxProblem:
    """Return the answer for an address that is already in the audience."""
    detail = f"{address} is already a list member. Use PUT to insert or update list members."
    return SandboxProblem(400, "Member Exists", detail)


def _compliance(member: SandboxMember) -> SandboxProblem:
    detail = (
        f"{member.address} is in a compliance state due to unsubscribe, bounce, "
        "or compliance review and cannot be subscribed."
    )
    return SandboxProblem(400, "Member In Compliance State", detail)


def forget(audience: SandboxAudience, member: SandboxMember) -> None:
    """Delete a member whose address can never be imported again."""
    for segment_id in list(member.tags):
        untag_member(audience, member, segment_id)
    del audience.members[member.id], audience.contacts[member.contact_id]
    audience.forgotten.add(member.id)
    audience.revision += 1


def member_tags(audience: SandboxAudience, member: SandboxMember) -> list[SandboxDocument]:
    """Return the tags of a member."""
    return [{"id": tag, "name": audience.segments[tag].name} for tag in member.tags]


def member_document(audience: SandboxAudience, member: SandboxMember) -> SandboxDocument:
    """Return a member in the API's form."""
    tags = member_tags(audience, member)
    names = (member.merge_fields.get("FNAME", ""), member.merge_fields.get("LNAME", ""))
    return {
        "id": member.id,
        "email_address": member.address,
        "unique_email_id": member.contact_id[:10],
        "contact_id": member.contact_id,
        "full_name": " ".join(str(name) for name in names if name),
        "web_id": member.web_id,
        "email_type": "html",
        "status": member.status,
        "unsubscribe_reason": member.reason,
        "merge_fields": member.merge_fields,
        "stats": {"avg_open_rate": 0, "avg_click_rate": 0},
        "ip_signup": "",
        "timestamp_signup": write_time(member.signed_up),
        "ip_opt": "",
        "timestamp_opt": write_time(member.signed_up),
        "member_rating": 2,
        "last_changed": write_time(member.last_changed),
        "language": "",
        "vip": False,
        "email_client": "",
        "source": "API - Generic",
        "tags_count": len(tags),
        "tags": tags,
        "list_id": audience.id,
    }
