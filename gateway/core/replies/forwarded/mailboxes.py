"""Names and addresses as mail programs show them to people, which isn't RFC 5322."""

import re
from dataclasses import dataclass

_LONGEST = 20_000
_MOST = 500

_NO_PART = r"\s<>\[\]()\"„“”«»,;:|@"
#: An address literal (RFC 5321, 4.1.3): `ann@[192.0.2.1]`.
_LITERAL = r"\[(?:IPv6:)?[0-9A-Fa-f.:]{2,45}\]"
_ADDRESS = (
    rf"(?<![^'‘’{_NO_PART}])[^'‘’{_NO_PART}][^{_NO_PART}]{{0,127}}"
    rf"@(?:[^'‘’{_NO_PART}]{{1,255}}|{_LITERAL})"
)
_ADDRESS_RE = re.compile(_ADDRESS)
_QUOTES = re.compile(r'"(?:[^"\\]|\\.)*+"')
_BESIDE = re.compile(r">\s?<")
#: What Outlook adds to an address when it converts HTML to text:
#: x@example.org<mailto:x@example.org>
_LINK = re.compile(rf"(?P<shown>{_ADDRESS})\s?[<\[]mailto:[^<>\[\]\s]*[>\]]", re.IGNORECASE)
#: Zimbra puts the whole link into brackets: `"Ann" < [ mailto:x@example.org | x@example.org ] >`.
_OTHER_LINK = re.compile(
    rf"(?P<opened><\s*(?=\[))?[<\[(]\s?mailto:\s?(?P<address>{_ADDRESS})[^<>\[\]()]*[>\])]"
    r"(?(opened)\s*>)",
    re.IGNORECASE,
)
#: QQ Mail even separates a name from its address: `"Ann";<ann@example.org>;`.
_DIVIDED = re.compile(r'(?<=");(?=\s?<[^\s<>@]{1,128}@)')
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[,;،；，、]|[^",;،；，、]+|"')
_SEPARATORS = ";；"
_COMMAS = ",،，、"
#: The words between the sender of a mail and its author, whose address or name follows.
_BEHALF = re.compile(
    r"(?<=[\s>)\];])(?:on behalf of|im auftrag von|i\.\s?a\.(?: von)?|im namen von|namens"
    r"|in opdracht van|uit naam van|de la part de|au nom de|pour le compte de|en nombre de"
    r"|per conto di|a nome di|em nome de|på vegne af|på vegne av|på uppdrag av|för"
    r"|(?:käyttäjän )?puolesta|käyttäjän|w imieniu|jménem|v zastoupení)"
    r"[ :;]+(?=[^@]{0,200}\S@|[^\W\d_][^@<>;,]{1,80}\Z)",
    re.IGNORECASE,
)
_NO_REPLY = re.compile(
    r"(?:no|do-?not|don-?t|nicht|geen|ne-?pas)[-_.]?(?:reply|antw)|mailer|notif", re.I
)
_MAILBOX = re.compile(r"[\"<]|\S{1,128}@")
#: An internal name of Notes, which isn't an address: `Bob Example/Office/NL@Office`.
_OF_NOTES = re.compile(r"[^<>@\",;]{1,100}/[^<>@\",;]{1,100}@[^\s<>@.\",;]{1,64}")
_PERSON = re.compile(
    rf"\s*(?:(?:\"(?:[^\"\\]|\\.){{0,300}}+\"|[^<>@]{{0,300}}?)\s*[<\[(]\s*)?{_ADDRESS}\s*[>\])]?\s*"
)
#: A name as long as people have them, and an address in brackets.
_NAMED = re.compile(rf"[^\s<>@:!?]{{1,80}}(?: [^\s<>@:!?]{{1,80}}){{0,8}} ?[<\[(]{_ADDRESS}[>\])]")
_WHOLE = re.compile(r'"((?:[^"\\]|\\.)*+)"')
#: Quotes within quotes that the program failed to escape: `"Ms "Lisa" Roe"`.
_UNMARKED = re.compile(r'"([^"]*[ ]"[^"]+"[ ][^"]*)"')
_QUOTED = re.compile(r'(?P<before>^|.)"(?P<inner>(?:[^"\\]|\\.)*+)"(?=(?P<after>.?))')
_ESCAPED = re.compile(r"\\(.)")
#: Characters for which a word must be quoted (RFC 5322, 3.2.3), apart from NUL and non-ASCII
#: letters.
_SPECIAL = re.compile(r"[()<>\[\]:;@\\,.]")
_WRAPPING = " \t\"'„“”«»‘’<>()[]*,;|"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A person named in a mail; either part may be empty."""

    name: str
    address: str


def parse_mailboxes(text: str, *, is_field: bool = False) -> tuple[Mailbox, ...]:
    """Parse a list of mailboxes separated by commas or semicolons, in any client's spelling.

    `is_field`: it is the value of a header field, not a program's rendering of it: then quotes are
    part of a name only if escaped by a backslash (RFC 5322, 3.2.4).
    """
    plain = _plain(text)
    mailboxes = (_mailbox(piece, is_field=is_field) for piece in _split_list(plain)[:_MOST])
    return tuple(mailbox for mailbox in mailboxes if mailbox.name or mailbox.address)


def parse_mailbox(text: str, *, is_field: bool = False) -> Mailbox | None:
    """Parse the one mailbox in a sender's line: the first, or on whose behalf it was sent."""
    _, author = _agent_and_author(text)
    mailboxes = [_mailbox(piece, is_field=is_field) for piece in _split_list(author)[:_MOST]]
    likely_mailboxes = [mailbox for mailbox in mailboxes if mailbox.address] or mailboxes
    return next((mailbox for mailbox in likely_mailboxes if mailbox.name or mailbox.address), None)


def parse_agent(text: str, *, is_field: bool = False) -> Mailbox | None:
    """Parse who sent a mail on behalf of its author: `Board <b@x> on behalf of Ann <ann@y>`."""
    agent, _ = _agent_and_author(text)
    return parse_mailbox(agent, is_field=is_field) if agent else None


def _agent_and_author(text: str) -> tuple[str, str]:
    """Split a sender's line; the first half is empty unless somebody sent it for somebody else."""
    plain = _plain(text)
    match = _BEHALF.search(plain)
    if match is None or not ("@" in plain[: match.start()] or _MAILBOX.match(plain, match.end())):
        return "", plain
    agent, author = plain[: match.start()].rstrip(" ;,"), plain[match.end() :]
    return ("", agent) if is_author(agent, author) else (agent, author)


def is_author(agent: str, author: str) -> bool:
    """Whether a person wrote on behalf of a team or an address of the same organisation.

    `Ann <ann@x> on behalf of tickets@x`, `Ann <ann@x> on behalf of Support`
    """
    sender, behalf = _mailbox(agent), _mailbox(author)
    if not sender.name or _NO_REPLY.search(agent):
        return False
    houses = {mailbox.address.rpartition("@")[2].casefold() for mailbox in (sender, behalf)}
    return not behalf.address or (not behalf.name and len(houses) == 1)


def is_people(text: str) -> bool:
    """Whether a text is nothing but mailboxes, each with an address."""
    parts = [part for part in _split_list(_plain(text))[:_MOST] if part.strip()]
    return bool(parts) and all(_PERSON.fullmatch(part) for part in parts)


def completes_person(people: str, line: str) -> bool:
    """Whether a line gives the address of the last person of a list, whose name was begun above it.

        To: Bob <bob@example.com>, Eva <eva@example.com>, Karl
        Größer <karl@example.net>

    The person below it may be begun in turn, but not more.
    """
    begun = _split_list(_plain(people))[-1].strip()
    if not begun or "@" in begun:
        return False
    completed, *following = _split_list(_plain(f"{begun} {line}"))[:_MOST]
    if _NAMED.fullmatch(completed.strip()) is None:
        return False
    return all(not part.strip() or _PERSON.fullmatch(part) for part in following[:-1])


def _plain(text: str) -> str:
    """Return a list on one line without the links Outlook adds."""
    text = _DIVIDED.sub(" ", " ".join(text[:_LONGEST].split()))
    if "mailto:" not in text.casefold():
        return text
    return _OTHER_LINK.sub(r"<\g<address>>", _LINK.sub(r"\g<shown>", text))


def _split_list(text: str) -> list[str]:
    """Split a list; a comma only counts if an address precedes it: `Doe, John <j@x>`."""
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


def _mailbox(text: str, *, is_field: bool = False) -> Mailbox:
    if _OF_NOTES.fullmatch(text.strip()):
        return Mailbox(text.strip(), "")
    address_match = find_address(text)
    if address_match is None:
        return Mailbox(_name(text.partition("<")[0], is_field), "")
    address = address_match[0].rstrip(".")
    name = _name(text[: address_match.start()], is_field) or _name(
        text[address_match.end() :], is_field
    )
    return Mailbox("" if name.casefold() == address.casefold() else name, address)


def find_address(text: str) -> re.Match[str] | None:
    """Return the address in brackets, or else the first: names are often addresses themselves.

    Quoted text is a name, and if two in brackets are adjacent, the first belongs to the name: `"Ann
    <ann@example.org>" <bob@example.com>` is Bob.
    """
    unquoted = _QUOTES.sub(lambda quoted: '"' * len(quoted[0]), text)
    matches = list(_ADDRESS_RE.finditer(unquoted)) or list(_ADDRESS_RE.finditer(text))
    bracketed = [
        match for match in matches if text[match.start() - 1 : match.start()] in ("<", "[")
    ]
    while (
        len(bracketed) > 1
        and bracketed[0][0] != bracketed[1][0]
        and _BESIDE.fullmatch(text, bracketed[0].end(), bracketed[1].start())
    ):
        del bracketed[0]
    return next(iter(bracketed or matches), None)


def _name(text: str, is_field: bool) -> str:
    spoken = spoken_name(" ".join(text.split()).strip(" ,;|<["), is_field=is_field)
    name = spoken.strip(_WRAPPING)
    before = spoken[: spoken.index(name)]
    for opening, closing in ("()", "<>", "[]"):  # part of the name: `Ann (HR)`, `[HR] Ann`
        if name.count(opening) > name.count(closing):
            name = f"{name}{closing}"
        elif opening in before and name.count(opening) < name.count(closing):
            name = f"{opening}{name}"
    return name.replace('\\"', '"').replace("\\\\", "\\").replace("\0", '"')


def spoken_name(name: str, *, is_field: bool) -> str:
    r"""Return a name without quotes that are only syntax (RFC 5322, 3.2.5).

    Several of its words may be quoted individually: `"Roe, Dr." Ann "née, Doe" Poe`, `"Ann" "van"
    "Roe"`. Quotes around words that need none belong to the name if all of it was quoted, or in
    what programs show to people: Thunderbird and Alpine write `Ms "Lisa" Roe` for `"Ms \"Lisa\"
    Roe"`. NUL marks a quote to keep until all others are removed.
    """
    if (whole := _WHOLE.fullmatch(name)) is not None:
        return _unescaped_all(whole[1])
    if (whole := _UNMARKED.fullmatch(name)) is not None:
        return whole[1].replace('"', "\0")
    if is_field or name.startswith('"') or name.endswith('"'):
        return _QUOTED.sub(lambda match: match["before"] + _unescaped_all(match["inner"]), name)
    return _QUOTED.sub(_unquote, name)


def _unescaped_all(text: str) -> str:
    return _ESCAPED.sub(lambda match: "\0" if match[1] == '"' else match[1], text)


def _unquote(match: re.Match[str]) -> str:
    before, inner, after = match["before"], match["inner"], match["after"]
    is_own = before == " " and after == " " and _SPECIAL.search(inner) is None
    text = _unescaped_all(inner)
    return f"{before}\0{text}\0" if is_own else f"{before}{text}"
