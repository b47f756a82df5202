"""hoodiecrow: an IMAP server in JavaScript, installed by npm, with as few extensions as wanted.

It sends no `* SEARCH` if a search finds nothing, and reads an escaped `"` as a backslash.
"""

import shutil
import signal
import tempfile
from functools import partial
from pathlib import Path
from typing import Self

from tests.rig.mailboxes import PASSWORD, Mailboxes
from tests.rig.process import (
    LOOPBACK,
    free_port,
    has_listener,
    needs,
    program,
    run,
)
from tests.rig.server_process import ServerProcess

PACKAGE = "hoodiecrow-imap@2.1.0"
_SCRIPT = """\
const [port, host, plugins, user, password] = process.argv.slice(2);
const server = require("hoodiecrow-imap")({
    plugins: plugins.split(" ").filter(Boolean),
    users: {[user]: {password}},
    storage: {"": {separator: "/", folders: {}}, INBOX: {messages: []}},
});
server.listen(Number(port), host);
"""


class Hoodiecrow(Mailboxes):
    """An in-memory server with one user; `plugins` are its extensions."""

    def __init__(self, user: str, plugins: str) -> None:
        super().__init__(free_port())
        self._user = user
        self._plugins = plugins
        self.folder = Path(tempfile.mkdtemp(prefix="gateway-hoodiecrow-"))
        self._server = ServerProcess("hoodiecrow", self.folder / "log", self.folder)

    async def __aenter__(self) -> Self:
        where = ["--prefix", str(self.folder), "--cache", str(self.folder / "cache")]
        quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = await run(program("npm", "npm"), "install", *quiet, *where, PACKAGE, timeout=120)
        if done.returncode != 0:
            needs(PACKAGE, done.stderr.strip() or "npm can't install it")
        script = self.folder / "server.js"
        script.write_text(_SCRIPT)
        as_read = PASSWORD.replace('"', "\\")
        words = [str(self.port), LOOPBACK, self._plugins, self._user, as_read]
        command = [program("node", "nodejs"), str(script), *words]
        await self._server.start(command, partial(has_listener, self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
