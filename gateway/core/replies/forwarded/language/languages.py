"""The words mail programs write above a forwarded mail, by language.

A client's "language" is whatever it translates; Gmail translates only the word for the sender. To
add a language, add it to `latin.py` or `scripts.py`; no word may have two meanings.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gateway.core.replies.forwarded.language.latin import LATIN
from gateway.core.replies.forwarded.language.scripts import SCRIPTS


class Words(NamedTuple):
    """The header words of a language, each with its variants separated by `|`."""

    sender: str
    date: str
    to: str
    cc: str
    bcc: str
    reply_to: str
    subject: str


def _by_language(table: str) -> Iterator[tuple[str, Words]]:
    """Yield the words below each `[language]`: one per line, which may continue on the next."""
    for language in table.strip().removeprefix("[").split("\n["):
        code, _, words = language.partition("]\n")
        rows = (row.split(maxsplit=1) for row in re.sub(r"\n\s+", "", words).splitlines())
        yield code, Words(**dict(rows))


LANGUAGES: Mapping[str, Words] = dict([*_by_language(LATIN), *_by_language(SCRIPTS)])
