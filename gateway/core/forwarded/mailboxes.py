"""Names and addresses as mail programs show them to people, which is not RFC 5322."""

import re
from dataclasses import dataclass

_LONGEST = 20_000
_MOST = 500

_NO_PART = r"\s<>\[\]()\"„“”«»,;:|@"
_ADDRESS = rf"(?<![^'‘’{_NO_PART}])[^'‘’{_NO_PART}][^{_NO_PART}]{{0,127}}@[^'‘’{_NO_PART}]{{1,255}}"
_ADDRESS_RE = re.compile(_ADDRESS)
#: What Outlook adds to an address when it turns HTML into text: x@example.org<mailto:x@example.org>
_LINK = re.compile(rf"(?P<shown>{_ADDRESS})\s?[<\[]mailto:[^<>\[\]\s]*[>\]]", re.IGNORECASE)
_OTHER_LINK = re.compile(
    rf"[<\[(]mailto:\s?(?P<address>{_ADDRESS})[^<>\[\]()]*[>\])]", re.IGNORECASE
)
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[,;،；，、]|[^",;،；，、]+|"')
_SEPARATORS = ";；"
_COMMAS = ",،，、"
_BEHALF = re.compile(
    r" (?:on behalf of|im auftrag von|i\.\s?a\. von|namens|de la part de|en nombre de|per conto di"
    r"|em nome de|på vegne af|på vegne av|för|w imieniu|jménem|v zastoupení) (?=[\"<]|\S{1,128}@)",
    re.IGNORECASE,
)
_PERSON = re.compile(rf"\s*(?:[^<>@]{{0,100}}[<\[(]\s*)?{_ADDRESS}\s*[>\])]?\s*")
_WRAPPING = " \t\"'„“”«»‘’<>()[]*,;|"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A person as a mail names one; either part may be empty."""

    name: str
    address: str


def parse_mailboxes(text: str) -> tuple[Mailbox, ...]:
    """Read a list of mailboxes, divided by commas or semicolons, in any client's spelling."""
    plain = _plain(text)
    found = (_mailbox(piece) for piece in _split(plain)[:_MOST])
    return tuple(mailbox for mailbox in found if mailbox.name or mailbox.address)


def parse_mailbox(text: str) -> Mailbox | None:
    """Read the one mailbox a sender's line names: the first, without who it stands in for."""
    plain = _plain(text)
    mailboxes = [_mailbox(piece) for piece in _split(_BEHALF.split(plain, maxsplit=1)[0])[:_MOST]]
    named = [mailbox for mailbox in mailboxes if mailbox.address] or mailboxes
    return next((mailbox for mailbox in named if mailbox.name or mailbox.address), None)


def is_people(text: str) -> bool:
    """Whether a text is nothing but mailboxes, each with its address."""
    parts = [part for part in _split(_plain(text))[:_MOST] if part.strip()]
    return bool(parts) and all(_PERSON.fullmatch(part) for part in parts)


def _plain(text: str) -> str:
    """Return a list on one line and without the links Outlook adds."""
    text = " ".join(text[:_LONGEST].split())
    if "mailto:" not in text.casefold():
        return text
    return _OTHER_LINK.sub(r"<\g<address>>", _LINK.sub(r"\g<shown>", text))


def _split(text: str) -> list[str]:
    """Divide a list; a comma counts only where an address stands before it: `Doe, John <j@x>`."""
    pieces = _PIECE.findall(text)
    semicolons = any(piece in _SEPARATORS for piece in pieces)
    parts: list[list[str]] = [[]]
    has_address = False
    for piece in pieces:
        if piece in _SEPARATORS or (piece in _COMMAS and has_address and not semicolons):
            parts.append([])
            has_address = False
        else:
            parts[-1].append(piece)
            has_address = has_address or "@" in piece
    return ["".join(part) for part in parts]


def _mailbox(text: str) -> Mailbox:
    found = _last_address(text)
    if found is None:
        return Mailbox(_name(text.partition("<")[0]), "")
    address = found[0].rstrip(".")
    name = _name(text[: found.start()]) or _name(text[found.end() :])
    return Mailbox("" if name.casefold() == address.casefold() else name, address)


def _last_address(text: str) -> re.Match[str] | None:
    """Return the address in brackets, else the first: names are often addresses themselves."""
    found = None
    for found in _ADDRESS_RE.finditer(text):
        if text[found.start() - 1 : found.start()] in ("<", "["):
            return found
    return next(_ADDRESS_RE.finditer(text), None) if found else None


def _name(text: str) -> str:
    name = " ".join(text.split()).strip(_WRAPPING)
    if name.count("(") > name.count(")"):
        name = f"{name})"
    return name.replace('\\"', '"').replace("\\\\", "\\")
