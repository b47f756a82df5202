"""Signs mail with DKIM (RFC 6376, RFC 8463).

The libraries are only imported if there is a key: most gateways leave signing to the mail server.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway import logs
from gateway.core.errors import GatewayError
from gateway.core.mail.address import domain_of
from gateway.core.mail.content import (
    header_block_of_file,
    parted_mbox_line,
    with_fields_on_top,
)
from gateway.core.mail.headers import Headers
from gateway.core.mail.link_signatures import UNSUBSCRIBE_FIELDS

log = logs.get("delivery")

LEAST_BITS = 1024  #: RFC 8301, 3.2: shorter keys are ignored.
#: Fields that are signed as often as they occur …
SIGNED = (
    *("from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id"),
    *("in-reply-to", "references", "mime-version", "content-type", "content-transfer-encoding"),
    *("auto-submitted", "list-id", *UNSUBSCRIBE_FIELDS),
)
#: … and once more, so that nobody can add another (RFC 6376, 8.15).
OVERSIGNED = ("from", "subject", "date", "to")
#: White space to dkimpy in relaxed canonicalization, but not in RFC 6376 (3.4.2). Word's line break
#: within a paragraph, pasted into a subject, is such a character.
_ODD_BLANK = re.compile(rb"[\v\f]")


class BadDkimKey(GatewayError):
    """A private key can't be used; the text says why."""


@dataclass(frozen=True, slots=True, repr=False)
class DkimKey:
    """A private key, and where its public key is published."""

    domain: str
    selector: str
    algorithm: str  #: `rsa-sha256` or `ed25519-sha256`
    private: bytes  #: In dkimpy's form: PEM for RSA, base64 of the 32 octets for Ed25519.
    public: str  #: As in the DNS, in base64.
    bits: int

    @property
    def name(self) -> str:
        """The name of its DNS record."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The text of its DNS record (RFC 6376, 3.6.1)."""
        kind = self.algorithm.partition("-")[0]
        return f"v=DKIM1; k={kind}; p={self.public}"

    def signs_for(self, domain: str) -> bool:
        """Whether the key is for this domain or a parent domain."""
        return domain == self.domain or domain.endswith(f".{self.domain}")


def new_key(*, ed25519: bool = False) -> bytes:
    """Return a new private key (PEM): RSA of 2048 bits, or Ed25519."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    key = Ed25519PrivateKey.generate() if ed25519 else generate_private_key(65537, 2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def read_key(pem: bytes, *, domain: str, selector: str) -> DkimKey:
    """Parse a private key (PEM); raise `BadDkimKey` if it can't sign.

    The domain may be in any case and in Unicode: signatures and the DNS have it in A-labels.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    domain = domain_of(f"x@{domain}")
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadDkimKey("holds no private key in PEM without a password") from error
    if isinstance(key, Ed25519PrivateKey):
        raw = key.private_bytes(
            serialization.Encoding.Raw,
            serialization.PrivateFormat.Raw,
            serialization.NoEncryption(),
        )
        public = key.public_key().public_bytes_raw()
        return DkimKey(
            domain=domain,
            selector=selector,
            algorithm="ed25519-sha256",
            private=base64.b64encode(raw),
            public=base64.b64encode(public).decode(),
            bits=256,
        )
    if isinstance(key, RSAPrivateKey):
        if key.key_size < LEAST_BITS:
            raise BadDkimKey(f"has {key.key_size} bits: at least {LEAST_BITS}, better 2048")
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return DkimKey(
            domain=domain,
            selector=selector,
            algorithm="rsa-sha256",
            private=key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            ),
            public=base64.b64encode(public).decode(),
            bits=key.key_size,
        )
    raise BadDkimKey("is neither an RSA nor an Ed25519 key")


class DkimSigner:
    """Signs mail according to the domain of its `From`."""

    def __init__(self, keys: Iterable[DkimKey] = ()) -> None:
        self._keys = tuple(keys)

    def __bool__(self) -> bool:
        """Whether there is any key."""
        return bool(self._keys)

    def keys_for(self, domain: str) -> Sequence[DkimKey]:
        """Return the keys that sign for a domain: those of the nearest domain that has any."""
        fitting = [key for key in self._keys if key.signs_for(domain)]
        nearest = max((len(key.domain) for key in fitting), default=0)
        return [key for key in fitting if len(key.domain) == nearest]

    def sign(self, content: bytes) -> bytes:
        """Return a mail with its signatures prepended; unchanged if there are none."""
        return with_fields_on_top(self.signatures(content), content)

    def signatures(self, content: bytes) -> bytes:
        """Return the signature fields to prepend to a mail.

        Empty if no key fits or its header is malformed. `content` has CRLF line ends and is what
        the relay gets: any later change breaks the signature. The line of an mbox file above the
        fields isn't signed: it is none.
        """
        if not self._keys:
            return b""
        import dkim

        content = parted_mbox_line(content)[1]
        block = header_block_of_file(content)
        headers = Headers.of(block)
        authors = [address for _, address in headers.addresses("from") if "@" in address]
        # Mail programs differ in which one they show.
        if headers.count("from") != 1 or not authors:
            return b""
        keys = self.keys_for(domain_of(authors[0]))
        fields = [name for name in SIGNED for _ in headers.texts(name)]
        oversigned = [name for name in OVERSIGNED if name in fields or name == "from"]
        # If a mail has one of the two, nobody can add the other. If it has neither, they aren't
        # signed, because mailing lists on the way may add theirs.
        has_links = any(name in fields for name in UNSUBSCRIBE_FIELDS)
        fields += [*oversigned, *(UNSUBSCRIBE_FIELDS if has_links else ())]
        header_form = b"simple" if _ODD_BLANK.search(block.octets) else b"relaxed"
        try:
            return b"".join(
                dkim.sign(
                    content,
                    key.selector.encode(),
                    key.domain.encode(),
                    key.private,
                    canonicalize=(header_form, b"relaxed"),
                    signature_algorithm=key.algorithm.encode(),
                    include_headers=[name.encode() for name in fields],
                )
                for key in keys
            )
        except dkim.DKIMException as error:  # a header line that isn't a field
            log.warning("dkim_not_signed", reason=type(error).__name__)
            return b""
