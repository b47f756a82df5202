"""Logs, as another process writes them to its standard error."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway import logs

PREPARED = """
import logging
from gateway import logs
logs.setup("info", {style!r}, role="smtp")
log = logs.get("smtp_proxy")
"""


def written(lines: str, style: str = "json") -> list[str]:
    """Run some Python with the logs set up; return what it wrote, line by line."""
    script = PREPARED.format(style=style) + lines
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return done.stderr.decode().split("\n")[:-1]


def events(lines: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written(lines)]


def test_a_line_is_one_event_with_its_fields() -> None:
    [event] = events('log.info("message_done", message="m1", relayed=2)')

    at = event.pop("at")
    assert at.endswith("Z")
    assert {
        "event": "message_done",
        "level": "info",
        "message": "m1",
        "part": "smtp_proxy",
        "relayed": 2,
        "role": "smtp",
    } == event


def test_what_was_bound_to_the_context_is_in_the_line() -> None:
    [event] = events(
        "import structlog\n"
        'with structlog.contextvars.bound_contextvars(session="s1"):\n'
        '    log.info("message_done")'
    )

    assert "s1" == event["session"]


def test_less_serious_lines_are_left_out() -> None:
    lines = events('log.debug("seen"); log.info("kept"); log.error("kept")')

    assert ["kept", "kept"] == [line["event"] for line in lines]


def test_other_libraries_lines_have_the_same_form_from_warning_on() -> None:
    lines = events(
        'logging.getLogger("mail.log").info("chatter"); '
        'logging.getLogger("mail.log").warning("odd: %s", 1)'
    )

    assert [("odd: 1", "warning", "mail.log", "smtp")] == [
        (line["event"], line["level"], line["logger"], line["role"]) for line in lines
    ]


def test_setting_up_again_does_not_double_other_libraries_lines() -> None:
    lines = events(
        'logs.setup("error", "json", role="api")\n'
        'logging.getLogger("x").warning("odd"); logging.getLogger("x").error("bad")'
    )

    assert [("bad", "api")] == [(line["event"], line["role"]) for line in lines]


FAILING = """
def send(password):
    local = "hunter2"
    raise ValueError("refused")
try:
    send("hunter" + "2")
except ValueError:
    log.exception("failed")
"""


def test_a_traceback_has_no_locals() -> None:
    [event] = events(FAILING)

    frames = event["exception"][0]["frames"]
    assert ("ValueError", "refused") == (
        event["exception"][0]["exc_type"],
        event["exception"][0]["exc_value"],
    )
    assert ["<module>", "send"] == [frame["name"] for frame in frames]
    assert "hunter2" not in json.dumps(event)


def test_a_traceback_on_the_console_has_no_locals() -> None:
    text = "\n".join(written(FAILING, "console"))

    assert "ValueError: refused" in text
    assert "hunter2" not in text


HOSTILE = r"""
log.info("received", subject="a\nb\x1b[2J\udcff")
logging.getLogger("mail.log").warning("a\nb\x1b[2J")
"""


@pytest.mark.parametrize("style", ["json", "console"])
def test_hostile_text_stays_on_its_line(style: str) -> None:
    lines = written(HOSTILE, style)

    assert 2 == len(lines)
    assert "\x1b" not in "".join(lines)


def test_values_without_a_json_form_are_written_as_text() -> None:
    [event] = events('log.info("done", raw=b"\\xff", number=2**70, surrogate="\\udcff")')

    assert (r"b'\xff'", 2**70) == (event["raw"], event["number"])


def test_K7_a_full_disk_costs_lines_and_nothing_else() -> None:
    script = PREPARED.format(style="json") + (
        'for _ in range(1000): log.info("message_done", text="x" * 100)\nprint("went on")'
    )

    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=full, check=False
        )

    assert b"went on\n" == done.stdout


@pytest.mark.parametrize(
    ("address", "shown"),
    [("ann@example.org", "…@example.org"), ('"a@b"@example.org', "…@example.org"), ("ann", "…")],
)
def test_a_masked_address_keeps_its_domain(address: str, shown: str) -> None:
    assert shown == logs.domain_for_log(address)
