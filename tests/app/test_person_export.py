"""All that is held of a person, given out: as JSON, as a page, and with the documents."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from gateway.app.people import erasure, export
from gateway.core import ids
from gateway.core.people.export_words import WORDS
from gateway.store.schema.columns import metadata
from tests.app.test_erasure import ANN, DOCUMENT, MAIL, NOW, REF, Held, personal

#: Tables that an erasure looks through and nobody is given out, each with why.
NOT_GIVEN_OUT = {
    "answers": "what programs were answered, for a day",
    "attempts": "how the mail server was asked, for a day",
    "console_sessions": "what staff were told on a page, for a day",
    "deliveries": "with the messages",
    "events": "what waits to be told to the CRM",
    "feed_faults": "of whole files",
    "imports": "counts of whole files",
    "held_reports": "reports to senders",
    "message_words": "of the messages",
    "open_references": "counts",
    "trigger_runs": "reports of runs",
}


@pytest.fixture
def held(store_url: str, tmp_path: Path) -> Iterator[Held]:
    holding = Held(tmp_path, store_url)
    yield holding
    holding.database.close()


def gathered(held: Held) -> export.PersonExport:
    return export.gather(held.settings, held.database, erasure.find_subject(held.database, REF))


def test_every_table_that_speaks_of_the_person_is_given_out(held: Held) -> None:
    blobs = dict.fromkeys(("mail", "encoded", "others", "document"), "")
    expected = set(personal(blobs)) - set(NOT_GIVEN_OUT) - {"outbox"}

    assert expected == set(gathered(held).held)


def test_what_went_out_and_came_back_is_given_out_with_its_id_and_time(held: Held) -> None:
    given = gathered(held).document()["held"]

    assert isinstance(given, dict)
    for table, key in (("messages", "id"), ("bounces", "inbox"), ("inbox", "id")):
        row = given[table][0]
        assert ids.moment_of(ids.read(row[key])).isoformat() == row["at"], table


def test_nobody_else_is_given_out(held: Held) -> None:
    text = json.dumps(gathered(held).document())

    assert "bob" not in text.casefold()
    assert "other@example.org" not in text


def test_what_is_about_another_with_the_same_address_is_not_given_out(held: Held) -> None:
    shared = "both@example.org"
    tables = metadata.tables
    bobs = {"kind": "candidate", "person": "18"}
    with held.database.writing() as connection:
        for person in ("4711x", "18"):
            row: dict[str, Any] = {"address": shared, "kind": "candidate", "person": person}
            connection.execute(insert(tables["addresses"]).values(row))
        row = {"id": 71, "trigger": "t", "event": "e", "occurrence": "1", "state": "sent"}
        row |= {"due_at": NOW, "mailbox": shared, "subject": "Bob's licence", **bobs}
        connection.execute(insert(tables["occurrences"]).values(row))
        row = {"audience": "a", "address": shared, "at": NOW, "changed_at": NOW, "seen_at": NOW}
        connection.execute(insert(tables["opt_outs"]).values(row | bobs))
        connection.execute(update(tables["inbox"]).values(address=shared, entry=99))
        delivery = {"address": shared, "recipient": shared, "note": "Bob is in group X"}
        connection.execute(update(tables["deliveries"]).values(delivery))

    given = str(gathered(held).document())

    assert shared in given
    assert "Bob" not in given
    assert "candidate:18" not in given


def test_the_folder_holds_json_a_page_and_the_files(held: Held, tmp_path: Path) -> None:
    folder = tmp_path / "export"

    number = export.write(held.settings, gathered(held), folder)

    files = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert number == len(files) == 4
    (document,) = (folder / "documents").iterdir()
    assert DOCUMENT == document.read_bytes()
    assert document.name.endswith("-Quirina.pdf")
    assert MAIL in [file.read_bytes() for file in (folder / "mail").iterdir()]
    written = json.loads((folder / "person.json").read_text())
    assert str(REF) == written["person"]
    assert ANN in json.dumps(written["held"]["addresses"])
    assert f'href="documents/{document.name}"' in (folder / "person.html").read_text()


@pytest.mark.parametrize("language", sorted(WORDS))
def test_the_page_is_in_the_persons_language(held: Held, language: str) -> None:
    people = metadata.tables["people"]
    with held.database.writing() as connection:
        connection.execute(update(people).values(language=language))

    page = export.page(gathered(held), {})

    assert f'<html lang="{language}">' in page
    assert f"<h2>{WORDS[language]['memberships']}</h2>" in page
    assert set(WORDS["en"]) == set(WORDS[language])


def test_what_the_person_wrote_is_no_part_of_the_pages_code(held: Held) -> None:
    history = metadata.tables["history"]
    with held.database.writing() as connection:
        connection.execute(update(history).values(text="<script>alert(1)</script>"))

    page = export.page(gathered(held), {})

    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_folder_with_files_is_left_alone(held: Held, tmp_path: Path) -> None:
    with pytest.raises(export.ExportFailed, match="is not empty"):
        export.write(held.settings, gathered(held), tmp_path)


def test_a_file_name_from_outside_stays_in_the_folder(held: Held, tmp_path: Path) -> None:
    documents = metadata.tables["documents"]
    with held.database.writing() as connection:
        connection.execute(update(documents).values(filename="../../evil\\x.pdf"))

    export.write(held.settings, gathered(held), tmp_path / "export")

    (document,) = (tmp_path / "export" / "documents").iterdir()
    assert document.name.endswith("_x.pdf")


def test_nothing_is_given_out_once_the_person_is_erased(held: Held) -> None:
    held.erase()

    with pytest.raises(export.ExportFailed, match="nothing is held"):
        gathered(held)


def test_every_section_has_a_name() -> None:
    tables = {name for name in WORDS["en"] if name not in ("title", "intro")}

    assert tables <= set(metadata.tables)
