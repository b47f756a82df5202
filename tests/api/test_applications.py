"""Applications told of over HTTP: a submission, a status given by staff, and what it mails."""

from pathlib import Path
from typing import Any

import pytest

from gateway.core.token import TokenScope
from gateway.store.triggers import ledger
from tests.api.served import Served, served
from tests.triggers.node import ANN

FRENCH = "Cette action enverra un e-mail aux candidats sélectionnés"
TRIGGER = 'event = "status_changed"\nstatus = "accepted"\ntemplate = "accepted"\n'


@pytest.fixture
async def fed(store_url: str, tmp_path: Path) -> Any:
    """An API with a small CRM and a trigger behind it."""
    folders = {name: tmp_path / name for name in ("triggers", "templates")}
    (folders["templates"] / "accepted").mkdir(parents=True)
    (folders["templates"] / "accepted" / "en.txt").write_text("Subject: Welcome\n\nHello\n")
    folders["triggers"].mkdir()
    (folders["triggers"] / "accepted.toml").write_text(TRIGGER)
    changes = [(name, {"folder": str(folder)}) for name, folder in folders.items()]
    async with served(store_url, tmp_path, changes) as api:
        await api.feed("staff", '{"crm_id": "s1", "email": "eva@crm.example", "language": "fr"}')
        await api.feed(
            "people",
            '{"crm_id": "ann", "emails": ["ann@example.org"]}',
            '{"crm_id": "bob"}',
        )
        await api.feed(
            "applications",
            '{"reference": "4711", "person": "ann", "status": "new"}',
            '{"reference": "4712", "person": "bob", "status": "new"}',
        )
        yield api


async def change(fed: Served, *references: str, **more: Any) -> Any:
    told = {
        "references": list(references),
        "status": "accepted",
        "by": "s1",
        "confirmed": True,
        **more,
    }
    answer = await fed.ask("POST", "/applications/status", json=told)
    assert 200 == answer.status_code, answer.text
    return answer.json()


def states(fed: Served) -> list[str]:
    with fed.database.reading() as connection:
        return [row.state.value for row in ledger.of_person(connection, ANN)]


async def test_a_submission_is_acknowledged(fed: Served) -> None:
    answer = await fed.ask("POST", "/applications/4711/submitted")

    assert 200 == answer.status_code
    assert ["ann@example.org"] == [mail["to"] for mail in answer.json()["mails"]]
    assert ["due"] == states(fed)


async def test_a_changed_status_owes_mail_and_says_who_is_left_out(fed: Served) -> None:
    told = await change(fed, "4711", "4712")

    assert "accepted" == told["trigger"]
    assert ["ann@example.org"] == [mail["to"] for mail in told["mails"]]
    assert [("candidate:bob", "no address")] == [
        (one["person"], one["reason"]) for one in told["skipped"]
    ]
    assert ["due"] == states(fed)


@pytest.mark.parametrize("where", ["body", "query"])
async def test_a_dry_run_warns_in_the_language_of_the_one_who_acts(fed: Served, where: str) -> None:
    told = {"references": ["4711"], "status": "accepted", "by": "eva@crm.example"}
    query = "?dry_run=true" if where == "query" else ""
    body = told | ({"dry_run": True} if where == "body" else {})

    shown = (await fed.ask("POST", f"/applications/status{query}", json=body)).json()

    assert FRENCH == shown["warning"]
    assert "Hello\n" == shown["mails"][0]["text"]
    assert [] == states(fed)


@pytest.mark.parametrize(
    ("asked", "warning"),
    [
        ("de-CH,fr;q=0.8", "Diese Aktion sendet"),
        ("en;q=0.1, de", "Diese Aktion sendet"),
        ("den, nl;q=0.5", "Deze actie verstuurt"),  # Slave, not German
        ("*", FRENCH),  # the language of the one who acts
        ("de;q=0", FRENCH),
    ],
)
async def test_the_language_asked_for_comes_first(fed: Served, asked: str, warning: str) -> None:
    told = {"references": ["4711"], "status": "accepted", "by": "eva@crm.example", "dry_run": True}
    headers = {"accept-language": asked}

    answer = await fed.ask("POST", "/applications/status", json=told, headers=headers)

    assert warning in answer.json()["warning"]


