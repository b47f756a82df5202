"""A suppressed address is found however it is written; nobody else is taken for it."""

import pytest

from tests.smtp_proxy.crm import BULK, NO_BULK, Crm, states

pytestmark = pytest.mark.system


@pytest.mark.parametrize(
    "written",
    [
        b"Evader@Example.ORG",
        b'"evader"@example.org',
        b'"ev\\ader"@example.org',
        b'"EVADER"@example.org',
        b"evader@example.org.",
        b"@relay.example:evader@example.org",
        b"@a.example,@b.example:EVADER@example.org",
    ],
)
async def test_S27_no_way_to_write_an_address_evades_its_suppression(
    crm: Crm, written: bytes
) -> None:
    crm.person(NO_BULK, address="evader@example.org")

    assert 550 == (await crm.send([written], BULK)).end.code
    assert [] == crm.sink.messages


@pytest.mark.parametrize(
    "written",
    [
        "info@müller.example",
        "info@MÜLLER.example",
        "info@mu\u0308ller.example",
        "info@xn--mller-kva.example",
        "info@XN--MLLER-KVA.example",
        "info@müller。example",
        "ｉｎｆｏ@müller.example",
    ],
)
async def test_S26_an_international_domain_is_one_domain_in_every_form(
    each_crm: Crm, written: str
) -> None:
    each_crm.person(NO_BULK, address="info@müller.example")

    reply = (await each_crm.send([written.encode()], BULK, parameters=b"SMTPUTF8")).end

    assert 550 == reply.code


@pytest.mark.parametrize(
    "written",
    ["jürgen@example.org", "ju\u0308rgen@example.org", "jür\u200bgen@exam\u00adple.org\u200e"],
)
@pytest.mark.parametrize("known", ["JÜRGEN@example.org", "JU\u0308RGEN@example.org"])
async def test_S26_an_international_name_is_one_name_in_every_form(
    crm: Crm, known: str, written: str
) -> None:
    crm.person(NO_BULK, address=known)

    assert 550 == (await crm.send([written.encode()], BULK, parameters=b"SMTPUTF8")).end.code


@pytest.mark.parametrize(
    "other", [b"evaders@example.org", b"evade@example.org", b"evader@sub.example.org"]
)
async def test_a_similar_address_is_somebody_else(crm: Crm, other: bytes) -> None:
    crm.person(NO_BULK, address="evader@example.org")

    assert 250 == (await crm.send([other], BULK)).end.code


async def test_plus_addresses_are_apart_unless_the_settings_join_them(
    crm: Crm, other_crm: Crm
) -> None:
    codes = []
    for gateway in (crm, other_crm):
        gateway.person(NO_BULK, address="plus@example.org")
        await gateway.send([b"plus+jobs@example.org"], BULK)
        record = await gateway.record(
            "plus+jobs@example.org" if gateway is crm else "plus@example.org"
        )
        codes.append(states(record)["plus+jobs@example.org"])

    assert ["relayed by relay", "send_failed by gateway"] == codes


async def test_S31_each_way_to_write_a_recipient_is_decided_by_itself(crm: Crm) -> None:
    member = crm.person(NO_BULK)
    to = [member.mailbox, member.mailbox.upper(), b"free@example.org"]

    await crm.send(to, BULK)

    record = await crm.record(member)
    assert ["send_failed", "send_failed", "relayed"] == [d.state for d in record.deliveries]
