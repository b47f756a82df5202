"""Forwarded mail as less common clients write it."""

import pytest

from gateway.core.replies.forwarded.mailboxes import Mailbox
from gateway.core.replies.forwarded.original import Original
from tests.core.finding import find_original

OWN = "Bitte ablegen.\n\nBob"
HEADER = "Von: Ann <ann@example.org>\nGesendet: 4. März 2026 10:11\nAn: Bob <bob@example.com>\n"

CLIENTS = {
    "zoho": (
        "============ Forwarded message ============\n"
        "From: Ann <ann@example.org>\n"
        "To: <bob@example.com>\n"
        "Date: Wed, 04 Mar 2026 10:11:00 +0000\n"
        "Subject: Termin\n"
        "============ Forwarded message ============\n"
        "\n"
        "Guten Tag,\n"
        "\n"
        "passt."
    ),
    "kmail": (
        "----------  Weitergeleitete Nachricht  ----------\n"
        "\n"
        "Subject: Termin\n"
        "Date: Mittwoch, 4. März 2026, 10:11:00 GMT\n"
        "From: Ann <ann@example.org>\n"
        "To: bob@example.com\n"
        "\n"
        "Guten Tag,\n"
        "\n"
        "passt.\n"
        "-----------------------------------------"
    ),
    "mutt": (
        "----- Forwarded message from Ann <ann@example.org> -----\n"
        "\n"
        "Date: Wed, 4 Mar 2026 10:11:00 +0000\n"
        "From: Ann <ann@example.org>\n"
        "To: bob@example.com\n"
        "Subject: Termin\n"
        "User-Agent: Mutt/1\n"
        "\n"
        "Guten Tag,\n"
        "\n"
        "passt.\n"
        "\n"
        "----- End forwarded message -----"
    ),
    "horde": (
        "----- Weitergeleitete Nachricht von Ann <ann@example.org> -----\n"
        "     Datum: Wed, 04 Mar 2026 10:11:00 +0000\n"
        "       Von: Ann <ann@example.org>\n"
        " Antwort an: Ann <ann@example.org>\n"
        "   Betreff: Termin\n"
        "        An: bob@example.com\n"
        "\n"
        "Guten Tag,\n"
        "\n"
        "passt.\n"
        "\n"
        "----- Ende der weitergeleiteten Nachricht -----"
    ),
    "proton": (
        "------- Forwarded Message -------\n"
        "From: Ann <ann@example.org>\n"
        "Date: On Wednesday, March 4th, 2026 at 10:11\n"
        "Subject: Termin\n"
        "To: bob@example.com <bob@example.com>\n"
        "\n"
        "> Guten Tag,\n"
        ">\n"
        "> passt."
    ),
    "samsung": (
        "-------- Ursprüngliche Nachricht --------\n"
        "Von: Ann <ann@example.org>\n"
        "Datum: 04.03.26 10:11 (GMT+00:00)\n"
        "An: bob@example.com\n"
        "Betreff: Termin\n"
        "\n"
        "Guten Tag,\n"
        "\n"
        "passt."
    ),
    "gmx": (
        "Gesendet: Mittwoch, 04. März 2026 um 10:11 Uhr\n"
        'Von: "Ann" <ann@example.org>\n'
        "An: bob@example.com\n"
        "Betreff: Termin\n"
        "Guten Tag,\n"
        "\n"
        "passt."
    ),
    "notes": (
        "----- Weitergeleitet von Bob/ACME am 04.03.2026 12:46 -----\n"
        "\n"
        "Von:    Ann <ann@example.org>\n"
        "An:     bob@example.com\n"
        "Kopie:\n"
        "Datum:  04.03.2026 10:11\n"
        "Betreff:        Termin\n"
        "\n"
        "\n"
        "\n"
        "Guten Tag,\n"
        "\n"
        "passt."
    ),
    "roundcube": (
        "-------- Originele bericht --------\n"
        "Onderwerp: Termin\n"
        "Datum: 2026-03-04 10:11\n"
        "Afzender: Ann <ann@example.org>\n"
        "Ontvanger: bob@example.com\n"
        "\n"
        "Guten Tag,\n"
        "\n"
        "passt."
    ),
    "markdown": (
        "---------- Forwarded message ---------\n"
        "From: **Ann** <[ann@example.org](mailto:ann@example.org)>\n"
        "Date: Wed, Mar 4, 2026 at 10:11 AM\n"
        "Subject: Termin\n"
        "To: <[bob@example.com](mailto:bob@example.com)>\n"
        "\n"
        "Guten Tag,\n"
        "\n"
        "passt."
    ),
    "outlookdesktop-nosep": (
        "Von: Ann [mailto:ann@example.org]\n"
        "Gesendet: Mittwoch, 4. März 2026 10:11\n"
        "An: 'bob@example.com'\n"
        "Cc: Müller, Max; Roe, Jo\n"
        "Betreff: Termin\n"
        "Wichtigkeit: Hoch\n"
        "\n"
        "Guten Tag,\n"
        "\n"
        "passt."
    ),
    "evolution": (
        "-------- Weitergeleitete Nachricht --------\n"
        "Von: Ann <ann@example.org>\n"
        "Antwort an: x@example.org\n"
        "An: bob@example.com\n"
        "Betreff: Termin\n"
        "Datum: Wed, 04 Mar 2026 10:11:00 +0000\n"
        "\n"
        "Guten Tag,\n"
        "\n"
        "passt."
    ),
    "fastmail": (
        "----- Original message -----\n"
        "From: Ann <ann@example.org>\n"
        "To: bob@example.com\n"
        "Subject: Termin\n"
        "Date: Wednesday, March 04, 2026 10:11 AM\n"
        "\n"
        "Guten Tag,\n"
        "\n"
        "passt."
    ),
    "outlook app": (
        "________________________________\n"
        "Von: Ann <ann@example.org>\n"
        "Gesendet: Mittwoch, März 4, 2026 10:11 AM\n"
        "An: bob@example.com <bob@example.com>\n"
        "Betreff: Termin\n"
        "\n"
        "Guten Tag,\n"
        "\n"
        "passt."
    ),
    "spark": (
        "---------- Weitergeleitete Nachricht ----------\n"
        "Von: Ann <ann@example.org>\n"
        "Datum: Am 4. März 2026 um 10:11 +0000\n"
        "An: bob@example.com\n"
        "Betreff: Termin\n"
        "\n"
        "> Guten Tag,\n"
        ">\n"
        "> passt."
    ),
    "nested quote": (
        "> -----Ursprüngliche Nachricht-----\n"
        "> Von: Ann <ann@example.org>\n"
        "> Gesendet: Mittwoch, 4. März 2026 10:11\n"
        "> An: bob@example.com\n"
        "> Betreff: Termin\n"
        ">\n"
        "> Guten Tag,\n"
        ">\n"
        "> passt."
    ),
    "no colon space": (
        "Von:Ann<ann@example.org>\n"
        "Gesendet:4.3.2026 10:11\n"
        "An:bob@example.com\n"
        "Betreff:Termin\n"
        "\n"
        "Guten Tag,\n"
        "\n"
        "passt."
    ),
    "to without address": (
        "From: Ann <ann@example.org>\n"
        "Sent: Wednesday, March 4, 2026 10:11 AM\n"
        "To: Recruiting\n"
        "Subject: Termin\n"
        "\n"
        "Guten Tag,\n"
        "\n"
        "passt."
    ),
    "yahoo newlines": (
        "  ----- Weitergeleitete Nachricht -----\n"
        "Von: Ann <ann@example.org>An: bob@example.com <bob@example.com>"
        "Gesendet: Mittwoch, 4. März 2026 um 10:11:00 MEZBetreff: Termin\n"
        "Guten Tag,\n"
        "\n"
        "passt."
    ),
    "pl dw nocolon own line": (
        "----- Przekazana wiadomość -----\n"
        "Od: Ann <ann@example.org>\n"
        "Do: bob@example.com\n"
        "Dw Max <max@example.org>\n"
        "Wysłano: środa, 4 marca 2026, 10:11:00 CET\n"
        "Temat: Termin\n"
        "\n"
        "Guten Tag,\n"
        "\n"
        "passt."
    ),
}


