"""Editing triggers and templates: checked like the config, written back to the same files.

A change is first proposed, which checks it and says what it would do, and then kept. Nothing
unusable is ever written; running processes reread the files by themselves.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.app import common
from gateway.app.keys import unsubscribe_links
from gateway.app.triggers import triggers
from gateway.app.whole_files import one_at_a_time, remove_file, write_whole
from gateway.app.wording import SHIPPED_TEMPLATES
from gateway.config import ConfigError, Settings, read_text
from gateway.config.problems import NotToml, is_utf8, parse_toml, text_to_mend
from gateway.config.triggers import (
    ACTIVE_AS_SHIPPED,
    changed_text,
    load_trigger,
    parse_trigger,
    trigger_files,
)
from gateway.config.values import NAME_RULE
from gateway.core.errors import GatewayError
from gateway.core.feed.unread_fields import APPLICATIONS, QUALIFICATIONS
from gateway.core.people.people import PersonRef
from gateway.core.triggers import confirmation
from gateway.core.triggers.sample_facts import sample_facts
from gateway.core.triggers.trigger import Trigger
from gateway.core.triggers.trigger_edit import (
    EditedThing,
    FileChange,
    FileFault,
    TriggerEdit,
    version_of,
)
from gateway.core.triggers.trigger_preview import DueDay, Preview
from gateway.core.triggers.values import ACTOR, APPLICATION, PERSON, QUALIFICATION, values
from gateway.core.written import readable_name
from gateway.store.engine.database import Database
from gateway.store.triggers import due, trigger_edits
from gateway.triggers.calendar import calendar
from gateway.triggers.preview import preview
from gateway.triggers.templates import (
    BadTemplate,
    CheckedTrigger,
    MailTemplate,
    NotRendered,
    Rendered,
    TemplateSource,
)

AHEAD = 14  #: Days for which the recipients of a trigger are shown.
#: Folders beside the templates with the wording of other mail.
OTHER_WORDING = frozenset(
    {"notes", "bounce_report", "reply_imported", "reply_refused", "trigger_report"}
)
#: Values available to any trigger's mail.
EVERY_VALUE = (PERSON, QUALIFICATION, APPLICATION, ACTOR)
#: Names that are URLs of other pages besides those of triggers and templates.
PAGES = frozenset(("new", "history", "templates"))
_LONGEST_NAME = 100
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{_LONGEST_NAME - 1}}}")
_LANGUAGE = re.compile(r"[a-z]{2}")


class NoSuchPerson(GatewayError):
    """There is no person with this key."""


class NoSuchFile(GatewayError):
    """There is no trigger, or no template, with this name."""


class ChangedMeanwhile(GatewayError):
    """Somebody else has changed the same file since it was read; nothing was written."""

    def __init__(self, what: Path, now: Mapping[str, str], yours: Mapping[str, str]) -> None:
        """`now` has the current text of each file, by path; `yours` the intended replacement."""
        super().__init__(f"{what} was changed by somebody else since you opened it")
        self.now = {Path(file).name: text for file, text in now.items()}  #: By file name.
        self.yours = {Path(file).name: text for file, text in yours.items()}


class ReachUnconfirmed(GatewayError):
    """The trigger would mail people, and nobody has confirmed having seen whom."""

    def __init__(self, reach: "TriggerReach") -> None:
        super().__init__("look first whom it would reach, then confirm")
        self.reach = reach


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerState:
    """The current state of a trigger's file."""

    name: str
    file: Path  #: Where changes are written.
    text: str
    version: str
    is_shipped: bool  #: The operator has no file of this name: the text is the shipped one.
    values: Mapping[str, object]  #: As in the file; empty if it isn't TOML.
    checked: CheckedTrigger | None  #: None: it can't be used.
    problems: tuple[str, ...]
    faults: tuple[FileFault, ...]  #: The same, by place.


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateState:
    """The current state of a template's files."""

    name: str
    folder: Path  #: Where changes are written.
    version: str
    sources: Mapping[str, TemplateSource]  #: By language.
    own: frozenset[str]  #: Languages for which the operator has a file.
    used_by: tuple[str, ...]  #: Triggers that name it.
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedEdit:
    """A checked change that may be kept."""

    what: EditedThing
    name: str
    changes: tuple[FileChange, ...]  #: Only of files that really change.
    checked: CheckedTrigger | None  #: A trigger as it will be.
    before: CheckedTrigger | None  #: A trigger as it is.
    doubts: tuple[str, ...]  #: What may be a mistake.

    @property
    def must_be_confirmed(self) -> bool:
        """Whether somebody must first be shown whom it would reach."""
        if self.checked is None or not self.checked.trigger.enabled:
            return False
        return self.before is None or self.before.trigger != self.checked.trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerReach:
    """The people a trigger would mail if it were on as proposed."""

    preview: Preview | None  #: What a run would do today; None: it is not a date event.
    days: tuple[DueDay, ...]  #: The next days, as in the calendar.
    token: str  #: Confirms what was shown, for ten minutes.


