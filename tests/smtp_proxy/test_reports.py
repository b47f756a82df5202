"""The report by mail: who gets one, when, and in which language."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from tests.rig import faults
from tests.rig.process import wait_until
from tests.smtp_proxy.crm import BULK, NO_BULK, SENDER, Crm, Person, mail

pytestmark = pytest.mark.system

FREE = b"free@example.org"


def reports(crm: Crm) -> list[EmailMessage]:
    """Return the reports that have reached the relay."""
    sent = [mail.content for mail in crm.sink.accepted if not mail.sender]
    mails = [message_from_bytes(octets, policy=policy.default) for octets in sent]
    return [mail for mail in mails if mail.get_content_type() == "multipart/report"]


async def report(crm: Crm) -> EmailMessage:
    """Wait for one report, and that no other follows."""
    await crm.sink.wait_until(lambda: bool(reports(crm)), "a report")
    (only,) = reports(crm)
    return only


def text_of(mail: EmailMessage) -> str:
    """Return the part people read."""
    part = next(iter(mail.iter_parts()))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


# `report = "always"`


async def refused_and_the_others_sent(crm: Crm, member: Person) -> None:
    conversation = await crm.send([FREE, member], BULK, listener="strict")
    assert [250, 550] == [reply.code for reply in conversation.recipients]
    assert 250 == conversation.end.code


async def refused_over_lmtp(crm: Crm, member: Person) -> None:
    conversation = await crm.send([FREE, member], BULK, listener="lmtp")
    assert [250, 550] == [reply.code for reply in conversation.ends]


async def refused_after_the_content(crm: Crm, member: Person) -> None:
    assert 550 == (await crm.send([member], BULK)).end.code


async def left_out_after_the_content(crm: Crm, member: Person) -> None:
    assert 250 == (await crm.send([FREE, member], BULK)).end.code


@pytest.mark.parametrize(
    ("send", "others"),
    [
        (refused_and_the_others_sent, "De andere ontvangers (1) krijgen het wel."),
        (refused_over_lmtp, "De andere ontvangers (1) krijgen het wel."),
        (left_out_after_the_content, "De andere ontvangers (1) krijgen het wel."),
        (refused_after_the_content, ""),
    ],
)
async def test_always_means_one_report_whatever_was_answered(
    always_crm: Crm, send: object, others: str
) -> None:
    member = always_crm.person(NO_BULK)
    assert callable(send)

    await send(always_crm, member)

    report_sent = await report(always_crm)
    record = await always_crm.record(member)
    assert "Verzenden mislukt: Vacature" == report_sent["Subject"]
    assert f"is NIET verstuurd aan {member.address}." in text_of(report_sent)
    assert "Geen bulk-mail" in text_of(report_sent)
    assert others in text_of(report_sent)
    assert bool(others) is ("andere ontvangers" in text_of(report_sent))
    assert 1 == len(always_crm.notices(record))


@pytest.mark.parametrize("end", [b"RSET", b"QUIT", b"EHLO crm.example", None])
async def test_who_gives_up_after_a_refusal_hears_that_nobody_got_it(
    always_crm: Crm, end: bytes | None
) -> None:
    member = always_crm.person(NO_BULK)
    client = await always_crm.client("strict")
    replies = await client.pipeline(
        b"MAIL FROM:<%s>" % SENDER, b"RCPT TO:<%s>" % FREE, b"RCPT TO:<%s>" % member.mailbox
    )

    await (client.close() if end is None else client.command(end))

    report_sent = await report(always_crm)
    assert [250, 250, 550] == [reply.code for reply in replies]
    assert f"Verzenden mislukt: {member.address}" == report_sent["Subject"]
    assert "Ook naar de andere ontvangers (1) ging het niet" in text_of(report_sent)
    assert [] == always_crm.relayed


async def test_who_was_refused_alone_and_leaves_gets_a_report(always_crm: Crm) -> None:
    member = always_crm.person(NO_BULK)

    conversation = await always_crm.send([member], BULK, listener="strict")

    report_sent = await report(always_crm)
    assert 550 == conversation.recipients[0].code
    assert f"is NIET verstuurd aan {member.address}." in text_of(report_sent)
    assert "andere ontvangers" not in text_of(report_sent)


@pytest.mark.parametrize(
    ("sender", "notify", "refused"),
    [
        (b"", b"", b""),
        (SENDER, b" NOTIFY=NEVER", b""),
        (SENDER, b" NOTIFY=SUCCESS", b""),
        (SENDER, b"", b"554 5.7.1 spam"),
        (SENDER, b"", b"451 4.3.0 later"),
    ],
)
async def test_always_is_still_never_to_nobody_nor_unwanted_nor_of_what_failed_as_a_whole(
    always_crm: Crm, sender: bytes, notify: bytes, refused: bytes
) -> None:
    crm, member = always_crm, always_crm.person(NO_BULK)
    if refused:
        crm.sink.fault("dot", faults.reply(refused), times=1)
    client = await crm.client("strict")
    await client.pipeline(
        b"MAIL FROM:<%s>" % sender,
        b"RCPT TO:<%s>" % FREE,
        b"RCPT TO:<%s>%s" % (member.mailbox, notify),
        b"DATA",
    )
    await client.send(BULK + b".\r\n")
    await client.reply()

    record = await crm.record(member)

    await wait_until(lambda: not crm.notices(record), "no notice")
    assert [] == reports(crm)


async def test_as_shipped_a_refusal_at_rcpt_owes_no_report(crm: Crm) -> None:
    member = crm.person(NO_BULK)
    client = await crm.client("strict")

    await client.pipeline(b"MAIL FROM:<%s>" % SENDER, b"RCPT TO:<%s>" % member.mailbox, b"RSET")

    assert [] == crm.notices(await crm.record(member))


# The reader's language

STAFF = """\
crm_id,name,email,language
s1,Anna,anna@crm.example,de
s2,Fleur,fleur@crm.example,fr
s3,Piotr,piotr@crm.example,pl
s4,Noor,noor@crm.example,
"""


@pytest.mark.parametrize(
    ("envelope", "author", "state"),
    [
        ("anna@crm.example", "recruiter@crm.example", "Versand fehlgeschlagen"),
        ("ANNA@CRM.example", "fleur@crm.example", "Versand fehlgeschlagen"),
        ("bounces@crm.example", "Fleur <fleur@crm.example>", "Échec de l'envoi"),
        ("piotr@crm.example", "fleur@crm.example", "Échec de l'envoi"),
        ("noor@crm.example", "anna@crm.example", "Versand fehlgeschlagen"),
        ("piotr@crm.example", "noor@crm.example", "Verzenden mislukt"),
        ("else@crm.example", "else@crm.example", "Verzenden mislukt"),
    ],
)
async def test_note_and_report_are_in_the_language_of_the_staff_on_file(
    each_crm: Crm, envelope: str, author: str, state: str
) -> None:
    each_crm.feed("staff", STAFF)
    member = each_crm.person(NO_BULK)
    content = f"From: {author}\r\nSubject: Vacature\r\nPrecedence: bulk\r\n\r\nDag!\r\n".encode()

    alone = (await each_crm.send([member], content, sender=envelope.encode())).end
    await each_crm.send([FREE, member], content, sender=envelope.encode())

    report_sent = await report(each_crm)
    record = await each_crm.record(member)
    assert alone.text.startswith(f"5.7.1 {state.replace('É', 'E')}")
    assert record.deliveries[1].note.startswith(state)
    assert report_sent["Subject"].startswith(state)
    assert f"\n{state}" in text_of(report_sent)


@pytest.mark.parametrize(
    ("envelope", "author", "state"),
    [
        ("anna@crm.example", "x@berlin.example", "Versand fehlgeschlagen"),
        ("else@berlin.example", "x@crm.example", "Versand fehlgeschlagen"),
        ("bounce@mail.berlin.example", "x@crm.example", "Versand fehlgeschlagen"),
        ("bounce@lyon.berlin.example", "x@crm.example", "Échec de l'envoi"),
        ("bounce@esp.example", "Otto <otto@Berlin.Example>", "Versand fehlgeschlagen"),
        ("fleur@crm.example", "otto@berlin.example", "Échec de l'envoi"),
        ("x@notberlin.example", "x@crm.example", "Verzenden mislukt"),
    ],
)
async def test_who_is_not_on_file_is_written_to_in_the_language_of_the_domain(
    always_crm: Crm, envelope: str, author: str, state: str
) -> None:
    always_crm.feed("staff", STAFF)
    member = always_crm.person(NO_BULK)
    content = f"From: {author}\r\nSubject: Hi\r\nPrecedence: bulk\r\n\r\nDag!\r\n".encode()

    await always_crm.send([member], content, sender=envelope.encode())

    assert (await always_crm.record(member)).deliveries[0].note.startswith(state)


async def test_a_refusal_at_rcpt_is_in_the_language_of_the_envelopes_sender(crm: Crm) -> None:
    crm.feed("staff", STAFF)
    member = crm.person(NO_BULK)

    conversation = await crm.send(
        [member, FREE], mail(), sender=b"anna@crm.example", listener="strict"
    )

    record = await crm.record(member)
    assert conversation.recipients[0].text.startswith("5.7.1 Versand fehlgeschlagen")
    assert record.deliveries[0].note.startswith("Versand fehlgeschlagen")


async def test_what_the_header_block_tells_of_the_reader_counts_for_who_was_refused_before_it(
    always_crm: Crm,
) -> None:
    always_crm.feed("staff", STAFF)
    member = always_crm.person(NO_BULK)
    content = b"From: fleur@crm.example\r\nSubject: Vacature\r\n\r\nDag!\r\n"

    conversation = await always_crm.send(
        [member, FREE], content, sender=b"bounces@crm.example", listener="strict"
    )

    report_sent = await report(always_crm)
    record = await always_crm.record(member)
    assert conversation.recipients[0].text.startswith("5.7.1 Verzenden mislukt")
    assert record.deliveries[0].note.startswith("Échec de l'envoi")
    assert "Échec de l'envoi : Vacature" == report_sent["Subject"]
    assert f"\nÉchec de l'envoi : {member.address}" in text_of(report_sent)
