"""The sample file and the reference page, written from the settings themselves."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.config.rules import RuleConfig
from gateway.config.section import FILE_SUFFIX, Section, is_array, options, table_of
from gateway.config.settings import Settings
from gateway.config.triggers import TriggerFile
from gateway.config.wording import in_toml, type_name
from gateway.core.decision import classify
from gateway.core.decision.bulk_marks import MARKS, BulkMark
from gateway.core.decision.shipped_rules import SHIPPED_RULES
from gateway.core.mail.invitation import METHODS

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
marks on everything it sends.

| name | kind | test |
|---|---|---|
"""

MARKS_BEGIN, MARKS_END = "<!-- marks -->\n", "<!-- end of marks -->\n"

PREAMBLE = """\
The gateway's settings, each at its default. Lines that start with "# " explain; remove the # from
a line such as #level = "info" to change that setting. A setting without a default is shown by an
example. Durations are 90s, 10m, 2h, 7d; sizes 200kB, 50MB, 1GB. Relative paths count from this
file's folder. Instead of a secret, name the file it is in: password_file = "…". The same on one
page: docs/config.md."""


def write_docs(root: Path) -> None:
    """Write docs/config.md, config/gateway.toml and the marks in docs/rules.md below the root."""
    Path(root, "docs/config.md").write_text(reference(), encoding="utf-8")
    rules = Path(root, "docs/rules.md")
    if rules.exists():
        rules.write_text(with_marks(rules.read_text(encoding="utf-8")), encoding="utf-8")
    Path(root, "config/gateway.toml").write_text(sample(), encoding="utf-8")


def reference() -> str:
    """Return the page with a table of keys for every section, in Markdown."""
    top = _key_table(Settings)
    files = f"## Trigger files: `triggers/NAME.toml`\n\n{_purpose(TriggerFile)}\n"
    chapters = [*_chapters(Settings, ""), files, _key_table(TriggerFile)]
    return "\n".join([INTRODUCTION, "## Top level\n", top, *chapters])


def sample() -> str:
    """Return the config file with every key commented out at its default."""
    lines = [*_comment(PREAMBLE), "", *_sample_keys(Settings), *_sample_tables(Settings, "")]
    return "\n".join(lines) + "\n"


def with_marks(page: str) -> str:
    """Return the page on rules with the table of what mailing programs write."""
    before, _, rest = page.partition(MARKS_BEGIN)
    _, _, after = rest.partition(MARKS_END)
    rows = "".join(map(_mark_row, MARKS))
    table = f"| rule | header | written by | source |\n|---|---|---|---|\n{rows}"
    return f"{before}{MARKS_BEGIN}{table}{MARKS_END}{after}"


def _mark_row(mark: BulkMark) -> str:
    header = f"`{mark.header}`" + ("" if mark.is_any_value else f" with `{mark.matches.pattern}`")
    campaign = " ⚑" if mark.is_campaign else ""
    return _row(f"`{mark.rule}`{campaign}", header, mark.by, mark.source)


def _tables(section: type[BaseModel]) -> Iterator[tuple[str, FieldInfo, type[Section]]]:
    for key, field in options(section).items():
        table = table_of(field.annotation)
        if table:
            yield key, field, table


def _is_own_table(section: type[BaseModel], field: FieldInfo) -> bool:
    """Small tables inside others are written in one line."""
    return section is Settings or is_array(field.annotation)


