"""A folder with an export of everything lacks the person and the membership at once."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.app import common
from gateway.app.feed.deleted_people import DeletedPeople
from gateway.core.kinds import TAG_SCOPES, Scope
from gateway.core.people.people import PersonRef, SuppressionSource
from gateway.crm.folder.feed_folder import FeedFolder, HandledFile
from gateway.store.engine.database import Database
from gateway.store.people import suppression, topic_opt_outs
from gateway.store.people.topic_opt_outs import TopicOptOut
from tests.settings import RELAY, loaded
from tests.store.feeding import person, tell

ANN = "ann@example.org"


def test_who_goes_with_the_membership_stays_suppressed(
    database: Database, store_url: str, tmp_path: Path
) -> None:
    settings = loaded(tmp_path, f'[store]\nurl = "{store_url}"\n{RELAY}')
    path = tmp_path / "feed"
    path.mkdir()
    folder = FeedFolder(
        database,
        path,
        source="crm",
        tag_scopes=TAG_SCOPES,
        clock=lambda: datetime.now(UTC),
        keep_suppressed=DeletedPeople(settings, database),
    )

    def export(people: str, memberships: str) -> None:
        (path / "people.full.csv").write_text(f"crm_id,emails\n18,bob@example.org\n{people}")
        (path / "groups.full.csv").write_text(
            "kind,crm_id,name,tag\ncandidate,g,No bulk,NoMailingsTag\n"
        )
        (path / "memberships.full.csv").write_text(f"kind,group,person\n{memberships}")
        handled = [*folder.import_settled(), *folder.import_settled()]
        assert {"done"} == {each.state for each in handled}, handled

    export(f"17,{ANN}\n19,cas@example.org\n", "candidate,g,17\ncandidate,g,18\n")
    export("19,cas@example.org\n", "candidate,g,19\n")

    standings = common.standings(settings, database)
    known = standings.now([ANN, "bob@example.org", "cas@example.org"])
    standings.close()
    own = [(entry.source, entry.scope) for entry in known[ANN].own]
    assert [(SuppressionSource.ERASED, Scope.BULK)] == own
    assert () == known["bob@example.org"].holders[0].suppressions == known["bob@example.org"].own
    assert () == known["cas@example.org"].own


WHOLE = f"crm_id,emails\n17,{ANN}\n19,cas@example.org\n"
WITHOUT_ANN = "crm_id,emails\n19,cas@example.org\n"


class Exports:
    """A folder with exports of everything, each without what is gone."""

    def __init__(self, database: Database, store_url: str, tmp_path: Path) -> None:
        self.settings = loaded(tmp_path, f'[store]\nurl = "{store_url}"\n{RELAY}')
        self.database = database
        self.path = tmp_path / "feed"
        self.path.mkdir()
        self._folder = FeedFolder(
            database,
            self.path,
            source="crm",
            tag_scopes=TAG_SCOPES,
            clock=lambda: datetime.now(UTC),
            keep_suppressed=DeletedPeople(self.settings, database),
        )
        self.drop(WHOLE, "17")
        assert {"done"} == {each.state for each in self.looked_at(2).values()}

    def drop(self, people: str, member: str, *, name: str = "people.full.csv") -> None:
        """Drop files of which the memberships have one member."""
        (self.path / name).write_text(people, encoding="latin-1")
        (self.path / "groups.full.csv").write_text("kind,crm_id,tag\ncandidate,g,NoMailingsTag\n")
        members = f"kind,group,person\ncandidate,g,{member}\n"
        (self.path / "memberships.full.csv").write_text(members)

    def looked_at(self, times: int) -> dict[str, HandledFile]:
        """Look as often; return what became of each file."""
        return {each.name: each for _ in range(times) for each in self._folder.import_settled()}

    def suppressed(self) -> set[str]:
        """Return who gets no bulk mail."""
        standings = common.standings(self.settings, self.database)
        known = standings.now([ANN, "cas@example.org"])
        standings.close()
        return {
            address
            for address, standing in known.items()
            if standing.own or any(holder.suppressions for holder in standing.holders)
        }


@pytest.fixture
def exports(database: Database, store_url: str, tmp_path: Path) -> Exports:
    """A folder from which Ann came with what suppresses her."""
    return Exports(database, store_url, tmp_path)


@pytest.mark.parametrize(
    ("name", "people"),
    [
        ("people.full.csv", "person;emails\n19;cas@example.org\n"),
        ("people.full.csv", "crm_id,emails\n,cas@example.org\n"),
        ("people.full.xls", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("people.full.csv", ""),
    ],
    ids=["unknown column", "a row is lacking", "old Excel", "a link"],
)
def test_nobody_is_lifted_by_a_membership_beside_a_file_of_people_that_is_refused(
    exports: Exports, tmp_path: Path, name: str, people: str
) -> None:
    if not people:
        (tmp_path / "elsewhere.csv").write_text("")
        (exports.path / name).symlink_to(tmp_path / "elsewhere.csv")
    exports.drop(people or WITHOUT_ANN, "19", name=name)
    beside = exports.looked_at(2)["memberships.full.csv"]
    meanwhile = exports.suppressed()
    exports.drop(WITHOUT_ANN, "19")
    mended = exports.looked_at(2)

    assert "failed" == beside.state
    assert f"{name}, dropped with it or before it" in beside.error
    assert {ANN, "cas@example.org"} == meanwhile == exports.suppressed()
    assert {"done"} == {each.state for each in mended.values()}


@pytest.mark.parametrize(
    "people", ["person;emails\n19;cas@example.org\n", "crm_id,emails\n,cas@example.org\n"]
)
def test_nobody_is_lifted_by_a_membership_after_a_file_of_people_that_is_refused(
    exports: Exports, people: str
) -> None:
    (exports.path / "people.full.csv").write_text(people)
    exports.looked_at(2)
    (exports.path / "memberships.full.csv").write_text("kind,group,person\ncandidate,g,19\n")
    after = exports.looked_at(2)["memberships.full.csv"]
    meanwhile = exports.suppressed()
    exports.drop(WITHOUT_ANN, "19")
    mended = exports.looked_at(2)

    assert "failed" == after.state
    assert {ANN, "cas@example.org"} == meanwhile == exports.suppressed()
    assert {"done"} == {each.state for each in mended.values()}


def test_what_suppressed_somebody_stays_known_while_the_file_of_people_waits(
    exports: Exports,
) -> None:
    keys = exports.settings.keys.file
    keys.unlink(missing_ok=True)
    keys.mkdir()  # Can't be read: nobody can be kept suppressed, so that nobody goes.
    exports.drop(WITHOUT_ANN, "19")
    waiting = exports.looked_at(2)["people.full.csv"]
    (exports.path / "groups.csv").write_text("kind,crm_id,tag\ncandidate,h,\n")
    exports.looked_at(2)
    keys.rmdir()
    exports.looked_at(1)

    assert "waiting" == waiting.state
    assert not (exports.path / "people.full.csv").exists()
    assert {ANN, "cas@example.org"} == exports.suppressed()


def test_full_files_wait_while_the_file_of_people_beside_them_grows(exports: Exports) -> None:
    exports.drop(WITHOUT_ANN.removesuffix("org\n"), "19")
    seen = exports.looked_at(1)
    (exports.path / "people.full.csv").write_text(WITHOUT_ANN)
    grown = exports.looked_at(1)
    whole = exports.looked_at(1)

    assert {} == seen == grown
    assert {"done"} == {each.state for each in whole.values()}
    assert {ANN, "cas@example.org"} == exports.suppressed()


@pytest.mark.parametrize("kept", ["17,new@example.org\n", "17,\n"])
def test_an_address_somebody_unsubscribed_at_stays_so_when_another_gets_it(
    database: Database, store_url: str, tmp_path: Path, kept: str
) -> None:
    """As where the CRM merges two people and keeps both."""
    settings = loaded(tmp_path, f'[store]\nurl = "{store_url}"\n{RELAY}')
    path = tmp_path / "feed"
    path.mkdir()
    folder = FeedFolder(
        database,
        path,
        source="crm",
        tag_scopes=TAG_SCOPES,
        clock=lambda: datetime.now(UTC),
        keep_suppressed=DeletedPeople(settings, database),
    )

    def export(people: str) -> None:
        (path / "people.csv").write_text(f"crm_id,emails\n{people}")
        handled = [*folder.import_settled(), *folder.import_settled()]
        assert {"done"} == {each.state for each in handled}, handled

    export(f"17,{ANN}\n18,bob@example.org\n")
    ann = PersonRef.parse("candidate:17")
    with database.writing() as connection:
        values = {"remark": "all", "public": True, "by": "recipient", "until": None}
        values |= {"since": datetime.now(UTC), "scope": Scope.BULK}
        unsubscribed = SuppressionSource.UNSUBSCRIBE
        suppression.add(connection, id=1, ref_or_address=ann, source=unsubscribed, **values)  # type: ignore[arg-type]
        choice = TopicOptOut(
            id=2, topic="Birthdays", ref_or_address=ann, remark="", since=datetime.now(UTC)
        )
        topic_opt_outs.add(connection, choice)

    export(f"{kept}18,bob@example.org;{ANN}\n")
    export(f"{kept}18,bob@example.org;{ANN}\n")

    standings = common.standings(settings, database)
    known = standings.now([ANN, "bob@example.org"])
    standings.close()
    assert [unsubscribed] == [entry.source for entry in known[ANN].own]
    assert () == known["bob@example.org"].own
    with database.reading() as connection:
        assert topic_opt_outs.is_declined(connection, "birthdays", None, ANN)
        assert not topic_opt_outs.is_declined(connection, "birthdays", None, "bob@example.org")


def test_who_declined_a_topic_goes_on_declining_it_under_another_id(
    database: Database, store_url: str, tmp_path: Path
) -> None:
    settings = loaded(tmp_path, f'[store]\nurl = "{store_url}"\n{RELAY}')
    keeping = DeletedPeople(settings, database)
    tell(database, "people", person("17", ANN), person("18", "bob@example.org"))
    choice = TopicOptOut(
        id=2,
        topic="Birthdays",
        ref_or_address=PersonRef.parse("candidate:17"),
        remark="",
        since=datetime.now(UTC),
    )
    with database.writing() as connection:
        topic_opt_outs.add(connection, choice)

    for _ in range(2):
        tell(database, "people", person("18", "bob@example.org"), replace=True, lift=True,
             keep_suppressed=keeping)  # fmt: skip
        tell(database, "people", person("99", ANN))

    standings = common.standings(settings, database)
    with database.reading() as connection:
        declined = {
            address: topic_opt_outs.is_declined(
                connection,
                "Birthdays",
                PersonRef.parse("candidate:99"),
                address,
                erased=standings.names_if_erased(connection, address),
            )
            for address in (ANN, "bob@example.org")
        }
    standings.close()
    assert {ANN: True, "bob@example.org": False} == declined
