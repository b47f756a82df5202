"""After which bounces and complaints an address gets no more mail."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.bounces.bounce import Bounce, BounceKind
from gateway.core.bounces.reason import Reason
from gateway.core.bounces.suppressing import BounceRules, HardBounce, scope_for
from gateway.core.kinds import Scope

GONE = ("userunknown", "hostunknown", "suspended", "hasmoved", "notaccept")
TODAY = datetime(2026, 3, 31, 12, tzinfo=UTC)


def days_ago(*days: float) -> list[datetime]:
    return [TODAY - timedelta(days=number) for number in days]


@pytest.mark.parametrize(
    ("why", "earlier", "arrived", "rules", "expected"),
    [
        ("the first", [], None, BounceRules(), None),
        ("the second", [10], None, BounceRules(), Scope.ALL),
        ("in any order", [1, 50, 0.5], None, BounceRules(), Scope.ALL),
        ("two days apart, to the second", [2], None, BounceRules(), Scope.ALL),
        ("of one bad day", [1.99, 1, 0.1], None, BounceRules(), None),
        ("of two bad days", [1, 2.5], None, BounceRules(), Scope.ALL),
        ("within 90 days, to the second", [90], None, BounceRules(), Scope.ALL),
        ("too long ago", [90.01], None, BounceRules(), None),
        ("mail arrived in between", [10], 5, BounceRules(), None),
        ("mail arrived at that moment", [10], 10, BounceRules(), None),
        ("mail arrived before both", [10], 11, BounceRules(), Scope.ALL),
        ("mail arrived since", [10], 0, BounceRules(), None),
        ("a mailing, and its reminder an hour too early", [47 / 24], None, BounceRules(), None),
        ("the older bounces come in last", [10, -10], None, BounceRules(), Scope.ALL),
        ("too long before the latest", [-91], None, BounceRules(), None),
        ("one is enough", [], None, BounceRules(suppress_after=1), Scope.ALL),
        ("one is enough, but mail arrived", [], 0, BounceRules(suppress_after=1), None),
        ("two are not enough", [10], None, BounceRules(suppress_after=3), None),
        ("three are", [20, 10], None, BounceRules(suppress_after=3), Scope.ALL),
        ("three of two days aren't", [10, 9], None, BounceRules(suppress_after=3), None),
        ("a shorter time", [10], None, BounceRules(within=timedelta(days=9)), None),
        ("each one counts", [0.001], None, BounceRules(apart=timedelta()), Scope.ALL),
    ],
)
def test_hard_bounces_that_suppress(
    why: str,
    earlier: list[float],
    arrived: float | None,
    rules: BounceRules,
    expected: Scope | None,
) -> None:
    bounce = Bounce(
        kind=BounceKind.BOUNCE, recipient="a@b.example", reason=Reason.USER_UNKNOWN, status="5.1.1"
    )

    assert expected == scope_for(
        bounce,
        [HardBounce(moment, moment) for moment in days_ago(0, *earlier)],
        arrived=None if arrived is None else days_ago(arrived)[0],
        rules=rules,
    ), why


@pytest.mark.parametrize(
    ("why", "bounced", "arrived", "expected"),
    [
        # When it went out, when it came back (days ago), and by which report.
        ("tried for days, as mail after it arrived", [(9, 4, ""), (1, 1, "")], 8, None),
        ("tried for days, and no mail after it", [(9, 4, ""), (1, 1, "")], 10, Scope.ALL),
        ("one report in two mailboxes", [(9, 9, "a"), (9, 1, "a")], None, None),
        ("in three, and another", [(9, 9, "a"), (9, 5, "a"), (3, 3, "b")], None, Scope.ALL),
        (
            "a report, and its copy before another",
            [(9, 3, "a"), (9, 2, "a"), (1, 1, "")],
            None,
            Scope.ALL,
        ),
        (
            "its copy isn't far enough from another",
            [(9, 2.5, "a"), (9, 1, "a"), (1, 1, "")],
            None,
            None,
        ),
        ("two reports on one message", [(9, 9, "a"), (9, 1, "b")], None, Scope.ALL),
        ("two that have no Message-ID", [(9, 9, ""), (9, 1, "")], None, Scope.ALL),
        ("a mailing that came back at once", [(4, 4, "a"), (4, 4, "b"), (4, 4, "c")], None, None),
    ],
)
def test_what_went_out_and_came_back_when(
    why: str,
    bounced: list[tuple[float, float, str]],
    arrived: float | None,
    expected: Scope | None,
) -> None:
    bounce = Bounce(
        kind=BounceKind.BOUNCE, recipient="a@b.example", reason=Reason.USER_UNKNOWN, status="5.1.1"
    )

    assert expected == scope_for(
        bounce,
        [
            HardBounce(days_ago(sent)[0], days_ago(came_back)[0], report)
            for sent, came_back, report in bounced
        ],
        arrived=None if arrived is None else days_ago(arrived)[0],
        rules=BounceRules(),
    ), why


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (BounceKind.COMPLAINT, Scope.BULK),
        (BounceKind.OPT_OUT, Scope.BULK),
        (BounceKind.BOUNCE, Scope.ALL),
        (BounceKind.DELAY, None),
        (BounceKind.NOT_SPAM, None),
        (BounceKind.DELIVERED, None),
    ],
)
def test_what_each_kind_of_report_brings(kind: BounceKind, expected: Scope | None) -> None:
    told = Bounce(kind=kind, recipient="a@b.example", reason=Reason.USER_UNKNOWN, status="5.1.1")
    rules = BounceRules(suppress_after=1)

    assert expected == scope_for(told, [HardBounce(TODAY, TODAY)], arrived=None, rules=rules)


@pytest.mark.parametrize("reason", Reason)
def test_only_what_says_the_address_is_gone_suppresses_it(reason: Reason) -> None:
    bounce = Bounce(kind=BounceKind.BOUNCE, recipient="a@b.example", reason=reason, status="5.0.0")

    scope = scope_for(
        bounce, [HardBounce(TODAY, TODAY)], arrived=None, rules=BounceRules(suppress_after=1)
    )

    assert (Scope.ALL if reason in GONE else None) == scope


def test_what_may_be_tried_again_suppresses_nobody() -> None:
    bounce = Bounce(
        kind=BounceKind.BOUNCE, recipient="a@b.example", reason=Reason.HOST_UNKNOWN, status="4.4.4"
    )

    assert (
        scope_for(
            bounce,
            [HardBounce(at, at) for at in days_ago(0, 30)],
            arrived=None,
            rules=BounceRules(),
        )
        is None
    )
