"""Where a text mentions a person: by address, name, CRM key or reference."""

import re
from collections.abc import Iterable
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage

_ENCODED = re.compile(
    rb"(?i)content-transfer-encoding:\s*(?:base64|quoted-printable)|=\?[\w-]+\?[bq]\?"
)
_SHORTEST = 4  #: Letters: shorter words occur in too many unrelated texts.


class Mentions:
    """Finds and replaces the words that identify one person."""

    def __init__(self, words: Iterable[str], replacement: str) -> None:
        """`words` count wherever they stand alone, in any case."""
        sought_words = sorted(
            {word for word in words if len(word) >= _SHORTEST}, key=len, reverse=True
        )
        patterns = (r"\s+".join(map(re.escape, word.split())) for word in sought_words)
        # ann@x.org is not in joann@x.org, nor A-17 in A-170; it is in "mail ann@x.org."
        self._pattern = (
            re.compile(rf"(?i)(?<![\w.+@-])(?:{'|'.join(patterns)})(?![\w@-]|\.\w)")
            if sought_words
            else None
        )
        self._replacement = replacement

    def are_in(self, content: str | bytes) -> bool:
        """Whether a text, or the octets of JSON or a whole mail, mention the person."""
        if self._pattern is None or not content:
            return False
        if isinstance(content, str):
            return self._pattern.search(content) is not None
        if self._pattern.search(content.decode("utf-8", "replace")):
            return True
        if not _ENCODED.search(content):
            return False
        return any(self._pattern.search(text) for text in _texts(content))

    def replaced_in(self, text: str) -> str:
        """Return a text with the words replaced."""
        return text if self._pattern is None else self._pattern.sub(self._replacement, text)


def _texts(content: bytes) -> Iterable[str]:
    """Yield the decoded texts of a mail; unreadable parts yield nothing."""
    message = message_from_bytes(content, policy=policy.default)
    for part in message.walk():
        for name in part.keys():  # noqa: SIM118  # a message's iterator gives no values
            try:
                yield str(part[name])
            except (MessageError, ValueError, IndexError, LookupError, AttributeError):
                continue
        if part.is_multipart() or not isinstance(part, EmailMessage):
            continue
        octets = part.get_payload(decode=True)
        if isinstance(octets, bytes):
            charset = part.get_content_charset() or "utf-8"
            try:
                yield octets.decode(charset, "replace")
            except LookupError:
                yield octets.decode("latin-1")
