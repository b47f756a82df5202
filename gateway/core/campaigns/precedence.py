"""How a campaign member's one status is chosen."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ActivityType(StrEnum):
    """What a member can do; later ones outrank earlier ones (S2, "Status")."""

    BOUNCED = "bounced"
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"


RANK = {activity: rank for rank, activity in enumerate(ActivityType)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One thing a campaign member did."""

    type: ActivityType
    at: datetime  #: Aware, UTC.
    url: str = ""  #: The link that was clicked.
    bounce: str = ""  #: `hard` or `soft`, for a bounce.
    machine: bool = False  #: An open by a mail proxy that fetched the images before the reader did.
    reason: str = ""  #: Why somebody unsubscribed, in their own words.
    nth: int = 0  #: The index among equal ones in the same second, from 0: activities have no ids.


def member_status(
    activities: Iterable[Activity], *, count_machine_opens: bool = True
) -> ActivityType | None:
    """Return a member's highest-ranking activity, None if there is none (S2, "Status").

    Without `count_machine_opens`, an open by a mail proxy doesn't change the status; it can come
    seconds before the hard bounce of the same mail.
    """
    counted = (
        activity.type for activity in activities if count_machine_opens or not activity.machine
    )
    return max(counted, key=RANK.__getitem__, default=None)
