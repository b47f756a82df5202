"""After which bounces and complaints an address gets no more mail."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.bounces.bounce import Bounce, BounceKind
from gateway.core.bounces.reason import Reason
from gateway.core.bounces.suppressing import BounceRules, scope_for
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
        (
            "what comes in late is of mail before the one that arrived",
            [10, 8],
            5,
            BounceRules(),
            None,
        ),
        ("mail of the day after is the first of two", [3, -1], 5, BounceRules(), Scope.ALL),
        ("a mailing, and its reminder an hour too early", [47 / 24], None, BounceRules(), None),
        ("the older bounces come in last", [10, -10], None, BounceRules(), Scope.ALL),
        (
            "too long before the latest, though not before this one",
            [-91],
            None,
            BounceRules(),
            None,
        ),
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
        days_ago(0, *earlier),
        arrived=None if arrived is None else days_ago(arrived)[0],
        rules=rules,
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

    assert expected == scope_for(told, [TODAY], arrived=None, rules=rules)


@pytest.mark.parametrize("reason", Reason)
def test_only_what_says_the_address_is_gone_suppresses_it(reason: Reason) -> None:
    bounce = Bounce(kind=BounceKind.BOUNCE, recipient="a@b.example", reason=reason, status="5.0.0")

    scope = scope_for(bounce, [TODAY], arrived=None, rules=BounceRules(suppress_after=1))

    assert (Scope.ALL if reason in GONE else None) == scope


def test_what_may_be_tried_again_suppresses_nobody() -> None:
    bounce = Bounce(
        kind=BounceKind.BOUNCE, recipient="a@b.example", reason=Reason.HOST_UNKNOWN, status="4.4.4"
    )

    assert scope_for(bounce, days_ago(0, 30), arrived=None, rules=BounceRules()) is None
