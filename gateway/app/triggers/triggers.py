"""From trigger files and templates to what the sender of triggered mail works with."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway import logs
from gateway.app import common
from gateway.app.wording import SHIPPED_TEMPLATES, letters, note_templates
from gateway.config import ConfigError, Settings, read_text
from gateway.config.triggers import (
    ACTIVE_AS_SHIPPED,
    load_trigger,
    trigger_files,
)
from gateway.core.errors import GatewayError
from gateway.core.triggers.run_words import RUN_REPORT
from gateway.store.engine.database import Database
from gateway.store.people.suppression import Standings
from gateway.triggers.plan import TriggerSettings
from gateway.triggers.templates import CheckedTrigger, Letters, TemplateSource

log = logs.get("triggers")

Signature = tuple[tuple[str, int, int], ...]

EPOCH_FILE = "epoch"  #: In the folder of `[store] outage`, unless the settings name another.


def rules(settings: Settings) -> dict[str, CheckedTrigger]:
    """Read every trigger with its template; ConfigError has a line for all that is wrong."""
    problems: list[str] = []
    found = {}
    for name, file in trigger_files(settings.triggers.folder).items():
        try:
            found[name] = rule(settings, name, file)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*problems)
    return found


def rule(settings: Settings, name: str, file: Path) -> CheckedTrigger:
    """Read one trigger with its template; ConfigError says what is wrong."""
    trigger = load_trigger(name, file, settings)
    try:
        letters = Letters(
            dict(_sources(settings, trigger.template)), default=settings.suppression.language
        )
    except _NoTemplate as error:
        raise ConfigError(f'{file}: template: {error}: "{trigger.template}"') from None
    except GatewayError as error:
        raise ConfigError(str(error)) from None
    faults = [f"{fault} ({file})" for fault in letters.faults(trigger)]
    if faults:
        raise ConfigError(*faults)
    return CheckedTrigger(trigger, letters)


class _NoTemplate(GatewayError):
    """There is no such template."""


def _sources(settings: Settings, name: str) -> Iterator[tuple[str, TemplateSource]]:
    """Yield the files of a template by language, that of the settings first."""
    shipped = SHIPPED_TEMPLATES / name if name in ACTIVE_AS_SHIPPED else None
    folders = [folder for folder in (shipped, settings.templates.folder / name) if folder]
    files = {text.stem: text for folder in folders for text in sorted(folder.glob("*.txt"))}
    if not files:
        folder = settings.templates.folder / name
        raise _NoTemplate(f"write it first, {folder} has no text such as nl.txt")
    first = settings.suppression.language
    for language in sorted(files, key=lambda one: (one != first, one)):
        file = files[language]
        html = file.with_suffix(".html")
        own_html = read_text(html) if html.is_file() else None
        yield language, TemplateSource(file=str(file), text=read_text(file), html=own_html)


def epoch_file(settings: Settings) -> Path:
    """Return the file that tells a restored or cloned store from the real one."""
    return settings.triggers.epoch_file or settings.store.outage / EPOCH_FILE


def plan(
    settings: Settings, found: Mapping[str, CheckedTrigger], standings: Standings
) -> TriggerSettings:
    """Return what triggered mail goes by; GatewayError if a file can't be used."""
    own = settings.triggers
    language = settings.suppression.language
    return TriggerSettings(
        rules=found,
        zone=common.time_zone(settings),
        daily_at=own.daily_at,
        quiet_hours=own.quiet_hours,
        sender=settings.notices.sender or common.notifier(settings),
        hostname=common.host_name(),
        language=language,
        reports=letters(settings, "trigger_report", RUN_REPORT),
        note=note_templates(settings)[language],
        epoch_file=epoch_file(settings),
        lookup=lambda address: common.lookup(settings, address),
        standings=standings,
        once_per_address=own.once_per_address,
        undo=own.undo,
    )


@contextmanager
def planned(settings: Settings, database: Database) -> Iterator[TriggerSettings]:
    """Lend the plan of a command that only looks."""
    standings = common.standings(settings, database)
    try:
        yield plan(settings, rules(settings), standings)
    finally:
        standings.close()


class Files:
    """The trigger files and templates as they are now, read again when one has changed.

    A file that has become wrong leaves the trigger as it was, loudly.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen: Signature = ()
        self.rules: dict[str, CheckedTrigger] = {}
        self.refresh()

    def refresh(self) -> bool:
        """Read what has changed; whether anything had."""
        seen = signature(self._settings)
        if seen == self._seen:
            return False
        self._seen = seen
        before, self.rules = self.rules, {}
        for name, file in trigger_files(self._settings.triggers.folder).items():
            try:
                self.rules[name] = rule(self._settings, name, file)
            except ConfigError as error:
                log.error("trigger_refused", trigger=name, reason=str(error))
                if name in before:
                    self.rules[name] = before[name]
        return True


def signature(settings: Settings) -> Signature:
    """Return what shows that a trigger file or a template has changed."""
    files = [
        *settings.triggers.folder.glob("*.toml"),
        *settings.templates.folder.glob("*/*.txt"),
        *settings.templates.folder.glob("*/*.html"),
    ]
    states: list[tuple[str, int, int]] = []
    for file in files:
        with suppress(OSError):  # It is gone since the folder was read.
            state = file.stat()
            states.append((str(file), state.st_mtime_ns, state.st_size))
    return tuple(sorted(states))
