"""The header block of a message, read as the recipient's program would read it (RFC 5322)."""

import re
from collections.abc import KeysView, Sequence
from email import utils
from email.errors import HeaderParseError
from email.header import decode_header
from functools import partial

from gateway.core.mail.content import HeaderBlock, with_crlf
from gateway.core.mail.keepable import keepable

_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:(.*(?:\n[ \t].*)*)", re.MULTILINE)
#: What every program reads as fields: not `Name : value`, an obs-field of RFC 5322 (4.5) at which
#: Python's `email` ends the header. An mbox's first line may come before them.
_ORDERLY = re.compile(
    rb"(?:>*From [ \t]*+(?!:).*+\n)?(?:[!-9;-~]++:.*+(?:\n|\Z)(?:[ \t].*+(?:\n|\Z))*+)*+"
)
#: What a server adds on top of incoming mail, and how it names the protocol used.
_RECEIVED = re.compile(rb"^received[ \t]*:.*(?:\n[ \t].*)*\n?", re.MULTILINE | re.IGNORECASE)
_WITH = re.compile(rb"[ \t\n]with\s+([\w-]+)", re.IGNORECASE)
_LMTP = re.compile(rb"(?:utf8)?lmtps?a?", re.IGNORECASE)
_BYTE_ORDER = b"\xef\xbb\xbf"
#: A value that needs no decoding: printable ASCII without `=`, which may start an encoded word.
_PLAIN = re.compile(rb"[\t -<>-~]*")
_FOLD = re.compile(rb"[ \t]*\n[ \t]+")
_ENCODED = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?]*\?=")
#: Adjacent encoded words, which are read as one; some programs quote them.
_ENCODED_RUN = re.compile(rf'(?P<quote>"?){_ENCODED.pattern}(?:\s+{_ENCODED.pattern})*(?P=quote)')
#: Encoded words as `decode_header` finds them: a `?` may be within a word, and two words need no
#: space between.
_WORD = r"=\?[^?\s]*\?[bBqQ]\?.*?\?="
_WORDS = re.compile(rf"{_WORD}(?:\s*{_WORD})*")
_EACH_WORD = re.compile(_WORD)
#: Characters for which a name must be quoted (RFC 5322, 3.2.3); a dot doesn't matter.
_SPECIAL = re.compile(r'[()<>\[\]:;@\\,"]')
#: Returns the (name, address) pairs in values of address fields. Python versions with the fix for
#: CVE-2023-27043 (3.12.6, Debian's 3.11.2) return nothing at all if a single value isn't quite RFC
#: 5322 (`ann@x <ann@x>`) or has a comma in a comment, unless `strict` is off; older ones have no
#: such argument.
mailboxes_in = (
    partial(utils.getaddresses, strict=False)
    if hasattr(utils, "supports_strict_parsing")
    else utils.getaddresses
)
_MAX_VALUE = 4096  #: Octets of one value that are decoded for display.
_MOST = 100  #: Addresses read from a field.
#: Comments in a field: `getaddresses` recurses on them; anything nesting them deeply is no address
#: list.
_MOST_COMMENTS = 50
#: Encoded words of one value that are decoded for display, or else none, and given to
#: `decode_header` at once.
_MAX_WORDS = 64


