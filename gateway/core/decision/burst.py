"""What makes messages to different people the same mailing, and how far back that is counted."""

import hashlib
import re
from collections.abc import Iterable
from datetime import timedelta

from gateway.core.mail.headers import Headers
from gateway.core.quick_values import quick_value
from gateway.core.written import unaccented

LONGEST_BURST = timedelta(hours=24)  #: How far back the same message is looked for.

_DIGITS = re.compile(r"\d+")
_WORDS = re.compile(r"[^\W_]+")
#: Parts of surnames that are ordinary words, too, and nobody's first name: beside another part only
#: they are a name. Else `Ann, news of the board` to Ann of Oak would be `news the board`.
_PARTICLES = frozenset(
    [
        *("d", "da", "de", "dei", "del", "della", "den", "der", "des", "di", "dos", "du", "el"),
        *("en", "het", "in", "l", "la", "las", "le", "les", "los", "of", "op", "s", "t"),
        *("ten", "ter", "the", "to", "tot", "und", "van", "vom", "von", "y", "zu", "zum", "zur"),
    ]
)


@quick_value(kw_only=True)
class BurstKeys:
    """By what the same message to others is found: 63-bit keys; one of the two is enough.

    A mailing may greet each by name in its subject (`Ann, news for you`), and then the same is left
    of all of them once their own names are taken out. Where it doesn't, some of those names are
    words of it (`Newsletter April` to April Smith): of those, only the whole is the same.
    """

    subject: int  #: Login, From and subject, without digits, case and accents.
    nameless: int  #: The same without the recipient's own name.


def burst_keys(login: str | None, headers: Headers, names: Iterable[str]) -> BurstKeys:
    """Return the keys of a message; `names` are those of its recipients."""
    own_words = {word for name in names for word in _WORDS.findall(unaccented(name))}
    words = _WORDS.findall(_DIGITS.sub("", unaccented(headers.text("subject"))))
    author = ",".join(address.casefold() for _, address in headers.addresses("from"))
    subject = _key(login, author, words)
    left = _without(own_words, words)
    return BurstKeys(
        subject=subject, nameless=subject if left == words else _key(login, author, left)
    )


def _without(own_words: set[str], words: list[str]) -> list[str]:
    """Return the words without each run of a person's own that is more than particles."""
    left: list[str] = []
    run: list[str] = []
    for word in (*words, ""):
        if word in own_words:
            run.append(word)
            continue
        if _PARTICLES.issuperset(run):
            left += run
        run = []
        left.append(word)
    return left[:-1]


def _key(login: str | None, author: str, words: list[str]) -> int:
    text = "\0".join((login or "", author, " ".join(words)))
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest) >> 1
