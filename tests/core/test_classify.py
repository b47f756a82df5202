"""Bulk or individual, and which rule says so: the shipped rules as tables."""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.rules import HeaderTest, LoginTest, RuleConfig, SenderTest
from gateway.core.decision.bulk_marks import MARKS, BulkMark
from gateway.core.decision.classify import Classification, classify, classify_early
from gateway.core.decision.rule import (
    BurstTest,
    MessageFacts,
    RecipientsTest,
    Rule,
    RuleTest,
    many_recipients,
    why_matched,
)
from gateway.core.decision.shipped_rules import SHIPPED_RULES, is_personal
from gateway.core.kinds import Kind
from gateway.core.mail.content import HeaderBlock, dot_stuff, parted_file
from gateway.core.mail.headers import Headers
from gateway.core.mail.invitation import OPENING, opening

SENDER = "recruiter@crm.example"
DEFAULT = ("individual", "default")
#: What a CRM may stamp on everything it sends.
STAMPED = "Precedence: bulk\nList-Unsubscribe: <https://crm.example/u>\n"
#: What only its campaigns have.
CAMPAIGN = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\nFeedback-ID: 7:crm\n"
FROM = "From: Recruiter <recruiter@crm.example>\nMessage-ID: <own@crm.example>\n"


def facts_of(mail: bytes, *, recipients: int = 1, many: int | None = 10) -> MessageFacts:
    block, rest = parted_file(mail, behind=OPENING)
    return MessageFacts(
        sender=SENDER,
        login=None,
        recipients=recipients,
        headers=Headers.of(block),
        opening=opening(dot_stuff(rest)),
        many=many,
    )


def said(
    header: str | bytes,
    *,
    body: str = "Dag!\n",
    recipients: int = 1,
    default: Kind = Kind.INDIVIDUAL,
    rules: Sequence[Rule] = SHIPPED_RULES,
) -> tuple[str, str]:
    """Return the kind of a mail and the rule that said so."""
    block = header if isinstance(header, bytes) else header.encode()
    mail = block + b"\n" + body.encode()
    facts = facts_of(mail, recipients=recipients, many=many_recipients(rules))
    found = classify(facts, rules, default)
    return found.kind, found.rule


# Marks of bulk mail

