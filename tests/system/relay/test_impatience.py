"""A client that gives up after the final dot and sends again gets its mail delivered once."""

import asyncio
import smtplib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path

import pytest

from gateway.core import ids
from gateway.core.journal.message import Message
from tests.rig import faults
from tests.rig.client import RawClient, Reply, stuff
from tests.rig.postgres import Postgres
from tests.rig.process import LOOPBACK, wait_until
from tests.smtp_proxy.crm import NO_BULK, SENDER, Crm, mail, open_crm, states

pytestmark = pytest.mark.system

BUDGET = "2s"  #: Of the relay's time for a verdict.
SETTINGS = {"notices": {"from": "gateway@crm.example"}, "smtp": {"workers": 2}}
ATTEMPTS = "SELECT count(*) FROM attempts WHERE state = '{}' AND message = {}"


@asynccontextmanager
async def impatient(folder: Path, store_url: str = "") -> AsyncIterator[Crm]:
    """Start a gateway with two workers whose relay has little time."""
    async with open_crm(folder, SETTINGS, store_url=store_url) as crm:
        relay = {"name": "relay", "host": LOOPBACK, "port": crm.sink.port, "budget": BUDGET}
        crm.gateway.change({"relays": [relay]})
        crm.gateway.reload()
        await crm.gateway.wait_for_log("reloaded", 3)
        yield crm


@pytest.fixture(scope="module")
async def crm_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crm]:
    async with impatient(tmp_path_factory.mktemp("impatient-sqlite")) as crm:
        yield crm


@pytest.fixture(scope="module")
async def crm_on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> AsyncIterator[Crm]:
    folder = tmp_path_factory.mktemp("impatient-postgresql")
    async with impatient(folder, postgres.fresh_database()) as crm:
        yield crm


@pytest.fixture
async def crm(crm_on_sqlite: Crm) -> Crm:
    """A gateway with two workers, with nothing seen yet."""
    await crm_on_sqlite.forget()
    return crm_on_sqlite


@pytest.fixture(params=["sqlite", "postgresql"])
def shared_each_crm(request: pytest.FixtureRequest) -> Crm:
    shared: Crm = request.getfixturevalue(f"crm_on_{request.param}")
    return shared


@pytest.fixture
async def each_crm(shared_each_crm: Crm) -> Crm:
    """The same on either store."""
    await shared_each_crm.forget()
    return shared_each_crm


def written_anew(subject: str, number: int, text: str = "Dag!") -> bytes:
    """Return a mail as most libraries write it: each time with other marks of its own."""
    token = f"=_{number:032x}"
    return mail(
        subject,
        f"Message-ID: <{number}.{subject}@crm.example>",
        f"Date: Sat, 28 Nov 2026 10:00:{number:02d} +0100",
        f'Content-Type: multipart/alternative;\r\n boundary="{token}"',
        body="".join(
            f"{line}\r\n"
            for line in (
                *(f"--{token}", "Content-Type: text/plain", "", text),
                *(f"--{token}", "Content-Type: text/html", "", f"<p>{text}</p>"),
                f"--{token}--",
            )
        ).encode(),
    )