class Headers:
    """The fields of a header block, by name in lower case."""

    __slots__ = ("_fields", "_text", "whole")

    def __init__(
        self, fields: dict[str, list[bytes]], text: bytes = b"", *, whole: bool = True
    ) -> None:
        self._fields = fields
        self._text = text
        self.whole = whole  #: Whether these are all the fields there are.

    @classmethod
    def of(cls, block: HeaderBlock) -> "Headers":
        """Read a header block."""
        return cls.parse(block.octets, whole=block.whole)

    @classmethod
    def parse(cls, block: bytes, *, whole: bool = True) -> "Headers":
        """Parse the octets of a header block, skipping what isn't a field."""
        text = block.replace(b"\r\n", b"\n")
        if b"\r" in text:
            text = with_crlf(block).replace(b"\r\n", b"\n")
        # Some programs ignore a byte order mark; others read no field after it (`certain_fields`).
        return cls(_fields(text.removeprefix(_BYTE_ORDER)), text, whole=whole)

    @property
    def certain_fields(self) -> "Headers":
        """The fields that every program reads.

        Some end the header at a line that isn't a field, and show the rest as text.
        """
        orderly = _ORDERLY.match(self._text)
        end = orderly.end() if orderly else 0
        if self._text[end:] in (b"", b"\n"):
            return self
        return Headers(_fields(self._text[:end]), self._text[:end], whole=self.whole)

    @property
    def by_own_server(self) -> "Headers":
        """The fields above the topmost Received: added by the last server, not by a sender.

        A topmost Received that says LMTP comes from the server with the mailbox, which got the mail
        from that last server. Without any Received there is no way to tell: no fields then.
        """
        places = _RECEIVED.finditer(self._text)
        place = next(places, None)
        if place is not None and _came_by_lmtp(place[0]):
            place = next(places, None)
        above = self._text[: place.start()] if place else b""
        return Headers(_fields(above), above)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    @property
    def names(self) -> KeysView[str]:
        """The names of all fields, in lower case."""
        return self._fields.keys()

    def count(self, name: str) -> int:
        """Return how often a field occurs."""
        return len(self._fields.get(name, ()))

    def folded_values(self, name: str) -> Sequence[bytes]:
        """Return the raw values of a field, still folded."""
        return self._fields.get(name, ())

    def raw(self, name: str) -> list[bytes]:
        """Return the values of a field, unfolded but not decoded."""
        return [
            _FOLD.sub(b" ", value).strip() if b"\n" in value else value.strip()
            for value in self._fields.get(name, ())
        ]

    def texts(self, name: str) -> list[str]:
        """Return the values of a field decoded for people (RFC 2047); long ones are cut."""
        return [decode_value(value) for value in self.raw(name)]

    def whole_texts(self, name: str) -> list[str]:
        """Return the values of a field decoded to their end, for whoever looks for something there.

        What a value says may stand behind what people are shown of it. The header block bounds the
        work (`MAX_HEADER_BLOCK`).
        """
        return [_all_words_decoded(_characters(value)) for value in self.raw(name)]

    def text(self, name: str) -> str:
        """Return the first value of a field decoded for people; empty if there is none."""
        values = self._fields.get(name)
        if not values:
            return ""
        value = values[0]
        if len(value) <= _MAX_VALUE and _PLAIN.fullmatch(value):  # Most Message-IDs and dates.
            return value.decode("ascii").strip()
        return decode_value(_FOLD.sub(b" ", value).strip())

    def addresses(self, name: str) -> list[tuple[str, str]]:
        """Return the (name, address) pairs of an address field, at most 100.

        Text in encoded words is part of a name (RFC 2047, 5): commas and addresses in it don't
        belong to the list. If that leaves no address, as with programs that encode a whole field,
        they are read as if they had not been encoded.
        """
        pairs: list[tuple[str, str]] = []
        for value in self.raw(name):
            text = keepable(_characters(value[:_MAX_VALUE]))
            if text.count("(") >= _MOST_COMMENTS:
                continue
            if "=?" not in text:
                pairs += mailboxes_in([text])
                continue
            # Some leave characters in their words that end a word (RFC 2047, 5 (3)).
            words = _ENCODED.sub(lambda word: _SPECIAL.sub(_in_q_encoding, word[0]), text)
            divided = mailboxes_in([words])
            if any("@" in address for _, address in divided):
                pairs += [(_decoded_words(phrase), address) for phrase, address in divided[:_MOST]]
            elif (decoded_text := _decoded_words(text)).count("(") < _MOST_COMMENTS:
                pairs += mailboxes_in([decoded_text])
        return pairs[:_MOST]


