"""Bounces that suppress nobody by themselves: shown, and decided on by whoever may."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.api.console.roles import ConsoleRole
from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce, Proof
from gateway.core.kinds import Scope
from gateway.store.bounces import bounces
from gateway.store.people import suppression
from tests.api.console.browsing import signed_in
from tests.api.served import Served, served

MAIL = ids.first_id_at(datetime.now(UTC) - timedelta(hours=1))
FORGED = KeptBounce(
    inbox=MAIL,
    position=0,
    message=None,
    proof=None,
    kind=BounceKind.BOUNCE,
    address="",
    recipient="Ann@Example.org",
    action="failed",
    status="5.1.1",
    diagnostic="no such user",
    reason="unknown_user",
    hard=True,
)
WAY = f"/console/bounces/{ids.show(MAIL)}/0"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(f"sqlite:///{tmp_path}/gateway.db", tmp_path) as opened:
        proven = replace(FORGED, position=1, recipient="ben@example.org", proof=Proof.TRACE)
        soft = replace(FORGED, position=2, recipient="eve@example.org", hard=False)
        with opened.database.writing() as connection:
            bounces.add(connection, [FORGED, proven, soft])
        yield opened


async def test_what_waits_is_decided_on(api: Served) -> None:
    async with signed_in(api, ConsoleRole.WORK) as browsing:
        today = await browsing.open("/console/today")
        named = "Bounces of 7 days that name no message for certain"
        assert (named, "/console/bounces") in today.links
        page = await browsing.open("/console/bounces")
        assert "Ann@Example.org bounce 5.1.1 no such user" in page.text
        assert "ben@example.org" not in page.text
        assert "eve@example.org" not in page.text
        await browsing.open(WAY)
        await browsing.press("Suppress it", status=422, reason="")
        done = await browsing.press("Suppress it", scope="all", reason="called them")

        assert "Suppressed from the next message on." in done.text
        await browsing.open(WAY)
        again = await browsing.press("Suppress it", scope="all", reason="called them")
        assert "It was suppressed for this reason already; nothing was changed." in again.text
        assert "Nothing waits." in done.text
        assert named not in (await browsing.open("/console/today")).text
    with api.database.reading() as connection:
        [entry] = suppression.history(connection, "ann@example.org")
    assert (Scope.ALL, "called them", "anna") == (entry.scope, entry.remark, entry.by)


async def test_who_only_looks_decides_nothing(api: Served) -> None:
    async with signed_in(api, ConsoleRole.LOOK) as browsing:
        page = await browsing.open("/console/bounces")
        assert "Ann@Example.org" in page.text
        assert "Suppress…" not in page.text
        await browsing.open(WAY, status=403)


@pytest.mark.parametrize(
    "way",
    [f"{WAY}7", f"{WAY}99999999999", "/console/bounces/x/0"],
    ids=["another place", "a place far off", "no id"],
)
async def test_what_did_not_come_back_is_told(api: Served, way: str) -> None:
    async with signed_in(api, ConsoleRole.WORK) as browsing:
        await browsing.open(way, status=404)


async def test_the_api_lists_them_too(api: Served) -> None:
    rows = (await api.get("/bounces", undecided="true"))["items"]

    assert ["Ann@Example.org"] == [row["recipient"] for row in rows]
