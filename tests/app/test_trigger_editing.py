"""Changing triggers and templates: the same files, the same checks, and nothing half done."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.app.triggers import editing, triggers
from gateway.app.triggers.editing import ChangedMeanwhile, ProposedEdit, ReachUnconfirmed
from gateway.app.whole_files import FileNotWritten
from gateway.config import ConfigError, Settings, load
from gateway.core.people.people import PersonKind, PersonRef
from gateway.core.triggers.trigger_edit import EditedThing, TriggerEdit
from gateway.store.engine.database import Database
from gateway.store.triggers import trigger_edits
from gateway.triggers.templates import TemplateSource
from tests.rig.today import today
from tests.store.feeding import person, tell

LETTER = "Subject: Dag {{ person.first_name }}\n\nWoorden\n"


def trigger_text() -> str:
    """Return the text of a trigger that mails today."""
    return f"""\
# What we say on the day the house was founded.
event = "set_date"   # not a birthday
template = "letter"
dates = [
  "{today().isoformat()}",  # today
]
enabled = false
"""


class TriggerFolder:
    """A config with a trigger and its template, and a store with two people who want mail."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder, self.database = folder, database
        (folder / "gateway.toml").write_text("")
        self.write("triggers/founded.toml", trigger_text())
        self.write("templates/letter/nl.txt", LETTER)
        ann = person("1", "ann@example.org", first_name="Ann", language="nl", mail_on_set_date=True)
        tell(database, "people", ann, person("2", "bob@example.org", first_name="Bob"))

    @property
    def settings(self) -> Settings:
        return load(self.folder / "gateway.toml", {})

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def version(self, name: str = "founded") -> str:
        return editing.trigger_state(self.settings, name).version

    def propose(self, **changes: object) -> ProposedEdit:
        return editing.propose_trigger(
            self.settings, "founded", changes=changes, version=self.version()
        )

    def keep(self, proposed: ProposedEdit, *, confirmed: bool = False) -> TriggerEdit | None:
        return editing.keep(
            self.settings, self.database, proposed, by="maria", is_confirmed=confirmed
        )

    def template(self, text: str, *, html: str | None = None) -> ProposedEdit:
        state = editing.template_state(self.settings, "letter")
        return editing.propose_template(
            self.settings,
            "letter",
            {"nl": TemplateSource(file="", text=text, html=html)},
            version=state.version,
        )

    def edits(self) -> list[TriggerEdit]:
        with self.database.reading() as connection:
            return trigger_edits.list_edits(connection)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[TriggerFolder]:
    database = Database(f"sqlite:///{tmp_path}/store.db")
    database.prepare()
    yield TriggerFolder(tmp_path, database)
    database.close()


def test_a_change_keeps_what_else_stands_in_the_file(folder: TriggerFolder) -> None:
    folder.keep(folder.propose(latest="2d"))

    assert f'{trigger_text()}latest = "2d"\n' == folder.read("triggers/founded.toml")
    folder.keep(folder.propose(latest=None))
    assert folder.read("triggers/founded.toml") == trigger_text()


def test_a_change_is_written_down_with_who_made_it(folder: TriggerFolder) -> None:
    folder.keep(folder.propose(latest="2d"))

    (edit,) = folder.edits()
    assert (edit.by, edit.what, edit.name) == ("maria", EditedThing.TRIGGER, "founded")
    assert '+latest = "2d"' in edit.changes[0].diff()
    assert not [line for line in edit.changes[0].diff() if line.startswith("-")]


