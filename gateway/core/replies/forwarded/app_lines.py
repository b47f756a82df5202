"""Lines that apps add to their users' text: `Sent from my iPhone`, `Get Outlook for iOS`.

The words are those of the apps in each language (iOS, Outlook mobile, Windows Mail, Samsung Email,
K-9 Mail, mail providers' apps), taken from mails of 2018 to 2026. A line only counts if it says
nothing else.
"""

import re
from functools import cache

from gateway.core.replies.forwarded.app_words import EXCUSE, has_only_app_words

_LONGEST = 160  #: Characters of such a line …
_LONGEST_LINKED = 3_000  #: … and with the target of its link, which a mail server may lengthen.
#: How Outlook and others write a link after a word: `Outlook voor iOS<https://aka.ms/x>`
_LINK = re.compile(r"\s?[<\[(]\s?(?:https?|mailto):[^<>\[\]()\s]*\s?[>\])]")
#: Characters that nobody sees; BlueMail puts them around its line.
_UNSEEN = re.compile("[\u200b\u200e\u200f\u2060-\u2064\ufeff]")
_DEVICE = (
    r"(?:(?:my |mein(?:em)? |mon )?(?:apple )?(?:iphon(?=u)|iphone|ipad|ipod(?: touch)?)"
    r"|apple watch"
    r"|(?:samsung |huawei |sony |xperia |xiaomi |redmi |google |honor |oneplus |oppo |nokia |lg )?"
    r"(?:galaxy|samsung|huawei|xiaomi|redmi|xperia|pixel|fairphone|oneplus|blackberry|nokia"
    r"|android)(?:[ -](?:[a-z]\d+|note|tab|pro|max|plus|ultra|lite|mate|mobile?"
    r"|\d+|5g|smartphone|handy|telefon|mobiltelefon|phone|tablet|device|gerät|toestel|telefoon"
    r"|mobiel|téléphone|appareil|-?smartphone))*"
    r"|mobile(?: device| phone)?|smartphone|handy|mobiltelefon|phone|telefoon|mobiel(?:e telefoon)?"
    r"|mac(?:book)?(?: (?:pro|air))?)"
)
_APP = (
    r"(?:(?:the |der |die |de |l['’]application |l['’]appli )?(?:mobile[nr]? )?(?:microsoft )?"
    r"(?:outlook|mail|e-?mail|courrier|posta|correo|k-?9 mail|fairemail|thunderbird|yahoo(?: mail)?"
    r"|aol(?: mail)?|proton ?mail|tutanota|tuta|gmx|web\.de|telekom|freenet|t-online|1&1|ionos"
    r"|mail\.de|posteo|bluemail|typeapp|aqua mail|spark|canary|edison|mailspring|gmail|ziggo|kpn"
    r"|orange|free|sfr|la ?poste(?:\.net)?|bluewin|zoho)"
    r"(?:[ -](?:mobile|mail|e-?mail|app|application|secure email))*"
    r"(?: (?:for|für|voor|pour|para|per|til|till|pro|dla|on|auf|op|sur|en|su)"
    r" (?:ios|iphone|ipad|mac|macos|android|windows(?: 1[01])?|windows phone))?)"
)
_WHAT = rf"(?:{_DEVICE}|{_APP})"
_VERBS = (  # before the product …
    r"(?:(?:this (?:e-?mail|message|mail) was )?sent (?:from|with|via|by|using)(?: my| an?| the)?"
    r"|(?:diese (?:nachricht|e-?mail|mail) wurde )?(?:gesendet|verschickt|geschrieben|versandt)"
    r" (?:von|mit|über|via|aus)(?: meine[mr]| der| dem)?"
    r"|(?:dit (?:bericht|e-?mail) (?:is|werd) )?(?:verstuurd|verzonden|gestuurd)"
    r" (?:vanaf|vanuit|van|met|via|door)(?: mijn| de| het)?"
    r"|(?:message )?envoy[ée]e? (?:de|depuis|à partir de|à partir d['’]?|avec|par|via)"
    r"(?: mon| ma| l['’]| la)?"
    r"|provenance ?:|enviad[oa] (?:desde|do|de|pelo|a partir do|com|con|a través de)"
    r"(?: mi| meu| o meu| a minha| el| la)?"
    r"|inviato (?:da|dal|con|tramite)(?: mio)?|enviat (?:des de|des del|amb)(?: el)?(?: meu)?"
    r"|trimis (?:de pe|din|cu|prin)|sendt (?:fra|med|via)(?: min| mit)?"
    r"|skickat (?:från|med)(?: min| mitt)?|lähetetty|wysłan[eoy] (?:z|przy użyciu)(?: mojego)?"
    r"|odesláno (?:z|ze|pomocí)(?: mého)?|odoslané (?:z|zo|pomocou)(?: môjho)?"
    r"|poslano (?:s|sa|z|iz)(?: mog(?:a)?| mojega)?|послато са|изпратено от"
    r"|отправлено (?:с|из)(?: моего)?|надіслано (?:з|із)(?: мого)?|στάλθηκε από(?: το)?"
    r"|dikirim dari|dihantar dari(?:pada)?|đã gửi từ|gửi từ|ส่งจาก|发自我的|发自|從我的|寄自"
    r"|مرسل من(?: ال)?|نُشر من|נשלח (?:מה?|מתוך )-?|saadetud|nosūtīts no(?: mana)?"
    r"|išsiųsta iš(?: mano)?|sent úr|anfonwyd o|bidalia)"
)
_DONE = (  # … or around it
    r"(?:diese (?:nachricht|e-?mail|mail) wurde )?(?:von|mit|aus) (?:meine[mr] |der |dem )?{0}"
    r"(?: mit {0})?(?: aus)? "
    r"(?:gesendet|verschickt|geschrieben|versandt)"
    r"|(?:az )?{0}(?: készülékemről|-?r[óo]l)? küldve|küldve {0}(?:-?r[óo]l)?"
    r"|{0}['’]?\w{{0,8}} gönderildi|{0}\s?から送信|{0}(?:傳送|发送|寄出)|(?:나의 )?{0}\s?에서 보냄"
)
_TAIL = (
    r"(?:['’]?(?:u|y|em|a|e|sta|stani|ul meu|ului meu|de|om|of)|[‑-]ul meu| meu| saya"
    r"| của tôi| ของฉัน| το[υ]? μου| μου| שלי| uređaja| mobile| toestel| smartphone| device)?"
)
_SENT = re.compile(
    rf"{_VERBS}\s?{_WHAT}{_TAIL}(?: (?:mit|with|met|avec|using|via) (?:der |the )?{_APP})?"
    rf"(?: gesendet| verstuurd| verzonden| sent| küldve)?{EXCUSE}",
    re.IGNORECASE,
)
#: How `_DONE` ends: if a line has none of these, its pattern need not be compiled, which takes as
#: long as reading some mails.
_DONE_WORDS = re.compile(
    "gesendet|verschickt|geschrieben|versandt|küldve|gönderildi|送信|傳送|发送|寄出|보냄",
    re.IGNORECASE,
)
_SYSTEM = r"(?:ios|android|mac|windows(?: phone)?|mobile|desktop)"
_GOTTEN = r"(?:outlook|blue ?mail|type ?app)"
_GET = re.compile(
    rf"(?:get|download|try) {_GOTTEN} for {_SYSTEM}"
    rf"|{_GOTTEN} für {_SYSTEM} (?:beziehen|herunterladen|holen|abrufen)"
    rf"|(?:holen sie sich|beziehen sie|laden sie|hol dir) {_GOTTEN} für {_SYSTEM}(?: herunter)?"
    rf"|{_GOTTEN} voor {_SYSTEM} (?:downloaden|ophalen|krijgen|verkrijgen)"
    rf"|(?:download|krijg|haal|verkrijg) {_GOTTEN} voor {_SYSTEM}"
    rf"|(?:télécharge[rz]|obten(?:ir|ez)) {_GOTTEN} pour {_SYSTEM}"
    rf"|(?:obtener|obtén|obtenga|descargar|descarga) {_GOTTEN} para {_SYSTEM}"
    rf"|(?:obter|obtenha|baixar|baixe|transferir) o? ?{_GOTTEN} para {_SYSTEM}"
    rf"|(?:scarica|ottieni) {_GOTTEN} per {_SYSTEM}|(?:hent|få) {_GOTTEN} (?:til|for) {_SYSTEM}"
    rf"|(?:skaff|last ned)(?: deg)? {_GOTTEN} for {_SYSTEM}"
    rf"|(?:hämta|skaffa|ladda ned) {_GOTTEN} för {_SYSTEM}"
    rf"|hanki {_GOTTEN}(?:in)? {_SYSTEM}(?::\w+)?"
    rf"|hanki {_GOTTEN} for {_SYSTEM}"
    rf"|pobierz (?:program|aplikację)? ?{_GOTTEN} (?:dla|na)(?: systemu)? {_SYSTEM}"
    rf"|získ(?:at|ejte|ať|ajte) (?:aplikaci |aplikáciu )?{_GOTTEN} (?:pro|pre) {_SYSTEM}"
    rf"|(?:az )?{_GOTTEN} (?:for {_SYSTEM} )?(?:beszerzése|letöltése)(?: {_SYSTEM}.{{0,20}})?"
    rf"|obțineți {_GOTTEN} pentru {_SYSTEM}|{_SYSTEM} için {_GOTTEN}['’]?u (?:edinin|indirin|alın)"
    rf"|(?:получить|получите|скачать) {_GOTTEN} для {_SYSTEM}"
    rf"|(?:отримати|завантажити) {_GOTTEN} для {_SYSTEM}|λήψη του {_GOTTEN} για {_SYSTEM}"
    rf"|{_GOTTEN} for {_SYSTEM}\s?(?:を入手|をダウンロード|を取得)"
    rf"|(?:获取|下载|取得)\s?{_GOTTEN} for {_SYSTEM}"
    rf"|取得\s?{_SYSTEM}\s?版\s?{_GOTTEN}|{_SYSTEM}용 {_GOTTEN} (?:다운로드|받기|가져오기)",
    re.IGNORECASE,
)


def without_app_lines(text: str) -> str:
    """Return a text without lines added by an app, and without the `-- ` above one at its end."""
    lines = text.split("\n")
    if not any(map(is_app_line, lines)):
        return text
    kept_lines: list[str] = []
    for number, line in enumerate(lines):
        below = (later for later in lines[number + 1 :] if later.strip())
        is_empty_signature = line.rstrip() == "--" and all(map(is_app_line, below))
        if not is_empty_signature and not is_app_line(line):
            kept_lines.append(line)
    return "\n".join(kept_lines).strip()


def is_app_line(line: str) -> bool:
    """Whether a line only names the device or app a mail was sent from."""
    text = " ".join(_LINK.sub("", _UNSEEN.sub("", line[:_LONGEST_LINKED])).split())
    if not text or len(text) > _LONGEST:
        return False
    if _SENT.fullmatch(text) is not None or _GET.fullmatch(text) is not None:
        return True
    if has_only_app_words(text):
        return True
    return _DONE_WORDS.search(text) is not None and _sent_around().fullmatch(text) is not None


@cache
def _sent_around() -> re.Pattern[str]:
    return re.compile(rf"(?:{_DONE.format(_WHAT)}){EXCUSE}", re.IGNORECASE)
