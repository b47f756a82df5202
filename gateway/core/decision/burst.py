"""What makes messages to different people the same mailing."""

import hashlib
import re
from collections.abc import Iterable

from gateway.core.mail.headers import Headers

_DIGITS = re.compile(r"\d+")
_WORDS = re.compile(r"[^\W_]+")


def burst_key(login: str | None, headers: Headers, names: Iterable[str]) -> int:
    """Return a 63-bit key that is equal for the same login, From and subject.

    The recipient's own name and all digits are removed from the subject first.
    """
    own = {word for name in names for word in _WORDS.findall(name.casefold())}
    subject = _DIGITS.sub("", headers.text("subject").casefold())
    words = " ".join(word for word in _WORDS.findall(subject) if word not in own)
    author = ",".join(address.casefold() for _, address in headers.addresses("from"))
    text = "\0".join((login or "", author, words))
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest) >> 1
