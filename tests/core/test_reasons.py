"""Each reason why triggered mail isn't sent is written in one place, and has words of its own."""

import ast
from pathlib import Path

import pytest

import gateway
from gateway.core.triggers import reasons
from gateway.core.triggers.events.registry import EVENTS
from gateway.core.triggers.run_report import REASONS

HERE = Path(gateway.__file__).parent
OF_ALL = HERE / "core/triggers/reasons.py"
OF_EVENTS = HERE / "core/triggers/events"
WRITTEN = {
    name: value
    for name, value in vars(reasons).items()
    if name.isupper() and isinstance(value, str) and name != "WAITS"
}
#: The same words of something else, by the file they stand in.
OF_OTHERS = {
    "given up: {}": HERE / "core/sending/outbox.py",  # The gateway's own mail.
    "can't be read: {}": HERE / "core/campaigns/membership.py",  # A member of a campaign.
    "no address": HERE / "cli/people/suppress.py",  # Whom to suppress.
}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_reason_has_a_key(name: str) -> None:
    assert WRITTEN[name] == REASONS.get(name.lower())


@pytest.mark.parametrize("event", EVENTS)
def test_every_reason_of_an_event_has_a_key(event: str) -> None:
    assert EVENTS[event].reasons.items() <= REASONS.items()


def test_no_two_reasons_are_the_same() -> None:
    assert len(REASONS) == len(set(REASONS.values()))


def test_a_reason_is_written_in_one_place() -> None:
    texts = {file: file.read_text(encoding="utf-8") for file in HERE.rglob("*.py")}
    elsewhere = []
    for reason in REASONS.values():
        start = reason.partition("{}")[0]
        files = [file for file, text in texts.items() if start in text and has_literal(text, start)]
        places = [file for file in files if file != OF_OTHERS.get(reason)]
        homes = [file for file in places if file == OF_ALL or file.parent == OF_EVENTS]
        if len(places) != 1 or places != homes:
            elsewhere.append((reason, [str(file.relative_to(HERE)) for file in places]))

    assert [] == elsewhere


@pytest.mark.parametrize("room", ["triggers", "store/triggers"])
def test_no_reason_is_written_where_it_is_given(room: str) -> None:
    """One written there has no key: it stays English in every report."""
    literals = [
        f"{file.relative_to(HERE)}:{node.lineno}"
        for file in (HERE / room).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        for value in reasons_given(node)
        if isinstance(value, ast.Constant) and value.value
    ]

    assert [] == literals


def reasons_given(call: ast.Call) -> list[ast.expr]:
    """Return a call's `reason`, or the texts of a call that gives an occurrence back."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "reason"]
    return named + (call.args if ast.unparse(call.func).endswith("_give_back") else [])


def has_literal(text: str, start: str) -> bool:
    """Whether code has a text, or a part of an f-string, that is a reason or begins one."""
    return any(
        isinstance(node, ast.Constant) and node.value in (start, f"{start}{{}}")
        for node in ast.walk(ast.parse(text))
    )
