"""What a live account does with contacts, the sandbox does too."""

from typing import Any

import pytest

from gateway.sync.mailchimp.client import member_id
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.api import ANN, BOB, START, Api, Body, member_path
from tests.sync.contract import CONTRACT, contract


def put_body(address: str, **more: Any) -> Body:
    return {"email_address": address, "status_if_new": "subscribed", **more}


def batch_body(*addresses: str, **more: Any) -> Body:
    members = [{"email_address": address, "status": "subscribed"} for address in addresses]
    return {"members": members, **more}


def test_the_contract_is_at_hand() -> None:
    if contract() is None:
        pytest.skip(f"the sandbox runs unchecked: {CONTRACT.name} is not beside the project")


def test_a_breach_of_the_contract_is_noticed() -> None:
    if contract() is None:
        pytest.skip(f"{CONTRACT.name} is not beside the project")
    with ScriptedSandbox(start=START, check=contract()) as sandbox:
        api = Api(sandbox)
        api.get("/lists", count=1001)
        api.session.close()

    assert sandbox.violations == [
        "GET /lists → 200: query.count: 1001 is greater than the maximum of 1000"
    ]


def test_fake_01_a_member_answers_to_hash_address_and_contact_id_in_any_case(
    api: Api, audience: str
) -> None:
    made = api.put(member_path(audience, member_id(ANN)), put_body(ANN))

    assert member_id(ANN) == made["id"]
    for key in (made["id"], made["id"].upper(), "ANN@CRM.TEST", made["contact_id"]):
        assert made["id"] == api.get(member_path(audience, key))["id"]
        assert made["id"] == api.patch(member_path(audience, key), {"vip": False})["id"]
        assert made["id"] == api.put(member_path(audience, key), put_body(ANN))["id"]


def test_fake_02_status_if_new_counts_for_new_members_only(api: Api, audience: str) -> None:
    path = member_path(audience, member_id(ANN))

    first = api.put(path, put_body(ANN, status_if_new="pending"))
    second = api.put(path, put_body(ANN, status_if_new="subscribed"))
    third = api.put(path, put_body(ANN, status="subscribed"))

    assert [first["status"], second["status"], third["status"]] == [
        "pending",
        "pending",
        "subscribed",
    ]


def test_fake_03_adding_a_known_member_is_refused(api: Api, audience: str) -> None:
    body = {"email_address": ANN, "status": "subscribed"}
    api.post(f"/lists/{audience}/members", body)

    problem = api.refused("POST", f"/lists/{audience}/members", body)

    assert problem["status"] == 400
    assert problem["title"] == "Member Exists"


