"""What the content of a part is, whatever stands behind the name of its encoding."""

from email import message_from_string

import pytest

from gateway.inbound.reading.texts import decoded_text
from gateway.inbound.reading.transfer_encoding import decoded_payload, transfer_encoding

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
