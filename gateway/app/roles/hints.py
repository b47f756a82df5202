"""Hints from Mailchimp's webhooks, stored for the `sync` role."""

import hmac
from datetime import timedelta

from gateway import logs
from gateway.api.mailchimp import AudienceWebhook, WebhookHint, WebhookHints
from gateway.app.common import now
from gateway.store.campaigns import audiences, campaign_syncs
from gateway.store.engine import done_once
from gateway.store.engine.database import Database, StoreTransaction

#: How long repetitions are recognised, from Mailchimp or from anybody who copied a hint; Mailchimp
#: itself repeats for 75 minutes.
KEPT = timedelta(days=2)

log = logs.get("api")


class StoredHints(WebhookHints):
    """Knows the webhooks of the store's audiences, and brings syncs forward."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hook(self, token: str) -> AudienceWebhook | None:
        webhook_audiences = await self._database.read(audiences.with_webhook)
        matching = [
            audience
            for audience in webhook_audiences
            if hmac.compare_digest(audience.webhook_url.rpartition("/")[2].encode(), token.encode())
        ]
        return AudienceWebhook(matching[0].id, matching[0].webhook_secret) if matching else None

    async def take(self, hint: WebhookHint) -> None:
        """Schedule a sync for a hint; repeated hints change nothing (M6)."""
        present = now()

        def keep(connection: StoreTransaction) -> bool:
            if not done_once.is_first(
                connection, "mailchimp_hint", hint.fingerprint, now=present, until=present + KEPT
            ):
                return False
            campaign_syncs.bring_forward(connection, hint.audience, hint.campaign, present)
            return True

        if await self._database.write(keep):
            log.info("mailchimp_hint_taken", audience=hint.audience)
        else:
            log.info("mailchimp_hint_repeated", audience=hint.audience)
