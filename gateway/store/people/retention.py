"""Deleting what is older than may be kept, in small steps."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, func, or_, select, update

from gateway.core.campaigns.campaigns import CampaignState
from gateway.core.ids import first_id_at, moment_of
from gateway.core.replies.inbox import InboxState
from gateway.store.schema.activities import activities
from gateway.store.schema.bounces import bounces
from gateway.store.schema.campaigns import campaign_members, campaigns
from gateway.store.schema.inbound import documents, history, inbox
from gateway.store.schema.journal import messages

#: Deletes up to a number of rows older than a time; returns how many, and their blobs.
Forgetting = Callable[[Connection, datetime, int], tuple[int, list[str]]]

_FORGOTTEN = "forgotten:"  #: In place of the blob of a mail that is no longer kept.
#: Mail the importer has decided on; mail it hasn't read yet waits, however old.
_DONE_WITH = (
    *(InboxState.FILED, InboxState.REPEATED, InboxState.IGNORED, InboxState.DISCARDED),
    InboxState.NEEDS_ATTENTION,
)
_OVER = (CampaignState.SENT, CampaignState.DELETED)


def prune_replies(connection: Connection, before: datetime, limit: int) -> tuple[int, list[str]]:
    """Delete history entries, and settled mail of the inbox, from before a time.

    Mail that nobody has settled in all that time is discarded with it. A mail leaves a row without
    content, so that a mailbox's mail is known to be done; documents have a retention period of
    their own.
    """
    h, i, last = history.c, inbox.c, first_id_at(before)
    entries = connection.execute(
        select(h.id, h.raw).where(h.id < last).order_by(h.id).limit(limit)
    ).all()
    connection.execute(delete(history).where(h.id.in_([row.id for row in entries])))
    old = _old_mail(connection, limit - len(entries), i.id < last, i.state.in_(_DONE_WITH))
    _empty(connection, old)
    blobs = [row.raw for row in entries] + [row.content for row in old]
    return len(entries) + len(old), blobs


def prune_bounces(connection: Connection, before: datetime, limit: int) -> tuple[int, list[str]]:
    """Delete bounces and complaints from before a time, with the mails that reported them.

    Automatic mail that reported nothing is deleted, too. Suppressions stay, with their own reasons.
    """
    b, i, last = bounces.c, inbox.c, first_id_at(before)
    rows = connection.execute(
        select(b.inbox, b.position).where(b.inbox < last).order_by(b.inbox).limit(limit)
    ).all()
    for row in rows:
        connection.execute(delete(bounces).where(b.inbox == row.inbox, b.position == row.position))
    numbers = [row.inbox for row in rows]
    reports = _old_mail(connection, limit, i.id.in_(numbers), i.state.in_(_DONE_WITH))
    _empty(connection, reports)
    automatic = _old_mail(connection, limit - len(rows), i.id < last, i.state == InboxState.IGNORED)
    _empty(connection, automatic)
    return len(rows) + len(automatic), [row.content for row in (*reports, *automatic)]


def _old_mail(connection: Connection, limit: int, *which: ColumnElement[bool]) -> Sequence[Any]:
    """Return mails of the inbox that still have content."""
    i = inbox.c
    query = select(i.id, i.content, i.state).where(*which, ~i.content.contains(":"))
    return connection.execute(query.order_by(i.id).limit(limit)).all()


def _empty(connection: Connection, mails: Sequence[Any]) -> None:
    """Delete the content of mails; what waited for somebody is discarded."""
    for row in mails:
        is_open = row.state == InboxState.NEEDS_ATTENTION
        connection.execute(
            update(inbox)
            .where(inbox.c.id == row.id)
            .values(
                content=f"{_FORGOTTEN}{row.id}",
                whole=False,
                entry=None,
                state=InboxState.DISCARDED.value if is_open else row.state,
                **dict.fromkeys(("detail", "sender", "address", "subject", "message_id"), ""),
                envelope_sender=None,
                envelope_recipients="",
            )
        )


def prune_documents(connection: Connection, before: datetime, limit: int) -> tuple[int, list[str]]:
    """Delete documents from before a time."""
    d = documents.c
    rows = connection.execute(
        select(d.id, d.sha256).where(d.id < first_id_at(before)).order_by(d.id).limit(limit)
    ).all()
    connection.execute(delete(documents).where(d.id.in_([row.id for row in rows])))
    return len(rows), [row.sha256 for row in rows]


def prune_members(connection: Connection, before: datetime, limit: int) -> tuple[int, list[str]]:
    """Delete members of campaigns sent before a time, and their activities; counters stay."""
    c, done = campaigns.c, 0
    sent = func.coalesce(c.sent_at, c.opened_at)
    with_person = or_(
        exists().where(campaign_members.c.campaign == c.id),
        exists().where(activities.c.campaign == c.id),
    )
    old = connection.scalars(
        select(c.id).where(c.state.in_(_OVER), sent < before, with_person).order_by(c.id)
    )
    for number in old.all():
        for table in (activities, campaign_members):
            if done >= limit:
                return done, []
            keys = list(table.primary_key.columns)
            query = select(*keys).where(table.c.campaign == number).limit(limit - done)
            rows = connection.execute(query).all()
            for row in rows:
                same = [key == value for key, value in zip(keys, row, strict=True)]
                connection.execute(delete(table).where(*same))
            done += len(rows)
    return done, []


def oldest(connection: Connection) -> dict[str, datetime | None]:
    """Return the time of the oldest of each kind; None if there is none."""
    by_id = {
        name: connection.scalar(select(func.min(table.c.id)))
        for name, table in (("journal", messages), ("replies", history), ("documents", documents))
    }
    attention = select(func.min(inbox.c.id)).where(inbox.c.state == InboxState.NEEDS_ATTENTION)
    waiting = connection.scalar(attention)
    by_id["replies"] = min(filter(None, (by_id["replies"], waiting)), default=None)
    by_id["bounces"] = connection.scalar(select(func.min(bounces.c.inbox)))
    times: dict[str, datetime | None] = {
        name: None if number is None else moment_of(number) for name, number in by_id.items()
    }
    sent = select(func.min(campaigns.c.sent_at)).where(
        exists().where(campaign_members.c.campaign == campaigns.c.id)
    )
    times["campaigns"] = connection.scalar(sent)
    return times
