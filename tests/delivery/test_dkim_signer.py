"""Mail of the gateway's own is signed as receivers check it (RFC 6376, RFC 8463)."""

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from gateway.core.mail.address import a_label
from gateway.delivery.dkim_signer import BadDkimKey, DkimKey, DkimSigner, new_key, read_key

MAIL = (
    b"From: Ann <ann@mail.example.org>\r\nTo: bob@example.net\r\nSubject: Nieuws\r\n"
    b"Date: Sat, 28 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n"
    b"List-Unsubscribe: <https://mail.example.org/u/x>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nDag!\r\n.\r\n"
)


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def short_key() -> rsa.RSAPrivateKey:
    """Return a key of 511 bits: libraries make none below 1024 any more."""
    p, q, e = 2**255 - 19, 2**256 - 189, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    return rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public
    ).private_key()


RSA = read_key(pem(rsa.generate_private_key(65537, 2048)), domain="example.org", selector="r1")
ED = read_key(pem(ed25519.Ed25519PrivateKey.generate()), domain="example.org", selector="e1")


def is_valid(mail: bytes, *keys: DkimKey) -> list[bool]:
    """Check each signature of a mail with the records of keys as the DNS has them."""
    records = {f"{key.name}.".encode(): key.record.encode() for key in keys}
    checker = dkim.DKIM(mail)

    def is_one_valid(number: int) -> bool:
        try:
            found = checker.verify(number, dnsfunc=lambda name, timeout=5: records.get(name))
        except dkim.ValidationError:  # what it says of a body that was changed
            return False
        return bool(found)

    return [is_one_valid(number) for number in range(mail.lower().count(b"dkim-signature:"))]


@pytest.mark.parametrize("blank", [b"\v", b"\f"], ids=["VT", "FF"])
def test_a_header_with_a_blank_that_is_none_to_dkim_is_signed_as_it_stands(blank: bytes) -> None:
    """OpenDKIM 2.11 and Mail::DKIM 1.2 found dkimpy's relaxed form of it altered."""
    mail = MAIL.replace(b"Nieuws", b"Nieuws" + blank + b"van Ann")

    signed = DkimSigner([RSA]).sign(mail)

    assert b" c=simple/relaxed;" in signed
    assert [True] == is_valid(signed, RSA)
    assert b" c=relaxed/relaxed;" in DkimSigner([RSA]).sign(MAIL + blank)


@pytest.mark.parametrize("line", [b"From a@x Mon Nov 30 2026\r\n", b">From a@x Mon Nov 30\r\n"])
def test_the_line_of_an_mbox_file_stays_on_top_and_is_not_signed(line: bytes) -> None:
    signed = DkimSigner([RSA]).sign(line + MAIL)

    assert signed.startswith(line + b"DKIM-Signature: ")
    # Postfix makes a field of the line.
    assert [True] == is_valid(b"X-Mailbox-Line: " + signed, RSA)


@pytest.mark.parametrize("key", [RSA, ED], ids=["RSA", "Ed25519"])
def test_a_signature_is_valid(key: DkimKey) -> None:
    assert [True] == is_valid(DkimSigner([key]).sign(MAIL), key)


def test_each_key_of_a_domain_signs() -> None:
    assert [True, True] == is_valid(DkimSigner([RSA, ED]).sign(MAIL), RSA, ED)


@pytest.mark.parametrize(
    "field",
    [
        b"From: Eve <eve@example.org>",
        b"Subject: Another",
        b"Date: Sun, 29 Nov 2026 10:00:00 +0000",
        b"To: eve@example.net",
        b"List-Unsubscribe: <https://evil.example>",
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ],
)
def test_nobody_can_put_another_field_above(field: bytes) -> None:
    signed = DkimSigner([RSA]).sign(MAIL)

    assert [False] == is_valid(field + b"\r\n" + signed, RSA)


@pytest.mark.parametrize(
    ("has", "added"),
    [
        (b"List-Unsubscribe: <mailto:a@example.org>", b"List-Unsubscribe-Post: x=y"),
        (b"List-Unsubscribe-Post: x=y", b"List-Unsubscribe: <https://evil.example>"),
    ],
)
def test_nobody_can_add_the_link_that_a_mail_lacks(has: bytes, added: bytes) -> None:
    """RFC 8058, 4: the button of a mail program rests on both fields."""
    fields, body = MAIL.split(b"List-Unsubscribe:")[0], b"\r\n\r\nDag!\r\n"
    signed = DkimSigner([RSA]).sign(fields + has + body)

    assert [True] == is_valid(signed, RSA)
    assert [False] == is_valid(added + b"\r\n" + signed, RSA)


