"""The lines mail programs put between new and forwarded text."""

import re

from gateway.core.replies.forwarded.language.words import label_key

_DASH = r"[-‐‑‒–—―─━═_=*~#+]"
_LINE = re.compile(rf"{_DASH}{{3,}}")
_RULE = re.compile(rf"{_DASH}{{8,}}")
#: mutt and Horde put the author's full name between the dashes.
_DASHED = re.compile(rf"{_DASH}{{2,}} {{0,3}}(?=[\"“„«]?[^\W\d_]).{{2,400}} {{0,3}}{_DASH}{{2,}}:?")
_DASHES = re.compile(rf"{_DASH}{{2,}}")
_CUT = re.compile(rf"{_DASH}{{2,}}8<{_DASH}{{2,}}.{{0,120}}")
_ENDS = (
    "end|ende|einde|fin|fine|fim|slut|loppu|lõpp|vége|sfârșit|koniec|konec|kraj|конец|кінець|край"
)
#: nmh puts dashes on one side only: `------- End of Forwarded Message`; Becky! has a verb.
_END = re.compile(
    rf"{_DASH}{{2,}}(?:8<{_DASH}*)? ?(?:{_ENDS})\b.*{_DASH}{{2,}}"
    rf"|{_DASH}{{5,}} (?:{_ENDS})\b.{{0,80}}"
    rf"|{_DASH}{{5,}} Original Message Ends {_DASH}{{5,}}",
    re.IGNORECASE,
)
_START = re.compile(r"\bstart\b", re.IGNORECASE)
#: The line between mails in an mbox file: `From ann@example.org Mon Nov 23 09:15:02 2026`.
_DIVIDER = re.compile(r">?From \S{1,320} +[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d\d:\d\d.{0,40}")
#: Orange and SFR put the date there: `Message du 23/11/26 09:15`.
_DATED = re.compile(r"Message du(?: :)? (?P<date>\d{1,2}/\d{1,2}/\d{2,4} \d{1,2}:\d\d)")
#: Becky! names the forwarder above its separator.
_BY = re.compile(r"Forwarded by [^<>@]{1,100} <[^<>\s]{1,320}>")
_WORD = re.compile(r"[^\W\d_]+")
_CENTRED = 15  #: Dashes around words centred on a line: their number varies.
_STEM = 5  #: Letters by which words are compared: `weitergeleitete`, `weitergeleiteten`.
_WITH_REST = re.compile(r"[-–—]{2,} ?(?=[^\W\d_])[^-–—]{3,60} ?[-–—]{2,} ?(?P<rest>\S.*)")

