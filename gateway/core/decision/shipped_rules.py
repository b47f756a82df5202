"""The rules shipped with the gateway, in order; they are tried after the config's own."""

import re

from gateway.core.decision.bulk_marks import MARKS
from gateway.core.decision.classify import (
    AbsenceTest,
    AnswerTest,
    AutoReplyTest,
    CalendarClassTest,
    InvitationTest,
    MarkTest,
    RecipientsTest,
    ReportTest,
    Rule,
    SystemMailTest,
)
from gateway.core.kinds import Kind
from gateway.core.mail.automatic import Automatic

MANY_RECIPIENTS = 10

#: Replies, reports and appointments are written to one person even if the CRM puts bulk marks on
#: everything it sends, so they come first.
SHIPPED_RULES: tuple[Rule, ...] = (
    Rule("reply", Kind.INDIVIDUAL, AnswerTest("in-reply-to")),
    Rule("reply-thread", Kind.INDIVIDUAL, AnswerTest("references")),
    Rule("auto-reply", Kind.INDIVIDUAL, AutoReplyTest()),
    Rule("absence", Kind.INDIVIDUAL, AbsenceTest()),
    Rule("read-receipt", Kind.INDIVIDUAL, ReportTest(Automatic.READ_RECEIPT)),
    Rule("delivery-report", Kind.INDIVIDUAL, ReportTest(Automatic.DELIVERY_REPORT)),
    Rule(
        "phplist-system",
        Kind.INDIVIDUAL,
        SystemMailTest("x-messageid", re.compile(r"^systemmessage\s*$")),
    ),
    Rule(
        "listmonk-opt-in",
        Kind.INDIVIDUAL,
        SystemMailTest("x-listmonk-subscriber", without="x-listmonk-campaign"),
    ),
    Rule("calendar", Kind.INDIVIDUAL, InvitationTest()),
    Rule(
        "calendar-class",
        Kind.INDIVIDUAL,
        CalendarClassTest(re.compile(r"^urn:content-classes:calendarmessage\s*$", re.IGNORECASE)),
    ),
    *(Rule(mark.rule, Kind.BULK, MarkTest(mark)) for mark in MARKS),
    Rule("many-recipients", Kind.BULK, RecipientsTest(MANY_RECIPIENTS)),
)
