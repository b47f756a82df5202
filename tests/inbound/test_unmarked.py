"""Forwards with neither a mark nor an address, by the line above them alone."""

from datetime import UTC, datetime

import pytest

from gateway.inbound.reading.recovered import RecoveredMail
from gateway.inbound.reading.unmarked import recover_unmarked
from tests.rig.cost import cost_of

OWN = "Bitte ablegen.\n\nBob"
BODY = "Guten Tag,\n\npasst.\u00a0Danke.\n\nAnn"
SENT = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)


def _found(text: str) -> RecoveredMail | None:
    return recover_unmarked(text, "AW: Termin", UTC)


#: How Balsa introduces what it forwards, in its languages.
BALSA = {
    "de": "Am 23.11.2026 09:15:00 schrieb(en) {}:",
    "nl": "Op 23-11-26 09:15:00 schreef {}:",
    "fr": "Le 23/11/2026 09:15:00, {} a écrit\u00a0:",
    "fr, narrow": "Le 23/11/2026 09:15:00, {} a écrit\u202f:",
    "en": "On 11/23/2026 09:15:00 AM, {} wrote:",
    "es": "El 23/11/26 09:15:00, {} escribió:",
    "it": "In data 23/11/2026 09:15:00, {} ha scritto:",
    "pl": "W\u00a0dniu 23.11.2026 09:15:00, {} napisał(a):",
    "sv": "Den 2026-11-23 09:15:00 skrev {}:",
    "da": "Den 23-11-2026 09:15:00, skrev {}:",
    "pt": "Em 23/11/2026 09:15:00 {} escreveu:",
    "cs": "Dne 23.11.2026 09:15:00 napsal {}:",
}


@pytest.mark.parametrize("name", ["Ann Müller-Bäcker", "Sanne de Vries", "Ann", "ann"])
@pytest.mark.parametrize("introduction", BALSA.values(), ids=BALSA)
def test_an_introduction_of_a_program_is_known_without_address_or_quotation(
    introduction: str, name: str
) -> None:
    found = _found(f"{OWN}\n\n{introduction.format(name)}\n{BODY}\n")

    assert found is not None
    assert found.heading is not None
    assert found.heading.sender is not None
    assert (name, SENT) == (found.heading.sender.name, found.heading.date)
    assert (OWN, BODY, "AW: Termin") == (found.staff_text, found.text, found.heading.subject)


@pytest.mark.parametrize(
    "introduction",
    [
        "Am 23.11.2026 um 09:15 Uhr schrieb Ann Roe:",
        "Am Mo., 23. Nov. 2026 um 09:15 Uhr schrieb Ann Roe:",
        "Ann Roe schrieb am 23.11.2026 um 09:15:",
        "Ann Roe schrieb am 23. November 2026 um 09:15 Uhr:",
        "Le lun. 23 nov. 2026 à 09:15, Ann Roe a écrit\u00a0:",
        "Le 23/11/2026 à 09:15,\nAnn Roe a écrit\u00a0:",
        "Le 23/11/2026 à 09:15,\nAnn Roe a écrit :",
        "Il giorno lun 23 nov 2026 alle ore 09:15 Ann Roe ha scritto:",
        "Ann Roe ha scritto il 23/11/2026 09:15:",
        "W dniu pon., 23.11.2026 o 09:15 Ann Roe pisze:",
        "Dnia 23 listopada 2026 09:15 Ann Roe napisała:",
        "23.11.2026 09:15, Ann Roe пишет:",
    ],
)
@pytest.mark.parametrize("own", [f"{OWN}\n\n", ""])
def test_an_introduction_says_nothing_but_who_wrote_and_when(own: str, introduction: str) -> None:
    found = _found(f"{own}{introduction}\n\n{BODY}\n\nOn 3 March, Bob wrote:\nHello\n")

    assert found is not None
    assert found.heading is not None
    assert found.heading.sender is not None
    assert ("Ann Roe", SENT) == (found.heading.sender.name, found.heading.date)
    assert own.strip() == found.staff_text
    assert f"{BODY}\n\nOn 3 March, Bob wrote:\nHello" == found.text


@pytest.mark.parametrize(
    "sentence",
    [
        "Wie besprochen am 23.11.2026 09:15 schrieb Ann Roe:",
        "Ann Roe hat am 23.11.2026 um 09:15 am Telefon geschrieben:",
        "Ann Roe schrieb am 23.11.2026 um 09:15 Uhr auf WhatsApp:",
        "Ann Roe schrieb am 23.11.2026:",
        "Ann schrieb am 23.11.2026 um 09:15 Uhr:",
        "Vous avez écrit le 23/11/2026 09:15\u00a0:",
        "Le 23/11/2026 à 09:15, vous avez écrit\u00a0:",
        "Le candidat a écrit\u00a0:",
        "Sie haben am 23.11.2026 um 09:15 geschrieben:",
        "Ha scritto il 23/11/2026 09:15:00:",
        "Termin am 23.11.2026 um 09:15:00 mit Ann Roe:",
        "Kurz zur Lage:\nAnn Roe schrieb am 23.11.2026 um 09:15:",
        "Ann Roe schrieb am 23.11.2026 um 09:15: sie kommt.",
    ],
)
def test_a_sentence_of_ones_own_introduces_no_mail(sentence: str) -> None:
    assert _found(f"{OWN}\n\n{sentence}\n{BODY}\n") is None


def test_an_introduction_with_nothing_below_introduces_no_mail() -> None:
    assert _found(f"{OWN}\n\nAnn Roe schrieb am 23.11.2026 um 09:15:\n\n") is None


def test_introductions_without_end_cost_little() -> None:
    text = "\n\n".join(["Ann Roe schrieb am 23.11.2026 um 09:15 Uhr und:"] * 3_000)

    assert cost_of(lambda: _found(text)) < 1