def test_what_changes_nothing_is_no_change(folder: TriggerFolder) -> None:
    assert folder.keep(folder.propose(template="letter")) is None
    assert [] == folder.edits()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"latest": "soon"}, 'latest: not a duration such as 90s, 10m, 2h or 7d: "soon"'),
        ({"template": "nothing"}, "template: write it first"),
        ({"evnt": "birthday"}, "evnt: unknown key; did you mean event?"),
        ({"dates": None}, "dates: set_date needs one of dates, yearly and monthly"),
        ({"topic": "x", "kind": "individual"}, "topic: remove it"),
    ],
)
def test_a_change_is_checked_like_the_config(
    folder: TriggerFolder, changes: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        folder.propose(**changes)

    assert complaint in str(refused.value)
    assert str(folder.folder / "triggers/founded.toml") in str(refused.value)
    assert folder.read("triggers/founded.toml") == trigger_text()


def test_a_file_that_is_no_toml_is_mended_as_text(folder: TriggerFolder) -> None:
    folder.write("triggers/founded.toml", "event = \n")
    state = editing.trigger_state(folder.settings, "founded")

    assert state.checked is None
    assert "not TOML" in state.problems[0]
    mended = editing.propose_trigger(
        folder.settings, "founded", text=trigger_text().replace("\n", "\r\n"), version=state.version
    )
    folder.keep(mended)
    assert folder.read("triggers/founded.toml") == trigger_text()


def test_a_new_trigger_is_off_whatever_is_said(folder: TriggerFolder) -> None:
    proposed = editing.propose_trigger(
        folder.settings,
        "wishes",
        changes={"event": "birthday", "template": "letter", "enabled": True},
        version="",
    )
    folder.keep(proposed)

    assert 'enabled = false\nevent = "birthday"\ntemplate = "letter"\n' == folder.read(
        "triggers/wishes.toml"
    )


@pytest.mark.parametrize("name", ["../wishes", "a/b", "", ".hidden", "a" * 101, "wi shes"])
def test_a_name_leads_nowhere_else(folder: TriggerFolder, name: str) -> None:
    values = {"event": "birthday", "template": "letter"}
    with pytest.raises(ConfigError, match="name may have a to z"):
        editing.propose_trigger(folder.settings, name, changes=values, version="")
    text = TemplateSource(file="", text=LETTER)
    with pytest.raises(ConfigError, match="name may have a to z"):
        editing.propose_template(folder.settings, name, {"nl": text}, version="")
    if name:
        with pytest.raises(ConfigError, match="two small letters"):
            editing.propose_template(folder.settings, "letter2", {name: text}, version="")


@pytest.mark.parametrize("name", ["Founded", "new", "history", "templates"])
def test_a_new_trigger_is_called_like_no_other_and_no_page(
    folder: TriggerFolder, name: str
) -> None:
    with pytest.raises(ConfigError, match=rf"{name}: .*choose another name"):
        editing.propose_trigger(folder.settings, name, text=trigger_text(), version="")


@pytest.mark.parametrize("name", ["Letter", "new"])
def test_a_new_template_is_called_like_no_other_and_no_page(
    folder: TriggerFolder, name: str
) -> None:
    source = TemplateSource(file="", text=LETTER)
    with pytest.raises(ConfigError, match=rf"{name}: .*choose another name"):
        editing.propose_template(folder.settings, name, {"nl": source}, version="")


def test_a_trigger_of_that_name_is_not_written_over(folder: TriggerFolder) -> None:
    for name in ("founded", "acknowledgement"):
        with pytest.raises(ConfigError, match="there is a trigger of that name"):
            editing.propose_trigger(folder.settings, name, changes={}, version="")


def test_who_turns_a_trigger_on_is_shown_first_whom_it_reaches(folder: TriggerFolder) -> None:
    proposed = folder.propose(enabled=True)

    with pytest.raises(ReachUnconfirmed) as shown:
        folder.keep(proposed)

    reach = shown.value.reach
    assert reach.preview is not None
    assert [mail.to for mail in reach.preview.mails] == ["ann@example.org"]
    assert [(today(), 1)] == [(day.day, day.mails) for day in reach.days]
    assert folder.read("triggers/founded.toml") == trigger_text()
    editing.keep(folder.settings, folder.database, proposed, by="maria", token=reach.token)
    assert "enabled = true\n" in folder.read("triggers/founded.toml")


def test_what_was_shown_counts_only_while_the_same_people_are_reached(
    folder: TriggerFolder,
) -> None:
    proposed = folder.propose(enabled=True)
    token = editing.reach(folder.settings, folder.database, proposed).token
    tell(folder.database, "people", person("2", "bob@example.org", mail_on_set_date=True))

    with pytest.raises(ReachUnconfirmed) as shown:
        editing.keep(folder.settings, folder.database, proposed, by="maria", token=token)

    assert shown.value.reach.preview is not None
    assert len(shown.value.reach.preview.mails) == 2


def test_a_change_of_a_trigger_that_is_off_asks_nothing(folder: TriggerFolder) -> None:
    assert not folder.propose(latest="2d").must_be_confirmed
    folder.keep(folder.propose(enabled=True), confirmed=True)
    assert folder.propose(latest="3d").must_be_confirmed
    assert not folder.propose(enabled=False).must_be_confirmed


def test_two_who_change_one_file_are_told_of_each_other(folder: TriggerFolder) -> None:
    version = folder.version()
    folder.keep(folder.propose(latest="2d"))

    with pytest.raises(ChangedMeanwhile) as told:
        editing.propose_trigger(
            folder.settings, "founded", changes={"latest": "5d"}, version=version
        )

    assert 'latest = "2d"' in told.value.now["founded.toml"]
    assert 'latest = "5d"' in told.value.yours["founded.toml"]


def test_a_file_changed_between_the_check_and_the_writing_stays(folder: TriggerFolder) -> None:
    proposed = folder.propose(latest="2d")
    folder.write("triggers/founded.toml", trigger_text() + "# by hand\n")

    with pytest.raises(ChangedMeanwhile):
        folder.keep(proposed)

    assert folder.read("triggers/founded.toml").endswith("# by hand\n")
    assert [] == folder.edits()


def test_a_template_is_checked_against_each_trigger_that_names_it(folder: TriggerFolder) -> None:
    with pytest.raises(ConfigError, match=r"person\.shoe_size is unknown"):
        folder.template("Subject: x\n\n{{ person.shoe_size }}\n")
    with pytest.raises(ConfigError, match="application has no value in mail of set_date"):
        folder.template("Subject: x\n\n{{ application.title }}\n")
    with pytest.raises(ConfigError, match="the first line must be"):
        folder.template("no subject\n")
    with pytest.raises(ConfigError, match=r"nl\.html:1: "):
        folder.template(LETTER, html="{% if %}")
    assert folder.read("templates/letter/nl.txt") == LETTER


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "steps"),
        ("{{ 1 / 0 }}", "divides by 0"),
    ],
)
def test_a_template_that_fails_for_everybody_is_not_kept(
    folder: TriggerFolder, text: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=rf"letter/nl\.txt:\d+: .*{said}"):
        folder.template(f"Subject: Dag\n\n{text}")

    assert LETTER == folder.read("templates/letter/nl.txt")


