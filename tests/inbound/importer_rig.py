"""An importer, the candidates and staff it knows, its store and blobs in a folder."""

import atexit
import itertools
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import cache
from pathlib import Path

from gateway.core import ids
from gateway.core.bounces.bounce import KeptBounce
from gateway.core.bounces.suppressing import BounceRules
from gateway.core.bounces.unsubscribe import UnsubscribeLinks
from gateway.core.mail.address import lookup_form
from gateway.core.people.applications import Application, Programme
from gateway.core.people.history import HistoryEntry
from gateway.core.people.people import Person, PersonKind, PersonRef, Staff, Status, StatusKind
from gateway.core.replies.inbox import InboxRow, InboxState, Sighting
from gateway.core.sending.mail_wording import (
    IMPORTED,
    REFUSED,
    MailWording,
    WordingForm,
    parse_mail_wording,
)
from gateway.core.sending.outbox import OutboxRow
from gateway.core.signing import SigningKeys
from gateway.inbound.admission import Admission, sender_entries
from gateway.inbound.bounce_keeping import BounceSettings
from gateway.inbound.importer import FilingRules, ReplyImporter
from gateway.inbound.notices import NoticeSettings
from gateway.inbound.reading.readers import Readers
from gateway.inbound.verdict import Filed, ImportVerdict, MailOrigin, RawMail
from gateway.store.engine.blobs import Blobs
from gateway.store.engine.database import Database
from gateway.store.feed.feed import ImportTerms, feed
from gateway.store.people import history
from gateway.store.replies import inbox
from gateway.store.sending import outbox
from tests.inbound.mails import EVA, SERVER
from tests.rig.prepared import prepared_file

TEMPLATES = Path(__file__).parents[2] / "config" / "templates"
MAILBOX = MailOrigin(name="replies", trust="authentication-results", authserv_id=SERVER)
CANDIDATE = PersonRef(PersonKind.CANDIDATE, "17")
OTHER = PersonRef(PersonKind.CANDIDATE, "18")

BEGAN = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  #: When the tests begin.
RECORDS: Mapping[str, list[object]] = {
    "statuses": [
        Status(kind=StatusKind.APPLICATION, crm_id="open", name="Offen"),
        Status(kind=StatusKind.APPLICATION, crm_id="done", name="Beendet", closed=True),
    ],
    "staff": [
        Staff(crm_id="s1", name="Eva Bos", email=EVA, roles=("personnel_manager",), language="de"),
        Staff(crm_id="s2", name="Jan Smit", email="jan@office.example", roles=("department",)),
        Staff(crm_id="s3", name="Zoé", email="zoe@office.example", roles=("evaluator",)),
        Staff(crm_id="s4", name="Owner", email="owner@office.example", roles=(), language="fr"),
    ],
    "people": [
        Person(
            ref=CANDIDATE,
            first_name="Ann",
            last_name="Müller",
            emails=("ann@example.org", "ann.private@example.net"),
            owner="s4",
        ),
        Person(ref=OTHER, first_name="Bob", emails=("bob@example.org",), owner="s4"),
    ],
    "programmes": [Programme(crm_id="p1", name="Lehrkräfte 2026")],
    "applications": [
        Application(
            reference="4711",
            person=CANDIDATE,
            programme="p1",
            title="Lehrkraft Mathematik",
            status="open",
            responsible=("s1", "s2", "s3"),
        ),
        Application(reference="4712", person=CANDIDATE, programme="p1", status="done"),
        Application(reference="5000", person=OTHER, programme="p1", responsible=("s3",)),
    ],
}


#: Of mail whose links to unsubscribe are mails to `bounces+TOKEN@office.example`.
LINKS = UnsubscribeLinks(SigningKeys((b"k" * 32,)), address="bounces@office.example")


def take_in_records(database: Database) -> None:
    """Take in what the CRM tells before a test."""
    for what, records in RECORDS.items():
        _take_in(database, what, records, BEGAN)


def copy_fed(folder: Path) -> str:
    """Put a store that has all `RECORDS` into a folder; return its URL."""
    shutil.copy(_fed_file(), folder / "gateway.db")
    return f"sqlite:///{folder}/gateway.db"


@cache
def _fed_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="gateway-fed-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "gateway.db"
    shutil.copy(prepared_file(), file)
    database = Database(f"sqlite:///{file}")
    database.prepare()
    take_in_records(database)
    database.close()
    return file


