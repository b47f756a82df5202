"""The same mail to many, one by one, is a mailing from a certain number on."""

import itertools
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from tests.rig import faults
from tests.rig.client import stuff
from tests.rig.process import wait_until
from tests.smtp_proxy.crm import NO_BULK, SENDER, Crm, Person, mail, open_crm

pytestmark = pytest.mark.system

FEW = 3  #: Up to so many recipients are no burst.
WITHIN = 3  #: Seconds in which they are counted where members wait.


def settings(**burst: Any) -> Mapping[str, Any]:
    rule = {"name": "burst", "kind": "bulk", "burst": {"recipients": FEW, **burst}}
    return {"smtp": {"workers": 2}, "rules": [rule]}


@pytest.fixture(scope="module")
async def shared_burst_crm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crm]:
    """A gateway that knows bursts, with two workers."""
    folder = tmp_path_factory.mktemp("burst")
    async with open_crm(folder, settings(within="10m"), roles=("smtp",)) as crm:
        yield crm


@pytest.fixture
async def burst_crm(shared_burst_crm: Crm) -> Crm:
    """The same, with nothing seen yet."""
    await shared_burst_crm.forget()
    return shared_burst_crm


@pytest.fixture(scope="module")
async def deferring_crm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crm]:
    """A gateway that has suppressed people wait until it knows."""
    folder = tmp_path_factory.mktemp("deferring")
    changes = settings(within=f"{WITHIN}s", first="defer")
    async with open_crm(folder, changes, roles=("smtp",)) as crm:
        yield crm


_numbers = itertools.count()


def strangers(count: int) -> list[bytes]:
    """Return addresses nobody has had before."""
    return [b"stranger-%d@example.org" % next(_numbers) for _ in range(count)]


async def kinds(crm: Crm, recipients: list[bytes], content: bytes) -> list[str]:
    """Send the same to each recipient by itself; return what each message was."""
    said = []
    for recipient in recipients:
        await crm.send([recipient], content)
        said.append((await crm.record(recipient.decode())).kind.value)
    return said


async def test_the_first_few_are_individual_and_the_next_is_a_mailing(burst_crm: Crm) -> None:
    said = await kinds(burst_crm, strangers(FEW + 2), mail("Open dag"))

    (record,) = await burst_crm.records()
    assert ["individual"] * FEW + ["bulk"] * 2 == said
    assert "burst" == record.rule


async def test_a_burst_as_fast_as_can_be_is_known_from_the_same_message_on(burst_crm: Crm) -> None:
    recipients, content = strangers(FEW + 9), mail("Vlug")
    client = await burst_crm.client()

    opening = b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n%s"
    await client.send(
        b"".join(opening % (SENDER, recipient, stuff(content)) for recipient in recipients)
    )
    await client.replies(4 * len(recipients))

    said = [(await burst_crm.record(recipient.decode())).kind for recipient in recipients]
    assert ["individual"] * FEW + ["bulk"] * 9 == said


async def test_members_are_kept_out_of_a_burst_and_the_others_are_not(burst_crm: Crm) -> None:
    member, content = burst_crm.person(NO_BULK), mail("Kerstgroet")
    await kinds(burst_crm, strangers(FEW), content)

    to_member = (await burst_crm.send([member], content)).end
    to_other = (await burst_crm.send(strangers(1), content)).end

    assert [550, 250] == [to_member.code, to_other.code]


async def test_many_recipients_of_one_message_are_counted_together(burst_crm: Crm) -> None:
    content = mail("Samen")
    await burst_crm.send(strangers(FEW), content)

    assert ["bulk"] == await kinds(burst_crm, strangers(1), content)


