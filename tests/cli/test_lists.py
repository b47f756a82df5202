"""What all lists have in common: their options, what they say of nothing, how they show times."""

import csv
import io
import re
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
from sqlalchemy import Table, insert

from gateway.app import common
from gateway.cli.commands import app
from gateway.cli.output import print_table
from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce, Proof
from gateway.core.campaigns.campaigns import Campaign, CampaignState
from gateway.core.journal.message import Message
from gateway.core.replies.inbox import InboxRow, InboxState
from gateway.core.sending.outbox import OutboxDraft
from gateway.core.token import Token, TokenScope
from gateway.store import schema
from gateway.store.api import tokens
from gateway.store.bounces import bounces
from gateway.store.campaigns import campaigns
from gateway.store.engine.database import Database
from gateway.store.journal.journal import write_recorded
from gateway.store.replies import inbox
from gateway.store.sending import outbox
from tests.cli.conftest import Cli, delivery
from tests.pages.markdown import ROOT
from tests.test_docs import below

ZONE = "America/Halifax"
#: Of three things of each kind, the newest first; the last is from before yesterday.
NOW = common.now().replace(microsecond=0)
TIMES = (NOW - timedelta(minutes=1), NOW - timedelta(minutes=2), NOW - timedelta(days=3))
NUMBERS = tuple(map(ids.first_id_at, TIMES))


class Listing(NamedTuple):
    """A list, and what sets it apart from others."""

    words: str  #: How it is called.
    entries: int = 3  #: That `filled` puts into it.
    since: bool = True  #: Whether `--since` means something.
    times: bool = True  #: Whether it shows any.
    code: int = 0  #: How it ends where there are entries.
    may_be_empty: bool = True
    json: bool = True  #: Whether its JSON is an array of the entries.


