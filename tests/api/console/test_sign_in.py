"""Who gets in at the console, how they leave, and what nobody may do for them."""

import json
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

import gateway.api.console as room
from gateway.api.console.kept_form import KeptForm, new_token, read_kept, safe_target, seal, unseal
from gateway.api.console.roles import ConsoleRole, may
from gateway.api.console.throttle import LoginThrottle
from gateway.api.console.trigger_form import field_values
from gateway.api.console.users import put_user, read_users, remove_user
from gateway.core.triggers.events.registry import EVENTS
from gateway.store.console import console_sessions
from tests.api.console.browsing import PASSWORD, add_user, browser, signed_in
from tests.api.served import Served, served

LOGIN = "/console/login"


async def test_whoever_is_not_signed_in_is_led_to_the_login_and_back(one_api: Served) -> None:
    add_user(one_api, "anna")
    async with browser(one_api) as browsing:
        led = await browsing.client.get("/console/acts?who=anna")
        assert (303, f"{LOGIN}?next=/console/acts%3Fwho%3Danna") == (
            led.status_code,
            led.headers["location"],
        )

        await browsing.open("/console/acts?who=anna")
        page = await browsing.press("Sign in", user="anna", password=PASSWORD)

        assert "Who did what" in page.text
        assert str(browsing.answer and browsing.answer.url).endswith("/console/acts?who=anna")


@pytest.mark.parametrize("path", ["/console", "/console/", "/console/today", "/console/people/x"])
async def test_every_page_needs_a_login(shared_api: Served, path: str) -> None:
    async with browser(shared_api) as browsing:
        page = await browsing.open(path)

    assert "Sign in" in page.text
    assert str(browsing.answer and browsing.answer.url.path) == LOGIN


async def test_a_post_without_a_login_does_nothing(shared_api: Served) -> None:
    async with browser(shared_api) as browsing:
        answer = await browsing.client.post("/console/logout-everywhere")

    assert (303, LOGIN) == (answer.status_code, answer.headers["location"])


async def test_a_wrong_password_and_an_unknown_name_hear_the_same(one_api: Served) -> None:
    add_user(one_api, "anna")
    async with browser(one_api) as browsing:
        heard = []
        for name in ("anna", "nobody"):
            await browsing.open(LOGIN)
            page = await browsing.press("Sign in", status=401, user=name, password="wrong")
            heard.append(page.text)

    assert heard[0] == heard[1]
    assert "The name or the password is wrong." in heard[0]


async def test_the_sixth_attempt_waits_even_with_the_right_password(one_api: Served) -> None:
    add_user(one_api, "anna")
    async with browser(one_api) as browsing:
        for _ in range(5):
            answer = await browsing.client.post(LOGIN, data={"user": "anna", "password": "wrong"})
            assert 401 == answer.status_code

        answer = await browsing.client.post(LOGIN, data={"user": "anna", "password": PASSWORD})

    assert 429 == answer.status_code
    assert 1 <= int(answer.headers["retry-after"]) <= 16


def test_waits_grow_and_end() -> None:
    now = [0.0]
    throttle = LoginThrottle(lambda: now[0])
    waits = []
    for _ in range(8):
        now[0] += throttle.seconds_left("anna", "a")
        throttle.note_failure("anna", "a")
        waits.append(throttle.seconds_left("Anna ", "a"))

    assert [0, 0, 0, 0, 15, 30, 60, 120] == waits
    assert (0, 0) == (throttle.seconds_left("anna", "b"), throttle.seconds_left("bob", "a"))

    now[0] += 120
    throttle.forget_failure("anna", "a")
    assert 0 == throttle.seconds_left("anna", "a")


def test_strangers_lock_nobody_out_where_they_signed_in_before() -> None:
    throttle = LoginThrottle(lambda: 0.0)
    throttle.forget_failure("anna", "office")
    for number in range(25):
        throttle.note_failure("anna", f"elsewhere {number}")
        throttle.note_failure("anna at office", f"elsewhere {number}")

    assert 0 == throttle.seconds_left("anna", "office")
    assert 0 < throttle.seconds_left("anna", "a new place")

    for _ in range(5):
        throttle.note_failure("anna", "office")
    assert 0 < throttle.seconds_left("anna", "office")