def trigger_state(settings: Settings, name: str) -> TriggerState:
    """Return a trigger's file; raise `NoSuchFile`."""
    files = trigger_files(settings.triggers.folder)
    if name not in files:
        raise NoSuchFile(f"no trigger is called {name} (known: {', '.join(files)})")
    own = settings.triggers.folder / f"{name}.toml"
    text = ""
    problems: tuple[str, ...] = ()
    faults: list[FileFault] = []
    # A file that isn't text, for example, is reported where the trigger is read.
    with suppress(ConfigError):
        text = text_to_mend(files[name])
    checked: CheckedTrigger | None = None
    file_values: dict[str, object] = {}
    with suppress(NotToml):
        file_values = parse_toml(text)
    try:
        checked = triggers.checked_file(settings, name, files[name])
    except ConfigError as error:
        problems = error.problems
        faults = triggers.faults_of(error, files[name])
    return TriggerState(
        name=name,
        file=own,
        text=text,
        version=version_of({str(own): text}),
        is_shipped=files[name] != own,
        values=file_values,
        checked=checked,
        problems=problems,
        faults=tuple(faults),
    )


def propose_trigger(
    settings: Settings,
    name: str,
    *,
    changes: Mapping[str, object] | None = None,
    text: str | None = None,
    version: str,
) -> ProposedEdit:
    """Check a change to a trigger's file: new values for keys, or a new text.

    An empty `version` creates a trigger, which is always off at first. Otherwise it must be the
    version of the current file, or `ChangedMeanwhile` is raised. ConfigError says what is wrong.
    """
    own = settings.triggers.folder / f"{name}.toml"
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name}: a trigger's name {NAME_RULE}, {_LONGEST_NAME} characters at most"
        )
    before, now, is_shipped = None, "", False
    if version:
        state = trigger_state(settings, name)
        before, now, is_shipped = state.checked, state.text, state.is_shipped
        after = changed_text(now, changes or {}, str(own)) if text is None else with_line_ends(text)
        if version != state.version:
            raise ChangedMeanwhile(own, {own.name: now}, {own.name: after})
    elif _is_taken(name, trigger_files(settings.triggers.folder)):
        raise ConfigError(f"{name}: there is a trigger of that name; choose another name")
    else:
        base_text = text if text is not None else changed_text("", {"enabled": False}, str(own))
        after = with_line_ends(
            changed_text(base_text, {**(changes or {}), "enabled": False}, str(own))
        )
    trigger = parse_trigger(name, after, settings, own)
    sources = triggers.template_sources(settings, trigger.template)
    checked = triggers.check_trigger(settings, trigger, own, sources)
    old = None if is_shipped or not version else now
    return ProposedEdit(
        what=EditedThing.TRIGGER,
        name=name,
        changes=(FileChange(file=str(own), before=old, after=after),)
        if after != now or not is_utf8(own)
        else (),
        checked=checked,
        before=before,
        doubts=tuple(checked.template.doubts()),
    )


def _is_taken(name: str, names: Iterable[str]) -> bool:
    """Whether a name is taken: also if some systems treat it as the same as another."""
    return name in PAGES or name.casefold() in map(str.casefold, names)


