"""The "no bulk mail" group: mailings to its members fail with a note, personal mail arrives."""

import pytest

from gateway.core import ids
from tests.smtp_proxy.crm import (
    BULK,
    DECEASED,
    FREE,
    INACTIVE,
    INDIVIDUAL,
    NO_BULK,
    NO_CAMPAIGNS,
    SENDER,
    Crm,
    states,
)

pytestmark = pytest.mark.system


async def test_S36_a_mailing_to_a_member_fails_with_a_note_that_says_why(each_crm: Crm) -> None:
    member = each_crm.person(NO_BULK)

    reply = (await each_crm.send([member], BULK)).end

    record = await each_crm.record(member)
    assert (550, "5.7.1") == (reply.code, reply.enhanced)
    assert "Verzenden mislukt" in reply.text
    assert 'groep "Geen bulk-mail"' in reply.text
    assert "In de groep sinds" in reply.text
    assert "Gegevens uit het CRM van" in reply.text
    assert f"Nr. {ids.show(record.id)}" in reply.text
    assert [] == each_crm.sink.messages
    assert {member.address: "send_failed by gateway"} == states(record)
    assert ("bulk", "precedence") == (record.kind, record.rule)
    assert [] == each_crm.notices(record)


async def test_a_personal_mail_to_a_member_arrives(each_crm: Crm) -> None:
    member = each_crm.person(NO_BULK)

    reply = (await each_crm.send([member], INDIVIDUAL)).end

    record = await each_crm.record(member)
    assert 250 == reply.code
    assert [[member.mailbox]] == [message.recipients for message in each_crm.relayed]
    assert {member.address: "relayed by relay"} == states(record)
    assert ("individual", "default") == (record.kind, record.rule)


async def test_the_message_itself_shows_that_and_why_it_failed(each_crm: Crm) -> None:
    member = each_crm.person(NO_BULK)
    await each_crm.send([member], BULK)

    shown = await each_crm.shown(await each_crm.record(member))

    assert "Subject:     Vacature" in shown
    assert f"From:        {SENDER.decode()}" in shown
    assert f"To:          {member.address} ({member.ref})" in shown
    assert "verzenden mislukt (send_failed by gateway)" in shown
    assert 'Deze persoon zit in de groep "Geen bulk-mail"' in shown
    assert "Opheffen: vink de groep" in shown


async def test_mailings_flow_again_once_the_group_is_unticked(each_crm: Crm) -> None:
    member = each_crm.person(NO_BULK)
    before = (await each_crm.send([member], BULK)).end

    each_crm.feed("memberships", "kind,group,person\n", replace=True)
    after = (await each_crm.send([member], BULK)).end

    assert [550, 250] == [before.code, after.code]


async def test_a_group_binds_from_the_next_message_on(each_crm: Crm) -> None:
    person = each_crm.person()
    client = await each_crm.client()
    before = await client.transaction(SENDER, [person.mailbox], BULK)

    number = person.ref.partition(":")[2]
    each_crm.feed("memberships", f"kind,group,person\ncandidate,{NO_BULK},{number}\n")
    after = await client.transaction(SENDER, [person.mailbox], BULK)

    assert [250, 550] == [before.end.code, after.end.code]


@pytest.mark.parametrize("group", [INACTIVE, NO_CAMPAIGNS])
async def test_a_group_without_effect_on_mailings_keeps_nobody_out(crm: Crm, group: str) -> None:
    member = crm.person(group)

    assert 250 == (await crm.send([member], BULK)).end.code


async def test_contacts_are_kept_out_by_a_group_of_their_own(crm: Crm) -> None:
    member = crm.person(NO_BULK, kind="contact")

    bulk = (await crm.send([member], BULK)).end
    personal = (await crm.send([member], INDIVIDUAL)).end

    assert [550, 250] == [bulk.code, personal.code]


async def test_a_group_of_candidates_says_nothing_of_contacts_of_the_same_number(crm: Crm) -> None:
    contact = crm.person(kind="contact")
    number = contact.ref.partition(":")[2]
    crm.feed("memberships", f"kind,group,person\ncandidate,{NO_BULK},{number}\n")

    assert 250 == (await crm.send([contact], BULK)).end.code


