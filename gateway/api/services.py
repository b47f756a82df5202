"""What the API works with; `gateway.app` provides it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gateway.core.campaigns.campaign_report import CampaignPlotWords
from gateway.core.decision.note_template import NoteTemplate
from gateway.core.decision.rule import Rule
from gateway.core.errors import GatewayError
from gateway.core.feed.laid_aside import LaidAside
from gateway.core.languages import AcceptedLanguages
from gateway.core.people.people import RefOrAddress
from gateway.core.replies.inbox import InboxRow
from gateway.core.replies.inbox_reading import InboxReading
from gateway.store.campaigns.campaign_reports import CountedCampaigns
from gateway.store.engine.blobs import Blobs
from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.people.suppressed import SuppressedAddresses
from gateway.store.people.suppression import Standings

if TYPE_CHECKING:  # Commands load this module, too, but not all documents.
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
    """A feed can't be imported as it is; none of it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTerms:
    """The terms for importing records."""

    source: str  #: The sender, who owns the records.
    replace: bool = False
    remove: bool = False  #: The records are to be deleted; only their keys count.
    lift: bool = False
    dry_run: bool = False
    #: They are a file of its own; what is wrong with it is told until the next one is taken whole.
    is_file: bool = False
    refused: Path | None = None  #: Where rows that aren't imported are written, if any.


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTaken:
    """The result of an import."""

    report: Mapping[str, object]
    records: int
    is_held_back: bool  #: The guard held all of it back.


