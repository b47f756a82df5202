"""What came back suppresses an address, or doesn't, and is told."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce, Proof
from gateway.core.bounces.return_address import ReturnedTo, return_address
from gateway.core.bounces.suppressing import BounceRules
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import By, Scope, State
from gateway.core.people.erased_names import ErasedNames, short_name
from gateway.core.people.people import Person, SuppressionSource
from gateway.core.replies.inbox import AttentionReason
from gateway.core.signing import SigningKeys
from gateway.documents.events import oldest_webhook_events
from gateway.inbound.bounce_keeping import JournalBehind, is_of_erased
from gateway.inbound.verdict import Ignored, MailOrigin, NeedsAttention, RawMail
from gateway.store.bounces import bounces
from gateway.store.journal.journal import write_recorded
from gateway.store.people import erasure_keys, suppression
from gateway.store.schema.columns import metadata
from gateway.store.schema.erasures import erasures
from gateway.store.schema.feed import addresses, people
from gateway.store.schema.journal import deliveries
from gateway.store.schema.outbox import outbox
from gateway.store.sending import events
from gateway.store.views import timeline
from tests.inbound.importer_rig import CANDIDATE, OTHER, ImporterRig

ANN = "ann@example.org"
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
BOUNCES = MailOrigin(name="bounces", is_for_bounces=True)


def sent(
    rig: ImporterRig,
    at: datetime,
    *recipients: str,
    name: str = "m",
    has_message_id: bool = True,
    sender: str = "crm@office.example",
    relay: str = "",
) -> Message:
    """Write a message into the journal that the relay took at a moment."""
    number = ids.first_id_at(at) + 1
    message = Message(
        id=number,
        at=at,
        listener="crm",
        sender=sender,
        relay=relay,
        message_id=f"<{name}-{number}@office.example>" if has_message_id else "",
        deliveries=tuple(
            Delivery(recipient=one, address=one, state=State.RELAYED, by=By.RELAY)
            for one in recipients or (ANN,)
        ),
    )
    with rig.database.writing() as connection:
        write_recorded(connection, 1, [message], [])
    return message


def bounce(
    message_id: str,
    said: str = "550 5.1.1 user unknown",
    *,
    status: str = "5.1.1",
    recipient: str = ANN,
) -> bytes:
    text = f"""\
From: Mail Delivery System <MAILER-DAEMON@mx.example>
To: crm@office.example
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; {recipient}
Action: failed
Status: {status}
Diagnostic-Code: smtp; {said}

--b
Content-Type: message/rfc822

Message-ID: {message_id}
Subject: Nieuws

--b--
"""
    return text.replace("\n", "\r\n").encode()


def complaint(message_id: str, feedback: str = "abuse") -> bytes:
    text = f"""\
From: fbl@receiver.example
To: crm@office.example
Subject: complaint
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: message/feedback-report

Feedback-Type: {feedback}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <{ANN}>

--b
Content-Type: message/rfc822

Message-ID: {message_id}
To: <{ANN}>
Subject: Nieuws