def test_a_template_is_written_with_its_html_and_loses_it_again(folder: TriggerFolder) -> None:
    folder.keep(folder.template(LETTER, html="<p>Woorden</p>"))
    assert folder.read("templates/letter/nl.html") == "<p>Woorden</p>\n"

    folder.keep(folder.template(LETTER))
    assert not (folder.folder / "templates/letter/nl.html").exists()
    assert len(folder.edits()) == 2


def test_the_last_text_of_a_template_stays(folder: TriggerFolder) -> None:
    version = editing.template_state(folder.settings, "letter").version
    with pytest.raises(ConfigError, match="no language is left"):
        editing.propose_template(folder.settings, "letter", {"nl": None}, version=version)


def test_what_is_shipped_is_changed_in_files_of_ones_own(folder: TriggerFolder) -> None:
    state = editing.template_state(folder.settings, "acknowledgement")
    assert frozenset() == state.own
    text = TemplateSource(file="", text="Subject: Ontvangen\n\nDank u.\n")
    proposed = editing.propose_template(
        folder.settings, "acknowledgement", {"nl": text}, version=state.version
    )
    folder.keep(proposed)

    assert ["nl.txt"] == [
        one.name for one in (folder.folder / "templates/acknowledgement").iterdir()
    ]
    later = editing.template_state(folder.settings, "acknowledgement")
    assert (set(later.own), set(later.sources)) == ({"nl"}, {"de", "en", "fr", "nl"})
    off = editing.propose_trigger(
        folder.settings,
        "acknowledgement",
        changes={"enabled": False},
        version=folder.version("acknowledgement"),
    )
    folder.keep(off)
    assert not triggers.checked_triggers(folder.settings)["acknowledgement"].trigger.enabled