def _take_in(database: Database, what: str, records: Sequence[object], now: datetime) -> None:
    with feed(database, what) as under_way:
        under_way.add(list(enumerate(records, 2)))
        under_way.apply(ImportTerms(source="crm", now=now))


class ImporterRig:
    """What the tests act on and look at, on a store that has all `RECORDS`."""

    def __init__(self, database: Database, folder: Path, readers: Readers) -> None:
        self.database = database
        self.folder = folder
        self.blobs = Blobs(f"file://{folder}/blobs")
        self.now = BEGAN
        self._ids = ids.IdSource(1)
        self._files = itertools.count(1)
        self._uids = itertools.count(1)
        self.verdicts: list[ImportVerdict] = []
        self.bounces_read: list[KeptBounce] = []
        self.importer = ReplyImporter(
            database,
            self.blobs,
            readers,
            rules=rules(),
            new_id=self.new_id,
            clock=lambda: self.now,
            on_verdict=lambda _, verdict: self.verdicts.append(verdict),
            on_bounce=self.bounces_read.append,
        )

    def new_id(self) -> int:
        return self._ids.next(ids.milliseconds_of(self.now))

    def later(self, **duration: float) -> None:
        """Let time pass."""
        self.now += timedelta(**duration)

    def feed(self, what: str, *records: object) -> None:
        """Take in records of one kind."""
        _take_in(self.database, what, records, self.now)

    def sighting(self, uid: int | None = None, uidvalidity: int = 1) -> Sighting:
        """Return a place in the mailbox; a new one unless it is named."""
        number = next(self._uids) if uid is None else uid
        return Sighting(mailbox="replies", folder="INBOX", uidvalidity=uidvalidity, uid=number)

    async def take(
        self,
        mail: EmailMessage | bytes,
        origin: MailOrigin = MAILBOX,
        sighting: Sighting | None = None,
    ) -> ImportVerdict:
        """Give the importer a mail as a mailbox does."""
        octets = mail if isinstance(mail, bytes) else mail.as_bytes()
        file = self.folder / f"mail-{next(self._files)}"
        file.write_bytes(octets)
        seen = replace(origin, sighting=sighting or self.sighting())
        verdict = await self.importer.take(RawMail(file=file, size=len(octets)), seen)
        file.unlink()
        return verdict

    async def filed(self, mail: EmailMessage | bytes) -> HistoryEntry:
        """Have a mail filed and return its entry."""
        verdict = await self.take(mail)
        assert isinstance(verdict, Filed), (verdict, self.mails())
        return self.entry(verdict.entry)

    def entry(self, number: int) -> HistoryEntry:
        with self.database.reading() as connection:
            found = history.by_id(connection, number)
        assert found is not None
        return found

    def entries(self, person: PersonRef = CANDIDATE) -> list[HistoryEntry]:
        """Return a person's entries, the newest first."""
        with self.database.reading() as connection:
            return history.of_person(connection, person)

    def mails(self, *states: InboxState) -> list[InboxRow]:
        """Return what the inbox has, the newest first."""
        with self.database.reading() as connection:
            return inbox.list_inbox(connection, states=states)

    def mail(self, number: int) -> InboxRow:
        with self.database.reading() as connection:
            found = inbox.by_id(connection, number)
        assert found is not None
        return found

    def notices(self) -> list[OutboxRow]:
        """Return what is to be sent, the oldest first."""
        with self.database.reading() as connection:
            return outbox.list_outbox(connection)[::-1]


def rules(*senders: str) -> FilingRules:
    """Return what the importer goes by."""
    return FilingRules(
        reference=r"(?P<reference>\d+)",
        zone="Europe/Berlin",
        admission=Admission(
            roles=frozenset(("personnel_manager",)), senders=sender_entries(senders)
        ),
        notice_settings=NoticeSettings(
            sender="gateway@office.example",
            hostname="gateway.office.example",
            language="nl",
            zone=UTC,
            imported=_letters("reply_imported", IMPORTED),
            refused=_letters("reply_refused", REFUSED),
            lookup=lookup_form,
            fallback_to="fallback@office.example",
            max_size=50_000_000,
            import_address="replies@office.example",
        ),
        origins={MAILBOX.name: MAILBOX},
        bounces=BounceSettings(lookup=lookup_form, rules=BounceRules(), links=LINKS),
    )


def _letters(name: str, wording: WordingForm) -> dict[str, MailWording]:
    files = sorted((TEMPLATES / name).glob("*.txt"))
    return {file.stem: parse_mail_wording(file.read_text(), file.stem, wording) for file in files}
