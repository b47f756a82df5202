"""One gateway for all tests of the relay's side; a reload gives it the relay a test needs."""

from typing import Any

from tests.rig.process import LOOPBACK, wait_until
from tests.smtp_proxy.crm import Crm

BUDGET = 2.0  #: Seconds.


class RelaySide:
    """A CRM's gateway whose relay is the point."""

    def __init__(self, crm: Crm) -> None:
        self.crm = crm
        self.sink = crm.sink
        self.gateway = crm.gateway
        self._relays: list[dict[str, Any]] = []

    async def use(self, *relays: dict[str, Any]) -> None:
        """Go by these relays from now on; each is laid over one at the sink's port."""
        shipped = {"host": LOOPBACK, "port": self.sink.port, "budget": f"{BUDGET:.0f}s"}
        wanted = [{"name": "relay", **shipped, **relay} for relay in relays or ({},)]
        if wanted == self._relays:
            return
        self._relays = wanted
        self.gateway.change({"relays": wanted})
        await self.reload()

    async def reload(self) -> None:
        """Have the gateway read its config again and wait until all processes have."""
        gateway = self.gateway
        done = len(gateway.log_lines("reloaded")) + len(gateway.roles)
        gateway.reload()
        await gateway.wait_for_log("reloaded", done)

    async def fresh(self) -> None:
        """Leave nothing of an earlier test: no fault, no idle connection, the usual relay."""
        await self.crm.forget()
        self.sink.drop_connections()
        await wait_until(lambda: self.sink.open_connections == 0, "the end of all connections")
        await self.use()
        self.sink.forget()
