"""Triggers: rules that mail on an event; and what an event says of itself.

Each event is a module of `events/` with all that is particular to it: whom it selects, its
conditions, how late its mail may leave, which keys of a trigger's file it takes, which values its
template has, and its line in docs/triggers.md. `events/registry.py` names them all. Nothing else
knows one event from another: it asks the event.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import ClassVar

from gateway.core.kinds import Kind
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.selection import DueSelection
from gateway.core.triggers.stored_dates import StoredDates
from gateway.core.triggers.unread_fields import APPLICATIONS, PEOPLE
from gateway.core.triggers.values import ACTOR, APPLICATION, PERSON, TemplateValues

#: What a trigger asks for to have the qualification's values in its template (S4, "zwingend").
QUALIFICATION_DATA = "qualification_data"

# Keys of a trigger's file that some events take only.
RECIPIENTS = "recipients"
APPLICATION_KEYS = ("programme", "status", "phase")
STORED_DATE_KEYS = ("dates", "yearly", "monthly")
BEFORE_SEND = "before_send"

# Recipients of mail about an application.
CANDIDATE = "candidate"
OWNER = "owner"
ACTING = "actor"
RESPONSIBLE = "responsible:"

#: Why somebody gets no mail on an event that asks for consent: a blank consent is no consent.
NO_CONSENT = "no consent to e-mail"
APPLICATION_GONE = "the application is gone"
OTHER_STATUS = "the application has another status now"


class TriggerEvent(ABC):
    """What a trigger mails on (seeds S4 and S5); as text it is its name."""

    name: ClassVar[str]  #: As trigger files, the ledger and webhooks have it.
    title: ClassVar[str]  #: As people call it; the console has it in every language.
    summary: ClassVar[str]  #: Whom it mails and when, in a sentence; as the title.
    #: The cells of its line in docs/triggers.md, behind its name.
    documented: ClassVar[tuple[str, str]]
    subject: ClassVar[str] = PEOPLE  #: The kind of record its mail is about.
    kind: ClassVar[Kind]  #: The kind of its mail, unless the trigger says.
    #: How late its mail may leave, where the trigger doesn't say; None: as long as it makes sense.
    lateness: ClassVar[timedelta | None]
    #: Fields that decide about its mail, by the kind of record that has them: while one can't be
    #: read, the mail waits.
    deciding: ClassVar[Mapping[str, frozenset[str]]]
    #: A kind of record and a column of it without which nobody is ever mailed; None: there is none.
    needs: ClassVar[tuple[str, str] | None] = None
    keys: ClassVar[tuple[str, ...]] = ()  #: Those of the keys above that it takes.
    values: ClassVar[tuple[TemplateValues, ...]] = ()  #: What its template has beside the person.
    #: What its template has besides where the trigger asks for it by `before_send`.
    values_on_request: ClassVar[tuple[TemplateValues, ...]] = ()
    #: Reasons its conditions give, by the key of their wording in `templates/trigger_report`; one
    #: that isn't here stays in English there.
    reasons: ClassVar[Mapping[str, str]] = {}

    def __str__(self) -> str:
        return self.name

    @property
    def is_of_application(self) -> bool:
        """Whether something is done to an application; else a day comes."""
        return self.subject == APPLICATIONS

    @property
    def goes_by_stored_dates(self) -> bool:
        """Whether it uses dates that are stored in the trigger."""
        return STORED_DATE_KEYS[0] in self.keys

    @abstractmethod
    def unmet(
        self, trigger: "Trigger", occurrence: str, facts: OccurrenceFacts, today: date
    ) -> str:
        """Return which of its conditions isn't met, for people; empty: all are.

        `facts` name a person. `occurrence` is what the ledger's row is keyed by, `today` the local
        day.
        """

    def in_doubt(self, facts: OccurrenceFacts) -> str:
        """Return which value, though it can be read, may be a slip; mail waits; empty: none is."""
        return ""


class DateEvent(TriggerEvent):
    """A day comes: the event selects who is mailed."""

    kind = Kind.BULK
    #: Whether a day is done once it was looked at, even if somebody due that day is known later.
    is_over_once_looked_at: ClassVar[bool] = False

    @abstractmethod
    def selections(self, trigger: "Trigger", first: date, today: date) -> Iterator[DueSelection]:
        """Yield whom it selects on the days from `first` to `today`."""

    def upcoming(
        self, trigger: "Trigger", first: date, today: date, last: date
    ) -> Iterator[DueSelection]:
        """Yield whom it selects today, looking back to `first`, and on the days up to `last`.

        Whoever is selected on one of these days alone is selected here, and nobody else.
        """
        return self.selections(trigger, first, last)

    def useless_from(self, facts: OccurrenceFacts) -> date | None:
        """Return the day from whose beginning on its mail is of no use; None: none is known."""
        return None


class ApplicationEvent(TriggerEvent):
    """Something is done to an application: mailed at once, to those the trigger names."""

    subject = APPLICATIONS
    kind = Kind.INDIVIDUAL
    lateness = timedelta(days=2)
    deciding = {APPLICATIONS: frozenset(("person", "programme", "status"))}
    keys = (RECIPIENTS, *APPLICATION_KEYS)
    values = (APPLICATION, ACTOR)
    reasons = {"application_gone": APPLICATION_GONE, "other_status": OTHER_STATUS}
    #: Whether the candidate does it, who knows what is done; else staff do, who must be shown who
    #: is mailed, and may undo it.
    by_candidate: ClassVar[bool]

    def unmet(
        self, trigger: "Trigger", occurrence: str, facts: OccurrenceFacts, today: date
    ) -> str:
        """Return that the application is gone, or has another status than the trigger's."""
        known = facts.application
        if known is None:
            return APPLICATION_GONE
        if trigger.status not in ("", known.application.status):
            return OTHER_STATUS
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One file of the triggers' folder, checked."""

    name: str
    event: TriggerEvent
    template: str
    enabled: bool = True
    kind: Kind
    latest: timedelta | None  #: How late a mail may still leave; None: as long as it makes sense.
    topic: str = ""  #: What people can unsubscribe from alone; empty: from all mailings only.
    sender: str = ""  #: Empty: that of the gateway's own mail.
    report_to: str = ""  #: Empty: reports stay inside.
    report_empty: bool = False
    qualification_data: bool = False
    stored: StoredDates = field(default_factory=StoredDates)
    programme: str = ""  #: crm_id; empty: every one.
    status: str = ""  #: crm_id; empty: any.
    recipients: tuple[str, ...] = ()
    initial_phase: bool = False  #: Only where the application's status is of the first phase.

    @property
    def is_of_date(self) -> bool:
        """Whether a day brings it about."""
        return isinstance(self.event, DateEvent)

    @property
    def values(self) -> tuple[TemplateValues, ...]:
        """What its template has."""
        asked_for = self.event.values_on_request if self.qualification_data else ()
        return (PERSON, *self.event.values, *asked_for)
