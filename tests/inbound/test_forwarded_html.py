"""Forwarded mail in the HTML that clients write around it."""

from email.message import EmailMessage

import pytest

from gateway.core.replies.forwarded.mailboxes import Mailbox
from gateway.inbound.reading.original import recover
from gateway.inbound.reading.recovered import RecoveredMail

CLIENTS = {
    "notes7": """\
<br><font size=2 face="sans-serif">Bitte ablegen.</font><br><br><font size=1
color=#800080 face="sans-serif">----- Weitergeleitet von Bob Beispiel/Buero/DE am
05.03.2026 08:00 -----</font><br><br><table width=100%><tr valign=top><td
width=40%><font size=1><b>&quot;Ann Roe&quot; &lt;ann@example.org&gt;</b> </font><p><font
size=1>04.03.2026 10:11</font><br><td width=59%><table width=100%><tr valign=top><td><div
align=right><font size=1>An</font></div><td><font size=1>bob@example.com</font><tr
valign=top><td><div align=right><font size=1>Kopie</font></div><td><tr valign=top><td><div
align=right><font size=1>Thema</font></div><td><font size=1>AW: Termin</font></table><br
></table><br><br><font size=2>Das <i>passt</i>.</font>""",
    "notes8": """\
<p>Bitte ablegen.<br><font size="2" color="#800080">----- Weitergeleitet von Bob
Beispiel/Buero/DE am 05.03.2026 08:00 -----</font><br><br><img width="16" height="16"
src="cid:1__=x" alt="Details"><font color="#424282">Ann Roe ---04.03.2026 10:11:00---Das
passt.</font><br><br><font color="#5F5F5F">Von: </font>Ann Roe &lt;ann@example.org&gt;<br><font
color="#5F5F5F">An: </font>bob@example.com<br><font color="#5F5F5F">Datum: </font>04.03.2026
10:11<br><font color="#5F5F5F">Betreff: </font>AW: Termin<br><hr width="100%" size="2"
align="left" noshade><br><br><p>Das <i>passt</i>.</p>""",
    "egroupware": """\
<p>Bitte ablegen.</p><fieldset class="originalMessage"><legend>Original besked</legend>Fra: Ann Roe
&lt;ann@example.org&gt;<br>Til: bob@example.com<br>Dato: Wed, 4 Mar 2026 10:11:00 +0100</fieldset
><blockquote type="cite"><br><p>Das <i>passt</i>.</p></blockquote><br>""",
    "emclient": """\
<div>Bitte ablegen.</div><div><br></div><div>------ Originalnachricht
------</div><div>Von &quot;Ann Roe&quot; &lt;<a
href="mailto:ann@example.org">ann@example.org</a>&gt;</div><div>An <a
href="mailto:bob@example.com">bob@example.com</a></div><div>Datum 04.03.2026
10:11:00</div><div>Betreff AW: Termin</div><div><br></div><div>Das <i>passt</i>.</div>""",
    "yahoo": """\
<div class="ydp1yahoo-style-wrap"><div dir="ltr">Bitte
ablegen.</div><div><br></div></div><div id="yahoo_quoted_1" class="yahoo_quoted"><div
style="font-family:Arial"><div>----- Weitergeleitete Nachricht
-----</div><div><b>Von:</b> Ann Roe &lt;ann@example.org&gt;</div><div><b>An:</b>
"bob@example.com" &lt;bob@example.com&gt;</div><div><b>Gesendet:</b> Mittwoch, 4.
März 2026 um 10:11:00 MEZ</div><div><b>Betreff:</b> AW:
Termin</div><div><br></div><div><div id="yiv1">Das
<i>passt</i>.</div></div></div></div>""",
    "gmx": """\
<html><head></head><body><div style="font-family: Verdana;font-size:
12.0px;"><div>Bitte ablegen.<div>&nbsp;<div name="quote" style="margin:10px 5px 5px
10px; padding: 10px 0 10px 10px; border-left:2px solid #C3D9E5;"><div style="margin:0
0 10px 0;"><b>Gesendet:</b>&nbsp;Mittwoch, 04. März 2026 um 10:11
Uhr<br/><b>Von:</b>&nbsp;&quot;Ann Roe&quot;
&lt;ann@example.org&gt;<br/><b>An:</b>&nbsp;bob@example.com<br/><b>Betreff:</b>&nbsp;AW:
Termin</div><div name="quoted-content">Das
<i>passt</i>.</div></div></div></div></div></body></html>""",
    "outlookmac": """\
<div class="WordSection1"><p class="MsoNormal">Bitte ablegen.<o:p></o:p></p><p
class="MsoNormal"><o:p>&nbsp;</o:p></p><div style="border:none;border-top:solid
#B5C4DF 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal"
style="margin-bottom:12.0pt"><b><span style="font-size:12.0pt;color:black">Von:
</span></b><span style="font-size:12.0pt;color:black">Ann Roe
&lt;ann@example.org&gt;<br><b>Datum: </b>Mittwoch, 4. März 2026 um 10:11<br><b>An:
</b>Bob &lt;bob@example.com&gt;<br><b>Betreff: </b>AW:
Termin<o:p></o:p></span></p></div><p class="MsoNormal">Das <i>passt</i>.</p></div>""",
    "ios outlook": """\
<html><body><div dir="auto">Bitte ablegen.</div><div
id="ms-outlook-mobile-signature"><div><br></div></div><hr
style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg"
dir="ltr"><font face="Calibri, sans-serif" style="font-size:11pt"
color="#000000"><b>Von:</b> Ann Roe &lt;ann@example.org&gt;<br><b>Gesendet:</b>
Mittwoch, März 4, 2026 10:11<br><b>An:</b> Bob
&lt;bob@example.com&gt;<br><b>Betreff:</b> AW:
Termin</font><div>&nbsp;</div></div><div dir="ltr">Das
<i>passt</i>.</div></body></html>""",
    "proton": """\
<div style="font-family: Arial;">Bitte ablegen.</div><div
class="protonmail_quote">------- Forwarded Message -------<br>From: Ann Roe
&lt;ann@example.org&gt;<br>Date: On Wednesday, March 4th, 2026 at 10:11<br>Subject:
AW: Termin<br>To: bob@example.com &lt;bob@example.com&gt;<br><br><blockquote
class="protonmail_quote" type="cite">Das <i>passt</i>.<br></blockquote><br></div>""",
    "notes": """\
<font size=2 face="sans-serif">Bitte ablegen.</font><br><font size=1 color=#800080
face="sans-serif">----- Weitergeleitet von Bob/ACME on 04.03.2026 12:46
-----</font><br><br><table width=100%><tr><td width=10%><font size=1 color=#5f5f5f
face="sans-serif">Von: </font><td><font size=1 face="sans-serif">Ann Roe
&lt;ann@example.org&gt;</font><tr><td><font size=1>An: </font><td><font
size=1>bob@example.com</font><tr><td>Datum: <td>04.03.2026 10:11<tr><td>Betreff:
<td>AW: Termin</table><br><hr noshade><br><br><br><div>Das <i>passt</i>.</div>""",
    "apple de": """\
<html><head></head><body dir="auto">Bitte ablegen.<br><br><div dir="ltr">Anfang der
weitergeleiteten Nachricht:<br><br></div><blockquote type="cite"><div
dir="ltr"><b>Von:</b> Ann Roe &lt;ann@example.org&gt;<br><b>Datum:</b> 4. März 2026
um 10:11:00 MEZ<br><b>An:</b> bob@example.com<br><b>Betreff:</b> <b>AW:
Termin</b><br><br></div></blockquote><blockquote type="cite"><div
dir="ltr">&#xfeff;Das <i>passt</i>.</div></blockquote></body></html>""",
    "gmail reply": """\
<div dir="ltr">Bitte ablegen.</div><br><div class="gmail_quote"><div dir="ltr"
class="gmail_attr">Am Mi., 4. März 2026 um 10:11 Uhr schrieb Ann Roe &lt;<a
href="mailto:ann@example.org">ann@example.org</a>&gt;:<br></div><blockquote
class="gmail_quote" style="margin:0px"><div>Das <i>passt</i>.</div></blockquote></div>""",
    "superhuman": """\
<div>Bitte ablegen.</div><br/><div class="gmail_quote">---------- Forwarded message
----------<br/>From: <strong>Ann Roe</strong> <span dir="ltr">&lt;<a
href="mailto:ann@example.org">ann@example.org</a>&gt;</span><br/>Date: Wed, Mar 04
2026 at 10:11 AM<br/>Subject: AW: Termin<br/>To: bob@example.com<br/><br/><div>Das
<i>passt</i>.</div></div>""",
    "span nested": """\
<div><span>Bitte ablegen.</span></div><div><br/></div><div style="border-top:solid
#E1E1E1 1pt"><p><b>Van:</b>&nbsp;Ann Roe &lt;<a
href="mailto:ann@example.org">ann@example.org</a>&gt;&nbsp;<br><b>Verzonden:</b>
woensdag 4 maart 2026 10:11<br><b>Aan:</b> <a
href="mailto:bob@example.com">bob@example.com</a><br><b>CC:</b> <br><b>Onderwerp:</b>
AW: Termin</p></div><p>Das <i>passt</i>.</p>""",
}


