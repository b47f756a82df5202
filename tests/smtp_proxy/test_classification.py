"""What a message is, bulk or individual, and which rule said so."""

import pytest

from tests.smtp_proxy.crm import BULK, DECEASED, INDIVIDUAL, NO_BULK, Crm, mail, states

pytestmark = pytest.mark.system

STRANGER = b"stranger@example.org"


async def decision(crm: Crm, content: bytes, *, listener: str = "crm") -> tuple[str, str]:
    """Send a mail to nobody in particular; return its kind and the rule that said so."""
    await crm.send([STRANGER], content, listener=listener)
    (record,) = await crm.records()
    return record.kind, record.rule


async def test_S39_the_subject_is_recorded_as_people_read_it(each_crm: Crm) -> None:
    folded = "=?utf-8?q?Gr=C3=B6=C3=9Fere?=\r\n =?utf-8?b?IFfDvG5zY2hl?="

    await each_crm.send([STRANGER], mail(folded, "Message-ID: <1@crm.example>"))

    (record,) = await each_crm.records()
    assert ("Größere Wünsche", "<1@crm.example>") == (record.subject, record.message_id)


# Listeners


@pytest.mark.parametrize(
    ("listener", "content", "kind"),
    [("mailings", INDIVIDUAL, "bulk"), ("personal", BULK, "individual")],
)
async def test_a_listener_of_one_kind_asks_no_rule(
    crm: Crm, listener: str, content: bytes, kind: str
) -> None:
    assert (kind, f"listener {listener}") == await decision(crm, content, listener=listener)


async def test_a_listener_for_mailings_offers_no_suppressed_recipient_to_the_relay(
    crm: Crm,
) -> None:
    member = crm.person(NO_BULK)

    conversation = await crm.send([member, STRANGER], INDIVIDUAL, listener="mailings")

    commands = [line for connection in crm.sink.connections for line in connection.commands]
    assert [250, 250] == [reply.code for reply in conversation.recipients]
    assert 250 == conversation.end.code
    assert b"RCPT TO:<%s>" % member.mailbox not in commands
    assert ["send_failed", "relayed"] == [d.state for d in (await crm.record(member)).deliveries]


async def test_a_listener_for_personal_mail_reaches_members_but_not_the_deceased(crm: Crm) -> None:
    member, dead = crm.person(NO_BULK), crm.person(status=DECEASED)

    ends = [
        (await crm.send([recipient], BULK, listener="personal")).end.code
        for recipient in (member, dead)
    ]

    assert [250, 550] == ends


# Mailings unless told otherwise


async def test_with_bulk_as_the_default_members_get_only_what_a_rule_knows_as_personal(
    other_crm: Crm,
) -> None:
    member, decided = other_crm.person(NO_BULK), []
    for content in (INDIVIDUAL, mail("Uit het dossier", "X-Own-File: yes")):
        await other_crm.send([member], content, sender=b"default@crm.example")
        (record,) = await other_crm.records()
        decided.append((record.kind, record.rule, record.deliveries[0].state))

    assert [
        ("bulk", "default", "send_failed"),
        ("individual", "own-file", "relayed"),
    ] == decided


# Observing


async def test_observe_mode_relays_all_and_reports_what_would_have_failed(each_crm: Crm) -> None:
    member, dead = each_crm.person(NO_BULK), each_crm.person(status=DECEASED)

    reply = (await each_crm.send([member, dead, STRANGER], BULK, listener="observe")).end

    record = await each_crm.record(member)
    report = await each_crm.gateway.cli_json("report", "--would-fail")
    mine = next(
        message for message in report if message["deliveries"][0]["recipient"] == member.address
    )
    assert 250 == reply.code
    assert 3 == len(each_crm.relayed[0].recipients)
    assert ["relayed"] * 3 == [delivery.state for delivery in record.deliveries]
    assert ["send_failed", "send_failed", ""] == [
        delivery["would"] for delivery in mine["deliveries"]
    ]
    assert [] == each_crm.notices(record)


async def test_the_report_says_why_it_would_have_failed(crm: Crm) -> None:
    member = crm.person(NO_BULK)
    await crm.send([member], BULK, listener="observe")
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
    sent = [await crm.send([STRANGER], content) for content in (BULK, INDIVIDUAL)]
    return [conversation.end.code for conversation in sent]


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
