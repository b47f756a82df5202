"""The members of an audience: read, written one by one and 500 at a time."""

from collections.abc import Callable, Iterable

from gateway.sandbox.account import Account, SandboxAudience, SandboxMember, member_hash
from gateway.sandbox.call import (
    NO_CONTENT,
    Call,
    SandboxAnswer,
    SandboxDocument,
    SandboxProblem,
    bad_request,
    shaped,
)
from gateway.sandbox.contacts import Writer, forget, member_document, member_exists, member_tags
from gateway.sandbox.router import Router
from gateway.sandbox.segments import tag_member, untag_member

router = Router()
BATCH = 500
MEMBER = "/lists/{list_id}/members/{subscriber_hash}"


def _writer(account: Account, call: Call) -> Writer:
    return Writer(
        account=account,
        audience=account.audience(call.names["list_id"]),
        source="api",
        lenient=call.flag("skip_merge_validation"),
    )


@router.on("POST", "/lists/{list_id}/members")
def add_member(account: Account, call: Call) -> SandboxAnswer:
    """Add a member who doesn't exist yet."""
    writer, body = _writer(account, call), call.object()
    address = body.get("email_address", "")
    if member_hash(address) in writer.audience.members:
        raise member_exists(address)
    member = writer.create(address, body, body.get("status"))
    _tag(writer, member, body.get("tags", ()))
    return SandboxAnswer(200, member_document(writer.audience, member))


@router.on("GET", MEMBER)
def get_member(account: Account, call: Call) -> SandboxAnswer:
    """Return a member, archived or not."""
    audience = account.audience(call.names["list_id"])
    document = member_document(audience, audience.member(call.names["subscriber_hash"]))
    return SandboxAnswer(200, shaped(call, document))


@router.on("PUT", MEMBER)
def put_member(account: Account, call: Call) -> SandboxAnswer:
    """Create a member with `status_if_new`, or update one, ignoring that."""
    writer, body = _writer(account, call), call.object()
    try:
        member = writer.audience.member(call.names["subscriber_hash"])
    except SandboxProblem:
        address = body.get("email_address", "")
        member = writer.create(address, body, body.get("status_if_new", body.get("status")))
    else:
        archived = member.status == "archived"
        status = body.get("status") or (body.get("status_if_new") if archived else None)
        writer.update(member, body, status)
    return SandboxAnswer(200, member_document(writer.audience, member))


@router.on("PATCH", MEMBER)
def patch_member(account: Account, call: Call) -> SandboxAnswer:
    """Update a member who exists and is not archived."""
    writer, body = _writer(account, call), call.object()
    member = writer.audience.member(call.names["subscriber_hash"])
    if member.status == "archived":
        raise bad_request("This contact is archived; use PUT to bring it back.")
    writer.update(member, body, body.get("status"))
    return SandboxAnswer(200, member_document(writer.audience, member))


@router.on("DELETE", MEMBER)
def archive_member(account: Account, call: Call) -> SandboxAnswer:
    """Archive a member: hidden, not gone."""
    audience = account.audience(call.names["list_id"])
    member = audience.member(call.names["subscriber_hash"])
    member.status, member.last_changed = "archived", account.now()
    audience.revision += 1
    return NO_CONTENT


@router.on("POST", MEMBER + "/actions/delete-permanent")
def delete_member(account: Account, call: Call) -> SandboxAnswer:
    """Delete a member permanently."""
    audience = account.audience(call.names["list_id"])
    forget(audience, audience.member(call.names["subscriber_hash"]))
    return NO_CONTENT


@router.on("GET", MEMBER + "/tags")
def list_tags(account: Account, call: Call) -> SandboxAnswer:
    """Return the tags of a member."""
    audience = account.audience(call.names["list_id"])
    tags = member_tags(audience, audience.member(call.names["subscriber_hash"]))
    return SandboxAnswer(
        200, shaped(call, {"tags": list(call.page(tags)), "total_items": len(tags)})
    )


@router.on("POST", MEMBER + "/tags")
def change_tags(account: Account, call: Call) -> SandboxAnswer:
    """Add the active tags to a member and remove the inactive ones."""
    audience = account.audience(call.names["list_id"])
    member = audience.member(call.names["subscriber_hash"])
    for tag in call.object().get("tags", ()):
        if tag["status"] == "active":
            tag_member(account, audience, member, tag["name"])
        else:
            for segment_id in list(member.tags):
                if audience.segments[segment_id].name == tag["name"]:
                    untag_member(audience, member, segment_id)
    return NO_CONTENT


def _tag(writer: Writer, member: SandboxMember, names: Iterable[str]) -> None:
    for name in names:
        tag_member(writer.account, writer.audience, member, name)


