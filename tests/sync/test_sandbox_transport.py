"""What happens on the way to a live account, and in its batches, happens with the sandbox too."""

import io
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from gateway.sandbox import Sandbox, SandboxFault, SandboxProblem
from gateway.sandbox.account import Batch
from gateway.sync.client import member_id
from tests.sync.api import ANN, BOB, START, Api, Body, member_path, until

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


def test_fake_36_without_a_good_key_nothing_is_answered(api: Api, sandbox: Sandbox) -> None:
    anonymous = requests.get(sandbox.url + "/ping", timeout=10)
    sandbox.revoke_key()

    assert anonymous.status_code == 401
    assert api.refused("GET", "/ping")["title"] == "API Key Invalid"


def test_fake_36_an_error_can_be_asked_for(api: Api, sandbox: Sandbox) -> None:
    headers = {"X-Trigger-Error": "InternalServerError"}

    answer = api.session.get(sandbox.url + "/ping", headers=headers, timeout=10)

    assert answer.status_code == 500


def test_fake_37_the_eleventh_call_at_once_is_turned_away(api: Api, sandbox: Sandbox) -> None:
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
    sandbox: Sandbox,
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
    api: Api, sandbox: Sandbox, audience: str
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
    api: Api, sandbox: Sandbox, audience: str, fault: SandboxFault
) -> None:
    sandbox.faults.add(fault)

    with pytest.raises(requests.RequestException):
        api.call("PUT", member_path(audience, ANN), PUT, timeout=0.3)

    assert sandbox.member(audience, ANN).status == DONE


def test_faults_can_be_taken_back(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults.add(SandboxFault.EMPTY_429, times=100)
    sandbox.faults.clear()

    api.get("/ping")


def test_fake_38_nothing_says_when_to_come_again(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults.add(SandboxFault.EMPTY_429)

    headers = api.call("GET", "/ping").headers

    assert "Retry-After" not in headers
    assert not [name for name in headers if "rate" in name.lower()]


def test_every_call_is_remembered(api: Api, sandbox: Sandbox) -> None:
    api.get("/ping")

    asked = sandbox.asked[-1]

    assert (asked.method, asked.path, asked.status) == ("GET", "/ping", 200)


def put_operation(audience: str, address: str, key: str) -> Body:
    return {
        "method": "PUT",
        "path": member_path(audience, member_id(address)),
        "operation_id": key,
        "body": json.dumps({"email_address": address, "status_if_new": "subscribed"}),
    }


def finish(api: Api, batch: str) -> list[str]:
    statuses = []
    while "finished" not in statuses:
        statuses.append(api.get(f"/batches/{batch}")["status"])
    return statuses


def results(packed: bytes) -> list[bytes]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert all(member.name.startswith("./") for member in tar.getmembers())
        files = [tar.extractfile(member) for member in tar.getmembers()]
        return [file.read() for file in files if file]


def test_fake_39_M4_a_finished_batch_is_no_success(api: Api, audience: str) -> None:
    addresses = [f"a{number}@crm.test" for number in range(10)] + ["x@example.com", "y"]
    operations = [put_operation(audience, each, each) for each in addresses]

    batch = api.post("/batches", {"operations": operations})
    statuses = finish(api, batch["id"])
    done = api.get(f"/batches/{batch['id']}")

    assert (batch["status"], batch["response_body_url"]) == ("pending", "")
    assert statuses == ["preprocessing", "started", "finalizing", "finished"]
    assert (done["total_operations"], done["finished_operations"]) == (12, 12)
    assert done["errored_operations"] == 2
    files = results(requests.get(done["response_body_url"], timeout=10).content)
    assert b"" in files
    found = [result for file in files if file for result in json.loads(file)]
    assert [result["operation_id"] for result in found] != addresses
    by_id = {result["operation_id"]: result for result in found}
    assert set(addresses) == set(by_id)
    assert json.loads(by_id["a0@crm.test"]["response"])["status"] == DONE
    assert by_id["y"]["status_code"] == 400


def test_fake_39_the_address_of_the_results_ends_after_ten_minutes(
    api: Api, sandbox: Sandbox, audience: str
) -> None:
    operations = [{"method": "GET", "path": f"/lists/{audience}/members?count=1"}]
    batch = api.post("/batches", {"operations": operations})["id"]
    finish(api, batch)
    url = api.get(f"/batches/{batch}")["response_body_url"]

    sandbox.advance(minutes=10)

    assert requests.get(url, timeout=10).status_code == 403
    again = api.get(f"/batches/{batch}")["response_body_url"]
    assert requests.get(again, timeout=10).status_code == 200


def test_fake_39_batches_are_listed_and_deleted(api: Api, audience: str) -> None:
    operations = [{"method": "GET", "path": "/ping"}]
    batch = api.post("/batches", {"operations": operations})["id"]

    assert [each["id"] for each in api.get("/batches")["batches"]] == [batch]
    assert api.call("DELETE", f"/batches/{batch}").status_code == 204
    assert api.refused("GET", f"/batches/{batch}")["status"] == 404


def test_fake_39_no_more_than_500_batches_wait(lax: Api) -> None:
    body = {"operations": [{"method": "GET", "path": "/ping"}]}
    lax.sandbox.account.batches.update(
        {f"b{n}": Batch(id=f"b{n}", operations=[], submitted=START) for n in range(500)}
    )

    assert lax.refused("POST", "/batches", body)["status"] == 429
    assert lax.refused("POST", "/batches", {"operations": []})["status"] == 400
