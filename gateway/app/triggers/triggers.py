"""Turns trigger files and templates into the settings of triggered mail."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway import logs
from gateway.app import common
from gateway.app.keys import unsubscribe_links
from gateway.app.wording import SHIPPED_TEMPLATES, mail_wordings, note_templates
from gateway.config import ConfigError, Settings, files_in, read_text
from gateway.config.problems import suggestion
from gateway.config.triggers import (
    ACTIVE_AS_SHIPPED,
    load_trigger,
    trigger_files,
)
from gateway.core.triggers.run_report import RUN_REPORT
from gateway.core.triggers.trigger import Trigger
from gateway.core.triggers.trigger_edit import FileFault
from gateway.core.written import readable_name
from gateway.store.engine.database import Database
from gateway.store.people.suppression import Standings
from gateway.triggers.templates import BadTemplate, CheckedTrigger, MailTemplate, TemplateSource
from gateway.triggers.trigger_settings import TriggerSettings

log = logs.get("triggers")

_KEY = re.compile(r"\s*\[*\s*\"?([\w-]+)")
_TOML_PLACE = re.compile(r"\(at line (\d+), column \d+\)")

Signature = tuple[tuple[str, int, int], ...]

EPOCH_FILE = "epoch"  #: In the folder of `[store] outage`, unless the settings name another.


@dataclass(frozen=True, slots=True)
class UnusableTrigger:
    """A trigger file that can't be used, because of itself or its template."""

    file: Path
    error: ConfigError


def read_all(
    settings: Settings,
) -> tuple[dict[str, CheckedTrigger], dict[str, UnusableTrigger]]:
    """Read every trigger with its template; return, by name, the valid ones and the others."""
    good, unusable = {}, {}
    for name, file in trigger_files(settings.triggers.folder).items():
        try:
            good[name] = checked_file(settings, name, file)
        except ConfigError as error:
            unusable[name] = UnusableTrigger(file, error)
    return good, unusable


def checked_triggers(settings: Settings) -> dict[str, CheckedTrigger]:
    """Read every trigger with its template; ConfigError has a line for each fault."""
    good, unusable = read_all(settings)
    raise_faults(unusable.values())
    return good


def raise_faults(unusable: Iterable[UnusableTrigger]) -> None:
    """Raise ConfigError with a line for each fault, if there are any."""
    problems = [problem for trigger in unusable for problem in trigger.error.problems]
    if problems:
        raise ConfigError(*problems)


def faults_of(error: ConfigError, file: Path) -> list[FileFault]:
    """Return the faults of a trigger, by place in its file.

    Faults of its template are reported at the key that names it.
    """
    try:
        lines = read_text(file).splitlines()
    except ConfigError:
        lines = []
    keys = {
        match[1]: number
        for number, line in reversed([*enumerate(lines, 1)])
        if (match := _KEY.match(line))
    }
    return [_fault(problem, readable_name(str(file)), keys) for problem in error.problems]


def _fault(problem: str, file: str, keys: Mapping[str, int]) -> FileFault:
    if not problem.startswith(f"{file}: "):
        return FileFault(keys.get("template"), "template", problem)
    fault = problem.removeprefix(f"{file}: ")
    key, colon, rest = fault.partition(": ")
    place = _TOML_PLACE.search(fault)
    if key == "not TOML" and place is not None:
        line = int(place[1])
        key_of_line = next((name for name, number in keys.items() if number == line), "")
        what = _TOML_PLACE.sub("", fault).rstrip()
        return FileFault(
            line, key_of_line, f'{what}: write key = "value", each in a line of its own'
        )
    if not colon or " " in key:
        return FileFault(None, "", fault)
    return FileFault(keys.get(key.partition(".")[0].partition("[")[0]), key, rest)


def checked_file(settings: Settings, name: str, file: Path) -> CheckedTrigger:
    """Read one trigger with its template; ConfigError says what is wrong."""
    trigger = load_trigger(name, file, settings)
    return check_trigger(settings, trigger, file, template_sources(settings, trigger.template))


def template_sources(
    settings: Settings,
    name: str,
    *,
    with_html_alone: bool = False,
    read: Callable[[Path], str] = read_text,
) -> dict[str, TemplateSource]:
    """Return a template's files by language; empty if there is no such template.

    HTML without a text makes no mail, so it is left out, unless `with_html_alone` (for people who
    edit files). `read` reads a file; ConfigError if one can't be read, which stops only the trigger
    that uses it.
    """
    folder = settings.templates.folder / name
    # The operator's own files come last, replacing the shipped ones.
    folders = [SHIPPED_TEMPLATES / name, folder] if name in ACTIVE_AS_SHIPPED else [folder]
    files = [file for place in folders for file in files_in(place, ".txt", ".html")]
    texts = {readable_name(file.stem): file for file in files if file.suffix == ".txt"}
    sources: dict[str, TemplateSource] = {}
    for language, text in texts.items():
        html = text.with_suffix(".html")
        sources[language] = TemplateSource(
            file=readable_name(str(text)),
            text=read(text),
            html=read(html) if html in files else None,
        )
    pages = [file for file in files if file.suffix == ".html" and file.parent == folder]
    for html in pages if with_html_alone else ():
        language = readable_name(html.stem)
        if language not in sources:
            file = readable_name(str(html.with_suffix(".txt")))
            sources[language] = TemplateSource(file=file, text="", html=read(html), lacks_text=True)
    return sources


