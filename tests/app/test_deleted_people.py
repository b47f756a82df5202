"""A folder with an export of everything lacks the person and the membership at once."""

from collections.abc import Iterator
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


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    database = Database(store_url)
    yield database
    database.close()


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
        handled = [*folder.look(), *folder.look()]
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


@pytest.mark.parametrize(
    "broken", ["person;emails\n19;cas@example.org\n", "crm_id,emails\n,cas@example.org\n"]
)
def test_nobody_is_lifted_by_a_membership_beside_a_file_of_people_that_is_refused(
    database: Database, store_url: str, tmp_path: Path, broken: str
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

    def export(people: str, members: str) -> dict[str, HandledFile]:
        (path / "people.full.csv").write_text(people)
        (path / "groups.full.csv").write_text("kind,crm_id,tag\ncandidate,g,NoMailingsTag\n")
        (path / "memberships.full.csv").write_text(f"kind,group,person\n{members}")
        return {each.name: each for each in (*folder.look(), *folder.look())}

    def suppressed() -> set[str]:
        standings = common.standings(settings, database)
        known = standings.now([ANN, "cas@example.org"])
        standings.close()
        return {
            address
            for address, standing in known.items()
            if standing.own or any(holder.suppressions for holder in standing.holders)
        }

    whole = f"crm_id,emails\n17,{ANN}\n19,cas@example.org\n"
    export(whole, "candidate,g,17\n")
    beside = export(broken, "candidate,g,19\n")["memberships.full.csv"]
    meanwhile = suppressed()
    mended = export("crm_id,emails\n19,cas@example.org\n", "candidate,g,19\n")

    assert "failed" == beside.state
    assert "people.full.csv beside it" in beside.error
    assert {ANN, "cas@example.org"} == meanwhile == suppressed()
    assert {"done"} == {each.state for each in mended.values()}


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
        handled = [*folder.look(), *folder.look()]
        assert {"done"} == {each.state for each in handled}, handled

    export(f"17,{ANN}\n18,bob@example.org\n")
    ann = PersonRef.parse("candidate:17")
    with database.writing() as connection:
        values = {"remark": "all", "public": True, "by": "recipient", "until": None}
        values |= {"since": datetime.now(UTC), "scope": Scope.BULK}
        unsubscribed = SuppressionSource.UNSUBSCRIBE
        suppression.add(connection, id=1, address=ann, source=unsubscribed, **values)  # type: ignore[arg-type]
        choice = TopicOptOut(id=2, topic="Birthdays", whose=ann, remark="", since=datetime.now(UTC))
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
        whose=PersonRef.parse("candidate:17"),
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