LISTS = [
    Listing("messages list"),
    Listing("report --would-fail"),
    Listing("suppress list"),
    Listing("inbox list"),
    Listing("outbox list"),
    Listing("bounces list"),
    Listing("bounces report", times=False),
    Listing("campaigns list"),
    Listing("campaigns opt-outs"),
    Listing("triggers list", entries=4, since=False, times=False, may_be_empty=False),
    Listing("triggers list --waiting", since=False, json=False),
    Listing("triggers history"),
    Listing("triggers edits"),
    Listing("applications list", since=False, times=False),
    Listing("import waiting"),
    Listing("import past", may_be_empty=False),  # Whatever is in the store was imported.
    Listing("documents list candidate:17"),
    Listing("person erasures"),
    Listing("person find Ann", since=False, times=False),
    Listing("keys list", since=False, code=1),  # Keys that are needed, and not in the file.
    Listing("tokens list"),
    Listing("console acts"),
    Listing("console users", since=False, times=False),
]
#: Tried where there is an account, and triggers that are on: tests/cli/test_campaigns.py,
#: tests/cli/test_trigger_changes.py
ELSEWHERE = {"mailchimp templates", "triggers calendar"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store in which every list has three entries."""
    folder = tmp_path_factory.mktemp("filled")
    database = Database(f"sqlite:///{folder}/gateway.db")
    database.prepare()
    with database.writing() as connection:

        def put(table: Table, rows: Iterable[dict[str, Any]]) -> None:
            connection.execute(insert(table).values(list(rows)))

        put(schema.feed.people, [
            {"kind": "candidate", "crm_id": crm_id, "source": "crm", "first_name": "Ann"}
            for crm_id in ("17", "18", "19")
        ])  # fmt: skip
        for place, (at, number) in enumerate(zip(TIMES, NUMBERS, strict=True)):
            address = f"{'abc'[place]}@x.example"
            put(
                schema.suppressions.suppressions,
                [{"id": number, "address": address, "scope": "bulk", "source": "staff",
                  "by": "Eva", "since": at, "remark": "=cmd()"}],
            )  # fmt: skip
            write_recorded(connection, 1, [_message(place, at, number, address)], [])
            bounces.add(connection, [_bounce(number, address)])
            inbox.put(connection, InboxRow(
                id=number, content=str(place), size=1, origin="import", subject="+ änd",
                state=InboxState.NEEDS_ATTENTION, reason="no_reference",
            ))  # fmt: skip
            outbox.put(connection, OutboxDraft(
                id=number, type="notice", key=str(place), recipient=address, body=b"", due=at
            ))  # fmt: skip
            campaigns.put(connection, Campaign(
                id=number, name="=News", state=CampaignState.SENT, template=7, from_name="Office",
                from_address="office@x.example", sent_at=at,
            ))  # fmt: skip
            tokens.add(connection, Token(
                id=number, name="=crm", source="crm", scopes=frozenset({TokenScope.READ}),
                roles=frozenset(),
            ), str(place))  # fmt: skip
        each = list(zip("cba", TIMES, NUMBERS, strict=True))
        put(schema.feed.groups, [{"kind": "candidate", "crm_id": "out", "source": "mailchimp"}])
        put(schema.feed.memberships, [
            {"kind": "candidate", "person": name, "group_id": "out", "source": "mailchimp",
             "since": at} for name, at, _ in each
        ])  # fmt: skip
        put(schema.activities.opt_outs, [
            {"kind": "candidate", "person": name, "audience": "a", "address": f"{name}@x.example",
             "at": at, "changed_at": at, "seen_at": at, "reason": "=cmd()"} for name, at, _ in each
        ])  # fmt: skip
        put(schema.triggers.trigger_runs, [
            {"id": number, "trigger": name, "day": at.date(), "state": "finished"}
            for name, at, number in each
        ])  # fmt: skip
        put(schema.triggers.trigger_edits, [
            {"id": number, "by": "=Eva", "what": "trigger", "name": name,
             "changes": '[["/x.toml", null, "=cmd()"]]'} for name, _, number in each
        ])  # fmt: skip
        put(schema.feed.applications, [
            {"reference": name, "source": "crm", "kind": "candidate", "person": "17",
             "title": "=cmd()"} for name in "abc"
        ])  # fmt: skip
        put(schema.references.open_references, [
            {"reference": "memberships.group", "kind": "candidate", "given": name, "uses": uses,
             "since": at} for uses, (name, at, _) in zip((3, 2, 1), each, strict=True)
        ])  # fmt: skip
        put(schema.feed.imports, [
            {"at": at, "source": "crm", "what": "people", "file": f"{name}.csv", "added": 1,
             "changed": 0, "removed": 0, "unchanged": 0, "suppressions_added": 0,
             "suppressions_lifted": 0, "problems": 0} for name, at, _ in each
        ])  # fmt: skip
        put(schema.feed.unread_fields, [
            {"what": "people", "kind": "candidate", "key": name, "field": "status", "line": 2,
             "text": "?", "source": "crm", "file": "people.csv", "since": at, "at": at}
            for name, at, _ in each
        ])  # fmt: skip
        put(schema.inbound.documents, [
            {"id": number, "entry": 1, "kind": "candidate", "person": "17", "reference": "r",
             "filename": "=cv.pdf", "type": "cv", "content_type": "application/pdf", "size": 1,
             "sha256": name} for name, _, number in each
        ])  # fmt: skip
        put(schema.erasures.erasures, [
            {"id": number, "at": at, "by": "Eva", "person": name} for name, at, number in each
        ])  # fmt: skip
        put(schema.console.console_acts, [
            {"id": number, "user": "eva", "act": "person.suppress", "about": f"=candidate:{name}"}
            for name, _, number in each
        ])  # fmt: skip
        put(schema.erasures.erasure_keys, [{"mark": name, "since": at} for name, at, _ in each])
    database.close()
    (folder / "console-users").write_text(
        "".join(f"{name}:look:$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA\n" for name in "abc")
    )
    for name in "abc":
        (folder / "templates/letter").mkdir(parents=True, exist_ok=True)
        (folder / "templates/letter/nl.txt").write_text("Subject: Dag\n\nWoorden\n")
        file = folder / f"triggers/{name}.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text('event = "birthday"\ntemplate = "letter"\nenabled = false\n')
    return folder


def _message(place: int, at: datetime, number: int, address: str) -> Message:
    return Message(
        id=number,
        at=at,
        listener="crm",
        sender=f"crm@{'abc'[place]}.example",
        subject="=HYPERLINK()",
        message_id=f"<{place}@x.example>",
        deliveries=(delivery(address, would="send_failed", note="-1"),),
    )


def _bounce(number: int, address: str) -> KeptBounce:
    return KeptBounce(
        inbox=number,
        position=0,
        message=None,
        proof=Proof.TOKEN,
        kind=BounceKind.BOUNCE,
        address=address,
        recipient=address,
        action="failed",
        status="5.1.1",
        diagnostic="@550",
        reason="userunknown",
        hard=True,
        suppression=None,
    )


@pytest.fixture
def full(cli: Cli, filled: Path) -> Cli:
    """The command line on a store in which every list has three entries."""
    shutil.copytree(filled, cli.folder, dirs_exist_ok=True)
    cli.file.write_text(f'time_zone = "{ZONE}"\n' + cli.file.read_text())
    return cli


@pytest.fixture(params=LISTS, ids=lambda listing: listing.words)
def listing(request: pytest.FixtureRequest) -> Listing:
    """Each of the lists."""
    chosen: Listing = request.param
    return chosen


def test_every_list_has_the_same_options() -> None:
    with_since = {listing.words for listing in LISTS if listing.since}
    shared = {"--limit", "--after", "--csv", "--json"}
    lacking, known = {}, {listing.words for listing in LISTS} | ELSEWHERE
    listing_commands = set()
    for name, command in below(typer.main.get_command(app), ()):
        helps = {
            option.opts[0]: option.help for option in command.params if hasattr(option, "help")
        }
        is_list = (
            name.endswith(" list") or re.match(r"List\b", command.help or "") or "--after" in helps
        )
        if not is_list:
            continue
        listing_commands.add(name)
        wanted = shared | (
            {"--since"} if any(words.startswith(name) for words in with_since) else set()
        )
        missing = wanted - set(helps)
        words = {helps[option] for option in wanted & set(helps)}
        if missing or not words <= WORDS:
            lacking[name] = (missing, words - WORDS)

    assert {} == lacking
    assert set() == {name for name in listing_commands if not any(
        words.startswith(name) for words in known
    )}, "put the list into LISTS"  # fmt: skip


MORE = r"^… and(?: \d)? more: --after '(.+)', or --json or --csv for all$"


@pytest.mark.parametrize("name", [*(each.words for each in LISTS), *sorted(ELSEWHERE)])
def test_the_page_on_lists_has_every_list_and_says_what_since_counts(name: str) -> None:
    page = (ROOT / "docs/lists.md").read_text()
    command = name.partition(" --waiting")[0].replace(" candidate:17", " PERSON")
    command = command.replace(" Ann", " TEXT")
    has_since = name not in ELSEWHERE and all(x.since for x in LISTS if x.words == name)

    [row] = re.findall(rf"^\| `gateway {command}` \|.*\| (.+) \|$", page, re.MULTILINE)
    assert has_since is not row.startswith("has none: ")


WORDS = {
    "How many at most; 100 in a table, else all.",
    "Only from then on: 2026-03-12, 2026-03-12T08:30, yesterday, or 7d.",
    "Go on after this entry; a list that was cut off ends with its name.",
    "Print CSV.",
    "Print one JSON document.",
}


def test_an_empty_list_says_what_would_be_in_it_and_how(cli: Cli, listing: Listing) -> None:
    cli.feed("people", "crm_id,emails\n17,bob@example.org\n")
    words = listing.words.split()

    text = cli.do(*words)
    document = cli.do(*words, "--json")
    table = cli.do(*words, "--csv")

    if not listing.may_be_empty:
        return
    assert re.fullmatch(r"(No|None|Nothing|Nobody)\b[^.]*\. [^.].*\.\n|No keys yet: .*\n", text), (
        text
    )
    assert not listing.json or "[]\n" == document
    assert 1 == len(list(csv.reader(io.StringIO(table))))


def test_a_list_is_shown_in_parts(full: Cli, listing: Listing) -> None:
    """Each part says how to go on, on standard error where a program reads the list."""
    words, parts, more = listing.words.split(), [], [""]
    options: list[str] = []
    while more:
        table = full(*words, "--limit", "1", *options)
        part = full(*words, "--limit", "1", *options, "--csv")
        more = re.findall(MORE, table.out, re.MULTILINE)
        parts += _csv(part.out)
        options = ["--after", *more]
        assert more == re.findall(MORE, part.err, re.MULTILINE)
        assert len(parts) <= listing.entries

    assert listing.entries == len(parts)
    assert _rows(full, listing) == parts


def test_to_go_on_behind_nothing_that_is_listed_is_wrong_use(full: Cli, listing: Listing) -> None:
    done = full(*listing.words.split(), "--after", "nothing")

    assert (2, "") == (done.code, done.out)
    assert "nothing" in done.err


def test_a_list_may_begin_at_a_time(full: Cli, listing: Listing) -> None:
    words = listing.words.split()
    if not listing.since:
        assert 2 == full(*words, "--since", "7d").code
        return

    everything = _rows(full, listing)

    for since in ("yesterday", "30h", (NOW - timedelta(days=2)).isoformat()):
        assert everything[:2] == _rows(full, listing, "--since", since), since
    assert everything == _rows(full, listing, "--since", "2020-01-01")
    assert [] == _rows(full, listing, "--since", "2099-01-01")
    assert "since" in full(*words, "--since", "2099-01-01").out
    wrong = full(*words, "--since", "soon")
    assert (2, "") == (wrong.code, wrong.out)
    assert "--since: not a day or time such as 2026-03-12" in wrong.err


def test_people_read_local_times_and_the_zone_once_and_programs_utc(
    full: Cli, listing: Listing
) -> None:
    words = listing.words.split()

    shown, table = full(*words).out, full(*words, "--csv").out
    document = full(*words, "--json").out

    assert shown.count(ZONE) == (1 if listing.times else 0)
    for text in (table, document):
        assert ZONE not in text
    if listing.times:
        local = TIMES[0].astimezone(common.time_zone(_settings(full)))
        assert f"{local:%Y-%m-%d %H:%M:%S}" in shown
        assert f"{TIMES[0]:%Y-%m-%dT%H:%M:%S}" in table
        assert f"{TIMES[0]:%Y-%m-%dT%H:%M:%S}" in document


def test_no_cell_is_a_formula_and_every_line_ends_alike(full: Cli, listing: Listing) -> None:
    text = full(*listing.words.split(), "--csv").out

    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert [] == [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]
    assert text.count("\n") == text.count("\r\n") == 1 + listing.entries


def test_csv_and_json_have_the_same_entries(full: Cli, listing: Listing) -> None:
    both = full(*listing.words.split(), "--csv", "--json")

    assert (2, "") == (both.code, both.out)
    assert "--csv or --json, not both" in both.err


def _rows(full: Cli, listing: Listing, *options: str) -> list[dict[str, str]]:
    done = full(*listing.words.split(), "--csv", *options)
    assert done.code == listing.code, done
    return _csv(done.out)


def _csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def _settings(full: Cli) -> Any:
    from gateway.config import load

    return load(full.file, {})


def test_what_is_asked_for_is_named_where_nothing_is(full: Cli) -> None:
    told = full.do("messages", "list", "--state", "rejected", "--since", "7d")

    assert (
        "No messages with --state, --since. Whatever the CRM sends through a listener is listed "
        "here within seconds.\n"
    ) == told


def test_a_table_ends_where_a_hundred_are_shown(cli: Cli) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    with cli.store() as store, store.writing() as connection:
        for place in range(130):
            number = ids.first_id_at(start + timedelta(minutes=place))
            row = InboxRow(id=number, content=str(place), state=InboxState.NEEDS_ATTENTION)
            inbox.put(connection, row)
    last = ids.show(ids.first_id_at(start + timedelta(minutes=30)))

    lines = cli.do("inbox", "list").splitlines()

    assert (102, f"… and more: --after '{last}', or --json or --csv for all") == (
        len(lines), lines[-1],
    )  # fmt: skip
    assert 130 == len(cli.json("inbox", "list"))
    assert 31 == len(cli.do("inbox", "list", "--after", last).splitlines())
    assert 7 == len(cli.json("inbox", "list", "--limit", "7"))


def test_one_long_cell_moves_what_follows_in_its_own_line_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(("id", "subject", "kind"), [("1", "x" * 500, "bulk"), ("2", "Größe 大", "bulk")])

    heading, long, short = capsys.readouterr().out.splitlines()
    assert heading == f"id  subject{' ' * 73}  kind"
    assert long == f"1   {'x' * 500}  bulk"
    assert short == f"2   Größe 大{' ' * 72}  bulk"


def test_a_cell_of_several_lines_stays_in_its_column(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("note", "kind"), [("one\ntwo", "bulk")])

    assert ["note  kind", "one   bulk", "two"] == [
        line.rstrip() for line in capsys.readouterr().out.splitlines()
    ]
