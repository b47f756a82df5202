"""What would become of mail to a person now."""

import pytest

from gateway.core.decision.prospects import prospects
from gateway.core.kinds import Scope
from gateway.core.people.people import (
    AddressHolder,
    PersonKind,
    PersonRef,
    Standing,
    Suppression,
    SuppressionSource,
)

HOME, WORK = "ann@example.org", "ann@work.example"


def suppressed(scope: Scope) -> Suppression:
    return Suppression(scope=scope, source=SuppressionSource.STAFF)


def holder(crm_id: str, *scopes: Scope) -> AddressHolder:
    return AddressHolder(
        ref=PersonRef(PersonKind.CANDIDATE, crm_id), name="", active=True,
        suppressions=tuple(map(suppressed, scopes)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("standing", "mailing", "personal"),
    [
        (Standing(), 0, 0),
        (Standing(own=(suppressed(Scope.BULK),)), 1, 0),
        (Standing(own=(suppressed(Scope.ALL),)), 1, 1),
        (Standing(own=(suppressed(Scope.MAILCHIMP),)), 0, 0),
        (Standing(holders=(holder("1", Scope.ALL), holder("2"))), 1, 0),
        (Standing(holders=(holder("1", Scope.ALL), holder("2", Scope.ALL))), 2, 2),
    ],
)
def test_a_mailing_and_personal_mail_meet_what_keeps_them_away(
    standing: Standing, mailing: int, personal: int
) -> None:
    known, unknown = prospects([HOME, WORK], {HOME: standing})

    assert (HOME, mailing, personal) == (known.address, len(known.mailing), len(known.personal))
    assert (WORK, (), ()) == (unknown.address, unknown.mailing, unknown.personal)
