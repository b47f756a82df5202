"""Warnings of mail security products above what people wrote."""

import pytest

from gateway.core.replies.forwarded.banners import without_banner
from tests.rig.cost import cost_of

CAUTION = (
    "CAUTION: This email originated from outside of the organization. Do not click links or open"
    "\nattachments unless you recognize the sender and know the content is safe."
)

BANNERS = [
    CAUTION,
    CAUTION.replace("\n", " "),
    "[EXTERN]",
    "|EXTERNAL|",
    "*** EXTERNAL ***",
    "EXTERNE E-MAIL",
    "EXTERNAL EMAIL: Do not click any links or open any attachments unless you trust the sender.",
    "WARNING: This message was sent from outside your organization.\n"
    "Do not click links or open attachments unless you recognize the sender.",
    "This message came from an external sender. Please be careful with links.",
    "---------------------------------------\nThis email is from outside the company.\n"
    "---------------------------------------",
    "You don't often get email from ann@example.org. Learn why this is important",
    "ACHTUNG: Diese E-Mail stammt von außerhalb der Organisation. Klicken Sie nicht auf Links.",
    "Vorsicht: Externe E-Mail! Öffnen Sie keine Anhänge von unbekannten Absendern.",
    "Diese Nachricht wurde von einem externen Absender gesendet.",
    "Sie erhalten nicht häufig E-Mails von ann@example.org. Erfahren Sie, warum dies wichtig ist",
    "LET OP: Deze e-mail is afkomstig van buiten de organisatie. Klik niet op links en open geen\n"
    "bijlagen tenzij u de afzender herkent.",
    "Waarschuwing: dit bericht komt van een externe afzender. Open geen bijlagen.",
    "U ontvangt niet vaak e-mail van ann@example.org. Ontdek waarom dit belangrijk is",
    "ATTENTION : Ce courriel provient de l'extérieur de l'organisation. Ne cliquez pas sur les "
    "liens.",
    "Ce message provient d'un expéditeur externe. N'ouvrez pas les pièces jointes.",
    "This Message Is From an Untrusted Sender\n"
    "You have not previously corresponded with this sender.",
    "WARNING: This email is from an external source.\nBe careful with links and attachments.",
    "External sender - be careful with links",
    "Externe E-Mail: Bitte Vorsicht bei Links und Anhängen",
    "Externe mail: wees voorzichtig met links en bijlagen",
    "External Email: Use Caution",
    "EXTERNAL SENDER: verify before you click",
    "Security notice: this email was sent by an external sender.",
    "EXTERNER ABSENDER",
    "Sicherheitshinweis: Diese Nachricht stammt von einem externen Absender.",
    "Beveiligingsmelding: dit bericht komt van een externe afzender.",
    "MESSAGE EXTERNE",
    "Courriel externe : soyez vigilant, ne cliquez pas sur les liens.",
    "Avis de sécurité : ce message provient d'une adresse externe.",
    "ZjQcmQRYFpfptBannerStart\nThis Message Is From an External Sender\n"
    "This message came from outside your organization.\n\nZjQcmQRYFpfptBannerEnd",
]
WORDS = [
    "Achtung: der Kandidat kommt erst um 11 Uhr.",
    "Let op: kandidaat belt morgen.",
    "Attention : le candidat arrive demain.",
    "Hinweis: Er ist extern angestellt.",
    "Bitte die Anhänge öffnen und ablegen.",
    "Please open the attachments.",
    "Diese Mail bitte ablegen.",
    "-- \nEva",
    "Important: she starts in May.",
    "External candidates are welcome.",
    "Diese E-Mail schreibe ich aus dem Urlaub außerhalb Europas.",
    "Deze mail stuur ik van buiten de stad.",
    "Hinweis: Anhänge öffnen Sie bitte mit Word.",
    "Achtung: bitte öffnen Sie den Anhang.",
    "Important: please open the attachment from an outside browser.",
    "Caution: do not open my old attachment, I sent the wrong file.",
    "Vorsicht bei den Anhängen: zwei davon sind vertauscht.",
    "Please be careful with the attachments, one is a scan.",
    "Sicherheitshinweis für den Termin: Ausweis mitbringen.",
    "Use caution with her salary claim.",
]


@pytest.mark.parametrize("below", ["\n\n", "\n\n\n"])
@pytest.mark.parametrize("banner", BANNERS)
def test_a_warning_above_a_text_is_none_of_it(banner: str, below: str) -> None:
    assert without_banner(f"{banner}{below}Guten Tag,\n\nes passt.") == "Guten Tag,\n\nes passt."


@pytest.mark.parametrize("banner", BANNERS)
def test_a_warning_directly_above_a_text_is_none_of_it(banner: str) -> None:
    if banner.endswith((".", "|", "]", "-", "*")):
        assert without_banner(f"{banner}\nGuten Tag,\nes passt.") == "Guten Tag,\nes passt."


@pytest.mark.parametrize(
    "banner",
    [
        "This message originated from outside your organization",
        "EXTERNAL SENDER",
        "U ontvangt niet vaak e-mail van ann@example.org. Ontdek waarom dit belangrijk is",
        "Sie erhalten nicht häufig E-Mails von ann@x.example. Erfahren Sie, warum dies wichtig ist",
    ],
)
def test_a_warning_without_a_full_stop_eats_no_line_below(banner: str) -> None:
    assert "Guten Tag,\nes passt." == without_banner(f"{banner}\nGuten Tag,\nes passt.")


@pytest.mark.parametrize("text", WORDS)
def test_what_people_write_themselves_stays(text: str) -> None:
    assert f"{text}\n\nMehr." == without_banner(f"{text}\n\nMehr.")


@pytest.mark.no_cover  # being traced costs time of its own
@pytest.mark.parametrize("piece", ["CAUTION ", "external ", "this mail ", "- ", "[", "open ", "\n"])
def test_a_megabyte_of_anything_costs_little(piece: str) -> None:
    assert cost_of(lambda: without_banner(piece * (1_000_000 // len(piece)))) < 0.4
    assert cost_of(lambda: without_banner((piece * 180 + "\n") * 5_000)) < 0.4
