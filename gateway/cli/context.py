"""What every command needs: the settings, the store, and parsers of arguments."""

import getpass
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from functools import cached_property
from pathlib import Path
from typing import Annotated, Never
from zoneinfo import ZoneInfo

import typer

from gateway.app import common
from gateway.cli.output import LocalTimes
from gateway.config import ConfigText, Settings
from gateway.core import ids
from gateway.core.errors import GatewayError
from gateway.core.mail.typed.typed_address import NotAnAddress, read_address
from gateway.core.moments import read_moment, read_since
from gateway.core.people.people import PersonRef, RefOrAddress
from gateway.store.engine.database import Database


class NotFound(GatewayError):
    """The requested thing doesn't exist; the cure says where to look for it."""

    def __init__(self, text: str, cure: str = "") -> None:
        super().__init__(f"{text}: {cure}" if cure else text)


class Context:
    """The settings named on the command line, read when a command first needs them."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file

    @cached_property
    def config(self) -> ConfigText:
        """The text of the config file; ConfigError says why it can't be read."""
        return ConfigText.read(self.file, os.environ)

    @cached_property
    def settings(self) -> Settings:
        """The settings; ConfigError says what is wrong with them."""
        return self.config.settings(os.environ)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone for times shown and dates given."""
        return common.time_zone(self.settings)

    @cached_property
    def times(self) -> LocalTimes:
        """The formatter of times in that zone, which names it once."""
        return LocalTimes(self.zone)

    def local(self, moment: datetime | None) -> str:
        """Return a time for people, the first one with the zone's name; a dash for none."""
        return self.times.show(moment)

    @contextmanager
    def store(self) -> Iterator[Database]:
        """Open the store; create a missing schema, refuse one of another version."""
        database = common.open_database(self.settings)
        try:
            database.prepare()
            yield database
        finally:
            database.close()

    def lookup(self, address: str) -> str:
        """Return an address in lookup form."""
        return common.lookup(self.settings, address)

    def read_ref_or_address(self, text: str) -> RefOrAddress:
        """Parse `candidate:17`, or an address, which is returned in lookup form."""
        typed = read_person(text)
        return typed if isinstance(typed, PersonRef) else self.lookup(typed)

    def moment(self, text: str, option: str) -> datetime:
        """Parse a local date or time, `2026-03-12` or `2026-03-12T08:30`; wrong use otherwise."""
        try:
            return read_moment(text, self.zone)
        except ValueError as error:
            wrong_use(f"{option}: {error}")

    def since(self, text: str | None) -> datetime | None:
        """Parse the start of a list: a local date or time, `yesterday`, `7d`."""
        try:
            return None if text is None else read_since(text, common.now(), self.zone)
        except ValueError as error:
            wrong_use(f"--since: {error}")

    def until(self, text: str | None) -> datetime | None:
        """Parse an end: a local date as the end of that day, a time as it is."""
        if text is None:
            return None
        at = self.moment(text, "--until")
        return at if len(text) > len("2026-03-12") else datetime.combine(at, time.max, at.tzinfo)


def of(context: typer.Context) -> Context:
    """Return the context that `--config` created."""
    invocation = context.find_object(Context)
    return invocation or Context()


def wrong_use(text: str) -> Never:
    """Exit with code 2 and a line that says what was wrong."""
    raise typer.BadParameter(text)


def user_name() -> str:
    """Return the name of the user running the command, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def read_id(text: str) -> int:
    """Parse an id as people write it; wrong use otherwise."""
    try:
        return ids.read(text)
    except ValueError as error:
        wrong_use(str(error))


def read_mail_address(text: str) -> str:
    """Return the single address in a text; wrong use otherwise."""
    read = read_address(text)
    if isinstance(read, NotAnAddress):
        wrong_use(str(read))
    return read.address


def read_staff(text: str) -> str:
    """Return how a text names staff: by its single address, or else as written; else wrong use."""
    return read_mail_address(text) if "@" in text else text


def read_sender(text: str) -> str:
    """Return the address of an envelope sender; empty for `<>`, the null sender."""
    return "" if text.strip() in ("", "<>") else read_mail_address(text)


def read_person(text: str) -> RefOrAddress:
    """Parse `candidate:17`, or an address; wrong use otherwise."""
    try:
        return PersonRef.parse(text.strip())
    except ValueError:
        if "@" not in text:
            wrong_use(
                f"neither a person (candidate:17, contact:17) nor a mail address: {text!r}; "
                f"gateway person find {shlex.quote(text)} looks for a name"
            )
    return read_mail_address(text)


def listeners_beginning(context: typer.Context, incomplete: str) -> list[str]:
    """Return the config's listeners with names starting so; none if it can't be read."""
    config_file = context.find_root().params.get("config")
    try:
        values = ConfigText.read(Path(config_file) if config_file else None, os.environ).values()
        listeners = values["smtp"]["listeners"]
        return [item["name"] for item in listeners if item["name"].startswith(incomplete)]
    except (GatewayError, KeyError, TypeError, AttributeError):
        return []


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