def _plain_keys(section: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for key, field in options(section).items():
        if table_of(field.annotation) is None or not _is_own_table(section, field):
            yield key, field


def _chapters(section: type[BaseModel], above: str) -> Iterator[str]:
    for key, field, table in _tables(section):
        name = f"{above}{key}"
        heading = f"[[{name}]]" if is_array(field.annotation) else f"[{name}]"
        written = heading if _is_own_table(section, field) else f"{name} = {{…}}"
        yield f"## `{written}`\n\n{_purpose(table)}\n"
        yield _key_table(table)
        yield from _chapters(table, f"{name}.")
        if table is RuleConfig:
            yield SHIPPED + "".join(
                _row(f"`{rule.name}`", rule.kind, _test(rule.test)) for rule in SHIPPED_RULES
            )


def _key_table(section: type[BaseModel]) -> str:
    rows = (_key_row(section, key, field) for key, field in _plain_keys(section))
    return "| key | type | default | meaning |\n|---|---|---|---|\n" + "".join(rows)


def _key_row(section: type[BaseModel], key: str, field: FieldInfo) -> str:
    default = "required" if field.is_required() else _code(_default(field))
    return _row(f"`{key}`", type_name(field), default, _meaning(section, key))


def _test(test: classify.Test) -> str:
    match test:
        case classify.MarkTest(mark) if mark.is_any_value:
            return f"its `{mark.header}` has a value"
        case classify.MarkTest(mark):
            return f"its `{mark.header}` matches `{mark.matches.pattern}`"
        case classify.AnswerTest(name):
            return f"its `{_TITLES[name]}` names an id of somebody else's mail"
        case classify.AutoReplyTest():
            return "its `Auto-Submitted` is auto-replied"
        case classify.AbsenceTest():
            return (
                "its `Auto-Submitted` is auto-generated, it goes to one recipient without any "
                "mark of bulk mail, and it has `X-Auto-Response-Suppress` or answers a mail"
            )
        case classify.ReportTest(about):
            return f"its `Content-Type` is that of a {about.value.replace('_', ' ')}"
        case classify.InvitationTest():
            return (
                f"a text/calendar part has one of the METHODs {', '.join(sorted(METHODS)).upper()}"
            )
        case classify.CalendarClassTest(matches):
            return f"its `Content-Class` matches `{matches.pattern}`"
        case classify.RecipientsTest(at_least):
            return f"it asked for at least {at_least} recipients"
        case _:
            raise AssertionError(f"no shipped rule has such a test: {test}")


_TITLES = {"in-reply-to": "In-Reply-To", "references": "References"}


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _default(field: FieldInfo) -> str:
    return "" if field.is_required() or field.default is None else in_toml(field.default)


def _meaning(section: type[BaseModel], key: str) -> str:
    """Return the docstring below a setting: Python drops it, so it is read from the source."""
    module = inspect.getmodule(section)
    assert module is not None
    body = next(
        one.body
        for one in ast.parse(inspect.getsource(module)).body
        if isinstance(one, ast.ClassDef) and one.name == section.__name__
    )
    for declared, below in pairwise(body):
        match declared, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ) if (section.model_fields[name].alias or name) == key:
                return _flowing(text)
    return ""


def _purpose(section: type[BaseModel]) -> str:
    return _flowing(section.__doc__ or "")


def _flowing(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(_flowing(text), 96, break_on_hyphens=False)]


def _sample_tables(section: type[BaseModel], above: str) -> Iterator[str]:
    for key, field, table in _tables(section):
        if not _is_own_table(section, field):
            continue
        name = f"{above}{key}"
        yield from ("", *_comment(_purpose(table)), *_about(table))
        yield f"#[[{name}]]" if is_array(field.annotation) else f"[{name}]"
        yield from _sample_keys(table)
        yield from _sample_tables(table, f"{name}.")


def _about(table: type[Section]) -> Iterable[str]:
    if table is not RuleConfig:
        return []
    shipped = (f"#   {rule.name}: {rule.kind} if {_test(rule.test)}" for rule in SHIPPED_RULES)
    return ["# Shipped, and tried in this order after those given here:", *shipped]


def _sample_keys(section: type[BaseModel]) -> Iterator[str]:
    for key, field in _plain_keys(section):
        yield from _comment(_meaning(section, key))
        yield f"#{key} = {_default(field) or _example(field)}"
        if type_name(field) == "secret":
            yield f'#{key}{FILE_SUFFIX} = "{key}"'


def _example(field: FieldInfo) -> str:
    return in_toml(field.examples[0] if field.examples else "…")
