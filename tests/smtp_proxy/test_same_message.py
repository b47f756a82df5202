"""Bulk is a property of what the CRM sent: all it asked for, in whatever transactions."""

import itertools
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.core import ids
from tests.rig import faults
from tests.rig.client import NothingCame, RawClient
from tests.smtp_proxy.conftest import StartCrm
from tests.smtp_proxy.crm import NO_BULK, SENDER, Crm, Person, mail, open_crm, states

pytestmark = pytest.mark.system

ROOM = 8  #: `max_recipients` of the gateway that takes few.
TWELVE = 12
_numbers = itertools.count(1)


def strangers(count: int) -> list[bytes]:
    """Return addresses nobody has had before."""
    return [b"somebody-%d@example.org" % next(_numbers) for _ in range(count)]


def message(*fields: str) -> bytes:
    """Return a mail without a mark of mailings, known by an id of its own."""
    return mail("Uitnodiging", f"Message-ID: <m{next(_numbers)}@crm.example>", *fields)


def unknown(crm: Crm, to: list[bytes]) -> list[bytes]:
    for address in to[:3]:
        crm.sink.fault("RCPT", faults.reply(b"550 5.1.1 no such user"), address=address)
    return to


def greylisted(crm: Crm, to: list[bytes]) -> list[bytes]:
    for address in to[:4]:
        crm.sink.fault("RCPT", faults.reply(b"450 4.2.0 greylisted"), address=address, times=1)
    return to


def malformed(_: Crm, to: list[bytes]) -> list[bytes]:
    return [b"no at all", b"two@@example.org", "bücher@example.org".encode(), *to[3:]]


def all_at_once(crm: Crm, to: list[bytes]) -> list[bytes]:
    """Leave nine refused, each in another way."""
    refused = malformed(crm, greylisted(crm, to))[:3] + to[5:]
    return unknown(crm, refused[3:]) + refused[:3] + to[3:5]


@pytest.mark.parametrize("lose", [unknown, greylisted, malformed, all_at_once])
@pytest.mark.parametrize("listener", ["crm", "lmtp"])
async def test_all_the_crm_asked_for_count_whatever_becomes_of_them(
    crm: Crm, lose: Callable[[Crm, list[bytes]], list[bytes]], listener: str
) -> None:
    member = crm.person(NO_BULK)
    to = [*lose(crm, strangers(TWELVE - 1)), member.mailbox]

    conversation = await crm.send(to, message(), listener=listener)

    record = await crm.record(member)
    taken = [reply.is_good for reply in conversation.recipients]
    assert TWELVE > sum(taken) > 1
    assert ("bulk", "many-recipients") == (record.kind, record.rule)
    assert len(to) == len(record.deliveries)
    assert "send_failed by gateway" == states(record)[member.address]
    assert [] == [mail for mail in crm.relayed if member.mailbox in mail.recipients]


async def test_nine_are_no_mailing_however_many_of_them_are_refused(crm: Crm) -> None:
    member = crm.person(NO_BULK)
    to = [*malformed(crm, strangers(8)), member.mailbox]

    await crm.send(to, message())

    record = await crm.record(member)
    assert ("individual", "default") == (record.kind, record.rule)
    assert "relayed by relay" == states(record)[member.address]


async def test_what_the_grammar_refuses_is_journaled_with_the_reply(crm: Crm) -> None:
    (good,) = strangers(1)
    await crm.send([b"two@@example.org", good, "bücher@example.org".encode()], message())

    record = await crm.record(good.decode())
    assert {
        "two@@example.org": "rejected by gateway",
        good.decode(): "relayed by relay",
        "bücher@example.org": "rejected by gateway",
    } == states(record)
    replies = {delivery.recipient: delivery.reply for delivery in record.deliveries}
    assert replies["two@@example.org"].startswith("501 5.1.3")
    assert replies["bücher@example.org"].startswith("553 5.6.7")


