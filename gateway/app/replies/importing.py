"""The importer as configured, for the `inbound` role and for decisions by hand."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.app import common
from gateway.app.common import now
from gateway.app.keys import signing_keys, unsubscribe_links
from gateway.app.replies.import_address import import_address
from gateway.app.wording import mail_wordings
from gateway.config import Settings
from gateway.config.inbound import MailboxConfig
from gateway.config.smtp import ListenerConfig
from gateway.core.bounces.bounce import KeptBounce
from gateway.core.bounces.suppressing import BounceRules
from gateway.core.mail.typed.typed_address import name_and_address
from gateway.core.people.people import role_key
from gateway.core.replies.document_types import RULES, DocumentRule
from gateway.core.sending.mail_wording import IMPORTED, REFUSED
from gateway.inbound.admission import Admission, sender_entries
from gateway.inbound.bounce_keeping import BounceSettings
from gateway.inbound.importer import FilingRules, ReplyImporter
from gateway.inbound.notices import NoticeSettings
from gateway.inbound.reading.readers import Readers
from gateway.inbound.verdict import ImportVerdict, MailOrigin
from gateway.store.engine.blobs import Blobs
from gateway.store.engine.database import Database


@asynccontextmanager
async def importer_by_hand(settings: Settings, database: Database) -> AsyncIterator[ReplyImporter]:
    """Lend an importer for a person's decision."""
    readers = Readers()
    try:
        yield reply_importer(settings, database, readers)
    finally:
        await readers.close()


def reply_importer(
    settings: Settings,
    database: Database,
    readers: Readers,
    on_verdict: Callable[[MailOrigin, ImportVerdict], None] = lambda _, __: None,
    on_bounce: Callable[[KeptBounce], None] = lambda _: None,
) -> ReplyImporter:
    """Return an importer; `on_verdict` is called with each verdict on a new mail.

    `on_bounce` is called with each bounce, once it is stored.
    """
    return ReplyImporter(
        database,
        Blobs(settings.store.blobs),
        readers,
        rules=rules(settings),
        new_id=common.ids_of(database).next,
        clock=now,
        on_verdict=on_verdict,
        on_bounce=on_bounce,
    )


def rules(settings: Settings) -> FilingRules:
    """Return the importer's rules; GatewayError if a wording can't be used."""
    own = (
        DocumentRule(
            type=document_type.type,
            words=document_type.words,
            images_only=document_type.images_only,
        )
        for document_type in settings.inbound.document_types
    )
    return FilingRules(
        reference=settings.inbound.reference.pattern,
        zone=settings.time_zone,
        admission=Admission(
            roles=frozenset(map(role_key, settings.inbound.allowed_roles)),
            senders=sender_entries(settings.inbound.allowed_senders),
        ),
        notice_settings=NoticeSettings(
            sender=common.notifier(settings),
            hostname=common.host_name(),
            language=settings.suppression.language,
            zone=common.time_zone(settings),
            imported=mail_wordings(settings, "reply_imported", IMPORTED),
            refused=mail_wordings(settings, "reply_refused", REFUSED),
            lookup=lambda address: common.lookup(settings, address),
            fallback_to=name_and_address(settings.notices.fallback_to or "")[1],
            max_size=settings.inbound.max_size,
            import_address=import_address(settings),
            console_url=settings.console.url or "",
        ),
        origins=origins(settings),
        documents=(*own, *RULES),
        bounces=bounce_settings(settings),
    )


def bounce_settings(settings: Settings) -> BounceSettings:
    """Return how bounces are matched, and when they suppress; GatewayError for a bad key file."""
    config = settings.bounces
    _, address = name_and_address(config.address or "")
    return BounceSettings(
        lookup=lambda typed: common.lookup(settings, typed),
        rules=BounceRules(config.suppress_after, config.apart, config.within),
        address=address,
        keys=signing_keys(settings) if address else None,
        links=unsubscribe_links(settings),
    )


def origins(settings: Settings) -> dict[str, MailOrigin]:
    """Return the mailboxes and import listeners, each with how it authenticates senders."""
    listeners = (place for place in settings.smtp.listeners if place.purpose != "proxy")
    places: list[MailboxConfig | ListenerConfig] = [*settings.inbound.mailboxes, *listeners]
    return {
        place.name: MailOrigin(
            name=place.name,
            trust=place.trust,
            authserv_id=place.authserv_id or "",
            is_for_bounces=place.purpose == "bounces",
        )
        for place in places
    }
