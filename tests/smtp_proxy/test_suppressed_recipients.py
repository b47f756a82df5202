"""Whom a message may not reach, and how whoever sent it hears of that."""

import re
from email import message_from_bytes
from email.message import Message as Mail

import pytest

from gateway.core import ids
from gateway.core.journal.message import Message
from gateway.core.sending.outbox import OutboxRow, OutboxState
from tests.rig import faults
from tests.rig.process import wait_until
from tests.rig.records import Transaction
from tests.smtp_proxy.crm import (
    BULK,
    DECEASED,
    INDIVIDUAL,
    NO_BULK,
    SENDER,
    Crm,
    Person,
    mail,
    states,
)

pytestmark = pytest.mark.system


async def notice(crm: Crm) -> Transaction:
    """Wait for one mail of the gateway's own at the relay."""
    await crm.sink.wait_until(lambda: bool(notices_at(crm)), "a notice")
    (only,) = notices_at(crm)
    return only


def notices_at(crm: Crm) -> list[Transaction]:
    return [message for message in crm.sink.accepted if not message.sender]


def parts(message: Transaction) -> list[Mail]:
    """Return the parts of a DSN: text, status with its groups, headers."""
    report = message_from_bytes(message.content)
    assert report.is_multipart()
    return list(report.walk())[1:]


# Some of many


async def sent_to_some(crm: Crm, member: Person, *, sender: bytes = SENDER) -> tuple[int, Message]:
    reply = (
        await crm.send([b"free@example.org", member, b"more@example.org"], BULK, sender=sender)
    ).end
    return reply.code, await crm.record(member)


async def test_S37_the_others_get_the_mail_and_the_sender_one_notice(each_crm: Crm) -> None:
    member = each_crm.person(NO_BULK)

    code, record = await sent_to_some(each_crm, member)

    own_mail = await notice(each_crm)
    assert 250 == code
    assert [[b"free@example.org", b"more@example.org"]] == [m.recipients for m in each_crm.relayed]
    assert ["relayed", "send_failed", "relayed"] == [d.state for d in record.deliveries]
    assert [SENDER] == own_mail.recipients
    text, status, *_, headers = parts(own_mail)
    assert member.address in str(text.get_payload(decode=True))
    assert "Geen bulk-mail" in str(text.get_payload(decode=True))
    assert f"Final-Recipient: rfc822; {member.address}" in str(status)
    assert "free@example.org" not in str(status)
    assert "Subject: Vacature" in str(headers)
    assert "Dag!" not in own_mail.content.decode()
    assert 1 == len(each_crm.notices(record))


async def test_P13_a_notice_comes_from_nobody_and_says_that_no_person_wrote_it(crm: Crm) -> None:
    await sent_to_some(crm, crm.person(NO_BULK))

    own_mail = await notice(crm)

    head = message_from_bytes(own_mail.content)
    assert b"FROM:<>" == own_mail.mail.partition(b" ")[0]
    assert "auto-replied" == head["Auto-Submitted"]
    assert "multipart/report" == head.get_content_type()


async def test_a_notice_hangs_on_its_mail_and_names_a_mailbox_once(crm: Crm) -> None:
    member = crm.person(NO_BULK)
    content = mail("Vacature", "Message-ID: <17@crm.example>", bulk=True)

    await crm.send([b"free@example.org", member, member.mailbox.upper()], content)

    own_mail = await notice(crm)
    head = message_from_bytes(own_mail.content)
    text, status, *_ = parts(own_mail)
    assert ["<17@crm.example>"] * 2 == [head["In-Reply-To"], head["References"]]
    assert "high" == head["Importance"]
    assert 1 == str(status).count("Final-Recipient")
    assert b"De andere ontvangers (1) krijgen het wel." in text.get_payload(decode=True)


def armed(crm: Crm) -> list[OutboxRow]:
    """Return the notices that wait for the relay's word."""
    return [
        entry
        for entry in crm.outbox()
        if (entry.state, entry.next_at) == (OutboxState.QUEUED, None)
    ]


async def test_S37_the_notice_waits_for_the_relays_word(crm: Crm) -> None:
    crm.sink.fault("dot", faults.delay(1.0), times=1)
    client = await crm.client()
    rcpts = [
        b"RCPT TO:<%s>" % mailbox for mailbox in (b"free@example.org", crm.person(NO_BULK).mailbox)
    ]
    await client.pipeline(b"MAIL FROM:<%s>" % SENDER, *rcpts, b"DATA")

    await client.send(BULK + b".\r\n")
    await crm.sink.wait_for(1)
    await wait_until(lambda: armed(crm) != [], "the notice that waits")
    (before,) = armed(crm)
    reply = await client.reply()
    own_mail = await notice(crm)

    assert 250 == reply.code
    assert before.body == own_mail.content