def _found(text: str) -> Original:
    found = find_original(text)
    assert found is not None
    return found


@pytest.mark.parametrize("text", CLIENTS.values(), ids=CLIENTS)
def test_clients_with_ways_of_their_own_are_read(text: str) -> None:
    found = _found(f"{OWN}\n\n{text}")

    assert Mailbox("Ann", "ann@example.org") == found.heading.sender
    assert found.heading.subject == "Termin"
    assert found.heading.date is not None
    assert found.heading.date.strftime("%Y-%m-%d %H:%M") == "2026-03-04 10:11"
    assert found.body == "Guten Tag,\n\npasst."
    assert OWN == found.own_text


def test_the_french_line_above_a_quote_is_not_the_forwarders() -> None:
    text = (
        "Oben\n\n> Message du 04/03/26 10:11\n> De : Ann <ann@example.org>\n> Objet : x\n>\n> Hallo"
    )

    assert _found(text).own_text == "Oben"


def test_a_rule_above_a_disclaimer_does_not_end_the_mail() -> None:
    body = "Hallo\n\n________________\nThis mail is confidential."

    assert _found(f"{HEADER}\n{body}").body == body


def test_a_signature_between_dashes_above_a_separator_is_the_forwarders() -> None:
    text = f"Oben\n--- Bob Meier ---\n\n-----Original Message-----\n{HEADER}\nHallo"

    found = _found(text)

    assert found.own_text == "Oben\n--- Bob Meier ---"
    assert found.body == "Hallo"
