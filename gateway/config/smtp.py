"""Listeners, relays and DKIM keys: where mail comes from, where it goes, and what signs it."""

from ipaddress import ip_network
from typing import Any, Literal, Self

from pydantic import SecretStr, model_validator

from gateway.config.section import Section, option, wrong
from gateway.config.values import (
    BindAddress,
    Count,
    Domain,
    Domains,
    ExistingFile,
    HeaderName,
    Host,
    Interval,
    Name,
    NetworkRange,
    Pattern,
    Port,
    SeveralTexts,
    Size,
    Text,
)
from gateway.core.kinds import Kind, Trust

Tls = Literal["none", "starttls", "implicit"]
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class RelayMatch(Section):
    """Which mail a relay is for; every key given must fit, any one of a key's values is enough."""

    listener: SeveralTexts = ()
    """Names of listeners the mail came in at."""
    login: SeveralTexts = ()
    """Logins it was sent with."""
    sender_domain: Domains = ()
    """Domains of the envelope sender."""

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not (self.listener or self.login or self.sender_domain):
            wrong("", "needs at least one of listener, login, sender_domain")
        return self


class RelayConfig(Section):
    """An SMTP server the gateway hands mail to. The first whose `match` fits gets a message; the
    one without `match` is the default."""

    name: Name = option(..., example="relay")
    """How logs, metrics and `gateway check` call the relay."""
    host: Host = option(..., example="127.0.0.1")
    """Host name or address."""
    port: Port = 25
    """Port; 465 where `tls` is `implicit` and no port is given."""
    tls: Tls = "none"
    """`starttls` and `implicit` encrypt and verify the relay's certificate; mail waits (451) where
    that fails."""
    helo_name: Text | None = option(example="gateway.example.org")
    """The name the gateway greets with; absent: this host's name."""
    auth: Literal["none", "plain", "login", "xoauth2"] = "none"
    """How the gateway logs in at the relay."""
    username: Text | None = option(example="gateway")
    """The login at the relay."""
    password: SecretStr | None = None
    """Its password; for `xoauth2` the access token."""
    cert: ExistingFile | None = option(example="relay-client.pem")
    """Client certificate with its chain (PEM)."""
    key: ExistingFile | None = option(example="relay-client.key")
    """The client certificate's private key (PEM)."""
    ca: ExistingFile | None = option(example="relay-ca.pem")
    """Authorities that may have signed the relay's certificate (PEM); absent: the system's."""
    match: RelayMatch | None = option(example={"sender_domain": ["example.org"]})
    """Which mail goes here: `listener`, `login`, `sender_domain`, each one value or several. The
    relay without it takes what no other matches."""
    max_connections: Count = 40
    """Connections to this relay at the same time, of the whole host. A tenth of them, one at
    least, is kept for mail of the gateway's own."""
    messages_per_minute: Count | None = option(example=30)
    """Messages a minute the relay takes, of the whole host; absent: no limit. More than that
    waits within `budget`, then gets 451."""
    null_sender: bool = True
    """Whether the relay takes mail from `<>`."""
    our_fault: tuple[Pattern, ...] = option((), example=["relay access denied"])
    """Replies that match mean that the gateway is set up wrongly: the CRM hears 451, not the
    refusal, and `/health` turns red."""
    budget: Interval = option("90s")
    """How long one message may take at the relay before the CRM hears 451; keep it below the
    CRM's own time limit."""

    @model_validator(mode="before")
    @classmethod
    def _default_port(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("tls") == "implicit":
            return {"port": 465} | values
        return values

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        _needs_cert_and_key(self)
        if self.auth != "none" and self.username is None:
            wrong("username", f'is missing; auth = "{self.auth}" needs it')
        if self.auth != "none" and self.password is None:
            wrong("password", f'is missing; auth = "{self.auth}" needs it or password_file')
        if self.auth == "none" and (self.username or self.password):
            wrong("auth", 'must be "plain", "login" or "xoauth2" where a login is given')
        return self


class ListenerConfig(Section):
    """An address the gateway takes mail at."""

    name: Name = option(..., example="crm")
    """How relays, rules, logs and the journal call the listener."""
    bind: BindAddress = option("127.0.0.1:2525")
    """Address and port."""
    protocol: Literal["smtp", "lmtp"] = "smtp"
    """`lmtp` answers for each recipient after the content."""
    purpose: Literal["proxy", "import", "bounces"] = "proxy"
    """`proxy` hands mail to a relay; `import` takes forwarded replies for the importer, `bounces`
    what came back of mail that went out."""
    envelope: Literal["keep", "rewrite"] = "keep"
    """`rewrite` gives every message an envelope sender of its own, made from `bounces.address`, by
    which bounces are known for certain; reports then come to the gateway, which passes them on to
    the CRM's sender."""
    sign: bool = False
    """Whether what goes to the relay is signed with the `[[dkim]]` key of its `From`. Each mail is
    held whole in memory for it, up to `smtp.max_message_size`; nothing may change it afterwards."""
    unsubscribe: Literal["keep", "add"] = "keep"
    """`add` gives bulk mail links to unsubscribe (`List-Unsubscribe`, RFC 8058) where it has none,
    goes to one recipient and isn't signed with DKIM yet; the relay must sign it then."""
    kind: Literal["auto", "bulk", "individual"] = "auto"
    """What everything that comes in here is; `auto`: the rules decide."""
    mode: Literal["enforce", "observe"] = "enforce"
    """`observe` relays everything and records what would have failed."""
    tls: Tls = "none"
    """`starttls`: everybody must say STARTTLS first, mail in clear text is refused (530);
    `implicit`: TLS is spoken from the start."""
    cert: ExistingFile | None = option(example="gateway.pem")
    """The listener's certificate with its chain (PEM); read again on SIGHUP."""
    key: ExistingFile | None = option(example="gateway.key")
    """The certificate's private key (PEM)."""
    networks: tuple[NetworkRange, ...] = LOOPBACK
    """Networks whose clients may connect; others are refused."""
    users: ExistingFile | None = option(example="users")
    """File with a line `login:argon2-hash` per user, as `gateway users hash` prints it. Everybody
    must log in then, inside TLS or from this host; absent: AUTH is not offered."""
    reject_at: Literal["content", "rcpt"] = "content"
    """Where mail is known to be bulk: refuse a suppressed recipient after the content or at
    RCPT; without effect where `suppression.reply` is `accept`."""
    trust: Trust | None = option(example="authentication-results")
    """With purpose `import`: what proves that a mail comes from whom it names;
    absent: nothing is filed, all of it waits for a decision."""
    authserv_id: Text | None = option(example="mail.example.org")
    """With trust `authentication-results`: the name of the own server in that header field."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _needs_cert_and_key(self)
        if self.tls != "none" and self.cert is None:
            wrong("cert", f'is missing; tls = "{self.tls}" needs cert and key')
        if self.protocol == "lmtp" and self.bind.port == 25:
            wrong("bind", "LMTP must not use port 25 (RFC 2033, section 5)")
        everyone = any(network.prefixlen == 0 for network in self.networks)
        if self.purpose == "proxy" and everyone and self.users is None:
            wrong("networks", "the whole internet could send without a login: an open relay")
        return self

    @model_validator(mode="after")
    def _trusts_only_what_it_imports(self) -> Self:
        if self.purpose != "proxy" and self.envelope != "keep":
            wrong("envelope", 'needs purpose = "proxy"')
        if self.purpose != "proxy" and self.sign:
            wrong("sign", 'needs purpose = "proxy"')
        if self.purpose != "proxy" and self.unsubscribe != "keep":
            wrong("unsubscribe", 'needs purpose = "proxy"')
        if self.purpose != "import" and (self.trust or self.authserv_id):
            wrong("trust" if self.trust else "authserv_id", 'needs purpose = "import"')
        require_authserv_id(self.trust, self.authserv_id)
        return self


class OverrideConfig(Section):
    """Who may mail suppressed people all the same; every use is journaled."""

    login: SeveralTexts = option((), example="management")
    """Logins whose mail is relayed to suppressed people too."""
    header: HeaderName | None = option(example="X-Gateway-Override")
    """A header field that does the same; it stays in the mail."""


class Smtp(Section):
    """The proxy as a whole."""

    workers: Count = 1
    """Processes that take mail."""
    default_kind: Kind = Kind.INDIVIDUAL
    """What a message is that no rule matches. With `bulk` and a rule or listener for mail sent
    from a person's own file, suppressed people get that mail only."""
    max_message_size: Size = option("50MB")
    """The largest message taken; what the relay offers counts where it is less."""
    max_recipients: Count = 10_000
    """Recipients of one message; 452 for those above."""
    max_connections_per_client: Count = 2_000
    """Connections one address may have open at the same time, divided among the workers; 421 for
    those above."""
    bare_newline: Literal["normalize", "reject"] = "normalize"
    """What becomes of CR or LF alone: made CRLF, or refused. Signed mail (DKIM) is always
    refused."""
    shipped_rules: bool = True
    """Whether the shipped rules are tried after the config's own."""
    override: OverrideConfig = option({})
    """`login` (one or several), `header`: who may mail suppressed people all the same."""
    listeners: tuple[ListenerConfig, ...] = option(({"name": "crm"},))
    """Addresses the gateway takes mail at."""

    @model_validator(mode="after")
    def _listens_somewhere(self) -> Self:
        if not self.listeners:
            wrong("listeners", "must not be empty")
        return self


def _needs_cert_and_key(section: RelayConfig | ListenerConfig) -> None:
    if (section.cert is None) != (section.key is None):
        missing = "cert" if section.cert is None else "key"
        wrong(missing, "is missing; cert and key belong together")


def require_authserv_id(trust: Trust | None, authserv_id: str | None) -> None:
    """Reject trust in Authentication-Results without naming a server."""
    if trust == "authentication-results" and authserv_id is None:
        wrong(
            "authserv_id",
            'is missing; trust = "authentication-results" needs it, nothing would be imported',
        )


class DkimConfig(Section):
    """A key for DKIM (RFC 6376): it signs what the gateway itself sends, and what listeners with
    `sign` hand on, where `From` is in its domain or below it. `gateway dkim new` makes one. Of
    several keys of a domain each signs."""

    domain: Domain = option(..., example="example.org")
    """The domain that signs."""
    selector: Name = option(..., example="gw2026")
    """The key's name in the DNS: `SELECTOR._domainkey.DOMAIN`."""
    key_file: ExistingFile = option(..., example="gw2026.pem")
    """The private key (PEM): RSA of at least 1024 bits, better 2048, or Ed25519 (RFC 8463)."""
