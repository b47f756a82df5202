"""Whether a line has nothing but a verb of sending and a product: `Verzonden met Proton Mail`.

The apps have a sentence of this kind in each language, and change it: Proton Mail for Android
`Sent from Proton Mail Android`, K-9 Mail `Envoyé de mon appareil Android avec Courriel K-9 Mail.
Veuillez excuser ma brièveté.`, Orange `Envoyé depuis l'application Mail Orange`. So what counts is
that every word of a line is one of theirs, that it names a product, and that it begins or ends as
such sentences do: a person who writes `Via Proton Mail verzonden` says how something was sent.
"""

import re

#: How K-9 Mail goes on, in each language.
EXCUSE = (
    r"(?:[.!]? (?:please )?(?:excuse (?:my brevity|any typos|the brevity).{0,40}"
    r"|bitte entschuldigen sie (?:die|meine) kürze|bitte entschuldige die kürze"
    r"|excuseer mijn beknoptheid|(?:veuillez )?excuse[rz] (?:ma|la) brièveté"
    r"|(?:por favor,? )?disculp[ae] mi brevedad|perdonate la brevità"
    r"|desculpe-me pela brevidade|undskyld min kortfattethed|ursäkta min fåordighet))?[.!]?"
)
_EXCUSED = re.compile(rf"{EXCUSE}\Z")
_PRODUCT = re.compile(
    r"(?<!\w)(?:proton ?mail(?:in|a)?|k-?9(?: mail)?|fair ?email|blue ?mail|type ?app"
    r"|thunderbird|superhuman|tuta(?:nota)?|mail orange|orange mail|infomaniak(?: mail)?"
    r"|yahoo mail|gmx|web\.de|(?:samsung )?galaxy|mailbird|fastmail)(?![a-z])"
)
_BEGINNING = re.compile(
    r"(?:sent (?:from|with|via|by|using)"
    r"|(?:sicher )?(?:gesendet|versendet|verschickt|versandt) (?:von|vom|mit|aus)"
    r"|(?:verstuurd|verzonden|gestuurd) (?:vanaf|vanuit|van|met|via)"
    r"|envoyée? (?:de|depuis|à partir de|avec|par|via)"
    r"|enviad[oa] (?:desde|de|do|da|con|com|pelo|via)|inviat[oa] (?:da|dal|con|tramite)"
    r"|enviat (?:des de|amb)|trimis (?:cu|din|de pe|prin)|sendt (?:fra|med|via)"
    r"|skickat (?:från|med|via)|lähetetty|wysłan[eo] (?:z|za pomocą)|odesláno (?:z|ze)"
    r"|odoslané (?:z|zo)|poslano (?:iz|z|s)|отправлено (?:из|с)|надіслано (?:з|із)"
    r"|адпраўлена з|στάλθηκε από|dikirim dari|გამოგზავნილია)(?!\w)"
)
_LAST_VERBS = ("gesendet", "küldve", "gönderildi", "送信", "发送", "送出", "발송됨")
_ENDING = re.compile(
    r"(?:von|vom|mit|aus) .* gesendet|(?:通过|从|從) .*(?:发送|送出)"
    r"|(?:android용 )?(?:proton|k-?9).*(?:küldve|gönderildi|送信|발송됨)"
)
_WORDS = """
    sent from with via by using my the an a for on mobile device phone tablet smartphone app
    application android ios iphone ipad mac windows desktop secure encrypted email emails e mail
    enjoy ad free
    gesendet versendet verschickt versandt sicher von vom mit aus der dem die meinem meiner für auf
    sicheren gerät handy
    verstuurd verzonden gestuurd vanaf vanuit van met het de mijn voor op beveiligde versleutelde
    toestel apparaat telefoon
    envoyé envoyée depuis à partir avec par mon ma l la le appareil téléphone pour sur appli
    messagerie sécurisée courriel courrier
    enviado enviada desde do da con com pelo para mi meu el correo seguro dispositivo aplicación
    aplicativo inviato inviata dal tramite per mio sicura enviat des amb trimis cu din pe prin
    pentru
    sendt fra skickat från med til till för på min mit enhet telefon lähetetty sovelluksesta
    wysłano wysłane z za pomocą aplikacji mojego urządzenia odesláno odoslané ze zo pro pre
    poslano iz s alkalmazásból küldve ile gönderildi
    отправлено из с мобильного приложения для надіслано з із адпраўлена στάλθηκε από το dikirim dari
    გამოგზავნილია დან 용 에서 발송됨 から送信 从 從 通过 移动端发送 版送出
"""
_OF_APPS = frozenset(_WORDS.split())
#: A word of one script: `Android版送出` has two.
_WORD = re.compile(r"[a-z\u00df-\u024f]+|[^\W\da-z\u00df-\u024f]+|\d+")


def has_only_app_words(line: str) -> bool:
    """Whether a line is a sentence that an app writes, perhaps with an excuse behind it."""
    text = line.casefold()
    if _BEGINNING.match(text) is not None:
        text = _EXCUSED.sub("", text)
    elif not text.rstrip(".").endswith(_LAST_VERBS) or _ENDING.match(text) is None:
        return False
    rest, products = _PRODUCT.subn(" ", text)
    return products > 0 and all(word in _OF_APPS for word in _WORD.findall(rest))
