"""When a bounce suppresses an address."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.core.bounces.bounce import Bounce, BounceKind
from gateway.core.kinds import Scope


@dataclass(frozen=True, slots=True)
class BounceRules:
    """How many hard bounces suppress an address."""

    suppress_after: int = 2
    apart: timedelta = timedelta(days=2)  #: Several bounces on one bad day count as one.
    within: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class HardBounce:
    """A hard bounce of an address."""

    sent: datetime  #: When the message went out.
    came_back: datetime  #: When the bounce came in.
    report: str = ""  #: Identifies the bounce if it comes twice; empty: unknown.


def scope_for(
    bounce: Bounce,
    bounced: Iterable[HardBounce],
    *,
    arrived: datetime | None,
    rules: BounceRules,
) -> Scope | None:
    """Return the scope to suppress an address for because of a bounce, or None.

    `bounced` are the hard bounces of the address, including this one, in any order; `arrived` is
    when the last mail known to have arrived was sent: bounces of anything sent before it don't
    count, however late they come. A complaint counts at once.
    """
    if bounce.kind in (BounceKind.COMPLAINT, BounceKind.OPT_OUT):
        return Scope.BULK
    if not bounce.is_hard:
        return None
    moments: list[datetime] = []
    reports: set[str] = set()
    for hard in sorted(bounced, key=lambda hard: hard.came_back):
        is_repeated = hard.report in reports
        if not is_repeated and (arrived is None or hard.sent > arrived):
            moments.append(hard.came_back)
        reports.update({hard.report} - {""})
    moments.reverse()
    counted, last = 0, None
    for moment in moments:
        if moments[0] - moment > rules.within:
            break
        if last is None or last - moment >= rules.apart:
            counted, last = counted + 1, moment
    return Scope.ALL if counted >= rules.suppress_after else None
