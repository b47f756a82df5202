"""Erasing a person: the store, its blobs, Mailchimp, files of the feed, and the list for backups.

The list is beside the key file (`gateway.keys` -> `gateway.erasures`), with a line of JSON for each
erasure, containing only hashes and topics. It is written before the store is changed: if a restored
store lacks an erasure, it is repeated.

    {"id": 4711, "at": "2026-11-28T10:00:00+00:00", "by": "eva", "person": "erased:5f0c…",
     "key": "91ab…", "addresses": ["erased:91ab…"],
     "kept": [["erased:91ab…", "bulk", null, "staff"]], "declined": [["erased:91ab…", "News"]]}
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from gateway import logs
from gateway.app import common
from gateway.app.keys import erased_names, signing_keys
from gateway.config import Settings, files_in
from gateway.core.errors import GatewayError
from gateway.core.kinds import Scope
from gateway.core.moments import in_utc
from gateway.core.people.erased_names import PREFIX, ErasedNames
from gateway.core.people.people import PersonRef, RefOrAddress
from gateway.core.written import readable_name
from gateway.crm.files import FieldReading
from gateway.crm.folder.dropped_files import is_for_feed
from gateway.crm.kinds import KINDS
from gateway.crm.row_removal import (
    REPORT,
    RowsNotRemovable,
    remove_from_report,
    remove_rows,
    report_of,
)
from gateway.documents.erasures import CertificateDocument, erasure_document
from gateway.smtp_proxy.journaling.local_record import is_record
from gateway.store.engine.blobs import BlobMissing, Blobs
from gateway.store.engine.database import Database, StoreTransaction, StoreUnavailable
from gateway.store.journal.worker_log import left_in
from gateway.store.people import erasing, erasure_subject, erasures
from gateway.store.people.erased_choices import KeptSuppression
from gateway.store.people.erasure_subject import ErasureSubject
from gateway.store.people.erasures import Erasure
from gateway.store.people.people import PersonUnknown

AGAIN = "gateway person erase --again"
_AT_ONCE = 200
_LOGS_TAKEN_IN = timedelta(seconds=3)
_LOOK_AGAIN = timedelta(milliseconds=100)

log = logs.get("privacy")


class NobodyToErase(GatewayError):
    """There is nobody to erase."""

    cure = PersonUnknown.cure


class SeveralMeant(GatewayError):
    """More than one person matches."""


class ErasureListUnusable(GatewayError):
    """The list of erasures beside the key file can't be read or written."""


