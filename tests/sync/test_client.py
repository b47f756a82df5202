"""Every trap of the official client, against a real HTTP server on loopback."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from gateway.sync.client import MailchimpClient, member_id, timestamp
from gateway.sync.errors import (
    AnswerLost,
    ComplianceState,
    FieldError,
    Forgotten,
    InvalidResource,
    MailchimpError,
    MemberExists,
    NotAllowed,
    NotAuthorised,
    NotFound,
    Refused,
    SignupsLimited,
    Throttled,
    Unreachable,
    UnusableKey,
    is_passing,
)
from gateway.sync.transport import Limits
from tests.sync.scripted import JSON, PROBLEM, Reply, Script, answering

KEY = "0123456789abcdef-us1"
ANN = member_id("ann@crm.test")
PING = Reply(200, b'{"health_status": "Everything\'s Chimpy!"}', JSON)
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
    body = {name: [{"n": n} for n in range(number)], "total_items": 3}
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
    limits = Limits(attempts=attempts, read_timeout=timedelta(seconds=read_timeout))
    client = MailchimpClient(KEY, base_url=url, limits=limits, sleep=sleep, jitter=jitter)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def asking(*replies: Reply, **how: Any) -> Iterator[tuple[MailchimpClient, Script]]:
    with answering(*replies) as script, client_of(script.url, **how) as client:
        yield client, script


def methods(script: Script) -> list[str]:
    return [asked.method for asked in script.asked]


# What the server says.


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
        while script.at_once < 4:
            script.stopping.wait(0.001)
        script.gate.set()
        for ping in pings:
            ping.result()

    assert script.most_at_once == 4
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
    with asking(reply, PING) as (client, script):
        call(client)

    assert len(script.asked) == 2


def test_M2_a_put_whose_answer_hung_is_repeated_with_the_same_body() -> None:
    body = {"email_address": "ann@crm.test", "status_if_new": "subscribed"}
    with asking(Reply(hangs=True), PING, read_timeout=0.2) as (client, script):
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
        assert not client.campaign("c1")


def test_a_204_without_content_type_is_a_success() -> None:
    with asking(NO_CONTENT) as (client, script):
        client.unschedule("c1")

    assert script.asked[0].path == "/3.0/campaigns/c1/actions/unschedule"


def test_a_redirect_is_not_followed() -> None:
    with asking(Reply(302)) as (client, script), pytest.raises(Refused):
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
        (problem(404, "Resource Not Found"), NotFound),
        (problem(400, "Invalid Resource"), InvalidResource),
        (problem(400, "Bad Request", "Your Campaign is not ready to send."), Refused),
        (problem(426, "Upgrade Required"), Refused),
        (Reply(404, b"<html>not here</html>", "text/html"), NotFound),
    ],
)
def test_M9_a_refusal_is_an_error_of_its_meaning_and_is_not_repeated(
    reply: Reply, expected: type[MailchimpError]
) -> None:
    with asking(reply) as (client, script), pytest.raises(Refused) as raised:
        client.campaign("c1")

    assert expected is type(raised.value)
    assert not raised.value.is_temporary
    assert len(script.asked) == 1


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
        pytest.raises(Refused) as raised,
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


# What the client asks.


def test_connections_are_kept_open() -> None:
    with asking(PING) as (client, script):
        for _ in range(5):
            client.ping()

    assert len({asked.connection for asked in script.asked}) == 1


def test_the_key_goes_out_as_basic_authentication() -> None:
    with asking(PING) as (client, script):
        client.ping()

    expected = "Basic dXNlcjowMTIzNDU2Nzg5YWJjZGVmLXVzMQ=="
    assert expected == script.asked[0].headers["authorization"]


def test_the_word_server_stays_in_ids_and_hosts() -> None:
    with asking(PING) as (client, script):
        client.audience("server9")

    assert script.asked[0].path == "/3.0/lists/server9"
    with client_of("http://mock-server.test/3.0/") as elsewhere:
        assert elsewhere.base_url == "http://mock-server.test/3.0"


@pytest.mark.parametrize(
    "value", ["", "a/../b", "ann@crm.test", "a b", "a?b", "a\n", "é", "{list_id}"]
)
def test_only_an_id_can_stand_in_a_path(value: str) -> None:
    with asking(PING) as (client, script), pytest.raises(ValueError, match="not a Mailchimp id"):
        client.member("l1", value)

    assert not script.asked


def test_booleans_go_out_in_lower_case_and_times_without_fractions() -> None:
    at = datetime(2026, 11, 2, 10, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
    with asking(PING) as (client, script):
        client.put_member("l1", ANN, {})
        list(client.email_activity("c1", since=at))
        client.schedule("c1", at)

    put, activity, schedule = script.asked
    assert put.query == {"skip_merge_validation": "true"}
    assert activity.query["since"] == "2026-11-02T09:00:00+00:00"
    assert json.loads(schedule.body) == {"schedule_time": "2026-11-02T09:00:00+00:00"}


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        timestamp(datetime(2026, 11, 2, 10))  # noqa: DTZ001


def test_actions_post_the_null_the_official_client_posts() -> None:
    with asking(NO_CONTENT) as (client, script):
        client.send("c1")

    assert script.asked[0].body == b"null"
    assert script.asked[0].headers["content-type"] == JSON


def test_a_segment_is_changed_at_its_own_address() -> None:
    with asking(PING) as (client, script):
        client.change_segment("l1", 49, add=["ann@crm.test"], remove=["bob@crm.test"])

    assert script.asked[0].path == "/3.0/lists/l1/segments/49"
    assert json.loads(script.asked[0].body) == {
        "members_to_add": ["ann@crm.test"],
        "members_to_remove": ["bob@crm.test"],
    }


def test_new_members_never_overwrite_those_there() -> None:
    with asking(PING) as (client, script):
        client.add_members("l1", [{"email_address": "ann@crm.test", "status": "subscribed"}])

    assert json.loads(script.asked[0].body)["update_existing"] is False


def test_more_than_500_in_one_call_are_refused_before_any_is_sent() -> None:
    with asking(PING) as (client, script), pytest.raises(ValueError, match="501 in one call"):
        client.add_members("l1", [{} for _ in range(501)])

    assert not script.asked


def test_pages_end_with_a_short_one_whatever_the_total_says() -> None:
    with asking(rows("members", 1000), rows("members", 1000), rows("members", 2)) as (
        client,
        script,
    ):
        pages = list(client.members("l1"))

    assert [len(page) for page in pages] == [1000, 1000, 2]
    assert [asked.query["offset"] for asked in script.asked] == ["0", "1000", "2000"]


def test_a_page_is_asked_for_when_it_is_taken() -> None:
    with asking(rows("emails", 500)) as (client, script):
        pages = client.email_activity("c1")
        next(pages)

        assert len(script.asked) == 1
        assert script.asked[0].query["offset"] == "0"
        assert script.asked[0].query["count"] == "500"


def test_an_empty_collection_has_no_page() -> None:
    with asking(rows("unsubscribes", 0)) as (client, _):
        assert not list(client.unsubscribed("c1"))


def test_what_json_cannot_hold_is_an_error_of_the_caller() -> None:
    with asking(PING) as (client, script), pytest.raises(TypeError):
        client.create_campaign({"at": datetime(2026, 1, 1, tzinfo=UTC)})

    assert not script.asked


def test_without_a_base_url_the_key_names_the_data_centre() -> None:
    client = MailchimpClient(KEY)

    assert client.base_url == "https://us1.api.mailchimp.com/3.0"
    assert client.link({"web_id": 7}) == "https://us1.admin.mailchimp.com/campaigns/show/?id=7"
    client.close()


@pytest.mark.parametrize("key", ["", "0123456789abcdef", "0123-", "0123-server", "a b-us1"])
def test_a_key_without_data_centre_is_refused_at_once(key: str) -> None:
    with pytest.raises(UnusableKey):
        MailchimpClient(key)


def test_with_a_base_url_any_key_will_do() -> None:
    client = MailchimpClient("key", base_url="https://api.mailchimp.com/3.0")

    assert client.link({"web_id": 7}) == "https://admin.mailchimp.com/campaigns/show/?id=7"
    client.close()


def test_a_member_is_known_by_the_hash_of_the_address_in_lower_case() -> None:
    assert member_id("Urist.McVankab@FreddiesJokes.com") == "62eeb292278cc15f5817cb78f7790b08"
