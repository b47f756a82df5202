"""The daily report of what came back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import case, delete, update

from gateway.app import common
from gateway.app.checks import check_bounces
from gateway.app.roles import api, bounce_reports
from gateway.app.roles.api import SharesOfWeek, bounce_state, readings_of_shares
from gateway.app.roles.bounce_reports import DailyBounceReport
from gateway.app.wording import SHIPPED_TEMPLATES
from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce, Proof
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import By, State
from gateway.core.people.people import Staff
from gateway.store.bounces import bounces
from gateway.store.bounces.bounce_shares import by_domain
from gateway.store.engine.database import Database
from gateway.store.journal.journal import write_recorded
from gateway.store.schema.bounces import bounces as bounces_table
from gateway.store.schema.journal import deliveries
from gateway.store.sending import outbox
from tests.settings import RELAY, loaded
from tests.store.feeding import tell

NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)
SETTINGS = f"""
time_zone = "UTC"
{RELAY}
[suppression]
language = "en"
[notices]
from = "gateway@office.example"
[bounces]
report_to = "Office <office@office.example>"
"""

SUBJECT = "Bounces and complaints of the last 7 days: too many"


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """A store of which 60 mails know, one of them with a complaint."""
    database = Database(store_url)
    first = ids.first_id_at(NOW - timedelta(days=1))
    mail = [
        Message(
            id=first + number,
            at=NOW - timedelta(days=1),
            listener="crm",
            sender="Crm@Office.example",
            deliveries=(
                Delivery(
                    recipient=f"a{number}@example.org",
                    address=f"a{number}@example.org",
                    state=State.RELAYED,
                    by=By.RELAY,
                ),
            ),
        )
        for number in range(60)
    ]
    complaint = KeptBounce(
        inbox=first + 100,
        position=0,
        message=first,
        proof=Proof.TOKEN,
        kind=BounceKind.COMPLAINT,
        address="a0@example.org",
        recipient="a0@example.org",
        action="",
        status="",
        diagnostic="",
        reason="",
        hard=False,
    )
    with database.writing() as connection:
        write_recorded(connection, 1, mail, [])
        bounces.add(connection, [complaint])
    yield database
    database.close()


def report_in(database: Database) -> EmailMessage:
    """Return the newest report."""
    with database.reading() as connection:
        row = outbox.list_outbox(connection)[0]
    return message_from_bytes(row.body, _class=EmailMessage, policy=policy.default)


async def test_a_report_a_day_goes_out_and_too_much_is_logged(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = loaded(tmp_path, SETTINGS)
    sent = []
    for hours in (-5, 0, 1, 24):  # too early, today, once more, and the day after
        moment = NOW + timedelta(hours=hours)
        monkeypatch.setattr(bounce_reports, "now", lambda moment=moment: moment)
        for _ in range(2):
            await DailyBounceReport(database).write(settings)
        with database.reading() as connection:
            sent.append(len(outbox.list_outbox(connection)))

    with database.reading() as connection:
        row = outbox.list_outbox(connection)[0]
    mail = report_in(database)
    text = str(next(mail.iter_parts()).get_content())
    logged = capsys.readouterr()
    # Once a day, though the role starts anew each time.
    assert 2 == (logged.out + logged.err).count("too_much_comes_back")
    assert [0, 1, 1, 2] == sent
    assert ("office@office.example", "bounce_report") == (row.recipient, row.type)
    assert SUBJECT == mail["subject"]
    assert "Look at office.example to example.org: 1.67% complaints" in text
    assert ["office.example", "example.org", "60", "0", "1"] == text.splitlines()[5].split()[:5]


async def test_the_day_on_which_clocks_go_forward_has_its_report(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = SETTINGS.replace('"UTC"', '"America/New_York"')
    settings = loaded(tmp_path, zone)
    report = DailyBounceReport(database)
    sent = []
    for moment in (
        datetime(2026, 3, 7, 11, 5, tzinfo=UTC),  # 06:05 EST
        datetime(2026, 3, 8, 10, 5, tzinfo=UTC),  # 06:05 EDT
    ):
        monkeypatch.setattr(bounce_reports, "now", lambda moment=moment: moment)
        await report.write(settings)
        with database.reading() as connection:
            sent.append(len(outbox.list_outbox(connection)))

    assert [1, 2] == sent


async def test_too_much_of_many_domains_with_few_mails_each_is_told(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as connection:
        for number in range(2):
            address = case(
                (deliveries.c.message % 2 == number, f"a@firm{number}.example"),
                else_=deliveries.c.address,
            )
            connection.execute(update(deliveries).values(address=address))
    monkeypatch.setattr(bounce_reports, "now", lambda: NOW)

    await DailyBounceReport(database).write(loaded(tmp_path, SETTINGS))

    mail = report_in(database)
    assert SUBJECT == mail["subject"]
    text = str(next(mail.iter_parts()).get_content())
    assert "Look at office.example to *: 1.67% complaints" in text


@pytest.mark.parametrize(
    ("of_settings", "of_staff", "subject"),
    [
        ("", "", "Bounces en klachten van de laatste 7 dagen"),  # as shipped
        ('language = "fr"', "", "Retours et plaintes des 7 derniers jours"),
        ('language = "fr"', "de", "Rückläufer und Beschwerden der letzten 7 Tage"),
        (
            'language = "fr"\nlanguages = {"example" = "nl", "office.example" = "de"}',
            "",
            "Rückläufer und Beschwerden der letzten 7 Tage",
        ),
        ('language = "de"', "pl", "Rückläufer und Beschwerden der letzten 7 Tage"),
    ],
)
async def test_the_report_is_in_the_language_of_its_reader(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    of_settings: str,
    of_staff: str,
    subject: str,
) -> None:
    monkeypatch.setattr(bounce_reports, "now", lambda: NOW)
    if of_staff:
        eva = Staff(crm_id="1", name="Eva", email="Office@Office.example", language=of_staff)
        tell(database, "staff", eva)
    settings = loaded(tmp_path, SETTINGS.replace('language = "en"', of_settings))

    await DailyBounceReport(database).write(settings)

    assert report_in(database)["subject"].startswith(subject)


async def test_wording_of_ones_own_is_used_and_what_is_wrong_with_it_stops_no_report(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "templates" / "bounce_report"
    folder.mkdir(parents=True)
    shipped = (SHIPPED_TEMPLATES / "bounce_report" / "en.txt").read_text()
    settings = loaded(tmp_path, f'{SETTINGS}[templates]\nfolder = "{folder.parent}"\n')
    subjects = []
    for day, wording in enumerate((shipped.replace("Bounces and", "Our"), "nonsense")):
        (folder / "en.txt").write_text(wording)
        monkeypatch.setattr(bounce_reports, "now", lambda day=day: NOW + timedelta(days=day))
        await DailyBounceReport(database).write(settings)
        subjects.append(report_in(database)["subject"])

    logged = capsys.readouterr()
    assert ["Our complaints of the last 7 days: too many", SUBJECT] == subjects
    assert 1 == (logged.out + logged.err).count("report_wording_unusable")


async def test_nobody_gets_a_report_unless_the_settings_name_them(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounce_reports, "now", lambda: NOW)

    await DailyBounceReport(database).write(loaded(tmp_path, RELAY))

    with database.reading() as connection:
        assert [] == outbox.list_outbox(connection)


async def test_an_alarm_comes_to_whoever_is_told_what_nobody_else_is(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounce_reports, "now", lambda: NOW)
    text = f'{RELAY}[notices]\nfallback_to = "boss@office.example"\n'

    await DailyBounceReport(database).write(loaded(tmp_path, text))

    with database.reading() as connection:
        assert ["boss@office.example"] == [row.recipient for row in outbox.list_outbox(connection)]


async def test_metrics_health_and_check_tell_of_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (api, common):
        monkeypatch.setattr(module, "now", lambda: NOW)
    seconds = 1000.0

    shares = SharesOfWeek(database, lambda: seconds)
    known = await shares.known_shares()

    values = {reading.name: dict(reading.values) for reading in readings_of_shares(known)}
    assert {"office.example": 1 / 60} == values["gateway_complaint_share"]
    assert {"office.example": 0.0} == values["gateway_bounce_share"]
    assert "too_many_complaints" == bounce_state(known)
    assert "unknown" == bounce_state(None)
    assert [
        ("warning", "office.example to example.org, last 7 days: 1.67% complaints"),
        ("ok", "last 7 days: 0 bounces and 1 complaint of 60 mails"),
    ] == [
        (finding.level.value, finding.text.partition(",  ")[0].partition(", Gmail")[0])
        for finding in check_bounces.bounce_shares(database)
    ]


async def test_shares_are_counted_anew_after_ten_minutes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "now", lambda: NOW)
    seconds = [1000.0]
    shares = SharesOfWeek(database, lambda: seconds[0])
    first = await shares.known_shares()
    with database.writing() as connection:
        connection.execute(delete(bounces_table))

    assert first == await shares.known_shares()
    seconds[0] += 601
    assert [0] == [share.complaints for share in await shares.known_shares() or ()]


def test_a_message_that_comes_back_twice_came_back_once(database: Database) -> None:
    with database.reading() as connection:
        first = bounces.list_bounces(connection)[0].message
    with database.writing() as connection:
        for number, hard in enumerate((True, False, True)):
            bounce = KeptBounce(
                inbox=ids.first_id_at(NOW) + number,
                position=0,
                message=first,
                proof=Proof.TOKEN,
                kind=BounceKind.BOUNCE,
                address="a0@example.org",
                recipient="a0@example.org",
                action="failed",
                status="5.1.1",
                diagnostic="",
                reason="userunknown",
                hard=hard,
            )
            bounces.add(connection, [bounce])

    with database.reading() as connection:
        (share,) = by_domain(connection, NOW - timedelta(days=7))

    assert (60, 1, 1, 1) == (share.sent, share.bounced, share.hard, share.complaints)
