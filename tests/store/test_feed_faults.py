"""What is kept of files that were not taken in whole, by kind."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.crm.files import FileRefused
from gateway.crm.importer import import_file
from gateway.store.engine.database import Database
from gateway.store.feed.feed_faults import KindState
from gateway.store.views.status import protected_without_address, snapshot
from tests.store.feeding import NOW, deceased, member, no_bulk, person, tell

DAY = timedelta(days=1)


def drop(database: Database, folder: Path, kind: str, text: str, *, days: int = 0) -> None:
    file = folder / f"{kind}.csv"
    file.write_text(text)
    import_file(database, kind, file, source="crm", now=NOW + days * DAY)


def states(database: Database) -> dict[str, KindState]:
    with database.reading() as connection:
        return {one.what: one for one in snapshot(connection).kinds}


def test_a_file_of_which_nothing_was_taken_in_leaves_the_age_of_its_kind(
    database: Database, tmp_path: Path
) -> None:
    drop(database, tmp_path, "people", "crm_id\n17\n")
    drop(database, tmp_path, "people", "crm_id,owner\n,u1\n", days=1)
    drop(database, tmp_path, "people", "crm_id,owner\n,u1\n", days=2)
    drop(database, tmp_path, "groups", "crm_id\ng1\n", days=2)

    people, groups = states(database)["people"], states(database)["groups"]

    assert (NOW, None) == (people.at, groups.fault)
    assert people.fault is not None
    assert (True, 1, NOW + DAY) == (
        people.fault.failed,
        people.fault.problems,
        people.fault.since,
    )


def test_a_fault_ends_with_the_next_whole_file(database: Database, tmp_path: Path) -> None:
    drop(database, tmp_path, "people", "crm_id,birthday\n17,never\n")
    partly = states(database)["people"].fault
    drop(database, tmp_path, "people", "crm_id,birthday\n17,1980-12-31\n", days=1)

    assert partly is not None
    assert (False, 1) == (partly.failed, partly.problems)
    assert states(database)["people"].fault is None


def test_a_file_refused_as_a_whole_is_kept_too(database: Database, tmp_path: Path) -> None:
    with pytest.raises(FileRefused):
        drop(database, tmp_path, "people", "nonsense\n1\n")

    state = states(database)["people"]
    assert state.at is None
    assert state.fault is not None
    assert (True, "people.csv") == (state.fault.failed, state.fault.file)
    # Not in which folder it lay: those of uploads are gone.
    assert state.fault.reason.startswith("unknown column 'nonsense'")


def test_a_dry_run_keeps_nothing(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("crm_id,birthday\n17,never\n")

    import_file(database, "people", file, source="crm", now=NOW, dry_run=True)

    assert {} == states(database)


def test_people_kept_from_mail_who_have_no_address_are_counted_once(database: Database) -> None:
    tell(database, "statuses", deceased())
    tell(database, "groups", no_bulk(), no_bulk("idle", active=False))
    tell(
        database,
        "people",
        person("1", status="deceased"),
        person("2"),
        person("3", "cas@example.org", status="deceased"),
        person("4"),
    )
    tell(database, "memberships", member("1"), member("2"), member("3"), member("4", "idle"))

    with database.reading() as connection:
        assert 2 == protected_without_address(connection)
