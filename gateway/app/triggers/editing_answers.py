"""Triggers and templates in JSON, as command line, API and console show and change them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from time import monotonic

from gateway.api.services import NotDone, TemplateText, TriggerChanges
from gateway.app import common
from gateway.app.triggers import editing, triggers
from gateway.app.triggers.editing import (
    ChangedMeanwhile,
    NoSuchFile,
    NoSuchPerson,
    ProposedEdit,
    ReachUnconfirmed,
    TemplateState,
    TriggerReach,
)
from gateway.app.triggers.holding import hold_all, resume_all
from gateway.app.whole_files import FileNotWritten
from gateway.config import ConfigError, Settings
from gateway.config.triggers import trigger_files
from gateway.core.people.people import PersonRef
from gateway.core.triggers.trigger_edit import EditedThing
from gateway.documents.triggers.trigger_edits import (
    CalendarDocument,
    ProposalDocument,
    ReachDocument,
    SampleMailDocument,
    TemplateFilesDocument,
    TemplateTextDocument,
    TriggerEditDocument,
    TriggerFileDocument,
    due_day_document,
    file_change_document,
    reach_document,
    trigger_edit_document,
)
from gateway.documents.triggers.triggers import file_fault_document
from gateway.store.engine.database import Database
from gateway.store.triggers import epochs, trigger_edits
from gateway.store.triggers.calendar_mark import calendar_mark
from gateway.triggers.calendar import calendar
from gateway.triggers.epoch import EpochFileUnusable
from gateway.triggers.templates import NotRendered, TemplateSource

_SUBJECT = "Subject:"
_CALENDAR_SECONDS = 300.0  #: How long the same calendar is shown if nothing changed.


@dataclass(frozen=True, slots=True, kw_only=True)
class _KeptCalendar:
    """The last calendar, and what it was made from."""

    settings: Settings
    about: tuple[object, ...]
    at: float  #: By the monotonic clock.
    document: CalendarDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class _KeptLists:
    """All triggers and templates as last read, and the files they came from."""

    settings: Settings
    about: triggers.Signature
    triggers: Sequence[TriggerFileDocument]
    templates: Sequence[TemplateFilesDocument]


class TriggerEditing(TriggerChanges):
    """Edits the configured files; keeps lists and the calendar until something changes."""

    def __init__(self, settings: Callable[[], Settings], database: Database) -> None:
        self._settings = settings
        self._database = database
        self._calendar: _KeptCalendar | None = None
        self._lists: _KeptLists | None = None

    def calendar(self, days: int) -> CalendarDocument:
        """Return what date events will mail in the next days, today first.

        Thousands of people may have to be decided on, so the result is reused for some minutes,
        unless the day, a file, or the store shows that it has changed.
        """
        settings = self._settings()
        now = common.now()
        today = now.astimezone(common.time_zone(settings)).date()
        with self._database.reading() as connection:
            store = calendar_mark(connection, now)
        about = (days, today, triggers.signature(settings), store)
        kept_calendar = self._calendar
        is_old = kept_calendar is None or monotonic() - kept_calendar.at > _CALENDAR_SECONDS
        if (
            kept_calendar is None
            or is_old
            or kept_calendar.about != about
            or kept_calendar.settings is not settings
        ):
            kept_calendar = _KeptCalendar(
                settings=settings,
                about=about,
                at=monotonic(),
                document=self._new_calendar(settings, today, days),
            )
            self._calendar = kept_calendar
        return kept_calendar.document

    def _new_calendar(self, settings: Settings, today: date, days: int) -> CalendarDocument:
        checked_triggers = [
            checked
            for checked in triggers.read_all(settings)[0].values()
            if checked.trigger.enabled and checked.trigger.is_of_date
        ]
        with common.standings(settings, self._database) as standings:
            trigger_settings = triggers.trigger_settings(
                settings,
                {checked.trigger.name: checked for checked in checked_triggers},
                standings,
            )
            with self._database.reading() as connection:
                due = calendar(connection, trigger_settings, checked_triggers, today, days)
        return {
            "days": [(today + timedelta(days=number)).isoformat() for number in range(days)],
            "triggers": [checked.trigger.name for checked in checked_triggers],
            "due": [due_day_document(day) for day in due],
        }

    def triggers(self) -> Sequence[TriggerFileDocument]:
        return self._read_lists().triggers

    def _read_lists(self) -> _KeptLists:
        """Return the triggers and templates; they are reread only if a file changed.

        Reading and checking thirty of each takes longer than everything else a page does.
        """
        settings = self._settings()
        kept_lists, about = self._lists, triggers.signature(settings)
        if kept_lists is None or kept_lists.about != about or kept_lists.settings is not settings:
            with _errors_as_not_done():
                names = trigger_files(settings.triggers.folder)
                states = editing.template_states(settings)
                kept_lists = _KeptLists(
                    settings=settings,
                    about=about,
                    triggers=[self.trigger(name) for name in names],
                    templates=[_template_document(state) for state in states],
                )
            self._lists = kept_lists
        return kept_lists

    def trigger(self, name: str) -> TriggerFileDocument:
        with _errors_as_not_done():
            state = editing.trigger_state(self._settings(), name)
        return {
            "name": name,
            "file": str(state.file),
            "text": state.text,
            "version": state.version,
            "is_shipped": state.is_shipped,
            "enabled": state.checked is not None and state.checked.trigger.enabled,
            "values": dict(state.values),
            "problems": list(state.problems),
            "faults": [file_fault_document(fault) for fault in state.faults],
        }

    def trigger_file(self, name: str) -> str:
        return str(self._settings().triggers.folder / f"{name}.toml")

    def propose_trigger(
        self,
        name: str,
        *,
        changes: Mapping[str, object] | None,
        text: str | None,
        version: str,
    ) -> ProposalDocument:
        """Check a change to a trigger's file, and return what it would do."""
        with _errors_as_not_done():
            proposed = editing.propose_trigger(
                self._settings(), name, changes=changes, text=text, version=version
            )
            return self._proposal(proposed)

    def keep_trigger(
        self,
        name: str,
        *,
        changes: Mapping[str, object] | None,
        text: str | None,
        version: str,
        by: str,
        token: str,
    ) -> TriggerEditDocument | None:
        """Write a change to a trigger's file; None if nothing changes."""
        with _errors_as_not_done():
            proposed = editing.propose_trigger(
                self._settings(), name, changes=changes, text=text, version=version
            )
            edit = editing.keep(self._settings(), self._database, proposed, by=by, token=token)
        return None if edit is None else trigger_edit_document(edit)

    def templates(self) -> Sequence[TemplateFilesDocument]:
        return self._read_lists().templates

    def template_names(self) -> Sequence[str]:
        return editing.template_names(self._settings())

    def template(self, name: str) -> TemplateFilesDocument:
        with _errors_as_not_done():
            state = editing.template_state(self._settings(), name)
        return _template_document(state)

    def examples(self) -> Sequence[str]:
        return editing.example_names()

    def example(self, name: str) -> Sequence[TemplateTextDocument]:
        with _errors_as_not_done():
            sources = editing.example_sources(name)
        return [
            _text_document(language, source, is_shipped=True)
            for language, source in sorted(sources.items())
        ]

    def propose_template(
        self, name: str, texts: Mapping[str, TemplateText | None], *, version: str
    ) -> ProposalDocument:
        """Check a change to a template."""
        with _errors_as_not_done():
            return self._proposal(self._proposed_template(name, texts, version))

    def keep_template(
        self, name: str, texts: Mapping[str, TemplateText | None], *, version: str, by: str
    ) -> TriggerEditDocument | None:
        """Write a change to a template; None if nothing changes."""
        with _errors_as_not_done():
            proposed = self._proposed_template(name, texts, version)
            edit = editing.keep(self._settings(), self._database, proposed, by=by)
        return None if edit is None else trigger_edit_document(edit)

    def sample(self, language: str, text: TemplateText, person: str) -> SampleMailDocument:
        """Return what a text says to a person, or to somebody made up."""
        ref = None
        with _errors_as_not_done():
            if person:
                try:
                    ref = PersonRef.parse(person)
                except ValueError as error:
                    raise NotDone(422, str(error)) from None
            source = _source(f"{language}.txt", text)
            mail = editing.sample_mail(
                self._settings(), self._database, {language: source}, language, person=ref
            )
        return {
            "language": mail.language,
            "subject": mail.subject,
            "text": mail.text,
            "html": mail.html or None,
            "blank": list(mail.blank),
        }

    def edits(
        self,
        *,
        what: str | None,
        name: str | None,
        since: datetime | None = None,
        before: int | None = None,
        limit: int,
    ) -> Sequence[TriggerEditDocument]:
        edited = None if what is None else EditedThing(what)
        with self._database.reading() as connection:
            edits = trigger_edits.list_edits(
                connection, what=edited, name=name, since=since, before=before, limit=limit
            )
        return [trigger_edit_document(edit) for edit in edits]

    def undo_period(self) -> timedelta:
        return self._settings().triggers.undo

    def why_held(self) -> str:
        with self._database.reading() as connection:
            return epochs.why_held(connection)

    def hold(self, *, by: str, note: str) -> int:
        return hold_all(self._database, by=by, note=note)

    def resume(self) -> int:
        with _errors_as_not_done():
            return resume_all(self._settings(), self._database)

    def _proposed_template(
        self, name: str, texts: Mapping[str, TemplateText | None], version: str
    ) -> ProposedEdit:
        # A text with the same meaning keeps its spelling.
        current_texts = (
            {text["language"]: text for text in self.template(name)["texts"]} if version else {}
        )
        sources = {
            language: None if text is None else _source("", text)
            for language, text in texts.items()
            if text is None
            or language not in current_texts
            or not _is_same(current_texts[language], text)
        }
        return editing.propose_template(self._settings(), name, sources, version=version)

    def _proposal(self, proposed: ProposedEdit) -> ProposalDocument:
        reached = None
        if proposed.must_be_confirmed and proposed.changes:
            reached = _reach(editing.reach(self._settings(), self._database, proposed))
        return {
            "what": proposed.what,
            "name": proposed.name,
            "changes": [file_change_document(change) for change in proposed.changes],
            "doubts": list(proposed.doubts),
            "reach": reached,
        }


