"""Trigger files: one TOML file each, checked in full like the config."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from gateway.config.problems import ConfigError, NotToml, describe, files_in, parse_toml, read_text
from gateway.config.section import Section, option, wrong
from gateway.config.settings import Settings
from gateway.config.shipped import SHIPPED_CONFIG
from gateway.config.values import (
    NAME_PATTERN,
    NAME_RULE,
    Duration,
    MailAddress,
    Name,
    OneOfWords,
    OwnSender,
    Text,
    parse_address,
)
from gateway.core.kinds import Kind
from gateway.core.triggers.events.registry import EVENTS
from gateway.core.triggers.stored_dates import StoredDates
from gateway.core.triggers.trigger import (
    ACTING,
    APPLICATION_KEYS,
    BEFORE_SEND,
    CANDIDATE,
    OWNER,
    QUALIFICATION_DATA,
    RECIPIENTS,
    RESPONSIBLE,
    STORED_DATE_KEYS,
    Trigger,
)
from gateway.core.written import plain, readable_name

if TYPE_CHECKING:
    from tomlkit.items import Array

SHIPPED = SHIPPED_CONFIG / "triggers"
#: The shipped files that are active without being copied; the operator's file of that name replaces
#: one (seed S5: the acknowledgement of a submission "est déjà présent par défaut").
ACTIVE_AS_SHIPPED = ("acknowledgement",)


def parse_day(value: object) -> object:
    """Parse a date such as `2027-03-01`."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    text = str(value) if isinstance(value, str) else ""
    try:
        return date.fromisoformat(text if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else "")
    except ValueError:
        raise ValueError("not a date such as 2027-03-01") from None


def parse_day_of_year(value: object) -> object:
    """Parse a day of every year such as `03-01`."""
    if not isinstance(value, str):
        return value
    try:
        # A leap year, in which 29 February is valid.
        day = date.fromisoformat(f"2000-{value}" if re.fullmatch(r"\d\d-\d\d", value) else "")
    except ValueError:
        raise ValueError("not a day of the year such as 03-01") from None
    return day.month, day.day


def check_day_of_month(value: int) -> int:
    """Reject numbers that aren't days of a month, 1 to 31."""
    if not 1 <= value <= 31:
        raise ValueError("not a day of the month from 1 to 31")
    return value


def parse_recipient(text: str) -> str:
    """Parse `candidate`, `responsible:ROLE`, `owner`, `actor` or a mail address."""
    value = plain(text)
    if value in (CANDIDATE, OWNER, ACTING):
        return value
    if value.startswith(RESPONSIBLE) and value.removeprefix(RESPONSIBLE).strip():
        return value
    if "@" in value:
        return parse_address(value)
    raise ValueError("not candidate, responsible:ROLE, owner, actor or a mail address")


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str | int) and not isinstance(value, bool) else value


Day = Annotated[date, BeforeValidator(parse_day)]
DayOfYear = Annotated[tuple[int, int], BeforeValidator(parse_day_of_year)]
DayOfMonth = Annotated[int, AfterValidator(check_day_of_month)]
Topic = Annotated[Text, AfterValidator(plain), Field(max_length=60)]
CrmKey = Annotated[Text, AfterValidator(plain)]
FolderName = Annotated[Name, Field(max_length=255)]  #: File systems' limit.
ReportRecipient = Annotated[Text, AfterValidator(parse_recipient)]


class TriggerFile(Section):
    """A rule that mails on an event; the file's name is the trigger's."""

    enabled: bool = True
    """Whether it mails at all."""
    event: Annotated[str, OneOfWords(tuple(EVENTS))] = option(..., example="birthday")
    """What it mails on."""
    template: FolderName = option(..., example="birthday")
    """The template's folder in `[templates] folder`."""
    kind: Kind | None = None
    """`bulk` or `individual`; absent: `bulk` for date events, `individual` for those of
    applications."""
    topic: Topic | None = option(example="Birthday greetings")
    """What bulk mail of the trigger is about, in the words of those who get it: they can
    unsubscribe from this alone. Triggers may share a topic."""
    sender: OwnSender | None = option(key="from", example="Office <office@example.org>")
    """Who the mail is from; absent: `[notices] from`."""
    report_to: MailAddress | None = option(example="office@example.org")
    """Who gets the report of a run by mail; absent: as `[triggers] report_to`."""
    report_empty: bool | None = None
    """Whether a run without mail is reported too; absent: as in `[triggers]`."""
    latest: Duration | None = option(example="0d")
    """How late a mail may still leave."""
    before_send: Annotated[
        tuple[Literal["qualification_data"], ...], BeforeValidator(_as_tuple)
    ] = ()
    """`qualification_data`: the template may use the qualification's values."""
    dates: Annotated[tuple[Day, ...], BeforeValidator(_as_tuple)] = option(
        (), example=["2027-03-01"]
    )
    """Days the trigger mails on."""
    yearly: Annotated[tuple[DayOfYear, ...], BeforeValidator(_as_tuple)] = option(
        (), example=["03-01"]
    )
    """Days of every year."""
    monthly: Annotated[tuple[DayOfMonth, ...], BeforeValidator(_as_tuple)] = option((), example=[1])
    """Days of every month."""
    programme: CrmKey | None = option(example="p1")
    """Applications for this programme only."""
    status: CrmKey | None = option(example="accepted")
    """Applications that come into this status only."""
    phase: Literal["initial"] | None = None
    """`initial`: applications whose status is marked initial only."""
    recipients: Annotated[tuple[ReportRecipient, ...], BeforeValidator(_as_tuple)] | None = option(
        example=["candidate"]
    )
    """Who is mailed about an application: `candidate`, `responsible:ROLE`, `owner`, `actor`, or an
    address."""

    @model_validator(mode="after")
    def _has_what_its_event_takes(self) -> Self:
        event = EVENTS[self.event]
        if self.topic is not None and (self.kind or event.kind) is not Kind.BULK:
            wrong("topic", "remove it: nobody unsubscribes from mail that is not bulk")
        if self.recipients is not None and RECIPIENTS not in event.keys:
            wrong(RECIPIENTS, f"remove it: {event} itself selects who is mailed")
        if self.recipients == ():
            wrong(RECIPIENTS, "names nobody; remove it to mail the candidate")
        for key in APPLICATION_KEYS:
            if getattr(self, key) is not None and key not in event.keys:
                wrong(key, f"remove it: {event} is not an event of applications")
        dates = [key for key in STORED_DATE_KEYS if getattr(self, key)]
        if event.goes_by_stored_dates and not dates:
            wrong(STORED_DATE_KEYS[0], f"{event} needs one of dates, yearly and monthly")
        if dates and not event.goes_by_stored_dates:
            wrong(dates[0], f"remove it: only {taking(dates[0])} goes by dates of the trigger")
        if self.before_send and BEFORE_SEND not in event.keys:
            events = taking(BEFORE_SEND)
            wrong(BEFORE_SEND, f"{QUALIFICATION_DATA} is there with {events} only; remove it")
        return self


