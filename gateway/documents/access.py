"""Tokens of the API."""

from typing import NotRequired

from typing_extensions import TypedDict

from gateway.core import ids
from gateway.core.moments import in_utc
from gateway.core.token import Token, TokenRole, TokenScope
from gateway.documents.fields import IdText, TimeText


class TokenDocument(TypedDict):
    """A token; its secret is shown once, when it is made."""

    id: IdText
    at: TimeText
    name: str
    source: str
    scopes: list[TokenScope]
    roles: list[TokenRole]
    last_used: TimeText | None
    revoked_at: TimeText | None
    token: NotRequired[str]


def token_document(token: Token) -> TokenDocument:
    """Return a token, without its secret."""
    return {
        "id": ids.show(token.id),
        "at": in_utc(token.at),
        "name": token.name,
        "source": token.source,
        "scopes": sorted(token.scopes),
        "roles": sorted(token.roles),
        "last_used": in_utc(token.last_used),
        "revoked_at": in_utc(token.revoked_at),
    }