@pytest.mark.parametrize("reply", [b"554 5.7.1 spam", b"451 4.3.0 later", b"421 4.3.2 closing"])
async def test_P3_what_the_relay_refuses_owes_nobody_a_notice(each_crm: Crm, reply: bytes) -> None:
    each_crm.sink.fault("dot", faults.reply(reply), times=1)
    member = each_crm.person(NO_BULK)

    code, record = await sent_to_some(each_crm, member)

    assert code in (451, 554)
    await each_crm.records(to=member.address)
    assert [] == each_crm.notices(record)
    assert [] == notices_at(each_crm)


async def test_S38_a_retry_after_a_lost_reply_brings_no_second_notice(each_crm: Crm) -> None:
    member = each_crm.person(NO_BULK)
    content = mail("Again", f"Message-ID: <{member.address}>", bulk=True)

    for _ in range(2):
        await each_crm.send([b"free@example.org", member], content)
        await each_crm.record(member)

    second, first = await each_crm.records(count=2, to=member.address)
    await notice(each_crm)
    assert first.id == second.attempt_of
    assert (1, 0) == (len(each_crm.notices(first)), len(each_crm.notices(second)))
    assert 2 == len(each_crm.relayed)


async def test_P13_nobody_is_told_where_nobody_sent(crm: Crm) -> None:
    code, record = await sent_to_some(crm, crm.person(NO_BULK), sender=b"")

    assert 250 == code
    assert [] == crm.notices(record)


@pytest.mark.parametrize(
    ("notify", "count"),
    [(b"NEVER", 0), (b"SUCCESS", 0), (b"DELAY", 0), (b"FAILURE", 1), (b"SUCCESS,FAILURE", 1)],
)
async def test_a_notice_is_sent_only_where_it_was_asked_for(
    crm: Crm, notify: bytes, count: int
) -> None:
    member = crm.person(NO_BULK)
    client = await crm.client()
    await client.pipeline(
        b"MAIL FROM:<%s> ENVID=envelope-7" % SENDER,
        b"RCPT TO:<free@example.org>",
        b"RCPT TO:<%s> NOTIFY=%s ORCPT=rfc822;first+40example.org" % (member.mailbox, notify),
        b"DATA",
    )
    await client.send(BULK + b".\r\n")
    await client.reply()

    rows = crm.notices(await crm.record(member))
    assert count == len(rows)
    for row in rows:
        assert b"Original-Envelope-Id: envelope-7" in row.body
        assert b"Original-Recipient: rfc822; first@example.org" in row.body


async def test_the_deceased_among_the_recipients_of_a_personal_mail_are_left_out(crm: Crm) -> None:
    dead = crm.person(status=DECEASED)

    reply = (await crm.send([b"widow@example.net", dead], INDIVIDUAL)).end

    record = await crm.record(dead)
    assert 250 == reply.code
    assert [b"widow@example.net"] == crm.relayed[0].recipients
    assert "Overleden" in record.deliveries[1].note
    assert 1 == len(crm.notices(record))


async def test_nothing_of_the_suppressed_is_left_at_the_relay(crm: Crm) -> None:
    """Whoever was offered before the kind was known is taken back before the content."""
    member = crm.person(NO_BULK)

    await sent_to_some(crm, member)

    (relayed,) = crm.relayed
    commands = relayed.connection.commands
    last_reset = len(commands) - 1 - commands[::-1].index(b"RSET")
    assert b"RCPT TO:<%s>" % member.mailbox in commands[:last_reset]
    assert b"RCPT TO:<%s>" % member.mailbox not in commands[last_reset:]


async def test_S36_all_suppressed_is_one_refusal_that_names_every_reason(crm: Crm) -> None:
    members = [crm.person(NO_BULK), crm.person(status=DECEASED), crm.person(NO_BULK)]

    reply = (await crm.send(members, BULK)).end

    record = await crm.record(members[0])
    assert (550, "5.7.1") == (reply.code, reply.enhanced)
    assert "alle 3 ontvangers" in reply.text
    assert "Geen bulk-mail" in reply.text
    assert "Overleden" in reply.text
    assert ids.show(record.id) in reply.text
    assert 3 == sum(delivery.state == "send_failed" for delivery in record.deliveries)
    assert [] == crm.notices(record)
    assert [] == crm.sink.messages


