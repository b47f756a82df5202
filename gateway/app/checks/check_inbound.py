"""`gateway check` for forwarded replies: whether any could be filed, and what is missing."""

from collections.abc import Iterator, Mapping

from gateway.app.checks.findings import Finding, error, good, warning
from gateway.app.replies.import_address import MISSING, import_addresses
from gateway.app.wording import mail_wordings
from gateway.config import Settings
from gateway.config.inbound import MailboxConfig
from gateway.config.smtp import ListenerConfig
from gateway.core.errors import GatewayError
from gateway.core.people.people import role_key
from gateway.core.replies.document_types import TYPES
from gateway.core.sending.mail_wording import IMPORTED, REFUSED, MailWording
from gateway.core.written import counted, nearest_text, no_such_name
from gateway.store.engine.database import Database
from gateway.store.people import applications, vocabulary

_NOTHING = "nothing that comes in here is imported, all of it waits: "
_HOW = (
    'set trust = "authentication-results" with authserv_id, "exchange-internal" or "internal-only"'
)


def places(settings: Settings) -> list[tuple[str, MailboxConfig | ListenerConfig]]:
    """Return where replies come in, in words."""
    listeners = (place for place in settings.smtp.listeners if place.purpose == "import")
    mailboxes = (place for place in settings.inbound.mailboxes if place.purpose == "replies")
    return [
        *((f"mailbox {place.name}", place) for place in mailboxes),
        *((f"listener {place.name}", place) for place in listeners),
    ]


def settings_for_replies(settings: Settings) -> Iterator[Finding]:
    """Check the settings for forwarded replies."""
    known_places = places(settings)
    for what, place in known_places:
        yield trust_of(what, place)
    if not known_places:
        if settings.inbound.address:
            text = "takes no mail: add [[inbound.mailboxes]], or a listener for imports"
            yield warning("inbound", f"inbound.address {settings.inbound.address} {text}")
        return
    try:
        for name, wording in (("reply_imported", IMPORTED), ("reply_refused", REFUSED)):
            wordings = mail_wordings(settings, name, wording)
            yield good("templates", f"{name}: {', '.join(wordings)}")
            if wording.has_other_words:
                yield from words_for_no_type(settings, name, wordings)
    except (GatewayError, OSError) as problem:
        yield error("templates", str(problem))
    addresses = import_addresses(settings)
    if addresses:
        address_list = ", ".join(address.address for address in addresses)
        yield good("inbound", f"staff forward replies to {address_list} ({addresses[0].told_by})")
    else:
        yield warning("inbound", MISSING)
    if not (settings.inbound.allowed_roles or settings.inbound.allowed_senders):
        yield error("inbound", "nobody may import: set inbound.allowed_roles")


def words_for_no_type(
    settings: Settings, name: str, wordings: Mapping[str, MailWording]
) -> Iterator[Finding]:
    """Warn of words for types of documents that there aren't; `name` is the mail's.

    They are no error: a type of the config may be removed before its word is.
    """
    types = (*TYPES, *(own.type for own in settings.inbound.document_types))
    for language, wording in wordings.items():
        file = settings.templates.folder / name / f"{language}.txt"
        for word in sorted(wording.words.keys() - IMPORTED.words - set(types)):
            reason = no_such_name("type of document", word, types)
            yield warning("templates", f"{file}: [words]: passed over, as {reason}")


def trust_of(what: str, place: MailboxConfig | ListenerConfig) -> Finding:
    """Return why the sender of a forwarded reply is trusted at a mailbox or listener."""
    match place.trust:
        case None:
            return error(what, f"{_NOTHING}{_HOW}")
        case "authentication-results":
            passed = f"Authentication-Results of {place.authserv_id}"
            return good(what, f"imports mail that passes by the topmost {passed}")
        case "exchange-internal":
            return good(what, "imports what Exchange marks as internal to its tenant")
        case "internal-only":
            text = "believes every sender: its server must take mail from inside only"
            return warning(what, text)


def store_for_replies(settings: Settings, database: Database) -> Iterator[Finding]:
    """Check whether the store has anybody who may import, and anything to import to."""
    if not places(settings):
        return
    with database.reading() as connection:
        importers = applications.count_staff(connection, settings.inbound.allowed_roles)
        application_count = applications.count(connection)
        unattended = (
            0 if settings.notices.fallback_to else applications.count_unattended(connection)
        )
        carried = vocabulary.read(connection).roles
    for role in settings.inbound.allowed_roles:
        is_there = role_key(role) in map(role_key, carried)
        if not is_there and (similar_role := nearest_text(role, carried)):
            text = f'inbound.allowed_roles: no staff have the role "{role}"; write "{similar_role}"'
            yield warning("inbound", text)
    roles = ", ".join(settings.inbound.allowed_roles)
    if not (importers or settings.inbound.allowed_senders):
        text = f"nobody may import yet: no staff with an address has a role of {roles}"
        yield warning("inbound", text)
    else:
        yield good("inbound", f"{counted(importers, 'member')} of staff may import")
    if not application_count:
        yield warning("inbound", "no application is known: gateway import applications")
    if unattended:
        yield warning(
            "inbound",
            f"nobody hears of replies to {counted(unattended, 'open application')}: nobody is "
            "responsible, and the candidate has no owner: set notices.fallback_to",
        )