@pytest.mark.parametrize("html", CLIENTS.values(), ids=CLIENTS)
def test_html_of_every_client_is_cut_where_the_original_begins(html: str) -> None:
    mail = EmailMessage()
    mail.set_content(html, subtype="html")

    found = recover(mail.as_bytes(), subject="AW: Termin")

    assert found.heading is not None
    assert Mailbox("Ann Roe", "ann@example.org") == found.heading.sender
    assert found.heading.subject == "AW: Termin"
    assert found.heading.date is not None
    assert f"{found.heading.date:%Y-%m-%d %H:%M}" == "2026-03-04 10:11"
    assert found.text == "Das passt."
    assert found.staff_text == "Bitte ablegen."
    assert "<i>passt</i>" in found.html
    assert "ablegen" not in found.html
    assert "Termin" not in found.html


CONVERSATION = """\
<div dir="ltr">Bitte ablegen.<br><br><div class="gmail_quote gmail_quote_container"><div dir="ltr"
><span style="font-size:large;font-weight:bold">Forwarded Conversation</span><br><span
style="font-weight:bold">Subject: Termin</span><br>------------------------<br></div><br><div
dir="ltr" class="gmail_attr" style="color:#888">From: <strong class="gmail_sendername"
dir="auto">Bob Doe</strong> <span dir="auto">&lt;<a
href="mailto:bob@example.com">bob@example.com</a>&gt;</span><br>Date: Tue, 3 Mar 2026 at
09:00<br>To: Ann Roe &lt;<a href="mailto:ann@example.org">ann@example.org</a>&gt;<br></div><br><br
><div dir="ltr">Passt <b>Freitag</b>?</div><br><br><div dir="ltr" class="gmail_attr"
style="color:#888">----------<br>From: <strong class="gmail_sendername" dir="auto">Ann Roe</strong>
<span dir="auto">&lt;<a href="mailto:ann@example.org">ann@example.org</a>&gt;</span><br>Date: Wed, 4
Mar 2026 at 10:11<br>To: Bob Doe &lt;<a href="mailto:bob@example.com">bob@example.com</a>&gt;<br
></div><br><br><div dir="ltr">Das <i>passt</i>.</div><br><br><div dir="ltr" class="gmail_attr"
style="color:#888">----------<br>From: <strong class="gmail_sendername" dir="auto">Bob Doe</strong>
<span dir="auto">&lt;<a href="mailto:bob@example.com">bob@example.com</a>&gt;</span><br>Date: Wed, 4
Mar 2026 at 11:00<br>To: Ann Roe &lt;<a href="mailto:ann@example.org">ann@example.org</a>&gt;<br
></div><br><br><div dir="ltr">Prima.</div><br></div></div>"""


