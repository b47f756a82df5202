"""Every list of the API, found in its own description: pages, and from when on."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.app.triggers.editing_answers import TriggerEditing
from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind
from gateway.core.people.people import PersonKind, PersonRef
from gateway.core.replies.inbox import InboxRow, InboxState
from gateway.core.sending.outbox import OutboxDraft
from gateway.store.bounces import bounces
from gateway.store.campaigns import campaign_members, campaigns
from gateway.store.replies import inbox
from gateway.store.sending import outbox
from tests.api.served import IDS, Served, served
from tests.api.test_bounces import kept
from tests.api.test_campaigns import campaign
from tests.api.test_reading import filed, keep, message

ANN, BEN = (PersonRef(PersonKind.CANDIDATE, crm_id) for crm_id in ("17", "18"))
#: As in docs/lists.md: what has no time that anybody would choose it by.
WITHOUT_SINCE = {
    "/applications",
    "/campaigns/{id}/members",
    "/mailchimp/templates",
    "/people",
    "/people/search",
    "/triggers",
}
#: Nothing is there to be listed: there is no account.
EMPTY = {"/mailchimp/templates"}
CHANGED = (
    'event = "status_changed"\ntemplate = "rejected"\nkind = "individual"\nstatus = "no"\n'
    'recipients = ["{who}"]\nenabled = true\n'
)


@pytest.fixture(scope="module")
async def full(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """An API with two of everything."""
    folder = tmp_path_factory.mktemp("lists")
    (folder / "triggers").mkdir()
    for name, who in (("rejected", "candidate"), ("told", "actor")):
        (folder / "triggers" / f"{name}.toml").write_text(CHANGED.format(who=who))
    (folder / "templates" / "rejected").mkdir(parents=True)
    (folder / "templates" / "rejected" / "nl.txt").write_text("Subject: Dag\n\nHallo\n")
    settings: list[tuple[str, Any]] = [
        ("triggers", {"folder": str(folder / "triggers"), "undo": "1h"}),
        ("templates", {"folder": str(folder / "templates")}),
        ("relays", [{"name": "relay", "host": "127.0.0.1", "port": 1}]),
    ]
    async with served(f"sqlite:///{folder}/gateway.db", folder, settings) as api:
        await furnish(api)
        yield api


async def furnish(api: Served) -> None:
    await api.feed("staff", '{"crm_id":"s1","name":"Eva","email":"eva@office.example"}')
    await api.feed(
        "people",
        '{"crm_id":"17","emails":"ann@x.org","first_name":"Ann","consent_email":true}',
        '{"crm_id":"18","emails":"ann@x.org","first_name":"Ann"}',
        '{"crm_id":"19","emails":"c@x.org"}',
        '{"crm_id":"20","emails":"d@x.org"}',
    )
    await api.feed("statuses", '{"kind":"application","crm_id":"no","name":"Afgewezen"}')
    await api.feed(
        "applications",
        '{"reference":"1","person":"17","status":"new","responsible":"s1"}',
        '{"reference":"2","person":"17","status":"other","responsible":"s1"}',
    )
    await api.feed("memberships", '{"group":"g1","person":"17"}', '{"group":"g2","person":"17"}')
    done = await api.ask(
        "POST",
        "/applications/status",
        json={"references": ["1"], "status": "no", "by": "s1", "confirmed": True},
    )
    assert 200 == done.status_code, done.text
    for address in ("a@x.org", "b@x.org"):
        await api.ask("POST", "/suppressions", json={"address": address})
    for crm_id in ("19", "20"):
        await api.ask("POST", f"/people/candidate:{crm_id}/erase", json={"mailchimp": "keep"})
    keep(api, message("ann@x.org"), message("ann@x.org"))
    for name in ("a.pdf", "b.pdf"):
        await filed(api, name)
    editing = TriggerEditing(lambda: api.settings, api.database)
    for name in ("rejected", "told"):
        changes: dict[str, object] = {"enabled": False}
        version = editing.trigger(name)["version"]
        assert editing.keep_trigger(
            name, changes=changes, text=None, version=version, by="eva", token=""
        )
    waiting = InboxRow(id=IDS.next(), content="a", state=InboxState.NEEDS_ATTENTION)
    news, jobs = campaign("News"), campaign("Jobs")
    now = datetime.now(UTC)
    with api.database.writing() as connection:
        bounces.add(
            connection, [kept(IDS.next(), n, "a@x.org", BounceKind.BOUNCE) for n in range(2)]
        )
        inbox.put(connection, waiting)
        inbox.put(connection, replace(waiting, id=IDS.next(), content="b"))
        for number in range(2):
            draft = OutboxDraft(
                id=IDS.next(), type="dsn", key=str(number), recipient="a@x.org", body=b"", due=now
            )
            outbox.put(connection, draft)
        campaigns.put(connection, news)
        campaigns.put(connection, jobs)
        campaign_members.add(connection, jobs.id, [ANN, BEN], now)


async def read(api: Served, place: str) -> Any:
    """Return the document at an address that has its query with it."""
    answer = await api.ask("GET", place)
    assert 200 == answer.status_code, (place, answer.text)
    return answer.json()


async def lists(api: Served) -> dict[str, set[str]]:
    """Return the parameters of every route that answers with a page."""
    described = await api.get("/openapi.json")
    found = {}
    for path, operations in described["paths"].items():
        answer = operations.get("get", {}).get("responses", {}).get("200", {})
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        if "next" in schema.get("properties", {}):
            found[path] = {given["name"] for given in operations["get"].get("parameters", ())}
    return found


async def address(api: Served, path: str) -> str:
    """Return the address of a list of what `furnish` made."""
    match path:
        case "/people":
            return "/people?address=ann@x.org&"
        case "/people/search":
            return "/people/search?text=ann&"
        case "/campaigns/{id}/members":
            [jobs] = [
                one["id"] for one in (await api.get("/campaigns"))["items"] if one["name"] == "Jobs"
            ]
            return f"/campaigns/{jobs}/members?"
        case _:
            return re.sub(r"\{person(:id)?\}", "candidate:17", path) + "?"


async def test_every_list_has_the_same_parameters(full: Served) -> None:
    found = await lists(full)

    assert len(found) > 18
    assert {} == {path: had for path, had in found.items() if not {"limit", "cursor"} <= had}
    assert WITHOUT_SINCE == {path for path, had in found.items() if "since" not in had}


async def test_a_parameter_that_is_mistyped_lists_nothing(full: Served) -> None:
    for path in await lists(full):
        place = await address(full, path)
        answer = await full.ask("GET", f"{place}limit=5&limitt=5")

        assert 422 == answer.status_code, path
        (error,) = answer.json()["errors"]
        assert "query.limitt" == error["at"], path
        assert "no such parameter (known: " in error["text"], path
        assert error["text"].endswith("): did you mean limit?"), path


async def test_every_list_is_read_page_by_page_without_a_gap_or_anything_twice(
    full: Served,
) -> None:
    short = {}
    for path in await lists(full):
        if path in EMPTY:
            continue
        place = await address(full, path)
        whole = (await read(full, f"{place}limit=500"))["items"]
        paged, cursor = [], ""
        for _ in whole:
            page = await read(full, f"{place}limit=1{cursor}")
            paged += page["items"]
            cursor = f"&cursor={page['next']}"

        assert whole == paged, path
        assert page["next"] is None, path
        nonsense = await full.ask("GET", f"{place}cursor=%20")
        assert 422 == nonsense.status_code, path
        if len(whole) < 2:
            short[path] = len(whole)
    assert {} == short


async def test_every_list_that_has_times_takes_from_when_on(full: Served) -> None:
    for path in sorted(set(await lists(full)) - WITHOUT_SINCE):
        place = await address(full, path)
        whole = (await read(full, place))["items"]

        assert whole == (await read(full, f"{place}since=2h"))["items"], path
        assert [] == (await read(full, f"{place}since=2999-01-01"))["items"], path
        wrong = await full.ask("GET", f"{place}since=the%20day%20before")
        assert 422 == wrong.status_code, path
        assert "since: not a day or time such as 2026-03-12" in wrong.json()["detail"], path


@pytest.mark.parametrize(
    "said", ["2h", "7d", "2020-01-01", "2020-01-01T08:30", "2020-01-01T08:30Z"]
)
async def test_from_when_on_is_written_as_on_the_command_line(full: Served, said: str) -> None:
    assert 2 == len((await read(full, f"/bounces?since={said}"))["items"])


async def test_a_change_that_two_triggers_mail_is_not_torn_apart_by_pages(full: Served) -> None:
    first = await read(full, "/triggers/history?limit=1")
    second = await read(full, f"/triggers/history?limit=1&cursor={first['next']}")

    [one], [other] = first["items"], second["items"]
    assert one["id"] == other["id"]
    assert {"rejected", "told"} == {one["trigger"], other["trigger"]}
    assert ids.read(one["id"])


async def test_a_plus_within_a_query_is_told_to_be_a_blank(one_api: Served) -> None:
    plain = await one_api.ask("GET", "/messages?to=a+b@example.org")
    escaped = await one_api.ask("GET", "/messages?to=a%2Bb@example.org")

    assert [422, 200] == [plain.status_code, escaped.status_code]
    assert "write %2B" in plain.json()["errors"][0]["text"]