WRITTEN = {
    "precedence": "bulk",
    "auto-list": "auto-generated; type=list",
    "odoo": "mailing.contact-17",
    "sendgrid-api": '{"asm_group_id": 7}',
    "postmark": "broadcasts",
    "sparkpost": '{"campaign_id": "spring"}',
    "dolibarr": "emailing-3-77@5f2c01b7",
    "salesforce-category": "massMail",
}


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: mark.rule)
def test_every_mark_of_the_table_makes_a_mail_bulk(mark: BulkMark) -> None:
    name = mark.header.replace("*", "Anything")
    value = WRITTEN.get(mark.rule, "7")

    assert ("bulk", mark.rule) == said(f"{FROM}{name}: {value}\n")
    assert ("bulk", mark.rule) == said(f"{FROM}{name.upper()}:\n\t{value}\n")


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: mark.rule)
@pytest.mark.parametrize("value", ["", " ", "<>", "\n ", '""', "-", ", ", "=?utf-8?q??="])
def test_a_mark_without_a_value_is_none(mark: BulkMark, value: str) -> None:
    name = mark.header.replace("*", "Anything")

    assert DEFAULT == said(f"{FROM}{name}: {value}\n")


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("X-Mailin-EID: MjQyODY0MDE0", "brevo"),
        ("X-Mailin-Campaign: 42", "brevo"),
        ("X-CiviMail-Bounce: b.1.2.3@crm.example", "civimail"),
        ("X-SG-EID: =?us-ascii?Q?u001=2EnQyB9?=", "sendgrid"),
        ('X-SMTPAPI: {"to": ["a@example.org", "b@example.org"]}', "sendgrid-api"),
        ("X-Mailgun-Sid: WyI1MzIz", "mailgun"),
        ("X-Mailgun-Tag: spring", "mailgun"),
        ("X-MJ-Mid: AXQAAACM", "mailjet"),
        ("X-Mailjet-Campaign: spring", "mailjet-campaign"),
        ("X-Odoo-Objects: mail.mass_mailing.contact-3", "odoo"),
        ("X-Campaign-Name: spring", "campaign-mark"),
        ("Feedback-ID: emailing-3-77:5f2c01b7:dolib", "feedback-id"),
        ("Feedback-ID: 12:345:standard:aHR0cHM6Ly8=", "feedback-id"),
        ("Feedback-ID: 12:345:automation:aHR0cHM6Ly8=", "feedback-id"),
        ("Feedback-ID: 1.eu-west-1.abc=:AmazonSES", "feedback-id"),
        ("Feedback-ID: 7:crm:notifications:esp", "feedback-id"),
        ("Feedback-ID: 17:transactional:esp", "feedback-id"),
        ("Feedback-ID: 9:crm:override:esp", "feedback-id"),
        ("Feedback-ID: news", "feedback-id"),
        ("X-Dolibarr-TRACKID: emailing-3-77@5f2c01b7", "dolibarr"),
        ("X-SFDC-EmailCategory: massMail", "salesforce-category"),
        ("X-SFDC-EmailCategory: listEmail", "salesforce-category"),
        ("X-TYPO3MID: MID12_T0-P345", "typo3"),
        ("Precedence: bulk (a mailing)", "precedence"),
        ("Precedence: (a mailing) bulk", "precedence"),
        ('Precedence: "bulk"', "precedence"),
        ("Precedence: list; x=y", "precedence"),
        ("Precedence: Junk", "precedence"),
        ("List-Unsubscribe: <mailto:u@crm.example>", "list-unsubscribe"),
        ("List-Unsubscribe:\nList-Unsubscribe: <https://crm.example/u>", "list-unsubscribe"),
        ('Precedence: ((a "mailing) (bulk)) list', "precedence"),
        ("Precedence: (bulk", "precedence"),
        ('Auto-Submitted: auto-generated; owner-email=x; Type = "mailing list"', "auto-list"),
        ("Auto-Submitted: auto-generated (by a program); type=list (of jobs)", "auto-list"),
        ("Auto-Submitted: auto-generated (mailing list)", "auto-list"),
        ("Auto-Submitted: auto-generated (a (mailing) list)", "auto-list"),
        ("Auto-Submitted: (a (nested) comment) mailing-list", "auto-list"),
        ('Auto-Submitted: auto-generated (5" wide); type=list', "auto-list"),
    ],
)
def test_what_programs_write_is_known(field: str, rule: str) -> None:
    assert ("bulk", rule) == said(f"{FROM}{field}\n")


@pytest.mark.parametrize(
    "field",
    [
        "Precedence: first-class",
        "Precedence: special-delivery",
        "Precedence: bulky",
        "X-Odoo-Objects: res.partner-17",
        "X-PM-Message-Stream: outbound",
        'X-SMTPAPI: {"category": "invoice"}',
        'X-MSYS-API: {"options": {"transactional": true}}',
        "Feedback-ID: thi17:5f2c01b7:dolib",
        "Feedback-ID: 9:345:override:aHR0cHM6Ly8=",
        "Feedback-ID: 9:345:notification:aHR0cHM6Ly8=",
        "X-Dolibarr-TRACKID: thi17@5f2c01b7",
        "X-SFDC-EmailCategory: apiSingleMail",
        "X-SFDC-EmailCategory: workflowActionAlert",
        "X-MessageID: 77",
        "X-Precedence: bulk",
        "X-Mailing: 7",
        "Precedence: (not bulk) first-class",
        "Precedence: (bulk) first-class",
        "Precedence: special-delivery; type=list",
        "Auto-Submitted: auto-generated",
        'Auto-Submitted: auto-generated; owner-email="price-list@crm.example"',
        "Auto-Submitted: auto-generated; owner-token=list",
        'Auto-Submitted: auto-generated; x="; type=list"',
        'Auto-Submitted: auto-generated; owner-email="list',
        "Auto-Submitted: auto-generated; subtype=list",
    ],
)
def test_what_is_on_personal_mail_too_is_no_mark(field: str) -> None:
    assert DEFAULT == said(f"{FROM}{field}\n")