def test_what_the_throttle_remembers_has_a_bound() -> None:
    throttle = LoginThrottle(lambda: 0.0)
    for number in range(11_000):
        throttle.note_failure(f"name {number}", f"place {number}")
        throttle.forget_failure(f"user {number}", f"place {number}")

    assert 10_000 >= len(throttle._failures)
    assert 10_000 == len(throttle._signed_in)


async def test_the_cookie_is_kept_from_scripts_and_other_sites(one_api: Served) -> None:
    add_user(one_api, "anna")
    login = {"user": "anna", "password": PASSWORD}
    async with browser(one_api) as browsing:
        plain = await browsing.client.post(LOGIN, data=login)
        encrypted = await browsing.client.post(
            LOGIN, data=login, headers={"x-forwarded-proto": "https"}
        )

    for part in ("HttpOnly", "SameSite=lax", "Path=/console"):
        assert part in plain.headers["set-cookie"]
    assert "Secure" not in plain.headers["set-cookie"]
    assert "Secure" in encrypted.headers["set-cookie"]


@pytest.mark.parametrize(
    ("client", "is_secure"), [("192.0.2.7", True), ("::1", True), ("192.0.2.8", False)]
)
async def test_a_web_server_with_tls_elsewhere_is_believed_where_it_is_known(
    tmp_path: Path, client: str, is_secure: bool
) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"
    async with served(url, tmp_path, [("api", {"proxies": ["192.0.2.7/32"]})]) as api:
        add_user(api, "anna")
        application = httpx.ASGITransport(api.app, client=(client, 4711))
        async with httpx.AsyncClient(transport=application, base_url="http://gateway") as asking:
            answer = await asking.post(
                LOGIN,
                data={"user": "anna", "password": PASSWORD},
                headers={"x-forwarded-proto": "https"},
            )

    assert is_secure == ("Secure" in answer.headers["set-cookie"])


async def test_a_cookie_that_was_changed_is_nobodys(one_api: Served) -> None:
    async with signed_in(one_api) as browsing:
        secret = browsing.client.cookies["gateway_console"]
        other = secret[:-1] + ("A" if secret[-1] != "A" else "B")
        answer = await browsing.client.get(
            "/console/acts", headers={"cookie": f"gateway_console={other}"}
        )

    assert 303 == answer.status_code


async def test_a_form_without_its_token_is_refused(one_api: Served) -> None:
    async with signed_in(one_api) as browsing:
        await browsing.open("/console/acts")
        bare = await browsing.client.post("/console/logout")
        wrong = await browsing.client.post("/console/logout", data={"csrf": "x"})
        still_in = await browsing.client.get("/console/acts")

    assert [403, 403, 200] == [bare.status_code, wrong.status_code, still_in.status_code]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"origin": "https://elsewhere.example"},
        {"origin": "http://["},
    ],
    ids=["as the browser says", "by its origin", "by an origin that is none"],
)
async def test_a_form_of_another_site_is_refused_even_at_the_login(
    one_api: Served, headers: dict[str, str]
) -> None:
    add_user(one_api, "anna")
    async with browser(one_api) as browsing:
        answer = await browsing.client.post(
            LOGIN, data={"user": "anna", "password": PASSWORD}, headers=headers
        )

    assert 403 == answer.status_code
    assert "set-cookie" not in answer.headers


AS_BROWSERS_DO = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate"}


@pytest.mark.parametrize(
    ("has_cookie", "token", "headers", "status"),
    [
        (True, "the page's", AS_BROWSERS_DO, 303),
        (True, "the page's", {}, 303),
        (True, None, AS_BROWSERS_DO, 403),
        (True, "another", AS_BROWSERS_DO, 403),
        (True, "another", {}, 403),
        (True, "", {}, 403),
        (False, "the page's", AS_BROWSERS_DO, 403),
        (False, None, AS_BROWSERS_DO, 403),
        (False, "", {}, 403),
        (True, None, {}, 303),
        (False, None, {}, 303),
    ],
    ids=[
        "as the page posts it",
        "a program that read the page",
        "a browser without it",
        "a browser with another's",
        "a program with another's",
        "an empty one",
        "without the cookie",
        "a browser without either",
        "empty as the cookie is",
        "a program that keeps cookies",
        "a program with name and password alone",
    ],
)
async def test_the_login_wants_its_pages_token(
    one_api: Served, has_cookie: bool, token: str | None, headers: dict[str, str], status: int
) -> None:
    add_user(one_api, "anna")
    async with browser(one_api) as browsing:
        page = await browsing.open(LOGIN)
        assert browsing.answer is not None
        assert "SameSite=lax" in browsing.answer.headers["set-cookie"]
        of_page = page.forms[0].fields["csrf"]
        if not has_cookie:
            browsing.client.cookies.clear()
        posted = {"user": "anna", "password": PASSWORD}
        if token is not None:
            posted["csrf"] = of_page if token == "the page's" else token
        answer = await browsing.client.post(LOGIN, data=posted, headers=headers)
        browsing.answer = answer
        again = None if status == 303 else await browsing.press("Sign in", password=PASSWORD)

    assert status == answer.status_code
    assert (status == 303) == ("gateway_console" in answer.cookies)
    if again is not None:  # The page that says so is a good one.
        assert "too old or not ours" in answer.text
        assert "Today" in again.text


