"""The page Today: what flows, what waits, whether everything is well; stopping mail."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from gateway.api.console.flow_plot import flow_plot
from gateway.api.console.roles import ConsoleRole
from gateway.app.checks import current_findings
from gateway.app.checks.findings import Finding, good, warning
from gateway.core import ids
from gateway.core.kinds import State
from gateway.store.console import console_acts
from gateway.store.journal import message_lookup
from gateway.store.journal.journal import write_recorded
from gateway.store.schema.console import console_sessions
from tests.api.console.browsing import signed_in
from tests.api.served import Served, served
from tests.cli.conftest import delivery, message

RELAY = good("relay main", "127.0.0.1:25 answers and offers PIPELINING")
FEED = warning("feed crm", "was last fed 3 days ago: is its export running?")


@pytest.fixture
async def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    async def check(*_: object, **__: object) -> AsyncIterator[Finding]:
        yield RELAY
        yield FEED

    monkeypatch.setattr(current_findings, "check", check)
    async with served(f"sqlite:///{tmp_path}/gateway.db", tmp_path) as opened:
        yield opened


async def test_what_flows_and_waits_is_shown_with_the_way_to_it(api: Served) -> None:
    kept = [
        message(0, delivery("ann@example.org"), delivery("ben@example.org", State.UNKNOWN)),
        message(1, delivery("eve@example.org", State.SEND_FAILED)),
    ]
    with api.database.writing() as connection:
        write_recorded(connection, 1, kept, [])

    async with signed_in(api, ConsoleRole.LOOK) as browsing:
        page = await browsing.open("/console/today")

        assert "sent: 1" in page.text
        assert "send failed: 1" in page.text
        waits = "Messages of 7 days of which nobody knows whether they arrived"
        assert (waits, "/console/messages?state=unknown") in page.links
        answer = browsing.answer
        assert answer is not None
        assert 2 == answer.text.count("<rect")
        listed = await browsing.open("/console/messages?state=unknown")
    assert ("Hello", f"/console/messages/{ids.show(kept[0].id)}") in listed.links


async def test_lights_say_what_gateway_check_says(api: Served) -> None:
    async with signed_in(api) as browsing:
        for _ in range(100):
            page = await browsing.open("/console/today/live")
            if "for the first time" not in page.text:
                break

    assert f"look at it feed crm {FEED.text}" in page.text
    assert f"well relay main {RELAY.text}" in page.text
    assert page.text.index(FEED.text) < page.text.index(RELAY.text)
    async with signed_in(api, language="fr") as browsing:
        page = await browsing.open("/console/today")
    assert "relais main 127.0.0.1:25 répond et propose PIPELINING" in page.text
    assert "flux crm a été alimenté pour la dernière fois il y a 3 jours" in page.text


async def test_a_page_that_is_left_open_keeps_no_session(api: Served) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)

    def last_use() -> datetime:
        with api.database.reading() as connection:
            seen: datetime = connection.scalars(select(console_sessions.c.seen)).one()
            return seen

    async with signed_in(api) as browsing:
        with api.database.writing() as connection:
            connection.execute(update(console_sessions).values(seen=long_ago))
        await browsing.open("/console/today/live", headers={"hx-request": "true"})
        assert long_ago == last_use()
        await browsing.open("/console/today")
        assert long_ago < last_use()


async def test_where_nothing_is_the_page_says_what_would_be(api: Served) -> None:
    async with signed_in(api, language="nl") as browsing:
        page = await browsing.open("/console/today")

    assert "Er wacht niets. Antwoorden die niet kunnen worden opgeslagen" in page.text
    assert "Geen mail. Wat het CRM via een listener verstuurt" in page.text


async def test_mail_is_stopped_and_let_go_by_whoever_may(api: Served) -> None:
    async with signed_in(api, ConsoleRole.RUN) as browsing:
        await browsing.open("/console/today/pause")
        page = await browsing.press("Stop it", what="all")
        assert "All mail is stopped" in page.text
        with api.database.reading() as connection:
            assert {"all"} == message_lookup.paused_mail(connection)

        page = await browsing.press("Let mail go again")

    assert "Mail goes again." in page.text
    with api.database.reading() as connection:
        assert frozenset() == message_lookup.paused_mail(connection)
        acts = console_acts.list_acts(connection, user=None, before=None, limit=9)
    assert [("anna", "mail.resume", "all"), ("anna", "mail.pause", "all")] == [
        (act.user, act.act, act.about) for act in acts if act.act.startswith("mail.")
    ]


async def test_who_may_not_sees_no_button_and_is_refused(api: Served) -> None:
    async with signed_in(api, ConsoleRole.MANAGE) as browsing:
        page = await browsing.open("/console/today")
        assert "Stop mail…" not in page.text
        await browsing.open("/console/today/pause", status=403)
        token = {"csrf": page.forms[0].fields["csrf"], "what": "all"}
        for path in ("pause", "resume"):
            answer = await browsing.client.post(f"/console/today/{path}", data=token)
            assert 403 == answer.status_code
    with api.database.reading() as connection:
        assert frozenset() == message_lookup.paused_mail(connection)


def test_each_state_is_drawn_on_a_scale_of_its_own() -> None:
    began = datetime(2026, 11, 29, 8, tzinfo=UTC)
    counted: tuple[dict[State, int], ...] = (
        {State.RELAYED: 900, State.REJECTED: 2},
        {},
        {State.RELAYED: 450},
    )
    plot = flow_plot(
        [
            {
                "at": (began + number * timedelta(minutes=15)).isoformat(),
                "deliveries": dict(counts),
            }
            for number, counts in enumerate(counted)
        ],
        UTC,
    )

    relayed, _, _, rejected = plot.bands
    assert [(1350, 1000), (2, 2)] == [(b.total, b.highest) for b in (relayed, rejected)]
    assert [(900, 50.4), (450, 25.2)] == [(bar.count, bar.height) for bar in relayed.bars]
    assert [(2, 56.0)] == [(bar.count, bar.height) for bar in rejected.bars]
    assert ["08:00", "08:30"] == [clock for clock, _ in plot.rows]
    assert [(900, 0, 0, 2), (450, 0, 0, 0)] == [counts for _, counts in plot.rows]


def test_an_hour_that_comes_twice_is_told_apart() -> None:
    began = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)  # Clocks go back at 01:00 UTC.
    plot = flow_plot(
        [
            {
                "at": (began + number * timedelta(minutes=15)).isoformat(),
                "deliveries": {State.RELAYED: 1},
            }
            for number in range(6)
        ],
        ZoneInfo("Europe/Amsterdam"),
    )

    assert ["02:45 CEST", "02:00 CET", "02:15 CET", "02:30 CET", "02:45 CET", "03:00"] == [
        clock for clock, _ in plot.rows
    ]
