"""The page of links to unsubscribe as mail programs, people and link scanners use it (RFC 8058)."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.api.public.public_name import name_of
from gateway.api.public.unsubscribe import read_form
from gateway.app import common
from gateway.app.keys import unsubscribe_links
from gateway.app.people import erasure
from gateway.core import ids
from gateway.core.bounces.unsubscribe import (
    Named,
    NamedDelivery,
    NamedOccurrence,
    is_one_click,
)
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import By, Kind, Scope, State
from gateway.core.people.people import PersonKind, PersonRef, RefOrAddress, SuppressionSource
from gateway.core.sending.event import EventType
from gateway.store.journal.journal import write_recorded
from gateway.store.people import releases, suppression, topic_opt_outs
from gateway.store.schema.triggers import occurrences
from gateway.store.sending import events
from tests.api.served import Served, served
from tests.store.feeding import NOW, person, tell

ANN = PersonRef(PersonKind.CANDIDATE, "ann")
MAILED = "ann@example.net"
HOST = "mail.example.org"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
UNSUBSCRIBE = SuppressionSource.UNSUBSCRIBE


class Page:
    """An API with links, and a mail that has one."""

    def __init__(self, api: Served) -> None:
        self.api = api
        self.seconds = 0.0  #: Of the clock by which requests are counted.
        self.pace = 10.0  #: Seconds between two requests.
        links = unsubscribe_links(api.settings)
        assert links is not None
        self.links = links
        self.number = ids.first_id_at(NOW)

    def path(self, named: Named) -> str:
        return f"/u/{self.links.token(named)}"

    def mailed(self, *persons: PersonRef, address: str = MAILED) -> str:
        """Write a mail of the CRM into the journal; return the path of its link."""
        self.number += 1
        delivery = Delivery(
            recipient=address, address=address, state=State.RELAYED, by=By.RELAY, persons=persons
        )
        message = Message(
            id=self.number,
            at=NOW,
            listener="crm",
            sender="news@office.example",
            message_id=f"<{self.number}@office.example>",
            kind=Kind.BULK,
            deliveries=(delivery,),
        )
        with self.api.database.writing() as connection:
            write_recorded(connection, 1, [message], [])
        return self.path(NamedDelivery(self.number, 0))

    def triggered(
        self, trigger: str = "birthday", *, crm_id: str = "ann", address: str = MAILED
    ) -> str:
        self.number += 1
        row = {
            "id": self.number,
            "trigger": trigger,
            "event": "birthday",
            "kind": "candidate",
            "person": crm_id,
            "occurrence": str(self.number),
            "state": "sent",
            "due_at": NOW,
            "mailbox": address,
        }
        with self.api.database.writing() as connection:
            connection.execute(occurrences.insert().values(row))
        return self.path(NamedOccurrence(self.number))

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        self.seconds += self.pace
        headers = {"host": HOST, **options.pop("headers", {})}
        return await self.api.ask(method, path, token=None, headers=headers, **options)

    def suppressed(
        self, ref_or_address: RefOrAddress = ANN
    ) -> list[tuple[Scope, SuppressionSource]]:
        with self.api.database.reading() as connection:
            entries = suppression.history(connection, ref_or_address)
        return [(one.scope, one.source) for one in entries if one.released_at is None]

    def told(self) -> list[dict[str, Any]]:
        with self.api.database.reading() as connection:
            told = events.oldest(connection, 50)
        return [dict(one.data) for one in told if one.type is EventType.OPTED_OUT]


@contextlib.asynccontextmanager
async def paged(store_url: str, folder: Path) -> AsyncIterator[Page]:
    settings = {
        "api": {"public_url": f"https://{HOST}/"},
        "bounces": {"address": "bounces@example.org"},
        "keys": {"file": folder / "keys"},
        "notices": {"from": "Office <office@example.org>"},
        "triggers": {"folder": folder / "triggers"},
        "templates": {"folder": folder / "templates"},
    }
    (folder / "triggers").mkdir()
    text = 'event = "birthday"\ntemplate = "letter"\ntopic = "Geburtstagsgrüße"\n'
    (folder / "triggers" / "birthday.toml").write_text(text)
    pages: list[Page] = []
    async with served(store_url, folder, list(settings.items()), lambda: pages[0].seconds) as api:
        tell(api.database, "people", person("ann", MAILED, language="de", first_name="Ann"))
        pages.append(Page(api))
        yield pages[0]


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with paged(f"sqlite:///{tmp_path}/gateway.db", tmp_path) as found:
        yield found


@pytest.fixture
async def each_page(store_url: str, tmp_path: Path) -> AsyncIterator[Page]:
    async with paged(store_url, tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
async def shared_page(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Page]:
    """One for the tests that change nothing."""
    folder = tmp_path_factory.mktemp("page")
    async with paged(f"sqlite:///{folder}/gateway.db", folder) as found:
        yield found


# What changes something


@pytest.mark.parametrize("body", ["data", "files"])
async def test_one_click_unsubscribes_the_person_from_bulk_mail_and_tells_it(
    each_page: Page, body: str
) -> None:
    page = each_page
    fields = {"List-Unsubscribe": (None, "One-Click")} if body == "files" else ONE_CLICK

    answer = await page.ask("POST", page.mailed(ANN), **{body: fields})

    assert 200 == answer.status_code
    assert "abgemeldet" in answer.text
    assert [(Scope.BULK, UNSUBSCRIBE)] == page.suppressed()
    assert [] == page.suppressed(MAILED)
    (told,) = page.told()
    assert ("unsubscribe", MAILED, None) == (told["source"], told["address"], told["topic"])
    with page.api.database.reading() as connection:
        (entry,) = suppression.history(connection, ANN)
    assert ("List-Unsubscribe=One-Click", "recipient", True) == (
        entry.remark,
        entry.by,
        entry.public,
    )


async def test_again_and_again_is_once(each_page: Page) -> None:
    page = each_page
    path = page.mailed(ANN)

    answers = [await page.ask("POST", path, data=ONE_CLICK) for _ in range(3)]

    assert [200] * 3 == [answer.status_code for answer in answers]
    assert 1 == len(page.suppressed())
    assert 1 == len(page.told())


async def test_the_button_of_the_page_keeps_the_text_that_was_shown(page: Page) -> None:
    path = page.mailed(ANN)

    await page.ask("POST", path, data={**ONE_CLICK, "choice": "all"})

    with page.api.database.reading() as connection:
        (entry,) = suppression.history(connection, ANN)
    assert "Ich möchte keine Rundmails mehr erhalten" == entry.remark


@pytest.mark.parametrize("persons", [(), (ANN, PersonRef(PersonKind.CONTACT, "bob"))])
async def test_where_several_or_nobody_was_known_the_address_is_meant(
    page: Page, persons: tuple[PersonRef, ...]
) -> None:
    await page.ask("POST", page.mailed(*persons, address="x@example.net"), data=ONE_CLICK)

    assert [(Scope.BULK, UNSUBSCRIBE)] == page.suppressed("x@example.net")
    assert [] == page.suppressed()


async def test_an_address_the_person_has_no_more_is_suppressed_with_the_person(page: Page) -> None:
    await page.ask("POST", page.mailed(ANN, address="old@example.net"), data=ONE_CLICK)

    assert [(Scope.BULK, UNSUBSCRIBE)] == page.suppressed()
    assert [(Scope.BULK, UNSUBSCRIBE)] == page.suppressed("old@example.net")


async def test_a_release_of_the_address_lifts_it_and_a_new_click_counts_again(page: Page) -> None:
    path = page.mailed(ANN)
    await page.ask("POST", path, data=ONE_CLICK)
    with page.api.database.writing() as connection:
        released = releases.release(connection, MAILED, by="eva", now=NOW)
    assert (1, []) == (released.count, page.suppressed())

    await page.ask("POST", path, data=ONE_CLICK)

    assert [(Scope.BULK, UNSUBSCRIBE)] == page.suppressed()


@pytest.mark.parametrize("is_triggered", [False, True])
async def test_who_was_erased_since_is_unsubscribed_by_the_hash(
    each_page: Page, *, is_triggered: bool
) -> None:
    """A mail program keeps the link; the CRM may bring the address again."""
    page = each_page
    path = page.triggered() if is_triggered else page.mailed(ANN)
    other = page.mailed(address="ben@example.net")
    database, settings = page.api.database, page.api.settings
    erasure.erase(settings, database, erasure.find_subject(database, ANN), by="eva")
    erasure.erase(settings, database, erasure.find_subject(database, "ben@example.net"), by="eva")

    looked = [await page.ask("GET", path) for _ in range(2)]
    answers = [await page.ask("POST", path, data=ONE_CLICK) for _ in range(2)]
    again = await page.ask("GET", path)

    assert {200} == {answer.status_code for answer in (*looked, *answers, again)}
    assert "<form" in looked[1].text
    assert "<form" not in again.text
    standings = common.standings(settings, database)
    known = standings.now([MAILED, "ben@example.net"])
    standings.close()
    assert [SuppressionSource.ERASED] == [entry.source for entry in known[MAILED].own]
    assert "ben@example.net" not in known
    assert [] == page.told()
    assert "<form" in (await page.ask("GET", other)).text


async def test_who_was_erased_twice_is_unsubscribed_at_every_address(page: Page) -> None:
    database, settings = page.api.database, page.api.settings
    erasure.erase(settings, database, erasure.find_subject(database, ANN), by="eva")
    tell(database, "people", person("ann", "new@example.net"))
    path = page.triggered(address="new@example.net")
    erasure.erase(settings, database, erasure.find_subject(database, ANN), by="eva")

    answer = await page.ask("POST", path, data=ONE_CLICK)

    assert 200 == answer.status_code
    standings = common.standings(settings, database)
    known = standings.now([MAILED, "new@example.net"])
    standings.close()
    assert {MAILED, "new@example.net"} == set(known)


@pytest.mark.parametrize("is_triggered", [False, True])
async def test_by_an_address_that_others_have_whoever_has_it_unsubscribes_it_after_an_erasure(
    each_page: Page, *, is_triggered: bool
) -> None:
    """The mail is in a mailbox that several read: an opt-out from it counts whoever is gone."""
    page = each_page
    database = page.api.database
    path = page.triggered() if is_triggered else page.mailed(ANN)
    tell(database, "people", *(person(each, MAILED) for each in ("ann", "ben", "clo")))
    erasure.erase(page.api.settings, database, erasure.find_subject(database, ANN), by="eva")

    looked = await page.ask("GET", path)
    answer = await page.ask("POST", path, data=ONE_CLICK)
    again = await page.ask("GET", path)

    assert [200, 200, 200] == [one.status_code for one in (looked, answer, again)]
    assert [True, False] == ["<form" in one.text for one in (looked, again)]
    assert [(Scope.BULK, UNSUBSCRIBE)] == page.suppressed(MAILED)
    assert [] == page.suppressed(ANN)


# What changes nothing


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-purpose": "prefetch;prerender", "purpose": "prefetch"},
        {"x-moz": "prefetch"},
        {"user-agent": "BingPreview/1.0b"},
        {"cookie": "session=1", "authorization": "Basic YTpi"},
    ],
)
async def test_a_link_scanner_changes_nothing(shared_page: Page, headers: dict[str, str]) -> None:
    path = shared_page.mailed(ANN)

    answers = [await shared_page.ask(way, path, headers=headers) for way in ("HEAD", "GET", "GET")]

    assert [200] * 3 == [answer.status_code for answer in answers]
    assert [] == shared_page.suppressed()
    assert "" == answers[0].text
    assert 1 == answers[1].text.count("<button")
    assert "<script" not in answers[1].text
    with shared_page.api.database.reading() as connection:
        assert () == topic_opt_outs.history(connection, ANN)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"data": {"List-Unsubscribe": "no"}},
        {"json": ONE_CLICK},
        {"params": ONE_CLICK},
    ],
)
async def test_a_post_without_one_click_changes_nothing(
    shared_page: Page, options: dict[str, Any]
) -> None:
    answer = await shared_page.ask("POST", shared_page.mailed(ANN), **options)

    assert 400 == answer.status_code
    assert "<button" in answer.text
    assert [] == shared_page.suppressed()


async def test_other_methods_are_refused(shared_page: Page) -> None:
    path = shared_page.mailed(ANN)

    answers = [await shared_page.ask(way, path) for way in ("PUT", "DELETE", "PATCH", "OPTIONS")]

    assert {405} == {answer.status_code for answer in answers}


async def test_a_sample_link_does_nothing(shared_page: Page) -> None:
    answers = [await shared_page.ask(way, "/u/sample", data=ONE_CLICK) for way in ("GET", "POST")]

    assert [200, 200] == [answer.status_code for answer in answers]
    assert [] == shared_page.told()


@pytest.mark.parametrize("way", ["GET", "POST"])
async def test_a_link_that_is_unknown_or_damaged_still_offers_the_way_out(
    shared_page: Page, way: str
) -> None:
    whole = shared_page.mailed(ANN)
    paths = ["/u/", "/u/nothing", f"{whole}a", f"{whole[:-1]}", f"{whole[:-1]}%00x"[:-4] + "zz"]

    answers = [await shared_page.ask(way, path, data=ONE_CLICK) for path in paths]

    assert {404} == {answer.status_code for answer in answers}
    assert all("mailto:office@example.org?subject=" in answer.text for answer in answers)
    assert [] == shared_page.suppressed()


@pytest.mark.parametrize("way", ["GET", "POST"])
async def test_a_link_whose_mail_is_forgotten_still_offers_the_way_out(
    shared_page: Page, way: str
) -> None:
    for named in (NamedDelivery(77, 0), NamedOccurrence(77)):
        answer = await shared_page.ask(way, shared_page.path(named), data=ONE_CLICK)

        assert 410 == answer.status_code
        assert "mailto:office@example.org?subject=" in answer.text


async def test_a_link_of_a_mail_the_journal_has_not_heard_of_yet_is_asked_again_later(
    shared_page: Page,
) -> None:
    path = shared_page.path(NamedDelivery(ids.first_id_at(datetime.now(UTC)), 0))

    answer = await shared_page.ask("POST", path, data=ONE_CLICK)

    assert (503, "60") == (answer.status_code, answer.headers["retry-after"])
    assert "mailto:office@example.org?subject=" in answer.text


# The page


@pytest.mark.parametrize(
    ("language", "asked", "shown"),
    [
        ("nl", "de", "Afmelden"),
        ("de", "", "Abmelden"),
        ("fr", "", "Se désinscrire"),
        ("en", "nl", "Unsubscribe"),
        ("", "fr-CH, fr;q=0.9, en;q=0.8", "Se désinscrire"),
        ("pl", "de-AT", "Abmelden"),
        ("", "en;q=0.1, de", "Abmelden"),
        ("", "frr, en;q=0.5", "Unsubscribe"),  # North Frisian, not French
        ("", "nl;q=0, en", "Unsubscribe"),
        ("", "", "Afmelden"),  # [suppression] language
    ],
)
async def test_the_page_speaks_the_persons_language(
    shared_page: Page, language: str, asked: str, shown: str
) -> None:
    crm_id = f"of {language or 'nobody'}"
    reader = PersonRef(PersonKind.CANDIDATE, crm_id)
    tell(shared_page.api.database, "people", person(crm_id, "x@example.net", language=language))

    headers = {"accept-language": asked}
    answer = await shared_page.ask("GET", shared_page.mailed(reader), headers=headers)

    assert f"<h1>{shown}</h1>" in answer.text


async def test_the_page_gives_nothing_away_and_fetches_nothing(shared_page: Page) -> None:
    answer = await shared_page.ask("GET", shared_page.mailed(ANN))

    headers = answer.headers
    assert "no-referrer" == headers["referrer-policy"]
    assert "noindex" in headers["x-robots-tag"]
    assert "no-store" == headers["cache-control"]
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "set-cookie" not in headers
    assert MAILED not in answer.text
    assert "a…@example.net" in answer.text


# Topics


async def test_one_topic_alone_can_be_chosen(each_page: Page) -> None:
    page = each_page
    path = page.triggered()
    shown = (await page.ask("GET", path)).text
    assert 2 == shown.count('type="radio"')
    assert "Geburtstagsgrüße" in shown

    answer = await page.ask("POST", path, data={**ONE_CLICK, "choice": "topic"})

    assert 200 == answer.status_code
    assert [] == page.suppressed()
    assert ["Geburtstagsgrüße"] == [told["topic"] for told in page.told()]
    document = await page.api.get("/people/candidate:ann")
    assert ["Geburtstagsgrüße"] == document["topics"]
    assert any("Geburtstagsgrüße" in event["summary"] for event in document["timeline"])
    again = await page.ask("POST", path, data={**ONE_CLICK, "choice": "topic"})
    assert (200, 1) == (again.status_code, len(page.told()))
    with page.api.database.writing() as connection:
        assert 1 == releases.release(connection, MAILED, by="eva", now=NOW).count
    assert [] == (await page.api.get("/people/candidate:ann"))["topics"]


async def test_each_person_declines_a_topic_for_themselves(each_page: Page) -> None:
    page = each_page
    choice = {**ONE_CLICK, "choice": "topic"}
    ben = PersonRef(PersonKind.CANDIDATE, "ben")
    tell(page.api.database, "people", person("ben", "ben@example.net"))
    await page.ask("POST", page.triggered(), data=choice)

    answer = await page.ask(
        "POST", page.triggered(crm_id="ben", address="ben@example.net"), data=choice
    )

    assert 200 == answer.status_code
    with page.api.database.reading() as connection:
        assert 1 == len(topic_opt_outs.history(connection, ben))
        assert 1 == len(topic_opt_outs.history(connection, ANN))
        assert () == topic_opt_outs.history(connection, "")


async def test_a_declined_topic_holds_for_whoever_else_has_the_address(page: Page) -> None:
    """A CRM often knows one person twice."""
    twin = PersonRef(PersonKind.CONTACT, "7")
    tell(page.api.database, "people", person("7", MAILED, kind=PersonKind.CONTACT))
    await page.ask("POST", page.triggered(), data={**ONE_CLICK, "choice": "topic"})

    with page.api.database.reading() as connection:
        topic = "Geburtstagsgrüße"
        assert topic_opt_outs.is_declined(connection, topic, twin, MAILED)
        assert not topic_opt_outs.is_declined(connection, topic, twin, "else@example.net")


async def test_one_click_is_about_all_mailings_whatever_the_topic(page: Page) -> None:
    await page.ask("POST", page.triggered(), data=ONE_CLICK)

    assert [(Scope.BULK, UNSUBSCRIBE)] == page.suppressed()
    timeline = (await page.api.get("/people/candidate:ann"))["timeline"]
    assert 1 == sum(event["type"] == "suppression" for event in timeline)


async def test_a_choice_of_a_topic_where_there_is_none_is_about_all(page: Page) -> None:
    await page.ask("POST", page.triggered("gone"), data={**ONE_CLICK, "choice": "topic"})

    assert [(Scope.BULK, UNSUBSCRIBE)] == page.suppressed()


# The open internet


@pytest.mark.parametrize("host", [HOST, f"{HOST}:443", HOST.upper(), f"{HOST}.", f"{HOST}:8025"])
@pytest.mark.parametrize(
    "path", ["/health", "/metrics", "/docs", "/openapi.json", "/people/candidate:ann", "/", "/u"]
)
async def test_nothing_else_is_reached_by_the_public_name(
    shared_page: Page, host: str, path: str
) -> None:
    token = {"authorization": f"Bearer {shared_page.api.token()}"}

    by_name = await shared_page.ask("GET", path, headers={"host": host, **token})
    forwarded = {"host": "127.0.0.1", "x-forwarded-host": host, **token}
    passed_on = await shared_page.ask("GET", path, headers=forwarded)

    assert (404, 404) == (by_name.status_code, passed_on.status_code)


@pytest.mark.parametrize(
    "header",
    [
        {"forwarded": f"for=192.0.2.1;host={HOST}"},
        {"forwarded": f'for="[2001:db8::1]:9";Host="{HOST.upper()}:443";proto=https'},
        {"forwarded": f"for=192.0.2.1, for=10.0.0.1;host={HOST}"},
        {"x-forwarded-host": f"inner.example, {HOST}"},
    ],
)
async def test_a_web_server_may_pass_the_name_on_in_any_field(
    shared_page: Page, header: dict[str, str]
) -> None:
    token = {"authorization": f"Bearer {shared_page.api.token()}"}

    answer = await shared_page.ask(
        "GET", "/people/candidate:ann", headers={"host": "127.0.0.1", **token, **header}
    )

    assert 404 == answer.status_code


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Mail.Example.ORG.:443", "mail.example.org"),
        ("https://mail.example.org", "mail.example.org"),
        ("[2001:DB8:0:0::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("", ""),
        ("[::1", ""),
    ],
)
def test_a_name_has_one_spelling(host: str, name: str) -> None:
    assert name == name_of(host)


async def test_by_another_name_the_api_is_as_it_was(shared_page: Page) -> None:
    answers = [
        (await shared_page.api.ask("GET", path)).status_code
        for path in ("/health", "/docs", "/people/candidate:ann")
    ]

    assert [200] * 3 == answers


async def test_a_large_body_is_refused(page: Page) -> None:
    answer = await page.ask("POST", page.mailed(ANN), content=b"a=" + b"b" * 20_000)

    assert 413 == answer.status_code
    assert [] == page.suppressed()


async def test_whoever_guesses_is_slowed_down_and_others_are_not(page: Page) -> None:
    page.pace = 0
    whole = page.mailed(ANN)
    guessing = {"x-forwarded-for": "203.0.113.9, 192.0.2.1"}

    statuses = [
        (await page.ask("GET", "/u/guess", headers=guessing)).status_code for _ in range(60)
    ]
    other = await page.ask("GET", whole, headers={"x-forwarded-for": "192.0.2.1, 203.0.113.9"})
    page.seconds += 3600
    later = await page.ask("GET", whole, headers=guessing)

    assert 429 in statuses
    assert (200, 200) == (other.status_code, later.status_code)


async def test_mail_programs_of_one_provider_are_all_heard(page: Page) -> None:
    page.pace = 0
    paths = [page.mailed(address=f"p{number}@example.net") for number in range(150)]

    statuses = {(await page.ask("POST", path, data=ONE_CLICK)).status_code for path in paths}

    assert {200} == statuses


async def test_no_opt_out_is_lost_to_others_at_the_same_client(page: Page) -> None:
    """As behind a web server whose X-Forwarded-For isn't believed: all are one client."""
    page.pace = 0
    path = page.mailed(ANN)
    guesses = [(await page.ask("POST", "/u/guess", data=ONE_CLICK)).status_code for _ in range(60)]

    looked = await page.ask("GET", path)
    asked = await page.ask("POST", path.upper().replace("/U/", "/u/"), data=ONE_CLICK)
    again = {(await page.ask("POST", path, data=ONE_CLICK)).status_code for _ in range(60)}

    assert 429 == guesses[-1]
    assert (200, 200) == (looked.status_code, asked.status_code)
    assert [(Scope.BULK, UNSUBSCRIBE)] == page.suppressed()
    assert {200, 429} == again


