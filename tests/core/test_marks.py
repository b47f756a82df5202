"""By what a retry is known: who sent what to whom, and when."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.journal.attempt import (
    SAME_DATE,
    Attempt,
    RetryMarks,
    date_in_seconds,
    is_same_date,
)
from gateway.core.mail.headers import Headers

ARRIVED = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
HEAD = "From: Ann <ann@crm.example>\r\nSubject: Vacature\r\nMessage-ID: <1@crm.example>\r\n\r\n"


def marks(
    head: str = HEAD,
    *,
    sender: str = "ann@crm.example",
    to: tuple[str, ...] = ("bob@example.org", "eve@example.org"),
) -> tuple[int, int]:
    found = RetryMarks(sender, to, [one.lower() for one in to], Headers.parse(head.encode()))
    return found.fingerprint, found.likeness


@pytest.mark.parametrize(
    ("again", "is_same", "is_like"),
    [
        (marks(), True, True),
        (marks(to=("eve@example.org", "bob@example.org")), True, True),
        (marks(to=("Bob@example.org", "eve@example.org")), False, True),
        (marks(HEAD.replace("<1@", "<2@")), False, True),
        (marks(HEAD.replace("Message-ID: <1@crm.example>\r\n", "")), False, True),
        (marks(HEAD.replace("Vacature", "Vacatures")), True, False),
        (marks(HEAD.replace("Ann <", "Anne <")), True, False),
        (marks(to=("bob@example.org",)), False, False),
        (marks(to=("bob@example.org", "eve@example.org", "joe@example.org")), False, False),
        (marks(sender="other@crm.example"), False, False),
    ],
)
def test_marks(again: tuple[int, int], is_same: bool, is_like: bool) -> None:
    assert (is_same, is_like) == tuple(
        one == other for one, other in zip(marks(), again, strict=True)
    )


def test_without_an_id_the_subject_tells_mails_apart() -> None:
    head = "Subject: {}\r\n\r\n"

    assert marks(head.format("one"))[0] != marks(head.format("two"))[0]


@pytest.mark.parametrize(
    ("date", "after"),
    [
        ("Sat, 28 Nov 2026 11:00:00 +0100", 0),
        ("Sat, 28 Nov 2026 10:05:00 +0000", 300),
        ("28 Nov 2026 10:00:01 -0000", 1),
        ("", 0),
        ("yesterday", 0),
        ("Sat, 99 Nov 2026 10:00:00 +0000", 0),
        ("Sat, 28 Nov 2026 10:00:00 +9999999999999999999", 0),
    ],
)
def test_a_date_that_cannot_be_read_is_the_time_it_came(date: str, after: int) -> None:
    assert int(ARRIVED.timestamp()) + after == date_in_seconds(date, ARRIVED)


@pytest.mark.parametrize(
    ("apart", "expected"),
    [(timedelta(), True), (SAME_DATE, True), (SAME_DATE + timedelta(seconds=1), False)],
)
def test_dates_of_two_tries_are_near(apart: timedelta, expected: bool) -> None:
    first = date_in_seconds("", ARRIVED)
    later = date_in_seconds("", ARRIVED + apart)
    known = Attempt(fingerprint=1, message=1, state="verdict", content_hash="a", dated=first)

    assert [expected] * 4 == [
        is_same_date(first, later),
        is_same_date(later, first),
        known.is_first_of("a", later),
        known.is_first_of("a", first - (later - first)),
    ]


def test_content_counts_whatever_the_date() -> None:
    known = Attempt(fingerprint=1, message=1, state="verdict", content_hash="a")

    assert [True, False] == [known.is_first_of(content, 0) for content in ("a", "b")]
