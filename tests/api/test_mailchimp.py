"""Mailchimp's webhooks: checked, verified, told once (M6)."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import httpx
import pytest

from gateway.api.application import application
from gateway.api.health import Health
from gateway.api.mailchimp import AudienceWebhook, WebhookHint, router

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
URL = "/mailchimp/webhook/token"
FIELDS = {
    "type": "unsubscribe",
    "fired_at": "2026-11-20 08:59:58",
    "data[list_id]": "a1",
    "data[email]": "ann@crm.test",
    "data[campaign_id]": "c1",
}
BODY = urlencode(FIELDS).encode()


class Known:
    """Knows one webhook, and keeps what it is told."""

    def __init__(self, secret: str = "") -> None:
        self.secret = secret
        self.hints: list[WebhookHint] = []

    async def hook(self, token: str) -> AudienceWebhook | None:
        return AudienceWebhook("a1", self.secret) if token == "token" else None

    async def take(self, hint: WebhookHint) -> None:
        self.hints.append(hint)


async def ask(known: Known, method: str, url: str, body: bytes = b"", signature: str = "") -> int:
    """Ask the API; return its status."""

    async def health() -> Health:
        raise AssertionError

    async def metrics() -> bytes:
        raise AssertionError

    app = application(
        health=health, metrics=metrics, metrics_type="", routers=[router(known, lambda: NOW)]
    )
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if signature:
        headers["X-Mailchimp-Signature"] = signature
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        answer = await client.request(method, url, content=body, headers=headers)
    return answer.status_code


def signed(body: bytes, secret: str = "secret", at: datetime = NOW) -> str:
    """Sign as Mailchimp does."""
    seconds = int(at.timestamp())
    text = f"{seconds}.".encode() + body
    return f"t={seconds},v1={hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()}"


async def test_m6_the_check_of_the_address_is_answered() -> None:
    known = Known("secret")

    assert 200 == await ask(known, "GET", URL)
    assert [] == known.hints


async def test_what_happened_is_told_with_audience_and_campaign() -> None:
    known = Known()

    assert 200 == await ask(known, "POST", URL, BODY)
    assert [("a1", "c1")] == [(one.audience, one.campaign) for one in known.hints]


async def test_a_campaign_that_was_sent_names_itself() -> None:
    known = Known()
    fields = {"type": "campaign", "data[id]": "c9", "data[list_id]": "a1"}

    await ask(known, "POST", URL, urlencode(fields).encode())

    assert ["c9"] == [one.campaign for one in known.hints]


async def test_m6_the_same_told_again_has_the_same_fingerprint() -> None:
    known = Known()
    for body in (BODY, BODY, BODY.replace(b"ann", b"bob")):
        await ask(known, "POST", URL, body)

    first, again, other = (one.fingerprint for one in known.hints)
    assert first == again != other


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_m6_an_address_nobody_was_told_is_unknown(method: str) -> None:
    known = Known()

    assert 404 == await ask(known, method, "/mailchimp/webhook/other", BODY)
    assert [] == known.hints


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "t=1,v1=00",
        "nonsense",
        "t=abc,v1=x",
        "t=-1,v1=x",
        signed(BODY, "other"),
        signed(b"another body"),
        signed(BODY, at=NOW - timedelta(minutes=5, seconds=1)),
        signed(BODY, at=NOW + timedelta(minutes=5, seconds=1)),
        signed(BODY).replace("v1", "v0"),
    ],
)
async def test_m6_a_forged_or_old_signature_is_refused(signature: str) -> None:
    known = Known("secret")

    assert 403 == await ask(known, "POST", URL, BODY, signature)
    assert [] == known.hints


async def test_a_good_signature_is_taken() -> None:
    known = Known("secret")

    assert 200 == await ask(known, "POST", URL, BODY, signed(BODY, at=NOW - timedelta(minutes=4)))
    assert 1 == len(known.hints)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"type=unsubscribe", 400),
        (urlencode({**FIELDS, "data[list_id]": "a2"}).encode(), 400),
        (b"\xff\xfe", 400),
        (b"a=1&" * 300, 400),
        (b"x" * 70_000, 413),
    ],
)
async def test_what_is_no_webhook_of_the_audience_is_refused(body: bytes, status: int) -> None:
    known = Known()

    assert status == await ask(known, "POST", URL, body)
    assert [] == known.hints
