"""What a live account does with segments and tags, the sandbox does too."""

from tests.rig.sandbox import ScriptedSandbox
from tests.sync.api import ANN, BOB, Api, member_path


def test_fake_14_a_tag_is_a_static_segment(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    sandbox.add_member(audience, ANN)
    path = member_path(audience, ANN) + "/tags"

    api.post(path, {"tags": [{"name": "Newsletter", "status": "active"}]})

    tag = api.get(path)["tags"][0]
    segment = api.get(f"/lists/{audience}/segments/{tag['id']}")
    assert (segment["name"], segment["type"], segment["member_count"]) == (
        "Newsletter",
        "static",
        1,
    )
    assert api.get(f"/lists/{audience}/tag-search", name="NEWS")["tags"][0]["id"] == tag["id"]
    assert api.get(f"/lists/{audience}/tag-search", name="letter")["total_items"] == 0
    api.post(path, {"tags": [{"name": "Newsletter", "status": "inactive"}]})
    assert api.get(path)["total_items"] == 0


def test_fake_15_only_subscribed_members_come_into_a_segment(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    for address in (ANN, BOB):
        sandbox.add_member(audience, address)
    sandbox.opt_out(audience, BOB)
    made = api.post(f"/lists/{audience}/segments", {"name": "crm-1", "static_segment": []})
    path = f"/lists/{audience}/segments/{made['id']}"

    answer = api.post(path, {"members_to_add": [ANN, BOB, "nobody@crm.test"]})

    assert answer["total_added"] == 1
    assert answer["error_count"] == 2
    assert answer["errors"][0]["email_addresses"] == [BOB, "nobody@crm.test"]
    assert api.get(path)["member_count"] == 1
    assert api.post(path, {"members_to_remove": [ANN]})["total_removed"] == 1
    assert api.get(path + "/members")["total_items"] == 0


def test_fake_15_a_segment_takes_500_at_a_time(lax: Api) -> None:
    audience = lax.sandbox.furnish()
    made = lax.post(f"/lists/{audience}/segments", {"name": "crm-1", "static_segment": []})
    body = {"members_to_add": [f"a{number}@crm.test" for number in range(501)]}

    assert lax.refused("POST", f"/lists/{audience}/segments/{made['id']}", body)["status"] == 400
    assert lax.refused("POST", f"/lists/{audience}/segments", {"name": "x"})["status"] == 400


def test_a_segment_is_renamed_refilled_and_deleted(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    for address in (ANN, BOB):
        sandbox.add_member(audience, address)
    path = f"/lists/{audience}/segments"
    made = api.post(path, {"name": "crm-1", "static_segment": [ANN]})

    changed = api.patch(f"{path}/{made['id']}", {"name": "crm-2", "static_segment": [BOB]})

    assert (changed["name"], changed["member_count"]) == ("crm-2", 1)
    assert sandbox.member(audience, ANN).tags == {}
    assert api.call("DELETE", f"{path}/{made['id']}").status_code == 204
    assert api.get(path)["segments"] == []
    assert sandbox.member(audience, BOB).tags == {}


def test_fake_16_an_unknown_type_finds_nothing(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    api.post(f"/lists/{audience}/segments", {"name": "crm-1", "static_segment": []})

    assert api.get(f"/lists/{audience}/segments", type="static")["total_items"] == 1
    assert api.get(f"/lists/{audience}/segments", type="nosuch")["segments"] == []
    assert api.get("/templates", type="nosuch")["templates"] == []
