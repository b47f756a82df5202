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

LOOK_AFTER = timedelta(minutes=10)
LISTEN_AFTER = timedelta(seconds=30)  #: Minimum interval between checks of what was heard.
#: Beginnings of findings that can change while the settings stay the same.
_CHANGING = frozenset(
    ("relay", "mailbox", "mailchimp", "store", "feed", "mail", "outbox", "bounces", "erasures")
)

log = logs.get("lights")
Look = Callable[[], AsyncIterator[Finding]]


class Lights:
    """Keeps the findings; for one event loop."""

    def __init__(self, look: Look, clock: Callable[[], datetime]) -> None:
        """`look` checks everything; `clock` returns the time."""
        self._look = look
        self._clock = clock
        self._findings: tuple[Finding, ...] = ()
        self._looked_at: datetime | None = None
        self._heard: object = None
        self._heard_at: datetime | None = None
        self._looking: asyncio.Task[None] | None = None

    def last_findings(self) -> tuple[datetime | None, tuple[Finding, ...]]:
        """Return the time of the last check (None: not yet) and the findings; errors first."""
        is_due = self._heard_at is None or self._clock() - self._heard_at > LISTEN_AFTER
        if is_due and self._looking is None:
            self._heard_at = self._clock()
            self._looking = asyncio.get_running_loop().create_task(self._look_if_due())
        return self._looked_at, self._findings

    async def wait_for_look(self) -> None:
        """Wait for a check in progress, if any."""
        if self._looking is not None:
            await asyncio.wait([self._looking])

    async def _look_if_due(self) -> None:
        try:
            heard = await asyncio.to_thread(_health_heard)
            is_old = self._looked_at is None or self._clock() - self._looked_at > LOOK_AFTER
            if not is_old and heard == self._heard:
                return
            self._heard = heard
            findings = [finding async for finding in self._look() if is_light(finding)]
        except Exception as error:  # No failure of a check may end the role, or later checks.
            log.error("lights_not_looked_at", reason=str(error))
        else:
            order = list(Level)
            findings.sort(key=lambda finding: order.index(finding.level), reverse=True)
            self._findings, self._looked_at = tuple(findings), self._clock()
        finally:
            self._looking = None


def is_light(finding: Finding) -> bool:
    """Whether a finding can change by itself, or is a problem."""
    what = finding.what.partition(" ")[0]
    return what in _CHANGING or finding.level is Level.ERROR


def lights_of(
    current: Callable[[], tuple[Settings, ConfigText]], clock: Callable[[], datetime]
) -> Lights:
    """Return the lights for the current settings, which `current` returns with their text."""
    return Lights(lambda: check(*current(), offline=False), clock)


def _health_heard() -> object:
    """Return what all processes of this host last heard of relays, mailboxes and Mailchimp."""
    return metrics.relay_health(), metrics.mailboxes_up(), metrics.mailchimp_health()
