"""No import, however broken, lets a mail pass that was stopped before or that its rows stop."""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.core.decision.decide import blocking
from gateway.core.kinds import TAG_SCOPES, Kind, Scope
from gateway.crm.files import FileRefused
from gateway.crm.importer import import_file
from gateway.crm.kinds import KINDS
from gateway.store.engine.database import Database
from gateway.store.people.suppression import Standings

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
HEADERS = {
    "groups": "crm_id,name,tag,active",
    "statuses": "crm_id,name,tag",
    "memberships": "group,person",
    "people": "crm_id,first_name,emails,status,birthday,consent_email,active",
}
STATUSES = {"dead": "NoMailTag", "quiet": "NoMailingsTag", "at work": ""}
GROUPS = {"g1": "NoMailingsTag", "g2": "NoMailTag", "g3": ""}
PEOPLE = range(100, 112)
SHARED = "shared@example.org"
Blocked = frozenset[tuple[str, Kind]]


@dataclass(slots=True)
class Files:
    """An export: the rows of each kind of file, and which of them were touched."""

    rows: dict[str, list[list[str]]]
    #: What a file is made of once it is broken as a whole.
    texts: dict[str, bytes] = field(default_factory=dict)
    touched: set[tuple[str, int]] = field(default_factory=set)
    whole_looking: set[str] = field(default_factory=set)  #: And yet rows are missing.

    def text(self, kind: str) -> bytes:
        if kind in self.texts:
            return self.texts[kind]
        lines = [HEADERS[kind], *(",".join(row) for row in self.rows[kind])]
        return "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")


def export(dice: random.Random) -> Files:
    """Make an office of a dozen people, some suppressed by status, some by group."""
    people = [
        [
            str(number),
            f"Ann{number}",
            ";".join(
                [*(f"{name}{number}@example.org" for name in "ab"[: dice.randint(1, 2)])]
                + [SHARED] * (dice.random() < 0.2)
            ),
            dice.choice([*STATUSES, "at work"]),
            "1980-05-31",
            dice.choice(["yes", "no"]),
            "yes",
        ]
        for number in PEOPLE
    ]
    members = [[dice.choice(list(GROUPS)), row[0]] for row in people if dice.random() < 0.5]
    return Files(
        {
            "groups": [[key, f"Group {key}", tag, "yes"] for key, tag in GROUPS.items()],
            "statuses": [[key, f"Status {key}", tag] for key, tag in STATUSES.items()],
            "memberships": members,
            "people": people,
        }
    )


def unreadable(files: Files, kind: str, dice: random.Random) -> None:
    """Spoil a cell that is no key: what is there can't be read."""
    row = dice.randrange(len(files.rows[kind]))
    columns = HEADERS[kind].split(",")
    plain = [at for at, name in enumerate(columns) if name not in KINDS[kind].needed]
    if not plain:
        return
    at = dice.choice(plain)
    files.rows[kind][row][at] = dice.choice(["\0", "x\udc81"])
    if columns[at] in ("tag", "status", "emails"):
        files.touched.add((kind, row))


def odd_value(files: Files, kind: str, dice: random.Random) -> None:
    """Write what its column can't hold."""
    if kind != "people":
        return
    row = dice.randrange(len(files.rows[kind]))
    files.rows[kind][row][dice.choice([4, 5, 6])] = dice.choice(["31.31.1980", "perhaps", "=A1"])


def again(files: Files, kind: str, dice: random.Random) -> None:
    """Tell a record once more, with a status or tag less."""
    rows = files.rows[kind]
    copy = list(dice.choice(rows))
    for at, name in enumerate(HEADERS[kind].split(",")):
        if name in ("tag", "status", "active", "emails") and dice.random() < 0.5:
            copy[at] = dice.choice(["", "no"]) if name == "active" else ""
    rows.insert(dice.randrange(len(rows) + 1), copy)


def more_or_fewer_fields(files: Files, kind: str, dice: random.Random) -> None:
    """Lose a separator, or put one where none belongs."""
    row = dice.randrange(len(files.rows[kind]))
    if (kind, row) in files.touched:
        return  # Broken twice it may look whole.
    cells = files.rows[kind][row]
    at = dice.randrange(len(cells))
    if dice.random() < 0.5:
        cells[at : at + 2] = ["".join(cells[at : at + 2])]
    else:
        cells.insert(at, dice.choice(["", "x"]))
    files.touched.add((kind, row))


def line_end(files: Files, kind: str, dice: random.Random) -> None:
    """Break a row in two within a cell."""
    row = dice.randrange(len(files.rows[kind]))
    if (kind, row) in files.touched:
        return  # Broken twice it may look whole.
    cells = files.rows[kind][row]
    at = dice.randrange(len(cells))
    place = dice.randint(0, len(cells[at]))
    cells[at] = f"{cells[at][:place]}\n{cells[at][place:]}"
    files.touched.add((kind, row))


def open_quote(files: Files, kind: str, dice: random.Random) -> None:
    """Open a quote and close it nowhere: what follows can't be told apart."""
    row = dice.randrange(len(files.rows[kind]))
    at = dice.randrange(len(files.rows[kind][row]))
    files.rows[kind][row][at] = f'"{files.rows[kind][row][at]}'
    files.touched |= {(kind, each) for each in range(len(files.rows[kind]))}


