"""A small CRM: eleven people, four groups, and somebody who has died."""

from collections.abc import Mapping
from pathlib import Path

#: The files of the feed, by kind, in import order.
FEED: Mapping[str, str] = {
    "groups": """\
kind,crm_id,name,tag,active
candidate,1,Geen bulk-mail,NoMailingsTag,true
candidate,2,Geen Mailchimp,NoMailChimpMailingsTag,true
candidate,3,Zomeractie 2024,NoMailingsTag,false
contact,4,Geen bulk-mail,NoMailingsTag,true
""",
    "statuses": """\
kind,crm_id,name,tag
candidate,available,Beschikbaar,
contact,active,Actief,
contact,deceased,Overleden,NoMailTag
application,received,Received,
application,invited,Invited,
""",
    "memberships": """\
kind,group,person
candidate,1,102
candidate,2,103
candidate,3,104
contact,4,201
""",
    "people": """\
kind,crm_id,first_name,last_name,emails,status,language
candidate,101,Anna,Jansen,anna@example.org,available,nl
candidate,102,Bram,de Vries,bram@example.org,available,nl
candidate,103,Carla,Weber,carla@example.org,available,de
candidate,104,Dieter,Braun,dieter@example.org,available,de
contact,201,Élise,Martin,elise@example.org,active,fr
contact,202,Frits,Bakker,frits@example.org,deceased,nl
candidate,301,Gerard,Smit,gerard@example.net,available,nl
candidate,302,Hanna,Vos,hanna@example.net,available,nl
candidate,303,Ilse,Kok,ilse@example.net,available,nl
candidate,304,Jonas,Wolf,jonas@example.net,available,de
candidate,305,Karel,Visser,karel@example.net,available,nl
""",
    "staff": """\
crm_id,name,email,roles,language
1,Eva Bos,eva@crm.example,personnel_manager,en
""",
    "programmes": "crm_id,name\n1,Teacher of mathematics\n",
    "applications": "reference,person,programme,responsible,status\n4711,103,1,1,received\n",
}

PEOPLE: Mapping[str, str] = {
    "anna@example.org": "Anna Jansen",
    "bram@example.org": "Bram de Vries",
    "carla@example.org": "Carla Weber",
    "dieter@example.org": "Dieter Braun",
    "elise@example.org": "Élise Martin",
    "frits@example.org": "Frits Bakker",
}

#: The recipients of the week's mailings.
GERARD, HANNA, ILSE, JONAS, KAREL = (
    "gerard@example.net",
    "hanna@example.net",
    "ilse@example.net",
    "jonas@example.net",
    "karel@example.net",
)
READERS: Mapping[str, str] = {
    GERARD: "Gerard Smit",
    HANNA: "Hanna Vos",
    ILSE: "Ilse Kok",
    JONAS: "Jonas Wolf",
    KAREL: "Karel Visser",
}
NAMES: Mapping[str, str] = {**PEOPLE, **READERS}

SENDER = "recruiter@crm.example"

#: The CRM's mailing to everybody, marked as CRMs mark their mailings.
MAILING = """\
From: Recruiter <recruiter@crm.example>
To: {name} <{address}>
Subject: New vacancies this week
Message-ID: <mailing-{number}@crm.example>
List-Unsubscribe: <mailto:unsubscribe@crm.example>

Dear {name}, these vacancies may interest you.
"""

#: A recruiter's mail from the file of somebody who gets no mailings.
PERSONAL_TO = "bram@example.org"
PERSONAL = """\
From: Recruiter <recruiter@crm.example>
To: {name} <{address}>
Subject: Our appointment on Thursday
Message-ID: <personal-{number}@crm.example>

Dear {name}, see you on Thursday at ten.
"""

#: The week's mailings, on Monday and a week later, and a recruiter's mail in between.
WEEK_MAILINGS = tuple(
    f"""\
From: Recruiter <recruiter@crm.example>
To: {{name}} <{{address}}>
Subject: {subject}
Message-ID: <{key}-{{number}}@crm.example>
Precedence: bulk

Dear {{name}}, these vacancies may interest you.
"""
    for subject, key in (("Vacancies of the week", "monday"), ("More vacancies", "week-later"))
)
WEEK_PERSONAL = """\
From: Recruiter <recruiter@crm.example>
To: {name} <{address}>
Subject: May I call you?
Message-ID: <may-i-{number}@crm.example>

Dear {name}, when can I reach you?
"""

