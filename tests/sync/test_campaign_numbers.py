"""How many calls and how much memory a large campaign takes: the long form."""

import json
import subprocess
import time
from collections import Counter
from contextlib import suppress
from math import ceil
from pathlib import Path

import pytest

from tests.rig.gateway import COMMAND
from tests.rig.sandbox import ScriptedSandbox

CONFIG = """\
[store]
url = "sqlite:///gateway.db"
[[relays]]
name = "relay"
host = "127.0.0.1"
port = 1
[mailchimp]
api_key = "0123456789abcdef-us1"
base_url = "{url}"
"""
GROWTH = 40  #: MB a command may need more for 100,000 members than for 10,000.


class Trial:
    """A campaign of so many, worked by commands, each a process of its own."""

    def __init__(self, folder: Path, sandbox: ScriptedSandbox, size: int) -> None:
        folder.mkdir()
        self.folder = folder
        self.sandbox = sandbox
        self.size = size
        self.peaks: dict[str, int] = {}  #: MB by command.
        self.audience = sandbox.furnish()
        (folder / "gateway.toml").write_text(CONFIG.format(url=sandbox.url))
        self.run("mailchimp", "activate")
        self.tell("Ann")
        template = str(next(iter(sandbox.account.templates)))
        draft = ("--template", template, "--from-name", "CRM", "--from-address", "a@crm.test")
        self.id = json.loads(self.run("campaigns", "create", "Hallo", *draft, "--json"))["id"]
        self.run("campaigns", "add", self.id, "--file", str(folder / "people.csv"))

    def tell(self, name: str, every: int = 1) -> None:
        """Let the CRM tell of everybody, one in so many by another name."""
        rows = (
            f"{each},{name if each % every == 0 else 'Ann'},p{each}@klant.test\n"
            for each in range(self.size)
        )
        (self.folder / "people.csv").write_text("crm_id,first_name,emails\n" + "".join(rows))
        self.run("import", "people", str(self.folder / "people.csv"))

    def run(self, *arguments: str) -> str:
        """Run a command that must succeed, and keep the most memory it took."""
        command = [str(COMMAND), "--config", str(self.folder / "gateway.toml"), *arguments]
        out = self.folder / "out"
        with out.open("w") as file, subprocess.Popen(command, stdout=file) as process:
            while process.poll() is None:
                with suppress(OSError):
                    status = Path(f"/proc/{process.pid}/status").read_text()
                    peak = next((x for x in status.splitlines() if x.startswith("VmHWM")), "0 0")
                    most = max(self.peaks.get(arguments[1], 0), int(peak.split()[1]) // 1024)
                    self.peaks[arguments[1]] = most
                time.sleep(0.05)
        assert process.returncode == 0
        return out.read_text()

    def calls(self, *arguments: str) -> Counter[str]:
        """Run a command and return the calls it made, by kind."""
        before = len(self.sandbox.calls)
        self.run(*arguments)
        return Counter(
            f"{call.method} {call.path.split('/')[1]}{'/'.join(call.path.split('/')[3:4])}"
            for call in list(self.sandbox.calls)[before:]
        )


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_members_take_few_calls_and_no_more_memory(tmp_path: Path) -> None:
    peaks = {}
    for size in (10_000, 100_000):
        with ScriptedSandbox() as sandbox:
            trial = Trial(tmp_path / str(size), sandbox, size)
            prepared = trial.calls("campaigns", "prepare", trial.id)
            opened = trial.calls("campaigns", "open", trial.id)
            trial.tell("Bob", every=100)
            sent = trial.calls("campaigns", "send", trial.id)

            assert sum(prepared.values()) < 10
            assert opened["POST lists"] == ceil(size / 500)
            assert opened["POST listssegments"] == ceil(size / 500) + 1
            assert opened["GET listsmembers"] + opened["GET listssegments"] <= 2
            assert sent["PUT listsmembers"] == size // 100
            assert sent["POST lists"] == 0
            assert sent["GET listsmembers"] <= size / 1000 + 3
            # Twice, as members may slip from one page to another meanwhile.
            assert sent["GET listssegments"] <= 2 * (size / 1000 + 1)
            assert sandbox.most_at_once <= 8
            (campaign,) = sandbox.account.campaigns.values()
            assert len(campaign.recipients) == size
            peaks[size] = trial.peaks

    for command in ("prepare", "open", "send"):
        assert peaks[100_000][command] - peaks[10_000][command] < GROWTH, (command, peaks)
