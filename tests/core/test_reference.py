"""The reference at the start of a subject."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.replies.reference import (
    BadPattern,
    SubjectReference,
    find_reference,
    reference_pattern,
)
from gateway.core.replies.subject_prefixes import is_forward, without_prefixes

SUBJECT = "Ihre Bewerbung als Pfleger"

PREFIXES = [
    "Fwd:",
    "FW:",
    "Fw:",
    "WG:",
    "TR:",
    "TR :",
    "TR\xa0:",
    "Doorst:",
    "Wtrlt:",
    "Vedr.:",
    "Svar:",
    "RV:",
    "AW:",
    "RE:",
    "Re:",
    "SV:",
    "VS:",
    "VB:",
    "VL:",
    "ENC:",
    "PD:",
    "Odp:",
    "İLT:",
    "ilt:",
    "YNT:",
    "Antw:",
    "Betr.:",
    "R:",
    "I:",
    "RES:",
    "Vá:",
    "Továbbítás:",
    "ΠΡΘ:",
    "НА:",
    "Пересл:",
    "回复：",
    "转发:",
    "転送:",
    "전달:",
    "Fwd[2]:",
    "RE(3):",
    "Re^2:",
    "Re 2:",
    "AW2:",
    "FWD：",
    "[EXTERN]",
    "[EXTERNAL]",
    "[EXT]",
    "[External Sender]",
    "[Extern]:",
    "(EXT)",
    "***SPAM***",
    "[E-Mail extern]",
    "[Ext. E-Mail]",
    "[Courriel externe]",
    "[Von extern]",
    "[!EXTERN]",
    "[BUITEN]",
    "[EXTÉRIEUR]",
    "!!EXTERN!!",
    "-EXTERN-",
    "[SPAM?]",
    "[NON-SECURE]",
    "[UNSECURED]",
    "[NICHT VERSCHLÜSSELT]",
    "[Niet versleuteld]",
    "[Non sécurisé]",
    "EXTERN:",
]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_prefix_may_stand_before_or_after_the_reference(prefix: str) -> None:
    wanted = SubjectReference("4711", SUBJECT)

    assert wanted == find_reference(f"4711 {prefix} {SUBJECT}")
    assert wanted == find_reference(f"{prefix} 4711 {SUBJECT}")
    assert wanted == find_reference(f"{prefix}4711 AW: {prefix} {SUBJECT}")


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        ("4711 WG: AW: Ihre Bewerbung", SubjectReference("4711", "Ihre Bewerbung")),
        ("WG: 4711 Ihre Bewerbung", SubjectReference("4711", "Ihre Bewerbung")),
        ("AW: WG: 12345 Gespräch", SubjectReference("12345", "Gespräch")),
        ("[EXTERN] AW: [EXT] Fwd: 7 x", SubjectReference("7", "x")),
        ("|EXTERNAL| 4711 AW: x", SubjectReference("4711", "x")),
        ("⚠️ [EXTERN] 4711 x", SubjectReference("4711", "x")),
        ("[⚠ EXTERN] WG: 4711 x", SubjectReference("4711", "x")),
        ("[VAN BUITEN] 4711 x", SubjectReference("4711", "x")),
        ("4711 x [EXTERN]", SubjectReference("4711", "x")),
        ("4711 [Fwd: x] |EXTERNAL|", SubjectReference("4711", "x")),
        ("4711 x [**EXTERN**]", SubjectReference("4711", "x")),
        ("4711 x {External}", SubjectReference("4711", "x")),
        ("4711 x ⚠️[EXTERNAL]", SubjectReference("4711", "x")),
        ("4711 x (extern)", SubjectReference("4711", "x (extern)")),
        ("4711 [Newsletter] x", SubjectReference("4711", "[Newsletter] x")),
        ("4711 Stelle (extern)", SubjectReference("4711", "Stelle (extern)")),
        ("4711 [CAUTION: External] AW: x", SubjectReference("4711", "x")),
        ("[External] - 4711 x", SubjectReference("4711", "x")),
        ("4711 [FWD] AW: x", SubjectReference("4711", "x")),
        ("4711 [Fwd: AW: x [y]]", SubjectReference("4711", "x [y]")),
        ("[Fwd: 4711 x]", SubjectReference("4711", "x")),
        ("4711 [ann@example.org: AW: x]", SubjectReference("4711", "x")),
        ("4711 AW: x (fwd)", SubjectReference("4711", "x")),
        ("4711", SubjectReference("4711", "")),
        ("  4711\tx", SubjectReference("4711", "x")),
        ("4711\xa0x", SubjectReference("4711", "x")),
        ("\u200b4711 x", SubjectReference("4711", "x")),  # copied from a web page
        ("WG: \u200b4711\u200b AW: x", SubjectReference("4711", "x")),
        ("\u20684711\u2069 x", SubjectReference("4711", "x")),
        ("4711\u2060", SubjectReference("4711", "")),
        ("Fwd: 4711", SubjectReference("4711", "")),
        ("0004711 x", SubjectReference("0004711", "x")),
        ("4711 4712 x", SubjectReference("4711", "4712 x")),
        ("4711 Re: Re: 12 Fragen", SubjectReference("4711", "12 Fragen")),
        ("1" * 40 + " x", SubjectReference("1" * 40, "x")),
    ],
)
def test_I17_a_reference_at_the_start_is_found(subject: str, found: SubjectReference) -> None:
    assert found == find_reference(subject)


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "   ",
        "Fwd:",
        "4711: Ihre Bewerbung",
        "4711-x",
        "4711, x",
        "4711.",
        "#4711 x",
        "[4711] x",
        "Re: [12345]",
        "Nr. 4711 x",
        "Ihre Bewerbung 4711",
        "WG: Ihre Bewerbung 4711 x",
        "[Team] 4711 x",
        "４７１１ x",  # full-width digits
        "٤٧١١ x",  # Arabic digits
        "４711 x",
        "4711\u2003x",  # an em space is none of the three blanks
        "4711\u200bx",
        "4711\nx",
        "-4711 x",
        "4711x",
        "1" * 129 + " x",
        "Refer 4711 x",
        "Re 4711 x",
    ],
)
def test_I17_anything_else_is_no_reference(subject: str) -> None:
    assert find_reference(subject) is None


def test_the_pattern_is_a_setting() -> None:
    pattern = reference_pattern(r"REQ-(?P<reference>\d{4})|(?P<other>x)")

    assert SubjectReference("4711", "Stelle") == find_reference("WG: REQ-4711 AW: Stelle", pattern)
    assert SubjectReference("4711", "Stelle") == find_reference("Req-4711 Stelle", pattern)
    assert find_reference("REQ-４７１１ Stelle", pattern) is None
    assert find_reference("REQ-47110 Stelle", pattern) is None
    assert find_reference("x Stelle", pattern) is None


@pytest.mark.parametrize("pattern", ["[0-9]+", "(?P<number>[0-9]+)", "(?P<reference>", "*"])
def test_a_pattern_that_cannot_be_used_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        reference_pattern(pattern)


def test_prefixes_are_stripped_and_the_rest_is_kept() -> None:
    assert without_prefixes("AW: WG: [EXTERN] Stelle: Pfleger ") == "Stelle: Pfleger"


@given(st.text())
def test_no_subject_raises(subject: str) -> None:
    find_reference(subject)


@given(
    st.lists(st.sampled_from([*PREFIXES, " ", "\xa0"]), max_size=8),
    st.from_regex(r"[0-9]{1,20}", fullmatch=True),
    st.lists(st.sampled_from(PREFIXES), max_size=8),
)
def test_any_run_of_prefixes_is_passed_over(
    before: list[str], reference: str, after: list[str]
) -> None:
    subject = f"{''.join(before)} {reference} {''.join(after)} {SUBJECT}"

    assert SubjectReference(reference, SUBJECT) == find_reference(subject)


@pytest.mark.parametrize(
    "subject",
    [
        "Re" * 50_000,
        "Re: " * 25_000,
        " " * 100_000,
        "Re" + " " * 100_000,
        "1" * 100_000,
        "[" * 100_000,
        "***" * 33_000,
        "[EXTERN " * 12_000,
        "4711 " + "[EXTERN] " * 11_000,
        "e-mail " * 14_000,
    ],
)
@pytest.mark.no_cover  # being traced costs time of its own
def test_the_longest_subject_costs_next_to_nothing(subject: str) -> None:
    best = min(_seconds(subject) for _ in range(3))

    # A usual machine takes a third of it; what grows with the square would take seconds.
    assert best < 0.15


def _seconds(subject: str) -> float:
    started = time.perf_counter()
    find_reference(subject)
    return time.perf_counter() - started


@pytest.mark.parametrize(
    ("prefix", "forwards"),
    [
        # As FairEmail, Zimbra and grommunio write them in these languages.
        ("İlet:", True),
        ("Ynlndr:", True),
        ("Przek:", True),
        ("Posreduj:", True),
        ("Edasta:", True),
        ("Прсл.:", True),
        ("העברה:", True),
        ("هدایت:", True),
        ("फ़ॉरवर्ड:", True),
        ("முன்னனுப்பு:", True),
        ("ส่งต่อ:", True),
        ("ສົ່ງ\u200bຕໍ່:", True),
        ("Cvb:", False),
        ("Адк.:", False),
        ("Відповідь:", False),
        ("מענה:", False),
        ("پاسخ:", False),
        ("प्रत्युत्तर:", False),
        ("பதில்:", False),
        ("答復:", False),
    ],
)
def test_what_programs_put_in_front_is_known_in_their_languages(
    prefix: str, forwards: bool
) -> None:
    subject = f"{prefix} Stelle"

    assert "Stelle" == without_prefixes(subject)
    assert forwards == is_forward(subject)
    assert SubjectReference("4711", "Stelle") == find_reference(f"4711 {subject}")


@pytest.mark.parametrize("subject", ["Pro: und contra", "Ed: 17 uur", "Ponovno: x", "Npr: y"])
def test_what_may_begin_a_subject_is_no_prefix(subject: str) -> None:
    assert subject == without_prefixes(subject)