async def test_every_form_of_somebody_not_signed_in_brings_a_token(one_api: Served) -> None:
    async with browser(one_api) as browsing:
        page = await browsing.open(LOGIN)
        refused = await browsing.client.post(
            "/console/language", data={"language": "nl"}, headers=AS_BROWSERS_DO
        )

    assert 2 == len(page.forms)
    assert all(len(form.fields["csrf"]) == 32 for form in page.forms)
    assert 403 == refused.status_code


async def test_another_sites_form_does_not_replace_the_token_of_an_open_page(
    one_api: Served,
) -> None:
    async with browser(one_api) as browsing:
        answer = await browsing.client.post(LOGIN, headers={"sec-fetch-site": "cross-site"})

    assert (403, None) == (answer.status_code, answer.headers.get("set-cookie"))


ANOTHER = "A note & <b>reason</b>\nof two lines"


async def test_what_was_filled_in_when_the_sign_in_ended_is_offered_again(one_api: Served) -> None:
    await one_api.feed("people", '{"crm_id":"17","emails":"ann@example.org"}')
    async with signed_in(one_api, ConsoleRole.WORK) as browsing:
        await browsing.open("/console/people/candidate:17")
        with one_api.database.writing() as connection:
            console_sessions.end_all(connection, "anna")
        led = await browsing.press("Suppress", status=401, note=ANOTHER, scope="bulk")
        sources = [browsing.answer.text if browsing.answer else ""]
        wrong = await browsing.press("Sign in", status=401, user="anna", password="wrong")
        sources.append(browsing.answer.text if browsing.answer else "")
        kept = await browsing.press("Sign in", user="anna", password=PASSWORD)
        before = (await one_api.get("/suppressions"))["items"]
        done = await browsing.press("Send it now")

    for source in sources:
        assert "reason" not in source  # whoever sits down there next reads none of it
    for page in (led, wrong):
        assert "What you filled in is kept on this page" in page.text
    assert "Nothing was done yet" in kept.text
    assert "A note & <b>reason</b> of two lines" in kept.text
    assert [] == before
    assert "is suppressed from now on" in done.text
    (entry,) = (await one_api.get("/suppressions"))["items"]
    assert ANOTHER == entry["note"].replace("\r\n", "\n")


#: What no form shows: hidden, or a button's.
UNSEEN = frozenset(
    ("version", "token", "shown", "turn", "do", "confirmed", "person", "position", "next", "kept")
)
_NAMED = re.compile(
    r'parts\.(?:field|area|choice|check)\("([\w-]+)"|'
    r'<(?:input|select|textarea)[^>]* name="([\w-]+)"'
)
_POSTS = re.compile(r'<form[^>]*method="post".*?</form>', re.DOTALL)


def names_of_fields() -> set[str]:
    """Return what fields of forms are called that are posted."""
    names = {field for event in EVENTS.values() for field in field_values(event, {})}
    for file in Path(room.__file__).parent.glob("templates/*.html"):
        for form in _POSTS.findall(file.read_text()):
            names |= {name for match in _NAMED.findall(form) for name in match if name}
    names |= {"dates-1", "yearly-1-day", "yearly-1-month", "recipients-responsible:boss"}
    return names | {"subject-nl", "text-nl", "html-nl"}


