"""The erasures carried out, as recorded in the store."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from sqlalchemy import (
    Connection,
    or_,
    select,
)

from gateway.store.people.erased_choices import KeptSuppression
from gateway.store.schema.erasures import erasures


@dataclass(slots=True, kw_only=True)
class Erasure:
    """The result of an erasure."""

    id: int
    at: datetime
    by: str
    person: str  #: Keyed hash of the person's key.
    addresses: tuple[str, ...]  #: Keyed hashes of the addresses.
    kept: tuple[KeptSuppression, ...]
    declined: tuple[tuple[str, str], ...] = ()  #: Hashes of addresses, each with a topic.
    mailchimp: str = ""  #: What Mailchimp is asked to do.
    members: int = 0  #: The number of Mailchimp contacts concerned.
    counts: Counter[str] = field(default_factory=Counter)  #: Rows of each table.
    blobs: tuple[str, ...] = ()  #: Files nothing refers to any more.


def list_erasures(
    connection: Connection,
    *,
    since: datetime | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> list[Erasure]:
    """Return the erasures carried out, newest first; with `before`, older than this id."""
    e = erasures.c
    query = select(erasures).order_by(e.id.desc()).limit(limit)
    if since is not None:
        query = query.where(e.at >= since)
    if before is not None:
        query = query.where(e.id < before)
    return [
        Erasure(
            id=row.id,
            at=row.at,
            by=row.by,
            person=row.person,
            addresses=tuple(row.addresses.split()),
            kept=(),
            mailchimp=row.mailchimp,
            counts=Counter(orjson.loads(row.counts or "{}")),
        )
        for row in connection.execute(query)
    ]


def named_by_mark(connection: Connection, mark: str) -> tuple[list[str], str] | None:
    """Return the full names behind a mark in the journal, and the mark of their key.

    `erased:5f0c21ab` is in the journal in place of an erased address, or of a person: then it means
    all their addresses. None: nobody was erased under that name.
    """
    e = erasures.c
    # Somebody who came back with another address, and was erased again, has several.
    rows = connection.execute(
        select(e.person, e.addresses, e.key_mark).where(
            or_(
                e.addresses.contains(mark, autoescape=True),
                e.person.startswith(mark, autoescape=True),
            )
        )
    ).all()
    names = dict.fromkeys(
        name
        for row in rows
        for name in row.addresses.split()
        if row.person.startswith(mark) or name.startswith(mark)
    )
    return (list(names), rows[0].key_mark) if rows else None
