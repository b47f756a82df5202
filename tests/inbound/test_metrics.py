"""What is counted of the importer, over all processes of a host."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.metrics import FOLDER, exposition, mailboxes_up

COUNT = """
from gateway.metrics import Metrics
counted = Metrics()
counted.count_inbound_mail("replies", "filed", 0.4)
counted.count_inbound_mail("replies", "needs_attention", None)
counted.set_mailbox_state("replies", succeeded_at=1000.0)
counted.set_mailbox_state("other", succeeded_at=None)
"""


def test_mails_and_mailboxes_are_counted_across_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    subprocess.run([sys.executable, "-c", COUNT], check=True)

    told, up = exposition([]).decode(), mailboxes_up()

    assert 'gateway_inbound_mails_total{origin="replies",outcome="filed"} 1.0' in told
    assert 'gateway_inbound_mails_total{origin="replies",outcome="needs_attention"} 1.0' in told
    assert "gateway_inbound_seconds_count 1.0" in told
    assert 'gateway_mailbox_success{mailbox="replies"} 1000.0' in told
    assert {"replies": True, "other": False} == up
