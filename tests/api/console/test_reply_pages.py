"""Replies that were filed, opened from the timeline of whose they are."""

import httpx
import pytest

from gateway.api.console.roles import ConsoleRole
from gateway.core import ids
from gateway.core.replies.document_types import RULES
from gateway.store.people import history
from tests.api.console.browsing import browser, signed_in
from tests.api.served import Served
from tests.api.test_reading import CONTENT, filed

LOOK = ConsoleRole.LOOK


@pytest.fixture
async def api(one_api: Served) -> Served:
    """Ann with an application, and the member of staff who forwards mail."""
    await one_api.feed("staff", '{"crm_id":"s1","name":"Eva Bos","email":"eva@crm.example"}')
    await one_api.feed("people", '{"crm_id":"17","emails":"ann@example.org","last_name":"Smit"}')
    await one_api.feed("applications", '{"reference":"4711","person":"17"}')
    return one_api


async def test_what_a_reply_says_is_read_from_the_timeline_and_its_document_saved(
    api: Served,
) -> None:
    await filed(api)
    async with signed_in(api, LOOK) as browsing:
        page = await browsing.open("/console/people/candidate:17")
        links = dict(page.links)
        page = await browsing.open(links["Ann: <script>"])
        for text in ("Hello", "ann@example.org", "Eva Bos", "Lebenslauf.pdf", "CV"):
            assert text in page.text, text
        assert {"/console/people/candidate%3A17", "/console/applications/4711"} <= {
            address for _, address in page.links
        }
        for address in (links["Lebenslauf.pdf"], dict(page.links)["Lebenslauf.pdf"]):
            answer = await browsing.client.get(address)
            assert CONTENT == answer.content
            assert answer.headers["content-disposition"].startswith("attachment")
            assert "application/octet-stream" == answer.headers["content-type"]


async def test_what_is_remarked_on_a_reply_is_told_in_the_readers_language(api: Served) -> None:
    number, _ = await filed(api)
    with api.database.writing() as connection:
        entry = history.by_id(connection, ids.read(number))
        assert entry is not None
        history.remark(connection, entry, "sent_by Carla Weber")
    async with signed_in(api, LOOK, language="de") as browsing:
        page = await browsing.open(f"/console/replies/{number}")

    assert "Im Auftrag des Absenders gesendet von Carla Weber." in page.text


@pytest.mark.parametrize(
    ("document_type", "words"),
    [
        *((rule.type, rule.names["de"]) for rule in RULES),
        ("other", "Sonstiges"),
        ("permit", "permit"),  # A type of the config.
    ],
)
async def test_every_type_of_document_is_shown_with_its_words(
    api: Served, document_type: str, words: str
) -> None:
    number, _ = await filed(api, "Datei.pdf", document_type=document_type)
    async with signed_in(api, LOOK, language="de") as browsing:
        reply = await browsing.open(f"/console/replies/{number}")
        person = await browsing.open("/console/people/candidate:17")

    assert f"Datei.pdf {words} 2 kB" in reply.text
    assert f"Datei.pdf 4711 {words}" in person.text


@pytest.mark.parametrize("path", ["replies/0000000000000", "replies/documents/0000000000000"])
async def test_what_was_never_filed_is_said_not_to_be_there(api: Served, path: str) -> None:
    async with signed_in(api, LOOK) as browsing:
        await browsing.open(f"/console/{path}", status=404)


async def test_nobody_saves_a_document_without_signing_in(api: Served) -> None:
    _, document = await filed(api)
    async with browser(api) as browsing:
        answer: httpx.Response = await browsing.client.get(f"/console/replies/documents/{document}")

    assert 303 == answer.status_code
