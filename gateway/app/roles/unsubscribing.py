"""The store's side of unsubscribe links."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from gateway import logs
from gateway.api.public.public_name import PublicPaths, name_of
from gateway.api.public.unsubscribe import LinkState, LinkView, UnsubscribeAdapter
from gateway.app import common
from gateway.app.keys import unsubscribe_links
from gateway.config import ConfigError, Settings
from gateway.config.triggers import load_trigger, trigger_files
from gateway.core.bounces.unsubscribe import PATH, SAMPLE, Named, UnsubscribeLinks, mask_address
from gateway.core.mail.typed.typed_address import name_and_address
from gateway.documents.bounces import unsubscribed_event
from gateway.store.bounces import unsubscribes
from gateway.store.bounces.unsubscribes import MailedRecipient
from gateway.store.engine.database import Database, StoreTransaction, StoreUnavailable
from gateway.store.people import topic_opt_outs
from gateway.store.sending import events

log = logs.get("api")

_NEW = timedelta(hours=1)
_ATTEMPTS, _PAUSE_SECONDS = 8, 0.25
_MAILCHIMP = "/mailchimp/"


class StoreUnsubscribeAdapter(UnsubscribeAdapter):
    """Looks up links, and unsubscribes the recipients of their mail."""

    def __init__(self, settings: Callable[[], Settings], database: Database) -> None:
        self._settings = settings
        self._database = database
        self._ids = common.ids_of(database)
        self._links: tuple[Settings, UnsubscribeLinks | None] | None = None

    def contact(self) -> str:
        """Return the address to write to instead of clicking: staff rather than the gateway."""
        notices = self._settings().notices
        return name_and_address(notices.fallback_to or notices.sender or "")[1]

    def default_language(self) -> str:
        """Return the language of the settings."""
        return self._settings().suppression.language

    async def is_ours(self, token: str) -> bool:
        return await asyncio.to_thread(self._mail_of, token) is not None

    async def link_view(self, token: str) -> LinkView:
        if token == SAMPLE:
            return LinkView(state=LinkState.SAMPLE)
        named_mail = await asyncio.to_thread(self._mail_of, token)
        if named_mail is None:
            return LinkView(state=LinkState.UNKNOWN)
        return await self._once_known(
            named_mail,
            lambda: self._database.read(self._view, named_mail),
        )

    async def unsubscribe(self, token: str, *, topic: str, choice: str) -> LinkView:
        """Unsubscribe the recipient of the link's mail, and report it, in one transaction."""
        named_mail = await asyncio.to_thread(self._mail_of, token)
        if named_mail is None:
            return LinkView(state=LinkState.UNKNOWN)

        def work(connection: StoreTransaction) -> LinkView:
            mailed = unsubscribes.recipient_of(connection, named_mail, lock=True)
            if mailed is None:
                return LinkView(state=LinkState.EXPIRED)
            opt_out = unsubscribes.unsubscribe(
                connection,
                mailed,
                topic=topic,
                choice=choice,
                now=common.now(),
                new_id=self._ids.next,
            )
            if opt_out is not None:
                events.put(connection, [unsubscribed_event(opt_out, self._ids.next())])
                log.info("unsubscribed", by="link", topic=bool(opt_out.topic))
            return self._view_of(connection, mailed)

        return await self._once_known(named_mail, lambda: self._database.write(work))

    async def _once_known(
        self, named_mail: Named, ask: Callable[[], Awaitable[LinkView]]
    ) -> LinkView:
        """Return the answer once the journal has the mail: programs may be faster than the journal.

        If a mail is too recent to have been deleted, it will be in the journal in a moment.
        """
        is_new = common.now() - named_mail.at < _NEW
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(_PAUSE_SECONDS)
            try:
                view = await ask()
            except StoreUnavailable:
                return LinkView(state=LinkState.AWAY)
            if not is_new or view.state is not LinkState.EXPIRED:
                return view
        return LinkView(state=LinkState.AWAY)

    def _mail_of(self, token: str) -> Named | None:
        settings = self._settings()
        if self._links is None or self._links[0] is not settings:
            self._links = settings, unsubscribe_links(settings)
        links = self._links[1]
        return links.mail_of(token) if links is not None else None

    def _view(self, connection: StoreTransaction, named_mail: Named) -> LinkView:
        mailed = unsubscribes.recipient_of(connection, named_mail)
        if mailed is None:
            return LinkView(state=LinkState.EXPIRED)
        return self._view_of(connection, mailed)

    def _view_of(self, connection: StoreTransaction, mailed: MailedRecipient) -> LinkView:
        topic = self._topic(mailed.trigger)
        state, declined_topic = LinkState.OPEN, ""
        if unsubscribes.is_out(connection, mailed, common.now()):
            state = LinkState.DONE
        elif topic and topic_opt_outs.is_declined(connection, topic, mailed.person, mailed.address):
            state, declined_topic = LinkState.DONE, topic
        return LinkView(
            state=state,
            language=mailed.language,
            address=mask_address(mailed.address),
            topic=topic,
            declined_topic=declined_topic,
        )

    def _topic(self, trigger: str) -> str:
        """Return the topic of a trigger's mail; empty if it has none, or no longer exists."""
        settings = self._settings()
        with suppress(ConfigError, OSError):
            file = trigger_files(settings.triggers.folder).get(trigger) if trigger else None
            return load_trigger(trigger, file, settings).topic if file else ""
        return ""


def public_paths(settings: Settings) -> PublicPaths:
    """Return the public host name and the paths open to the internet.

    If Mailchimp's webhooks use the same name, theirs are included.
    """
    name = name_of(settings.api.public_url or "")
    is_shared = bool(name) and name_of(str(settings.mailchimp.public_url or "")) == name
    return PublicPaths(name, (PATH, _MAILCHIMP) if is_shared else (PATH,))
