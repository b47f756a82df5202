"""The line above a quoted mail that names its author: `On 28/10/2021, Ann <a@x> wrote:`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.forwarded.lines import Line
from gateway.core.forwarded.mailboxes import Mailbox, parse_mailbox

_LONGEST = 400
_MOST_LINES = 3

#: How languages say that somebody wrote; what is longer stands before what it contains.
_WROTE_WORDS = (
    *("wrote", "writes", "schrieb", "schreibt", "schreef", "het volgende geschreven", "geschreven"),
    *("a écrit", "ha scritto", "scrisse", "escribió", "va escriure", "escreveu", "a scris"),
    *("skrev", "skrifaði", "kirjoitti", "kirjutas", "rakstīja", "parašė", "rašė"),
    *("napisał(a)", "napisała", "napisał", "pisze", "napsal(a)", "napsala", "napsal"),
    *("napísal(a)", "napísala", "napísal", "je napisao/la", "je napisao", "je napisala"),
    *("napisao/la je", "napisao je", "napisala je", "napisao", "napisala", "napisal/-a", "napisal"),
    *("ezt írta", "írta", "şunu yazdı", "şunları yazdı", "yazdı"),
    *("написал(а)", "написала", "написал", "пишет", "написав", "пише", "написа", "έγραψε"),
    *("menulis", "đã viết", "כתב/ה", "כתבה", "כתב", "كتب", "さんは書きました", "さんが書きました"),
    *("が書きました", "のメール", "写道", "寫道", "写入", "작성"),
)
_WROTE = re.compile("|".join(map(re.escape, _WROTE_WORDS)), re.IGNORECASE)
_NO_PART = r"\s<>()\[\]\"„“”«»,;:@"
_ADDRESS = re.compile(
    rf"[(\[]?<?(?:mailto:)?(?<![^{_NO_PART}])[^{_NO_PART}]{{1,128}}@[^{_NO_PART}]{{1,255}}>?[)\]]?"
)
_QUOTED_NAME = re.compile(r"[\"“„«”]\s?([^\"“”„«»]{1,100})[\"“”»]\s*$")
#: What stands between the time and the name: zones, halves of the day, "the user" …
_FILLER = re.compile(
    r"(?:[apAP]\.? ?[mM]\.?|at|um|Uhr|uhr|kl\.?|klo|om|o|u|v|h|a|d\.|heeft|ha|г\.?|р\.?|ч\.?|в|у|от"
    r"|від|пользователь|користувач|потребител|používateľ(?:ka)?|uživatel|odesílatel|użytkownik|korisnik"
    r"|uporabnik|kasutaja|vartotojas|lietotājs|kullanıcısı|keltezéssel|időpontban|tarihinde|órakor"
    r"|ο χρήστης|ο/η|ο|η|στις|에|に|于|[πμ]\.?μ\.?|GMT|UTC|[CWE]ES?T|MES?Z|[ECMP][SD]T|BST|MSK"
    r"|TRT)"
    r"(?=[\s,，:]|$)"
)
_PREPOSITION = re.compile(r"[\s,]+(?:on|am|le|op|el|il|em|den|dne|dnia|w dniu|в|на|tarihinde)\s*$")
_DIGIT = re.compile(r"\d")
_TRIM = " \t,;:，：、.-–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intro:
    """Who wrote what is quoted below, and when."""

    sender: Mailbox
    date: str
    end: int


def read_intro(lines: Sequence[Line], start: int, *, announced: bool = False) -> Intro | None:
    """Read the line, or up to three it was wrapped into, that introduces a quoted mail.

    `announced` says that a separator stands above it: then no word for writing is needed.
    """
    text = ""
    for end in range(start, min(start + _MOST_LINES, len(lines))):
        line = lines[end]
        if line.is_blank or line.depth != lines[start].depth:
            return None
        text = f"{text} {line.text}".strip()
        if len(text) > _LONGEST:
            return None
        if text[-1] in ":：":
            return _intro(text, lines, end + 1, announced)
    return None


def _intro(text: str, lines: Sequence[Line], end: int, announced: bool) -> Intro | None:
    quoted = _quoted(lines, end)
    if _DIGIT.search(text) is None or not (quoted or "@" in text):
        return None
    folded = text.casefold()
    written = any(word in folded for word in _WROTE_WORDS)
    address = _ADDRESS.search(text)
    if not (quoted and (written or address)) and not (address and (written or announced)):
        return None
    name, date = _name_and_date(_WROTE.sub(" ", text), address is not None)
    sender = parse_mailbox(address[0].strip("()[]")) if address else None
    mailbox = Mailbox(name, sender.address if sender else "")
    return Intro(sender=mailbox, date=date, end=end) if mailbox != Mailbox("", "") else None


def _quoted(lines: Sequence[Line], start: int) -> bool:
    """Whether the next line with text is quoted more deeply than the one before `start`."""
    following = next((line for line in lines[start : start + 3] if not line.is_blank), None)
    return following is not None and following.depth > lines[start - 1].depth


def _name_and_date(text: str, addressed: bool) -> tuple[str, str]:
    """Divide an introduction, its verb left out, into the name and the date."""
    address = _ADDRESS.search(text) if addressed else None
    before, after = (text[: address.start()], text[address.end() :]) if address else (text, "")
    if _DIGIT.search(before) is None:
        return _name(before), after.strip(_TRIM)
    quoted = _QUOTED_NAME.search(before)
    if quoted is not None:
        return _name(quoted[1]), before[: quoted.start()].strip(_TRIM)
    end = max(found.end() for found in _DIGIT.finditer(before))
    name = _name(before[end:])
    if name or address is not None:
        return name, before.removesuffix(name).strip(_TRIM)
    start = _DIGIT.search(before).start()  # type: ignore[union-attr]
    return _name(_PREPOSITION.sub("", before[:start])), before[start:].strip(_TRIM)


def _name(text: str) -> str:
    """Take off everything that stands around a name."""
    text = text.strip(_TRIM)
    while (found := _FILLER.match(text)) is not None:
        text = text[found.end() :].lstrip(_TRIM)
    return text.strip(_TRIM + "\"'„“”«»()<>[]*")
