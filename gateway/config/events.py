"""Settings for mail and calls the gateway makes by itself: triggers, templates, webhooks."""

import re
from datetime import time
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, SecretStr, model_validator

from gateway.config.section import Section, option, wrong
from gateway.config.values import ConfigPath, Duration, ExistingFile, HttpUrl, MailAddress

WebhookEventName = Literal[
    "message.send_failed",
    "reply.imported",
    "reply.needs_attention",
    "campaign.activity",
    "person.opted_out",
    "address.bounced",
    "address.complained",
    "trigger.sent",
    "trigger.run_finished",
]


def parse_time(value: object) -> object:
    """Parse a time of day such as `08:00`."""
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError("not a time of day such as 08:00")
    return time.fromisoformat(value)


def parse_hours(value: object) -> object:
    """Parse a period of the day such as `21:00-07:00`, which may span midnight."""
    if not isinstance(value, str):
        return value
    first, _, last = value.partition("-")
    try:
        return parse_time(first), parse_time(last)
    except ValueError as error:
        raise ValueError("not a span of hours such as 21:00-07:00") from error


TimeOfDay = Annotated[time, BeforeValidator(parse_time)]
Hours = Annotated[tuple[time, time], BeforeValidator(parse_hours)]


class Triggers(Section):
    """Mail on events."""

    folder: ConfigPath = option("triggers")
    """Folder of the trigger files."""
    daily_at: TimeOfDay = option("08:00")
    """When date events are looked at, local time."""
    quiet_hours: Hours | None = option(example="21:00-07:00")
    """Hours in which no date mail leaves, local time."""
    report_to: MailAddress | None = option(example="office@example.org")
    """Who gets the report of a run by mail; absent: nobody, it is kept in the store."""
    report_empty: bool = False
    """Whether a run without mail is reported too."""
    once_per_address: bool = True
    """Whether a mailbox gets a date event's mail of a day once, though several people have it: one
    person fed under two ids gets one birthday mail. About different qualifications all go."""
    undo: Duration = option("0s", example="2m")
    """How long mail about a changed status waits before it leaves: a status taken back by then
    mails nobody."""
    epoch_file: ConfigPath | None = option(example="epoch")
    """A file outside the database that tells a restored or cloned store from the real one; keep
    it out of the database's backup. Absent: `epoch` in the folder of `[store] outage`."""


class Templates(Section):
    """Texts the gateway sends."""

    folder: ConfigPath = option("templates")
    """Folder of the templates, one folder each."""


class WebhookConfig(Section):
    """An address that is sent what happens."""

    url: HttpUrl = option(..., example="https://crm.example.org/gateway")
    """Where events are posted."""
    secret: SecretStr
    """The key events are signed with (HMAC-SHA256); behind `whsec_` it is read as base64."""
    events: tuple[WebhookEventName, ...] = option(..., example=["message.send_failed"])
    """Which events are sent."""
    ca: ExistingFile | None = option(example="crm-ca.pem")
    """Authorities that vouch for the address; absent: those of the system."""

    @model_validator(mode="after")
    def _is_told_something(self) -> Self:
        if not self.events:
            wrong("events", "must not be empty")
        return self
