"""What OpenPGP signed within a text is read without what signs it (RFC 9580, 7)."""

import pytest

from gateway.core.replies.forwarded.clear_signed import unsigned_lines, unsigned_text
from tests.core.finding import find_original
from tests.rig.cost import cost_of

SIGNATURE = """-----BEGIN PGP SIGNATURE-----
Version: GnuPG v2

iHUEARYKAB0WIQT1x2Bq0s0m1Xw1vJw2c9wJv2m9bAUCaabc1AAKCRB2c9wJv2m9
=abcd
-----END PGP SIGNATURE-----"""
END = "-----END PGP SIGNATURE-----"
REPLY = "Guten Tag,\n\n- erstens\n> - zitiert\n\n-- \nAnn"
FORWARD = """Bitte ablegen.

-----Original Message-----
From: Ann Müller <ann@example.org>
Sent: Mittwoch, 4. März 2026 10:11
To: Eva Bos <eva@office.example>
Subject: AW: Ihre Bewerbung

{said}"""


def signed(text: str, fields: str = "Hash: SHA256\n") -> str:
    """Sign a text as GnuPG does."""
    lines = (f"- {line}" if line.startswith("-") else line for line in text.split("\n"))
    return "\n".join(
        (f"-----BEGIN PGP SIGNED MESSAGE-----\n{fields}", "\n".join(lines) + f"\n{SIGNATURE}")
    )


def quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.split("\n"))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (signed(REPLY), REPLY),
        (signed(REPLY, fields=""), REPLY),
        (signed(REPLY, fields="Hash: SHA256\nCharset: utf-8\n"), REPLY),
        (f"Vorab\n{signed(REPLY)}\ndanach", f"Vorab\n{REPLY}\ndanach"),
        (f"{signed('a')}\n{signed('b')}", "a\nb"),
        (signed(signed(REPLY)), REPLY),
        (signed(quoted(signed(REPLY))), quoted(REPLY)),
        (quoted(signed(REPLY)), quoted(REPLY)),
        (signed(REPLY).replace("\n", "\r\n"), REPLY),
        (signed("a").removesuffix(f"=abcd\n{END}") + "\nnoch was", "a\nnoch was"),
        (signed("a").removesuffix(f"\n=abcd\n{END}"), "a"),
    ],
    ids=[
        "signed",
        "without fields",
        "with a charset",
        "a part of a text",
        "two parts",
        "signed twice",
        "signed around a quote that is signed",
        "quoted",
        "CRLF",
        "end of the signature missing",
        "cut within the signature",
    ],
)  # fmt: skip
def test_what_is_signed_is_read_as_it_was_before(written: str, expected: str) -> None:
    assert expected == unsigned_text(written)


@pytest.mark.parametrize(
    "text",
    [
        "Guten Tag,\n- erstens\n-- \nAnn",
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n- zweitens",
        f"> -----BEGIN PGP SIGNED MESSAGE-----\n\nx\n{SIGNATURE}",
        f"Was -----BEGIN PGP SIGNED MESSAGE----- bedeutet.\n{SIGNATURE}",
    ],
    ids=["not signed", "without a signature", "quoted, its signature not", "named in a sentence"],
)
def test_all_else_stays_as_it_is(text: str) -> None:
    assert text == unsigned_text(text)


@pytest.mark.parametrize(
    "text",
    [
        signed(FORWARD.format(said=REPLY)),
        FORWARD.format(said=signed(REPLY)),
        signed(FORWARD.format(said=signed(REPLY))),
    ],
    ids=["signed by staff", "signed by the candidate", "by both"],
)
def test_a_signed_forward_is_found_like_any_other(text: str) -> None:
    plain = find_original(FORWARD.format(said=REPLY))

    original = find_original(unsigned_text(text))

    assert plain is not None
    assert original is not None
    assert (plain.heading, plain.body, plain.own_text) == (
        original.heading,
        original.body,
        original.own_text,
    )


def test_each_line_says_which_one_it_was() -> None:
    lines = signed("- a").split("\n")

    assert [(3, "- a")] == unsigned_lines(lines)


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PGP SIGNED MESSAGE-----\n" * 40_000,
        f"{SIGNATURE}\n" * 10_000,
        "-----BEGIN PGP SIGNED MESSAGE-----\n-----BEGIN PGP SIGNATURE-----\n" * 20_000,
        "> " * 300_000 + "-----BEGIN PGP SIGNED MESSAGE-----\n-----BEGIN PGP SIGNATURE-----",
    ],
    ids=["begins", "signatures", "both", "deeply quoted"],
)
def test_hostile_texts_cost_less_than_a_second(text: str) -> None:
    signed_text = f"{text}\n-----BEGIN PGP SIGNED MESSAGE-----"

    assert 1 > cost_of(lambda: unsigned_text(signed_text))
