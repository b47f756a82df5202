"""Who may ask for what, and what strangers learn."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.core.token import TokenScope
from gateway.store.api import tokens
from tests.api.served import Served
from tests.conftest import StartGateway
from tests.rig.process import wait_until
from tests.rig.sink import RawSink

READ, FEED = TokenScope.READ, TokenScope.FEED
SUPPRESS, OUTBOX = TokenScope.SUPPRESSIONS, TokenScope.OUTBOX
CAMPAIGNS = TokenScope.CAMPAIGNS


async def operations(api: Served) -> list[tuple[str, str]]:
    """Return method and path of everything the description names."""
    document = (await api.ask("GET", "/openapi.json", token=None)).json()
    return [
        (method.upper(), re.sub(r"\{[^}]*\}", "candidate:1", path))
        for path, methods in document["paths"].items()
        for method in methods
    ]


async def test_nothing_is_answered_without_a_valid_token(shared_api: Served) -> None:
    revoked = shared_api.token(fresh=True, name="revoked")
    with shared_api.database.writing() as connection:
        found = tokens.find(connection, revoked)
        assert found is not None
        tokens.revoke(connection, found.id, datetime.now(UTC))

    listed = await operations(shared_api)

    assert len(listed) > 40
    base = f"http://127.0.0.1:{shared_api.port}"
    async with httpx.AsyncClient(
        base_url=base, trust_env=False, verify=False, timeout=60
    ) as client:
        for number, (method, path) in enumerate(listed):
            token = ("", "gw_" + "A" * 43, revoked, "x" * 5000)[number % 4]
            headers = {"authorization": f"Bearer {token}"} if token else {}
            answer = await client.request(method, path, headers=headers, json={})

            assert 401 == answer.status_code, (method, path, token, answer.text)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert "application/problem+json" == answer.headers["content-type"]


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "/messages", {READ}),
        ("GET", "/messages/0000000000001", {READ}),
        ("GET", "/bounces", {READ}),
        ("GET", "/people?address=a@x.org", {READ}),
        ("GET", "/people/candidate:1", {READ}),
        ("GET", "/people/candidate:1/export", {READ}),
        ("GET", "/people/candidate:1/export.zip", {READ}),
        ("GET", "/erasures", {READ}),
        ("POST", "/people/candidate:nobody/erase", {SUPPRESS}),
        ("GET", "/history/0000000000001", {READ}),
        ("GET", "/documents/0000000000001/content", {READ}),
        ("GET", "/inbox", {READ}),
        ("GET", "/suppressions", {READ, SUPPRESS}),
        ("GET", "/suppressions.csv", {READ, SUPPRESS}),
        ("GET", "/suppressions/a@x.org", {READ, SUPPRESS}),
        ("DELETE", "/suppressions/nobody@x.org", {SUPPRESS}),
        ("GET", "/outbox", {OUTBOX}),
        ("GET", "/campaigns", {READ, CAMPAIGNS}),
        ("GET", "/mailchimp/templates", {READ, CAMPAIGNS}),
        ("POST", "/campaigns", {CAMPAIGNS}),
        ("POST", "/campaigns/0000000000001/send", {CAMPAIGNS}),
        ("DELETE", "/campaigns/0000000000001", {CAMPAIGNS}),
        ("POST", "/outbox/0000000000001/retry", {OUTBOX}),
        ("PUT", "/feed/people/candidate:1?dry_run=true", {FEED}),
        ("POST", "/feed/people?dry_run=true", {FEED}),
        ("POST", "/imports/people?dry_run=true", {FEED}),
        ("GET", "/imports", {READ, FEED}),
        ("GET", "/triggers", {READ}),
        ("POST", "/explain?from=a@x.org&to=b@x.org", {READ}),
        ("POST", "/feed/people/delete", {FEED}),
        ("DELETE", "/feed/people/candidate:1", {FEED}),
    ],
)
async def test_a_token_opens_only_what_its_scope_says(
    shared_api: Served, method: str, path: str, scopes: set[TokenScope]
) -> None:
    opened = {
        scope
        for scope in TokenScope
        if (
            await shared_api.ask(method, path, token=shared_api.token(scope), content=b"{}")
        ).status_code
        not in (401, 403)
    }

    assert scopes == opened


async def test_a_token_is_kept_only_as_its_hash_and_its_last_use_is_known(
    shared_api: Served,
) -> None:
    secret = shared_api.token(READ, name="watched", fresh=True)
    await shared_api.ask("GET", "/messages", token=secret)

    with shared_api.database.reading() as connection:
        [known] = [one for one in tokens.list_tokens(connection) if one.name == "watched"]
    file = shared_api.database.url.database
    assert file is not None
    octets = b"".join(Path(f"{file}{end}").read_bytes() for end in ("", "-wal"))
    assert secret.encode() not in octets
    assert known.last_used is not None
    assert {READ} == known.scopes


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-for": "127.0.0.1"},
        {"forwarded": "for=127.0.0.1"},
        {"x-real-ip": "127.0.0.1"},
        {"via": "1.1 proxy"},
    ],
)
async def test_H8_strangers_learn_only_whether_it_works(
    shared_api: Served, headers: dict[str, str]
) -> None:
    here = await shared_api.ask("GET", "/health", token=None)
    stranger = await shared_api.ask("GET", "/health", token=None, headers=headers)
    known = await shared_api.ask("GET", "/health", headers=headers)
    numbers = await shared_api.ask("GET", "/metrics", token=None, headers=headers)
    shown = await shared_api.ask("GET", "/metrics", headers=headers)

    assert {"relay": "up"} == here.json()["relays"] == known.json()["relays"]
    assert (200, {"status": "ok"}) == (stranger.status_code, stranger.json())
    assert [401, 200] == [numbers.status_code, shown.status_code]


async def test_H8_someone_at_another_address_is_a_stranger(shared_api: Served) -> None:
    transport = httpx.ASGITransport(shared_api.app, client=("192.0.2.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        assert {"status": "ok"} == (await client.get("/health")).json()
        assert 401 == (await client.get("/metrics")).status_code


@pytest.mark.system
async def test_tokens_are_made_listed_and_revoked_while_the_gateway_runs(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=("api",))
    made = await gateway.cli_json("tokens", "create", "--scope", "read", "--scope", "feed")
    plain = (await gateway.do("tokens", "create", "--scope", "read", "--name", "BI")).strip()

    def ask(secret: str, path: str = "/messages") -> httpx.Response:
        headers = {"authorization": f"Bearer {secret}"}
        url = f"http://127.0.0.1:{gateway.api_port}{path}"
        return httpx.get(url, headers=headers, trust_env=False, timeout=60)

    async def answers() -> bool:
        try:
            return ask(plain).status_code == 200
        except httpx.HTTPError:
            return False

    await wait_until(answers, "the API", 30)
    listed: list[dict[str, Any]] = await gateway.cli_json("tokens", "list")
    await gateway.do("tokens", "revoke", made["id"])
    unknown = await gateway.cli("tokens", "revoke", "0000000000001")
    scopeless = await gateway.cli("tokens", "create")

    assert ["BI", made["name"]] == [one["name"] for one in listed]
    assert ["feed", "read"] == listed[1]["scopes"]
    assert not any("token" in one for one in listed)
    assert [401, 200] == [ask(made["token"]).status_code, ask(plain).status_code]
    assert [1, 2] == [unknown.returncode, scopeless.returncode]
    assert plain not in gateway.log_text()
    [line] = [one for one in gateway.log_lines("request") if one["status"] == 401]
    assert ("/messages", "GET", None) == (line["route"], line["method"], line["token"])