@pytest.mark.parametrize("to", ["/console/triggers/x", "/console/people/candidate:17/suppress"])
async def test_what_was_filled_in_is_shown_by_the_labels_of_its_form(
    one_api: Served, to: str
) -> None:
    names = names_of_fields() - {"csrf", "user", "password", "file", "language"}
    async with signed_in(one_api, ConsoleRole.WORK) as browsing:
        with one_api.database.writing() as connection:
            console_sessions.end_all(connection, "anna")
        given = {name: f"written {name}" for name in names} | {"scope": "bulk"}
        posted = {"csrf": new_token("anna"), **given}
        browsing.answer = await browsing.client.post(to, data=posted)
        page = await browsing.press("Sign in", user="anna", password=PASSWORD)
        assert browsing.answer is not None
        source = browsing.answer.text
    labels = map(unescape, re.findall("<dt>(.*?)</dt>", source))

    assert len(names) > 40
    shown = {unescape(value) for value in re.findall('<dd class="kept">(.*?)</dd>', source)}
    assert {value for name, value in given.items() if name not in {*UNSEEN, "scope"}} < shown
    assert [] == [value for name, value in given.items() if name in UNSEEN and value in shown]
    assert set() == names & set(labels)
    for label in ("Which mail is kept away", "Bulk mail only", "Subject, Nederlands"):
        assert label in page.text


async def test_what_one_had_filled_in_is_not_offered_to_another(one_api: Served) -> None:
    await one_api.feed("people", '{"crm_id":"17","emails":"ann@example.org"}')
    add_user(one_api, "bob", [ConsoleRole.WORK])
    async with signed_in(one_api, ConsoleRole.WORK) as browsing:
        await browsing.open("/console/people/candidate:17")
        with one_api.database.writing() as connection:
            console_sessions.end_all(connection, "anna")
        await browsing.press("Suppress", status=401, note=ANOTHER, scope="bulk")
        page = await browsing.press("Sign in", user="bob", password=PASSWORD)

    assert "Nothing was done yet" not in page.text
    assert "reason" not in page.text
    assert [] == (await one_api.get("/suppressions"))["items"]


async def test_what_is_kept_is_lost_to_no_refused_login(one_api: Served) -> None:
    await one_api.feed("people", '{"crm_id":"17","emails":"ann@example.org"}')
    async with signed_in(one_api, ConsoleRole.WORK) as browsing:
        await browsing.open("/console/people/candidate:17")
        with one_api.database.writing() as connection:
            console_sessions.end_all(connection, "anna")
        await browsing.press("Suppress", status=401, note=ANOTHER, scope="bulk")
        del browsing.client.cookies["gateway_console_guest"]
        await browsing.press("Sign in", status=403, user="anna", password=PASSWORD)
        page = await browsing.press("Sign in", user="anna", password=PASSWORD)

    assert "Send it now" in page.text
    assert "A note" in page.text


async def test_keys_that_cannot_be_read_lock_nobody_out(one_api: Served) -> None:
    await one_api.feed("people", '{"crm_id":"17","emails":"ann@example.org"}')
    keys = one_api.settings.keys.file
    async with signed_in(one_api, ConsoleRole.WORK) as browsing:
        await browsing.open("/console/people/candidate:17")
        with one_api.database.writing() as connection:
            console_sessions.end_all(connection, "anna")
        await browsing.press("Suppress", status=401, note=ANOTHER, scope="bulk")
        keys.write_text("not hexadecimal\n")
        page = await browsing.press("Sign in", user="anna", password=PASSWORD)
        await browsing.open("/console/people/candidate:17")
        with one_api.database.writing() as connection:
            console_sessions.end_all(connection, "anna")
        led = await browsing.press("Suppress", status=401, note=ANOTHER, scope="bulk")

    assert "Nothing was done yet" not in page.text
    assert "is kept on this page" not in led.text
    assert "Sign in" in led.text


