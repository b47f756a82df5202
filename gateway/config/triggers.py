"""Trigger files: one TOML each, checked in full like the config."""

import re
import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ValidationError, model_validator

from gateway.config.problems import ConfigError, describe, read_text
from gateway.config.section import Section, option, wrong
from gateway.config.settings import Settings
from gateway.config.values import Duration, MailAddress, Name, Text, parse_address
from gateway.core.kinds import Kind
from gateway.core.triggers.trigger import (
    ACTOR,
    APPLICATION_EVENTS,
    CANDIDATE,
    LATENESS,
    OWNER,
    QUALIFICATION_DATA,
    QUALIFICATION_EVENTS,
    RESPONSIBLE,
    STORED_DATE_EVENTS,
    StoredDates,
    Trigger,
    TriggerEvent,
)
from gateway.core.written import plain

SHIPPED = Path(__file__).parents[2] / "config" / "triggers"
#: Of the shipped files, those that are active without being copied; a file of that name replaces
#: one (seed S5: the acknowledgement of a submission "est déjà présent par défaut").
ACTIVE_AS_SHIPPED = ("acknowledgement",)
_FOR_APPLICATIONS = ("programme", "status", "phase")
_FOR_STORED_DATES = ("dates", "yearly", "monthly")


def parse_day(value: object) -> object:
    """Read a date such as `2027-03-01`."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    text = str(value) if isinstance(value, str) else ""
    try:
        return date.fromisoformat(text if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else "")
    except ValueError:
        raise ValueError("not a date such as 2027-03-01") from None


def parse_day_of_year(value: object) -> object:
    """Read a day of every year such as `03-01`."""
    if not isinstance(value, str):
        return value
    try:
        # A leap year: 29 February is a day.
        day = date.fromisoformat(f"2000-{value}" if re.fullmatch(r"\d\d-\d\d", value) else "")
    except ValueError:
        raise ValueError("not a day of the year such as 03-01") from None
    return day.month, day.day


def check_day_of_month(value: int) -> int:
    """Refuse what no month has: not 1 to 31."""
    if not 1 <= value <= 31:
        raise ValueError("not a day of the month from 1 to 31")
    return value


def parse_recipient(text: str) -> str:
    """Read `candidate`, `responsible:ROLE`, `owner`, `actor` or a mail address."""
    value = plain(text)
    if value in (CANDIDATE, OWNER, ACTOR):
        return value
    if value.startswith(RESPONSIBLE) and value.removeprefix(RESPONSIBLE).strip():
        return value
    if "@" in value:
        return parse_address(value)
    raise ValueError("not candidate, responsible:ROLE, owner, actor or a mail address")


def _several(value: object) -> object:
    return (value,) if isinstance(value, str | int) and not isinstance(value, bool) else value


Day = Annotated[date, BeforeValidator(parse_day)]
DayOfYear = Annotated[tuple[int, int], BeforeValidator(parse_day_of_year)]
DayOfMonth = Annotated[int, AfterValidator(check_day_of_month)]
CrmKey = Annotated[Text, AfterValidator(plain)]
Recipient = Annotated[Text, AfterValidator(parse_recipient)]


class TriggerFile(Section):
    """A rule that mails on an event; the file's name is the trigger's."""

    enabled: bool = True
    """Whether it mails at all."""
    event: TriggerEvent = option(..., example="birthday")
    """What it mails on."""
    template: Name = option(..., example="birthday")
    """The template's folder in `[templates] folder`."""
    kind: Kind | None = None
    """`bulk` or `individual`; absent: `bulk` for date events, `individual` for those of
    applications."""
    sender: MailAddress | None = option(key="from", example="Office <office@example.org>")
    """Who the mail is from; absent: `[notices] from`."""
    report_to: MailAddress | None = option(example="office@example.org")
    """Who gets the report of a run by mail; absent: as `[triggers] report_to`."""
    report_empty: bool | None = None
    """Whether a run without mail is reported too; absent: as in `[triggers]`."""
    latest: Duration | None = option(example="0d")
    """How late a mail may still leave."""
    before_send: Annotated[
        tuple[Literal["qualification_data"], ...], BeforeValidator(_several)
    ] = ()
    """`qualification_data`: the template may use the qualification's values."""
    dates: Annotated[tuple[Day, ...], BeforeValidator(_several)] = option(
        (), example=["2027-03-01"]
    )
    """Days the trigger mails on."""
    yearly: Annotated[tuple[DayOfYear, ...], BeforeValidator(_several)] = option(
        (), example=["03-01"]
    )
    """Days of every year."""
    monthly: Annotated[tuple[DayOfMonth, ...], BeforeValidator(_several)] = option((), example=[1])
    """Days of every month."""
    programme: CrmKey | None = option(example="p1")
    """Applications for this programme only."""
    status: CrmKey | None = option(example="accepted")
    """Applications that come into this status only."""
    phase: Literal["initial"] | None = None
    """`initial`: applications whose status is marked initial only."""
    recipients: Annotated[tuple[Recipient, ...], BeforeValidator(_several)] | None = option(
        example=["candidate"]
    )
    """Who is mailed about an application: `candidate`, `responsible:ROLE`, `owner`, `actor`, or an
    address."""

    @model_validator(mode="after")
    def _has_what_its_event_needs(self) -> Self:
        if self.event in APPLICATION_EVENTS:
            if self.recipients == ():
                wrong("recipients", "names nobody; remove it to mail the candidate")
            self._check_stored_dates()
        else:
            if self.recipients is not None:
                wrong("recipients", f"remove it: {self.event} itself selects who is mailed")
            for key in _FOR_APPLICATIONS:
                if getattr(self, key) is not None:
                    wrong(key, f"remove it: {self.event} is not an event of applications")
            self._check_stored_dates()
        if self.before_send and self.event not in QUALIFICATION_EVENTS:
            events = " or ".join(sorted(QUALIFICATION_EVENTS))
            wrong("before_send", f"{QUALIFICATION_DATA} is there with {events} only; remove it")
        return self

    def _check_stored_dates(self) -> None:
        given = [key for key in _FOR_STORED_DATES if getattr(self, key)]
        if self.event in STORED_DATE_EVENTS and not given:
            wrong("dates", f"{self.event} needs one of dates, yearly and monthly")
        if self.event not in STORED_DATE_EVENTS and given:
            events = " or ".join(sorted(STORED_DATE_EVENTS))
            wrong(given[0], f"remove it: only {events} goes by dates of the trigger")


