"""Data of an agency's CRM, campaigns, triggers and mailbox for the store, besides its mail.

This is as much as the console's lists and pages would have after some years, written by the
gateway's own functions. Multiples of a prime replace random numbers, so every run is the same.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from gateway.api.services import FeedTerms
from gateway.app.feed.feeding import StoreFeedAdapter
from gateway.config import Settings
from gateway.core.bounces.bounce import BounceKind, KeptBounce
from gateway.core.bounces.reason import Reason
from gateway.core.campaigns.activity import ReportedRecipient
from gateway.core.campaigns.campaigns import Campaign, CampaignState
from gateway.core.campaigns.counters import Counters
from gateway.core.campaigns.membership import LeftOutReason, MemberOut
from gateway.core.campaigns.precedence import Activity, ActivityType
from gateway.core.kinds import TAG_SCOPES
from gateway.core.people.people import PersonKind, PersonRef
from gateway.core.replies.inbox import AttentionReason, InboxRow, InboxState
from gateway.core.sending.outbox import OutboxDraft
from gateway.core.triggers.occurrence import DueOccurrence
from gateway.core.triggers.trigger_run import RunState, TriggerRun
from gateway.crm.folder.feed_folder import FeedFolder
from gateway.store.bounces import bounces
from gateway.store.campaigns import activities, campaign_members, campaign_syncs, campaigns
from gateway.store.campaigns.activities import ActivityCampaign
from gateway.store.campaigns.campaign_members import MemberToDecide
from gateway.store.engine.blobs import Blobs
from gateway.store.engine.database import Database
from gateway.store.replies import inbox
from gateway.store.sending import outbox
from gateway.store.triggers import ledger, trigger_runs
from tests.inbound.mails import forward, with_file

#: A person with a long timeline: a thousand messages, and something of every other type.
BUSY = "candidate:17"
BUSY_ADDRESS = "anna.lang@busy.example"
_FIRST = ("Anna", "Jan", "Piet", "Maria", "Sofie", "Luc", "Eva", "Tom")
_LAST = ("Jansen", "de Vries", "Müller", "Dubois", "Ash", "Bakker", "Smit", "Lang")
_STEP = 2_000
MAILS_OF_A_RUN = 10  #: Per run of a trigger.

Ids = Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The amounts of data."""

    people: int = 20_000
    applications: int = 40_000
    campaigns: int = 200
    members: int = 20_000  #: In the largest campaign; the others have a hundredth.
    triggers: int = 30
    runs: int = 20  #: Per trigger.
    mails: int = 500  #: In the inbox.
    files: int = 300  #: Imported from the folder.
    entries: int = 2_000  #: In the outbox.
    bounces: int = 100  #: Waiting for a decision.


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The examples that pages are opened for."""

    campaign: int  #: The largest.
    mail: int  #: In the inbox, with its original.
    entry: int  #: In the outbox.
    trigger: str  #: Also the name of its template.
    reference: str  #: Of an application.
    file: str  #: In the feed's folder, imported with refused rows.
    bounce: int  #: A mail with a bounce to decide on.


def changes(directory: Path) -> list[tuple[str, object]]:
    """Return the settings for the files of `fill`."""
    return [
        ("triggers", {"folder": str(directory / "triggers")}),
        ("templates", {"folder": str(directory / "templates")}),
        ("crm", {"folder": str(directory / "feed")}),
    ]


def fill(
    settings: Settings,
    database: Database,
    directory: Path,
    new_id: Ids,
    sizes: Sizes = Sizes(),
) -> Places:
    """Fill a store and the folders beside it, which the settings name (see `changes`)."""
    now = datetime.now(UTC)
    _feed(settings, database, directory, now, sizes)
    file = _imports(database, directory, sizes)
    campaign = _campaigns(database, new_id, now, sizes)
    trigger = _triggers(database, directory, new_id, now, sizes)
    mail = _inbox(database, Blobs(settings.store.blobs), new_id, sizes)
    entry = _outbox(database, new_id, now, sizes)
    bounce = _bounces(database, new_id, sizes)
    return Places(
        campaign=campaign,
        mail=mail,
        entry=entry,
        trigger=trigger,
        reference="R17",
        file=file,
        bounce=bounce,
    )


def address(number: int) -> str:
    """Return a candidate's address."""
    return BUSY_ADDRESS if f"candidate:{number}" == BUSY else f"p{number}@people.example"


