"""Which applications a mail is likely about, and why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.core.people.applications import Application, KnownApplication
from gateway.core.people.people import PersonKind, PersonRef
from gateway.core.replies.suggestions import (
    FINDS,
    MOST,
    WEIGHTS,
    MailWords,
    PossibleApplication,
    SuggestionReason,
    clues_of,
    is_name_of,
    is_slip,
    last_names,
    suggestions,
)
from tests.rig.cost import cost_of

CAME = datetime(2026, 3, 4, 10, tzinfo=UTC)
R = SuggestionReason


def possible(
    reference: str = "4711",
    *,
    first: str = "Ann",
    last: str = "van der Berg",
    addresses: tuple[str, ...] = ("ann@example.org",),
    title: str = "",
    submitted: int | None = None,
    replied: int | None = None,
    closed: bool = False,
) -> PossibleApplication:
    """An application; `submitted` and `replied` are days before the mail."""
    return PossibleApplication(
        known_application=KnownApplication(
            application=Application(
                reference=reference,
                person=PersonRef(PersonKind.CANDIDATE, reference),
                title=title,
                submitted_at=None if submitted is None else CAME - timedelta(days=submitted),
            ),
            status_name="rejected" if closed else "",
            closed=closed,
        ),
        first_name=first,
        last_name=last,
        addresses=frozenset(addresses),
        last_reply=None if replied is None else CAME - timedelta(days=replied),
    )


def mail(
    subject: str = "",
    text: str = "",
    *,
    senders: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    date: datetime | None = CAME,
) -> MailWords:
    return MailWords(
        subjects=(subject,), texts=(text,), senders=senders, sender_names=names, date=date
    )


@pytest.mark.parametrize(
    ("words", "application", "expected"),
    [
        # Its number: at the start it would have been filed, elsewhere only a person may say so.
        (mail("AW: Ihre Bewerbung 4711"), possible(), [(R.NUMBER_IN_SUBJECT, "4711")]),
        (mail("(ref. 2026/17-A)"), possible("2026/17-A"), [(R.NUMBER_IN_SUBJECT, "2026/17-A")]),
        (mail(text="Betreft: 4711."), possible(), [(R.NUMBER_IN_TEXT, "4711")]),
        (mail("4711", "4711"), possible(), [(R.NUMBER_IN_SUBJECT, "4711")]),
        # No number: part of a longer one, of a telephone number, of a word.
        (mail("47110 tel. 030-4711 A4711"), possible(), []),
        # Its person: whoever wrote the mail it holds, by address or name, in either order.
        (mail(senders=("ann@example.org",)), possible(), [(R.SENDER, "ann@example.org")]),
        (mail(names=("Berg, Ann van der",)), possible(), [(R.SENDER_NAME, "Berg, Ann van der")]),
        (mail(names=("van der Berg, Ann",)), possible(), [(R.SENDER_NAME, "van der Berg, Ann")]),
        (mail(names=("ANN VAN DER BERG",)), possible(), [(R.SENDER_NAME, "ANN VAN DER BERG")]),
        (mail(names=("Ann",)), possible(), []),
        (mail("Bewerbung Ann van der Berg"), possible(),
         [(R.NAME_IN_SUBJECT, "Ann van der Berg")]),
        (mail(text="mvg\nAnn van der Berg\nUtrecht"), possible(),
         [(R.NAME_IN_TEXT, "Ann van der Berg")]),
        (mail(text="Ann\nvan der Berg"), possible(), []),
        (mail(text="schrijf ANN@example.org"), possible(),
         [(R.ADDRESS_IN_TEXT, "ann@example.org")]),
        (mail(names=("Özgür Müller",)), possible(first="Oezguer", last="Mueller"),
         [(R.SENDER_NAME, "Özgür Müller")]),
        # Somebody without a last name is found by nothing that is in every text.
        (mail(text="Ann Ann"), possible(last=""), []),
        # What ranks alone finds nothing.
        (mail("4712 Nurse"), possible(title="Nurse", submitted=3, replied=2), []),
        # A slip in the number of somebody who is known to be meant; what it is for; when.
        (mail("4712", senders=("ann@example.org",)), possible(),
         [(R.SENDER, "ann@example.org"), (R.SLIP, "4712")]),
        (mail("Re: night nurse wanted", senders=("ann@example.org",)),
         possible(title="Night Nurse"),
         [(R.SENDER, "ann@example.org"), (R.TITLE_IN_SUBJECT, "Night Nurse")]),
        (mail(senders=("ann@example.org",)), possible(submitted=3, replied=2),
         [(R.SENDER, "ann@example.org"), (R.LATELY_REPLIED, "2026-03-02"),
          (R.SUBMITTED_BEFORE, "2026-03-01")]),
        (mail(senders=("ann@example.org",)), possible(submitted=400, replied=400),
         [(R.SENDER, "ann@example.org")]),
        (mail(senders=("ann@example.org",)), possible(submitted=-2, closed=True),
         [(R.SENDER, "ann@example.org"), (R.CLOSED, "rejected"),
          (R.SUBMITTED_AFTER, "2026-03-06")]),
        (mail(senders=("ann@example.org",), date=None), possible(submitted=3, replied=3),
         [(R.SENDER, "ann@example.org")]),
    ],
)  # fmt: skip
def test_what_speaks_for_an_application(
    words: MailWords, application: PossibleApplication, expected: list[tuple[SuggestionReason, str]]
) -> None:
    suggested = suggestions(clues_of(words), [application], zone=UTC)

    assert expected == [reason for each in suggested for reason in each.reasons]


def test_days_are_those_of_the_zone_in_which_people_see_times() -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    application = possible()
    told = replace(application.known_application.application, submitted_at=late)
    application = replace(
        application, known_application=replace(application.known_application, application=told)
    )
    words = mail(senders=("ann@example.org",), date=late + timedelta(hours=1))

    [suggested] = suggestions(clues_of(words), [application], zone=ZoneInfo("Europe/Amsterdam"))

    assert (SuggestionReason.SUBMITTED_BEFORE, "2026-03-02") in suggested.reasons


def test_the_likeliest_comes_first_and_few_are_suggested() -> None:
    words = mail("Ihre Bewerbung 4700", "Ann van der Berg", senders=("ann@example.org",))
    applications = [
        possible("1", addresses=()),
        possible("2", submitted=200),
        possible("3", submitted=10),
        possible("4", submitted=10, replied=1),
        possible("5", closed=True),
        possible("4700", first="Ben", last="Else", addresses=()),
        possible("7", first="Ben", last="Else", addresses=()),
    ]

    suggested = suggestions(clues_of(words), applications, zone=UTC)

    references = [each.application.known_application.application.reference for each in suggested]
    assert ["4700", "4", "3", "2", "5"] == references
    assert MOST == len(suggested)
    assert sorted((each.weight for each in suggested), reverse=True) == [
        each.weight for each in suggested
    ]


def test_every_reason_has_a_weight_and_what_finds_outweighs_what_speaks_against() -> None:
    assert set(SuggestionReason) == set(WEIGHTS)
    against = sum(weight for weight in WEIGHTS.values() if weight < 0)
    assert all(WEIGHTS[reason] > 0 for reason in FINDS)
    assert -against < WEIGHTS[R.SENDER_NAME]


@pytest.mark.parametrize(
    ("number", "reference", "expected"),
    [
        ("4712", "4711", True),
        ("7411", "4711", True),
        ("471", "4711", True),
        ("47111", "4711", True),
        ("4611", "4711", True),
        ("4711", "4711", False),
        ("4721", "4712", True),
        ("4722", "4711", False),
        ("47", "4711", False),
        ("12", "13", False),
        ("1174", "4711", False),
    ],
)
def test_a_slip_is_one_sign_wrong(number: str, reference: str, expected: bool) -> None:
    assert expected == is_slip(number, reference)


def test_names_are_looked_up_by_what_may_be_the_last_one() -> None:
    assert {"van der Berg", "der Berg", "Berg", "Anna", "Van Der Berg"} <= set(
        last_names(["Anna van der Berg"])
    )
    assert "Smit" in last_names(["SMIT, Ann"])
    assert not is_name_of("", "", "")


@pytest.mark.parametrize(
    "text",
    [
        "A" * 100_000, "Aa Bb " * 20_000, "1/" * 50_000, "a@" * 50_000, "van der " * 20_000,
        "A van der " * 10_000, "." * 100_000, "A-" * 50_000, "1" * 100_000, "A,\t" * 30_000,
        "Aa'" * 30_000,
    ],
)  # fmt: skip
def test_a_hostile_mail_costs_little_and_leads_to_few_questions(text: str) -> None:
    words = MailWords(subjects=(text, text), texts=(text, text), senders=(text,) * 50)

    assert cost_of(lambda: clues_of(words)) < 2
    clues = clues_of(words)
    assert len(clues.numbers) <= 120
    assert len(last_names(clues.names)) <= 800