async def test_the_refusal_is_short_plain_and_names_nobody(crm: Crm) -> None:
    member = crm.person(NO_BULK)

    reply = (await crm.send([member], BULK)).end

    wire = b"".join(b"550-%s\r\n" % line for line in reply.lines)
    assert wire.isascii()
    assert len(wire) <= 512
    assert len(reply.lines) <= 5
    assert member.mailbox not in wire
    for line in (reply.lines[0], reply.lines[-1]):
        assert re.search(rb"Verzenden mislukt: .*Geen bulk-mail.*Nr\. \w{13}", line)


async def test_a_refused_and_a_suppressed_recipient_are_told_apart(crm: Crm) -> None:
    member = crm.person(NO_BULK)
    crm.sink.fault("RCPT", faults.reply(b"550 5.1.1 no such user"), address=b"gone@example.org")

    conversation = await crm.send([b"gone@example.org", member], BULK)

    record = await crm.record(member)
    assert [550, 250] == [reply.code for reply in conversation.recipients]
    assert (550, "5.7.1") == (conversation.end.code, conversation.end.enhanced)
    assert {
        "gone@example.org": "rejected by relay",
        member.address: "send_failed by gateway",
    } == states(record)
    assert [] == crm.notices(record)


# Refused at RCPT


async def test_a_bulk_listener_may_refuse_at_rcpt(crm: Crm) -> None:
    member = crm.person(NO_BULK)

    conversation = await crm.send([b"free@example.org", member], INDIVIDUAL, listener="strict")

    record = await crm.record(member)
    assert [250, 550] == [reply.code for reply in conversation.recipients]
    assert '"Geen bulk-mail"' in conversation.recipients[1].text
    assert 250 == conversation.end.code
    assert ["relayed", "send_failed"] == [delivery.state for delivery in record.deliveries]
    assert record.deliveries[1].note
    assert [] == crm.notices(record)
    assert member.mailbox not in crm.relayed[0].recipients


async def test_a_mailing_refused_at_rcpt_alone_is_in_the_journal(crm: Crm) -> None:
    member = crm.person(NO_BULK)

    conversation = await crm.send([member], INDIVIDUAL, listener="strict")

    record = await crm.record(member)
    assert 550 == conversation.end.code
    assert ("bulk", "listener strict") == (record.kind, record.rule)
    assert {member.address: "send_failed by gateway"} == states(record)


# LMTP


async def test_lmtp_answers_for_each_recipient_and_owes_no_notice(each_crm: Crm) -> None:
    members = [each_crm.person(NO_BULK), each_crm.person(status=DECEASED)]
    to = [b"free@example.org", members[0].mailbox, members[1].mailbox, b"more@example.org"]

    ends = (await each_crm.send(to, BULK, listener="lmtp")).ends

    record = await each_crm.record(members[0])
    assert [250, 550, 550, 250] == [reply.code for reply in ends]
    assert '"Geen bulk-mail"' in ends[1].text
    assert '"Overleden"' in ends[2].text
    assert [] == each_crm.notices(record)
    assert [[b"free@example.org", b"more@example.org"]] == [m.recipients for m in each_crm.relayed]


async def test_lmtp_answers_for_all_alike_where_the_relay_refuses(crm: Crm) -> None:
    crm.sink.fault("dot", faults.reply(b"452 4.3.1 full"), times=1)
    member = crm.person(NO_BULK)

    ends = (
        await crm.send([b"a@example.org", member, b"b@example.org"], BULK, listener="lmtp")
    ).ends

    assert [452, 550, 452] == [reply.code for reply in ends]


async def test_lmtp_speaks_lhlo_only(crm: Crm) -> None:
    lmtp, smtp = await crm.raw("lmtp"), await crm.raw()

    assert [500, 500] == [
        (await lmtp.command(line)).code for line in (b"EHLO crm.example", b"HELO crm.example")
    ]
    assert 500 == (await smtp.lhlo()).code
    assert 250 == (await lmtp.lhlo()).code


async def test_lmtp_with_nobody_left_at_rcpt_refuses_data(crm: Crm) -> None:
    crm.sink.fault("RCPT", faults.reply(b"550 5.1.1 no such user"))
    client = await crm.client("lmtp")

    replies = await client.pipeline(
        b"MAIL FROM:<%s>" % SENDER, b"RCPT TO:<gone@example.org>", b"DATA"
    )

    assert [250, 550, 550] == [reply.code for reply in replies]


# Accepted instead of refused


