"""Warnings that mail security products add above the text, in nl, de, fr and en.

CAUTION: This email originated from outside of the organization. Do not click links or open
attachments unless you recognize the sender and know the content is safe.
"""

import re
from collections.abc import Sequence

_MOST_LINES = 12  #: Lines of one warning, and of all warnings above a text.
_LONGEST = 2_000
_WRAPPED = range(60, 81)  #: Length of a line that continues on the next …
_WIDELY_WRAPPED = range(81, 101)  #: … and of one that does if a word in lower case follows.
_MAIL = (
    r"(?:e-?mails?|mails?|messages?|nachricht(?:en)?|bericht(?:en)?|courriels?|courriers?|senders?"
    r"|absenders?|afzenders?|exp[ée]diteurs?|source|quelle|bron)"
)
_FROM_OUTSIDE = (
    r"(?:from (?:an )?(?:outside|external)(?!\s+(?!source|sender|e-?mail|mail|organi|address|domain"
    r"|party|network|of\b|your\b|the\b|our\b)\w)|outside (?:of )?(?:your|the|our)|external\W{1,3}"
    + _MAIL
    + r"|(?:von|aus) (?:\w+ ){0,3}extern\w*|au(?:ß|ss)erhalb (?:\w+ ){0,2}"
    r"(?:organi\w+|unternehmens?|firma|hauses|netzwerks?|instituts?|behörde)"
    r"|extern(?:e[nrsm]?)?\W{1,3}"
    + _MAIL
    + r"|(?:van|door) (?:\w+ )?(?:buiten|extern\w*)|buiten (?:de|uw|onze|jouw) \w+"
    r"|de l['’]ext[ée]rieur|ext[ée]rieure?s? (?:à|a|de)|(?:adresse|" + _MAIL + r") externes?)"
)
_WARNING = (
    r"(?:caution|warning|attention|important|be careful|security (?:notice|alert|warning)"
    r"|external(?:\W+"
    + _MAIL
    + r")?|achtung|vorsicht|warnung|warnhinweis|(?:sicherheits)?hinweis|extern(?:e[nrsm]?)?(?:\W+"
    + _MAIL
    + r")?|let op|pas op|opgelet|waarschuwing|(?:beveiligings|veiligheids)(?:melding|waarschuwing)"
    r"|avertissement|avis de sécurité|alerte de sécurité|" + _MAIL + r" externes?|prudence|ext)"
)
_HARM = (
    r"(?:click|open|klick\w*|öffne\w*|klik\w*|cliqu\w*|ouvr\w*)\b.{0,80}\b"
    r"(?:links?|attachments?|anh[aä]nge\w*|links?|bijlagen?|koppelingen|liens?|pi[eè]ces? jointes?)"
    r"|(?:links?|attachments?|anh[aä]nge\w*|bijlagen?|koppelingen|liens?|pi[eè]ces? jointes?)\b"
    r".{0,80}\b(?:click|open\w*|klick\w*|öffne\w*|klik\w*|cliqu\w*|ouvr\w*)"
    r"|(?:careful|cautious|caution|vorsicht\w*|voorzichtig\w*|prudente?s?|prudence)\b.{0,60}\b"
    r"(?:links?|attachments?|anh[aä]nge\w*|bijlagen?|koppelingen|liens?|pi[eè]ces? jointes?)"
    r"|(?:use|exercise) caution|verify .{0,40}\bbefore\b.{0,20}\bclick\w*"
    r"|verify before (?:you )?click\w*"
)
_TRIM = r"[\s*_\[\]|<>(){}#!=\-–—⚠️❗🛑:.]*"
#: What warnings say about links and attachments; `bitte öffnen Sie den Anhang` isn't one.
_WITH_CARE = (
    r"\b(?:not|never|unless|only|before|careful|cautious|caution|nicht|keine?[nr]?|nie|nur"
    r"|vorsicht\w*|niet|geen|nooit|alleen|tenzij|voorzichtig|ne|pas|jamais|aucune?|sauf|moins"
    r"|prudente?s?)\b|n['’]t\b|\bn['’]"
)
#: A warning word, followed by a statement that the mail is external or links may be harmful.
_WARNED = re.compile(
    rf"{_TRIM}{_WARNING}\b{_TRIM}(?=.*?(?:{_FROM_OUTSIDE}|{_HARM}))"
    rf"(?=.*?(?:{_FROM_OUTSIDE}|{_WITH_CARE})).*",
    re.IGNORECASE | re.DOTALL,
)
#: First-person words, which warnings don't use.
_OWN = re.compile(
    r"\b(?:(?i:ich|mir|mich|meine?[nrms]?|wir|uns|ik|mij|mijn|wij|my|mine|moi|mon|mes|nous)|I)\b"
    r"|(?i:\bj['’]|\bje suis\b|\bje vous\b)"
)
#: A sentence that says the mail is external, without a warning word.
_STATED = re.compile(
    rf"{_TRIM}(?:this|the|diese|dieses|die|der|deze|dit|de|het|ce|cet|cette|le|la)\s"
    rf"(?:\w+\s)?{_MAIL}\b.{{0,60}}?{_FROM_OUTSIDE}.*"
    r"|.{0,10}(?:this message is from an (?:untrusted|unknown) sender|you have not previously"
    r" corresponded|be careful with this message|you don['’]t often get e-?mail from"
    r"|some people who received this message don['’]t"
    r"|sie erhalten nicht (?:h[äa]ufig|oft) (?:eine )?e-?mails? von"
    r"|u ontvangt niet vaak e-?mail van"
    r"|(?:je|jij) ontvangt niet vaak e-?mail van|vous n['’](?:obtenez|recevez) pas souvent d)\b.*",
    re.IGNORECASE | re.DOTALL,
)
#: A label alone on its line: `[EXTERN]`, `|EXTERNAL|`, `EXTERNE E-MAIL`, `MESSAGE EXTERNE`.
_MARK = re.compile(
    rf"[\[|(<{{*#=\-!\s⚠️]{{1,6}}(?:ext|extern\w{{0,3}}|caution)(?:\W{{1,3}}{_MAIL})?[\]|)>}}*#=\-!\s]{{1,6}}"
    rf"|ext(?:ern|ernal|erne[rs]?)[\s-]{_MAIL}!?|{_MAIL}[\s-]externe?!?",
    re.IGNORECASE,
)
#: What continues a warning on another line.
_MORE = re.compile(
    rf"{_TRIM}(?:do not|don['’]t|please|never|bitte|nie|klik|open|ne|n['’]|veuillez|gelieve|wees"
    rf"|seien|klicken|öffnen|cliquez|be|only|unless|nur|alleen|report|learn)\b.*?(?:{_HARM}"
    rf"|\b{_MAIL}\b).{{0,400}}",
    re.IGNORECASE | re.DOTALL,
)
_ENDED = re.compile(
    r"(?:[.!?)\]|*>}=]|\b(?:important|wichtig ist|belangrijk is))\s*\Z", re.IGNORECASE
)
_RULE = re.compile(r"\s*[-–—_=*~#]{3,}\s*")
#: Proofpoint writes these next to its warning, in an invisible colour.
_BEGUN, _DONE = "pfptBannerStart", "pfptBannerEnd"


