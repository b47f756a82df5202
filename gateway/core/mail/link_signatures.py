"""Whether a mail's unsubscribe fields are signed; receivers show no button otherwise.

    DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=k1; h=From:To:List-Unsubscribe:
        List-Unsubscribe-Post; bh=…; b=…

RFC 8058 (3.1, 4) requires both in `h=` of a valid signature. Whether it is valid is another
question: only the receiver has the mail as it arrived.
"""

import re
from dataclasses import dataclass

from gateway.core.mail.headers import Headers

#: A signature must cover both (RFC 8058, 4).
UNSUBSCRIBE_FIELDS = ("list-unsubscribe", "list-unsubscribe-post")
_HTTPS = re.compile(r"<\s*https://[^>\s]+\s*>", re.IGNORECASE)
_ONE_CLICK = re.compile(r"\s*List-Unsubscribe\s*=\s*One-Click\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LinkSignature:
    """A signature, and the unsubscribe fields it leaves out."""

    domain: str
    missing: tuple[str, ...]  #: In lower case; empty: it covers both.


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeReport:
    """How people can unsubscribe from a mail."""

    has_field: bool = False  #: `List-Unsubscribe`
    is_one_click: bool = False  #: It has one https address and the one-click pair with it.
    signatures: tuple[LinkSignature, ...] = ()
    is_added: bool = False  #: Whether the gateway would add the fields.

    @property
    def is_signed(self) -> bool:
        """Whether a signature covers both fields."""
        return any(not signature.missing for signature in self.signatures)


def unsubscribe_report(headers: Headers, *, is_added: bool) -> UnsubscribeReport:
    """Check the header of a mail; `is_added`: the gateway would add both fields."""
    links = headers.texts("list-unsubscribe")
    pairs = headers.texts("list-unsubscribe-post")
    has_link = len(links) == 1 and len(_HTTPS.findall(links[0])) == 1
    has_pair = len(pairs) == 1 and _ONE_CLICK.fullmatch(pairs[0]) is not None
    return UnsubscribeReport(
        has_field=bool(links),
        is_one_click=has_link and has_pair,
        signatures=tuple(map(_signature, headers.raw("dkim-signature"))),
        is_added=is_added,
    )


def _signature(value: bytes) -> LinkSignature:
    tags = {
        name.strip(): "".join(text.split())
        for name, equals, text in (tag.partition("=") for tag in value.decode("latin-1").split(";"))
        if equals
    }
    signed = tags.get("h", "").lower().split(":")
    return LinkSignature(
        domain=tags.get("d", ""),
        missing=tuple(name for name in UNSUBSCRIBE_FIELDS if name not in signed),
    )
