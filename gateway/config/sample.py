"""The sample file `config/gateway.toml`, generated from the settings themselves."""

import textwrap
from collections.abc import Iterator

from pydantic import BaseModel

from gateway.config.rules import RuleConfig
from gateway.config.section import FILE_SUFFIX, is_array
from gateway.config.self_description import (
    default_of,
    flowing,
    is_own_table,
    meaning,
    plain_keys,
    purpose,
    tables,
)
from gateway.config.settings import Settings
from gateway.config.wording import in_toml, type_name
from gateway.core.decision.shipped_rules import SHIPPED_RULES

PREAMBLE = """\
The gateway's settings, each at its default. Lines that start with "# " explain; remove the # from
a line such as #level = "info" to change that setting. A setting without a default is shown by an
example. Durations are 90s, 10m, 2h, 7d; sizes 200kB, 50MB, 1GB. Relative paths count from this
file's folder. Instead of a secret, name the file it is in: password_file = "…". The same on one
page: docs/config.md."""


def sample() -> str:
    """Return the sample, with every key commented out at its default."""
    lines = [*_comment(PREAMBLE), "", *_sample_keys(Settings), *_sample_tables(Settings, "")]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(flowing(text), 96, break_on_hyphens=False)]


def _sample_tables(section: type[BaseModel], above: str) -> Iterator[str]:
    for key, field, table in tables(section):
        if not is_own_table(section, field):
            continue
        name = f"{above}{key}"
        yield from ("", *_comment(purpose(table)))
        if table is RuleConfig:
            yield "# Shipped, and tried in this order after those given here:"
            for rule in SHIPPED_RULES:
                yield f"#   {rule.name}: {rule.kind} if {rule.test.in_words}"
        yield f"#[[{name}]]" if is_array(field.annotation) else f"[{name}]"
        yield from _sample_keys(table)
        yield from _sample_tables(table, f"{name}.")


def _sample_keys(section: type[BaseModel]) -> Iterator[str]:
    for key, field in plain_keys(section):
        yield from _comment(meaning(section, key))
        example = in_toml(field.examples[0] if field.examples else "…")
        yield f"#{key} = {default_of(field) or example}"
        if type_name(field) == "secret":
            yield f'#{key}{FILE_SUFFIX} = "{key}"'