class Sent:
    """One mail that its sender gives up on, and sends again."""

    def __init__(self, crm: Crm, name: str, *, listener: str = "crm") -> None:
        self.crm = crm
        self.name = name.lower()
        self.to = f"{self.name}@example.org"
        self.listener = listener
        self.let_go = asyncio.Event()
        self._number = 0

    def hold(self, action: faults.Action | None = None) -> None:
        """Have the relay keep its next verdict back until `let_go`."""
        self.crm.sink.fault("dot", faults.hold(self.let_go, action), times=1)

    def same(self) -> bytes:
        """Return the mail as it was."""
        return written_anew(self.name, 0)

    def anew(self, text: str = "Dag!") -> bytes:
        """Return the mail with another Message-ID, Date and boundary."""
        self._number += 1
        return written_anew(self.name, self._number, text)

    async def client(self) -> RawClient:
        """Connect anew: the kernel gives the connection to either worker."""
        return await self.crm.client(self.listener)

    async def up_to_the_dot(self, content: bytes, *to: str) -> RawClient:
        """Say everything and hear nothing yet."""
        client = await self.client()
        recipients = [b"RCPT TO:<%s>" % one.encode() for one in to or (self.to,)]
        await client.pipeline(b"MAIL FROM:<%s>" % SENDER, *recipients)
        await client.command(b"DATA")
        await client.send(stuff(content))
        return client

    async def given_up(self, content: bytes, *to: str) -> None:
        """Send it once and close the connection while the relay thinks."""
        before = len(self.crm.sink.messages)
        client = await self.up_to_the_dot(content, *to)
        await self.crm.sink.wait_for(before + 1)
        await client.close()

    async def again(self, content: bytes, *to: str) -> Reply:
        """Send it once more and hear the answer."""
        client = await self.up_to_the_dot(content, *to)
        reply = await client.reply()
        await client.close()
        return reply

    async def answers(self, contents: Sequence[bytes]) -> list[Reply]:
        """Send several at the same time."""
        return await asyncio.gather(*(self.again(content) for content in contents))

    @property
    def dots(self) -> int:
        """How often the relay got the whole message."""
        seen = self.crm.sink.messages
        return sum(self.to.encode() in message.recipients for message in seen)

    async def records(self, count: int) -> list[Message]:
        """Return the tries in the journal, the first one first."""
        return (await self.crm.records(count, to=self.to))[::-1]

    async def held(self, count: int = 1) -> None:
        """Wait until so many of its dots are at the relay."""
        await self.crm.sink.wait_until(lambda: self.dots >= count, f"{count} dots")

    async def waits(self, tries: Sequence["asyncio.Task[Reply]"]) -> None:
        """Make sure that retries are at the gateway and unanswered."""
        rcpts = len(tries) + 1
        seen = self.crm.sink.transactions
        await wait_until(
            lambda: sum(self.to.encode() in one.recipients for one in seen) >= rcpts,
            "the retries at the relay's RCPT",
        )
        done, _ = await asyncio.wait(tries, timeout=0.3)
        assert not done


Write = Callable[[Sent], bytes]
HOW_WRITTEN = {"the same octets": Sent.same, "new id, date and boundary": Sent.anew}
how_written = pytest.mark.parametrize("write", HOW_WRITTEN.values(), ids=HOW_WRITTEN)


@how_written
@pytest.mark.parametrize("said", [b"250 2.0.0 taken", b"550 5.7.1 spam"])
async def test_a_retry_gets_the_verdict_on_the_try_in_flight(
    each_crm: Crm, write: Write, said: bytes
) -> None:
    one = Sent(each_crm, f"in-flight-{said[0]}-{write.__name__}")
    one.hold(faults.reply(said))
    await one.given_up(one.same())
    tries = [asyncio.create_task(one.again(write(one))) for _ in range(5)]
    await one.waits(tries)
    one.let_go.set()
    replies = await asyncio.gather(*tries)
    records = await one.records(6)

    assert {said.decode()} == {str(reply) for reply in replies}
    assert 1 == one.dots
    assert [None] + [records[0].id] * 5 == [record.attempt_of for record in records]


@how_written
async def test_a_client_that_leaves_at_once_is_known_to_every_worker(
    crm: Crm, write: Write
) -> None:
    """Milliseconds after it has gone, without the relay having said a word."""
    one = Sent(crm, f"at-once-{write.__name__}")
    one.hold()
    await one.given_up(one.same())
    tries = [asyncio.create_task(one.again(write(one))) for _ in range(4)]
    await one.waits(tries)
    one.let_go.set()

    assert [250] * 4 == [reply.code for reply in await asyncio.gather(*tries)]
    assert 1 == one.dots


@how_written
async def test_after_the_verdict_nobody_heard_the_retry_gets_it(crm: Crm, write: Write) -> None:
    one = Sent(crm, f"unheard-{write.__name__}")
    one.hold(faults.reply(b"250 2.0.0 taken as 17"))
    await one.given_up(one.same())
    one.let_go.set()
    (first,) = await one.records(1)
    replies = [await one.again(write(one)) for _ in range(3)]

    assert {"250 2.0.0 taken as 17"} == {str(reply) for reply in replies}
    assert {one.to: "relayed by relay"} == states(first)
    assert 1 == one.dots


@how_written
async def test_a_retry_waits_no_longer_than_the_budget(each_crm: Crm, write: Write) -> None:
    one = Sent(each_crm, f"budget-{write.__name__}")
    one.hold()
    await one.given_up(one.same())
    replies = await one.answers([write(one), write(one)])
    at_once = [await one.again(write(one)) for _ in range(5)]
    in_parallel = await one.answers([write(one) for _ in range(5)])
    one.let_go.set()

    assert {"451 4.4.2"} == {
        f"{reply.code} {reply.enhanced}" for reply in (*replies, *at_once, *in_parallel)
    }
    assert 1 == one.dots
    assert 1 == len({record.attempt_of for record in (await one.records(13))[1:]})


