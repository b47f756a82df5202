"""The API's tokens, stored as the SHA-256 of their secrets."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from gateway.core import ids
from gateway.core.errors import GatewayError
from gateway.core.token import Token, TokenRole, TokenScope
from gateway.store.schema.api import tokens

#: Precision of the last use: not every request should cost a write.
_EXACTLY = timedelta(minutes=1)


class NoSuchToken(GatewayError):
    """There is no token with this id."""

    cure = "gateway tokens list"


def add(connection: Connection, token: Token, secret: str) -> None:
    """Store a new token; `secret` is what its bearer presents."""
    row = {"id": token.id, "digest": _digest(secret), "name": token.name, "source": token.source}
    rights = {"scopes": " ".join(sorted(token.scopes)), "roles": " ".join(sorted(token.roles))}
    connection.execute(insert(tokens).values(**row, **rights))


def find(connection: Connection, secret: str) -> Token | None:
    """Return the token with this secret; None if there is none, or if it was revoked."""
    valid = select(tokens).where(tokens.c.digest == _digest(secret), tokens.c.revoked_at.is_(None))
    row = connection.execute(valid).first()
    return None if row is None else _token(row)


def is_stale(token: Token, now: datetime) -> bool:
    """Whether its last use should be written again."""
    return token.last_used is None or now - token.last_used >= _EXACTLY


def record_use(connection: Connection, number: int, now: datetime) -> None:
    """Record when a token was last used."""
    use = update(tokens).where(
        tokens.c.id == number, or_(tokens.c.last_used.is_(None), tokens.c.last_used < now)
    )
    connection.execute(use.values(last_used=now))


def list_tokens(connection: Connection) -> list[Token]:
    """Return all tokens, newest first, including revoked ones."""
    rows = connection.execute(select(tokens).order_by(tokens.c.id.desc()))
    return [_token(row) for row in rows]


def revoke(connection: Connection, number: int, now: datetime) -> Token:
    """Revoke a token at once; return it as it was, or raise `NoSuchToken`."""
    row = connection.execute(select(tokens).where(tokens.c.id == number).with_for_update()).first()
    if row is None:
        raise NoSuchToken(f"there is no token {ids.show(number)}")
    if row.revoked_at is None:
        use = update(tokens).where(tokens.c.id == number)
        connection.execute(use.values(revoked_at=now))
    return _token(row)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: Row[Any]) -> Token:
    scopes, roles = set(TokenScope), set(TokenRole)
    return Token(
        id=row.id,
        name=row.name,
        source=row.source,
        scopes=frozenset(TokenScope(scope) for scope in row.scopes.split() if scope in scopes),
        roles=frozenset(TokenRole(role) for role in row.roles.split() if role in roles),
        last_used=row.last_used,
        revoked_at=row.revoked_at,
    )