def with_line_ends(text: str) -> str:
    """Return a text from a browser with a file's line ends, including the last one."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return plain if plain.endswith("\n") or not plain else f"{plain}\n"


def template_names(settings: Settings) -> list[str]:
    """Return the templates of triggered mail, including those active as shipped."""
    folders = triggers.template_folders(settings.templates.folder)
    own = (readable_name(folder.name) for folder in folders)
    return sorted({*own, *ACTIVE_AS_SHIPPED} - OTHER_WORDING)


def example_names() -> list[str]:
    """Return the example templates that are shipped."""
    shipped = {file.parent.name for file in SHIPPED_TEMPLATES.glob("*/*.txt")}
    return sorted(shipped - OTHER_WORDING)


def example_sources(name: str) -> dict[str, TemplateSource]:
    """Return a shipped template by language; raise `NoSuchFile`."""
    if name not in example_names():
        raise NoSuchFile(
            f"no template is shipped as {name} (there are {', '.join(example_names())})"
        )
    files = sorted(SHIPPED_TEMPLATES.joinpath(name).glob("*.txt"))
    return {file.stem: TemplateSource(file=str(file), text=read_text(file)) for file in files}


def template_state(settings: Settings, name: str) -> TemplateState:
    """Return a template's files; raise `NoSuchFile`."""
    names = template_names(settings)
    if name not in names:
        raise NoSuchFile(f"no template is called {name} (known: {', '.join(names)})")
    return _template_state(settings, name, _using(settings, name))


def template_states(settings: Settings) -> list[TemplateState]:
    """Return the files of all templates; the triggers that use them are read only once."""
    using = _by_template(settings)
    return [
        _template_state(settings, name, using.get(name, {})) for name in template_names(settings)
    ]


def _template_state(settings: Settings, name: str, using: Mapping[str, Trigger]) -> TemplateState:
    folder = settings.templates.folder / name
    problems: list[str] = []
    sources: Mapping[str, TemplateSource] = {}
    try:
        sources = triggers.template_sources(settings, name, with_html_alone=True)
        _checked_sources(settings, sources, using)
    except ConfigError as error:
        problems += error.problems
    if not sources:
        with suppress(ConfigError):  # For example, a text that isn't UTF-8 and is to be replaced.
            sources = triggers.template_sources(
                settings, name, with_html_alone=True, read=text_to_mend
            )
    own = frozenset(
        language for language, source in sources.items() if Path(source.file).parent == folder
    )
    return TemplateState(
        name=name,
        folder=folder,
        version=version_of(_texts(folder, sources)),
        sources=sources,
        own=own,
        used_by=tuple(using),
        problems=tuple(problems),
    )


def propose_template(
    settings: Settings,
    name: str,
    texts: Mapping[str, TemplateSource | None],
    *,
    version: str,
) -> ProposedEdit:
    """Check a change to a template: new texts for some languages; None removes a language.

    An empty `version` creates a template. All triggers that name it must still work with it. Raises
    the same exceptions as `propose_trigger`.
    """
    folder = settings.templates.folder / name
    if not _NAME.fullmatch(name) or name in OTHER_WORDING:
        clash = f"{name} is the wording of other mail" if name in OTHER_WORDING else ""
        of_names = f"a template's name {NAME_RULE}, {_LONGEST_NAME} characters at most"
        raise ConfigError(f"{folder}: {clash or of_names}; choose another name")
    for language in texts:
        if not _LANGUAGE.fullmatch(language):
            raise ConfigError(f"{folder}: {language}: a language is two small letters, such as nl")
    state = template_state(settings, name) if version else None
    if state is None and _is_taken(name, template_names(settings)):
        raise ConfigError(f"{folder}: there is a template of that name; choose another name")
    sources = dict(state.sources) if state else {}
    before = dict(sources)
    for language, source in texts.items():
        if source is None:
            sources.pop(language, None)
        else:
            sources[language] = TemplateSource(
                file=str(folder / f"{language}.txt"),
                text=with_line_ends(source.text),
                html=with_line_ends(source.html) if source.html and source.html.strip() else None,
            )
    old, new = _texts(folder, before), _texts(folder, sources)
    changed = sorted(
        file for file in {*old, *new} if old.get(file) != new.get(file) or not is_utf8(Path(file))
    )
    if state and version != state.version:
        raise ChangedMeanwhile(
            folder,
            {file: old.get(file, "") for file in changed},
            {file: new.get(file, "") for file in changed},
        )
    if not sources:
        raise ConfigError(f"{folder}: no language is left: a template needs one text at least")
    own = state.own if state else frozenset()
    for language in before.keys() - sources.keys() - own:
        raise ConfigError(
            f"{folder}: {language} is as shipped and can't be removed: write another text instead"
        )
    template = _checked_sources(settings, sources, _using(settings, name))
    # Unchanged shipped texts get no file.
    changes = [
        FileChange(
            file=file,
            before=old.get(file) if Path(file).stem in own else None,
            after=new.get(file),
        )
        for file in changed
    ]
    return ProposedEdit(
        what=EditedThing.TEMPLATE,
        name=name,
        changes=tuple(changes),
        checked=None,
        before=None,
        doubts=tuple(template.doubts()),
    )


