"""Who may get a message, where several people have one address."""

import pytest

from gateway.core.decide import blocking
from gateway.core.kinds import Kind, Scope
from gateway.core.people import (
    Holder,
    PersonKind,
    PersonRef,
    Standing,
    Suppression,
    SuppressionSource,
)

#: What is said of a holder: which mail is kept away, and whether the person is active, doubtful.
ACTIVE, INACTIVE, DOUBTFUL = (True, False), (False, False), (True, True)
NOTHING = None


def holder(number: int, scope: Scope | None, counts: tuple[bool, bool]) -> Holder:
    ref = PersonRef(PersonKind.CANDIDATE, str(number))
    entry = None if scope is None else entry_of(ref, scope)
    return Holder(
        ref=ref,
        name="",
        active=counts[0],
        doubtful=counts[1],
        suppressions=(entry,) if entry else (),
    )


def entry_of(ref: PersonRef, scope: Scope) -> Suppression:
    return Suppression(scope=scope, source=SuppressionSource.STATUS, name="s", person=ref)


@pytest.mark.parametrize(
    ("holders", "bulk", "individual"),
    [
        ([(Scope.ALL, ACTIVE)], True, True),
        ([(Scope.ALL, ACTIVE), (NOTHING, ACTIVE)], True, False),
        ([(Scope.ALL, INACTIVE), (NOTHING, ACTIVE)], False, False),
        ([(Scope.ALL, INACTIVE)], True, True),
        # Nobody knows whether the second one has the address, or is active.
        ([(Scope.ALL, ACTIVE), (NOTHING, DOUBTFUL)], True, True),
        ([(Scope.ALL, INACTIVE), (NOTHING, DOUBTFUL)], True, True),
        ([(Scope.BULK, INACTIVE), (NOTHING, DOUBTFUL)], True, False),
        ([(NOTHING, ACTIVE), (Scope.ALL, DOUBTFUL)], True, False),
        ([(NOTHING, DOUBTFUL), (Scope.ALL, DOUBTFUL)], True, True),
        ([(Scope.BULK, DOUBTFUL)], True, False),
        ([(NOTHING, DOUBTFUL)], False, False),
    ],
)
def test_a_doubtful_holder_keeps_mail_away_and_outweighs_nobody(
    holders: list[tuple[Scope | None, tuple[bool, bool]]], bulk: bool, individual: bool
) -> None:
    standing = Standing(
        holders=tuple(holder(number, *facts) for number, facts in enumerate(holders))
    )

    assert (bulk, individual) == (
        bool(blocking(Kind.BULK, standing)),
        bool(blocking(Kind.INDIVIDUAL, standing)),
    )
