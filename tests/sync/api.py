"""A plain HTTP client for the sandbox, which hides nothing."""

import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import requests

from tests.rig.sandbox import ScriptedSandbox

Body = dict[str, Any]
START = datetime(2026, 11, 2, 9, tzinfo=UTC)
ANN = "Ann@crm.test"
BOB = "bob@crm.test"


class Api:
    """Calls one sandbox as any program could."""

    def __init__(self, sandbox: ScriptedSandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.auth = ("user", "key-us1")

    def call(
        self, method: str, path: str, body: object = None, *, timeout: float = 20, **query: Any
    ) -> requests.Response:
        """Make one call and return the raw answer."""
        return self.session.request(
            method,
            self.sandbox.url + path,
            params={name: str(value) for name, value in query.items()},
            json=body,
            timeout=timeout,
        )

    def get(self, path: str, **query: Any) -> Body:
        """Return the document a GET brings."""
        return self._good(self.call("GET", path, **query))

    def post(self, path: str, body: object = None, **query: Any) -> Body:
        """Return the document a POST brings."""
        return self._good(self.call("POST", path, body, **query))

    def put(self, path: str, body: object, **query: Any) -> Body:
        """Return the document a PUT brings."""
        return self._good(self.call("PUT", path, body, **query))

    def patch(self, path: str, body: object, **query: Any) -> Body:
        """Return the document a PATCH brings."""
        return self._good(self.call("PATCH", path, body, **query))

    def refused(self, method: str, path: str, body: object = None, **query: Any) -> Body:
        """Return the problem a call brings."""
        answer = self.call(method, path, body, **query)
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        problem: Body = answer.json()
        assert answer.status_code == problem["status"]
        return problem

    @staticmethod
    def _good(answer: requests.Response) -> Body:
        assert answer.ok, answer.text
        document: Body = answer.json() if answer.content else {}
        return document


def member_path(audience: str, key: str) -> str:
    """Return the path of a member, by hash, address or contact_id."""
    return f"/lists/{audience}/members/{quote(key)}"


def draft(api: Api, audience: str, **settings: Any) -> str:
    """Create a campaign that is ready to send once the audience has a member."""
    template = next(iter(api.sandbox.account.templates))
    known = {
        "subject_line": "Vacatures",
        "title": "Vacatures",
        "from_name": "CRM",
        "reply_to": "office@crm.test",
        "template_id": template,
    }
    body = {
        "type": "regular",
        "recipients": {"list_id": audience},
        "settings": {k: v for k, v in (known | settings).items() if v is not None},
    }
    campaign: str = api.post("/campaigns", body)["id"]
    return campaign


def act(api: Api, campaign: str, action: str, body: object = None) -> None:
    """Let a campaign be sent, scheduled, …"""
    api.post(f"/campaigns/{campaign}/actions/{action}", body)


def status_of(api: Api, campaign: str) -> str:
    """Return where a campaign stands."""
    status: str = api.get(f"/campaigns/{campaign}")["status"]
    return status


def until(condition: Any, within: float = 10) -> None:
    """Wait for a condition that another thread brings about."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)
