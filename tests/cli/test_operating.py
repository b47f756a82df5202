"""The commands that run, check and stop things, and what all commands have in common."""

import contextlib
import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import argon2
import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from gateway.cli.commands import COMMANDS, app
from gateway.core import ids
from gateway.core.sending.outbox import OutboxDraft
from gateway.store.engine.database import Database
from gateway.store.schema import VERSION
from gateway.store.sending import outbox
from gateway.store.views import status
from tests.cli.conftest import Cli


def leaves(group: typer.core.TyperGroup, above: str = "") -> dict[str, str]:
    """Return the help of every command by its name."""
    found: dict[str, str] = {}
    context = typer.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, typer.core.TyperGroup):
            found |= leaves(command, f"{above}{name} ")
        elif command is not None:
            found[above + name] = command.help or ""
    return found


def test_each_command_explains_itself() -> None:
    group = get_command(app)
    assert isinstance(group, typer.core.TyperGroup)

    found = leaves(group)
    assert found
    assert not [name for name, text in found.items() if not re.match(r"[A-Z][^.]+[.:]", text)]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_it_says_of_itself(name: str) -> None:
    group = get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    command = group.get_command(typer.Context(group), name)

    assert command is not None
    assert command.get_short_help_str(limit=200).startswith(COMMANDS[name][1].rstrip("."))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_plain_help_without_options_of_the_shell(name: str) -> None:
    text = CliRunner().invoke(app, [name, "--help"], prog_name="gateway").output

    assert ([f"Usage: gateway {name} "], 0, 0) == (
        re.findall(rf"^Usage: gateway {name} ", text),
        text.count("╭"),
        text.count("completion"),
    )


def test_the_list_of_commands_loads_none_of_them() -> None:
    code = "import gateway.cli, sys; gateway.cli.run(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())

    assert set() == {"sqlalchemy", "pydantic", "gateway.cli.context"} & loaded


def test_a_wrong_config_is_told_in_one_line_each_without_a_traceback(cli: Cli) -> None:
    cli.configure('[log]\nlevel = "loud"\n[api]\nbind = "here"\n')

    done = cli("messages", "list")
    assert 1 == done.code
    assert 2 == len(done.err.splitlines())
    assert f"{cli.file}: log.level: not one of" in done.err
    assert "Traceback" not in done.err


def test_a_config_that_is_not_there_is_told(cli: Cli) -> None:
    cli.file.unlink()

    done = cli("messages", "list")
    assert 1 == done.code
    assert (
        "no such file; gateway init writes one; --config FILE or GATEWAY_CONFIG names another"
        in done.err
    )


@pytest.mark.parametrize("wrong", [["nonsense"], ["messages", "list", "--nonsense"], ["pause"]])
def test_wrong_use_is_exit_code_2(cli: Cli, wrong: list[str]) -> None:
    done = cli(*wrong)

    assert 2 == done.code
    assert done.err


def test_the_installed_command_exits_with_the_code() -> None:
    command = Path(sys.executable).with_name("gateway")
    words = [str(command), "--config", "none.toml", "db", "check"]
    done = subprocess.run(words, capture_output=True, check=False)

    assert 1 == done.returncode
    assert done.stderr.startswith(b"gateway: none.toml: no such file")


def test_a_pause_lasts_until_it_is_lifted(cli: Cli) -> None:
    def paused() -> tuple[str, ...]:
        with cli.store() as store, store.reading() as connection:
            return status.snapshot(connection).paused

    cli.do("pause", "bulk")
    cli.do("pause", "all")
    before = paused()
    said = cli.do("resume")

    assert ("all", "bulk") == before
    assert () == paused()
    assert "Resumed: " in said
    assert "Nothing was paused.\n" == cli.do("resume")


def test_a_hash_is_the_line_of_the_users_file(cli: Cli) -> None:
    line = cli.do("users", "hash", "crm", stdin="s3cret\n")

    login, _, digest = line.strip().partition(":")
    assert "crm" == login
    assert argon2.PasswordHasher().verify(digest, "s3cret")


def test_a_login_with_a_colon_or_no_password_is_wrong_use(cli: Cli) -> None:
    assert 2 == cli("users", "hash", "a:b", stdin="x\n").code
    assert 2 == cli("users", "hash", "crm", stdin="").code


@pytest.mark.parametrize("command", ["users hash crm", "console user anna"])
def test_a_password_that_is_not_utf_8_is_refused(cli: Cli, command: str) -> None:
    done = cli(*command.split(), stdin="gr\udcfcn\n")

    assert (2, "") == (done.code, done.out)
    assert "the password on standard input is not UTF-8" in done.err


def test_a_role_that_there_is_not_is_told_with_the_nearest(cli: Cli) -> None:
    done = cli("console", "user", "anna", "--role", "manag", stdin="s3cret\n")

    assert 2 == done.code
    assert "a role is one of look, work, manage, run: did you mean manage?" in done.err


def change(cli: Cli, statement: str) -> None:
    """Change the store behind the gateway's back."""
    with contextlib.closing(sqlite3.connect(cli.folder / "gateway.db")) as connection:
        connection.execute(statement)
        connection.commit()


def test_the_schema_is_made_at_first_use_and_can_be_checked(cli: Cli) -> None:
    empty = cli("db", "check")
    cli.do("db", "upgrade")

    assert (1, "gateway: the store is empty: its schema is created at first use\n") == (
        empty.code,
        empty.err,
    )
    assert f"The store is at version {VERSION}, and whole.\n" == cli.do("db", "check")
    assert f"At version {VERSION} already.\n" == cli.do("db", "upgrade")


