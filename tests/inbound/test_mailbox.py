"""Mailboxes of a real Dovecot: each mail is taken once and then moved."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.core.people.applications import Application
from gateway.core.replies.inbox import AttentionReason, InboxState, Sighting
from gateway.inbound.bounce_keeping import JournalBehind
from gateway.inbound.importer import ReplyImporter
from gateway.inbound.verdict import ImportVerdict, MailOrigin, RawMail
from gateway.store.engine.database import StoreUnavailable
from gateway.store.replies import inbox
from tests.inbound.importer_rig import CANDIDATE, ImporterRig
from tests.inbound.mails import forward, with_file
from tests.inbound.watching import settings, watching
from tests.rig.certificates import Certificates
from tests.rig.dovecot import Dovecot
from tests.rig.process import wait_until

pytestmark = pytest.mark.system

WITHOUT_MOVE = "IMAP4rev1 IDLE UIDPLUS NAMESPACE"
BARE = "IMAP4rev1"
PUBLIC = """
namespace public {
  type = public
  separator = .
  prefix = public.
  location = maildir:~/public
  subscriptions = no
  list = children
}
"""


def reply(number: int = 1, **options: Any) -> bytes:
    """Return a mail that is filed."""
    options = {"said": f"Antwort {number}.", "message_id": f"<{number}@office.example>", **options}
    return forward(**options).as_bytes()


def holds(dovecot: Dovecot, user: str, folder: str, count: int) -> Callable[[], bool]:
    """Return whether a folder holds so many mails."""
    return lambda: dovecot.count(user, folder) == count


@pytest.fixture(scope="session")
async def prefixed(certificates: Certificates) -> AsyncIterator[Dovecot]:
    """A server whose folders lie below INBOX, divided by dots."""
    async with Dovecot(certificates, separator=".", prefix="INBOX.") as server:
        yield server


@pytest.fixture(scope="session", params=[WITHOUT_MOVE, BARE], ids=["without-move", "bare"])
async def limited(
    request: pytest.FixtureRequest, certificates: Certificates
) -> AsyncIterator[Dovecot]:
    """A server that can't move mails, or hardly anything."""
    async with Dovecot(certificates, capability=request.param) as server:
        yield server


async def test_each_mail_goes_where_its_verdict_says(
    each_rig: ImporterRig, dovecot: Dovecot, user: str
) -> None:
    filed, unknown = reply(), reply(2, subject="WG: Ihre Bewerbung")
    automatic = reply(3, fields={"Auto-Submitted": "auto-replied"})
    dovecot.deliver(user, filed, unknown, automatic, filed)

    async with watching(each_rig, settings(dovecot.port, user)):
        await wait_until(holds(dovecot, user, "INBOX", 0), "the end of the mails", 20)

    assert [filed, filed] == dovecot.mails(user, "Imported")
    assert [unknown] == dovecot.mails(user, "Needs attention")
    assert [automatic] == dovecot.mails(user, "Ignored")
    assert 1 == len(each_rig.entries())
    assert 3 == len(each_rig.mails())


async def test_a_mail_is_filed_on_the_servers_word(
    rig: ImporterRig, dovecot: Dovecot, user: str
) -> None:
    mailbox = settings(dovecot.port, user, every=timedelta(hours=1))

    async with watching(rig, mailbox) as watched:
        await wait_until(lambda: "read" in watched.heard, "the first look")
        for number in range(3):
            dovecot.deliver(user, reply(number))
            await wait_until(holds(dovecot, user, "Imported", number + 1), "the mail", 10)


async def test_polling_is_enough_where_the_server_tells_nothing(
    rig: ImporterRig, limited: Dovecot, user: str
) -> None:
    async with watching(rig, settings(limited.port, user)) as watched:
        await wait_until(lambda: "read" in watched.heard, "the first look")
        limited.deliver(user, reply())
        await wait_until(holds(limited, user, "Imported", 1), "the mail", 20)

    assert 1 == len(rig.entries())


