"""What a process that was killed had begun to send, for whoever finds its rows."""

import os
import time
from pathlib import Path

import pytest

from gateway.runtime import processes
from gateway.triggers.attempt_notes import AttemptNotes, attempts_of, forget_ended, noting_holder
from tests.store.holders import nobody_is_gone, seen_ended

EARLIER = f"{processes.node()} 7.4711.ffffffff triggers"  #: Before the machine was started anew.


@pytest.fixture
def holder(tmp_path: Path) -> str:
    return noting_holder(tmp_path / "new")


def noted(holder: str, *numbers: int) -> AttemptNotes:
    notes = AttemptNotes(holder)
    notes.open()
    for number in numbers:
        notes.note_begun(number)
    return notes


def test_what_was_begun_and_taken_is_known_without_an_end(holder: str) -> None:
    notes = noted(holder, 11, 2**62)
    notes.note_taken(11)

    assert {11: True, 2**62: False} == attempts_of(holder)


def test_that_nothing_was_begun_is_known_too(holder: str) -> None:
    noted(holder)

    assert {} == attempts_of(holder)


def test_nobody_knows_of_a_process_of_an_earlier_boot(tmp_path: Path) -> None:
    earlier = f"{EARLIER} {tmp_path / 'file'}"
    noted(earlier, 11)

    assert attempts_of(earlier) is None


@pytest.mark.parametrize("cut", [1, 8, 9 + 7, 10_000])
def test_nobody_knows_where_the_file_is_broken(holder: str, tmp_path: Path, cut: int) -> None:
    noted(holder, 11, 12)
    [file] = (tmp_path / "new").iterdir()
    file.write_bytes(file.read_bytes()[:-cut])

    assert attempts_of(holder) is None


def test_nobody_knows_of_the_file_of_another(holder: str) -> None:
    noted(holder, 11)

    assert attempts_of(holder.replace(" triggers", ".9 triggers")) is None


@pytest.mark.parametrize("name", ["", "a", "n 7.1.2 triggers"])
def test_nothing_is_noted_where_the_holder_names_no_file(name: str) -> None:
    notes = noted(name, 11)

    assert not notes.are_kept
    assert attempts_of(name) is None


def test_nobody_knows_where_there_is_no_file(holder: str) -> None:
    assert attempts_of(holder) is None


def test_the_last_note_of_a_mail_counts(holder: str) -> None:
    notes = noted(holder, 11, 12)
    notes.note_refused(11)
    notes.note_refused(12)
    notes.note_begun(12)

    assert {12: False} == attempts_of(holder)


def test_a_file_that_could_not_be_made_is_not_made_later(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("no folder")
    holder = noting_holder(tmp_path / "new")
    notes = AttemptNotes(holder)
    with pytest.raises(OSError, match="exists"):
        notes.open()
    (tmp_path / "new").unlink()
    notes.open()

    assert not notes.are_kept
    assert attempts_of(holder) is None


def test_old_files_of_other_containers_are_removed(tmp_path: Path) -> None:
    for name, age in (("old", 2), ("young", 0)):
        file = tmp_path / f"attempts-{name}"
        noted(f"elsewhere 7.4711.ffffffff triggers {file}", 1)
        at = time.time() - age * 24 * 3600
        os.utime(file, (at, at))
    forget_ended(tmp_path, nobody_is_gone)

    assert ["attempts-young"] == [file.name for file in tmp_path.iterdir()]


def test_files_of_the_ended_are_removed(holder: str, tmp_path: Path) -> None:
    another = f"{EARLIER} {tmp_path / 'new' / 'attempts-1'}"
    noted(holder, 1)
    noted(another, 2)
    (tmp_path / "new" / "epoch").write_text("{}")
    forget_ended(tmp_path / "new", seen_ended(another))

    assert {1: False} == attempts_of(holder)
    assert 2 == len(list((tmp_path / "new").iterdir()))
