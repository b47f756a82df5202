"""Which one status a member of a campaign has."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ActivityType(StrEnum):
    """What a member can do; the later ones outrank the earlier ones (S2, "Status")."""

    BOUNCED = "bounced"
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"


RANK = {activity: rank for rank, activity in enumerate(ActivityType)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One thing a member of a campaign did."""

    type: ActivityType
    at: datetime  #: Aware, UTC.
    url: str = ""  #: The link that was clicked.
    bounce: str = ""  #: `hard` or `soft`, of a bounce.
    machine: bool = False  #: An open by a mail proxy that fetched the pictures ahead of the reader.
    reason: str = ""  #: Why somebody unsubscribed, in their own words.
    nth: int = 0  #: Which of the equal ones in a second, from 0: activities have no ids.


def member_status(
    activities: Iterable[Activity], *, count_machine_opens: bool = True
) -> ActivityType | None:
    """Return the highest activity of a member, None before the first (S2, "Status").

    Without `count_machine_opens` an open by a mail proxy leaves the status alone; such an open
    can come seconds before the hard bounce of the same mail.
    """
    counted = (
        activity.type for activity in activities if count_machine_opens or not activity.machine
    )
    return max(counted, key=RANK.__getitem__, default=None)
