"""Who gets no birthday mail for the finance status, as people read it."""

import pytest

from gateway.core.people.finance_status import HAVE_LEFT, has_left, looks_like_died, looks_like_left


@pytest.mark.parametrize("status", HAVE_LEFT)
@pytest.mark.parametrize(
    "written",
    [
        str,
        str.upper,
        str.lower,
        lambda status: f" {status} ",
        lambda status: status.replace(" ", "\u00a0"),
        lambda status: status.replace(" ", "  "),
        lambda status: status.replace(" ", ""),
        lambda status: status.replace("ü", "ue"),
        lambda status: status.replace("ü", "u\u0308"),
        lambda status: status.replace("ü", "UE").upper(),
        lambda status: status.replace("(", "[").replace(")", "]"),
        lambda status: status.replace(" (", " - ").replace(")", ""),
        lambda status: f"\ufeff{status}\u200b",
        lambda status: status.replace("d", "d\u00ad"),
    ],
)
def test_the_five_are_known_however_they_are_written(status: str, written: object) -> None:
    assert callable(written)
    assert has_left(written(status))


@pytest.mark.parametrize(
    ("status", "has_left_then", "looks_like"),
    [
        ("", False, ""),
        ("Aktiv", False, ""),
        ("Bezahlt", False, ""),
        ("Ungekündigt", False, "Gekündigt"),
        ("Overleden", True, ""),
        ("overleden 2024", True, ""),
        ("Deceased (2024)", True, ""),
        ("Décédée", True, ""),
        ("De\u0301ce\u0301de\u0301", True, ""),
        ("Gekündigt – verstorben am 3.2.2024", True, ""),
        ("Died 2024", True, ""),
        ("Overlijden", True, ""),
        ("† 3.2.2024", True, ""),
        ("Mitglied ✝", True, ""),
        ("overleden2024", True, ""),
        ("verst.", True, ""),
        ("Verst. 3.2.2024", True, ""),
        ("gest.2024", True, ""),
        ("Tod", True, ""),
        ("Austritt (Tod)", True, ""),
        ("verschieden", True, ""),
        ("passed away", True, ""),
        ("Passed-away 2024", True, ""),
        ("has passed  away", True, ""),
        ("Wijlen", True, ""),
        ("overl. 12-03-2024", True, ""),
        ("R.I.P.", True, ""),
        ("Dec'd", True, ""),
        ("D.C.D. 2024", True, ""),
        ("Défunte", True, ""),
        ("Todd", False, ""),
        ("Todo", False, ""),
        ("getest", False, ""),
        ("gestopt", False, ""),
        ("gest0pt", False, ""),
        ("gestuurd", False, ""),
        ("verstuurd", False, ""),
        ("versterkt", False, ""),
        ("Lid tot 2026", False, ""),
        ("Exam passed", False, ""),
        ("Away until May", False, ""),
        ("Verschiedene", False, ""),
        ("eingeschlafen", False, ""),
        ("Betaald t/m dec. 2026", False, ""),
        ("passd away", False, "passed away"),
        ("03022024deceased", True, ""),
        ("de-ceased", False, "deceased"),
        ("Ovrleden", False, "overleden"),
        ("Overlden", False, "overleden"),
        ("deceasd", False, "deceased"),
        ("Gekündigt (Vestorben)", False, "Gekündigt"),
        ("Gekündgt (Verstorben)", True, ""),
        ("Gekündgt", False, "Gekündigt"),
        ("Verschoben", False, ""),
        ("Verdorben", False, "verstorben"),
        ("Gekündigt zum 31.12.2026", False, "Gekündigt"),
        ("GekÃ¼ndigt", False, "Gekündigt"),
    ],
)
def test_a_slip_is_not_counted_but_named(status: str, has_left_then: bool, looks_like: str) -> None:
    assert (has_left_then, looks_like) == (has_left(status), looks_like_left(status))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("", ""),
        ("Aktiv", ""),
        ("Overleden", ""),
        ("Ovrleden", "overleden"),
        ("Lid, ovreleden 2024", "overleden"),
        ("Deceasd", "deceased"),
        ("Décedé?", ""),
        ("Decédèe", ""),
        ("Décdé", "décédé"),
        ("vertorben", "verstorben"),
        ("Ungekündigt", ""),
        ("Gekündigt (Vestorben)", "verstorben"),
        ("Gekündigt zum 31.12.2026", ""),
        ("Verstroben", "verstorben"),
        ("Verstobene", "verstorbene"),
        ("desceased", "deceased"),
        ("Décidée", ""),
        ("Verschoben", ""),
        ("verschoben auf 2027", ""),
        ("Verdorben", "verstorben"),
        ("Vertrieben", ""),
        ("Geworben", ""),
        ("Verstoßen", ""),
        ("Verleden", "overleden"),
        ("Gestolen pas", ""),
        ("Membership ceased", ""),
        ("Decreased", "deceased"),
        ("Verschoben, dann vestorben", "verstorben"),
        ("de ceased", "deceased"),
        ("ver-storben", "verstorben"),
        ("over\nleden", "overleden"),
        ("Deceasd2024", "deceased"),
        ("verst0rben", "verstorben"),
        ("mo rt", ""),
    ],
)
def test_a_slip_in_a_word_for_deceased_is_told_from_other_words(status: str, expected: str) -> None:
    assert expected == looks_like_died(status)
