"""Contacts of erased people still to be archived or deleted at Mailchimp."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from gateway.store.schema.erasures import mailchimp_removals

_c = mailchimp_removals.c


@dataclass(frozen=True, slots=True, kw_only=True)
class MailchimpRemoval:
    """A contact to archive or delete."""

    id: int
    audience: str
    member: str  #: As in the URLs of Mailchimp's API.
    mode: str  #: archive or delete
    attempts: int


def due(connection: Connection, at: datetime, limit: int) -> list[MailchimpRemoval]:
    """Return what is due, oldest first."""
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


def delete_done(connection: Connection, number: int) -> None:
    """Delete an entry: Mailchimp has done it."""
    connection.execute(delete(mailchimp_removals).where(_c.id == number))


def put_off(connection: Connection, removal: MailchimpRemoval, error: str, at: datetime) -> None:
    """Retry an entry later."""
    values = {"attempts": removal.attempts + 1, "error": error, "next_at": at}
    connection.execute(update(mailchimp_removals).where(_c.id == removal.id).values(values))


def errors_of_waiting(connection: Connection) -> list[str]:
    """Return the error of each waiting entry; empty if it has not been tried yet."""
    return list(connection.scalars(select(_c.error).order_by(_c.id)))
