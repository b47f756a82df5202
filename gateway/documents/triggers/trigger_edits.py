"""Editing of triggers and templates: their files, a change before it is made, and after."""

from collections.abc import Iterable
from typing import Annotated

from typing_extensions import TypedDict

from gateway.core import ids
from gateway.core.moments import in_utc
from gateway.core.triggers.trigger_edit import EditedThing, FileChange, TriggerEdit
from gateway.core.triggers.trigger_preview import DueDay, Preview
from gateway.documents.fields import DayText, IdText, JsonSchema, PersonText, TimeText
from gateway.documents.triggers.triggers import (
    FileFaultDocument,
    PreviewDocument,
    preview_document,
)


class NamedPersonDocument(TypedDict):
    """Somebody who will be mailed."""

    person: PersonText
    name: str


class DueDayDocument(TypedDict):
    """What one trigger will mail on one day."""

    trigger: str
    day: DayText
    mails: int
    left_out: Annotated[int, JsonSchema(description="Selected, but not mailed as things stand.")]
    people: Annotated[list[NamedPersonDocument], JsonSchema(description="The first five.")]


class CalendarDocument(TypedDict):
    """What date events will mail in the next days, as things stand now."""

    days: list[DayText]
    triggers: Annotated[list[str], JsonSchema(description="Those that are on.")]
    due: list[DueDayDocument]


class TriggerFileDocument(TypedDict):
    """A trigger's file as it stands."""

    name: str
    file: str
    text: str
    version: Annotated[str, JsonSchema(description="Names what was read, when it is changed.")]
    is_shipped: Annotated[bool, JsonSchema(description="There is no file of one's own yet.")]
    enabled: bool
    values: Annotated[dict[str, object], JsonSchema(description="As the file has them.")]
    problems: list[str]
    faults: Annotated[list[FileFaultDocument], JsonSchema(description="The same, place by place.")]


class TemplateTextDocument(TypedDict):
    """A template in one language."""

    language: str
    file: str
    subject: str
    text: str
    html: str | None
    is_shipped: bool


class TemplateFilesDocument(TypedDict):
    """A template's files as they stand."""

    name: str
    folder: str
    version: str
    texts: list[TemplateTextDocument]
    used_by: list[str]
    problems: list[str]


class FileChangeDocument(TypedDict):
    """One changed file."""

    file: str
    diff: list[str]


class ReachDocument(TypedDict):
    """Whom a trigger would mail if the change were kept."""

    preview: PreviewDocument | None
    due: list[DueDayDocument]
    token: Annotated[str, JsonSchema(description="Confirms what is shown, for ten minutes.")]


class ProposalDocument(TypedDict):
    """A change to a trigger or a template before it is made."""

    what: EditedThing
    name: str
    changes: list[FileChangeDocument]
    doubts: Annotated[list[str], JsonSchema(description="What may not be meant so.")]
    reach: ReachDocument | None


class TriggerEditDocument(TypedDict):
    """A change to a trigger or a template that was made."""

    id: IdText
    at: TimeText
    by: str
    what: EditedThing
    name: str
    changes: list[FileChangeDocument]


class SampleMailDocument(TypedDict):
    """A template's text for somebody."""

    language: str
    subject: str
    text: str
    html: str | None
    blank: list[str]


def due_day_document(day: DueDay) -> DueDayDocument:
    """Return the mail of one trigger on one day."""
    return {
        "trigger": day.trigger,
        "day": day.day.isoformat(),
        "mails": day.mails,
        "left_out": day.left_out,
        "people": [{"person": str(person), "name": name} for person, name in day.people],
    }


def file_change_document(change: FileChange) -> FileChangeDocument:
    """Return one changed file, with the lines that differ."""
    return {"file": change.file, "diff": list(change.diff())}


def trigger_edit_document(edit: TriggerEdit) -> TriggerEditDocument:
    """Return a change that was made, and by whom."""
    return {
        "id": ids.show(edit.id),
        "at": in_utc(edit.at),
        "by": edit.by,
        "what": edit.what,
        "name": edit.name,
        "changes": [file_change_document(change) for change in edit.changes],
    }


def reach_document(preview: Preview | None, days: Iterable[DueDay], token: str) -> ReachDocument:
    """Return whom a trigger would mail."""
    return {
        "preview": None if preview is None else preview_document(preview),
        "due": [due_day_document(day) for day in days],
        "token": token,
    }