async def test_a_recipient_in_a_line_without_end_counts_too(crm: Crm) -> None:
    member = crm.person(NO_BULK)
    client = await crm.client()
    await client.command(b"MAIL FROM:<%s>" % SENDER)
    too_long = b"RCPT TO:<" + b"x" * 5000 + b"@example.org>"
    replies = [await client.command(too_long) for _ in range(9)]
    await client.pipeline(b"RCPT TO:<%s>" % member.mailbox, b"DATA")
    await client.send(message() + b".\r\n")

    assert {500} == {reply.code for reply in replies}
    assert 550 == (await client.reply()).code


# The same message again


async def mailing(crm: Crm, member: Person, content: bytes) -> None:
    """Send to twelve, of whom a suppressed one is greylisted."""
    crm.sink.fault("RCPT", faults.reply(b"450 4.2.0 grey"), address=member.mailbox, times=1)
    conversation = await crm.send([*strangers(TWELVE - 1), member.mailbox], content)
    assert (450, 250) == (conversation.recipients[-1].code, conversation.end.code)


async def again(client: RawClient, member: Person, content: bytes) -> int:
    """Send to one alone; return the last reply's code."""
    return (await client.transaction(SENDER, [member.mailbox], content)).end.code


@pytest.mark.parametrize("known_by", ["id", "date", "neither"])
async def test_who_was_greylisted_alone_hears_no_in_the_retry(each_crm: Crm, known_by: str) -> None:
    member, number = each_crm.person(NO_BULK), next(_numbers)
    content = {
        "id": message(),
        "date": mail(f"Nr. {number}", "Date: Fri, 20 Nov 2026 09:00:00 +0100"),
        "neither": mail(f"Nr. {number}"),
    }[known_by]
    await mailing(each_crm, member, content)
    first = (await each_crm.record(member)).id
    client = await each_crm.client()

    codes = [await again(client, member, content) for _ in range(2)]

    record = await each_crm.record(member)
    assert [550, 550] == codes
    assert ("bulk", "many-recipients") == (record.kind, record.rule)
    explained = await explain(each_crm, member, content)
    assert f"the same message was bulk in No. {ids.show(first)}" in explained
    assert "Kind: bulk, because of many-recipients\n" in explained
    assert "as one transaction of 1 recipient\n" in explained


async def explain(crm: Crm, member: Person, content: bytes) -> str:
    file = crm.gateway.folder / "message.eml"
    file.write_bytes(content)
    options = ("--from", SENDER.decode(), "--to", member.address)
    return await crm.gateway.do("explain", str(file), *options)


async def test_a_kept_connection_makes_no_difference(crm: Crm) -> None:
    member, content = crm.person(NO_BULK), message()
    crm.sink.fault("RCPT", faults.reply(b"450 4.2.0 grey"), address=member.mailbox, times=1)
    client = await crm.client()
    await client.transaction(SENDER, [*strangers(TWELVE - 1), member.mailbox], content)

    assert 550 == await again(client, member, content)


async def test_what_first_was_personal_and_turns_out_bulk_is_bulk_from_then_on(crm: Crm) -> None:
    member, content = crm.person(NO_BULK), message()
    before = (await crm.send([member], content)).end.code
    await crm.send(strangers(TWELVE), content)
    after = (await crm.send([member], content)).end.code

    assert [250, 550] == [before, after]


async def test_what_was_marked_once_is_bulk_without_the_mark(crm: Crm) -> None:
    member, content = crm.person(NO_BULK), message("Precedence: bulk")
    unmarked = content.replace(b"Precedence: bulk\r\n", b"")

    codes = [
        (await crm.send([member], content_sent)).end.code for content_sent in (content, unmarked)
    ]

    assert [550, 550] == codes
    assert "precedence" == (await crm.record(member)).rule