@pytest.mark.parametrize(
    "header",
    [
        b"Precedence:\r\n bulk\r\n",
        b"Precedence:\r\n\tbulk\r\n",
        b"Precedence:\r\n \r\n bulk\r\n",
        b"PRECEDENCE: BULK\r\n",
        b"precedence:junk\r\n",
        b"Precedence : bulk\r\n",
        b"Precedence\t:\tbulk\r\n",
        b"Precedence: first-class\r\nPrecedence: bulk\r\n",
        b"Precedence: =?utf-8?q?bulk?=\r\n",
        b"Precedence: =?utf-8?b?YnVsaw==?=\r\n",
        b"Subject: one\r\nSubject: two\r\nPrecedence: bulk\r\n",
        b"Subject: bare newline\nPrecedence: bulk\r\n",
        b"Subject: bare return\rPrecedence: bulk\r\n",
        b"X-\xe9: 8 bits\r\nPrecedence: bulk\r\n",
        b"From a@x Thu Jan  1 00:00:00 1970\r\nPrecedence: bulk\r\n",
        b"no colon here\r\nPrecedence: bulk\r\n",
        b"X-Empty:\r\nPrecedence: bulk\r\n",
        b"\xef\xbb\xbfPrecedence: bulk\r\n",
    ],
)
def test_S39_a_mark_counts_however_it_is_written(header: bytes) -> None:
    assert ("bulk", "precedence") == said(header)


@pytest.mark.parametrize(
    "mail",
    [
        b"Subject: x\r\n\r\nPrecedence: bulk\r\n",
        b"\r\nPrecedence: bulk\r\n\r\nx\r\n",
        b"Subject: x\r\n Precedence: bulk\r\n\r\nx\r\n",
        b"Subject: x\n\nPrecedence: bulk\r\n\r\nx\r\n",
        b"Subject: =?utf-8?q?x=0D=0APrecedence:_bulk?=\r\n\r\nx\r\n",
    ],
)
def test_S39_what_is_no_header_field_is_no_mark(mail: bytes) -> None:
    assert DEFAULT == said(mail)


# Answers


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("In-Reply-To: <1@example.org>", "reply"),
        ("References: <1@example.org>", "reply-thread"),
        ("References: <own@crm.example> <1@example.org>", "reply-thread"),
        ("In-Reply-To:\n <1@example.org>", "reply"),
        ("References: <1@example.org>\n\t<2@example.org>", "reply-thread"),
        ("In-Reply-To: <1@example.org> (Ann's mail of Monday)", "reply"),
        ("In-Reply-To: Your message of Monday <1@example.org>", "reply"),
        ("In-Reply-To: < 1@example.org >", "reply"),
        ("In-Reply-To: <1@[192.0.2.1]>", "reply"),
        ("In-Reply-To: <1@localhost>", "reply"),
        ("In-Reply-To: =?utf-8?q?=3C1=40example=2Eorg=3E?=", "reply"),
        ("In-Reply-To: <AM0PR01MB12.eurprd01.prod.outlook.com@x.outlook.com>", "reply"),
        ("In-Reply-To:\nIn-Reply-To: <1@example.org>", "reply"),
        ("In-Reply-To: undefined\nReferences: <1@example.org>", "reply-thread"),
        ("In-Reply-To: <1@crm.example>", "reply"),  # A colleague's mail; no campaign.
    ],
)
def test_an_answer_is_individual_whatever_the_crm_stamps_on_it(field: str, rule: str) -> None:
    assert ("individual", rule) == said(f"{FROM}{field}\nSubject: Re: Vacature\n{STAMPED}")
    assert ("individual", rule) == said(f"{FROM}{field}\n", default=Kind.BULK)


def in_words(text: str) -> str:
    """Return a text in as many encoded words as take three characters each (RFC 2047)."""
    octets = [text[at : at + 3].encode() for at in range(0, len(text), 3)]
    return "\n ".join(f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in octets)


@pytest.mark.parametrize("written", [str, in_words], ids=["long", "many encoded words"])
@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("In-Reply-To", "<own@crm.example> " * 300 + "<1@example.org>", "reply"),
        ("References", "<own@crm.example> " * 300 + "<1@example.org>", "reply-thread"),
        ("X-Odoo-Objects", "res.partner-17, " * 300 + "mailing.contact-17", "odoo"),
        ("X-File", "old " * 1200 + "news", "own"),
    ],
)
def test_a_field_is_read_to_its_end(
    name: str, value: str, rule: str, written: Callable[[str], str]
) -> None:
    rules = (Rule("own", Kind.BULK, HeaderTest("x-file", re.compile("news$"))), *SHIPPED_RULES)

    assert rule == said(f"{FROM}{name}: {written(value)}\n", rules=rules)[1]