def banner_end(lines: Sequence[str]) -> int:
    """Return the index of the first line below any warnings; 0 if there are none."""
    end = 0
    while end < _MOST_LINES and (below := end_of_one_banner(lines, end, is_first=end == 0)):
        end = below
    return end


def without_banner(text: str) -> str:
    """Return a text without the warnings at its start."""
    lines = text.split("\n")
    end = banner_end(lines)
    return "\n".join(lines[end:]).strip() if end else text


def end_of_one_banner(lines: Sequence[str], start: int, *, is_first: bool) -> int:
    """Return the end of a warning that starts at a line, including rules around it; 0: none."""
    while start < len(lines) and (not lines[start].strip() or _RULE.fullmatch(lines[start])):
        start += 1
    text = ""
    is_marked = start < len(lines) and _BEGUN in lines[start]
    for index in range(start, min(start + _MOST_LINES, len(lines))):
        if is_marked and _DONE not in lines[index]:
            continue
        if not lines[index].strip():
            return 0
        text = f"{text} {lines[index].strip()}".strip()
        if len(text) > _LONGEST:
            return 0
        if is_marked or (
            is_banner(text, is_first=is_first) and not is_wrapped_behind(lines, index)
        ):
            end = index + 1
            while end < len(lines) and (not lines[end].strip() or _RULE.fullmatch(lines[end])):
                end += 1
            return end
    return 0


def is_wrapped_behind(lines: Sequence[str], index: int) -> bool:
    """Whether a warning was wrapped at a line: long enough, and not the end of a sentence."""
    line = lines[index].strip()
    if index + 1 == len(lines) or not lines[index + 1].strip() or _RULE.fullmatch(lines[index + 1]):
        return False
    is_wrapped = len(line) in _WRAPPED or (
        len(line) in _WIDELY_WRAPPED and lines[index + 1].strip()[:1].islower()
    )
    return is_wrapped and _ENDED.search(line) is None


def is_banner(text: str, *, is_first: bool) -> bool:
    """Whether a text is a warning; one that `is_first` can't just continue another."""
    if _OWN.search(text) is not None:
        return False
    whole = (_WARNED, _STATED, _MARK) if is_first else (_WARNED, _STATED, _MARK, _MORE)
    return any(pattern.fullmatch(text) for pattern in whole)
