"""Examples of each form of a forwarded mail, files of their own in `forms/NAME/`."""

import tomllib
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

import pytest

from gateway.core.replies.forwarded.forms.registry import FORMS
from gateway.core.replies.forwarded.lines import read_lines, split_lines
from gateway.core.replies.forwarded.mailboxes import Mailbox
from tests.core.finding import find_original

EXAMPLES = sorted((Path(__file__).parent / "forms").glob("*/*.toml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_an_example_of_a_form_is_recovered(file: Path) -> None:
    example = tomllib.loads(file.read_text(encoding="utf-8"))

    found = find_original(example["text"], subject="outer")

    assert found is not None
    heading = found.heading
    assert example["sender"] == _shown([heading.sender])
    assert example.get("agent", "") == _shown([heading.agent] if heading.agent else [])
    date = f"{heading.date.astimezone(UTC):%Y-%m-%d %H:%M}" if heading.date else ""
    assert example["date"] == date
    assert example["subject"] == heading.subject
    assert example.get("to", "") == _shown(heading.to)
    assert example.get("cc", "") == _shown(heading.cc)
    assert example["body"].strip() == found.body
    assert example["own"] == found.own_text


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_an_example_is_read_by_the_form_of_its_folder(file: Path) -> None:
    lines = read_lines(split_lines(tomllib.loads(file.read_text(encoding="utf-8"))["text"]))

    first = next(
        form.name
        for index, line in enumerate(lines)
        if not line.is_blank
        for form in FORMS
        if form.read(lines, index, "outer") is not None
    )

    expected = file.parent.name
    assert {expected, "separator"} if expected == "fields" else {expected} >= {first}


def test_every_form_has_an_example() -> None:
    assert {form.name for form in FORMS} == {file.parent.name for file in EXAMPLES}


def _shown(mailboxes: Sequence[Mailbox | None]) -> str:
    return "; ".join(
        f"{one.name} <{one.address}>" if one.name and one.address else one.name or one.address
        for one in mailboxes
        if one
    )
