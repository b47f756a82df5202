"""What was done in the console, and by whom; kept as long as the journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from gateway.core.ids import first_id_at, moment_of
from gateway.store.engine.id_ranges import of_page
from gateway.store.schema.console import console_acts

#: Suffix of an act that was begun but isn't known to have been done (yet).
BEGUN = ".begun"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleAct:
    """Something a user did."""

    id: int
    user: str
    act: str  #: `person.suppress`, or `campaign.send.begun`.
    about: str  #: What it was done to: a key or an id, such as `candidate:17`; may be empty.

    @property
    def at(self) -> datetime:
        """When it was done."""
        return moment_of(self.id)


def about_application(reference: str) -> str:
    """Return the `about` of an act on an application: `application:2026/17`."""
    return f"application:{reference}"


def add(connection: Connection, act: ConsoleAct) -> None:
    """Record what was done."""
    row = {"id": act.id, "user": act.user, "act": act.act, "about": act.about}
    connection.execute(insert(console_acts).values(**row))


def end(connection: Connection, act: ConsoleAct, *, about: str) -> None:
    """Record that an act which had begun was done, and to what."""
    row = update(console_acts).where(console_acts.c.id == act.id)
    connection.execute(row.values(act=act.act.removesuffix(BEGUN), about=about))


def take_out(connection: Connection, act: ConsoleAct) -> None:
    """Delete an act that had begun and was refused."""
    connection.execute(delete(console_acts).where(console_acts.c.id == act.id))


def prune(connection: Connection, before: datetime, limit: int) -> int:
    """Delete up to `limit` acts older than a time; return how many."""
    last = first_id_at(before)
    old = select(console_acts.c.id).where(console_acts.c.id < last).limit(limit)
    return connection.execute(delete(console_acts).where(console_acts.c.id.in_(old))).rowcount


def list_acts(
    connection: Connection,
    *,
    user: str | None = None,
    about: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[ConsoleAct]:
    """Return acts, newest first."""
    query = select(console_acts).order_by(console_acts.c.id.desc()).limit(limit)
    if user is not None:
        query = query.where(console_acts.c.user == user)
    if about is not None:
        query = query.where(console_acts.c.about == about)
    query = query.where(*of_page(console_acts.c.id, since, before))
    return [ConsoleAct(**row._asdict()) for row in connection.execute(query)]
