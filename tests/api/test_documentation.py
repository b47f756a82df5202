"""The examples of the documentation, run as they stand against a whole gateway."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartGateway
from tests.rig.process import has_listener, program, run, wait_until
from tests.rig.sink import RawSink

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def examples() -> list[str]:
    """Return the commands, one by one."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    text = next(block for block in blocks if "$API" in block)
    whole = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    whole = re.sub(r"(\\|\|)\n +", lambda end: "" if end[1] == "\\" else "| ", whole)
    lines = (line for line in whole.splitlines() if line.strip())
    return [
        line for line in lines if not line.startswith(("API=", "TOKEN="))
    ]  # the test has its own


@pytest.mark.system
async def test_every_example_does_what_it_says(start_gateway: StartGateway, sink: RawSink) -> None:
    program("curl", "curl")
    gateway = await start_gateway(sink.port, roles=("api",))
    scopes = [f"--scope={name}" for name in ("feed", "read", "suppressions", "outbox", "events")]
    token = (await gateway.do("tokens", "create", *scopes, "--role=manager")).strip()
    await gateway.feed("staff", "crm_id,name,email\ns1,Eva,eva@example.org\n")
    await gateway.feed(
        "statuses", "kind,crm_id,name\napplication,accepted,Accepted\napplication,new,New\n"
    )
    applications = "reference,person,status\n4711,17,new\n4712,17,new\n"
    await gateway.feed("applications", applications)
    environment = {"TOKEN": token, "API": f"http://127.0.0.1:{gateway.api_port}"}
    await wait_until(lambda: has_listener(gateway.api_port), "the API", 30)

    answers: list[tuple[str, Any]] = []
    for command in examples():
        done = await run("/bin/sh", "-c", command, environment=environment)
        assert done.returncode == 0, (command, done.stderr)
        is_json = "suppressions.csv" not in command
        answers.append((command, json.loads(done.stdout) if is_json else done.stdout))

    failed = [
        (command, answer)
        for command, answer in answers
        if isinstance(answer, dict) and isinstance(answer.get("status"), int)
    ]
    assert len(answers) > 15
    assert [] == failed
    told = [answer for _, answer in answers if isinstance(answer, dict)]
    added = [answer["added"] for answer in told if answer.get("added")]
    assert [1, 2, 1, 1] == added[:4]
