"""A node that mails on events: files, a store, a clock that is set, and a relay that records."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.app.triggers import triggers
from gateway.app.triggers.current_trigger_settings import CurrentTriggerSettings
from gateway.config import load
from gateway.core.people.people import Person, PersonKind, PersonRef
from gateway.core.people.training import Closing, Qualification
from gateway.core.sending.outbox import AttemptResult, OutboxRow, Sent
from gateway.core.triggers.occurrence import Occurrence
from gateway.core.triggers.trigger_preview import Preview
from gateway.core.triggers.trigger_run import TriggerRun
from gateway.store.engine.database import Database
from gateway.store.sending import outbox
from gateway.store.triggers import ledger, trigger_runs
from gateway.triggers.engine import TriggerEngine
from gateway.triggers.preview import preview
from tests.store.feeding import person, tell

ZONE = ZoneInfo("Europe/Berlin")
STARTS = itertools.count()  #: A number for each start of a node.
RUNNING: set[str] = set()  #: The holders that have not ended.
ANN = PersonRef(PersonKind.CANDIDATE, "ann")
LETTER = "Subject: {{ person.first_name }}\n\nText\n"
CONFIG = """\
time_zone = "Europe/Berlin"
[notices]
from = "Office <office@example.org>"
[triggers]
"""


@dataclass(slots=True)
class Relay:
    """Takes mail, and answers as it is told."""

    mails: list[EmailMessage] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answer: Callable[[str], AttemptResult] = field(default=lambda _: Sent("250 ok"))

    at_once = 4

    def relay_of(self, sender: str) -> str:
        return "relay"

    async def submit(self, *, sender: str, recipient: str, content: bytes) -> AttemptResult:
        self.recipients.append(recipient)
        self.contents.append(content)
        self.mails.append(message_from_bytes(content, policy=policy.default))
        return self.answer(recipient)


class TriggerNode:
    """One node; `another` is a second one with the same store, `restarted` the same one anew."""

    def __init__(self, folder: Path, database: Database, relay: Relay | None = None) -> None:
        self.folder = folder
        self.database = database
        self.relay = relay or Relay()
        self.now = datetime(2027, 3, 1, 9, tzinfo=ZONE)
        self._engine: TriggerEngine | None = None
        self._trigger_settings: CurrentTriggerSettings | None = None
        self._holder = ""
        self._told: dict[str, dict[Any, object]] = {}
        if not (folder / "gateway.toml").exists():
            folder.mkdir(exist_ok=True)
            self.configure("")
            self.template("letter", de=LETTER)

    @property
    def engine(self) -> TriggerEngine:
        """What works, made when it is first asked for."""
        if self._engine is None:
            self._holder = f"node {next(STARTS)}"
            RUNNING.add(self._holder)
            settings = load(self.folder / "gateway.toml", {})
            self._trigger_settings = CurrentTriggerSettings(settings, self.database)
            self._engine = TriggerEngine(
                self.database,
                self._trigger_settings,
                self.relay,
                stopping=asyncio.Event(),
                clock=lambda: self.now.astimezone(UTC),
                holder=self._holder,
                is_gone=lambda holder, *, is_silent=False: holder not in RUNNING,
            )
        return self._engine

    @property
    def trigger_settings(self) -> CurrentTriggerSettings:
        """The plan that the engine goes by."""
        assert self.engine
        assert self._trigger_settings is not None
        return self._trigger_settings

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self.trigger_settings.close()
            self._engine = None
            RUNNING.discard(self._holder)

    restart = close

    def configure(self, text: str) -> None:
        """Write the config, with more keys of [triggers]."""
        (self.folder / "gateway.toml").write_text(CONFIG + text)
        self.close()

    def trigger(self, name: str, text: str) -> None:
        """Write a trigger file: its event and whatever else."""
        folder = self.folder / "triggers"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.toml").write_text(f'template = "letter"\n{text}\n')

    def template(self, name: str, **texts: str) -> None:
        folder = self.folder / "templates" / name
        folder.mkdir(parents=True, exist_ok=True)
        for language, text in texts.items():
            (folder / f"{language}.txt").write_text(text)

    def at(self, day: str, hour: int = 9, minute: int = 0) -> None:
        """Set the clock to a local time."""
        self.now = datetime.combine(date.fromisoformat(day), datetime.min.time(), ZONE).replace(
            hour=hour, minute=minute
        )

    async def work(self, day: str | None = None, hour: int = 9) -> list[str]:
        """Do what the role does at a time, until nothing is left; return who got mail."""
        if day is not None:
            self.at(day, hour)
        self.flush()
        before = len(self.relay.recipients)
        self.trigger_settings.newest()
        await self.engine.run_due()
        await self.engine.sender.send_due()
        await self.engine.reporter.report()
        return self.relay.recipients[before:]

    async def resume(self) -> int:
        """Let go of what is held; return how much."""
        engine = self.engine
        return await engine.restore_detector.resume(engine._clock(), engine._new_id())

    async def work_through(self, first: str, days: int) -> list[tuple[str, str]]:
        """Work on each day; return the day and address of every mail."""
        sent = []
        day = date.fromisoformat(first)
        for number in range(days):
            today = (day + timedelta(days=number)).isoformat()
            sent += [(today, one.partition("@")[0]) for one in sorted(await self.work(today))]
        return sent

    def ledger(self, who: str = "ann") -> list[Occurrence]:
        """Return a person's rows, the oldest first."""
        with self.database.reading() as connection:
            return ledger.of_person(connection, PersonRef(PersonKind.CANDIDATE, who))[::-1]

    def states(self, who: str = "ann") -> list[str]:
        return [row.state.value for row in self.ledger(who)]

    def reasons(self, who: str = "ann") -> list[str]:
        return [row.reason for row in self.ledger(who)]

    def runs(self) -> list[TriggerRun]:
        with self.database.reading() as connection:
            return trigger_runs.list_runs(connection)[::-1]

    def queued(self) -> list[OutboxRow]:
        with self.database.reading() as connection:
            return outbox.list_outbox(connection)[::-1]

    def preview(self, name: str, day: str) -> Preview:
        self.flush()
        settings = load(self.folder / "gateway.toml", {})
        with (
            triggers.opened_settings(settings, self.database) as trigger_settings,
            self.database.reading() as connection,
        ):
            on = date.fromisoformat(day)
            return preview(
                connection,
                trigger_settings,
                trigger_settings.checked_triggers[name],
                on,
                is_today=False,
            )

    # What the CRM tells

    def people(self, *records: Person) -> None:
        for one in records:
            self._told.setdefault("people", {})[one.ref] = one

    def flush(self) -> None:
        """Have the store take in what the CRM tells; done before anything that looks at it."""
        for what, records in self._told.items():
            tell(self.database, what, *records.values())
        self._told.clear()

    def person(self, name: str = "ann", **facts: Any) -> None:
        """Tell of a person who agreed to mail."""
        told = {"consent_email": True, "first_name": name.title(), "language": "de", **facts}
        self.people(person(name, f"{name}@example.org", **told))

    def qualification(self, crm_id: str = "q1", who: str = "ann", **facts: Any) -> None:
        for key in ("expires_on", "acquired_on"):
            if isinstance(facts.get(key), str):
                facts[key] = date.fromisoformat(facts[key])
        ref = PersonRef(PersonKind.CANDIDATE, who)
        one = Qualification(crm_id=crm_id, person=ref, **{"name": "Trainer", **facts})
        self._told.setdefault("qualifications", {})[crm_id] = one

    def closing(self, crm_id: str, day: str, who: str = "ann") -> None:
        ref = PersonRef(PersonKind.CANDIDATE, who)
        closed = Closing(crm_id=crm_id, person=ref, closed_on=date.fromisoformat(day))
        self._told.setdefault("deliveries", {})[crm_id] = closed
