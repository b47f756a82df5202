"""Triggers, the rules that mail on an event, and what an event defines.

Each event is a module in `events/` with everything specific to it: the people it selects, its
conditions, how late its mail may be sent, the keys of a trigger's file, the template values, and
its names and its line in docs/triggers.md. `events/registry.py` finds them. No other code
distinguishes events: it asks the event.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import ClassVar

from gateway.core.feed.unread_fields import APPLICATIONS, PEOPLE
from gateway.core.kinds import Kind
from gateway.core.triggers.occurrence_facts import OccurrenceFacts
from gateway.core.triggers.reasons import APPLICATION_GONE, OTHER_STATUS
from gateway.core.triggers.selection import DueSelection
from gateway.core.triggers.stored_dates import StoredDates
from gateway.core.triggers.values import ACTOR, APPLICATION, PERSON, TemplateValues

#: What a trigger requests to have the qualification's values in its template (S4, "zwingend").
QUALIFICATION_DATA = "qualification_data"

# Keys of a trigger's file that only some events have.
RECIPIENTS = "recipients"
APPLICATION_KEYS = ("programme", "status", "phase")
STORED_DATE_KEYS = ("dates", "yearly", "monthly")
BEFORE_SEND = "before_send"

# Recipients of mail about an application.
CANDIDATE = "candidate"
OWNER = "owner"
ACTING = "actor"
RESPONSIBLE = "responsible:"


class TriggerEvent(ABC):
    """What a trigger mails on (seeds S4 and S5); as text it is its name."""

    name: ClassVar[str]  #: As used in trigger files, the ledger and webhooks.
    place: ClassVar[int]  #: Its place among the events, in lists and in docs/triggers.md.
    title: ClassVar[Mapping[str, str]]  #: Its name for people, by language.
    summary: ClassVar[Mapping[str, str]]  #: Whom it mails and when, in a sentence, by language.
    #: The cells of its line in docs/triggers.md, after its name.
    documented: ClassVar[tuple[str, str]]
    subject: ClassVar[str] = PEOPLE  #: The kind of record its mail is about.
    kind: ClassVar[Kind]  #: The kind of its mail, unless the trigger sets it.
    #: How late its mail may be sent, unless the trigger sets it; None: as long as it makes sense.
    lateness: ClassVar[timedelta | None]
    #: Fields its mail depends on, by the kind of record they belong to: while one can't be read,
    #: the mail waits.
    deciding: ClassVar[Mapping[str, frozenset[str]]]
    #: A kind of record and a column without which nobody is ever mailed; None: no such column.
    needs: ClassVar[tuple[str, str] | None] = None
    keys: ClassVar[tuple[str, ...]] = ()  #: Which of the keys above it has.
    #: The template values it has beyond the person's.
    values: ClassVar[tuple[TemplateValues, ...]] = ()
    #: Further template values, if the trigger requests them by `before_send`.
    values_on_request: ClassVar[tuple[TemplateValues, ...]] = ()
    #: Reasons given by its conditions, by the key of their wording in `templates/trigger_report`;
    #: any other stays in English there.
    reasons: ClassVar[Mapping[str, str]] = {}

    def __str__(self) -> str:
        return self.name

    @property
    def is_of_application(self) -> bool:
        """Whether it is a change to an application; otherwise a day comes."""
        return self.subject == APPLICATIONS

    @property
    def goes_by_stored_dates(self) -> bool:
        """Whether it uses the dates stored in the trigger."""
        return STORED_DATE_KEYS[0] in self.keys

    @abstractmethod
    def unmet_condition(
        self, trigger: "Trigger", occurrence: str, facts: OccurrenceFacts, today: date
    ) -> str:
        """Return which of its conditions isn't met, for people; empty: all are.

        `facts` name a person. `occurrence` is the key of the ledger's row, `today` the local date.
        """

    def in_doubt(self, facts: OccurrenceFacts) -> str:
        """Return a value that is readable but may be a typo, so that mail waits; empty: none."""
        return ""


class DateEvent(TriggerEvent):
    """A day comes: the event selects who is mailed."""

    kind = Kind.BULK
    #: Whether a day is done once it was looked at, even if another person due that day is learnt of
    #: later.
    is_over_once_looked_at: ClassVar[bool] = False

    @abstractmethod
    def selections(self, trigger: "Trigger", first: date, today: date) -> Iterator[DueSelection]:
        """Yield the people it selects on the days from `first` to `today`."""

    def upcoming_selections(
        self, trigger: "Trigger", first: date, today: date, last: date
    ) -> Iterator[DueSelection]:
        """Yield the people it selects today, looking back to `first`, and on the days up to `last`.

        Anybody selected on one of these days alone is selected here, and nobody else.
        """
        return self.selections(trigger, first, last)

    def useless_from(self, facts: OccurrenceFacts) -> date | None:
        """Return the day on which its mail becomes useless; None if unknown."""
        return None


class ApplicationEvent(TriggerEvent):
    """A change to an application: mailed at once, to those the trigger names."""

    subject = APPLICATIONS
    kind = Kind.INDIVIDUAL
    lateness = timedelta(days=2)
    deciding = {APPLICATIONS: frozenset(("person", "programme", "status"))}
    keys = (RECIPIENTS, *APPLICATION_KEYS)
    values = (APPLICATION, ACTOR)
    reasons = {"application_gone": APPLICATION_GONE, "other_status": OTHER_STATUS}
    #: Whether the candidate makes it, and so knows about it; otherwise staff do, who must be shown
    #: who is mailed, and may undo it.
    by_candidate: ClassVar[bool]

    def unmet_condition(
        self, trigger: "Trigger", occurrence: str, facts: OccurrenceFacts, today: date
    ) -> str:
        """Return that the application is gone, or has another status than the trigger's."""
        known_application = facts.application
        if known_application is None:
            return APPLICATION_GONE
        if trigger.status not in ("", known_application.application.status):
            return OTHER_STATUS
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One file from the triggers' folder, checked."""

    name: str
    event: TriggerEvent
    template: str
    enabled: bool = True
    kind: Kind
    latest: timedelta | None  #: How late a mail may still be sent; None: as long as it makes sense.
    #: The topic people can unsubscribe from separately; empty: only from all mailings.
    topic: str = ""
    sender: str = ""  #: Empty: the same as for the gateway's own mail.
    report_to: str = ""  #: Empty: reports aren't mailed.
    report_empty: bool = False
    qualification_data: bool = False
    stored: StoredDates = field(default_factory=StoredDates)
    programme: str = ""  #: crm_id; empty: all.
    status: str = ""  #: crm_id; empty: any.
    recipients: tuple[str, ...] = ()
    initial_phase: bool = False  #: Only if the application's status is one of the first phase.

    @property
    def is_of_date(self) -> bool:
        """Whether it is triggered by a date."""
        return isinstance(self.event, DateEvent)

    @property
    def values(self) -> tuple[TemplateValues, ...]:
        """The values its template has."""
        asked_for = self.event.values_on_request if self.qualification_data else ()
        return (PERSON, *self.event.values, *asked_for)