async def test_a_link_works_for_sixty_days_and_longer(page: Page) -> None:
    old = ids.first_id_at(NOW - timedelta(days=300))
    page.number = old

    answer = await page.ask("POST", page.mailed(ANN), data=ONE_CLICK)

    assert 200 == answer.status_code


# The form

MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
)
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "body", "is_wanted"),
    [
        (FORM, b"List-Unsubscribe=One-Click", True),
        (f"{FORM}; charset=utf-8", b"List-Unsubscribe=One-Click", True),
        (FORM.upper(), b"List-Unsubscribe=One-Click\r\n", True),
        ("", b"List-Unsubscribe=One-Click", True),
        (FORM, b"choice=all&List-Unsubscribe=One-Click", True),
        ("multipart/form-data; boundary=b", MULTIPART, True),
        ('multipart/form-data; boundary="b"', MULTIPART, True),
        (FORM, b"mail=Gr\xfc\xdfe&List-Unsubscribe=One-Click", True),
        (FORM, b"", False),
        (FORM, b"List-Unsubscribe=", False),
        (FORM, b"List-Unsubscribe=Two-Clicks", False),
        (FORM, b"unsubscribe=One-Click", False),
        (FORM, b"\xff\xfe", False),
        (FORM, b"&".join(b"a=b" for _ in range(50)) + b"&List-Unsubscribe=One-Click", False),
        ("application/json", b'{"List-Unsubscribe": "One-Click"}', False),
        ("text/plain", b"List-Unsubscribe=One-Click", False),
        ("multipart/form-data", MULTIPART, False),
        ("multipart/form-data; boundary=c", MULTIPART, False),
        ("multipart/form-data; boundary=b", b"", False),
    ],
)
def test_a_post_must_say_one_click_in_either_type(
    content_type: str, body: bytes, is_wanted: bool
) -> None:
    """RFC 8058, 3.2: multipart/form-data or application/x-www-form-urlencoded."""
    assert is_wanted == is_one_click(read_form(content_type, body))


def test_a_form_of_parts_within_parts_ends() -> None:
    parts = b"".join(
        b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (at, at + 1)
        for at in range(330)
    )

    assert not is_one_click(read_form("multipart/form-data; boundary=b0", parts))
