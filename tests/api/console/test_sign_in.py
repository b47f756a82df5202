"""Who gets in at the console, how they leave, and what nobody may do for them."""

import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.api.console.roles import ConsoleRole, may
from gateway.api.console.sign_in import within
from gateway.api.console.throttle import LoginThrottle
from gateway.api.console.users import BadConsoleUsers, put_user, read_users, remove_user
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
        throttle.failed("anna", "a")
        waits.append(throttle.seconds_left("Anna ", "a"))

    assert [0, 0, 0, 0, 15, 30, 60, 120] == waits
    assert (0, 0) == (throttle.seconds_left("anna", "b"), throttle.seconds_left("bob", "a"))

    now[0] += 120
    throttle.succeeded("anna", "a")
    assert 0 == throttle.seconds_left("anna", "a")


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
    [{"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere.example"}],
    ids=["as the browser says", "by its origin"],
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

    assert re.search(r"bob login", page.text)


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
    ],
)
def test_a_login_leads_to_pages_of_the_console_only(target: str, led_to: str) -> None:
    assert led_to == within(target)


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
    file.write_text("# Office\nbob:$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA\n# end\n")

    assert put_user(file, "anna", "secret", [ConsoleRole.RUN, ConsoleRole.MANAGE])
    assert not put_user(file, "bob", None, [ConsoleRole.WORK])
    kept = file.read_text().splitlines()
    remove_user(file, "bob")

    assert kept[0] == "# Office"
    assert kept[1].startswith("bob:work:$argon2id$")
    assert kept[3].startswith("anna:manage,run:$argon2id$")
    assert {"anna"} == read_users(file).keys()
    assert 0o600 == file.stat().st_mode & 0o777 or file.stat().st_mode & 0o004


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("anna", "line 1: not a name, roles and an argon2 hash"),
        ("anna:boss:$argon2id$x", "line 1: no role: 'boss' (there are look, work, manage, run)"),
        ("anna:work:secret", "line 1: not a name, roles and an argon2 hash"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, why: str) -> None:
    file = tmp_path / "console-users"
    file.write_text(f"{line}\n")

    with pytest.raises(BadConsoleUsers, match=re.escape(why)):
        read_users(file)


async def test_a_wrong_file_of_users_lets_nobody_in_and_says_so(one_api: Served) -> None:
    one_api.settings.console.users.write_text("nonsense\n")
    async with browser(one_api) as browsing:
        answer = await browsing.client.get(LOGIN)

    assert 503 == answer.status_code
    assert "line 1" in answer.text


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