--b--
"""
    return text.replace("\n", "\r\n").encode()


def suppressed(rig: ImporterRig, address: str = ANN) -> list[tuple[SuppressionSource, Scope]]:
    with rig.database.reading() as connection:
        history = suppression.history(connection, address)
    return [(one.source, one.scope) for one in history if one.released_at is None]


def kept(rig: ImporterRig) -> list[KeptBounce]:
    with rig.database.reading() as connection:
        return bounces.list_bounces(connection)


async def test_two_hard_bounces_days_apart_suppress_the_address(each_rig: ImporterRig) -> None:
    rig = each_rig
    first = sent(rig, NOW - timedelta(hours=1))
    await rig.take(bounce(first.message_id))
    assert [] == suppressed(rig)

    rig.now = NOW + timedelta(days=3)
    second = sent(rig, rig.now - timedelta(hours=1))
    await rig.take(bounce(second.message_id))

    assert [(SuppressionSource.BOUNCE, Scope.ALL)] == suppressed(rig)
    with rig.database.reading() as connection:
        entry = suppression.history(connection, ANN)[0]
    assert ("userunknown: 550 5.1.1 user unknown", True) == (entry.remark, entry.public)


async def test_each_that_is_kept_is_counted_once(rig: ImporterRig) -> None:
    message = sent(rig, NOW - timedelta(hours=1))
    mail = bounce(message.message_id)

    for raw in (mail, mail, complaint(message.message_id), bounce("<nobody@office.example>")):
        await rig.take(raw)

    counted = [(one.kind.value, one.reason, one.hard, one.proof) for one in rig.bounces_read]
    assert [
        ("bounce", "userunknown", True, "message_id"),
        ("complaint", "", False, "message_id"),
        ("bounce", "userunknown", True, None),
    ] == counted


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("552 5.2.2 mailbox full", "5.2.2"),
        ("550 5.7.1 message looks like spam", "5.7.1"),
        ("554 5.7.1 client host blocked using bl.example", "5.7.1"),
        ("451 4.7.1 greylisted, try again later", "4.7.1"),
        ("450 4.4.4 domain not found", "4.4.4"),
    ],
)
async def test_what_says_nothing_of_the_address_is_counted_only(
    rig: ImporterRig, said: str, status: str
) -> None:
    for day in (0, 3, 6):
        rig.now = NOW + timedelta(days=day)
        message = sent(rig, rig.now - timedelta(hours=1))
        await rig.take(bounce(message.message_id, said, status=status))

    assert [] == suppressed(rig)
    assert [False] * 3 == [entry.hard for entry in kept(rig)]


async def test_bounces_of_one_day_count_once(rig: ImporterRig) -> None:
    for hour in range(5):
        rig.now = NOW + timedelta(hours=hour)
        message = sent(rig, rig.now - timedelta(minutes=5))
        await rig.take(bounce(message.message_id))

    assert [] == suppressed(rig)


async def test_mail_that_arrived_in_between_starts_the_count_anew(rig: ImporterRig) -> None:
    first = sent(rig, NOW - timedelta(hours=1))
    await rig.take(bounce(first.message_id))
    sent(rig, NOW + timedelta(days=2))  # nothing came back of it
    rig.now = NOW + timedelta(days=4)
    third = sent(rig, rig.now - timedelta(hours=1))

    await rig.take(bounce(third.message_id))

    assert [] == suppressed(rig)


async def test_what_was_released_counts_from_then_on(rig: ImporterRig) -> None:
    for day in (0, 3):
        rig.now = NOW + timedelta(days=day)
        message = sent(rig, rig.now - timedelta(hours=1))
        await rig.take(bounce(message.message_id))
    with rig.database.writing() as connection:
        suppression.release(connection, ANN, by="eva", at=rig.now)

    rig.now = NOW + timedelta(days=6)
    message = sent(rig, rig.now - timedelta(hours=1))
    await rig.take(bounce(message.message_id))

    assert [] == suppressed(rig)


@pytest.mark.parametrize(
    ("why", "sent_on", "came_in_on", "read_on", "is_suppressed"),
    [
        ("two days apart", (0, 3), (0, 3), (0, 3), True),
        ("a mailing", (0, 0.01), (0, 0.02), (0, 0.02), False),
        (
            "a mailing, and one of its mailboxes wasn't read for days",
            (0, 0.01),
            (0, 0.02),
            (0, 6),
            False,
        ),
        ("a mailbox wasn't read for days", (0, 3), (0, 3), (6, 6), False),
        ("nor was it, and both came in on one day", (0, 0.01), (2.9, 3), (6, 6), False),
        ("the later one comes back first", (3, 0), (3, 5.5), (3, 5.5), True),
        ("too far from each other", (0, 90.5), (0, 91), (0, 91), False),
        ("a clock that is ahead", (0, 0.01), (0, 50), (0, 1), False),
        ("a clock that is behind", (0, 3), (0, -50), (0, 3), True),
    ],
)
async def test_when_bounces_came_in_counts_not_when_they_were_read(
    rig: ImporterRig,
    why: str,
    sent_on: tuple[float, float],
    came_in_on: tuple[float, float],
    read_on: tuple[float, float],
    *,
    is_suppressed: bool,
) -> None:
    messages = [sent(rig, NOW + timedelta(days=day, hours=-1)) for day in sent_on]
    for message, came_in, day in zip(messages, came_in_on, read_on, strict=True):
        rig.now = NOW + timedelta(days=day)
        origin = replace(BOUNCES, arrived=NOW + timedelta(days=came_in))
        await rig.take(bounce(message.message_id), origin)

    assert is_suppressed == (suppressed(rig) != []), why


async def test_a_bounce_in_two_mailboxes_counts_once(rig: ImporterRig) -> None:
    message = sent(rig, NOW - timedelta(hours=1))
    for day in (0, 3, 6):
        rig.now = NOW + timedelta(days=day)
        copy = f"Message-ID: <b@mx.example>\r\nDelivered-To: mailbox-{day}@office.example\r\n"
        await rig.take(copy.encode() + bounce(message.message_id))

    assert [] == suppressed(rig)
    assert 3 == len(kept(rig))


async def test_a_message_does_not_arrive_because_its_bounce_takes_days(rig: ImporterRig) -> None:
    settings = replace(rig.importer.rules.bounces, rules=BounceRules(suppress_after=1))
    rig.importer.rules = replace(rig.importer.rules, bounces=settings)

    await rig.take(bounce(sent(rig, NOW - timedelta(days=5)).message_id))

    assert [(SuppressionSource.BOUNCE, Scope.ALL)] == suppressed(rig)


async def test_a_bounce_that_comes_in_late_is_older_than_mail_that_arrived(
    rig: ImporterRig,
) -> None:
    tried_for_days = sent(rig, NOW - timedelta(days=5))
    sent(rig, NOW - timedelta(days=4))  # nothing came back of it
    await rig.take(bounce(tried_for_days.message_id))
    rig.now = NOW + timedelta(days=3)
    await rig.take(bounce(sent(rig, rig.now - timedelta(hours=1)).message_id))

    assert [] == suppressed(rig)


async def test_mail_from_before_a_release_counts_for_nothing_afterwards(rig: ImporterRig) -> None:
    first = sent(rig, NOW - timedelta(hours=1))
    await rig.take(bounce(first.message_id))
    before = sent(rig, NOW + timedelta(days=3))
    rig.now = NOW + timedelta(days=4)
    with rig.database.writing() as connection:
        suppression.add(
            connection,
            id=rig.new_id(),
            ref_or_address=ANN,
            scope=Scope.ALL,
            by="eva",
            since=NOW,
            source=SuppressionSource.BOUNCE,
            remark="",
            public=True,
            until=None,
        )
        suppression.release(connection, ANN, by="eva", at=rig.now)
    rig.later(days=3)
    await rig.take(bounce(before.message_id))
    await rig.take(bounce(sent(rig, rig.now - timedelta(hours=1)).message_id))

    assert [] == suppressed(rig)


async def test_a_bounce_of_nothing_the_gateway_sent_is_a_persons_to_look_at(
    rig: ImporterRig,
) -> None:
    for day in (0, 3, 6):
        rig.now = NOW + timedelta(days=day)
        verdict = await rig.take(bounce(f"<forged-{day}@evil.example>"), BOUNCES)
        assert NeedsAttention(AttentionReason.UNPROVEN_BOUNCE, verdict.inbox) == verdict

    assert [] == suppressed(rig)
    assert [("", None)] * 3 == [(entry.address, entry.proof) for entry in kept(rig)]


async def test_a_hop_s_id_that_no_store_keeps_is_passed_over(rig: ImporterRig) -> None:
    message = sent(rig, NOW - timedelta(hours=1))
    hop = b"Received: from a.example by b.example with ESMTP id zzzzzzzzzzzzz\r\nMessage-ID:"
    mail = bounce(message.message_id).replace(b"Message-ID:", hop)

    await rig.take(mail, BOUNCES)

    assert [Proof.MESSAGE_ID] == [entry.proof for entry in kept(rig)]


@pytest.mark.parametrize("recipient", ["mallory@evil.example", ANN])
async def test_ids_that_are_guessed_prove_nothing(rig: ImporterRig, recipient: str) -> None:
    message = sent(rig, NOW - timedelta(hours=1))
    guessed = "".join(
        f"X-Gateway-Message: {ids.show(message.id + guess)}\r\n\r\n" for guess in range(-20, 20)
    )
    mail = bounce("<forged@evil.example>", recipient=recipient)
    mail = mail.replace(b"Final-Recipient", guessed.encode() + b"Final-Recipient")

    verdict = await rig.take(mail, BOUNCES)

    assert NeedsAttention(AttentionReason.UNPROVEN_BOUNCE, verdict.inbox) == verdict
    assert [("", None)] == [(entry.address, entry.proof) for entry in kept(rig)]


@pytest.mark.parametrize(("ids_named", "proof"), [(1, Proof.TRACE), (20, None)])
async def test_an_id_alone_proves_a_message_without_message_id_where_few_are_named(
    rig: ImporterRig, ids_named: int, proof: Proof | None
) -> None:
    message = sent(rig, NOW - timedelta(hours=1), has_message_id=False)
    hops = "".join(
        f"Received: from a.example by b.example with ESMTP id {ids.show(message.id + hop)}; x\r\n"
        for hop in range(ids_named)
    )
    mail = bounce("<relay@mx.example>", recipient="ann@elsewhere.example")
    mail = mail.replace(b"Message-ID:", hops.encode() + b"Message-ID:")

    await rig.take(mail, BOUNCES)

    assert [(ANN if proof else "", proof)] == [(one.address, one.proof) for one in kept(rig)]


async def test_a_bounce_of_one_of_many_recipients_is_about_that_one(rig: ImporterRig) -> None:
    for day in (0, 3):
        rig.now = NOW + timedelta(days=day)
        message = sent(rig, rig.now - timedelta(hours=1), ANN, "bob@example.org")
        await rig.take(bounce(message.message_id, recipient="bob@example.org"))

    assert [] == suppressed(rig)
    assert [(SuppressionSource.BOUNCE, Scope.ALL)] == suppressed(rig, "bob@example.org")


async def test_a_bounce_of_an_address_behind_one_of_many_recipients_is_about_nobody(
    rig: ImporterRig,
) -> None:
    message = sent(rig, NOW - timedelta(hours=1), ANN, "bob@example.org")
    mail = bounce(message.message_id, recipient="ann@elsewhere.example")
    mail = mail.replace(
        b"Reporting-MTA",
        b"Original-Envelope-Id: " + ids.show(message.id).encode() + b"\r\nReporting-MTA",
    )

    await rig.take(mail)

    assert [(message.id, "")] == [(entry.message, entry.address) for entry in kept(rig)]


#: Mails about a message to two people, of whom only the first is in its header, that name neither.
NAMING_NOBODY = {
    "a bounce": """\