@pytest.mark.parametrize("content", [BULK, INDIVIDUAL])
async def test_the_deceased_get_nothing_at_all(each_crm: Crm, content: bytes) -> None:
    dead = each_crm.person(status=DECEASED)

    reply = (await each_crm.send([dead], content)).end

    record = await each_crm.record(dead)
    assert (550, "5.7.1") == (reply.code, reply.enhanced)
    assert '"Overleden"' in reply.text
    assert {dead.address: "send_failed by gateway"} == states(record)
    assert [] == each_crm.sink.messages
    assert all(b"RCPT" not in line for c in each_crm.sink.connections for line in c.commands)


async def test_mailings_go_to_everybody_else(crm: Crm) -> None:
    people = (crm.person(), crm.person(status=FREE))

    reply = (await crm.send([*people, b"stranger@example.org"], BULK)).end

    assert 250 == reply.code
    assert [3] == [len(message.recipients) for message in crm.relayed]


# Two people with one address


async def test_for_mailings_the_stricter_of_two_people_with_one_address_wins(crm: Crm) -> None:
    crm.person(address="couple@example.org")
    crm.person(NO_BULK, address="couple@example.org")

    bulk = (await crm.send([b"couple@example.org"], BULK)).end
    personal = (await crm.send([b"couple@example.org"], INDIVIDUAL)).end

    assert [550, 250] == [bulk.code, personal.code]


async def test_a_widow_still_gets_personal_mail_at_the_address_they_shared(crm: Crm) -> None:
    crm.person(address="widow@example.org", status=DECEASED)
    crm.person(address="widow@example.org")

    bulk = (await crm.send([b"widow@example.org"], BULK)).end
    personal = (await crm.send([b"widow@example.org"], INDIVIDUAL)).end

    record = await crm.record("widow@example.org")
    assert [550, 250] == [bulk.code, personal.code]
    assert 2 == len(record.deliveries[0].persons)


async def test_somebody_inactive_keeps_nobody_else_from_mail(crm: Crm) -> None:
    crm.person(NO_BULK, address="reused@example.org", active=False)
    crm.person(address="reused@example.org")

    assert 250 == (await crm.send([b"reused@example.org"], BULK)).end.code


# Suppressions of single addresses


async def test_staff_suppress_and_release_an_address(each_crm: Crm) -> None:
    gateway, address = each_crm.gateway, b"released@example.org"
    await gateway.do("suppress", "add", address.decode(), "--note", "vroeg erom", "--by", "Ria")
    bulk = (await each_crm.send([address], BULK)).end
    personal = (await each_crm.send([address], INDIVIDUAL)).end
    note = (await each_crm.records(count=2, to=address.decode()))[1].deliveries[0].note
    await gateway.do("suppress", "release", address.decode())
    after = (await each_crm.send([address], BULK)).end

    assert [550, 250, 250] == [bulk.code, personal.code, after.code]
    assert "Door: Ria" in note
    assert "vroeg erom" not in note


async def test_scope_all_of_an_address_stops_personal_mail_too(crm: Crm) -> None:
    await crm.gateway.do("suppress", "add", "nobody@example.org", "--scope", "all")

    assert 550 == (await crm.send([b"nobody@example.org"], INDIVIDUAL)).end.code


async def test_what_staff_remark_is_told_only_where_they_made_it_public(crm: Crm) -> None:
    notes = []
    for address, option in ((b"told@example.org", ["--public"]), (b"untold@example.org", [])):
        remark = ["--note", "verhuisd", "--until", "2040-01-01", *option]
        await crm.gateway.do("suppress", "add", address.decode(), *remark)
        await crm.send([address], BULK)
        notes.append((await crm.record(address.decode())).deliveries[0].note)

    assert [True, False] == ["Opmerking: verhuisd" in note for note in notes]
    assert all("Geblokkeerd tot: 1 januari 2040" in note for note in notes)
