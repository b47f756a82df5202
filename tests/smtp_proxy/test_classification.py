"""What a message is, bulk or individual, and which rule said so."""

import pytest

from tests.smtp_proxy.crm import BULK, DECEASED, INDIVIDUAL, NO_BULK, Crm, mail, states

pytestmark = pytest.mark.system

STRANGER = b"stranger@example.org"


async def judged(crm: Crm, content: bytes, *, door: str = "crm") -> tuple[str, str]:
    """Send a mail to nobody in particular; return its kind and the rule that said so."""
    await crm.send([STRANGER], content, door=door)
    (found,) = await crm.records()
    return found.kind, found.rule


# Rules as shipped


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("Precedence: bulk", "precedence"),
        ("Precedence: List", "precedence"),
        ("precedence:junk", "precedence"),
        ("List-Id: <news.crm.example>", "list-id"),
        ("List-Unsubscribe: <https://crm.example/u>", "list-unsubscribe"),
        ("List-Unsubscribe-Post: List-Unsubscribe=One-Click", "list-unsubscribe-post"),
        ("Auto-Submitted: auto-generated; type=list", "auto-list"),
        ("Feedback-ID: 1:2:3:crm", "feedback-id"),
        ("X-Campaign: spring", "campaign"),
        ("X-Campaign-Id: 7", "campaign-id"),
        ("X-CampaignID: 7", "campaignid"),
    ],
)
async def test_the_usual_marks_of_a_mailing_make_it_bulk(crm: Crm, field: str, rule: str) -> None:
    assert ("bulk", rule) == await judged(crm, mail("Nieuws", field))


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("In-Reply-To: <1@example.org>", "reply"),
        ("References: <1@example.org>", "reply-thread"),
        ("Auto-Submitted: auto-replied", "auto-reply"),
        ("Content-Type: text/calendar; method=REQUEST", "calendar"),
        ('Content-Type: multipart/alternative;\r\n method="REQUEST"; boundary=b', "calendar"),
        ("Content-Class: urn:content-classes:calendarmessage", "calendar-class"),
    ],
)
async def test_answers_and_appointments_are_individual_whatever_the_crm_stamps_on_them(
    crm: Crm, field: str, rule: str
) -> None:
    assert ("individual", rule) == await judged(crm, mail("Afspraak", field, bulk=True))


async def test_ten_recipients_at_once_are_a_mailing(crm: Crm) -> None:
    kinds = []
    for count in (9, 10):
        await crm.send([b"r%d@example.org" % number for number in range(count)])
        kinds.append((await crm.records())[0].kind)

    assert ["individual", "bulk"] == kinds


async def test_what_no_rule_knows_is_individual_as_shipped(crm: Crm) -> None:
    assert ("individual", "default") == await judged(crm, INDIVIDUAL)


# Header tricks


@pytest.mark.parametrize(
    "head",
    [
        b"Precedence:\r\n bulk\r\n",
        b"Precedence:\r\n\tbulk\r\n",
        b"PRECEDENCE: BULK\r\n",
        b"Precedence : bulk\r\n",
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
    ],
)
@pytest.mark.parametrize("end", [b"\r\nx\r\n", b""], ids=["body", "no-body"])
async def test_S39_a_mark_counts_however_it_is_written(crm: Crm, head: bytes, end: bytes) -> None:
    assert ("bulk", "precedence") == await judged(crm, b"From: a@crm.example\r\n" + head + end)


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: x\r\n\r\nPrecedence: bulk\r\n",
        b"\r\nPrecedence: bulk\r\n\r\nx\r\n",
        b"Subject: x\r\n Precedence: bulk\r\n\r\nx\r\n",
        b"Subject: x\n\nPrecedence: bulk\r\n\r\nx\r\n",
        b"X-Precedence: bulk\r\n\r\nx\r\n",
        b"Precedence: first-class\r\n\r\nx\r\n",
        b"Subject: =?utf-8?q?x=0D=0APrecedence:_bulk?=\r\n\r\nx\r\n",
    ],
)
async def test_S39_what_is_no_header_field_is_no_mark(crm: Crm, content: bytes) -> None:
    assert ("individual", "default") == await judged(crm, content)


async def test_S39_the_subject_is_recorded_as_people_read_it(each_crm: Crm) -> None:
    folded = "=?utf-8?q?Gr=C3=B6=C3=9Fere?=\r\n =?utf-8?b?IFfDvG5zY2hl?="

    await each_crm.send([STRANGER], mail(folded, "Message-ID: <1@crm.example>"))

    (found,) = await each_crm.records()
    assert ("Größere Wünsche", "<1@crm.example>") == (found.subject, found.message_id)


# Listeners


@pytest.mark.parametrize(
    ("door", "content", "kind"),
    [("mailings", INDIVIDUAL, "bulk"), ("personal", BULK, "individual")],
)
async def test_a_listener_of_one_kind_asks_no_rule(
    crm: Crm, door: str, content: bytes, kind: str
) -> None:
    assert (kind, f"listener {door}") == await judged(crm, content, door=door)