def check_trigger(
    settings: Settings, trigger: Trigger, file: Path, sources: Mapping[str, TemplateSource]
) -> CheckedTrigger:
    """Return a trigger with its template from these sources; ConfigError says what is wrong."""
    folder, default = settings.templates.folder / trigger.template, settings.suppression.language
    if not sources:
        fault = f"write it first, {folder} has no text such as nl.txt"
        names = [place.name for place in template_folders(settings.templates.folder)]
        nearest = suggestion(trigger.template, names)
        raise ConfigError(f'{file}: template: {fault}: "{trigger.template}"{nearest}')
    in_order = sorted(sources, key=lambda language: (language != default, language))
    try:
        template = MailTemplate(
            {language: sources[language] for language in in_order}, default=default
        )
    except BadTemplate as error:
        raise ConfigError(str(error)) from None
    faults = [f"{fault} ({file})" for fault in template.faults(trigger)]
    if template.has_link and settings.api.public_url is None:
        faults.append(f"{folder}: a link to unsubscribe needs api.public_url ({file})")
    if faults:
        raise ConfigError(*faults)
    return CheckedTrigger(trigger, template)


def epoch_file(settings: Settings) -> Path:
    """Return the file that distinguishes the real store from a restored or cloned one."""
    return settings.triggers.epoch_file or settings.store.outage / EPOCH_FILE


def trigger_settings(
    settings: Settings,
    checked_triggers: Mapping[str, CheckedTrigger],
    standings: Standings,
    *,
    unusable: frozenset[str] = frozenset(),
) -> TriggerSettings:
    """Return the settings of triggered mail; GatewayError if a file can't be used.

    Triggers in `unusable` have files that can't be used; their mail waits once it is due.
    """
    own = settings.triggers
    language = settings.suppression.language
    return TriggerSettings(
        checked_triggers=checked_triggers,
        zone=common.time_zone(settings),
        daily_at=own.daily_at,
        quiet_hours=own.quiet_hours,
        sender=settings.notices.sender or common.notifier(settings),
        hostname=common.host_name(),
        language=language,
        reports=mail_wordings(settings, "trigger_report", RUN_REPORT),
        note=note_templates(settings)[language],
        epoch_file=epoch_file(settings),
        lookup=lambda address: common.lookup(settings, address),
        standings=standings,
        once_per_address=own.once_per_address,
        console_url=settings.console.url or "",
        undo=own.undo,
        unusable=unusable,
        links=unsubscribe_links(settings),
    )


@contextmanager
def opened_settings(
    settings: Settings, database: Database, only: Mapping[str, CheckedTrigger] | None = None
) -> Iterator[TriggerSettings]:
    """Lend the settings of triggered mail to what only reads, with all triggers or some."""
    with common.standings(settings, database) as standings:
        yield trigger_settings(
            settings, checked_triggers(settings) if only is None else only, standings
        )


class CurrentTriggerFiles:
    """The trigger files and templates as they are now, reread when one has changed.

    If a file becomes invalid, the trigger keeps its old state, and this is logged.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        #: None: not read yet, though there may be no file, but those that come with the gateway.
        self._signature: Signature | None = None
        self.checked_triggers: dict[str, CheckedTrigger] = {}
        self.unusable: frozenset[str] = frozenset()  #: Invalid ever since the start.
        self.refresh()

    def refresh(self) -> bool:
        """Read what has changed; return whether anything had."""
        new_signature = signature(self._settings)
        if new_signature == self._signature:
            return False
        self._signature = new_signature
        files = trigger_files(self._settings.triggers.folder)
        before, self.checked_triggers = self.checked_triggers, {}
        unusable = set()
        for name, file in files.items():
            try:
                self.checked_triggers[name] = checked_file(self._settings, name, file)
            except ConfigError as error:
                log.error("trigger_refused", trigger=name, reason=str(error))
                if name in before:
                    self.checked_triggers[name] = before[name]
                else:
                    unusable.add(name)
        self.unusable = frozenset(unusable)
        return True


def template_folders(folder: Path) -> list[Path]:
    """Return the folders of templates, in order: those with a text or HTML, or that can't be read.

    Raises ConfigError if the folder itself can't be read.
    """

    def is_one(folder: Path) -> bool:
        try:
            return folder.is_dir() and files_in(folder, ".txt", ".html") != []
        except (ConfigError, OSError):
            return True

    return [place for place in files_in(folder, "") if is_one(place)]


def signature(settings: Settings) -> Signature:
    """Return a value that changes with any trigger file or template."""
    files = [*_files_there(settings.triggers.folder, ".toml")]
    for place in _files_there(settings.templates.folder, ""):
        files += [place, *_files_there(place, ".txt", ".html")]
    states: list[tuple[str, int, int]] = []
    for file in files:
        with suppress(OSError):  # It was deleted after the folder was read.
            state = file.stat()
            # The time of the change (ctime): a copied file may keep its old modification time.
            states.append((str(file), state.st_ctime_ns, state.st_size))
    return tuple(sorted(states))


def _files_there(folder: Path, *endings: str) -> Sequence[Path]:
    """Return the files in a folder; if it can't be read, the folder, so that its state counts."""
    try:
        return files_in(folder, *endings)
    except ConfigError:
        return [folder]
