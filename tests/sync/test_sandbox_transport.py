"""What happens on the way to a live account, and in its batches, happens with the sandbox too."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from gateway.sandbox import SandboxFault, SandboxProblem
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.api import ANN, BOB, Api, member_path, until

DONE = "subscribed"
PUT = {"email_address": ANN, "status_if_new": "subscribed"}


def test_fake_36_an_error_is_a_problem_document(api: Api) -> None:
    answer = api.call("GET", "/campaigns/nosuch")

    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    assert (problem["title"], problem["status"]) == ("Resource Not Found", 404)
    assert problem["instance"]
    assert "errors" not in problem


def test_fake_36_the_type_may_be_absent(lax: Api) -> None:
    lax.sandbox.options.shortens_problems = True

    assert "type" not in lax.refused("GET", "/campaigns/nosuch")


@pytest.mark.parametrize(
    ("method", "body"), [("POST", b"{"), ("POST", b"[1]"), ("POST", b"null"), ("PUT", b"")]
)
def test_fake_36_what_is_not_a_json_object_is_refused(lax: Api, method: str, body: bytes) -> None:
    path = "/lists" if method == "POST" else member_path(lax.sandbox.furnish(), ANN)

    answer = lax.session.request(method, lax.sandbox.url + path, data=body, timeout=10)

    assert answer.status_code == 400
    assert answer.json()["title"] == "JSON Parse Exception"


def test_fake_36_without_a_good_key_nothing_is_answered(api: Api, sandbox: ScriptedSandbox) -> None:
    anonymous = requests.get(sandbox.url + "/ping", timeout=10)
    sandbox.revoke_key()

    assert anonymous.status_code == 401
    assert api.refused("GET", "/ping")["title"] == "API Key Invalid"


def test_fake_36_an_error_can_be_asked_for(api: Api, sandbox: ScriptedSandbox) -> None:
    headers = {"X-Trigger-Error": "InternalServerError"}

    answer = api.session.get(sandbox.url + "/ping", headers=headers, timeout=10)

    assert answer.status_code == 500


def test_fake_37_the_eleventh_call_at_once_is_turned_away(
    api: Api, sandbox: ScriptedSandbox
) -> None:
    def ping(_: int) -> int:
        answer = requests.get(sandbox.url + "/ping", auth=("user", "key"), timeout=10)
        return answer.status_code

    with ThreadPoolExecutor(14) as threads:
        with sandbox.account.lock:
            pings = threads.map(ping, range(14))
            until(lambda: sandbox.most_at_once == 14)
        statuses = sorted(pings)

    assert statuses == [200] * 10 + [429] * 4


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (SandboxFault.THROTTLED, 429, b"TooManyRequests"),
        (SandboxFault.EMPTY_429, 429, b""),
        (SandboxFault.EMPTY_403, 403, b""),
        (SandboxFault.BLOCKED, 503, b"Request Blocked"),
        (SandboxProblem(403, "WrongDatacenter", "…"), 403, b"WrongDatacenter"),
    ],
)
def test_fake_37_under_load_a_call_is_turned_away_and_nothing_is_done(
    api: Api,
    sandbox: ScriptedSandbox,
    audience: str,
    fault: SandboxFault | SandboxProblem,
    status: int,
    body: bytes,
) -> None:
    sandbox.faults.add(fault, times=2, method="PUT", path="/members/")
    path = member_path(audience, ANN)

    answers = [api.call("PUT", path, PUT) for _ in range(2)]

    for answer in answers:
        assert answer.status_code == status
        assert body in answer.content
        assert bool(body) == bool(answer.content)
    assert api.call("GET", path).status_code == 404
    assert api.put(path, PUT)["status"] == DONE


def test_fake_37_a_502_or_half_an_answer_comes_after_it_was_done(
    api: Api, sandbox: ScriptedSandbox, audience: str
) -> None:
    paths = [member_path(audience, address) for address in (ANN, BOB)]
    sandbox.faults.add(SandboxFault.BAD_GATEWAY)
    gateway = api.call("PUT", paths[0], PUT)
    sandbox.faults.add(SandboxFault.CUT)
    with pytest.raises(requests.RequestException):
        api.call("PUT", paths[1], {**PUT, "email_address": BOB})

    assert gateway.status_code == 502
    assert gateway.headers["Content-Type"] == "text/html"
    assert [api.get(path)["status"] for path in paths] == [DONE, DONE]


@pytest.mark.parametrize("fault", [SandboxFault.HANG, SandboxFault.DROPPED])
def test_fake_37_an_answer_may_never_come_though_it_was_done(
    api: Api, sandbox: ScriptedSandbox, audience: str, fault: SandboxFault
) -> None:
    sandbox.faults.add(fault)

    with pytest.raises(requests.RequestException):
        api.call("PUT", member_path(audience, ANN), PUT, timeout=0.3)

    assert sandbox.member(audience, ANN).status == DONE


def test_faults_can_be_taken_back(api: Api, sandbox: ScriptedSandbox) -> None:
    sandbox.faults.add(SandboxFault.EMPTY_429, times=100)
    sandbox.faults.clear()

    api.get("/ping")


def test_fake_38_nothing_says_when_to_come_again(api: Api, sandbox: ScriptedSandbox) -> None:
    sandbox.faults.add(SandboxFault.EMPTY_429)

    headers = api.call("GET", "/ping").headers

    assert "Retry-After" not in headers
    assert not [name for name in headers if "rate" in name.lower()]


def test_every_call_is_remembered(api: Api, sandbox: ScriptedSandbox) -> None:
    api.get("/ping")

    asked = sandbox.calls[-1]

    assert (asked.method, asked.path, asked.status) == ("GET", "/ping", 200)
