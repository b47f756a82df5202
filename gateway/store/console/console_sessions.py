"""Who is signed in to the console; a session is stored by the SHA-256 of its cookie."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from gateway.store.schema.console import console_sessions

#: Precision of the last use: not every request should cost a write.
_EXACTLY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSession:
    """A browser in which somebody is signed in."""

    digest: str
    user: str
    roles: frozenset[str]  #: As of sign-in.
    way: str  #: `proxy`; or `password:` or `oidc:` and what ends it once changed (the password …).
    form_token: str  #: Must be sent with every form.
    notice: str
    since: datetime
    seen: datetime
    until: datetime


def digest_of(secret: str) -> str:
    """Return the digest under which a cookie's session is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def start(connection: Connection, session: ConsoleSession, now: datetime) -> None:
    """Store a new session, and delete those that have ended."""
    connection.execute(delete(console_sessions).where(console_sessions.c.until <= now))
    row = {
        "digest": session.digest,
        "user": session.user,
        "roles": " ".join(sorted(session.roles)),
        "way": session.way,
        "form_token": session.form_token,
        "notice": session.notice,
        "since": session.since,
        "seen": session.seen,
        "until": session.until,
    }
    connection.execute(insert(console_sessions).values(**row))


def find(connection: Connection, digest: str, now: datetime) -> ConsoleSession | None:
    """Return the session with a digest; None if there is none or it has ended."""
    query = select(console_sessions).where(
        console_sessions.c.digest == digest, console_sessions.c.until > now
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    return ConsoleSession(**{**row._asdict(), "roles": frozenset(row.roles.split())})


def is_stale(session: ConsoleSession, now: datetime) -> bool:
    """Whether its last use should be written again."""
    return now - session.seen >= _EXACTLY


def record_use(connection: Connection, digest: str, now: datetime, until: datetime) -> None:
    """Record that a session was used, and its new expiry."""
    use = update(console_sessions).where(console_sessions.c.digest == digest)
    connection.execute(use.values(seen=now, until=until))


def set_notice(connection: Connection, digest: str, notice: str) -> None:
    """Store what the session's next page is to say; empty: nothing."""
    use = update(console_sessions).where(console_sessions.c.digest == digest)
    connection.execute(use.values(notice=notice))


def prune(connection: Connection, now: datetime, limit: int) -> int:
    """Delete up to `limit` ended sessions; return how many."""
    over = select(console_sessions.c.digest).where(console_sessions.c.until <= now).limit(limit)
    gone = delete(console_sessions).where(console_sessions.c.digest.in_(over))
    return connection.execute(gone).rowcount


def end(connection: Connection, digest: str) -> None:
    """End one session."""
    connection.execute(delete(console_sessions).where(console_sessions.c.digest == digest))


def end_all(connection: Connection, user: str, *, way: str = "") -> int:
    """End all sessions of a user, or those signed in one way; return how many there were."""
    statement = delete(console_sessions).where(
        console_sessions.c.user == user, console_sessions.c.way.startswith(way)
    )
    return connection.execute(statement).rowcount


def users(connection: Connection, now: datetime, *, way: str) -> list[str]:
    """Return who has a live session signed in one way."""
    query = select(console_sessions.c.user).distinct()
    query = query.where(console_sessions.c.way.startswith(way), console_sessions.c.until > now)
    return list(connection.scalars(query))
