"""Counting over several processes."""

import os
import subprocess
import sys
from mmap import mmap
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from gateway import metrics
from gateway.core.kinds import By, Kind, State
from gateway.metrics import MetricReading, Metrics, RelayHealth

PROGRAM = """
import sys
from gateway.metrics import Metrics, RelayHealth
found = Metrics()
found.messages("crm", "bulk", "list-id").inc(int(sys.argv[1]))
found.connections("crm").inc(3)
found.set_relay_health("relay", RelayHealth[sys.argv[2]])
print(__import__("os").getpid())
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder the processes of a test count in."""
    monkeypatch.setenv(metrics.FOLDER, str(tmp_path))
    return tmp_path


def another_process(messages: int, health: str) -> int:
    """Count in a process of its own, which then ends; return its pid."""
    command = [sys.executable, "-c", PROGRAM, str(messages), health]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_metrics_count_by_their_labels() -> None:
    found = Metrics()
    found.deliveries(Kind.BULK, State.SEND_FAILED, By.GATEWAY).inc()
    found.deliveries(Kind.BULK, State.SEND_FAILED, By.GATEWAY).inc(2)
    found.commit_seconds.observe(0.5)
    found.committed.inc(7)
    found.count_bounce("bounce", "userunknown", is_hard=True, proof="token")
    found.count_bounce("complaint", "", is_hard=False, proof="")

    text = generate_latest(found.registry).decode()
    assert 'gateway_deliveries_total{by="gateway",kind="bulk",state="send_failed"} 3.0' in text
    assert "gateway_journal_messages_total 7.0" in text
    bounced = 'hard="yes",kind="bounce",proof="token",reason="userunknown"'
    assert f"gateway_bounces_total{{{bounced}}} 1.0" in text
    assert 'gateway_bounces_total{hard="no",kind="complaint",proof="none",reason=""} 1.0' in text
    assert 'gateway_journal_commit_seconds_bucket{le="0.5"} 1.0' in text


def test_what_processes_counted_adds_up_and_outlives_them(folder: Path) -> None:
    another_process(2, "UP")
    gone = another_process(3, "UP")

    metrics.forget_process(gone)

    text = metrics.exposition([]).decode()
    labels = '{kind="bulk",listener="crm",rule="list-id"}'
    assert f"gateway_messages_total{labels} 5.0" in text
    assert 'gateway_connections{listener="crm"} 3.0' in text


def test_the_last_word_on_a_relay_counts_whoever_said_it(folder: Path) -> None:
    another_process(1, "UP")
    another_process(1, "OUR_FAULT")
    faulty = metrics.relay_health()
    another_process(1, "UP")

    assert {"relay": RelayHealth.OUR_FAULT} == faulty
    assert {"relay": RelayHealth.UP} == metrics.relay_health()


def test_readings_stand_beside_what_was_counted() -> None:
    reading = MetricReading(
        name="gateway_feed_age_seconds", text="Age.", label="source", values={"crm": 60}
    )

    text = metrics.exposition([reading]).decode()
    assert 'gateway_feed_age_seconds{source="crm"} 60.0' in text


def test_a_folder_of_ones_own_is_there_while_it_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(metrics.FOLDER, raising=False)

    with metrics.shared_folder():
        folder = Path(os.environ[metrics.FOLDER])
        was_there = folder.is_dir()

    assert was_there
    assert not folder.exists()
    assert metrics.FOLDER not in os.environ


def test_a_named_folder_is_kept_but_not_what_dead_processes_left(folder: Path) -> None:
    dead, alive = folder / "counter_99999999.db", folder / f"counter_{os.getpid()}.db"
    id_is_anothers_now = folder / f"gauge_livesum_{os.getpid()}.db"
    for file in (dead, alive, id_is_anothers_now):
        file.write_bytes(bytes(16))

    with alive.open("r+b") as counting, mmap(counting.fileno(), 0), metrics.shared_folder():
        left = list(folder.iterdir())

    assert [alive] == left
