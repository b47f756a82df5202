"""How languages introduce a quoted mail, `Am 4. März um 10:11 schrieb Ann:`; mostly data."""

import re

from gateway.core.replies.forwarded.language.zones import ZONES

#: Ways to say that somebody wrote, one family of languages each.
_WROTE = (
    "wrote|writes|said|schrieb|schreibt|folgendes geschrieben|geschrieben|schreift|schreef"
    "|schrijft|het volgende geschreven|geschreven|skryf",
    "a écrit|écrit|ha scritto|scrisse|scrive|escribió|escribiu|va escriure|ha escrit|escreveu"
    "|a scris|escriguèt|al scrivè",
    "skrev|skreiv|skriver|skrifaði|kirjoitti|kirjutas|kirjutab|rakstīja|parašė|rašė|rašo",
    "napisał(a)|napisał/a|napisała|napisał|pisze|napsal(a)|napsala|napsal|píše|napísal(a)|napísala"
    "|napísal|je napisao/la|je napisao(la)|je napisao|je napisala|napisao/la je|napisao je"
    "|napisala je|napisao|napisala|je napisal(a)|napisal/-a|napisal(a)|napisal|piše|napisaŭ",
    "ezt írta|írta|írja|şunu yazdı|şunları yazdı|yazdı|yazmış|yazıb|ka shkruar|shkroi"
    "|(e)k idatzi du|idatzi du|ysgrifennodd|scríobh|skribis",
    "написал(а)|написала|написал|писал(а)|писал|пишет|написав(ла)|написав|пише|написа"
    "|напісаў|напісала|напиша|έγραψε|γράφει|գրեց|დაწერა",
    "נכתב על ידי|כתב/ה|כתבה|כתב|كتب|كتبت|نوشته است|نوشت|लिखा|เขียนว่า|เขียนเมื่อ|đã viết|viết|menulis",
    "さんは書きました|さんが書きました|が書きました|のメール|写道|寫道|寫到|提到|写于|写入"
    "|이(가) 쓴 글|이(가) 쓴 내용|이(가)|님이 쓴 글|님이 작성|쓴 글|작성",
)
#: What may be between time and name: zones, halves of the day, "the user" …
_FILLERS = (
    r"[ap]\.? ?m\.?|[πμ]\.?μ\.?",
    rf"(?-i:{'|'.join(zone for zone in ZONES if len(zone) > 1)})",  # `West, Ann` is a name
    r"at|um|uhr|kl\.?|klo|om|o|u|v|h|a|d\.|heeft|hat|ha|je|г\.?|р\.?|ч\.?|в|у|от|від|на|from",
    r"пользователь|користувач|потребител|používateľ(?:ka)?|uživatel|odesílatel|użytkownik",
    r"korisnik|uporabnik|kasutaja|vartotojas|lietotājs|kullanıcısı|en/na|il mitent|ο χρήστης",
    r"ο/η|ο|η|keltezéssel|dátummal|időpontban|tarihinde|tarixdə|órakor|-?kor|saatinde|egunean",
    r"στις|에|に|于|於",
    r"\d{1,2}[:.]\d\d",  # BlueMail: `On 4 Mar 2026, 10:11, at 10:11, Ann wrote:`
)
#: What may be between a name and the date after it.
PREPOSITIONS = (
    r"on|am|le|op|el|il|em|den|dne|dňa|dnia|w dniu|di|la|às|þann|je|v|at|в|на|στις|tarihinde",
    r"vào lúc|vào|على|في|ב־|בתאריך|於|于|在|@",
)


def pattern_of_word(word: str) -> str:
    """Return a pattern for a word; scripts with spaces between words match it as a whole."""
    escaped = re.escape(word)
    if word[-1] >= "\u0e00":
        return escaped
    start = r"(?<!\w)" if word[0].isalpha() else ""
    end = r"(?!\w)" if word[-1].isalpha() else ""
    return f"{start}{escaped}{end}"


_WORDS = sorted({word for line in _WROTE for word in line.split("|")}, key=len, reverse=True)
_PATTERNS = {word: re.compile(pattern_of_word(word), re.IGNORECASE) for word in _WORDS}
FILLER = re.compile(rf"(?:{'|'.join(_FILLERS)})(?=[\s,，:،]|$)", re.IGNORECASE)
PREPOSITION = re.compile(rf"(?:^|[\s,，、،]+)(?:{'|'.join(PREPOSITIONS)})\s*$", re.IGNORECASE)


def find_verb(text: str) -> re.Match[str] | None:
    """Return the words that say somebody wrote; the longest match wins."""
    folded = text.lower()
    candidates = (_PATTERNS[word].search(text) for word in _WORDS if word in folded)
    return next((match for match in candidates if match is not None), None)
