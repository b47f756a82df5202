"""The feed's pages: how it stands, what imports did, and a file imported by hand."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.api.console.pages import feed as feed_page
from gateway.api.console.roles import ConsoleRole
from gateway.api.console.upload_folder import UploadFolder
from gateway.api.services import FeedRefused, FeedTaken, FeedTerms
from gateway.app.feed.feeding import StoreFeedAdapter
from gateway.core.kinds import TAG_SCOPES
from gateway.core.people.people import PersonKind, PersonRef
from gateway.crm.folder.feed_folder import FeedFolder
from gateway.store.console import console_acts
from gateway.store.people import people
from tests.api.console.browsing import Browsing, signed_in
from tests.api.served import Served, served

PEOPLE = "kind,crm_id,first_name,emails,birthday\n"
GOOD = "candidate,17,Ann,ann@example.org,1990-05-04\n"
BAD = "candidate,18,Bob,bob@example.org,31/31/1990\n"
BUTTONS = {
    "nl": "Tonen wat er zou veranderen",
    "de": "Zeigen, was sich ändern würde",
    "fr": "Montrer ce qui changerait",
}
MOMENT = datetime(2026, 11, 29, 8, tzinfo=UTC)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Served]:
    folder = tmp_path / "feed"
    folder.mkdir()
    url = f"sqlite:///{tmp_path}/gateway.db"
    async with served(url, tmp_path, [("crm", {"folder": str(folder)})]) as opened:
        yield opened


def drop(api: Served, name: str, text: str) -> None:
    """Have the folder take in a file, as the sender does."""
    folder = api.settings.crm.folder
    assert folder is not None
    (folder / name).write_text(text)
    looking = FeedFolder(
        api.database, folder, source="crm", tag_scopes=TAG_SCOPES, clock=lambda: MOMENT, zone=UTC
    )
    list(looking.import_settled())  # a file that changed since the last look waits
    list(looking.import_settled())


async def uploaded(
    browsing: Browsing, text: str, *, kind: str = "people", status: int = 200
) -> str:
    await browsing.open("/console/feed")
    page = await browsing.press(
        "Show what would change",
        status=status,
        files={"file": ("people.csv", text.encode())},
        kind=kind,
    )
    return page.text


async def test_nothing_yet(one_api: Served) -> None:
    async with signed_in(one_api) as browsing:
        page = await browsing.open("/console/feed")

    for said in ("Nothing was imported yet.", "No imports.", "The gateway looks at no folder"):
        assert said in page.text
    assert "Import a file" not in page.text  # only with the role


async def test_a_file_of_the_folder_with_its_refused_rows(api: Served) -> None:
    drop(api, "people.csv", PEOPLE + GOOD + BAD)
    async with signed_in(api) as browsing:
        page = await browsing.open("/console/feed")
        links = dict(page.links)
        one = await browsing.open(links["people.csv"])
        rows = await browsing.client.get(links["Download people.csv"])

    assert "People crm" in page.text
    assert "in part" in page.text
    assert "birthday" in one.text
    assert 'attachment; filename="people_csv_refused.csv"' in rows.headers["content-disposition"]
    header, row, *rest = rows.text.splitlines()
    assert header.startswith("kind,crm_id,first_name,emails,birthday,")
    assert row.startswith("candidate,18,Bob,bob@example.org,31/31/1990,3,")
    assert [] == rest


async def test_kinds_are_called_as_people_call_them(api: Served) -> None:
    drop(api, "people.csv", PEOPLE + GOOD)
    async with signed_in(api, ConsoleRole.RUN, language="fr") as browsing:
        page = await browsing.open("/console/feed")

    assert "Personnes crm" in page.text
    assert '<option value="memberships">Appartenances aux groupes' in str(
        browsing.answer and browsing.answer.text
    )


@pytest.mark.parametrize(
    "path",
    [
        "refused/done/nothing.csv",
        "refused/done/..%2F..%2Fgateway.db",
        "refused/../people.csv",
        "files/done/../../gateway.keys",
        "files/secret/people.csv",
    ],
)
async def test_nothing_outside_the_folder_is_given_out(api: Served, path: str) -> None:
    async with signed_in(api) as browsing:
        answer = await browsing.client.get(f"/console/feed/{path}")

    assert 404 == answer.status_code


async def test_a_file_is_imported_after_one_saw_what_it_changes(api: Served) -> None:
    async with signed_in(api, ConsoleRole.RUN) as browsing:
        shown = await uploaded(browsing, PEOPLE + GOOD + BAD)
        with api.database.reading() as connection:
            before = people.find(connection, PersonRef(PersonKind.CANDIDATE, "17"))
        done = await browsing.press("Import")
        feed = await browsing.open("/console/feed")

    assert "people.csv: what would change" in shown
    assert "Added 2" in shown
    assert () == before
    assert "people.csv: imported" in done.text
    assert "people.csv 2 0 0 0" in feed.text
    with api.database.reading() as connection:
        acts = [act.act for act in console_acts.list_acts(connection)]
    assert ["import", "login"] == acts


async def test_its_refused_rows_can_be_kept(api: Served) -> None:
    async with signed_in(api, ConsoleRole.RUN) as browsing:
        await uploaded(browsing, PEOPLE + BAD)
        rows = await browsing.client.get(dict(browsing.page.links)["Download the refused rows"])

    assert "31/31/1990" in rows.text


async def test_what_was_sent_and_its_refused_rows_are_found_on_the_feed_again(api: Served) -> None:
    async with signed_in(api, ConsoleRole.RUN, name="olga") as browsing:
        await uploaded(browsing, PEOPLE + BAD)
        waiting = await browsing.open("/console/feed")
        await browsing.open(dict(waiting.links)["people.csv"])
        await browsing.press("Import")
        done = await browsing.open("/console/feed")
        rows = await browsing.client.get(dict(done.links)["Download the refused rows people.csv"])

    assert "people.csv waits for your yes" in waiting.text
    assert "people.csv imported" in done.text
    assert "31/31/1990" in rows.text


async def test_a_file_that_is_left_changes_nothing_and_is_gone(api: Served) -> None:
    async with signed_in(api, ConsoleRole.RUN) as browsing:
        await uploaded(browsing, PEOPLE + GOOD)
        where = str(browsing.answer and browsing.answer.url)
        page = await browsing.press("Do not import it")
        gone = await browsing.client.get(where)

    assert "Nothing was imported." in page.text
    assert 404 == gone.status_code


async def test_an_upload_is_its_users_alone(api: Served) -> None:
    async with (
        signed_in(api, ConsoleRole.RUN) as anna,
        signed_in(api, ConsoleRole.RUN, name="bob") as bob,
    ):
        await uploaded(anna, PEOPLE + GOOD)
        seen = await bob.client.get(str(anna.answer and anna.answer.url))
        feed = await bob.open("/console/feed")

    assert 404 == seen.status_code
    assert "people.csv" not in feed.text


async def test_what_lifts_many_suppressions_is_asked_for(api: Served) -> None:
    everybody = "".join(f"candidate,{n},P{n},p{n}@example.org,s9\n" for n in range(60))
    drop(api, "statuses.csv", "kind,crm_id,name,tag\ncandidate,s9,Out,NoMailingsTag\n")
    drop(api, "people.csv", PEOPLE.replace("birthday", "status") + everybody)
    lifting = "kind,crm_id,name,tag\ncandidate,s9,Out,\n"
    async with signed_in(api, ConsoleRole.RUN) as browsing:
        asked = await uploaded(browsing, lifting, kind="statuses")
        held = await browsing.press("Import")
        done = await browsing.press("Import", lift="yes")

    assert "This would lift many suppressions: 60." in asked
    assert "Nothing was applied." in held.text
    assert "people.csv: imported" in done.text


class _Held:
    """Holds imports until they are let go, as one of many rows takes a while."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go_on, self.times = threading.Event(), threading.Event(), 0
        take_in = StoreFeedAdapter.take_in

        def slowly(feed: StoreFeedAdapter, kind: str, file: Path, terms: FeedTerms) -> FeedTaken:
            if not terms.dry_run:
                self.times += 1
                self.begun.set()
                assert self.go_on.wait(30)
            return take_in(feed, kind, file, terms)

        monkeypatch.setattr(StoreFeedAdapter, "take_in", slowly)


