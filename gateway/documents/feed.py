"""The feed: the result of a file, the state of each kind, and references that lead nowhere."""

from typing import TYPE_CHECKING, Annotated, NotRequired

from typing_extensions import TypedDict

from gateway.core.feed.references import ReferenceLead, UnderstoodBy
from gateway.core.moments import in_utc
from gateway.documents.fields import JsonSchema, TimeText

if TYPE_CHECKING:
    from gateway.store.feed.feed_faults import KindState, PastImport
    from gateway.store.feed.references.open_references import OpenText


class OpenReferenceDocument(TypedDict):
    """Something that rows of the feed refer to and that isn't known."""

    reference: Annotated[str, JsonSchema(description="people.status, memberships.group …")]
    kind: Annotated[str, JsonSchema(description="candidate, contact, application, or empty.")]
    id: str
    count: Annotated[int, JsonSchema(description="Rows that name it.")]
    since: TimeText
    examples: Annotated[list[str], JsonSchema(description="Some of those who bear it.")]


class FeedFaultDocument(TypedDict):
    """What is wrong with the last file of a kind."""

    file: str
    since: Annotated[
        TimeText, JsonSchema(description="When the first of an unbroken run of such files came.")
    ]
    at: TimeText
    problems: int
    failed: Annotated[bool, JsonSchema(description="None of it was taken in.")]
    reason: str


class KindStateDocument(TypedDict):
    """What a source last sent of a kind."""

    source: str
    kind: str
    at: TimeText | None
    fault: FeedFaultDocument | None


class PastImportDocument(TypedDict):
    """What an import did."""

    at: TimeText
    source: str
    kind: str
    file: str
    added: int
    changed: int
    removed: int
    unchanged: int
    suppressions_added: int
    suppressions_lifted: int
    problems: int
    is_held_back: Annotated[bool, JsonSchema(description="The guard let none of it through.")]


class RowProblemDocument(TypedDict):
    """What is wrong with a row, or with one field of it."""

    line: int
    text: str
    column: Annotated[str, JsonSchema(description="Empty: the row itself.")]
    value: str
    cure: str


class DuplicateDocument(TypedDict):
    """A key that occurs in a file more than once."""

    key: str
    lines: list[int]
    differs: Annotated[dict[str, str], JsonSchema(description="Columns in which the rows differ.")]


class ReferenceUseDocument(TypedDict):
    """A text that refers to something else but isn't the id of anything."""

    reference: str
    kind: str
    given: str
    lead: ReferenceLead
    rows: int
    line: int
    crm_id: Annotated[str, JsonSchema(description="What it is taken for.")]
    how: UnderstoodBy | None
    others: list[str]
    nearest: list[str]
    text: str


class IdleTagDocument(TypedDict):
    """A tag of a row that wasn't used as written."""

    line: int
    tag: str
    taken_for: str


class StillReferredDocument(TypedDict):
    """A status or group that keeps mail away and stays because people have it."""

    kind: str
    crm_id: str
    name: str
    people: int


class ShortfallDocument(TypedDict):
    """What of the feed has no effect, over all imports."""

    protected_without_address: int
    references_to_nothing: dict[str, int]
    unread_fields: dict[str, int]
    unread_since: TimeText | None


class ImportReportDocument(TypedDict):
    """The result of importing a file, or records over HTTP; `ImportReport.document` makes it."""

    kind: str
    file: NotRequired[Annotated[str, JsonSchema(description="Of a file that was given.")]]
    source: str
    at: TimeText
    replace: bool
    dry_run: bool
    records: Annotated[int, JsonSchema(description="Rows that could be read.")]
    added: int
    changed: int
    removed: int
    unchanged: int
    suppressions_added: int
    suppressions_lifted: int
    suppressions_held: int | None
    is_held_back: Annotated[bool, JsonSchema(description="The guard let none of it through.")]
    cut_off: str
    rows: int
    rows_before: int | None
    duplicates: list[DuplicateDocument]
    references: list[ReferenceUseDocument]
    reference_faults: dict[str, int]
    idle_tags: list[IdleTagDocument]
    unread_statuses: int
    still_referred: list[StillReferredDocument]
    duplicate_count: int
    truncated: Annotated[str, JsonSchema(description="Why the file isn't whole; empty: it is.")]
    nothing_removed: Annotated[
        bool, JsonSchema(description="What it lacks is kept: what that is can't be told from it.")
    ]
    problems: Annotated[list[RowProblemDocument], JsonSchema(description="The first thousand.")]
    problem_count: int
    remarks: list[str]
    shortfall: NotRequired[ShortfallDocument]


def open_reference_document(reference: "OpenText") -> OpenReferenceDocument:
    """Return an open reference, one that names something unknown."""
    return {
        "reference": reference.reference,
        "kind": reference.kind,
        "id": reference.given,
        "count": reference.uses,
        "since": in_utc(reference.since),
        "examples": list(reference.examples),
    }


def past_import_document(done: "PastImport") -> PastImportDocument:
    """Return the result of an import."""
    return {
        "at": in_utc(done.at),
        "source": done.source,
        "kind": done.what,
        "file": done.file,
        "added": done.added,
        "changed": done.changed,
        "removed": done.removed,
        "unchanged": done.unchanged,
        "suppressions_added": done.suppressions_added,
        "suppressions_lifted": done.suppressions_lifted,
        "problems": done.problems,
        "is_held_back": done.held_back,
    }


def kind_state_document(state: "KindState") -> KindStateDocument:
    """Return what a source last sent of a kind."""
    fault = state.fault
    return {
        "source": state.source,
        "kind": state.what,
        "at": in_utc(state.at),
        "fault": None
        if fault is None
        else {
            "file": fault.file,
            "since": in_utc(fault.since),
            "at": in_utc(fault.at),
            "problems": fault.problems,
            "failed": fault.failed,
            "reason": fault.reason,
        },
    }
