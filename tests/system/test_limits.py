"""A gateway at the limits the system sets it, and back within them."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.rig.client import ConnectionGone, NothingCame, RawClient
from tests.rig.process import open_files, wait_until
from tests.smtp_proxy.crm import SENDER, Crm, mail
from tests.system.conftest import StartCrm

LINE = b"x" * 76 + b"\r\n"

pytestmark = pytest.mark.system


@contextmanager
def limited(pid: int, what: int, value: int) -> Iterator[None]:
    """Set a limit of a running process for the block."""
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (value, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, what, before)


def address_space(pid: int) -> int:
    """Return the address space of a process in octets."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


async def greeted(crm: Crm) -> RawClient | None:
    """Return a client that was let in within a moment."""
    client = await RawClient.connect(crm.port("crm"), greeted=False, timeout=0.5)
    try:
        await client.reply()
    except (ConnectionGone, NothingCame):
        await client.close()
        return None
    return client


async def test_K6_without_free_descriptors_clients_wait_and_nobody_else_notices(
    start_crm: StartCrm,
) -> None:
    crm = await start_crm(roles=("smtp",), listeners={"crm": {}})
    (worker,) = crm.gateway.processes_of("smtp")
    inside = await crm.client()
    before = await inside.transaction(SENDER, [b"ann@example.org"], mail())
    with limited(worker, resource.RLIMIT_NOFILE, open_files(worker) + 4):
        tries = [await greeted(crm) for _ in range(12)]
        during = await inside.transaction(SENDER, [b"ann@example.org"], mail())
    for client in filter(None, tries):
        await client.close()
    await wait_until(lambda: is_served(crm), "service to be resumed", 20)

    assert (250, 250) == (before.end.code, during.end.code)
    assert 0 < sum(client is None for client in tries) < len(tries)
    assert worker in crm.gateway.processes()
    assert crm.gateway.log_lines("cannot_accept")


async def is_served(crm: Crm) -> bool:
    try:
        return (await crm.send([b"ann@example.org"])).end.code == 250
    except (ConnectionGone, NothingCame):
        return False


async def test_K6_a_large_message_needs_no_memory(start_crm: StartCrm) -> None:
    crm = await start_crm(roles=("smtp",), listeners={"crm": {}})
    (worker,) = crm.gateway.processes_of("smtp")
    await crm.send([b"ann@example.org"])
    body = LINE * (20_000_000 // len(LINE))
    with limited(worker, resource.RLIMIT_AS, address_space(worker) + 16_000_000):
        sent = await asyncio.gather(
            # Of one subject the others could be told for retries of the first, if that is slow.
            *(crm.send([b"ann@example.org"], mail(f"{number}", body=body)) for number in range(3))
        )

    assert [250] * 3 == [one.end.code for one in sent]
    assert [True] * 3 == [one.content.endswith(body) for one in crm.sink.messages[1:]]
    assert worker in crm.gateway.processes()
