"""Applications told of over HTTP: a submission, a status given by staff, and what it mails."""

from pathlib import Path
from typing import Any

import pytest

from gateway.core.token import TokenScope
from gateway.store import ledger
from tests.api.served import Served, served
from tests.triggers.office import ANN

FRENCH = "Cette action enverra un e-mail aux candidats sélectionnés"
TRIGGER = 'event = "status_changed"\nstatus = "accepted"\ntemplate = "accepted"\n'


@pytest.fixture
async def office(store_url: str, tmp_path: Path) -> Any:
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


async def change(office: Served, *references: str, **more: Any) -> Any:
    told = {"references": list(references), "status": "accepted", "by": "s1", **more}
    answer = await office.ask("POST", "/applications/status", json=told)
    assert 200 == answer.status_code, answer.text
    return answer.json()


def states(office: Served) -> list[str]:
    with office.database.reading() as connection:
        return [row.state.value for row in ledger.of_person(connection, ANN)]


async def test_a_submission_is_acknowledged(office: Served) -> None:
    answer = await office.ask("POST", "/applications/4711/submitted")

    assert 200 == answer.status_code
    assert ["ann@example.org"] == [mail["to"] for mail in answer.json()["mails"]]
    assert ["due"] == states(office)


async def test_a_changed_status_owes_mail_and_says_who_is_left_out(office: Served) -> None:
    told = await change(office, "4711", "4712")

    assert "accepted" == told["trigger"]
    assert ["ann@example.org"] == [mail["to"] for mail in told["mails"]]
    assert [("candidate:bob", "no address")] == [
        (one["person"], one["reason"]) for one in told["skipped"]
    ]
    assert ["due"] == states(office)


@pytest.mark.parametrize("where", ["body", "query"])
async def test_a_dry_run_warns_in_the_language_of_the_one_who_acts(
    office: Served, where: str
) -> None:
    told = {"references": ["4711"], "status": "accepted", "by": "eva@crm.example"}
    query = "?dry_run=true" if where == "query" else ""
    body = told | ({"dry_run": True} if where == "body" else {})

    shown = (await office.ask("POST", f"/applications/status{query}", json=body)).json()

    assert FRENCH == shown["warning"]
    assert "Hello\n" == shown["mails"][0]["text"]
    assert [] == states(office)


async def test_the_language_asked_for_comes_first(office: Served) -> None:
    told = {"references": ["4711"], "status": "accepted", "by": "s1", "dry_run": True}
    german = {"accept-language": "de-CH,fr;q=0.8"}

    answer = await office.ask("POST", "/applications/status", json=told, headers=german)

    assert "Diese Aktion sendet" in answer.json()["warning"]


async def test_without_mail_there_is_no_warning(office: Served) -> None:
    shown = await change(office, "4712", dry_run=True)

    assert None is shown["warning"]


async def test_one_that_is_unknown_stops_no_other_and_none_at_all_is_told(office: Served) -> None:
    told = await change(office, "nope", "4711")
    answer = await office.ask("POST", "/applications/nope/submitted")

    assert [True, False] == [bool(one["error"]) for one in told["applications"]]
    assert 404 == answer.status_code


async def test_with_an_idempotency_key_it_is_done_once(office: Served) -> None:
    key = {"idempotency-key": "a"}
    path = "/applications/4711/submitted"

    first = await office.ask("POST", path, headers=key)
    again = await office.ask("POST", path, headers=key)

    assert first.json() == again.json()
    assert ["due"] == states(office)


async def test_a_status_nobody_told_of_is_refused(office: Served) -> None:
    await office.feed("statuses", '{"kind": "application", "crm_id": "new"}')
    told = {"references": ["4711"], "status": "accepted", "by": "s1"}

    answer = await office.ask("POST", "/applications/status", json=told)

    assert 422 == answer.status_code
    assert "applications have no status accepted; there are new" == answer.json()["detail"]


async def test_it_takes_a_scope_of_its_own(office: Served) -> None:
    reader = office.token(TokenScope.READ, TokenScope.FEED)

    answer = await office.ask("POST", "/applications/4711/submitted", token=reader)

    assert 403 == answer.status_code