def test_of_a_conversation_each_mail_is_cut_from_the_others() -> None:
    mail = EmailMessage()
    mail.set_content(CONVERSATION, subtype="html")

    newest = recover(mail.as_bytes(), subject="Termin")
    answer = newest.other
    assert answer is not None
    question = answer.other

    assert question is not None
    assert ["Prima.", "Das passt.", "Passt Freitag?"] == [
        reading.text for reading in (newest, answer, question)
    ]
    assert {"Bitte ablegen."} == {r.staff_text for r in (newest, answer, question)}
    assert "<i>passt</i>" in answer.html
    assert not any(word in answer.html for word in ("Freitag", "Prima", "ablegen", "Ann Roe"))


def test_a_conversation_of_which_the_text_has_less_than_the_html_is_read_whole() -> None:
    """The first of the text had the HTML of the newest, which was lost."""
    mail = EmailMessage()
    mail.set_content(
        "Bitte ablegen.\n\nForwarded Conversation\nSubject: Termin\n------------------------\n\n"
        "From: Bob Doe <bob@example.com>\nDate: Tue, 3 Mar 2026 at 09:00\n"
        "To: Ann Roe <ann@example.org>\n\n\nPasst *Freitag*?\n"
    )
    mail.add_alternative(CONVERSATION, subtype="html")

    pages = {}
    reading: RecoveredMail | None = recover(mail.as_bytes(), subject="Termin")
    while reading is not None:
        pages[reading.text] = reading.html
        reading = reading.other

    assert pages.keys() == {"Prima.", "Das passt.", "Passt Freitag?"}
    assert "Prima" in pages["Prima."]
    assert "<i>passt</i>" in pages["Das passt."]
    assert "<b>Freitag</b>" in pages["Passt Freitag?"]