#: Announcements on a line by themselves, as in Apple Mail, MailMate and others.
_PHRASES = (
    "This is a forwarded message|Dies ist eine weitergeleitete Nachricht"
    "|Dit is een doorgestuurd bericht|Ceci est un message transféré|Ceci est un message réexpédié"
    "|Este es un mensaje reenviado|Questo è un messaggio inoltrato|To jest przekazana wiadomość"
    "|Это пересылаемое сообщение"
    "|Begin forwarded message|Forwarded message|Forwarded messages"
    "|Start of forwarded message|Original message"
    "|Begin doorgestuurd bericht|Begin van doorgestuurd bericht|Doorgestuurd bericht"
    "|Oorspronkelijk bericht|Origineel bericht|Anfang der weitergeleiteten Nachricht"
    "|Anfang der weitergeleiteten E-Mail|Beginn der weitergeleiteten Nachricht"
    "|Beginn der weitergeleiteten E-Mail|Weitergeleitete Nachricht|Weitergeleitete E-Mail"
    "|Ursprüngliche Nachricht|Originalnachricht|Ursprüngliche Mail|Début du message réexpédié"
    "|Début du message transféré|Début du e-mail transféré|Début de l'e-mail transféré"
    "|Message transféré|Message d'origine|Message original|Inicio del mensaje reenviado"
    "|Mensaje reenviado|Mensaje original|Inici del missatge reenviat|Missatge reenviat"
    "|Inizio messaggio inoltrato|Inizio del messaggio inoltrato|Messaggio inoltrato"
    "|Messaggio originale|Início da mensagem reencaminhada|Início da mensagem encaminhada"
    "|Mensagem encaminhada|Mensagem reencaminhada|Mensagem original|Início da mensagem original"
    "|Începutul mesajului redirecționat|Începe mesajul redirecționat|Mesaj redirecționat"
    "|Mesajul redirecționat|Mesaj original|Început mesaj redirecționat|Mesaj înaintat"
    "|Start på videresendt besked|Videresendt besked|Start på videresendt meddelelse"
    "|Videresendt meddelelse|Oprindelig meddelelse|Videresendt melding"
    "|Begynnelse på videresendt melding|Start på videresendt melding|Opprinnelig melding"
    "|Videresendt e-post|Vidarebefordrat mejl|Vidarebefordrat brev|Vidarebefordrat meddelande"
    "|Början på vidarebefordrat meddelande|Ursprungligt meddelande|Originalmeddelande"
    "|Välitetty viesti|Välitetty viesti alkaa|Alkaa välitetty viesti|Alkuperäinen viesti"
    "|Välitetyn viestin alku|Edastatud kiri|Edastatud sõnum|Edasisaadetud kiri|Algne kiri"
    "|Edasi saadetud kirja algus|Pārsūtīta ziņa|Persiųstas laiškas|Persiunčiamas laiškas"
    "|Początek przekazywanej wiadomości|Początek przekazanej wiadomości|Przekazana wiadomość"
    "|Wiadomość przesłana dalej|Wiadomość przekazana|Treść przekazanej wiadomości"
    "|Wiadomość oryginalna|Oryginalna wiadomość|Początek wiadomości przekazanej"
    "|Začátek přeposílané zprávy|Začátek přeposlané zprávy|Přeposlaná zpráva|Původní zpráva"
    "|Předaná zpráva|Přeposlaný e-mail|Začiatok preposlanej správy|Preposlaná správa"
    "|Pôvodná správa|Začiatok preposielanej správy|Továbbított levél kezdete"
    "|Továbbított üzenet kezdete|Továbbított üzenet|Eredeti üzenet|Továbbított levél"
    "|Továbbított e-mail|Az átirányított levél kezdete|Započni proslijeđenu poruku"
    "|Početak proslijeđene poruke|Proslijeđena poruka|Izvorna poruka|Originalna poruka"
    "|Posredovano sporočilo|Začetek posredovanega sporočila|Izvirno sporočilo|Прослеђена порука"
    "|Почетак прослеђене поруке|İleti başlangıcı|Yönlendirilen ileti|Yönlendirilmiş ileti"
    "|İletilen ileti|Yönlendirilen iletinin başlangıcı|Başlangıç - yönlendirilen ileti"
    "|İletilen mesaj|Başlatılan iletilmiş mesaj|İletilen e-posta|Orijinal mesaj|Özgün ileti"
    "|Orijinal ileti|İletilmiş mesajın başlangıcı|Yönlendirilen mesaj"
    "|İletilen e-postanın başlangıcı|Начало переадресованного сообщения"
    "|Начало пересылаемого сообщения|Пересылаемое сообщение|Перенаправленное сообщение"
    "|Переадресованное сообщение|Пересланное сообщение|Исходное сообщение|Оригинальное сообщение"
    "|Пересылаемое письмо|Початок листа, що пересилається|Початок переспрямованого повідомлення"
    "|Початок переадресованого повідомлення|Переслане повідомлення|Переслане сповіщення"
    "|Перенаправлене повідомлення|Оригінальне повідомлення|Пересланий лист|Початковий лист"
    "|Препратено съобщение|Начало на препратеното съобщение|Начало на препратено съобщение"
    "|Оригинално писмо|Препратено писмо|Оригинално съобщение|Αρχή προωθημένου μηνύματος"
    "|Προωθημένο μήνυμα|Αρχικό μήνυμα|Έναρξη προωθημένου μηνύματος|תחילת ההודעה שהועברה"
    "|הודעה שהועברה|הודעה מועברת|הודעה מקורית|بدء الرسالة المحولة|الرسالة المحولة"
    "|رسالة معاد توجيهها|الرسالة الأصلية|転送されたメッセージ|転送されたメール"
    "|転送メッセージ|転送メール"
    "|元のメッセージ|开始转发的邮件"
    "|下面是被转发的邮件|转发的邮件|转发邮件|原始邮件|已转发邮件|转发的消息"
    "|以下是轉寄的郵件|開始轉寄郵件|開始轉寄訊息|轉寄的郵件|轉寄郵件|原始郵件|轉寄的訊息"
    "|전달된 메시지"
    "|전달된 메시지 시작|전달된 메일|원본 메시지|원본 메일|다음은 전달된 메시지"
    "|Bắt đầu thư được chuyển tiếp"
    "|Thư được chuyển tiếp|Tin nhắn đã chuyển tiếp|Mulai pesan terusan|Pesan terusan"
    "|Pesan yang diteruskan|Memulakan mesej diajukan|Upphaf framsends skeytis|Framsent skeyti"
    "|Áframsent skeyti"
    "|Algne sõnum|Asl xat|Birbidalitako mezua|Courriel original|Edasisuunatud kiri"
    "|Edelleenlähetetty viesti|Esialgne kiri|Izvorno sporočilo|Jatorrizko mezua"
    "|Kemennadenn orin|Mensaxe Orixinal|Mensaxe reenviada|Mesaj Inițial|Mesajul original"
    "|Mesazhi Origjinal|Mesej Asal|Mesej dimajukan|Messatge transferit|Messaç mandât indenant"
    "|Missatge Original|Neges Wreiddiol|Oarspronklik Berjocht|Oorspronkelijke bericht"
    "|Opphavleg melding|Orgineel bericht|Original besked|Original-Message|Original-Nachricht"
    "|Originala mesaĝo|Originalan E-mail|Originali žinutė|Originalpost|Originalus laiškas"
    "|Originalus pranešimas|Orijinal məktub|Orjinal İleti|Persiųstas pranešimas|Pesan Asli"
    "|Peyama orîjînal|Plusendita mesaĝo|Prosleđena poruka|Prosljeđena poruka"
    "|Przekazywana wiadomość|Sākotnējais ziņojums|Sākotnējā vēstule|Sākotnējā ziņa|Thư gốc"
    "|Transmisset missage|Uppruna boð|Upprunaleg skilaboð|Upprunalegt bréf"
    "|Yönlendirilmiş İleti|Áframsend skilaboð|Арыгінальнае паведамленне|Оригинална порака"
    "|Оригинална порука|Перанакіроўны ліст|Перасланае паведамленне|Початкове повідомлення"
    "|Шығыс хат|Қайта бағдарланған хат|Առաջին հաղորդագրությունը|ئەسلىي خەت|الرسالة الأساسية"
    "|الرسالة الاصلية|پیام ارسال شده|پیام اصلی|پیام هدایت شده|खरा संदेश|ಮೂಲ ಸಂದೇಶ"
    "|യഥാര്‍ഥ സന്ദേശം|ข้อความต้นทาง|ข้อความเดิม|გადაგზავნილი შეტყობინება"
    "|ორიგინალი შეტყობინება|សារដើម|សារដែលបានបញ្ជូនបន្ត|オリジナルメッセージ|原始信件|原始信息|原始訊息"
    "|Awal pesan yang diteruskan|Begynd videresendt e-mail"
    "|Iniciando encaminhamento de mensagem|Inicio del mensaje redirigido|Message Transféré"
    "|Start av vidarebefordrat meddelande|Start videresendt melding"
    "|Yönlendirilen iletiye başla|Začiatok správy poslanej ďalej|Začátek předané zprávy"
    "|Începutul mesajului înaintat"
    "|الرسالة التي تمت إعادة توجيهها|بدء الرسالة التي أعيد توجيهها"
    "|Comença missatge reenviat|Begynd videresendt meddelelse|Original meddelelse"
    "|Weitergeleitete Mail|Anfang weitergeleitete Mail|Comenzar mensaje reenviado"
    "|Hasi birbidalitako mezua|Mail transféré|Commencer le mail transféré|Mail original"
    "|Courriel transféré|फ़ॉरवर्ड किया गया मैसेज|फ़ॉरवर्ड किया गया मैसेज शुरू करें"
    "|मूल मैसेज|Továbbított üzenet elkezdése|Mulai pesan yang diteruskan"
    "|התחל הודעה שהועברה|転送メッセージの開始|Mula mesej dimajukan|Iniciar mensagem reencaminhada"
    "|Iniciar mensagem encaminhada|Mesaj redirecţionat|Început mesaj redirecţionat"
    "|Начало пересланного сообщения|Začni posredovano sporočilo"
    "|Börja vidarebefordrat meddelande|முன்னனுப்பப்பட்ட செய்தி"
    "|முன்னனுப்பிய செய்தியை தொடங்கு|அசல் செய்தி|ข้อความที่ส่งต่อ|เริ่มข้อความส่งต่อ"
    "|ข้อความดั้งเดิม|İletilen mesaja başla|Özgün Mesaj|Початок пересланого повідомлення"
    "|Вихідне повідомлення|Thư đã chuyển tiếp|Bắt đầu thư chuyển tiếp|開始轉寄的郵件"
)
_ANNOUNCEMENTS = frozenset(map(label_key, _PHRASES.split("|")))


