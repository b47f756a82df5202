"""The share of the mail between two domains that bounced, and when it is too high."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

#: The complaint rate that Gmail's and Yahoo's rules for bulk senders (February 2024) allow.
MOST_COMPLAINTS = 0.003
MOST_BOUNCES = 0.05
_FEWEST = 50  #: With fewer mails, a share means nothing.
OTHERS = "*"  #: All domains that got too few mails each.


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceShare:
    """How much of the mail from one domain to another bounced."""

    sender: str  #: The domain of the envelope sender; empty for the null sender.
    receiver: str
    sent: int = 0
    bounced: int = 0
    hard: int = 0
    complaints: int = 0

    @property
    def bounce_rate(self) -> float:
        """Bounces divided by mails sent."""
        return self.bounced / self.sent if self.sent else 0.0

    @property
    def complaint_rate(self) -> float:
        """Complaints divided by mails sent."""
        return self.complaints / self.sent if self.sent else 0.0

    @property
    def says_something(self) -> bool:
        """Whether there were enough mails for the share to mean something."""
        return self.sent >= _FEWEST

    @property
    def too_many(self) -> Literal["complaints", "bounces", ""]:
        """Which of the two rates is too high; empty if neither."""
        if not self.says_something:
            return ""
        if self.complaint_rate > MOST_COMPLAINTS:
            return "complaints"
        return "bounces" if self.bounce_rate > MOST_BOUNCES else ""

    @property
    def alarm(self) -> str:
        """Which share is too high, in plain words; empty if none is."""
        if self.too_many == "complaints":
            return (
                f"{self.complaint_rate:.2%} complaints, Gmail and Yahoo allow {MOST_COMPLAINTS:.1%}"
            )
        if self.too_many == "bounces":
            return f"{self.bounce_rate:.1%} bounces, more than {MOST_BOUNCES:.0%}"
        return ""

    @property
    def is_alarming(self) -> bool:
        """Whether somebody should look into it."""
        return bool(self.alarm)


def too_much_together(shares: Iterable[BounceShare]) -> list[BounceShare]:
    """Return, per sender, the combined share of the small receiving domains where it is too high.

    Of a thousand mails to five hundred company domains a hundred may bounce without any one domain
    getting enough mail for its own share to mean anything.
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
