"""Everything a relay can do wrong at every stage: what the CRM hears, what the journal says."""

from collections.abc import Iterator

import pytest

from tests.rig import faults
from tests.rig.client import Conversation
from tests.smtp_proxy.crm import INDIVIDUAL, SENDER, states
from tests.system.relay.side import RelaySide

pytestmark = pytest.mark.system

#: Before MAIL the relay is speaking to the gateway: whatever it says is 451 to the CRM (R3).
#: From MAIL on a refusal is passed on as it is (R3, R4), only 421 becomes 451 with its text.
#: Silence, a closed connection and garbage are 451 (R1, R2, R6); after the final dot nobody knows
#: what became of the message, and the journal says so (R7, P2).
#: An early reply is a protocol error wherever it comes before the verdict (R5).
MATRIX = """
    stage   fault       heard at  reply      journal
    banner  4xx         RCPT      451 4.3.5  deferred
    banner  5xx         RCPT      451 4.3.5  deferred
    banner  421         RCPT      451 4.3.5  deferred
    banner  disconnect  RCPT      451 4.4.1  deferred
    banner  hang        RCPT      451 4.4.1  deferred
    banner  garbage     RCPT      451 4.4.1  deferred
    banner  early       RCPT      451 4.4.1  deferred
    EHLO    4xx         RCPT      451 4.3.5  deferred
    EHLO    5xx         RCPT      451 4.3.5  deferred
    EHLO    421         RCPT      451 4.3.5  deferred
    EHLO    disconnect  RCPT      451 4.4.1  deferred
    EHLO    hang        RCPT      451 4.4.1  deferred
    EHLO    garbage     RCPT      451 4.4.1  deferred
    EHLO    early       RCPT      451 4.4.1  deferred
    MAIL    4xx         RCPT      450 4.2.0  deferred
    MAIL    5xx         RCPT      550 5.7.1  rejected
    MAIL    421         RCPT      451 4.3.2  deferred
    MAIL    disconnect  RCPT      451 4.4.1  deferred
    MAIL    hang        RCPT      451 4.4.1  deferred
    MAIL    garbage     RCPT      451 4.4.1  deferred
    MAIL    early       dot       451 4.4.1  deferred
    RCPT    4xx         RCPT      450 4.2.0  deferred
    RCPT    5xx         RCPT      550 5.7.1  rejected
    RCPT    421         RCPT      451 4.3.2  deferred
    RCPT    disconnect  RCPT      451 4.4.1  deferred
    RCPT    hang        RCPT      451 4.4.1  deferred
    RCPT    garbage     RCPT      451 4.4.1  deferred
    RCPT    early       dot       451 4.4.1  deferred
    DATA    4xx         dot       450 4.2.0  deferred
    DATA    5xx         dot       550 5.7.1  rejected
    DATA    421         dot       451 4.3.2  deferred
    DATA    disconnect  dot       451 4.4.1  deferred
    DATA    hang        dot       451 4.4.1  deferred
    DATA    garbage     dot       451 4.4.1  deferred
    DATA    early       dot       451 4.4.1  deferred
    dot     4xx         dot       450 4.2.0  deferred
    dot     5xx         dot       550 5.7.1  rejected
    dot     421         dot       451 4.3.2  deferred
    dot     disconnect  dot       451 4.4.2  unknown
    dot     hang        dot       451 4.4.2  unknown
    dot     garbage     dot       451 4.4.2  unknown
    dot     early       dot       250 2.0.0  relayed
"""
FAULTS = {
    "4xx": faults.reply(b"450 4.2.0 come again"),
    "5xx": faults.reply(b"550 5.7.1 not from you"),
    "421": faults.disconnect(b"421 4.3.2 shutting down"),
    "disconnect": faults.disconnect(),
    "hang": faults.hang(),
    "garbage": faults.garbage(),
    "early": faults.Action(more=b"250 2.0.0 one reply too many\r\n"),
}


def cells() -> Iterator[list[str]]:
    for line in MATRIX.strip().splitlines()[1:]:
        stage, fault, heard_at, code, enhanced, state = line.split()
        yield [stage, fault, heard_at, f"{code} {enhanced}", state]


def heard(conversation: Conversation) -> tuple[str, str]:
    """Return the stage at which the CRM heard the last reply, and the reply."""
    reply = conversation.end
    return "dot" if conversation.ends else "RCPT", f"{reply.code} {reply.enhanced}"


@pytest.mark.parametrize(
    ("stage", "fault", "heard_at", "reply", "state"),
    [pytest.param(*cell, id=f"{cell[0]}-{cell[1]}") for cell in cells()],
)
async def test_R1_R2_R3_R4_R5_R6_R7_the_relay_matrix(
    side: RelaySide, stage: faults.Stage, fault: str, heard_at: str, reply: str, state: str
) -> None:
    to = f"{stage}.{fault}@example.org".lower()
    client = await side.crm.client()
    side.sink.fault(stage, FAULTS[fault])
    conversation = await client.transaction(SENDER, [to.encode()], INDIVIDUAL)
    record = await side.crm.record(to)
    side.sink.faults.clear()
    after = await client.transaction(SENDER, [b"next@example.org"], INDIVIDUAL)

    assert (heard_at, reply) == heard(conversation)
    assert {to: f"{state} by relay"} == states(record)
    assert (1 if stage == "dot" else 0) == sum(
        to.encode() in message.recipients for message in side.sink.messages
    )
    assert 250 == after.end.code


def test_the_matrix_is_whole() -> None:
    stages = ("banner", "EHLO", "MAIL", "RCPT", "DATA", "dot")

    assert {(stage, fault) for stage in stages for fault in FAULTS} == {
        (stage, fault) for stage, fault, *_ in cells()
    }
