"""A gateway whose listeners ask for a login or for TLS, in front of several relays."""

import shutil
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rig.certificates import Certificates, Pair
from tests.rig.client import RawClient
from tests.rig.command_server import run_command
from tests.rig.process import LOOPBACK, wait_until
from tests.rig.sink import RawSink
from tests.smtp_proxy.crm import Crm, listener_settings, open_crm

PASSWORD = "geheim \N{SNOWMAN}"


@dataclass(frozen=True, slots=True)
class SecuredGateway:
    """A gateway whose listeners ask for a login or for TLS, and the relays it chooses from."""

    crm: Crm
    sinks: Mapping[str, RawSink]
    pair: Pair  #: What the encrypted listeners show; read again at a reload.
    certificates: Certificates

    @property
    def tls(self) -> ssl.SSLContext:
        """A client's settings."""
        return self.certificates.client_context()

    async def encrypted(self, listener: str) -> RawClient:
        """Connect with TLS, greeted."""
        if listener == "implicit":
            return await self.crm.client(listener, tls=self.tls)
        client = await self.crm.client(listener)
        assert 220 == (await client.starttls(self.tls)).code
        await client.ehlo()
        return client

    async def reload(self) -> None:
        """Have new settings taken, and wait until the proxy goes by them."""
        gateway = self.crm.gateway

        def count() -> int:
            return sum(line["role"] == "smtp" for line in gateway.log_lines("reloaded"))

        before = count()
        gateway.reload()
        await wait_until(lambda: count() > before, "the reload")

    def forget(self) -> None:
        """Empty what the relays saw."""
        for sink in self.sinks.values():
            sink.forget()

    @property
    def taken_by(self) -> list[str]:
        """The relays that got mail."""
        return [name for name, sink in self.sinks.items() if sink.accepted]


@asynccontextmanager
async def open_secured_gateway(
    folder: Path, certificates: Certificates
) -> AsyncIterator[SecuredGateway]:
    """Start the gateway and its relays."""
    pair = Pair(cert=folder / "listener.pem", key=folder / "listener.key")
    install(certificates.server, pair)
    users = folder / "users"
    line = await hashed("crm")
    # With the mark by which editors of Windows begin a file.
    users.write_text(f"\ufeff# who may send\n\n{line}{line.replace('crm', 'chef', 1)}")
    names = ("by-login", "by-domain", "by-listener")
    async with AsyncExitStack() as stack:
        sinks = {name: await stack.enter_async_context(RawSink()) for name in names}
        opened = open_crm(folder, settings(pair, users), relays=relays(sinks), roles=("smtp",))
        crm = await stack.enter_async_context(opened)
        yield SecuredGateway(crm, {**sinks, "relay": crm.sink}, pair, certificates)


async def hashed(login: str) -> str:
    """Return a line for the users file as the command prints it."""
    done = await run_command("users", "hash", login, stdin=f"{PASSWORD}\n".encode())
    assert 0 == done.returncode, done.stderr
    return done.stdout


def install(source: Pair, target: Pair) -> None:
    shutil.copy(source.cert, target.cert)
    shutil.copy(source.key, target.key)


def settings(pair: Pair, users: Path) -> dict[str, Any]:
    shown = {"cert": str(pair.cert), "key": str(pair.key)}
    listeners: dict[str, dict[str, Any]] = {
        "crm": {},
        "second": {},
        "starttls": {"tls": "starttls", **shown},
        "implicit": {"tls": "implicit", "users": str(users), **shown},
        "login": {"users": str(users)},
        "login-starttls": {"tls": "starttls", "users": str(users), **shown},
    }
    return {"smtp": {"listeners": listener_settings(listeners), "override": {"login": "chef"}}}


def relays(sinks: Mapping[str, RawSink]) -> list[dict[str, Any]]:
    match: dict[str, dict[str, Any]] = {
        "by-login": {"login": "crm"},
        "by-domain": {"sender_domain": ["müller.example", "other.example"]},
        "by-listener": {"listener": "second"},
    }
    return [
        {"name": name, "host": LOOPBACK, "port": sinks[name].port, "match": fits}
        for name, fits in match.items()
    ]
