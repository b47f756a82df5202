"""One checked HTTP exchange with Mailchimp: the gate, the retries, the meaning of the answer.

requests is loaded by who exchanges something: see `MailchimpClient`.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from gateway.sync.errors import (
    AnswerLost,
    MailchimpError,
    MailchimpRefused,
    Throttled,
    Unreachable,
    refused,
)

if TYPE_CHECKING:
    import requests

Document = dict[str, Any]
#: Doing these twice is doing them once, so a lost answer may be asked for again.
REPEATABLE = frozenset({"GET", "PUT", "PATCH", "DELETE"})
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class MailchimpLimits:
    """How hard and how long Mailchimp is asked."""

    connections: int = 4  #: At once; Mailchimp allows a customer 10 over all programs.
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
    """A checked answer; its empty text makes the official client hand it on as it is."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.headers = {"content-type": ""}
        self.text = ""


class Transport:
    """Takes the place of the official client's `request`; safe to use from several threads."""

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
        self._gate = BoundedSemaphore(limits.connections)
        self._session = _session(api_key, base_url, limits.connections)
        self._timeout = (
            limits.connect_timeout.total_seconds(),
            limits.read_timeout.total_seconds(),
        )

    def close(self) -> None:
        """Close the connections kept open."""
        self._session.close()

    def request(
        self,
        method: str,
        url: str,
        query_params: list[tuple[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        body: object = None,
    ) -> CheckedAnswer:
        """Make one call, again where that is safe; raise a MailchimpError for all but success."""
        send = partial(
            self._session.request,
            method,
            url,
            params=[(name, _plain(value)) for name, value in query_params or ()],
            data=json.dumps(body).encode() if method in WITH_BODY else None,
            headers=headers,
            timeout=self._timeout,
            allow_redirects=False,
        )
        for pause in self._limits.pauses():
            try:
                return self._exchange(send)
            except MailchimpError as error:
                if not _may_repeat(method, error):
                    raise
            self._sleep(pause.total_seconds() * (0.5 + self._jitter()))
        return self._exchange(send)

    def _exchange(self, send: "Callable[[], requests.Response]") -> CheckedAnswer:
        import requests

        with self._gate:
            try:
                response = send()
            except requests.RequestException as error:
                raise _broken(error) from error
        return CheckedAnswer(_read(response))


def _session(api_key: str, base_url: str, connections: int) -> "requests.Session":
    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    session.auth = ("user", api_key)
    # Proxies and certificates of the environment are read once: it costs a third of a call.
    environment = session.merge_environment_settings(base_url, {}, None, None, None)
    session.proxies, session.verify = environment["proxies"], environment["verify"]
    session.trust_env = False
    # Cookies would be the one thing the threads share and change.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _may_repeat(method: str, error: MailchimpError) -> bool:
    match error:
        case Throttled():
            return True
        case AnswerLost() | Unreachable():
            return method in REPEATABLE
        case _:
            return False


def _broken(error: "requests.RequestException") -> MailchimpError:
    import requests
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    cause = error.args[0] if error.args else None
    never_connected = isinstance(cause, MaxRetryError) and isinstance(
        cause.reason, NewConnectionError
    )
    if never_connected or isinstance(error, requests.ConnectTimeout):
        return Unreachable(f"No connection to Mailchimp: {_reason(error, cause)}")
    return AnswerLost(f"The connection to Mailchimp broke: {error}")


def _reason(error: Exception, cause: object) -> str:
    """Return what went wrong without the names of the classes it went wrong in."""
    from urllib3.exceptions import MaxRetryError

    found = str(cause.reason if isinstance(cause, MaxRetryError) else error)
    return found.partition("): ")[2] or found


def _read(response: "requests.Response") -> Document:
    """Return the document of a success; what the official client takes for one is checked here."""
    status = response.status_code
    document = _document(response)
    if status == 204:
        return {}
    if 200 <= status < 300:
        if document is None:
            raise AnswerLost(
                f"The answer is cut off or not JSON: {_shown(response)}", status=status
            )
        return document
    problem = document or {"title": response.reason, "detail": _shown(response)}
    # Under load a 429 or a 403 comes without a body (MAILCHIMP 3, "Limits").
    if status == 429 or (status == 403 and not document):
        raise Throttled(str(problem.get("detail", "")), status=status, title="Too Many Requests")
    if status >= 500:
        raise AnswerLost(str(problem.get("detail", "")), status=status, title=_title(problem))
    if status < 400:
        raise MailchimpRefused(f"Mailchimp pointed elsewhere: {response.headers.get('location')}")
    raise refused(status, problem)


def _title(problem: Document) -> str:
    return str(problem.get("title", ""))


def _document(response: "requests.Response") -> Document | None:
    try:
        document = json.loads(response.content)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _shown(response: "requests.Response") -> str:
    return response.text[:SHOWN] or f"empty answer, HTTP {response.status_code}"