@router.on("POST", "/lists/{list_id}")
def write_batch(account: Account, call: Call) -> SandboxAnswer:
    """Write up to 500 members; those that can't be written are in `errors` of a 200."""
    writer, body = _writer(account, call), call.object()
    entries = body.get("members", [])
    if len(entries) > BATCH:
        raise bad_request(f"The members array has {len(entries)} items; {BATCH} are the most.")
    result = _Batch()
    for entry in entries:
        try:
            _write_one(writer, call, entry, result)
        except SandboxProblem as problem:
            result.refuse(entry, problem)
    return SandboxAnswer(200, result.document(writer.audience))


class _Batch:
    """Collects the outcome for each member of a batch."""

    def __init__(self) -> None:
        self.member_ids: set[str] = set()
        self.new: list[SandboxMember] = []
        self.updated: list[SandboxMember] = []
        self.errors: list[SandboxDocument] = []

    def refuse(self, entry: SandboxDocument, problem: SandboxProblem) -> None:
        exists = problem.title == "Member Exists"
        field, message = problem.errors[0] if problem.errors else ("", "")
        self.errors.append(
            {
                "email_address": entry.get("email_address", ""),
                "error": problem.detail,
                "error_code": "ERROR_CONTACT_EXISTS" if exists else "ERROR_GENERIC",
                "field": field,
                "field_message": message,
            }
        )

    def document(self, audience: SandboxAudience) -> SandboxDocument:
        return {
            "new_members": [_in_batch(audience, member) for member in self.new],
            "updated_members": [_in_batch(audience, member) for member in self.updated],
            "errors": self.errors,
            "total_created": len(self.new),
            "total_updated": len(self.updated),
            "error_count": len(self.errors),
        }


def _write_one(writer: Writer, call: Call, entry: SandboxDocument, result: _Batch) -> None:
    address, update = entry.get("email_address", ""), call.body.get("update_existing", False)
    member_id = member_hash(address)
    if member_id in result.member_ids and not call.flag("skip_duplicate_check"):
        raise bad_request(f"Duplicate items found for {address}.")
    result.member_ids.add(member_id)
    member = writer.audience.members.get(member_id)
    if member and not update:
        raise member_exists(address)
    if member:
        writer.update(member, entry, entry.get("status"))
        result.updated.append(member)
    else:
        member = writer.create(address, entry, entry.get("status"))
        result.new.append(member)
    if call.body.get("sync_tags"):
        for segment_id in list(member.tags):
            untag_member(writer.audience, member, segment_id)
    _tag(writer, member, entry.get("tags", ()))


@router.on("GET", "/lists/{list_id}/members")
def list_members(account: Account, call: Call) -> SandboxAnswer:
    """Return members, archived ones only if requested."""
    audience = account.audience(call.names["list_id"])
    # The pages of one reading share the sorting.
    query = {k: v for k, v in call.query.items() if k not in {"count", "offset", "fields"}}
    key = (audience.revision, tuple(sorted(query.items())))
    if audience.listing is None or audience.listing[0] != key:
        audience.listing = (key, _sorted(filter(_filter_of(call), audience.members.values()), call))
    members = audience.listing[1]
    document = {
        "members": [member_document(audience, member) for member in call.page(members)],
        "list_id": audience.id,
        "total_items": len(members),
    }
    return SandboxAnswer(200, shaped(call, document))


def _filter_of(call: Call) -> Callable[[SandboxMember], bool]:
    status = call.query.get("status")
    since, before = call.time("since_last_changed"), call.time("before_last_changed")
    left_since = call.time("unsubscribed_since")
    if left_since and status != "unsubscribed":
        raise bad_request("unsubscribed_since needs status=unsubscribed.")

    def wanted(member: SandboxMember) -> bool:
        if status != member.status if status else member.status == "archived":
            return False
        if (since and member.last_changed <= since) or (before and member.last_changed > before):
            return False
        return not left_since or bool(member.unsubscribed and member.unsubscribed > left_since)

    return wanted


def _sorted(members: Iterable[SandboxMember], call: Call) -> list[SandboxMember]:
    descending = call.query.get("sort_dir") == "DESC"
    match call.query.get("sort_field"):
        case "last_changed":
            return sorted(members, key=lambda member: member.last_changed, reverse=descending)
        case "timestamp_signup" | "timestamp_opt":
            return sorted(members, key=lambda member: member.signed_up, reverse=descending)
        case _:
            return list(members)


def _in_batch(audience: SandboxAudience, member: SandboxMember) -> SandboxDocument:
    document = member_document(audience, member)
    for name in ("full_name", "web_id", "unsubscribe_reason", "source"):
        del document[name]
    return document