def _came_by_lmtp(received: bytes) -> bool:
    """Whether a Received says LMTP as its protocol, not in a client's name or certificate."""
    protocols = _WITH.findall(received)
    return bool(protocols) and all(map(_LMTP.fullmatch, protocols))


def _fields(text: bytes) -> dict[str, list[bytes]]:
    fields: dict[str, list[bytes]] = {}
    for name, value in _FIELD.findall(text):
        fields.setdefault(name.decode("ascii").lower(), []).append(value)
    return fields


def decode_value(value: bytes) -> str:
    """Decode a header value for display: encoded words, then UTF-8, else Latin-1.

    NUL and lone surrogates, which no store can hold, become U+FFFD.
    """
    return _decoded_words(_characters(value[:_MAX_VALUE]))


def _decoded_words(text: str) -> str:
    if "=?" not in text or len(_ENCODED.findall(text)) > _MAX_WORDS:
        return keepable(text)
    return _all_words_decoded(text)


def _all_words_decoded(text: str) -> str:
    if "=?" not in text:
        return keepable(text)
    # Looking for the end of a word takes long only where there is none.
    end = text.rfind("?=") + 2
    return keepable(_WORDS.sub(_decoded_run, text[:end]) + text[end:])


def _decoded_run(run: re.Match[str]) -> str:
    """Return the text of adjacent encoded words, joined: some programs split a character.

    The text around them isn't given to `decode_header`, which would turn `€` into `\\u20ac`.
    """
    decoded_run = ""
    try:
        for octets, charset in _decoded_pieces(run[0]):
            name = (charset or "ascii").partition("*")[0]  # `utf-8*en`: RFC 2231, 5
            try:
                decoded_run += octets.decode(name, "replace")
            except LookupError:
                decoded_run += octets.decode("latin-1")
    except (HeaderParseError, ValueError):
        return run[0]
    return decoded_run


def _decoded_pieces(run: str) -> list[tuple[bytes, str | None]]:
    """Return the octets of adjacent encoded words with their charset, those of the same as one.

    `decode_header` gets a few words at a time: for n at once it takes n² steps.
    """
    if run.count("=?") <= _MAX_WORDS:
        return decode_header(run)
    words = _EACH_WORD.findall(run)
    pieces: list[tuple[bytes, str | None]] = []
    for first in range(0, len(words), _MAX_WORDS):
        for octets, charset in decode_header(" ".join(words[first : first + _MAX_WORDS])):
            if pieces and pieces[-1][1] == charset:
                pieces[-1] = pieces[-1][0] + octets, charset
            else:
                pieces.append((octets, charset))
    return pieces


def decoded_mailboxes(value: bytes) -> str:
    """Decode a list of mailboxes; text in encoded words stays part of a name (RFC 2047, 5).

    A name may contain characters that mean something outside it:
    `=?utf-8?q?Ann_=3Cann=40example=2Eorg=3E?= <bob@example.com>` is from Bob. So it is quoted:
    `"Ann <ann@example.org>" <bob@example.com>`.
    """
    text = _characters(value[:_MAX_VALUE])
    if "=?" not in text or len(_ENCODED.findall(text)) > _MAX_WORDS:
        return keepable(text)

    def shown(run: re.Match[str]) -> str:
        words = decode_value(run[0].strip('"').encode())
        words = words.replace('\\"', '"')  # Emacs encodes its escapes.
        is_within_quotes = run[0][0] != '"' and text[: run.start()].count('"') % 2 == 1
        if not is_within_quotes and _SPECIAL.search(words) is None:
            return words
        escaped = words.replace("\\", "\\\\").replace('"', '\\"')
        return escaped if is_within_quotes else f'"{escaped}"'

    return keepable(_ENCODED_RUN.sub(shown, text))


def _in_q_encoding(character: re.Match[str]) -> str:
    return f"={ord(character[0]):02X}"


def _characters(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
