"""Campaigns made and sent over HTTP, with an account to try with on the other side."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.app import common
from gateway.app.campaigns import mailchimp
from gateway.core.token import TokenScope
from gateway.sync.activation import Activation
from tests.api.served import Served, served
from tests.rig.sandbox import ScriptedSandbox

ACCOUNT = {"api_key": "0123456789abcdef-us1"}
SENDER = {"from_name": "CRM", "from_address": "office@crm.test"}


@pytest.fixture
async def active(sandbox: ScriptedSandbox, tmp_path: Path) -> AsyncIterator[Served]:
    """An API on that account, activated, with candidates 1 to 3 in a group, of whom 3 opted out."""
    async with serving(sandbox, tmp_path) as api:
        activate(api)
        await api.feed("groups", '{"crm_id":"7","name":"Nieuws"}')
        await api.feed(
            "people",
            *(f'{{"crm_id":"{n}","emails":"{n}@klant.test","first_name":"A"}}' for n in "123"),
        )
        await api.feed("memberships", *(f'{{"group":"7","person":"{n}"}}' for n in "123"))
        await api.feed("memberships", '{"group":"mailchimp-opt-out","person":"3"}')
        yield api


@contextlib.asynccontextmanager
async def serving(sandbox: ScriptedSandbox, folder: Path) -> AsyncIterator[Served]:
    settings = [("mailchimp", {**ACCOUNT, "base_url": sandbox.url})]
    async with served(f"sqlite:///{folder}/gateway.db", folder, settings) as api:
        yield api


def activate(api: Served) -> None:
    client = mailchimp.client(api.settings)
    wishes = mailchimp.wishes(api.settings)
    activation = Activation(
        client=client, database=api.database, wishes=wishes, clock=common.now, dry_run=False
    )
    list(activation.run())
    client.close()


async def made(api: Served, name: str = "Vacatures", **asked: Any) -> dict[str, Any]:
    """Make a campaign; return its document."""
    [template] = [one["id"] for one in (await api.get("/mailchimp/templates"))["items"]]
    draft = {"name": name, "template": template, **SENDER, **asked}
    answer = await api.ask("POST", "/campaigns", json=draft)
    assert 201 == answer.status_code, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def done(api: Served, path: str, asked: Any = None, status: int = 200, **more: Any) -> Any:
    """Do something with a campaign; return what is answered."""
    answer = await api.ask("POST", f"/campaigns/{path}", json=asked or {}, **more)
    assert status == answer.status_code, answer.text
    return answer.json()


async def test_a_campaign_is_made_filled_opened_and_sent_once(
    active: Served, sandbox: ScriptedSandbox
) -> None:
    campaign = await made(active)
    number = campaign["id"]
    added = await done(
        active,
        f"{number}/members",
        {"people": ["candidate:1", "candidate:99"], "groups": ["Nieuws"]},
    )
    prepared = await done(active, f"{number}/prepare")
    opened = await done(active, f"{number}/open")
    key = {"idempotency-key": "send-1"}
    first = await done(active, f"{number}/send", headers=key)
    again = await active.ask("POST", f"/campaigns/{number}/send", json={}, headers=key)
    anew = await done(active, f"{number}/send", status=409)
    sandbox.advance(minutes=30)
    report = await active.get(f"/campaigns/{number}/report")
    plot = await active.ask("GET", f"/campaigns/{number}/plot")
    status = await active.get("/mailchimp/status")

    assert "image/svg+xml" == plot.headers["content-type"]
    assert "Sent to 2 on" in plot.text
    assert ("draft", None) == (campaign["state"], campaign["next_read"])
    assert (3, 0, ["the CRM has sent no candidate:99"]) == tuple(
        added[key] for key in ("added", "known", "problems")
    )
    assert (2, {"opt_out": 1}) == (prepared["included"], prepared["excluded"])
    assert (2, False) == (prepared["changes"]["new"], prepared["changes"]["needs_yes"])
    assert ("opened", []) == (opened["state"], opened["remarks"])
    assert first["state"] in ("sending", "sent")
    assert (first, "true") == (again.json(), again.headers["idempotency-replayed"])
    assert "sent once" in anew["detail"]
    assert (number, 2, []) == (report["id"], report["sent"], report["remarks"])
    assert (True, 1) == (status["ready"], status["campaigns"])
    assert 1 == len(sandbox.account.campaigns)


async def test_a_campaign_is_scheduled_for_a_quarter_and_taken_out_again(
    active: Served,
) -> None:
    number = (await made(active))["id"]
    await done(active, f"{number}/members", {"people": ["1@klant.test"]})
    soon = (datetime.now(UTC) + timedelta(days=2)).replace(
        hour=9, minute=0, second=0, microsecond=0
    )

    off = await done(active, f"{number}/schedule", {"at": f"{soon:%Y-%m-%dT09:05}"}, status=409)
    scheduled = await done(active, f"{number}/schedule", {"at": soon.isoformat()})
    unscheduled = await done(active, f"{number}/unschedule")
    recreated = await done(active, f"{number}/recreate", status=201)
    gone = await active.ask("DELETE", f"/campaigns/{recreated['id']}")

    assert "the nearest is" in off["detail"]
    assert ("scheduled", soon) == (
        scheduled["state"], datetime.fromisoformat(scheduled["scheduled_for"]),
    )  # fmt: skip
    assert ("opened", None) == (unscheduled["state"], unscheduled["scheduled_for"])
    assert ("draft", 1) == (recreated["state"], recreated["included"])
    assert ("deleted", "deleted") == (
        gone.json()["state"],
        (await active.get(f"/campaigns/{number}"))["state"],
    )


async def test_people_come_from_a_file_and_are_taken_out(active: Served) -> None:
    number = (await made(active))["id"]

    rows = "kind,crm_id\ncandidate,1\ncandidate,2\ncandidate,98\n,,\nmoon,3\n"
    answer = await active.ask("POST", f"/campaigns/{number}/members.csv", content=rows.encode())
    removed = await active.ask("DELETE", f"/campaigns/{number}/members/candidate:1")
    again = await active.ask("DELETE", f"/campaigns/{number}/members/1@klant.test")
    nobody = await done(active, f"{number}/members", {}, status=422)
    unknown = await done(active, f"{number}/members", {"groups": ["Moon"]}, status=422)

    assert (2, 2) == (answer.json()["added"], len(answer.json()["problems"]))
    assert (["candidate:1"], 1) == (removed.json()["removed"], removed.json()["included"])
    assert (404, 404) == (again.status_code, (await active.ask(
        "DELETE", "/campaigns/0000000000001/members/candidate:1")).status_code)  # fmt: skip
    assert "people or groups" in nobody["detail"]
    assert "there is no group Moon" in unknown["detail"]


async def test_the_guard_asks_before_many_drop_out(active: Served) -> None:
    crowd = [f'{{"crm_id":"c{n}","emails":"c{n}@klant.test"}}' for n in range(30)]
    await active.feed("people", *crowd)
    number = (await made(active))["id"]
    await done(active, f"{number}/members", {"people": [f"candidate:c{n}" for n in range(30)]})
    await active.feed("people", *(line.replace("@klant.test", "") for line in crowd))

    refused = await done(active, f"{number}/send", status=409)
    nobody_left = await done(active, f"{number}/send", {"confirmed": True}, status=409)
    shown = await active.get(f"/campaigns/{number}", members=False)

    assert (True, 30, 30) == tuple(
        refused[key] for key in ("needs_confirmed", "dropped", "dropped_of")
    )
    assert "confirmed = true" in refused["detail"]
    assert "nobody is in" in nobody_left["detail"]
    assert "draft" == shown["state"]


async def test_a_second_campaign_of_one_name_wants_a_confirmation(active: Served) -> None:
    first = await made(active)
    draft = {"name": "VACATURES", "template": first["template"], **SENDER}

    refused = await active.ask("POST", "/campaigns", json=draft)
    await made(active, "Vacatures", confirmed=True)

    assert 409 == refused.status_code
    assert (True, [first["id"]]) == tuple(
        refused.json()[key] for key in ("needs_confirmed", "campaigns")
    )
    assert "confirmed = true" in refused.json()["detail"]
    assert 2 == len((await active.get("/campaigns"))["items"])


async def test_what_keeps_a_campaign_back_is_a_problem_with_its_cure(
    sandbox: ScriptedSandbox, tmp_path: Path
) -> None:
    async with serving(sandbox, tmp_path) as api:
        draft = {"name": "X", "template": 1, **SENDER}
        early = await api.ask("POST", "/campaigns", json=draft)
        activate(api)
        no_template = await api.ask("POST", "/campaigns", json=draft)
        bad_name = await api.ask("POST", "/campaigns", json=draft | {"name": "*|NOPE|*"})
        reader = api.token(TokenScope.READ)
        number = (await made(api))["id"]
        forbidden = await api.ask("POST", f"/campaigns/{number}/send", token=reader)
        unsent = await api.ask("GET", f"/campaigns/{number}/report", token=reader)
        sandbox.revoke_key()
        refused = await api.ask("POST", f"/campaigns/{number}/open", json={})

    told = (early, no_template, bad_name, forbidden, unsent, refused)
    assert [409, 409, 422, 403, 409, 502] == [one.status_code for one in told]
    assert "gateway mailchimp activate" in early.json()["detail"]
    assert "the account has no template 1; it has" in no_template.json()["detail"]
    assert "campaigns" in forbidden.json()["detail"]
    assert "it is a draft" in unsent.json()["detail"]
    assert {"application/problem+json"} == {one.headers["content-type"] for one in told}


async def test_without_an_account_the_setting_is_named(one_api: Served) -> None:
    answer = await one_api.ask("GET", "/mailchimp/status")

    assert (409, True) == (answer.status_code, "[mailchimp] api_key" in answer.json()["detail"])