async def test_an_override_and_a_listener_of_one_kind_come_first(crm: Crm) -> None:
    member, content = crm.person(NO_BULK), message()
    overridden = content.replace(b"\r\n\r\n", b"\r\nX-Override: yes\r\n\r\n", 1)
    await crm.send(strangers(TWELVE), content)

    personal = (await crm.send([member], content, listener="personal")).end.code
    override = (await crm.send([member], overridden)).end.code
    record, _ = await crm.records(2, to=member.address)

    assert [250, 250] == [personal, override]
    assert ("bulk", "override") == (record.kind, record.rule)
    assert 550 == (await crm.send([member], content)).end.code


@pytest.mark.parametrize("differs", ["id", "sender", "people"])
async def test_another_message_is_none_of_it(crm: Crm, differs: str) -> None:
    member = crm.person(NO_BULK)
    content = mail(f"Nr. {next(_numbers)}") if differs == "people" else message()
    await crm.send(strangers(TWELVE), content)

    sender = b"colleague@crm.example" if differs == "sender" else SENDER
    other = message() if differs == "id" else content
    assert 250 == (await crm.send([member], other, sender=sender)).end.code


# Few recipients at once, two workers, and a new start


@pytest.fixture(scope="module")
async def shared_few(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crm]:
    """A gateway of two workers that takes few recipients at once."""
    changes = {
        "notices": {"from": "gateway@crm.example"},
        "smtp": {"workers": 2, "max_recipients": ROOM},
    }
    async with open_crm(tmp_path_factory.mktemp("few"), changes) as crm:
        yield crm


@pytest.fixture
async def few(shared_few: Crm) -> Crm:
    """The same, with nothing seen yet."""
    await shared_few.forget()
    return shared_few


async def test_those_beyond_max_recipients_count_and_are_bulk_when_they_come(few: Crm) -> None:
    members, content = [few.person(NO_BULK) for _ in range(2)], message()
    to = [members[0].mailbox, *strangers(TWELVE - 2), members[1].mailbox]

    first = await few.send(to, content)
    record = await few.record(members[0])
    rest = [(await few.send([members[1]], content)).end.code for _ in range(6)]

    assert [250] * ROOM + [452] * (TWELVE - ROOM) == [reply.code for reply in first.recipients]
    assert ("bulk", ROOM) == (record.kind, len(record.deliveries))
    assert {550} == set(rest)
    assert [] == [mail for mail in few.relayed if {m.mailbox for m in members} & {*mail.recipients}]


async def test_every_worker_knows_before_the_mailing_is_answered(few: Crm) -> None:
    for _ in range(5):
        member, content = few.person(NO_BULK), message()
        clients = [await few.client() for _ in range(6)]
        await few.send(strangers(TWELVE), content)

        assert {550} == {await again(client, member, content) for client in clients}


async def test_a_mailing_is_answered_once_the_store_knows_of_it(few: Crm) -> None:
    client = await few.client()
    await client.command(b"MAIL FROM:<%s>" % SENDER)
    await client.pipeline(*(b"RCPT TO:<%s>" % stranger for stranger in strangers(TWELVE)), b"DATA")

    with few.database.writing():  # Nobody else can write meanwhile.
        await client.send(message() + b".\r\n")
        with pytest.raises(NothingCame):
            await client.reply(timeout=0.5)

    assert 250 == (await client.reply()).code


async def test_malformed_recipients_leave_room_for_the_others(few: Crm) -> None:
    to = [*malformed(few, strangers(3)), *strangers(ROOM)]

    replies = (await few.send(to, message())).recipients

    assert [250] * ROOM == [reply.code for reply in replies[3:]]


async def test_a_new_start_remembers(start_crm: StartCrm) -> None:
    crm = await start_crm(roles=("smtp",), listeners={"crm": {}})
    member, content = crm.person(NO_BULK), message()
    await mailing(crm, member, content)
    await crm.gateway.kill()
    await crm.gateway.start()

    assert 550 == (await crm.send([member], content)).end.code
