"""The lives of the queues: what each event makes of a row in each state, as a table.

A row of a table: the event, then the state after it for each state before it, `-` where it can't
happen. What is not named can't happen in any state.
"""

from enum import StrEnum
from typing import Any

import pytest

from gateway.core.queue import OUTCOMES, QueueEvent, QueueLife
from gateway.core.replies.inbox import INBOX_LIFE, InboxState
from gateway.core.sending.outbox import OUTBOX_LIFE, WEBHOOK_LIFE, OutboxState
from gateway.core.triggers.occurrence import LEDGER_LIFE, OccurrenceState

MAIL = """\
            queued     sending    sent  failed     unknown    cancelled
claimed     sending    -          -     -          -          -
abandoned   -          unknown    -     -          -          -
sent        -          sent       -     -          sent       -
failed      -          failed     -     -          failed     -
put_off     -          queued     -     -          queued     -
doubted     -          unknown    -     -          unknown    -
skipped     -          cancelled  -     -          cancelled  -
retried     -          -          -     queued     queued     queued
cancelled   cancelled  -          -     cancelled  cancelled  -
"""
WEBHOOKS = (
    MAIL.replace(
        "abandoned   -          unknown    -     -          -          -",
        "abandoned   -          queued     -     -          -          -",
    )
    + """\
given_up    failed     -          -     -          -          -
"""
)
LEDGER = """\
            due       held     sending  sent  skipped  expired  failed  unknown
claimed     due       -        -        -     -        -        -       -
given_back  due       -        -        -     -        -        -       -
begun       sending   -        -        -     -        -        -       -
abandoned   due       -        unknown  -     -        -        -       -
sent        -         -        sent     -     -        -        -       sent
doubted     -         -        unknown  -     -        -        -       unknown
put_off     due       -        due      -     -        -        -       due
failed      failed    -        failed   -     -        -        -       failed
expired     expired   -        expired  -     -        -        -       expired
skipped     skipped   -        -        -     -        -        -       -
withdrawn   skipped   skipped  -        -     -        -        -       -
held        held      -        -        -     -        -        -       -
resumed     -         due      -        -     -        -        -       -
revived     -         -        -        -     -        due      -       -
"""
INBOX = """\
            waiting          filed  repeated  needs_attention  ignored  discarded
claimed     waiting          -      -         -                -        -
given_back  waiting          -      -         -                -        -
abandoned   waiting          -      -         -                -        -
filed       filed            -      -         filed            -        filed
repeated    repeated         -      -         repeated         -        repeated
ignored     ignored          -      -         ignored          -        ignored
objected    needs_attention  -      -         needs_attention  -        needs_attention
discarded   -                -      -         discarded        -        discarded
"""
LIVES: list[tuple[type[StrEnum], QueueLife[Any], str]] = [
    (OutboxState, OUTBOX_LIFE, MAIL),
    (OutboxState, WEBHOOK_LIFE, WEBHOOKS),
    (OccurrenceState, LEDGER_LIFE, LEDGER),
    (InboxState, INBOX_LIFE, INBOX),
]
NAMES = ["mail", "webhooks", "ledger", "inbox"]


def read(table: str) -> dict[str, dict[str, str]]:
    """Return by event the state after by the state before."""
    first, *lines = table.splitlines()
    return {
        event: {
            before: after
            for before, after in zip(first.split(), afters, strict=True)
            if after != "-"
        }
        for event, *afters in map(str.split, lines)
    }


@pytest.mark.parametrize("event", QueueEvent)
@pytest.mark.parametrize(("states", "life", "table"), LIVES, ids=NAMES)
def test_an_event_makes_of_each_state_what_the_table_says(
    states: type[StrEnum], life: QueueLife[Any], table: str, event: QueueEvent
) -> None:
    expected = read(table).get(event.name.lower(), {})

    assert [expected.get(state) for state in states] == [
        life.after(state, event) for state in states
    ]
    assert set(expected) == set(life.before(event))


@pytest.mark.parametrize(("states", "life", "table"), LIVES, ids=NAMES)
def test_the_tables_above_name_every_state_and_only_events_there_are(
    states: type[StrEnum], life: QueueLife[Any], table: str
) -> None:
    assert [state.value for state in states] == table.splitlines()[0].split()
    assert set(read(table)) == {event.name.lower() for event in life.transitions}


# What holds for every queue, those to come included


@pytest.mark.parametrize(("states", "life", "table"), LIVES, ids=NAMES)
def test_every_event_but_the_end_of_a_holder_leads_to_one_state(
    states: type[StrEnum], life: QueueLife[Any], table: str
) -> None:
    for event in life.transitions.keys() - {QueueEvent.ABANDONED}:
        assert life.result(event) in states

    outcomes = [event for event in OUTCOMES if event in life.transitions]
    assert outcomes == [life.outcome(life.result(event)) for event in outcomes]


@pytest.mark.parametrize(("states", "life", "table"), LIVES, ids=NAMES)
def test_whatever_a_holder_may_leave_behind_is_recovered(
    states: type[StrEnum], life: QueueLife[Any], table: str
) -> None:
    in_hand = {
        life.result(event)
        for event in (QueueEvent.CLAIMED, QueueEvent.BEGUN)
        if event in life.transitions
    }

    assert in_hand == set(life.before(QueueEvent.ABANDONED))


@pytest.mark.parametrize(
    ("life", "unknown"),
    [(OUTBOX_LIFE, OutboxState.UNKNOWN), (LEDGER_LIFE, OccurrenceState.UNKNOWN)],
    ids=["mail", "ledger"],
)
def test_E5_what_may_have_left_is_sent_again_only_if_a_person_says_so_or_it_surely_did_not(
    life: QueueLife[Any], unknown: StrEnum
) -> None:
    (waiting,) = life.before(QueueEvent.CLAIMED)
    back = [event for event in life.transitions if life.after(unknown, event) == waiting]

    assert unknown is life.after(life.before(QueueEvent.SENT)[0], QueueEvent.ABANDONED)
    assert {QueueEvent.PUT_OFF} == set(back) - {QueueEvent.RETRIED}


def test_what_no_event_leads_to_is_no_outcome() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        OUTBOX_LIFE.outcome(OutboxState.SENDING)
    with pytest.raises(ValueError, match="not enough values"):
        INBOX_LIFE.result(QueueEvent.BEGUN)
