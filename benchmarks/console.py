"""How long a console page takes with a journal of a million messages."""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import crm_data
from benchmarks.processes import BenchmarkError
from gateway.api.console.roles import ConsoleRole
from gateway.core import ids
from gateway.core.decision.note_facts import NoteFacts, facts_as_json
from gateway.core.kinds import Kind, Scope
from gateway.core.people.people import Suppression, SuppressionSource
from gateway.store.engine.bulk_rows import insert_rows
from gateway.store.engine.database import Database
from gateway.store.journal import searching
from gateway.store.schema.journal import deliveries, messages
from tests.api.console.browsing import signed_in
from tests.api.served import Served, served
from tests.rig.new_ids import RowIds

MESSAGES = 1_000_000
DAYS = 30  #: The period of the journal.
ROUNDS = 20
AIM = 0.1  #: Seconds.
_STEP = 20_000
_GROUP = "Geen bulk-mail"
_MESSAGE, _DELIVERY = tuple(messages.c.keys()), tuple(deliveries.c.keys())
#: The pages opened: the most expensive of the journal's pages, and each list with the page of an
#: entry.
PAGES = (
    "today",
    "today/live",
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
    "messages?to=anna",
    "messages?to=%40x3.example",
    "messages?from=office3&to=jansen17",
    "messages?to=application",
    "send-failed?to=%40x2.example",
    "messages?from=office3%40crm.example&search=word17",
    "messages/{failed}",
    "bounces",
    "bounces/{bounce}/0",
    "people",
    "people?q=jansen",
    "people?q=j%C3%A4nsen",
    "people?q=R4711",
    "people/{busy}",
    "people/{busy}?type=message",
    "inbox",
    "inbox?state=all",
    "inbox/{mail}",
    "campaigns",
    "campaigns/{campaign}",
    "campaigns/{campaign}?which=out",
    "campaigns/{campaign}?which=dropped",
    "campaigns/{campaign}/activities",
    "campaigns/{campaign}/activities?type=clicked",
    "campaigns/{campaign}/plot",
    "triggers",
    "triggers/history",
    "triggers/{trigger}",
    "triggers/{trigger}/preview",
    "triggers/templates/{trigger}",
    "applications",
    "applications?q=nurse+jansen",
    "applications/{reference}",
    "feed",
    "feed/files/done/{file}",
    "feed/refused/done/{file}",
    "outbox",
    "outbox/{entry}",
    "acts",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTime:
    """The times of a page over all rounds: from its request to its last octet, on this machine."""

    page: str
    questions: int  #: SQL statements.
    processor: float  #: Median seconds of processor time, including browser and store.
    median: float  #: Seconds.
    longest: float


def measure(
    directory: Path, *, count: int, rounds: int, step: Callable[[str], None]
) -> tuple[PageTime, ...]:
    """Fill a journal and open every page repeatedly."""
    url = f"sqlite:///{directory}/console.db"
    with asyncio.Runner() as runner:
        measured = runner.run(_filled_and_opened(url, directory, count, rounds))
    step("console")
    return measured


async def _filled_and_opened(
    url: str, directory: Path, count: int, rounds: int
) -> tuple[PageTime, ...]:
    async with served(url, directory, crm_data.changes(directory)) as api:
        failed = _fill(api.database, count)
        new_id = RowIds(9).next
        places = crm_data.fill(api.settings, api.database, directory, new_id)
        named = {
            "failed": ids.show(failed),
            "busy": crm_data.BUSY,
            "mail": ids.show(places.mail),
            "campaign": ids.show(places.campaign),
            "trigger": places.trigger,
            "reference": places.reference,
            "file": places.file,
            "entry": ids.show(places.entry),
            "bounce": ids.show(places.bounce),
        }
        return await _opened(api, named, rounds)


async def _opened(api: Served, named: Mapping[str, str], rounds: int) -> tuple[PageTime, ...]:
    from sqlalchemy import event

    measured = []
    asked: list[str] = []
    event.listen(
        api.database.engine,
        "before_cursor_execute",
        lambda _, __, statement, *___: asked.append(statement),
    )
    async with signed_in(api, *ConsoleRole) as browsing:
        for page in PAGES:
            path = f"/console/{page.format(**named)}"
            await browsing.client.get(path, timeout=600)  # Warms up caches.
            asked.clear()
            seconds, processor = [], []
            for _ in range(rounds):
                began, used = time.perf_counter(), time.process_time()
                answer = await browsing.client.get(path)
                seconds.append(time.perf_counter() - began)
                processor.append(time.process_time() - used)
                if answer.status_code != 200:
                    raise BenchmarkError(f"{path}: {answer.status_code}")
            measured.append(
                PageTime(
                    page=page.format(**dict.fromkeys(named, "…")),
                    questions=len(asked) // rounds,
                    processor=statistics.median(processor),
                    median=statistics.median(seconds),
                    longest=max(seconds),
                )
            )
    return tuple(measured)


def _fill(database: Database, count: int) -> int:
    """Write messages, index their words, and return one that failed.

    Of a hundred messages, three are suppressed, one is refused and one deferred; of five thousand,
    one is unknown.
    """
    now = datetime.now(UTC)
    first = ids.first_id_at(now - timedelta(days=DAYS))
    apart = (ids.first_id_at(now) - first) // count
    group = Suppression(scope=Scope.BULK, source=SuppressionSource.GROUP, name=_GROUP, since=now)
    facts = facts_as_json(
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


#: Multiples of a prime instead of random numbers: the same messages in every run.
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
        if n % 1000 == 501:
            address = crm_data.BUSY_ADDRESS
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
