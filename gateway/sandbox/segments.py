"""Static segments of an audience, which are also its tags."""

from gateway.sandbox.account import Account, SandboxAudience, SandboxMember, Segment
from gateway.sandbox.call import (
    NO_CONTENT,
    Call,
    SandboxAnswer,
    SandboxDocument,
    SandboxProblem,
    bad_request,
    invalid,
    not_found,
    shaped,
    write_time,
)
from gateway.sandbox.router import Router

router = Router()
BATCH = 500
SEGMENT = "/lists/{list_id}/segments/{segment_id}"


def tag_member(
    account: Account, audience: SandboxAudience, member: SandboxMember, name: str
) -> None:
    """Give a member a tag, new or existing."""
    namesakes = (segment for segment in audience.segments.values() if segment.name == name)
    segment = next(namesakes, None) or _add_segment(account, audience, name)
    _put_in(segment, member)


def untag_member(audience: SandboxAudience, member: SandboxMember, segment_id: int) -> None:
    """Remove a tag from a member."""
    audience.segments[segment_id].members.pop(member.id, None)
    member.tags.pop(segment_id, None)


def _put_in(segment: Segment, member: SandboxMember) -> None:
    segment.members[member.id] = None
    member.tags[segment.id] = None


def _add_segment(account: Account, audience: SandboxAudience, name: str) -> Segment:
    now = account.now()
    segment = Segment(id=account.number(), name=name, created=now, updated=now)
    audience.segments[segment.id] = segment
    return segment


def _find(account: Account, call: Call) -> tuple[SandboxAudience, Segment]:
    audience = account.audience(call.names["list_id"])
    number = call.names["segment_id"]
    segment = audience.segments.get(int(number)) if number.isdecimal() else None
    if segment is None:
        raise not_found()
    return audience, segment


@router.on("GET", "/lists/{list_id}/segments")
def list_segments(account: Account, call: Call) -> SandboxAnswer:
    """Return the segments of a type; an unknown type has none."""
    audience = account.audience(call.names["list_id"])
    segment_type = call.query.get("type")
    segments = [
        segment for segment in audience.segments.values() if segment_type in {None, segment.type}
    ]
    document = {
        "segments": [_segment(audience, segment) for segment in call.page(segments)],
        "list_id": audience.id,
        "total_items": len(segments),
    }
    return SandboxAnswer(200, shaped(call, document))


@router.on("POST", "/lists/{list_id}/segments")
def create_segment(account: Account, call: Call) -> SandboxAnswer:
    """Create a static segment from those addresses that are subscribed."""
    audience, body = account.audience(call.names["list_id"]), call.object()
    if not body.get("name"):
        raise invalid("name", "This value should not be blank.")
    if "static_segment" not in body and "options" not in body:
        raise bad_request("Either options or static_segment is needed.")
    if any(segment.name == body["name"] for segment in audience.segments.values()):
        raise bad_request(f'Sorry, that tag already exists: "{body["name"]}".')
    segment = _add_segment(account, audience, body["name"])
    if "options" in body:
        segment.type = "saved"
    for address in body.get("static_segment", ()):
        member = _find_subscribed(audience, address)
        if member:
            _put_in(segment, member)
    return SandboxAnswer(200, _segment(audience, segment))


@router.on("GET", SEGMENT)
def get_segment(account: Account, call: Call) -> SandboxAnswer:
    """Return a segment."""
    return SandboxAnswer(200, shaped(call, _segment(*_find(account, call))))


@router.on("PATCH", SEGMENT)
def update_segment(account: Account, call: Call) -> SandboxAnswer:
    """Rename a segment, or replace its members."""
    audience, segment = _find(account, call)
    body = call.object()
    segment.name = body.get("name", segment.name)
    segment.updated = account.now()
    if "static_segment" in body:
        _empty(audience, segment)
        for address in body["static_segment"]:
            member = _find_subscribed(audience, address)
            if member:
                _put_in(segment, member)
    return SandboxAnswer(200, _segment(audience, segment))


