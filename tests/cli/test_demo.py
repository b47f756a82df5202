"""`gateway demo`."""

import re
from pathlib import Path

import pytest

from tests.rig.gateway import COMMAND
from tests.rig.process import run

READERS = ("Gerard", "Hanna", "Ilse", "Jonas", "Karel")
NO_BULK, NO_MAIL = "no bulk mail from now on", "no mail at all from now on"
PASSED_ON = "passed on to recruiter@crm.example"


@pytest.mark.system
@pytest.mark.timeout(300)
async def test_the_demo_shows_person_by_person_what_was_sent_and_what_failed(
    tmp_path: Path,
) -> None:
    done = await run(str(COMMAND), "demo", environment={"TMPDIR": str(tmp_path)}, timeout=240)
    mailing, personal = done.stdout.partition("A personal mail")[::2]
    personal, campaign = personal.partition("A Mailchimp campaign")[::2]
    campaign, week = campaign.partition("A week of mailings")[::2]
    week, next_mailing = week.partition("The next mailing")[::2]
    next_mailing, report = next_mailing.partition("$ gateway bounces list")[::2]

    def became(text: str) -> dict[str, str]:
        names = ("Anna", "Bram", "Carla", "Dieter", "Élise", "Frits", *READERS)
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
    assert "\x1b" not in done.stdout
    assert [] == list(tmp_path.iterdir())
