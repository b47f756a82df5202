"""When what came back suppresses an address."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.core.bounces.bounce import Bounce, BounceKind
from gateway.core.kinds import Scope


@dataclass(frozen=True, slots=True)
class BounceRules:
    """After how many hard bounces an address is suppressed."""

    suppress_after: int = 2
    apart: timedelta = timedelta(days=2)  #: Mail of one bad day counts once.
    within: timedelta = timedelta(days=90)


def scope_for(
    bounce: Bounce,
    bounced: Iterable[datetime],
    *,
    arrived: datetime | None,
    rules: BounceRules,
) -> Scope | None:
    """Return what of mail an address gets none of any more because of a bounce, or None.

    `bounced` are the moments at which the messages went out that bounced hard, this one's among
    them, in any order; `arrived` is when mail went out that last arrived, as far as is known. All
    are of one clock. When a bounce comes in counts for nothing: it may be read days later than
    another, or twice, and mail of one day may be tried for five. A complaint counts at once.
    """
    if bounce.kind in (BounceKind.COMPLAINT, BounceKind.OPT_OUT):
        return Scope.BULK
    if not bounce.is_hard:
        return None
    moments = sorted(bounced, reverse=True)
    counted, last = 0, None
    for moment in moments:
        if moments[0] - moment > rules.within or (arrived is not None and moment <= arrived):
            break
        if last is None or last - moment >= rules.apart:
            counted, last = counted + 1, moment
    return Scope.ALL if counted >= rules.suppress_after else None