def trigger_files(folder: Path) -> dict[str, Path]:
    """Return the files of a folder's triggers by name, with those active as shipped."""
    found = {name: SHIPPED / f"{name}.toml" for name in ACTIVE_AS_SHIPPED}
    found |= {file.stem: file for file in folder.glob("*.toml")}
    return dict(sorted(found.items()))


def load_trigger(name: str, file: Path, settings: Settings) -> Trigger:
    """Read one trigger file; ConfigError has a line for each key that is wrong."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ConfigError(f"{file}: a trigger's name has letters, digits, . _ and - only")
    try:
        try:
            values = tomllib.loads(read_text(file))
        except tomllib.TOMLDecodeError as fault:
            raise ConfigError(f"{file}: not TOML: {fault}") from fault
        found = TriggerFile.model_validate(values)
    except ValidationError as error:
        raise describe(error, TriggerFile, str(file), {}) from None
    return runtime_trigger(name, found, settings)


def load_triggers(settings: Settings) -> tuple[Trigger, ...]:
    """Read every trigger; ConfigError has a line for each key of each file that is wrong."""
    problems: list[str] = []
    found: list[Trigger] = []
    for name, file in trigger_files(settings.triggers.folder).items():
        try:
            found.append(load_trigger(name, file, settings))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*problems)
    return tuple(found)


def runtime_trigger(name: str, file: TriggerFile, settings: Settings) -> Trigger:
    """Return what a file says, with what the settings say where it says nothing."""
    is_of_application = file.event in APPLICATION_EVENTS
    latest: timedelta | None = LATENESS[file.event] if file.latest is None else file.latest
    reports = settings.triggers
    return Trigger(
        name=name,
        event=file.event,
        template=file.template,
        enabled=file.enabled,
        kind=file.kind or (Kind.INDIVIDUAL if is_of_application else Kind.BULK),
        latest=latest,
        sender=file.sender or "",
        report_to=file.report_to or reports.report_to or "",
        report_empty=reports.report_empty if file.report_empty is None else file.report_empty,
        qualification_data=QUALIFICATION_DATA in file.before_send,
        stored=StoredDates(dates=file.dates, yearly=file.yearly, monthly=file.monthly),
        programme=file.programme or "",
        status=file.status or "",
        recipients=file.recipients or ((CANDIDATE,) if is_of_application else ()),
        initial_phase=file.phase is not None,
    )
