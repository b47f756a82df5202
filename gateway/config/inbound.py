"""Forwarded replies: the mailboxes they arrive in and who may forward."""

from typing import Any, Literal, Self

from pydantic import SecretStr, model_validator

from gateway.config.section import Section, option, wrong
from gateway.config.smtp import require_authserv_id
from gateway.config.values import (
    AddressesOrDomains,
    ExistingFile,
    Folder,
    Host,
    HttpUrl,
    Interval,
    MailAddress,
    Name,
    Pattern,
    Port,
    SeveralTexts,
    Size,
    Text,
)
from gateway.core.kinds import Trust


class Oauth(Section):
    """How an access token for a mailbox is fetched."""

    token_url: HttpUrl
    """Where tokens are issued."""
    client_id: Text
    """The registered application."""
    client_secret: SecretStr | None = None
    """The application's secret."""
    refresh_token: SecretStr | None = None
    """The refresh token; absent: the application asks in its own name (client credentials)."""
    scope: Text | None = None
    """The scope asked for."""


class MailboxConfig(Section):
    """An IMAP mailbox staff forward replies to."""

    name: Name = option(..., example="replies")
    """How logs, metrics and `/health` call the mailbox."""
    host: Host = option(..., example="imap.example.org")
    """The IMAP server."""
    port: Port = 993
    """Port; 143 where `tls` is not `implicit` and no port is given."""
    tls: Literal["none", "starttls", "implicit"] = "implicit"
    """`none` is for a server on this host."""
    ca: ExistingFile | None = option(example="imap-ca.pem")
    """Authorities that may have signed the server's certificate (PEM); absent: the system's."""
    auth: Literal["password", "xoauth2"] = "password"
    """How the gateway logs in."""
    username: Text = option(..., example="replies@example.org")
    """The login."""
    password: SecretStr | None = None
    """Its password."""
    oauth: Oauth | None = option(
        example={
            "token_url": "https://login.example.org/token",
            "client_id": "gateway",
            "client_secret_file": "client_secret",
            "refresh_token_file": "refresh_token",
            "scope": "imap",
        },
    )
    """With auth `xoauth2`: `token_url`, `client_id`, `client_secret`, `refresh_token`, `scope`."""
    purpose: Literal["replies", "bounces"] = "replies"
    """`replies`: what staff forward is filed; `bounces`: what came back of mail that went out."""
    folder: Folder = "INBOX"
    """The folder mail arrives in."""
    imported: Folder = "Imported"
    """Where filed mail is moved."""
    needs_attention: Folder = "Needs attention"
    """Where mail is moved that could not be filed."""
    ignored: Folder = "Ignored"
    """Where automatic answers and reports are moved."""
    trust: Trust | None = option(example="authentication-results")
    """What proves that a mail comes from the member of staff it names: the topmost
    Authentication-Results of `authserv_id`, Exchange's mark for mail of the own tenant, or that
    the mailbox takes internal mail only. Absent, and without `authserv_id`: nothing is filed, all
    of it waits for a decision."""
    authserv_id: Text | None = option(example="mail.example.org")
    """The name of the own server in Authentication-Results."""

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, values: Any) -> Any:
        """Fill in values that follow from other keys."""
        if not isinstance(values, dict):
            return values
        filled: dict[str, Any] = {}
        if values.get("tls") in ("none", "starttls"):
            filled["port"] = 143
        if "authserv_id" in values:
            filled["trust"] = "authentication-results"
        return filled | values

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.auth == "password" and self.password is None:
            wrong("password", "is missing; give it or password_file")
        if self.auth == "xoauth2" and self.oauth is None:
            wrong("oauth", 'is missing; auth = "xoauth2" needs it')
        require_authserv_id(self.trust, self.authserv_id)
        for key in ("imported", "needs_attention", "ignored"):
            if getattr(self, key).rstrip("/").casefold() == self.folder.rstrip("/").casefold():
                wrong(key, "is the folder mail arrives in: mail would be read again and again")
        return self


class DocumentType(Section):
    """A type of document, told by words in the name of its file."""

    type: Name = option(..., example="certificate")
    """How the type is called."""
    words: SeveralTexts = option(..., example=["licence", "*pass"])
    """Words or runs of words in the name; `*` stands for the rest of a word."""
    images_only: bool = False
    """Whether only pictures can be of this type."""


class Inbound(Section):
    """What is taken from forwarded replies, and from whom."""

    address: MailAddress | None = option(example="replies@example.org")
    """The address staff forward replies to, as `gateway inbox address` and notices name it;
    absent: the login of each mailbox, where that is an address."""
    reference: Pattern = option(r"(?P<reference>\d+)")
    """A reference, as a regular expression with a group `reference`; looked for at the start of
    the subject."""
    allowed_roles: SeveralTexts = ("personnel_manager", "department_plus")
    """Roles of staff who may forward replies."""
    allowed_senders: AddressesOrDomains = ()
    """Further addresses or domains that may."""
    max_size: Size = option("50MB")
    """The largest mail taken."""
    every: Interval = option("1m")
    """How often a mailbox is looked at where the server doesn't tell of new mail."""
    document_types: tuple[DocumentType, ...] = ()
    """Types of documents, tried in order and before the shipped ones."""
    mailboxes: tuple[MailboxConfig, ...] = ()
    """Mailboxes staff forward replies to."""

    @model_validator(mode="after")
    def _names_the_reference(self) -> Self:
        if "reference" not in self.reference.groupindex:
            wrong("reference", "needs a group (?P<reference>…)")
        return self