def _texts(folder: Path, sources: Mapping[str, TemplateSource]) -> dict[str, str]:
    """Return the texts of a template's files, by the path they would be written to."""
    texts = {
        str(folder / f"{language}.txt"): source.text
        for language, source in sources.items()
        if not source.lacks_text
    }
    texts |= {
        str(folder / f"{language}.html"): source.html
        for language, source in sources.items()
        if source.html is not None
    }
    return texts


def _using(settings: Settings, template: str) -> dict[str, Trigger]:
    """Return the triggers that name a template; unreadable ones count as naming none."""
    return _by_template(settings).get(template, {})


def _by_template(settings: Settings) -> dict[str, dict[str, Trigger]]:
    """Return the readable triggers, by the template they name."""
    using: dict[str, dict[str, Trigger]] = {}
    for name, file in trigger_files(settings.triggers.folder).items():
        with suppress(ConfigError):
            trigger = load_trigger(name, file, settings)
            using.setdefault(trigger.template, {})[name] = trigger
    return using


def _checked_sources(
    settings: Settings, sources: Mapping[str, TemplateSource], using: Mapping[str, Trigger]
) -> MailTemplate:
    """Return the template these files make; ConfigError names what any of its triggers lacks.

    HTML without a text is skipped, as in sending, unless there is nothing else.
    """
    with_text = {language: source for language, source in sources.items() if not source.lacks_text}
    sources = with_text or sources
    try:
        template = MailTemplate(sources, default=settings.suppression.language)
    except BadTemplate as error:
        raise ConfigError(str(error)) from None
    problems: list[str] = []
    for name, trigger in using.items():
        try:
            file = settings.triggers.folder / f"{name}.toml"
            triggers.check_trigger(settings, trigger, file, sources)
        except ConfigError as error:
            problems += error.problems
    problems += _failures(settings, template, sources)
    if problems:
        raise ConfigError(*dict.fromkeys(problems))
    return template


def _failures(
    settings: Settings, template: MailTemplate, sources: Mapping[str, TemplateSource]
) -> Iterator[str]:
    """Report the languages in which a template fails for a made-up person, and so for everybody."""
    today = common.now().astimezone(common.time_zone(settings)).date()
    for language in sources:
        facts = sample_facts(language, today)
        try:
            template.render(language, values(EVERY_VALUE, facts, today, language))
        except NotRendered as error:
            yield str(error)


