"""How long a page of the console takes on a journal of a million messages."""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.processes import BenchmarkError
from gateway.api.console.roles import ConsoleRole
from gateway.core import ids
from gateway.core.decision.note_facts import NoteFacts, kept
from gateway.core.kinds import Kind, Scope
from gateway.core.people.people import Suppression, SuppressionSource
from gateway.store.engine.bulk_rows import insert_rows
from gateway.store.engine.database import Database
from gateway.store.journal import searching
from gateway.store.schema import deliveries, messages
from tests.api.console.browsing import signed_in
from tests.api.served import served

MESSAGES = 1_000_000
DAYS = 30  #: Over which they came.
ROUNDS = 20
AIM = 0.1  #: Seconds.
_STEP = 20_000
_GROUP = "Geen bulk-mail"
_MESSAGE, _DELIVERY = tuple(messages.c.keys()), tuple(deliveries.c.keys())
#: What is opened; of the journal's pages with what costs most.
PAGES = (
    "today",
    "send-failed",
    f"send-failed?group={_GROUP}",
    "send-failed?rule=precedence",
    "messages",
    "messages?search=word17+word4711",
    "messages?search=anna.jansen17%40x3.example",
    "messages?search=application",
    "messages?search=application&state=unknown",
    "messages?search=application&state=deferred",
    "messages?to=anna.jansen17%40x3.example",
    "messages?from=office3%40crm.example&search=word17",
    "messages/{failed}",
    "outbox",
    "people",
    "inbox",
    "campaigns",
    "triggers",
    "applications",
    "feed",
    "acts",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTime:
    """One page, all rounds: from its request to its last octet, on this machine."""

    page: str
    questions: int  #: Statements that the store was asked.
    median: float  #: Seconds.
    longest: float


def measure(
    directory: Path, *, count: int, rounds: int, step: Callable[[str], None]
) -> tuple[PageTime, ...]:
    """Fill a journal and open every page again and again."""
    url = f"sqlite:///{directory}/console.db"
    database = Database(url)
    database.prepare()
    failed = _fill(database, count)
    database.close()
    with asyncio.Runner() as runner:
        measured = runner.run(_opened(url, directory, ids.show(failed), rounds))
    step("console")
    return measured


async def _opened(url: str, directory: Path, failed: str, rounds: int) -> tuple[PageTime, ...]:
    from sqlalchemy import event

    measured = []
    asked: list[str] = []
    async with served(url, directory) as api, signed_in(api, *ConsoleRole) as browsing:
        event.listen(
            api.database.engine,
            "before_cursor_execute",
            lambda _, __, statement, *___: asked.append(statement),
        )
        for page in PAGES:
            path = f"/console/{page.format(failed=failed)}"
            if (await browsing.client.get(path)).status_code == 404:
                continue
            asked.clear()
            seconds = []
            for _ in range(rounds):
                began = time.perf_counter()
                answer = await browsing.client.get(path)
                seconds.append(time.perf_counter() - began)
                if answer.status_code != 200:
                    raise BenchmarkError(f"{path}: {answer.status_code}")
            measured.append(
                PageTime(
                    page=page,
                    questions=len(asked) // rounds,
                    median=statistics.median(seconds),
                    longest=max(seconds),
                )
            )
    return tuple(measured)


def _fill(database: Database, count: int) -> int:
    """Write messages, take their words, and return one that failed.

    Of a hundred three were kept away, one was refused and one put off; of five thousand one is
    unknown.
    """
    now = datetime.now(UTC)
    first = ids.first_id_at(now - timedelta(days=DAYS))
    apart = (ids.first_id_at(now) - first) // count
    group = Suppression(scope=Scope.BULK, source=SuppressionSource.GROUP, name=_GROUP, since=now)
    facts = kept(
        NoteFacts(
            message=0,
            now=now,
            kind=Kind.BULK,
            rule="precedence",
            recipient="ann@example.org",
            suppressions=(group,),
            personal_mail=True,
        )
    )
    for start in range(0, count, _STEP):
        numbers = range(start, min(start + _STEP, count))
        with database.writing(durable=False) as connection:
            insert_rows(connection, messages, _MESSAGE, [*_messages(numbers, first, apart)])
            rows = [*_deliveries(numbers, first, apart, facts)]
            insert_rows(connection, deliveries, _DELIVERY, rows)
    taken = 1
    while taken:
        with database.writing(durable=False) as connection:
            taken = searching.index(connection, now + timedelta(hours=1), _STEP)
    return first + 100 * apart


#: A multiple of a prime stands for chance: the same messages in every run.
def _messages(numbers: range, first: int, apart: int) -> Iterator[list[Any]]:
    for n in numbers:
        values = {
            "id": first + n * apart,
            "worker": -1,
            "listener": "crm",
            "login": "crm",
            "client": "10.0.0.1",
            "sender": f"office{n % 7}@crm.example",
            "subject": f"Your application word{n * 7919 % 5003} word{n * 104729 % 5003}",
            "message_id": f"<{n}.{n * 7919:x}@crm.example>",
            "kind": "bulk" if n % 2 == 0 else "individual",
            "rule": "precedence" if n % 2 == 0 else "default",
            "relay": "main",
            "size": 5000,
        }
        yield [values.get(name) for name in _MESSAGE]


def _deliveries(numbers: range, first: int, apart: int, facts: str) -> Iterator[list[Any]]:
    names = ("anna", "jan", "piet", "maria", "sofie", "luc")
    for n in numbers:
        place = n % 100
        states = {
            0: "send_failed",
            2: "send_failed",
            4: "send_failed",
            5: "rejected",
            7: "deferred",
        }
        state = "unknown" if n % 5000 == 77 else states.get(place, "relayed")
        has_failed = state == "send_failed"
        address = f"{names[n % 6]}.jansen{n * 7919 % 4001}@x{n % 50}.example"
        values = {
            "message": first + n * apart,
            "position": 0,
            "recipient": address,
            "address": address,
            "state": state,
            "by": "gateway" if has_failed else "relay",
            "reply": "" if has_failed else "250 2.0.0 Ok: queued as 4ABCDEF",
            "note": "Verzenden mislukt\n" + "why " * 100 if has_failed else "",
            "would": "",
            "persons": f"candidate:{n}" if has_failed else "",
            "note_facts": facts if has_failed else "",
        }
        yield [values[name] for name in _DELIVERY]
