"""From settings to the values the parts work with."""

import secrets
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parseaddr
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway import config
from gateway.config import Settings, read_text
from gateway.config.smtp import RelayConfig
from gateway.core.decision import classify
from gateway.core.decision.note_template import NoteTemplate, parse_template
from gateway.core.decision.shipped_rules import SHIPPED_RULES
from gateway.core.errors import GatewayError
from gateway.core.ids import OTHERS, IdSource, milliseconds_of
from gateway.core.mail.address import domain_of, lookup_form
from gateway.core.sending.mail_wording import MailWording, WordingForm, parse_letter
from gateway.delivery.settings import Match, RelaySettings
from gateway.store.engine.database import Database
from gateway.store.engine.upgrade import DamagedSchema, defects
from gateway.store.people.suppressed import SuppressedAddresses
from gateway.store.people.suppression import Standings

NOTES = "notes"  #: The folder of the notes' wording, below that of the templates.
SHIPPED_TEMPLATES = Path(__file__).parents[2] / "config" / "templates"


class BadCertificate(GatewayError):
    """A certificate, key or list of authorities can't be used."""


def now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)


class Ids:
    """New ids of this process; `salt` (10 bits) keeps it apart from others."""

    def __init__(
        self, salt: int | None = None, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._source = IdSource(secrets.choice(OTHERS) if salt is None else salt)
        self._clock = clock or now

    def next(self) -> int:
        """Return a new id for this moment."""
        return self._source.next(milliseconds_of(self._clock()))


def open_database(settings: Settings) -> Database:
    """Open the store; nothing is asked of it yet."""
    return Database(settings.store.url.get_secret_value(), outage=settings.store.outage)


def open_store_of(settings: Settings, identity: str) -> Database:
    """Open the store in a process of a role, which never makes one; empty: whichever is there."""
    return Database(settings.store.url.get_secret_value(), identity=identity, makes=False)


def prepare(database: Database) -> None:
    """Create a missing schema; raise for one that is of another version or not whole."""
    database.prepare()
    with database.reading() as connection:
        missing = defects(connection)
    if missing:
        raise DamagedSchema(
            f"the store is damaged: it lacks {', '.join(missing)}; restore it from a copy"
        )


def time_zone(settings: Settings) -> ZoneInfo:
    """Return the zone in which people see times."""
    return ZoneInfo(settings.time_zone)


def rules(settings: Settings) -> tuple[classify.Rule, ...]:
    """Return the rules in the order they are tried: the config's own, then the shipped ones."""
    own = tuple(classify.Rule(one.name, one.kind, _test(one)) for one in settings.rules)
    return own + (SHIPPED_RULES if settings.smtp.shipped_rules else ())


def _test(rule: config.RuleConfig) -> classify.Test:
    if rule.header is not None:
        return classify.HeaderTest(rule.header.lower(), rule.matches)
    if rule.sender is not None:
        return classify.SenderTest(rule.sender)
    if rule.login is not None:
        return classify.LoginTest(rule.login)
    if rule.recipients_at_least is not None:
        return classify.RecipientsTest(rule.recipients_at_least)
    if rule.burst is None:
        raise AssertionError("the config lets no rule without a test pass")
    return classify.BurstTest(
        recipients=rule.burst.recipients,
        within=rule.burst.within,
        defer=rule.burst.first == "defer",
    )


def relays(settings: Settings) -> tuple[RelaySettings, ...]:
    """Return the relays, the one that takes what no other matches last.

    Raises BadCertificate for files that can't be used.
    """
    ordered = sorted(settings.relays, key=lambda relay: relay.match is None)
    return tuple(map(relay_settings, ordered))


def relay_settings(relay: RelayConfig) -> RelaySettings:
    """Return one relay with its TLS context loaded; BadCertificate if that fails."""
    password = relay.password.get_secret_value() if relay.password else ""
    return RelaySettings(
        name=relay.name,
        host=relay.host,
        port=relay.port,
        helo_name=relay.helo_name or host_name(),
        tls=relay.tls,
        context=None if relay.tls == "none" else _client_context(relay),
        auth=relay.auth,
        username=relay.username or "",
        password=password,
        match=_match(relay),
        max_connections=relay.max_connections,
        messages_per_minute=relay.messages_per_minute,
        null_sender=relay.null_sender,
        our_fault=relay.our_fault,
        budget=relay.budget,
    )


def _match(relay: RelayConfig) -> Match:
    if relay.match is None:
        return Match()
    return Match(
        listeners=frozenset(relay.match.listener),
        logins=frozenset(relay.match.login),
        sender_domains=frozenset(domain_of(f"x@{domain}") for domain in relay.match.sender_domain),
    )


def _client_context(relay: RelayConfig) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=relay.ca)
        if relay.cert is not None:
            context.load_cert_chain(relay.cert, relay.key)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadCertificate(f"relay {relay.name}: its certificates: {reason}") from error
    return context


