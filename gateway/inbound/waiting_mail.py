"""Mails in a mailbox that wait for a person, to be moved once the person has decided."""

from collections.abc import Sequence

from gateway.core.replies.inbox import Sighting
from gateway.inbound.importer import verdict_on
from gateway.inbound.verdict import ImportVerdict
from gateway.store.engine.database import Database
from gateway.store.replies import inbox


class WaitingMail:
    """Knows the places of mails that need attention."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, number: int, where: Sighting) -> None:
        """Record where a mail was moved to."""
        await self._database.write(inbox.add_sighting, where, number)

    async def decided_mails(
        self, mailbox: str, folder: str
    ) -> list[tuple[Sighting, ImportVerdict]]:
        """Return the mails in a folder on which a person has decided."""
        decided = await self._database.read(inbox.decided_in, mailbox, folder)
        verdicts = ((where, verdict_on(row)) for where, row in decided)
        return [(where, verdict) for where, verdict in verdicts if verdict is not None]

    async def clear(self, places: Sequence[Sighting]) -> None:
        """Forget places that no longer have a mail."""
        await self._database.write(inbox.delete_sightings, places)