def is_rule(text: str) -> bool:
    """Whether a line is drawn across the page, as in Outlook on the web."""
    return _RULE.fullmatch(text) is not None


def is_line(text: str) -> bool:
    """Whether a line is nothing but a stroke, however short, but not a signature's `--`."""
    return _LINE.fullmatch(text) is not None


def is_cut(text: str) -> bool:
    """Whether a line is a cut mark, as in The Bat!: `===8<=====`."""
    return _CUT.fullmatch(text) is not None


def is_dashed(text: str) -> bool:
    """Whether a line is words between dashes, in any language: `-----Original Message-----`."""
    return _DASHED.fullmatch(text) is not None


def is_end(text: str) -> bool:
    """Whether a line says that a forwarded mail ends: `----- End forwarded message -----`."""
    return _END.fullmatch(text) is not None


def closes(text: str, opening: str, *, is_last: bool) -> bool:
    """Whether a line closes what another opened, with the same number of dashes.

    Its words say what ends; below a line that says it is a start (VM), a single word is enough. In
    an unknown language it must be the very last line, and the opening line must name the author:

        ----- Forwarded message from Ann Roe <ann@example.org> -----
        ----- Τέλος προωθημένου μηνύματος -----
    """
    dashes, other = _dashes(opening), _dashes(text)
    are_centred = min(len(dashes), len(other)) >= _CENTRED
    if not dashes or (dashes != other and not are_centred):
        return False
    names_author = is_dashed(opening) and "@" in opening
    says_what = len(_WORD.findall(text)) > 1 or _START.search(opening) is not None
    return (is_end(text) and says_what) or (
        is_last and names_author and is_dashed(text) and "@" not in text and f"{dashes} " in text
    )


