"""The reference page, generated from the settings themselves, and other generated texts."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from gateway.config.problems import NotToml, parse_toml
from gateway.config.rules import RuleConfig
from gateway.config.sample import sample
from gateway.config.section import is_array
from gateway.config.self_description import (
    default_of,
    is_own_table,
    meaning,
    plain_keys,
    purpose,
    tables,
)
from gateway.config.settings import Settings
from gateway.config.triggers import TriggerFile
from gateway.config.wording import type_name
from gateway.core.decision.bulk_marks import MARKS
from gateway.core.decision.shipped_rules import SHIPPED_RULES
from gateway.core.triggers.events.registry import EVENTS

INTRODUCTION = """\
# Configuration

This page is written from the settings themselves, as is the sample `config/gateway.toml`, which
has every key at its default: `make docs`.

- **The file** is named by `--config FILE` or `GATEWAY_CONFIG`, else it is `config/gateway.toml`.
  Relative paths in it count from its own folder. A wrong key or value stops the start, with a line
  for each: file, key, what was expected, value.
- **The environment** overrides plain keys of tables: `GATEWAY_STORE__URL=…` stands for `url` in
  `[store]`, `GATEWAY_TIME_ZONE` for the top-level `time_zone`; a list is written as in the file,
  `["a", "b"]`, or as its only value. Arrays of tables (`[[…]]`) are set in the file only. A
  variable that starts with `GATEWAY_` and means nothing stops the start too: on Kubernetes, switch
  `enableServiceLinks` off where a service is called gateway.
- **Secrets**: each key of the type *secret* may be given as `…_file` instead, the path of a file
  that holds it; a line end after it doesn't count. Secrets are never shown.
- **Durations** are `90s`, `10m`, `2h`, `7d`; **sizes** `200kB`, `50MB`, `1GB` (a kB is 1000 bytes)
  or a number of bytes. Times and dates follow `time_zone`.
- **Regular expressions** are Python's; they match anywhere in the value, and letters in either
  case.
"""

SHIPPED = """\
### Shipped rules

Tried in this order after the config's own; `shipped_rules = false` in `[smtp]` switches them off.
Answers and appointments come first: they are written to one person even where the CRM stamps bulk
marks on everything it sends. What a list manager distributes is bulk all the same.

| name | kind | test |
|---|---|---|
"""

#: The tables of events in docs/triggers.md: their headings, and whether they contain the events of
#: applications.
EVENT_TABLES = {("who, when", "conditions"): False, ("what is done", "by"): True}
MARKS_BEGIN, MARKS_END = "<!-- marks -->\n", "<!-- end of marks -->\n"


def write_docs(root: Path) -> None:
    """Write docs/config.md and config/gateway.toml below the root, and tables in other pages.

    The tables are the marks of mailings in docs/rules.md and the events of docs/triggers.md. A
    config/gateway.toml that sets anything is the operator's own (`gateway init`) and stays.
    """
    Path(root, "docs/config.md").write_text(reference(), encoding="utf-8")
    rules = Path(root, "docs/rules.md")
    if rules.exists():
        rules.write_text(with_marks(rules.read_text(encoding="utf-8")), encoding="utf-8")
    triggers = Path(root, "docs/triggers.md")
    if triggers.exists():
        triggers.write_text(with_events(triggers.read_text(encoding="utf-8")), encoding="utf-8")
    config = Path(root, "config/gateway.toml")
    if sets_nothing(config):
        config.write_text(sample(), encoding="utf-8")


def sets_nothing(config: Path) -> bool:
    """Whether a config file is missing or sets nothing, like the sample of any version."""
    try:
        return not any(parse_toml(config.read_text(encoding="utf-8")).values())
    except FileNotFoundError:
        return True
    except (NotToml, UnicodeDecodeError):
        return False


def reference() -> str:
    """Return the page with a table of keys for every section, in Markdown."""
    top = _key_table(Settings)
    files = f"## Trigger files: `triggers/NAME.toml`\n\n{purpose(TriggerFile)}\n"
    chapters = [*_chapters(Settings, ""), files, _key_table(TriggerFile)]
    return "\n".join([INTRODUCTION, "## Top level\n", top, *chapters])


def with_marks(page: str) -> str:
    """Return the page on rules with the table of the marks left by mailing programs."""
    before, _, rest = page.partition(MARKS_BEGIN)
    _, _, after = rest.partition(MARKS_END)
    table = "| rule | header | written by | source |\n|---|---|---|---|\n"
    for mark in MARKS:
        value = "" if mark.is_any_value else f" with `{mark.matches.pattern}`"
        value = value if mark.keys is None else f" with {mark.keys.in_words}"
        campaign = " ⚑" if mark.is_campaign else ""
        table += _row(f"`{mark.rule}`{campaign}", f"`{mark.header}`{value}", mark.by, mark.source)
    return f"{before}{MARKS_BEGIN}{table}{MARKS_END}{after}"


def with_events(page: str) -> str:
    """Return the page on triggers with the tables of their events."""
    for headings, is_of_application in EVENT_TABLES.items():
        begin, end = f"<!-- {headings[-1]} -->\n", "<!-- end -->\n"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        table = _row("event", *headings) + "|---" * (1 + len(headings)) + "|\n"
        for event in EVENTS.values():
            if event.is_of_application == is_of_application:
                table += _row(f"`{event}`", *event.documented)
        page = f"{before}{begin}{table}{end}{after}"
    return page


def _chapters(section: type[BaseModel], above: str) -> Iterator[str]:
    for key, field, table in tables(section):
        name = f"{above}{key}"
        heading = f"[[{name}]]" if is_array(field.annotation) else f"[{name}]"
        written = heading if is_own_table(section, field) else f"{name} = {{…}}"
        yield f"## `{written}`\n\n{purpose(table)}\n"
        yield _key_table(table)
        yield from _chapters(table, f"{name}.")
        if table is RuleConfig:
            yield SHIPPED + "".join(
                _row(f"`{rule.name}`", rule.kind, rule.test.in_words) for rule in SHIPPED_RULES
            )


def _key_table(section: type[BaseModel]) -> str:
    table = "| key | type | default | meaning |\n|---|---|---|---|\n"
    for key, field in plain_keys(section):
        default = f"`{default_of(field)}`" if default_of(field) else ""
        if field.is_required():
            default = "required"
        table += _row(f"`{key}`", type_name(field), default, meaning(section, key))
    return table


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