@router.on("DELETE", SEGMENT)
def delete_segment(account: Account, call: Call) -> SandboxAnswer:
    """Delete a segment; its members stay in the audience."""
    audience, segment = _find(account, call)
    _empty(audience, segment)
    del audience.segments[segment.id]
    return NO_CONTENT


def _empty(audience: SandboxAudience, segment: Segment) -> None:
    for member_id in list(segment.members):
        untag_member(audience, audience.members[member_id], segment.id)


@router.on("POST", SEGMENT)
def change_segment(account: Account, call: Call) -> SandboxAnswer:
    """Add and remove up to 500 addresses each; those that can't be added are in `errors`."""
    audience, segment = _find(account, call)
    body = call.object()
    to_add, to_remove = body.get("members_to_add", []), body.get("members_to_remove", [])
    if max(len(to_add), len(to_remove)) > BATCH:
        raise bad_request(f"{BATCH} addresses are the most in one call.")
    added = [member for address in to_add if (member := _find_subscribed(audience, address))]
    removed = [member for address in to_remove if (member := _inside(audience, segment, address))]
    for member in added:
        _put_in(segment, member)
    for member in removed:
        untag_member(audience, member, segment.id)
    segment.updated = account.now()
    refused = [address for address in to_add if not _find_subscribed(audience, address)]
    error = "Email addresses that do not exist on the list, or are not subscribed, are ignored."
    document = {
        "members_added": [_brief(audience, member) for member in added],
        "members_removed": [_brief(audience, member) for member in removed],
        "errors": [{"email_addresses": refused, "error": error}] if refused else [],
        "total_added": len(added),
        "total_removed": len(removed),
        "error_count": len(refused),
    }
    return SandboxAnswer(200, document)


def _find_subscribed(audience: SandboxAudience, address: str) -> SandboxMember | None:
    try:
        member = audience.member(address)
    except SandboxProblem:
        return None
    return member if member.status == "subscribed" else None


def _inside(audience: SandboxAudience, segment: Segment, address: str) -> SandboxMember | None:
    try:
        member = audience.member(address)
    except SandboxProblem:
        return None
    return member if member.id in segment.members else None


@router.on("GET", SEGMENT + "/members")
def list_segment_members(account: Account, call: Call) -> SandboxAnswer:
    """Return the subscribed members of a segment, and others on request (`include_cleaned`, …).

    `total_items` counts only the subscribed ones.
    """
    audience, segment = _find(account, call)
    statuses = {"subscribed"}
    statuses |= {
        s for s in ("unsubscribed", "cleaned", "transactional") if call.flag(f"include_{s}")
    }
    inside = [audience.members[member_id] for member_id in segment.members]
    members = [member for member in inside if member.status in statuses]
    document = {
        "members": [_brief(audience, member) for member in call.page(members)],
        "total_items": sum(member.status == "subscribed" for member in inside),
    }
    return SandboxAnswer(200, shaped(call, document))


@router.on("GET", "/lists/{list_id}/tag-search")
def search_tags(account: Account, call: Call) -> SandboxAnswer:
    """Return the tags with this prefix, in any case."""
    audience = account.audience(call.names["list_id"])
    start = call.query.get("name", "").lower()
    tags = [
        {"id": segment.id, "name": segment.name}
        for segment in audience.segments.values()
        if segment.type == "static" and segment.name.lower().startswith(start)
    ]
    return SandboxAnswer(200, {"tags": tags, "total_items": len(tags)})


def _segment(audience: SandboxAudience, segment: Segment) -> SandboxDocument:
    return {
        "id": segment.id,
        "name": segment.name,
        "member_count": sum(1 for _ in audience.subscribed(iter(segment.members))),
        "type": segment.type,
        "created_at": write_time(segment.created),
        "updated_at": write_time(segment.updated),
        "list_id": audience.id,
    }


def _brief(audience: SandboxAudience, member: SandboxMember) -> SandboxDocument:
    return {
        "id": member.id,
        "email_address": member.address,
        "unique_email_id": member.contact_id[:10],
        "email_type": "html",
        "status": member.status,
        "merge_fields": member.merge_fields,
        "last_changed": write_time(member.last_changed),
        "list_id": audience.id,
    }
