"""Header blocks that programs read in different ways, or that are not read to their end."""

import re

import pytest

from gateway.config.rules import HeaderTest, SenderTest
from gateway.core.decision.classify import UNREAD, Classification, classify
from gateway.core.decision.rule import MessageFacts, RecipientsTest, Rule
from gateway.core.kinds import Kind
from gateway.core.mail.content import HeaderBlock
from gateway.core.mail.headers import Headers

RULES = (
    Rule("staff", Kind.INDIVIDUAL, SenderTest(re.compile("^staff@"))),
    Rule("answer", Kind.INDIVIDUAL, HeaderTest("in-reply-to")),
    Rule("list", Kind.BULK, HeaderTest("precedence")),
    Rule("many", Kind.BULK, RecipientsTest(10)),
)
ANSWER, BULK = "In-Reply-To: <1@x>\r\n", "Precedence: bulk\r\n"


def said(header: str, *, sender: str = "crm@x", whole: bool = True) -> Classification:
    headers = Headers.of(HeaderBlock(header.encode(), whole=whole))
    facts = MessageFacts(sender=sender, login=None, recipients=1, headers=headers)
    return classify(facts, RULES, Kind.INDIVIDUAL)


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        (ANSWER + BULK, "answer"),
        ("Dear all,\r\n" + BULK, "list"),
        ("Dear all,\r\n" + ANSWER + BULK, "list"),
        (BULK + "Dear all,\r\n" + ANSWER, "list"),
        (ANSWER + "Dear all,\r\n" + BULK, "answer"),
        ("X-Über: x\r\n" + ANSWER + BULK, "list"),
        ("Precedence : bulk\r\n" + ANSWER, "list"),
    ],
)
def test_behind_a_line_that_is_no_field_marks_protect_and_set_nobody_free(
    header: str, rule: str
) -> None:
    assert rule == said(header).rule


@pytest.mark.parametrize("header", [ANSWER, BULK, "Subject: x\r\n", ""])
def test_a_header_block_not_read_to_its_end_is_bulk(header: str) -> None:
    assert Classification(Kind.BULK, UNREAD) == said(header, whole=False)


def test_what_decides_before_the_header_decides_there_too() -> None:
    assert "staff" == said("", sender="staff@x", whole=False).rule