async def test_without_mail_there_is_no_warning(fed: Served) -> None:
    shown = await change(fed, "4712", dry_run=True)

    assert None is shown["warning"]


@pytest.mark.parametrize("partial", [False, True])
async def test_all_are_changed_or_none_unless_it_may_be_partial(fed: Served, partial: bool) -> None:
    told = {
        "references": ["nope", "4711"],
        "status": "accepted",
        "by": "s1",
        "confirmed": True,
        "partial": partial,
    }

    answer = await fed.ask("POST", "/applications/status", json=told)

    assert (200 if partial else 404) == answer.status_code
    assert [False, partial] == [one["changed"] for one in answer.json()["applications"]]
    assert (["due"] if partial else []) == states(fed)


async def test_of_an_unknown_application_nothing_is_submitted(fed: Served) -> None:
    answer = await fed.ask("POST", "/applications/nope/submitted")

    assert 404 == answer.status_code


CHANGE = {"references": ["4711"], "status": "accepted", "by": "s1"}


async def post(fed: Served, **more: Any) -> Any:
    return await fed.ask("POST", "/applications/status", json=CHANGE | more)


async def test_what_would_mail_must_be_confirmed(fed: Served) -> None:
    refused = await post(fed)
    document = refused.json()

    assert 409 == refused.status_code
    assert FRENCH == document["warning"]
    assert ["ann@example.org"] == [mail["to"] for mail in document["mails"]]
    assert [] == states(fed)
    assert 200 == (await post(fed, token=document["token"])).status_code
    assert ["due"] == states(fed)


async def test_a_dry_run_gives_a_token_for_what_it_shows(fed: Served) -> None:
    token = (await post(fed, dry_run=True)).json()["token"]

    assert 200 == (await post(fed, token=token)).status_code


@pytest.mark.parametrize(
    "other", [{"references": ["4711", "4712"]}, {"by": "s2"}, {"partial": True}]
)
async def test_a_token_is_for_one_change_only(fed: Served, other: dict[str, Any]) -> None:
    await fed.feed("staff", '{"crm_id": "s2"}')
    token = (await post(fed, dry_run=True)).json()["token"]

    answer = await post(fed, token=token, confirmed=True, **other)

    assert 409 == answer.status_code
    assert token != answer.json()["token"]
    assert [] == states(fed)


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        ("people", '{"crm_id": "ann", "emails": ["new@example.org"]}'),
        ("applications", '{"reference": "4711", "person": "ann", "status": "second"}'),
    ],
)
async def test_a_token_is_for_one_state_only(fed: Served, kind: str, record: str) -> None:
    token = (await post(fed, dry_run=True)).json()["token"]
    await fed.feed(kind, record)

    stale = await post(fed, token=token)

    assert 409 == stale.status_code
    assert [] == states(fed)
    assert 200 == (await post(fed, token=stale.json()["token"])).status_code


async def test_what_mails_nobody_needs_no_confirmation(fed: Served) -> None:
    answer = await post(fed, references=["4712"])

    assert 200 == answer.status_code
    assert None is answer.json()["token"]


async def test_a_refused_request_can_come_again_confirmed_by_the_same_key(fed: Served) -> None:
    key = {"idempotency-key": "k"}
    first = await fed.ask("POST", "/applications/status", json=CHANGE, headers=key)
    confirmed = CHANGE | {"token": first.json()["token"]}
    second = await fed.ask("POST", "/applications/status", json=confirmed, headers=key)

    assert (409, 200) == (first.status_code, second.status_code)


