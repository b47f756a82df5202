"""What `gateway check` says of who may sign in at the console."""

from pathlib import Path

import pytest

from gateway.app.checks.check_http import settings_for_http
from gateway.config import Settings

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

    findings = [finding for finding in settings_for_http(settings) if finding.what == "console"]

    assert 1 == len(findings)
    assert said in findings[0].text
