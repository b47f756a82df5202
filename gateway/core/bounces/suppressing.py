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
    apart: timedelta = timedelta(days=2)  #: Bounces of one bad day count once.
    within: timedelta = timedelta(days=90)


def scope_for(
    bounce: Bounce,
    earlier: Iterable[datetime],
    *,
    at: datetime,
    arrived: datetime | None,
    rules: BounceRules,
) -> Scope | None:
    """Return what of mail an address gets none of any more because of a bounce, or None.

    `earlier` are the moments of hard bounces of the address before this one, in any order;
    `arrived` is when mail to it last arrived, as far as is known. A complaint counts at once.
    """
    if bounce.kind in (BounceKind.COMPLAINT, BounceKind.OPT_OUT):
        return Scope.BULK
    if not bounce.is_hard:
        return None
    counted, last = 0, None
    for moment in sorted((*earlier, at), reverse=True):
        if at - moment > rules.within or (arrived is not None and moment <= arrived):
            break
        if last is None or last - moment >= rules.apart:
            counted, last = counted + 1, moment
    return Scope.ALL if counted >= rules.suppress_after else None