def _ref(number: int) -> PersonRef:
    return PersonRef(PersonKind.CANDIDATE, str(number))


def _feed(
    settings: Settings, database: Database, directory: Path, now: datetime, sizes: Sizes
) -> None:
    adapter = StoreFeedAdapter(lambda: settings, database)
    today, count = now.date(), sizes.people

    def of_people() -> Iterator[str]:
        yield "kind,crm_id,first_name,last_name,emails,status,owner,language,birthday,consent_email"
        for n in range(1, count + 1):
            first, last = _FIRST[n % 8], f"{_LAST[n * 7919 % 8]} {n * 104_729 % 997}"
            born = date(1960, 1, 1) + timedelta(days=n * 7919 % 15_000)
            yield f"candidate,{n},{first},{last},{address(n)},{n % 5 + 1},s{n % 50},nl,{born},true"

    def of_applications() -> Iterator[str]:
        yield "reference,kind,person,programme,title,status,responsible,submitted_at"
        for n in range(1, sizes.applications + 1):
            at = today - timedelta(days=n * 7919 % 900)
            title = f"Nurse at ward {n * 7919 % 301}"
            yield f"R{n},candidate,{n % count + 1},p{n % 9},{title},{n % 6 + 10},s{n % 50},{at}"

    of_each: dict[str, Iterable[str]] = {
        "staff": (
            "crm_id,name,email,roles,language",
            *(f"s{n},Staff {n},staff{n}@office.example,personnel_manager,nl" for n in range(50)),
        ),
        "groups": (
            "crm_id,name,tag",
            "1,Geen bulk-mail,NoMailingsTag",
            *(f"{n},Group {n}," for n in range(2, 60)),
        ),
        "statuses": (
            "kind,crm_id,name,tag,initial,closed",
            *(f"candidate,{n},Status {n},,{n == 1},false" for n in range(1, 6)),
            *(f"application,{n},Step {n},,{n == 10},{n == 15}" for n in range(10, 16)),
        ),
        "programmes": ("crm_id,name", *(f"p{n},Programme {n}" for n in range(9))),
        "people": of_people(),
        "memberships": (
            "group,person",
            *(f"{n % 59 + 1},{n}" for n in range(1, count + 1)),
        ),
        "applications": of_applications(),
        "qualifications": (
            "crm_id,person,name,expires_on,notice_days",
            *(
                f"q{n},{n},First aid,{today + timedelta(days=n * 7919 % 700 - 100)},30"
                for n in range(1, count // 4)
            ),
        ),
    }
    for kind, lines in of_each.items():
        file = directory / f"{kind}.csv"
        file.write_text("\n".join(lines) + "\n")
        adapter.take_in(kind, file, FeedTerms(source="crm"))


def _imports(database: Database, directory: Path, sizes: Sizes) -> str:
    """Import files from the folder with one refused row in four; return the name of the last."""
    folder = directory / "feed"
    folder.mkdir()
    feed = FeedFolder(
        database, folder, source="crm", tag_scopes=TAG_SCOPES, clock=lambda: datetime.now(UTC)
    )
    name = ""
    for n in range(sizes.files):
        name = f"memberships-{n:03}.csv"
        rows = (f"{n % 58 + 2},{n * 7 + k + 1 if k % 4 else ''}" for k in range(8))
        (folder / name).write_text("\n".join(("group,person", *rows)) + "\n")
    for _ in range(2):  # A file must be unchanged since the last check.
        for _ in feed.import_settled():
            pass
    return name


def _campaigns(database: Database, new_id: Ids, now: datetime, sizes: Sizes) -> int:
    """Add campaigns, most of them sent; return the id of the largest, which is the newest."""
    largest = 0
    for n in range(sizes.campaigns):
        count = sizes.members if n == sizes.campaigns - 1 else sizes.members // 100
        is_sent = n % 10 != 3
        campaign = Campaign(
            id=new_id(),
            name=f"Vacatures, part {n}",
            state=CampaignState.SENT if is_sent else CampaignState.DRAFT,
            template=1,
            template_name="Newsletter",
            from_name="Office",
            from_address="office@office.example",
            audience="a1",
            mailchimp_id=f"m{n}" if is_sent else "",
            opened_at=now - timedelta(days=2),
            sent_at=now - timedelta(days=1) if is_sent else None,
        )
        largest = campaign.id
        with database.writing(durable=False) as connection:
            campaigns.put(connection, campaign)
        members = [(n * 97 + k) % sizes.people + 1 for k in range(count)]
        for start in range(0, count, _STEP):
            with database.writing(durable=False) as connection:
                _members(connection, campaign.id, members[start : start + _STEP], now)
        if is_sent:
            _activities(database, campaign, members, now)
    return largest


def _members(connection: object, campaign: int, members: list[int], now: datetime) -> None:
    decided = []
    for n in members:
        out = MemberOut(LeftOutReason.OPT_OUT) if n % 20 == 0 else None
        member = MemberToDecide(
            ref=_ref(n),
            added_at=now,
            is_known=True,
            email=address(n),
            address=address(n),
            has_unusable=False,
            opted_out=out is not None,
            unread="",
        )
        decided.append((member, out))
    campaign_members.add(connection, campaign, [_ref(n) for n in members], now)  # type: ignore[arg-type]
    campaign_members.keep_decisions(connection, campaign, decided)  # type: ignore[arg-type]


def _activities(database: Database, campaign: Campaign, members: list[int], now: datetime) -> None:
    """Have two in three open a mail (some twice), one in eight click, a few bounce or leave."""
    mailing = ActivityCampaign(
        id=campaign.id, mailchimp_id=campaign.mailchimp_id, audience="a1", name=campaign.name
    )
    start = now - timedelta(days=1)

    def of_member(n: int) -> Iterator[Activity]:
        at = start + timedelta(seconds=n * 7919 % 80_000)
        if n % 3:
            yield Activity(type=ActivityType.OPENED, at=at, machine=n % 7 == 0)
        if n % 6 == 1:
            yield Activity(type=ActivityType.OPENED, at=at + timedelta(hours=1))
        if n % 8 == 1:
            url = f"https://office.example/jobs/{n % 12}"
            yield Activity(type=ActivityType.CLICKED, at=at, url=url)
        if n % 60 == 0:
            yield Activity(type=ActivityType.BOUNCED, at=at, bounce="hard")
        if n % 90 == 1:
            yield Activity(type=ActivityType.UNSUBSCRIBED, at=at)

    seen = [
        ReportedRecipient(email=address(n), email_id=f"e{n}", activities=tuple(of_member(n)))
        for n in members
    ]
    for first in range(0, len(seen), _STEP):
        with database.writing(durable=False) as connection:
            activities.keep(connection, mailing, seen[first : first + _STEP], now=now)
    counters = Counters(sent=len(members), opens=len(members), clicks=len(members) // 8)
    with database.writing(durable=False) as connection:
        campaign_syncs.record_sync(
            connection,
            campaign.id,
            counters=counters,
            gaps={},
            until=now,
            synced_at=now,
            before=None,
            next_sync=now + timedelta(hours=1),
        )


def _triggers(database: Database, directory: Path, new_id: Ids, now: datetime, sizes: Sizes) -> str:
    """Write triggers with a template each, and add their runs and mails; return the last."""
    kinds = (
        'event = "birthday"',
        'event = "qualification_expiring"',
        'event = "set_date"\nyearly = ["03-01", "12-01"]',
    )
    name = ""
    for n in range(sizes.triggers):
        name = f"trigger-{n:02}"
        template = directory / "templates" / name
        template.mkdir(parents=True)
        for language in ("nl", "de"):
            text = f"Subject: News, number {n}\n\nAll the best.\n"
            (template / f"{language}.txt").write_text(text)
        (directory / "triggers").mkdir(exist_ok=True)
        text = f'enabled = true\nkind = "bulk"\ntemplate = "{name}"\n{kinds[n % 3]}\n'
        (directory / "triggers" / f"{name}.toml").write_text(text)
        with database.writing(durable=False) as connection:
            for day in range(sizes.runs, 0, -1):
                run = TriggerRun(
                    id=new_id(),
                    trigger=name,
                    day=now.date() - timedelta(days=day),
                    state=RunState.FINISHED,
                    due=MAILS_OF_A_RUN,
                    finished_at=now,
                )
                trigger_runs.begin(connection, run)
                dues = [
                    DueOccurrence(
                        id=new_id(),
                        trigger=name,
                        event="birthday",
                        person=_ref(17 if k == 0 else (n * 997 + day * 31 + k) % sizes.people + 1),
                        occurrence=str(run.day),
                        due_at=now - timedelta(days=day),
                    )
                    for k in range(run.due)
                ]
                hold = "far more than usual" if day == 1 and n % 3 == 0 else ""
                ledger.put(connection, dues, now=now, run=run.id, hold=hold)
    return name


def _inbox(database: Database, blobs: Blobs, new_id: Ids, sizes: Sizes) -> int:
    """Add forwards that wait for a decision, with their originals; return one in the middle."""
    rows = []
    for n in range(sizes.mails):
        subject = f"WG: AW: Your application {n}"
        raw = with_file(forward(subject=subject, said=f"R{n * 7 + 1} suits me.")).as_bytes()
        blobs.put_now(raw)
        rows.append(
            InboxRow(
                id=new_id(),
                content=sha256(raw).hexdigest(),
                size=len(raw),
                state=InboxState.NEEDS_ATTENTION,
                reason=AttentionReason.NO_REFERENCE,
                origin="import",
                sender="staff1@office.example",
                address="staff1@office.example",
                subject=subject,
            )
        )
    with database.writing(durable=False) as connection:
        for row in rows:
            inbox.put(connection, row)
    return rows[sizes.mails // 2].id


def _outbox(database: Database, new_id: Ids, now: datetime, sizes: Sizes) -> int:
    drafts = [
        OutboxDraft(
            id=new_id(),
            type="notice",
            key=f"notice-{n}",
            recipient=f"staff{n % 50}@office.example",
            body=b"Subject: a reply was filed\r\n\r\n" + b"It is in the history.\r\n" * 100,
            due=now + timedelta(days=1),
        )
        for n in range(sizes.entries)
    ]
    with database.writing(durable=False) as connection:
        outbox.put_all(connection, drafts)
    return drafts[-1].id


def _bounces(database: Database, new_id: Ids, sizes: Sizes) -> int:
    """Add bounces that name no message of the gateway's; return the last."""
    kept = [
        KeptBounce(
            inbox=new_id(),
            position=0,
            message=None,
            proof=None,
            kind=BounceKind.BOUNCE,
            address=address(n * 131 + 2),
            recipient=address(n * 131 + 2),
            action="failed",
            status="5.1.1",
            diagnostic="550 5.1.1 user unknown",
            reason=Reason.USER_UNKNOWN,
            hard=True,
        )
        for n in range(sizes.bounces)
    ]
    with database.writing(durable=False) as connection:
        for bounce in kept:
            bounces.add(connection, [bounce])
    return kept[-1].inbox
