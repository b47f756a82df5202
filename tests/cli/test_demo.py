"""`gateway demo`."""

import os
import re
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.rig.gateway import COMMAND
from tests.rig.process import ended, wait_until

READERS = ("Gerard", "Hanna", "Ilse", "Jonas", "Karel")
NO_BULK, NO_MAIL = "no bulk mail from now on", "no mail at all from now on"
PASSED_ON = "passed on to recruiter@crm.example"


@pytest.mark.system
@pytest.mark.timeout(300)
async def test_the_demo_shows_what_became_of_each_mail_and_ends_with_the_console_open(
    tmp_path: Path,
) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    temporary, browser = tmp_path / "temporary", tmp_path / "browser"
    temporary.mkdir()
    browser.write_text(f"#!/bin/sh\nprintf '%s' \"$1\" >{tmp_path}/shown\n")
    browser.chmod(0o755)
    with out.open("wb") as stdout, err.open("wb") as stderr:
        demo = subprocess.Popen(
            [str(COMMAND), "demo", "--console"],
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, "TMPDIR": str(temporary), "BROWSER": str(browser)},
        )
    try:
        await wait_until(
            lambda: "\nCtrl-C" in out.read_text() or demo.poll() is not None, "the console", 240
        )
        stdout_text = out.read_text()
        assert "" == err.read_text()
        login = dict(re.findall(r"^  (URL|user|password): +(\S+)$", stdout_text, re.MULTILINE))
        assert {"URL", "user", "password"} == login.keys()
        await wait_until((tmp_path / "shown").exists, "a browser")
        assert login["URL"] == (tmp_path / "shown").read_text()
        with httpx.Client(
            headers={"origin": login["URL"].removesuffix("/console")}, timeout=60
        ) as client:
            form = {"user": login["user"], "password": login["password"], "next": ""}
            signed_in = client.post(f"{login['URL']}/login", data=form)
            assert (303, "/console/today") == (signed_in.status_code, signed_in.headers["location"])
    finally:
        demo.send_signal(signal.SIGINT)
    assert 0 == await ended(demo, 60)
    assert [] == list(temporary.iterdir())
    assert stdout_text.startswith("Starting a gateway")
    assert stdout_text.index("\nStarting it again") < stdout_text.index("\nThe console is open")
    mailing, personal = stdout_text.partition("A personal mail")[::2]
    personal, campaign = personal.partition("A Mailchimp campaign")[::2]
    campaign, week = campaign.partition("A week of mailings")[::2]
    week, next_mailing = week.partition("The next mailing")[::2]
    next_mailing, report = next_mailing.partition("$ gateway bounces list")[::2]

    def became(text: str) -> dict[str, str]:
        names = ("Anna", "Bram", "Carla", "Dieter", "Élise", "Frits", *READERS)
        lines = (line for line in text.splitlines() if line.startswith(names))
        return {line.split()[0]: "failed" if "send failed" in line else "sent" for line in lines}

    assert {
        "Anna": "sent",
        "Bram": "failed",
        "Carla": "sent",
        "Dieter": "sent",
        "Élise": "failed",
        "Frits": "failed",
    } == became(mailing)
    assert {"Bram": "sent"} == became(personal)
    assert 'recipient is in the group "Geen bulk-mail"' in stdout_text
    assert "To lift it: untick the group" in stdout_text
    assert "The relay got 4 mails: Anna Jansen, Carla Weber, Dieter Braun, Bram" in stdout_text
    assert "filed to candidate:103 at application 4711" in stdout_text
    assert "document: Lebenslauf_Weber.pdf → cv" in stdout_text
    assert "A reply from Carla Weber was filed." in stdout_text
    assert "candidate:101 Anna Jansen <anna@example.org>: Gefeliciteerd, Anna!" in stdout_text
    assert "candidate:102 Bram de Vries         suppressed: group" in stdout_text
    assert "candidate:103 Carla Weber           no consent to e-mail" in stdout_text
    assert "The report for office@crm.example:" in stdout_text
    assert "Sent:     1" in stdout_text
    assert {"Anna": "sent", "Carla": "left out", "Dieter": "sent"} == {
        line.split()[0]: "left out" if "left out" in line else "sent"
        for line in campaign.splitlines()
        if line.startswith(("Anna", "Carla", "Dieter")) and "unsubscribed" not in line
    }
    assert "Sent:         2 on" in campaign
    assert "Clicked:      1 (50.0%), once" in campaign
    assert "Dieter Braun unsubscribed, and is in “Geen Mailchimp” from now on" in campaign
    assert [
        ("Monday", "everybody", "a mailing", "sent to 5", "nobody is suppressed"),
        (
            "Monday",
            "Gerard Smit",
            "bounced: userunknown",
            "counted, 1 of 2",
            "one may be a mistake",
        ),
        ("Monday", "Jonas Wolf", "bounced: mailboxfull", "counted", "soon there may be room"),
        ("Tuesday", "Hanna Vos", "called it spam", NO_BULK, "complaint counts at once"),
        ("Tuesday", "Ilse Kok", "clicked on “unsubscribe”", NO_BULK, "RFC 8058"),
        ("Wednesday", "Karel Visser", "is on holiday", PASSED_ON, "ignored: it is no bounce"),
        (
            "Thursday",
            "Gerard Smit",
            "bounced: userunknown",
            NO_MAIL,
            "the second, days after the first",
        ),
    ] == [
        tuple(re.split(r"\s{2,}", line.strip()))
        for line in week.splitlines()
        if re.match(r"\w+day ", line)
    ]
    assert {
        "Gerard": "failed",
        "Hanna": "failed",
        "Ilse": "failed",
        "Jonas": "sent",
        "Karel": "sent",
    } == became(next_mailing.partition("A personal mail")[0])
    assert "mail to this recipient bounces (no mail at all)" in next_mailing
    assert "recipient called mail of ours spam (no bulk mail)" in next_mailing
    assert "recipient unsubscribed (no bulk mail)" in next_mailing
    assert "gateway suppress release gerard@example.net" in next_mailing
    assert {"Ilse": "sent"} == became(next_mailing.partition("A personal mail")[2])
    assert [
        ("gerard@example.net", "token"),
        ("hanna@example.net", "trace"),
        ("jonas@example.net", "token"),
        ("gerard@example.net", "token"),
    ] == re.findall(r"(\S+@example\.net) .* (token|trace) ", report)
    assert re.search(r"crm\.example +example\.net +9 +3 +2 +1 +33\.3% #+\n", report)
    assert "\x1b" not in stdout_text