def _template_document(state: TemplateState) -> TemplateFilesDocument:
    return {
        "name": state.name,
        "folder": str(state.folder),
        "version": state.version,
        "texts": [
            _text_document(language, source, is_shipped=language not in state.own)
            for language, source in sorted(state.sources.items())
        ],
        "used_by": list(state.used_by),
        "problems": list(state.problems),
    }


def _reach(reached: TriggerReach) -> ReachDocument:
    return reach_document(reached.preview, reached.days, reached.token)


def _source(file: str, text: TemplateText) -> TemplateSource:
    subject = " ".join(text.subject.split())
    whole = f"{_SUBJECT} {subject}\n\n{text.text.lstrip()}"
    return TemplateSource(file=file, text=whole, html=text.html or None)


def _is_same(current_text: TemplateTextDocument, text: TemplateText) -> bool:
    new_parts = (
        " ".join(text.subject.split()),
        editing.with_line_ends(text.text),
        editing.with_line_ends(text.html),
    )
    html = editing.with_line_ends(current_text["html"] or "")
    return new_parts == (
        current_text["subject"],
        editing.with_line_ends(current_text["text"]),
        html,
    )


def _text_document(
    language: str, source: TemplateSource, *, is_shipped: bool
) -> TemplateTextDocument:
    head, _, body = source.text.removeprefix("\ufeff").partition("\n")
    return {
        "language": language,
        "file": source.file,
        "subject": head.removeprefix(_SUBJECT).strip(),
        "text": body.lstrip("\n"),
        "html": source.html,
        "is_shipped": is_shipped,
    }


@contextmanager
def _errors_as_not_done() -> Iterator[None]:
    """Turn errors that prevent a change into `NotDone`."""
    try:
        yield
    except (NoSuchFile, NoSuchPerson) as error:
        raise NotDone(404, str(error)) from error
    except ReachUnconfirmed as error:
        reached = _reach(error.reach)
        raise NotDone(409, str(error), more={"needs_confirmed": True, "reach": reached}) from error
    except ChangedMeanwhile as error:
        more = {"now": dict(error.now), "yours": dict(error.yours)}
        raise NotDone(409, str(error), more=more) from error
    except ConfigError as error:
        raise NotDone(422, str(error), more={"problems": list(error.problems)}) from error
    except NotRendered as error:
        raise NotDone(422, str(error)) from error
    except (FileNotWritten, EpochFileUnusable) as error:
        raise NotDone(503, str(error)) from error