def test_other_wording_is_no_template_of_triggers(folder: TriggerFolder) -> None:
    text = TemplateSource(file="", text=LETTER)
    assert ["acknowledgement", "letter"] == editing.template_names(folder.settings)
    with pytest.raises(ConfigError, match="notes is the wording of other mail"):
        editing.propose_template(folder.settings, "notes", {"nl": text}, version="")


def test_a_folder_that_may_not_be_written_loses_nothing(
    folder: TriggerFolder, tmp_path: Path
) -> None:
    (folder.folder / "gateway.toml").write_text('[templates]\nfolder = "elsewhere/templates"\n')
    text = TemplateSource(file="", text=LETTER)
    proposed = editing.propose_template(folder.settings, "letter", {"nl": text}, version="")
    folder.write("elsewhere", "")  # A file, below which there are no folders.

    with pytest.raises(FileNotWritten, match="can't be written"):
        folder.keep(proposed)
    assert [] == folder.edits()


def test_a_store_that_is_away_leaves_the_file_as_it_was(
    folder: TriggerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed = folder.template("Subject: Anders\n\nWoorden\n")

    def fail(*_: object) -> None:
        raise FileNotWritten("no room")

    monkeypatch.setattr(editing, "write_whole", fail)
    with pytest.raises(FileNotWritten):
        folder.keep(proposed)

    assert [] == folder.edits()
    assert folder.read("templates/letter/nl.txt") == LETTER


def test_what_runs_takes_a_change_in_by_itself(folder: TriggerFolder) -> None:
    files = triggers.CurrentTriggerFiles(folder.settings)
    folder.keep(folder.template("Subject: Anders\n\nWoorden\n"))

    assert files.refresh()
    said = files.checked_triggers["founded"].template.render(
        "nl", {"person": {"first_name": "Ann"}}
    )
    assert said.subject == "Anders"


@pytest.mark.parametrize("language", ["nl", "de", "fr", "en"])
def test_every_shipped_template_is_shown_with_a_made_up_person(
    folder: TriggerFolder, language: str
) -> None:
    for name in editing.example_names():
        sources = editing.example_sources(name)
        shown = editing.sample_mail(folder.settings, folder.database, sources, language)

        assert shown.language == language
        assert () == shown.blank
        assert "Anna" in shown.subject + shown.text


def test_a_template_is_shown_as_somebody_known_gets_it(folder: TriggerFolder) -> None:
    ann = PersonRef(PersonKind.CANDIDATE, "1")
    sources = {"nl": TemplateSource(file="nl.txt", text="Subject: {{ person.name }}\n\n[PRUEFNR]")}

    shown = editing.sample_mail(folder.settings, folder.database, sources, "nl", person=ann)

    assert ("Ann", "P-1234\n") == (shown.subject, shown.text)
    nobody = PersonRef(PersonKind.CANDIDATE, "99")
    with pytest.raises(editing.NoSuchPerson):
        editing.sample_mail(folder.settings, folder.database, sources, "nl", person=nobody)


def test_a_trigger_in_another_encoding_is_shown_and_written_anew(folder: TriggerFolder) -> None:
    file = folder.folder / "triggers" / "founded.toml"
    text = file.read_text()
    file.write_bytes(f"# Grüße\n{text}".encode("cp1252"))
    state = editing.trigger_state(folder.settings, "founded")

    proposed = editing.propose_trigger(
        folder.settings, "founded", text=state.text, version=state.version
    )
    folder.keep(proposed, confirmed=True)

    assert any("not UTF-8 text" in problem for problem in state.problems)
    assert f"# Grüße\n{text}" == file.read_text(encoding="utf-8")