def test_fake_04_nobody_who_left_or_bounced_is_subscribed_again_but_by_staff_yes(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    for address in (ANN, BOB, "cem@crm.test"):
        sandbox.add_member(audience, address)
    sandbox.opt_out(audience, ANN)
    sandbox.clean(audience, BOB)
    sandbox.unsubscribe_by_staff(audience, "cem@crm.test")

    for address in (ANN, BOB):
        for method in ("PUT", "PATCH"):
            problem = api.refused(
                method,
                member_path(audience, address),
                put_body(address, status="subscribed")
                if method == "PUT"
                else {"status": "subscribed"},
            )
            assert problem["title"] == "Member In Compliance State"
    back = api.patch(member_path(audience, "cem@crm.test"), {"status": "subscribed"})
    assert back["status"] == "subscribed"


def test_fake_04_who_was_unsubscribed_through_the_api_comes_back_through_it(
    api: Api, audience: str
) -> None:
    path = member_path(audience, member_id(ANN))
    api.put(path, put_body(ANN))
    api.patch(path, {"status": "unsubscribed"})

    assert api.patch(path, {"status": "subscribed"})["status"] == "subscribed"


def test_fake_05_who_left_can_be_asked_to_confirm(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, ANN)
    sandbox.opt_out(audience, ANN)

    pending = api.patch(member_path(audience, ANN), {"status": "pending"})
    problem = api.refused("PATCH", member_path(audience, ANN), {"status": "subscribed"})
    sandbox.confirm(audience, ANN)

    assert pending["status"] == "pending"
    assert problem["title"] == "Member In Compliance State"
    assert api.get(member_path(audience, ANN))["status"] == "subscribed"


def test_fake_06_who_was_deleted_for_good_never_comes_back(api: Api, audience: str) -> None:
    path = member_path(audience, member_id(ANN))
    api.put(path, put_body(ANN))
    api.post(path + "/actions/delete-permanent")

    put = api.refused("PUT", path, put_body(ANN))
    batch = api.post(f"/lists/{audience}", batch_body(ANN))

    assert put["title"] == "Forgotten Email Not Subscribed"
    assert api.call("GET", path).status_code == 404
    assert batch["errors"][0]["error_code"] == "ERROR_GENERIC"
    assert "permanently deleted" in batch["errors"][0]["error"]


def test_fake_07_an_archived_member_is_hidden_until_a_put_revives_it(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    path, members = member_path(audience, member_id(ANN)), f"/lists/{audience}/members"
    api.put(path, put_body(ANN))
    sandbox.advance(minutes=1)

    archived = api.call("DELETE", path)

    assert archived.status_code == 204
    assert api.get(members)["total_items"] == 0
    assert api.get(members, status="archived")["members"][0]["email_address"] == ANN
    assert api.refused("PATCH", path, {"vip": True})["status"] == 400
    sandbox.advance(minutes=1)
    revived = api.put(path, put_body(ANN))
    assert revived["status"] == "subscribed"
    assert revived["last_changed"] == "2026-11-02T09:02:00+00:00"


@pytest.mark.parametrize(
    ("address", "wording"),
    [
        ("ann@example.com", "looks fake or invalid"),
        ("ann@EXAMPLE.org", "looks fake or invalid"),
        ("ann", "valid email address"),
        ("busy@crm.test", "signed up to a lot of lists"),
    ],
)
def test_fake_08_bad_addresses_are_refused(
    api: Api, sandbox: ScriptedSandbox, audience: str, address: str, wording: str
) -> None:
    sandbox.options.busy_addresses = frozenset({"busy@crm.test"})

    problem = api.refused("PUT", member_path(audience, member_id(address)), put_body(address))

    assert problem["title"] == "Invalid Resource"
    assert wording in problem["detail"]


@pytest.mark.parametrize("skip", ["true", "1", "TRUE"])
def test_fake_09_a_required_merge_field_must_be_there_unless_that_is_skipped(
    lax: Api, skip: str
) -> None:
    audience = lax.sandbox.furnish()
    lax.sandbox.require_merge_field(audience, "LNAME")
    path = member_path(audience, member_id(ANN))

    problem = lax.refused("PUT", path, put_body(ANN))
    made = lax.put(path, put_body(ANN), skip_merge_validation=skip)

    assert problem["detail"] == "Your merge fields were invalid."
    assert problem["errors"] == [{"field": "LNAME", "message": "Please enter a value"}]
    assert made["status"] == "subscribed"


def test_fake_10_merge_tags_are_short_unique_and_few(lax: Api) -> None:
    path = f"/lists/{lax.sandbox.furnish()}/merge-fields"

    made = lax.post(path, {"name": "Owner", "type": "text", "tag": "OWNEREMAIL"})

    assert made["tag"] == "OWNEREMAIL"
    for tag in ("OWNEREMAILS", "OWNEREMAIL", "owner"):
        problem = lax.refused("POST", path, {"name": "Owner", "type": "text", "tag": tag})
        assert problem["title"] == "Invalid Resource"
    for number in range(27):
        lax.post(path, {"name": "More", "type": "text", "tag": f"MORE{number}"})
    assert "limit" in lax.refused("POST", path, {"name": "31st", "type": "text"})["detail"]
    assert lax.get(path, count=50)["total_items"] == 30


def test_fake_10_merge_values_are_cut_at_255_bytes_and_unknown_ones_dropped(
    api: Api, audience: str
) -> None:
    fields = {"FNAME": "é" * 200, "NOSUCH": "x"}

    made = api.put(member_path(audience, member_id(ANN)), put_body(ANN, merge_fields=fields))

    assert made["merge_fields"] == {"FNAME": "é" * 127, "LNAME": ""}


def test_fake_11_a_batch_fails_member_by_member(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, ANN, FNAME="Ann")
    body = batch_body(ANN, BOB, BOB.upper(), "x@example.com")
    body["members"][0]["merge_fields"] = {"FNAME": "Someone else"}

    answer = api.post(f"/lists/{audience}", body)

    assert [member["email_address"] for member in answer["new_members"]] == [BOB]
    assert answer["total_created"] == 1
    assert answer["error_count"] == 3
    codes = {error["email_address"]: error["error_code"] for error in answer["errors"]}
    assert codes == {
        ANN: "ERROR_CONTACT_EXISTS",
        BOB.upper(): "ERROR_GENERIC",
        "x@example.com": "ERROR_GENERIC",
    }
    assert sandbox.member(audience, ANN).merge_fields["FNAME"] == "Ann"


def test_fake_11_a_batch_takes_500_and_updates_only_if_asked(lax: Api) -> None:
    audience = lax.sandbox.furnish()
    addresses = [f"a{number}@crm.test" for number in range(501)]

    too_many = lax.refused("POST", f"/lists/{audience}", batch_body(*addresses))
    created = lax.post(f"/lists/{audience}", batch_body(*addresses[:500]))
    updated = lax.post(f"/lists/{audience}", batch_body(addresses[0], update_existing=True))
    twice = lax.post(
        f"/lists/{audience}",
        batch_body(addresses[0], addresses[0], update_existing=True),
        skip_duplicate_check="true",
    )

    assert too_many["status"] == 400
    assert created["total_created"] == 500
    assert updated["total_updated"] == 1
    assert twice["error_count"] == 0


def test_fake_11_tags_are_added_and_replaced_only_if_synced(lax: Api) -> None:
    audience = lax.sandbox.furnish()
    path = f"/lists/{audience}"
    entry = {"email_address": ANN, "status": "subscribed"}

    def tags(*names: str, **more: Any) -> list[str]:
        lax.post(path, {"members": [{**entry, "tags": names}], "update_existing": True, **more})
        return [tag["name"] for tag in lax.get(member_path(audience, ANN))["tags"]]

    assert tags("red") == ["red"]
    assert tags("blue") == ["red", "blue"]
    assert tags("green", sync_tags=True) == ["green"]


def test_fake_12_since_is_exclusive_before_inclusive_and_every_write_moves(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    path = f"/lists/{audience}/members"
    sandbox.add_member(audience, ANN)
    sandbox.advance(seconds=1)
    sandbox.add_member(audience, BOB)
    nine, later = "2026-11-02T09:00:00+00:00", "2026-11-02T09:00:01+00:00"

    def found(**query: str) -> list[str]:
        return [member["email_address"] for member in api.get(path, **query)["members"]]

    assert found(since_last_changed=nine) == [BOB]
    assert found(before_last_changed=nine) == [ANN]
    assert found(since_last_changed=later) == []
    assert found(since_last_changed=nine, status="unsubscribed") == []
    sandbox.advance(seconds=1)
    api.patch(member_path(audience, ANN), {"vip": True})
    assert found(since_last_changed=later) == [ANN]
    assert found(sort_field="last_changed", sort_dir="ASC") == [BOB, ANN]


def test_fake_12_unsubscribed_since_needs_the_status(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, ANN)
    sandbox.advance(hours=1)
    sandbox.opt_out(audience, ANN)
    path, since = f"/lists/{audience}/members", "2026-11-02T09:30:00+00:00"

    assert api.refused("GET", path, unsubscribed_since=since)["status"] == 400
    assert api.get(path, status="unsubscribed", unsubscribed_since=since)["total_items"] == 1


def test_fake_13_pages_have_ten_rows_unless_more_are_asked_for(lax: Api) -> None:
    audience = lax.sandbox.furnish()
    for number in range(12):
        lax.sandbox.add_member(audience, f"a{number}@crm.test")
    path = f"/lists/{audience}/members"

    assert len(lax.get(path)["members"]) == 10
    assert len(lax.get(path, count=5000)["members"]) == 12
    beyond = lax.get(path, offset=100)
    assert beyond["members"] == []
    assert beyond["total_items"] == 12
    assert lax.refused("GET", path, count="ten")["title"] == "Invalid Resource"


def test_fake_13_the_total_of_a_segment_may_count_too_few(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    for address in (ANN, BOB):
        sandbox.add_member(audience, address)
    segment = api.post(
        f"/lists/{audience}/segments", {"name": "crm-1", "static_segment": [ANN, BOB]}
    )
    sandbox.opt_out(audience, ANN)

    page = api.get(
        f"/lists/{audience}/segments/{segment['id']}/members", include_unsubscribed="true"
    )

    assert len(page["members"]) == 2
    assert page["total_items"] == 1


def test_fields_are_kept_or_dropped_but_not_both(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, ANN)
    path = f"/lists/{audience}/members"

    kept = api.get(path, fields="list_id,members.status,total_items")
    dropped = api.get(path, exclude_fields="members.merge_fields")

    assert kept == {"members": [{"status": "subscribed"}], "list_id": audience, "total_items": 1}
    assert "merge_fields" not in dropped["members"][0]
    assert api.refused("GET", path, fields="members", exclude_fields="members")["status"] == 400
