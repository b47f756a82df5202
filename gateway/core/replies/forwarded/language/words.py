"""What a header word above a forwarded mail means, in any language."""

import unicodedata
from enum import Enum

from gateway.core.replies.forwarded.language.languages import LANGUAGES


class HeaderWord(Enum):
    """The meaning of a line in a forwarded mail's header."""

    SENDER = "sender"
    DATE = "date"
    TO = "to"
    CC = "cc"
    BCC = "bcc"
    REPLY_TO = "reply_to"
    SUBJECT = "subject"
    OTHER = "other"  #: Known, but nothing to recover: attachments, importance …


#: Lines that name people.
PEOPLE = (HeaderWord.SENDER, HeaderWord.TO, HeaderWord.CC, HeaderWord.BCC, HeaderWord.REPLY_TO)


_OTHERS = (
    "Attachments|Attachment|Importance|Priority|Sensitivity|Categories|Organization|Organisation"
    "|Message-ID|Newsgroups|References|In-Reply-To|User-Agent|X-Mailer|Mailed-By|Signed-By"
    "|MIME-Version|Content-Type|Content-Transfer-Encoding|Return-Path|Delivered-To|Resent-From"
    "|Resent-Date|Resent-To|Auto-Submitted|Followup-To|Cachet|Flag|Conversation|List-ID"
    "|Bijlage|Bijlagen|Urgentie|Belang|Prioriteit|Gevoeligheid|Categorieën|Organisatie"
    "|Anlage|Anlagen|Anhang|Anhänge|Wichtigkeit|Priorität|Vertraulichkeit|Kategorien"
    "|Nachrichten-ID|Pièce jointe|Pièces jointes|Importance|Priorité|Confidentialité|Catégories"
    "|Adjunto|Adjuntos|Datos adjuntos|Archivos adjuntos|Importancia|Prioridad|Organización"
    "|Allegato|Allegati|Importanza|Priorità|Organizzazione|Anexo|Anexos|Importância|Prioridade"
    "|Vedhæftede filer|Vedhæftet fil|Prioritet|Vedlegg|Viktighet|Bifogade filer|Bilagor|Bilaga"
    "|Prioritet|Liite|Liitteet|Tärkeys|Organisaatio|Manus|Manused|Załącznik|Załączniki|Ważność"
    "|Přílohy|Příloha|Důležitost|Organizace|Prílohy|Príloha|Dôležitosť|Organizácia|Melléklet"
    "|Mellékletek|Fontosság|Szervezet|Privitak|Privici|Važnost|Organizacija|Priponke|Ek|Ekler"
    "|Önem|Kurum|Вложение|Вложения|Важность|Организация|Вкладення|Вкладені файли|Важливість"
    "|Прикачени файлове|Συνημμένα|Οργανισμός|添付ファイル|重要度|附件|重要性|첨부|첨부 파일"
    "|Organització|Společnost|Organisatsioon|Järjestö|Fyrirtæki/Stofnun|Įstaiga|Organizācija"
    "|Organisasjon|Firma/Organizacja|Organização|Organizație|Организација|Tổ chức|Εταιρεία"
    "|References|Referenzen|Referenties|Verwijzingen|Références|Referencias|Referències|Referências"
    "|Riferimento|Riferimenti|Referințe|Referencje|Odniesienia|Odkazy|Reference|Referencije|Referenser"
    "|Referanser|Referencer|Viitteet|Viited|Atsauces|Nuorodos|Hivatkozások|Tilvísanir|Referensi"
    "|Kaynaklar|Referanslar|Cyfeirnodau|Ссылки|Посилання|Препратки|Сілтемелер|Референци|Αναφορές"
    "|参考|参照|參考|參照|リファレンス|組織|참조 목록|المراجع|المنظمة|תזכור|אירגון"
    "|Organisasi|Skipulagseining|Sefydliad|Ұйым|Організація|Organizacja|Organizácia|Organisatie"
    "|Kuruluş|Организации|Οργάνωση"
    "|ארגון|المنظّمة|组织|公司|소속|องค์กร|Mailer|Signed by|Mailed by|Flag Status"
    "|Priorité|Priorytet|Priorita|Prioriteta|Приоритет|Пріоритет|Bijlage(n)|Bilag|Fylgiskjöl"
    "|Pielikumi|Priedai|Priloge|Прилози|קבצים מצורפים|المرفقات|Tệp đính kèm"
    "|Erakundea|Erreferentziak|Berri-taldeak|Referanlar|Референце|조직|การอ้างถึง|リファレンス|กลุ่มข่าว"
    "|Newsgroup|Forums de discussion|Grupos de noticias|Grupo Noticias|Nyhetsgrupper|Uutisryhmät"
    "|Grupy dyskusyjne|Diskuzní skupiny|Diskusné skupiny|Hírcsoportok|Новостные группы|Групи новин"
    "|Група новости|Grupa novosti|Grupe novosti|Grupe|Skupine novic|Grupuri de știri|Fréttahópar"
    "|Intereškopas|Naujienų grupės|Habergrupları|Ομάδες ειδήσεων|Grwpiau newyddion|Kelompok Berita"
    "|Grups de notícies|Diskuzní skupina|Nyhedsgrupper|Newsgruppen|Groupe de discussion"
    "|Nyhetsgruppe|Nieuwsgroepen|Lista news|Группы новостей|Diskussionsgrupper|Habergrubu"
    "|新聞群組|新しいグループ|뉴스그룹|Жаңалықтар тобы|קבוצות חדשות|مجموعات الأخبار"
)

_INVISIBLE = dict.fromkeys(
    [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0x61C, 0xFEFF, 0xAD]
)
_SPACES = dict.fromkeys(map(ord, "\xa0\u2007\u2009\u202f\u3000\t"), " ")
#: Arabic vowel signs, and the Turkish letters that other languages' case rules merge: `ALICI`.
_SAME = {**dict.fromkeys([*range(0x64B, 0x653), 0x640, 0x670]), ord("ı"): "i", ord("İ"): "i"}
_CLEAN = _INVISIBLE | _SPACES


def readable(text: str) -> str:
    """Return text without direction or joining marks, with plain spaces, stripped."""
    return text.strip() if text.isascii() and "\t" not in text else text.translate(_CLEAN).strip()


def label_key(label: str) -> str:
    """Return the one form in which header words are compared."""
    if label.isascii():
        return " ".join(label.lower().split())
    return " ".join(unicodedata.normalize("NFC", label).translate(_SAME).casefold().split())


def _role_table() -> dict[str, HeaderWord]:
    table = {label_key(word): HeaderWord.OTHER for word in _OTHERS.split("|")}
    for words in LANGUAGES.values():
        for name, variants in words._asdict().items():
            table |= {label_key(word): HeaderWord(name) for word in variants.split("|")}
    return table


def _language_table() -> dict[str, frozenset[str]]:
    table: dict[str, frozenset[str]] = {}
    for language, words in LANGUAGES.items():
        for word in "|".join(words).split("|"):
            key = label_key(word)
            table[key] = table.get(key, frozenset()) | {language}
    return table


ROLES = _role_table()
LANGUAGES_OF = _language_table()

#: Words with another meaning in a language identified by the header's other words: `Da: Ann` is the
#: sender in Italian and the recipient in Breton (`Eus: Bob`, `Da: Ann`).
OTHERWISE = {label_key("Da"): {"br": HeaderWord.TO}}