class _OnlyLooked(Exception):
    """Rolls back what a dry run did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureDone:
    """The result of an erasure, or of a dry run."""

    erasure: Erasure
    is_dry: bool  #: Nothing was done: this is what would be.
    shared: int  #: Addresses that stay because others have them too.
    files: tuple[Path, ...]  #: Feed files that name the person and can't be rewritten.
    are_files_deleted: bool
    rows_in_files: int = 0  #: Removed from the other files.
    waiting_files: tuple[Path, ...] = ()  #: Not imported yet: they bring the person back.

    def document(self) -> CertificateDocument:
        """Return the certificate as a JSON document."""
        return {
            **erasure_document(self.erasure),
            "dry_run": self.is_dry,
            "suppressed": [
                {
                    "address": suppression.name,
                    "scope": suppression.scope,
                    "until": in_utc(suppression.until) if suppression.until else None,
                    "source": suppression.source,
                }
                for suppression in self.erasure.kept
            ],
            "shared_addresses": self.shared,
            "files": [readable_name(str(file)) for file in self.files],
            "files_deleted": self.are_files_deleted,
            "rows_in_files": self.rows_in_files,
            "waiting_files": [readable_name(str(file)) for file in self.waiting_files],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedErasure:
    """A line of the list."""

    id: int
    at: datetime
    by: str
    person: str
    addresses: tuple[str, ...]
    suppressions: tuple[KeptSuppression, ...]
    key_mark: str = ""  #: The mark of the key used for the hashes; empty: not noted.
    declined: tuple[tuple[str, str], ...] = ()  #: Hashes of addresses, each with a topic.


def find_subject(database: Database, ref_or_address: RefOrAddress) -> ErasureSubject:
    """Return the subject of an erasure; may raise `SeveralMeant`."""
    with database.reading() as connection:
        subject = erasure_subject.subject_of(connection, ref_or_address)
    if subject is None:
        raise SeveralMeant(f"several people have {ref_or_address}: say whom, as candidate:17")
    return subject


def erase(
    settings: Settings,
    database: Database,
    subject: ErasureSubject,
    *,
    by: str,
    mailchimp: str = "",
    with_files: bool = False,
    is_dry: bool = False,
    again: ListedErasure | None = None,
) -> ErasureDone:
    """Erase a person, or report what would be erased."""
    signing_keys(settings)  # Creates a missing file.
    names = erased_names(settings)
    blobs = Blobs(settings.store.blobs)
    ids = common.ids_of(database)
    mentions = subject.likely_mentions("")
    mentioned_in = [
        number
        for number, digest in _unfiled_mail(database)
        if mentions.are_in(_content(blobs, digest))
    ]
    in_files = _look_through_files(settings, subject, dry_run=True)
    not_taken_in = _not_in_the_journal_yet(settings, database, subject)
    in_files = replace(in_files, waiting=(*in_files.waiting, *not_taken_in))
    found_rows = erasure_subject.look_through(database.reading, subject)
    outcome: Erasure | None = None
    try:
        with (
            common.standings(settings, database) as standings,
            database.writing() as connection,
        ):
            outcome = erasing.erase(
                connection,
                subject,
                standings,
                names,
                number=again.id if again else ids.next(),
                at=common.now(),
                by=by,
                new_id=ids.next,
                mailchimp=mailchimp,
                mentioned_in=mentioned_in,
                also_kept=again.suppressions if again else (),
                also_declined=again.declined if again else (),
                noted_as=(again.person, again.addresses) if again else None,
                key_mark=again.key_mark if again else "",
                found_rows=found_rows,
            )
            if again is None and not outcome.counts:
                raise NobodyToErase(f"nothing is held of {subject.key}")
            if is_dry:
                raise _OnlyLooked
            if again is None:
                _append(list_file(settings), outcome, names.key_marks[0])
    except _OnlyLooked:
        assert outcome is not None
        return _outcome_of(outcome, subject, in_files, is_dry=True, are_files_deleted=False)
    for digest in outcome.blobs:
        remove_blob(database, blobs, digest)
    _look_through_files(settings, subject, dry_run=False)
    if with_files:
        for file in in_files.whole:
            for leftover in (file, report_of(file)):
                leftover.unlink(missing_ok=True)
    try:
        database.sweep_out()
    except StoreUnavailable as error:  # The erasure itself was done.
        log.error("store_not_rewritten", reason=str(error))
    return _outcome_of(outcome, subject, in_files, is_dry=False, are_files_deleted=with_files)


@dataclass(frozen=True, slots=True, kw_only=True)
class _InFiles:
    """Mentions of the person in the feed's files."""

    rows: int
    whole: tuple[Path, ...]  #: Files that can only be deleted whole.
    waiting: tuple[Path, ...]


def _outcome_of(
    outcome: Erasure,
    subject: ErasureSubject,
    in_files: _InFiles,
    *,
    is_dry: bool,
    are_files_deleted: bool,
) -> ErasureDone:
    return ErasureDone(
        erasure=outcome,
        is_dry=is_dry,
        shared=len(subject.shared),
        files=in_files.whole,
        are_files_deleted=are_files_deleted,
        rows_in_files=in_files.rows,
        waiting_files=in_files.waiting,
    )