async def test_a_page_from_before_another_sign_in_is_sent_again_after_a_look(
    one_api: Served,
) -> None:
    await one_api.feed("people", '{"crm_id":"17","emails":"ann@example.org"}')
    way = "/console/people/candidate:17/suppress"
    posted = {"csrf": new_token("anna"), "scope": "all", "note": "moved"}
    others = posted | {"csrf": new_token("bob")}
    async with signed_in(one_api, ConsoleRole.WORK) as browsing:
        host = f"http://127.0.0.1:{one_api.port}"
        ours = {"origin": host, "referer": f"{host}/console/people/candidate:17"}
        unsaid = await browsing.client.post(way, data=posted)
        bobs = await browsing.client.post(way, data=others, headers=ours)
        browsing.answer = await browsing.client.post(way, data=posted, headers=ours)
        page, status = browsing.page, browsing.answer.status_code
        before = (await one_api.get("/suppressions"))["items"]
        await browsing.press("Send it now")

    assert (403, 403) == (unsaid.status_code, status)
    assert "moved" not in unsaid.text  # nothing says that it came from a page of ours
    assert (403, False) == (bobs.status_code, "moved" in bobs.text)
    assert "moved" in page.text
    assert ("Back to the page", "/console/people/candidate:17") in page.links
    assert [] == before
    assert 1 == len((await one_api.get("/suppressions"))["items"])


async def test_a_file_is_not_kept_and_the_page_says_so(one_api: Served) -> None:
    async with signed_in(one_api, ConsoleRole.WORK) as browsing:
        with one_api.database.writing() as connection:
            console_sessions.end_all(connection, "anna")
        browsing.answer = await browsing.client.post(
            "/console/campaigns/0000000000001/add",
            data={"csrf": new_token("anna"), "people": "candidate:17"},
            files={"file": ("members.csv", b"email\n")},
        )
        page = await browsing.press("Sign in", user="anna", password=PASSWORD)

    for text in ("candidate:17", "members.csv", "Files are not kept"):
        assert text in page.text
    assert "Send it now" not in page.text


async def test_of_a_large_file_nothing_is_read_before_the_sign_in(one_api: Served) -> None:
    async with signed_in(one_api, ConsoleRole.RUN) as browsing:
        with one_api.database.writing() as connection:
            console_sessions.end_all(connection, "anna")
        answer = await browsing.client.post(
            "/console/feed/upload", data={"kind": "people"}, files={"file": ("p.csv", b"x\n")}
        )

    assert (303, LOGIN) == (answer.status_code, answer.headers["location"])


CARRIED = {
    "to": "/console/x",
    "back": "/console/today",
    "token": "",
    "fields": [["a", "b"]],
    "files": [],
}


@pytest.mark.parametrize(
    "kept",
    [
        "nonsense",
        "[]",
        *(
            json.dumps(CARRIED | another)
            for another in (
                {"to": "https://elsewhere.example/console/x"},
                {"to": "/messages"},
                {"to": "/console/logout"},
                {"back": "//x.example/console/"},
                {"fields": [["a", 1]]},
                {"fields": [["a", "b", "c"]]},
                {"token": None},
            )
        ),
    ],
    ids=range(9),
)
def test_only_what_the_login_page_carried_is_kept(kept: str) -> None:
    assert read_kept(json.dumps(CARRIED)) is not None
    assert read_kept(kept) is None


def test_what_is_kept_is_read_as_it_was() -> None:
    kept = KeptForm(
        to="/console/people/candidate:2026%2F17/suppress",
        back="/console/people/candidate:2026%2F17?type=message",
        token=new_token("anna"),
        fields=(("note", "é\r\n</script>"), ("note", "")),
        files=("a.csv",),
    )

    assert kept == read_kept(kept.text())

    new, old, unknown = (bytes([number]) * 32 for number in range(3))
    sealed = seal(kept, [old])
    assert kept == unseal(sealed, [new, old])
    assert [None] * 4 == [
        unseal(sealed, [unknown]),
        unseal(sealed[:-4] + "AAA=", [old]),
        unseal("é", [old]),
        unseal("A" * 500_000, [old]),
    ]


async def test_what_a_page_fetches_while_somebody_writes_leaves_it_alone(one_api: Served) -> None:
    async with browser(one_api) as browsing:
        headers = {"hx-request": "true"}
        fetched = await browsing.client.get("/console/today/live", headers=headers)
        previewed = await browsing.client.post(
            "/console/triggers/templates/letter", data={"text-nl": "Dag"}, headers=headers
        )

    assert (401, LOGIN) == (fetched.status_code, fetched.headers["hx-redirect"])
    assert (401, None) == (previewed.status_code, previewed.headers.get("hx-redirect"))


