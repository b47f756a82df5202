"""Processes that no later one can be taken for."""

import os
import subprocess
from pathlib import Path

import pytest

from gateway.runtime import processes


def test_this_process_is_named_by_id_start_and_boot() -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    name = processes.own().split(".")

    assert [str(os.getpid()), boot[:8]] == [name[0], name[2]]


def test_a_process_runs_until_it_has_ended_and_its_parent_knows_or_not() -> None:
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as child:  # until its input ends
        stat = Path("/proc", str(child.pid), "stat").read_text(encoding="utf-8")
        start = stat.rpartition(")")[2].split()[19]
        process = f"{child.pid}.{start}.{processes.own().split('.')[2]}"
        seen = [processes.is_running(process)]
        assert child.stdin is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie from here on
        seen.append(processes.is_running(process))
    seen.append(processes.is_running(process))

    assert [True, False, False] == seen


@pytest.mark.parametrize(
    ("another", "why"),
    [
        ("{pid}.1.{boot}", "an id that came again within one boot"),
        ("{pid}.{start}.00000000", "an id and start that came again after a reboot"),
        ("{pid}", "a bare id, which any process may have by now"),
        ("", "no name"),
        ("ann", "no id"),
    ],
)
def test_an_id_that_came_again_is_another_process(another: str, why: str) -> None:
    pid, start, boot = processes.own().split(".")

    assert not processes.is_running(another.format(pid=pid, start=start, boot=boot)), why


def test_who_gets_an_id_that_came_again_has_a_name_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = []
    for started in ("100", "200"):  # The first has ended, and another process got its id.
        monkeypatch.setattr(processes, "_start_time", lambda _, started=started: started)
        names.append(processes.name_of(4_711_000).split(".")[1])

    assert ["100", "200"] == names


def test_a_holder_of_this_machine_is_known_to_have_ended() -> None:
    mine = processes.holder("mailbox")
    node, process, _ = mine.split()
    pid, _, boot = process.split(".")

    assert [False, True, False, False] == [
        processes.has_ended(mine),
        processes.has_ended(f"{node} {pid}.1.{boot} mailbox"),
        processes.has_ended(f"elsewhere {pid}.1.{boot} mailbox"),
        processes.has_ended(f"{node}:{pid}:mailbox"),  # an earlier version's: its lease runs out
    ]