@how_written
async def test_a_retry_within_a_millisecond_of_451_is_known(crm: Crm, write: Write) -> None:
    one = Sent(crm, f"after-451-{write.__name__}")
    one.hold()
    first = await one.again(one.same())
    replies = [await one.again(write(one)) for _ in range(5)]
    replies += await one.answers([write(one) for _ in range(5)])
    one.let_go.set()

    assert [451] * 11 == [reply.code for reply in (first, *replies)]
    assert 1 == one.dots


@how_written
@pytest.mark.parametrize("end", [faults.reply(b"450 4.2.0 later"), faults.disconnect()])
async def test_without_a_verdict_one_retry_is_a_new_attempt(
    each_crm: Crm, write: Write, end: faults.Action
) -> None:
    one = Sent(each_crm, f"no-verdict-{bool(end.send)}-{write.__name__}")
    one.hold(end)
    await one.given_up(one.same())
    retry = asyncio.create_task(one.again(write(one)))
    await one.waits([retry])
    one.let_go.set()

    assert 250 == (await retry).code
    assert 2 == one.dots
    first, second = await one.records(2)
    assert first.id == second.attempt_of


async def test_parallel_tries_of_one_mail_reach_the_dot_one_by_one(crm: Crm) -> None:
    one = Sent(crm, "parallel")
    one.hold()
    tries = [asyncio.create_task(one.again(one.same())) for _ in range(6)]
    await one.held()
    done, _ = await asyncio.wait(tries, timeout=1.0)
    before = (len(done), one.dots)
    one.let_go.set()
    replies = await asyncio.gather(*tries)

    assert (0, 1) == before
    assert [250] * 6 == [reply.code for reply in replies]
    assert 1 == one.dots


OTHER_MAIL: dict[str, Callable[[Sent], Awaitable[Reply]]] = {
    "another word": lambda one: one.again(one.anew("Doei!")),
    "a line of dashes more": lambda one: one.again(one.anew("Dag!\r\n--x")),
    "a recipient more": lambda one: one.again(one.anew(), one.to, "more@example.org"),
    "another subject": lambda one: one.again(one.anew().replace(b"Subject: ", b"Subject: Re: ")),
    "another sender's name": lambda one: one.again(one.anew().replace(b"Recruiter <", b"Ann <")),
    "another day": lambda one: one.again(one.anew().replace(b"28 Nov", b"29 Nov")),
    "an hour later": lambda one: one.again(one.anew().replace(b" 10:", b" 11:")),
}


@pytest.mark.parametrize("name", OTHER_MAIL)
async def test_another_mail_is_delivered_while_one_is_in_flight(crm: Crm, name: str) -> None:
    one = Sent(crm, f"other-{list(OTHER_MAIL).index(name)}")
    one.hold()
    await one.given_up(one.same())
    reply = await OTHER_MAIL[name](one)
    one.let_go.set()

    assert 250 == reply.code
    assert 2 == one.dots


async def test_a_recipient_fewer_makes_another_mail(crm: Crm) -> None:
    one = Sent(crm, "fewer")
    one.hold()
    await one.given_up(one.same(), one.to, "fewer-2@example.org")
    reply = await one.again(one.anew())
    one.let_go.set()

    assert 250 == reply.code
    assert 2 == one.dots


@pytest.mark.parametrize("is_slow", [False, True])
async def test_mail_whose_250_was_heard_is_delivered_again_when_sent_again(
    each_crm: Crm, is_slow: bool
) -> None:
    one = Sent(each_crm, f"on-purpose-{is_slow}")
    if is_slow:
        one.hold()
    first = asyncio.create_task(one.again(one.same()))
    await one.held()
    await asyncio.wait((first,), timeout=0.8 if is_slow else 5)
    one.let_go.set()
    replies = [await first, await one.again(one.same()), await one.again(one.anew())]

    assert [250] * 3 == [reply.code for reply in replies]
    assert 3 == one.dots


def without_id(subject: str) -> bytes:
    """Return a mail as simple programs write it: with neither Message-ID nor Date."""
    return mail(subject)


