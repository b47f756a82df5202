"""Mailboxes that want a token instead of a password, and a server of another make."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.inbound.imap.session import MailboxSession
from gateway.inbound.imap.settings import MailboxRefuses
from gateway.inbound.imap.text import MailboxLost
from gateway.inbound.imap.tokens import OauthSettings, RefreshTokens, TokenSource
from gateway.inbound.stored_tokens import StoredRefreshToken
from gateway.store.engine.database import StoreUnavailable
from tests.inbound.importer_rig import ImporterRig
from tests.inbound.mails import forward
from tests.inbound.watching import settings, watching
from tests.rig import pymap
from tests.rig.certificates import Certificates
from tests.rig.dovecot import Dovecot
from tests.rig.gateway import GatewayProcess, gateway_config
from tests.rig.imapfake import Connection, FakeImap
from tests.rig.process import wait_until
from tests.rig.pymap import Pymap
from tests.rig.tokenserver import TokenServer
from tests.system.test_mailbox import mailbox

USER = "replies@office.example"


@pytest.fixture
def issuer() -> Iterator[TokenServer]:
    """Issues tokens."""
    with TokenServer(USER) as server:
        yield server


@pytest.fixture
async def modern(certificates: Certificates, issuer: TokenServer) -> AsyncIterator[Dovecot]:
    """A server that asks the issuer about tokens."""
    async with Dovecot(certificates, introspection=issuer.introspection_url) as server:
        yield server


def tokens(
    issuer: TokenServer,
    clock: Any = lambda: 0.0,
    kept: RefreshTokens | None = None,
    **changes: str,
) -> TokenSource:
    usual = {"url": issuer.token_url, "client_id": "gateway", "client_secret": "s&cret="}
    return TokenSource(OauthSettings(**{**usual, **changes}), token_store=kept, clock=clock)


@pytest.mark.system
@pytest.mark.parametrize("refresh_token", ["", "r1"], ids=["client", "refresh"])
async def test_a_mailbox_is_opened_with_a_token(
    rig: ImporterRig, modern: Dovecot, issuer: TokenServer, refresh_token: str
) -> None:
    source = tokens(issuer, refresh_token=refresh_token, scope="imap")
    mail = forward().as_bytes()
    modern.deliver(USER, mail)

    async with watching(rig, settings(modern.port, USER, tokens=source)):
        await wait_until(lambda: modern.count(USER, "Imported") == 1, "the mail", 20)

    grant = {"grant_type": "refresh_token", "refresh_token": "r1"}
    wanted = grant if refresh_token else {"grant_type": "client_credentials"}
    common = {"client_id": "gateway", "client_secret": "s&cret=", "scope": "imap"}
    assert [wanted | common] == issuer.forms


@pytest.mark.system
async def test_a_token_the_server_no_longer_takes_is_replaced_at_once(
    modern: Dovecot, issuer: TokenServer
) -> None:
    own = settings(modern.port, USER, tokens=tokens(issuer))
    await (await MailboxSession.open(own)).close()
    issuer.revoke()

    await (await MailboxSession.open(own)).close()

    assert 2 == len(issuer.forms)


@pytest.mark.system
async def test_a_token_of_somebody_else_is_refused_and_told(
    modern: Dovecot, issuer: TokenServer
) -> None:
    own = settings(modern.port, "other@office.example", tokens=tokens(issuer))

    with pytest.raises(MailboxRefuses, match="the login is refused") as refusal:
        await MailboxSession.open(own)

    assert "login" == refusal.value.stage
    assert 1 == len(issuer.forms)


async def test_the_challenge_that_tells_an_error_is_answered() -> None:
    async def challenge(connection: Connection, words: list[str]) -> bool:
        connection.say("+ eyJzdGF0dXMiOiI0MDAifQ==")
        assert b"\r\n" == await connection.reader.readline()
        connection.say(f"{connection.tag} NO [AUTHENTICATIONFAILED] Invalid credentials")
        return False

    with TokenServer(USER) as issuer:
        async with FakeImap() as server:
            server.faults["AUTHENTICATE"] = challenge
            with pytest.raises(MailboxRefuses, match="Invalid credentials"):
                await MailboxSession.open(settings(server.port, tokens=tokens(issuer)))


async def test_a_server_that_asks_for_the_token_first_gets_it() -> None:
    said: list[bytes] = []

    async def asks(connection: Connection, words: list[str]) -> bool:
        assert ["XOAUTH2"] == words
        connection.say("+ ")
        said.append(await connection.reader.readline())
        return True

    with TokenServer(USER) as issuer:
        async with FakeImap(capability="IMAP4rev1 AUTH=XOAUTH2") as server:
            server.faults["AUTHENTICATE"] = asks
            session = await MailboxSession.open(settings(server.port, tokens=tokens(issuer)))
            await session.close()

    assert said[0].startswith(b"dXNlcj1ldmEBYXV0aD1CZWFyZXIg")


async def test_a_token_is_kept_until_shortly_before_its_end(issuer: TokenServer) -> None:
    now = 0.0
    source = tokens(issuer, clock=lambda: now)

    first = await source.token()
    now = 3500.0
    again = await source.token()
    now = 3545.0
    renewed = await source.token()

    assert ("token-1", "token-1", "token-2") == (first, again, renewed)


@pytest.mark.parametrize("life", [None, "", "soon", "3600", 0])
async def test_a_life_that_can_not_be_read_is_an_hour(issuer: TokenServer, life: Any) -> None:
    issuer.expires_in = life
    source = tokens(issuer)

    assert await source.token() == await source.token()


async def test_a_refresh_token_that_is_renewed_is_used_the_next_time(issuer: TokenServer) -> None:
    issuer.rotates = True
    source = tokens(issuer, refresh_token="r1")

    await source.token()
    await source.token(fresh=True)

    assert ["r1", "refresh-1"] == [form["refresh_token"] for form in issuer.forms]


async def test_a_renewed_refresh_token_is_used_after_a_restart(
    rig: ImporterRig, issuer: TokenServer
) -> None:
    issuer.rotates = True
    kept = StoredRefreshToken(rig.database, "eva@imap", "r1")
    await tokens(issuer, kept=kept, refresh_token="r1").token()

    await tokens(issuer, kept=kept, refresh_token="r1").token()

    assert ["r1", "refresh-1"] == [form["refresh_token"] for form in issuer.forms]


async def test_a_new_refresh_token_in_the_config_counts_more_than_a_kept_one(
    rig: ImporterRig, issuer: TokenServer
) -> None:
    issuer.rotates = True
    first = StoredRefreshToken(rig.database, "eva@imap", "r1")
    await tokens(issuer, kept=first, refresh_token="r1").token()

    second = StoredRefreshToken(rig.database, "eva@imap", "r2")
    await tokens(issuer, kept=second, refresh_token="r2").token()

    assert ["r1", "r2"] == [form["refresh_token"] for form in issuer.forms]


async def test_another_process_uses_the_token_that_was_renewed_meanwhile(
    rig: ImporterRig, issuer: TokenServer
) -> None:
    issuer.rotates = True
    kept = StoredRefreshToken(rig.database, "eva@imap", "r1")
    one = tokens(issuer, kept=kept, refresh_token="r1")
    other = tokens(issuer, kept=kept, refresh_token="r1")

    await one.token()
    await other.token()
    await one.token(fresh=True)

    assert ["r1", "refresh-1", "refresh-2"] == [form["refresh_token"] for form in issuer.forms]


async def test_a_token_that_another_process_spent_just_before_is_none_to_give_up_on(
    rig: ImporterRig, issuer: TokenServer
) -> None:
    issuer.rotates = True
    stored = StoredRefreshToken(rig.database, "eva@imap", "r1")
    other = tokens(issuer, kept=stored, refresh_token="r1")

    class Overtaken(StoredRefreshToken):
        """Another process fetches a token after the first look at what is kept."""

        async def load(self) -> str:
            found = await super().load()
            if not issuer.forms:
                await other.token()
            return found

    kept = Overtaken(rig.database, "eva@imap", "r1")
    await tokens(issuer, kept=kept, refresh_token="r1").token()

    assert ["r1", "r1", "refresh-1"] == [form["refresh_token"] for form in issuer.forms]
    assert "refresh-3" == await stored.load()


async def test_no_refresh_token_is_spent_while_the_next_could_not_be_kept(
    rig: ImporterRig, issuer: TokenServer
) -> None:
    issuer.rotates = True
    kept = StoredRefreshToken(rig.database, "eva@imap", "r1")
    source = tokens(issuer, kept=kept, refresh_token="r1")

    def run(sql: str) -> None:
        with rig.database.writing() as connection:
            connection.exec_driver_sql(sql)

    # As with a full disk: a row is read all the same, a transaction begins, and none is written.
    full = "BEFORE INSERT ON mailbox_states BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
    for spent in ([], ["r1"]):  # before anything was kept, and after
        run(f"CREATE TRIGGER full {full}")
        with pytest.raises(StoreUnavailable):
            await source.token(fresh=True)
        assert spent == [form["refresh_token"] for form in issuer.forms]
        run("DROP TRIGGER full")
        await source.token(fresh=True)

    assert ["r1", "refresh-1"] == [form["refresh_token"] for form in issuer.forms]
    assert "refresh-2" == await kept.load()


class _Away:
    """Keeps a refresh token only once the store is back."""

    def __init__(self) -> None:
        self.is_away = True
        self.saved: list[str] = []

    async def load(self) -> str:
        return ""

    async def save(self, token: str) -> None:
        if self.is_away:
            raise StoreUnavailable("away")
        self.saved.append(token)


async def test_a_renewed_refresh_token_is_kept_once_the_store_is_back(issuer: TokenServer) -> None:
    issuer.rotates = True
    kept = _Away()
    source = tokens(issuer, kept=kept, refresh_token="r1")
    with pytest.raises(StoreUnavailable):
        await source.token()

    kept.is_away = False
    token = await source.token()

    assert ("token-1", ["refresh-1"]) == (token, kept.saved)


async def test_a_refusal_of_the_token_server_is_told_without_secrets(issuer: TokenServer) -> None:
    issuer.refuses = 401, {"error": "invalid_client", "error_description": "AADSTS7000215:\nno"}

    with pytest.raises(MailboxRefuses, match="invalid_client: AADSTS7000215: no") as refusal:
        await tokens(issuer).token()

    assert "s&cret" not in str(refusal.value)
    assert "token" == refusal.value.stage


@pytest.mark.parametrize("answer", [(503, {}), (429, {"error": "slow_down"})])
async def test_a_token_server_that_can_not_just_now_is_tried_again(
    issuer: TokenServer, answer: tuple[int, Any]
) -> None:
    issuer.refuses = answer

    with pytest.raises(MailboxLost, match=str(answer[0])):
        await tokens(issuer).token()


@pytest.mark.parametrize("document", [{}, [], {"access_token": 7}, "x"])
async def test_an_answer_without_a_token_is_refused(issuer: TokenServer, document: Any) -> None:
    issuer.refuses = 200, document

    with pytest.raises(MailboxRefuses, match="holds no access_token"):
        await tokens(issuer).token()


async def test_a_token_server_that_is_away_is_named(issuer: TokenServer) -> None:
    with pytest.raises(MailboxLost, match="no access token from http:"):
        await tokens(issuer, url="http://127.0.0.1:9/").token()


@pytest.mark.system
async def test_a_killed_gateway_logs_in_with_the_token_that_was_renewed(
    modern: Dovecot, issuer: TokenServer, tmp_path: Path
) -> None:
    issuer.rotates = True
    oauth = {"token_url": issuer.token_url, "client_id": "gateway", "refresh_token": "r1"}
    own = mailbox(modern, USER, auth="xoauth2", oauth=oauth)
    del own["password"]
    url, changes = f"sqlite:///{tmp_path}/gateway.db", {"inbound": {"mailboxes": [own]}}
    config = gateway_config(store_url=url, relay_port=1, changes=changes)
    gateway = GatewayProcess(tmp_path / "gateway", config, roles=("inbound",))
    async with gateway:
        for count in (1, 2):
            modern.deliver(USER, forward(message_id=f"<{count}@x.example>").as_bytes())
            await wait_until(lambda: modern.count(USER) == 0, "the mail", 30)
            await gateway.kill()
            await gateway.start()

    assert ["r1", "refresh-1"] == [form["refresh_token"] for form in issuer.forms][:2]


@pytest.mark.system
async def test_a_server_of_another_make_works_as_well(rig: ImporterRig, tmp_path: Path) -> None:
    async with Pymap(tmp_path) as server:
        server.empty()
        own = settings(server.port, pymap.USER, password=pymap.PASSWORD)
        async with watching(rig, own) as watched:
            await wait_until(lambda: "read" in watched.heard, "the first look")
            server.deliver(forward().as_bytes(), forward(subject="no reference").as_bytes())
            await wait_until(lambda: server.count() == 0, "the mails", 20)

        assert (1, 1) == (server.count("Imported"), server.count("Needs attention"))
    assert "down" not in watched.heard