@pytest.mark.parametrize("name", ["In-Reply-To", "References"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "<>",
        "< >",
        "undefined",
        "<undefined>",
        "<undefined@crm.example>",
        "<null@null>",
        "null",
        "None",
        "<@>",
        "<@example.org>",
        "<1@>",
        "<1>",
        "1@example.org",
        "<1 2@example.org>",
        "<{{message.id}}@crm.example>",
        "<${id}@crm.example>",
        "<%s@crm.example>",
        "<%message_id%@crm.example>",
        "<$id@crm.example>",
        "<#{id}@crm.example>",
        "<__ID__@crm.example>",
        "<[object@Object]>",
        "<true@crm.example>",
        "<missing@crm.example>",
        "<message-id@crm.example>",
        "<own@crm.example>",
        "<OWN@CRM.EXAMPLE>",
        "<own@crm.example> <own@crm.example>",
        "(<1@example.org>)",
        "((x) <1@example.org>)",
        "Recruiter <recruiter@crm.example>",
        "Re: Vacature",
        "=?utf-8?q?=3C=3E?=",
    ],
)
def test_a_field_that_names_nobody_elses_mail_answers_none(name: str, value: str) -> None:
    header = f"{FROM}{name}: {value}\nSubject: Re: Vacature\n"

    assert ("bulk", "precedence") == said(header + STAMPED)
    assert ("bulk", "default") == said(header, default=Kind.BULK)


@pytest.mark.parametrize(
    ("subject", "rule"),
    [
        ("Vacature", "reply"),
        ("Re: Vacature", "reply"),
        ("AW: WG: Stelle", "reply"),
        ("Antw: Doorst: Vacature", "reply"),
        ("[EXTERN] Re: Fwd: x", "reply"),
        ("Fwd: Vacature", "precedence"),
        ("FW: Re: Vacature", "precedence"),
        ("WG: AW: Stelle", "precedence"),
        ("Doorst: Vacature", "precedence"),
        ("TR : Poste", "precedence"),
        ("[EXTERN] Fwd: x", "precedence"),
        ("***SPAM*** [EXT] WG: x", "precedence"),
        ("[CRM-123] Fwd: x", "precedence"),
        ("[EXT] [Ticket#12] TR : x", "precedence"),
        ("[CRM-123] Re: Fwd: x", "reply"),
        ("[CRM-123] x", "reply"),
        ("Re: [CRM-123] Fwd: x", "reply"),
        ("=?utf-8?q?WG=3A_Gr=C3=BC=C3=9Fe?=", "precedence"),
        ("[Fwd: Vacature]", "precedence"),
        ("Vacature (fwd)", "precedence"),
        ("RV: Puesto", "precedence"),
        ("I: Posto", "precedence"),
        ("ENC: Vaga", "precedence"),
        ("VS: Stilling", "precedence"),
        ("转发：职位", "precedence"),
        ("Re: x\nSubject: Fwd: x", "precedence"),
    ],
)
def test_a_forward_is_no_answer(subject: str, rule: str) -> None:
    header = f"{FROM}In-Reply-To: <1@example.org>\nSubject: {subject}\n{STAMPED}"

    assert rule == said(header)[1]


@pytest.mark.parametrize("many", [3, 10, 25])
def test_what_goes_to_as_many_as_a_mailing_is_no_answer(many: int) -> None:
    own = tuple(rule for rule in SHIPPED_RULES if rule.name != "many-recipients")
    rules = (*own, Rule("many-recipients", Kind.BULK, RecipientsTest(many)))
    header = f"{FROM}In-Reply-To: <1@example.org>\n"

    assert ("individual", "reply") == said(header, recipients=many - 1, rules=rules)
    assert ("bulk", "many-recipients") == said(header, recipients=many, rules=rules)


def test_the_lowest_count_of_recipients_is_the_one_that_counts() -> None:
    assert 10 == many_recipients(SHIPPED_RULES)
    assert many_recipients(SHIPPED_RULES[:-1]) is None


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("In-Reply-To: <1@crm.example>", "bulk"),
        ("In-Reply-To: <1@mail.crm.example>", "bulk"),
        ("References: <1@crm.example> <2@news.crm.example>", "bulk"),
        ("In-Reply-To: <1@esp.example>", "bulk"),
        ("In-Reply-To: <1@example.org>", "individual"),
        ("References: <1@crm.example> <2@example.org>", "individual"),
        ("In-Reply-To: <1@other-esp.example>", "individual"),
    ],
)
@pytest.mark.parametrize("mark", [CAMPAIGN, "X-Campaign-Name: spring\n", "X-Mailin-EID: 7\n"])
def test_the_next_step_of_a_campaign_answers_nobody(mark: str, field: str, kind: str) -> None:
    header = f"From: news@jobs.crm.example\nMessage-ID: <2@esp.example>\n{mark}{field}\n"

    assert kind == said(header)[0]


