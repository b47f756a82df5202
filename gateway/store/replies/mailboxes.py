"""What is known of a mailbox's server beside its mail, for every process and the next start."""

from datetime import datetime

from sqlalchemy import Connection, select

from gateway.store.engine.upsert import insert_into
from gateway.store.schema.inbound import mailbox_states


def refresh_token(connection: Connection, account: str, given: str) -> str:
    """Return the refresh token an account was given last; empty if the config's own is newer.

    `given` is a digest of the token in the config: another one there was put in by a person.
    """
    query = select(mailbox_states.c.refresh_token).where(
        mailbox_states.c.account == account, mailbox_states.c.given == given
    )
    return connection.scalar(query) or ""


def keep_refresh_token(connection: Connection, account: str, given: str, token: str) -> None:
    """Keep the refresh token that a server gave in place of the one before."""
    _keep(connection, account, given=given, refresh_token=token)


def touch(connection: Connection, account: str) -> None:
    """Write what is known of an account, nothing changed; raises what writing raises."""
    insert = insert_into(connection, mailbox_states).values(account=account)
    same = {"account": account}
    connection.execute(insert.on_conflict_do_update(index_elements=["account"], set_=same))


def idle_silent_since(connection: Connection, account: str) -> datetime | None:
    """Return since when a server that offers IDLE has been seen to keep silent about new mail."""
    query = select(mailbox_states.c.idle_silent_since).where(mailbox_states.c.account == account)
    return connection.scalar(query)


def keep_idle_silent(connection: Connection, account: str, since: datetime | None) -> None:
    """Record since when a server's IDLE is silent about new mail; None: it isn't."""
    _keep(connection, account, idle_silent_since=since)


def _keep(connection: Connection, account: str, **values: object) -> None:
    insert = insert_into(connection, mailbox_states).values(account=account, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=["account"], set_=values))
