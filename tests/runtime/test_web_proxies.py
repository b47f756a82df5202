"""By which proxy the gateway calls web addresses."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from gateway.api.console.oidc import Provider
from gateway.api.console.terms import OidcTerms
from gateway.api.problems import Problem
from gateway.core.sending.outbox import Deferred, OutboxRow, OutboxState, Sent
from gateway.inbound.imap.tokens import answer_of_token_server
from gateway.outbox.webhook import Endpoint, WebhookDelivery
from gateway.runtime.web_proxies import proxy_for
from gateway.sync.mailchimp.transport import MailchimpLimits, Transport
from tests.rig.receiver import Receiver

PROXY = "http://proxy.example:3128"
ROW = OutboxRow(
    id=1, type="webhook", key="webhook:17:x", sender="", recipient="", body=b"{}", message=None,
    relay="", state=OutboxState.SENDING, attempts=1, next_at=None, error="",
)  # fmt: skip


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the machine's own says."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("variables", "url", "expected"),
    [
        ({}, "https://hooks.example/x", None),
        ({"HTTPS_PROXY": PROXY}, "https://hooks.example/x", PROXY),
        ({"https_proxy": PROXY}, "https://hooks.example/x", PROXY),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "https://hooks.example/x", PROXY),
        ({"HTTPS_PROXY": PROXY}, "http://hooks.example/x", None),
        ({"HTTP_PROXY": PROXY}, "http://hooks.example/x", PROXY),
        ({"ALL_PROXY": PROXY}, "https://hooks.example/x", PROXY),
        ({"NO_PROXY": "hooks.example"}, "https://hooks.example/x", None),
        ({"NO_PROXY": "a.example, example"}, "https://hooks.example/x", None),
        ({"NO_PROXY": ".example"}, "https://hooks.example/x", None),
        ({"NO_PROXY": "example"}, "https://hooksexample/x", PROXY),
        ({"NO_PROXY": "*"}, "https://hooks.example/x", None),
        ({"NO_PROXY": "10.0.0.0/8"}, "https://10.1.2.3:8443/x", None),
        ({"NO_PROXY": "10.0.0.0/8, 192.0.2.7"}, "https://192.0.2.7/x", None),
        ({"NO_PROXY": "10.0.0.0/8"}, "https://192.0.2.7/x", PROXY),
        ({"NO_PROXY": "2001:db8::/32"}, "https://[2001:db8::7]/x", None),
        ({}, "https://localhost:8443/x", None),
        ({}, "https://127.0.0.2/x", None),
        ({}, "https://[::1]:8443/x", None),
    ],
)
def test_the_environment_says_by_which_proxy_an_address_is_called(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, expected: str | None
) -> None:
    if url != "https://hooks.example/x" or "NO_PROXY" in variables:
        variables = {"HTTPS_PROXY": PROXY} | variables
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert expected == proxy_for(url)


async def post_webhook() -> None:
    endpoint = Endpoint(
        url="http://called.example/x",
        secret="hunter2",
        events=frozenset(),
        context=ssl.create_default_context(),
    )
    delivery = WebhookDelivery(endpoint, clock=lambda: datetime(2026, 3, 4, tzinfo=UTC))

    assert Sent("HTTP 200") == await delivery.deliver(ROW)

    await delivery.close()


async def ask_token_server() -> None:
    await asyncio.to_thread(answer_of_token_server, "http://called.example/x", {"a": "b"})


async def call_mailchimp() -> None:
    limits = MailchimpLimits(attempts=1, connect_timeout=timedelta(seconds=5))
    transport = Transport(
        "key-us1", "http://called.example/3.0", limits, sleep=lambda _: None, jitter=lambda: 0.0
    )
    await asyncio.to_thread(transport.request, "GET", "http://called.example/x")
    transport.close()


async def ask_provider() -> None:
    terms = OidcTerms(
        issuer="http://called.example/x",
        client_id="gateway",
        client_secret="hunter2",
        role_claim="roles",
        name_claim="name",
        scope="openid",
    )
    with pytest.raises(Problem):
        await Provider(lambda: 0.0).about(terms)


@pytest.mark.parametrize(
    "call",
    [post_webhook, ask_token_server, call_mailchimp, ask_provider],
    ids=lambda call: call.__name__,
)
async def test_whatever_calls_a_web_address_does_so_by_the_proxy(
    monkeypatch: pytest.MonkeyPatch, call: Callable[[], Awaitable[None]]
) -> None:
    async with Receiver(lambda _: b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        b"Content-Length: 2\r\n\r\n{}") as proxy:  # fmt: skip
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")

        await call()

    assert proxy.posted[0].target.startswith("http://called.example/x")


async def test_a_proxy_that_is_none_puts_webhooks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://127.0.0.1:1")
    endpoint = Endpoint(
        url="http://called.example/x",
        secret="hunter2",
        events=frozenset(),
        context=ssl.create_default_context(),
    )
    delivery = WebhookDelivery(endpoint, clock=lambda: datetime(2026, 3, 4, tzinfo=UTC))

    outcome = await delivery.deliver(ROW)

    assert isinstance(outcome, Deferred)
    assert "HTTPS_PROXY: not the address of an HTTP proxy" in outcome.reason
