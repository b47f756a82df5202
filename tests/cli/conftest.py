"""The command line, called in this process on a store of its own."""

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
import structlog

from gateway import logs
from gateway.cli import run
from gateway.core import ids
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import By, Kind, State
from gateway.core.people.people import PersonRef
from gateway.logs import setup as _set_up
from gateway.store.engine.database import Database
from gateway.store.journal.journal import write_recorded

CONFIG = """\
[store]
url = "sqlite:///gateway.db"
[[relays]]
name = "relay"
host = "127.0.0.1"
port = 1
"""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


class Cli:
    """Runs commands on one config."""

    def __init__(
        self, folder: Path, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.folder = folder
        self.file = folder / "gateway.toml"
        self._capture = capture
        self._patch = patch
        self.configure("")

    def configure(self, text: str) -> None:
        """Write the config: the smallest one, with more tables after it."""
        self.file.write_text(CONFIG + text)

    def __call__(self, *arguments: str, stdin: str = "") -> Done:
        """Run a command to its end."""
        octets = io.BytesIO(stdin.encode(errors="surrogateescape"))
        self._patch.setattr("sys.stdin", io.TextIOWrapper(octets, encoding="utf-8"))
        code = run(["--config", str(self.file), *arguments])
        captured = self._capture.readouterr()
        return Done(code, captured.out, captured.err)

    def do(self, *arguments: str, stdin: str = "") -> str:
        """Run a command that must succeed; return what it prints."""
        done = self(*arguments, stdin=stdin)
        assert done.code == 0, done
        return done.out

    def json(self, *arguments: str) -> Any:
        """Run a command with `--json` that must succeed; return its document."""
        return json.loads(self.do(*arguments, "--json"))

    def feed(self, kind: str, text: str, *options: str) -> Done:
        """Import rows of one kind."""
        file = self.folder / f"{kind}.csv"
        file.write_text(text)
        return self("import", kind, str(file), *options)

    @contextmanager
    def store(self) -> Iterator[Database]:
        """Open the store beside the commands."""
        database = Database(f"sqlite:///{self.folder}/gateway.db")
        database.prepare()
        yield database
        database.close()

    def keep(self, *messages: Message) -> None:
        """Put messages into the journal."""
        with self.store() as store, store.writing() as connection:
            write_recorded(connection, 1, messages, [])


@pytest.fixture
def cli(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cli]:
    """The command line on an empty store; how a command logs ends with it."""
    monkeypatch.setattr("gateway.logs.setup", _set_up_for_now)
    monkeypatch.setattr("gateway.logs._plain", logs._plain)  # as it was, in the end
    yield Cli(tmp_path, capsys, monkeypatch)
    structlog.reset_defaults()


def _set_up_for_now(level: str, style: Literal["json", "console"], *, role: str) -> None:
    """Set logs up so that no logger keeps what it finds: other tests look at what is logged."""
    _set_up(level, style, role=role)
    structlog.configure(cache_logger_on_first_use=False)


def message(
    minute: int,
    *parts: Delivery,
    subject: str = "Hello",
    sender: str = "crm@example.org",
    rule: str = "precedence",
) -> Message:
    """Return a message of that minute of today."""
    moment = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1, minutes=-minute)
    number = ids.first_id_at(moment)
    return Message(
        id=number,
        at=ids.moment_of(number),
        listener="crm",
        sender=sender,
        client="127.0.0.1",
        subject=subject,
        message_id="<1@example.org>",
        kind=Kind.BULK,
        rule=rule,
        relay="relay",
        size=1000,
        deliveries=parts,
    )


def delivery(
    recipient: str,
    state: State = State.RELAYED,
    *,
    note: str = "",
    would: str = "",
    persons: Sequence[PersonRef] = (),
) -> Delivery:
    """Return one recipient of a message."""
    return Delivery(
        recipient=recipient,
        address=recipient.lower(),
        state=state,
        by=By.GATEWAY if state is State.SEND_FAILED else By.RELAY,
        reply="" if state is State.SEND_FAILED else "250 2.0.0 queued as 7",
        note=note,
        would=would,
        persons=tuple(persons),
    )
