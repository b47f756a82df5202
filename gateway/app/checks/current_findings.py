"""Findings of `gateway check` that can change by themselves: rechecked from time to time, and kept.

Queries are answered at once with the last finding, without calling anything. A check is repeated in
the background once its finding is some minutes old, or as soon as other activity (mail to a relay,
a mailbox that was read) contradicts it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from gateway import logs, metrics
from gateway.app.checks.check import check
from gateway.app.checks.findings import Finding, Level
from gateway.config import ConfigText, Settings

CHECK_AFTER = timedelta(minutes=10)
HEALTH_AFTER = timedelta(seconds=30)  #: Minimum interval between checks of the reported health.
#: Beginnings of findings that can change while the settings stay the same.
_CHANGING = frozenset(
    ("relay", "mailbox", "mailchimp", "store", "feed", "mail", "outbox", "bounces", "erasures")
)

log = logs.get("lights")


class CurrentFindings:
    """Keeps the findings; for one event loop."""

    def __init__(
        self,
        check_all: Callable[[], AsyncIterator[Finding]],
        health: Callable[[], object],
        clock: Callable[[], datetime],
    ) -> None:
        """`health`: what other activity shows; a different value is a reason to check again."""
        self._check_all, self._read_health, self._clock = check_all, health, clock
        self._findings: tuple[Finding, ...] = ()
        self._checked_at: datetime | None = None
        self._health: object = None
        self._health_read_at: datetime | None = None
        self._checking: asyncio.Task[None] | None = None

    def last_findings(self) -> tuple[datetime | None, tuple[Finding, ...]]:
        """Return the time of the last check (None: not yet) and the findings; errors first."""
        read_at = self._health_read_at
        is_due = read_at is None or self._clock() - read_at > HEALTH_AFTER
        if is_due and self._checking is None:
            self._health_read_at = self._clock()
            self._checking = asyncio.get_running_loop().create_task(self._check_if_due())
        return self._checked_at, self._findings

    async def wait_for_check(self) -> None:
        """Wait for a check in progress, if any."""
        if self._checking is not None:
            await asyncio.wait([self._checking])

    async def _check_if_due(self) -> None:
        try:
            health = await asyncio.to_thread(self._read_health)
            checked_at = self._checked_at
            is_old = checked_at is None or self._clock() - checked_at > CHECK_AFTER
            if not is_old and health == self._health:
                return
            self._health = health
            findings = [finding async for finding in self._check_all() if is_current(finding)]
        except Exception as error:  # No failure of a check may end the role, or later checks.
            log.error("lights_not_looked_at", reason=str(error))
        else:
            order = list(Level)
            findings.sort(key=lambda finding: order.index(finding.level), reverse=True)
            self._findings, self._checked_at = tuple(findings), self._clock()
        finally:
            self._checking = None


def is_current(finding: Finding) -> bool:
    """Whether a finding can change by itself, or is a problem."""
    what = finding.what.partition(" ")[0]
    return what in _CHANGING or finding.level is Level.ERROR


def findings_of(
    current: Callable[[], tuple[Settings, ConfigText]], clock: Callable[[], datetime]
) -> CurrentFindings:
    """Return the findings for the current settings, which `current` returns with their text."""
    return CurrentFindings(lambda: check(*current(), offline=False), _reported_health, clock)


def _reported_health() -> object:
    """Return the last state of relays, mailboxes and Mailchimp in all processes of this host."""
    return metrics.relay_health(), metrics.mailboxes_up(), metrics.mailchimp_health()
