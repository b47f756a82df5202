"""Forgetting what is older than it may be kept, in small steps: replies, documents, campaigns."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, or_, select, update

from gateway.core.campaigns.campaigns import CampaignState
from gateway.core.ids import first_id_at, moment_of
from gateway.core.replies.inbox import InboxState
from gateway.store.schema import (
    activities,
    campaign_members,
    campaigns,
    documents,
    history,
    inbox,
    messages,
)

#: Deletes up to a number of rows older than a time; returns how many, and which blobs they had.
Forgetting = Callable[[Connection, datetime, int], tuple[int, list[str]]]

_FORGOTTEN = "forgotten:"  #: In place of the blob of a mail that is not kept any more.
_SETTLED = (InboxState.FILED, InboxState.REPEATED, InboxState.IGNORED, InboxState.DISCARDED)
_OVER = (CampaignState.SENT, CampaignState.DELETED)


def replies(connection: Connection, before: datetime, limit: int) -> tuple[int, list[str]]:
    """Forget entries of the history, and settled mail of the inbox, that came before a time.

    A mail stays as a row without content, by which a mailbox's mail is known to be done. What
    waits for somebody is kept, however old; documents have a time of their own.
    """
    h, i, last = history.c, inbox.c, first_id_at(before)
    entries = connection.execute(
        select(h.id, h.raw).where(h.id < last).order_by(h.id).limit(limit)
    ).all()
    connection.execute(delete(history).where(h.id.in_([row.id for row in entries])))
    old = connection.execute(
        select(i.id, i.content)
        .where(i.id < last, i.state.in_(_SETTLED), ~i.content.contains(":"))
        .order_by(i.id)
        .limit(limit - len(entries))
    ).all()
    for row in old:
        connection.execute(
            update(inbox)
            .where(i.id == row.id)
            .values(
                content=f"{_FORGOTTEN}{row.id}",
                whole=False,
                entry=None,
                **dict.fromkeys(("detail", "sender", "address", "subject", "message_id"), ""),
                envelope_sender=None,
                envelope_recipients="",
            )
        )
    blobs = [row.raw for row in entries] + [row.content for row in old]
    return len(entries) + len(old), blobs


def old_documents(connection: Connection, before: datetime, limit: int) -> tuple[int, list[str]]:
    """Forget documents that came before a time."""
    d = documents.c
    rows = connection.execute(
        select(d.id, d.sha256).where(d.id < first_id_at(before)).order_by(d.id).limit(limit)
    ).all()
    connection.execute(delete(documents).where(d.id.in_([row.id for row in rows])))
    return len(rows), [row.sha256 for row in rows]


def members(connection: Connection, before: datetime, limit: int) -> tuple[int, list[str]]:
    """Forget who was in campaigns sent before a time, and what they did; the counters stay."""
    c, done = campaigns.c, 0
    sent = func.coalesce(c.sent_at, c.opened_at)
    whose = or_(
        exists().where(campaign_members.c.campaign == c.id),
        exists().where(activities.c.campaign == c.id),
    )
    old = connection.scalars(
        select(c.id).where(c.state.in_(_OVER), sent < before, whose).order_by(c.id)
    )
    for number in old.all():
        for table in (activities, campaign_members):
            if done >= limit:
                return done, []
            keys = list(table.primary_key.columns)
            some = select(*keys).where(table.c.campaign == number).limit(limit - done)
            rows = connection.execute(some).all()
            for row in rows:
                same = [key == value for key, value in zip(keys, row, strict=True)]
                connection.execute(delete(table).where(*same))
            done += len(rows)
    return done, []


def oldest(connection: Connection) -> dict[str, datetime | None]:
    """Return the time of the oldest of each kind; None: there is none."""
    by_id = {
        name: connection.scalar(select(func.min(table.c.id)))
        for name, table in (("journal", messages), ("replies", history), ("documents", documents))
    }
    times: dict[str, datetime | None] = {
        name: None if number is None else moment_of(number) for name, number in by_id.items()
    }
    sent = select(func.min(campaigns.c.sent_at)).where(
        exists().where(campaign_members.c.campaign == campaigns.c.id)
    )
    times["campaigns"] = connection.scalar(sent)
    return times
