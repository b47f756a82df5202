"""The documentation says what is so: its commands, settings, events and metrics exist."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner

from gateway.app.roles import api
from gateway.cli.commands import app
from gateway.config import load
from gateway.config.triggers import TriggerFile
from gateway.core.decision.shipped_rules import SHIPPED_RULES
from gateway.core.queue import QueueEvent
from gateway.metrics import Metrics
from gateway.store.views.status import Snapshot
from tests.pages.markdown import PAGES, ROOT, blocks_of, code

MODULES = sorted((ROOT / "gateway").rglob("*.py"))
COMMANDS = {
    "init", "run", "docs", "check", "demo", "db upgrade", "db check", "pause", "resume", "tail",
    "today", "users hash", "console user", "console users", "console acts",
    "import", "suppress add", "suppress release", "suppress list", "suppress show",
    "suppress mend", "explain",
    "messages list", "messages show", "report", "person show", "person find",
    "person erase", "person erasures", "person export", "keys list", "keys rotate", "keys forget",
    "history show",
    "documents list", "documents save", "inbox list", "inbox show", "inbox assign",
    "inbox discard", "inbox retry", "inbox address", "outbox list", "outbox retry", "outbox cancel",
    "mailchimp activate", "mailchimp status", "mailchimp templates", "mailchimp sandbox",
    "campaigns list", "campaigns show", "campaigns create", "campaigns add", "campaigns remove",
    "campaigns prepare", "campaigns open", "campaigns send", "campaigns schedule",
    "campaigns unschedule", "campaigns delete", "campaigns recreate",
    "triggers list", "triggers preview", "triggers run", "triggers history", "triggers resume",
    "triggers calendar", "triggers show", "triggers new", "triggers edit", "triggers enable",
    "triggers disable", "triggers template", "triggers edits", "triggers hold",
    "campaigns sync", "campaigns report", "campaigns opt-outs",
    "applications submit", "applications status", "applications list",
    "tokens create", "tokens list", "tokens revoke",
    "bounces list", "bounces read", "bounces report", "dkim new", "dkim show", "dkim check",
}  # fmt: skip
KNOWN = frozenset(name.split()[0] for name in COMMANDS)
#: Files of the repository that name commands, beside the pages.
SAMPLES = [
    ROOT / "CHANGELOG.md",
    *(ROOT / "config" / name for name in ("alerts.yml", "gateway.service", "gateway.toml")),
    *sorted((ROOT / "config/triggers").glob("*.toml")),
]
#: Keys that name a file which must be there.
FILES = ("cert", "key", "ca", "users")
LEVELS = ("debug", "info", "warning", "error", "exception")

# Commands


def test_the_command_line_offers_every_command_and_no_other() -> None:
    assert COMMANDS == set(leaves())


@pytest.mark.parametrize("command", ["", *sorted(COMMANDS)])
def test_every_command_explains_itself(command: str) -> None:
    done = CliRunner().invoke(app, [*command.split(), "--help"], prog_name="gateway")

    assert done.exit_code == 0, done.output
    assert f"Usage: gateway {command}".strip() in done.output


@pytest.mark.parametrize("page", [*PAGES, *SAMPLES], ids=lambda page: page.name)
def test_every_command_of_a_page_exists_with_its_options(page: Path) -> None:
    for words in written_commands(page):
        assert [] == list(misused(words)), " ".join(words)


def test_every_command_that_the_gateway_itself_names_exists_with_its_options() -> None:
    named = {tuple(words): text for text in spoken() for words in commands_in(text)}

    assert 50 < len(named)
    assert [] == [
        (text, fault) for words, text in named.items() for fault in misused(words, is_prose=True)
    ]


# Settings


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_config_of_a_page_is_accepted(page: Path, tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    for text in blocks_of(page, "toml"):
        if text.startswith("# triggers/"):
            TriggerFile.model_validate(tomllib.loads(text))
            continue
        for name in file_names(tomllib.loads(text)):
            (tmp_path / name).write_text("secret\n")
        file.write_text(text)

        assert load(file, {}) is not None


def test_every_shipped_rule_stands_on_the_page_of_rules() -> None:
    page = (ROOT / "docs/rules.md").read_text()

    assert [] == [rule.name for rule in SHIPPED_RULES if f"`{rule.name}`" not in page]


# Events, metrics, alerts


def test_the_page_on_the_code_tells_of_every_event_of_a_queue() -> None:
    queues = (ROOT / "docs/code.md").read_text().partition("## Queues")[2].partition("\n## ")[0]
    firsts = " ".join(line.split("|")[1] for line in queues.splitlines() if line.startswith("| "))

    assert set() == {event.value for event in QueueEvent if event.value not in firsts}


def test_what_the_page_on_the_code_names_is_there() -> None:
    """Files by the end of their path, names as they stand in the code; capitals are made up."""
    page = (ROOT / "docs/code.md").read_text()
    # Below that, what went is named, too.
    named = set(re.findall(r"`([^`\n]+)`", page.partition("## How much there is")[0]))
    sources = (*MODULES, ROOT / "Makefile", ROOT / "pyproject.toml")
    words = set(re.findall(r"\w+", "".join(path.read_text() for path in sources)))
    paths = {
        f"/{path.relative_to(ROOT)}{'/' if path.is_dir() else ''}"
        for folder in ("gateway", "tests", "docs", "config", ".ci", "benchmarks")
        for path in (ROOT / folder, *(ROOT / folder).rglob("*"))
    } | {f"/{path.name}" for path in ROOT.iterdir()}
    lost = {
        name
        for name in named
        if re.fullmatch(r"(?!/)(?:[\w./-]+/|[\w./-]+\.(?:py|toml|md|html|css|json))", name)
        and not re.search(r"(?<![a-z])[A-Z]{4,}", name)
        and not any(path.endswith("/" + name) for path in paths)
    }
    lost |= {
        name
        for name in named
        if re.fullmatch(r"_?[A-Za-z]\w*(?:\.\w+)*(?:\(\))?", name)
        and ("_" in name or re.search(r"[a-z][A-Z]", name))
        and not set(re.findall(r"\w+", name)) <= words
        and not any(path.endswith("/" + name) for path in paths)
    }

    assert set() == lost


def test_every_event_of_the_log_is_documented_and_no_other() -> None:
    page = (ROOT / "docs/events.md").read_text().partition("## Metrics")[0]

    assert logged_events() == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


def test_every_metric_is_documented_with_its_type_and_no_other() -> None:
    rows = re.findall(
        r"^\| `(gateway_\w+)` \| (\w+) \|", (ROOT / "docs/events.md").read_text(), re.M
    )

    assert metrics() == dict(rows)


def test_alerts_ask_for_metrics_there_are_and_every_alert_has_its_advice() -> None:
    alerts = (ROOT / "config/alerts.yml").read_text()
    asked = set(re.findall(r"\bgateway_\w+", alerts))
    names = re.findall(r"alert: (\w+)", alerts)
    advice = (ROOT / "docs/operation.md").read_text()

    assert {name.removesuffix("_bucket") for name in asked} <= set(metrics())
    assert names == re.findall(r"^\| (Gateway\w+) \|", advice, re.MULTILINE)


# Helpers


def leaves() -> dict[str, TyperCommand]:
    return dict(below(typer.main.get_command(app), ()))


def below(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, TyperCommand]]:
    match command:
        case TyperGroup():
            context = typer.Context(command)
            for name in command.list_commands(context):
                yield from below(command.get_command(context, name), (*path, name))
        case TyperCommand():
            yield " ".join(path), command


def written_commands(page: Path) -> Iterator[list[str]]:
    """Yield the words behind `gateway` of every command in code, the options before it left out."""
    text = page.read_text()
    written = code(text) if page.suffix == ".md" else [text]
    for block in [*blocks_of(page, "sh"), *blocks_of(page, "text"), *written]:
        for line in block.replace("\\\n", " ").splitlines():
            named = re.search(r"(?:^|[\s/(])gateway ((?:--config \S+ )?)([a-z].*)", line)
            if named and named[2].split()[0] in KNOWN:
                yield words_of(named[2])


def words_of(line: str) -> list[str]:
    """Return the words of the first command of a line, what may be left out (`[--yes]`) too."""
    given = re.sub(r"\[(--[^]]*)\]", r"\1", line)
    lexer = shlex.shlex(given, posix=True, punctuation_chars="|)")
    lexer.whitespace_split = True
    return list(takewhile(lambda word: word not in ("|", ")"), lexer))


def commands_in(text: str) -> Iterator[list[str]]:
    """Yield the words behind `gateway` of every command that a sentence names, and what follows."""
    for words in re.findall(rf"\bgateway ((?:{'|'.join(KNOWN)})\b[^`\n.;,:)]*)", text):
        yield re.sub(r"['\"<>]", " ", words).split()


def spoken() -> Iterator[str]:
    """Yield every text in the code, with X in place of what is filled in."""
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            match node:
                case ast.JoinedStr(values=values):
                    yield "".join(
                        str(value.value) if isinstance(value, ast.Constant) else "X"
                        for value in values
                    )
                case ast.Constant(value=str(text)):
                    yield text


def misused(words: Sequence[str], *, is_prose: bool = False) -> Iterator[str]:
    """Yield what is wrong with a command: its name, an option, a choice, one argument too many.

    What is left out is nothing wrong: pages name commands without their arguments. In prose the
    words behind a command may be those of the sentence.
    """
    command, rest = typer.main.get_command(app), list(words)
    while isinstance(command, TyperGroup):
        below = command.get_command(typer.Context(command), rest[0]) if rest else None
        if below is None:
            if rest and (not is_prose or re.fullmatch("[a-z-]{2,}", rest[0])):
                yield f"no command {rest[0]}"
            return
        command, rest = below, rest[1:]
    assert isinstance(command, TyperCommand)
    options = {name: option for option in command.params for name in option.opts}
    if is_prose:
        asked = (word for word in rest if re.fullmatch("--[a-z-]+", word))
        yield from (f"no option {word}" for word in asked if word not in options)
        return
    arguments = 0
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            arguments += 1
        elif word not in options:
            yield f"no option {word}"
        elif not getattr(options[word], "is_flag", False):
            yield from wrong_value(command, options[word], rest.pop(0) if rest else "")
    taken = [option.nargs for option in command.params if option.param_type_name == "argument"]
    if arguments > sum(taken) and -1 not in taken:
        yield f"{arguments} arguments instead of {sum(taken)}"


def wrong_value(command: TyperCommand, option: Any, value: str) -> Iterator[str]:
    """Yield what is wrong with an option's value; one in capitals stands for any."""
    if not value:
        yield f"no value for {option.opts[0]}"
    elif not value.isupper():
        try:
            context = typer.Context(command)
            option.process_value(context, [value] if option.multiple else value)
        except typer.BadParameter as wrong:
            yield f"{option.opts[0]}: {wrong}"


