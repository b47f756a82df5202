"""Journals what is done in the console: who did what, and to what, whatever fails meanwhile.

Acts that only change the store are journaled in the same transaction. Others, such as sending a
campaign through Mailchimp, are journaled beforehand: an entry written afterwards would be lost if
the process were killed in between.
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
    """Do work in a transaction, and journal it in the same one.

    `act` is, for example, `person.suppress`. `about` is a key or id (never an address), or a
    function that returns several for the work's result: each gets an entry.
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
class ActInProgress:
    """An act in progress."""

    about: str  #: May be known only afterwards, as for the id of something new.
    is_done: bool = True  #: False: there was nothing to do.


@asynccontextmanager
async def doing(
    request: Request, user: ConsoleUser, act: str, *, about: str = ""
) -> AsyncIterator[ActInProgress]:
    """Journal an act as begun, and as done when the block ends; delete the entry if it is refused.

    It remains as `campaign.send.begun` if nobody knows whether it was done: because the gateway was
    stopped meanwhile, or Mailchimp didn't answer. What can't be journaled isn't begun.
    """
    using, state = services(request), ActInProgress(about)
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
    """Whether an error means that nothing was done."""
    match error:
        case NotDone(status=502) | StoreUnavailable():  # It may still have been done.
            return False
        case GatewayError() | HTTPException():
            return True
        case _:
            return False
