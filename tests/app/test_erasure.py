"""Erasing a person: a search of every table, blob and file for the person's words finds none."""

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Table, insert, select

from gateway.app import common
from gateway.app.checks import check_store
from gateway.app.keys import erased_names, rotate, signing_keys
from gateway.app.people import erasure
from gateway.config import Settings
from gateway.core.kinds import Scope
from gateway.core.people.erased_names import ErasedNames
from gateway.core.people.people import PersonRef, SuppressionSource
from gateway.smtp_proxy.journaling.never_mailed import NeverMailed
from gateway.store.engine.blobs import Blobs
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.journal.worker_log import WorkerLog, path_for
from gateway.store.people import erasure_subject, erasures, topic_opt_outs
from gateway.store.schema.columns import metadata
from tests.settings import RELAY, loaded

NOW = datetime(2026, 11, 28, 10, tzinfo=UTC)
ANN = "quirina@zandvoorter.example"
REF = PersonRef.parse("candidate:4711x")
BOB = PersonRef.parse("candidate:18")
BOBS = "bob@example.org"
WORDS = ("quirina", "zandvoorter", "4711x", "vac-9931", "anorexia")

MAIL = b"From: Quirina Zandvoorter <%s>\r\nSubject: anorexia\r\n\r\nI am ill.\r\n" % ANN.encode()
ENCODED = (
    b"From: staff@crm.example\r\nSubject: fwd\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + b64encode(b"From: " + ANN.encode() + b"\n\nanorexia\n")
)
OTHERS = b"From: bob@example.org\r\nSubject: hello\r\n\r\nThis stays.\r\n"
DOCUMENT = b"Curriculum vitae of Quirina Zandvoorter, anorexia"

WHO = {"kind": "candidate", "person": "4711x"}
#: Tables that say nothing of a person, each with why.
IMPERSONAL = {
    "audiences": "Mailchimp's lists",
    "bulk_messages": "hashes of what was sent",
    "campaigns": "texts of staff",
    "done_once": "hashes of what Mailchimp's webhooks told, and days; kept for a week at most",
    "epochs": "the store's own",
    "erasure_keys": "hashes of keys",
    "erasures": "hashes and counts",
    "feeds": "kinds and counts",
    "groups": "of the CRM",
    "leases": "processes",
    "mailbox_states": "of accounts",
    "mailchimp_removals": "what Mailchimp is asked to do; gone when it has",
    "pauses": "switches",
    "programmes": "of the CRM",
    "relay_offers": "relays",
    "schema_version": "the store's own",
    "search_progress": "the store's own",
    "sightings": "numbers of a mailbox",
    "staff": "users of the CRM",
    "statuses": "of the CRM",
    "store_identity": "the store's own",
    "tokens": "of programs",
    "trigger_edits": "what the templates say, and which member of staff changed it",
    "trigger_looks": "days",
    "workers": "processes",
}