async def test_another_sign_in_in_the_same_browser_ends_the_one_before(one_api: Served) -> None:
    async with signed_in(one_api) as browsing:
        first = browsing.client.cookies["gateway_console"]
        await browsing.client.post(LOGIN, data={"user": "anna", "password": PASSWORD})
        second = browsing.client.cookies["gateway_console"]
        browsing.client.cookies.clear()
        answers = [
            await browsing.client.get(
                "/console/acts", headers={"cookie": f"gateway_console={secret}"}
            )
            for secret in (first, second)
        ]

    assert [303, 200] == [answer.status_code for answer in answers]


async def test_signing_out_ends_the_session_here(one_api: Served) -> None:
    async with signed_in(one_api) as here, signed_in(one_api) as elsewhere:
        kept = here.client.cookies["gateway_console"]
        await here.open("/console/acts")
        await here.press("Sign out")
        again = await here.client.get(
            "/console/acts", headers={"cookie": f"gateway_console={kept}"}
        )
        other = await elsewhere.client.get("/console/acts")

    assert (303, 200) == (again.status_code, other.status_code)


async def test_signing_out_everywhere_ends_all_of_ones_sessions(one_api: Served) -> None:
    async with (
        signed_in(one_api) as here,
        signed_in(one_api) as elsewhere,
        signed_in(one_api, name="bob") as bob,
    ):
        await here.open("/console/acts")
        await here.press("Sign out everywhere")
        answers = [await each.client.get("/console/acts") for each in (here, elsewhere, bob)]

    assert [303, 303, 200] == [answer.status_code for answer in answers]


async def test_another_password_and_a_user_taken_out_end_sessions(one_api: Served) -> None:
    file = one_api.settings.console.users
    async with signed_in(one_api) as anna, signed_in(one_api, name="bob") as bob:
        put_user(file, "anna", "another", [ConsoleRole.LOOK])
        remove_user(file, "bob")
        answers = [await each.client.get("/console/acts") for each in (anna, bob)]

    assert [303, 303] == [answer.status_code for answer in answers]


async def test_what_was_done_says_by_whom(one_api: Served) -> None:
    async with signed_in(one_api, name="bob") as browsing:
        page = await browsing.open("/console/acts")

    assert re.search(r"bob signed in", page.text)


async def test_the_page_speaks_the_users_language(one_api: Served) -> None:
    add_user(one_api, "anna")
    titles = {}
    for language in ("nl", "de", "fr", "en", "sv,de;q=0.5", "sv"):
        async with browser(one_api, language=language) as browsing:
            await browsing.open(LOGIN)
            titles[language] = (
                browsing.answer and re.findall(r"<h1>(.*?)</h1>", browsing.answer.text)[0]
            )
    async with browser(one_api, language="de") as browsing:
        await browsing.open(LOGIN)
        chosen = await browsing.press("Français")

    assert {
        "nl": "Inloggen",
        "de": "Anmelden",
        "fr": "Se connecter",
        "en": "Sign in",
        "sv,de;q=0.5": "Anmelden",
        "sv": "Inloggen",  # that of [suppression] language
    } == titles
    assert "Se connecter" in chosen.text


async def test_another_language_leads_on_to_where_somebody_wanted_to_go(one_api: Served) -> None:
    add_user(one_api, "anna")
    async with browser(one_api) as browsing:
        await browsing.open("/console/people?q=x")
        await browsing.press("Français")
        await browsing.press("Se connecter", user="anna", password=PASSWORD)

    assert browsing.answer is not None
    assert "/console/people?q=x" == browsing.answer.url.raw_path.decode()


async def test_no_page_that_answers_a_form_is_left_for_another_language(one_api: Served) -> None:
    """What was filled in is on that page only, and its address may be that of no page."""
    async with signed_in(one_api, ConsoleRole.WORK) as browsing:
        shown = await browsing.open("/console/people/nobody@example.org", status=404)
        answer = await browsing.press("Suppress", status=422, note=" ")

    assert ("Nederlands" in shown.text, "Nederlands" in answer.text) == (True, False)


async def test_a_web_server_of_this_host_may_say_who_it_let_in(
    store_url: str, tmp_path: Path
) -> None:
    proxy = {"user_header": "X-Remote-User", "role_header": "X-Remote-Roles"}
    console = {"users": str(tmp_path / "users"), "proxy": proxy}
    async with served(store_url, tmp_path, [("console", console)]) as api, browser(api) as browsing:
        named = {"x-remote-user": "carla", "x-remote-roles": "work, admins"}
        page = await browsing.open("/console/acts", headers=named)
        without = await browsing.client.get("/console/acts")
        other = await browsing.client.get("/console/acts", headers={"x-remote-user": "dora"})

    assert "carla" in page.text
    assert 303 == without.status_code
    assert "dora" in other.text


