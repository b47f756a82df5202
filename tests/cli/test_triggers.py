"""Mail on events from the command line: looked at before, done, and looked at after."""

from collections.abc import Iterator

import pytest

from gateway.cli.demo.relay import DemoRelay, capturing_relay
from tests.cli.conftest import Cli
from tests.rig.today import today

PEOPLE = """\
crm_id,first_name,emails,mail_on_set_date,language
1,Ann,ann@example.org,yes,nl
2,Bob,,yes,nl
"""


class Installation:
    """A config with one trigger that is due today."""

    def __init__(self, cli: Cli, port: int) -> None:
        self.cli = cli
        cli.configure('[notices]\nfrom = "office@example.org"\n[triggers]\ndaily_at = "00:00"\n')
        text = cli.file.read_text().replace("port = 1\n", f"port = {port}\n")
        cli.file.write_text(text)
        self.write("triggers/letter.toml", self.trigger())
        self.write("templates/letter/nl.txt", "Subject: Dag {{ person.first_name }}\n\nWoorden\n")

    def trigger(self, more: str = "") -> str:
        return (
            f'event = "set_date"\ntemplate = "letter"\ndates = ["{today()}"]\nlatest = "2d"\n{more}'
        )

    def write(self, name: str, text: str) -> None:
        file = self.cli.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.fixture
def relay() -> Iterator[DemoRelay]:
    with capturing_relay() as relay:
        yield relay


@pytest.fixture
def installation(cli: Cli, relay: DemoRelay) -> Installation:
    return Installation(cli, relay.port)


def test_the_list_names_every_trigger_with_what_it_does(installation: Installation) -> None:
    installation.write(
        "triggers/off.toml", 'enabled = false\nevent = "birthday"\ntemplate = "letter"\n'
    )

    listed = {one["name"]: one for one in installation.cli.json("triggers", "list")}

    assert {"acknowledgement", "letter", "off"} == set(listed)
    assert ("set_date", "bulk", True) == tuple(
        listed["letter"][key] for key in ("event", "kind", "enabled")
    )
    assert not listed["off"]["enabled"]


def test_a_file_that_cannot_be_used_hides_no_other_trigger(installation: Installation) -> None:
    installation.write("triggers/broken.toml", 'event = "birthday"\nlatest = "soon"\n')

    listed = installation.cli("triggers", "list")

    assert "letter" in listed.out
    assert "broken.toml: latest: not a duration" in listed.err
    assert 0 != listed.code


def test_a_template_with_too_long_a_name_is_told_of_its_trigger(
    installation: Installation,
) -> None:
    text = f'event = "birthday"\ntemplate = "{"a" * 300}"\n'
    installation.write("triggers/broken.toml", text)

    for command in (("triggers", "list"), ("check", "--offline")):
        told = installation.cli(*command)

        assert "letter" in told.out
        assert "broken.toml: template: must have 255 characters at most" in told.out + told.err


def test_the_fields_that_mail_waits_for_are_listed_with_where_they_stand(
    installation: Installation, relay: DemoRelay
) -> None:
    installation.cli.feed("people", PEOPLE)
    installation.cli.feed("people", "crm_id,mail_on_set_date,owner\n1,perhaps,7\n2,yes,\0\n")
    run = installation.cli.json("triggers", "run", "letter")

    listed = installation.cli.json("triggers", "list", "--waiting")
    shown = installation.cli.do("triggers", "list", "--waiting")
    person = installation.cli.json("person", "show", "candidate:1")
    installation.cli.feed("people", PEOPLE)
    installation.cli.do("triggers", "run", "letter")

    [field] = listed["fields"]
    assert ("people", "candidate:1", "mail_on_set_date", "people.csv", 2) == tuple(
        field[key] for key in ("what", "record", "field", "file", "line")
    )
    assert "not true or false: 'perhaps'" in field["problem"]
    [mail] = listed["mails"]
    assert ("letter", "candidate:1", 1) == (mail["trigger"], mail["person"], run["waiting"])
    assert "people.csv:2" in shown
    assert [field] == person["unread"]
    assert {"fields": [], "mails": []} == installation.cli.json("triggers", "list", "--waiting")
    assert 1 == len(relay.mails)


