"""Mails that were let go take turns at their relay."""

import asyncio
import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.sending.outbox import AttemptResult, Deferred, Refused, Sent, Unknown
from gateway.triggers import relay_turns
from gateway.triggers.attempt_notes import AttemptNotes, attempts_of, noting_holder
from gateway.triggers.relay_turns import RelayTurns

SLOW = timedelta(seconds=5)


@dataclass
class SlowRelay:
    """Answers once it may."""

    at_once: int = 2
    answer: AttemptResult | Exception = field(default_factory=lambda: Sent("250 ok"))
    may: asyncio.Event = field(default_factory=asyncio.Event)
    heard: list[str] = field(default_factory=list)

    def relay_of(self, _: str) -> str:
        return "relay"

    async def submit(self, *, sender: str, recipient: str, content: bytes) -> AttemptResult:
        self.heard.append(recipient)
        await self.may.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def holder(tmp_path: Path) -> str:
    return noting_holder(tmp_path)


def turns_at(relay: SlowRelay, holder: str) -> RelayTurns:
    notes = AttemptNotes(holder)
    notes.open()
    return RelayTurns(relay, notes, most=32, limit=SLOW)


def submitted(turns: RelayTurns, *numbers: int) -> list["asyncio.Task[AttemptResult]"]:
    return [
        asyncio.create_task(turns.submit(number, sender="", recipient=str(number), content=b"x"))
        for number in numbers
    ]


async def test_what_waits_for_its_turn_is_not_begun(holder: str) -> None:
    relay = SlowRelay()
    tasks = submitted(turns_at(relay, holder), 1, 2, 3)
    while len(relay.heard) < 2:
        await asyncio.sleep(0)
    begun = attempts_of(holder)
    relay.may.set()
    results = await asyncio.gather(*tasks)

    assert {1: False, 2: False} == begun
    assert {1: True, 2: True, 3: True} == attempts_of(holder)
    assert [Sent("250 ok")] * 3 == results


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        (Refused("550 no"), {}),
        (Deferred("450 later"), {}),
        (Unknown("no answer"), {1: False}),
        (ValueError("x"), {1: False}),
    ],
)
async def test_what_the_relay_surely_did_not_take_is_not_in_doubt(
    holder: str, answer: AttemptResult | Exception, known: dict[int, bool]
) -> None:
    relay = SlowRelay(answer=answer)
    relay.may.set()
    [result] = await asyncio.gather(*submitted(turns_at(relay, holder), 1))

    is_fault = isinstance(answer, Exception)
    assert (Unknown("the gateway failed: ValueError") if is_fault else answer) == result
    assert known == attempts_of(holder)


async def test_what_can_not_be_noted_is_not_sent(
    holder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = SlowRelay()
    turns = turns_at(relay, holder)
    turns.notes.close()
    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(turns.notes, "_file", full)
    [result] = await asyncio.gather(*submitted(turns, 1))
    os.close(full)

    assert isinstance(result, Deferred)
    assert "No space left" in result.reason
    assert [] == relay.heard


async def test_what_waits_too_long_is_put_off_unsent(
    holder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_turns, "_WAIT_SECONDS", 0.01)
    relay = SlowRelay(at_once=1)
    first, second = submitted(turns_at(relay, holder), 1, 2)
    result = await second
    relay.may.set()

    assert Deferred("the relay had others in hand") == result
    assert Sent("250 ok") == await first
    assert ["1"] == relay.heard


async def test_a_quick_relay_has_more_let_go_than_it_has_in_hand(holder: str) -> None:
    relay = SlowRelay()
    turns = turns_at(relay, holder)
    at_first = turns.let_go_at_once()
    relay.may.set()
    await asyncio.gather(*submitted(turns, *range(1, 100)))
    when_quick = turns.let_go_at_once()
    turns.notes.close()

    assert (2, 32, 2) == (at_first, when_quick, turns.let_go_at_once())
