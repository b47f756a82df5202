"""What a trigger would do: who would get which mail, who would not, and why."""

from dataclasses import dataclass
from datetime import date

from gateway.core.people.people import PersonRef
from gateway.core.triggers.reasons import WAITS


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewMail:
    """A mail that would be sent."""

    person: PersonRef
    about: str
    to: str
    subject: str
    text: str
    trigger: str
    recipient: str  #: Who it is: `candidate:17`, `staff:3`, or an address.
    name: str = ""  #: The recipient's.
    html: str = ""  #: As it would be sent, not sanitised; empty: there is none.
    blank: tuple[str, ...] = ()  #: Empty values the text uses: `person.first_name`.


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMailed:
    """Somebody a trigger selects or names who gets no mail now."""

    person: str  #: Who it is: `candidate:17`, `staff:3`, an address, or `responsible:manager`.
    name: str = ""
    about: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a trigger would do."""

    trigger: str
    mails: tuple[PreviewMail, ...]
    skipped: tuple[NotMailed, ...]
    warning: str = ""  #: Shown to people before they continue.

    @property
    def may_mail(self) -> bool:
        """Whether mail would be sent, now or as soon as the data it waits for arrives."""
        return bool(self.mails) or any(
            occurrence.reason.startswith(WAITS) for occurrence in self.skipped
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDay:
    """What one trigger will mail on one day."""

    trigger: str
    day: date
    mails: int
    left_out: int  #: Selected by the event, but not mailed at present.
    people: tuple[tuple[PersonRef, str], ...]  #: The first people to be mailed, with their names.
