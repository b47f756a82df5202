"""A campaign's numbers, from what Mailchimp counts and what the store has."""

import pytest

from gateway.core.campaigns.campaign_report import ActivityTally, KeptCounts, report
from gateway.core.campaigns.counters import Counters


@pytest.mark.parametrize(
    ("counted", "kept", "expected"),
    [
        pytest.param((2, 1), (1, 0), (2, 1), id="not all are listed"),
        pytest.param((0, 0), (2, 1), (2, 1), id="the counters lag"),
        pytest.param((1, 0), (0, 1), (1, 0), id="listed as soft, counted as hard later"),
        pytest.param((0, 0), (0, 0), (0, 0), id="none"),
    ],
)
def test_a_mail_that_came_back_is_counted_once(
    counted: tuple[int, int], kept: tuple[int, int], expected: tuple[int, int]
) -> None:
    hard, soft = (ActivityTally(times=members, members=members) for members in kept)
    numbers = report(
        Counters(sent=9, hard_bounces=counted[0], soft_bounces=counted[1], syntax_errors=1),
        KeptCounts(hard=hard, soft=soft),
    )

    assert expected == (numbers.hard, numbers.soft)
    assert sum(expected) + 1 == numbers.bounced
