"""Who may get a message, where several people have one address."""

import pytest

from gateway.core.decision.decide import blocking, never_mailed, who_counts
from gateway.core.kinds import Kind, Scope
from gateway.core.people.people import (
    NOBODY,
    AddressHolder,
    PersonKind,
    PersonRef,
    Standing,
    Suppression,
    SuppressionSource,
)

#: What is said of a holder: which mail is kept away, and whether the person is active, doubtful.
ACTIVE, INACTIVE, DOUBTFUL = (True, False), (False, False), (True, True)
NOTHING = None


def holder(number: int, scope: Scope | None, counts: tuple[bool, bool]) -> AddressHolder:
    ref = PersonRef(PersonKind.CANDIDATE, str(number))
    entry = None if scope is None else entry_of(ref, scope)
    return AddressHolder(
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
        # Somebody free surely has it, whatever a third one says; or all who had it are inactive.
        ([(Scope.ALL, ACTIVE), (NOTHING, ACTIVE), (Scope.ALL, DOUBTFUL)], True, False),
        ([(Scope.ALL, INACTIVE), (NOTHING, INACTIVE)], True, False),
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


def address_entry(scope: Scope) -> Suppression:
    return Suppression(scope=scope, source=SuppressionSource.STAFF, name="blocked")


UNSUBSCRIBED = AddressHolder(
    ref=PersonRef(PersonKind.CANDIDATE, "9"),
    name="",
    active=False,
    suppressions=(Suppression(scope=Scope.BULK, source=SuppressionSource.UNSUBSCRIBE),),
)

#: What is known of an address: whether it keeps away bulk mail, individual mail.
ADDRESSES = {
    "nobody knows it": (NOBODY, (False, False)),
    "somebody free has it": (Standing(holders=(holder(1, NOTHING, ACTIVE),)), (False, False)),
    "staff blocked it for bulk mail": (
        Standing(own=(address_entry(Scope.BULK),)),
        (True, False),
    ),
    "staff blocked it for all mail": (Standing(own=(address_entry(Scope.ALL),)), (True, True)),
    "staff blocked it for campaigns alone": (
        Standing(own=(address_entry(Scope.MAILCHIMP),)),
        (False, False),
    ),
    "staff blocked it though its holder is free": (
        Standing(holders=(holder(1, NOTHING, ACTIVE),), own=(address_entry(Scope.ALL),)),
        (True, True),
    ),
    "one who is not active any more has unsubscribed at it": (
        Standing(holders=(holder(1, NOTHING, ACTIVE), UNSUBSCRIBED)),
        (True, False),
    ),
    "its holder wants no campaigns": (
        Standing(holders=(holder(1, Scope.MAILCHIMP, ACTIVE),)),
        (False, False),
    ),
}


@pytest.mark.parametrize("why", ADDRESSES)
def test_what_is_known_of_an_address_decides(why: str) -> None:
    standing, (bulk, individual) = ADDRESSES[why]

    assert bulk == bool(blocking(Kind.BULK, standing))
    assert individual == bool(blocking(Kind.INDIVIDUAL, standing))
    assert individual == never_mailed(standing)


def test_every_reason_is_given_that_of_the_address_first() -> None:
    own = address_entry(Scope.ALL)
    standing = Standing(
        holders=(holder(1, Scope.ALL, ACTIVE), holder(2, Scope.BULK, ACTIVE)), own=(own,)
    )

    persons = [None if entry.person is None else entry.person.crm_id for entry in
               blocking(Kind.BULK, standing)]  # fmt: skip

    assert [None, "1", "2"] == persons
    # The second one may be written to: individual mail is kept away by the address alone.
    assert (own,) == blocking(Kind.INDIVIDUAL, standing)


@pytest.mark.parametrize(
    ("facts", "counted"),
    [
        ([], []),
        ([ACTIVE, ACTIVE], ["0", "1"]),
        ([ACTIVE, INACTIVE], ["0"]),
        ([ACTIVE, DOUBTFUL], ["0", "1"]),
        ([ACTIVE, INACTIVE, DOUBTFUL], ["0", "2"]),
        # Nobody who has the address is surely active: all of them count.
        ([INACTIVE, INACTIVE], ["0", "1"]),
        ([INACTIVE, DOUBTFUL], ["0", "1"]),
        ([DOUBTFUL], ["0"]),
    ],
)
def test_who_is_active_counts_and_else_everybody(
    facts: list[tuple[bool, bool]], counted: list[str]
) -> None:
    standing = Standing(
        holders=tuple(holder(number, NOTHING, each) for number, each in enumerate(facts))
    )

    assert counted == [one.ref.crm_id for one in who_counts(standing)]