def taking(key: str) -> str:
    """Return the events that take a key: `first_delivery or set_date`."""
    return " or ".join(sorted(name for name, event in EVENTS.items() if key in event.keys))


def trigger_files(folder: Path) -> dict[str, Path]:
    """Return the files of a folder's triggers by name, with those active as shipped.

    A name that isn't UTF-8 is made readable. ConfigError if the folder can't be read.
    """
    files = {name: SHIPPED / f"{name}.toml" for name in ACTIVE_AS_SHIPPED}
    files |= {readable_name(file.stem): file for file in files_in(folder, ".toml")}
    return dict(sorted(files.items()))


def load_trigger(name: str, file: Path, settings: Settings) -> Trigger:
    """Read a trigger file; ConfigError has a line for each wrong key."""
    return parse_trigger(name, read_text(file), settings, file)


def parse_trigger(name: str, text: str, settings: Settings, file: Path) -> Trigger:
    """Parse the text of a trigger file; ConfigError as in `load_trigger`."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise ConfigError(f"{file}: a trigger's name {NAME_RULE}")
    try:
        try:
            checked = _parse(text)
        except NotToml as fault:
            raise ConfigError(f"{file}: not TOML: {fault}") from fault
    except ValidationError as error:
        raise describe(error, TriggerFile, str(file), "", {}) from None
    return runtime_trigger(name, checked, settings)


@lru_cache(maxsize=500)
def _parse(text: str) -> TriggerFile:
    """Parse a file's text; results are cached, as pages of the console read all files."""
    return TriggerFile.model_validate(parse_toml(text))


def runtime_trigger(name: str, file: TriggerFile, settings: Settings) -> Trigger:
    """Return a file's trigger, with the settings' values where the file has none."""
    event = EVENTS[file.event]
    latest: timedelta | None = event.lateness if file.latest is None else file.latest
    by_default = (CANDIDATE,) if RECIPIENTS in event.keys else ()
    reports = settings.triggers
    return Trigger(
        name=name,
        event=event,
        template=file.template,
        enabled=file.enabled,
        kind=file.kind or event.kind,
        latest=latest,
        topic=file.topic or "",
        sender=file.sender or "",
        report_to=file.report_to or reports.report_to or "",
        report_empty=reports.report_empty if file.report_empty is None else file.report_empty,
        qualification_data=QUALIFICATION_DATA in file.before_send,
        stored=StoredDates(dates=file.dates, yearly=file.yearly, monthly=file.monthly),
        programme=file.programme or "",
        status=file.status or "",
        recipients=file.recipients or by_default,
        initial_phase=file.phase is not None,
    )


def changed_text(text: str, changes: Mapping[str, object], file: str) -> str:
    """Return a file's text with new values for some keys; None removes a key.

    Comments, the order of keys and the spelling of unchanged values stay, also within lists. `file`
    names it in errors: a text that isn't TOML raises ConfigError.
    """
    # Imported only when a file is changed: every command reads triggers.
    from tomlkit import dumps, parse
    from tomlkit.exceptions import TOMLKitError
    from tomlkit.items import Array

    try:
        document = parse(text)
    except TOMLKitError as error:
        raise ConfigError(f"{file}: not TOML: {error}; change it as text") from error
    for key, value in changes.items():
        if value is None:
            document.pop(key, None)
        elif key not in document or document[key] != value:
            old_value = document.get(key)
            if isinstance(old_value, Array) and isinstance(value, list | tuple):
                _change_list(old_value, value)
            else:
                document[key] = value
    return dumps(document)


def _change_list(array: "Array", new_items: Sequence[object]) -> None:
    """Remove from a list what it should no longer have, and add what it lacks."""
    values = [item.isoformat() if isinstance(item, date) else item for item in list(array.unwrap())]
    for number in reversed(range(len(values))):
        if values[number] not in new_items:
            del array[number]
    is_of_lines = "\n" in array.as_string()
    for item in new_items:
        if item not in values:
            if is_of_lines:
                array.add_line(item, indent="  ")
            else:
                array.append(item)