async def test_who_gives_up_and_leaves_the_connection_open_gets_the_mail_sent_once(
    each_crm: Crm,
) -> None:
    """Programs with Go's net/smtp or Ruby's Net::SMTP do: the first try seems to be heard."""
    one = Sent(each_crm, "left-open")
    one.hold()
    first = asyncio.create_task(one.again(without_id(one.name)))
    (message,) = await is_sending(one)
    await is_remembered(each_crm, message, "sending")
    tries = [asyncio.create_task(one.again(without_id(one.name))) for _ in range(3)]
    await one.waits(tries)
    one.let_go.set()
    replies = [await first, *await asyncio.gather(*tries)]

    assert [250] * 4 == [reply.code for reply in replies]
    assert 1 == one.dots


async def test_like_mail_whose_clients_wait_does_not_wait_for_each_other(crm: Crm) -> None:
    """A CRM may well tell one person the same thing twice: only who gave up is doubted."""
    one = Sent(crm, "alike")
    one.hold()
    first = asyncio.create_task(one.again(one.same()))
    await one.held()
    second = await one.again(one.anew())
    one.let_go.set()

    assert [250, 250] == [second.code, (await first).code]
    assert 2 == one.dots


@pytest.mark.parametrize("command", [b"RSET\r\n", b"QUIT\r\n"])
async def test_a_command_instead_of_waiting_is_impatience(crm: Crm, command: bytes) -> None:
    """PHPMailer says RSET or QUIT after its time limit, and then begins anew."""
    one = Sent(crm, f"says-{command[:4].decode()}")
    one.hold()
    client = await one.up_to_the_dot(one.same())
    (first,) = await is_sending(one)
    await is_remembered(crm, first, "sending")
    await client.send(command)
    one.let_go.set()
    await client.replies(2)
    retried = await one.again(one.anew())

    assert 250 == retried.code
    assert 1 == one.dots


async def is_sending(one: Sent) -> list[int]:
    """Wait for its message in the journal; return its id."""
    query = f"SELECT message FROM deliveries WHERE state = 'sending' AND address = '{one.to}'"
    found: list[int] = []

    def is_there() -> bool:
        with one.crm.database.reading() as connection:
            found[:] = [row[0] for row in connection.exec_driver_sql(query)]
        return bool(found)

    await wait_until(is_there, "a message that is being sent")
    return found


async def is_remembered(crm: Crm, message: int, state: str) -> None:
    def has_state() -> bool:
        with crm.database.reading() as connection:
            return bool(connection.exec_driver_sql(ATTEMPTS.format(state, message)).scalar())

    await wait_until(has_state, f"an attempt that is {state}")


async def is_forgotten(crm: Crm, message: int) -> None:
    query = f"SELECT count(*) FROM attempts WHERE message = {message}"

    def has_none() -> bool:
        with crm.database.reading() as connection:
            return connection.exec_driver_sql(query).scalar() == 0

    await wait_until(has_none, "nothing remembered")


async def test_a_slow_verdict_is_forgotten_once_it_is_heard(crm: Crm) -> None:
    one = Sent(crm, "forgotten")
    one.hold()
    client = await one.up_to_the_dot(one.same())
    (first,) = await is_sending(one)
    await is_remembered(crm, first, "sending")
    one.let_go.set()
    await client.reply()
    await client.command(b"NOOP")

    await is_forgotten(crm, first)


async def test_a_verdict_that_reaches_a_closed_connection_is_not_heard(crm: Crm) -> None:
    """The client has the reply in its buffer and closes without reading it: Linux resets."""
    one = Sent(crm, "unread")
    one.hold()
    client = await one.up_to_the_dot(one.same())
    client.stop_reading()
    (first,) = await is_sending(one)
    await is_remembered(crm, first, "sending")
    one.let_go.set()
    await one.records(1)
    await asyncio.sleep(0.05)  # The reply is on its way to a buffer nobody looks into.
    client.transport.abort()
    await is_remembered(crm, first, "verdict")

    assert 250 == (await one.again(one.anew())).code
    assert 1 == one.dots


async def test_a_client_that_closes_its_side_and_listens_has_heard(crm: Crm) -> None:
    """As `printf … | nc` does; it may well mean to send the same once more."""
    one = Sent(crm, "half-closed")
    one.hold()
    client = await one.up_to_the_dot(one.same())
    await client.send(b"QUIT\r\n")
    client.half_close()
    (first,) = await is_sending(one)
    await is_remembered(crm, first, "sending")
    one.let_go.set()
    replies = await client.replies(2)
    await client.rest()
    await is_forgotten(crm, first)

    assert [250, 221] == [reply.code for reply in replies]
    assert 250 == (await one.again(one.anew())).code
    assert 2 == one.dots