@pytest.mark.parametrize(
    ("author", "answered", "kind"),
    [
        ("a@crm.co.uk", "1@candidate.co.uk", "individual"),
        ("a@crm.co.uk", "1@mail.crm.co.uk", "bulk"),
        ("a@mail.kpn.nl", "1@news.kpn.nl", "bulk"),
        ("a@crm.nl", "1@other.nl", "individual"),
    ],
)
def test_an_organisation_is_known_by_its_domains(author: str, answered: str, kind: str) -> None:
    assert kind == said(f"From: {author}\n{CAMPAIGN}In-Reply-To: <{answered}>\n")[0]


def test_an_empty_mark_makes_no_campaign() -> None:
    header = f"{FROM}Feedback-ID:\nPrecedence: bulk\nIn-Reply-To: <1@crm.example>\n"

    assert ("individual", "reply") == said(header)


def test_a_subject_alone_is_no_answer() -> None:
    assert not is_personal(facts_of(f"{FROM}Subject: Re: Vacature\n\n".encode()))
    assert is_personal(facts_of(f"{FROM}References: <1@example.org>\n\n".encode()))


def test_what_some_programs_do_not_read_as_a_field_is_no_answer() -> None:
    header = b"From: a@crm.example\nDear all,\nIn-Reply-To: <1@example.org>\nPrecedence: bulk\n"

    assert ("bulk", "precedence") == said(header)
    assert not is_personal(facts_of(header + b"\n"))


# Mailing lists

ANSWER = f"{FROM}In-Reply-To: <1@example.org>\nSubject: Re: Overleg\n"
LIST_ID = "List-Id: <team.lists.crm.example>\n"
POST = "List-Post: <mailto:team@lists.crm.example>\n"
LIST = f"{LIST_ID}{POST}Precedence: list\n"


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        (f"{LIST_ID}Precedence: list\n", "precedence"),
        (f"{LIST_ID}Precedence: (of a team) List; x=y\n", "precedence"),
        (LIST_ID + POST, "list-id"),
        (f"{LIST_ID}List-Post: NO (announcements only)\n", "list-id"),
        (f"{POST}Precedence: list\n", "precedence"),
        (f"{LIST_ID}X-Loop: team@lists.crm.example\n", "list-id"),
        ("Mailing-List: contact team-help@lists.crm.example; run by ezmlm\n", "mailing-list"),
        ("X-BeenThere: team@lists.crm.example\n", "been-there"),
        ("X-Mailman-Version: 2.1.39\n", "mailman"),
        ("X-Mailing-List: <team@lists.crm.example> archive/latest/7\n", "x-mailing-list"),
        ("X-Google-Group-Id: 358814495539\n", "google-group"),
        ("X-BeenThere: team@lists.crm.example\nX-List-Administrivia: no\n", "been-there"),
    ],
)
def test_what_a_list_manager_distributes_goes_to_all_on_the_list(fields: str, rule: str) -> None:
    assert ("bulk", rule) == said(ANSWER + fields)
    assert ("bulk", rule) == said(f"{fields}{FROM}References: <1@example.org>\n")
    assert not is_personal(facts_of(f"{ANSWER}{fields}\n".encode()))


@pytest.mark.parametrize(
    "fields",
    [
        STAMPED,
        LIST_ID,
        LIST_ID + STAMPED,
        "Precedence: list\n",
        f"List-Id: <>\n{POST}",
        f"{LIST_ID}List-Post:\nX-Loop: -\nPrecedence: bulk (not a list)\n",
        "X-BeenThere:\nX-Mailman-Version: \nMailing-List: -\nX-Google-Group-Id: <>\n",
        "X-Loop: crm@crm.example\nPrecedence: list\n",
        "X-phpList-version: 3.6.15\n",
        "List-Help: <mailto:h@crm.example>\nList-Owner: <mailto:o@crm.example>\n",
        POST,
        f"{LIST}X-BeenThere: team@lists.crm.example\nX-List-Administrivia: yes\n",
    ],
)
def test_what_a_crm_may_stamp_makes_no_list_of_an_answer(fields: str) -> None:
    assert ("individual", "reply") == said(ANSWER + fields)


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All",
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=b",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
        "Content-Type: text/calendar; method=REQUEST",
        "Content-Class: urn:content-classes:calendarmessage",
        "X-MessageID: systemmessage",
        "X-Listmonk-Subscriber: 0f1e",
    ],
)
def test_nothing_that_a_list_manager_distributes_is_written_to_one(header: str) -> None:
    assert "individual" == said(f"{FROM}{header}\n", default=Kind.BULK)[0]
    assert ("bulk", "precedence") == said(f"{FROM}{header}\n{LIST}")


