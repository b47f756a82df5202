"""Days that checks and reports name are those of the zone in which people see times."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

from gateway.app.checks.mailbox_calls import silent_idle
from gateway.store.engine.database import Database
from gateway.store.replies import mailboxes
from gateway.store.views.status import Shortfall

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
LATE = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)  #: There it is the next day.


@dataclass(frozen=True, slots=True)
class NotCourier:
    """A mailbox of a server that says nothing of itself."""

    is_courier: bool = False


async def test_since_when_idle_is_silent_is_a_day_of_the_zone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    database.prepare()
    settings: Any = SimpleNamespace(account="ann@example.org", every=timedelta(minutes=1))
    with database.writing() as connection:
        mailboxes.keep_idle_silent(connection, settings.account, LATE)

    session = cast(Any, NotCourier())
    told = [
        finding.text
        async for finding in silent_idle("mailbox", session, settings, database, AMSTERDAM)
    ]

    database.close()
    [text] = told
    assert "(seen 2026-03-02)" in text


def test_since_when_fields_are_unread_is_a_day_of_the_zone() -> None:
    short = Shortfall(
        protected_without_address=0,
        references_to_nothing={},
        unread_fields={"people": 2},
        unread_since=LATE,
        oldest_unread={"people": ["candidate:17 birthday"]},
    )

    assert [*short.lines(AMSTERDAM)] == [
        "2 fields unread since 2026-03-02: people 2 (candidate:17 birthday, …)"
    ]
