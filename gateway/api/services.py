"""What the API works with; `gateway.app` fills it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Protocol

from fastapi import Request

from gateway.core.errors import GatewayError
from gateway.core.note_template import NoteTemplate
from gateway.store.blobs import Blobs
from gateway.store.database import Database
from gateway.store.suppressed import SuppressedAddresses
from gateway.store.suppression import Standings


class FeedRefused(GatewayError):
    """What was told of people, groups … can't be taken in as it is; nothing of it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTerms:
    """On which terms records are taken in."""

    source: str  #: Who tells; owns what it brings.
    replace: bool = False
    remove: bool = False  #: The records are gone; only their keys count.
    lift: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of records."""

    report: Mapping[str, object]
    records: int
    is_held_back: bool  #: The guard let nothing of it through.


class FeedDoor(Protocol):
    """Takes in what the CRM tells, as `gateway import` does."""

    def kinds(self) -> Mapping[str, tuple[str, ...]]:
        """Return the columns of each kind of record."""

    def key(self, kind: str, text: str) -> Mapping[str, str]:
        """Return the columns that a path such as `candidate:17` stands for; else ValueError."""

    def take_in(self, kind: str, file: Path, terms: FeedTerms) -> Taken:
        """Take in a file; `FeedRefused` if it can't be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Something that happened to applications, told by the CRM."""

    references: tuple[str, ...]
    status: str | None  #: crm_id of the one they have now; None: as it was.
    by: str | None  #: The member of staff who gave it; None: the candidate submitted it.
    languages: tuple[str, ...]  #: Those the one who asks reads, the best first.
    is_partial: bool = False  #: Whether some are changed where not all can be.
    is_confirmed: bool = False  #: Whether staff were told who is mailed.
    token: str = ""  #: Of a preview staff were shown.
    dry_run: bool = False


Apply = Callable[[Any, Happened], Mapping[str, object]]


class HappenedNot(GatewayError):
    """What is told can't have happened: there is no such status, or nobody of that name.

    `more` are further members of the problem's document.
    """

    def __init__(self, text: str, more: Mapping[str, object] | None = None) -> None:
        super().__init__(text)
        self.more = more or {}


class ApplicationDoor(Protocol):
    """Keeps what happened to applications, and mails what is owed for it."""

    def open(self) -> Apply:
        """Return what works in a transaction, under the triggers of this moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What answers are made of."""

    database: Database
    blobs: Blobs
    feed: FeedDoor
    applications: ApplicationDoor
    standings: Callable[[], Standings]  #: Under the settings of this moment.
    suppressed: Callable[[], SuppressedAddresses]  #: The same.
    lookup: Callable[[str], str]
    zone: Callable[[], tzinfo]
    notes: Callable[[], Mapping[str, NoteTemplate]]  #: The wording of notes by language.
    #: Where staff forward replies to, each with what told it.
    import_addresses: Callable[[], Sequence[tuple[str, str]]]
    count_machine_opens: Callable[[], bool]
    clock: Callable[[], datetime]
    new_id: Callable[[], int]


def services(request: Request) -> Services:
    """Return what answers this request."""
    found: Services = request.app.state.services
    return found
