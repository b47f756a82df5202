"""The Outbox: listed, sent again and given up by whoever may."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from gateway.api.console.roles import ConsoleRole
from gateway.core import ids
from gateway.core.sending.outbox import OutboxState
from gateway.store.console import console_acts
from gateway.store.schema.outbox import outbox as entries
from gateway.store.schema.triggers import occurrences
from gateway.store.sending import outbox
from tests.api.console.browsing import signed_in
from tests.api.served import Served, served

UNKNOWN, FAILED, TRIGGERED = (ids.read(f"05tq2m9k3x0a{letter}") for letter in "bcd")


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(f"sqlite:///{tmp_path}/gateway.db", tmp_path) as opened:
        rows = ((UNKNOWN, "unknown", "eva@crm.example"), (FAILED, "failed", "bob@crm.example"))
        with opened.database.writing() as connection:
            for number, state, recipient in rows:
                values = {"id": number, "key": str(number), "state": state, "recipient": recipient}
                own = {"type": "notice", "sender": "", "body": b"", "error": "550 no"}
                connection.execute(insert(entries).values(values | own))
        yield opened


def state_of(api: Served, number: int) -> OutboxState:
    with api.database.reading() as connection:
        return outbox.by_id(connection, number).state


async def test_entries_are_listed_by_state(api: Served) -> None:
    async with signed_in(api) as browsing:
        page = await browsing.open("/console/outbox")
        assert "eva@crm.example unknown" in page.text
        page = await browsing.open("/console/outbox?state=failed")
        assert "bob@crm.example failed" in page.text
        assert "eva@crm.example" not in page.text
        page = await browsing.open("/console/outbox?state=sent")
        assert "Nothing. Reports to senders" in page.text


async def test_an_entry_is_sent_again_and_another_given_up(api: Served) -> None:
    async with signed_in(api, ConsoleRole.RUN) as browsing:
        page = await browsing.open(f"/console/outbox/{ids.show(UNKNOWN)}")
        assert "then it arrives twice" in page.text
        page = await browsing.press("Send it again")
        assert "It is sent again." in page.text
        page = await browsing.open(f"/console/outbox/{ids.show(FAILED)}")
        assert "then it arrives twice" not in page.text
        page = await browsing.press("Give it up")
        assert "It is given up." in page.text
        page = await browsing.open(f"/console/outbox/{ids.show(FAILED)}")
        assert ["Send it again"] == [
            text for form in page.forms for text, *_ in form.buttons if " it " in text
        ]

    assert (OutboxState.QUEUED, OutboxState.CANCELLED) == (
        state_of(api, UNKNOWN),
        state_of(api, FAILED),
    )
    with api.database.reading() as connection:
        acts = console_acts.list_acts(connection, user=None, before=None, limit=9)
    assert {("outbox.retry", ids.show(UNKNOWN)), ("outbox.cancel", ids.show(FAILED))} <= {
        (act.act, act.about) for act in acts
    }


@pytest.mark.parametrize(
    ("state", "reason", "told"),
    [
        ("due", "the process that was to send it ended before it began", "beendet, bevor er damit"),
        ("due", "451 4.3.0 later", "451 4.3.0 later"),
        ("skipped", "cancelled by hand", "von Hand aufgegeben"),
        ("skipped", "the status was given again later", "der Status wurde später erneut gegeben"),
        ("skipped", "the application is gone", "die Bewerbung gibt es nicht mehr"),
    ],
)
async def test_why_mail_about_an_application_waits_is_told_in_the_readers_language(
    api: Served, state: str, reason: str, told: str
) -> None:
    row = {
        "id": TRIGGERED, "trigger": "received", "event": "submitted", "kind": "candidate",
        "person": "17", "occurrence": "1", "recipient": "ann@example.org", "state": state,
        "reason": reason, "due_at": datetime.now(UTC),
    }  # fmt: skip
    with api.database.writing() as connection:
        connection.execute(insert(occurrences).values(row))
    async with signed_in(api, language="de") as browsing:
        pages = [await browsing.open(f"/console/outbox/{ids.show(TRIGGERED)}")]
        if state == "due":
            pages.append(await browsing.open("/console/outbox"))

    assert all(told in page.text for page in pages)


async def test_somebody_was_faster(api: Served) -> None:
    async with signed_in(api, ConsoleRole.RUN) as browsing:
        await browsing.open(f"/console/outbox/{ids.show(UNKNOWN)}")
        with api.database.writing() as connection:
            outbox.cancel(connection, UNKNOWN)
        await browsing.press("Give it up", status=409)


async def test_who_may_not_changes_nothing(api: Served) -> None:
    way = f"/console/outbox/{ids.show(FAILED)}"
    async with signed_in(api, ConsoleRole.MANAGE) as browsing:
        page = await browsing.open(way)
        assert "Give it up" not in page.text
        token = {"csrf": page.forms[0].fields["csrf"]}
        for what in ("retry", "cancel"):
            assert 403 == (await browsing.client.post(f"{way}/{what}", data=token)).status_code
    assert OutboxState.FAILED is state_of(api, FAILED)
