"""Refresh tokens of mailboxes that their servers rotate, stored."""

import hashlib

from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.replies import mailboxes


class StoredRefreshToken:
    """The refresh token of one account; `config_token` is the one in the config.

    If the config gets a new one, the stored one is no longer used. Raises `StoreUnavailable`.
    """

    def __init__(self, database: Database, account: str, config_token: str) -> None:
        self._database = database
        self._account = account
        self._config_digest = hashlib.sha256(config_token.encode()).hexdigest()

    async def load(self) -> str:
        """Return the server's last token; empty: none since the config's.

        This also writes, so that it fails on a full disk, which could still be read.
        """

        def load(connection: StoreTransaction) -> str:
            mailboxes.touch(connection, self._account)
            return mailboxes.refresh_token(connection, self._account, self._config_digest)

        return await self._database.write(load)

    async def save(self, token: str) -> None:
        """Store the token returned by the server."""
        await self._database.write(
            mailboxes.keep_refresh_token, self._account, self._config_digest, token
        )
