"""Every trap of the official client, against a real HTTP server on loopback."""

import json
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.sync.mailchimp.client import MailchimpClient
from gateway.sync.mailchimp.errors import (
    AnswerLost,
    ComplianceState,
    FieldError,
    Forgotten,
    InvalidResource,
    MailchimpError,
    MailchimpNotFound,
    MailchimpRefused,
    MemberExists,
    NotAllowed,
    NotAuthorised,
    NotMailchimp,
    SignupsLimited,
    Throttled,
    Unreachable,
    is_passing,
)
from tests.sync.asking import (
    A_LIST,
    ANN,
    BAD_GATEWAY,
    BARE_502,
    BLOCKED,
    CUT,
    CUT_QUIETLY,
    DROPS,
    EMPTY_403,
    EMPTY_429,
    FULL,
    HTML,
    NO_CONTENT,
    NOTHING,
    PING,
    asking,
    client_of,
    problem,
)
from tests.sync.scripted import JSON, Reply, Script


def methods(script: Script) -> list[str]:
    return [asked.method for asked in script.asked]


@pytest.mark.parametrize("reply", [EMPTY_429, EMPTY_403, problem(429, "TooManyRequests")])
def test_M1_a_throttled_send_is_an_error_and_never_a_success(reply: Reply) -> None:
    with asking(reply) as (client, script), pytest.raises(Throttled) as raised:
        client.send("c1")

    assert raised.value.is_temporary
    assert methods(script) == ["POST"] * 3


@pytest.mark.parametrize("reply", [EMPTY_429, EMPTY_403])
def test_M1_a_throttled_post_is_repeated_until_it_passes(reply: Reply) -> None:
    with asking(reply, reply, NO_CONTENT) as (client, script):
        client.send("c1")

    assert methods(script) == ["POST"] * 3


def test_M1_pauses_double_bear_jitter_and_never_exceed_the_longest() -> None:
    slept: list[float] = []
    jitters = iter([0.0, 0.5, 0.99, 0.5, 0.5, 0.5])
    with (
        asking(EMPTY_429, attempts=7, sleep=slept.append, jitter=jitters.__next__) as (client, _),
        pytest.raises(Throttled),
    ):
        client.ping()

    expected = [0.5, 2.0, 4 * 1.49, 8.0, 16.0, 30.0]
    assert expected == slept


def test_M1_no_more_calls_run_at_once_than_the_gate_lets_through() -> None:
    with asking(PING) as (client, script), ThreadPoolExecutor(12) as threads:
        script.gate = threading.Event()
        pings = [threads.submit(client.ping) for _ in range(12)]
        while script.at_once < 8:
            script.stopping.wait(0.001)
        script.gate.set()
        for ping in pings:
            ping.result()

    assert script.most_at_once == 8
    assert len(script.asked) == 12


@pytest.mark.parametrize(
    "reply", [BAD_GATEWAY, BLOCKED, BARE_502, CUT, CUT_QUIETLY, HTML, NOTHING, A_LIST, DROPS]
)
def test_M3_a_broken_answer_to_a_post_is_reported_lost_and_not_repeated(reply: Reply) -> None:
    with asking(reply) as (client, script), pytest.raises(AnswerLost) as raised:
        client.create_campaign({"type": "regular"})

    assert str(raised.value)
    assert methods(script) == ["POST"]


@pytest.mark.parametrize(
    "reply", [BAD_GATEWAY, BLOCKED, BARE_502, CUT, CUT_QUIETLY, HTML, NOTHING, A_LIST, DROPS]
)
@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.campaign("c1"),
        lambda client: client.put_member("l1", ANN, {"email_address": "ann@crm.test"}),
        lambda client: client.delete_campaign("c1"),
    ],
)
def test_M3_a_broken_answer_is_asked_for_again_where_that_is_safe(
    reply: Reply, call: Callable[[MailchimpClient], object]
) -> None:
    with asking(reply, FULL) as (client, script):
        call(client)

    assert len(script.asked) == 2


def test_M2_a_put_whose_answer_hung_is_repeated_with_the_same_body() -> None:
    body = {"email_address": "ann@crm.test", "status_if_new": "subscribed"}
    with asking(Reply(hangs=True), FULL, read_timeout=0.2) as (client, script):
        client.put_member("l1", ANN, body)

    first, second = script.asked
    assert body == json.loads(first.body) == json.loads(second.body)
    assert f"/3.0/lists/l1/members/{ANN}" == first.path == second.path


def test_M2_a_post_whose_answer_hung_is_never_repeated() -> None:
    with (
        asking(Reply(hangs=True), read_timeout=0.2) as (client, script),
        pytest.raises(AnswerLost),
    ):
        client.send("c1")

    assert len(script.asked) == 1


