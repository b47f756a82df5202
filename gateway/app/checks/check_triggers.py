"""`gateway check` for mail on events: whether files are right, and there is anybody to mail."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from gateway.app import common
from gateway.app.checks.findings import Finding, error, good, warning
from gateway.app.triggers import triggers
from gateway.config import ConfigError, Settings
from gateway.config.triggers import ACTIVE_AS_SHIPPED, trigger_files
from gateway.core.feed.unread_fields import PEOPLE
from gateway.core.kinds import Kind
from gateway.core.sending.event import EventType
from gateway.core.triggers.due_times import hour_of_leaving
from gateway.core.triggers.events.registry import EVENTS
from gateway.core.triggers.trigger import Trigger
from gateway.core.triggers.vocabulary import doubts
from gateway.store.engine.database import Database
from gateway.store.people import vocabulary
from gateway.store.triggers import due, epochs
from gateway.triggers.epoch import EpochFile, EpochFileUnusable
from gateway.triggers.templates import CheckedTrigger


def settings_for_triggers(settings: Settings) -> Iterator[Finding]:
    """Check each trigger file with its template."""
    try:
        files = trigger_files(settings.triggers.folder)
    except ConfigError as problem:
        yield error("triggers", str(problem))
        return
    of_events: dict[str, list[str]] = {}
    for name, file in files.items():
        try:
            rule = triggers.checked_file(settings, name, file)
        except ConfigError as problem:
            yield from (error(f"trigger {name}", text) for text in problem.problems)
            continue
        if rule.trigger.is_of_date and rule.trigger.enabled:
            of_events.setdefault(rule.trigger.event.name, []).append(name)
        state = "on" if rule.trigger.enabled else "off"
        yield good(f"trigger {name}", f"{rule.trigger.event}, {rule.trigger.kind}, {state}")
        yield from (warning(f"trigger {name}", text) for text in rule.template.doubts())
        is_bulk = rule.trigger.enabled and rule.trigger.kind is Kind.BULK
        if is_bulk and settings.api.public_url is None:
            advice = (
                "its mail has no link to unsubscribe with one click, which Gmail and Yahoo want of "
                "bulk mail: set api.public_url"
            )
            yield warning(f"trigger {name}", advice)
        own = settings.triggers
        days, _ = hour_of_leaving(own.daily_at, own.quiet_hours)
        is_too_late = rule.trigger.latest is not None and rule.trigger.latest.days < days
        if rule.trigger.is_of_date and rule.trigger.enabled and is_too_late:
            advice = (
                f"it never mails: found at daily_at ({own.daily_at:%H:%M}), its mail waits for the "
                "end of quiet_hours, and is too late then; change one of the two in [triggers]"
            )
            yield warning(f"trigger {name}", advice)
        # Results of runs are reported by mail, or to the CRM by webhook (seed S4).
        is_heard = bool(rule.trigger.report_to) or any(
            EventType.TRIGGER_RUN_FINISHED in webhook.events for webhook in settings.webhooks
        )
        if rule.trigger.is_of_date and rule.trigger.enabled and not is_heard:
            advice = (
                "nobody is told what its runs did, it is only in gateway triggers history: "
                f"set report_to, or a webhook for {EventType.TRIGGER_RUN_FINISHED}"
            )
            yield warning(f"trigger {name}", advice)
    for event, names in of_events.items():
        # Several with stored dates may be meant: a welcome on the 1st, a survey on the 15th.
        if len(names) > 1 and not EVENTS[event].goes_by_stored_dates:
            advice = f"{' and '.join(names)} are on for {event}: everybody gets the mail of each"
            yield warning("triggers", f"{advice}; unless that is meant, switch all but one off")


def store_for_triggers(settings: Settings, database: Database) -> Iterator[Finding]:
    """Check whether active triggers have data to work with, and whether mail is held."""
    # `settings_for_triggers` has already reported files that are invalid or can't be read.
    files: dict[str, Path] = {}
    with suppress(ConfigError):
        files = trigger_files(settings.triggers.folder)
    rules: list[CheckedTrigger] = []
    for name, file in files.items():
        with suppress(ConfigError):
            rule = triggers.checked_file(settings, name, file)
            rules += [rule] if rule.trigger.enabled else []
    with database.reading() as connection:
        never_fed = {
            what
            for what in {kind for checked in rules for kind in feeds_of(checked.trigger)}
            if due.never_fed(connection, what)
        }
        held = epochs.why_held(connection)
        trigger_words = vocabulary.read(connection)
    today = common.now().astimezone(common.time_zone(settings)).date()
    for rule in rules:
        for text in doubts(rule.trigger, trigger_words, today):
            yield warning(f"trigger {rule.trigger.name}", f"{files[rule.trigger.name]}: {text}")
        for what in feeds_of(rule.trigger):
            if what in never_fed and rule.trigger.name not in ACTIVE_AS_SHIPPED:
                advice = f"{what} were never loaded: gateway import {what} FILE"
                yield warning(f"trigger {rule.trigger.name}", advice)
    if held:
        yield error("triggers", f"all triggered mail is held: {held}; gateway triggers resume")
    try:
        EpochFile(triggers.epoch_file(settings)).read()
    except EpochFileUnusable as problem:
        yield error("triggers", f"{problem}; no triggered mail is sent without it")


def feeds_of(trigger: Trigger) -> tuple[str, ...]:
    """Return the feed files that a trigger's event depends on."""
    return tuple(dict.fromkeys((PEOPLE, trigger.event.subject)))