async def test_where_mails_cannot_be_moved_no_mail_of_others_is_removed(
    rig: ImporterRig, limited: Dovecot, user: str
) -> None:
    limited.deliver(user, reply(1), b"Subject: deleted by its owner\r\n\r\nx\r\n")
    with limited.open(user) as client:
        client.select("INBOX")
        client.store("2", "+FLAGS", "(\\Deleted)")

    async with watching(rig, settings(limited.port, user)) as watched:
        await wait_until(holds(limited, user, "INBOX", 0), "the mail to be taken", 20)
        looks = len(watched.heard)
        await wait_until(lambda: len(watched.heard) > looks + 1, "two more looks")

    with limited.open(user) as client:
        client.select("INBOX", readonly=True)
        assert b"deleted by its owner" in b"".join(
            each[1] for each in client.fetch("1:*", "(BODY.PEEK[])")[1] if isinstance(each, tuple)
        )
    assert 1 == limited.count(user, "Imported")


async def test_folders_are_made_below_the_accounts_own_root(
    rig: ImporterRig, prefixed: Dovecot, user: str
) -> None:
    names = {"imported": "Import/Übernommen & abgelegt", "ignored": "INBOX.Ignored"}
    prefixed.deliver(user, reply())

    async with watching(rig, settings(prefixed.port, user, **names)):
        written = "INBOX.Import.&ANw-bernommen &- abgelegt"
        await wait_until(holds(prefixed, user, written, 1), "the mail", 20)

    assert {"INBOX", "INBOX.Ignored", "INBOX.Needs attention", written} <= set(
        prefixed.folders(user)
    )


async def test_folders_of_a_shared_namespace_are_found_beside_the_accounts_own(
    rig: ImporterRig, certificates: Certificates, user: str
) -> None:
    names = {
        "folder": "public/replies",
        "imported": "public.Imported",
        "needs_attention": "Inbox/Open",
        "ignored": "Weg/",
    }
    async with Dovecot(certificates, separator=".", prefix="INBOX.", more=PUBLIC) as server:
        with server.open(user) as client:
            client.create("public.replies")
        for mail in (reply(), forward(subject="no number", message_id="<b@x>").as_bytes()):
            server.deliver(user, mail, folder="public.replies")
        async with watching(rig, settings(server.port, user, **names)):
            await wait_until(holds(server, user, "public.replies", 0), "both taken", 20)

        assert 1 == server.count(user, "public.Imported")
        assert 1 == server.count(user, "INBOX.Open")
        assert {"INBOX.public.Imported", "INBOX.Inbox.Open"}.isdisjoint(server.folders(user))
        assert "INBOX.Weg" in server.folders(user)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_connection_is_encrypted_as_the_settings_say(
    rig: ImporterRig, dovecot: Dovecot, user: str, tls: Any, certificates: Certificates
) -> None:
    port = dovecot.tls_port if tls == "implicit" else dovecot.port
    context = certificates.client_context()
    dovecot.deliver(user, reply())

    async with watching(rig, settings(port, user, tls=tls, context=context)):
        await wait_until(holds(dovecot, user, "Imported", 1), "the mail", 20)


async def test_a_mail_that_is_decided_on_by_hand_is_moved_on(
    each_rig: ImporterRig, dovecot: Dovecot, user: str
) -> None:
    assigned, discarded, waiting = (
        reply(number, subject=f"WG: Ihre Bewerbung {number}") for number in range(3)
    )
    dovecot.deliver(user, assigned, discarded, waiting)
    async with watching(each_rig, settings(dovecot.port, user)):
        await wait_until(holds(dovecot, user, "Needs attention", 3), "the mails", 20)
        numbers = {one.subject[-1]: one.id for one in each_rig.mails()}

        await each_rig.importer.assign(numbers["0"], "4711")
        with each_rig.database.writing() as connection:
            inbox.discard(connection, numbers["1"])
        await wait_until(holds(dovecot, user, "Needs attention", 1), "two to be moved", 20)

    assert [assigned] == dovecot.mails(user, "Imported")
    assert [discarded] == dovecot.mails(user, "Ignored")
    assert [waiting] == dovecot.mails(user, "Needs attention")


async def test_a_mail_moved_back_by_hand_is_looked_at_again(
    rig: ImporterRig, dovecot: Dovecot, user: str
) -> None:
    dovecot.deliver(user, reply(subject="6000 Ihre Bewerbung"))
    async with watching(rig, settings(dovecot.port, user)):
        await wait_until(holds(dovecot, user, "Needs attention", 1), "the mail", 20)
        rig.feed("applications", Application(reference="6000", person=CANDIDATE))
        with dovecot.open(user) as client:
            client.select('"Needs attention"')
            client.uid("MOVE", "1:*", "INBOX")
        await wait_until(holds(dovecot, user, "Imported", 1), "the mail in Imported", 20)

    assert ["6000"] == [one.reference for one in rig.entries()]