@pytest.fixture
async def behind_proxy(tmp_path: Path) -> AsyncIterator[Served]:
    """A console behind a web server of this host that lets people in itself."""
    proxy = {"user_header": "X-Remote-User", "role_header": "X-Remote-Roles"}
    console = {"users": str(tmp_path / "console-users"), "proxy": proxy}
    url = f"sqlite:///{tmp_path}/gateway.db"
    async with served(url, tmp_path, [("console", console)]) as api:
        yield api


async def test_the_web_servers_word_counts_over_an_earlier_login(behind_proxy: Served) -> None:
    named = {"x-remote-user": "anna", "x-remote-roles": "look"}
    async with signed_in(behind_proxy, ConsoleRole.WORK) as browsing:
        before = await browsing.open("/console/campaigns")
        now = await browsing.open("/console/campaigns", headers=named)
        password_again = await browsing.client.get("/console/campaigns")

    assert "New campaign" in before.text
    assert "anna" in now.text
    assert "New campaign" not in now.text  # the roles, too, are what it says now
    assert 303 == password_again.status_code  # past the web server nobody gets in by its session


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ([("x-remote-user", "J\xfcrgen".encode())], "Jürgen"),
        ([("x-remote-user", "J\xfcrgen".encode("latin-1"))], "Jürgen"),
        ([("x-remote-user", b"carla"), ("x-remote-user", b"dora")], "Sign in"),
        ([("x-remote-user", "car\u202ela".encode())], "Sign in"),
        ([("x-remote-user", b"c" * 201)], "Sign in"),
        ([("x-remote-user", b"")], "Sign in"),
        ([("x-remote-user", b"carla"), ("x-remote-roles", b"boss, run")], "carla"),
        ([("x-remote-user", b"carla"), ("x-remote-roles", b"boss")], "Sign in"),
        ([("x-remote-user", b"carla"), ("x-remote-roles", b"")], "Sign in"),
        (
            [
                ("x-remote-user", b"carla"),
                ("x-remote-roles", b"run"),
                ("x-remote-roles", b"look"),
            ],
            "Sign in",
        ),
    ],
    ids=[
        *("UTF-8", "Latin-1", "twice", "turned around", "endless", "empty"),
        *("a role of ours", "none of ours", "no role", "roles twice"),
    ],
)
async def test_what_names_somebody_and_what_does_not(
    behind_proxy: Served, headers: list[tuple[str, bytes]], shown: str
) -> None:
    async with browser(behind_proxy) as browsing:
        page = await browsing.open("/console/acts", headers=headers)

    assert shown in page.text


@pytest.mark.parametrize(
    ("client", "is_trusted"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("fe80::1%lo", False),
        ("", False),
    ],
)
async def test_only_a_web_server_of_this_host_is_believed(
    behind_proxy: Served, client: str, is_trusted: bool
) -> None:
    application = httpx.ASGITransport(behind_proxy.app, client=(client, 4711))
    named = {"x-remote-user": "carla", "x-forwarded-for": "127.0.0.1"}
    async with httpx.AsyncClient(transport=application, base_url="http://gateway") as asking:
        answer = await asking.get("/console/acts", headers=named)

    assert (200 if is_trusted else 303) == answer.status_code


async def test_without_that_setting_such_a_header_says_nothing(one_api: Served) -> None:
    async with browser(one_api) as browsing:
        answer = await browsing.client.get("/console/acts", headers={"x-remote-user": "carla"})

    assert 303 == answer.status_code


async def test_by_the_public_name_there_is_no_console(tmp_path: Path) -> None:
    changes = [("api", {"public_url": "https://mail.example.org"})]
    url = f"sqlite:///{tmp_path}/gateway.db"
    async with served(url, tmp_path, changes) as api, browser(api) as browsing:
        public = await browsing.client.get(LOGIN, headers={"host": "mail.example.org"})
        own = await browsing.client.get(LOGIN)

    assert (404, 200) == (public.status_code, own.status_code)


