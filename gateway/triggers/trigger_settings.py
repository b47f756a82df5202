"""The settings of triggered mail, built from the config by the app."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from pathlib import Path

from gateway.core.bounces.unsubscribe import UnsubscribeLinks
from gateway.core.decision.note_template import NoteTemplate
from gateway.core.sending.mail_wording import MailWording
from gateway.store.people.suppression import Standings
from gateway.triggers.templates import CheckedTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSettings:
    """The settings of triggered mail, and the triggers themselves."""

    #: By name; including those switched off.
    checked_triggers: Mapping[str, CheckedTrigger]
    zone: tzinfo
    daily_at: time
    quiet_hours: tuple[time, time] | None
    sender: str  #: For mail of triggers without a sender; may have a display name.
    hostname: str
    language: str  #: For reports and notes.
    reports: Mapping[str, MailWording]  #: The wording of reports by language.
    note: NoteTemplate
    epoch_file: Path
    lookup: Callable[[str], str]  #: Returns an address in lookup form.
    standings: Standings
    links: UnsubscribeLinks | None = None  #: None: mail has no unsubscribe links.
    console_url: str = ""  #: The console's URL; empty if not set.
    undo: timedelta = timedelta(0)  #: How long mail about a changed status waits.
    once_per_address: bool = True  #: Whether a mailbox gets a trigger's mail of a day only once.
    unusable: frozenset[str] = frozenset()  #: Triggers whose files exist but can't be used.

    def day(self, now: datetime) -> date:
        """Return the local day."""
        return now.astimezone(self.zone).date()

    def active(self) -> list[CheckedTrigger]:
        """Return the triggers of date events that are switched on, by name."""
        checked_triggers = (self.checked_triggers[name] for name in sorted(self.checked_triggers))
        return [
            checked
            for checked in checked_triggers
            if checked.trigger.enabled and checked.trigger.is_of_date
        ]

    def switched_off(self) -> list[str]:
        """Return the names of the triggers of date events that are switched off."""
        return sorted(
            name
            for name, checked in self.checked_triggers.items()
            if checked.trigger.is_of_date and not checked.trigger.enabled
        )
