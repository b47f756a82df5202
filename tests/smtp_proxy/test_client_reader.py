"""What a client sends is held in bounded memory and never left unread."""

import asyncio

import pytest

from gateway.smtp_proxy.client_reader import HIGH_WATER, ClientReader, LineTooLong


class Reading(asyncio.Transport):
    """Remembers whether the other side may send."""

    is_reading_now = True

    def pause_reading(self) -> None:
        self.is_reading_now = False

    def resume_reading(self) -> None:
        self.is_reading_now = True


@pytest.fixture
async def transport() -> Reading:
    return Reading()


@pytest.fixture
async def client_reader(transport: Reading) -> ClientReader:
    return ClientReader(transport, asyncio.get_running_loop())


async def test_a_client_that_sends_too_much_has_to_wait(
    client_reader: ClientReader, transport: Reading
) -> None:
    client_reader.feed(b"x" * (HIGH_WATER + 1))
    held = transport.is_reading_now
    await client_reader.chunk()

    assert (False, True) == (held, transport.is_reading_now)


@pytest.mark.parametrize("last", [b"\n", b"x" * (HIGH_WATER + 1) + b"\nNOOP"])
async def test_S18_the_client_may_send_again_after_an_overlong_line(
    client_reader: ClientReader, transport: Reading, last: bytes
) -> None:
    waiting = asyncio.create_task(client_reader.line(100))
    for octets in (b"x" * 101, b"x" * (HIGH_WATER + 1), last):
        client_reader.feed(octets)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    with pytest.raises(LineTooLong):
        await waiting

    following = asyncio.create_task(client_reader.line(100))
    await asyncio.sleep(0)

    assert transport.is_reading_now
    client_reader.feed(b"\r\n")
    assert (await following).endswith(b"\r")