async def test_the_recipients_name_and_digits_in_the_subject_make_no_difference(
    burst_crm: Crm,
) -> None:
    people = [
        burst_crm.person(name=f"{name},de Vries") for name in ("Anna", "Bram", "Cees", "Dana")
    ]
    firsts = ("Anna", "Bram", "Cees", "Dana")

    said = []
    for number, (person, first) in enumerate(zip(people, firsts, strict=True)):
        content = mail(f"Vacature {number}17 voor {first} de Vries")
        said += await kinds(burst_crm, [person.mailbox], content)

    assert ["individual"] * FEW + ["bulk"] == said


async def test_the_name_in_the_to_header_is_the_recipients_too(burst_crm: Crm) -> None:
    said = []
    for first, recipient in zip(("Eva", "Fien", "Gijs", "Hugo"), strangers(4), strict=True):
        content = mail(f"Beste {first}, kom kijken", f"To: {first} <x@example.org>")
        said += await kinds(burst_crm, [recipient], content)

    assert ["individual"] * FEW + ["bulk"] == said


THREAD = "References: <1@example.org>"


@pytest.mark.parametrize(
    "content",
    [
        mail("Uw vraag", "In-Reply-To: <1@example.org>"),
        mail("Uw vraag", "References: <1@example.org>"),
    ],
)
async def test_replies_are_never_a_burst(burst_crm: Crm, content: bytes) -> None:
    assert {"individual"} == set(await kinds(burst_crm, strangers(FEW + 2), content))


INVITATION = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


@pytest.mark.parametrize(
    "content",
    [
        mail("Vergadering", "Content-Type: text/calendar; method=REQUEST", body=INVITATION),
        mail("Afwezig", "Auto-Submitted: auto-replied"),
        mail("Gelezen", "Content-Type: multipart/report; report-type=disposition-notification"),
    ],
    ids=["invitation", "automatic reply", "read receipt"],
)
async def test_what_is_written_to_one_person_is_never_a_burst(
    burst_crm: Crm, content: bytes
) -> None:
    assert {"individual"} == set(await kinds(burst_crm, strangers(FEW + 2), content))


async def test_whose_name_is_a_word_of_the_subject_is_no_exception(burst_crm: Crm) -> None:
    content = mail("Nieuws van de vereniging voor April", "To: leden@example.org")
    await kinds(burst_crm, strangers(FEW), content)

    members = [
        burst_crm.person(NO_BULK, name=name)
        for name in ("Piet,de Boer", "April,Smit", "Jan,van Os")
    ]
    codes = [(await burst_crm.send([member], content)).end.code for member in members]

    assert [550] * 3 == codes


