"""Whatever is wrong is told in one form: a line, `gateway: what: cure`, and an exit code."""

import re
from collections.abc import Iterator, Mapping

import pytest
import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

from gateway.cli.commands import app
from tests.cli.conftest import Cli, Done
from tests.test_docs import below

COMMANDS = dict(below(typer.main.get_command(app), ()))
UNKNOWN_ID = "0000000000001"
#: What is there for nobody, by what the help calls an argument.
UNKNOWN = {
    "ID": UNKNOWN_ID,
    "ENTRY": UNKNOWN_ID,
    "DOCUMENT": UNKNOWN_ID,
    "PERSON": "candidate:99",
    "ADDRESS": "candidate:99",
    "MARK": "none",
    "PAGE": "none",
    "NAME": "none",
    "[DOMAIN]": "none.example",
    "MESSAGE.eml": "none.eml",
}
#: What nothing can be called.
WRONG = {
    **dict.fromkeys(("ID", "ENTRY", "DOCUMENT"), "nonsense"),
    **dict.fromkeys(("PERSON", "ADDRESS"), "nonsense"),
    "LOCALTIME": "soon",
    "TIME": "soon",
    "DATE": "soon",
}
#: What a command must be given besides.
ENOUGH = {
    "bounces read": ["none.eml"],
    "campaigns add": ["--person", "candidate:99"],
    "campaigns remove": ["--person", "candidate:99"],
    "campaigns schedule": ["--at", "2099-01-01T08:00"],
    "explain": ["--from", "a@example.org", "--to", "b@example.org"],
    "inbox assign": ["99"],
    "keys forget": ["--by", "eva"],
    "person erase": ["--by", "eva"],
    "report": ["--would-fail"],
    "suppress add": [],
    "triggers edit": ["--set", "topic=x"],
}
#: Where a name is somebody's to choose, or comes with others: said below.
ELSEWHERE = {
    "applications list",
    "applications status",
    "applications submit",
    "campaigns create",
    "console user",
    "dkim new",
    "import",
    "person find",
    "triggers edits",
    "triggers new",
    "triggers preview",
    "triggers run",
    "triggers template",
    "users hash",
}
#: A file that isn't there, as a word that isn't one of a few, is wrong use.
WRONG_USE = {"explain"}


def arguments(command: TyperCommand) -> Iterator[str]:
    """Yield what the help of a command calls its arguments, those that needn't be given too."""
    for param in command.params:
        if not param.opts[0].startswith("-"):
            yield param.metavar or str(param.name).upper()


def options(command: TyperCommand) -> Mapping[str, str]:
    """Return what the help of a command calls the values of its options."""
    return {
        param.opts[0]: str(param.metavar or "")
        for param in command.params
        if param.opts[0].startswith("--")
    }


