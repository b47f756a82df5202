"""What is known of a try to send a mail, from its final dot to the verdict."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gateway.core.journal.attempt import RetryMarks
from gateway.core.mail.headers import Headers
from gateway.smtp_proxy.client_reader import ClientReader
from gateway.smtp_proxy.journaling.retries import ClientTry, Retries


class TryHolder:
    """Holds its try, as a message on its way does."""

    def __init__(self) -> None:
        headers = Headers({})
        marks = RetryMarks("crm@office.example", (), (), headers)
        self.mail = ClientTry(1, marks, headers, datetime.now(UTC), str)

    def tell(self) -> None:
        """Tell the store of it."""


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
async def test_who_has_the_verdict_is_freed_without_the_collector_of_circles() -> None:
    retries, holder = Retries(None), TryHolder()
    left = weakref.ref(holder)
    retries.dot_out(
        holder.mail, ClientReader(asyncio.Transport(), asyncio.get_running_loop()), holder.tell
    )
    retries.leave(holder.mail, None)
    del holder

    assert left() is None
