"""The words above a forwarded mail, in languages written in Latin letters: data only."""

LATIN = """
[en]
sender    From|Sender|Sent by
date      Date|Sent|Sent at|Sent on|Date sent
to        To|Recipient|Recipients|Sent to
cc        Cc|CC|Copy|Copied
bcc       Bcc|BCC
reply_to  Reply-To|Reply To|ReplyTo|Reply
subject   Subject
[nl]
sender    Van|Afzender|Verzonden door
date      Datum|Verzonden|Verzonden op|Verstuurd|Verstuurd op|Gestuurd
to        Aan|Naar|Ontvanger|Ontvangers|Geadresseerde
cc        Cc|CC|Kopie|Kopie aan|Kopie (CC)
bcc       Bcc|BCC|Blindkopie|Blinde kopie|Kopie (BCC)
reply_to  Antwoord aan|Antwoorden aan|Antwoordadres|Beantwoorden|Antwoord-naar|Antwoord-aan
subject   Onderwerp|Betreft
[de]
sender    Von|Absender|Gesendet von|Absenderin
date      Datum|Gesendet|Gesendet am|Geschickt|Gesandt
to        An|Empfänger|Gesendet an
cc        Cc|CC|Kopie|Kopie an|Kopie (CC)
bcc       Bcc|BCC|Blindkopie|Blindkopie (BCC)|Blind-Kopie
reply_to  Antwort an|Antwort-An|Antworten an|Antwortadresse
subject   Betreff|Thema|Betrifft
[fr]
sender    De|Expéditeur|Envoyé par|De la part de
date      Date|Envoyé|Envoyée|Envoyé le|Date d'envoi|Date d’envoi
to        À|A|Pour|Destinataire|Destinataires|Envoyé à
cc        Cc|CC|Copie|Copie à|Copie (Cc)|Copie pour
bcc       Cci|CCI|Copie cachée|Copie cachée à
reply_to  Répondre à|Réponse à|Répondre-à
subject   Objet|Sujet
[es]
sender    De|Remitente|Enviado por|Desde
date      Fecha|Enviado|Enviado el|Enviada|Enviada el|Enviados|Fecha de envío
to        Para|A|Destinatario|Destinatarios
cc        Cc|CC|Copia|Con copia|Copia a
bcc       Cco|CCO|Copia oculta
reply_to  Responder a|Respuesta a|Responder-a|Responder-A
subject   Asunto|Tema
[ca]
sender    De|Remitent|Des de
date      Data|Enviat|Enviat el|Data d'enviament
to        A|Per a|Per|Destinatari
cc        A/c|Cc|CC|Còpia
bcc       Cco|C/o|CCO|Còpia oculta
reply_to  Respon a|Respondre a|Respon
subject   Assumpte|Tema
[it]
sender    Da|Mittente|Inviato da
date      Data|Inviato|Inviato il|Inviata|Data invio
to        A|Destinatario|Destinatari|Per
cc        Cc|CC|Copia|Copia a|Copia conoscenza|Per conoscenza
bcc       Ccn|CCN|Copia nascosta
reply_to  Rispondi a|Rispondi-a|Risposta a
subject   Oggetto
[pt]
sender    De|Remetente|Enviado por
date      Data|Enviado|Enviada|Enviado em|Enviada em|Data de envio|Enviados|Recebida
to        Para|A|Destinatário|Destinatários
cc        Cc|CC|Cópia|Com cópia|Cópia para
bcc       Cco|CCO|Bcc|BCC|Cópia oculta|Cópia Oculta (Cco)
reply_to  Responder a|Responder para|Responder-a|Responder-Para
subject   Assunto
[ro]
sender    De la|De|Expeditor|Expeditorul
date      Dată|Data|Trimis|Trimis la|Trimisă|Data trimiterii|Trimis pe|Primit la
to        Către|Catre|La|Pentru|Destinatar|Destinatari
cc        Cc|CC|Copie|În copie|Copie către
bcc       Cci|Bcc|BCC|Copie oarbă
reply_to  Răspuns către|Răspunde la|Răspundeți la|Răspuns-către
subject   Subiect|Subiectul
[da]
sender    Fra|Afsender
date      Dato|Sendt|Sendt den
to        Til|Modtager|Modtagere
cc        Cc|CC|Kopi|Kopi til|Kopi til (CC)
bcc       Bcc|BCC|Blindkopi|Skjult kopi|Skjult kopi til|Skjult kopi til (BCC)
reply_to  Svar til|Svar-til|Besvar til
subject   Emne
[nb]
sender    Fra|Frå|Avsender|Avsendar
date      Dato|Sendt|Sendt den
to        Til|Mottaker|Mottakar|Mottakere
cc        Cc|CC|Kopi|Kopi til|Kopi-Til
bcc       Blindkopi|Bcc|BCC|Blindkopi til|Blindkopi til (BCC)
reply_to  Svar til|Svar-Til|Svar-til
subject   Emne
[sv]
sender    Från|Avsändare
date      Datum|Skickat|Skickad|Skickades
to        Till|Mottagare
cc        Cc|CC|Kopia|Kopia till|Kopia (CC)
bcc       Hemlig kopia|Bcc|BCC|Dold kopia|Blindkopia
reply_to  Svara till|Svar till|Svarsadress|Svar-till
subject   Ämne|Ärende
[is]
sender    Frá|Sendandi
date      Dagsetning|Dags|Sent
to        Til|Viðtakandi
cc        Cc|CC|Afrit
bcc       Falið afrit
reply_to  Svara til|Svar-Við|Svara|Svara-til
subject   Efni|Viðfangsefni|Titill
[fi]
sender    Lähettäjä|Keneltä|Mistä
date      Päivämäärä|Päiväys|Lähetetty|Pvm|Päivä
to        Vastaanottaja|Vastaanottajat|Kenelle
cc        Kopio|Kopiot|Cc|CC|Kopiona
bcc       Piilokopio|Bcc|BCC|Piilokopiot
reply_to  Vastausosoite|Vastaa|Vastaus|Vastaus osoitteeseen
subject   Aihe|Otsikko
[et]
sender    Saatja|Kellelt
date      Kuupäev|Saadetud|Saatmisaeg|Saatmise kuupäev
to        Saaja|Kellele|Adressaat|Adressaadid
cc        Koopia|Cc|CC
bcc       Pimekoopia|Salakoopia
reply_to  Vastamise aadress|Vastuse aadress|Vasta|Vastus aadressile|Vastus-kuhu
subject   Teema|Pealkiri
[lv]
sender    No|Sūtītājs|Nosūtītājs|Sūtītājs/kam
date      Datums|Nosūtīts|Sūtīts|Nosūtīšanas datums
to        Kam|Adresāts|Saņēmējs
cc        Kopija|Cc|CC
bcc       Diskrētā kopija|Bcc|BCC|Slēpta kopija
reply_to  Atbildēt|Atbildēt uz|Atbildēt-Uz
subject   Tēma|Temats
[lt]
sender    Nuo|Kas|Siuntėjas|Iš
date      Data|Išsiųsta|Išsiuntimo data|Siųsta|Išsiųstas
to        Kam|Gavėjas|Skirta
cc        Kopija|Kopijos|Cc|CC
bcc       Nematomoji kopija|Slapta kopija|Slaptoji kopija
reply_to  Atgalinis adresas|Atsakyti|Atsakymą gaus
subject   Tema
[pl]
sender    Od|Nadawca|Wysłane przez|Wysyłane przez
date      Data|Wysłano|Wysłane|Wysłany|Wysłana|Data wysłania
to        Do|Adresat|Adresaci|Odbiorca|Odbiorcy
cc        Dw|DW|Kopia|Kopia do|Cc|CC|Do wiadomości
bcc       Udw|UDW|Ukryta kopia|Ukryte do wiadomości
reply_to  Odpowiedź do|Odpowiedz do|Odpowiedź-Do
subject   Temat
[cs]
sender    Od|Odesílatel|Odesilatel
date      Datum|Odesláno|Odesláno dne|Posláno|Datum odeslání|Odeslat
to        Komu|Příjemce|Příjemci|Pro|Adresát
cc        Kopie|Cc|CC|Kopie pro
bcc       Skrytá|Skrytá kopie|Bcc|BCC
reply_to  Odpověď komu|Odpověď-Komu|Odpovědět komu|Odpovědět-komu|Odpověď na|Komu odpovědět|
          Adresa pro odpověď
subject   Předmět|Věc
[sk]
sender    Od|Odosielateľ
date      Dátum|Odoslané|Odoslaná|Poslané|Dátum odoslania|Odoslať
to        Komu|Pre|Príjemca|Príjemcovia
cc        Kópia|Kópie|Cc|CC
bcc       Skrytá kópia|Skrytá
reply_to  Odpoveď komu|Odpovedať komu|Odpovedať|Odpoveď na|Odpovedať na|Komu odpovedať|Odpovedať-na
subject   Predmet
[hu]
sender    Feladó|Küldő|Küldte|Tól
date      Dátum|Elküldve|Küldve|Küldés dátuma|Elküldés dátuma|Küldés ideje|Elküldött levelek
to        Címzett|Címzettek
cc        Másolat|Másolatot kap|Másolatot kapja|Cc|CC
bcc       Titkos másolat|Rejtett másolat|Vakmásolat
reply_to  Válaszcím|Válasz címe|Válasz|Viszontválasz cím
subject   Tárgy
[hr]
sender    Šalje|Od|Pošiljatelj|Poslao
date      Datum|Poslano|Vrijeme slanja|Datum slanja
to        Prima|Za|Primatelj|Primatelji|Kome
cc        Kopija|Kopija za|Cc|CC|Prima kopiju|Pošalji kopiju
bcc       Skrivena kopija|Bcc|BCC|Prima tajnu kopiju
reply_to  Odgovori na|Odgovor na|Odgovori
subject   Predmet|Naslov
[sl]
sender    Od|Pošiljatelj
date      Datum|Poslano|Datum pošiljanja
to        Za|Prejemnik|Prejemniki
cc        Kp|Kopija|V vednost|Cc|CC|Kk
bcc       Skp|Skrita kopija
reply_to  Odgovori za|Odgovori na|Odgovor za|Odgovor na|Odgovori|Odgovori-Na
subject   Zadeva
[tr]
sender    Kimden|Gönderen|Gönderici|Nereden
date      Tarih|Gönderilen|Gönderildi|Gönderilme|Gönderilme Tarihi|Gönderme Tarihi|Gönderim Tarihi|
          Gönder
to        Kime|Alıcı|Alıcılar
cc        Bilgi|Kopya|Cc|CC|Cc (Diğer alıcı)|Karbon Kopya
bcc       Gizli|Gizli Kopya|Bcc|BCC|Saklı Bilgi
reply_to  Yanıtla|Yanıt adresi|Yanıt|Yanıt-Adresi|Yanıtlama Adresi
subject   Konu|Başlık
[vi]
sender    Từ|Người gửi|Gửi từ|Đến từ
date      Ngày|Đã gửi|Ngày gửi|Thời gian|Ngày tháng
to        Đến|Tới|Gửi đến|Gửi tới|Người nhận|Cho
cc        Cc|CC|Đồng gửi|Đồng kính gửi
bcc       Bcc|BCC
reply_to  Trả lời tới|Trả lời|Trả lời cho
subject   Chủ đề|Tiêu đề|Chủ đề thư
[id]
sender    Dari|Pengirim|Daripada
date      Tanggal|Dikirim|Tarikh|Dihantar
to        Kepada|Ke|Untuk|Penerima
cc        Cc|CC|Tembusan|Salinan|SK
bcc       Bcc|BCC|Salinan Selindung
reply_to  Balas ke|Balas Ke|Membalas ke|Balas kepada|Jawab-Kepada|Balasan Kepada
subject   Perihal|Subjek|Judul|Hal|Tajuk|Subyek
[nn]
sender    Frå|Avsendar
date      Dato|Sendt
to        Til|Mottakar|Mottakarar
cc        Kopi|Cc|CC
bcc       Blindkopi|Blindkopi til
reply_to  Svar til|Svar-til
subject   Emne
[af]
sender    Van|Afsender
date      Datum|Gestuur
to        Aan|Na
cc        Afskrif|Cc|CC
bcc       Blinde afskrif
reply_to  Antwoord aan
subject   Onderwerp
[gl]
sender    De|Remitente
date      Data|Enviado
to        Para|Destinatario|Destinatario(a)
cc        Copia|Copia (Cc)|Cc|CC
bcc       Copia oculta|Copia oculta (Cco)
reply_to  Responder a|Resposta para|Responder-A
subject   Asunto
[eu]
sender    Nork|Igorlea|Bidaltzailea|Nondik|Norena
date      Data|Bidalita|Noiz
to        Nori|Hartzailea|Hartzaileak|Nora|Hona
cc        Kopia|Cc|CC
bcc       Ezkutuko kopia
reply_to  Erantzun honi|Erantzun|Erantzun-honi
subject   Gaia|Mintzagaia
[ast]
sender    De|Remitente
date      Data|Fecha|Unviáu
to        Pa|Para
cc        Copia|Cc|CC
bcc       Cct
reply_to  Contestar a
subject   Asuntu
[cy]
sender    Oddi wrth|Oddiwrth|Anfonwr
date      Dyddiad|Anfonwyd
to        At|I|Derbyniwr
cc        Copi|Cc|CC
bcc       Copi cudd
reply_to  Ateb-I|Ateb i|Ymateb i
subject   Pwnc|Testun
[br]
sender    Eus|A-berzh
date      Deiz|Deiziad
to        Degemerer
cc        Eilskrid|Eilenn
bcc       Eilskrid kuzh|Eilenn guzh
reply_to  Respont da
subject   Sujed|Danvez
[ga]
sender    Ó|Seolaí|Seoltóir
date      Dáta|Seolta
to        Chuig
cc        Cóip|Cc|CC
bcc       Cóip cheilte
reply_to  Freagair go
subject   Ábhar|Ábhair
[lb]
sender    Vun|Geschéckt vun
date      Datum|Geschéckt
to        Un|Fir
cc        Kopie|Cc|CC
bcc       Blannkopie
reply_to  Äntwert un
subject   Sujet|Betreff
[sq]
sender    Nga|Dërguesi
date      Datë|Data|Dërguar
to        Për|Marrësi
cc        Kopje|Cc|CC
bcc       Kopje e fshehtë
reply_to  Përgjigju te|Përgjigjuni-Te
subject   Subjekt|Subjekti|Tema
[bs]
sender    Od|Šalje|Pošiljalac
date      Datum|Poslano
to        Za|Prima|Primalac
cc        Kopija|Cc|CC|Kopiraj
bcc       Skrivena kopija
reply_to  Reply-To adresa|Odgovori na|Odgovor|Odgovori|Odgovori-na
subject   Naslov|Predmet|Tema
[az]
sender    Kimdən|Göndərən
date      Tarix|Göndərilib|Göndərildi
to        Kimə|Alan
cc        Nüsxə|Surət|Cc|CC
bcc       Gizli nüsxə
reply_to  Cavabla
subject   Mövzu
[eo]
sender    Sendanto|Sendinto|De
date      Dato|Sendita
to        Ricevanto|Ricevantoj|Al
cc        Kopio|Cc|CC
bcc       Blindkopio
reply_to  Respondu-Al|Respondi al
subject   Temo
[fy]
sender    Fan
date      Datum
to        Oan
cc        Cc|CC
bcc       Bcc|BCC
reply_to  Antwurd oan
subject   Ûnderwerp|Underwerp
[fo]
sender    Frá
date      Tann
to        Til
cc        Cc|CC
bcc       Bcc|BCC
reply_to  Svara til
subject   Evni
[ia]
sender    De
date      Data
to        A
cc        Cc|CC
bcc       Bcc|BCC
reply_to  Responder a
subject   Subjecto
[oc]
sender    De
date      Data
to        A
cc        Cc|CC
bcc       Bcc|BCC
reply_to  Respondre a
subject   Objècte
[uz]
sender    Kimdan
date      Sana
to        Kimga
cc        Nusxasi
bcc       Bcc|BCC
reply_to  Javob berish
subject   Mavzu
"""
