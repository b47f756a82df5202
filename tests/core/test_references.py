"""What a reference means that is nobody's id."""

from dataclasses import replace

import pytest

from gateway.core.feed.references import (
    NOTHING,
    GivenMeaning,
    NumberedIds,
    NumberRange,
    ReferenceLead,
    ReferenceTarget,
    ReferenceTargets,
    ReferenceUse,
    UnderstoodBy,
    numbers,
    possible_ids,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("17", NumberRange(17, 17)),
        ("00017", NumberRange(17, 17)),
        ("17.0", NumberRange(17, 17)),
        ("17,00", NumberRange(17, 17)),
        ("17.5", None),
        ("g17", None),
        ("", None),
        ("1.20E+01", NumberRange(12, 12)),
        ("1.25E+01", None),
        ("1.2E+01", NumberRange(12, 12)),
        ("1.00E+05", NumberRange(99_500, 100_499)),
        ("1,23457E+11", NumberRange(123_456_500_000, 123_457_499_999)),
        ("-17", None),
        ("1e5", NumberRange(50_000, 149_999)),
        ("123.456", NumberRange(123_456, 123_456, may_be_id=True)),
        ("123,456", NumberRange(123_456, 123_456, may_be_id=True)),
        ("123 456", NumberRange(123_456, 123_456, may_be_id=True)),
        ("1.123'456", None),
        ("1’123’456", NumberRange(1_123_456, 1_123_456, may_be_id=True)),
        ("1.123.456,00", NumberRange(1_123_456, 1_123_456, may_be_id=True)),
        ("12.000", NumberRange(12, 12, 12_000)),
        ("012.345", None),
        ("12.34", None),
        ("00040003", NumberRange(40_003, 40_003)),
    ],
)
def test_what_a_spreadsheet_makes_of_an_id_is_read_back(
    text: str, expected: NumberRange | None
) -> None:
    assert expected == numbers(text)


KNOWN = ReferenceTargets(
    [
        ReferenceTarget(crm_id="s3", names=("Overleden",), keeps_away=3),
        ReferenceTarget(crm_id="s4", names=("In Arbeit",)),
        ReferenceTarget(crm_id="s5", names=("in arbeit",)),
        ReferenceTarget(crm_id="s6", names=("Geen post",)),
        ReferenceTarget(crm_id="s7", names=("geen  post",), keeps_away=2),
        ReferenceTarget(crm_id="00017", names=("Actief",)),
        ReferenceTarget(crm_id="100123", names=("Nieuw",)),
    ]
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("overleden", GivenMeaning(crm_id="s3", how=UnderstoodBy.NAME)),
        ("S3", GivenMeaning(crm_id="s3", how=UnderstoodBy.CASE)),
        ("17", GivenMeaning(crm_id="00017", how=UnderstoodBy.BENT)),
        ("17.0", GivenMeaning(crm_id="00017", how=UnderstoodBy.BENT)),
        ('="00017"', GivenMeaning(crm_id="00017", how=UnderstoodBy.BENT)),
        ("'00017", GivenMeaning(crm_id="00017", how=UnderstoodBy.BENT)),
        ("1.001E+05", GivenMeaning(crm_id="100123", how=UnderstoodBy.BENT, is_certain=False)),
        ("g999", NOTHING),
        # Among others, or with a remark: what keeps mail away counts, in doubt.
        (
            "Nieuw; Overleden",
            GivenMeaning(crm_id="s3", how=UnderstoodBy.PART, is_certain=False, others=("100123",)),
        ),
        (
            "s7|s3",
            GivenMeaning(crm_id="s3", how=UnderstoodBy.PART, is_certain=False, others=("s7",)),
        ),
        ("Overleden (2019)", GivenMeaning(crm_id="s3", how=UnderstoodBy.PART, is_certain=False)),
        ("Status: overleden", GivenMeaning(crm_id="s3", how=UnderstoodBy.PART, is_certain=False)),
        ("oud - S3", GivenMeaning(crm_id="s3", how=UnderstoodBy.PART, is_certain=False)),
        ("Nieuw; Actief", NOTHING),
        ("(oud)", NOTHING),
        ("niet-overleden", NOTHING),
        ("18", NOTHING),
        # Of two that keep no mail away neither is taken; else the one that keeps most away.
        ("In  Arbeit", GivenMeaning(others=("s4", "s5"), is_certain=False)),
        (
            "Geen post",
            GivenMeaning(crm_id="s7", how=UnderstoodBy.NAME, is_certain=False, others=("s6",)),
        ),
    ],
)
def test_a_reference_is_understood_where_it_can_only_mean_one_or_where_that_protects(
    given: str, expected: GivenMeaning
) -> None:
    assert expected == KNOWN.meaning(given)


def test_the_most_alike_are_suggested() -> None:
    assert ("s3 'Overleden'",) == KNOWN.nearest_names("Overladen")
    assert () == KNOWN.nearest_names("xyzzy")


USE = ReferenceUse(
    reference="people.status",
    kind="candidate",
    given="Overleden",
    lead=ReferenceLead.UNKNOWN,
    rows=2,
    line=5,
)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            {"lead": ReferenceLead.UNDERSTOOD, "crm_id": "s3", "how": UnderstoodBy.NAME},
            "status given by name: 'Overleden' = s3 (2 rows)",
        ),
        (
            {"nearest": ("s3 'Verstorben'",)},
            "status: 'Overleden' leads nowhere (2 rows): no statuses of candidates have this id "
            "or name; nearest: s3 'Verstorben'",
        ),
        (
            {"others": ("s3", "s4"), "rows": 1},
            "status: 'Overleden' leads nowhere (1 row): it may mean s3 or s4: write the id",
        ),
        (
            {"lead": ReferenceLead.WAITING},
            "status: 2 rows wait for statuses of candidates still to come: gateway import waiting",
        ),
    ],
)
def test_what_was_found_is_one_line_with_its_cure(facts: dict[str, object], expected: str) -> None:
    assert expected == str(replace(USE, **facts))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("123.456", ["123456"]),
        ("123 456", ["123456"]),
        ("00040003", ["40003", "0040003"]),
        ("40003", ["0040003"]),
        ("1.23E+05", ["123001", "00123002", "123456"]),
        ("1.2300E+05", ["123001", "00123002"]),
        ("12.000", ["12", "12000"]),
        ("12.001", []),
        ("a17", []),
        ("", []),
    ],
)
def test_a_text_fits_the_ids_a_spreadsheet_may_have_made_it_of(
    given: str, expected: list[str]
) -> None:
    known = ("123456", "123001", "00123002", "a17", "40003", "0040003", "12", "12000", "124000")

    assert expected == NumberedIds(known).possible_originals(given)

    # Of all that are known these are enough to look among, where they can be named.
    possible = possible_ids(given)
    if possible is not None:
        among = [crm_id for crm_id in known if crm_id in possible]
        assert expected == NumberedIds(among).possible_originals(given)


@pytest.mark.parametrize(
    ("given", "count", "some"),
    [
        ("17", 29, {"17", "017", "0" * 28 + "17"}),
        ('="00017"', 29, {"17", "00017"}),
        ("12.000", 29 + 26, {"12", "0012", "12000", "012000"}),
        ("a17", 0, set[str]()),
    ],
)
def test_the_ids_that_a_text_may_have_been_are_few_unless_it_is_rounded(
    given: str, count: int, some: set[str]
) -> None:
    possible = possible_ids(given)

    assert possible is not None
    assert count == len(set(possible))
    assert some <= set(possible)
    assert possible_ids("1.23E+05") is None
