"""What the report of a run says of those who got no mail."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gateway.core import ids
from gateway.core.sending.mail_wording import parse_mail_wording
from gateway.core.triggers.occurrence import Occurrence, OccurrenceState
from gateway.core.triggers.run_report import RUN_REPORT, details, values_of_report
from gateway.core.triggers.trigger_run import RunState, SkippedPerson, TriggerRun
from tests.core.events.known import ANN, BOB, TODAY

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
FILE = Path(__file__).parents[2] / "config" / "templates" / "trigger_report" / "en.txt"
ENGLISH = parse_mail_wording(FILE.read_text(), "en", RUN_REPORT)
RUN = TriggerRun(
    id=1, trigger="birthday", day=TODAY, state=RunState.OPEN, due=3, skipped=1,
    skips=(SkippedPerson(BOB, "", "not active"),),
    counts={OccurrenceState.SENT: 2, OccurrenceState.DUE: 1},
)  # fmt: skip


def row(state: OccurrenceState, reason: str, about: str = "") -> Occurrence:
    return Occurrence(
        id=ids.first_id_at(NOW), trigger="birthday", event="birthday", person=ANN,
        occurrence=TODAY.isoformat(), about=about, recipient="", run=1, state=state,
        reason=reason, due_at=NOW, latest_at=None, next_at=None, facts="", address="", subject="",
        message_id="", body=None, message=None, attempts=0, settled_at=None,
    )  # fmt: skip


#: In the order of the ledger, which is not the one of the report.
ROWS = [
    row(OccurrenceState.SKIPPED, "no consent to e-mail", "q1"),
    row(OccurrenceState.DUE, "451 4.3.0 later"),
    row(OccurrenceState.DUE, ""),
    row(OccurrenceState.SENT, ""),
    row(OccurrenceState.FAILED, "550 5.1.1 unknown"),
    row(OccurrenceState.UNKNOWN, "silence"),
    row(OccurrenceState.EXPIRED, "too late to be of use"),
]


def test_who_got_no_mail_is_named_with_why_faults_first() -> None:
    assert [
        "- candidate:ann: failed: 550 5.1.1 unknown",
        "- candidate:ann: unknown: silence",
        "- candidate:ann: too late: too late to be of use",
        "- candidate:ann: put off: 451 4.3.0 later",
        "- candidate:ann q1: no consent to e-mail",
        "- candidate:bob: not active",
    ] == details(RUN, ROWS, ENGLISH)


def test_in_french_a_blank_stands_before_each_colon_and_one_mail_is_one() -> None:
    french = parse_mail_wording(
        (FILE.parent / "fr.txt").read_text(encoding="utf-8"), "fr", RUN_REPORT
    )

    assert "- candidate:ann : échec : 550 5.1.1 unknown" == details(RUN, ROWS, french)[0]
    assert "birthday : envoyés 2, ignorés 1, en échec 0" == french.head(
        values_of_report(RUN, ROWS, french)
    )


def test_no_more_than_a_hundred_are_named_and_the_rest_counted() -> None:
    lines = details(replace(RUN, skips=RUN.skips * 103), [], ENGLISH)

    assert (101, "- … (3)") == (len(lines), lines[-1])


@pytest.mark.parametrize("language", ["nl", "de", "fr", "en"])
@pytest.mark.parametrize(
    ("url", "where", "resume"),
    [
        ("", "gateway triggers history", "gateway triggers resume"),
        (
            "https://gateway.example",
            "https://gateway.example/console/triggers/history",
            "https://gateway.example/console/triggers",
        ),
    ],
)
def test_a_report_names_pages_where_it_is_known_where_they_are(
    url: str, where: str, resume: str, language: str
) -> None:
    file = FILE.parent / f"{language}.txt"
    wording = parse_mail_wording(file.read_text(encoding="utf-8"), language, RUN_REPORT)
    run = replace(RUN, counts={OccurrenceState.HELD: 1})

    said = wording.body(values_of_report(run, [], wording, console_url=url))

    assert f" {where}\n" in f"{said}\n"
    assert f" {resume})" in said


def test_what_did_not_happen_has_no_number_and_so_no_line() -> None:
    filled = values_of_report(replace(RUN, day=date(2027, 3, 1)), [], ENGLISH)

    assert ("1 March 2027", "2", "1", "0") == (
        filled["day"], filled["sent"], filled["skipped"], filled["failed"],
    )  # fmt: skip
    assert ("1", "", "", "") == (
        filled["waiting"], filled["unknown"], filled["expired"], filled["held"],
    )  # fmt: skip
    assert "Too late" not in ENGLISH.body(filled)
