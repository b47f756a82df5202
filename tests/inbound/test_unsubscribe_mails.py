"""Mail to a link to unsubscribe that is a mail address (RFC 2369, 3.2), as programs send it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.core import ids
from gateway.core.bounces.unsubscribe import NamedDelivery
from gateway.core.kinds import Scope
from gateway.core.people.people import RefOrAddress, SuppressionSource
from gateway.core.replies.inbox import AttentionReason
from gateway.core.sending.event import EventType
from gateway.inbound.bounce_keeping import JournalBehind
from gateway.inbound.verdict import Ignored, MailOrigin, NeedsAttention
from gateway.store.people import people, suppression
from gateway.store.sending import events
from tests.inbound.importer_rig import LINKS, ImporterRig
from tests.inbound.test_bounce_keeping import ANN, BOUNCES, bounce, sent

UNSUBSCRIBED = [(SuppressionSource.UNSUBSCRIBE, Scope.BULK)]


def asked(rig: ImporterRig, address: str = ANN) -> list[tuple[SuppressionSource, Scope]]:
    """Return what suppresses an address, or whoever has it."""
    with rig.database.reading() as connection:
        refs_or_addresses: list[RefOrAddress] = [address, *people.holders(connection, address)]
        entries = [
            entry for one in refs_or_addresses for entry in suppression.history(connection, one)
        ]
    return [(entry.source, entry.scope) for entry in entries if entry.released_at is None]


def link(rig: ImporterRig) -> str:
    """Return the address of the link in a mail to Ann."""
    message = sent(rig, rig.now - timedelta(hours=1))
    return f"bounces+{LINKS.token(NamedDelivery(message.id, 0))}@office.example"


def request(to: str, *fields: str, sender: str = ANN, subject: str = "unsubscribe") -> bytes:
    lines = (f"From: {sender}", f"To: {to}", f"Subject: {subject}", *fields, "", "out")
    return "\r\n".join(lines).encode() + b"\r\n"


APPLE = ("Auto-Submitted: auto-replied", "X-Apple-Unsubscribe: true")


@pytest.mark.parametrize(
    ("fields", "subject"),
    [
        ((), "unsubscribe"),
        ((), ""),
        ((), "Nein danke"),
        (APPLE, ""),
        (APPLE, "unsubscribe"),
        (("Auto-Submitted: auto-generated",), "unsubscribe"),
    ],
)
async def test_a_mail_to_the_link_unsubscribes_who_got_it(
    rig: ImporterRig, fields: Sequence[str], subject: str
) -> None:
    verdict = await rig.take(request(link(rig), *fields, subject=subject), BOUNCES)

    assert isinstance(verdict, Ignored)
    assert "unsubscribe" == rig.mails()[0].reason
    assert UNSUBSCRIBED == asked(rig)
    with rig.database.reading() as connection:
        told = [event.type for event in events.oldest(connection, 10)]
    assert [EventType.OPTED_OUT] == told
    assert [] == rig.notices()


async def test_whoever_sends_it_the_token_says_who_is_meant(rig: ImporterRig) -> None:
    await rig.take(request(link(rig), sender="private@example.net"), BOUNCES)

    assert UNSUBSCRIBED == asked(rig)
    assert [] == asked(rig, "private@example.net")


async def test_where_the_header_names_another_the_envelope_counts(rig: ImporterRig) -> None:
    hidden = request("undisclosed-recipients:;", f"Delivered-To: {link(rig)}")

    await rig.take(hidden, BOUNCES)

    assert UNSUBSCRIBED == asked(rig)


async def test_a_request_that_is_quicker_than_the_journal_is_given_again(
    rig: ImporterRig,
) -> None:
    """A mail program may ask in the moment in which the mail arrives."""
    number = ids.first_id_at(rig.now) + 1
    to = f"bounces+{LINKS.token(NamedDelivery(number, 0))}@office.example"
    fresh = replace(BOUNCES, arrived=rig.now)

    with pytest.raises(JournalBehind):
        await rig.take(request(to), fresh)
    assert number == sent(rig, rig.now).id
    await rig.take(request(to), fresh)

    assert UNSUBSCRIBED == asked(rig)


async def test_the_same_asked_twice_is_told_once(each_rig: ImporterRig) -> None:
    to = link(each_rig)

    await each_rig.take(request(to), BOUNCES)
    await each_rig.take(request(to, "Message-ID: <2@x>"), BOUNCES)

    assert UNSUBSCRIBED == asked(each_rig)


@pytest.mark.parametrize(
    "fields",
    [
        ("Auto-Submitted: auto-replied",),
        ("X-Autoreply: yes",),
        ("Return-Path: <>",),
        ("Return-Path: <>", "Auto-Submitted: auto-generated"),
        ("X-Failed-Recipients: x@example.org",),
        ("Content-Type: multipart/report; report-type=disposition-notification; boundary=b",),
    ],
)
async def test_an_answer_of_a_program_asks_for_nothing(
    rig: ImporterRig, fields: Sequence[str]
) -> None:
    await rig.take(request(link(rig), *fields, subject="Re: Nieuws"), BOUNCES)

    assert [] == asked(rig)


async def test_a_vacation_reply_by_its_subject_asks_for_nothing(rig: ImporterRig) -> None:
    await rig.take(request(link(rig), subject="Abwesenheitsnotiz: Nieuws"), BOUNCES)

    assert [] == asked(rig)


async def test_a_bounce_of_it_asks_for_nothing(rig: ImporterRig) -> None:
    to = link(rig)
    report = bounce("<unknown@x>").replace(b"To: crm@office.example", f"To: {to}".encode())

    await rig.take(report, BOUNCES)

    assert [] == asked(rig)


async def test_a_forged_link_waits_for_a_person(rig: ImporterRig) -> None:
    verdict = await rig.take(request(f"{link(rig)[:-18]}aa@office.example"), BOUNCES)

    assert isinstance(verdict, NeedsAttention)
    assert AttentionReason.NO_BOUNCE == verdict.reason
    assert [] == asked(rig)


async def test_where_replies_come_to_it_is_no_request(rig: ImporterRig) -> None:
    await rig.take(request(link(rig)), MailOrigin(name="replies"))

    assert [] == asked(rig)