class TestExactlyOnce:
    async def test_I1_a_folder_that_is_made_anew_loses_nothing_and_repeats_nothing(
        self, rig: ImporterRig, dovecot: Dovecot, user: str
    ) -> None:
        mailbox = settings(dovecot.port, user, folder="Replies")
        mails = [reply(number) for number in range(3)]
        for more in range(2):
            with dovecot.open(user) as client:
                client.create("Replies")
            dovecot.deliver(user, *mails, reply(10 + more), folder="Replies")
            async with watching(rig, mailbox):
                await wait_until(holds(dovecot, user, "Replies", 0), "the mails", 20)
            with dovecot.open(user) as client:
                client.delete("Replies")

        assert 5 == len(rig.entries())
        assert 8 == dovecot.count(user, "Imported")

    async def test_I1_a_folder_made_anew_while_it_is_watched_is_read_again(
        self, rig: ImporterRig, dovecot: Dovecot, user: str
    ) -> None:
        mailbox = settings(dovecot.port, user, folder="Replies")
        with dovecot.open(user) as client:
            client.create("Replies")
        async with watching(rig, mailbox) as watched:
            await wait_until(lambda: "read" in watched.heard, "the first look")
            with dovecot.open(user) as client:
                client.delete("Replies")
                client.create("Replies")
            dovecot.deliver(user, reply(), folder="Replies")
            await wait_until(holds(dovecot, user, "Imported", 1), "the mail", 30)

        assert 1 == len(rig.entries())

    async def test_I1_a_uid_that_a_server_gives_to_another_mail_hides_nothing(
        self, rig: ImporterRig, dovecot: Dovecot, user: str
    ) -> None:
        dovecot.deliver(user, reply(1, said="Das erste."))
        async with watching(rig, settings(dovecot.port, user)):
            await wait_until(holds(dovecot, user, "Imported", 1), "the mail", 20)
        dovecot.deliver(user, reply(2, said="Das zweite, und viel mehr davon."))
        with dovecot.open(user) as client, rig.database.writing() as connection:
            found = str(client.status("INBOX", "(UIDVALIDITY)")[1][0], "ascii")
            place = rig.sighting(2, int(found.rsplit(maxsplit=1)[-1].rstrip(")")))
            inbox.add_sighting(connection, place, rig.mails()[0].id)

        async with watching(rig, settings(dovecot.port, user)):
            await wait_until(holds(dovecot, user, "Imported", 2), "the mail", 20)

        assert 2 == len(rig.entries())

    async def test_I3_after_a_crash_between_record_and_move_nothing_is_filed_twice(
        self, rig: ImporterRig, dovecot: Dovecot, user: str
    ) -> None:
        crashing = Crashing(rig.importer)
        dovecot.deliver(user, reply())
        async with watching(rig, settings(dovecot.port, user), importer=crashing):
            await asyncio.wait_for(crashing.recorded.wait(), 20)
        assert 1 == dovecot.count(user)

        async with watching(rig, settings(dovecot.port, user)):
            await wait_until(holds(dovecot, user, "Imported", 1), "the mail", 20)

        assert 1 == len(rig.entries())
        assert 2 == len(rig.notices())

    async def test_two_importers_at_one_mailbox_take_turns(
        self, each_rig: ImporterRig, dovecot: Dovecot, user: str
    ) -> None:
        mailbox = settings(dovecot.port, user)
        async with (
            watching(each_rig, mailbox, "here") as first,
            watching(each_rig, mailbox, "there") as second,
        ):
            await wait_until(lambda: bool(first.heard or second.heard), "a look")
            dovecot.deliver(user, *(reply(number) for number in range(5)))
            await wait_until(holds(dovecot, user, "Imported", 5), "the mails", 20)
            assert [] == first.heard or [] == second.heard

        assert 5 == len(each_rig.entries())
        assert 5 == len(each_rig.mails())

    async def test_whoever_waits_takes_over_when_the_other_stops(
        self, rig: ImporterRig, dovecot: Dovecot, user: str
    ) -> None:
        mailbox = settings(dovecot.port, user)
        async with watching(rig, mailbox, "here") as first:
            await wait_until(lambda: bool(first.heard), "a look")
            async with watching(rig, mailbox, "there") as second:
                await wait_until(lambda: bool(first.heard), "a look")
                assert [] == second.heard
        async with watching(rig, mailbox, "there") as second:
            await wait_until(lambda: bool(second.heard), "a look of the other", 10)


