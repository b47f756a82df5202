"""The sender of webhooks: form-encoded, retried until accepted, signed on request."""

import hashlib
import hmac
import threading
from collections import deque
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from gateway.sandbox.account import Account, SandboxAudience, SandboxWebhook
from gateway.sandbox.call import SandboxDocument

#: After the first try; the last one is 75 minutes later.
RETRIES = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 35, 75))
TIMEOUT = 10.0


class WebhookSender:
    """Sends events to webhooks, in a separate thread."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._due: deque[tuple[SandboxWebhook, bytes, int]] = deque()
        self._changed = threading.Condition()
        self._busy = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sandbox-webhooks", daemon=True)
        account.tell = self.tell

    def start(self) -> None:
        """Start sending."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the webhook being sent, then stop."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def settle(self, within: float) -> None:
        """Wait until everything due by the account's clock has been sent."""
        with self._changed:
            if not self._changed.wait_for(lambda: not (self._due or self._busy), within):
                raise TimeoutError("webhooks are still on their way")

    def tell(
        self, audience: SandboxAudience, event: str, source: str, data: SandboxDocument
    ) -> None:
        """Queue an event for the webhooks subscribed to it from this source."""
        webhooks = [
            webhook
            for webhook in audience.webhooks.values()
            if webhook.enabled and webhook.events.get(event) and webhook.sources.get(source)
        ]
        if not webhooks:
            return
        fired_at = self._account.now()
        fields = {"type": event, "fired_at": fired_at.strftime("%Y-%m-%d %H:%M:%S")}
        body = urlencode([*fields.items(), *_flat("data", data)]).encode()
        for webhook in webhooks * (1 + self._account.options.doubles_webhooks):
            self._queue(webhook, body, 0)

    def _queue(self, webhook: SandboxWebhook, body: bytes, attempt: int) -> None:
        with self._changed:
            self._due.append((webhook, body, attempt))
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._due or self._stopping)
                if self._stopping:
                    return
                webhook, body, attempt = self._due.popleft()
                self._busy = True
            self._send(webhook, body, attempt)

    def _send(self, webhook: SandboxWebhook, body: bytes, attempt: int) -> None:
        """Post a webhook once; one that isn't accepted is retried, 410 ends the webhook."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if webhook.secret:
            # HMAC-SHA256 over the time and the raw body.
            sent_at = int(self._account.now().timestamp())
            signed = hmac.new(
                webhook.secret.encode(), f"{sent_at}.".encode() + body, hashlib.sha256
            )
            headers["X-Mailchimp-Signature"] = f"t={sent_at},v1={signed.hexdigest()}"
        status = status_of_answer(webhook.url, body, headers)
        if status == 410:
            webhook.enabled = False
        elif not 200 <= status < 300 and attempt < len(RETRIES):
            before = RETRIES[attempt - 1] if attempt else timedelta()
            with self._account.lock:
                self._account.later(
                    self._account.now() + RETRIES[attempt] - before,
                    lambda: self._queue(webhook, body, attempt + 1),
                )


def answers(url: str) -> bool:
    """Whether a webhook's URL answers the GET that checks it."""
    return 0 < status_of_answer(url) < 400


def status_of_answer(
    url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> int:
    """Return the status with which a URL answers a POST, or a GET if there is no body; 0: none."""
    if not url.lower().startswith(("http://", "https://")):  # urllib opens files, too
        return 0
    try:
        request = Request(url, body, headers or {})  # noqa: S310  see above
        with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            status: int = answer.status
            return status
    except HTTPError as refusal:
        refusal.close()
        return refusal.code
    except (OSError, HTTPException, ValueError):
        return 0


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Flatten nested data as PHP does: `data[merges][FNAME]`."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(f"{name}[{key}]", item)
    else:
        yield name, str(value)