def test_behind_a_line_that_is_no_field_a_list_is_one_too() -> None:
    assert ("bulk", "precedence") == said(f"{ANSWER}Dear all,\n{LIST}")


# Programs that answer, and reports


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        ("Auto-Submitted: auto-replied", "auto-reply"),
        ("Auto-Submitted: auto-replied (vacation)", "auto-reply"),
        ("Auto-Submitted: Auto-Replied; owner-email=x", "auto-reply"),
        ("Auto-Submitted: (vacation) auto-replied", "auto-reply"),
        ("Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All", "absence"),
        (
            "Content-Type: multipart/report; report-type=disposition-notification; boundary=b",
            "read-receipt",
        ),
        (
            'Content-Type: multipart/report;\n\tboundary="b";\n\treport-type="delivery-status"',
            "delivery-report",
        ),
        ("Content-Type: multipart/report; Report-Type=Delivery-Status", "delivery-report"),
        (
            'Content-Type: multipart/report; boundary="report-type=x"; report-type=delivery-status',
            "delivery-report",
        ),
    ],
)
def test_automatic_answers_and_reports_are_individual(header: str, rule: str) -> None:
    assert ("individual", rule) == said(f"{FROM}{header}\n", default=Kind.BULK)


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-generated",
        "Auto-Submitted: no",
        "Auto-Submitted:",
        "Auto-Submitted: auto-notified\nX-Auto-Response-Suppress: All",
        "Auto-Submitted: auto-generated\nX-Auto-Response-Suppress:",
        "Auto-Submitted: auto-replied\nAuto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        "Content-Type: multipart/report; report-type=feedback-report",
        "Content-Type: multipart/report; boundary=b",
        'Content-Type: multipart/report; boundary="report-type=delivery-status"',
        "Content-Type: multipart/report; x-report-type=delivery-status",
        'Content-Type: multipart/mixed; report-type="disposition-notification"',
        "Content-Type: text/plain\n"
        "Content-Type: multipart/report; report-type=disposition-notification",
    ],
)
def test_what_is_unclear_is_no_automatic_answer(header: str) -> None:
    assert ("bulk", "default") == said(f"{FROM}{header}\n", default=Kind.BULK)


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("X-MessageID: systemmessage", "phplist-system"),
        ("X-MessageID: 77", "precedence"),
        ("X-MessageID: systemmessages", "precedence"),
        ("X-Listmonk-Subscriber: 0f1e", "listmonk-opt-in"),
        ("X-Listmonk-Subscriber:", "precedence"),
        ("X-Listmonk-Subscriber: 0f1e\nX-Listmonk-Campaign: 1a2b", "precedence"),
        ("X-Listmonk-Campaign: 1a2b", "precedence"),
    ],
)
def test_what_is_about_one_subscription_is_no_mailing(field: str, rule: str) -> None:
    assert rule == said(f"{FROM}{field}\n{STAMPED}")[1]
    assert "precedence" == said(f"{FROM}{field}\n{STAMPED}", recipients=2)[1]


ABSENT = f"{FROM}Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\n"


@pytest.mark.parametrize(
    "mark", [mark for mark in MARKS if mark.rule != "auto-list"], ids=attrgetter("rule")
)
def test_with_any_mark_of_bulk_mail_it_is_no_notice_of_absence(mark: BulkMark) -> None:
    value = WRITTEN.get(mark.rule, "7")

    assert "bulk" == said(f"{ABSENT}{mark.header.replace('*', 'Any')}: {value}\n")[0]


def test_a_notice_of_absence_goes_to_one() -> None:
    assert ("bulk", "default") == said(ABSENT, recipients=2, default=Kind.BULK)


