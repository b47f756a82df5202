"""Authentication by a bearer token in the Authorization header (RFC 6750)."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.api.problems import Problem
from gateway.api.services import ApiServices
from gateway.api.using import services
from gateway.core.token import Token, TokenScope
from gateway.core.written import did_you_mean
from gateway.documents.problems import FieldProblemDocument
from gateway.store.api import tokens

_SCHEME = HTTPBearer(auto_error=False, description="A token made by `gateway tokens create`.")
_LONGEST = 200  #: Characters of a token; longer ones aren't even looked up.

_Shown = Annotated[HTTPAuthorizationCredentials | None, Security(_SCHEME)]


def bearer(*scopes: TokenScope) -> Callable[..., Awaitable[Token]]:
    """Return a dependency that requires one of these scopes and known query parameters."""

    async def let_in(request: Request, authorization: _Shown) -> Token:
        secret = authorization.credentials if authorization is not None else ""
        token = await valid_token(services(request), secret)
        if token is None:
            asks = 'Bearer error="invalid_token"' if secret else "Bearer"
            raise Problem(401, "a valid token is needed", headers={"www-authenticate": asks})
        request.state.token = token
        if token.scopes.isdisjoint(scopes):
            scope_list = " or ".join(scopes)
            asks = f'Bearer error="insufficient_scope", scope="{" ".join(scopes)}"'
            raise Problem(
                403, f"the token lacks the scope {scope_list}", headers={"www-authenticate": asks}
            )
        refuse_unknown_query(request)
        return token

    return let_in


def refuse_unknown_query(request: Request) -> None:
    """Raise a Problem for an unknown parameter: ignoring `?stat=failed` would list everything."""
    if not request.query_params:
        return
    known_names = query_parameters(request.scope["route"])
    errors: list[FieldProblemDocument] = [
        {
            "at": f"query.{name}",
            "text": f"no such parameter (known: {', '.join(known_names) or 'none'})"
            + did_you_mean(name, known_names),
        }
        for name in dict.fromkeys(request.query_params)
        if name not in known_names
    ]
    if errors:
        raise Problem(422, "the request isn't valid", more={"errors": errors})


def query_parameters(route: APIRoute) -> tuple[str, ...]:
    """Return the names of the query parameters a route reads, in order."""
    fields = get_flat_params(route.dependant)
    return tuple(sorted(field.alias for field in fields if isinstance(field.field_info, Query)))


async def valid_token(using: ApiServices, secret: str) -> Token | None:
    """Return the valid token with this secret, and record its use."""
    if not secret or len(secret) > _LONGEST or not secret.isascii():
        return None
    token = await using.database.read(tokens.find, secret)
    now = using.clock()
    if token is not None and tokens.is_stale(token, now):
        await using.database.write(tokens.record_use, token.id, now)
    return token


#: For routes that don't need to know the token's owner.
READS = Depends(bearer(TokenScope.READ))
READS_SUPPRESSIONS = Depends(bearer(TokenScope.READ, TokenScope.SUPPRESSIONS))
SENDS = Depends(bearer(TokenScope.OUTBOX))

READS_FEED = Depends(bearer(TokenScope.READ, TokenScope.FEED))
READS_CAMPAIGNS = Depends(bearer(TokenScope.READ, TokenScope.CAMPAIGNS))

FeedToken = Annotated[Token, Depends(bearer(TokenScope.FEED))]
SuppressionsToken = Annotated[Token, Depends(bearer(TokenScope.SUPPRESSIONS))]
EventsToken = Annotated[Token, Depends(bearer(TokenScope.EVENTS))]
CampaignsToken = Annotated[Token, Depends(bearer(TokenScope.CAMPAIGNS))]
OutboxToken = Annotated[Token, Depends(bearer(TokenScope.OUTBOX))]