async def test_of_a_burst_over_many_connections_at_once_no_more_go_than_of_one(
    burst_crm: Crm,
) -> None:
    members, content = [burst_crm.person(NO_BULK) for _ in range(8)], mail("Tegelijk")
    content += b"Kom kijken.\r\n" * 50_000
    clients = [await burst_crm.client() for _ in members]
    for client, member in zip(clients, members, strict=True):
        await client.send(b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\n" % (SENDER, member.mailbox))
        await client.replies(2)
        await client.send(b"DATA\r\n")
        await client.replies(1)

    # All are decided on, and on their way, before any of them ends.
    for client in clients:
        await client.send(content)
    sink = burst_crm.sink
    await sink.wait_until(
        lambda: len(clients) == sum(each.has_data for each in sink.transactions), "each DATA"
    )
    for client in clients:
        await client.send(b".\r\n")
    codes = [(await client.replies(1))[0].code for client in clients]

    assert {451} <= set(codes) <= {250, 451}
    assert codes.count(250) == len(sink.accepted) <= FEW
    again = [await heard(burst_crm, member, content) for member in members]
    assert {550} == {code for code, before in zip(again, codes, strict=True) if before == 451}


@pytest.mark.parametrize(
    "content",
    [mail("Re: Uw kans"), mail("Nog een kans", "In-Reply-To: <>"), mail("Fwd: Kans", THREAD)],
)
async def test_what_only_looks_like_a_reply_is_counted(burst_crm: Crm, content: bytes) -> None:
    assert ["individual"] * FEW + ["bulk"] == await kinds(burst_crm, strangers(FEW + 1), content)


async def test_retries_do_not_count(burst_crm: Crm) -> None:
    (recipient,) = strangers(1)

    assert {"individual"} == set(await kinds(burst_crm, [recipient] * 6, mail("Nog eens")))


async def test_what_was_refused_counts_too(burst_crm: Crm) -> None:
    content, unknown = mail("Geweigerd"), strangers(1)[0]
    burst_crm.sink.fault("RCPT", faults.reply(b"550 5.1.1 no such user"), address=unknown)
    burst_crm.sink.fault("dot", faults.reply(b"550 5.7.1 no"), times=1)
    await burst_crm.send([*strangers(1), unknown, b"no..mail@@example.org"], content)

    assert ["bulk"] == await kinds(burst_crm, strangers(1), content)


async def test_other_subjects_and_authors_are_other_mail(burst_crm: Crm) -> None:
    content = mail("Uniek")
    await kinds(burst_crm, strangers(FEW), content)

    other_subject = mail("Anders")
    other_author = content.replace(b"recruiter@crm.example", b"colleague@crm.example")

    assert ["individual"] == await kinds(burst_crm, strangers(1), other_subject)
    assert ["individual"] == await kinds(burst_crm, strangers(1), other_author)
    assert ["bulk"] == await kinds(burst_crm, strangers(1), content)


async def test_a_listener_of_one_kind_counts_no_bursts(burst_crm: Crm) -> None:
    content, members = mail("Persoonlijk"), [burst_crm.person(NO_BULK) for _ in range(FEW + 1)]

    codes = [
        (await burst_crm.send([member], content, listener="personal")).end.code
        for member in members
    ]

    assert {250} == set(codes)


# Deferring


async def heard(crm: Crm, person: Person | bytes, content: bytes) -> int:
    return (await crm.send([person], content)).end.code


async def test_a_member_among_the_first_waits_and_hears_no_once_it_is_a_burst(
    deferring_crm: Crm,
) -> None:
    member, content = deferring_crm.person(NO_BULK), mail("Wacht")

    before = await heard(deferring_crm, member, content)
    others = [
        (await deferring_crm.send([stranger], content)).end.code for stranger in strangers(FEW)
    ]
    after = await heard(deferring_crm, member, content)

    assert [451, 550] == [before, after]
    assert [250] * FEW == others
    assert [] == [m for m in deferring_crm.sink.messages if member.mailbox in m.recipients]


async def test_a_member_gets_the_mail_once_the_time_is_over_without_a_burst(
    deferring_crm: Crm,
) -> None:
    member, content = deferring_crm.person(NO_BULK), mail("Alleen voor u")
    codes = [await heard(deferring_crm, member, content)]

    async def is_decided() -> bool:
        codes.append(await heard(deferring_crm, member, content))
        return codes[-1] != 451

    await wait_until(is_decided, "the end of the time")

    assert (451, 250) == (codes[0], codes[-1])
    assert "individual" == (await deferring_crm.record(member)).kind


async def test_what_showed_while_a_member_waited_counts_after_the_time_too(
    deferring_crm: Crm,
) -> None:
    member, content = deferring_crm.person(NO_BULK), mail("Later")
    before = await heard(deferring_crm, member, content)
    shown = [await heard(deferring_crm, stranger, content) for stranger in strangers(FEW)]
    over = time.monotonic() + WITHIN + 0.2
    await wait_until(lambda: time.monotonic() > over, "the end of the time")

    after = await heard(deferring_crm, member, content)
    assert [250] * FEW == shown
    assert [451, 550] == [before, after]


async def test_who_is_not_suppressed_never_waits(deferring_crm: Crm) -> None:
    assert 250 == await heard(deferring_crm, deferring_crm.person(), mail("Direct"))
