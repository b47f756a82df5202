"""The client before a scripted server, and the answers that trap the official client."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from gateway.sync.mailchimp.client import MailchimpClient, member_id
from gateway.sync.mailchimp.transport import MailchimpLimits
from tests.sync.scripted import JSON, PROBLEM, Reply, Script, answering

KEY = "0123456789abcdef-us1"
ANN = member_id("ann@crm.test")
PING = Reply(200, b'{"health_status": "Everything\'s Chimpy!"}', JSON)
#: Of what any call is answered, all that must be there.
FULL = Reply(
    200,
    json.dumps(
        {
            "id": "a1",
            "name": "CRM",
            "double_optin": False,
            "status": "save",
            "settings": {},
            "email_address": "ann@crm.test",
            "new_members": [],
            "updated_members": [],
            "errors": [],
            "emails": [],
        }
    ).encode(),
    JSON,
)
EMPTY_429 = Reply(429)
EMPTY_403 = Reply(403)
NO_CONTENT = Reply(204)
BAD_GATEWAY = Reply(502, b"<html>502 Bad Gateway</html>", "text/html")
BLOCKED = Reply(503, b"<html>Request Blocked</html>", "text/html")
BARE_502 = Reply(502, b"bad gateway")
CUT = Reply(200, b'{"id": "abc', JSON, cut=True)
CUT_QUIETLY = Reply(200, b'{"id": "abc', JSON)
HTML = Reply(200, b"<html>Please log in</html>", "text/html")
NOTHING = Reply(200, b"", JSON)
A_LIST = Reply(200, b"[1]", JSON)
DROPS = Reply(drops=True)


def problem(status: int, title: str, detail: str = "", **more: Any) -> Reply:
    body = {"title": title, "status": status, "detail": detail, "instance": "x", **more}
    return Reply(status, json.dumps(body).encode(), PROBLEM)


def rows(name: str, number: int) -> Reply:
    row = {"email_id": "e", "email_address": "ann@crm.test", "status": "subscribed", "activity": []}
    body = {name: [row] * number, "total_items": 3}
    return Reply(200, json.dumps(body).encode(), JSON)


@contextmanager
def client_of(
    url: str,
    *,
    attempts: int = 3,
    read_timeout: float = 10,
    sleep: Callable[[float], None] = lambda _: None,
    jitter: Callable[[], float] = lambda: 0.5,
) -> Iterator[MailchimpClient]:
    limits = MailchimpLimits(attempts=attempts, read_timeout=timedelta(seconds=read_timeout))
    client = MailchimpClient(KEY, base_url=url, limits=limits, sleep=sleep, jitter=jitter)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def asking(*replies: Reply, **how: Any) -> Iterator[tuple[MailchimpClient, Script]]:
    with answering(*replies) as script, client_of(script.url, **how) as client:
        yield client, script