From: MAILER-DAEMON@mx.example
To: {to}
Subject: Returned mail: user unknown
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

550 5.1.1 User unknown

--b
Content-Type: message/rfc822

To: ann@example.org
Subject: Nieuws

--b--
""",
    "a complaint": """\
From: fbl@receiver.example
To: {to}
Subject: complaint
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
Version: 1

--b
Content-Type: message/rfc822

To: ann@example.org
Subject: Nieuws

--b--
""",
}


@pytest.mark.parametrize("name", NAMING_NOBODY)
@pytest.mark.parametrize(
    ("recipients", "address"),
    [((ANN,), ANN), ((ANN, "bob@example.org"), "")],
    ids=["of one", "of two"],
)
async def test_what_names_nobody_is_not_about_whom_the_header_names(
    rig: ImporterRig, name: str, recipients: tuple[str, ...], address: str
) -> None:
    message = sent(rig, NOW - timedelta(hours=1), *recipients)
    to = rewriting(rig, message)

    await rig.take(NAMING_NOBODY[name].format(to=to).replace("\n", "\r\n").encode(), BOUNCES)

    assert [(message.id, address)] == [(entry.message, entry.address) for entry in kept(rig)]


async def test_a_redacted_complaint_is_about_the_message_whose_return_address_it_names(
    rig: ImporterRig,
) -> None:
    """Its other fields, and the header of the mail, may tell nothing."""
    message = sent(rig, NOW - timedelta(hours=1))
    named = f"Version: 1\r\nOriginal-Mail-From: <{rewriting(rig, message)}>".encode()
    mail = complaint("<redacted@receiver.example>").replace(b"Version: 1", named)

    await rig.take(mail.replace(ANN.encode(), b"redacted@receiver.example"), BOUNCES)

    assert [(SuppressionSource.COMPLAINT, Scope.BULK)] == suppressed(rig)
    assert [] == queued(rig)


async def test_a_complaint_from_outlook_is_of_whom_its_field_names(rig: ImporterRig) -> None:
    message = sent(rig, NOW - timedelta(hours=1), ANN, "bob@example.org")
    mail = f"""\
