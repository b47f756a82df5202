"""Mail by quarter of an hour, and what waits for a person."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    func,
    literal_column,
    or_,
    select,
)

from gateway.core.campaigns.campaigns import CampaignState
from gateway.core.ids import EPOCH, first_id_at
from gateway.core.kinds import State
from gateway.core.replies.inbox import InboxState
from gateway.core.sending.outbox import OutboxState
from gateway.core.triggers.occurrence import OccurrenceState
from gateway.store.bounces.bounces import is_undecided
from gateway.store.feed import feed_faults
from gateway.store.journal.messages import in_state
from gateway.store.schema.bounces import bounces
from gateway.store.schema.campaigns import campaigns
from gateway.store.schema.feed import feed_faults as faults
from gateway.store.schema.inbound import inbox
from gateway.store.schema.journal import deliveries
from gateway.store.schema.outbox import outbox
from gateway.store.schema.triggers import occurrences
from gateway.store.triggers import ledger

QUARTER = timedelta(minutes=15)
LATELY = timedelta(days=7)  #: How long bounced mail, or mail without an outcome, is shown.


@dataclass(frozen=True, slots=True)
class QuarterHour:
    """The deliveries of messages received in a quarter of an hour."""

    at: datetime  #: Its beginning; it is a full quarter in every time zone.
    counts: Mapping[State, int] = field(default_factory=dict)


class Undecided(StrEnum):
    """What only a person can decide."""

    INBOX = "inbox"  #: Replies that could not be filed.
    TRIGGERS_HELD = "triggers_held"
    TRIGGERS_UNREAD = "triggers_unread"  #: Mail that waits for an unreadable field.
    TRIGGERS_UNKNOWN = "triggers_unknown"  #: Mail on events that may or may not have been sent.
    MESSAGES_UNKNOWN = "messages_unknown"  #: Likewise, the CRM's mail of the last week.
    OUTBOX_UNKNOWN = "outbox_unknown"  #: Likewise, the gateway's own mail.
    OUTBOX_FAILED = "outbox_failed"
    BOUNCES = "bounces"  #: Of the last week: hard or complaints, not certainly about ours.
    IMPORTS = "imports"  #: Held back by the guard.
    CAMPAIGNS = "campaigns"  #: Begun but neither sent nor scheduled, or in trouble.


def quarter_of(moment: datetime) -> datetime:
    """Return the beginning of the quarter of an hour that contains a time."""
    return moment - (moment - EPOCH) % QUARTER


def flow(connection: Connection, first: datetime, until: datetime) -> list[QuarterHour]:
    """Count deliveries by quarter and state; both times are beginnings of quarters.

    Most are relayed: these are counted as the difference to the total, without reading the rows.
    """
    d = deliveries.c
    counts: defaultdict[datetime, dict[State, int]] = defaultdict(dict)
    for state in State:
        if state is not State.RELAYED:
            quarter = _quarter_number(d.message)
            of_state = select(quarter, func.count()).where(
                in_state(state), d.message >= first_id_at(first), d.message < first_id_at(until)
            )
            for number, count in connection.execute(of_state.group_by(quarter)):
                counts[EPOCH + number * QUARTER][state] = count
    quarters: list[QuarterHour] = []
    at = first
    while at < until:
        all_of_it = select(func.count()).where(
            d.message >= first_id_at(at), d.message < first_id_at(at + QUARTER)
        )
        others = counts.get(at, {})
        relayed = (connection.scalar(all_of_it) or 0) - sum(others.values())
        quarters.append(QuarterHour(at, {State.RELAYED: relayed, **others}))
        at += QUARTER
    return quarters


def _quarter_number(message: ColumnElement[int]) -> ColumnElement[int]:
    """Return the number of the quarter since `EPOCH` in which an id was made."""
    ids_of_a_quarter = first_id_at(EPOCH + QUARTER)
    return message.op("/")(literal_column(str(ids_of_a_quarter)))


def undecided(connection: Connection, now: datetime) -> dict[Undecided, int]:
    """Count what waits for a person, zeros included."""
    lately = first_id_at(now - LATELY)
    o, d, c = occurrences.c, deliveries.c, campaigns.c
    # Written out, as in their indexes.
    unsure_state: ColumnElement[str] = literal_column(f"'{OccurrenceState.UNKNOWN}'")
    held_state: ColumnElement[str] = literal_column(f"'{OccurrenceState.HELD}'")
    begun = and_(
        c.state.in_((CampaignState.DRAFT, CampaignState.OPENED)), c.scheduled_for.is_(None)
    )
    in_trouble = and_(c.trouble != "", c.state != CampaignState.DELETED)
    questions: dict[Undecided, Select[Any]] = {
        Undecided.INBOX: select(func.count()).where(inbox.c.state == InboxState.NEEDS_ATTENTION),
        Undecided.TRIGGERS_HELD: select(func.count()).where(o.state == held_state),
        Undecided.TRIGGERS_UNREAD: ledger.count_of_waiting(),
        Undecided.TRIGGERS_UNKNOWN: select(func.count()).where(o.state == unsure_state),
        Undecided.MESSAGES_UNKNOWN: select(func.count(d.message.distinct())).where(
            in_state(State.UNKNOWN), d.message >= lately
        ),
        Undecided.OUTBOX_UNKNOWN: select(func.count()).where(outbox.c.state == OutboxState.UNKNOWN),
        Undecided.OUTBOX_FAILED: select(func.count()).where(outbox.c.state == OutboxState.FAILED),
        Undecided.BOUNCES: select(func.count()).where(bounces.c.inbox >= lately, is_undecided()),
        Undecided.IMPORTS: select(func.count())
        .select_from(faults)
        .where(faults.c.reason.startswith(feed_faults.HELD_BACK)),
        Undecided.CAMPAIGNS: select(func.count()).where(or_(begun, in_trouble)),
    }
    return {what: connection.scalar(query) or 0 for what, query in questions.items()}
