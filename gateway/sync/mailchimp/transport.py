"""One checked HTTP exchange with Mailchimp: concurrency, retries, the answer.

requests is only imported by what makes calls: see `MailchimpClient`.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from gateway.runtime.web_proxies import proxy_for
from gateway.sync.mailchimp.errors import (
    AnswerLost,
    MailchimpError,
    NotMailchimp,
    Throttled,
    Unreachable,
    UnreadableAnswer,
    refused,
)

if TYPE_CHECKING:
    import requests

MailchimpJson = dict[str, Any]
#: These are idempotent, so they may be repeated if an answer is lost.
REPEATABLE = frozenset({"GET", "PUT", "PATCH", "DELETE"})
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
SHOWN = 200
ID = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailchimpLimits:
    """Concurrency, retries and timeouts for Mailchimp."""

    connections: int = 8  #: At once; Mailchimp allows a customer 10 over all programs.
    attempts: int = 5
    first_pause: timedelta = timedelta(seconds=1)  #: Doubles with each attempt.
    longest_pause: timedelta = timedelta(seconds=30)
    connect_timeout: timedelta = timedelta(seconds=10)
    read_timeout: timedelta = timedelta(seconds=130)  #: Mailchimp itself gives up after 120 s.

    def pauses(self) -> Iterator[timedelta]:
        """Yield the time to wait before each further attempt, without jitter."""
        for attempt in range(self.attempts - 1):
            yield min(self.first_pause * 2**attempt, self.longest_pause)


class CheckedAnswer:
    """A checked answer; its empty text makes the official client pass it on unchanged."""

    def __init__(self, document: MailchimpJson, call: str) -> None:
        self.document = document
        self.call = call  #: For example, `GET /lists/ab12`.
        self.headers = {"content-type": ""}
        self.text = ""


class Transport:
    """Replaces the official client's `request`; thread-safe."""

    def __init__(
        self,
        api_key: str,
        base_url: str,
        limits: MailchimpLimits,
        *,
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
    ) -> None:
        self._limits = limits
        self._sleep = sleep
        self._jitter = jitter
        self._at_once = BoundedSemaphore(limits.connections)
        self._base_url = base_url
        self._session = _session(api_key, base_url, limits.connections)
        self._timeout = (
            limits.connect_timeout.total_seconds(),
            limits.read_timeout.total_seconds(),
        )

    def close(self) -> None:
        """Close idle connections."""
        self._session.close()

    def request(
        self,
        method: str,
        url: str,
        query_params: list[tuple[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        body: object = None,
    ) -> CheckedAnswer:
        """Make one call, repeating it if that is safe; raise a MailchimpError if it fails."""
        call = f"{method} {url.removeprefix(self._base_url)}"
        send = partial(
            self._session.request,
            method,
            url,
            params=[
                (name, str(value).lower() if isinstance(value, bool) else str(value))
                for name, value in query_params or ()
            ],
            data=json.dumps(body).encode() if method in WITH_BODY else None,
            headers=headers,
            timeout=self._timeout,
            allow_redirects=False,
        )
        for pause in self._limits.pauses():
            try:
                return self._exchange(send, call)
            except MailchimpError as error:
                # A throttled request was not carried out; one that may have been is only repeated
                # if it is idempotent.
                may_repeat = isinstance(error, Throttled) or (
                    isinstance(error, AnswerLost | Unreachable) and method in REPEATABLE
                )
                if not may_repeat:
                    raise
            self._sleep(pause.total_seconds() * (0.5 + self._jitter()))
        return self._exchange(send, call)

    def _exchange(self, send: "Callable[[], requests.Response]", call: str) -> CheckedAnswer:
        import requests

        with self._at_once:
            try:
                response = send()
            except requests.RequestException as error:
                raise broken_connection(error) from error
        return CheckedAnswer(read_answer(response, call), call)


def _session(api_key: str, base_url: str, connections: int) -> "requests.Session":
    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    session.auth = ("user", api_key)
    # Proxies and certificates are read from the environment once: it costs a third of a call.
    environment = session.merge_environment_settings(base_url, {}, None, None, None)
    session.verify = environment["verify"]
    proxy = proxy_for(base_url)
    session.proxies = {"all": proxy} if proxy else {}
    session.trust_env = False
    # Cookies would be the only state that threads share and change.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def broken_connection(error: "requests.RequestException") -> MailchimpError:
    """Return the error for a call without an answer: `Unreachable` only if nothing was sent.

    requests wraps urllib3's errors: "HTTPSConnectionPool(host=…): Max retries exceeded with url: …
    (Caused by NewConnectionError('<…>: Failed to establish a new connection: …'))". The text leaves
    out the class names.
    """
    import requests
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else None
    if isinstance(reason, NewConnectionError) or isinstance(error, requests.ConnectTimeout):
        text = str(error if not isinstance(cause, MaxRetryError) else reason)
        return Unreachable(f"No connection to Mailchimp: {text.partition('): ')[2] or text}")
    return AnswerLost(f"The connection to Mailchimp broke: {error}")


def read_answer(response: "requests.Response", call: str) -> MailchimpJson:
    """Return the document of a success; raise a MailchimpError for any other answer.

    What the official client accepts as success is checked again: it must be 2xx with JSON, or 204.
    `call`, such as `GET /ping`, is named in the error if the answer can't be read.
    """
    status = response.status_code
    document: MailchimpJson | None = None
    with suppress(ValueError, RecursionError):
        parsed = json.loads(response.content)
        document = parsed if isinstance(parsed, dict) else None
    if status == 204:
        return {}
    excerpt = response.text[:SHOWN] or f"empty answer, HTTP {status}"
    if 200 <= status < 300:
        if document is None:
            raise unreadable(call, f"it is cut off or no JSON object: {excerpt}")
        return document
    problem = document or {"title": response.reason, "detail": excerpt}
    detail = str(problem.get("detail", ""))
    # Under load a 429 or a 403 comes without a body (MAILCHIMP 3, "Limits").
    if status == 429 or (status == 403 and not document):
        raise Throttled(detail, status=status, title="Too Many Requests")
    if status >= 500:
        raise AnswerLost(detail, status=status, title=str(problem.get("title", "")))
    if status < 400:
        raise NotMailchimp(f"Mailchimp pointed elsewhere: {response.headers.get('location')}")
    # A proxy's page "404 Not Found" must not be mistaken for a deleted campaign.
    if not problem_of_mailchimp(document):
        raise NotMailchimp(
            f"Something other than Mailchimp answered, a proxy or another server: {excerpt}",
            status=status,
        )
    raise refused(status, problem)


def unreadable(call: str, fault: str) -> UnreadableAnswer:
    """Return the error for a successful call, such as `GET /ping`, whose answer can't be read."""
    return UnreadableAnswer(f"Mailchimp's answer to {call} can't be read: {fault}")


def problem_of_mailchimp(document: MailchimpJson | None) -> bool:
    """Whether an answer is a problem document, as all of Mailchimp's refusals are (RFC 7807).

    Those have a title. A proxy in front may answer just `{"detail": "Not Found"}`.
    """
    return document is not None and bool(document.get("title"))


def is_path_id(text: str) -> bool:
    """Whether a text can be a Mailchimp id in a path; an address can't."""
    return ID.fullmatch(text) is not None
