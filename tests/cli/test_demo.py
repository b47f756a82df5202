"""`gateway demo`."""

from pathlib import Path

import pytest

from tests.rig.gateway import COMMAND
from tests.rig.process import run


@pytest.mark.system
async def test_the_demo_shows_person_by_person_what_was_sent_and_what_failed(
    tmp_path: Path,
) -> None:
    done = await run(str(COMMAND), "demo", environment={"TMPDIR": str(tmp_path)}, timeout=90)
    mailing, personal = done.stdout.partition("A personal mail")[::2]
    personal, campaign = personal.partition("A Mailchimp campaign")[::2]

    def became(text: str) -> dict[str, str]:
        names = ("Anna", "Bram", "Carla", "Dieter", "Élise", "Frits")
        lines = (line for line in text.splitlines() if line.startswith(names))
        return {line.split()[0]: "failed" if "send failed" in line else "sent" for line in lines}

    assert (0, "") == (done.returncode, done.stderr)
    assert {
        "Anna": "sent",
        "Bram": "failed",
        "Carla": "sent",
        "Dieter": "sent",
        "Élise": "failed",
        "Frits": "failed",
    } == became(mailing)
    assert {"Bram": "sent"} == became(personal)
    assert 'recipient is in the group "Geen bulk-mail"' in done.stdout
    assert "To lift it: untick the group" in done.stdout
    assert "The relay got 4 mails: Anna Jansen, Carla Weber, Dieter Braun, Bram" in done.stdout
    assert "filed to candidate:103 at application 4711" in done.stdout
    assert "document: Lebenslauf_Weber.pdf → cv" in done.stdout
    assert "A reply from Carla Weber was filed." in done.stdout
    assert "candidate:101 Anna Jansen <anna@example.org>: Gefeliciteerd, Anna!" in done.stdout
    assert "candidate:102 Bram de Vries         suppressed: group" in done.stdout
    assert "candidate:103 Carla Weber           no consent to e-mail" in done.stdout
    assert "The report for office@crm.example:" in done.stdout
    assert "Sent:     1" in done.stdout
    assert {"Anna": "sent", "Carla": "left out", "Dieter": "sent"} == {
        line.split()[0]: "left out" if "left out" in line else "sent"
        for line in campaign.splitlines()
        if line.startswith(("Anna", "Carla", "Dieter")) and "unsubscribed" not in line
    }
    assert "Sent:         2 on" in campaign
    assert "Clicked:      1 (50.0%), once" in campaign
    assert "Dieter Braun unsubscribed, and is in “Geen Mailchimp” from now on" in campaign
    assert "\x1b" not in done.stdout
    assert [] == list(tmp_path.iterdir())