def test_a_refused_connection_says_that_nothing_was_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/3.0"
        with client_of(url) as client, pytest.raises(Unreachable) as raised:
            client.send("c1")

    assert raised.value.status is None
    assert raised.value.is_temporary


def test_an_empty_json_object_is_an_answer() -> None:
    with asking(Reply(200, b"{}", JSON)) as (client, _):
        client.ping()


def test_a_204_without_content_type_is_a_success() -> None:
    with asking(NO_CONTENT) as (client, script):
        client.unschedule("c1")

    assert script.asked[0].path == "/3.0/campaigns/c1/actions/unschedule"


def test_a_redirect_is_not_followed() -> None:
    with asking(Reply(302)) as (client, script), pytest.raises(NotMailchimp):
        client.send("c1")

    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (problem(401, "API Key Invalid"), NotAuthorised),
        (problem(403, "WrongDatacenter"), NotAuthorised),
        (problem(403, "User Disabled"), NotAuthorised),
        (problem(403, "Forbidden", "Upgrade your plan"), NotAllowed),
        (problem(405, "Method Not Allowed"), NotAllowed),
        (problem(404, "Resource Not Found"), MailchimpNotFound),
        (problem(400, "Invalid Resource"), InvalidResource),
        (problem(400, "Bad Request", "Your Campaign is not ready to send."), MailchimpRefused),
        (problem(426, "Upgrade Required"), MailchimpRefused),
    ],
)
def test_M9_a_refusal_is_an_error_of_its_meaning_and_is_not_repeated(
    reply: Reply, expected: type[MailchimpError]
) -> None:
    with asking(reply) as (client, script), pytest.raises(MailchimpRefused) as raised:
        client.campaign("c1")

    assert expected is type(raised.value)
    assert not raised.value.is_temporary
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, b"<html>404 Not Found, nginx</html>", "text/html"),
        Reply(404, b"", ""),
        Reply(410, b"<html>gone</html>", "text/html"),
        Reply(401, b"<html>who are you?</html>", "text/html"),
        Reply(400, b"<html>bad request</html>", "text/html"),
        Reply(404, b"{}", "application/json"),
        Reply(404, b"[]", "application/json"),
        Reply(302, b"", "text/html"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_M3_what_a_server_in_between_answers_says_nothing_of_mailchimp(
    reply: Reply, method: str
) -> None:
    with asking(*[reply] * 3) as (client, script):
        ask = {"GET": client.campaign, "POST": client.send}[method]
        with pytest.raises(NotMailchimp) as raised:
            ask("c1")

    assert raised.value.is_temporary
    assert len(script.asked) == (3 if method == "GET" else 1)


@pytest.mark.parametrize(
    ("title", "detail", "expected"),
    [
        ("Member In Compliance State", "x is in a compliance state due to …", ComplianceState),
        ("Member In Compliance State", "x is already a list member in …", ComplianceState),
        ("Forgotten Email Not Subscribed", "x was permanently deleted", Forgotten),
        ("Member Exists", "x is already a list member.", MemberExists),
        ("Invalid Resource", "x looks fake or invalid, please enter a real …", InvalidResource),
    ],
)
def test_M5_a_member_refused_for_good_is_told_from_its_title(
    title: str, detail: str, expected: type[MailchimpError]
) -> None:
    with (
        asking(problem(400, title, detail)) as (client, script),
        pytest.raises(MailchimpRefused) as raised,
    ):
        client.put_member("l1", ANN, {})

    assert expected is type(raised.value)
    assert not raised.value.is_temporary
    assert len(script.asked) == 1


def test_M5_an_address_with_too_many_signups_is_refused_for_a_while_only() -> None:
    detail = (
        "x has signed up to a lot of lists very recently; we're not allowing more signups for now"
    )
    with (
        asking(problem(400, "Invalid Resource", detail)) as (client, _),
        pytest.raises(SignupsLimited) as raised,
    ):
        client.put_member("l1", ANN, {})

    assert raised.value.is_temporary
    assert is_passing(detail)


def test_M5_what_is_wrong_with_which_field_is_kept() -> None:
    errors = [{"field": "FNAME", "message": "Please enter a value"}, "odd"]
    reply = problem(400, "Invalid Resource", "Your merge fields were invalid.", errors=errors)
    with asking(reply) as (client, _), pytest.raises(InvalidResource) as raised:
        client.put_member("l1", ANN, {})

    assert raised.value.status == 400
    assert raised.value.title == "Invalid Resource"
    assert raised.value.detail == "Your merge fields were invalid."
    assert (FieldError("FNAME", "Please enter a value"),) == raised.value.errors
    assert str(raised.value) == (
        "Invalid Resource · Your merge fields were invalid. · FNAME: Please enter a value"
    )
