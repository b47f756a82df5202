"""Mailchimp's official client with the gateway's own transport."""

import re
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from gateway.sync.mailchimp.errors import UnusableKey
from gateway.sync.mailchimp.shapes import NOTHING, AnswerShape, check, check_page
from gateway.sync.mailchimp.transport import (
    CheckedAnswer,
    MailchimpJson,
    MailchimpLimits,
    Transport,
    is_path_id,
)

PAGE = 1000
#: Members per call that adds to an audience or changes a segment.
BATCH = 500
KEY = re.compile(r"[^\s-]+-(?P<data_centre>[a-z]{2,}[0-9]+)")

Item = TypeVar("Item")
Pages = Generator[list[MailchimpJson], None, None]


class OfficialClient:
    """Makes the calls of `api` (a `mailchimp_marketing.Client`), each checked.

    Its methods provide the path, the query and the body; `Transport` does the exchange.
    """

    def __init__(
        self,
        api_key: str,
        base_url: str | None,
        limits: MailchimpLimits,
        *,
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
    ) -> None:
        # Imported with the first account, along with requests: 8 MB that others don't need.
        import mailchimp_marketing
        from mailchimp_marketing.api_client import ApiClientError

        self._wrapped = ApiClientError
        key = KEY.fullmatch(api_key)
        self.data_centre = key["data_centre"] if key else ""
        if not base_url and not self.data_centre:
            raise UnusableKey(
                "The Mailchimp key does not end in a data centre such as -us1; "
                "copy it again from the account, or set [mailchimp] base_url"
            )
        data_centre_url = f"https://{self.data_centre}.api.mailchimp.com/3.0"
        self.base_url = (base_url or data_centre_url).rstrip("/")
        self._connections = limits.connections
        self.transport = Transport(api_key, self.base_url, limits, sleep=sleep, jitter=jitter)
        self.api = mailchimp_marketing.Client()
        sender = self.api.api_client
        sender.host = self.base_url
        # Otherwise every "server" in a URL becomes the data centre, even in a host or an id.
        sender.server = ""
        sender.default_headers["User-Agent"] = "crm-mail-gateway"
        sender.request = self.transport.request

    def call(
        self,
        method: Callable[..., Any],
        *arguments: Any,
        shape: AnswerShape = NOTHING,
        **query: Any,
    ) -> MailchimpJson:
        """Make one call; raise a `MailchimpError` unless the answer has that shape."""
        answer = self._answer(method, *arguments, **query)
        check(answer.document, shape, answer.call)
        return answer.document

    def _answer(self, method: Callable[..., Any], *arguments: Any, **query: Any) -> CheckedAnswer:
        try:
            answer = method(*arguments, **query)
        except self._wrapped as error:
            # The official client wraps whatever its transport raises.
            raise error.text from error.text.__cause__
        assert isinstance(answer, CheckedAnswer)
        return answer

    def pages(
        self,
        name: str,
        row: AnswerShape,
        size: int,
        method: Callable[..., Any],
        *path: str,
        **query: Any,
    ) -> Pages:
        """Yield pages in order until a short one, requesting some of the next in advance.

        Each row has the shape `row`. The first page says in `total_items` how many there are. That
        may be too few (MAILCHIMP 7.13): further pages are requested one by one.
        """

        def ask(offset: int) -> CheckedAnswer:
            return self._answer(method, *path, count=size, offset=offset, **query)

        answer = ask(0)
        page = check_page(answer.document, name, row, answer.call)
        total = answer.document.get("total_items") or 0
        futures: deque[Future[CheckedAnswer]] = deque()
        offset = size
        with ThreadPoolExecutor(self._connections, "mailchimp-pages") as pool:
            while page:
                yield page
                if len(page) < size:
                    return
                while not futures or (offset < total and len(futures) < self._connections):
                    futures.append(pool.submit(ask, offset))
                    offset += size
                answer = futures.popleft().result()
                page = check_page(answer.document, name, row, answer.call)

    def rows(
        self, name: str, row: AnswerShape, method: Callable[..., Any], *path: str, **query: Any
    ) -> list[MailchimpJson]:
        """Return the rows of all pages."""
        pages = self.pages(name, row, PAGE, method, *path, **query)
        return [document for page in pages for document in page]

    def only_page(
        self, name: str, row: AnswerShape, method: Callable[..., Any], *path: str
    ) -> list[MailchimpJson]:
        """Return the rows of a list that fits on one page."""
        answer = self._answer(method, *path)
        return check_page(answer.document, name, row, answer.call)


def path_id(value: str | int) -> str:
    """Return an id for use in a path; refuse addresses and anything else."""
    text = str(value)
    if not is_path_id(text):
        raise ValueError(f"not a Mailchimp id: {text!r}")
    return text


def in_one_call(items: Iterable[Item]) -> list[Item]:
    """Return a list that fits into one call; raise ValueError if it is too long."""
    batch = list(items)
    if len(batch) > BATCH:
        raise ValueError(f"{len(batch)} in one call; Mailchimp takes {BATCH}")
    return batch
