"""The endpoint of Mailchimp's webhooks, which only bring a sync forward."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

PATH = "/mailchimp/webhook/{token}"
SIGNATURE = "x-mailchimp-signature"
FRESH = timedelta(minutes=5)  #: How far a signature's time may be off.
LARGEST = 65_536
_PART = "data[{}]"


@dataclass(frozen=True, slots=True)
class AudienceWebhook:
    """The webhook of an audience, identified by the token in its URL."""

    audience: str
    secret: str  #: Mailchimp signs with it; empty: it doesn't.


@dataclass(frozen=True, slots=True)
class WebhookHint:
    """The content of a webhook: something happened in an audience, perhaps through a campaign."""

    audience: str
    campaign: str  #: Its id at Mailchimp; empty if none.
    fingerprint: str  #: The same if repeated.


class WebhookHints(Protocol):
    """What the endpoint needs from the gateway."""

    async def hook(self, token: str) -> AudienceWebhook | None:
        """Return the webhook with this token in its URL."""

    async def take(self, hint: WebhookHint) -> None:
        """Schedule a sync for a hint; only once, however often it is sent."""


def router(hints: WebhookHints, clock: Callable[[], datetime]) -> APIRouter:
    """Build the endpoint: GET for Mailchimp's check of the URL, POST for events.

    An unknown URL gets 404, a bad or old signature 403, anything that isn't a webhook 400.
    """
    routes = APIRouter()

    @routes.get(PATH)
    async def check(token: str) -> Response:
        return Response(status_code=404 if await hints.hook(token) is None else 200)

    @routes.post(PATH)
    async def take(token: str, request: Request) -> Response:
        hook = await hints.hook(token)
        if hook is None:
            return Response(status_code=404)
        body = await _body(request)
        if body is None:
            return Response(status_code=413)
        if hook.secret and not is_signed(
            body, request.headers.get(SIGNATURE, ""), hook.secret, clock()
        ):
            return Response(status_code=403)
        hint = read(body, hook.audience)
        if hint is None:
            return Response(status_code=400)
        await hints.take(hint)
        return Response(status_code=200)

    return routes


async def _body(request: Request) -> bytes | None:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return None
    return body


def is_signed(body: bytes, header: str, secret: str, now: datetime) -> bool:
    """Check `t=<unix>,v1=<hex>`: HMAC-SHA256 of time, dot and raw body, at most 5 minutes old."""
    parts = dict(part.strip().partition("=")[::2] for part in header.split(","))
    signed_at = parts.get("t", "")
    if not (signed_at.isascii() and signed_at.isdecimal() and len(signed_at) <= 12):
        return False
    if abs(now.timestamp() - int(signed_at)) > FRESH.total_seconds():
        return False
    our_signature = hmac.new(
        secret.encode(), f"{signed_at}.".encode() + body, hashlib.sha256
    ).hexdigest()
    return hmac.compare_digest(our_signature.encode(), parts.get("v1", "").encode())


def read(body: bytes, audience: str) -> WebhookHint | None:
    """Parse a form-encoded webhook; None if it is none, or about another audience."""
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200))
    except ValueError:
        return None
    kind, told_of = fields.get("type", ""), fields.get(_PART.format("list_id"), "")
    if not kind or told_of != audience:
        return None
    campaign = fields.get(_PART.format("id" if kind == "campaign" else "campaign_id"), "")
    return WebhookHint(audience, campaign, hashlib.sha256(body).hexdigest())
