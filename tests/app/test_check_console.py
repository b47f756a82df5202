"""What `gateway check` says of who may sign in at the console."""

from pathlib import Path

import pytest

from gateway.app.checks.check_console import console_users, provider
from gateway.app.checks.findings import Finding, Level
from gateway.config import Settings
from tests.rig.oidcserver import CLIENT, SECRET, OidcServer
from tests.rig.process import free_port

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"
OIDC = {"issuer": "https://login.example.org", "client_id": "g", "client_secret": "s"}


@pytest.mark.parametrize(
    ("users", "more", "said"),
    [
        (None, {}, "nobody may sign in yet: `gateway console user NAME` adds somebody"),
        (f"anna:work:{HASH}\nbob:{HASH}\n", {}, "who may sign in: 2 with a password"),
        (None, {"oidc": OIDC}, "who may sign in: through https://login.example.org"),
        (
            f"anna:{HASH}\n",
            {"proxy": {"user_header": "X-User"}},
            "who may sign in: 1 with a password, through a web server on this host",
        ),
        ("anna\n", {}, "line 1: not a name, roles and an argon2 hash"),
    ],
)
def test_who_may_sign_in(
    tmp_path: Path, users: str | None, more: dict[str, object], said: str
) -> None:
    file = tmp_path / "console-users"
    if users is not None:
        file.write_text(users)
    settings = Settings.model_validate({"console": {"users": str(file), **more}})

    findings = list(console_users(settings))

    assert 1 == len(findings)
    assert said in findings[0].text


def test_a_wrong_line_is_an_error_beside_those_who_may_sign_in(tmp_path: Path) -> None:
    file = tmp_path / "console-users"
    file.write_text(f"anna:boss:{HASH}\nbob:{HASH}\n")
    settings = Settings.model_validate({"console": {"users": str(file)}})

    wrong, may = console_users(settings)

    assert Level.ERROR is wrong.level
    assert "line 1: no role: 'boss'" in wrong.text
    assert "who may sign in: 1 with a password" == may.text


async def test_the_provider_of_openid_connect_is_asked() -> None:
    with OidcServer() as server:
        assert ("good", f"{server.issuer} answers") == await _asked(server.issuer)
        other = f"{server.issuer}/realms/office"
        level, text = await _asked(other)
    assert "error" == level
    assert "calls itself something else than oidc.issuer" in text


async def test_a_provider_that_can_not_be_reached_is_an_error() -> None:
    level, text = await _asked(f"http://127.0.0.1:{free_port()}")

    assert "error" == level
    assert "the sign-in service doesn't answer: is it reached from here?" in text


async def _asked(issuer: str) -> tuple[str, str]:
    oidc = {"issuer": issuer, "client_id": CLIENT, "client_secret": SECRET}
    settings = Settings.model_validate({"console": {"oidc": oidc}})
    (finding,) = [finding async for finding in provider(settings)]
    assert isinstance(finding, Finding)
    return Level(finding.level).name.lower(), finding.text


@pytest.mark.parametrize(
    "issuer",
    ["nonsense", "http://login.example.org", "https://", "https://a@b.example", "https://a/?b=c"],
)
def test_what_can_be_no_providers_address_is_refused(issuer: str) -> None:
    with pytest.raises(ValueError, match="issuer"):
        Settings.model_validate({"console": {"oidc": {**OIDC, "issuer": issuer}}})


def test_a_web_server_says_name_and_roles_in_two_headers() -> None:
    proxy = {"user_header": "X-User", "role_header": "x-user"}
    with pytest.raises(ValueError, match="name another one"):
        Settings.model_validate({"console": {"proxy": proxy}})
