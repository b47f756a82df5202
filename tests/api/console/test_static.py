"""What every page of the console has: a policy, one pinned library, words when all else fails."""

import hashlib
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from gateway.api.console.rendering import POLICY, static_file
from gateway.api.guard import MAX_BODY
from tests.api.console.browsing import browser, signed_in
from tests.api.served import Served

#: Of htmx.min.js as npm has it in htmx.org 2.0.8.
HTMX = "22283ef68cb7545914f0a88a1bdedc7256a703d1d580c1d255217d0a50d31313"
README = Path(__file__).parents[3] / "README.md"


def test_htmx_is_the_one_that_is_named_with_its_licence() -> None:
    content = static_file("htmx.min.js")
    licence = resources.files("gateway.api.console").joinpath("static", "htmx.LICENSE")

    assert content is not None
    assert HTMX == hashlib.sha256(content).hexdigest()
    assert b'version:"2.0.8"' in content
    assert "htmx 2.0.8 (Zero-Clause BSD)" in README.read_text()
    assert licence.read_text().startswith("Zero-Clause BSD")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "acts", 200),
        ("GET", "today", 200),
        ("GET", "today/live", 200),
        ("GET", "nothing", 404),
        ("GET", "people/x:1", 404),
        ("GET", "messages?cursor=x", 422),
        ("PUT", "today", 405),
        ("POST", "today/pause", 403),
        ("GET", "static/nothing", 404),
    ],
)
async def test_every_page_has_the_policy(
    one_api: Served, method: str, path: str, status: int
) -> None:
    async with signed_in(one_api) as browsing:
        answer = await browsing.client.request(method, f"/console/{path}")

    assert status == answer.status_code
    assert POLICY == answer.headers["content-security-policy"]
    for inline in ("<style", "style=", "onclick=", "<script>"):
        assert inline not in answer.text


async def test_a_store_that_is_away_is_a_page_with_words(one_api: Served) -> None:
    def away(*_: object) -> None:
        raise DBAPIError("SELECT", {}, OSError("the disk is gone"))

    async with signed_in(one_api, language="nl") as browsing:
        event.listen(one_api.database.engine, "before_cursor_execute", away)
        try:
            answer = await browsing.client.get("/console/today")
        finally:
            event.remove(one_api.database.engine, "before_cursor_execute", away)
        again = await browsing.client.get("/console/today")

    assert POLICY == answer.headers["content-security-policy"]
    assert 503 == answer.status_code
    assert "Nu niet beschikbaar" in answer.text
    assert "de opslag is niet bereikbaar" in answer.text
    assert 200 == again.status_code


async def _in_pieces(octets: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(octets), 1000):
        yield octets[start : start + 1000]


LONG = b"x" * (MAX_BODY + 1)


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "told"),
    [
        ("GET", "people/x%00y", b"", 400, "een teken dat geen "),
        ("GET", "people?q=%00", b"", 400, "een teken dat geen "),
        ("POST", "static/x%00", b"", 400, "een teken dat geen "),
        ("POST", "login", LONG, 413, "groot: hoogstens 1048 kB"),
        ("POST", "triggers/new", LONG, 413, "groot: hoogstens 1048 kB"),
    ],
)
async def test_what_is_refused_before_it_is_read_is_a_page(
    one_api: Served, method: str, path: str, content: bytes, status: int, told: str
) -> None:
    answers = []
    async with signed_in(one_api, language="nl") as browsing:
        for body in (content, _in_pieces(content)):
            answers.append(await browsing.client.request(method, f"/console/{path}", content=body))
    async with browser(one_api, language="nl") as browsing:
        strangers = await browsing.client.request(method, f"/console/{path}", content=content)

    for answer in (*answers, strangers):
        assert status == answer.status_code
        assert POLICY == answer.headers["content-security-policy"]
        assert "close" == answer.headers["connection"]
        assert "text/html; charset=utf-8" == answer.headers["content-type"]
        assert told in answer.text
    assert ["anna" in answer.text for answer in (*answers, strangers)] == [True, True, False]


async def test_the_api_is_refused_as_programs_read_it(one_api: Served) -> None:
    async with browser(one_api) as browsing:
        answer = await browsing.client.get("/people?q=%00")

    assert (400, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