class FeedAdapter(Protocol):
    """Imports the CRM's records, as `gateway import` does."""

    def kinds(self) -> Mapping[str, tuple[str, ...]]:
        """Return the columns of each kind of record."""

    def key(self, kind: str, text: str) -> Mapping[str, str]:
        """Return the columns a path such as `candidate:17` represents; else ValueError."""

    def take_in(self, kind: str, file: Path, terms: FeedTerms) -> FeedTaken:
        """Import a file; `FeedRefused` if it can't be."""

    def source(self) -> str:
        """Return the owner of what people import by hand."""

    def folder(self) -> Path | None:
        """Return the folder whose files are imported automatically; None if there is none."""

    def laid_aside(self, limit: int) -> Sequence[LaidAside]:
        """Return the files in that folder imported or refused last, newest first."""

    def file_laid_aside(self, state: str, name: str) -> LaidAside | None:
        """Return one of them; None if there is none with that name."""

    def refused_rows(self, aside: LaidAside) -> bytes:
        """Return the rows of such a file that weren't imported, as CSV; OSError if none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationNews:
    """An event of applications, as reported by the CRM."""

    references: tuple[str, ...]
    status: str | None  #: crm_id of the new one; None: unchanged.
    by: str | None  #: The member of staff who set it; None: the candidate submitted it.
    languages: AcceptedLanguages  #: The client's.
    signed_in: str = ""  #: The console's user, who need not be in the CRM.
    is_partial: bool = False  #: Whether to change some if not all can be.
    is_confirmed: bool = False  #: Whether staff were shown who is mailed.
    token: str = ""  #: The token of a preview that staff were shown.
    dry_run: bool = False


ApplyEvents = Callable[[StoreTransaction, ApplicationNews], "ChangeResultDocument"]


class EventRefused(GatewayError):
    """The event can't have happened: there is no such status, or nobody with that name.

    `more` are further members of the problem's document.
    """

    def __init__(self, text: str, more: Mapping[str, object] | None = None) -> None:
        super().__init__(text)
        self.more = more or {}


class ApplicationAdapter(Protocol):
    """Stores events of applications, and sends the mail owed for them."""

    def open(self) -> ApplyEvents:
        """Return what works within a transaction, using the current triggers."""


class NotDone(GatewayError):
    """What was requested can't be done, or not now; reported as a problem with this status."""

    def __init__(
        self,
        status: int,
        text: str,
        *,
        more: Mapping[str, object] | None = None,
        again_after: int | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status  #: HTTP's: 404, 409, 422, 502, 503.
        self.more = dict(more or {})  #: Further members of the problem.
        self.again_after = again_after  #: Seconds; the same request may succeed then.


class CampaignActions(Protocol):
    """Actions on campaigns, as in `gateway campaigns`; call them in a thread.

    Each returns the documents of `--json`, without the members; `confirmed` is `--yes`. All raise
    `NotDone` and `NoSuchCampaign`.
    """

    def create(self, new_campaign: "CampaignRequest", *, confirmed: bool) -> "CampaignDoneDocument":
        """Create a new campaign; `remarks` say what would keep it from being sent."""

    def add(
        self, number: int, *, people: Sequence[str], groups: Sequence[str], file: Path | None
    ) -> "CampaignAddedDocument":
        """Add people, named by key, address, group or in a CSV file."""

    def remove(self, number: int, person: str) -> "CampaignRemovedDocument":
        """Remove a person, or everybody who has an address."""

    def prepare(self, number: int, *, confirmed: bool) -> "CampaignPreparedDocument":
        """Return who is in and what would change at Mailchimp; nothing is sent."""

    def open(self, number: int, *, confirmed: bool) -> "CampaignDoneDocument":
        """Create it at Mailchimp, unsent; `remarks` say what is missing."""

    def send(self, number: int, *, confirmed: bool) -> "CampaignSummaryDocument":
        """Send it now."""

    def schedule(self, number: int, at: datetime, *, confirmed: bool) -> "CampaignSummaryDocument":
        """Schedule it for a quarter of an hour; without a zone, `at` is local."""

    def check_time(self, at: datetime) -> None:
        """Raise NotDone if nothing can be scheduled for a time, which is local without a zone."""

    def unschedule(self, number: int) -> "CampaignSummaryDocument":
        """Unschedule it."""

    def delete(self, number: int) -> "CampaignSummaryDocument":
        """Delete it here and at Mailchimp."""

    def recreate(self, number: int, template: int | None) -> "CampaignDoneDocument":
        """Delete it and create it again with the same people."""

    def report(self, number: int) -> "FreshReportDocument":
        """Return the results of a sent campaign, after reading new activities from Mailchimp."""

    def known_report(self, number: int) -> "CampaignReportDocument":
        """Return the results as known, without calling Mailchimp."""

    def plot(self, number: int, words: CampaignPlotWords | None = None) -> str:
        """Return the report over time as SVG, without calling Mailchimp.

        With the words of a page's language it also has a dark form, like the page.
        """

    def activate(self) -> "Sequence[Mapping[str, str]]":
        """Find or create what campaigns need at Mailchimp; return `did`, `what`, `text` of each."""

    def account(self) -> "MailchimpAccountDocument":
        """Return what the account has and lacks, and when it was read."""

    def templates(self) -> "Sequence[MailchimpTemplateDocument]":
        """List the account's templates."""


class TriggerQuestions(Protocol):
    """Queries about triggers, as in `gateway triggers`; call them in a thread.

    Each returns the documents of `--json`; all raise `NotDone`.
    """

    def list_triggers(
        self,
    ) -> "tuple[Sequence[TriggerDocument], Sequence[UnusableTriggerDocument]]":
        """List the triggers, on and off, and those whose files can't be used, with the reason."""

    def by_name(self, name: str) -> "TriggerWithRunsDocument":
        """Return a trigger with its last runs."""

    def runs(self, name: str) -> "Sequence[TriggerRunDocument]":
        """List the last runs of a trigger, even if its file currently can't be used."""

    def list_waiting_mail(self) -> "WaitingDocument":
        """List the fields that mail waits for, and the mail."""

    def history(
        self, limit: int, *, since: datetime | None = None, before: int | None = None
    ) -> "Sequence[DoneDocument]":
        """List runs and changes of applications, newest first, older than the id `before`."""

    def preview(self, name: str, day: date | None) -> "PreviewDocument":
        """Return whom a date event would mail on a day, and whom not."""

    def preview_change(self, reference: str, status: str, by: str | None) -> "PreviewDocument":
        """Return whom changing an application's status would mail, and whom not."""


class TodayAdapter(Protocol):
    """Reports mail flow, what waits for a person, and health."""

    async def today(self) -> "TodayDocument":
        """Return mail flow and what waits."""

    def lights(self) -> "LightsDocument":
        """Return the latest findings of `gateway check`, without checking anything now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateText:
    """A template in one language, as somebody writes it."""

    subject: str
    text: str
    html: str = ""  #: Empty: there is none.


class TriggerChanges(Protocol):
    """Changes to triggers and templates, as in `gateway triggers`; call them in a thread.

    A change names the `version` of what was read; an empty one creates something new, and a new
    trigger is off. All raise `NotDone`: 404; 409 if somebody else changed it meanwhile (with `now`
    and `yours` by file) or nobody has confirmed whom it would reach (with `reach`); 422 with one
    problem per line (and a list `problems`); 503 if the files can't be written.
    """

    def calendar(self, days: int) -> "CalendarDocument":
        """Return what date events will mail in the next days, today first."""

    def triggers(self) -> "Sequence[TriggerFileDocument]":
        """List the triggers' files, unusable ones with their faults."""

    def trigger(self, name: str) -> "TriggerFileDocument":
        """Return a trigger's file."""

    def trigger_file(self, name: str) -> str:
        """Return the path a trigger's file has, or would have."""

    def propose_trigger(
        self, name: str, *, changes: Mapping[str, object] | None, text: str | None, version: str
    ) -> "ProposalDocument":
        """Check new values for some keys, or a new text, and return what it would do."""

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
        """Write it; None if nothing changes. `token` belongs to the reach that was shown."""

    def templates(self) -> "Sequence[TemplateFilesDocument]":
        """List the templates, unusable ones with their faults."""

    def template_names(self) -> Sequence[str]:
        """Return the names of the templates."""

    def template(self, name: str) -> "TemplateFilesDocument":
        """Return a template's files."""

    def examples(self) -> Sequence[str]:
        """Return the names of the shipped example templates."""

    def example(self, name: str) -> "Sequence[TemplateTextDocument]":
        """Return a shipped example."""

    def propose_template(
        self, name: str, texts: Mapping[str, TemplateText | None], *, version: str
    ) -> "ProposalDocument":
        """Check new texts for some languages; None removes one."""

    def keep_template(
        self, name: str, texts: Mapping[str, TemplateText | None], *, version: str, by: str
    ) -> "TriggerEditDocument | None":
        """Write them; None if nothing changes."""

    def sample(self, language: str, text: TemplateText, person: str) -> "SampleMailDocument":
        """Return what a text says to a person; without one, to somebody made up."""

    def edits(
        self,
        *,
        what: str | None,
        name: str | None,
        since: datetime | None = None,
        before: int | None = None,
        limit: int,
    ) -> "Sequence[TriggerEditDocument]":
        """List changes and who made them, newest first."""

    def undo_period(self) -> timedelta:
        """Return how long mail about a changed status waits, so that it can be taken back."""

    def why_held(self) -> str:
        """Return why all triggered mail is held; empty if it isn't."""

    def hold(self, *, by: str, note: str) -> int:
        """Hold all triggered mail; return how many mails were due."""

    def resume(self) -> int:
        """Release held mail; return how many mails."""


class InboxActions(Protocol):
    """Queries and decisions about the inbox, as in `gateway inbox`.

    All raise `NotDone`; decisions also raise `NoSuchMail` and `WrongInboxState`.
    """

    async def read_mail(self, number: int) -> InboxReading:
        """Read a mail, with the applications it is probably about."""

    async def assign(self, number: int, reference: str) -> InboxRow:
        """File a mail to an application; return the result."""

    async def retry(self, number: int) -> InboxRow:
        """Try to file a mail again; return the result."""

    async def discard(self, number: int) -> InboxRow:
        """Discard a mail; return its new state."""

    async def close(self) -> None:
        """End the process that reads mails."""


class PrivacyActions(Protocol):
    """Actions for a person's rights, as in `gateway person`; call them in a thread.

    A person is given by key, or by an address in lookup form that at most one person has. All raise
    `NotDone`.
    """

    def erase(
        self,
        ref_or_address: RefOrAddress,
        *,
        by: str,
        mailchimp: str,
        with_files: bool,
        dry_run: bool,
    ) -> "CertificateDocument":
        """Erase a person, or return what would be erased."""

    def export(self, ref_or_address: RefOrAddress) -> Told:
        """Return all data held on a person."""

    def export_archive(self, ref_or_address: RefOrAddress) -> bytes:
        """Return the same as a zip archive with documents and mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """What answers are made from."""

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
    standings: Callable[[], Standings]  #: Under the current settings.
    suppressed: Callable[[], SuppressedAddresses]  #: The same.
    rules: Callable[[], Sequence[Rule]]  #: The rules for bulk mail, in order.
    lookup: Callable[[str], str]
    zone: Callable[[], tzinfo]
    notes: Callable[[], Mapping[str, NoteTemplate]]  #: The wording of notes by language.
    #: By language, the words for why somebody got no triggered mail (`run_report.in_words`).
    run_words: Callable[[], Mapping[str, Mapping[str, str]]]
    #: Makes HTML safe to show within a page, with all links disabled; empty if none of it can be
    #: shown.
    inert_html: Callable[[str], str]
    #: Where staff forward replies to, each with the setting it comes from.
    import_addresses: Callable[[], Sequence[tuple[str, str]]]
    count_machine_opens: Callable[[], bool]
    clock: Callable[[], datetime]
    new_id: Callable[[], int]
