"""For any input: the relay gets what was judged, and nobody whom the judgement leaves out.

A recipient whose exclusion is known at RCPT (under scope `all`, or of mail known to be bulk) is
never named to the relay at all. One whom only the header block excludes may have been asked for,
as the relay's own word is passed on live: the transaction that gets content has none of them.
"""

from dataclasses import dataclass
from email import message_from_bytes
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rig import faults
from tests.rig.client import RawClient, stuff
from tests.smtp_proxy.crm import DECEASED, NO_BULK, SENDER, Crm, Person, as_sent
from tests.smtp_proxy.test_end_of_data import assert_harmless, normalised

pytestmark = pytest.mark.system

FREE, REFUSED, LATER = b"free@example.org", b"refused@example.org", b"later@example.org"
LINE_ENDS = (b"\r\n", b"\r\n", b"\r\r\n", b"\r\r\r\n", b"\n", b"\r", b"\n\r", b"")
LINES = (
    *(b"Precedence: bulk", b"precedence : list", b"PRECEDENCE:\r\n bulk", b".Precedence: bulk"),
    *(b"Subject: x", b"X-Y: z", b"no field", b"From a@x Thu", b" folded", b"", b".", b"\xe9: x"),
    *(b"DATA", b"MAIL FROM:<evil@x>", b"RCPT TO:<victim@x>", b".\r\nRSET", b"y" * 90),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """One mail of a conversation."""

    listener: str
    to: list[str]
    content: bytes
    cuts: list[int]


content = st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(LINE_ENDS)), max_size=15).map(
    lambda lines: b"".join(line + end for line, end in lines)
)
mails = st.builds(
    Sent,
    listener=st.sampled_from(("crm", "mailings", "strict", "personal")),
    to=st.lists(
        st.sampled_from(("free", "member", "dead", "refused", "later", "malformed")), max_size=6
    ),
    content=content,
    cuts=st.lists(st.integers(0, 400), max_size=6),
)

_people: dict[int, tuple[Person, Person]] = {}
_clients: dict[tuple[int, str], RawClient] = {}


def people(crm: Crm) -> tuple[Person, Person]:
    """Return a person who gets no bulk mail and one who gets none at all."""
    if id(crm) not in _people:
        _people[id(crm)] = crm.person(NO_BULK), crm.person(status=DECEASED)
    return _people[id(crm)]


async def client_of(crm: Crm, listener: str) -> RawClient:
    """Return the same connection for all mails, as a CRM keeps it."""
    kept = _clients.get((id(crm), listener))
    if kept is None or kept.transport.is_closing():
        kept = _clients[id(crm), listener] = await crm.client(listener)
    return kept


async def holds(crm: Crm, sent: Sent) -> None:
    """Send a mail and look at all that the relay heard of it."""
    member, dead = people(crm)
    address = {
        **{"free": FREE, "refused": REFUSED, "later": LATER, "malformed": b"a b@example.org"},
        **{"member": member.mailbox, "dead": dead.mailbox},
    }
    crm.sink.forget()
    crm.sink.faults.clear()
    crm.sink.fault("RCPT", faults.reply(b"550 5.1.1 nobody"), address=REFUSED)
    crm.sink.fault("RCPT", faults.reply(b"450 4.2.0 later"), address=LATER)
    client = await client_of(crm, sent.listener)
    rcpts = [b"RCPT TO:<%s>" % address[name] for name in sent.to]

    *_, data = await client.pipeline(b"MAIL FROM:<%s>" % SENDER, *rcpts, b"DATA")
    if data.code == 354:
        wire = stuff(sent.content)
        places = [0, *sorted(min(cut, len(wire)) for cut in sent.cuts), len(wire)]
        await client.send_pieces([wire[a:b] for a, b in pairwise(places) if a < b])
        end = await client.reply()
        assert {end.code: len(crm.relayed)} in ({250: 1}, {550: 0})
    else:
        await client.close()  # twenty in a row would be too many errors
        del _clients[id(crm), sent.listener]

    transactions = [
        transaction for transaction in crm.sink.transactions if transaction.sender
    ]  # no reports
    named = {
        rcpt for transaction in transactions for rcpt in (*transaction.rcpts, *transaction.refused)
    }
    assert b"TO:<%s>" % dead.mailbox not in named
    assert sent.listener not in ("mailings", "strict") or b"TO:<%s>" % member.mailbox not in named
    assert named <= {b"TO:<%s>" % mailbox for mailbox in address.values()} - {
        b"TO:<a b@example.org>"
    }
    for message in crm.relayed:
        assert_harmless(message)
        assert normalised(stuff(sent.content)) == as_sent(message)
        assert (FREE in message.recipients) == ("free" in sent.to)
        shown = message_from_bytes(message.content)
        is_marked = any(str(value).split() == ["bulk"] for value in shown.get_all("precedence", ()))
        if is_marked and sent.listener != "personal":
            assert member.mailbox not in message.recipients
        if sent.listener == "personal":
            assert ("member" in sent.to) == (member.mailbox in message.recipients)


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=mails)
async def test_the_relay_gets_what_was_judged_for_whom_it_was_judged(crm: Crm, sent: Sent) -> None:
    await holds(crm, sent)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@settings(max_examples=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=mails)
async def test_the_same_for_long(crm: Crm, sent: Sent) -> None:
    await holds(crm, sent)
