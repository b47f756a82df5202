"""The webhooks a live account sends, the sandbox sends too."""

import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest

from gateway.sandbox import Options
from gateway.sync.mailchimp.client import member_id
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.api import ANN, BOB, START, Api, Body, act, draft, member_path, until
from tests.sync.contract import contract

PUT = {"email_address": ANN, "status_if_new": "subscribed"}


class Receiver:
    """Takes webhooks and answers as told."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()
        self.status = 200
        self.probe_status = 200
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    def events(self) -> list[dict[str, str]]:
        """Return what was told."""
        return [dict(parse_qsl(body.decode(), keep_blank_values=True)) for body in self.bodies]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(receiver.probe_status)

        def do_POST(self) -> None:
            receiver.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.headers.append(dict(self.headers.items()))
            receiver.free.wait(10)
            self._answer(receiver.status)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        receiver.url = f"http://127.0.0.1:{http.server_port}/webhooks/mailchimp"
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield receiver
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def hook(receiver: Receiver, *, api_too: bool = False) -> Body:
    return {
        "url": receiver.url,
        "events": dict.fromkeys(
            ("subscribe", "unsubscribe", "profile", "cleaned", "upemail", "campaign"), True
        ),
        "sources": {"user": True, "admin": True, "api": api_too},
    }


def test_fake_40_the_url_of_a_webhook_is_looked_at_first(
    api: Api, audience: str, receiver: Receiver
) -> None:
    path = f"/lists/{audience}/webhooks"
    receiver.probe_status = 404
    refused = api.refused("POST", path, hook(receiver))
    receiver.probe_status = 200
    made = api.post(path, hook(receiver))
    twice = api.refused("POST", path, hook(receiver))
    nowhere = api.refused("POST", path, {"url": "http://127.0.0.1:1/"})

    assert refused["errors"][0]["field"] == "url"
    assert [each["id"] for each in api.get(path)["webhooks"]] == [made["id"]]
    assert "multiple" in twice["errors"][0]["message"]
    assert nowhere["title"] == "Invalid Resource"


def test_fake_40_a_webhook_is_a_form_as_php_writes_one(
    api: Api, sandbox: ScriptedSandbox, audience: str, receiver: Receiver
) -> None:
    api.post(f"/lists/{audience}/webhooks", hook(receiver))
    sandbox.add_member(audience, ANN, FNAME="Ann")
    sandbox.opt_out(audience, ANN, "spam")
    sandbox.settle_webhooks()

    joined, left = receiver.events()

    assert receiver.headers[0]["Content-Type"] == "application/x-www-form-urlencoded"
    assert joined["type"] == "subscribe"
    assert left == {
        "type": "unsubscribe",
        "fired_at": "2026-11-02 09:00:00",
        "data[id]": member_id(ANN),
        "data[list_id]": audience,
        "data[email]": ANN,
        "data[email_type]": "html",
        "data[ip_opt]": "198.51.100.7",
        "data[merges][EMAIL]": ANN,
        "data[merges][FNAME]": "Ann",
        "data[merges][LNAME]": "",
        "data[action]": "unsub",
        "data[reason]": "spam",
    }


def test_fake_40_every_kind_of_event_is_told(
    api: Api, sandbox: ScriptedSandbox, audience: str, receiver: Receiver
) -> None:
    api.post(f"/lists/{audience}/webhooks", hook(receiver, api_too=True))
    for address in (ANN, BOB):
        api.put(member_path(audience, address), {**PUT, "email_address": address})
    api.patch(member_path(audience, BOB), {"merge_fields": {"FNAME": "Bob"}})
    api.patch(member_path(audience, BOB), {"email_address": "bobby@crm.test"})
    campaign = draft(api, audience)
    act(api, campaign, "send")
    sandbox.advance(minutes=1)
    sandbox.unsubscribe(campaign, ANN)
    sandbox.clean(audience, "bobby@crm.test")
    sandbox.settle_webhooks()

    events = receiver.events()

    assert [event["type"] for event in events] == [
        "subscribe",
        "subscribe",
        "profile",
        "upemail",
        "profile",
        "campaign",
        "unsubscribe",
        "cleaned",
    ]
    assert events[3]["data[old_email]"] == BOB
    assert events[5]["data[id]"] == events[6]["data[campaign_id]"] == campaign


def test_fake_40_our_own_writes_are_told_only_if_asked_for(
    api: Api, sandbox: ScriptedSandbox, audience: str, receiver: Receiver
) -> None:
    api.post(f"/lists/{audience}/webhooks", hook(receiver))

    api.put(member_path(audience, ANN), PUT)
    sandbox.settle_webhooks()

    assert not receiver.bodies


def test_fake_40_a_webhook_comes_again_until_it_is_taken(
    api: Api, sandbox: ScriptedSandbox, audience: str, receiver: Receiver
) -> None:
    api.post(f"/lists/{audience}/webhooks", hook(receiver))
    receiver.status = 500
    sandbox.add_member(audience, ANN)
    sandbox.settle_webhooks()
    for minutes in (5, 10, 20, 40, 100):
        sandbox.advance(minutes=minutes)
        sandbox.settle_webhooks()
    given_up = len(receiver.bodies)
    sandbox.add_member(audience, BOB)
    sandbox.settle_webhooks()
    receiver.status = 200
    for _ in range(3):
        sandbox.advance(minutes=5)
        sandbox.settle_webhooks()

    assert given_up == 5
    assert len(receiver.bodies) == given_up + 2


def test_fake_40_a_webhook_may_come_twice_and_410_ends_it(
    api: Api, sandbox: ScriptedSandbox, audience: str, receiver: Receiver
) -> None:
    sandbox.options.doubles_webhooks = True
    api.post(f"/lists/{audience}/webhooks", hook(receiver))

    sandbox.add_member(audience, ANN)
    sandbox.settle_webhooks()
    twice = list(receiver.bodies)
    receiver.status = 410
    sandbox.add_member(audience, BOB)
    sandbox.settle_webhooks()
    sandbox.add_member(audience, "cem@crm.test")
    sandbox.settle_webhooks()

    assert len(twice) == 2
    assert twice[0] == twice[1]
    assert len(receiver.bodies) == 4


def test_fake_40_a_webhook_to_nobody_is_kept_for_later(
    api: Api, sandbox: ScriptedSandbox, audience: str, receiver: Receiver
) -> None:
    webhook = api.post(f"/lists/{audience}/webhooks", hook(receiver))
    known = sandbox.account.audience(audience).webhooks[webhook["id"]]
    known.url = "http://127.0.0.1:1/"
    sandbox.add_member(audience, ANN)
    sandbox.settle_webhooks()
    known.url = receiver.url

    sandbox.advance(minutes=5)
    sandbox.settle_webhooks()

    assert [event["data[email]"] for event in receiver.events()] == [ANN]


def test_webhooks_under_way_are_waited_for(
    api: Api, sandbox: ScriptedSandbox, audience: str, receiver: Receiver
) -> None:
    api.post(f"/lists/{audience}/webhooks", hook(receiver))
    receiver.free.clear()
    sandbox.add_member(audience, ANN)

    with pytest.raises(TimeoutError):
        sandbox.settle_webhooks(within=0.05)
    receiver.free.set()
    sandbox.settle_webhooks()

    assert len(receiver.bodies) == 1


def test_the_sandbox_serves_until_it_is_left() -> None:
    with ScriptedSandbox() as sandbox:
        waiting = threading.Thread(target=sandbox.wait)
        waiting.start()
    waiting.join(10)

    assert not waiting.is_alive()


def test_fake_40_a_webhook_may_be_signed(receiver: Receiver) -> None:
    options = Options(signs_webhooks=True)
    with ScriptedSandbox(start=START, check=contract(), options=options) as sandbox:
        api, audience = Api(sandbox), sandbox.furnish()
        made = api.post(f"/lists/{audience}/webhooks", hook(receiver))
        shown = api.get(f"/lists/{audience}/webhooks")["webhooks"][0]
        sandbox.add_member(audience, ANN)
        until(lambda: receiver.bodies)
        sandbox.settle_webhooks()
        api.session.close()

    sent_at = str(int(START.timestamp()))
    signed = sent_at.encode() + b"." + receiver.bodies[0]
    digest = hmac.new(made["signing_secret"].encode(), signed, "sha256").hexdigest()
    assert f"t={sent_at},v1={digest}" == receiver.headers[0]["X-Mailchimp-Signature"]
    assert shown["signing_enabled"]
    assert "signing_secret" not in shown
    assert not sandbox.violations