def host_name() -> str:
    """Return this host's full name, or its address in brackets (RFC 5321, 4.1.3)."""
    name = socket.getfqdn()
    return name if "." in name and not name.startswith("localhost") else "[127.0.0.1]"


def notifier(settings: Settings) -> str:
    """Return the bare address that mail of the gateway's own comes from."""
    _, address = parseaddr(settings.notices.sender or "")
    return address or f"postmaster@{host_name()}"


def note_templates(settings: Settings) -> dict[str, NoteTemplate]:
    """Return the wording of notes by language, that of the settings first.

    What a file of one's own lacks, as it is older than the gateway, is as shipped.
    """
    shipped = {
        file.stem: parse_template(read_text(file), file.stem, str(file))
        for file in SHIPPED_TEMPLATES.joinpath(NOTES).glob("*.txt")
    }
    return {
        language: parse_template(
            read_text(file),
            language,
            str(file),
            shipped=shipped.get(language, shipped["en"]),
        )
        for language, file in _texts(settings, NOTES).items()
    }


def letters(settings: Settings, name: str, wording: WordingForm) -> dict[str, MailWording]:
    """Return the wording of a mail to staff by language, that of the settings first.

    Optional sections that a file of one's own lacks, as it is older than the gateway, are as
    shipped.
    """
    shipped = {
        file.stem: parse_letter(read_text(file), file.stem, wording, str(file))
        for file in SHIPPED_TEMPLATES.joinpath(name).glob("*.txt")
    }
    return {
        language: parse_letter(
            read_text(file),
            language,
            wording,
            str(file),
            shipped=shipped.get(language, shipped["en"]),
        )
        for language, file in _texts(settings, name).items()
    }


def _texts(settings: Settings, name: str) -> dict[str, Path]:
    """Return the files of a template by language.

    A language that the settings' folder lacks is read as shipped.
    """
    files = {file.stem: file for file in sorted(SHIPPED_TEMPLATES.joinpath(name).glob("*.txt"))}
    own = settings.templates.folder.joinpath(name).glob("*.txt")
    files |= {file.stem: file for file in sorted(own)}
    first = settings.suppression.language
    return {
        language: files[language] for language in sorted(files, key=lambda one: (one != first, one))
    }


def lookup(settings: Settings, address: str) -> str:
    """Return the form by which an address is looked up under these settings."""
    return lookup_form(address, plus_addresses=settings.suppression.plus_addresses)


def standings(settings: Settings, database: Database) -> Standings:
    """Return what tells who is suppressed under these settings; to be closed in the end."""
    return Standings(
        database,
        tag_scopes=settings.suppression.tags,
        plus_addresses=settings.suppression.plus_addresses,
        optout_scope=settings.mailchimp.optout_scope,
    )


def suppressed_addresses(settings: Settings, database: Database) -> SuppressedAddresses:
    """Return what lists everybody who is suppressed under these settings."""
    return SuppressedAddresses(
        is_sqlite=database.is_sqlite,
        tag_scopes=settings.suppression.tags,
        optout_scope=settings.mailchimp.optout_scope,
        plus_addresses=settings.suppression.plus_addresses,
    )


def node() -> str:
    """Return what tells this machine from others that share the store."""
    try:
        return Path("/etc/machine-id").read_text(encoding="ascii").strip() + socket.gethostname()
    except OSError:
        return socket.gethostname()