async def test_who_acts_must_be_known(fed: Served) -> None:
    answer = await post(fed, by="s11", confirmed=True)

    assert 422 == answer.status_code
    assert [{"crm_id": "s1", "name": ""}] == answer.json()["nearest"]
    assert [] == states(fed)


async def test_mail_that_waits_is_in_the_outbox_and_can_be_given_up(fed: Served) -> None:
    await change(fed, "4711")
    sends = fed.token(TokenScope.OUTBOX)

    [entry] = (await fed.ask("GET", "/outbox", token=sends)).json()["items"]
    cancelled = await fed.ask("POST", f"/outbox/{entry['id']}/cancel", token=sends)
    again = await fed.ask("POST", f"/outbox/{entry['id']}/cancel", token=sends)

    wanted = ("ann@example.org", "queued", "accepted 4711")
    assert wanted == (entry["to"], entry["state"], entry["about"])
    assert (200, "cancelled", 409) == (
        cancelled.status_code,
        cancelled.json()["state"],
        again.status_code,
    )
    assert [] == (await fed.ask("GET", "/outbox", token=sends)).json()["items"]


async def test_with_an_idempotency_key_it_is_done_once(fed: Served) -> None:
    key = {"idempotency-key": "a"}
    path = "/applications/4711/submitted"

    first = await fed.ask("POST", path, headers=key)
    again = await fed.ask("POST", path, headers=key)

    assert first.json() == again.json()
    assert ["due"] == states(fed)


async def test_a_status_nobody_told_of_is_refused(fed: Served) -> None:
    await fed.feed("statuses", '{"kind": "application", "crm_id": "new"}')
    told = {"references": ["4711"], "status": "accepted", "by": "s1"}

    answer = await fed.ask("POST", "/applications/status", json=told)

    assert 422 == answer.status_code
    assert "applications have no status accepted; known: new" == answer.json()["detail"]


async def test_it_takes_a_scope_of_its_own(fed: Served) -> None:
    reader = fed.token(TokenScope.READ, TokenScope.FEED)

    answer = await fed.ask("POST", "/applications/4711/submitted", token=reader)

    assert 403 == answer.status_code


async def test_applications_are_found_by_words_and_status(fed: Served) -> None:
    await fed.feed("programmes", '{"crm_id": "p1", "name": "Zorg"}')
    await fed.feed("people", '{"crm_id": "zoe", "first_name": "Zoë", "last_name": "de Boer"}')
    await fed.feed(
        "applications",
        '{"reference": "4713", "person": "zoe", "programme": "p1", "title": "100% Verpleging"}',
    )

    async def found(**asked: object) -> list[str]:
        return [row["reference"] for row in (await fed.get("/applications", **asked))["items"]]

    first = await fed.get("/applications", limit=2)
    second = await fed.get("/applications", limit=2, cursor=first["next"])
    (zoe,) = second["items"]

    assert (["4711", "4712"], None) == (
        [row["reference"] for row in first["items"]],
        second["next"],
    )
    assert ("candidate:zoe", "Zoë de Boer") == (zoe["person"], zoe["person_name"])
    assert ["4713"] == await found(q="boer zorg")
    assert ["4713"] == await found(q="100%")
    assert [] == await found(q="100_")
    assert ["4711"] == await found(q="ANN@example")
    assert ["4711", "4712", "4713"] == await found(q="471")
    assert ["4711", "4712"] == await found(status="new")
    assert 422 == (await fed.ask("GET", "/applications", params={"cursor": "x"})).status_code


async def test_an_application_whose_row_names_nobody_is_nobodys(api: Served) -> None:
    """Its person was `candidate:`, which the description doesn't allow."""
    await api.feed("applications", '{"reference": "1", "person": "", "title": "Nurse"}')

    listed = (await api.ask("GET", "/applications")).json()["items"]
    whole = (await api.ask("GET", "/applications/1")).json()

    assert [None, None] == [listed[0]["person"], whole["person"]]
