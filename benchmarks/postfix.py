"""Postfix's before-queue proxy filter with an access map: the peer to beat."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.client import Client
from benchmarks.load import tool
from benchmarks.processes import BenchmarkError, free_port, running

PROCESSES = 250
QUEUE = ("pid", "private", "public", "incoming", "active", "deferred", "maildrop")

MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/mail.log
maillog_file_prefixes = {root}
myhostname = postfix.bench.example
mydestination =
relay_domains = bench.example
local_recipient_maps =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
default_process_limit = {processes}
message_size_limit = 0
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access hash:{root}/access, permit_mynetworks, reject
"""

MASTER = """\
127.0.0.1:{port} inet n - n - {processes} smtpd
    -o smtpd_proxy_filter=127.0.0.1:{relay}
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


@contextmanager
def postfix(root: Path, *, relay: int, refused: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Run a Postfix of our own before `relay`; yield its port and the pid of its master.

    Its recipient access map contains the `refused` addresses.
    """
    port = prepare(root, relay=relay, refused=refused)
    with serving(root, port) as pid:
        _check(port, refused[0])
        yield port, pid


def prepare(root: Path, *, relay: int, refused: Sequence[str]) -> int:
    """Set up what `postfix` runs; return its port."""
    if os.geteuid() != 0:
        raise BenchmarkError("Postfix starts only as root: run the benchmark as root")
    port = free_port()
    _lay_out(root, port=port, relay=relay)
    _make_access_map(root, refused)
    return port


@contextmanager
def serving(root: Path, port: int) -> Iterator[int]:
    """Run what was prepared for the duration of the block; yield the pid of its master."""
    command = [tool("master"), "-c", str(root / "etc"), "-d"]
    with running(command, log=root / "master.log", port=port) as master:
        yield master.pid


def version() -> str:
    """Return the version of Postfix."""
    return _postconf("-h", "-d", "mail_version")


def _lay_out(root: Path, *, port: int, relay: int) -> None:
    for name in ("etc", "data", *(f"queue/{each}" for each in QUEUE)):
        (root / name).mkdir(parents=True)
    for name in ("data", *(f"queue/{each}" for each in QUEUE if each != "pid")):
        shutil.chown(root / name, "postfix")
    shutil.chown(root / "queue/public", "postfix", "postdrop")
    dynamic_maps = Path("/etc/postfix/dynamicmaps.cf")
    if dynamic_maps.exists():
        shutil.copy(dynamic_maps, root / "etc")
        shutil.copytree(f"{dynamic_maps}.d", root / "etc/dynamicmaps.cf.d")
    values = {"root": root, "port": port, "relay": relay, "processes": PROCESSES}
    (root / "etc/main.cf").write_text(MAIN.format_map(values))
    (root / "etc/master.cf").write_text(MASTER.format_map(values))


def _make_access_map(root: Path, refused: Sequence[str]) -> None:
    entries = (f"{address} REJECT suppressed\n" for address in refused)
    (root / "access").write_text("".join(entries))
    command = [tool("postmap"), "-c", str(root / "etc"), f"hash:{root}/access"]
    subprocess.run(command, check=True)


def _check(port: int, refused: str) -> None:
    with Client(port) as client:
        client.command(b"MAIL FROM:<crm@bench.example>", b"250")
        client.command(b"RCPT TO:<%s>" % refused.encode(), b"554")


def _postconf(*arguments: str) -> str:
    command = [tool("postconf"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