def opens(text: str) -> bool:
    """Whether a line between dashes, or after them, opens a forwarded mail."""
    is_opening = is_dashed(text) or is_announcement(text) or is_cut(text)
    return bool(_dashes(text)) and not is_end(text) and is_opening


def is_closed_by(opening: str, closing: str) -> bool:
    """Whether a closing line was written by the same program as an opening line.

    They have the same number of dashes and the same words: `----- Forwarded message from Ann
    <ann@example.org> -----` and `----- End forwarded message -----`.
    """
    words = [word[:_STEM] for word in _WORD.findall(closing.casefold())[1:] if len(word) > _STEM]
    begun = {word[:_STEM] for word in _WORD.findall(opening.casefold())}
    return _dashes(opening) == _dashes(closing) and bool(words) and begun.issuperset(words)


def _dashes(text: str) -> str:
    match = _DASHES.match(text)
    return match[0] if match else ""


def date_within(text: str) -> str:
    """Return the mail's date in an announcement; empty if there is none."""
    match = _DATED.fullmatch(text)
    return match["date"] if match else ""


def is_announcement(text: str) -> bool:
    """Whether a line is one of the known sentences that announce a forwarded mail."""
    return (
        _DATED.fullmatch(text) is not None
        or _BY.fullmatch(text) is not None
        or label_key(text.lstrip("-–—*_ ").rstrip("*_ ").rstrip(":：. ")) in _ANNOUNCEMENTS
    )


def is_divider(text: str) -> bool:
    """Whether a line is the `From ` line above each mail in an mbox file."""
    return _DIVIDER.fullmatch(text) is not None


def after_dashes(text: str) -> str:
    """Return what follows words between dashes on the same line; empty if either is missing."""
    match = _WITH_REST.match(text)
    return match["rest"] if match else ""
