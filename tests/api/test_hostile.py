"""Hostile requests: rows H5 to H7 of the promises."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.api import guard, server
from tests.api.served import Served
from tests.rig.process import LOOPBACK

HOST = b"Host: gateway\r\n"


def head(api: Served, request: str, *lines: str, token: bool = True) -> bytes:
    """Return a request's header as it goes over the wire."""
    bearer = [f"Authorization: Bearer {api.token()}"] if token else []
    return "\r\n".join([f"{request} HTTP/1.1", "Host: gateway", *bearer, *lines, "", ""]).encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


@pytest.mark.parametrize("coding", ["Content-Length: 200000000", "Transfer-Encoding: chunked"])
async def test_H6_a_body_that_is_too_large_is_refused_without_being_kept(
    shared_api: Served, coding: str
) -> None:
    first = head(shared_api, "POST /suppressions", "Content-Type: application/json", coding)
    piece = b"x" * 65536
    chunk = b"%x\r\n%s\r\n" % (len(piece), piece)

    answer = await shared_api.raw(first, *([chunk] * 40 if "chunked" in coding else []))

    assert status(answer) in (413, 0)
    if "Length" in coding:
        assert 413 == status(answer)
    assert 200 == (await shared_api.ask("GET", "/suppressions")).status_code


async def test_H6_a_feed_may_be_larger_but_not_endless(
    shared_api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = b"".join(b'{"crm_id":"%d","first_name":"%s"}\n' % (n, b"x" * 500) for n in range(3000))
    monkeypatch.setattr(guard, "MAX_BULK", 1_100_000)

    async def in_pieces() -> AsyncIterator[bytes]:
        yield lines

    declared = await shared_api.ask("POST", "/feed/people?dry_run=true", content=lines)
    chunked = await shared_api.ask("POST", "/feed/people?dry_run=true", content=in_pieces())
    monkeypatch.undo()
    whole = await shared_api.ask("POST", "/feed/people?dry_run=true", content=lines)

    assert [413, 413, 200] == [one.status_code for one in (declared, chunked, whole)]
    assert 3000 == whole.json()["added"]


async def test_H6_a_feed_of_one_endless_line_is_refused_before_it_is_read(
    shared_api: Served,
) -> None:
    fine = b'{"crm_id":"1","first_name":"%s"}\n' % (b"x" * 900_000)
    endless = fine + b'{"crm_id":"' + b"1" * 3_000_000

    taken = await shared_api.ask("POST", "/feed/people?dry_run=true", content=fine * 3)
    answer = await shared_api.raw(
        head(shared_api, "POST /feed/people", f"Content-Length: {len(endless)}"), endless
    )

    assert 200 == taken.status_code
    assert status(answer) in (413, 0)
    assert 404 == (await shared_api.ask("GET", "/people/candidate:1")).status_code


async def test_H6_a_body_that_does_not_come_is_not_waited_for(
    shared_api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "_PIECE_SECONDS", 0.3)
    lines = ("Content-Type: application/json", "Content-Length: 100")

    for path in ("/suppressions", "/feed/people"):
        answer = await shared_api.raw(head(shared_api, f"POST {path}", *lines) + b"{")

        assert 408 == status(answer), answer


async def test_H6_a_body_that_trickles_is_cut_off(
    shared_api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "_AFTER_SECONDS", 0.5)
    first = head(shared_api, "POST /feed/people", "Content-Length: 1000")

    answer = await shared_api.raw(first, *[b" "] * 12, pause=0.1)

    assert status(answer) in (408, 0)  # 0: the reset was faster
    assert 200 == (await shared_api.ask("GET", "/messages")).status_code


async def test_H6_connections_that_say_nothing_shut_nobody_out(
    shared_api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_HEAD_SECONDS", 0.5)
    silent = [await asyncio.open_connection(LOOPBACK, shared_api.port) for _ in range(110)]
    for _, writer in silent[:50]:
        writer.write(b"GET /health HTTP/1.1\r\nX: ")

    ends = await asyncio.wait_for(
        asyncio.gather(*(reader.read() for reader, _ in silent)), timeout=20
    )
    answer = await shared_api.ask("GET", "/messages")

    assert {b""} == set(ends)
    assert 200 == answer.status_code
    for _, writer in silent:
        writer.close()


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 3", "Transfer-Encoding: chunked"),
        ("Content-Length: 3", "Content-Length: 4"),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding : chunked",),
        ("Content-Length: -1",),
        ("Content-Length: +3",),
        ("Content-Length: 3x",),
    ],
)
async def test_H6_what_two_servers_could_read_differently_is_refused_and_ends_the_connection(
    shared_api: Served, lines: tuple[str, ...]
) -> None:
    smuggled = b"0\r\n\r\nGET /messages HTTP/1.1\r\nHost: x\r\n\r\n"

    answer = await shared_api.raw(head(shared_api, "POST /suppressions", *lines) + smuggled)

    assert status(answer) in (400, 501)
    assert 1 == answer.count(b"HTTP/1.1 ")


