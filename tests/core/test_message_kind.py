"""What decides the kind of a message, and all that was tried before it."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from gateway.config.rules import HeaderTest, LoginTest
from gateway.core import ids
from gateway.core.decision.burst import BurstKeys
from gateway.core.decision.classify import TriedRules
from gateway.core.decision.rule import BurstTest, RecipientsTest, Rule
from gateway.core.journal.message import KnownBulk
from gateway.core.kinds import Kind
from gateway.core.mail.content import HeaderBlock
from gateway.core.mail.headers import Headers
from gateway.smtp_proxy.message_kind import BurstSoFar, MessageToDecide, kind_of
from gateway.smtp_proxy.policy import ListenerPolicy, Override, Policy
from gateway.store.journal.message_lookup import Deferral

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
WITHIN = timedelta(minutes=10)
RULES = (
    Rule("office", Kind.INDIVIDUAL, LoginTest(re.compile("^office$"))),
    Rule("many", Kind.BULK, RecipientsTest(10)),
    Rule("campaign", Kind.BULK, HeaderTest("x-campaign")),
    Rule("burst", Kind.BULK, BurstTest(recipients=2, within=WITHIN)),
    Rule("last", Kind.BULK, HeaderTest("x-last")),
)
POLICY = Policy(
    hostname="gateway.example", instance="x", rules=RULES, default_kind=Kind.INDIVIDUAL,
    relays=(), notes={}, notifier="gateway@crm.example",
    override=Override(logins=frozenset(("boss",)), header="x-anyway"),
)  # fmt: skip
RULED, MAILING = ListenerPolicy(name="crm"), ListenerPolicy(name="mailing", kind=Kind.BULK)
KNOWN = KnownBulk(ids.first_id_at(NOW), "many")
ANYWAY, MARK = "X-Anyway: yes\r\n", "X-Campaign: spring\r\n"
NONE = ("office: no match", "many: no match", "campaign: no match", "burst: no match")
LAST = "last: no match"
OFFICE = ("→ office: login office",)
BURST = (*NONE[:3], "→ burst: the same message to more than 2 within 0:10:00")
CAMPAIGN = (*NONE[:2], "→ campaign: has x-campaign")
UNREAD = (NONE[0], "→ unread-header: the header block is over 262144 octets")
LISTENER = ('→ listener mailing: kind = "bulk"',)
BEFORE = (f"→ many: the same message was bulk in No. {ids.show(KNOWN.message)}",)
SHOWN = KnownBulk(ids.first_id_at(NOW), "burst")
PUT_OFF = (*NONE, LAST, f"→ burst: the same message was bulk in No. {ids.show(SHOWN.message)}")
LOGIN, HEADER = "→ override: login boss", "→ override: header"


def message(fields: str, login: str, listener: ListenerPolicy, *, whole: bool) -> MessageToDecide:
    block = HeaderBlock(f"Subject: Hoi\r\n{fields}\r\n".encode(), whole=whole)
    return MessageToDecide(
        listener=listener, login=login or None, sender="crm@office.example",
        recipients=("c@example.org",), addresses=("c@example.org",),
        named_addresses=("c@example.org",), rcpt_count=1, headers=Headers.of(block),
    )  # fmt: skip


def burst_so_far(
    asked: MessageToDecide, *reached: str, shown: KnownBulk | None = None
) -> BurstSoFar:
    return BurstSoFar(
        keys=BurstKeys(subject=1, nameless=1),
        reached={WITHIN: frozenset(reached)},
        message=asked,
        deferrals={"c@example.org": Deferral(since=NOW, bulk=shown)},
    )


@pytest.mark.parametrize(
    ("why", "fields", "login", "facts", "tried", "said"),
    [
        ("nothing matches", "", "", "", (*NONE, LAST), "individual default"),
        ("a rule matches", MARK, "", "", CAMPAIGN, "bulk campaign"),
        ("a burst, before the last rule", "X-Last: 1\r\n", "", "burst", BURST, "bulk burst"),
        ("put off while a burst showed", "", "", "shown", PUT_OFF, "bulk burst"),
        ("… what a rule is sure of", "", "office", "shown", OFFICE, "individual office"),
        ("… and what made it bulk", MARK, "", "shown", CAMPAIGN, "bulk campaign"),
        ("the listener has a kind", MARK, "", "mailing", LISTENER, "bulk listener mailing"),
        ("… before what is known", "", "", "mailing known", LISTENER, "bulk listener mailing"),
        ("known, before any rule", "", "office", "known", BEFORE, "bulk many"),
        ("a header that goes on", MARK, "", "cut", UNREAD, "bulk unread-header"),
        ("… may not be needed", "", "office", "cut", OFFICE, "individual office"),
        ("a login overrides nothing", "", "boss", "", (*NONE, LAST, LOGIN), "individual override"),
        ("… a rule", MARK, "boss", "", (*CAMPAIGN, LOGIN), "bulk override"),
        ("… a burst", "", "boss", "burst", (*BURST, LOGIN), "bulk override"),
        ("… a listener", "", "boss", "mailing", (*LISTENER, LOGIN), "bulk override"),
        ("… what is known", "", "boss", "known", (*BEFORE, LOGIN), "bulk override"),
        ("… a header that goes on", "", "boss", "cut", (*UNREAD, LOGIN), "bulk override"),
        ("a header overrides a burst", ANYWAY, "", "burst", (*BURST, HEADER), "bulk override"),
        ("… a listener", ANYWAY, "", "mailing", (*LISTENER, HEADER), "bulk override"),
        ("the login is named of both", ANYWAY, "boss", "burst", (*BURST, LOGIN), "bulk override"),
    ],
)
def test_all_that_was_tried_is_told_up_to_what_decided(
    why: str, fields: str, login: str, facts: str, tried: tuple[str, ...], said: str
) -> None:
    listener = MAILING if "mailing" in facts else RULED
    asked = message(fields, login, listener, whole="cut" not in facts)
    burst = {
        "burst": burst_so_far(asked, "a@example.org", "b@example.org"),
        "shown": burst_so_far(asked, shown=SHOWN),
    }.get(facts)
    known = KNOWN if "known" in facts else None
    recorded = TriedRules()

    decided = kind_of(POLICY, asked, burst, known, recorded)

    assert list(tried) == [
        f"{'→ ' if step.matched else ''}{step.name}: {step.because}" for step in recorded.steps
    ], why
    assert said == f"{decided.kind} {decided.rule}"
    # The proxy, which asks for no reasons, passes over rules that can't match.
    assert decided == kind_of(POLICY, asked, burst, known)
