"""Contacts of erased people that Mailchimp is still to archive or delete."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from gateway.store.schema.erasures import mailchimp_removals

_c = mailchimp_removals.c


@dataclass(frozen=True, slots=True, kw_only=True)
class MailchimpRemoval:
    """A contact that is to go."""

    id: int
    audience: str
    member: str  #: As Mailchimp's calls name it.
    mode: str  #: archive or delete
    attempts: int


def due(connection: Connection, at: datetime, limit: int) -> list[MailchimpRemoval]:
    """Return what is to be done now, the oldest first."""
    query = select(mailchimp_removals).where(_c.next_at <= at).order_by(_c.next_at).limit(limit)
    return [
        MailchimpRemoval(
            id=row.id,
            audience=row.audience,
            member=row.member,
            mode=row.mode,
            attempts=row.attempts,
        )
        for row in connection.execute(query)
    ]


def done(connection: Connection, number: int) -> None:
    """Forget one: Mailchimp has done it."""
    connection.execute(delete(mailchimp_removals).where(_c.id == number))


def put_off(connection: Connection, removal: MailchimpRemoval, error: str, at: datetime) -> None:
    """Have one tried again later."""
    values = {"attempts": removal.attempts + 1, "error": error, "next_at": at}
    connection.execute(update(mailchimp_removals).where(_c.id == removal.id).values(values))


def waiting(connection: Connection) -> list[str]:
    """Return what went wrong with each that waits; empty where it was not tried yet."""
    return list(connection.scalars(select(_c.error).order_by(_c.id)))
