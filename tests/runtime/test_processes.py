"""Processes that no later one can be taken for."""

import os
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.runtime import processes


def test_this_process_is_named_by_id_start_and_boot() -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    name = processes.own_name().split(".")

    assert [str(os.getpid()), boot[:8]] == [name[0], name[2]]


def test_a_forked_process_has_a_name_of_its_own() -> None:
    """All roles are forked from one process, which has asked for its own name before."""
    own = processes.own_name()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, processes.own_name().encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        name = answer.read()

    assert [str(os.getpid()), str(child)] == [own.split(".")[0], name.split(".")[0]]


def test_a_process_runs_until_it_has_ended_and_its_parent_knows_or_not() -> None:
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as child:  # until its input ends
        stat = Path("/proc", str(child.pid), "stat").read_text(encoding="utf-8")
        start = stat.rpartition(")")[2].split()[19]
        process = f"{child.pid}.{start}.{processes.own_name().split('.')[2]}"
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
    pid, start, boot = processes.own_name().split(".")

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

    assert [(False, False), (True, True), (False, True), (False, False)] == [
        tuple(processes.has_ended(holder, is_silent=is_silent) for is_silent in (False, True))
        for holder in (
            mine,  # silent, it hangs
            f"{node} {pid}.1.{boot} mailbox",
            f"elsewhere {pid}.1.{boot} mailbox",
            node,  # of no process
        )
    ]


def test_a_file_is_silent_that_nobody_has_written_to_for_its_term(tmp_path: Path) -> None:
    file, minute = tmp_path / "file", timedelta(minutes=1)
    before = processes.is_silent(file, minute)
    file.touch()
    young = processes.is_silent(file, minute)
    os.utime(file, (time.time() - 61,) * 2)

    assert (False, False, True) == (before, young, processes.is_silent(file, minute))


@pytest.mark.parametrize(
    ("answer", "has_ended"),
    [(PermissionError, False), (ProcessLookupError, True), (OverflowError, True), (None, False)],
)
def test_a_process_of_another_user_that_is_hidden_here_may_still_run(
    monkeypatch: pytest.MonkeyPatch, answer: type[Exception] | None, has_ended: bool
) -> None:
    def kill(_pid: int, _signal: int) -> None:
        if answer is not None:
            raise answer

    monkeypatch.setattr(processes, "_stat", lambda _: "")
    monkeypatch.setattr(os, "kill", kill)
    boot = processes.own_name().split(".")[2]

    assert has_ended == processes.has_ended(f"{processes.node()} 4711.98213.{boot} console")
    assert processes.has_ended(f"{processes.node()} 4711.98213.00000000 console"), "an earlier boot"


@pytest.mark.parametrize(
    ("machine", "namespace", "other", "why"),
    [
        ("", "pid:[4026532201]", "pid:[4026532202]", "two containers with one host name"),
        ("1f0c\n", "pid:[4026532201]", "pid:[4026532202]", "of one image with a machine id"),
        ("1f0c\n", "pid:[4026531836]", "pid:[4026532202]", "a machine and a container on it"),
    ],
)
def test_nothing_is_known_of_processes_of_another_container(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    machine: str,
    namespace: str,
    other: str,
    why: str,
) -> None:
    (tmp_path / "machine-id").write_text(machine, encoding="ascii")
    monkeypatch.setattr(processes, "_MACHINE", tmp_path / "machine-id")
    (tmp_path / "one").symlink_to(namespace)
    (tmp_path / "other").symlink_to(other)
    boot = processes.own_name().split(".")[2]
    monkeypatch.setattr(processes, "_NAMESPACE", tmp_path / "one")
    holder = f"{processes.node()} 4711.1.{boot} mailbox"
    is_known = [processes.has_ended(holder)]
    monkeypatch.setattr(processes, "_NAMESPACE", tmp_path / "other")
    is_known.append(processes.has_ended(holder))

    assert [True, False] == is_known, why


def test_a_machine_keeps_its_name_when_it_starts_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "machine-id").write_text("1f0c\n", encoding="ascii")
    monkeypatch.setattr(processes, "_MACHINE", tmp_path / "machine-id")
    (tmp_path / "pid").symlink_to("pid:[4026531836]")
    monkeypatch.setattr(processes, "_NAMESPACE", tmp_path / "pid")
    names = []
    for boot in ("11111111", "22222222"):
        monkeypatch.setattr(processes, "_boot", lambda boot=boot: boot)
        names.append(processes.node())

    assert names[0] == names[1]
