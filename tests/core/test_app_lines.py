"""Lines of apps are nothing that staff wrote."""

import pytest

from gateway.core.replies.forwarded.app_lines import without_app_lines

APPS = """\
Sent from my iPhone
Sent from my iPad
Von meinem iPhone gesendet
Gesendet von meinem iPhone
Envoyé de mon iPhone
Envoyé depuis mon iPad
Verstuurd vanaf mijn iPhone
Verzonden vanaf mijn iPad
Enviado desde mi iPhone
Inviato da iPhone
Enviado do meu iPhone
Sendt fra min iPhone
Skickat från min iPhone
Lähetetty iPhonesta
Wysłane z iPhone'a
Odesláno z iPhonu
Trimis de pe iPhone-ul meu
Az iPhone készülékemről küldve
iPhone'umdan gönderildi
Отправлено с iPhone
Надіслано з iPhone
iPhoneから送信
发自我的iPhone
나의 iPhone에서 보냄
Get Outlook for iOS
Get Outlook for Android<https://aka.ms/AAb9ysg>
Outlook für iOS beziehen
Outlook für Android<https://aka.ms/AAb9ysg> beziehen
Outlook voor iOS downloaden
Outlook voor Android<https://aka.ms/aab0ysg> downloaden
Télécharger Outlook pour iOS
Obtenez Outlook pour Android
Obtener Outlook para iOS
Scarica Outlook per iOS
Hämta Outlook för iOS
Gesendet von Outlook für iOS
Sent from Outlook for iOS
Verzonden vanuit Outlook
Sent from Outlook
Envoyé à partir de Outlook pour iOS
Sent from Mail for Windows
Sent from Mail for Windows 10
Sent from Mail<https://go.microsoft.com/fwlink/?LinkId=550986> for Windows 10
Gesendet von Mail für Windows
Verzonden vanuit Mail voor Windows
Envoyé à partir de Courrier pour Windows
Provenance : Courrier pour Windows 10
Sent from my Galaxy
Sent from my Samsung Galaxy smartphone.
Von meinem Samsung Galaxy Smartphone gesendet.
Von meinem Galaxy gesendet
Gesendet von meinem Samsung-Smartphone
Verzonden vanaf mijn Galaxy
Envoyé depuis mon Galaxy
Gesendet mit der Telekom Mail App
Gesendet mit der WEB.DE Mail App
Gesendet mit der GMX Mail App
Gesendet mit der GMX-App
Sent from my Android device with K-9 Mail. Please excuse my brevity.
Von meinem Android-Gerät mit K-9 Mail gesendet.
Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.
Diese Nachricht wurde von meinem Android Mobiltelefon mit WEB.DE Mail gesendet.
Sent with Proton Mail
Sent from Yahoo Mail on Android
Sent from Proton Mail for iOS
Verstuurd vanaf mijn Android apparaat met K-9 Mail. Excuseer mijn beknoptheid.
Verzonden vanaf mijn Android-apparaat met K-9 Mail. Excuseer mijn beknoptheid.
Envoyé de mon appareil Android avec Courriel K-9 Mail. Veuillez excuser ma brièveté.
Enviado desde mi dispositivo Android con K-9 Mail. Por favor, disculpa mi brevedad.
Diese Nachricht wurde von meinem Android-Mobiltelefon mit K-9 Mail gesendet.
Envoyé depuis l'application Mail Orange
Envoyé avec la messagerie sécurisée Proton Mail.
Gesendet mit der sicheren E-Mail von Proton Mail.
Verzonden met Proton Mail beveiligde e-mail.
Verzonden met Proton Mail Android
Sent from Proton Mail Android
Skickat från Proton Mail Android
Enviado desde Proton Mail para Android
Trimis cu Proton Mail pentru Android
Отправлено из мобильного приложения Proton Mail Android
從 Proton Mail Android版送出
Inviato da Proton Mail Android
Enviat des de Proton Mail Android
Odesláno z Proton Mail pro Android
通过 Proton Mail 移动端发送
Dikirim dari Proton Mail Android
Proton Mail Android から送信
Στάλθηκε από το Proton Mail Android
Sendt fra Proton Mail Android
Enviado via Proton Mail para Android
Адпраўлена з ProtonMail для Android
Wysłano z aplikacji Proton Mail
Poslano iz Proton Mail Android
Odoslané z Proton Mail pre Android
Enviado do Proton Mail para Android
Proton Mail Android ile gönderildi
Lähetetty Proton Mailin Android-sovelluksesta
Envoyé depuis Proton Mail pour Android
Poslano iz Proton Maila za Android
Proton Mail Android alkalmazásból küldve
გამოგზავნილია Proton Mail Android-დან
Gesendet von Proton Mail für Android
Android용 Proton Mail에서 발송됨
Надіслано з Proton Mail Android
Get BlueMail for Android
\u2063Get BlueMail for Android \u200b
Télécharger BlueMail pour Android
BlueMail für Android abrufen
Sent via Superhuman
Sent via Superhuman iOS ( https://sprh.mn/?vip=eva@office.example )
Von meinem/meiner Galaxy gesendet
Envoyé depuis mon smartphone Samsung Galaxy.
Gesendet von Yahoo Mail auf dem iPhone
Gesendet mit der GMX iPhone App
Sicher versendet mit Tutanota.
"""
PEOPLE = """\
Bitte an das iPhone von Eva gesendet.
Sent from my iPhone she asks for a call on Monday
Von meinem Kollegen gesendet
Gesendet von Eva
Verzonden vanuit Utrecht
Sent from Berlin, please file
Get Outlook for Eva
Outlook für iOS zeigt den Anhang nicht
Sent from my mother
Mail für Windows
iPhone
Envoyé de Paris
Envoyé depuis Orange par Anna
Via Proton Mail verzonden
Über GMX gesendet
Sent a mail from Proton Mail
Die E-Mail mit Thunderbird gesendet
Verzonden met Proton Mail, graag archiveren
Gesendet von Proton Mail, bitte antworten
Sent by superhuman effort
Sent from my device with pleasure
Verzonden met het apparaat
Get BlueMail for Eva
Bitte BlueMail für Android abrufen
Android with K-9 Mail
K-9 Mail gesendet
"""


@pytest.mark.parametrize("line", APPS.splitlines())
def test_a_line_of_an_app_goes(line: str) -> None:
    assert "Bitte ablegen.\n\nEva" == without_app_lines(f"Bitte ablegen.\n\nEva\n\n{line}\n")
    assert "" == without_app_lines(f"-- \n{line}")


@pytest.mark.parametrize("line", PEOPLE.splitlines())
def test_what_staff_wrote_stays(line: str) -> None:
    assert f"Bitte ablegen.\n{line}" == without_app_lines(f"Bitte ablegen.\n{line}")


def test_a_signature_keeps_its_mark() -> None:
    written = "Bitte ablegen.\n-- \nEva Bos\n"
    assert "Bitte ablegen.\n-- \nEva Bos" == without_app_lines(f"{written}Sent from my iPhone")
