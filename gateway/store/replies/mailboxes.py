"""What is known of a mailbox's server besides its mail, for all processes and the next start."""

from datetime import datetime

from sqlalchemy import Connection, select

from gateway.store.engine.upsert import insert_into
from gateway.store.schema.inbound import mailbox_states


def refresh_token(connection: Connection, account: str, digest: str) -> str:
    """Return the latest refresh token of an account; empty if the one in the config is newer.

    `digest` is that of the token in the config: if it has changed, a person has entered a new
    one.
    """
    query = select(mailbox_states.c.refresh_token).where(
        mailbox_states.c.account == account, mailbox_states.c.given == digest
    )
    return connection.scalar(query) or ""


def keep_refresh_token(connection: Connection, account: str, digest: str, token: str) -> None:
    """Store the refresh token that a server issued to replace the previous one."""
    _keep(connection, account, given=digest, refresh_token=token)


def touch(connection: Connection, account: str) -> None:
    """Write an account's row unchanged; raises whatever writing raises."""
    insert = insert_into(connection, mailbox_states).values(account=account)
    same = {"account": account}
    connection.execute(insert.on_conflict_do_update(index_elements=["account"], set_=same))


def idle_silent_since(connection: Connection, account: str) -> datetime | None:
    """Return since when a server offering IDLE has been known not to announce new mail."""
    query = select(mailbox_states.c.idle_silent_since).where(mailbox_states.c.account == account)
    return connection.scalar(query)


def keep_idle_silent(connection: Connection, account: str, since: datetime | None) -> None:
    """Record since when a server's IDLE hasn't announced new mail; None if it does."""
    _keep(connection, account, idle_silent_since=since)


def _keep(connection: Connection, account: str, **values: object) -> None:
    insert = insert_into(connection, mailbox_states).values(account=account, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=["account"], set_=values))