From: staff@hotmail.com
To: fbl@office.example
Subject: complaint about message from 192.0.2.1
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: message/rfc822

X-HmXmrOriginalRecipient: bob@example.org
To: undisclosed-recipients:;
Message-ID: {message.message_id}

--b--
"""

    await rig.take(mail.replace("\n", "\r\n").encode(), BOUNCES)

    assert [] == suppressed(rig)
    assert [(SuppressionSource.COMPLAINT, Scope.BULK)] == suppressed(rig, "bob@example.org")


async def test_an_encoded_original_recipient_is_whom_the_message_went_to(
    rig: ImporterRig,
) -> None:
    message = sent(rig, NOW - timedelta(hours=1), "ann+new=s@example.org", "bob@example.org")
    mail = bounce(message.message_id, recipient="ann@elsewhere.example").replace(
        b"Final-Recipient",
        b"Original-Recipient: rfc822; ann+2Bnew+3Ds@example.org\r\nFinal-Recipient",
    )

    await rig.take(mail, BOUNCES)

    assert ["ann+new=s@example.org"] == [entry.address for entry in kept(rig)]


async def test_a_complaint_suppresses_bulk_mail_at_once(each_rig: ImporterRig) -> None:
    message = sent(each_rig, NOW - timedelta(hours=1))

    verdict = await each_rig.take(complaint(message.message_id), BOUNCES)

    assert Ignored("feedback_report", verdict.inbox) == verdict
    assert [(SuppressionSource.COMPLAINT, Scope.BULK)] == suppressed(each_rig)


async def test_a_complaint_of_who_was_erased_since_keeps_bulk_mail_away_by_hash(
    each_rig: ImporterRig,
) -> None:
    """The CRM may bring the address again."""
    rig = each_rig
    message = sent(rig, NOW - timedelta(hours=1))
    to = rewriting(rig, message).encode()
    names = ErasedNames(lambda: RETURNS)
    with rig.database.writing() as connection:
        # As the erasure leaves it.
        mark = short_name(names.new_name(ANN))
        connection.execute(update(deliveries).values(address=mark, recipient=mark))
        row = {"id": 1, "at": NOW, "by": "eva", "person": names.new_name("candidate:17")}
        row |= {
            "addresses": f"{names.new_name('x@y.example')} {names.new_name(ANN)}",
            "key_mark": "k1",
        }
        connection.execute(insert(erasures).values(row))

    for number in range(2):
        mail = complaint(message.message_id).replace(b"crm@office.example", to)
        await rig.take(mail.replace(b"Subject: c", b"Subject: %d c" % number), BOUNCES)

    assert [(SuppressionSource.ERASED, Scope.BULK)] == suppressed(rig, names.new_name(ANN))
    assert [] == suppressed(rig, ANN) == suppressed(rig, mark)
    assert {(mark, mark, "")} == {
        (entry.address, entry.recipient, entry.diagnostic) for entry in kept(rig)
    }
    with rig.database.reading() as connection:
        assert ["k1"] == list(erasure_keys.marks(connection))


async def test_a_complaint_taken_back_suppresses_nobody(rig: ImporterRig) -> None:
    message = sent(rig, NOW - timedelta(hours=1))

    await rig.take(complaint(message.message_id, "not-spam"), BOUNCES)

    assert [] == suppressed(rig)


async def test_an_answer_in_the_mailbox_of_bounces_is_none(rig: ImporterRig) -> None:
    message = sent(rig, NOW - timedelta(hours=1))
    mail = (
        f"From: {ANN}\r\nTo: bounces@office.example\r\nSubject: Afwezig: vakantie\r\n"
        "Auto-Submitted: auto-replied\r\n"
        f"In-Reply-To: {message.message_id}\r\n\r\nUser unknown is on holiday.\r\n"
    )

    verdict = await rig.take(mail.encode(), BOUNCES)

    assert Ignored("auto_reply", verdict.inbox) == verdict
    assert [] == kept(rig)


async def test_a_person_who_writes_to_the_mailbox_of_bounces_waits_for_a_person(
    rig: ImporterRig,
) -> None:
    mail = f"From: {ANN}\r\nTo: bounces@office.example\r\nSubject: 4711 hello\r\n\r\nHi!\r\n"

    verdict = await rig.take(mail.encode(), BOUNCES)

    assert NeedsAttention(AttentionReason.NO_BOUNCE, verdict.inbox) == verdict


async def test_a_bounce_that_is_too_large_is_called_so(rig: ImporterRig) -> None:
    file = rig.folder / "header"
    file.write_bytes(bounce("<m-1@office.example>").partition(b"\r\n\r\n")[0] + b"\r\n\r\n")

    verdict = await rig.importer.take(RawMail(file=file, size=200_000_000, whole=False), BOUNCES)

    assert NeedsAttention(AttentionReason.TOO_LARGE, verdict.inbox) == verdict
    assert [] == queued(rig)


@pytest.mark.parametrize("ago", [timedelta(seconds=1), timedelta(minutes=-4)], ids=str)
async def test_a_bounce_that_is_quicker_than_the_journal_is_given_again(
    rig: ImporterRig, ago: timedelta
) -> None:
    message_id = "<m-1@office.example>"
    fresh = replace(BOUNCES, arrived=NOW - ago)

    with pytest.raises(JournalBehind):
        await rig.take(bounce(message_id), fresh)
    rig.now = NOW + timedelta(seconds=30)
    verdict = await rig.take(bounce(message_id), fresh)

    assert NeedsAttention(AttentionReason.UNPROVEN_BOUNCE, verdict.inbox) == verdict


RETURNS = SigningKeys((b"k" * 32,))


def rewriting(rig: ImporterRig, to: Message) -> str:
    """Have the gateway give return addresses; return that of a message."""
    settings = replace(rig.importer.rules.bounces, address="bounces@office.example", keys=RETURNS)
    rig.importer.rules = replace(
        rig.importer.rules, bounces=settings, origins={BOUNCES.name: BOUNCES}
    )
    return return_address(settings.address, ReturnedTo(to.id), RETURNS)


def queued(rig: ImporterRig) -> list[tuple[str, bytes]]:
    with rig.database.reading() as connection:
        rows = connection.execute(select(outbox.c.recipient, outbox.c.body))
        return [(row.recipient, row.body) for row in rows]


VACATION = b"From: ann@example.org\r\nAuto-Submitted: auto-replied\r\nTo: %s\r\n\r\nAway.\r\n"
PERSONS = b"From: ann@example.org\r\nTo: %s\r\nSubject: Question\r\n\r\nWhen?\r\n"


@pytest.mark.parametrize("mail", [VACATION, PERSONS], ids=["vacation", "a person's"])
async def test_what_else_comes_to_a_return_address_is_passed_on_too(
    rig: ImporterRig, mail: bytes
) -> None:
    octets = mail % rewriting(rig, sent(rig, NOW - timedelta(hours=1))).encode()

    await rig.take(octets, BOUNCES)
    await rig.take(octets, BOUNCES)

    assert [("crm@office.example", octets)] == queued(rig)
    assert [] == kept(rig)


@pytest.mark.parametrize(
    ("sender", "passed_on_to"),
    [
        ("crm@office.example", ["crm@office.example"]),
        ("Bounces@Office.example", []),
        ("", []),
    ],
)
async def test_a_bounce_goes_round_between_no_two_addresses(
    rig: ImporterRig, sender: str, passed_on_to: list[str]
) -> None:
    message = sent(rig, NOW - timedelta(hours=1), sender=sender)
    to = rewriting(rig, message).encode()
    mail = bounce(message.message_id).replace(b"crm@office.example", to)

    await rig.take(mail, BOUNCES)

    assert passed_on_to == [recipient for recipient, _ in queued(rig)]
    assert [(ANN, Proof.TOKEN)] == [(entry.address, entry.proof) for entry in kept(rig)]


async def test_what_is_passed_on_has_whole_line_ends(rig: ImporterRig) -> None:
    to = rewriting(rig, sent(rig, NOW - timedelta(hours=1))).encode()
    mail = PERSONS % to + b"one\n.\r\nMAIL FROM:<x@evil.example>\rtwo\n"

    await rig.take(mail, BOUNCES)

    passed_on = PERSONS % to + b"one\r\n.\r\nMAIL FROM:<x@evil.example>\r\ntwo\r\n"
    assert [passed_on] == [body for _, body in queued(rig)]


async def test_what_comes_twice_or_comes_round_is_passed_on_once(rig: ImporterRig) -> None:
    message = sent(rig, NOW - timedelta(hours=1))
    to = rewriting(rig, message).encode()
    mail = b"Message-ID: <b-1@mx.example>\r\n" + bounce(message.message_id).replace(
        b"crm@office.example", to
    )
    for hops in range(3):
        await rig.take(b"Received: from a.example by b.example; x\r\n" * hops + mail, BOUNCES)
    other = mail.replace(b"b-1@", b"b-2@")
    await rig.take(other, BOUNCES)

    assert [mail, other] == [body for _, body in queued(rig)]


async def test_webhooks_of_an_address_nobody_has_are_told_in_order_by_address(
    rig: ImporterRig,
) -> None:
    nobody = "nobody@example.org"
    message = sent(rig, NOW - timedelta(hours=1), nobody)
    await rig.take(bounce(message.message_id, recipient=nobody))
    await rig.take(complaint(message.message_id).replace(ANN.encode(), nobody.encode()))

    with rig.database.reading() as connection:
        webhook_events = oldest_webhook_events(connection, 10)

    assert [("address.bounced", nobody), ("address.complained", nobody)] == [
        (webhook_event.type, webhook_event.lane) for (webhook_event,) in webhook_events.values()
    ]


async def test_a_bounce_is_passed_on_as_one_by_the_relay_that_took_the_mail(
    rig: ImporterRig,
) -> None:
    message = sent(rig, NOW - timedelta(hours=1), relay="second")

    await rig.take(VACATION % rewriting(rig, message).encode(), BOUNCES)

    with rig.database.reading() as connection:
        (row,) = connection.execute(select(outbox)).all()
    assert ("", "second", "bounce", message.id) == (row.sender, row.relay, row.type, row.message)


@pytest.mark.parametrize("kind", ["notificationType", "eventType"])
@pytest.mark.parametrize("is_wrapped", [False, True], ids=["plain", "in one of SNS"])
async def test_a_notification_of_amazon_ses_is_about_the_message_it_names(
    rig: ImporterRig, kind: str, *, is_wrapped: bool
) -> None:
    message = sent(rig, NOW - timedelta(hours=1))
    entry = {"emailAddress": ANN, "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 unknown"}
    told: dict[str, object] = {
        kind: "Bounce",
        "bounce": {"bounceType": "Permanent", "bouncedRecipients": [entry]},
        "mail": {
            "messageId": "0100018c-amazons-own",
            "headers": [{"name": "Message-ID", "value": message.message_id}],
        },
    }
    text = json.dumps({"Message": json.dumps(told)} if is_wrapped else told)
    mail = f"From: AWS <no-reply@sns.amazonaws.com>\r\nSubject: AWS Notification\r\n\r\n{text}\r\n"

    verdict = await rig.take(mail.encode(), BOUNCES)

    assert Ignored("delivery_report", verdict.inbox) == verdict
    assert [(ANN, Proof.MESSAGE_ID, "userunknown", True)] == [
        (one.address, one.proof, one.reason, one.hard) for one in kept(rig)
    ]


@pytest.mark.parametrize(
    ("named", "is_suppressed"),
    [(ANN, True), ("Ann@Example.org", True), ("support@shop.example", False)],
)
async def test_words_alone_are_of_the_address_they_name(
    rig: ImporterRig, named: str, *, is_suppressed: bool
) -> None:
    keys = SigningKeys((b"k" * 32,))
    settings = replace(
        rig.importer.rules.bounces,
        rules=BounceRules(suppress_after=1),
        address="bounces@office.example",
        keys=keys,
    )
    rig.importer.rules = replace(rig.importer.rules, bounces=settings)
    message = sent(rig, NOW - timedelta(hours=1))
    to = return_address("bounces@office.example", ReturnedTo(message.id, 0), keys)
    mail = (
        "From: Postmaster <postmaster@shop.example>\r\n"
        f"To: {to}\r\nSubject: Undeliverable: Vacature\r\n\r\n"
        f"<{named}>: this mailbox is no longer in use\r\n"
    )

    await rig.take(mail.encode(), BOUNCES)

    assert is_suppressed == (suppressed(rig) != [])


@pytest.mark.parametrize(
    ("why", "is_copy", "came_in", "is_suppressed"),
    [
        ("a complaint that nobody had read when the address was released", False, 0, False),
        ("the same complaint from another mailbox", True, 2, False),
        ("the same, given out without its date", True, None, False),
        ("another one", False, 2, True),
        ("another one without its date", False, None, True),
    ],
)
async def test_a_complaint_from_before_a_release_counts_no_more(
    rig: ImporterRig, why: str, came_in: int | None, *, is_copy: bool, is_suppressed: bool
) -> None:
    message = sent(rig, NOW - timedelta(hours=1))
    await rig.take(b"Message-ID: <c1@fbl.example>\r\n" + complaint(message.message_id))
    rig.later(days=1)
    with rig.database.writing() as connection:
        suppression.release(connection, ANN, by="eva", at=rig.now)
    rig.later(days=1)

    name = b"c1" if is_copy else b"c2"
    mail = b"Delivered-To: x@y.example\r\nMessage-ID: <" + name + b"@fbl.example>\r\n"
    arrived = None if came_in is None else NOW + timedelta(days=came_in)
    await rig.take(mail + complaint(message.message_id), replace(BOUNCES, arrived=arrived))

    assert is_suppressed == (suppressed(rig) != []), why


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("550 No MX record for office.example", "rejected"),
        ("550 5.1.2 Host unknown: OFFICE.example", "rejected"),
        ("550 host mx.example.org said: <crm@office.example>: domain not found", "rejected"),
        ("550 No MX record for example.org", "hostunknown"),
        ("550 <ann@example.org>: no MX record for domain", "hostunknown"),
        ("550 office.example: no mail exchanger: no MX record for example.org", "hostunknown"),
        ("550 office.example: user unknown", "userunknown"),
        ("550 5.1.1 <CRM@office.example>: no such user", "rejected"),
        ("550 account crm@office.example is disabled", "rejected"),
        ("550 no such user <ann@example.org>, from <crm@office.example>", "userunknown"),
        ("550 no such user <bob@elsewhere.example>, from <crm@office.example>", "userunknown"),
    ],
)
async def test_a_word_on_the_sender_is_none_on_the_address(
    rig: ImporterRig, said: str, reason: str
) -> None:
    message = sent(rig, NOW - timedelta(hours=1))

    # The bounce itself names the sender nowhere but in what was said.
    raw = bounce(message.message_id, said, status="5.0.0")
    await rig.take(raw.replace(b"To: crm@office.example", b"To: undisclosed"))

    assert [(reason, reason != "rejected")] == [(one.reason, one.hard) for one in kept(rig)]


def standings(rig: ImporterRig) -> suppression.Standings:
    return suppression.Standings(rig.database, tag_scopes={}, clock=lambda: rig.now)


async def test_a_bounce_of_an_address_that_two_people_have_is_of_the_address(
    each_rig: ImporterRig,
) -> None:
    rig = each_rig
    rig.feed("people", Person(ref=OTHER, first_name="Bob", emails=(ANN,), owner="s4"))

    for number in range(2):
        message = sent(rig, rig.now - timedelta(hours=1), name=f"m{number}")
        await rig.take(bounce(message.message_id))
        rig.later(days=3)

    assert [(SuppressionSource.BOUNCE, Scope.ALL)] == suppressed(rig)
    with rig.database.reading() as connection:
        shown = {
            page.record.person.ref: (
                [event.type for event in page.timeline if event.type == "bounce"],
                [suppression.source for suppression in page.suppressions],
            )
            for page in timeline.pages(connection, standings(rig), ANN)
        }
        told = [event.person for event in events.oldest(connection, 9)]
        own = [suppression.history(connection, ref) for ref in (CANDIDATE, OTHER)]
    both = (["bounce", "bounce"], [SuppressionSource.BOUNCE])
    assert {CANDIDATE: both, OTHER: both} == shown
    assert ["", ""] == told
    assert [(), ()] == own


async def test_a_bounce_of_an_address_its_person_no_longer_has_says_nothing_of_the_new_one(
    rig: ImporterRig,
) -> None:
    first = sent(rig, rig.now - timedelta(hours=1), name="m1")
    await rig.take(bounce(first.message_id))
    rig.later(days=3)
    second = sent(rig, rig.now - timedelta(hours=1), name="m2")
    new = "ann.new@example.org"
    rig.feed("people", Person(ref=CANDIDATE, first_name="Ann", emails=(new,), owner="s4"))

    await rig.take(bounce(second.message_id))

    assert [(SuppressionSource.BOUNCE, Scope.ALL)] == suppressed(rig)
    with rig.database.reading() as connection:
        [page] = timeline.pages(connection, standings(rig), new)
        told = [event.person for event in events.oldest(connection, 9)]
    assert ((), [str(CANDIDATE), ""]) == (page.suppressions, told)


async def test_nothing_of_who_was_erased_comes_back_with_a_bounce(rig: ImporterRig) -> None:
    message = sent(rig, NOW - timedelta(hours=1))
    to = rewriting(rig, message).encode()
    names = ErasedNames(lambda: RETURNS)
    with rig.database.writing() as connection:
        mark = short_name(names.new_name(ANN))
        connection.execute(update(deliveries).values(address=mark, recipient=mark))
        row = {"id": 1, "at": NOW, "by": "eva", "person": names.new_name("candidate:17")}
        row |= {"addresses": names.new_name(ANN), "key_mark": "k1"}
        connection.execute(insert(erasures).values(row))
        for table in (addresses, people):
            connection.execute(delete(table))

    await rig.take(bounce(message.message_id).replace(b"crm@office.example", to), BOUNCES)

    with rig.database.reading() as connection:
        rows = [
            (table.name, repr(tuple(row)))
            for table in metadata.sorted_tables
            if table is not outbox  # Whoever sent the mail is told, as without the gateway.
            for row in connection.execute(select(table))
        ]
    assert [mark] == [entry.address for entry in kept(rig)]
    assert [] == [(name, row) for name, row in rows if ANN in row]
    [mail] = rig.mails()
    assert ("", f"erased:{mail.id}") == (mail.subject, mail.content)
    blobs = [file for file in (rig.folder / "blobs").rglob("*") if file.is_file()]
    assert [] == [file for file in blobs if ANN.encode() in file.read_bytes()]


@pytest.mark.parametrize(
    ("addresses_told_of", "expected"),
    [
        (["erased:5f0c21ab"], True),
        (["erased:5f0c21ab", "erased:77aa0b1c"], True),
        (["erased:5f0c21ab", "bob@example.org"], False),  # Staff may have to look at it for Bob.
        (["bob@example.org", "erased:5f0c21ab"], False),
        (["erased:5f0c21ab", ""], False),  # of somebody nobody knows
        (["bob@example.org"], False),
        ([], False),
    ],
)
def test_a_mail_is_not_kept_that_tells_of_erased_people_alone(
    addresses_told_of: list[str], expected: bool
) -> None:
    kept_bounces = [
        KeptBounce(
            inbox=1,
            position=position,
            message=1,
            proof=Proof.TOKEN,
            kind=BounceKind.BOUNCE,
            address=address,
            recipient=address,
            action="failed",
            status="5.1.1",
            diagnostic="",
            reason="",
            hard=True,
        )
        for position, address in enumerate(addresses_told_of)
    ]

    assert expected == is_of_erased(kept_bounces)
