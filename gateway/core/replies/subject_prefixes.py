"""What mail programs and servers put before a subject, in some thirty languages."""

import re
from functools import cache

#: Words for a reply, a reference or an automatic reply.
_ANSWERS = (
    # Latin letters: English, Dutch, German, French …
    "re automatic\\sreply antw antwoord betr aw antwort ref réf rép réponse",
    # … Spanish, Catalan, Portuguese, Italian, Romanian …
    "res resp r rif răsp răspuns",
    # … Danish, Norwegian, Swedish, Finnish, Estonian, Latvian, Lithuanian …
    "sv svar ang vedr vastaus vast atb ats",
    # … Polish, Czech, Slovak, Hungarian, Croatian, Slovenian, Turkish, Azerbaijani …
    "odp odpowiedź odpověď vá válasz odg ynt yan cvb",
    # … Indonesian, Malay, Vietnamese
    "bls bal trả\\slời",
    # Greek and Cyrillic
    "απ απάντηση σχετ на ha отв ответ відп від відповідь отг адк",
    # Hebrew, Arabic, Persian, Hindi, Tamil, Chinese, Japanese, Korean
    "השב תשובה תגובה מענה רד رد ردّ پاسخ प्रत्युत्तर பதில் 回复 回覆 答复 答覆 答復 返信 회신 답장",
)
#: Words for a forward. `VS` is both: a reply in Finnish, a forward in Danish and Norwegian.
_FORWARDS = (
    # Latin letters: English, Dutch, German, French …
    "fw fwd forw forward forwarded doorst doorsturen doorgest doorgestuurd",
    "wg wtr wtrlt weitergeleitet weiterleitung tr transf transféré",
    # … Spanish, Catalan, Portuguese, Italian, Romanian …
    "rv reenv reenviado reenvío enc encam encaminhada encaminhado i inoltro inoltra inoltrato",
    "redirecționat redirecţionat redir",
    # … Danish, Norwegian, Swedish, Icelandic, Finnish, Estonian, Latvian, Lithuanian …
    "vs vb vl videresendt videresend vidarebefordrat välitetty fs framsent edasi edasta edastatud",
    "pārs persiuntimas pers",
    # … Polish, Czech, Slovak, Hungarian, Croatian, Slovenian, Turkish, Azerbaijani …
    "pd przek przekazanie předáno přeposláno preposlané posl továbbítás továbbítva továbbított",
    "prosl proslijeđeno posr posreduj ilt İlt i̇lt ilet İlet i̇let yönlendirme ynlndr",
    # … Indonesian, Vietnamese, Welsh
    "trs chuyển\\stiếp yml",
    # Greek and Cyrillic
    "πρθ προώθ προωθ пер пересл пересылка переслано вп перенапр препр препратено прсл",
    # Hebrew, Arabic, Persian, Hindi, Tamil, Thai, Lao, Chinese, Japanese, Korean
    "הועבר העבר העברה إعادة\\sتوجيه هدایت फ़ॉरवर्ड முன்னனுப்பு ส่งต่อ ສົ່ງ\u200b?ຕໍ່",
    "转发 轉寄 轉發 転送 전달",
)
#: Marks that some servers write without brackets.
_BARE_MARKS = ("extern external ext externe externo esterno",)

#: Words in brackets for mail that is external or suspicious: [EXTERN], ***SPAM*** …
_MARKS = (
    r"ext\.?|extern(?:al|e|es|er|en|a|o|í|ý|i|ally)?|esterno|esterna|externí|zewnętrzn[yae]"
    "|ekstern|eksternt|ulkoinen|külső|dış|harici|внешн[яеий]{1,2}|зовнішн[яєій]{1,2}"
    "|(?:van\\s?)?buiten|ext[ée]rieur|outside|untrusted|unverified|caution|warning|suspicious|suspected"
    "|spam|bulk|junk"
    "|achtung|vorsicht|let\\sop|attention"
    # `[SECURE]`, `[NON-SECURE]`, `[UNSECURED]`, `[NICHT VERSCHLÜSSELT]`
    "|(?:un|in|on|non?[ -]?|not[ -]|nicht[ ]|niet[ ]|pas[ ])?(?:secured?|encrypted|verschlüsselt"
    "|gesichert|versleuteld|beveiligd|chiffrée?|sécurisée?)"
)
_KINDS = (
    "e-?mails?|mails?|courriels?|sender|absender|afzender|expéditeur|message|nachricht|bericht"
    "|spam|from|von|van"
)
_MARK = rf"(?:(?:{_KINDS})[ \t\xa0_-]+)?(?:{_MARKS})(?:[ \t\xa0_-]+(?:{_KINDS}))?"
#: Invisible characters copied along with a number: zero-width spaces, direction marks, a BOM.
UNSEEN = r"\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_BLANK = rf"[ \t\xa0\r\n\u3000{UNSEEN}]*+"
_COUNT = r"(?:\s?[\[(^]?[0-9]{1,3}[\])]?)?"