def _not_in_the_journal_yet(
    settings: Settings, database: Database, subject: ErasureSubject
) -> tuple[Path, ...]:
    """Return records of messages about the person that haven't reached the store yet.

    A running worker passes them on within a moment, and this waits for that. The records of a
    worker that has ended are taken in when the gateway starts, and those made while the store was
    away when it is back.
    """
    mentions, until = (
        subject.certain_mentions(""),
        time.monotonic() + _LOGS_TAKEN_IN.total_seconds(),
    )
    while True:
        records = [
            (file, file.read_bytes())
            for file in files_in(settings.store.outage, ".jsonl")
            if is_record(file) and file.is_file()
        ]
        if database.is_sqlite and database.url.database:
            store = Path(database.url.database)
            for part in files_in(store.parent, ".a"):
                if part.name.startswith(f"{store.name}-journal-"):
                    left = left_in(part.with_suffix(""))
                    records.append((part, orjson.dumps(left)))
        their_records = tuple(file for file, octets in records if mentions.are_in(octets))
        if not their_records or time.monotonic() > until:
            return their_records
        time.sleep(_LOOK_AGAIN.total_seconds())


def _look_through_files(settings: Settings, subject: ErasureSubject, *, dry_run: bool) -> _InFiles:
    """Remove the person's rows from handled files, and find what else mentions them.

    Waiting files are left alone: what they say about others was not imported yet.
    """
    mentions = subject.likely_mentions("erased")
    rows, whole, waiting = 0, list[Path](), list[Path]()
    for file, is_handled in _files_of_feed(settings):
        kind = next((kind for kind in KINDS if file.name.lower().startswith(kind)), "")
        reading = FieldReading(mapping=settings.crm.mapping(kind), zone=common.time_zone(settings))
        try:
            their_rows = remove_rows(
                file,
                names_person=mentions.are_in,
                ref=subject.ref,
                reading=reading,
                dry_run=dry_run or not is_handled,
            )
            if is_handled and not dry_run:
                remove_from_report(report_of(file), their_rows, mentions.replaced_in, subject.ref)
            if is_handled:
                rows += len(their_rows)
            elif their_rows:
                waiting.append(file)
        except RowsNotRemovable:
            (whole if is_handled else waiting).append(file)
        except OSError as error:
            log.error("feed_file_not_looked_through", reason=str(error.strerror))
            whole.append(file)
    return _InFiles(rows=rows, whole=tuple(whole), waiting=tuple(waiting))


def list_file(settings: Settings) -> Path:
    """Return the path of the list of erasures, which is for restored stores."""
    return settings.keys.file.with_suffix(".erasures")


def read_list(settings: Settings) -> list[ListedErasure]:
    """Return every erasure ever begun; raise `ErasureListUnusable`."""
    file = list_file(settings)
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ErasureListUnusable(f"{file}: {error.strerror}") from error
    listed = []
    for number, line in enumerate(lines, 1):
        try:
            entry = orjson.loads(line)
            listed.append(
                ListedErasure(
                    id=int(entry["id"]),
                    at=datetime.fromisoformat(entry["at"]),
                    by=str(entry["by"]),
                    person=str(entry["person"]),
                    addresses=tuple(entry["addresses"]),
                    suppressions=tuple(
                        KeptSuppression(
                            name=name,
                            scope=Scope(scope),
                            until=datetime.fromisoformat(until) if until else None,
                            source=source,
                        )
                        for name, scope, until, source in entry["kept"]
                    ),
                    key_mark=str(entry.get("key", "")),
                    declined=tuple((name, topic) for name, topic in entry.get("declined", ())),
                )
            )
        except (ValueError, TypeError, KeyError) as error:
            raise ErasureListUnusable(f"{file}: line {number} is no erasure") from error
    return listed


def missing_erasures(settings: Settings, connection: StoreTransaction) -> list[ListedErasure]:
    """Return erasures the store doesn't have, because it was restored from a copy."""
    stored_ids = {erasure.id for erasure in erasures.list_erasures(connection)}
    return [entry for entry in read_list(settings) if entry.id not in stored_ids]


