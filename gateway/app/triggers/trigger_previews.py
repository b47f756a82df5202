"""What triggers would do, for the command line and the API; nothing is sent or changed."""

from datetime import date

from gateway.app import common
from gateway.app.triggers import triggers
from gateway.app.triggers.transitions import carry_out, who_acts
from gateway.config import Settings
from gateway.config.triggers import trigger_files
from gateway.core.errors import GatewayError
from gateway.core.triggers.events.status_changed import STATUS_CHANGED
from gateway.core.triggers.trigger_preview import Preview
from gateway.core.written import no_such_name
from gateway.store.engine.database import Database
from gateway.triggers.preview import preview
from gateway.triggers.templates import CheckedTrigger
from gateway.triggers.transitions import ChangeRequest

#: The days before and after a day are needed, too: the first and last possible days have none.
_YEARS = range(1900, 3000)


class NoSuchTrigger(GatewayError):
    """The triggers' folder has no file with this name."""


class NoSuchReference(GatewayError):
    """There is no application with this reference."""


class CannotPreview(GatewayError):
    """A trigger can't be previewed as requested."""


def checked_trigger(settings: Settings, name: str) -> CheckedTrigger:
    """Return a trigger; NoSuchTrigger names the existing ones, ConfigError what is wrong with it.

    Errors in other triggers don't matter.
    """
    files = trigger_files(settings.triggers.folder)
    if name not in files:
        raise NoSuchTrigger(no_such_name("trigger", name, files))
    return triggers.checked_file(settings, name, files[name])


def of_date(settings: Settings, database: Database, name: str, day: date | None) -> Preview:
    """Return whom a date event would mail on a day; None: today."""
    checked = checked_trigger(settings, name)
    if not checked.trigger.is_of_date:
        raise CannotPreview(f"{name} is not a date event: preview it with a reference and a status")
    if day is not None and day.year not in _YEARS:
        raise CannotPreview(f"no mail is due in {day.year}: name a day from 1900 to 2999")
    checked_triggers = {name: checked}
    with (
        triggers.opened_settings(settings, database, checked_triggers) as trigger_settings,
        database.reading() as connection,
    ):
        today = trigger_settings.day(common.now())
        try:
            return preview(
                connection, trigger_settings, checked, day or today, is_today=day in (None, today)
            )
        except OverflowError:  # Days before 0001-01-01 or after 9999-12-31 would be needed, too.
            raise CannotPreview(f"{day}: the calendar ends there") from None


def of_change(
    settings: Settings, database: Database, reference: str, status: str | None, by: str | None
) -> Preview:
    """Return whom changing an application's status would mail."""
    actor = None
    if by is not None:
        with database.reading() as connection:
            actor = who_acts(settings, connection, by)
    request = ChangeRequest(
        event=STATUS_CHANGED,
        references=(reference,),
        status=status,
        actor=actor.crm_id if actor else "",
        language=(actor.language if actor else "") or settings.suppression.language,
    )
    done = carry_out(settings, database, request, dry_run=True)
    for change in done.changes:
        if change.error:
            raise NoSuchReference(change.error)
    return done.preview
