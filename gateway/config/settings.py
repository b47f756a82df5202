"""The whole config file: its tables, and the constraints between them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, Self

from pydantic import SecretStr, field_validator, model_validator

from gateway.config.bounces import BouncesConfig, KeysConfig
from gateway.config.events import Templates, Triggers, WebhookConfig
from gateway.config.inbound import Inbound
from gateway.config.mailchimp import Mailchimp
from gateway.config.rules import RuleConfig
from gateway.config.section import Section, option, wrong
from gateway.config.smtp import LOOPBACK, DkimConfig, RelayConfig, Smtp
from gateway.config.values import (
    AtLeastADay,
    BindAddress,
    BlobsUrl,
    ConfigPath,
    ConsoleUrl,
    Domain,
    HeaderName,
    Interval,
    IssuerUrl,
    Language,
    MailAddress,
    Name,
    NetworkRange,
    OwnSender,
    PublicUrl,
    StoreUrl,
    Text,
    TimeZone,
)
from gateway.core.feed.feed_mapping import (
    AS_OURS,
    DateOrder,
    KindMapping,
    MappingWrong,
    read_mappings,
)
from gateway.core.feed.shipped_mappings import SHIPPED_MAPPINGS
from gateway.core.kinds import TAG_SCOPES, Scope
from gateway.core.written import same_word


class Store(Section):
    """Where the gateway keeps what it knows."""

    url: StoreUrl = option("sqlite:///gateway.db")
    """`sqlite:///FILE` (three slashes: beside this file, four: absolute) or
    `postgresql://USER:PASSWORD@HOST/DATABASE`; of a server with standbys all of them:
    `…@HOST:PORT,HOST:PORT/DATABASE?target_session_attrs=read-write`."""
    blobs: BlobsUrl = option("file:blobs")
    """Attachments and raw mail: `file:FOLDER` (beside this file), `file:///FOLDER` (absolute) or
    `s3://BUCKET/PREFIX`, whose server and credentials are in the environment (`AWS_ENDPOINT_URL`,
    `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` …)."""
    outage: ConfigPath = option("outage")
    """Local folder for what passes while the store is away; taken in afterwards."""


class Log(Section):
    """What is logged; lines go to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least serious lines written; taken up when a process starts."""
    format: Literal["json", "console"] = "json"
    """`json`: an object per line; `console`: for people."""


class SuppressionConfig(Section):
    """What suppressed people and those who write to them notice."""

    reply: Literal["reject", "accept"] = "reject"
    """Where everybody is suppressed: 550 with the note, or 250 and a report by mail only."""
    report: Literal["needed", "always"] = "needed"
    """When the sender gets a report by mail of who was left out: where no reply named them
    (`needed`), or also where one did, at RCPT, over LMTP or after the content (`always`): for CRMs
    whose mail library tells nobody."""
    language: Language = "nl"
    """The language of notes and mail to people whose own isn't known. A note is in that of the
    member of staff on file who sent the mail (the envelope's sender, else `From`), else in that of
    the sender's domain in `languages`."""
    languages: Mapping[Domain, Language] = option({}, example={"example.de": "de"})
    """The language of notes by the sender's domain, subdomains too, where the sender is not on file
    as staff with a language."""
    plus_addresses: bool = False
    """Whether `ann+x@example.org` is the same person as `ann@example.org`."""
    tags: Mapping[str, Scope] = option(TAG_SCOPES)
    """What a tag on a group or status covers: `mailchimp`, `bulk` or `all`; may be wider than
    shipped, never narrower."""

    @field_validator("tags")
    @classmethod
    def _only_wider(cls, tags: Mapping[str, Scope]) -> Mapping[str, Scope]:
        scopes = {same_word(tag, TAG_SCOPES) or tag: scope for tag, scope in tags.items()}
        for tag, scope in scopes.items():
            shipped = TAG_SCOPES.get(tag)
            if shipped is None:
                raise ValueError(f"no such tag: {tag} (known: {', '.join(TAG_SCOPES)})")
            if not scope.includes(shipped):
                raise ValueError(
                    f'{tag} = "{scope}" would narrow it: whoever it marks is out of {shipped} '
                    "mail, which a setting may widen, never narrow"
                )
        return {**TAG_SCOPES, **scopes}


class Notices(Section):
    """Mail the gateway writes itself: delivery reports, news of replies."""

    sender: OwnSender | None = option(key="from", example="mail-gateway@example.org")
    """Who it is from; absent: postmaster at this host's name."""
    fallback_to: MailAddress | None = option(example="office@example.org")
    """Who gets a notice that would otherwise have no recipient."""


class Crm(Section):
    """The feed of people, groups and statuses."""

    folder: ConfigPath | None = option(example="feed")
    """Files dropped here are imported and moved to `done/` or `failed/`; absent: only
    `gateway import` and the API."""
    every: Interval = option("1m")
    """How often the folder is looked at."""
    source: Name = "crm"
    """The source that owns what the folder's files bring."""
    old_after: Interval = option("2d")
    """How long ago the CRM may last have sent people, groups or any other kind before `gateway
    check` and the metrics call the feed old."""
    date_order: DateOrder | None = option(example="day-first")
    """Which number of 03/04/2026 is the day, where nothing else in its column tells; absent: such
    a date can't be read."""
    map: Mapping[str, KindMapping] = option({})
    """What the CRM's exports call columns and words, by kind, as `[crm.map.people]`:
    `crm_id = "KandidaatID"`, `status.values = {"Uit dienst" = "s3"}`, `ignore = ["Telefoon"]`,
    `use = "civicrm"`; docs/feed.md. `gateway import people FILE --propose` writes one."""

    @field_validator("map", mode="plain")
    @classmethod
    def _mappings(cls, tables: object) -> Mapping[str, KindMapping]:
        if not isinstance(tables, Mapping):
            raise ValueError("not a table")
        try:
            return read_mappings(tables, SHIPPED_MAPPINGS)
        except MappingWrong as error:
            wrong(error.key, error.problem)

    def mapping(self, kind: str) -> KindMapping:
        """Return how the files of a kind are read."""
        return self.map.get(kind, AS_OURS).with_date_order(self.date_order)


#: Minimum lifetime of an unsubscribe link; it works as long as its mail is known.
_LINKS_LIVE = timedelta(days=60)


class Api(Section):
    """The HTTP API with health and metrics."""

    bind: BindAddress = option("127.0.0.1:8025")
    """Address and port."""
    public_url: PublicUrl | None = option(example="https://mail.example.org")
    """Where a web server passes `/u/` on to `bind`, from the open internet: links to unsubscribe
    lead there. By that name nothing else of the API can be reached."""
    proxies: tuple[NetworkRange, ...] = LOOPBACK
    """Web servers whose word counts for where a request comes from (`X-Forwarded-For`)."""


class ConsoleOidc(Section):
    """Signing in at the console with the organisation's accounts (OpenID Connect)."""

    issuer: IssuerUrl = option(..., example="https://login.example.org/realms/office")
    """The provider's address, as its `/.well-known/openid-configuration` calls it."""
    client_id: Text = option(..., example="mail-gateway")
    """How the provider knows the gateway; let it lead back to `…/console/oidc/back`."""
    client_secret: SecretStr = option(..., example="s3cret")
    """Shared with the provider."""
    role_claim: Text = "roles"
    """The claim of the ID token with the roles: `look`, `work`, `manage`, `run`; others are
    ignored, and whoever has none is not let in."""
    name_claim: Text = "preferred_username"
    """The claim with the name that acts are journaled under; else `email`, unless the provider says
    that it is not verified, else `sub`. The provider must give it to one account only."""
    scope: Text = "openid profile email"
    """What the provider is asked for."""


class ConsoleProxy(Section):
    """A web server on this host that lets people in itself and says whom. It must take these
    headers out of what browsers send."""

    user_header: HeaderName = option(..., example="X-Remote-User")
    """The header with the name."""
    role_header: HeaderName | None = option(example="X-Remote-Roles")
    """The header with the roles, with commas between. Whoever comes without it may only look; whom
    it names no role of the gateway's is not let in."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.role_header and self.role_header.lower() == self.user_header.lower():
            wrong("role_header", "is the header with the name: name another one")
        return self


class Console(Section):
    """The pages people work with, below `/console` of the API's address."""

    url: ConsoleUrl | None = option(example="https://gateway.example.org")
    """Where people open it, without `/console`: mail to staff names pages there instead of
    commands; absent: commands."""
    users: ConfigPath = option("console-users")
    """Who may sign in with a password: lines `name:roles:hash`; `gateway console user NAME` writes
    them."""
    session: Interval = option("12h")
    """How long one stays signed in without doing anything; after 7 days one must sign in again."""
    oidc: ConsoleOidc | None = None
    """Whom a provider of OpenID Connect vouches for; absent: nobody signs in that way."""
    proxy: ConsoleProxy | None = None
    """Whom a web server on this host vouches for; absent: nobody signs in that way."""


class Journal(Section):
    """The record of every message."""

    keep: AtLeastADay = option("400d")
    """How long it is kept; a day at least, for retries to be recognised."""


class KeptReplies(Section):
    """What was filed to people."""

    keep: AtLeastADay | None = option(example="1095d")
    """How long replies, their raw mail and other mail of the inbox are kept; for good if absent.
    Mail that nobody has settled in that time is discarded with it."""


class KeptDocuments(Section):
    """The documents that came with replies."""

    keep: AtLeastADay | None = option(example="1095d")
    """How long they are kept; for good if absent."""


class KeptCampaigns(Section):
    """Campaigns that went out through Mailchimp."""

    keep: AtLeastADay | None = option(example="730d")
    """How long after a campaign it is known who was in it, and who opened and clicked; for good if
    absent. The report's counters stay."""


class Settings(Section):
    """The gateway's settings, checked and with every default filled in."""

    time_zone: TimeZone = "Europe/Amsterdam"
    """The zone of times and dates in settings, files and commands."""
    store: Store = option({})
    log: Log = option({})
    relays: tuple[RelayConfig, ...] = option(({"name": "relay", "host": "127.0.0.1"},))
    smtp: Smtp = option({})
    rules: tuple[RuleConfig, ...] = ()
    suppression: SuppressionConfig = option({})
    notices: Notices = option({})
    crm: Crm = option({})
    inbound: Inbound = option({})
    bounces: BouncesConfig = option({})
    keys: KeysConfig = option({})
    dkim: tuple[DkimConfig, ...] = ()
    mailchimp: Mailchimp = option({})
    triggers: Triggers = option({})
    templates: Templates = option({})
    api: Api = option({})
    console: Console = option({})
    webhooks: tuple[WebhookConfig, ...] = ()
    journal: Journal = option({})
    replies: KeptReplies = option({})
    documents: KeptDocuments = option({})
    campaigns: KeptCampaigns = option({})

    @property
    def default_relay(self) -> RelayConfig:
        """The relay for mail that no relay's `match` fits."""
        return next(relay for relay in self.relays if relay.match is None)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        _unique("relays", "name", [relay.name for relay in self.relays])
        _unique("smtp.listeners", "name", [listener.name for listener in self.smtp.listeners])
        _unique("rules", "name", [rule.name for rule in self.rules])
        _unique("webhooks", "url", [webhook.url for webhook in self.webhooks])
        _unique("inbound.mailboxes", "name", [box.name for box in self.inbound.mailboxes])
        return self

    @model_validator(mode="after")
    def _addresses_are_free(self) -> Self:
        fixed = [
            str(listener.bind) if listener.bind.port else "" for listener in self.smtp.listeners
        ]
        _unique("smtp.listeners", "bind", fixed)
        if str(self.api.bind) in fixed:
            wrong("api.bind", f'a listener has the same address: "{self.api.bind}"')
        return self

    @model_validator(mode="after")
    def _bounces_have_an_address(self) -> Self:
        for at, listener in enumerate(self.smtp.listeners):
            if listener.envelope == "rewrite" and self.bounces.address is None:
                wrong(f"smtp.listeners[{at}].envelope", "needs bounces.address")
        return self

    @model_validator(mode="after")
    def _links_can_be_followed(self) -> Self:
        adding = [
            *(
                ("smtp.listeners", at, listener.unsubscribe)
                for at, listener in enumerate(self.smtp.listeners)
            ),
            *(("rules", at, rule.unsubscribe) for at, rule in enumerate(self.rules)),
        ]
        for at, listener in enumerate(self.smtp.listeners):
            if listener.sign and not self.dkim:
                wrong(f"smtp.listeners[{at}].sign", "needs a key: [[dkim]]")
        for place, at, unsubscribe in adding:
            if unsubscribe == "add" and self.api.public_url is None:
                wrong(f"{place}[{at}].unsubscribe", "needs api.public_url")
        if self.api.public_url is not None and self.journal.keep < _LINKS_LIVE:
            days = _LINKS_LIVE.days
            wrong("journal.keep", f"must be at least {days}d: links to unsubscribe live as long")
        return self

    @model_validator(mode="after")
    def _one_relay_is_the_default(self) -> Self:
        defaults = [at for at, relay in enumerate(self.relays) if relay.match is None]
        if not defaults:
            wrong("relays", "one relay must be without match: it takes what no other matches")
        if len(defaults) > 1:
            wrong(
                f"relays[{defaults[1]}].match",
                f"is missing; {self.default_relay.name} already takes what no other matches",
            )
        return self

    @model_validator(mode="after")
    def _relays_match_known_listeners(self) -> Self:
        listener_names = {listener.name for listener in self.smtp.listeners}
        for at, relay in enumerate(self.relays):
            for name in relay.match.listener if relay.match else ():
                if name not in listener_names:
                    wrong(f"relays[{at}].match.listener", f'no listener has this name: "{name}"')
        return self


def _unique(place: str, key: str, values: list[str]) -> None:
    for at, value in enumerate(values):
        if value and value in values[:at]:
            wrong(f"{place}[{at}].{key}", f'given twice: "{value}"')
