"""What is done in the console is journaled: who, what, to what; whatever fails meanwhile.

What changes the store alone is journaled in the same transaction. The rest, such as a campaign sent
by Mailchimp, is journaled before it is done: a line written afterwards would be lost with a process
that is killed in between.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request
from starlette.exceptions import HTTPException

from gateway import logs
from gateway.api.console.access import ConsoleUser
from gateway.api.services import NotDone
from gateway.api.using import services
from gateway.core.errors import GatewayError
from gateway.store.console import console_acts
from gateway.store.console.console_acts import BEGUN, ConsoleAct
from gateway.store.engine.database import StoreTransaction, StoreUnavailable

log = logs.get("console")
T = TypeVar("T")


async def change_store(
    request: Request,
    user: ConsoleUser,
    act: str,
    work: Callable[[StoreTransaction], T],
    *,
    about: str | Callable[[T], Sequence[str]],
) -> T:
    """Do work in a transaction, and journal it there.

    `act` is for example `person.suppress`. `about` is a key or id (never an address), or a function
    that returns them for the work's result: a line is written for each, and none for none.
    """
    using = services(request)

    def work_and_journal(connection: StoreTransaction) -> tuple[T, int]:
        done = work(connection)
        abouts = [about] if isinstance(about, str) else about(done)
        for subject in abouts:
            line = ConsoleAct(id=using.new_id(), user=user.name, act=act, about=subject)
            console_acts.add(connection, line)
        return done, len(abouts)

    done, lines = await using.database.write(work_and_journal)
    for _ in range(lines):
        log.info("console_act", act=act)
    return done


@dataclass(slots=True)
class Doing:
    """An act under way."""

    about: str  #: May be known afterwards only, as the id of what was made.
    is_done: bool = True  #: False: nothing was to be done.


@asynccontextmanager
async def doing(
    request: Request, user: ConsoleUser, act: str, *, about: str = ""
) -> AsyncIterator[Doing]:
    """Journal an act as begun, and as done when the block ends; what is refused is taken out again.

    It stays as `campaign.send.begun` where nobody knows whether it was done: where the gateway was
    stopped meanwhile, or Mailchimp gave no answer. What can't be journaled isn't begun.
    """
    using, state = services(request), Doing(about)
    line = ConsoleAct(id=using.new_id(), user=user.name, act=f"{act}{BEGUN}", about=about)
    await using.database.write(console_acts.add, line)
    try:
        yield state
    except Exception as error:
        if _was_refused(error):
            await using.database.write(console_acts.take_out, line)
        raise
    if not state.is_done:
        await using.database.write(console_acts.take_out, line)
        return
    await using.database.write(console_acts.end, line, about=state.about)
    log.info("console_act", act=act)


def _was_refused(error: Exception) -> bool:
    """Whether an error says that nothing was done."""
    match error:
        case NotDone(status=502) | StoreUnavailable():  # It may still have been done.
            return False
        case GatewayError() | HTTPException():
            return True
        case _:
            return False
