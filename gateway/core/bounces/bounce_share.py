"""What share of the mail from one domain to another came back, and how much is too much."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

#: What Gmail's and Yahoo's rules for bulk senders (February 2024) allow of complaints.
MOST_COMPLAINTS = 0.003
MOST_BOUNCES = 0.05
_FEWEST = 50  #: With fewer mails, a share says nothing.
OTHERS = "*"  #: Stands for the domains that got too few mails each.


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceShare:
    """What came back of the mail from one domain to another."""

    sender: str  #: The domain of the envelope's sender; empty of the null sender.
    receiver: str
    sent: int = 0
    bounced: int = 0
    hard: int = 0
    complaints: int = 0

    @property
    def bounce_rate(self) -> float:
        """Bounces by mails sent."""
        return self.bounced / self.sent if self.sent else 0.0

    @property
    def complaint_rate(self) -> float:
        """Complaints by mails sent."""
        return self.complaints / self.sent if self.sent else 0.0

    @property
    def says_something(self) -> bool:
        """Whether it is of enough mails."""
        return self.sent >= _FEWEST

    @property
    def too_many(self) -> Literal["complaints", "bounces", ""]:
        """Of what too many came back; empty: of nothing."""
        if not self.says_something:
            return ""
        if self.complaint_rate > MOST_COMPLAINTS:
            return "complaints"
        return "bounces" if self.bounce_rate > MOST_BOUNCES else ""

    @property
    def alarm(self) -> str:
        """Which share is too high, in words for people; empty if none is."""
        if self.too_many == "complaints":
            return (
                f"{self.complaint_rate:.2%} complaints, Gmail and Yahoo allow {MOST_COMPLAINTS:.1%}"
            )
        if self.too_many == "bounces":
            return f"{self.bounce_rate:.1%} bounces, more than {MOST_BOUNCES:.0%}"
        return ""

    @property
    def is_alarming(self) -> bool:
        """Whether somebody should look."""
        return bool(self.alarm)


def too_much_together(shares: Iterable[BounceShare]) -> list[BounceShare]:
    """Return by sender the share of all domains with too few mails each, where that is too much.

    Of a thousand mails to the domains of five hundred firms a hundred may come back, and no
    receiver alone got enough of them for its share to say anything.
    """
    few: dict[str, list[BounceShare]] = defaultdict(list)
    for share in shares:
        if not share.says_something:
            few[share.sender].append(share)
    together = [
        BounceShare(
            sender=sender,
            receiver=OTHERS,
            sent=sum(share.sent for share in parts),
            bounced=sum(share.bounced for share in parts),
            hard=sum(share.hard for share in parts),
            complaints=sum(share.complaints for share in parts),
        )
        for sender, parts in few.items()
    ]
    return [share for share in together if share.too_many]
