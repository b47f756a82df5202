"""The settings of a mailbox."""

import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol

from gateway.core.errors import GatewayError
from gateway.inbound.verdict import MailOrigin

LoginStage = Literal["tls", "login", "token", "folder"]


class MailboxRefuses(GatewayError):
    """A mailbox's server refuses what the gateway needs: somebody must change a setting."""

    def __init__(self, stage: LoginStage, text: str) -> None:
        super().__init__(text)
        self.stage = stage


class Tokens(Protocol):
    """Gives access tokens."""

    @property
    def has_one(self) -> bool:
        """Whether there is a valid token, so that none need be fetched."""

    async def token(self, *, fresh: bool = False) -> str:
        """Return a token; `fresh`: a new one, not the one returned last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxSettings:
    """One `[[inbound.mailboxes]]` of the config."""

    name: str
    host: str
    port: int
    tls: Literal["none", "starttls", "implicit"]
    context: ssl.SSLContext | None = None
    username: str
    password: str = ""
    tokens: Tokens | None = None  #: Used instead of the password.
    folder: str = "INBOX"
    imported: str = "Imported"
    needs_attention: str = "Needs attention"
    ignored: str = "Ignored"
    max_size: int = 50_000_000
    every: timedelta = timedelta(minutes=1)
    patience: timedelta = timedelta(minutes=1)  #: How long a command may take.
    origin: MailOrigin

    @property
    def account(self) -> str:
        """Identifies the folder among all others, whatever the mailbox is called in the config."""
        return f"{self.username}@{self.host}:{self.port}/{self.folder}"
