"""The API's answers to repeatable requests, kept for a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from gateway.store.engine.upsert import insert_into
from gateway.store.schema.api import answers

KEEP = timedelta(hours=24)
#: How long a request may be in progress before a retry of it is let through.
_UNDER_WAY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatableRequest:
    """A request that may be repeated."""

    token: int
    key: str  #: The key its sender gave it.
    digest: str  #: SHA-256 of the whole request.


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """The answer a request got."""

    status: int
    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class EarlierRequest:
    """An earlier request with the same key."""

    is_same: bool
    answer: StoredAnswer | None  #: None while it is in progress.


def begin(
    connection: Connection, request: RepeatableRequest, now: datetime
) -> EarlierRequest | None:
    """Record that a request is in progress; return the earlier one with its key, if any."""
    values = {
        "token": request.token,
        "key": request.key,
        "request": request.digest,
        "at": now,
        "status": None,
        "type": "",
        "body": None,
    }
    insert = insert_into(connection, answers).values(values)
    key_columns = [answers.c.token, answers.c.key]
    outdated = answers.c.at <= now - KEEP
    given_up = answers.c.status.is_(None) & (answers.c.at <= now - _UNDER_WAY)
    query = insert.on_conflict_do_update(
        index_elements=key_columns,
        set_={name: insert.excluded[name] for name in ("request", "at", "status", "type", "body")},
        where=outdated | given_up,
    )
    if connection.scalar(query.returning(answers.c.token)) is not None:
        return None
    row = connection.execute(
        select(answers).where(answers.c.token == request.token, answers.c.key == request.key)
    ).one()
    is_same = row.request == request.digest
    if row.status is None:
        return EarlierRequest(is_same, None)
    return EarlierRequest(is_same, StoredAnswer(status=row.status, type=row.type, body=row.body))


def keep(connection: Connection, request: RepeatableRequest, answer: StoredAnswer) -> None:
    """Store the answer to a request."""
    key_columns = update(answers).where(
        answers.c.token == request.token, answers.c.key == request.key
    )
    connection.execute(key_columns.values(status=answer.status, type=answer.type, body=answer.body))


def forget(connection: Connection, request: RepeatableRequest) -> None:
    """Allow a failed request to be retried."""
    key_columns = (answers.c.token == request.token, answers.c.key == request.key)
    connection.execute(delete(answers).where(*key_columns, answers.c.status.is_(None)))


def prune(connection: Connection, before: datetime, limit: int) -> int:
    """Delete up to `limit` answers given before a time; return how many."""
    old = select(answers.c.token, answers.c.key).where(answers.c.at < before).limit(limit)
    rows = connection.execute(old).all()
    for token, key in rows:
        connection.execute(delete(answers).where(answers.c.token == token, answers.c.key == key))
    return len(rows)