@pytest.mark.parametrize(
    ("target", "led_to"),
    [
        ("/console/inbox?state=waiting", "/console/inbox?state=waiting"),
        ("", "/console/today"),
        ("https://elsewhere.example/console/", "/console/today"),
        ("//elsewhere.example/console/x", "/console/today"),
        ("/messages", "/console/today"),
        ("/console/\\elsewhere.example", "/console/today"),
        ("/console/login", "/console/today"),
        ("/console/logout", "/console/today"),
        ("http://[", "/console/today"),
    ],
)
def test_a_login_leads_to_pages_of_the_console_only(target: str, led_to: str) -> None:
    assert led_to == safe_target(target)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("look", {"look"}),
        ("work", {"look", "work"}),
        ("manage", {"look", "work", "manage"}),
        ("run", {"look", "work", "run"}),
    ],
)
def test_what_a_role_includes(role: str, allowed: set[str]) -> None:
    held = [ConsoleRole(role)]

    assert allowed == {str(wanted) for wanted in ConsoleRole if may(held, wanted)}


def test_users_keep_their_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "console-users"
    file.write_text("\ufeff# Office\nbob:$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA\n# end\n")

    assert put_user(file, "anna", "secret", [ConsoleRole.RUN, ConsoleRole.MANAGE])
    assert not put_user(file, "bob", None, [ConsoleRole.WORK])
    kept = file.read_text().splitlines()
    remove_user(file, "bob")

    assert kept[0] == "# Office"
    assert kept[1].startswith("bob:work:$argon2id$")
    assert kept[3].startswith("anna:manage,run:$argon2id$")
    assert {"anna"} == read_users(file).users.keys()
    assert 0o600 == file.stat().st_mode & 0o777 or file.stat().st_mode & 0o004


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("anna", "line 1: not a name, roles and an argon2 hash"),
        ("anna:boss:$argon2id$x", "line 1: no role: 'boss' (there are look, work, manage, run)"),
        ("anna:work:secret", "line 1: not a name, roles and an argon2 hash"),
    ],
)
def test_a_wrong_line_is_named_and_keeps_out_whom_it_names_only(
    tmp_path: Path, line: str, why: str
) -> None:
    good = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
    file = tmp_path / "console-users"
    file.write_bytes(f"{line}\nbob:work:{good}\nanna:run:{good}\n# Stra".encode() + b"\xdfe\n")

    known = read_users(file)

    assert {"bob"} == known.users.keys()
    assert {"anna", "bob"} == known.names
    assert [True] == [why in fault for fault in known.faults]
    put_user(file, "anna", "secret", [ConsoleRole.LOOK])
    assert {"anna", "bob"} == read_users(file).users.keys()
    assert file.read_bytes().endswith(b"# Stra\xdfe\n")


async def test_a_wrong_line_of_the_file_ends_nobodys_session_but_theirs(one_api: Served) -> None:
    file = one_api.settings.console.users
    async with signed_in(one_api) as anna, signed_in(one_api, name="bob") as bob:
        file.write_text(file.read_text() + "bob:boss:$argon2id$x\n")
        answers = [await each.client.get("/console/acts") for each in (anna, bob)]

    assert [200, 303] == [answer.status_code for answer in answers]


async def test_a_file_of_users_that_cannot_be_read_lets_nobody_in_and_says_so(
    one_api: Served,
) -> None:
    one_api.settings.console.users.unlink(missing_ok=True)
    one_api.settings.console.users.mkdir()
    async with browser(one_api) as browsing:
        answer = await browsing.client.get(LOGIN)

    assert 503 == answer.status_code
    assert "console.users" in answer.text


async def test_what_strangers_write_is_shown_as_text(one_api: Served) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    record = {"crm_id": "17", "first_name": evil, "emails": "ann@example.org"}
    await one_api.feed("people", json.dumps(record))
    async with signed_in(one_api, ConsoleRole.WORK) as browsing:
        for path in (
            "people",
            "people/candidate:17",
            f"people?q={quote(evil)}",
            f"messages?q={quote(evil)}",
            f"acts?who={quote(evil)}",
            f"login?next={quote('/console/' + evil)}",
            f"inbox?state={quote(evil)}",
            f"send-failed?sender={quote(evil)}",
        ):
            answer = await browsing.client.get(f"/console/{path}", follow_redirects=True)
            assert "Mail gateway" in answer.text
            assert "<script>alert" not in answer.text, path
            assert "<img src=x" not in answer.text, path
