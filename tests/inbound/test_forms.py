"""Examples of originals that came attached or as source, files of their own in `forms/NAME/`.

Those of headers in a text are in `tests/core/forms`.
"""

import tomllib
from datetime import UTC
from pathlib import Path

import pytest

from gateway.core.replies.forwarded.mailboxes import Mailbox
from gateway.inbound.reading.original import recover

EXAMPLES = sorted((Path(__file__).parent / "forms").glob("*/*.toml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_an_example_of_a_form_is_recovered(file: Path) -> None:
    example = tomllib.loads(file.read_text(encoding="utf-8"))

    found = recover(example["mail"].encode(), subject="x")

    heading = found.heading
    assert heading is not None
    assert heading.date is not None
    assert example["sender"] == _shown(heading.sender)
    assert example["date"] == f"{heading.date.astimezone(UTC):%Y-%m-%d %H:%M}"
    assert example["subject"] == heading.subject
    assert [example["to"]] == [_shown(one) for one in heading.to]
    assert example["body"] == found.text
    assert example["own"] == found.staff_text
    came = "attached" if found.attached is not None else "source" if found.source else "text"
    assert file.parent.name == came


def _shown(mailbox: Mailbox | None) -> str:
    assert mailbox is not None
    return f"{mailbox.name} <{mailbox.address}>"
