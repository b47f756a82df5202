"""Postfix instances of our own: a relay, and the CRM's own sender in front of the gateway."""

import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from tests.rig.logfile import LogFile
from tests.rig.memory import memory_folder
from tests.rig.process import (
    LOOPBACK,
    free_port,
    has_banner,
    needs,
    program,
    run,
    wait_until,
)
from tests.rig.server_process import ServerProcess

MAIN = """\
compatibility_level = 3.6
config_directory = {folder}/config
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
syslog_name = {name}
mail_owner = postfix
setgid_group = postdrop
inet_protocols = ipv4
inet_interfaces = {loopback}
myhostname = {name}.example
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtp_tls_security_level = none
message_size_limit = 104857600
mailbox_size_limit = 0
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
"""
MASTER = """\
{loopback}:{port} inet n - n - - smtpd
pickup    unix  n - n 60  1 pickup
cleanup   unix  n - n -   0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n -   - trivial-rewrite
bounce    unix  - - n -   0 bounce
defer     unix  - - n -   0 bounce
trace     unix  - - n -   0 bounce
verify    unix  - - n -   1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -   - proxymap
smtp      unix  - - n -   - smtp
lmtp      unix  - - n -   - lmtp
local     unix  - n n -   - local
error     unix  - - n -   - error
retry     unix  - - n -   - error
discard   unix  - - n -   - discard
anvil     unix  - - n -   1 anvil
scache    unix  - - n -   1 scache
tlsmgr    unix  - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
"""
DELIVERY = re.compile(
    r"(?P<service>\w+)\[\d+\]: (?P<queue_id>\w+): to=<(?P<recipient>[^>]*)>,.*"
    r" dsn=(?P<dsn>[\d.]+), status=(?P<status>\w+) \((?P<reply>.*)\)$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A line of the mail log about a recipient."""

    service: str  #: smtp, discard, error …
    queue_id: str
    recipient: str
    dsn: str
    status: str  #: sent, bounced or deferred.
    reply: str  #: The other side's reply, or Postfix's own text.


class Postfix:
    """An instance with its own configuration, queue, log and port; no DNS."""

    def __init__(self, name: str, main: Mapping[str, str], port: int = 0) -> None:
        if os.geteuid() != 0:
            needs("postfix", "only root can start an instance of one's own")
        self._program = program("postfix", "postfix")
        self.name = name
        self.port = port or free_port()
        # Postfix's own user needs access, which a folder of pytest's does not allow. Each mail is
        # several files, all synced: on a disk that is half of its cost.
        made = tempfile.mkdtemp(prefix=f"gateway-{name}-", dir=memory_folder())
        self.folder = Path(made)
        self._log = LogFile(self.folder / "mail.log")
        self._deliveries: list[Delivery] = []
        self._read_lines = 0
        self._server = ServerProcess(f"Postfix {name}", self.folder / "start.log", self.folder)
        self._configure(main)

    @classmethod
    def discarding(cls, name: str = "relay", **main: str) -> Self:
        """Return a relay that accepts and discards every mail; `deliveries` counts them."""
        return cls(name, {"default_transport": "discard:", **main})

    @classmethod
    def forwarding(cls, port: int, name: str = "crm", **main: str) -> Self:
        """Return an instance that sends everything on to a port of 127.0.0.1.

        With the gateway's port it is the CRM's own sender, with a sink's port it is a relay. Mail
        to crm.example, where its bounces go, is discarded and logged.
        """
        own_mail = {"transport_maps": "inline:{{crm.example=discard:}}"}
        return cls(name, {"relayhost": f"[{LOOPBACK}]:{port}", **own_mail, **main})

    def _configure(self, main: Mapping[str, str]) -> None:
        self.folder.chmod(0o755)
        for name in ("config", "queue", "data"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        shipped = MAIN.format(folder=self.folder, name=self.name, loopback=LOOPBACK)
        lines = shipped.splitlines(keepends=True)
        text = "".join(line for line in lines if line.partition(" =")[0] not in main)
        text += "".join(f"{key} = {value}\n" for key, value in main.items())
        (self.folder / "config/main.cf").write_text(text)
        master = MASTER.format(loopback=LOOPBACK, port=self.port)
        (self.folder / "config/master.cf").write_text(master)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Start it and wait for its banner."""
        config = str(self.folder / "config")
        checked = await run(self._program, "-c", config, "check")
        assert checked.returncode == 0, checked.stderr
        where = await run(program("postconf", "postfix"), "-c", config, "-h", "daemon_directory")
        master = f"{where.stdout.strip()}/master"
        await self._server.start([master, "-c", config, "-d"], partial(has_banner, self.port))

    async def stop(self) -> None:
        """Stop it; queue and log stay, and it can be restarted."""
        await self._server.stop()

    async def close(self) -> None:
        """Stop it and remove its folder."""
        await self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # What it did

    def deliveries(self, status: str = "") -> list[Delivery]:
        """Return the log's entries on all recipients, or on those with this status."""
        lines = self._log.lines()
        found = (DELIVERY.search(line) for line in lines[self._read_lines :])
        self._deliveries += [Delivery(**match.groupdict()) for match in found if match]
        self._read_lines = len(lines)
        return [one for one in self._deliveries if status in ("", one.status)]

    def counts(self) -> Counter[str]:
        """Return how many recipients were sent, bounced and deferred."""
        return Counter(delivery.status for delivery in self.deliveries())

    async def wait_for(self, count: int, status: str = "sent", timeout: float = 30.0) -> None:
        """Wait until the log has this many recipients with this status."""
        what = f"{count} x {status} in the log of Postfix {self.name}"
        await wait_until(lambda: len(self.deliveries(status)) >= count, what, timeout)

    def queue_length(self) -> int:
        """Return the number of mails in the queue, in any state."""
        places = ("maildrop", "incoming", "active", "deferred", "hold")
        queues = (self.folder / "queue" / place for place in places)
        return sum(path.is_file() for queue in queues for path in queue.rglob("*"))
