"""What is older than it may be kept is forgotten in small steps, with its files."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from gateway.app import common
from gateway.app.checks.check_store import check_retention
from gateway.app.roles import sender
from gateway.config import Settings
from gateway.core.ids import first_id_at
from gateway.store.console import console_sessions
from gateway.store.engine.blobs import BlobMissing, Blobs
from gateway.store.engine.database import Database
from gateway.store.people import retention
from gateway.store.schema.columns import metadata
from tests.settings import RELAY, loaded, problems

NOW = datetime.now(UTC)
OLD, NEW = NOW - timedelta(days=100), NOW - timedelta(days=10)
LIMIT = NOW - timedelta(days=30)
WHO = {"kind": "candidate", "person": "17"}


class Kept:
    """A store with things of two ages."""

    def __init__(self, folder: Path, url: str) -> None:
        text = f'[store]\nurl = "{url}"\nblobs = "file://{folder}/blobs"\n[replies]\nkeep = "30d"\n'
        self.settings: Settings = loaded(folder, f"{text}{RELAY}")
        self.stopping = asyncio.Event()
        self.database = Database(url)
        self.blobs = Blobs(self.settings.store.blobs)

    async def rest(self, _: timedelta) -> None:
        """Go on at once."""

    def blob(self, content: bytes) -> str:
        self.blobs.put_now(content)
        (digest,) = {f.name for f in self.folder.rglob("*") if f.is_file()} - self.seen
        self.seen.add(digest)
        return digest

    seen: set[str]

    @property
    def folder(self) -> Path:
        return Path(self.settings.store.blobs.removeprefix("file://"))

    def add(self, table: str, **values: Any) -> None:
        with self.database.writing() as connection:
            connection.execute(insert(metadata.tables[table]).values(values))

    def ids(self, table: str, column: str = "id") -> list[Any]:
        with self.database.reading() as connection:
            found = metadata.tables[table].c[column]
            return sorted(connection.scalars(select(found)))

    def reply(self, at: datetime, raw: str) -> None:
        values = {"id": first_id_at(at), "reference": raw, "fingerprint": raw, "inbox": 1}
        self.add("history", raw=raw, **values, **WHO)

    def document(self, at: datetime, digest: str) -> None:
        values = {"filename": "cv.pdf", "type": "cv", "content_type": "x", "size": 1, "entry": 1}
        values |= {"id": first_id_at(at), "reference": "A", "sha256": digest}
        self.add("documents", **values, **WHO)

    def forget(self, forgetting: retention.Forgetting) -> None:
        asyncio.run(sender.forget(self, self.database, "kind", forgetting, LIMIT))  # type: ignore[arg-type]

    def has(self, digest: str) -> bool:
        try:
            return bool(b"".join(self.blobs.read(digest)))
        except BlobMissing:
            return False


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(tmp_path, store_url)
    kept.seen = set()
    yield kept
    kept.database.close()


def test_old_replies_go_with_their_mail(store: Kept) -> None:
    old, new = store.blob(b"old"), store.blob(b"new")
    store.reply(OLD, old)
    store.reply(NEW, new)

    store.forget(retention.prune_replies)

    assert [new] == store.ids("history", "raw")
    assert (False, True) == (store.has(old), store.has(new))


def test_mail_of_the_inbox_loses_its_content_and_what_is_not_read_yet_stays(store: Kept) -> None:
    settled, waits = store.blob(b"settled"), store.blob(b"waits")
    forgotten, fresh = store.blob(b"forgotten"), store.blob(b"fresh")
    store.add("inbox", id=first_id_at(OLD), content=settled, state="filed", subject="hello")
    store.add("inbox", id=first_id_at(OLD) + 1, content=waits, state="waiting")
    store.add("inbox", id=first_id_at(OLD) + 2, content=forgotten, state="needs_attention")
    store.add("inbox", id=first_id_at(NEW), content=fresh, state="needs_attention")

    store.forget(retention.prune_replies)
    store.forget(retention.prune_replies)

    assert [""] * 4 == store.ids("inbox", "subject")
    # What nobody has settled in all that time is discarded.
    assert ["discarded", "filed", "needs_attention", "waiting"] == store.ids("inbox", "state")
    assert (False, False) == (store.has(settled), store.has(forgotten))
    assert (True, True) == (store.has(waits), store.has(fresh))


@pytest.mark.parametrize("step", [1, 2, 500])
def test_what_came_back_goes_with_the_mails_that_told_of_it(
    store: Kept, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(sender, "TIDY_STEP", step)
    old, new = first_id_at(OLD), first_id_at(NEW)
    mails = [
        (old, b"two bounces", "ignored"),
        (old + 1, b"forged", "needs_attention"),
        (old + 2, b"vacation", "ignored"),
        (old + 3, b"a reply", "filed"),
        (new, b"new bounce", "ignored"),
    ]
    blobs = {number: store.blob(content) for number, content, _ in mails}
    for number, _, state in mails:
        store.add("inbox", id=number, content=blobs[number], state=state, sender="x@x.org")
    for number, position in ((old, 0), (old, 1), (old + 1, 0), (new, 0)):
        bounced = {"kind": "bounce", "address": "ann@x.org", "recipient": "ann@x.org"}
        store.add("bounces", inbox=number, position=position, **bounced)

    store.forget(retention.prune_bounces)

    assert [new] == store.ids("bounces", "inbox")
    assert [False, False, False, True, True] == [store.has(blobs[number]) for number, *_ in mails]
    assert ["", "", "", "x@x.org", "x@x.org"] == store.ids("inbox", "sender")


def test_bounces_that_count_are_not_forgotten(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, f'{RELAY}[bounces]\nkeep = "89d"\n')

    assert "no less than within" in said


def test_documents_have_a_time_of_their_own(store: Kept) -> None:
    one, both = store.blob(b"one"), store.blob(b"both")
    store.document(OLD, one)
    store.document(OLD + timedelta(days=1), both)
    store.document(NEW, both)

    store.forget(retention.prune_replies)
    assert 3 == len(store.ids("documents"))
    store.forget(retention.prune_documents)

    assert [both] == store.ids("documents", "sha256")
    assert (False, True) == (store.has(one), store.has(both))


@pytest.mark.parametrize("step", [1, 2, 500])
def test_old_campaigns_lose_their_members_and_keep_their_counters(
    store: Kept, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(sender, "TIDY_STEP", step)
    for number, at, state in ((1, OLD, "sent"), (2, NEW, "sent"), (3, None, "draft")):
        texts = {"name": "News", "template": 1, "from_name": "x", "from_address": "x@x.org"}
        store.add("campaigns", id=number, state=state, sent_at=at, counters="{}", **texts)
        for person in ("17", "18"):
            who = {"kind": "candidate", "person": person}
            store.add("campaign_members", campaign=number, added_at=OLD, **who)
        act = {"recipient": "a@x.org", "type": "opened", "at": OLD, "link": 0, "nth": 0}
        store.add("activities", campaign=number, seen_at=OLD, **act)

    store.forget(retention.prune_members)

    assert [2, 2, 3, 3] == store.ids("campaign_members", "campaign")
    assert [2, 3] == store.ids("activities", "campaign")
    assert [1, 2, 3] == store.ids("campaigns")


def test_console_sessions_that_have_ended_are_forgotten_though_nobody_signs_in(
    store: Kept,
) -> None:
    for digest, until in (("over", OLD), ("goes on", NOW + timedelta(hours=1))):
        values = dict.fromkeys(("user", "way", "form_token"), "x") | {"since": OLD, "seen": OLD}
        store.add("console_sessions", digest=digest, until=until, **values)

    with store.database.writing() as connection:
        assert 1 == console_sessions.prune(connection, NOW, 10)

    assert ["goes on"] == store.ids("console_sessions", "digest")


def test_check_shows_each_kind_and_warns_where_nothing_tidies(store: Kept) -> None:
    store.reply(OLD, store.blob(b"old"))

    said = {
        line.text.partition(":")[0]: line
        for line in check_retention(store.settings, store.database)
    }

    assert ["journal", "replies", "documents", "campaigns", "bounces"] == list(said)
    assert "warning" == said["replies"].level
    day = OLD.astimezone(common.time_zone(store.settings)).date()
    assert f"kept 30 days (replies.keep); the oldest is of {day}" in said["replies"].text
    assert "documents: kept for good (documents.keep); there are none" == said["documents"].text


@pytest.mark.parametrize("table", ["replies", "documents", "campaigns"])
def test_a_keep_of_less_than_a_day_is_refused(tmp_path: Path, table: str) -> None:
    (said,) = problems(tmp_path, f'{RELAY}[{table}]\nkeep = "1h"\n')

    assert "at least 1d" in said