def test_an_automatic_answer_to_as_many_as_a_mailing_is_one() -> None:
    assert "bulk" == said(f"{FROM}Auto-Submitted: auto-replied\n", recipients=10)[0]


# Own rules


def test_the_first_rule_that_matches_decides() -> None:
    rules = (
        Rule("own", Kind.INDIVIDUAL, HeaderTest("x-file", re.compile("^yes$"))),
        *SHIPPED_RULES,
    )

    assert ("individual", "own") == said(f"{STAMPED}X-File: yes\n", rules=rules)
    assert ("bulk", "precedence") == said(f"{STAMPED}X-File: no\n", rules=rules)


def test_ten_recipients_at_once_are_a_mailing() -> None:
    assert DEFAULT == said(FROM, recipients=9)
    assert ("bulk", "many-recipients") == said(FROM, recipients=10)


OWN = replace(
    facts_of(f"{FROM}X-File: yes\nX-File: no\n\n".encode()),
    sender="news@crm.example",
    login="mailings",
    recipients=7,
    burst=lambda within: 51 if within >= timedelta(minutes=10) else 50,
)

#: A test a rule of one's own may have, and why it matches; None: it doesn't.
OWN_TESTS: dict[str, tuple[RuleTest, str | None]] = {
    "a header that is there": (HeaderTest("x-file"), "has x-file"),
    "a header that isn't": (HeaderTest("x-other"), None),
    "the first value that matches": (HeaderTest("x-file", re.compile("n")), "x-file: no"),
    "no value that matches": (HeaderTest("x-file", re.compile("maybe")), None),
    "the sender": (SenderTest(re.compile("^news@")), "sender news@crm.example"),
    "another sender": (SenderTest(re.compile("^eva@")), None),
    "the login": (LoginTest(re.compile("^mail")), "login mailings"),
    "another login": (LoginTest(re.compile("^plan")), None),
    "as many recipients": (RecipientsTest(7), "7 recipients"),
    "more recipients": (RecipientsTest(8), None),
    "a burst": (
        BurstTest(recipients=50, within=timedelta(minutes=10)),
        "the same message to more than 50 within 0:10:00",
    ),
    "just not a burst": (BurstTest(recipients=51, within=timedelta(minutes=10)), None),
    "a burst too slow": (BurstTest(recipients=50, within=timedelta(minutes=9)), None),
}


@pytest.mark.parametrize("why", OWN_TESTS)
def test_a_rule_of_ones_own_says_why_it_matches(why: str) -> None:
    test, because = OWN_TESTS[why]
    rule = Rule("own", Kind.BULK, test)

    assert because == why_matched(rule, OWN)
    expected = ("individual", "default") if because is None else ("bulk", "own")
    found = classify(OWN, (rule,), Kind.INDIVIDUAL)
    assert expected == (found.kind, found.rule)
    assert found.is_certain == (because is not None)


#: The keys of a rule in the config, and the test it gets.
OF_THE_CONFIG: dict[str, tuple[dict[str, object], RuleTest]] = {
    "header": ({"header": "X-File"}, HeaderTest("x-file")),
    "a header's value": (
        {"header": "X-File", "matches": "^yes$"},
        HeaderTest("x-file", re.compile("^yes$", re.IGNORECASE)),
    ),
    "sender": ({"sender": "^news@"}, SenderTest(re.compile("^news@", re.IGNORECASE))),
    "login": ({"login": "^mail"}, LoginTest(re.compile("^mail", re.IGNORECASE))),
    "recipients": ({"recipients_at_least": 7}, RecipientsTest(7)),
    "burst": (
        {"burst": {"recipients": 50, "within": "10m"}},
        BurstTest(recipients=50, within=timedelta(minutes=10)),
    ),
    "a burst that waits": (
        {"burst": {"recipients": 50, "within": "10m", "first": "defer"}},
        BurstTest(recipients=50, within=timedelta(minutes=10), defer=True),
    ),
}


