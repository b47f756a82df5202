"""What the content of a part is, whatever stands behind the name of its encoding."""

from base64 import b64encode
from email import message_from_bytes, message_from_string

import pytest

from gateway.core.mail.transfer_encoding import decoded_payload, transfer_encoding
from gateway.inbound.reading.bounces.reports import header_of_original
from gateway.inbound.reading.source import read_source
from gateway.inbound.reading.texts import decoded_text

QUOTED, BASE64 = "Gr=C3=BC=C3=9Fe\n", "R3LDvMOfZQo=\n"


@pytest.mark.parametrize(
    ("written", "content"),
    [
        ("quoted-printable", QUOTED),
        ("Quoted-Printable ", QUOTED),
        ("quoted-printable; x=y", QUOTED),
        ("quoted-printable;", QUOTED),
        ("(as (it) is) quoted-printable", QUOTED),
        ("base64", BASE64),
        (" BASE64 ", BASE64),
        ("base64;", BASE64),
        ("base64 (x)", BASE64),
    ],
)
def test_an_encoding_is_known_by_its_token(written: str, content: str) -> None:
    part = message_from_string(
        "Content-Type: text/plain; charset=utf-8\n"
        f"Content-Transfer-Encoding: {written}\n\n{content}"
    )

    assert transfer_encoding(part) in ("quoted-printable", "base64")
    assert "Grüße\n".encode() == decoded_payload(part)
    assert "Grüße\n" == decoded_text(part)


@pytest.mark.parametrize("written", ["7bit", "8bit", "binary", "unknown; x", "", "()"])
def test_what_is_not_encoded_stays_as_it_is(written: str) -> None:
    part = message_from_string(f"Content-Transfer-Encoding: {written}\n\n{QUOTED}")

    assert QUOTED.encode() == decoded_payload(part)


@pytest.mark.parametrize("written", ["8bit", "8bit ", "8bit;", "binary (x)", "quoted-printable;"])
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-15"])
def test_octets_that_are_not_encoded_stay_whatever_their_encoding_is_said_to_be(
    written: str, charset: str
) -> None:
    content = "Grüße, 5 €\n".encode(charset)
    head = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {written}\n\n"

    part = message_from_bytes(head.encode() + content)

    assert content == decoded_payload(part)
    assert "Grüße, 5 €\n" == decoded_text(part)


@pytest.mark.parametrize("written", ["base64", "base64;", "base64 (x)"])
def test_the_header_in_a_report_is_decoded(written: str) -> None:
    encoded = b64encode(b"Message-ID: <mailing@office.example>\n\n").decode()
    part = message_from_string(
        f"Content-Type: text/rfc822-headers\nContent-Transfer-Encoding: {written}\n\n{encoded}"
    )

    assert "<mailing@office.example>" == header_of_original(part).text("message-id")


@pytest.mark.parametrize("written", ["quoted-printable", "Quoted-Printable;"])
def test_source_within_a_text_is_decoded(written: str) -> None:
    mail = read_source({"Content-Transfer-Encoding": written}, QUOTED)

    assert mail is not None
    assert "Grüße" == decoded_text(mail).strip()