def test_a_mailing_list_can_add_its_links_to_a_letter() -> None:
    fields = MAIL.split(b"List-Unsubscribe:")[0]
    signed = DkimSigner([RSA]).sign(fields + b"\r\nDag!\r\n")

    assert [True] == is_valid(b"List-Unsubscribe: <https://lists.example>\r\n" + signed, RSA)


def test_a_changed_text_is_noticed() -> None:
    signed = DkimSigner([RSA]).sign(MAIL)

    assert [False] == is_valid(signed.replace(b"Dag!", b"Dag?"), RSA)


@pytest.mark.parametrize(
    "sender",
    [b"ann@elsewhere.example", b"ann@notexample.org", b"", b"ann@example.org.evil.example"],
)
def test_mail_from_elsewhere_is_not_signed(sender: bytes) -> None:
    mail = MAIL.replace(b"ann@mail.example.org", sender)

    assert mail == DkimSigner([RSA]).sign(mail)


@pytest.mark.parametrize(
    "author",
    [
        b"Ann <ANN@EXAMPLE.ORG>",
        b"Ann\r\n <ann@example.org>",
        b"Visser, Ann <ann@example.org>",  # As Outlook's users type it.
        b'"eve@elsewhere.example" <ann@example.org>',
        b"=?utf-8?q?Eve_=3Ceve=40elsewhere=2Eexample=3E?= <ann@example.org>",
        b"ann@example.org (Visser, Ann)",
        b"ann@example.org.",
        "Ré <ann@example.org>".encode("latin-1"),
    ],
)
def test_who_wrote_is_found_however_it_is_written(author: bytes) -> None:
    mail = MAIL.replace(b"Ann <ann@mail.example.org>", author)

    assert [True] == is_valid(DkimSigner([RSA]).sign(mail), RSA)


@pytest.mark.parametrize(
    "mail",
    [
        # A name that looks like an address of ours doesn't make it ours.
        MAIL.replace(
            b"Ann <ann@mail.example.org>",
            b"=?utf-8?q?Ann_=3Cann=40mail=2Eexample=2Eorg=3E?= <eve@elsewhere.example>",
        ),
        MAIL.replace(
            b"Ann <ann@mail.example.org>", b'"ann@mail.example.org" <eve@elsewhere.example>'
        ),
        # Which of two authors somebody sees nobody knows (RFC 5322, 3.6: one From).
        b"From: eve@elsewhere.example\r\n" + MAIL,
        MAIL.replace(b"\r\n\r\n", b"\r\nFrom: eve@elsewhere.example\r\n\r\n", 1),
    ],
)
def test_nobody_else_is_signed_for(mail: bytes) -> None:
    assert mail == DkimSigner([RSA]).sign(mail)


def test_a_domain_in_letters_of_its_own_is_signed_for() -> None:
    key = read_key(new_key(ed25519=True), domain="Größe.Example", selector="s")
    mail = MAIL.replace(b"ann@mail.example.org", "ann@größe.example".encode())

    assert f"{a_label('größe')}.example" == key.domain
    assert [True] == is_valid(DkimSigner([key]).sign(mail), key)


def test_the_key_of_the_nearest_domain_signs() -> None:
    nearer = read_key(
        pem(ed25519.Ed25519PrivateKey.generate()), domain="mail.example.org", selector="m"
    )

    signed = DkimSigner([RSA, nearer]).sign(MAIL)

    assert [True] == is_valid(signed, nearer)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "no private key"),
        (pem(short_key()), "has 511 bits: at least 1024"),
        (pem(rsa.generate_private_key(65537, 1024)).replace(b"M", b"N", 3), "no private key"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither an RSA nor an Ed25519"),
    ],
)
def test_a_key_that_cannot_sign_is_refused(text: bytes, problem: str) -> None:
    with pytest.raises(BadDkimKey, match=problem):
        read_key(text, domain="example.org", selector="x")


def test_private_keys_are_not_shown() -> None:
    assert "PRIVATE" not in repr(RSA)
