"""What is signed is read as if it were not, and what is encrypted is told."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7EnvelopeBuilder,
    PKCS7Options,
    PKCS7SignatureBuilder,
)
from cryptography.x509.oid import NameOID

from tests.inbound.importer_rig import ImporterRig
from tests.inbound.mails import PDF, as_attachment, forward, original, with_file
from tests.inbound.test_notices import text as said

SIGNED = "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"
ENVELOPED = SIGNED.replace("signed", "enveloped", 1)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(SIGNED, id="RFC 8551"),
        pytest.param(
            "application/x-pkcs7-mime; name=smime.p7m", id="older, without a type of S/MIME"
        ),
        pytest.param("application/octet-stream; name=smime.p7m", id="by a name alone"),
    ],
)
async def test_a_forward_inside_its_signature_is_filed(rig: ImporterRig, kind: str) -> None:
    mail = enclosed(with_file(forward(), "Lebenslauf.pdf", PDF, "pdf"), kind)

    entry = await rig.filed(mail)

    assert ("Ann Müller", "ann@example.org") == (entry.sender_name, entry.sender)
    assert "Guten Tag,\n\ndas passt mir gut.\n\nAnn Müller" == entry.text
    assert "Bitte ablegen." == entry.staff_text
    assert ["Lebenslauf.pdf"] == [one.filename for one in entry.documents]
    assert () == entry.remarks


async def test_an_attached_mail_inside_its_signature_is_filed(rig: ImporterRig) -> None:
    inner = enclosed(with_file(original(), "Lebenslauf.pdf", PDF, "pdf"), SIGNED)

    entry = await rig.filed(as_attachment(inner))

    assert ("ann@example.org", "Ihre Bewerbung") == (entry.sender, entry.subject)
    assert "Guten Tag,\n\nGerne." == entry.text
    assert ["Lebenslauf.pdf"] == [one.filename for one in entry.documents]


async def test_what_a_program_streamed_piece_by_piece_is_read(rig: ImporterRig) -> None:
    """As BER has it: without lengths, and the content in pieces (X.690, 8.1.3.6 and 8.7.3)."""
    mail = forward()

    entry = await rig.filed(_with_content(mail, SIGNED, _streamed(_entity(mail))))

    assert "Guten Tag,\n\ndas passt mir gut.\n\nAnn Müller" == entry.text


@pytest.mark.parametrize("what", ["certificates", "cut", "nothing"])
async def test_what_holds_no_signed_mail_stays_a_file(rig: ImporterRig, what: str) -> None:
    mail = forward()
    whole = _signed(_entity(mail))
    content = {"certificates": _streamed(b""), "cut": whole[: len(whole) // 2], "nothing": b""}

    entry = await rig.filed(_with_content(mail, SIGNED, content[what]))

    assert ("no_original",) == entry.remarks
    assert ["smime.p7m"] == [one.filename for one in entry.documents]


async def test_an_encrypted_forward_is_kept_as_it_is_and_told(rig: ImporterRig) -> None:
    entry = await rig.filed(_with_content(forward(), ENVELOPED, _encrypted(forward())))

    assert ("no_original", "encrypted") == entry.remarks
    assert ["smime.p7m"] == [one.filename for one in entry.documents]
    assert "verschlüsselt" in said(rig.notices()[0])


async def test_an_encrypted_mail_that_is_attached_is_told(rig: ImporterRig) -> None:
    inner = _with_content(original(), ENVELOPED, _encrypted(original()))

    entry = await rig.filed(as_attachment(inner))

    assert ("ann@example.org", "Ihre Bewerbung") == (entry.sender, entry.subject)
    assert ("encrypted",) == entry.remarks


async def test_of_two_attached_mails_the_candidates_is_told_to_be_encrypted(
    rig: ImporterRig,
) -> None:
    mail = as_attachment(original(sender="Jo <jo@example.net>"))
    mail.add_attachment(_with_content(original(), ENVELOPED, _encrypted(original())))

    entry = await rig.filed(mail)

    assert "ann@example.org" == entry.sender
    assert "encrypted" in entry.remarks


async def test_pgp_within_a_text_is_told(rig: ImporterRig) -> None:
    armour = "-----BEGIN PGP MESSAGE-----\n\nhQEMA0\n=AbCd\n-----END PGP MESSAGE-----"

    entry = await rig.filed(forward(said=armour))

    assert ("encrypted",) == entry.remarks
    assert armour in entry.text


async def test_pgp_of_the_whole_mail_is_told(rig: ImporterRig) -> None:
    """RFC 3156, 4."""
    mail = forward(text="")
    del mail["content-type"]
    mail["Content-Type"] = 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b'
    mail.set_payload(
        "--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
        "--b\r\nContent-Type: application/octet-stream; name=encrypted.asc\r\n\r\n"
        "-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA0\r\n-----END PGP MESSAGE-----\r\n--b--\r\n"
    )

    entry = await rig.filed(mail.as_bytes())

    assert ("no_original", "encrypted") == entry.remarks


async def test_what_microsoft_protects_is_told_whatever_stands_beside_it(rig: ImporterRig) -> None:
    """MS-OXORMMS: the text tells where to read it."""
    mail = forward(text="Ann Müller has sent you a protected message.\n\nRead the message")

    entry = await rig.filed(with_file(mail, "message_v4.rpmsg", PDF, "x-microsoft-rpmsg-message"))

    assert ("no_original", "encrypted") == entry.remarks


async def test_an_encrypted_file_beside_a_text_is_a_file(rig: ImporterRig) -> None:
    entry = await rig.filed(with_file(forward(), "letter.p7m", _encrypted(forward()), "pkcs7-mime"))

    assert () == entry.remarks
    assert ["letter.p7m"] == [one.filename for one in entry.documents]


def enclosed(mail: EmailMessage, kind: str) -> EmailMessage:
    """Return a mail as its program signs it as a whole."""
    return _with_content(mail, kind, _signed(_entity(mail)))


def _entity(mail: EmailMessage) -> bytes:
    """Return what is signed: the fields about the content, and the content."""
    inner = deepcopy(mail)
    for name in list(inner):
        if not name.lower().startswith("content-"):
            del inner[name]
    return inner.as_bytes()


def _with_content(mail: EmailMessage, kind: str, content: bytes) -> EmailMessage:
    signed = EmailMessage(policy=SMTP)
    for name, value in mail.items():
        if not name.lower().startswith(("content-", "mime-")):
            signed[name] = value
    signed.set_content(content, *kind.partition(";")[0].split("/"))
    del signed["content-type"]
    signed["Content-Type"] = kind
    return signed


def _signed(content: bytes) -> bytes:
    key, certificate = _signer()
    builder = PKCS7SignatureBuilder().set_data(content)
    return builder.add_signer(certificate, key, hashes.SHA256()).sign(
        Encoding.DER, [PKCS7Options.Binary]
    )


def _encrypted(mail: EmailMessage) -> bytes:
    builder = PKCS7EnvelopeBuilder().set_data(_entity(mail)).add_recipient(_signer()[1])
    return builder.encrypt(Encoding.DER, [PKCS7Options.Binary])


def _streamed(content: bytes) -> bytes:
    """Return SignedData of nobody's (RFC 5652, 5.1), its content in pieces of 100 octets."""
    pieces = [content[at : at + 100] for at in range(0, len(content), 100)]
    octets = b"".join(b"\x04" + bytes([len(piece)]) + piece for piece in pieces)
    holder = b"\xa0\x80\x24\x80" + octets + b"\0\0" * 2 if pieces else b""
    data, signed_data = (bytes.fromhex(f"06092a864886f70d0107{last}") for last in ("01", "02"))
    inside = b"\x02\x01\x01\x31\x00\x30\x80" + data + holder + b"\0\0" + b"\x31\x00"
    return b"\x30\x80" + signed_data + b"\xa0\x80\x30\x80" + inside + b"\0\0" * 3


@cache
def _signer() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Eva Bos")])
    begins = datetime.now(UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(begins).not_valid_after(begins + timedelta(days=30))
    return key, builder.sign(key, hashes.SHA256())
