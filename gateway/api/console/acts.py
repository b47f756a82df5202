"""What is done in the console is journaled: who, what, to what."""

from fastapi import Request

from gateway import logs
from gateway.api.console.access import ConsoleUser
from gateway.api.using import services
from gateway.store.console import console_acts
from gateway.store.console.console_acts import ConsoleAct

log = logs.get("console")


async def did(request: Request, user: ConsoleUser, act: str, *, about: str = "") -> None:
    """Journal what a user did; `act` as `person.suppress`, `about` a key or id, no address."""
    using = services(request)
    done = ConsoleAct(id=using.new_id(), user=user.name, act=act, about=about)
    await using.database.write(lambda connection: console_acts.add(connection, done))
    log.info("console_act", act=act)
