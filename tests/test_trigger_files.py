"""Trigger files: checked in full, and what is wrong named with file, key and cure."""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.app.triggers import triggers
from gateway.app.wording import note_templates
from gateway.config import ConfigError, load
from gateway.core.kinds import Kind
from gateway.core.triggers.events.registry import EVENTS
from gateway.core.triggers.stored_dates import StoredDates
from gateway.core.triggers.trigger import Trigger

QUALIFIED = 'event = "qualification_expired"\ntemplate = "letter"\n'


class TriggerFiles:
    """A config folder with triggers and templates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "gateway.toml").write_text('[triggers]\nreport_to = "office@example.org"\n')
        self.template("letter", nl="Subject: Hallo\n\nBeste {{ person.name }},\n")

    def template(self, name: str, **texts: str) -> None:
        folder = self.folder / "templates" / name
        folder.mkdir(parents=True, exist_ok=True)
        for language, text in texts.items():
            stem, _, suffix = language.partition("_")
            (folder / f"{stem}.{suffix or 'txt'}").write_text(text)

    def read(self, text: str) -> Trigger:
        """Read one trigger file."""
        (self.folder / "triggers").mkdir(exist_ok=True)
        (self.folder / "triggers" / "mine.toml").write_text(text)
        return triggers.checked_triggers(load(self.folder / "gateway.toml", {}))["mine"].trigger

    def complaint(self, text: str) -> str:
        """Return what is said about a wrong trigger file."""
        with pytest.raises(ConfigError) as caught:
            self.read(text)
        return str(caught.value)


@pytest.fixture
def files(tmp_path: Path) -> TriggerFiles:
    return TriggerFiles(tmp_path)


def test_a_date_event_is_bulk_and_ends_with_its_day_as_shipped(files: TriggerFiles) -> None:
    found = files.read('event = "birthday"\ntemplate = "letter"\n')

    assert found.enabled
    assert Kind.BULK is found.kind
    assert timedelta(0) == found.latest
    assert found.report_to == "office@example.org"
    assert found.recipients == ()


def test_an_application_event_is_individual_and_for_the_candidate(files: TriggerFiles) -> None:
    found = files.read('event = "submitted"\ntemplate = "letter"\nprogramme = "p1"\n')

    assert Kind.INDIVIDUAL is found.kind
    assert (found.programme, found.status, found.recipients) == ("p1", "", ("candidate",))


def test_a_recipient_is_an_address_however_it_is_written(files: TriggerFiles) -> None:
    found = files.read(
        'event = "submitted"\ntemplate = "letter"\n'
        'recipients = ["candidate", "Office <office@example.org>", "mailto:b@example.org"]\n'
    )

    assert ("candidate", "office@example.org", "b@example.org") == found.recipients


def test_every_key_of_the_contract_is_read(files: TriggerFiles) -> None:
    found = files.read(
        'enabled = false\nevent = "set_date"\ntemplate = "letter"\nkind = "individual"\n'
        'report_to = "me@example.org"\nreport_empty = true\nlatest = "2d"\n'
        'from = "Office <o@example.org>"\n'
        'dates = ["2027-03-01", 2027-04-01]\nyearly = ["02-29"]\nmonthly = [31]\n'
    )

    assert not found.enabled
    assert timedelta(days=2) == found.latest
    assert (found.report_to, found.report_empty) == ("me@example.org", True)
    assert found.sender == "Office <o@example.org>"
    assert found.stored == StoredDates(
        dates=(date(2027, 3, 1), date(2027, 4, 1)), yearly=((2, 29),), monthly=(31,)
    )


def test_the_acknowledgement_is_active_for_every_programme_in_four_languages(
    files: TriggerFiles,
) -> None:
    rules = triggers.checked_triggers(load(files.folder / "gateway.toml", {}))

    rule = rules["acknowledgement"]
    assert (rule.trigger.enabled, rule.trigger.programme) == (True, "")
    assert {"nl", "de", "fr", "en"} == {rule.template.language_of(one) for one in
                                        ("nl", "de", "fr", "en")}  # fmt: skip


@pytest.mark.parametrize("folders", [(), ("triggers", "templates")])
def test_the_acknowledgement_is_active_where_nobody_has_files_yet(
    tmp_path: Path, folders: Sequence[str]
) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text("")
    for folder in folders:
        (tmp_path / folder).mkdir()

    running = triggers.CurrentTriggerFiles(load(config, {}))

    assert {"acknowledgement"} == set(running.checked_triggers)
    assert not running.refresh()


def test_a_file_of_the_same_name_replaces_the_acknowledgement(files: TriggerFiles) -> None:
    (files.folder / "triggers").mkdir()
    (files.folder / "triggers" / "acknowledgement.toml").write_text(
        'enabled = false\nevent = "submitted"\ntemplate = "acknowledgement"\n'
    )

    rules = triggers.checked_triggers(load(files.folder / "gateway.toml", {}))

    assert not rules["acknowledgement"].trigger.enabled


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('event = "birthday"\ntemplate = "letter"\nrecipients = ["x@example.org"]\n',
         "recipients: remove it: birthday itself selects who is mailed"),
        ('event = "birthday"\ntemplate = "letter"\nrecipients = []\n', "recipients: remove it"),
        ('event = "birthday"\ntemplate = "letter"\nprogramme = "p1"\n', "programme: remove it"),
        ('event = "birthday"\ntemplate = "letter"\ndates = ["2027-01-01"]\n', "dates: remove it"),
        ('event = "birthday"\ntemplate = "letter"\nxyz = 1\n',
         "xyz: unknown key; known: enabled, event"),
        ('event = "birthdy"\ntemplate = "letter"\n', 'event: not one of "birthday"'),
        ('event = "birthday"\n', "template: is required"),
        ('event = "birthday"\ntemplate = "none"\n', "template: write it first"),
        ('event = "birthday"\ntemplate = "leter"\n', 'nl.txt: "leter"; did you mean letter?'),
        ('event = "birthday"\ntemplate = "letter"\nkind = "both"\n', "kind: not one of"),
        ('event = "birthday"\ntemplate = "letter"\nlatest = "soon"\n', "latest: not a duration"),
        ('event = "birthday"\ntemplate = "letter"\nbefore_send = ["qualification_data"]\n',
         "before_send: qualification_data is there with"),
        ('event = "set_date"\ntemplate = "letter"\n', "dates: set_date needs one of"),
        ('event = "set_date"\ntemplate = "letter"\ndates = ["1.3.2027"]\n', "dates[0]: not a date"),
        ('event = "set_date"\ntemplate = "letter"\nyearly = ["02-30"]\n', "yearly[0]: not a day"),
        ('event = "set_date"\ntemplate = "letter"\nmonthly = [32]\n', "monthly[0]: not a day"),
        ('event = "submitted"\ntemplate = "letter"\nrecipients = []\n',
         "recipients: names nobody"),
        ('event = "submitted"\ntemplate = "letter"\nrecipients = ["boss"]\n',
         "recipients[0]: not candidate, responsible:ROLE"),
        ('event = "submitted"\ntemplate = "letter"\nrecipients = ["a@x.org; b@x.org"]\n',
         "recipients[0]: not a mail address, it names several addresses"),
        ('event = "birthday"\ntemplate = "letter"\nfrom = "office@example.org,"\n',
         "from: not a mail address, it ends in “,”: leave it out"),
        ("event = ", "not TOML"),
        ('event = "birtday"\ntemplate = "letter"\n', '"birtday"; did you mean birthday?'),
        ('event = "birthday"\ntemplate = "letter"\nkind = "blk"\n', '"blk"; did you mean bulk?'),
        ('event = "birthday"\ntemplate = "Grüße"\n',
         "template: may have a to z, A to Z, 0 to 9, . _ and - only, a letter or digit first: "),
        (f'event = "birthday"\ntemplate = "{"a" * 256}"\n',
         "template: must have 255 characters at most"),
        (f'event = "birthday"\ntemplate = "letter"\ntopic = "{"a" * 61}"\n',
         "topic: must have 60 characters at most"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_file_key_and_cure(
    files: TriggerFiles, text: str, said: str
) -> None:
    complaint = files.complaint(text)

    assert f"{files.folder}/triggers/mine.toml" in complaint
    assert said in complaint


@pytest.mark.parametrize("used", ["[PRUEFNR]", "{{ qualification.name }}"])
def test_a_template_has_a_qualifications_values_only_with_before_send(
    files: TriggerFiles, used: str
) -> None:
    files.template("letter", de=f"Subject: Schluss\n\n{used}\n")

    complaint = files.complaint(QUALIFIED)
    found = files.read(QUALIFIED + 'before_send = ["qualification_data"]\n')

    assert "templates/letter/de.txt" in complaint
    assert 'before_send = ["qualification_data"]' in complaint
    assert found.qualification_data


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hallo\n\nText\n", "the first line must be `Subject: …`"),
        ("Subject: Hi\n\n{{ person.frist_name }}\n", "person.frist_name is unknown"),
        ("Subject: Hi\n\n{{ nobody }}\n", "nobody is unknown"),
        ("Subject: Hi\n\n{% if %}\n", "nl.txt"),
        ("Subject: Hi\n\n{{ application.reference }}\n", "application has no value"),
    ],
)
def test_a_wrong_template_is_refused(files: TriggerFiles, text: str, said: str) -> None:
    files.template("letter", nl=text)

    assert said in files.complaint('event = "birthday"\ntemplate = "letter"\n')


def test_every_wrong_file_is_named_at_once(files: TriggerFiles) -> None:
    (files.folder / "triggers").mkdir()
    (files.folder / "triggers" / "other.toml").write_text("event = 1\n")

    complaint = files.complaint("evnt = 2\n")

    assert "mine.toml: evnt: unknown key; did you mean event?" in complaint
    assert "other.toml: event" in complaint


def test_a_template_the_system_cannot_look_for_makes_its_own_trigger_unusable_alone(
    files: TriggerFiles,
) -> None:
    """Linux takes paths of 4095 octets."""
    (files.folder / "a").mkdir()
    files.template("b", nl="Subject: Hallo\n\nDag\n")
    longest = 4090 - len(f"{files.folder}/templates/")
    folder = "a/../" * ((longest - 50) // 5) + "templates"
    (files.folder / "gateway.toml").write_text(f'[templates]\nfolder = "{folder}"\n')
    (files.folder / "triggers").mkdir()
    for name, template in (("short", "b"), ("long", "a" * 200)):
        text = f'event = "birthday"\ntemplate = "{template}"\n'
        (files.folder / f"triggers/{name}.toml").write_text(text)
    settings = load(files.folder / "gateway.toml", {})

    good, unusable = triggers.read_all(settings)
    running = triggers.CurrentTriggerFiles(settings).checked_triggers

    assert {"acknowledgement", "short"} == set(good) == set(running)
    [(name, broken)] = unusable.items()
    [fault] = triggers.faults_of(broken.error, broken.file)
    assert ("long", 2, "template") == (name, fault.line, fault.key)
    assert "can't be read: File name too long; name another one" in fault.fault


def test_there_is_a_working_example_of_every_date_event_and_none_is_on() -> None:
    rules = triggers.checked_triggers(load(Path("config/gateway.toml"), {}))

    on = {rule.trigger.name for rule in rules.values() if rule.trigger.enabled}
    assert {"acknowledgement"} == on
    of_date = {event for event in EVENTS.values() if not event.is_of_application}
    assert of_date <= {rule.trigger.event for rule in rules.values()}
    for rule in rules.values():
        assert [] == list(rule.template.doubts())
        assert {"nl", "de", "fr", "en"} == {
            rule.template.language_of(one) for one in ("nl", "de", "fr", "en")
        }


@pytest.mark.parametrize("folder", ["triggers", "templates/letter"])
def test_a_folder_that_cannot_be_read_is_told_and_never_taken_for_an_empty_one(
    files: TriggerFiles, folder: str
) -> None:
    """As root reads every folder, a file in its place stands for one that nobody may enter."""
    files.read(QUALIFIED)
    settings = load(files.folder / "gateway.toml", {})
    running = triggers.CurrentTriggerFiles(settings)
    place = files.folder / folder
    place.rename(place.with_name("aside"))
    place.write_text("")
    told = f"{place}: can't be read: Not a directory; name another one"

    with pytest.raises(ConfigError, match=re.escape(told)):
        triggers.checked_triggers(settings)

    with suppress(ConfigError):  # as the role does, which tells it
        assert running.refresh()
    assert "mine" in running.checked_triggers, "what ran before goes on"
    # Who begins now knows of mail of `mine` that is due, and must not take it for that of nobody.
    if folder == "triggers":
        with pytest.raises(ConfigError, match=re.escape(told)):
            triggers.CurrentTriggerFiles(settings)
    else:
        assert {"mine"} == triggers.CurrentTriggerFiles(settings).unusable
    place.unlink()
    place.with_name("aside").rename(place)
    assert running.refresh()
    assert "mine" in running.checked_triggers


def test_an_own_wording_that_cannot_be_read_is_not_replaced_by_the_shipped(
    files: TriggerFiles,
) -> None:
    (files.folder / "templates" / "notes").write_text("")

    with pytest.raises(ConfigError, match="templates/notes: can't be read: Not a directory"):
        note_templates(load(files.folder / "gateway.toml", {}))
