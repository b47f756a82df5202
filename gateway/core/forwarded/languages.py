"""The words mail programs write above a forwarded mail, by language."""

import unicodedata
from enum import Enum
from typing import NamedTuple


class Role(Enum):
    """What a line of a forwarded mail's header says."""

    SENDER = "sender"
    DATE = "date"
    TO = "to"
    CC = "cc"
    BCC = "bcc"
    REPLY_TO = "reply_to"
    SUBJECT = "subject"
    OTHER = "other"  #: Known, but nothing to recover: attachments, importance …


class Words(NamedTuple):
    """The header words of a language, each with its variants divided by `|`."""

    sender: str
    date: str
    to: str
    cc: str
    bcc: str
    reply_to: str
    subject: str


#: Clients mean by "language" what they translate into; Gmail translates the sender's word only.
LANGUAGES: dict[str, Words] = {
    "en": Words(
        "From|Sender|Sent by",
        "Date|Sent|Sent at|Sent on|Date sent",
        "To|Recipient|Recipients|Sent to",
        "Cc|CC|Copy|Copied",
        "Bcc|BCC",
        "Reply-To|Reply To|ReplyTo",
        "Subject",
    ),
    "nl": Words(
        "Van|Afzender|Verzonden door",
        "Datum|Verzonden|Verzonden op|Verstuurd|Verstuurd op|Gestuurd",
        "Aan|Naar|Ontvanger|Ontvangers|Geadresseerde",
        "Cc|CC|Kopie|Kopie aan|Kopie (CC)",
        "Bcc|BCC|Blindkopie|Blinde kopie",
        "Antwoord aan|Antwoorden aan|Antwoordadres|Beantwoorden",
        "Onderwerp|Betreft",
    ),
    "de": Words(
        "Von|Absender|Gesendet von",
        "Datum|Gesendet|Gesendet am|Geschickt|Gesandt",
        "An|Empfänger|Gesendet an",
        "Cc|CC|Kopie|Kopie an|Kopie (CC)",
        "Bcc|BCC|Blindkopie|Blindkopie (BCC)",
        "Antwort an|Antwort-An|Antworten an|Antwortadresse",
        "Betreff|Thema|Betrifft",
    ),
    "fr": Words(
        "De|Expéditeur|Envoyé par|De la part de",
        "Date|Envoyé|Envoyée|Envoyé le|Date d'envoi|Date d’envoi",
        "À|A|Pour|Destinataire|Destinataires|Envoyé à",
        "Cc|CC|Copie|Copie à|Copie (Cc)|Copie pour",
        "Cci|CCI|Copie cachée|Copie cachée à",
        "Répondre à|Réponse à|Répondre-à",
        "Objet|Sujet",
    ),
    "es": Words(
        "De|Remitente|Enviado por",
        "Fecha|Enviado|Enviado el|Enviada|Enviada el|Enviados|Fecha de envío",
        "Para|A|Destinatario|Destinatarios",
        "Cc|CC|Copia|Con copia|Copia a",
        "Cco|CCO|Copia oculta",
        "Responder a|Respuesta a|Responder-a",
        "Asunto|Tema",
    ),
    "ca": Words(
        "De|Remitent",
        "Data|Enviat|Enviat el|Data d'enviament",
        "A|Per a|Per|Destinatari",
        "A/c|Cc|CC|Còpia",
        "Cco|C/o",
        "Respon a|Respondre a",
        "Assumpte|Tema",
    ),
    "it": Words(
        "Da|Mittente|Inviato da",
        "Data|Inviato|Inviato il|Inviata|Data invio",
        "A|Destinatario|Destinatari|Per",
        "Cc|CC|Copia|Copia a|Copia conoscenza|Per conoscenza",
        "Ccn|CCN|Copia nascosta",
        "Rispondi a|Rispondi-a|Risposta a",
        "Oggetto",
    ),
    "pt": Words(
        "De|Remetente|Enviado por",
        "Data|Enviado|Enviada|Enviado em|Enviada em|Data de envio|Enviados",
        "Para|A|Destinatário|Destinatários",
        "Cc|CC|Cópia|Com cópia|Cópia para",
        "Cco|CCO|Bcc|BCC|Cópia oculta",
        "Responder a|Responder para|Responder-a",
        "Assunto",
    ),
    "ro": Words(
        "De la|De|Expeditor|Expeditorul",
        "Dată|Data|Trimis|Trimis la|Trimisă|Data trimiterii|Trimis pe",
        "Către|Catre|La|Pentru|Destinatar|Destinatari",
        "Cc|CC|Copie|În copie",
        "Cci|Bcc|BCC",
        "Răspuns către|Răspunde la|Răspundeți la",
        "Subiect|Subiectul",
    ),
    "da": Words(
        "Fra|Afsender",
        "Dato|Sendt|Sendt den",
        "Til|Modtager|Modtagere",
        "Cc|CC|Kopi|Kopi til",
        "Bcc|BCC|Blindkopi|Skjult kopi",
        "Svar til|Svar-til|Besvar til",
        "Emne",
    ),
    "nb": Words(
        "Fra|Frå|Avsender|Avsendar",
        "Dato|Sendt|Sendt den",
        "Til|Mottaker|Mottakar|Mottakere",
        "Cc|CC|Kopi|Kopi til",
        "Blindkopi|Bcc|BCC",
        "Svar til|Svar-Til",
        "Emne",
    ),
    "sv": Words(
        "Från|Avsändare",
        "Datum|Skickat|Skickad|Skickades",
        "Till|Mottagare",
        "Cc|CC|Kopia|Kopia till|Kopia (CC)",
        "Hemlig kopia|Bcc|BCC|Dold kopia",
        "Svara till|Svar till|Svarsadress",
        "Ämne",
    ),
    "is": Words(
        "Frá|Sendandi",
        "Dagsetning|Dags|Sent",
        "Til|Viðtakandi",
        "Cc|CC|Afrit",
        "Falið afrit",
        "Svara til",
        "Efni|Viðfangsefni",
    ),
    "fi": Words(
        "Lähettäjä|Keneltä",
        "Päivämäärä|Päiväys|Lähetetty|Pvm|Päivä",
        "Vastaanottaja|Vastaanottajat|Kenelle",
        "Kopio|Kopiot|Cc|CC",
        "Piilokopio|Bcc|BCC",
        "Vastausosoite|Vastaa|Vastaus",
        "Aihe|Otsikko",
    ),
    "et": Words(
        "Saatja|Kellelt",
        "Kuupäev|Saadetud|Saatmisaeg|Saatmise kuupäev",
        "Saaja|Kellele|Adressaat|Adressaadid",
        "Koopia|Cc|CC",
        "Pimekoopia|Salakoopia",
        "Vastamise aadress|Vastuse aadress|Vasta",
        "Teema",
    ),
    "lv": Words(
        "No|Sūtītājs|Nosūtītājs",
        "Datums|Nosūtīts|Sūtīts|Nosūtīšanas datums",
        "Kam|Adresāts|Saņēmējs",
        "Kopija|Cc|CC",
        "Diskrētā kopija|Bcc|BCC",
        "Atbildēt|Atbildēt uz",
        "Tēma|Temats",
    ),
    "lt": Words(
        "Nuo|Kas|Siuntėjas|Iš",
        "Data|Išsiųsta|Išsiuntimo data|Siųsta",
        "Kam|Gavėjas|Skirta",
        "Kopija|Kopijos|Cc|CC",
        "Nematomoji kopija|Slapta kopija",
        "Atgalinis adresas|Atsakyti",
        "Tema",
    ),
    "pl": Words(
        "Od|Nadawca|Wysłane przez",
        "Data|Wysłano|Wysłane|Wysłany|Wysłana|Data wysłania",
        "Do|Adresat|Adresaci|Odbiorca|Odbiorcy",
        "Dw|DW|Kopia|Kopia do|Cc|CC|Do wiadomości",
        "Udw|UDW|Ukryta kopia|Ukryte do wiadomości",
        "Odpowiedź do|Odpowiedz do|Odpowiedź-Do",
        "Temat",
    ),
    "cs": Words(
        "Od|Odesílatel|Odesilatel",
        "Datum|Odesláno|Odesláno dne|Posláno|Datum odeslání",
        "Komu|Příjemce|Příjemci|Pro",
        "Kopie|Cc|CC|Kopie pro",
        "Skrytá|Skrytá kopie|Bcc|BCC",
        "Odpověď komu|Odpověď-Komu|Odpovědět komu|Odpověď na|Odpovědět",
        "Předmět|Věc",
    ),
    "sk": Words(
        "Od|Odosielateľ",
        "Dátum|Odoslané|Odoslaná|Poslané|Dátum odoslania",
        "Komu|Pre|Príjemca|Príjemcovia",
        "Kópia|Kópie|Cc|CC",
        "Skrytá kópia|Skrytá",
        "Odpoveď komu|Odpovedať komu|Odpovedať|Odpoveď na",
        "Predmet",
    ),
    "hu": Words(
        "Feladó|Küldő|Küldte",
        "Dátum|Elküldve|Küldve|Küldés dátuma|Elküldés dátuma|Küldés ideje",
        "Címzett|Címzettek",
        "Másolat|Másolatot kap|Másolatot kapja|Cc|CC",
        "Titkos másolat|Rejtett másolat|Vakmásolat",
        "Válaszcím|Válasz címe|Válasz",
        "Tárgy",
    ),
    "hr": Words(
        "Šalje|Od|Pošiljatelj|Poslao",
        "Datum|Poslano|Vrijeme slanja|Datum slanja",
        "Prima|Za|Primatelj|Primatelji|Kome",
        "Kopija|Kopija za|Cc|CC",
        "Skrivena kopija|Bcc|BCC",
        "Odgovori na|Odgovor na|Odgovori",
        "Predmet|Naslov",
    ),
    "sl": Words(
        "Od|Pošiljatelj",
        "Datum|Poslano|Datum pošiljanja",
        "Za|Prejemnik|Prejemniki",
        "Kp|Kopija|V vednost|Cc|CC",
        "Skp|Skrita kopija",
        "Odgovori za|Odgovori na|Odgovor za",
        "Zadeva",
    ),
    "sr": Words(
        "Од|Шаље|Пошиљалац|Pošiljalac",
        "Датум|Послато|Poslato",
        "За|Прима|Прималац|Primalac|Коме",
        "Копија|Cc|CC",
        "Скривена копија",
        "Одговор на|Одговори на",
        "Наслов|Предмет|Тема",
    ),
    "tr": Words(
        "Kimden|Gönderen|Gönderici",
        "Tarih|Gönderildi|Gönderilme|Gönderilme Tarihi|Gönderme Tarihi|Gönderim Tarihi",
        "Kime|Alıcı|Alıcılar",
        "Bilgi|Kopya|Cc|CC",
        "Gizli|Gizli Kopya|Bcc|BCC",
        "Yanıtla|Yanıt adresi|Yanıt",
        "Konu",
    ),
    "ru": Words(
        "От|От кого|Отправитель",
        "Дата|Отправлено|Дата отправки|Время отправки|Отправлен",
        "Кому|Получатель|Получатели",
        "Копия|Копии|Cc|CC|Копия кому",
        "Скрытая копия|СК|Bcc|BCC",
        "Обратный адрес|Кому ответить|Ответить|Адрес для ответа|Ответ",
        "Тема",
    ),
    "uk": Words(
        "Від|Від кого|Відправник",
        "Дата|Надіслано|Відправлено|Дата надсилання|Надісланий",
        "Кому|Одержувач|Отримувач|До",
        "Копія|Копії|Cc|CC",
        "Прихована копія|Прихована",
        "Кому відповісти|Відповісти|Зворотна адреса|Відповідь",
        "Тема",
    ),
    "bg": Words(
        "От|Подател|Изпращач",
        "Дата|Изпратено|Изпратен|Изпратена",
        "До|Получател|Получатели|На",
        "Копие|Копие до|Як|Cc|CC",
        "Скрито копие|Ск. копие",
        "Отговор до|Отговор на",
        "Тема|Относно",
    ),
    "el": Words(
        "Από|Αποστολέας",
        "Ημερομηνία|Στάλθηκε|Ημ/νία|Απεστάλη|Εστάλη",
        "Προς|Παραλήπτης|Παραλήπτες",
        "Κοιν.|Κοιν|Κοινοποίηση|Cc|CC|Αντίγραφο",
        "Κρυφή κοιν.|Κρυφή κοινοποίηση|Bcc|BCC",
        "Απάντηση σε|Απάντηση προς|Απάντηση",
        "Θέμα",
    ),
    "he": Words(
        "מאת|שולח",
        "תאריך|נשלח|נשלח ב|נשלח בתאריך",
        "אל|נמען|לכבוד",
        "עותק|העתק|עותק אל|Cc|CC",
        "עותק מוסתר",
        "השב אל|השב ל",
        "נושא|הנדון",
    ),
    "ar": Words(
        "من|المرسل|مِن",
        "التاريخ|تاريخ|تم الإرسال|أرسلت|أُرسلت|تاريخ الإرسال|الإرسال",
        "إلى|الى|المستلم",
        "نسخة|نسخة إلى|Cc|CC",
        "نسخة مخفية",
        "الرد على|رد إلى",
        "الموضوع|موضوع",
    ),
    "ja": Words(
        "差出人|送信者|送信元",
        "日付|送信日時|日時|送信日|送信済み",
        "宛先|受信者|あて先|送信先",
        "CC|Cc|写し",
        "BCC|Bcc",
        "返信先|返信先アドレス",
        "件名",
    ),
    "zh": Words(
        "发件人|發件人|寄件者|寄件人|发送人",
        "日期|发送时间|發送時間|发送日期|發送日期|寄件日期|傳送時間|发件日期|时间|時間|已傳送|已发送",
        "收件人|收件者|发送至|至|主送",
        "抄送|副本|抄送人|Cc|CC",
        "密送|密件副本|密件抄送",
        "回复地址|回复至|回覆地址|回覆",
        "主题|主題|主旨|標題|标题",
    ),
    "ko": Words(
        "보낸 사람|보낸사람|발신인|발신자|발신",
        "날짜|보낸 날짜|보낸날짜|전송|일시|보낸 시간|전송됨",
        "받는 사람|받는사람|수신인|수신자|수신",
        "참조|Cc|CC",
        "숨은 참조|숨은참조",
        "회신 주소|회신 대상|회신",
        "제목",
    ),
    "vi": Words(
        "Từ|Người gửi|Gửi từ",
        "Ngày|Đã gửi|Ngày gửi|Thời gian",
        "Đến|Tới|Gửi đến|Gửi tới|Người nhận",
        "Cc|CC|Đồng gửi|Đồng kính gửi",
        "Bcc|BCC",
        "Trả lời tới|Trả lời",
        "Chủ đề|Tiêu đề|Chủ đề thư",
    ),
    "id": Words(
        "Dari|Pengirim|Daripada",
        "Tanggal|Dikirim|Tarikh|Dihantar",
        "Kepada|Ke|Untuk|Penerima",
        "Cc|CC|Tembusan|Salinan",
        "Bcc|BCC",
        "Balas ke|Balas Ke|Balas kepada",
        "Perihal|Subjek|Judul|Hal",
    ),
    "th": Words(
        "จาก|ผู้ส่ง",
        "วันที่|ส่ง|ส่งเมื่อ",
        "ถึง|ผู้รับ",
        "สำเนา|สำเนาถึง",
        "สำเนาลับ",
        "ตอบกลับ",
        "เรื่อง|หัวเรื่อง|หัวข้อ",
    ),
}

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
)

_INVISIBLE = dict.fromkeys(
    [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0x61C, 0xFEFF, 0xAD]
)
_SPACES = dict.fromkeys(map(ord, "\xa0\u2007\u2009\u202f\u3000\t"), " ")
_CLEAN = _INVISIBLE | _SPACES


def readable(text: str) -> str:
    """Return text without marks of direction or joining, its odd blanks as spaces, stripped."""
    return text.strip() if text.isascii() and "\t" not in text else text.translate(_CLEAN).strip()


def label_key(label: str) -> str:
    """Return the one form in which header words are compared."""
    return " ".join(unicodedata.normalize("NFC", label).casefold().split())


def _role_table() -> dict[str, Role]:
    table = {label_key(word): Role.OTHER for word in _OTHERS.split("|")}
    for words in LANGUAGES.values():
        for name, variants in words._asdict().items():
            table |= {label_key(word): Role(name) for word in variants.split("|")}
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
