"""The documentation says what is so: its commands, settings, events and metrics exist."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner

from gateway.app.roles import api
from gateway.cli.commands import app
from gateway.config import load
from gateway.core.decision.shipped_rules import SHIPPED_RULES
from gateway.core.queue import QueueEvent
from gateway.metrics import Metrics
from gateway.store.views.status import Snapshot

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MODULES = sorted((ROOT / "gateway").rglob("*.py"))
COMMANDS = {
    "init", "run", "docs", "check", "demo", "db upgrade", "db check", "pause", "resume", "tail",
    "users hash",
    "import", "suppress add", "suppress release", "suppress list", "suppress show",
    "suppress mend", "explain",
    "messages list", "messages show", "report", "person show",
    "person erase", "person erasures", "person export", "keys list", "keys rotate", "keys forget",
    "history show",
    "documents list", "documents save", "inbox list", "inbox show", "inbox assign",
    "inbox discard", "inbox retry", "inbox address", "outbox list", "outbox retry", "outbox cancel",
    "mailchimp activate", "mailchimp status", "mailchimp templates", "mailchimp sandbox",
    "campaigns list", "campaigns show", "campaigns create", "campaigns add", "campaigns remove",
    "campaigns prepare", "campaigns open", "campaigns send", "campaigns schedule",
    "campaigns unschedule", "campaigns delete", "campaigns recreate",
    "triggers list", "triggers preview", "triggers run", "triggers history", "triggers resume",
    "campaigns sync", "campaigns report", "campaigns opt-outs",
    "applications submit", "applications status",
    "tokens create", "tokens list", "tokens revoke",
    "bounces list", "bounces read", "bounces report", "dkim new", "dkim show", "dkim check",
}  # fmt: skip
FILES = ("cert", "key", "key_file", "ca", "users", "password_file")
LEVELS = ("debug", "info", "warning", "error", "exception")

# Commands


def test_the_command_line_offers_every_command_and_no_other() -> None:
    assert COMMANDS == set(leaves())


@pytest.mark.parametrize("command", ["", *sorted(COMMANDS)])
def test_every_command_explains_itself(command: str) -> None:
    done = CliRunner().invoke(app, [*command.split(), "--help"], prog_name="gateway")

    assert done.exit_code == 0, done.output
    assert f"Usage: gateway {command}".strip() in done.output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_exists_with_its_options(page: Path) -> None:
    known = leaves()
    for words in written_commands(page.read_text()):
        named = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in known), None)

        assert named is not None, f"{page.name}: gateway {' '.join(words)}"
        options = {name for option in known[named].params for name in option.opts}
        assert {word for word in words if word.startswith("--")} <= options, words


# Settings


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_config_of_a_page_is_accepted(page: Path, tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    for text in blocks(page.read_text(), "toml"):
        for name in file_names(tomllib.loads(text)):
            (tmp_path / name).write_text("secret\n")
        file.write_text(text)

        assert load(file, {}) is not None


def test_every_shipped_rule_stands_on_the_page_of_rules() -> None:
    page = (ROOT / "docs/rules.md").read_text()

    assert [] == [rule.name for rule in SHIPPED_RULES if f"`{rule.name}`" not in page]


# Links, events, metrics, alerts


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text()):
        linked = page.parent / target if target else page

        assert linked.is_file(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(linked), f"{page.name}: {target}#{anchor}"


def test_the_page_on_the_code_tells_of_every_event_of_a_queue() -> None:
    queues = (ROOT / "docs/code.md").read_text().partition("## Queues")[2].partition("\n## ")[0]
    firsts = " ".join(line.split("|")[1] for line in queues.splitlines() if line.startswith("| "))

    assert set() == {event.value for event in QueueEvent if event.value not in firsts}


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


def written_commands(text: str) -> Iterator[list[str]]:
    """Yield the words behind `gateway` of every command in code, the options before it left out."""
    code = [*blocks(text, ""), *re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)]
    for line in (line for block in code for line in block.replace("\\\n", " ").splitlines()):
        found = re.search(r"(?:^|/bin/)gateway ((?:--config \S+ )?)([a-z].*)", line.strip())
        if found:
            yield shlex.split(found[2], comments=True)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)


def file_names(values: dict[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield from file_names(one)
            elif key in FILES:
                yield str(one)


def anchors(page: Path) -> set[str]:
    """Return what headings are called in links."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


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
