"""Short signed texts that only the gateway can make: return addresses, unsubscribe links.

A text is its payload plus a message authentication code (HMAC-SHA-256, cut to ten octets), in
lower-case letters and digits that survive being upper-cased, wrapped or read aloud. Keys are lines
of a file outside the store; the first one signs and all of them verify, so a new key can be put
first while the old ones expire.
"""

import base64
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

_CODE = 10  #: Octets of the code.
_SHORTEST_KEY = 16


class KeysWrong(ValueError):
    """A key file can't be used; the text says why."""


@dataclass(frozen=True, slots=True, repr=False)
class SigningKeys:
    """Keys, the signing one first."""

    keys: tuple[bytes, ...]

    @classmethod
    def read(cls, lines: Iterable[str]) -> "SigningKeys":
        """Parse a key file: one hexadecimal key per line, `#` starts a comment."""
        keys = []
        for number, line in enumerate(lines, 1):
            text = line.partition("#")[0].strip()
            if not text:
                continue
            try:
                key = bytes.fromhex(text)
            except ValueError:
                raise KeysWrong(f"line {number}: not hexadecimal digits") from None
            if len(key) < _SHORTEST_KEY:
                raise KeysWrong(f"line {number}: {len(key)} octets, at least {_SHORTEST_KEY}")
            keys.append(key)
        if not keys:
            raise KeysWrong("holds no key")
        return cls(tuple(keys))

    def sign(self, purpose: str, payload: bytes) -> str:
        """Return a text that `verify` accepts for the same purpose only."""
        return _as_text(payload + _code(self.keys[0], purpose, payload))

    def verify(self, purpose: str, text: str) -> bytes | None:
        """Return what was signed; None if the gateway didn't sign it."""
        try:
            sealed = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
        except ValueError:
            return None
        if _as_text(sealed) != text.lower():  # unused bits at its end have changed
            return None
        payload, code = sealed[:-_CODE], sealed[-_CODE:]
        for key in self.keys:
            if payload and hmac.compare_digest(code, _code(key, purpose, payload)):
                return payload
        return None

    def digest(self, purpose: str, text: str) -> str:
        """Return a keyed hash of a text with the first key, in hexadecimal."""
        return hmac.digest(self.keys[0], f"{purpose}\0{text}".encode(), "sha256").hex()

    def digests(self, purpose: str, text: str) -> tuple[str, ...]:
        """Return the keyed hashes of a text with every key; if it was stored, it is one of them."""
        octets = f"{purpose}\0{text}".encode()
        return tuple(hmac.digest(key, octets, "sha256").hex() for key in self.keys)


def _as_text(sealed: bytes) -> str:
    return base64.b32encode(sealed).decode().rstrip("=").lower()


def _code(key: bytes, purpose: str, payload: bytes) -> bytes:
    return hmac.digest(key, purpose.encode() + b"\0" + payload, "sha256")[:_CODE]