def file_names(values: dict[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield from file_names(one)
            elif key in FILES or key.endswith("_file"):
                yield str(one)


def logged_events() -> set[str]:
    return {
        str(_event(node))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and node.args
        and isinstance(node.args[-1 if _is_unit(node) else 0], ast.Constant)
        and isinstance(_event(node), str)
        and (
            _is_unit(node)
            or ast.unparse(node.func) in {"write", *(f"log.{level}" for level in LEVELS)}
        )
    }


def _is_unit(node: ast.Call) -> bool:
    """Whether a call makes the logger of a unit of work: `logs.unit(part, event)`."""
    return ast.unparse(node.func) == "logs.unit"


def _event(node: ast.Call) -> object:
    return ast.literal_eval(node.args[-1 if _is_unit(node) else 0])


def metrics() -> dict[str, str]:
    """Return every metric's name and type."""
    snapshot = Snapshot(feeds={}, outbox={}, sending=0, inbox={}, waiting_since=None, paused=())
    roles = {"smtp": {"wanted": 1, "ready": 1, "restarts": 0}}
    read = {
        one.name: "counter" if one.only_rises else "gauge"
        for one in (
            *api.readings_of_processes(roles),
            *api.readings_of_store(snapshot),
            *api.readings_of_shares(()),
        )
    }
    counted = {one.name: one.type for one in Metrics().registry.collect()}
    return {
        f"{name}_total" if kind == "counter" else name: kind
        for name, kind in (read | counted).items()
    }


# Replies

REPLYING = [
    *sorted((ROOT / "gateway/smtp_proxy").rglob("*.py")),
    *(ROOT / "gateway" / name for name in ("core/mail/envelope.py", "core/mail/content.py")),
    ROOT / "gateway/delivery/replies.py",
]
REPLY = re.compile(r"[45]\d\d [245]\.\d+\.\d+(?= )")


def replies(module: Path) -> Iterator[str]:
    """Yield code and enhanced code of every refusal a module can say."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = REPLY.match(node.value)
            yield from [found[0]] if found else []


@pytest.mark.parametrize("module", REPLYING, ids=lambda module: module.stem)
def test_every_refusal_is_in_the_table_of_replies(module: Path) -> None:
    table = (ROOT / "docs/flow.md").read_text()

    assert [] == sorted({reply for reply in replies(module) if reply not in table})


def test_the_replies_of_the_gateway_are_found() -> None:
    assert 20 < len({reply for module in REPLYING for reply in replies(module)})
