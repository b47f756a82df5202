"""Proof that somebody has seen what a change would mail before making it (seed S5)."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

VALID = timedelta(minutes=10)  #: How long a confirmation is valid.


def token(shown_parts: Iterable[object], now: datetime) -> tuple[str, datetime]:
    """Return a token for what was shown, and its expiry.

    `shown_parts` are the change and the mail it would send. The token only proves that the same was
    shown recently; that is enough, as anybody who may make the change could also just confirm it.
    """
    until = (now + VALID).replace(microsecond=0)
    return _sign(shown_parts, f"{int(until.timestamp()):x}"), until


def is_valid(given_token: str, shown_parts: Iterable[object], now: datetime) -> bool:
    """Whether a token matches what would be shown now and hasn't expired."""
    until, _, _ = given_token.partition("-")
    try:
        ends = int(until, 16)
    except ValueError:
        return False
    is_in_time = 0 <= ends - now.timestamp() <= VALID.total_seconds()
    return is_in_time and given_token == _sign(shown_parts, until)


def _sign(shown_parts: Iterable[object], until: str) -> str:
    digest = hashlib.blake2b(until.encode(), digest_size=16)
    for part in shown_parts:
        digest.update(repr(part).encode("utf-8", "surrogatepass") + b"\0")
    return f"{until}-{digest.hexdigest()}"
