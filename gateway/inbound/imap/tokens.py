"""Access tokens for mailboxes, by OAuth 2.0 (RFC 6749, 4.4 and 6)."""

import asyncio
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.inbound.imap.settings import MailboxRefuses
from gateway.inbound.imap.text import MailboxLost
from gateway.runtime.web_proxies import proxy_for

_ANSWER_SECONDS = 15.0
_EARLY_SECONDS = 60.0  #: How long before it expires a token is renewed.
_SHORTEST_LIFE = 5.0
_USUAL_LIFE = 3600.0  #: Assumed for a token without a stated lifetime.
_LONGEST_ANSWER = 1_000_000
_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OauthSettings:
    """How to request tokens; without a refresh token, by the client credentials grant."""

    url: str
    client_id: str
    client_secret: str = ""
    refresh_token: str = ""
    scope: str = ""


class RefreshTokens(Protocol):
    """Stores the server's last refresh token across restarts.

    Servers that rotate refresh tokens accept each only once (RFC 9700, 4.14.2), so the one in the
    config is soon useless.
    """

    async def load(self) -> str:
        """Return the last one; empty: still use the one in the config.

        Raise an error if a new one couldn't be saved, because using this one may make the server
        replace it.
        """

    async def save(self, token: str) -> None:
        """Store one."""


class TokenSource:
    """Fetches tokens in a thread and caches each until it expires."""

    def __init__(
        self,
        settings: OauthSettings,
        *,
        token_store: RefreshTokens | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._token_store = token_store
        self._clock = clock
        self._refresh_token = settings.refresh_token
        self._is_unsaved = False  #: Whether the refresh token is newer than the stored one.
        self._token = ""
        self._until = 0.0
        self._turn = asyncio.Lock()

    @property
    def has_one(self) -> bool:
        """Whether there is a token that needn't be fetched."""
        return bool(self._token) and self._clock() < self._until

    async def token(self, *, fresh: bool = False) -> str:
        """Return a token; `fresh`: a new one, not the one returned last.

        Raise `MailboxRefuses` if the settings are rejected, `MailboxLost` if the server can't be
        reached.
        """
        async with self._turn:
            if fresh or not self.has_one:
                await self.renew()
            if self._is_unsaved and self._token_store is not None:
                await self._token_store.save(self._refresh_token)
                self._is_unsaved = False
            return self._token

    async def renew(self) -> None:
        """Fetch a token, and the new refresh token the server may return with it."""
        if self._refresh_token and self._token_store is not None and not self._is_unsaved:
            # Another process using this store may have got a newer one.
            self._refresh_token = await self._token_store.load() or self._refresh_token
        before = self._refresh_token
        try:
            answer = await asyncio.to_thread(
                answer_of_token_server, self._settings.url, self._form()
            )
        except MailboxRefuses:
            # Another process may just have used it up: `gateway check` while the importer runs.
            newer = (
                await self._token_store.load() if self._token_store and not self._is_unsaved else ""
            )
            if newer in ("", before):
                raise
            self._refresh_token = before = newer
            answer = await asyncio.to_thread(
                answer_of_token_server, self._settings.url, self._form()
            )
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise MailboxRefuses("token", "the token server's answer holds no access_token")
        try:
            life = float(answer.get("expires_in") or _USUAL_LIFE)
        except (TypeError, ValueError):
            life = _USUAL_LIFE
        self._token = token
        self._until = self._clock() + max(life - _EARLY_SECONDS, _SHORTEST_LIFE)
        renewed = answer.get("refresh_token")
        if self._refresh_token and isinstance(renewed, str) and renewed:
            self._refresh_token = renewed
        self._is_unsaved = self._is_unsaved or self._refresh_token != before

    def _form(self) -> dict[str, str]:
        settings = self._settings
        form = {
            "grant_type": "refresh_token" if self._refresh_token else "client_credentials",
            "client_id": settings.client_id,
            "client_secret": settings.client_secret,
            "refresh_token": self._refresh_token,
            "scope": settings.scope,
        }
        return {name: value for name, value in form.items() if value}


def answer_of_token_server(url: str, form: Mapping[str, str]) -> Mapping[str, Any]:
    """Send a request to a token server; return its answer, a JSON object.

    Raise `MailboxRefuses` if a setting must be changed, `MailboxLost` if it can't answer now (RFC
    6749, 5.2).
    """
    request = urllib.request.Request(  # noqa: S310  # the settings take web addresses only
        url,
        data=urllib.parse.urlencode(form).encode(),
        headers={"Accept": "application/json"},
    )
    proxy = proxy_for(url)
    proxies = urllib.request.ProxyHandler({request.type: proxy} if proxy else {})
    try:
        opener = urllib.request.build_opener(proxies)
        with opener.open(request, timeout=_ANSWER_SECONDS) as answer:
            granted = json.loads(answer.read(_LONGEST_ANSWER))
    except urllib.error.HTTPError as error:
        with error:
            if error.code >= 500 or error.code in (408, 429):
                raise MailboxLost(f"no access token from {url}: {error.code}") from error
            try:
                refusal = json.loads(error.read(_LONGEST_ANSWER))
                text = f"{refusal['error']}: {refusal.get('error_description', '')}"
            except (ValueError, KeyError, TypeError, AttributeError, OSError):
                text = str(error.code)
        excerpt = " ".join(text.split())[:_SHOWN].rstrip(": ")
        raise MailboxRefuses("token", f"{url} refuses: {excerpt}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise MailboxLost(f"no access token from {url}: {reason}") from error
    return granted if isinstance(granted, dict) else {}
