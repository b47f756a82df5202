"""I15: a delivery report is kept at the message of the journal it belongs to."""

from datetime import UTC, datetime

import pytest

from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce, Proof
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import By, State
from gateway.inbound.verdict import Ignored
from gateway.store.bounces import bounces
from gateway.store.journal.journal import write_recorded
from tests.inbound.importer_rig import ImporterRig

NUMBER = ids.first_id_at(datetime(2026, 3, 4, 10, tzinfo=UTC)) + 7
SENT = Message(
    id=NUMBER,
    at=ids.moment_of(NUMBER),
    listener="crm",
    sender="crm@office.example",
    message_id="<mailing@office.example>",
    deliveries=(
        Delivery(
            recipient="Ann@example.org",
            address="ann@example.org",
            state=State.RELAYED,
            by=By.RELAY,
        ),
    ),
)
REPORT = """\
From: Mail Delivery System <MAILER-DAEMON@example.org>
To: crm@office.example
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

This is the mail system.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
{envelope}
Final-Recipient: rfc822; Ann@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 unknown user

--b
Content-Type: {kind}

{trace}Message-ID: {message_id}
Subject: Nieuws

--b--
"""


def report(
    envelope: str = "", trace: str = "", message_id: str = "<x@y>", kind: str = "message/rfc822"
) -> bytes:
    line = f"Original-Envelope-Id: {envelope}\n" if envelope else ""
    text = REPORT.format(envelope=line, trace=trace, message_id=message_id, kind=kind)
    return text.replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    ("mail", "proof"),
    [
        (report(message_id="<mailing@office.example>"), Proof.MESSAGE_ID),
        (
            report(message_id="<mailing@office.example>", kind="text/rfc822-headers"),
            Proof.MESSAGE_ID,
        ),
        (report(envelope=ids.show(NUMBER)), Proof.TRACE),
        (
            report(trace=f"Received: from crm by gateway with ESMTP id {ids.show(NUMBER)};\n\tx\n"),
            Proof.TRACE,
        ),
    ],
    ids=["Message-ID", "headers only", "Original-Envelope-Id", "our Received line"],
)
async def test_I15_a_delivery_report_is_kept_at_its_message(
    each_rig: ImporterRig, mail: bytes, proof: Proof
) -> None:
    with each_rig.database.writing() as connection:
        write_recorded(connection, 1, [SENT], [])

    verdict = await each_rig.take(mail)

    assert Ignored("delivery_report", verdict.inbox) == verdict
    with each_rig.database.reading() as connection:
        found = bounces.of_message(connection, NUMBER)
    expected = KeptBounce(
        inbox=verdict.inbox,
        position=0,
        message=NUMBER,
        proof=proof,
        kind=BounceKind.BOUNCE,
        address="ann@example.org",
        recipient="Ann@example.org",
        action="failed",
        status="5.1.1",
        diagnostic="smtp; 550 5.1.1 unknown user",
        reason="userunknown",
        hard=True,
    )
    assert [expected] == found


async def test_I15_an_id_that_a_client_wrote_into_a_received_field_is_none_of_ours(
    rig: ImporterRig,
) -> None:
    with rig.database.writing() as connection:
        write_recorded(connection, 1, [SENT], [])
    trace = f"Received: from a (helo id {ids.show(NUMBER)}) by mx.example with SMTP id 17; x\n"

    await rig.take(report(trace=trace))

    with rig.database.reading() as connection:
        assert [] == bounces.of_message(connection, NUMBER)


async def test_I15_a_report_on_nothing_of_ours_is_recorded_all_the_same(rig: ImporterRig) -> None:
    verdict = await rig.take(report())

    assert isinstance(verdict, Ignored)
    assert "delivery_report" == rig.mail(verdict.inbox).reason


async def test_the_same_report_twice_is_recorded_once(rig: ImporterRig) -> None:
    with rig.database.writing() as connection:
        write_recorded(connection, 1, [SENT], [])

    for _ in range(2):
        await rig.take(report(envelope=ids.show(NUMBER)))

    with rig.database.reading() as connection:
        assert 1 == len(bounces.of_message(connection, NUMBER))
