"""What can be read: messages, people, history, documents, inbox, outbox."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.api.routes.history import disposition
from gateway.core import ids
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import By, State
from gateway.core.moments import in_utc
from gateway.core.people.history import Document, HistoryEntry
from gateway.core.people.people import PersonKind, PersonRef
from gateway.core.replies.inbox import InboxRow, InboxState
from gateway.core.sending.outbox import OutboxDraft
from gateway.store.journal import searching
from gateway.store.journal.journal import write_recorded
from gateway.store.people import history
from gateway.store.replies import inbox
from gateway.store.sending import outbox
from tests.api.served import IDS, Served
from tests.store.journaling import kept_note

ANN = PersonRef(PersonKind.CANDIDATE, "17")
CONTENT = bytes(range(256)) * 8


def message(to: str, state: State = State.RELAYED, sender: str = "crm@example.org") -> Message:
    part = Delivery(recipient=to, address=to, state=state, by=By.RELAY, note="why", persons=(ANN,))
    number = IDS.next()
    at = ids.moment_of(number)
    return Message(
        id=number, at=at, listener="crm", sender=sender, subject="Hi", rule="x", deliveries=(part,)
    )


def keep(api: Served, *messages: Message) -> None:
    with api.database.writing() as connection:
        write_recorded(connection, 1, messages, [])


async def test_a_search_says_from_when_on_it_finds_all(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "_MOST_UNINDEXED", 2)
    kept = [message("ann@example.org") for _ in range(3)]
    keep(api, *kept)

    async def missed(**asked: str) -> object:
        return (await api.get("/messages", **asked)).get("may_miss_before", "not said")

    before = [await missed(**{word: "x"}) for word in ("search", "rule", "group")]
    with api.database.writing() as connection:
        searching.index(connection, datetime.now(UTC) + timedelta(minutes=5), 10)

    assert [in_utc(kept[1].at)] * 3 == before
    assert (None, "not said") == (await missed(search="x"), await missed(state="relayed"))


async def filed(
    api: Served, filename: str = "Lebenslauf.pdf", *, document_type: str = "cv"
) -> tuple[str, str]:
    """File a reply with a document; return the ids of both."""
    digest = await api.blobs.put(CONTENT)
    entry, number = IDS.next(), IDS.next()
    document = Document(
        id=number, filename=filename, type=document_type, content_type="text/html",
        size=len(CONTENT), sha256=digest, reference="4711", entry=entry,
    )  # fmt: skip
    reply = HistoryEntry(
        id=entry, person=ANN, reference="4711", fingerprint=str(entry), inbox=1, raw=digest,
        staff="s1", sender_name="Ann", sender="ann@example.org", subject="<script>", text="Hello",
        date=datetime(2026, 3, 4, tzinfo=UTC), documents=(document,),
    )  # fmt: skip
    with api.database.writing() as connection:
        history.add(connection, reply)
    return ids.show(entry), ids.show(number)


async def test_messages_are_found_by_what_is_asked(api: Served) -> None:
    failed = message("ann@example.org", State.SEND_FAILED)
    keep(api, failed, message("ben@example.org"), message("ben@example.org", sender="x@y.org"))

    async def found(**asked: str) -> list[str]:
        return [one["id"] for one in (await api.get("/messages", **asked))["items"]]

    assert 3 == len(await found())
    assert [ids.show(failed.id)] == await found(state="send_failed")
    assert [ids.show(failed.id)] == await found(to="ANN@example.org")
    assert 1 == len(await found(**{"from": "x@y.org"}))
    assert [ids.show(failed.id)] == await found(search="ANN example")
    assert [ids.show(failed.id)] == await found(search=ids.show(failed.id))
    assert [] == await found(group="Geen bulk-mail")
    assert 3 == len(await found(rule=failed.rule))
    assert 422 == (await api.ask("GET", "/messages", params={"search": "?!"})).status_code
    assert [] == await found(since=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    shown = await api.get(f"/messages/{ids.show(failed.id)}")
    assert ("send_failed", "why", ["candidate:17"]) == tuple(
        shown["deliveries"][0][name] for name in ("state", "note", "persons")
    )


async def test_what_flows_and_waits_is_told(one_api: Served) -> None:
    keep(one_api, message("ann@example.org", State.SEND_FAILED), message("ben@example.org"))

    today = await one_api.get("/today")

    counted = [quarter["deliveries"] for quarter in today["quarters"] if quarter["deliveries"]]
    assert [{"relayed": 1, "send_failed": 1}] == counted
    assert ([], [], None) == (today["undecided"], today["paused"], today["lights"]["looked_at"])


async def test_notes_come_in_the_language_asked_for(api: Served) -> None:
    one = message("ann@example.org", State.SEND_FAILED)
    part = replace(one.deliveries[0], note_facts=kept_note())
    keep(api, replace(one, deliveries=(part,)))
    path = f"/messages/{ids.show(one.id)}"

    def note(document: Any) -> str:
        return str(document["deliveries"][0]["note"])

    assert "why" == note(await api.get(path))
    assert "Keine Massenmail" in note(await api.get(path, language="de-AT"))
    assert note(await api.get(path, language="fr")).startswith("Échec de l'envoi")
    (listed,) = (await api.get("/messages", language="DE"))["items"]
    assert "Keine Massenmail" in note(listed)
    assert 422 == (await api.ask("GET", f"{path}?language=xx")).status_code


async def test_why_is_told_where_it_is_asked_for(one_api: Served) -> None:
    sent = message("ann@example.org", State.SEND_FAILED)
    part = replace(sent.deliveries[0], note_facts=kept_note())
    keep(one_api, replace(sent, deliveries=(part,)))

    shown = await one_api.get(f"/messages/{ids.show(sent.id)}", why="true")

    [hit] = shown["deliveries"][0]["why"]["suppressions"]
    assert ("Geen bulk-mail", False, "relay") == (
        hit["suppression"]["name"],
        hit["holds_now"],
        hit["without_it"],
    )


async def test_pages_of_messages_have_no_gap_while_new_ones_come(api: Served) -> None:
    mails = [message("ben@example.org") for _ in range(7)]
    keep(api, *mails)

    first = await api.get("/messages", limit=3)
    keep(api, message("ben@example.org"))
    second = await api.get("/messages", limit=3, cursor=first["next"])
    third = await api.get("/messages", limit=3, cursor=second["next"])

    seen = [one["id"] for page in (first, second, third) for one in page["items"]]
    assert [ids.show(one.id) for one in reversed(mails)] == seen
    assert third["next"] is None


async def test_who_has_it_already_is_told_so(api: Served) -> None:
    keep(api, message("ben@example.org"))
    first = await api.ask("GET", "/messages")
    tag = first.headers["etag"]

    again = await api.ask("GET", "/messages", headers={"if-none-match": f'"x", W/{tag}'})
    keep(api, message("ben@example.org"))
    changed = await api.ask("GET", "/messages", headers={"if-none-match": tag})

    assert (304, b"", tag) == (again.status_code, again.content, again.headers["etag"])
    assert 200 == changed.status_code


async def test_a_person_has_a_timeline_a_history_and_documents(api: Served) -> None:
    await api.feed("people", '{"crm_id":"17","emails":"ann@example.org","first_name":"Ann"}')
    keep(api, message("ann@example.org", State.SEND_FAILED))
    entry, document = await filed(api)

    person = await api.get("/people/candidate:17")
    [again] = (await api.get("/people", address="Ann@example.org"))["items"]
    timeline = await api.get("/people/candidate:17/timeline")
    replies = await api.get("/people/candidate:17/history")
    files = await api.get("/people/candidate:17/documents")

    assert person == again
    assert {"message", "reply", "document"} == {one["type"] for one in timeline["items"]}
    assert timeline["items"] == person["timeline"]
    assert [entry] == [one["id"] for one in replies["items"]]
    assert [document] == [one["id"] for one in files["items"]]
    assert "Hello" == (await api.get(f"/history/{entry}"))["text"]
    assert "Lebenslauf.pdf" == (await api.get(f"/documents/{document}"))["filename"]


async def test_pages_of_a_timeline_have_no_gap_while_new_entries_come(one_api: Served) -> None:
    person = "/people/candidate:17/timeline"
    await one_api.feed("people", '{"crm_id":"17","emails":"ann@example.org"}')
    for _ in range(5):
        keep(one_api, message("ann@example.org", State.RELAYED))
    whole = (await one_api.get(person))["items"]

    first = await one_api.get(person, limit=2)
    keep(one_api, message("ann@example.org", State.RELAYED))
    second = await one_api.get(person, limit=2, cursor=first["next"])
    third = await one_api.get(person, limit=2, cursor=second["next"])
    answer = await one_api.ask("GET", f"{person}?cursor=x")

    assert 5 == len(whole)
    assert whole == first["items"] + second["items"] + third["items"]
    assert third["next"] is None
    assert 422 == answer.status_code


async def test_a_timeline_is_asked_for_by_sort_and_time(one_api: Served) -> None:
    person = "/people/candidate:17/timeline"
    await one_api.feed("people", '{"crm_id":"17","emails":"ann@example.org"}')
    keep(one_api, message("ann@example.org", State.RELAYED))
    await filed(one_api)

    async def types(**asked: Any) -> list[str]:
        return [one["type"] for one in (await one_api.get(person, **asked))["items"]]

    assert ["document", "reply"] == sorted(await types(type=["reply", "document"]))
    assert [] == await types(until="2020-01-01T00:00")
    assert 3 == len(await types(since="2020-01-01T00:00"))
    answer = await one_api.ask("GET", f"{person}?type=nonsense")
    assert 422 == answer.status_code


async def test_people_are_searched_page_by_page(one_api: Served) -> None:
    people = [f'{{"crm_id":"{number}","first_name":"Ann {number}"}}' for number in range(5)]
    await one_api.feed("people", *people)
    found, cursor = [], None
    while True:
        asked = {"text": "ann", "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = await one_api.get("/people/search", **asked)
        found += [one["person"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert [f"candidate:{number}" for number in range(5)] == found
    answer = await one_api.ask("GET", "/people/search?text=x&cursor=y")
    assert 422 == answer.status_code


@pytest.mark.parametrize(
    "path",
    [
        "/people/candidate:99", "/people/nobody", "/people/candidate:99/history",
        "/people/candidate:99/documents", "/people/candidate:99/timeline",
        "/messages/0000000000001", "/messages/zzzzzzzzzzzzz", "/messages/x", "/history/1",
        "/documents/0000000000001", "/documents/0000000000001/content", "/inbox/0000000000001",
        "/outbox/0000000000001",
    ],
)  # fmt: skip
async def test_what_is_not_there_is_a_problem_404(one_api: Served, path: str) -> None:
    answer = await one_api.ask("GET", path)

    assert (404, 404) == (answer.status_code, answer.json()["status"])


async def test_a_path_that_there_is_not_is_told_where_all_paths_are(one_api: Served) -> None:
    answer = await one_api.ask("GET", "/persons")

    assert 404 == answer.status_code
    assert "nothing is at /persons; /openapi.json has all paths" == answer.json()["detail"]


@pytest.mark.parametrize(
    ("asked", "status", "octets"),
    [
        ("", 200, slice(None)),
        ("bytes=0-0", 206, slice(0, 1)),
        ("bytes=10-19", 206, slice(10, 20)),
        ("bytes=2000-", 206, slice(2000, None)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=2040-99999", 206, slice(2040, None)),
        ("bytes=0-1,4-5", 200, slice(None)),
        ("bytes=9-1", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=2048-", 416, None),
        ("bytes=-0", 416, None),
    ],
)
async def test_H7_a_document_is_saved_never_shown_in_whole_or_by_range(
    one_api: Served, asked: str, status: int, octets: slice | None
) -> None:
    _, number = await filed(one_api)

    answer = await one_api.ask(
        "GET", f"/documents/{number}/content", headers={"range": asked} if asked else {}
    )

    assert status == answer.status_code
    if octets is None:
        assert f"bytes */{len(CONTENT)}" == answer.headers["content-range"]
        return
    assert CONTENT[octets] == answer.content
    assert "application/octet-stream" == answer.headers["content-type"]
    assert "nosniff" == answer.headers["x-content-type-options"]
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_a_document_that_changed_is_sent_whole_and_one_that_is_known_is_not(
    one_api: Served,
) -> None:
    _, number = await filed(one_api)
    path = f"/documents/{number}/content"
    tag = (await one_api.ask("GET", path)).headers["etag"]

    stale = await one_api.ask("GET", path, headers={"range": "bytes=0-1", "if-range": '"old"'})
    fresh = await one_api.ask("GET", path, headers={"range": "bytes=0-1", "if-range": tag})
    known = await one_api.ask("GET", path, headers={"if-none-match": tag})

    assert [200, 206, 304] == [one.status_code for one in (stale, fresh, known)]


async def test_a_document_whose_file_is_gone_is_a_problem(one_api: Served) -> None:
    _, number = await filed(one_api)
    for file in (one_api.settings.store.blobs.removeprefix("file://"),):
        import shutil

        shutil.rmtree(file)

    answer = await one_api.ask("GET", f"/documents/{number}/content")

    assert (404, "application/problem+json") == (
        answer.status_code, answer.headers["content-type"],
    )  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        'a"; filename="b.exe', "a\r\nSet-Cookie: x=1", "../../etc/passwd", "Müller–Ω.pdf", "%2e%2e",
        "invoice\u202egpj.exe",
    ],
)  # fmt: skip
async def test_H5_a_file_s_name_breaks_out_of_no_header(one_api: Served, name: str) -> None:
    _, number = await filed(one_api, name)

    answer = await one_api.ask("GET", f"/documents/{number}/content")

    header = answer.headers["content-disposition"]
    assert header == disposition(name)
    assert header.isascii()
    assert 2 == header.count('"')
    assert "set-cookie" not in answer.headers


async def test_the_import_address_can_be_asked_for(api: Served) -> None:
    told = await api.get("/inbox/address")

    assert {"address": "", "addresses": []} == told


async def test_the_inbox_shows_what_waits_and_in_pages(api: Served) -> None:
    row = InboxRow(
        id=IDS.next(), content="a", state=InboxState.NEEDS_ATTENTION, reason="no_reference"
    )
    with api.database.writing() as connection:
        inbox.put(connection, row)
        inbox.put(connection, replace(row, id=IDS.next(), content="b"))
        inbox.put(connection, replace(row, id=IDS.next(), content="c", state=InboxState.FILED))

    first = await api.get("/inbox", limit=1)
    second = await api.get("/inbox", limit=1, cursor=first["next"])

    assert [ids.show(row.id)] == [one["id"] for one in second["items"]]
    assert second["next"] is None
    assert 1 == len((await api.get("/inbox", state="filed"))["items"])
    assert "no_reference" == (await api.get(f"/inbox/{ids.show(row.id)}"))["reason"]


async def test_an_entry_of_the_outbox_is_cancelled_and_sent_again(api: Served) -> None:
    draft = OutboxDraft(
        id=IDS.next(), type="webhook", key="k", recipient="http://x/", body=b"{}",
        due=datetime.now(UTC),
    )  # fmt: skip
    with api.database.writing() as connection:
        outbox.put(connection, draft)
    path = f"/outbox/{ids.show(draft.id)}"

    cancelled = await api.ask("POST", f"{path}/cancel")
    again = await api.ask("POST", f"{path}/cancel")
    queued = await api.ask("POST", f"{path}/retry")

    assert ["cancelled", "queued"] == [one.json()["state"] for one in (cancelled, queued)]
    assert 409 == again.status_code
    assert "webhook" == (await api.get(path))["type"]
    assert 1 == len((await api.get("/outbox", state="queued"))["items"])
