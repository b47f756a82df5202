"""The fields, parts and encodings of the gateway's own mail, always in the same form.

`email.message.EmailMessage` won't do: with `policy.SMTP` it writes ids of some 70 octets in
`References` and `In-Reply-To` as encoded words, against RFC 2047 (5) (seen with Python 3.11), and a
report would not be threaded with the mail it is about.
"""

import quopri
from collections.abc import Iterable, Sequence
from email.header import Header


def field_lines(fields: Iterable[str]) -> bytes:
    """Return fields such as `Date: …` as lines ending in CR LF, in UTF-8."""
    return "".join(f"{field}\r\n" for field in fields).encode()


def subject_field(subject: str) -> str:
    """Return a `Subject` field for one line of text, folded, encoded if non-ASCII (RFC 2047)."""
    charset = "us-ascii" if subject.isascii() else "utf-8"
    value = Header(subject, charset, header_name="Subject").encode(linesep="\r\n")
    return f"Subject: {value}"


def part(fields: Iterable[str], content: bytes) -> bytes:
    """Return a body part: its fields, an empty line, its content."""
    return b"%s\r\n%s" % (field_lines(fields), content)


def text_part(text: str, subtype: str = "plain") -> bytes:
    """Return a text body part; its lines end in whatever ends lines in Python."""
    fields = (
        f"Content-Type: text/{subtype}; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
    )
    # A CR would go out twice, or alone, which mail servers refuse (RFC 5321, 2.3.8).
    lines = "\n".join(text.splitlines())
    return part(fields, quoted_printable(f"{lines}\n".encode()))


def quoted_printable(octets: bytes) -> bytes:
    r"""Encode octets as quoted-printable (RFC 2045, 6.7); `\n` is a line end."""
    return quopri.encodestring(octets).replace(b"\n", b"\r\n")


def multipart(parts: Sequence[bytes], boundary: str) -> bytes:
    """Return the content of a multipart (RFC 2046, 5.1); no part may contain the boundary."""
    delimiter = b"--" + boundary.encode()
    body = b"".join(b"%s\r\n%s\r\n" % (delimiter, part) for part in parts)
    return b"%s%s--\r\n" % (body, delimiter)
