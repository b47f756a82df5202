"""What was filed to people: history entries and documents."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from gateway.core.people.history import Document, HistoryEntry, ReplyHead
from gateway.core.people.people import PersonKind, PersonRef
from gateway.store.engine.id_ranges import between
from gateway.store.engine.upsert import insert_new
from gateway.store.schema.inbound import documents, history

_PLAIN = tuple(
    name
    for name in HistoryEntry.__dataclass_fields__
    if name not in ("person", "remarks", "documents")
)
_OF_DOCUMENT = tuple(Document.__dataclass_fields__)


def add(connection: Connection, entry: HistoryEntry) -> bool:
    """File an entry with its documents; False if the application already has that original."""
    values = {name: getattr(entry, name) for name in _PLAIN}
    values |= _person(entry.person) | {"remarks": "\n".join(entry.remarks)}
    if not insert_new(connection, history, values, key=("reference", "fingerprint")):
        return False
    rows = [asdict(document) | _person(entry.person) for document in entry.documents]
    if rows:
        connection.execute(insert(documents).values(rows))
    return True


def by_fingerprint(connection: Connection, reference: str, fingerprint: str) -> HistoryEntry | None:
    """Return the entry for an original at an application."""
    keys = (history.c.reference == reference, history.c.fingerprint == fingerprint)
    row = connection.execute(select(history).where(*keys)).first()
    return None if row is None else _entry(connection, row)


def remark(connection: Connection, entry: HistoryEntry, text: str) -> None:
    """Add a remark to an entry."""
    remarks = "\n".join((*entry.remarks, " ".join(text.split())))
    connection.execute(update(history).where(history.c.id == entry.id).values(remarks=remarks))


def by_id(connection: Connection, number: int) -> HistoryEntry | None:
    """Return an entry with its documents."""
    row = connection.execute(select(history).where(history.c.id == number)).first()
    return None if row is None else _entry(connection, row)


def of_person(connection: Connection, ref: PersonRef) -> list[HistoryEntry]:
    """Return a person's entries, newest first."""
    of_person = (history.c.kind == ref.kind.value, history.c.person == ref.crm_id)
    rows = connection.execute(select(history).where(*of_person).order_by(history.c.id.desc())).all()
    return [_entry(connection, row) for row in rows]


def heads_of(
    connection: Connection,
    ref: PersonRef,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[ReplyHead]:
    """Return a person's newest entries within a period, without their content."""
    names = ReplyHead.__dataclass_fields__
    query = (
        select(*(history.c[name] for name in names))
        .where(history.c.kind == ref.kind.value, history.c.person == ref.crm_id)
        .where(*between(history.c.id, since, until))
        .order_by(history.c.id.desc())
        .limit(limit)
    )
    return [ReplyHead(**row._mapping) for row in connection.execute(query)]


def newest_documents(
    connection: Connection,
    ref: PersonRef,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[Document]:
    """Return a person's newest documents within a period; those of an entry keep its order."""
    c = documents.c
    query = (
        select(documents)
        .where(c.kind == ref.kind.value, c.person == ref.crm_id)
        .where(*between(c.entry, since, until))
        .order_by(c.entry.desc(), c.id)
        .limit(limit)
    )
    return [_document(row) for row in connection.execute(query)]


def documents_of(connection: Connection, ref: PersonRef) -> list[Document]:
    """Return a person's documents, newest first."""
    of_person = (documents.c.kind == ref.kind.value, documents.c.person == ref.crm_id)
    return _documents(connection, *of_person)[::-1]


def document(connection: Connection, number: int) -> Document | None:
    """Return a document."""
    return next(iter(_documents(connection, documents.c.id == number)), None)


def _documents(connection: Connection, *which: Any) -> list[Document]:
    rows = connection.execute(select(documents).where(*which).order_by(documents.c.id))
    return [_document(row) for row in rows]


def _document(row: Row[Any]) -> Document:
    return Document(**{name: getattr(row, name) for name in _OF_DOCUMENT})


def _person(ref: PersonRef) -> dict[str, str]:
    return {"kind": ref.kind.value, "person": ref.crm_id}


def _entry(connection: Connection, row: Row[Any]) -> HistoryEntry:
    values = {name: getattr(row, name) for name in _PLAIN}
    attached: Sequence[Document] = _documents(connection, documents.c.entry == row.id)
    return HistoryEntry(
        **values,
        person=PersonRef(PersonKind(row.kind), row.person),
        remarks=tuple(filter(None, row.remarks.split("\n"))),
        documents=tuple(attached),
    )
