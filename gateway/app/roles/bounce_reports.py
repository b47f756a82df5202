"""The daily report on what share of mail bounced, and the alert if it is too much."""

from datetime import timedelta

from gateway import logs
from gateway.app import common
from gateway.app.common import now
from gateway.app.wording import mail_wordings, shipped_wordings
from gateway.config import Settings
from gateway.core.bounces.bounce_report import BOUNCE_REPORT, html_of_report, values_of_report
from gateway.core.errors import GatewayError
from gateway.core.languages import in_language
from gateway.core.mail.address import domains_of
from gateway.core.mail.typed.typed_address import name_and_address
from gateway.core.sending.mail_wording import MailWording
from gateway.core.sending.notice import Notice, build
from gateway.core.sending.outbox import OutboxDraft
from gateway.store.bounces.bounce_shares import by_domain
from gateway.store.engine import done_once
from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.people import applications
from gateway.store.sending import outbox

TYPE = "bounce_report"
LOOK_EVERY = timedelta(minutes=10)
REPORT_HOUR = 6  #: A day's report is written from this hour on, in local time.
REPORTED = timedelta(days=7)

log = logs.get("sender")


class DailyBounceReport:
    """Writes one report a day, and logs excesses, however often the role starts or runs.

    If nobody is configured for reports, alarms go to the recipient of last resort.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last_day = ""
        self._ids = common.ids_of(database)

    async def write(self, settings: Settings) -> None:
        """Write today's report if it is due and not yet written."""
        local = now().astimezone(common.time_zone(settings))
        day = local.date().isoformat()
        if local.hour < REPORT_HOUR or day == self._last_day:
            return

        since = now() - REPORTED
        shares = await self._database.read(by_domain, since)
        alarms = [share for share in shares if share.is_alarming]
        wanted_by = settings.bounces.report_to or (settings.notices.fallback_to if alarms else "")
        _, recipient = name_and_address(wanted_by or "")
        draft: OutboxDraft | None = None
        if recipient and shares:
            number = self._ids.next()
            wording = await self._wording(settings, recipient)
            values = values_of_report(shares, wording, days=REPORTED.days)
            notice = Notice(
                id=number,
                at=local,
                sender=common.notifier(settings),
                hostname=common.host_name(),
                recipient=recipient,
                language=wording.language,
                subject=wording.head(values),
                text=wording.body(values),
                html=html_of_report(shares, wording, values),
            )
            draft = OutboxDraft(
                id=number,
                type=TYPE,
                key=f"{TYPE} {day}",
                recipient=recipient,
                body=build(notice),
                due=now(),
            )

        def write_once(connection: StoreTransaction) -> bool:
            present = now()
            is_first = done_once.is_first(
                connection, TYPE, day, now=present, until=present + REPORTED
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

    async def _wording(self, settings: Settings, recipient: str) -> MailWording:
        """Return the report's wording in its reader's language, like notes.

        That is the language on file, or else the one set for the domain, or that of the settings.
        If the operator's own wording can't be used, the log says so and the shipped one is used.
        """
        address = common.lookup(settings, recipient)
        staff = await self._database.read(applications.staff_at, address)
        try:
            wordings = mail_wordings(settings, TYPE, BOUNCE_REPORT)
        except (GatewayError, OSError) as fault:
            log.error("report_wording_unusable", reason=str(fault))
            wordings = shipped_wordings(TYPE, BOUNCE_REPORT)
        language_settings = settings.suppression
        languages = [member.language for member in staff]
        languages += [
            language_settings.languages[domain]
            for domain in domains_of(address)
            if domain in language_settings.languages
        ]
        return in_language(wordings, *languages, language_settings.language)