def is_told(done: Done, code: int) -> bool:
    """Whether it ended with a code and one line, without anything that is the library's."""
    lines = done.err.splitlines()
    return (
        done.code == code
        and not done.out
        and len(lines) == 1
        and re.match(r"gateway: \S", lines[0]) is not None
        and re.search(r"Traceback|Error|Usage|Invalid|Value error|Input should", lines[0]) is None
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_that_is_none_is_told_with_the_help(cli: Cli, name: str) -> None:
    done = cli(*name.split(), "--nonsense")

    assert is_told(done, 2), done
    assert f"gateway: no such option: --nonsense; see gateway {name} --help\n" == done.err


NAMING = [
    (name, metavar)
    for name, command in COMMANDS.items()
    for metavar in arguments(command)
    if name not in ELSEWHERE and metavar not in ("REFERENCE", "FILE", "KIND", "MAIL", "ROLE")
]


@pytest.mark.parametrize(("name", "metavar"), NAMING)
def test_what_is_not_there_is_told_with_where_to_look(cli: Cli, name: str, metavar: str) -> None:
    assert metavar in UNKNOWN, f"say what {name} shall be given as {metavar}"

    done = cli(*name.split(), UNKNOWN[metavar], *ENOUGH.get(name, []))

    assert is_told(done, 2 if name in WRONG_USE else 1), done
    assert re.search(
        r": gateway \w|\(known: |does not exist|and nobody|set \[mailchimp\]", done.err
    ), done


@pytest.mark.parametrize(("name", "metavar"), [pair for pair in NAMING if pair[1] in WRONG])
def test_what_nothing_can_be_called_is_wrong_use(cli: Cli, name: str, metavar: str) -> None:
    done = cli(*name.split(), WRONG[metavar], *ENOUGH.get(name, []))

    assert is_told(done, 2), done
    assert "nonsense" in done.err


TIMES = [
    (name, option)
    for name, command in COMMANDS.items()
    for option, metavar in options(command).items()
    if option in ("--since", "--until", "--at", "--on") or metavar in ("TIME", "DATE")
]


@pytest.mark.parametrize(("name", "option"), TIMES)
def test_what_is_no_time_is_told_with_its_option(cli: Cli, name: str, option: str) -> None:
    metavars = {
        "documents list": ["candidate:17"],
        "import": ["waiting"],
        "suppress add": ["ann@example.org"],
        "triggers preview": ["acknowledgement"],
    }
    given = [UNKNOWN[each] for each in arguments(COMMANDS[name]) if each in UNKNOWN]
    more = [] if name == "campaigns schedule" else ENOUGH.get(name, [])

    done = cli(*name.split(), *metavars.get(name, given), *more, option, "soon")

    assert is_told(done, 2), done
    assert re.match(rf"gateway: {option}: not a (day|date)\b.*: soon; see ", done.err)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("messageq", 2, "no such command: messageq: did you mean messages? See gateway --help"),
        ("messages lst", 2, "no such command: messages lst: did you mean list? See gateway "),
        ("messages list --sinc 7d", 2, "no such option: --sinc: did you mean --since? See gateway"),
        ("messages list --state relayd", 2, "--state: relayd is not one of sending, relayed,"),
        ("messages list --state relayd", 2, ", unknown: did you mean relayed? See gateway "),
        ("messages list --limit none", 2, "--limit: not a whole number; see gateway messages list"),
        ("messages list --limit 0", 2, "--limit: must be 1 or more; see gateway messages list"),
        ("messages list --state", 2, "--state needs a value"),
        ("messages list --json=1", 2, "--json takes no value"),
        ("messages list more", 2, "unexpected: more; see gateway messages list --help"),
        ("messages show", 2, "ID is missing: The id of a message; see gateway "),
        ("report", 2, "--would-fail is missing: "),
        ("users hash", 2, "LOGIN is missing: The login, e.g. crm; see gateway users hash --help"),
        ("pause bulc", 2, "MAIL: bulc is not one of bulk, all: did you mean bulk? See gateway "),
        ("run smt", 2, "no role is called smt (known: smtp, "),
        ("import peple x.csv", 2, "KIND: peple is not one of groups, "),
        ("import people none.csv", 2, "FILE: file 'none.csv' does not exist; see gateway import"),
        ("import people .", 2, "FILE: '.' is a folder: name a file in it; see gateway import"),
        ("bounces read none.eml", 2, "none.eml: No such file or directory; see gateway "),
        ("triggers preview acknowledgemnet", 1, ": did you mean acknowledgement?"),
        ("triggers run none", 1, "no trigger is called none (known: acknowledgement)"),
        ("docs operatoin", 1, ": did you mean operation?"),
        ("dkim show x.example", 1, "no DKIM domain is called x.example (known: none): gateway "),
        ("triggers preview --reference 99 --status x", 1, "no application has the reference 99"),
        ("applications status x 99 --by eva", 1, "no member of staff is known as eva; "),
        ("suppress add ann@example.org --until soon", 2, "--until: not a date or time such as "),
    ],
)  # fmt: skip
def test_the_cure_is_told(cli: Cli, words: str, code: int, said: str) -> None:
    done = cli(*words.split())

    assert is_told(done, code), done
    assert said in done.err


def test_a_question_that_is_answered_with_no_ends_in_the_same_form(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise typer.Abort

    monkeypatch.setattr("gateway.cli.operation.pauses.user_name", stopped)

    done = cli("pause", "bulk")

    assert (1, "gateway: stopped: nothing was done\n") == (done.code, done.err)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_number_is_too_large_to_be_refused(name: str) -> None:
    """One beyond 64 bits, or a span of days beyond the calendar, would end in a traceback."""
    parameters = [p for p in COMMANDS[name].params if isinstance(p, TyperOption | TyperArgument)]
    numbers = [p for p in parameters if p.type_descriptor.annotation is int]

    assert [] == [p.name for p in numbers if (p.max or 2**64) > 2**53]