def _any_of(lines: tuple[str, ...]) -> str:
    words = [word for line in lines for word in line.split()]
    return "|".join(sorted(words, key=len, reverse=True))


def _beginning(lines: tuple[str, ...]) -> str:
    """Return the pattern of one of these words with its colon: `Re[2]:`, `WG :`."""
    return rf"(?:{_any_of(lines)})\.?{_COUNT}[ \t\xa0]*+[:：]{_BLANK}"


_MARKS_AS_ONE = rf"(?:{_MARK})(?:[ ]?[:|/–-][ ]?(?:{_MARK}))?"
_SIGN = "(?:[⚠❗🛑🚨]\ufe0f?[ ]?)?"
_IN_BRACKETS = (
    rf"(?:{_SIGN}[\[({{<*#|]{{1,3}}[ ]?!?{_SIGN}{_MARKS_AS_ONE}[ ]?[!?:]?[\])}}>*#|]{{1,3}}"
    rf"|!{{1,3}}{_MARKS_AS_ONE}!{{1,3}}|-{_MARKS_AS_ONE}-)[:：]?(?:[ ]?[–-](?=[ ]))?{_BLANK}"
)
#: The word for a forward, or its author, in brackets: `[FWD] x`, and around the whole subject, as
#: in mutt: `[ann@example.org: x]`. The closing bracket is removed separately.
_BRACKETS = r"(?:\[(?:fwd?|fw|wg|tr)\]:?|\[(?:fwd?|[^\s\[\]:@]{1,64}@[^\s\[\]:@]{1,255}):)" + _BLANK
_PREFIX = re.compile(
    rf"{_BRACKETS}|{_beginning(_ANSWERS + _FORWARDS + _BARE_MARKS)}|{_IN_BRACKETS}", re.IGNORECASE
)
_MARKED = re.compile(rf"{_beginning(_BARE_MARKS)}|{_IN_BRACKETS}", re.IGNORECASE)
#: `WG: Stelle`, and the form of older programs: `[Fwd: Stelle]`, `Stelle (fwd)`.
_FORWARD = re.compile(rf"\[?(?:{_beginning(_FORWARDS)})|{_BRACKETS}", re.IGNORECASE)
_FORWARD_BEHIND = re.compile(r"\((?:fwd?)\)\s*\Z", re.IGNORECASE)
#: What ticket systems and mailing lists put first: `[CRM-123] Fwd: x`.
_TAG = re.compile(rf"\[[^\[\]]{{1,60}}\]{_BLANK}")
_LEADING = re.compile(_BLANK)
_LONGEST_RUN = 500
_MOST_TAGS = 5


def prefixes_end(subject: str) -> int:
    """Return where a subject starts after spaces and any number of prefixes and marks."""
    return _end_of_run(_PREFIX, subject, 0)


def _end_of_run(prefix: re.Pattern[str], subject: str, start: int) -> int:
    match = _LEADING.match(subject, start)
    for _ in range(_LONGEST_RUN):
        if match is None:
            break
        start = match.end()
        match = prefix.match(subject, start)
    return start


def without_prefixes(subject: str) -> str:
    """Return a subject as its author wrote it: `AW: WG: [EXTERN] Stelle` is `Stelle`."""
    bare = subject[prefixes_end(subject) :]
    if bare.rstrip().endswith(("]", "|", "}", "*", "!")):
        bare = _mark_behind().sub("", bare)
    bare = _FORWARD_BEHIND.sub("", bare).strip()
    is_open = bare.endswith("]") and bare.count("]") > bare.count("[")
    return bare.removesuffix("]").strip() if is_open else bare


@cache  # Few mails need it, and compiling it takes as long as reading some mails.
def _mark_behind() -> re.Pattern[str]:
    """Return the pattern of a mark at the end: `Stelle [EXTERN]`, but not `Stelle (extern)`."""
    return re.compile(
        rf"\s{_SIGN}(?:\[[!*]{{0,3}}{_MARKS_AS_ONE}[!*]{{0,3}}\]|\|{_MARKS_AS_ONE}\|"
        rf"|\{{{_MARKS_AS_ONE}\}}|[*!]+{_MARKS_AS_ONE}[*!]+)\s*\Z",
        re.IGNORECASE,
    )


def is_forward(subject: str) -> bool:
    """Whether the outermost prefix of a subject is that of a forward.

    `WG: AW: Stelle` is a forward, `AW: WG: Stelle` a reply; marks and tags before it are skipped.
    """
    start = _end_of_run(_MARKED, subject, 0)
    for _ in range(_MOST_TAGS):
        if _FORWARD.match(subject, start):
            return True
        tag = _TAG.match(subject, start)
        if tag is None:
            break
        start = _end_of_run(_MARKED, subject, tag.end())
    return _PREFIX.match(subject, start) is None and bool(_FORWARD_BEHIND.search(subject))