def test_a_preview_a_run_and_its_report_agree(installation: Installation, relay: DemoRelay) -> None:
    installation.cli.feed("people", PEOPLE)

    before = installation.cli.json("triggers", "preview", "letter")
    run = installation.cli.json("triggers", "run", "letter")
    after = installation.cli.json("triggers", "preview", "letter")

    [mail], [left_out] = before["mails"], before["skipped"]
    wanted = {
        "person": "candidate:1",
        "about": "",
        "to": "ann@example.org",
        "subject": "Dag Ann",
        "text": "Woorden\n",
    }
    assert wanted == {key: mail[key] for key in wanted}
    assert ("candidate:2", "", "no address") == tuple(
        left_out[key] for key in ("person", "about", "reason")
    )
    assert before["warning"] is None
    assert ("letter", 1, 1, 0, None) == tuple(
        run[key] for key in ("trigger", "sent", "skipped", "failed", "report_to")
    )
    assert [["ann@example.org"]] == [mail.recipients for mail in relay.mails]
    assert [run["id"]] == [one["id"] for one in installation.cli.json("triggers", "history")]
    assert {"candidate:1": "already sent", "candidate:2": "no address"} == {
        one["person"]: one["reason"] for one in after["skipped"]
    }


def test_a_preview_tells_of_html_and_json_has_it(installation: Installation) -> None:
    installation.cli.feed("people", PEOPLE)
    installation.write("templates/letter/nl.html", "<p>Dag <b>{{ person.first_name }}</b></p>\n")

    shown = installation.cli("triggers", "preview", "letter")
    [mail, *_] = installation.cli.json("triggers", "preview", "letter")["mails"]
    written = installation.cli("triggers", "template", "letter")

    assert f"and as HTML, of {len(mail['html'])} characters: --json has it" in shown.out
    assert mail["html"].startswith("<p>Dag <b>")
    assert "<p>Dag <b>{{ person.first_name }}</b></p>" in written.out


def test_the_report_leaves_with_the_run_though_no_sender_runs(
    installation: Installation, relay: DemoRelay
) -> None:
    installation.write(
        "triggers/letter.toml", installation.trigger('report_to = "boss@example.org"\n')
    )
    installation.cli.feed("people", PEOPLE)

    run = installation.cli.json("triggers", "run", "letter")
    [entry] = installation.cli.json("outbox", "list")

    assert "boss@example.org" == run["report_to"]
    assert ("trigger_report", "sent") == (entry["type"], entry["state"])
    assert ["boss@example.org"] == relay.mails[-1].recipients


def test_a_second_run_sends_only_what_is_new(installation: Installation, relay: DemoRelay) -> None:
    installation.cli.feed("people", PEOPLE)
    installation.cli.do("triggers", "run")
    installation.cli.feed("people", PEOPLE + "3,Cat,cat@example.org,yes,nl\n")

    runs = installation.cli.json("triggers", "run")

    assert [1] == [run["sent"] for run in runs]
    assert ["ann@example.org", "cat@example.org"] == [one.recipients[0] for one in relay.mails]


def test_before_its_hour_a_trigger_runs_only_now(
    installation: Installation, relay: DemoRelay
) -> None:
    installation.cli.feed("people", PEOPLE)
    text = installation.cli.file.read_text().replace('"00:00"', '"23:59"')
    installation.cli.file.write_text(text)

    early = installation.cli.json("triggers", "run", "letter")
    at_once = installation.cli.json("triggers", "run", "letter", "--now")

    assert (0, 1) == (early["sent"], at_once["sent"])


def test_each_mail_is_in_the_journal_and_in_the_timeline(installation: Installation) -> None:
    installation.cli.feed("people", PEOPLE)
    installation.cli.do("triggers", "run", "letter")

    [message] = installation.cli.json("messages", "list")
    [event] = installation.cli.json("person", "show", "candidate:1")["timeline"]

    assert ("trigger:letter", "triggers", "bulk") == tuple(
        message[key] for key in ("rule", "listener", "kind")
    )
    assert "relayed" == message["deliveries"][0]["state"]
    assert ("trigger_mail", "sent") == (event["type"], event["state"])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("preview", "nothing"), 1, "no trigger is called nothing"),
        (("preview", "letter", "--on", "1.3.2027"), 2, "not a date such as 2027-03-01"),
        (("run", "off"), 1, "off is switched off"),
        (("run", "acknowledgement"), 1, "is not a date event"),
    ],
)
def test_what_cannot_be_done_is_told(
    installation: Installation, words: tuple[str, ...], code: int, said: str
) -> None:
    installation.write(
        "triggers/off.toml", 'enabled = false\nevent = "birthday"\ntemplate = "letter"\n'
    )

    done = installation.cli("triggers", *words)

    assert code == done.code
    assert said in done.err


