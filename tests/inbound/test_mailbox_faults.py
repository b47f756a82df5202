"""Servers that fail in the middle: no partial mail is ever taken, and nothing hangs."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.replies.inbox import AttentionReason, InboxState
from gateway.inbound.imap import idle
from gateway.inbound.imap.session import PIECE, MailboxSession
from gateway.inbound.imap.settings import MailboxRefuses
from gateway.inbound.imap.text import MailboxLost
from gateway.store.replies import inbox, mailboxes
from tests.inbound.importer_rig import ImporterRig
from tests.inbound.mails import forward, with_file
from tests.inbound.watching import settings, watching
from tests.rig.imapfake import CAPABILITY, Connection, FakeImap, Fault, numbers
from tests.rig.process import wait_until

SHORT = timedelta(seconds=0.5)


def reply(number: int = 1) -> bytes:
    """Return a mail that is filed."""
    mail = forward(said=f"Antwort {number}.", message_id=f"<{number}@office.example>")
    return mail.as_bytes()


@pytest.fixture
async def server() -> AsyncIterator[FakeImap]:
    """A server whose folder holds one mail."""
    async with FakeImap(reply()) as fake:
        yield fake


def once(fault: Fault) -> Fault:
    """Return a fault that happens the first time only."""
    happened = False

    async def first(connection: Connection, words: list[str]) -> bool:
        nonlocal happened
        if happened:
            return True
        happened = True
        return await fault(connection, words)

    return first


def at_body(fault: Fault, uid: str = "") -> Fault:
    """Return a fault of FETCH that happens where content is asked for, of one mail or of all."""

    async def only(connection: Connection, words: list[str]) -> bool:
        is_body = "BODY.PEEK" in " ".join(words) and uid in ("", words[0])
        return await fault(connection, words) if is_body else True

    return only


def says(*lines: str, then: str = "") -> Fault:
    """Return a fault that answers with these lines; `then` is `cut`, `silence` or nothing."""

    async def fault(connection: Connection, words: list[str]) -> bool:
        for line in lines:
            connection.writer.write(line.replace("TAG", connection.tag).encode())
        await connection.writer.drain()
        if then == "cut":
            connection.cut()
        elif then == "silence":
            await connection.silence()
        return False

    return fault


async def filed(rig: ImporterRig, server: FakeImap, **changes: Any) -> list[str]:
    """Have the mailbox watched until it is empty; return what was heard of it."""
    async with watching(rig, settings(server.port, **changes)) as watched:
        await wait_until(lambda: not server.mails, "the end of the mails", 30)
    return watched.heard


@pytest.mark.parametrize(
    "answer",
    [
        "* 1 FETCH (UID 1 BODY[]<0> NIL)\r\nTAG OK done\r\n",
        "TAG OK done\r\n",
        "TAG NO some of it is gone\r\n",
        "* 1 FETCH (FLAGS (\\Seen))\r\nTAG OK done\r\n",
        "* 1 FETCH (UID 7 BODY[]<0> {3}\r\nabc)\r\nTAG OK done\r\n",
    ],
    ids=["nil", "missing", "no", "flags", "another"],
)
async def test_I2_a_mail_that_is_gone_is_no_empty_mail(
    rig: ImporterRig, server: FakeImap, answer: str
) -> None:
    server.faults["UID FETCH"] = at_body(says(answer), "1")

    async with watching(rig, settings(server.port)):
        await wait_until(lambda: server.commands.count("NOOP") > 1, "two looks")
        assert [] == rig.mails()
        del server.mails[1]
        server.arrive(reply(2), uid=2)
        await wait_until(lambda: not server.mails, "the next mail")

    assert ["Antwort 2."] == [one.text.splitlines()[2] for one in rig.entries()]


async def test_P14_a_mail_the_server_never_gives_out_is_parked_by_its_header(
    rig: ImporterRig, server: FakeImap
) -> None:
    async def no_body(connection: Connection, words: list[str]) -> bool:
        if "BODY.PEEK[]" not in " ".join(words) or words[0] != "1":
            return True
        connection.say(f"{connection.tag} NO internal error")
        return False

    server.faults["UID FETCH"] = no_body
    server.arrive(reply(2))

    await filed(rig, server)

    assert [("2", '"Imported"'), ("1", '"Needs attention"')] == [
        (uid, f'"{folder}"') for uid, folder in server.moved
    ]
    row = rig.mails(InboxState.NEEDS_ATTENTION)[0]
    assert (AttentionReason.UNREADABLE, False) == (row.reason, row.whole)
    assert "4711 WG: AW: Ihre Bewerbung" == row.subject


async def test_P14_what_can_not_be_had_at_all_is_parked_by_its_number(
    rig: ImporterRig, server: FakeImap
) -> None:
    server.faults["UID FETCH"] = at_body(says("TAG NO internal error\r\n"), "1")

    await filed(rig, server)

    row = rig.mails(InboxState.NEEDS_ATTENTION)[0]
    assert AttentionReason.UNREADABLE == row.reason
    assert b"X-Gateway-Not-Fetched: replies/INBOX/1/1" in await rig.blobs.get(row.content)


@pytest.mark.parametrize(
    "fault",
    [
        says("* 1 FETCH (UID 1 BODY[]<0> {1000}\r\nFrom: half of it", then="cut"),
        says("* 1 FETCH (UID 1 BODY[]<0> {1000}\r\nFrom: half of it", then="silence"),
        says("* 1 FETCH (UID 1 BODY[]<0> {10", then="cut"),
        says("* BYE too much\r\n", then="cut"),
        says(then="cut"),
        says(then="silence"),
        says("* 1 FETCH (UID 1 BODY[]<0> {3}\r\nFrom: x\r\n\r\nx)\r\nTAG OK done\r\n"),
        says("* 1 FETCH (UID 1 BODY[]<0> {900}\r\nFrom: x)\r\nTAG OK done\r\n", then="silence"),
        says("* 1 FETCH (UID 1 BODY[]<0> {999999999999}\r\nFrom: x"),
        says("* 1 FETCH (UID 1 BODY[]<0> {99999999999999999999999}\r\nFrom: x)\r\nTAG OK\r\n"),
        says("* 1 FETCH (UID 1 BODY[]<0> \"a\r\nTAG OK done\r\n"),
        says("* 1 FETCH (((((((\r\nTAG OK done\r\n"),
        says("* 1 FETCH (UID 1))))\r\nTAG OK done\r\n"),
        says("X9 OK not yours\r\n"),
        says("+ go on\r\n"),
        says("\0\x01\x02\r\n"),
        says("TAG BAD what?\r\n"),
    ],
)  # fmt: skip
async def test_I4_an_answer_that_breaks_off_or_lies_leaves_nothing_behind(
    rig: ImporterRig, server: FakeImap, fault: Fault
) -> None:
    server.faults["UID FETCH"] = once(at_body(fault))

    await filed(rig, server, patience=SHORT)

    assert [("1", "Imported")] == server.moved
    assert 1 == len(rig.mails())
    assert reply() == await rig.blobs.get(rig.entries()[0].raw)


async def test_I4_what_a_server_says_unasked_is_no_part_of_a_mail(
    rig: ImporterRig, server: FakeImap
) -> None:
    async def chatty(connection: Connection, words: list[str]) -> bool:
        for line in ("* 9 EXISTS", "* 1 EXPUNGE", "* 4 FETCH (FLAGS (\\Seen))", "* OK hello"):
            connection.say(line)
        return True

    server.faults = dict.fromkeys(("UID FETCH", "UID SEARCH", "UID MOVE", "NOOP"), chatty)

    await filed(rig, server)

    assert 1 == len(rig.entries())


async def test_I4_thousands_of_lines_at_once_are_borne(rig: ImporterRig, server: FakeImap) -> None:
    async def flood(connection: Connection, words: list[str]) -> bool:
        flags = "".join(f"* {n} FETCH (UID {n} FLAGS ())\r\n" for n in range(1, 20_001))
        connection.writer.write(flags.encode())
        return True

    server.faults["UID SEARCH"] = once(flood)

    assert "down" not in await filed(rig, server)


async def test_I4_a_mail_that_grows_beyond_what_was_said_is_cut_off(rig: ImporterRig) -> None:
    large = with_file(forward(), content=bytes(2_000_000)).as_bytes()

    async def small(connection: Connection, words: list[str]) -> bool:
        if "RFC822.SIZE" not in " ".join(words):
            return True
        connection.say("* 1 FETCH (UID 1 RFC822.SIZE 1000)")
        connection.ok()
        return False

    async with FakeImap(large) as server:
        server.faults["UID FETCH"] = small
        await filed(rig, server, max_size=1_000_000)

    assert [("1", "Needs attention")] == server.moved
    assert AttentionReason.TOO_LARGE == rig.mails()[0].reason


@pytest.mark.no_cover  # being traced costs time of its own
@pytest.mark.parametrize("reported", [1, 3_000_000])
async def test_a_size_that_is_wrong_costs_no_octet(rig: ImporterRig, reported: int) -> None:
    mail = with_file(forward(), content=bytes(PIECE)).as_bytes()

    async def wrong(connection: Connection, words: list[str]) -> bool:
        if "RFC822.SIZE" not in " ".join(words):
            return True
        connection.say(f"* 1 FETCH (UID 1 RFC822.SIZE {reported})")
        connection.ok()
        return False

    async with FakeImap(mail) as server:
        server.faults["UID FETCH"] = wrong
        await filed(rig, server)

    assert mail == await rig.blobs.get(rig.entries()[0].raw)


class TestIdle:
    async def test_I5_an_idle_that_hears_nothing_any_more_costs_one_interval(
        self, rig: ImporterRig, server: FakeImap
    ) -> None:
        async def deaf(connection: Connection, words: list[str]) -> bool:
            connection.say("+ idling")
            await connection.silence()
            return False

        server.faults["IDLE"] = deaf
        async with watching(rig, settings(server.port, patience=SHORT)) as watched:
            await wait_until(lambda: not server.mails, "the first mail")
            server.arrive(reply(2), uid=2)
            await wait_until(lambda: not server.mails, "the second mail")
        assert "down" in watched.heard

    @pytest.mark.parametrize(
        "fault",
        [says("* BYE idle no more\r\n", then="cut"), says(then="cut"), says(then="silence")],
        ids=["bye", "cut", "silence"],
    )
    async def test_I5_an_idle_that_never_begins_is_given_up(
        self, rig: ImporterRig, server: FakeImap, fault: Fault
    ) -> None:
        server.faults["IDLE"] = once(fault)
        async with watching(rig, settings(server.port, patience=SHORT)):
            await wait_until(lambda: not server.mails, "the first mail")
            server.arrive(reply(2), uid=2)
            await wait_until(lambda: not server.mails, "the second mail")

    async def test_I5_where_idle_is_refused_the_mailbox_is_polled(
        self, rig: ImporterRig, server: FakeImap
    ) -> None:
        server.faults["IDLE"] = says("TAG BAD no such command\r\n")
        async with watching(rig, settings(server.port)) as watched:
            await wait_until(lambda: not server.mails, "the first mail")
            server.arrive(reply(2), uid=2)
            await wait_until(lambda: not server.mails, "the second mail")

        assert "down" not in watched.heard
        assert 1 == server.commands.count("IDLE")

    @pytest.mark.parametrize(
        "fault",
        [
            says("+ idling\r\n", "TAG OK done\r\n"),
            says("TAG OK done\r\n"),
            says("+ idling\r\n", then="cut"),
            says("* BYE no idling\r\n", then="cut"),
        ],
        ids=["ended", "ended before", "cut", "bye"],
    )
    async def test_I5_where_idle_ends_at_once_the_mailbox_is_polled_and_it_is_told(
        self, rig: ImporterRig, server: FakeImap, fault: Fault
    ) -> None:
        server.faults["IDLE"] = fault
        mailbox = settings(server.port)
        async with watching(rig, mailbox):
            for number in range(2, 6):
                await wait_until(lambda: not server.mails, "the mail before")
                server.arrive(reply(number), uid=number)
            await wait_until(lambda: not server.mails, "the last mail")

        assert 3 >= server.commands.count("IDLE")
        with rig.database.reading() as connection:
            assert mailboxes.idle_silent_since(connection, mailbox.account)

    async def test_I5_a_server_that_never_tells_is_noticed(
        self, rig: ImporterRig, server: FakeImap, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(idle, "_TELLING", 0.02)  # This one would tell at once.

        async def mute(connection: Connection, words: list[str]) -> bool:
            connection.say("+ idling")
            await connection.reader.readline()
            connection.ok()
            return False

        server.faults["IDLE"] = mute
        mailbox = settings(server.port)
        async with watching(rig, mailbox):
            for number in range(2, 7):
                await wait_until(lambda: not server.mails, "the mail before")
                server.arrive(reply(number), uid=number)
            await wait_until(lambda: not server.mails, "the last mail")

        with rig.database.reading() as connection:
            assert mailboxes.idle_silent_since(connection, mailbox.account)

    async def test_I5_an_idle_is_begun_anew_before_servers_give_up_on_it(
        self, rig: ImporterRig, server: FakeImap
    ) -> None:
        async with watching(rig, settings(server.port, every=timedelta(hours=2))):
            await wait_until(lambda: "IDLE" in server.commands, "IDLE")
            assert MailboxSession.LONGEST_IDLE < timedelta(minutes=29)

    async def test_I5_a_mail_between_the_search_and_the_idle_is_not_overheard(
        self, rig: ImporterRig, server: FakeImap
    ) -> None:
        async def late(connection: Connection, words: list[str]) -> bool:
            server.mails[2] = reply(2)
            connection.say("* 1 EXISTS")
            connection.say("+ idling")
            await connection.reader.readline()
            connection.ok()
            return False

        server.faults["IDLE"] = once(late)
        async with watching(rig, settings(server.port, every=timedelta(hours=1))):
            await wait_until(lambda: len(rig.entries()) == 2, "both mails")


class TestLogin:
    async def test_a_server_with_too_many_connections_is_tried_again(
        self, rig: ImporterRig, server: FakeImap
    ) -> None:
        server.faults["GREETING"] = once(says("* BYE too many connections\r\n", then="cut"))

        assert "down" == (await filed(rig, server))[0]

    async def test_a_server_that_does_not_greet_is_given_up(self, server: FakeImap) -> None:
        server.faults["GREETING"] = says(then="silence")
        began = time.monotonic()

        with pytest.raises(MailboxLost, match="no greeting"):
            await MailboxSession.open(settings(server.port, patience=SHORT))

        assert time.monotonic() - began < 5

    async def test_a_wrong_password_is_told_in_the_servers_words(self, server: FakeImap) -> None:
        server.faults["LOGIN"] = says("TAG NO [AUTHENTICATIONFAILED] no\x07 way\r\n")

        with pytest.raises(MailboxRefuses, match=r"NO \[AUTHENTICATIONFAILED\] no. way"):
            await MailboxSession.open(settings(server.port))

    async def test_a_login_that_fails_for_now_is_no_wrong_password(self, server: FakeImap) -> None:
        server.faults["LOGIN"] = says("TAG NO [UNAVAILABLE] later\r\n")

        with pytest.raises(MailboxLost, match="later"):
            await MailboxSession.open(settings(server.port))

    async def test_a_password_of_any_alphabet_is_sent(self) -> None:
        async with FakeImap(capability="IMAP4rev1 AUTH=PLAIN") as server:
            session = await MailboxSession.open(
                settings(server.port, user="eva", password="pässword")
            )
            await session.close()

        assert "AUTHENTICATE PLAIN" in server.commands

    async def test_a_password_with_a_line_break_is_refused(self, server: FakeImap) -> None:
        with pytest.raises(MailboxRefuses, match="control character"):
            await MailboxSession.open(settings(server.port, password="a\r\nX LOGOUT"))

    async def test_octets_before_the_tls_handshake_are_not_believed(
        self, server: FakeImap, certificates: Any
    ) -> None:
        server.capability += " STARTTLS"
        server.faults["STARTTLS"] = says("TAG OK begin\r\n* OK injected\r\n")
        context = certificates.client_context()

        with pytest.raises(MailboxLost, match="before the TLS handshake"):
            await MailboxSession.open(settings(server.port, tls="starttls", context=context))

    async def test_where_tls_is_wanted_it_is_never_left_out(
        self, server: FakeImap, certificates: Any
    ) -> None:
        context = certificates.client_context()

        with pytest.raises(MailboxRefuses, match="offers no STARTTLS"):
            await MailboxSession.open(settings(server.port, tls="starttls", context=context))

        assert not [one for one in server.commands if one.startswith("LOGIN")]


async def test_the_mail_in_hand_is_finished_before_the_end(
    rig: ImporterRig, server: FakeImap
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(connection: Connection, words: list[str]) -> bool:
        asked.set()
        await go_on.wait()
        return True

    server.faults["UID FETCH"] = at_body(slow)
    for number in range(2, 30):
        server.mails[number] = reply(number)

    async with watching(rig, settings(server.port)):
        await asked.wait()
        asyncio.get_running_loop().call_later(0.2, go_on.set)

    in_hand = len(server.moved)
    assert 1 <= in_hand <= 3
    assert in_hand == len(rig.entries())
    assert "LOGOUT" in server.commands


async def test_a_server_without_uidvalidity_is_read_all_the_same(
    rig: ImporterRig, server: FakeImap
) -> None:
    server.faults["SELECT"] = says("* 1 EXISTS\r\nTAG OK selected\r\n")

    await filed(rig, server)

    assert 1 == len(rig.entries())


async def test_a_folder_that_may_only_be_read_is_refused(server: FakeImap) -> None:
    server.faults["SELECT"] = says("* OK [UIDVALIDITY 1] x\r\nTAG OK [READ-ONLY] selected\r\n")
    session = await MailboxSession.open(settings(server.port))

    with pytest.raises(MailboxRefuses, match="has read-only access to the folder 'INBOX'"):
        await session.select("INBOX")

    await session.close()


BY_COPY = "IMAP4rev1 IDLE UIDPLUS"


@pytest.mark.parametrize(
    ("command", "answer", "copies"),
    [
        ("SELECT", "* OK [UIDVALIDITY 1] x\r\n* OK [PERMANENTFLAGS (\\Seen)] x\r\nTAG OK x\r\n", 0),
        ("UID STORE", "* 1 FETCH (UID 1 FLAGS (\\Recent))\r\nTAG OK done\r\n", 1),
        ("UID STORE", "TAG NO [NOPERM] permission denied\r\n", 1),
        ("UID EXPUNGE", "TAG NO [NOPERM] permission denied\r\n", 1),
    ],
    ids=["not permitted", "silently left", "refused", "not expunged"],
)  # fmt: skip
async def test_a_mail_that_may_not_be_removed_is_not_copied_again_and_again(
    rig: ImporterRig, command: str, answer: str, copies: int
) -> None:
    async with FakeImap(reply(), capability=BY_COPY) as server:
        server.faults[command] = says(answer)
        async with watching(rig, settings(server.port)) as watched:
            await wait_until(lambda: watched.heard.count("down") >= 3, "the third look", 30)
            server.faults.clear()
            before = len(server.moved)
            await wait_until(lambda: "read" in watched.heard, "a look that ends well", 30)

    assert copies == before
    assert 1 == len(rig.entries())
    assert ("UID STORE 1 +FLAGS (\\Deleted)" in server.commands) or not copies


@pytest.mark.parametrize("stuck", [0, 1])
async def test_one_decided_mail_that_can_not_be_moved_on_stops_no_other(
    rig: ImporterRig, server: FakeImap, stuck: int
) -> None:
    async def full(connection: Connection, words: list[str]) -> bool:
        if "Imported" not in " ".join(words):
            return True
        connection.say(f"{connection.tag} NO [OVERQUOTA] full")
        return False

    async def told(connection: Connection, words: list[str]) -> bool:
        uid = words[0]
        server.mails.pop(int(uid), None)
        connection.ok(f"[COPYUID 1 {uid} {uid}] moved")
        return False

    server.mails = {
        number: forward(
            subject="no number", said=f"Antwort {number}.", message_id=f"<{number}@x>"
        ).as_bytes()
        for number in (1, 2)
    }
    server.faults["UID MOVE"] = told
    async with watching(rig, settings(server.port)):
        await wait_until(lambda: not server.mails, "both mails to wait", 30)
        await wait_until(lambda: len(rig.mails(InboxState.NEEDS_ATTENTION)) == 2, "both rows")
        rows = sorted(rig.mails(InboxState.NEEDS_ATTENTION), key=lambda row: row.id)
        server.faults["UID MOVE"] = full
        await rig.importer.assign(rows[stuck].id, "4711")
        await rig.database.write(inbox.discard, rows[1 - stuck].id)
        await wait_until(lambda: [("Ignored")] == [to for _, to in server.moved], "the other", 30)


@pytest.mark.parametrize("capability", [CAPABILITY, BY_COPY])
async def test_of_a_crowd_of_mails_many_are_moved_together_and_none_is_lost(
    rig: ImporterRig, capability: str
) -> None:
    automatic = b"Auto-Submitted: auto-replied\r\nSubject: away %d\r\n\r\nx\r\n"
    mails = [*(automatic % number for number in range(1, 150)), reply()]
    tried = 0

    async def refused_once(connection: Connection, words: list[str]) -> bool:
        nonlocal tried
        tried += 1
        if tried == 1:
            connection.say(f"{connection.tag} NO not so many")
            return False
        if capability == BY_COPY:
            for uid in numbers(words[0]):
                connection.server.mails.pop(uid, None)
        return True

    async with FakeImap(*mails, capability=capability) as server:
        command = "UID MOVE" if capability == CAPABILITY else "UID COPY"
        server.faults[command] = refused_once
        async with watching(rig, settings(server.port)) as watched:
            await wait_until(lambda: not server.mails, "all mails", 30)
            await wait_until(lambda: "read" in watched.heard, "the end of the look", 30)

    moves = [line for line in server.commands if line.startswith(command)]
    moved = [(uid, folder) for uids, folder in server.moved for uid in numbers(uids)]
    assert len(moves) <= 1 + 50 + 4  # one is refused, and each of it goes by itself
    assert [*((uid, "Ignored") for uid in range(1, 150)), (150, "Imported")] == sorted(moved)
    assert 1 == len(rig.entries())


async def test_a_new_reply_does_not_wait_for_the_thousands_before_it(rig: ImporterRig) -> None:
    automatic = b"Auto-Submitted: auto-replied\r\nSubject: away %d\r\n\r\nx\r\n"
    async with FakeImap(*(automatic % number for number in range(1, 1000))) as server:
        server.mails[1000] = reply()  # before the gateway began
        async with watching(rig, settings(server.port)):
            await wait_until(lambda: len(server.mails) < 900, "the first of them", 30)
            server.arrive(reply(2), uid=1001)
            await wait_until(lambda: 1001 not in server.mails, "the new reply", 30)
            left = sorted(server.mails)
            await wait_until(lambda: not server.mails, "all mails", 60)

    moved = [uid for uids, _ in server.moved for uid in numbers(uids)]
    assert len(left) > 500
    assert left[0] > 50  # the oldest have their turn, too
    assert moved.index(1000) < 100
    assert list(range(1, 1002)) == sorted(moved)
    assert 2 == len(rig.entries())