class TestBadMails:
    async def test_I7_of_a_mail_over_the_limit_only_the_header_is_kept(
        self, rig: ImporterRig, dovecot: Dovecot, user: str
    ) -> None:
        large = with_file(forward(), content=bytes(3_000_000)).as_bytes()
        dovecot.deliver(user, large, reply(2))

        async with watching(rig, settings(dovecot.port, user, max_size=1_000_000)):
            await wait_until(holds(dovecot, user, "INBOX", 0), "the mails", 20)

        assert [large] == dovecot.mails(user, "Needs attention")
        row = rig.mails(InboxState.NEEDS_ATTENTION)[0]
        assert (AttentionReason.TOO_LARGE, len(large), False) == (row.reason, row.size, row.whole)
        assert len(await rig.blobs.get(row.content)) < 10_000
        assert 1 == len(rig.entries())

    async def test_I7_a_large_mail_under_the_limit_comes_whole(
        self, rig: ImporterRig, dovecot: Dovecot, user: str
    ) -> None:
        content = bytes(range(256)) * 20_000
        large = with_file(forward(), content=content).as_bytes()
        dovecot.deliver(user, large)

        async with watching(rig, settings(dovecot.port, user)):
            await wait_until(holds(dovecot, user, "Imported", 1), "the mail", 30)

        entry = rig.entries()[0]
        assert large == await rig.blobs.get(entry.raw)
        assert content == await rig.blobs.get(entry.documents[0].sha256)

    async def test_I18_P14_bad_mails_at_the_top_block_no_other(
        self, rig: ImporterRig, dovecot: Dovecot, user: str
    ) -> None:
        bad = [
            b"",
            b"\r\n\r\n",
            b"no header at all",
            b"From: " + b"(" * 20_000 + b"\r\n\r\nx",
            b"Subject: " + b"=?utf-8?q?x?= " * 15_000 + b"\r\n\r\nx",
            deep(),
        ]
        dovecot.deliver(user, *(each or b"\r\n" for each in bad), reply())

        async with watching(rig, settings(dovecot.port, user)):
            await wait_until(holds(dovecot, user, "INBOX", 0), "the mails", 60)

        assert 1 == dovecot.count(user, "Imported")
        assert len(bad) == dovecot.count(user, "Needs attention")
        assert len(bad) == len(set(dovecot.mails(user, "Needs attention")))

    async def test_I18_P14_a_mail_that_breaks_the_importer_waits_and_the_others_go_on(
        self, rig: ImporterRig, dovecot: Dovecot, user: str
    ) -> None:
        breaking = Breaking(rig.importer, b"Antwort 1.")
        dovecot.deliver(user, reply(1), reply(2))

        async with watching(rig, settings(dovecot.port, user), importer=breaking):
            await wait_until(holds(dovecot, user, "INBOX", 0), "the mails", 30)

        assert 1 == dovecot.count(user, "Imported")
        assert 1 == dovecot.count(user, "Needs attention")
        row = rig.mails(InboxState.NEEDS_ATTENTION)[0]
        assert AttentionReason.UNREADABLE == row.reason