def test_a_copy_of_the_store_holds_its_mail_until_it_is_let_go(
    installation: Installation, relay: DemoRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.triggers.epoch.JOIN_SECONDS", 0.01)
    installation.cli.feed("people", PEOPLE)
    installation.cli.do("triggers", "run")
    installation.cli.feed("people", PEOPLE + "3,Cat,cat@example.org,yes,nl\n")
    (installation.cli.folder / "outage" / "epoch").unlink()

    held = installation.cli("triggers", "run", "letter")
    checked = installation.cli("check", "--offline")
    let_go = installation.cli.do("triggers", "resume")
    installation.cli.do("triggers", "run")

    assert 1 == held.code
    assert "all triggered mail is held" in held.err
    assert "all triggered mail is held" in checked.out + checked.err
    assert "Released: 1" in let_go
    assert ["cat@example.org"] == relay.mails[-1].recipients


def test_check_names_wrong_files_doubtful_words_and_feeds_never_loaded(
    installation: Installation,
) -> None:
    installation.write("triggers/wrong.toml", 'event = "birthday"\ntemplate = "none"\n')
    installation.write("templates/letter/de.txt", "Subject: Hallo [VORNAME]\n\nText\n")

    done = installation.cli("check", "--offline")
    lines = [line for line in done.out.splitlines() if "trigger" in line]

    assert 1 == done.code
    assert [line for line in lines if "error" in line and "wrong.toml: template: write it" in line]
    assert [line for line in lines if "warning" in line and "[VORNAME] is not a place" in line]
    assert [line for line in lines if "warning" in line and "people were never loaded" in line]


@pytest.mark.parametrize(
    ("more", "trigger", "is_told"),
    [
        ("", "", False),
        ("", 'report_to = "office@example.org"\n', True),
        ('[[webhooks]]\nurl = "http://127.0.0.1:1/"\nsecret = "s"\nevents = ["{}"]\n', "", True),
        ("", "enabled = false\n", True),
    ],
)
def test_check_warns_where_nobody_hears_what_became_of_runs(
    installation: Installation, more: str, trigger: str, is_told: bool
) -> None:
    with installation.cli.file.open("a") as file:
        file.write(more.format("trigger.run_finished"))
    installation.write("triggers/letter.toml", installation.trigger(trigger))

    done = installation.cli("check", "--offline")

    assert is_told is ("nobody is told what its runs did" not in done.out)


@pytest.mark.parametrize(
    ("quiet_hours", "event", "is_told"),
    [
        ("21:00-07:00", 'event = "birthday"', True),
        ("21:00-07:00", 'event = "birthday"\nenabled = false', False),
        ("21:00-07:00", 'event = "birthday"\nlatest = "1d"', False),
        ("01:00-07:00", 'event = "birthday"', False),
    ],
)
def test_check_warns_where_quiet_hours_end_when_the_day_is_over(
    installation: Installation, quiet_hours: str, event: str, is_told: bool
) -> None:
    config = installation.cli.file.read_text()
    hours = f'daily_at = "23:00"\nquiet_hours = "{quiet_hours}"\n'
    installation.cli.file.write_text(config.replace('daily_at = "00:00"\n', hours))
    installation.write("triggers/letter.toml", f'template = "letter"\n{event}\n')

    done = installation.cli("check", "--offline")

    assert is_told is ("it never mails: found at daily_at (23:00)" in done.out)


@pytest.mark.parametrize(
    ("event", "more", "is_told"),
    [
        ('event = "birthday"', "", True),
        ('event = "birthday"', "\nenabled = false", False),
        ('event = "set_date"\nmonthly = [1]', "", False),
    ],
)
def test_check_warns_of_two_triggers_that_mail_the_same_people(
    installation: Installation, event: str, more: str, is_told: bool
) -> None:
    for name, keys in (("letter", event), ("wishes", event + more)):
        installation.write(f"triggers/{name}.toml", f'template = "letter"\n{keys}\n')

    done = installation.cli("check", "--offline")

    told = "letter and wishes are on for birthday: everybody gets the mail of each"
    assert is_told is (told in done.out)


def test_a_wrong_trigger_stops_the_start_and_is_named(installation: Installation) -> None:
    installation.write(
        "triggers/letter.toml", installation.trigger('recipients = ["x@example.org"]\n')
    )

    done = installation.cli("run", "sender")

    assert 1 == done.code
    assert "letter.toml: recipients: remove it: set_date itself selects" in done.err
