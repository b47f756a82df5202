"""The daily report of what share of mail came back, and the alert where it is too much."""

from collections.abc import Sequence
from datetime import timedelta
from email.utils import parseaddr

from gateway import logs
from gateway.app import common
from gateway.app.common import now
from gateway.config import Settings
from gateway.core.sending.notice import Notice, build
from gateway.core.sending.outbox import OutboxDraft
from gateway.store.bounces.bounce_shares import BounceShare, by_domain
from gateway.store.engine import leases
from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.sending import outbox

TYPE = "bounce_report"
LOOK_EVERY = timedelta(minutes=10)
REPORT_HOUR = 6  #: From when on a day's report is written, in local time.
REPORTED = timedelta(days=7)
_MOST_LINES = 50
_BAR = 40  #: Signs of a bar for all mail.

log = logs.get("sender")


class DailyBounceReport:
    """Writes a report a day, and logs what is too much, however often the role starts or runs.

    Where nobody is named for reports, whoever is told of what nobody else is hears of alarms.
    """

    def __init__(self, database: Database, holder: str) -> None:
        self._database = database
        self._holder = holder
        self._last_day = ""
        self._ids = common.Ids()

    async def write(self, settings: Settings) -> None:
        """Write today's report if it is due and nobody has."""
        local = now().astimezone(common.time_zone(settings))
        day = local.date().isoformat()
        if local.hour < REPORT_HOUR or day == self._last_day:
            return

        since = now() - REPORTED
        shares = await self._database.read(lambda connection: by_domain(connection, since))
        alarms = [share for share in shares if share.is_alarming]
        wanted_by = settings.bounces.report_to or (settings.notices.fallback_to if alarms else "")
        _, recipient = parseaddr(wanted_by or "")
        draft: OutboxDraft | None = None
        if recipient and shares:
            number = self._ids.next()
            subject = "Bounces and complaints of the last 7 days"
            notice = Notice(
                id=number,
                at=local,
                sender=common.notifier(settings),
                hostname=common.host_name(),
                recipient=recipient,
                language="en",
                subject=f"{subject}: too many" if alarms else subject,
                text=report_text(shares),
            )
            draft = OutboxDraft(
                id=number,
                type=TYPE,
                key=f"{TYPE} {day}",
                recipient=recipient,
                body=build(notice),
                due=now(),
            )

        tomorrow = local.replace(hour=REPORT_HOUR, minute=0, second=0) + timedelta(days=1)

        def write_once(connection: StoreTransaction) -> bool:
            # The lease outlives the process: whoever starts anew today, even under the same
            # name (the same number in a new container), has nothing to tell.
            if (leases.holder_of(connection, TYPE) or "").startswith(day):
                return False
            until = tomorrow - local
            is_first = leases.take(
                connection, TYPE, f"{day} {self._holder}", now(), until, is_gone=lambda _: False
            )
            if is_first and draft is not None:
                outbox.put(connection, draft)
            return is_first

        is_first = await self._database.write(write_once)
        self._last_day = day
        for share in alarms if is_first else ():
            log.error(
                "too_much_comes_back",
                sender=share.sender,
                receiver=share.receiver,
                sent=share.sent,
                bounced=share.bounced,
                complaints=share.complaints,
            )


def report_text(shares: Sequence[BounceShare]) -> str:
    """Return the report: what is too much, then a line and a bar for each pair of domains."""
    lines = [
        f"Look at {share.sender} to {share.receiver}: {share.alarm}"
        for share in shares
        if share.is_alarming
    ]
    lines += [""] if lines else []
    lines.append(f"{'from':24} {'to':24} {'sent':>8} {'bounced':>8} {'complaints':>10}  rate")
    for share in shares[:_MOST_LINES]:
        bar = "#" * round(share.bounce_rate * _BAR)
        lines.append(
            f"{share.sender:24} {share.receiver:24} {share.sent:8} {share.bounced:8} "
            f"{share.complaints:10}  {share.bounce_rate:.1%} {bar}"
        )
    if len(shares) > _MOST_LINES:
        lines.append(f"… and {len(shares) - _MOST_LINES} more: gateway bounces report")
    lines += ["", "What came back: gateway bounces list"]
    return "\n".join(lines)