def keep(
    settings: Settings,
    database: Database,
    proposed: ProposedEdit,
    *,
    by: str,
    token: str = "",
    is_confirmed: bool = False,
) -> TriggerEdit | None:
    """Write a proposed change to its files, and record who made it; None: nothing changes.

    If it would reach people, it needs the `token` of the `reach` that was shown, or a confirmation;
    otherwise `ReachUnconfirmed` is raised. Also raises `ChangedMeanwhile` and `FileNotWritten`.
    """
    if not proposed.changes:
        return None
    if proposed.must_be_confirmed and not is_confirmed:
        current_reach = reach(settings, database, proposed)
        if not (
            token
            and confirmation.is_valid(
                token, _confirmed_parts(proposed, current_reach), common.now()
            )
        ):
            raise ReachUnconfirmed(current_reach)
    edit = TriggerEdit(
        id=common.ids_of(database).next(),
        by=by,
        what=proposed.what,
        name=proposed.name,
        changes=proposed.changes,
    )
    is_trigger = proposed.what is EditedThing.TRIGGER
    folder = settings.triggers.folder if is_trigger else settings.templates.folder
    with one_at_a_time(folder):
        meanwhile = [change for change in edit.changes if _text_of(change.file) != change.before]
        if meanwhile:
            raise ChangedMeanwhile(
                Path(meanwhile[0].file),
                {change.file: _text_of(change.file) or "" for change in meanwhile},
                {change.file: change.after or "" for change in meanwhile},
            )
        written: list[FileChange] = []
        try:
            # Recorded and on disk, or neither.
            with database.writing() as connection:
                trigger_edits.add(connection, edit)
                for change in edit.changes:
                    written.append(change)
                    _write(change.file, change.after)
        except BaseException:
            for change in written:
                with suppress(GatewayError):
                    _write(change.file, change.before)
            raise
    return edit


def _text_of(file: str) -> str | None:
    return text_to_mend(Path(file)) if Path(file).exists() else None


def _write(file: str, text: str | None) -> None:
    if text is None:
        remove_file(Path(file))
    else:
        write_whole(Path(file), text)


def reach(settings: Settings, database: Database, proposed: ProposedEdit) -> TriggerReach:
    """Return whom a trigger would mail today and in the next days if the change were kept."""
    if proposed.checked is None:
        raise AssertionError("a template alone reaches nobody")
    checked = proposed.checked
    preview_today: Preview | None = None
    days: list[DueDay] = []
    if checked.trigger.is_of_date:
        with common.standings(settings, database) as standings:
            trigger_settings = triggers.trigger_settings(
                settings, {checked.trigger.name: checked}, standings
            )
            today = trigger_settings.day(common.now())
            with database.reading() as connection:
                preview_today = preview(connection, trigger_settings, checked, today, is_today=True)
                days = calendar(connection, trigger_settings, [checked], today, AHEAD)
    reached = TriggerReach(preview=preview_today, days=tuple(days), token="")
    token, _ = confirmation.token(_confirmed_parts(proposed, reached), common.now())
    return TriggerReach(preview=preview_today, days=tuple(days), token=token)


def _confirmed_parts(proposed: ProposedEdit, reached: TriggerReach) -> list[object]:
    """Return what a token confirms: the change, and who would get what."""
    mails = reached.preview.mails if reached.preview else ()
    return [
        *(change.after for change in proposed.changes),
        *((str(mail.person), mail.about, mail.to) for mail in mails),
    ]


def sample_mail(
    settings: Settings,
    database: Database,
    sources: Mapping[str, TemplateSource],
    language: str,
    *,
    person: PersonRef | None = None,
) -> Rendered:
    """Return a template's text in a language for a person, or else for a made-up one.

    Anything the person lacks, such as a qualification, is made up. Raises ConfigError for files
    that can't be used, `NoSuchPerson`, and `NotRendered`.
    """
    try:
        template = MailTemplate(sources, default=language)
    except BadTemplate as error:
        raise ConfigError(str(error)) from None
    today = common.now().astimezone(common.time_zone(settings)).date()
    facts = sample_facts(language, today)
    if person is not None:
        with database.reading() as connection:
            stored_facts = [
                due.facts_for_preview(connection, person, subject)
                for subject in (QUALIFICATIONS, APPLICATIONS)
            ]
        if stored_facts[0].person is None:
            raise NoSuchPerson(f"nobody known as {person}")
        facts = replace(
            facts,
            person=stored_facts[0].person,
            qualification=stored_facts[0].qualification or facts.qualification,
            issuer=stored_facts[0].issuer if stored_facts[0].qualification else facts.issuer,
            application=stored_facts[1].application or facts.application,
        )
    links = unsubscribe_links(settings)
    url = links.url(None) if links else ""
    return template.render(language, values(EVERY_VALUE, facts, today, language, url))
