"""A campaign survives a process that is killed at any point: nothing is lost or doubled."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.core.campaigns.campaigns import CampaignState
from gateway.store.engine.database import Database
from gateway.sync import campaigns as sync_campaigns
from tests.rig.gateway import COMMAND
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.api import START
from tests.sync.contract import contract
from tests.sync.mailchimp_rig import MailchimpRig, campaign_in, candidate, email, quarter

ANN, BOB, CLO = (candidate(each) for each in ("ann", "bob", "clo"))


class Killed(BaseException):
    """The process ends here."""


class Fuse:
    """Ends the process at the n-th moment: before or after a call or a transaction."""

    def __init__(self, rig: MailchimpRig, patch: pytest.MonkeyPatch) -> None:
        self.left: int | None = None
        self._wrap(patch, rig.client._official.transport, "_exchange")
        whole = rig.database.writing

        @contextmanager
        def writing(**how: Any) -> Iterator[Any]:
            self.burn()
            with whole(**how) as connection:
                yield connection
            self.burn()

        patch.setattr(rig.database, "writing", writing)

    def burn(self) -> None:
        """Come a moment nearer to the end."""
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            raise Killed

    def _wrap(self, patch: pytest.MonkeyPatch, thing: Any, name: str) -> None:
        whole: Callable[..., Any] = getattr(thing, name)

        def wrapped(*which: Any) -> Any:
            self.burn()
            answer = whole(*which)
            self.burn()
            return answer

        patch.setattr(thing, name, wrapped)


def killed_at(moment: int, fuse: Fuse, work: Callable[[], object]) -> bool:
    """Do work that is ended at a moment; False where it was done before that."""
    fuse.left = moment
    try:
        work()
    except Killed:
        return True
    finally:
        fuse.left = None
    return False


def check_sent(active: MailchimpRig, number: int) -> None:
    """Let the campaign have gone out once, to those who are in, with data as it is now."""
    assert active.one(number).state in {CampaignState.SENDING, CampaignState.SENT}
    assert len(active.sandbox.account.campaigns) == 1
    assert active.recipients(number) == {email("ann"), email("bob")}
    assert active.member(email("ann")).merge_fields["FNAME"] == "Anna"
    assert active.member(email("clo")).status == "unsubscribed"
    audience = active.sandbox.account.audience(active.audience)
    assert len(audience.segments) == 1
    assert len(audience.members) == 3


@pytest.mark.parametrize("ending", ["send", "schedule"])
@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.soak)])
def test_m8_killed_at_any_moment_it_goes_out_once_and_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, every: int
) -> None:
    moment = 0
    while _survives(tmp_path / f"{moment}.db", monkeypatch, ending, moment):
        moment += every

    assert moment > 20


def _survives(store: Path, patching: pytest.MonkeyPatch, ending: str, moment: int) -> bool:
    """Kill a campaign at a moment and end it anew; False where it was done before that."""
    database = Database(f"sqlite:///{store}")
    database.prepare()
    with ScriptedSandbox(start=START, check=contract()) as sandbox, patching.context() as patch:
        active = MailchimpRig(database, sandbox)
        number = three_people(active)
        is_killed = killed_at(moment, Fuse(active, patch), lambda: end(active, number, ending))
        if active.one(number).state not in {CampaignState.SENDING, CampaignState.SCHEDULED}:
            end(active, number, ending)
        if ending == "schedule":
            sandbox.advance(hours=2, minutes=2)
            active.refresher.run()
        check_sent(active, number)
        active.close()
        assert not sandbox.violations
    database.close()
    return is_killed


def three_people(active: MailchimpRig) -> int:
    """Make a campaign with one who is known, one who is new, and one who left."""
    active.activate()
    active.staff()
    active.people(ANN, first_name="Anna")
    active.people(BOB, CLO)
    active.sandbox.add_member(active.audience, email("ann"))
    active.sandbox.add_member(active.audience, email("clo"))
    active.sandbox.opt_out(active.audience, email("clo"))
    return active.campaign(ANN, BOB, CLO)


def end(active: MailchimpRig, number: int, ending: str) -> None:
    """Send, or schedule for some time ahead."""
    if ending == "send":
        sync_campaigns.send(active.session, number, yes=False)
    else:
        sync_campaigns.schedule(active.session, number, quarter(active.sandbox.now()), yes=False)


# Real processes.

MANY = 1100
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


def test_m8_commands_killed_with_kill_9_are_finished_by_the_next(tmp_path: Path) -> None:
    with ScriptedSandbox(check=contract()) as sandbox:
        refs = [candidate(f"p{each}") for each in range(MANY)]
        number, audience = campaign_in(tmp_path, sandbox, *refs)
        (tmp_path / "gateway.toml").write_text(CONFIG.format(url=sandbox.url))
        command = ("campaigns", "send", number)
        for path in (f"/lists/{audience}", "/segments/", "/campaigns"):
            kill_after(sandbox, tmp_path, path, command)

        run(tmp_path, *command)

        (campaign,) = sandbox.account.campaigns.values()
        assert len(campaign.recipients) == MANY
        assert campaign.status in {"sending", "sent"}
        assert len(sandbox.account.audience(audience).members) == MANY
        assert len(sandbox.account.audience(audience).segments) == 1
        # A call may have lost its body to the kill.
        assert not [wrong for wrong in sandbox.violations if "request body missing" not in wrong]


def run(folder: Path, *arguments: str) -> str:
    """Run a command that must succeed; return what it prints."""
    done = subprocess.run(
        [COMMAND, "--config", str(folder / "gateway.toml"), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout


def kill_after(sandbox: ScriptedSandbox, folder: Path, path: str, command: tuple[str, ...]) -> None:
    """Start a command and kill it once it made a POST to a path."""
    before = len(sandbox.calls)
    process = subprocess.Popen(
        [COMMAND, "--config", str(folder / "gateway.toml"), *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        calls = list(sandbox.calls)[before:]
        if any(call.method == "POST" and path in call.path for call in calls):
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
