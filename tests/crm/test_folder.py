"""The folder of the feed."""

import gzip
import json
import os
from codecs import BOM_UTF8
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.core.errors import GatewayError
from gateway.core.feed.feed_mapping import AS_OURS, ColumnMapping, KindMapping, read_mapping
from gateway.core.kinds import TAG_SCOPES
from gateway.core.written import readable_name
from gateway.crm.files import FeedFile
from gateway.crm.folder import feed_folder as folder_module
from gateway.crm.folder.feed_folder import FeedFolder, FolderUnusable, HandledFile
from gateway.crm.folder.laid_aside import file_laid_aside, laid_aside, refused_rows
from gateway.crm.importer import import_file
from gateway.store import schema
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.feed import feed_faults
from tests.crm import test_workbook as workbooks

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder for the feed."""
    path = tmp_path / "feed"
    path.mkdir()
    return path


def opened(database: Database, path: Path) -> FeedFolder:
    """Begin to watch a folder."""
    return FeedFolder(database, path, source="crm", tag_scopes=TAG_SCOPES, clock=lambda: NOW)


def ticking(database: Database, path: Path) -> FeedFolder:
    """Begin to watch a folder, at another time for each file: imports are kept by theirs."""
    times = (NOW + timedelta(seconds=number) for number in count())
    return FeedFolder(
        database, path, source="crm", tag_scopes=TAG_SCOPES, clock=lambda: next(times)
    )


@pytest.fixture
def feed(database: Database, path: Path) -> FeedFolder:
    """Watches the folder."""
    return opened(database, path)


def look_twice(feed: FeedFolder) -> list[HandledFile]:
    """Look until the files stand still."""
    return [*feed.import_settled(), *feed.import_settled()]


def names(path: Path) -> list[str]:
    """Return the files below a folder."""
    return sorted(str(each.relative_to(path)) for each in path.rglob("*") if each.is_file())


def ids(database: Database, table: Any = schema.feed.people) -> list[str]:
    """Return the crm_ids known."""
    with database.reading() as connection:
        return sorted(connection.scalars(select(table.c.crm_id)))


def test_a_file_is_taken_in_and_moved_aside_with_a_report(
    database: Database, path: Path, feed: FeedFolder
) -> None:
    (path / "people-2026.csv").write_text("crm_id,emails\n1,ann@example.org\n2,nowhere\n")

    (handled,) = look_twice(feed)

    report = json.loads((path / "done/people-2026.csv.report.json").read_text())
    assert ("people-2026.csv", "done") == (handled.name, handled.state)
    assert [
        "done/people-2026.csv",
        "done/people-2026.csv.refused.csv",
        "done/people-2026.csv.report.json",
    ] == names(path)
    assert (2, 1, 3) == (report["added"], report["problem_count"], report["problems"][0]["line"])
    assert ["1", "2"] == ids(database)


def test_a_file_that_still_grows_waits(database: Database, path: Path, feed: FeedFolder) -> None:
    file = path / "people.csv"
    file.write_text("crm_id\n1\n")
    first = list(feed.import_settled())
    file.write_text("crm_id\n1\n2\n")
    second = list(feed.import_settled())
    third = list(feed.import_settled())

    assert ([], [], 1) == (first, second, len(third))
    assert ["1", "2"] == ids(database)


@pytest.mark.parametrize(
    "name", ["people.csv.part", "people.csv.tmp", ".people.csv", "~$people.csv", "README.txt"]
)
def test_other_files_are_left_alone(path: Path, feed: FeedFolder, name: str) -> None:
    (path / name).write_text("crm_id\n1\n")
    (path / "people.csv").mkdir()

    assert [] == look_twice(feed)
    assert [name] == names(path)


@pytest.mark.parametrize(
    ("name", "octets", "error"),
    [
        ("people.json", b'{"crm_id": "1"}\n', ""),
        ("memberships.full.json", b"[]", "is a JSON array"),
        ("people.csv.gz", gzip.compress(b"crm_id\n1\n", mtime=0), "is compressed; unpack it"),
        ("people.xls", b"<table><tr><td>crm_id</td></tr></table>", "is a web page or XML"),
        ("Groups.XML", b'<?xml version="1.0"?>', "is a web page or XML"),
    ],
)
def test_no_export_under_another_name_is_left_lying(
    path: Path, feed: FeedFolder, name: str, octets: bytes, error: str
) -> None:
    (path / name).write_bytes(octets)

    [handled] = look_twice(feed)

    assert ("failed" if error else "done") == handled.state
    assert error in handled.error


def test_what_suppresses_comes_first_and_then_the_oldest(path: Path, feed: FeedFolder) -> None:
    rows = {
        "people-b.csv": "crm_id\n1\n",
        "people-a.jsonl": '{"crm_id": "2"}\n',
        "memberships.full.csv": "group,person\n1,1\n",
        "groups.csv": "crm_id\n1\n",
        "statuses.csv": "crm_id\n1\n",
        "Staff.CSV": "crm_id\n1\n",
    }
    for number, (name, text) in enumerate(rows.items()):
        (path / name).write_text(text)
        os.utime(path / name, (number, number))

    handled = look_twice(feed)

    assert [
        "groups.csv",
        "statuses.csv",
        "Staff.CSV",
        "memberships.full.csv",
        "people-b.csv",
        "people-a.jsonl",
    ] == [each.name for each in handled]


def test_a_full_file_replaces_and_another_adds(
    database: Database, path: Path, feed: FeedFolder
) -> None:
    (path / "people.csv").write_text("crm_id\n1\n2\n")
    look_twice(feed)
    (path / "people-more.csv").write_text("crm_id\n3\n")
    look_twice(feed)
    before = ids(database)
    (path / "people.full.csv").write_text("crm_id\n3\n4\n")
    look_twice(feed)

    assert (["1", "2", "3"], ["3", "4"]) == (before, ids(database))


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("people.csv", "shoe_size\n", "unknown column 'shoe_size'"),
        ("people.csv", "", "is empty"),
        ("recipes.csv", "crm_id\n1\n", "no kind of file: groups, statuses, staff"),
    ],
)
def test_an_unreadable_file_fails_alone(
    database: Database, path: Path, feed: FeedFolder, name: str, text: str, reason: str
) -> None:
    (path / name).write_text(text)
    (path / "people-good.csv").write_text("crm_id\n1\n")

    handled = {each.name: each for each in look_twice(feed)}

    assert ("failed", "done") == (handled[name].state, handled["people-good.csv"].state)
    assert reason in json.loads((path / f"failed/{name}.report.json").read_text())["error"]
    assert ["1"] == ids(database)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"people-M\xfcnchen.csv", "people-München.csv"),
        (
            "people-ü-".encode() + b"\xfc.csv",
            "people-ü-ü.csv",
        ),
        (b"people-\x81\n\x1b[2J.csv", "people-\ufffd\ufffd\ufffd[2J.csv"),
        (b"people-\xed\xa0\xbd.csv", "people-í\xa0½.csv"),  # half a character, as Java writes it
        (f"people-{'é' * 122}.csv".encode(), f"people-{'é' * 94}.csv"),  # 255 octets
    ],
)
def test_a_file_is_taken_in_whatever_its_name(
    database: Database, path: Path, name: bytes, shown: str
) -> None:
    Path(os.fsdecode(os.fsencode(path) + b"/" + name)).write_text("crm_id,birthday\n1,\n2,x\n")
    (path / "people-good.csv").write_text("crm_id\n7\n")

    handled = {each.name: each.state for each in look_twice(ticking(database, path))}

    assert ["done", "done"] == list(handled.values())
    assert ["1", "2", "7"] == ids(database)
    assert {f"done/{shown}{end}" for end in ("", ".report.json", ".refused.csv")} <= {*names(path)}
    (aside,) = (each for each in laid_aside(path, 9) if each.has_refused)
    assert shown == aside.name
    with database.reading() as connection:
        past = {done.file for done in feed_faults.list_imports(connection)}
    assert {"people-good.csv", readable_name(os.fsdecode(name))} == past


def test_a_file_moved_aside_by_others_is_found_by_the_name_that_is_shown(path: Path) -> None:
    (path / "done").mkdir()
    for end in (b"", b".report.json", b".refused.csv"):
        Path(os.fsdecode(os.fsencode(path) + b"/done/people-\xfc.csv" + end)).write_text("{}")

    (aside,) = laid_aside(path, 9)

    assert "people-ü.csv" == aside.name
    assert aside == file_laid_aside(path, "done", aside.name)
    assert b"{}" == refused_rows(path, aside)


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"problems": 5}', '{"remarks": 7}', '{"problems": ["x"]}', "[" * 100_000]
)
def test_a_report_that_somebody_else_wrote_is_passed_over(path: Path, text: str) -> None:
    (path / "done").mkdir()
    (path / "done/people.csv.report.json").write_text(text)

    assert [("people.csv", {})] == [(aside.name, aside.report) for aside in laid_aside(path, 9)]


def _breaks(at: str, error: Exception) -> Any:
    """Import, and fail at a file of this name."""

    def broken(database: Database, kind: str, file: Path, **terms: Any) -> Any:
        if file.name == at:
            raise error
        return import_file(database, kind, file, **terms)

    return broken


def test_a_fault_of_the_gateway_at_one_file_keeps_no_other_back(
    database: Database, path: Path, feed: FeedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("groups.csv", "people.csv", "staff.csv"):
        (path / name).write_text("crm_id\n1\n")
    monkeypatch.setattr(folder_module, "import_file", _breaks("people.csv", KeyError("\ud83d x")))

    handled = {each.name: each for each in look_twice(feed)}

    assert {"groups.csv": "done", "staff.csv": "done", "people.csv": "failed"} == {
        name: each.state for name, each in handled.items()
    }
    assert isinstance(handled["people.csv"].fault, KeyError)
    document = json.loads((path / "failed/people.csv.report.json").read_text())
    assert "the gateway failed on this file (KeyError: " in document["error"]


def test_no_cell_of_the_refused_rows_is_a_formula(path: Path, feed: FeedFolder) -> None:
    (path / "people.csv").write_text("crm_id,first_name,birthday\n1,=cmd|x,=x\n")

    look_twice(feed)

    _, row = (path / "done/people.csv.refused.csv").read_text().splitlines()
    assert row.startswith("1,'=cmd|x,'=x,2,")


def test_a_fault_at_the_refused_rows_leaves_the_file_imported_and_moved(
    database: Database, path: Path, feed: FeedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path / "people.csv").write_text("crm_id,birthday\n1,x\n")
    monkeypatch.setattr(folder_module, "write_refused", _raise(KeyError("rows")))

    (handled,) = look_twice(feed)

    assert ("done", KeyError) == (handled.state, type(handled.fault))
    assert ["done/people.csv", "done/people.csv.report.json"] == names(path)


def test_a_fault_within_an_import_counts_as_one_of_its_kind(
    database: Database, path: Path, feed: FeedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path / "people.csv").write_text("crm_id\n1\n")
    monkeypatch.setattr(FeedFile, "blocks", _raise(ZeroDivisionError("by none")))

    (handled,) = look_twice(feed)

    assert "failed" == handled.state
    with database.reading() as connection:
        (state,) = feed_faults.states(connection)
    assert state.fault is not None
    assert ("ZeroDivisionError: by none", True) == (state.fault.reason, state.fault.failed)


def _raise(error: Exception) -> Any:
    def fail(*_: object) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("error", [StoreUnavailable("not now"), GatewayError("no keys")])
def test_a_file_that_fails_for_another_reason_waits_and_the_others_go_on(
    database: Database,
    path: Path,
    feed: FeedFolder,
    monkeypatch: pytest.MonkeyPatch,
    error: GatewayError,
) -> None:
    for name in ("groups.csv", "staff.csv"):
        (path / name).write_text("crm_id\n1\n")
    with monkeypatch.context() as patched:
        patched.setattr(folder_module, "import_file", _breaks("groups.csv", error))
        states = {each.name: (each.state, each.error) for each in look_twice(feed)}
    (later,) = feed.import_settled()

    assert {"groups.csv": ("waiting", str(error)), "staff.csv": ("done", "")} == states
    assert ("groups.csv", "done") == (later.name, later.state)


def test_a_file_that_cannot_be_moved_is_taken_in_once_and_keeps_no_other_back(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path / "people-1.csv").write_text("crm_id,first_name\n1,Ann\n")
    (path / "people-2.csv").write_text("crm_id,first_name\n1,Anna\n")
    rename = Path.rename

    def stuck(self: Path, target: Path) -> Path:
        return rename(self, target) if self.name == "people-2.csv" else _fail(self, target)

    feed, handled = ticking(database, path), list[str]()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", stuck)
        list(feed.import_settled())
        for _ in range(3):
            with pytest.raises(FolderUnusable, match="No space left"):
                handled.extend(each.name for each in feed.import_settled())
        left = names(path)
    (last,) = feed.import_settled()

    assert ["done/people-2.csv", "done/people-2.csv.report.json", "people-1.csv"] == left
    assert ["people-2.csv"] == handled
    assert "people-1.csv" == last.name
    with database.reading() as connection:
        assert ["Anna"] == list(connection.scalars(select(schema.feed.people.c.first_name)))
        assert 2 == len(feed_faults.list_imports(connection))


def test_a_report_that_no_room_is_left_for_leaves_nothing(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path / "people.csv").write_text("crm_id,birthday\n1,\n2,x\n")
    feed = opened(database, path)
    with monkeypatch.context() as patched:
        patched.setattr(folder_module, "write_refused", _write_a_part)
        list(feed.import_settled())
        for _ in range(3):
            with pytest.raises(FolderUnusable, match="No space left"):
                list(feed.import_settled())
        left = names(path)
    list(feed.import_settled())

    assert ["people.csv"] == left
    assert [
        "done/people.csv",
        "done/people.csv.refused.csv",
        "done/people.csv.report.json",
    ] == names(path)


def _write_a_part(_file: FeedFile, _report: object, target: Path) -> None:
    target.write_text("crm_")
    _fail(target, target)


def test_a_link_is_not_followed(path: Path, tmp_path: Path, feed: FeedFolder) -> None:
    secret = tmp_path / "gateway.env"
    secret.write_text("PASSWORD=sesame\n1\n")
    for name in ("groups.csv", "people.full.csv"):
        (path / name).symlink_to(secret)

    handled = look_twice(feed)

    assert [("failed", "a link: drop the file itself")] * 2 == [
        (each.state, each.error) for each in handled
    ]
    for report in (path / "failed").glob("*.report.json"):
        assert "sesame" not in report.read_text()
    assert "PASSWORD=sesame\n1\n" == secret.read_text()


@pytest.mark.parametrize("ending", ["", ".report.json", ".refused.csv"])
def test_nothing_is_written_where_a_link_leads(
    path: Path, tmp_path: Path, feed: FeedFolder, ending: str
) -> None:
    (path / "done").mkdir()
    (path / f"done/people.csv{ending}").symlink_to(tmp_path / "elsewhere")
    (path / "people.csv").write_text("crm_id,birthday\n1,\n2,x\n")

    look_twice(feed)

    assert not (tmp_path / "elsewhere").exists()
    assert (path / f"done/people.{NOW:%Y%m%dT%H%M%S}-1.csv.refused.csv").exists()


def test_a_link_to_itself_keeps_no_file_back(
    database: Database, path: Path, feed: FeedFolder
) -> None:
    (path / "groups.csv").symlink_to(path / "groups.csv")
    (path / "people.csv").write_text("crm_id\n1\n")

    assert ["people.csv"] == [each.name for each in look_twice(feed)]


def test_what_the_guard_holds_back_fails_and_says_how_to_go_on(
    database: Database, path: Path, feed: FeedFolder
) -> None:
    numbers = "".join(f"{number},p{number}@example.org\n" for number in range(25))
    (path / "people.csv").write_text(f"crm_id,emails\n{numbers}")
    (path / "groups.csv").write_text("crm_id,tag\ng,NoMailingsTag\n")
    members = "".join(f"g,{number}\n" for number in range(25))
    (path / "memberships.csv").write_text(f"group,person\n{members}")
    look_twice(feed)
    (path / "memberships.full.csv").write_text("group,person\n")

    (handled,) = look_twice(feed)

    assert ("failed", True) == (handled.state, (path / "failed/memberships.full.csv").exists())
    assert handled.error == (
        "would lift 25 of 25 suppressions; nothing was applied. If that is right: "
        "gateway import memberships FILE --lift --replace"
    )


def test_a_file_is_not_taken_in_twice_after_a_crash_before_it_was_moved(
    database: Database, path: Path, feed: FeedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = path / "people.full.csv"
    file.write_text("crm_id\n1\n")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", _fail)
        with pytest.raises(FolderUnusable):
            look_twice(feed)
    other = path.parent / "other.csv"
    other.write_text("crm_id\n2\n")
    import_file(database, "people", other, source="crm", now=NOW)

    (handled,) = look_twice(opened(database, path))

    assert ("done", None) == (handled.state, handled.report)
    assert ["1", "2"] == ids(database)
    assert not file.exists()


def _fail(self: Path, target: Path) -> Path:
    raise OSError(28, "No space left on device", str(target))


def test_the_same_name_dropped_again_is_taken_in_again(
    database: Database, path: Path, feed: FeedFolder
) -> None:
    (path / "people.csv").write_text("crm_id\n1\n")
    look_twice(feed)
    (path / "people.csv").write_text("crm_id\n1\n")

    (handled,) = look_twice(feed)

    assert handled.report is not None
    assert 1 == handled.report.outcome.unchanged
    assert [
        "done/people.20261120T090000-1.csv",
        "done/people.20261120T090000-1.csv.report.json",
        "done/people.csv",
        "done/people.csv.report.json",
    ] == names(path)


def test_a_file_that_changes_while_it_is_read_is_looked_at_again(
    database: Database, path: Path, feed: FeedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = path / "people.csv"
    file.write_text("crm_id\n1\n")

    def import_and_append(*arguments: Any, **terms: Any) -> Any:
        report = import_file(*arguments, **terms)
        with file.open("a") as more:
            more.write("2\n")
        return report

    with monkeypatch.context() as patched:
        patched.setattr(folder_module, "import_file", import_and_append)
        meanwhile = look_twice(feed)
    afterwards = look_twice(feed)

    assert ([], 1) == (meanwhile, len(afterwards))
    assert ["1", "2"] == ids(database)


def test_a_folder_that_is_not_there_is_named(database: Database, tmp_path: Path) -> None:
    with pytest.raises(FolderUnusable, match="nowhere: No such file or directory: make it"):
        list(opened(database, tmp_path / "nowhere").import_settled())


def test_exports_are_taken_as_they_come_by_the_mapping_of_their_kind(
    database: Database, path: Path
) -> None:
    mappings = {"people": read_mapping("people", {"crm_id": "KandidaatID", "ignore": "*"}, {})}
    feed = FeedFolder(
        database,
        path,
        source="crm",
        tag_scopes=TAG_SCOPES,
        clock=lambda: NOW,
        mapping=lambda kind: mappings.get(kind, AS_OURS),
    )
    (path / "people.full.txt").write_bytes("KandidaatID;Status;Hut\r17;s3;Zoë\r".encode("cp1252"))
    rows = workbooks.sheet([workbooks.text("crm_id")], [workbooks.number(5)])
    workbooks.workbook(path / "groups.xlsx", {"a": rows})
    (path / "statuses.tsv").write_text("crm_id\tname\n3\tWeg\n")
    (path / "notes.txt").write_text("not ours")
    (path / "people.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")

    handled = {each.name: each for each in look_twice(feed)}

    assert {
        "people.full.txt": "done",
        "groups.xlsx": "done",
        "statuses.tsv": "done",
        "people.xls": "failed",
    } == {name: each.state for name, each in handled.items()}
    assert "save it as .xlsx without a password" in handled["people.xls"].error
    assert (["17"], ["5"], ["3"]) == (
        ids(database),
        ids(database, schema.feed.groups),
        ids(database, schema.feed.statuses),
    )
    report = handled["people.full.txt"].report
    assert report is not None
    assert report.replace
    assert "read as Windows-1252 with semicolons between the fields" in report.remarks
    assert ["notes.txt"] == [each for each in names(path) if "/" not in each]


def test_a_file_of_which_nothing_could_be_taken_in_has_failed(
    database: Database, path: Path, feed: FeedFolder
) -> None:
    (path / "people.csv").write_text("crm_id,emails\n,ann@example.org\n,ben@example.org\n")

    (handled,) = look_twice(feed)

    assert "failed" == handled.state
    assert "no row could be imported; line 2: crm_id: is blank" in handled.error
    assert ["failed/people.csv", "failed/people.csv.report.json"] == names(path)


@pytest.mark.parametrize("table", ["crm_id;emails;birthday", "KandidaatID;emails;birthday"])
def test_rows_not_taken_in_whole_are_laid_beside_as_they_stood_and_can_be_dropped_again(
    database: Database, path: Path, table: str
) -> None:
    mapping = KindMapping(columns={"crm_id": ColumnMapping(columns=("KandidaatID",))})
    feed = FeedFolder(
        database,
        path,
        source="crm",
        tag_scopes=TAG_SCOPES,
        clock=lambda: NOW,
        mapping=lambda _: mapping if "Kan" in table else AS_OURS,
    )
    rows = f"{table}\n1;ann@example.org;\n2;ben@example.org;someday\n;cas@example.org;\n"
    (path / "people.full.csv").write_bytes(rows.encode() + "9;d\xe9@x;?\n".encode("latin-1"))

    look_twice(feed)
    refused = path / "done/people.full.csv.refused.csv"
    header, *lines = refused.read_text("utf-8-sig", errors="surrogateescape").splitlines()
    refused.rename(path / "people-mended.csv")
    mended = (path / "people-mended.csv").read_bytes().replace(b"someday", b"1980-12-31")
    (path / "people-mended.csv").write_bytes(mended.replace(b"\n;cas", b"\n3;cas"))
    (again,) = look_twice(feed)

    assert f"{table};line;reason" == header
    assert ["2;ben@example.org;someday;3", ";cas@example.org;;4"] == [
        ";".join(line.split(";")[:4]) for line in lines[:2]
    ]
    assert "birthday" in lines[0]
    assert "done" == again.state
    assert again.report is not None
    assert {"1", "2", "3"} <= set(ids(database))


def test_rows_that_name_nothing_known_are_laid_beside_too(
    database: Database, path: Path, feed: FeedFolder
) -> None:
    (path / "groups.csv").write_text("crm_id,name\ng1,One\n")
    (path / "memberships.csv").write_text("group,person\ng1,1\nx9,1\nx9,2\n")

    look_twice(feed)

    _, *lines = (path / "done/memberships.csv.refused.csv").read_text().splitlines()
    assert ["x9,1,3", "x9,2,4"] == [",".join(line.split(",")[:3]) for line in lines]


@pytest.mark.parametrize(
    ("written", "mark", "row"),
    [
        (b"crm_id;first_name;birthday\n1;Ann;x\n2;Ben;\n", b"", "1;Ann;x;2;"),
        (b"sep=;\ncrm_id;first_name;birthday\n1;Ann;x\n2;Ben;\n", b"", "1;Ann;x;3;"),
        (
            "crm_id\tfirst_name\tbirthday\n1\tZoë\tx\n2\tBen\t\n".encode(),
            BOM_UTF8,
            "1\tZoë\tx\t2\t",
        ),
        (b"crm_id;first_name;birthday\n1;Zo\xeb;x\n2;Ben;\n", BOM_UTF8, "1;Zoë;x;2;"),
        (b"sep=!\ncrm_id!first_name!birthday\n1!Ann!x\n2!Ben!\n", b"", "1,Ann,x,3,"),
        (
            b'{"crm_id": "1", "first_name": "Ann", "birthday": "x"}\n{"crm_id": "2"}\n',
            b"",
            "1,Ann,x,1,",
        ),
        (
            b'{"crm_id": "1", "first_name": "\\ud83d", "birthday": "x"}\n{"crm_id": "2"}\n',
            BOM_UTF8,
            "1,\ufffd,x,1,",
        ),
    ],
)
def test_refused_rows_look_right_in_the_spreadsheet_their_file_came_from(
    path: Path, feed: FeedFolder, written: bytes, mark: bytes, row: str
) -> None:
    ending = "jsonl" if written.startswith(b"{") else "csv"
    (path / f"people.{ending}").write_bytes(written)

    look_twice(feed)

    octets = (path / f"done/people.{ending}.refused.csv").read_bytes()
    assert mark == (BOM_UTF8 if octets.startswith(BOM_UTF8) else b"")
    assert octets.decode("utf-8-sig").splitlines()[1].startswith(row)