async def test_H6_bad_chunking_is_refused(shared_api: Served) -> None:
    first = head(shared_api, "POST /feed/people", "Transfer-Encoding: chunked")

    for bad in (b"zz\r\nx\r\n", b"5\r\nabc", b"-1\r\n", b"fffffffffffffffffffff\r\n"):
        answer = await shared_api.raw(first + bad + b"\r\n\r\nGET / HTTP/1.1\r\n\r\n")

        assert status(answer) in (0, 400), answer


@pytest.mark.parametrize(
    "target",
    [
        "//messages", "/messages//", "/./messages", "/x/../messages", "/%2e%2e/etc/passwd",
        "/documents/../../etc/passwd", "/documents/%2e%2e%2f%2e%2e%2fetc%2fpasswd/content",
        "/documents/..%5c..%5cx/content", "/history/%00", "/people/candidate:%00",
        "/messages?to=%00", "/suppressions/%00@x.org", "/messages/%F0%9F%92%A9",
        "/documents/0000000000001%2fcontent", "/messages;x=1", "/MESSAGES",
    ],
)  # fmt: skip
async def test_H7_no_path_leads_elsewhere(shared_api: Served, target: str) -> None:
    answer = await shared_api.raw(head(shared_api, f"GET {target}", "Connection: close"))

    assert status(answer) in (400, 404), answer
    assert b"root:" not in answer
    assert b"location:" not in answer.lower()


@pytest.mark.parametrize("person", ["candidate:' OR 1=1 --", "candidate:%", "candidate:1\u202e"])
async def test_H7_a_key_is_only_ever_compared(shared_api: Served, person: str) -> None:
    assert 404 == (await shared_api.ask("GET", f"/people/{person}")).status_code


async def test_H5_nothing_is_built_from_the_host_a_client_names(shared_api: Served) -> None:
    lines = ("X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "Connection: close")
    request = head(shared_api, "GET /messages/", *lines).replace(b"gateway", b"evil.example", 1)

    for target in (b"GET /messages/", b"GET /docs", b"GET /openapi.json", b"GET /messages"):
        answer = await shared_api.raw(request.replace(b"GET /messages/", target, 1))

        assert status(answer) in (200, 404)
        assert b"evil.example" not in answer


async def test_H5_no_other_site_is_let_in_and_no_cookie_is_set(shared_api: Served) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}

    asked = await shared_api.ask("OPTIONS", "/suppressions", headers=headers)
    read = await shared_api.ask("GET", "/suppressions", headers=headers)
    form = await shared_api.ask(
        "POST",
        "/suppressions",
        token=None,
        data={"address": "a@x.org"},
        headers={**headers, "cookie": "token=x"},
    )

    assert 405 == asked.status_code
    assert 401 == form.status_code or 422 == form.status_code
    for answer in (asked, read, form):
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert "set-cookie" not in answer.headers


async def test_H5_the_page_runs_no_other_script_and_fetches_nothing_from_elsewhere(
    shared_api: Served,
) -> None:
    page = await shared_api.ask("GET", "/docs", token=None)

    assert 200 == page.status_code
    assert "http://" not in page.text
    assert "https://" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "innerHTML" not in page.text


async def test_H5_answers_are_never_taken_for_something_else(shared_api: Served) -> None:
    for path in ("/messages", "/nonsense", "/health", "/suppressions.csv"):
        answer = await shared_api.ask("GET", path)

        assert "nosniff" == answer.headers["x-content-type-options"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers


async def test_a_store_that_is_away_is_a_problem_503(one_api: Served) -> None:
    token = one_api.token()
    one_api.database.engine.dispose()
    file = Path(str(one_api.database.url.database))
    file.rename(file.with_suffix(".away"))
    try:
        answer = await one_api.ask("GET", "/messages", token=token)
    finally:
        file.with_suffix(".away").rename(file)

    assert (503, "application/problem+json") == (
        answer.status_code, answer.headers["content-type"],
    )  # fmt: skip
    assert "retry-after" in answer.headers
    assert str(file) not in answer.text


async def test_requests_are_counted_by_route_and_never_by_what_was_asked(
    shared_api: Served,
) -> None:
    shared_api.counted.clear()
    await shared_api.ask("GET", "/people/candidate:4711")
    await shared_api.ask("GET", "/nothing/here")
    began = time.monotonic()
    while len(shared_api.counted) < 2 and time.monotonic() - began < 10:
        await asyncio.sleep(0.01)

    assert [("/people/{person}", "GET", 404), ("", "", 404)] == shared_api.counted