def erase_again(
    settings: Settings, database: Database, on_done: Callable[[ErasureDone], None]
) -> int:
    """Erase people a restored store brought back; return how many erasures the store lacked.

    Raises `ErasureListUnusable` if a key needed to find them is missing.
    """
    names = erased_names(settings)
    with database.reading() as connection:
        missing = missing_erasures(settings, connection)
        if not missing:
            return 0
        lost = {entry.key_mark for entry in missing if entry.key_mark} - set(names.key_marks)
        if lost:
            raise ErasureListUnusable(
                f"{settings.keys.file} lacks the key {', '.join(sorted(lost))}, which tells "
                "who was erased: put it back below the others"
            )
        people = _by_name(names, map(str, erasure_subject.known_people(connection)))
        addresses = _by_name(names, erasure_subject.known_addresses(connection))
    for entry in missing:
        subject: ErasureSubject | None = None
        if entry.person in people:
            subject = find_subject(database, PersonRef.parse(people[entry.person]))
        back = [addresses[name] for name in entry.addresses if name in addresses]
        with database.reading() as connection:
            other_holdings = erasure_subject.others_too(
                connection, subject.ref if subject else None, back
            )
        back = [address for address in back if address not in other_holdings]
        on_done(
            erase(
                settings, database, _with_addresses(subject, back, entry), by=entry.by, again=entry
            )
        )
    return len(missing)


def _with_addresses(
    subject: ErasureSubject | None, addresses: Iterable[str], entry: ListedErasure
) -> ErasureSubject:
    """Return an erasure's subject to erase again, with the addresses the store has for them."""
    base = subject or ErasureSubject(ref=None, addresses=())
    more = tuple(address for address in addresses if address not in (*base.addresses, *base.shared))
    all_addresses = (*base.addresses, *more)
    # The store has nothing on this person, so only the entry itself is added.
    return replace(base, addresses=all_addresses or (entry.person,))


def _by_name(names: ErasedNames, texts: Iterable[str]) -> dict[str, str]:
    return {name: text for text in texts for name in names.all_names(text)}


def _unfiled_mail(database: Database) -> Iterator[tuple[int, str]]:
    last = 0
    while True:
        with database.reading() as connection:
            rows = erasure_subject.unfiled_mail(connection, last, _AT_ONCE)
        if not rows:
            return
        yield from rows
        last = rows[-1][0]


def _content(blobs: Blobs, digest: str) -> bytes:
    if digest.startswith(PREFIX):
        return b""
    try:
        return b"".join(blobs.read(digest))
    except BlobMissing:
        return b""


def remove_blob(database: Database, blobs: Blobs, digest: str) -> bool:
    """Delete a blob nothing refers to; False if something does, or there is no such blob.

    If it is being stored again at this very moment, it is put back.
    """
    content = _content(blobs, digest)
    with database.reading() as connection:
        if not content or erasing.are_referred_to(connection, digest):
            return False
    blobs.remove(digest)
    with database.reading() as connection:
        is_back = erasing.are_referred_to(connection, digest)
    if is_back:
        blobs.put_now(content)
    return not is_back


def _files_of_feed(settings: Settings) -> Iterator[tuple[Path, bool]]:
    """Yield the files in the feed's folder, each with whether it was handled."""
    folder = settings.crm.folder
    if folder is None:
        return
    for place, is_handled in ((folder, False), (folder / "done", True), (folder / "failed", True)):
        if place.is_dir():
            for file in sorted(place.iterdir()):
                is_report = file.name.endswith(REPORT)
                if file.is_file() and not is_report and (is_handled or is_for_feed(file.name)):
                    yield file, is_handled


def _append(file: Path, outcome: Erasure, key_mark: str) -> None:
    entry = {
        "id": outcome.id,
        "at": outcome.at.isoformat(),
        "by": outcome.by,
        "person": outcome.person,
        "key": key_mark,
        "addresses": outcome.addresses,
        "kept": [
            [
                suppression.name,
                suppression.scope,
                suppression.until and suppression.until.isoformat(),
                suppression.source,
            ]
            for suppression in outcome.kept
        ],
        "declined": outcome.declined,
    }
    line = orjson.dumps(entry) + b"\n"
    try:
        number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(number, line)
            os.fsync(number)
        finally:
            os.close(number)
    except OSError as error:
        raise ErasureListUnusable(f"{file}: {error.strerror}; nothing was erased") from error