def personal(blobs: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Return rows of every table that can speak of a person, and for some those of another."""
    mentioned = f'{{"address": "{ANN}", "name": "Quirina Zandvoorter", "why": "anorexia"}}'
    other = {"kind": "candidate", "person": "18"}
    return {
        "people": [
            {
                "kind": "candidate",
                "crm_id": "4711x",
                "first_name": "Quirina",
                "last_name": "Zandvoorter",
                "emails": f"Quirina <{ANN}>",
                "birthday": date(1990, 2, 3),
            },
            {"kind": "candidate", "crm_id": "18", "last_name": "Bob", "emails": BOBS},
        ],
        "addresses": [{"address": ANN, **WHO}, {"address": BOBS, **other}],
        "memberships": [WHO | {"group_id": "g", "source": "crm", "since": NOW}],
        "unread_fields": [
            {"what": "people", "kind": "candidate", "key": "4711x", "field": "birthday"}
            | {"text": "anorexia", "line": 1, "since": NOW, "at": NOW},
            {"what": "applications", "kind": "", "key": "VAC-9931", "field": "submitted_at"}
            | {"line": 1, "since": NOW, "at": NOW},
        ],
        "feed_faults": [
            {"source": "crm", "what": "people", "since": NOW, "at": NOW, "problems": 1}
            | {"reason": f"line 3: {ANN} is no address"}
        ],
        "imports": [
            {"source": "crm", "what": "people", "at": NOW, "file": f"people ({ANN}).csv"}
            | dict.fromkeys(("added", "changed", "removed", "unchanged", "problems"), 0)
            | {"suppressions_added": 0, "suppressions_lifted": 0}
        ],
        "applications": [WHO | {"reference": "VAC-9931", "title": "Nurse"}],
        "qualifications": [WHO | {"crm_id": "q1", "name": "anorexia", "expires_on": date.max}],
        "closings": [WHO | {"crm_id": "d1", "closed_on": date(2026, 1, 1)}],
        "open_references": [
            {"reference": "applications.person", "kind": "candidate", "given": "4711x"}
            | {"uses": 1, "since": NOW}
        ],
        "console_acts": [
            {"id": 1, "user": "eva", "act": "person.suppress", "about": "candidate:4711x"},
            {"id": 2, "user": "eva", "act": "application.status", "about": "application:VAC-9931"},
            {"id": 3, "user": "eva", "act": "person.suppress", "about": "candidate:18"},
        ],
        "console_sessions": [
            {"digest": "d", "user": "eva", "roles": "work", "way": "password", "form_token": "f"}
            | {"notice": f"{ANN} is released.", "since": NOW, "seen": NOW, "until": NOW}
        ],
        "suppressions": [
            {"id": 1, "address": ANN, "scope": "bulk", "remark": "anorexia", "since": NOW},
            {"id": 2, "address": "other@example.org", "scope": "all", "since": NOW},
        ],
        "person_suppressions": [WHO | {"id": 1, "scope": "mailchimp", "since": NOW}],
        "topic_opt_outs": [
            WHO | {"id": 1, "topic": "birthdays", "remark": "anorexia", "since": NOW},
            {"id": 2, "topic": "birthdays", "address": ANN, "since": NOW},
            {"id": 3, "topic": "birthdays", "address": BOBS, "since": NOW},
        ],
        "opt_outs": [
            WHO
            | {"audience": "a", "address": ANN, "at": NOW, "changed_at": NOW}
            | {"reason": "anorexia", "seen_at": NOW}
        ],
        "activities": [
            {"campaign": 1, "recipient": ANN, "type": "clicked", "at": NOW, "link": 1, "nth": 0}
            | {"url": f"https://x.example/?m={ANN}", "reason": "anorexia", "seen_at": NOW}
        ],
        "campaign_members": [
            WHO | {"campaign": 1, "address": ANN, "detail": ANN, "added_at": NOW},
            WHO | {"campaign": 2, "address": ANN, "added_at": NOW},
            other | {"campaign": 2, "address": BOBS, "added_at": NOW},
        ],
        "audience_members": [
            {"audience": "a", "address": ANN, "email": ANN, "email_id": "ab12"}
            | {"status": "subscribed", "merge_fields": mentioned}
        ],
        "history": [
            WHO
            | {"id": 1, "reference": "VAC-9931", "fingerprint": "f", "inbox": 1}
            | {"raw": blobs["mail"], "sender_name": "Quirina Zandvoorter", "sender": ANN}
            | {"subject": "anorexia", "text": "I am ill: anorexia", "html": "<p>anorexia</p>"}
            | {"staff_text": "see Quirina"}
        ],
        "documents": [
            WHO
            | {"id": 1, "entry": 1, "reference": "VAC-9931", "filename": "Quirina.pdf"}
            | {"type": "cv", "content_type": "application/pdf", "size": 1}
            | {"sha256": blobs["document"]}
        ],
        "inbox": [
            {"id": 1, "content": blobs["mail"], "state": "filed", "entry": 1, "sender": ANN}
            | {"address": "staff@crm.example", "subject": "VAC-9931 anorexia"},
            {"id": 2, "content": blobs["encoded"], "state": "needs_attention"}
            | {"address": "staff@crm.example", "subject": "fwd"},
            {"id": 3, "content": blobs["others"], "state": "needs_attention", "subject": "hello"},
        ],
        "bounces": [
            {"inbox": 9, "position": 0, "kind": "bounce", "address": ANN, "recipient": ANN}
            | {"diagnostic": f"550 {ANN}: no such user"},
            {"inbox": 9, "position": 1, "kind": "bounce", "address": "", "recipient": ANN},
        ],
        "messages": [
            {"id": 1, "worker": 1, "sender": "crm@crm.example", "subject": "About anorexia"}
            | {"message_id": f"<17.{ANN.replace('@', '=')}@crm.example>"}
            | {"kind": "individual", "rule": "default"},
            {"id": 2, "worker": 1, "sender": "crm@crm.example", "subject": "Newsletter"}
            | {"message_id": "<news@crm.example>", "kind": "bulk", "rule": "x"},
            {"id": 3, "worker": 1, "sender": ANN, "subject": "of Quirina Zandvoorter"}
            | {"kind": "individual", "rule": "default"},
        ],
        "deliveries": [
            {"message": 1, "position": 0, "recipient": ANN.upper(), "address": ANN}
            | {"state": "send_failed", "by": "gateway", "reply": f"550 {ANN}", "note": ANN}
            | {"persons": "candidate:4711x", "note_facts": mentioned},
            {"message": 2, "position": 0, "recipient": ANN, "address": ANN, "state": "relayed"}
            | {"by": "relay", "persons": "candidate:4711x"},
            {"message": 2, "position": 1, "recipient": BOBS, "address": BOBS, "state": "relayed"}
            | {"by": "relay", "persons": "candidate:18"},
        ],
        "message_words": [
            {"message": 1, "words": "anorexia about quirina zandvoorter"},
            {"message": 2, "words": "newsletter quirina zandvoorter bob"},
            {"message": 3, "words": "of quirina zandvoorter"},
        ],
        "attempts": [
            {"fingerprint": 1, "message": 1, "state": "refused", "verdict": f"450 {ANN} later"}
        ],
        "outbox": [
            {"id": 1, "type": "notice", "key": "n1", "sender": "", "recipient": "o@crm.example"}
            | {"body": MAIL, "state": "sent"},
            {"id": 2, "type": "webhook", "key": "w1", "sender": "", "recipient": "https://x"}
            | {"body": mentioned.encode(), "state": "queued", "next_at": NOW},
            {"id": 3, "type": "notice", "key": "n2", "sender": "", "recipient": "o@crm.example"}
            | {"body": OTHERS, "state": "queued", "next_at": NOW},
        ],
        "held_reports": [
            {"id": 1, "key": "r1", "message": 1, "sender": "crm@crm.example", "armed": False}
            | {"recipient": "crm@crm.example", "body": MAIL, "digest": mentioned, "recipients": 1}
        ],
        "events": [
            {"id": 1, "type": "person.opted_out", "person": "candidate:4711x", "data": mentioned}
        ],
        "answers": [
            {"token": 1, "key": "k", "request": "r", "at": NOW, "body": mentioned.encode()}
        ],
        "occurrences": [
            WHO
            | {"id": 1, "trigger": "birthday", "event": "birthday", "occurrence": "2026"}
            | {"state": "sent", "due_at": NOW, "address": ANN, "mailbox": ANN}
            | {"subject": "Dear Quirina", "facts": mentioned, "body": MAIL},
            WHO
            | {"id": 2, "trigger": "status", "event": "status_changed", "occurrence": "t1"}
            | {"about": "VAC-9931", "state": "due", "due_at": NOW, "next_at": NOW},
        ],
        "trigger_runs": [
            {"id": 1, "trigger": "birthday", "day": date(2026, 11, 28), "state": "finished"}
            | {"skips": json.dumps([["candidate:4711x", "", "no"], ["candidate:18", "", "no"]])}
        ],
        "transitions": [{"id": 1, "reference": "VAC-9931", "event": "submitted"}],
    }


class Held:
    """A store that holds all it can of a person, with its files."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        text = f'[store]\nurl = "{url}"\nblobs = "file://{folder}/blobs"\n'
        self.settings: Settings = loaded(folder, f'{text}[crm]\nfolder = "feed"\n{RELAY}')
        self.database = Database(url)
        self.blobs = Blobs(self.settings.store.blobs)
        kept = {"mail": MAIL, "encoded": ENCODED, "others": OTHERS, "document": DOCUMENT}
        self.digests = {}
        for name, content in kept.items():
            self.blobs.put_now(content)
            self.digests[name] = erasing_digest(content)
        done = folder / "feed" / "done"
        done.mkdir(parents=True)
        (done / "people.csv").write_text(f"crm_id,emails\n4711x,{ANN}\n")
        (done / "groups.csv").write_text("crm_id,name\ng,All\n")
        with self.database.writing() as connection:
            campaigns = metadata.tables["campaigns"]
            for number, state in ((1, "sent"), (2, "draft")):
                values = {"id": number, "name": "News", "state": state, "template": 1}
                values |= {"from_name": "HR", "from_address": "hr@crm.example"}
                connection.execute(insert(campaigns).values(values))
            for name, rows in personal(self.digests).items():
                for row in rows:
                    connection.execute(insert(metadata.tables[name]).values(row))

    def erase(self, **options: Any) -> erasure.ErasureDone:
        whom = erasure.find_subject(self.database, options.pop("whom", REF))
        return erasure.erase(self.settings, self.database, whom, by="eva", **options)

    def rows(self, name: str, *columns: str) -> list[Any]:
        """Return the rows of a table, in the order of its key."""
        table: Table = metadata.tables[name]
        chosen: list[Column[Any]] = [table.c[column] for column in columns] or list(table.columns)
        with self.database.reading() as connection:
            rows = connection.execute(select(*chosen).order_by(*table.primary_key.columns))
            return [tuple(row) if len(columns) != 1 else row[0] for row in rows]

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield all that the tables, blobs and files say, each with where."""
        for name in metadata.tables:
            for row in self.rows(name):
                said = (
                    each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each)
                    for each in row
                )
                yield name, " ".join(said)
        self.database.engine.dispose()
        for file in self.folder.rglob("*"):
            if file.is_file():
                yield str(file.relative_to(self.folder)), file.read_bytes().decode("latin-1")

    def where_said(self) -> set[str]:
        """Return where any of the person's words stands."""
        return {
            place for place, text in self.texts() if any(word in text.casefold() for word in WORDS)
        }

    def standing(self, address: str) -> list[tuple[SuppressionSource, Scope]]:
        """Tell what suppresses an address itself."""
        with common.standings(self.settings, self.database) as standings:
            known = standings.now([address])
        return [(e.source, e.scope) for e in known[address].own] if address in known else []


def erasing_digest(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def held(store_url: str, tmp_path: Path) -> Iterator[Held]:
    holding = Held(tmp_path, store_url)
    yield holding
    holding.database.close()


def test_every_table_is_searched_or_says_nothing_of_people() -> None:
    known = set(personal(dict.fromkeys(("mail", "encoded", "others", "document"), ""))) | set(
        IMPERSONAL
    )

    assert set(metadata.tables) == known


def test_none_of_the_persons_words_is_left_anywhere(held: Held) -> None:
    assert {"people", "history", "outbox", "feed/done/people.csv"} <= held.where_said()

    held.erase(with_files=True, mailchimp="archive")

    assert set() == held.where_said()


def test_who_changed_the_address_at_mailchimp_is_removed_there_too(held: Held) -> None:
    table = metadata.tables["audience_members"]
    moved = {"audience": "a", "address": "q@elsewhere.org", "contact_id": "c1", "email_id": "cd34"}
    with held.database.writing() as connection:
        connection.execute(table.update().values(contact_id="c1", status=""))
        connection.execute(insert(table).values(moved | {"status": "subscribed"}))
        connection.execute(insert(table).values(audience="a", address=BOBS, status="subscribed"))

    held.erase(mailchimp="archive")

    assert ["cd34"] == [
        member for member in held.rows("mailchimp_removals", "member") if member != "ab12"
    ]
    assert [BOBS] == held.rows("audience_members", "address")


def test_what_comes_while_the_large_tables_are_looked_through_goes_too(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_through = erasure_subject.look_through

    def slowly(*asked: Any) -> erasure_subject.FoundRows:
        looked = look_through(*asked)
        late = {"kind": "individual", "rule": "x", "worker": 1, "sender": ANN}
        to_her = {"message": 11, "position": 0, "recipient": "old@x.org", "address": "old@x.org"}
        to_her |= {"state": "relayed", "by": "relay", "persons": "candidate:4711x", "reply": ANN}
        bounced = {"inbox": 11, "position": 0, "kind": "bounce", "recipient": ANN}
        notice = {"id": 11, "type": "notice", "key": "n11", "sender": "", "recipient": ANN}
        rows = {
            "messages": late | {"id": 11, "subject": "Quirina Zandvoorter"},
            "deliveries": to_her,
            "bounces": bounced,
            "inbox": {"id": 11, "content": "x", "state": "ignored", "subject": f"of {ANN}"},
            "outbox": notice | {"body": MAIL, "state": "sent"},
        }
        with held.database.writing() as connection:
            for name, row in rows.items():
                connection.execute(insert(metadata.tables[name]).values(row))
        return looked

    monkeypatch.setattr(erasure_subject, "look_through", slowly)
    held.erase(with_files=True, mailchimp="archive")

    assert set() == held.where_said()


def test_what_is_others_stays(held: Held) -> None:
    held.erase(with_files=True)

    assert ["18"] == held.rows("people", "crm_id")
    assert [BOBS] == held.rows("addresses", "address")
    assert "other@example.org" in held.rows("suppressions", "address")
    assert OTHERS == b"".join(held.blobs.read(held.digests["others"]))
    assert ("needs_attention", "hello") == held.rows("inbox", "state", "subject")[2]
    assert ("queued", OTHERS) == held.rows("outbox", "state", "body")[2]
    assert [(2, "18")] == held.rows("campaign_members", "campaign", "person")[-1:]
    assert "candidate:18" in held.rows("trigger_runs", "skips")[0]
    assert (held.folder / "feed" / "done" / "groups.csv").exists()


def test_the_journal_keeps_counts_and_states(held: Held) -> None:
    done = held.erase()

    mark = done.erasure.addresses[0][:15]
    assert [
        (1, mark, "send_failed", "gateway"),
        (2, mark, "relayed", "relay"),
        (2, BOBS, "relayed", "relay"),
    ] == held.rows("deliveries", "message", "address", "state", "by")
    assert [done.erasure.person[:15], "Newsletter", f"of {done.erasure.person[:15]}"] == held.rows(
        "messages", "subject"
    )
    assert ["", "<news@crm.example>", ""] == held.rows("messages", "message_id")


def test_what_waits_is_not_sent_any_more(held: Held) -> None:
    held.erase()

    assert [(b"", "sent"), (b"", "cancelled"), (OTHERS, "queued")] == held.rows(
        "outbox", "body", "state"
    )
    assert ["sent", "skipped"] == held.rows("occurrences", "state")
    assert ["filed", "discarded", "needs_attention"] == held.rows("inbox", "state")


def test_who_was_suppressed_stays_so_until_released(held: Held) -> None:
    held.erase()

    assert [(SuppressionSource.ERASED, Scope.BULK)] == held.standing(ANN)
    assert [] == held.standing("somebody@example.org")


def test_who_was_not_suppressed_is_not_afterwards(held: Held) -> None:
    held.erase(whom=BOB)

    assert [] == held.standing(BOBS)


def test_a_new_key_in_front_finds_who_was_erased_under_the_old_one(held: Held) -> None:
    held.erase()
    file = held.settings.keys.file
    file.write_text("ab" * 32 + "\n" + file.read_text())

    assert [(SuppressionSource.ERASED, Scope.BULK)] == held.standing(ANN)


def test_without_the_key_file_nobody_can_tell(held: Held) -> None:
    held.erase()
    held.settings.keys.file.unlink()

    with pytest.raises(Exception, match="put it back"):
        held.standing(BOBS)


def test_of_the_feeds_files_rows_are_taken_out_and_the_rest_is_named(held: Held) -> None:
    feed = held.folder / "feed"
    rows = f"crm_id,emails\n4711x,{ANN}\n18,{BOBS}\n"
    (feed / "done" / "people-2.csv").write_text(rows)
    (feed / "done" / "memberships.csv").write_text("group,person\ng,4711x\ng,18\n")
    (feed / "failed").mkdir()
    unreadable = feed / "failed" / "people.xlsx"
    unreadable.write_bytes(b"no workbook")
    waiting = feed / "people.full.csv"
    waiting.write_text(rows)

    dry = held.erase(is_dry=True)
    done = held.erase()

    assert (3, 3) == (dry.rows_in_files, done.rows_in_files)
    assert f"crm_id,emails\n18,{BOBS}\n" == (feed / "done" / "people-2.csv").read_text()
    assert "group,person\ng,18\n" == (feed / "done" / "memberships.csv").read_text()
    # What may speak of her and can't be looked through is named; what waits is left, and named.
    assert ((unreadable,), (waiting,)) == (done.files, done.waiting_files)
    assert rows == waiting.read_text()


def test_mail_that_the_journal_has_not_taken_in_yet_is_waited_for_or_named(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage = held.settings.store.outage
    outage.mkdir(exist_ok=True)
    record = outage / "messages-1@host.jsonl"
    record.write_text(json.dumps({"message": {"deliveries": [[ANN]]}}) + "\n")
    (outage / "messages-2@host.jsonl").write_text(json.dumps({"to": BOBS}) + "\n")
    looks: list[float] = []

    def taken_in(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            record.write_text("")

    monkeypatch.setattr("gateway.app.people.erasure.time.sleep", taken_in)
    assert () == held.erase(is_dry=True).waiting_files
    assert 3 == len(looks)

    record.write_text(json.dumps({"message": {"deliveries": [[ANN]]}}) + "\n")
    monkeypatch.setattr(erasure, "_LOGS_TAKEN_IN", timedelta(0))
    assert (record,) == held.erase().waiting_files


def test_the_log_of_a_worker_that_ended_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "_LOGS_TAKEN_IN", timedelta(0))
    store = f"{tmp_path}/gateway[1].db"  # A server has no logs beside it.
    with closing(Database(f"sqlite:///{store}")) as database:
        database.prepare()
    held = Held(tmp_path, f"sqlite:///{store}")
    log = WorkerLog(path_for(store, 3))
    log.append({"messages": [["crm@x.org", ANN]]}, durable=False)

    assert (Path(f"{store}-journal-3.a"),) == held.erase(is_dry=True).waiting_files

    log.switch()
    log.forget()
    log.close()
    assert () == held.erase(is_dry=True).waiting_files
    held.database.close()


def test_a_dry_run_changes_nothing_and_counts_the_same(held: Held) -> None:
    # Of the leases one is taken for new ids.
    tables = [name for name in metadata.tables if name != "leases"]
    before = [(name, held.rows(name)) for name in tables]

    dry = held.erase(is_dry=True)

    assert before == [(name, held.rows(name)) for name in tables]
    assert [] == erasure.read_list(held.settings)
    assert dry.erasure.counts == held.erase().erasure.counts


def test_a_restored_store_is_erased_again(held: Held, tmp_path: Path) -> None:
    done = held.erase(with_files=True)
    with held.database.writing() as connection:  # What a copy of before has.
        for table in ("erasures", "suppressions"):
            connection.execute(metadata.tables[table].delete())
        rows = personal(held.digests)
        for name in ("people", "addresses", "messages", "deliveries"):
            connection.execute(metadata.tables[name].delete())
            for row in rows[name]:
                connection.execute(insert(metadata.tables[name]).values(row))
        missing = erasure.missing_erasures(held.settings, connection)
    assert [done.erasure.id] == [entry.id for entry in missing]

    again: list[erasure.ErasureDone] = []
    number = erasure.erase_again(held.settings, held.database, again.append)

    assert 1 == number
    assert set() == held.where_said()
    assert [(SuppressionSource.ERASED, Scope.BULK)] == held.standing(ANN)
    assert 0 == erasure.erase_again(held.settings, held.database, again.append)
    assert [done.erasure.person] == [each.person for each in _listed(held)]


def _listed(held: Held) -> list[erasures.Erasure]:
    with held.database.reading() as connection:
        return erasures.list_erasures(connection)


def test_an_address_that_others_have_stays_theirs(held: Held) -> None:
    with held.database.writing() as connection:
        row = {"address": ANN, "kind": "candidate", "person": "18"}
        connection.execute(insert(metadata.tables["addresses"]).values(row))

    done = held.erase()

    assert 1 == done.shared
    assert [(ANN, "18"), (BOBS, "18")][::-1] == sorted(held.rows("addresses", "address", "person"))
    # Mail to it was nobody else's.
    assert {("", ANN, "")} == {
        row for row in held.rows("deliveries", "persons", "address", "note") if row[1] == ANN
    }
    assert not any("Zandvoorter" in str(row) for row in held.rows("messages"))


def test_a_topic_stays_declined_at_an_address_that_others_have_too(held: Held) -> None:
    with held.database.writing() as connection:
        row: dict[str, Any] = {"address": ANN, "kind": "candidate", "person": "18"}
        connection.execute(insert(metadata.tables["addresses"]).values(row))
        row = {"id": 97, "topic": "News", "kind": "candidate", "person": "4711x", "since": NOW}
        connection.execute(insert(metadata.tables["topic_opt_outs"]).values(row))

    held.erase()

    standings = common.standings(held.settings, held.database)
    with held.database.reading() as connection:
        erased = standings.names_if_erased(connection, ANN)
        assert topic_opt_outs.is_declined(connection, "News", BOB, ANN, erased=erased)
    standings.close()


def test_whom_the_feed_has_deleted_is_erased_by_key(held: Held) -> None:
    with held.database.writing() as connection:
        for name in ("people", "addresses"):
            table = metadata.tables[name]
            column = table.c.crm_id if name == "people" else table.c.person
            connection.execute(table.delete().where(column == "4711x"))

    held.erase(with_files=True)

    left = held.where_said()
    assert set() == left
    assert [] == [row for row in held.rows("deliveries", "address") if ANN in row]


def test_check_tells_what_is_left_to_do(held: Held) -> None:
    held.erase(mailchimp="archive")
    assert ["there is no mailchimp.api_key"] == [
        finding.text.rpartition(": ")[2]
        for finding in check_store.erasures(held.settings, held.database)
    ]

    held.settings.keys.file.write_text("ab" * 32 + "\n")
    with held.database.writing() as connection:
        connection.execute(metadata.tables["mailchimp_removals"].delete())
        connection.execute(metadata.tables["erasures"].delete())
    said = [(f.level, f.text) for f in check_store.erasures(held.settings, held.database)]

    assert ["error", "error"] == [level for level, _ in said]
    assert "the store was restored and has 1 erased person again" in said[0][1]
    assert "lacks the key" in said[1][1]


@pytest.mark.parametrize("what", ["gone", "made anew", "another"])
def test_with_its_key_lost_bulk_mail_is_held_until_it_is_back(held: Held, what: str) -> None:
    held.erase()
    file = held.settings.keys.file
    kept = file.read_text()
    file.unlink()
    if what == "made anew":  # as a process does that signs something
        signing_keys(held.settings)
    elif what == "another":
        file.write_text("ab" * 32 + "\n")

    with pytest.raises(StoreUnavailable, match=r"keys\.file"):
        held.standing(ANN)
    with pytest.raises(StoreUnavailable):
        held.standing(BOBS)  # Nobody can tell whose address it is.
    with pytest.raises(StoreUnavailable):
        held.erase(whom=BOB)

    file.write_text("cd" * 32 + "\n" + kept)
    assert [(SuppressionSource.ERASED, Scope.BULK)] == held.standing(ANN)


def test_a_key_that_is_rotated_goes_on_telling_who_was_erased(held: Held) -> None:
    held.erase()

    keys = rotate(held.settings)
    held.erase(whom=BOB)

    assert 2 == len(keys.keys)
    assert [(SuppressionSource.ERASED, Scope.BULK)] == held.standing(ANN)
    names = ErasedNames(lambda: keys)
    # Bob had declined a topic: that rests on the new key.
    assert set(names.key_marks) == set(held.rows("erasure_keys", "mark"))
    assert 0o600 == held.settings.keys.file.stat().st_mode & 0o777


def test_a_restored_store_needs_the_key_its_erasures_were_done_by(held: Held) -> None:
    held.erase()
    with held.database.writing() as connection:
        for table in ("erasures", "suppressions", "erasure_keys"):
            connection.execute(metadata.tables[table].delete())
    rotate(held.settings)

    erasure.erase_again(held.settings, held.database, lambda _: None)

    old = ErasedNames(lambda: signing_keys(held.settings)).key_marks[1]
    assert [old] == held.rows("erasure_keys", "mark")


def test_a_restored_store_that_never_heard_of_a_declined_topic_keeps_it(held: Held) -> None:
    held.erase()
    topics = metadata.tables["topic_opt_outs"]
    with held.database.writing() as connection:
        for table in ("erasures", "suppressions", "erasure_keys", "topic_opt_outs"):
            connection.execute(metadata.tables[table].delete())
    rotate(held.settings)

    erasure.erase_again(held.settings, held.database, lambda _: None)

    standings = common.standings(held.settings, held.database)
    with held.database.reading() as connection:
        erased = standings.names_if_erased(connection, ANN)
        assert topic_opt_outs.is_declined(connection, "birthdays", None, ANN, erased=erased)
        assert {"erased"} == set(connection.scalars(select(topics.c.kind)))
    standings.close()


def test_the_certificate_holds_no_data(held: Held) -> None:
    done = held.erase()

    said = json.dumps([str(done.erasure), held.rows("erasures")], default=str).casefold()
    said += erasure.list_file(held.settings).read_text().casefold()
    assert [] == [word for word in WORDS if word in said]
    assert done.erasure.counts["people"] == 1
    assert "eva" in said


def test_a_restored_store_is_not_erased_again_by_other_keys(held: Held) -> None:
    held.erase()
    with held.database.writing() as connection:
        for table in ("erasures", "suppressions", "erasure_keys"):
            connection.execute(metadata.tables[table].delete())
    held.settings.keys.file.write_text("ab" * 32)

    with pytest.raises(erasure.ErasureListUnusable, match="which tells who was erased"):
        erasure.erase_again(held.settings, held.database, lambda _: None)


def test_an_address_somebody_else_has_in_a_restored_store_stays_theirs(held: Held) -> None:
    held.erase()
    with held.database.writing() as connection:
        connection.execute(metadata.tables["erasures"].delete())
        row: dict[str, Any] = {"address": ANN, "kind": "candidate", "person": "18"}
        connection.execute(insert(metadata.tables["addresses"]).values(row))
        row = {"id": 98, "address": ANN, "scope": "all", "since": NOW}
        connection.execute(insert(metadata.tables["suppressions"]).values(row))

    assert 1 == erasure.erase_again(held.settings, held.database, lambda _: None)

    assert (SuppressionSource.STAFF, Scope.ALL) in held.standing(ANN)


def test_a_process_hears_of_a_key_that_another_machine_alone_has(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    held.erase()
    standings = common.standings(held.settings, held.database)
    assert (SuppressionSource.ERASED, Scope.BULK) in [
        (own.source, own.scope) for own in standings.now([ANN])[ANN].own
    ]
    with held.database.writing() as connection:
        row = {"mark": "0123456789abcdef", "since": NOW}
        connection.execute(insert(metadata.tables["erasure_keys"]).values(row))
    monkeypatch.setattr("time.monotonic", lambda: float("inf"))

    with pytest.raises(StoreUnavailable, match="0123456789abcdef"):
        standings.now([ANN])
    standings.close()


def test_whom_no_mail_may_reach_is_known_by_hash_while_the_store_is_away(
    held: Held, tmp_path: Path
) -> None:
    with held.database.writing() as connection:
        row = {"id": 99, "address": ANN, "scope": "all", "since": NOW}
        connection.execute(insert(metadata.tables["suppressions"]).values(row))
    held.erase()
    standings = common.standings(held.settings, held.database)
    NeverMailed(tmp_path / "never").replace(chain.from_iterable(standings.never_mailed_addresses()))
    standings.close()
    file = held.settings.keys.file
    kept = file.read_text()

    def barred() -> tuple[bool, bool]:
        never = NeverMailed(tmp_path / "never", erased_names(held.settings))
        return ANN in never, BOBS in never

    assert (True, False) == barred()
    file.write_text("ab" * 32 + "\n" + kept)
    assert (True, False) == barred()
    file.write_text("ab" * 32 + "\n")  # As a new file that was made in its place.
    assert (True, True) == barred()