async def test_a_crm_that_chokes_on_550_hears_250_and_the_sender_one_notice_an_hour(
    other_crm: Crm,
) -> None:
    crm = other_crm
    members = [crm.person(NO_BULK) for _ in range(3)]
    sender = b"once-an-hour@crm.example"

    replies = [(await crm.send([members[0]], BULK, sender=sender)).end]
    own_mail = await notice(crm)
    replies += [(await crm.send([member], BULK, sender=sender)).end for member in members[1:]]
    records = [await crm.record(member) for member in members]
    (rest,) = [row for row in crm.outbox() if row.recipient == sender.decode() and not row.body]
    crm.hurry(rest)
    await crm.sink.wait_until(lambda: len(notices_at(crm)) == 2, "the rest of the hour")

    text = str(parts(notices_at(crm)[1])[0].get_payload(decode=True))
    due = rest.next_at or rest.at
    assert due == due.replace(minute=0, second=0, microsecond=0)
    assert members[0].address in str(parts(own_mail)[0].get_payload(decode=True))
    assert [0, 3, 3] == [text.count(member.address) for member in members]
    assert all(f"Nr. {ids.show(record.id)}" in text for record in records[1:])
    said = b"2.0.0 Taken, but not mailed; the sender is told by mail within the hour"
    assert {said} == {reply.lines[0] for reply in replies}
    assert [250, 250, 250] == [reply.code for reply in replies]
    assert [["send_failed"]] * 3 == [[d.state for d in r.deliveries] for r in records]
    assert [] == crm.relayed
    assert [sender] == own_mail.recipients
    assert [1, 0, 0] == [len(crm.notices(record)) for record in records]


async def test_lmtp_that_accepts_owes_the_notice_its_answers_no_longer_are(
    other_crm: Crm,
) -> None:
    member, sender = other_crm.person(NO_BULK), b"lmtp@crm.example"

    sent = await other_crm.send([b"free@example.org", member], BULK, sender=sender, listener="lmtp")

    record = await other_crm.record(member)
    assert [250, 250] == [reply.code for reply in sent.ends]
    assert [sender.decode()] == [row.recipient for row in other_crm.notices(record)]


async def test_who_accepts_refuses_nobody_at_rcpt_either(other_crm: Crm) -> None:
    member, sender = other_crm.person(NO_BULK), b"strict@crm.example"

    sent = await other_crm.send(
        [member, b"free@example.org"], BULK, sender=sender, listener="strict"
    )

    record = await other_crm.record(member)
    assert [250, 250] == [reply.code for reply in sent.recipients]
    assert 250 == sent.end.code
    assert [[b"free@example.org"]] == [message.recipients for message in other_crm.relayed]
    assert "send_failed by gateway" == states(record)[member.address]
    assert [sender.decode()] == [row.recipient for row in other_crm.notices(record)]


@pytest.mark.parametrize("listener", ["crm", "lmtp"])
async def test_accepted_mail_of_nobody_is_told_nobody_and_nothing_else_is_said(
    other_crm: Crm, listener: str
) -> None:
    member = other_crm.person(NO_BULK)

    sent = await other_crm.send([member], BULK, sender=b"", listener=listener)

    assert (250, "2.0.0 Taken, but not mailed") == (sent.end.code, sent.end.text)
    assert [] == other_crm.notices(await other_crm.record(member))


@pytest.mark.parametrize(
    ("listener", "expected"),
    [
        (
            "crm",
            ["Taken, but not mailed; the sender is told of 1 in 2 by mail within the hour"],
        ),
        (
            "lmtp",
            [
                "Taken, but not mailed",
                "Taken, but not mailed; the sender is told by mail within the hour",
            ],
        ),
    ],
)
async def test_the_reply_says_who_is_told(
    other_crm: Crm, listener: str, expected: list[str]
) -> None:
    quiet, loud = other_crm.person(NO_BULK), other_crm.person(NO_BULK)
    client = await other_crm.client(listener)
    await client.pipeline(
        b"MAIL FROM:<told-%s@crm.example>" % listener.encode(),
        b"RCPT TO:<%s> NOTIFY=NEVER" % quiet.mailbox,
        b"RCPT TO:<%s>" % loud.mailbox,
        b"DATA",
    )
    await client.send(BULK + b".\r\n")

    said = [await client.reply() for _ in expected]

    own_mail = await notice(other_crm)
    assert [f"2.0.0 {text}" for text in expected] == [reply.text for reply in said]
    assert loud.mailbox in own_mail.content
    assert quiet.mailbox not in own_mail.content


async def test_the_note_speaks_the_language_of_the_settings(other_crm: Crm) -> None:
    member = other_crm.person(NO_BULK)
    await other_crm.send([member], BULK, sender=b"lesen@crm.example")

    record = await other_crm.record(member)

    assert "Versand fehlgeschlagen" in await other_crm.shown(record)