async def test_a_listener_for_mailings_offers_no_suppressed_recipient_to_the_relay(
    crm: Crm,
) -> None:
    member = crm.person(NO_BULK)

    conversation = await crm.send([member, STRANGER], INDIVIDUAL, door="mailings")

    commands = [line for one in crm.sink.connections for line in one.commands]
    assert [250, 250] == [reply.code for reply in conversation.recipients]
    assert 250 == conversation.end.code
    assert b"RCPT TO:<%s>" % member.mailbox not in commands
    assert ["send_failed", "relayed"] == [d.state for d in (await crm.record(member)).deliveries]


async def test_a_listener_for_personal_mail_reaches_members_but_not_the_deceased(crm: Crm) -> None:
    member, dead = crm.person(NO_BULK), crm.person(status=DECEASED)

    ends = [(await crm.send([one], BULK, door="personal")).end.code for one in (member, dead)]

    assert [250, 550] == ends


# Mailings unless told otherwise


async def test_with_bulk_as_the_default_members_get_only_what_a_rule_knows_as_personal(
    other_crm: Crm,
) -> None:
    member, found = other_crm.person(NO_BULK), []
    for content in (INDIVIDUAL, mail("Uit het dossier", "X-Own-File: yes")):
        await other_crm.send([member], content, sender=b"default@crm.example")
        (record,) = await other_crm.records()
        found.append((record.kind, record.rule, record.deliveries[0].state))

    assert [
        ("bulk", "default", "send_failed"),
        ("individual", "own-file", "relayed"),
    ] == found


# Observing


async def test_observe_mode_relays_all_and_reports_what_would_have_failed(each_crm: Crm) -> None:
    member, dead = each_crm.person(NO_BULK), each_crm.person(status=DECEASED)

    reply = (await each_crm.send([member, dead, STRANGER], BULK, door="observe")).end

    record = await each_crm.record(member)
    report = await each_crm.gateway.cli_json("report", "--would-fail")
    mine = next(one for one in report if one["deliveries"][0]["recipient"] == member.address)
    assert 250 == reply.code
    assert 3 == len(each_crm.relayed[0].recipients)
    assert ["relayed"] * 3 == [delivery.state for delivery in record.deliveries]
    assert ["send_failed", "send_failed", ""] == [one["would"] for one in mine["deliveries"]]
    assert [] == each_crm.notices(record)


async def test_the_report_says_why_it_would_have_failed(crm: Crm) -> None:
    member = crm.person(NO_BULK)
    await crm.send([member], BULK, door="observe")
    await crm.record(member)

    report = await crm.gateway.do("report", "--would-fail")

    (line,) = [line for line in report.splitlines() if member.address in line]
    assert "Geen bulk-mail" in line


# Overriding


async def test_an_override_header_lets_a_mailing_through_and_stays_in_the_journal(
    crm: Crm,
) -> None:
    member = crm.person(NO_BULK)

    reply = (await crm.send([member], mail("Belangrijk", "X-Override: ja", bulk=True))).end

    record = await crm.record(member)
    assert 250 == reply.code
    assert ("bulk", "override") == (record.kind, record.rule)
    assert {member.address: "relayed by relay"} == states(record)
    assert "send_failed" == record.deliveries[0].would


async def test_an_override_header_reaches_even_those_who_get_no_mail_at_all(crm: Crm) -> None:
    dead = crm.person(status=DECEASED)

    reply = (await crm.send([dead], mail("Nalatenschap", "X-Override: ja"))).end

    assert 250 == reply.code
    assert [[dead.mailbox]] == [message.recipients for message in crm.relayed]


# Pausing


async def send_both(crm: Crm) -> list[int]:
    sent = [await crm.send([STRANGER], one) for one in (BULK, INDIVIDUAL)]
    return [one.end.code for one in sent]


async def test_a_pause_of_bulk_mail_lets_personal_mail_flow(each_crm: Crm) -> None:
    await each_crm.gateway.do("pause", "bulk")
    paused = await send_both(each_crm)
    (_, record) = await each_crm.records(count=2)
    each_crm.resume()
    resumed = await send_both(each_crm)

    assert ([451, 250], [250, 250]) == (paused, resumed)
    assert ["deferred by gateway"] == list(states(record).values())


async def test_a_pause_of_all_mail_stops_all_mail(crm: Crm) -> None:
    crm.pause("all")
    paused = await send_both(crm)
    crm.resume()

    assert [451, 451] == paused
    assert [] == crm.sink.messages


async def test_mail_paused_and_retried_is_an_attempt_of_the_first(crm: Crm) -> None:
    person = crm.person()
    content = mail("Later", "Message-ID: <paused@crm.example>", bulk=True)
    crm.pause("bulk")
    before = await crm.send([person], content)
    first = await crm.record(person)
    crm.resume()

    after = await crm.send([person], content)

    second, _ = await crm.records(count=2, to=person.address)
    assert [451, 250] == [before.end.code, after.end.code]
    assert first.id == second.attempt_of
