"""What share of mail came back is too much, of one receiver's domain and of many small ones."""

import pytest

from gateway.core.bounces.bounce_share import OTHERS, BounceShare, too_much_together


def to_firms(number: int, sent: int, *, bounced: int = 0, complaints: int = 0) -> list[BounceShare]:
    """Return shares of domains that got so many mails each, and so many came back of the first."""
    return [
        BounceShare(
            sender="crm.example",
            receiver=f"firm{position}.example",
            sent=sent,
            bounced=bounced if position == 0 else 0,
            complaints=complaints if position == 0 else 0,
        )
        for position in range(number)
    ]


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        (to_firms(30, 2, bounced=2), []),  # 3.3 %
        (to_firms(10, 5, bounced=5), [(50, 5, 0)]),
        (to_firms(30, 2, complaints=1), [(60, 0, 1)]),
        (to_firms(9, 5, bounced=5, complaints=1), []),  # 45 mails say nothing
        (to_firms(2, 60, bounced=30), []),  # each says something by itself
        ([], []),
    ],
)
def test_domains_with_few_mails_count_together(
    shares: list[BounceShare], expected: list[tuple[int, int, int]]
) -> None:
    together = too_much_together(shares)

    assert expected == [(share.sent, share.bounced, share.complaints) for share in together]
    assert [("crm.example", OTHERS)] * len(expected) == [
        (share.sender, share.receiver) for share in together
    ]


def test_what_went_from_different_domains_is_not_added_up() -> None:
    first, second = to_firms(2, 30, bounced=20)
    other = BounceShare(sender="other.example", receiver="x.example", sent=30, bounced=20)

    assert [(60, 20)] == [
        (share.sent, share.bounced) for share in too_much_together([first, other, second])
    ]