@pytest.mark.parametrize("command", [["messages", "list"], ["db", "check"], ["suppress", "list"]])
def test_K9_a_store_that_does_not_fit_is_refused_by_every_command(
    cli: Cli, command: list[str]
) -> None:
    cli.do("db", "upgrade")
    change(cli, "UPDATE schema_version SET version = '9999'")

    newer = cli(*command)
    change(cli, "UPDATE schema_version SET version = '0032'")
    older = cli(*command)

    assert (1, 1) == (newer.code, older.code)
    assert "newer than this gateway" in newer.err
    assert "at version 0032, of a build before any release" in older.err
    assert older.err.endswith("gateway db upgrade --new\n")


def test_K9_a_damaged_store_is_named(cli: Cli) -> None:
    cli.do("db", "upgrade")
    change(cli, "DROP TABLE pauses")

    done = cli("db", "check")
    assert 1 == done.code
    assert "it lacks the table pauses" in done.err


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("9999", "newer than this gateway"),
        ("0104", "of a build before any release, and can't be upgraded"),
    ],
)
def test_a_newer_store_is_not_upgraded_nor_one_from_before_any_release(
    cli: Cli, version: str, reason: str
) -> None:
    cli.do("db", "upgrade")
    change(cli, f"UPDATE schema_version SET version = '{version}'")

    refused = cli("db", "upgrade")

    assert (1, True) == (refused.code, reason in refused.err)
    assert f"at version {version}" in cli("db", "check").err


def put(cli: Cli) -> str:
    """Put something into the outbox; return its id."""
    number = ids.first_id_at(datetime(2026, 3, 12, tzinfo=UTC))
    with cli.store() as store, store.writing() as connection:
        outbox.put(
            connection,
            OutboxDraft(
                id=number,
                type="dsn",
                key="dsn:1",
                recipient="crm@example.org",
                body=b"x",
                due=datetime(2026, 3, 12, tzinfo=UTC),
            ),
        )
    return ids.show(number)


def test_the_outbox_is_listed_cancelled_and_retried(cli: Cli) -> None:
    number = put(cli)

    [entry] = cli.json("outbox", "list")
    assert {
        "id": number,
        "at": "2026-03-12T00:00:00.000Z",
        "type": "dsn",
        "to": "crm@example.org",
        "state": "queued",
        "attempts": 0,
        "next_at": "2026-03-12T00:00:00.000Z",
        "error": "",
    }.items() <= entry.items()
    cli.do("outbox", "cancel", number)
    assert ["cancelled"] == [one["state"] for one in cli.json("outbox", "list")]
    cli.do("outbox", "retry", number)
    assert [] == cli.json("outbox", "list", "--state", "cancelled")
    assert 1 == len(cli.json("outbox", "list", "--state", "queued"))


def test_what_the_outbox_lacks_can_not_be_retried(cli: Cli) -> None:
    assert 1 == cli("outbox", "retry", "0" * 13).code
    assert 2 == cli("outbox", "cancel", "x").code


def test_help_says_every_command_in_a_whole_sentence(cli: Cli) -> None:
    main = cli.do("--help")
    words = [line.split()[0] for line in main.partition("Commands:")[2].splitlines() if line]
    pages = [main, *(cli.do(word, "--help") for word in words)]

    cut_off = [
        line
        for page in pages
        for line in page.partition("Commands:")[2].splitlines()
        if line.endswith("...")
    ]
    assert {"run", "check", "suppress", "messages", "demo"} <= {*words}
    assert [] == cut_off


def test_no_command_begins_an_empty_store_where_there_was_one(cli: Cli) -> None:
    cli.do("db", "upgrade")
    store = Database(f"sqlite:///{cli.folder}/gateway.db", outage=cli.folder / "outage")
    store.remember()
    store.close()
    for left in cli.folder.glob("gateway.db*"):
        left.unlink()
    commands = [("db", "check"), ("db", "upgrade"), ("suppress", "list"), ("check", "--offline")]
    ends = {command: cli(*command) for command in commands}
    left_alone = not (cli.folder / "gateway.db").exists()
    cli.do("db", "upgrade", "--new")

    assert dict.fromkeys(commands, 1) == {command: end.code for command, end in ends.items()}
    assert all("put it back" in end.err + end.out for end in ends.values())
    assert left_alone
    assert [] == cli.json("suppress", "list")


def test_a_new_dkim_key_lies_where_the_printed_lines_look_for_it(
    cli: Cli, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    made = cli("dkim", "new", "example.org", "--selector", "a")
    put = cli("dkim", "new", "example.org", "--selector", "b", "--file", "b.pem", "--ed25519")

    lines = [done.out.partition("in the config file:")[2] for done in (made, put)]
    cli.configure("\n".join(lines))
    shown = cli("dkim", "show")
    assert (0, 0, 0, "") == (made.code, put.code, shown.code, shown.err)
    assert ["a._domainkey.example.org.", "b._domainkey.example.org."] == [
        line.split()[0] for line in shown.out.splitlines()
    ]


def test_a_file_that_a_key_names_and_isnt_there_is_told_with_its_folder(cli: Cli) -> None:
    cli.configure('[[dkim]]\ndomain = "example.org"\nselector = "a"\nkey_file = "a.pem"\n')

    done = cli("check", "--offline")

    assert f"dkim[0].key_file: no such file as {cli.folder / 'a.pem'}" in done.err
