"""What mail programs and mail servers put in front of a subject, in some thirty languages."""

import re

_WORDS = (
    # Latin letters: English, Dutch, German, French …
    "re fw fwd forw forwarded automatic\\sreply",
    "antw antwoord betr doorst doorsturen doorgest doorgestuurd",
    "aw antwort wg wtr weitergeleitet weiterleitung",
    "tr ref réf rép réponse transf transféré",
    # … Spanish, Catalan, Portuguese, Italian, Romanian …
    "rv res resp reenv reenviado reenvío enc encam encaminhada encaminhado",
    "r rif i inoltro inoltra inoltrato răsp răspuns redirecționat redirecţionat redir",
    # … Danish, Norwegian, Swedish, Icelandic, Finnish, Estonian, Latvian, Lithuanian …
    "sv vs vb vl ang videresendt videresend vidarebefordrat vastaus välitetty",
    "fs framsent vast edasi edastatud atb pārs ats persiuntimas pers",
    # … Polish, Czech, Slovak, Hungarian, Croatian, Slovenian, Turkish …
    "odp pd przekazanie předáno přeposláno preposlané posl",
    "vá válasz továbbítás továbbítva továbbított",
    "odg prosl proslijeđeno posr ynt yan ilt İlt i̇lt yönlendirme",
    # … Indonesian, Malay, Vietnamese, Welsh
    "bls trs bal trả\\slời chuyển\\stiếp yml",
    # Greek and Cyrillic
    "απ απάντηση πρθ προώθ προωθ σχετ на ha отв ответ пер пересл пересылка переслано",
    "відп від вп перенапр препр препратено отг",
    # Hebrew, Arabic, Chinese, Japanese, Korean
    "השב תשובה הועבר רד رد ردّ إعادة\\sتوجيه",
    "回复 回覆 答复 答覆 转发 轉寄 轉發 返信 転送 회신 답장 전달",
    # marks that some servers write without brackets
    "extern external ext externe externo esterno",
)

#: What stands in brackets where the mail came from outside or looked odd: [EXTERN], ***SPAM*** …
_MARKS = (
    r"ext\.?|extern(?:al|e|es|er|en|a|o|í|ý|i|ally)?|esterno|esterna|externí|zewnętrzn[yae]"
    "|ekstern|eksternt|ulkoinen|külső|dış|harici|внешн[яеий]{1,2}|зовнішн[яєій]{1,2}"
    "|vanbuiten|outside|untrusted|unverified|caution|warning|suspicious|suspected|spam|bulk|junk"
    "|achtung|vorsicht|let\\sop|attention|secure|encrypted|verschlüsselt|versleuteld|chiffré"
)
_KINDS = (
    "e-?mails?|mails?|courriels?|sender|absender|afzender|expéditeur|message|nachricht|bericht"
    "|spam|from|von|van"
)
_MARK = rf"(?:(?:{_KINDS})[ \t\xa0_-]+)?(?:{_MARKS})(?:[ \t\xa0_-]+(?:{_KINDS}))?"
_BLANK = r"[ \t\xa0\r\n\u3000\u200e\u200f\ufeff]*+"
_WORD = "|".join(sorted((word for line in _WORDS for word in line.split()), key=len, reverse=True))
_COUNT = r"(?:\s?[\[(^]?[0-9]{1,3}[\])]?)?"

_PREFIX = re.compile(
    rf"(?:{_WORD})\.?{_COUNT}[ \t\xa0]*+[:：]{_BLANK}"
    rf"|[\[({{<*#]{{1,3}}[ ]?!?(?:{_MARK})[ ]?[!?:]?[\])}}>*#]{{1,3}}[:：]?{_BLANK}",
    re.IGNORECASE,
)
_LEADING = re.compile(_BLANK)
_LONGEST_RUN = 500


def prefixes_end(subject: str, start: int = 0) -> int:
    """Return where a subject goes on after blanks and any run of prefixes and marks."""
    found = _LEADING.match(subject, start)
    for _ in range(_LONGEST_RUN):
        if found is None:
            break
        start = found.end()
        found = _PREFIX.match(subject, start)
    return start


def without_prefixes(subject: str) -> str:
    """Return a subject as its author wrote it: `AW: WG: [EXTERN] Stelle` is `Stelle`."""
    return subject[prefixes_end(subject) :].strip()
