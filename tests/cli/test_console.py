"""Who may sign in at the console, as the command line says it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.api.console.users import BadConsoleUsers, ConsoleUsers
from gateway.cli.commands import app
from gateway.store.console import console_acts
from gateway.store.console.console_acts import ConsoleAct
from gateway.store.engine.database import Database

RUNNER = CliRunner()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "gateway.toml"
    file.write_text("")
    return file


def run(config: Path, *arguments: str, typed: str = "", code: int = 0) -> str:
    done = RUNNER.invoke(app, ["--config", str(config), "console", *arguments], input=typed)
    assert code == done.exit_code, done.output
    return done.output


async def verified(config: Path, name: str, password: str) -> list[str] | None:
    login = await ConsoleUsers(config.parent / "console-users").verify(name, password)
    return None if login is None else sorted(login.roles)


async def test_a_user_signs_in_with_the_password_that_was_typed(config: Path) -> None:
    said = run(config, "user", "anna", "--role", "work,run", typed="secret\n")

    assert "anna can sign in at http://127.0.0.1:8025/console (run, work; " in said
    assert ["run", "work"] == await verified(config, "anna", "secret")
    assert await verified(config, "anna", "another") is None
    assert 0o600 == (config.parent / "console-users").stat().st_mode & 0o777


async def test_a_password_is_made_where_none_is_given(config: Path) -> None:
    said = run(config, "user", "anna")
    password = said.partition("Password: ")[2].strip()

    assert ["look"] == await verified(config, "anna", password)


async def test_roles_change_without_the_password(config: Path) -> None:
    run(config, "user", "anna", typed="secret\n")
    run(config, "user", "anna", "--keep-password", "--role", "manage")

    assert ["manage"] == await verified(config, "anna", "secret")
    assert [{"name": "anna", "roles": ["manage"]}] == json.loads(run(config, "users", "--json"))


def test_a_user_is_taken_out(config: Path) -> None:
    run(config, "user", "anna", typed="secret\n")
    run(config, "user", "anna", "--remove")

    assert "Nobody yet." in run(config, "users")
    with pytest.raises(BadConsoleUsers, match="there is no user anna"):
        RUNNER.invoke(
            app,
            ["--config", str(config), "console", "user", "anna", "--remove"],
            catch_exceptions=False,
        )


@pytest.mark.parametrize("arguments", [("users",), ("user", "anna"), ("user", "anna", "--remove")])
def test_a_file_of_users_that_cannot_be_there_is_told(
    config: Path, arguments: tuple[str, ...]
) -> None:
    config.write_text(f'[console]\nusers = "{"n" * 300}"\n')

    with pytest.raises(BadConsoleUsers, match="File name too long"):
        RUNNER.invoke(
            app,
            ["--config", str(config), "console", *arguments],
            input="secret\n",
            catch_exceptions=False,
        )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("user", "an:na"), "a name must not"),
        (("user", "#anna"), "a name must not"),
        (("user", "an\u202ena"), "a name must not"),
        (("user", "anna", "--role", "boss"), "a role is one of look, work, manage, run"),
        (("user", "anna", "--keep-password"), "--keep-password needs --role"),
    ],
)
def test_what_makes_no_sense_is_refused(
    config: Path, arguments: tuple[str, ...], said: str
) -> None:
    assert said in run(config, *arguments, typed="secret\n", code=2)


def test_acts_are_listed_the_newest_first(config: Path) -> None:
    database = Database(f"sqlite:///{config.parent}/gateway.db")
    database.prepare()
    with database.writing() as connection:
        for number, about in ((1 << 40, ""), (2 << 40, "candidate:17")):
            act = ConsoleAct(id=number, user="anna", act="person.suppress", about=about)
            console_acts.add(connection, act)
    database.close()

    acts = json.loads(run(config, "acts", "--json"))
    about = run(config, "acts", "--about", "candidate:17")

    assert ["candidate:17", ""] == [act["about"] for act in acts]
    assert "person.suppress" in about
    assert 1 == about.count("anna")
