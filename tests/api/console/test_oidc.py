"""Signing in at a provider of OpenID Connect."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.api.console import oidc
from gateway.store.console import console_sessions
from tests.api.console.browsing import add_user, browser
from tests.api.served import Served, served
from tests.rig.oidcserver import CLIENT, SECRET, OidcServer

START = "/console/oidc/start?next=/console/acts"


@pytest.fixture
def provider() -> Iterator[OidcServer]:
    with OidcServer() as opened:
        yield opened


@pytest.fixture
async def api(provider: OidcServer, tmp_path: Path) -> AsyncIterator[Served]:
    provided = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET}
    console = {"users": str(tmp_path / "users"), "oidc": provided}
    url = f"sqlite:///{tmp_path}/gateway.db"
    async with served(url, tmp_path, [("console", console)]) as opened:
        yield opened


async def test_whom_the_provider_knows_is_signed_in_with_the_roles_of_the_claim(
    api: Served, provider: OidcServer
) -> None:
    async with browser(api) as browsing:
        login = await browsing.open("/console/acts")
        page = await browsing.open(dict(login.links)["Sign in with your organisation's account"])

    assert "Who did what" in page.text
    assert "anna signed in" in page.text


@pytest.mark.parametrize(
    ("claims", "status", "shown"),
    [
        ({"roles": "look manage"}, 200, "Who did what"),
        ({"roles": ["boss"]}, 403, "Your account there has none of the roles"),
        ({"roles": None}, 403, "Your account there has none of the roles"),
        ({"preferred_username": "", "email": "ann@example.org"}, 200, "ann@example.org signed in"),
        *(
            (
                {"preferred_username": "", "email": "ann@example.org", "email_verified": said},
                200,
                f"{name} signed in",
            )
            for said, name in (
                (True, "ann@example.org"),
                ("true", "ann@example.org"),
                (False, "17"),
                ("False", "17"),  # Whatever can't be read as yes is no.
                (None, "17"),
            )
        ),
        (
            {
                "preferred_username": "ann@example.org",
                "email": "ann@example.org",
                "email_verified": False,
            },
            200,
            "17 signed in",
        ),
        ({"nonce": "another"}, 403, "can't be trusted"),
        ({"aud": "another"}, 403, "can't be trusted"),
        ({"iss": "https://another.example"}, 403, "can't be trusted"),
        ({"exp": 1_000_000_000}, 403, "can't be trusted"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_the_providers_answer_says(
    api: Served, provider: OidcServer, claims: dict[str, Any], status: int, shown: str
) -> None:
    provider.changes = claims
    async with browser(api) as browsing:
        page = await browsing.open(START, status=status)

    assert shown in page.text


async def test_an_address_nobody_verified_names_nobody_where_it_is_the_claim_either(
    provider: OidcServer, tmp_path: Path
) -> None:
    provided = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET}
    console = {"users": str(tmp_path / "users"), "oidc": {**provided, "name_claim": "email"}}
    provider.changes = {"email": "ann@example.org", "email_verified": False}
    url = f"sqlite:///{tmp_path}/gateway.db"
    async with served(url, tmp_path, [("console", console)]) as api, browser(api) as browsing:
        page = await browsing.open(START)

    assert "17 signed in" in page.text


@pytest.mark.parametrize(
    "name",
    ["an\u202ena", "anna\nbob", "a" * 201, " anna", 17, ["anna"]],
    ids=["turned around", "two lines", "endless", "with a blank", "a number", "a list"],
)
async def test_a_name_that_is_none_lets_nobody_in(
    api: Served, provider: OidcServer, name: object
) -> None:
    provider.changes = {"preferred_username": name}
    async with browser(api) as browsing:
        page = await browsing.open(START, status=403)

    assert "no name that can be used here, in “preferred_username”" in page.text


async def test_whoever_begins_many_logins_ends_none_of_others(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "_MOST", 20)
    monkeypatch.setattr(oidc, "_MOST_OF_CLIENT", 5)
    async with browser(api) as browsing, browser(api) as flooding:
        browsing.client.headers["x-forwarded-for"] = "192.0.2.1"
        begun = await browsing.client.get("/console/oidc/start?next=/console/acts")
        for _ in range(25):
            await flooding.client.get("/console/oidc/start")
        page = await browsing.open(begun.headers["location"])

    assert "Who did what" in page.text


@pytest.mark.parametrize("name", ["anna", "Anna", "ａｎｎａ"], ids=["same", "capital", "wide"])
async def test_who_signs_in_with_a_password_here_is_nobody_elsewhere(
    api: Served, provider: OidcServer, name: str
) -> None:
    add_user(api, "anna")
    provider.changes = {"preferred_username": name}
    async with browser(api) as browsing:
        page = await browsing.open(START, status=403)

    assert f"“{name}” is somebody else here" in page.text
    assert "Whoever runs the gateway takes that user out" in page.text


async def test_a_session_ends_when_its_name_becomes_that_of_a_user_with_a_password(
    api: Served,
) -> None:
    async with browser(api) as browsing:
        await browsing.open(START)
        before = await browsing.client.get("/console/acts")
        add_user(api, "Anna")
        after = await browsing.client.get("/console/acts")

    assert (200, 303) == (before.status_code, after.status_code)


async def test_whom_a_web_server_names_is_not_whom_the_provider_names(
    provider: OidcServer, tmp_path: Path
) -> None:
    provided = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET}
    console = {
        "users": str(tmp_path / "users"),
        "oidc": provided,
        "proxy": {"user_header": "X-Remote-User"},
    }
    url = f"sqlite:///{tmp_path}/gateway.db"
    named = {"x-remote-user": "anna"}
    async with (
        served(url, tmp_path, [("console", console)]) as api,
        browser(api) as by_provider,
        browser(api) as by_server,
    ):
        await by_provider.open(START)
        await by_server.open("/console/acts", headers=named)
        ended = await by_provider.client.get("/console/acts")
        refused = await by_provider.open(START, status=403)

    assert 303 == ended.status_code
    assert "is somebody else here" in refused.text


async def test_what_was_filled_in_is_shown_once_one_signed_in_in_another_tab(
    api: Served, provider: OidcServer
) -> None:
    provider.changes = {"roles": ["work"]}
    await api.feed("people", '{"crm_id":"17","emails":"ann@example.org"}')
    async with browser(api) as browsing:
        await browsing.open(START)
        await browsing.open("/console/people/candidate:17")
        with api.database.writing() as connection:
            console_sessions.end_all(connection, "anna")
        await browsing.press("Suppress", status=401, note="moved away", scope="bulk")
        login = browsing.answer
        too_early = await browsing.press("Go on with what I filled in", status=401)
        provider.changes = {"roles": ["work"], "preferred_username": "bob"}
        await browsing.open(START)
        browsing.answer = login
        as_another = await browsing.press("Go on with what I filled in")
        provider.changes = {"roles": ["work"]}
        await browsing.open(START)
        browsing.answer = login
        shown = await browsing.press("Go on with what I filled in")
        done = await browsing.press("Send it now")

    assert login is not None
    assert "moved away" not in login.text
    assert "kept on this page" in too_early.text
    assert "moved away" not in as_another.text
    assert "moved away" in shown.text
    assert "is suppressed from now on" in done.text


async def test_an_answer_signed_with_another_key_lets_nobody_in(
    api: Served, provider: OidcServer
) -> None:
    provider.signs_with_published = False
    async with browser(api) as browsing:
        await browsing.open(START, status=403)


async def test_a_login_that_began_in_another_browser_is_refused(api: Served) -> None:
    async with browser(api) as one, browser(api) as other:
        began = await one.client.get(START)
        at_provider = await one.client.get(began.headers["location"])

        await other.open(at_provider.headers["location"], status=400)


async def test_without_a_provider_there_is_no_such_way(one_api: Served) -> None:
    async with browser(one_api) as browsing:
        await browsing.open(START, status=404)


async def test_a_provider_that_is_away_is_said_to_be(api: Served, provider: OidcServer) -> None:
    provider._server.shutdown()
    provider._server.server_close()
    async with browser(api) as browsing:
        page = await browsing.open(START, status=502)

    assert "doesn't answer" in page.text
