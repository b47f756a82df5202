"""From trigger files and templates to what the sender of triggered mail works with."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway.app.common import SHIPPED_TEMPLATES
from gateway.config import ConfigError, Settings
from gateway.config.triggers import (
    ACTIVE_AS_SHIPPED,
    load_trigger,
    trigger_files,
)
from gateway.core.errors import GatewayError
from gateway.triggers.templates import Letters, Rule, Source

EPOCH_FILE = "epoch"  #: In the folder of `[store] outage`, unless the settings name another.


def rules(settings: Settings) -> dict[str, Rule]:
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


def rule(settings: Settings, name: str, file: Path) -> Rule:
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
    return Rule(trigger, letters)


class _NoTemplate(GatewayError):
    """There is no such template."""


def _sources(settings: Settings, name: str) -> Iterator[tuple[str, Source]]:
    """Yield the files of a template by language, that of the settings first."""
    files = _files(settings, name)
    if not files:
        folder = settings.templates.folder / name
        raise _NoTemplate(f"write it first, {folder} has no text such as nl.txt")
    first = settings.suppression.language
    for language in sorted(files, key=lambda one: (one != first, one)):
        yield language, _source(files[language])


def _files(settings: Settings, name: str) -> Mapping[str, Path]:
    shipped = SHIPPED_TEMPLATES / name if name in ACTIVE_AS_SHIPPED else None
    folders = [folder for folder in (shipped, settings.templates.folder / name) if folder]
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.txt"))}


def _source(file: Path) -> Source:
    html = file.with_suffix(".html")
    return Source(file=str(file), text=_read(file), html=_read(html) if html.is_file() else None)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not a text in UTF-8") from error


def epoch_file(settings: Settings) -> Path:
    """Return the file that tells a restored or cloned store from the real one."""
    return settings.triggers.epoch_file or settings.store.outage / EPOCH_FILE