@pytest.mark.parametrize("meanwhile", ["forget", "expire", "crowd", "again"])
async def test_a_file_is_kept_while_it_is_imported_and_is_imported_once(
    api: Served, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    async with signed_in(api, ConsoleRole.RUN) as browsing:
        await uploaded(browsing, PEOPLE + GOOD + BAD)
        page, form = str(browsing.answer and browsing.answer.url), browsing.page.forms[-1]
        held = _Held(monkeypatch)
        importing = asyncio.create_task(
            browsing.client.post(page, data={**form.fields, "do": "import"})
        )
        assert await asyncio.to_thread(held.begun.wait, 30)
        kept = feed_page._waiting_uploads._uploads[page.rpartition("/")[2]]
        kept.refused_file.write_text("crm_")  # as far as it is written by now
        in_part = await browsing.client.get(f"{page}/refused.csv")
        if meanwhile == "expire":
            later = time.monotonic() + 100_000
            monkeypatch.setattr(feed_page, "time", SimpleNamespace(monotonic=lambda: later))
        elif meanwhile == "crowd":
            monkeypatch.setattr(feed_page, "_MOST_KEPT", 1)
            feed_page._waiting_uploads.add(replace(kept, folder=UploadFolder()))
        else:
            do = "forget" if meanwhile == "forget" else "import"
            answer = await browsing.client.post(page, data={**form.fields, "do": do})
            assert 303 == answer.status_code
        shown = await browsing.open(page)
        held.go_on.set()
        answer = await importing
        done = await browsing.open(page)

    assert "people.csv: is being imported" in shown.text
    assert "Look again" in dict(shown.links)
    assert not [form for form in shown.forms if ("Import", "do", "import") in form.buttons]
    assert (404, 303, 1) == (in_part.status_code, answer.status_code, held.times)
    assert "people.csv: imported" in done.text
    with api.database.reading() as connection:
        assert people.find(connection, PersonRef(PersonKind.CANDIDATE, "17"))


async def test_what_fails_while_it_is_imported_can_be_imported_again(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> FeedTaken:
        raise FeedRefused("the mapping is another one now")

    async with signed_in(api, ConsoleRole.RUN) as browsing:
        await uploaded(browsing, PEOPLE + GOOD)
        page = str(browsing.answer and browsing.answer.url)
        with monkeypatch.context() as patched:
            patched.setattr(StoreFeedAdapter, "take_in", refuse)
            refused = await browsing.press("Import", status=422)
        await browsing.open(page)
        done = await browsing.press("Import")

    assert "The file can't be imported: the mapping is another one now" in refused.text
    assert "people.csv: imported" in done.text


async def test_a_file_there_is_no_room_for_is_told_so(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> FeedTaken:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(StoreFeedAdapter, "take_in", full)
    async with signed_in(api, ConsoleRole.RUN) as browsing:
        shown = await uploaded(browsing, PEOPLE + GOOD, status=503)

    assert "The file can't be kept here: No space left on device" in shown


async def test_a_file_may_have_a_long_name(api: Served) -> None:
    async with signed_in(api, ConsoleRole.RUN) as browsing:
        await browsing.open("/console/feed")
        page = await browsing.press(
            "Show what would change",
            files={"file": ("🙂" * 100 + ".csv", (PEOPLE + GOOD).encode())},
            kind="people",
        )

    assert "🙂.csv: what would change" in page.text


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("nothing", "x\n", "Choose what the rows of the file are."),
        ("people", "a,b\n1,2\n", "The file can't be imported:"),
        ("people", "", "The file can't be imported:"),
    ],
)
async def test_what_is_no_file_is_refused_with_why(
    api: Served, kind: str, text: str, said: str
) -> None:
    async with signed_in(api, ConsoleRole.RUN) as browsing:
        shown = await uploaded(browsing, text, kind=kind, status=422)
        if kind == "people":  # The form is there, to choose another file at once.
            await browsing.press(
                "Show what would change", files={"file": ("people.csv", (PEOPLE + GOOD).encode())}
            )

    assert said in shown


async def test_what_is_wrong_with_a_file_is_told_in_the_readers_language(api: Served) -> None:
    rows = (
        b"kind;crm_id;first_name;emails;birthday\n"
        b"candidate;17;Ren\xe9;rene.example.org;1990-02-30\n"
        b"candidate;18;Bob;bob@example.org;31/31/1990\n"
        b";19;Cas;cas@example.org;1990-05-04\n"
    )
    answers = {}
    for language, button in BUTTONS.items():
        async with signed_in(api, ConsoleRole.RUN, language=language) as browsing:
            for name, content in (
                ("people.csv", rows),
                ("empty.csv", b""),
                ("odd.csv", b"emial\n1"),
            ):
                await browsing.open("/console/feed")
                page = await browsing.press(
                    button,
                    status=200 if name == "people.csv" else 422,
                    files={"file": (name, content)},
                    kind="people",
                )
                answers[language, name] = page.text
                assert browsing.answer is not None
                assert '<span lang="en">' not in browsing.answer.text

    french, odd = answers["fr", "people.csv"], answers["fr", "odd.csv"]
    assert "lu comme Windows-1252 avec des points-virgules entre les champs" in french
    assert "est laissé de côté : il n'a pas de @" in french
    assert "écrivez un jour qui existe" in french
    assert "est vide" in answers["fr", "empty.csv"]
    assert "colonne inconnue 'emial'" in odd
    for text in answers.values():
        assert "crm.map" not in text
        assert "--propose" not in text


async def test_whoever_lacks_the_role_is_refused_before_the_file_is_read(api: Served) -> None:
    async with signed_in(api, ConsoleRole.MANAGE) as browsing:
        answer = await browsing.client.post(
            "/console/feed/upload",
            files={"file": ("people.csv", (PEOPLE + GOOD).encode())},
            data={"kind": "people", "csrf": "wrong"},
        )

    assert 403 == answer.status_code
    assert "lacks the role" in answer.text