@pytest.mark.parametrize("what", OF_THE_CONFIG)
def test_a_rule_of_the_config_has_the_test_that_its_keys_say(what: str) -> None:
    keys, test = OF_THE_CONFIG[what]

    assert test == RuleConfig.model_validate({"name": "own", "kind": "bulk", **keys}).test()


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"kind": "individual", "sender": "x", "unsubscribe": "add"}, "nobody unsubscribes"),
        ({"kind": "bulk", "sender": "x", "matches": "y"}, "needs header"),
        ({"kind": "bulk", "sender": "x", "login": "y"}, "has sender and login"),
        ({"kind": "bulk"}, "has none"),
        (
            {"kind": "individual", "burst": {"recipients": 1, "within": "1m"}},
            "can only make a message bulk",
        ),
    ],
)
def test_a_rule_of_the_config_that_contradicts_itself_is_refused(
    keys: dict[str, object], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        RuleConfig.model_validate({"name": "own", **keys})


#: A test, and how the documentation says when it matches; those of shipped rules are in docs/.
IN_WORDS: dict[str, RuleTest] = {
    "it has `x-file`": HeaderTest("x-file"),
    "its `x-file` matches `^yes$`": HeaderTest("x-file", re.compile("^yes$")),
    "its envelope sender matches `^news@`": SenderTest(re.compile("^news@")),
    "its login matches `^mail`": LoginTest(re.compile("^mail")),
    "it asked for at least 7 recipients": RecipientsTest(7),
    "the same went to more than 50 recipients within 0:10:00": BurstTest(
        recipients=50, within=timedelta(minutes=10)
    ),
}


@pytest.mark.parametrize("said", IN_WORDS)
def test_a_kind_of_rule_says_when_it_matches(said: str) -> None:
    assert said == IN_WORDS[said].in_words


@pytest.mark.parametrize("rule", SHIPPED_RULES, ids=lambda rule: rule.name)
def test_a_rule_is_passed_over_only_where_it_can_not_match(rule: Rule) -> None:
    assert rule.header == rule.header.lower()
    assert not rule.header or not rule.family
    assert not rule.family or rule.family.startswith("\n")
    assert not rule.looks_inside or rule.header.startswith("content-")


def test_who_gave_no_login_matches_none() -> None:
    rule = Rule("own", Kind.BULK, LoginTest(re.compile("")))

    assert why_matched(rule, replace(OWN, login=None)) is None


BY_SENDER = Rule("by-sender", Kind.BULK, SenderTest(re.compile("^news@")))
BY_LOGIN = Rule("by-login", Kind.INDIVIDUAL, LoginTest(re.compile("^mailings$")))
BY_HEADER = Rule("by-header", Kind.BULK, HeaderTest("x-file"))
NOT_HERS = Rule("not-hers", Kind.BULK, SenderTest(re.compile("^eva@")))

#: Which rules there are, and which one decides at RCPT, before there is a header; None: none can.
EARLY = {
    "the first one that matches": ((BY_LOGIN, BY_SENDER), "by-login"),
    "one that matches behind one that doesn't": ((NOT_HERS, BY_SENDER), "by-sender"),
    "one that comes before any that needs the content": ((BY_SENDER, BY_HEADER), "by-sender"),
    "none behind one that needs the content": ((BY_HEADER, BY_SENDER), None),
    "none that matches": ((NOT_HERS,), None),
    "none at all": ((), None),
    "the shipped ones need the content": (tuple(SHIPPED_RULES), None),
}


@pytest.mark.parametrize("why", EARLY)
def test_what_can_be_said_before_the_content(why: str) -> None:
    rules, name = EARLY[why]

    found = classify_early(OWN, rules)

    assert name == (None if found is None else found.rule)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (SHIPPED_RULES, Classification(Kind.BULK, "unread-header")),
        ((BY_LOGIN, *SHIPPED_RULES), Classification(Kind.INDIVIDUAL, "by-login")),
    ],
    ids=["it may hold any mark", "something else decides"],
)
def test_a_header_without_end_counts_as_bulk(
    rules: tuple[Rule, ...], expected: Classification
) -> None:
    block = HeaderBlock(f"{FROM}In-Reply-To: <1@example.org>\n".encode(), whole=False)
    facts = replace(OWN, headers=Headers.of(block))

    assert expected == classify(facts, rules, Kind.INDIVIDUAL)
    assert not is_personal(facts)


def test_only_rules_about_appointments_look_at_what_is_behind_the_header() -> None:
    looking = [rule.name for rule in SHIPPED_RULES if rule.looks_inside]

    assert ["calendar", "calendar-class"] == looking


@given(st.binary(max_size=400), st.sampled_from(["In-Reply-To", "References", "Content-Type"]))
def test_no_value_raises(value: bytes, name: str) -> None:
    header = b"From: a@b\n" + name.encode() + b": " + value
    said(header + b"\nAuto-Submitted: auto-generated\nFeedback-ID: 7\n")
