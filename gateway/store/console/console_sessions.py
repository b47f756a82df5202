"""Who is signed in at the console; a session is kept by the SHA-256 of what its cookie shows."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from gateway.store.schema.console import console_sessions

#: How exactly the last use is known: not every request is to be written down.
_EXACTLY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSession:
    """One browser in which somebody is signed in."""

    digest: str
    user: str
    roles: frozenset[str]  #: At the time of the login.
    way: str  #: `proxy`; or `password:` or `oidc:` and what it ends with, as another password.
    form_token: str  #: What every form must bring along.
    notice: str
    since: datetime
    seen: datetime
    until: datetime


def digest_of(secret: str) -> str:
    """Return the digest by which the session of a cookie is found."""
    return hashlib.sha256(secret.encode()).hexdigest()


def start(connection: Connection, session: ConsoleSession, now: datetime) -> None:
    """Keep a new session, and forget those that have ended."""
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
    """Return the session of a digest; None where there is none or it has ended."""
    wanted = select(console_sessions).where(
        console_sessions.c.digest == digest, console_sessions.c.until > now
    )
    row = connection.execute(wanted).first()
    if row is None:
        return None
    return ConsoleSession(**{**row._asdict(), "roles": frozenset(row.roles.split())})


def is_stale(session: ConsoleSession, now: datetime) -> bool:
    """Whether its last use should be written down again."""
    return now - session.seen >= _EXACTLY


def seen(connection: Connection, digest: str, now: datetime, until: datetime) -> None:
    """Write down that a session was used, and until when it goes on."""
    use = update(console_sessions).where(console_sessions.c.digest == digest)
    connection.execute(use.values(seen=now, until=until))


def tell(connection: Connection, digest: str, notice: str) -> None:
    """Keep what the next page of a session says; empty: nothing."""
    use = update(console_sessions).where(console_sessions.c.digest == digest)
    connection.execute(use.values(notice=notice))


def prune(connection: Connection, now: datetime, limit: int) -> int:
    """Forget up to a number of sessions that have ended; return how many."""
    over = select(console_sessions.c.digest).where(console_sessions.c.until <= now).limit(limit)
    gone = delete(console_sessions).where(console_sessions.c.digest.in_(over))
    return connection.execute(gone).rowcount


def end(connection: Connection, digest: str) -> None:
    """End one session."""
    connection.execute(delete(console_sessions).where(console_sessions.c.digest == digest))


def end_all(connection: Connection, user: str, *, way: str = "") -> int:
    """End all sessions of a user, or those that began in one way; return how many there were."""
    theirs = delete(console_sessions).where(
        console_sessions.c.user == user, console_sessions.c.way.startswith(way)
    )
    return connection.execute(theirs).rowcount


def users(connection: Connection, now: datetime, *, way: str) -> list[str]:
    """Return who has a session that began in one way and has not ended."""
    theirs = select(console_sessions.c.user).distinct()
    theirs = theirs.where(console_sessions.c.way.startswith(way), console_sessions.c.until > now)
    return list(connection.scalars(theirs))
