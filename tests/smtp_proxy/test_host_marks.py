"""What the workers of one host tell each other at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.smtp_proxy.journaling.host_marks import HostMarks, MarkKind

SELDOM = [MarkKind.AWAITED, MarkKind.LOST]
LARGEST = 2**63 - 1


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[tuple[HostMarks, HostMarks]]:
    """Two workers; a lock belongs to the opened file, so that one process can be both."""
    both = HostMarks(tmp_path / "new" / "in-flight"), HostMarks(tmp_path / "new" / "in-flight")
    yield both
    for marks in both:
        marks.close()


@pytest.mark.parametrize("number", [0, 4, LARGEST])
def test_a_transaction_is_in_flight_at_one_worker(
    workers: tuple[HostMarks, HostMarks], number: int
) -> None:
    one, other = workers
    first = (one.set(MarkKind.IN_FLIGHT, number), other.set(MarkKind.IN_FLIGHT, number))
    seen = other.is_set(MarkKind.IN_FLIGHT, number), one.is_set(MarkKind.IN_FLIGHT, number)
    one.remove(MarkKind.IN_FLIGHT, number)

    assert ((True, False), (True, False)) == (first, seen)
    assert other.set(MarkKind.IN_FLIGHT, number)


@pytest.mark.parametrize("kind", SELDOM)
@pytest.mark.parametrize("number", [0, LARGEST])
def test_seldom_marks_are_shared(
    workers: tuple[HostMarks, HostMarks], kind: MarkKind, number: int
) -> None:
    one, other = workers
    quiet = other.has_seldom
    assert one.set(kind, number)
    assert other.set(kind, number)
    seen = other.has_seldom, other.is_set(kind, number), one.is_set(kind, number)
    one.remove(kind, number)
    other.remove(kind, number)

    assert (False, (True, True, True)) == (quiet, seen)
    assert [False, False] == [one.has_seldom, other.has_seldom]


def test_kinds_and_numbers_are_told_apart(workers: tuple[HostMarks, HostMarks]) -> None:
    one, other = workers
    one.set(MarkKind.LOST, LARGEST)

    assert [False, False, True] == [
        other.is_set(MarkKind.AWAITED, LARGEST),
        other.is_set(MarkKind.LOST, LARGEST - 4),
        other.is_set(MarkKind.LOST, LARGEST),
    ]


def test_a_mark_set_after_a_quiet_time_is_seen(workers: tuple[HostMarks, HostMarks]) -> None:
    one, other = workers
    seen = []
    for _ in range(3):
        seen.append(other.has_seldom)
        one.set(MarkKind.LOST, 4)
        seen.append(other.has_seldom)
        one.remove(MarkKind.LOST, 4)

    assert [False, True] * 3 == seen


def test_what_is_in_flight_is_not_seldom(workers: tuple[HostMarks, HostMarks]) -> None:
    one, other = workers
    one.set(MarkKind.IN_FLIGHT, LARGEST)
    one.set(MarkKind.LOST, 4)
    one.remove(MarkKind.LOST, 4)

    assert not other.has_seldom


def test_the_marks_of_a_worker_end_with_it(tmp_path: Path) -> None:
    one, other = HostMarks(tmp_path / "in-flight"), HostMarks(tmp_path / "in-flight")
    one.set(MarkKind.IN_FLIGHT, 4)
    one.set(MarkKind.LOST, 4)
    one.close()

    assert not other.has_seldom
    assert other.set(MarkKind.IN_FLIGHT, 4)
    other.close()