#: A mail server's report on a mail it could not deliver (RFC 3464).
UNKNOWN = "550 5.1.1 no such user here"
FULL = "552 5.2.2 the mailbox is full"
DSN = """\
From: Mail Delivery System <MAILER-DAEMON@example.net>
To: <{to}>
Subject: Undelivered Mail Returned to Sender
Message-ID: <{key}@example.net>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="parts"

--parts
Content-Type: text/plain

Your mail to {address} could not be delivered: {said}

--parts
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {address}
Action: failed
Status: {status}
Diagnostic-Code: smtp; {said}

--parts--
"""
#: A provider's report on a mail somebody called spam (RFC 5965), with the mail attached.
ARF = """\
From: Feedback <feedback@example.net>
To: <bounces@crm.example>
Subject: Complaint about a mail of yours
Message-ID: <{key}@example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="parts"

--parts
Content-Type: text/plain

A reader of ours called this mail spam.

--parts
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: ExampleFeedback/1.0
Version: 1

--parts
Content-Type: text/rfc822-headers

{header}

--parts--
"""
#: A mail program's answer while its owner is away (RFC 3834).
ABSENCE = """\
From: <{address}>
To: <{to}>
Subject: Afwezig
Message-ID: <{key}@example.net>
Auto-Submitted: auto-replied

Ik ben er volgende week weer.
"""

CONFIG = """\
[store]
url = "sqlite:///gateway.db"
[log]
level = "warning"
[suppression]
language = "en"
[notices]
from = "Recruiting <office@crm.example>"
[triggers]
report_to = "office@crm.example"
[mailchimp]
api_key = "make-believe-us1"
base_url = "{mailchimp}"
audience = "CRM users"
[[relays]]
name = "relay"
host = "127.0.0.1"
port = {relay}
[api]
bind = "127.0.0.1:{api}"
public_url = "https://mail.crm.example"
[bounces]
address = "bounces@crm.example"
apart = "1s"
[[smtp.listeners]]
name = "crm"
bind = "127.0.0.1:{listener}"
envelope = "rewrite"
unsubscribe = "add"
[[smtp.listeners]]
name = "bounces"
bind = "127.0.0.1:{bounces}"
purpose = "bounces"
[[smtp.listeners]]
name = "replies"
bind = "127.0.0.1:{replies}"
purpose = "import"
trust = "internal-only"
"""

STAFF = "eva@crm.example"
#: The mail that a member of staff forwards to the import address.
FORWARD = """\
From: Eva Bos <eva@crm.example>
To: replies@crm.example
Subject: 4711 WG: AW: Ihre Bewerbung
Message-ID: <forward@crm.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="parts"

--parts
Content-Type: text/plain; charset=utf-8

Please have a look.

-----Ursprüngliche Nachricht-----
Von: Carla Weber <carla@example.org>
Gesendet: Mittwoch, 4. März 2026 10:11
An: Eva Bos <eva@crm.example>
Betreff: AW: Ihre Bewerbung

Guten Tag Frau Bos,

der Termin am Freitag passt mir gut. Mein Lebenslauf liegt bei.

Carla Weber
--parts
Content-Type: application/pdf
Content-Disposition: attachment; filename="Lebenslauf_Weber.pdf"
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--parts--
"""

#: A forward that doesn't say which application it belongs to: it waits in the inbox.
UNFILED = """\
From: Eva Bos <eva@crm.example>
To: replies@crm.example
Subject: WG: Unterlagen
Message-ID: <forward-2@crm.example>

-----Ursprüngliche Nachricht-----
Von: Carla Weber <carla@example.org>
Gesendet: Donnerstag, 5. März 2026 9:02
An: Eva Bos <eva@crm.example>
Betreff: Unterlagen

Guten Tag Frau Bos,

fehlt Ihnen noch ein Zeugnis von mir?

Carla Weber
"""

#: Mails an applicant when staff change the status of the application.
INVITED: Mapping[str, str] = {
    "triggers/invited.toml": """\
event = "status_changed"
status = "invited"
template = "invited"
""",
    "templates/invited/de.txt": """\
Subject: Einladung zum Gespräch

Guten Tag {{ person.name }}, wir freuen uns auf das Gespräch mit Ihnen!
""",
}

#: A trigger and its template.
BIRTHDAY: Mapping[str, str] = {
    "triggers/birthday.toml": 'event = "birthday"\ntemplate = "birthday"\n',
    "templates/birthday/nl.txt": """\
Subject: Gefeliciteerd, {{ person.first_name }}!

Beste {{ person.name }}, van harte gefeliciteerd met uw verjaardag!
""",
}

#: Whose birthday it is, and who agreed to mail: the other columns stay unchanged.
BORN = """\
crm_id,birthday,consent_email
101,{born},yes
102,{born},yes
103,{born},no
"""


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files by name below a folder: a trigger and its template."""
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
