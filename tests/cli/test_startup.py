"""A command loads what it needs and nothing more: each library costs every call of it."""

import subprocess
import sys
from pathlib import Path

import pytest

_MODULES_AFTER = """
import sys
from gateway.cli import run
run(sys.argv[1:])
print("modules:", *sys.modules)
"""
STORE = {"sqlalchemy", "pydantic"}
#: What writes the journal and erases people; and what reads across all rooms, or mends them.
WRITERS = {
    "gateway.core.decision.dsn",
    "gateway.store.journal.journal",
    "gateway.store.people.erasing",
}
ROOMS = {
    "gateway.core.triggers.events.registry",
    "gateway.store.people.mending",
    "gateway.store.people.releases",
    "gateway.store.views.timeline",
}
#: What costs a tenth of a second, a hundredth, or memory, and is for some roles and commands only.
RARE = {
    "aioimaplib",
    "aiosmtpd",
    "alembic",
    "fastapi",
    "gateway.core.decision.shipped_rules",
    "gateway.delivery.settings",
    "httpx",
    "jinja2",
    "mailchimp_marketing",
    "obstore",
    "PIL",
    "prometheus_client",
    "psycopg",
    "rich",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.orm",
    "structlog",
}


@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [
        (["--help"], STORE | RARE),
        (["--version"], STORE | RARE),
        (["docs", "topology"], RARE),
        (["messages", "show", "1b2c3d4e5f6g7"], RARE | WRITERS | ROOMS),
        (["person", "show", "candidate:1"], RARE | WRITERS),
        (["suppress", "add", "ann@example.org"], RARE | WRITERS | ROOMS),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_a_command_loads_no_library_it_has_no_use_for(
    tmp_path: Path, arguments: list[str], unneeded: set[str]
) -> None:
    config = tmp_path / "gateway.toml"
    config.touch()

    done = subprocess.run(
        [sys.executable, "-c", _MODULES_AFTER, "--config", str(config), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = done.stdout.rpartition("modules: ")[2].split()
    assert "gateway.cli.commands" in loaded
    assert unneeded.intersection(loaded) == set()


def test_the_reader_of_mails_loads_no_library_that_few_mails_need() -> None:
    code = "import sys, gateway.inbound.reading.reader; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    rare = {
        "asn1crypto",
        "compressed_rtf",
        "mailparser",
        "oxmsg",
        "sqlalchemy",
        "striprtf",
        "tnefparse",
    }
    assert set() == rare & set(done.stdout.split())
