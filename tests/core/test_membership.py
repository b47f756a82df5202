"""Who of a campaign's members is in, by what is known of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.campaigns.campaigns import merge_fields, naming_faults
from gateway.core.campaigns.membership import (
    DroppedMembers,
    KnownContact,
    LeftOutReason,
    MemberFacts,
    MemberOut,
    is_mailable,
    left_out,
)
from gateway.core.kinds import Scope
from gateway.core.people.people import (
    NOBODY,
    AddressHolder,
    PersonKind,
    PersonRef,
    Standing,
    Suppression,
    SuppressionSource,
)

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
ANN, BOB = (PersonRef(PersonKind.CANDIDATE, each) for each in ("ann", "bob"))


def facts(
    standing: Standing = NOBODY, contact: KnownContact | None = None, **other: object
) -> MemberFacts:
    values = {
        "ref": ANN,
        "is_known": True,
        "address": "ann@klant.test",
        "has_unusable": False,
        "opted_out": False,
    }
    return MemberFacts(**(values | other), standing=standing, contact=contact)  # type: ignore[arg-type]


def held_by(
    ref: PersonRef,
    scope: Scope,
    *,
    active: bool = True,
    source: SuppressionSource = SuppressionSource.GROUP,
) -> Standing:
    entry = Suppression(scope=scope, source=source, name="Out", person=ref)
    holder = AddressHolder(ref=ref, name="", active=active, suppressions=(entry,))
    return Standing(holders=(AddressHolder(ref=ANN, name="", active=True), holder))


def status(status: str, refusal: str = "", until: datetime | None = None) -> KnownContact:
    return KnownContact(
        address="ann@klant.test", status=status, refusal=refusal, refused_until=until
    )


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (facts(), None),
        (facts(contact=status("subscribed")), None),
        (facts(opted_out=True, address="", contact=status("cleaned")), LeftOutReason.OPT_OUT),
        (facts(is_known=False), LeftOutReason.NO_ADDRESS),
        (facts(address=""), LeftOutReason.NO_ADDRESS),
        (facts(address="", has_unusable=True), LeftOutReason.INVALID_ADDRESS),
        (facts(address="ann@intranet"), LeftOutReason.INVALID_ADDRESS),
        (facts(held_by(ANN, Scope.BULK)), LeftOutReason.SUPPRESSED),
        (facts(held_by(BOB, Scope.ALL)), LeftOutReason.SUPPRESSED),
        (facts(held_by(BOB, Scope.MAILCHIMP)), LeftOutReason.OPT_OUT),
        (facts(held_by(BOB, Scope.BULK, active=False)), None),
        # The one who unsubscribed may be whom the CRM has merged with Ann.
        (
            facts(held_by(BOB, Scope.BULK, active=False, source=SuppressionSource.UNSUBSCRIBE)),
            LeftOutReason.SUPPRESSED,
        ),
        (facts(contact=status("unsubscribed")), LeftOutReason.UNSUBSCRIBED),
        (facts(contact=status("cleaned")), LeftOutReason.CLEANED),
        (facts(contact=status("archived")), LeftOutReason.REFUSED),
        (facts(contact=status("pending")), LeftOutReason.REFUSED),
        (facts(contact=status("transactional")), LeftOutReason.REFUSED),
        (facts(contact=status("", "fake")), LeftOutReason.REFUSED),
        (facts(contact=status("", "often", NOW + timedelta(hours=1))), LeftOutReason.REFUSED),
        (facts(contact=status("", "often", NOW)), None),
        (facts(contact=status("")), None),
    ],
)
def test_the_first_reason_that_holds_counts(
    told: MemberFacts, reason: LeftOutReason | None
) -> None:
    out = left_out(told, NOW)

    assert (out.reason if out else None) == reason


def test_whose_suppression_it_is_can_be_told() -> None:
    assert left_out(facts(held_by(BOB, Scope.BULK)), NOW) == MemberOut(
        LeftOutReason.SUPPRESSED, "group Out of candidate:bob"
    )
    assert left_out(facts(contact=status("", "looks fake")), NOW) == MemberOut(
        LeftOutReason.REFUSED, "looks fake"
    )


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("ann@klant.test", True),
        ("o'neil+x@mail.klant.example", True),
        ("ann@xn--bcher-kva.test", True),
        ("ann", False),
        ("@klant.test", False),
        ("ann@", False),
        ("ann@klant", False),
        ("ann@[127.0.0.1]", False),
        ("a..n@klant.test", False),
        (".ann@klant.test", False),
        ("a b@klant.test", False),
        ("ann@klant..test", False),
        ("x" * 65 + "@klant.test", False),
    ],
)
def test_what_can_be_an_address_on_the_internet(address: str, good: bool) -> None:
    assert is_mailable(address) is good


@pytest.mark.parametrize(
    ("before", "dropped", "alarming"),
    [(100, 20, False), (100, 21, True), (20, 9, False), (20, 10, True), (0, 0, False)],
)
def test_m10_more_than_one_in_five_and_ten_at_least_is_alarming(
    before: int, dropped: int, alarming: bool
) -> None:
    assert DroppedMembers(before=before, dropped=dropped).is_alarming is alarming


@given(st.tuples(*(st.text(st.characters(codec="utf-8")),) * 4))
def test_merge_fields_fit_mailchimp_and_stay_the_same_when_told_again(
    values: tuple[str, str, str, str],
) -> None:
    fields = merge_fields(*values)

    assert all(len(each.encode()) <= 255 for each in fields.values())
    assert merge_fields(*fields.values()) == fields


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("Vacatures", 0),
        ("Gratis é \u00a0 👩‍💻 *|FNAME|*", 0),
        ("", 1),
        ("two\nlines", 1),
        ("*|NAME|*", 1),
        ("a *| b", 1),
    ],
)
def test_a_name_is_printable_and_bears_known_tags_only(name: str, faults: int) -> None:
    assert len(naming_faults(name, "CRM")) == faults