class TestBadDays:
    async def test_P15_while_the_store_is_away_mails_stay_in_the_mailbox(
        self, rig: ImporterRig, dovecot: Dovecot, user: str
    ) -> None:
        away = Away(rig.importer)
        dovecot.deliver(user, reply())

        async with watching(rig, settings(dovecot.port, user), importer=away):
            await wait_until(lambda: away.asked > 1, "two tries", 20)
            assert 1 == dovecot.count(user)
            away.is_away = False
            await wait_until(holds(dovecot, user, "Imported", 1), "the mail", 30)

        assert 1 == len(rig.entries())

    async def test_a_bounce_quicker_than_the_journal_holds_no_other_mail_up(
        self,
        rig: ImporterRig,
        dovecot: Dovecot,
        user: str,
    ) -> None:
        behind = Behind(rig.importer, b"4711 quick")
        dovecot.deliver(user, forward(subject="4711 quick").as_bytes())
        dovecot.deliver(user, reply())

        with capture_logs() as logged:
            async with watching(rig, settings(dovecot.port, user), importer=behind):
                await wait_until(holds(dovecot, user, "Imported", 1), "the other mail", 30)
                assert 1 == dovecot.count(user)
                await wait_until(lambda: behind.asked > 1, "two tries", 20)
                behind.text = b"none such"
                await wait_until(holds(dovecot, user, "Imported", 2), "the mail", 30)

        events = [entry["event"] for entry in logged if entry["event"].startswith(("mail", "bou"))]
        assert ["mailbox_opened", "bounce_put_off"] == list(dict.fromkeys(events))
        assert 1 == events.count("mailbox_opened")
        assert {"info"} == {entry["log_level"] for entry in logged}

    async def test_a_server_that_was_away_is_found_again(
        self, rig: ImporterRig, certificates: Certificates, user: str
    ) -> None:
        async with (
            Dovecot(certificates) as server,
            watching(rig, settings(server.port, user)) as watched,
        ):
            await wait_until(lambda: "read" in watched.heard, "the first look")
            await server.stop()
            await wait_until(lambda: "down" in watched.heard, "the news", 20)
            await server.start()
            server.deliver(user, reply())
            await wait_until(holds(server, user, "Imported", 1), "the mail", 30)
            await wait_until(lambda: watched.heard[-1] == "read", "the good news")

    async def test_what_cannot_be_moved_blocks_no_other_and_is_told(
        self, rig: ImporterRig, dovecot: Dovecot, user: str
    ) -> None:
        with dovecot.open(user) as client:
            client.create("Imported")
        folder = dovecot.folder / "mail" / user / ".Imported"
        dovecot.deliver(user, reply(1), reply(2, subject="no reference"))

        async with watching(rig, settings(dovecot.port, user)) as watched:
            await wait_until(holds(dovecot, user, "Imported", 1), "the mail", 30)
            folder.joinpath("cur").chmod(0)
            folder.joinpath("tmp").chmod(0)
            dovecot.deliver(user, reply(3), reply(4, subject="no reference, too"))
            await wait_until(holds(dovecot, user, "Needs attention", 2), "the other mail", 30)
            await wait_until(lambda: "down" in watched.heard, "the news", 20)
            folder.joinpath("cur").chmod(0o700)
            folder.joinpath("tmp").chmod(0o700)


class Wrapped:
    """An importer with a fault."""

    def __init__(self, importer: ReplyImporter) -> None:
        self.importer = importer

    async def earlier_verdict(
        self, sighting: Sighting, size: int | None = None
    ) -> ImportVerdict | None:
        return await self.importer.earlier_verdict(sighting, size)

    async def take(self, mail: RawMail, origin: MailOrigin) -> ImportVerdict:
        return await self.importer.take(mail, origin)


class Crashing(Wrapped):
    """Ends after the record, before there is a verdict."""

    def __init__(self, importer: ReplyImporter) -> None:
        super().__init__(importer)
        self.recorded = asyncio.Event()

    async def take(self, mail: RawMail, origin: MailOrigin) -> ImportVerdict:
        await super().take(mail, origin)
        self.recorded.set()
        raise StoreUnavailable("the process is gone")


class Breaking(Wrapped):
    """Fails at a mail that holds some text, if it was fetched whole."""

    def __init__(self, importer: ReplyImporter, text: bytes) -> None:
        super().__init__(importer)
        self._text = text

    async def take(self, mail: RawMail, origin: MailOrigin) -> ImportVerdict:
        if self._text in mail.file.read_bytes():
            raise ZeroDivisionError
        return await super().take(mail, origin)


class Away(Wrapped):
    """Has no store for a while."""

    def __init__(self, importer: ReplyImporter) -> None:
        super().__init__(importer)
        self.is_away = True
        self.asked = 0

    async def take(self, mail: RawMail, origin: MailOrigin) -> ImportVerdict:
        self.asked += 1
        if self.is_away:
            raise StoreUnavailable("away")
        return await super().take(mail, origin)


class Behind(Wrapped):
    """Has a journal that is behind for some mail."""

    def __init__(self, importer: ReplyImporter, text: bytes) -> None:
        super().__init__(importer)
        self.text = text
        self.asked = 0

    async def take(self, mail: RawMail, origin: MailOrigin) -> ImportVerdict:
        if self.text in mail.file.read_bytes():
            self.asked += 1
            raise JournalBehind("quick")
        return await super().take(mail, origin)


def deep() -> bytes:
    """Return a mail of 3,000 nested parts."""
    parts = [f'Content-Type: multipart/mixed; boundary="{n}"\r\n\r\n--{n}\r\n' for n in range(3000)]
    return b"From: eva@office.example\r\n" + "".join(parts).encode()
