"""`python -m tests.clients`: run what there is against a gateway of this checkout, and show it.

A run of all of them writes the tables into docs/clients.md; what could not be tried is "–" there.
Packages are kept, and results.json written, in ~/.cache/crm-mail-gateway-clients (or below
XDG_CACHE_HOME).
"""

import argparse
import asyncio
import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from tests.clients.libraries import LIBRARIES, ClientFailed, ClientLibrary
from tests.clients.mail_server_situations import MailServerReport, MailServerSituations
from tests.clients.mail_servers import MAIL_SERVERS, MailServer
from tests.clients.packages import cache_folder, prepare
from tests.clients.situations import ClientReport, Situations, open_situations
from tests.clients.tables import as_json, page
from tests.clients.tap import Tap

DOCS = Path(__file__).parents[2] / "docs/clients.md"
BEGIN, END = "<!-- make clients: begin -->", "<!-- make clients: end -->"
#: So long one of them may take in all, installing apart.
LIMIT = 240.0


class Run:
    """One run over libraries and mail servers."""

    def __init__(self, console: Console) -> None:
        self.clients: list[ClientReport] = []
        self.servers: list[MailServerReport] = []
        self.failures: list[str] = []
        self._console = console
        self._cache = cache_folder()

    async def run(
        self, libraries: Sequence[ClientLibrary], servers: Sequence[type[MailServer]], folder: Path
    ) -> None:
        """Start the gateway and put each into every situation."""
        async with open_situations(folder, self._cache) as situations, Tap() as tap:
            for library in libraries:
                await self._library(library, situations)
            beside = MailServerSituations(situations.crm, tap, self._cache)
            for server in servers:
                await self._server(server, beside)

    async def _library(self, library: ClientLibrary, situations: Situations) -> None:
        report = ClientReport(library=library)
        self._console.print(f"{library.title} …")
        try:
            packaged = prepare(library, self._cache)
            about = await library.about(self._cache)
            report.version = about["version"] or packaged
            report.time_limit = about["time_limit"]
            async with asyncio.timeout(LIMIT):
                await situations.look_at(report)
        except (ClientFailed, TimeoutError) as error:
            self._failed(library.title, str(error) or f"not done in {LIMIT:g} s")
            return
        for situation, text in report.failures.items():
            self._failed(f"{library.title}, {situation}", text)
        self.clients.append(report)

    async def _server(self, server: type[MailServer], situations: MailServerSituations) -> None:
        report = MailServerReport(server=server)
        self._console.print(f"{server.title} …")
        try:
            async with asyncio.timeout(LIMIT):
                await situations.look_at(report)
        except (ClientFailed, AssertionError, TimeoutError) as error:
            self._failed(server.title, str(error) or f"not done in {LIMIT:g} s")
            return
        for situation, text in report.failures.items():
            self._failed(f"{server.title}, {situation}", text)
        self.servers.append(report)

    def _failed(self, what: str, why: str) -> None:
        self.failures.append(f"{what}: {why}")
        self._console.print(f"[red]not measured: {what}: {why}", soft_wrap=True)

    def written(self) -> str:
        """Return the tables with the line that says when and where."""
        day = datetime.now(UTC).date()
        machine = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
        return f"Measured on {day}, {machine}.\n\n{page(self.clients, self.servers)}"

    def save(self) -> Path:
        """Write everything seen as JSON, and return the file."""
        file = self._cache / "results.json"
        seen = {"clients": as_json(self.clients), "servers": as_json(self.servers)}
        file.write_text(json.dumps({**seen, "failures": self.failures}, indent=2))
        return file


def write_docs(file: Path, text: str) -> None:
    """Put the tables in the place of those that stand there."""
    before, _, rest = file.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, f"{file} has no {BEGIN} … {END}"
    file.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")


def main() -> int:
    """Run what the command line names, or all; 1 when something could not be measured."""
    names = [*(one.name for one in LIBRARIES), *(one.name for one in MAIL_SERVERS)]
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}")
    wanted = parser.parse_args().names
    if unknown := {*wanted} - {*names}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    console = Console()
    run = Run(console)
    libraries = [one for one in LIBRARIES if one.name in (wanted or names)]
    servers = [one for one in MAIL_SERVERS if one.name in (wanted or names)]
    with tempfile.TemporaryDirectory(prefix="gateway-clients-") as folder:
        asyncio.run(run.run(libraries, servers, Path(folder)))
    print(f"\n{run.written()}")
    console.print(f"Everything seen: {run.save()}")
    is_whole = len(run.clients) == len(LIBRARIES) and len(run.servers) == len(MAIL_SERVERS)
    if is_whole:
        write_docs(DOCS, run.written())
    console.print("Wrote docs/clients.md." if is_whole else "docs/clients.md stays as it is.")
    return int(bool(run.failures))


if __name__ == "__main__":
    sys.exit(main())
