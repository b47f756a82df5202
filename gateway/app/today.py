"""Current mail flow and what waits for a person, for `gateway today`, the API and the console."""

from collections.abc import Callable
from datetime import datetime, timedelta

from gateway.api.services import TodayAdapter
from gateway.app.checks.current_findings import CurrentFindings
from gateway.documents.checks import FindingDocument
from gateway.documents.today import LightsDocument, TodayDocument, lights_document, today_document
from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.journal import message_lookup
from gateway.store.views import today as views
from gateway.store.views.today import QUARTER, QuarterHour

DAY = timedelta(days=1)
#: A quarter that ended this long ago no longer changes, except by late writes.
_SETTLED_AFTER = timedelta(minutes=20)
_COUNT_ANEW = timedelta(minutes=10)  #: Late writes are noticed after this long.


class CountedQuarters:
    """Counts the deliveries of a day; counts that no longer change are kept."""

    def __init__(self) -> None:
        self._kept_quarters: dict[datetime, QuarterHour] = {}
        self._kept_since: datetime | None = None

    def of_a_day(self, connection: StoreTransaction, now: datetime) -> list[QuarterHour]:
        """Return the quarters of 24 hours, including the one that has just begun."""
        until = views.quarter_of(now) + QUARTER
        first = until - DAY
        if self._kept_since is None or now - self._kept_since > _COUNT_ANEW:
            self._kept_quarters, self._kept_since = {}, now
        at = first
        quarters: list[QuarterHour] = []
        while at in self._kept_quarters:
            quarters.append(self._kept_quarters[at])
            at += QUARTER
        quarters += views.flow(connection, at, until)
        self._kept_quarters = {
            quarter.at: quarter
            for quarter in quarters
            if quarter.at + QUARTER + _SETTLED_AFTER < now
        }
        return quarters


def read_today(
    connection: StoreTransaction, now: datetime, counted: CountedQuarters | None = None
) -> TodayDocument:
    """Read the mail flow of 24 hours, what waits, and what is paused."""
    quarters = (counted or CountedQuarters()).of_a_day(connection, now)
    return today_document(
        quarters, views.undecided(connection, now), message_lookup.paused_mail(connection)
    )


class TodayAnswers(TodayAdapter):
    """Answers from the store, and from the last findings of `gateway check`."""

    def __init__(
        self, database: Database, findings: CurrentFindings, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._findings = findings
        self._clock = clock
        self._counted = CountedQuarters()

    async def today(self) -> TodayDocument:
        return await self._database.read(
            lambda connection: read_today(connection, self._clock(), self._counted)
        )

    def lights(self) -> LightsDocument:
        """Return the last findings; they are refreshed soon."""
        checked_at, findings = self._findings.last_findings()
        documents: list[FindingDocument] = [finding.document() for finding in findings]
        return lights_document(checked_at, documents)
