"""What the API works with; `gateway.app` fills it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gateway.core.campaigns.campaign_report import CampaignPlotWords
from gateway.core.decision.classify import Rule
from gateway.core.decision.note_template import NoteTemplate
from gateway.core.errors import GatewayError
from gateway.core.feed.laid_aside import LaidAside
from gateway.core.people.people import PersonRef
from gateway.core.replies.inbox import InboxRow
from gateway.core.replies.inbox_reading import InboxReading
from gateway.store.campaigns.campaign_reports import CountedCampaigns
from gateway.store.engine.blobs import Blobs
from gateway.store.engine.database import Database
from gateway.store.people.suppressed import SuppressedAddresses
from gateway.store.people.suppression import Standings

if TYPE_CHECKING:  # Commands load this module, too, and not all documents.
    from gateway.core.campaigns.campaigns import CampaignRequest
    from gateway.core.decision.explanation import ExplainedMail
    from gateway.documents.campaigns import (
        CampaignAddedDocument,
        CampaignDoneDocument,
        CampaignPreparedDocument,
        CampaignRemovedDocument,
        CampaignReportDocument,
        CampaignSummaryDocument,
        FreshReportDocument,
        MailchimpAccountDocument,
        MailchimpTemplateDocument,
    )
    from gateway.documents.erasures import CertificateDocument
    from gateway.documents.explanations import ExplanationDocument
    from gateway.documents.today import LightsDocument, TodayDocument
    from gateway.documents.triggers.trigger_edits import (
        CalendarDocument,
        ProposalDocument,
        SampleMailDocument,
        TemplateFilesDocument,
        TemplateTextDocument,
        TriggerEditDocument,
        TriggerFileDocument,
    )
    from gateway.documents.triggers.triggers import (
        ChangeResultDocument,
        DoneDocument,
        PreviewDocument,
        TriggerDocument,
        TriggerRunDocument,
        TriggerWithRunsDocument,
        UnusableTriggerDocument,
        WaitingDocument,
    )

Told = Mapping[str, object]  #: A JSON document.


class FeedRefused(GatewayError):
    """A feed can't be taken in as it is; none of it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTerms:
    """On which terms records are taken in."""

    source: str  #: Who tells; owns what it brings.
    replace: bool = False
    remove: bool = False  #: The records are gone; only their keys count.
    lift: bool = False
    dry_run: bool = False
    refused: Path | None = (
        None  #: Where the rows that aren't taken in are written, if there are any.
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTaken:
    """What became of records."""

    report: Mapping[str, object]
    records: int
    is_held_back: bool  #: The guard let none of it through.


class FeedAdapter(Protocol):
    """Takes in what the CRM tells, as `gateway import` does."""

    def kinds(self) -> Mapping[str, tuple[str, ...]]:
        """Return the columns of each kind of record."""

    def key(self, kind: str, text: str) -> Mapping[str, str]:
        """Return the columns that a path such as `candidate:17` stands for; else ValueError."""

    def take_in(self, kind: str, file: Path, terms: FeedTerms) -> FeedTaken:
        """Take in a file; `FeedRefused` if it can't be."""

    def source(self) -> str:
        """Return who owns what people import by hand."""

    def folder(self) -> Path | None:
        """Return the folder whose files are imported by themselves; None: there is none."""

    def laid_aside(self, limit: int) -> Sequence[LaidAside]:
        """Return the files of that folder that were imported or refused last, the newest first."""

    def file_laid_aside(self, state: str, name: str) -> LaidAside | None:
        """Return one of them; None: there is none of that name."""

    def refused_rows(self, aside: LaidAside) -> bytes:
        """Return the rows of such a file that weren't taken in, as CSV; OSError: there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationNews:
    """Something that happened to applications, as the CRM tells it."""

    references: tuple[str, ...]
    status: str | None  #: crm_id of the one they have now; None: as it was.
    by: str | None  #: The member of staff who gave it; None: the candidate submitted it.
    languages: tuple[str, ...]  #: Those the one who asks reads, the best first.
    signed_in: str = ""  #: Who does it in the console, whom the CRM need not know.
    is_partial: bool = False  #: Whether some are changed where not all can be.
    is_confirmed: bool = False  #: Whether staff were told who is mailed.
    token: str = ""  #: The token of a preview that staff were shown.
    dry_run: bool = False


ApplyEvents = Callable[[Any, ApplicationNews], "ChangeResultDocument"]


class EventRefused(GatewayError):
    """What is told can't have happened: there is no such status, or nobody of that name.

    `more` are further members of the problem's document.
    """

    def __init__(self, text: str, more: Mapping[str, object] | None = None) -> None:
        super().__init__(text)
        self.more = more or {}


class ApplicationAdapter(Protocol):
    """Keeps what happened to applications, and mails what is owed for it."""

    def open(self) -> ApplyEvents:
        """Return what works in a transaction, under the triggers of this moment."""


class NotDone(GatewayError):
    """What is asked can't be done, or not now; told as a problem of this status."""

    def __init__(
        self,
        status: int,
        text: str,
        *,
        more: Mapping[str, object] | None = None,
        again_after: int | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status  #: Of HTTP: 404, 409, 422, 502, 503.
        self.more = dict(more or {})  #: Further members of the problem.
        self.again_after = again_after  #: Seconds; the same request may succeed then.


class CampaignActions(Protocol):
    """What is done with campaigns, as by `gateway campaigns`; for a thread.

    Each returns the documents of `--json`, without the members; `confirmed` is `--yes`. All raise
    `NotDone` and `NoSuchCampaign`.
    """

    def create(self, wanted: "CampaignRequest", *, confirmed: bool) -> "CampaignDoneDocument":
        """Keep a new campaign; `remarks` say what would keep it from being sent."""

    def add(
        self, number: int, *, people: Sequence[str], groups: Sequence[str], file: Path | None
    ) -> "CampaignAddedDocument":
        """Put people in, named by key, address, group or in a CSV file."""

    def remove(self, number: int, person: str) -> "CampaignRemovedDocument":
        """Take a person out, or everybody who has an address."""

    def prepare(self, number: int, *, confirmed: bool) -> "CampaignPreparedDocument":
        """Tell who is in and what would change at Mailchimp; nothing leaves."""

    def open(self, number: int, *, confirmed: bool) -> "CampaignDoneDocument":
        """Create it at Mailchimp, not sent; `remarks` say what is missing."""

    def send(self, number: int, *, confirmed: bool) -> "CampaignSummaryDocument":
        """Send it now."""

    def schedule(self, number: int, at: datetime, *, confirmed: bool) -> "CampaignSummaryDocument":
        """Schedule it for a quarter of an hour; without a zone, `at` is local."""

    def check_time(self, at: datetime) -> None:
        """Raise NotDone if nothing can be scheduled for a time, which is local without a zone."""

    def unschedule(self, number: int) -> "CampaignSummaryDocument":
        """Take it out of the schedule."""

    def delete(self, number: int) -> "CampaignSummaryDocument":
        """Delete it here and at Mailchimp."""

    def recreate(self, number: int, template: int | None) -> "CampaignDoneDocument":
        """Delete it and make it again with the same people."""

    def report(self, number: int) -> "FreshReportDocument":
        """Tell what became of one that was sent, having asked Mailchimp for what is new."""

    def known_report(self, number: int) -> "CampaignReportDocument":
        """Tell the same as it is known; Mailchimp isn't asked."""

    def plot(self, number: int, words: CampaignPlotWords | None = None) -> str:
        """Return the report over time as SVG; Mailchimp isn't asked.

        With words of a page's language it has a dark form, too, as the page has.
        """

    def activate(self) -> "Sequence[Mapping[str, str]]":
        """Find or make what campaigns need at Mailchimp; tell `did`, `what` and `text` of each."""

    def account(self) -> "MailchimpAccountDocument":
        """Tell what the account has and lacks, and when it was read."""

    def templates(self) -> "Sequence[MailchimpTemplateDocument]":
        """List the account's templates."""


class TriggerQuestions(Protocol):
    """What is asked of triggers, as by `gateway triggers`; for a thread.

    Each returns the documents of `--json`; all raise `NotDone`.
    """

    def listed(self) -> "tuple[Sequence[TriggerDocument], Sequence[UnusableTriggerDocument]]":
        """List the triggers, on and off; and those whose files can't be used, with why."""

    def by_name(self, name: str) -> "TriggerWithRunsDocument":
        """Show a trigger with its last runs."""

    def runs(self, name: str) -> "Sequence[TriggerRunDocument]":
        """List the last runs of a trigger, also of one whose file can't be used now."""

    def waiting(self) -> "WaitingDocument":
        """List the fields that mail waits for, and the mail."""

    def history(
        self, limit: int, *, since: datetime | None = None, before: int | None = None
    ) -> "Sequence[DoneDocument]":
        """List runs and changes of applications, the newest first, older than the id `before`."""

    def preview(self, name: str, day: date | None) -> "PreviewDocument":
        """Tell whom a date event would mail on a day, and whom not."""

    def preview_change(self, reference: str, status: str, by: str | None) -> "PreviewDocument":
        """Tell whom giving an application a status would mail, and whom not."""


class TodayAdapter(Protocol):
    """Tells what flows, what waits for a person, and whether everything is well."""

    async def today(self) -> "TodayDocument":
        """Return what flows and what waits."""

    def lights(self) -> "LightsDocument":
        """Return what `gateway check` found last; nothing is called meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateText:
    """A template in one language, as somebody writes it."""

    subject: str
    text: str
    html: str = ""  #: Empty: there is none.


class TriggerChanges(Protocol):
    """How triggers and templates are changed, as by `gateway triggers`; for a thread.

    A change names the `version` of what was read; an empty one makes something new, and a new
    trigger is off. All raise `NotDone`: 404, 409 where somebody else changed it meanwhile (with
    `now` and `yours` by file) or nobody has confirmed whom it would reach (with `reach`), 422 with
    the problems a line each (and as a list `problems`), 503 where the files can't be written.
    """

    def calendar(self, days: int) -> "CalendarDocument":
        """Tell what date events will mail in the next days, today first."""

    def triggers(self) -> "Sequence[TriggerFileDocument]":
        """List the triggers' files, those that can't be used with what is wrong."""

    def trigger(self, name: str) -> "TriggerFileDocument":
        """Show a trigger's file."""

    def trigger_file(self, name: str) -> str:
        """Return the path that a trigger's file has, or would have."""

    def propose_trigger(
        self, name: str, *, changes: Mapping[str, object] | None, text: str | None, version: str
    ) -> "ProposalDocument":
        """Check other values for some keys, or another text, and tell what it would do."""

    def keep_trigger(
        self,
        name: str,
        *,
        changes: Mapping[str, object] | None,
        text: str | None,
        version: str,
        by: str,
        token: str,
    ) -> "TriggerEditDocument | None":
        """Write it; None: nothing changes. `token` is that of the reach that was shown."""

    def templates(self) -> "Sequence[TemplateFilesDocument]":
        """List the templates, those that can't be used with what is wrong."""

    def template_names(self) -> Sequence[str]:
        """Name the templates there are."""

    def template(self, name: str) -> "TemplateFilesDocument":
        """Show a template's files."""

    def examples(self) -> Sequence[str]:
        """Name the templates that are shipped as examples."""

    def example(self, name: str) -> "Sequence[TemplateTextDocument]":
        """Show a shipped example."""

    def propose_template(
        self, name: str, texts: Mapping[str, TemplateText | None], *, version: str
    ) -> "ProposalDocument":
        """Check other texts for some languages; None takes one out."""

    def keep_template(
        self, name: str, texts: Mapping[str, TemplateText | None], *, version: str, by: str
    ) -> "TriggerEditDocument | None":
        """Write them; None: nothing changes."""

    def sample(self, language: str, text: TemplateText, person: str) -> "SampleMailDocument":
        """Show what a text says to a person; empty: to somebody made up."""

    def edits(
        self,
        *,
        what: str | None,
        name: str | None,
        since: datetime | None = None,
        before: int | None = None,
        limit: int,
    ) -> "Sequence[TriggerEditDocument]":
        """List what was changed and by whom, the newest first."""

    def undo(self) -> timedelta:
        """Return how long mail about a changed status waits, so that it can be taken back."""

    def held(self) -> str:
        """Tell why all triggered mail is held; empty: it isn't."""

    def hold(self, *, by: str, note: str) -> int:
        """Hold all triggered mail; return how many mails were due."""

    def resume(self) -> int:
        """Let go of what is held; return how many mails."""


class InboxActions(Protocol):
    """What is asked and decided of the inbox, as by `gateway inbox`.

    All raise `NotDone`; what decides raises `NoSuchMail` and `WrongInboxState`, too.
    """

    async def look(self, number: int) -> InboxReading:
        """Read a mail, with the applications it is likely about."""

    async def assign(self, number: int, reference: str) -> InboxRow:
        """File a mail at an application; return what became of it."""

    async def retry(self, number: int) -> InboxRow:
        """Try to file a mail again; return what became of it."""

    async def discard(self, number: int) -> InboxRow:
        """Give a mail up; return it as it is then."""

    async def close(self) -> None:
        """Let go of the process that reads mails."""


class PrivacyActions(Protocol):
    """What is done for the rights of a person, as by `gateway person`; for a thread.

    A person is meant by key, or by an address in lookup form that one person at most has. All
    raise `NotDone`.
    """

    def erase(
        self,
        wanted: PersonRef | str,
        *,
        by: str,
        mailchimp: str,
        with_files: bool,
        dry_run: bool,
    ) -> "CertificateDocument":
        """Erase a person, or tell what would go."""

    def export(self, wanted: PersonRef | str) -> Told:
        """Return all that is held of a person."""

    def export_archive(self, wanted: PersonRef | str) -> bytes:
        """Return the same as a zip archive with documents and mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """What answers are made of."""

    database: Database
    blobs: Blobs
    feed: FeedAdapter
    applications: ApplicationAdapter
    campaigns: CampaignActions
    campaign_counts: CountedCampaigns
    triggers: TriggerQuestions
    trigger_changes: TriggerChanges
    inbox: InboxActions
    privacy: PrivacyActions
    today: TodayAdapter
    explain: Callable[["ExplainedMail"], Awaitable["ExplanationDocument"]]  #: Raises `NotDone`.
    standings: Callable[[], Standings]  #: Under the settings of this moment.
    suppressed: Callable[[], SuppressedAddresses]  #: The same.
    rules: Callable[[], Sequence[Rule]]  #: That tell bulk mail, in their order.
    lookup: Callable[[str], str]
    zone: Callable[[], tzinfo]
    notes: Callable[[], Mapping[str, NoteTemplate]]  #: The wording of notes by language.
    #: By language, the words of why somebody got no triggered mail (`run_report.in_words`).
    run_words: Callable[[], Mapping[str, Mapping[str, str]]]
    #: Makes HTML safe to be shown within a page, where nothing in it leads elsewhere; empty: none
    #: of it can be.
    inert_html: Callable[[str], str]
    #: Where staff forward replies to, each with what told it.
    import_addresses: Callable[[], Sequence[tuple[str, str]]]
    count_machine_opens: Callable[[], bool]
    clock: Callable[[], datetime]
    new_id: Callable[[], int]