def cut(files: Files, kind: str, dice: random.Random) -> None:
    """End the file anywhere behind its header."""
    text = files.text(kind)
    end = dice.randint(len(HEADERS[kind]) + 1, len(text))
    files.texts[kind] = text[:end]
    # Cut off between two rows, or in the key of a membership, a file looks whole.
    if text[:end].rpartition(b"\n")[2].count(b",") in (0, HEADERS[kind].count(",")):
        files.whole_looking.add(kind)
    whole = text[:end].count(b"\n") - 1
    files.touched |= {(kind, each) for each in range(whole, len(files.rows[kind]))}


Mangler = Callable[[Files, str, random.Random], None]
MANGLERS: tuple[Mangler, ...] = (
    unreadable,
    odd_value,
    again,
    more_or_fewer_fields,
    line_end,
    open_quote,
    cut,
)
#: The others are done to several rows.
ONCE = (open_quote, cut)
#: These end the rest of a file, or move its rows: nothing else may come after.
LAST = (open_quote, cut, line_end, more_or_fewer_fields, again)


def take(database: Database, files: Files, folder: Path, dice: random.Random | None) -> None:
    """Take the files in; with dice, some of them replace what was told before."""
    for kind in HEADERS:
        path = folder / f"{kind}.csv"
        path.write_bytes(files.text(kind))
        replace = dice is not None and dice.random() < 0.3 and kind not in files.whole_looking
        with suppress(FileRefused):
            import_file(database, kind, path, source="crm", now=NOW, replace=replace)


def blocked(database: Database, addresses: list[str]) -> Blocked:
    """Return which addresses get no mail of which kind."""
    standings = Standings(database, tag_scopes=TAG_SCOPES, clock=lambda: NOW)
    found = standings.now(addresses)
    standings.close()
    return frozenset(
        (address, kind)
        for address, standing in found.items()
        for kind in Kind
        if blocking(kind, standing)
    )


def wanted(files: Files, original: Files) -> Iterator[tuple[str, Kind]]:
    """Yield what the untouched rows of mangled files say is stopped."""
    intact = {
        kind: [row for at, row in enumerate(rows) if (kind, at) not in files.touched]
        for kind, rows in original.rows.items()
    }
    tags = {row[0]: row[2] for row in intact["statuses"]}
    groups = {row[0]: row[2] for row in intact["groups"]}
    for person in intact["people"]:
        mine = [tags.get(person[3], "")]
        mine += [groups.get(group, "") for group, who in intact["memberships"] if who == person[0]]
        scopes = [TAG_SCOPES[tag] for tag in mine if tag]
        for address in person[2].split(";"):
            if {Scope.ALL, Scope.BULK} & set(scopes):
                yield address, Kind.BULK
            if Scope.ALL in scopes and address != SHARED:
                yield address, Kind.INDIVIDUAL


def mangled(original: Files, dice: random.Random) -> Files:
    """Return an export of which one to three files are broken, some of them in two ways."""
    files = Files({kind: [list(row) for row in rows] for kind, rows in original.rows.items()})
    for kind in dice.sample(list(HEADERS), dice.randint(1, 3)):
        if files.rows[kind]:
            for mangler in sorted(dice.sample(MANGLERS, dice.randint(1, 2)), key=LAST.__contains__):
                for _ in range(1 if mangler in ONCE else 4):
                    mangler(files, kind, dice)
                if mangler in LAST:
                    break
    return files


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store."""
    path = tmp_path_factory.mktemp("mangled") / "empty.db"
    database = Database(f"sqlite:///{path}")
    database.prepare()
    database.close()
    return path


@contextmanager
def a_copy(store: Path, path: Path) -> Iterator[Database]:
    shutil.copy(store, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def thoroughly(original: Files, mangler: Mangler, dice: random.Random) -> Files:
    """Return an export of which the people are broken in one way, wherever that goes."""
    files = Files({kind: [list(row) for row in rows] for kind, rows in original.rows.items()})
    for _ in range(1 if mangler in ONCE else 20):
        mangler(files, "people", dice)
    return files


def holds(seed: int, empty: Path, folder: Path, mangler: Mangler | None = None) -> None:
    """Check one office and one broken export of it."""
    dice = random.Random(seed)
    original = export(dice)
    broken = thoroughly(original, mangler, dice) if mangler else mangled(original, dice)
    addresses = [SHARED, *(f"{name}{number}@example.org" for number in PEOPLE for name in "ab")]
    with a_copy(empty, folder / "known.db") as database:
        take(database, original, folder, None)
        before = blocked(database, addresses)
        take(database, broken, folder, dice)
        assert before <= blocked(database, addresses), (seed, "was stopped before", broken)
    with a_copy(empty, folder / "new.db") as database:
        take(database, broken, folder, None)
        stopped = blocked(database, addresses)
        assert set(wanted(broken, original)) <= stopped, (seed, "its rows stop", broken)


def test_no_import_however_broken_lets_a_mail_pass(empty: Path, tmp_path: Path) -> None:
    for seed in range(4):
        holds(seed, empty, tmp_path)


@pytest.mark.parametrize("mangler", MANGLERS, ids=lambda mangler: mangler.__name__)
def test_no_people_however_broken_let_a_mail_pass(
    empty: Path, tmp_path: Path, mangler: Mangler
) -> None:
    for seed in (3, 5):
        holds(seed, empty, tmp_path, mangler)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("thousand", range(10))
def test_the_same_for_ten_thousand_files(empty: Path, tmp_path: Path, thousand: int) -> None:
    for seed in range(1000 * thousand, 1000 * (thousand + 1)):
        holds(seed, empty, tmp_path)