async def test_a_client_that_closes_its_side_late_has_given_up(crm: Crm) -> None:
    """As nodemailer does at its time limit; it reads on, and throws the answer away."""
    one = Sent(crm, "half-closed-late")
    one.hold()
    client = await one.up_to_the_dot(one.same())
    (first,) = await is_sending(one)
    await is_remembered(crm, first, "sending")
    client.half_close()
    one.let_go.set()
    await client.rest()

    assert 250 == (await one.again(one.anew())).code
    assert 1 == one.dots


async def test_with_lmtp_those_who_heard_451_are_tried_again_alone(crm: Crm) -> None:
    """An MTA tries again only for whom it heard 4xx."""
    one = Sent(crm, "lmtp", listener="lmtp")
    out = crm.person(NO_BULK)
    content = [mail(one.name, f"Message-ID: <{n}@crm.example>", bulk=True) for n in range(3)]
    one.hold()
    client = await one.up_to_the_dot(content[0], out.address, one.to)
    first = await client.replies(2)
    retries = [await one.again(content[0]), await one.again(content[1])]
    one.let_go.set()

    assert [550, 451, 451, 451] == [reply.code for reply in (*first, *retries)]
    assert 1 == one.dots


async def test_a_mailing_retried_keeps_its_suppressed_people_out(crm: Crm) -> None:
    one = Sent(crm, "mailing")
    out = crm.person(NO_BULK)
    content = [mail(one.name, f"Message-ID: <m{n}@crm.example>", bulk=True) for n in range(2)]
    one.hold()
    await one.given_up(content[0], out.address, one.to)
    retry = asyncio.create_task(one.again(content[1], out.address, one.to))
    await asyncio.wait((retry,), timeout=0.5)
    one.let_go.set()
    reply = await retry
    _, second = await one.records(2)

    assert 250 == reply.code
    assert {out.address: "send_failed by gateway", one.to: "relayed by gateway"} == states(second)
    assert 1 == one.dots
    await crm.sink.wait_until(lambda: len(crm.sink.accepted) == 2, "the notice")
    assert [1, 0] == [len(crm.notices(message)) for message in await one.records(2)]


async def test_an_observed_mailing_is_not_sent_twice_either(crm: Crm) -> None:
    one = Sent(crm, "observed", listener="observe")
    one.hold()
    await one.given_up(one.same())
    retry = asyncio.create_task(one.again(one.anew()))
    await one.waits([retry])
    one.let_go.set()

    assert 250 == (await retry).code
    assert 1 == one.dots


async def test_a_large_mail_is_not_sent_twice_either(crm: Crm) -> None:
    one = Sent(crm, "large")
    file = "QUJD" * 20 + "\r\n"
    one.hold()
    await one.given_up(one.anew(file * 3_000))
    retry = asyncio.create_task(one.again(one.anew(file * 3_000)))
    other = await one.again(one.anew(file * 2_999 + "QUJE" * 20))
    await asyncio.wait((retry,), timeout=0.3)
    one.let_go.set()

    assert [250, 250] == [other.code, (await retry).code]
    assert 2 == len([message for message in crm.sink.accepted if message.sender == SENDER])


async def test_smtplib_with_a_time_limit_sends_once(crm: Crm) -> None:
    """As Django does it: a new Message-ID, Date and boundary in each try."""
    one = Sent(crm, "smtplib")
    one.hold()

    def write() -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "ann@crm.example", one.to, "Vacature"
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="crm.example")
        message.set_content("Dag!\n")
        message.add_alternative("<p>Dag!</p>\n", subtype="html")
        return message

    def send(seconds: float) -> None:
        with smtplib.SMTP(LOOPBACK, crm.port("crm"), timeout=seconds) as client:
            client.send_message(write())

    with suppress(OSError, smtplib.SMTPException):
        await asyncio.to_thread(send, 0.8)
        pytest.fail("the client did not give up")
    retry = asyncio.create_task(asyncio.to_thread(send, 10.0))
    await asyncio.wait((retry,), timeout=0.3)
    one.let_go.set()
    await retry
    first, second = await one.records(2)

    assert 1 == one.dots
    assert first.id == second.attempt_of
    assert first.message_id != second.message_id


async def test_the_command_line_names_the_first_attempt(crm: Crm) -> None:
    one = Sent(crm, "shown")
    one.hold()
    await one.given_up(one.same())
    one.let_go.set()
    await one.records(1)
    await one.again(one.anew())
    first, second = await one.records(2)
    shown = await crm.gateway.cli_json("messages", "show", ids.show(second.id))

    assert ids.show(first.id) == shown["attempt_of"]
