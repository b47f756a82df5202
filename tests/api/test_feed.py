"""What the CRM tells over HTTP is taken in as its files are."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from gateway.api.routes.feed import FILE_TURN
from gateway.core.token import TokenScope
from gateway.crm.importer import import_file
from gateway.store.sending import events
from tests.api.served import Served, served
from tests.crm.test_workbook import sheet, text, workbook

ANN = '{"crm_id":"17","emails":["ann@example.org"],"first_name":"Ann","status":"s1"}'
TAGGED_ALIKE = {"name": "No news", "tag": "NoMailingsTag"}
PARTS = ("timeline", "history", "documents")
TAGGED = '{"crm_id":"g1","name":"No news","tag":"NoMailingsTag"}'


async def test_a_person_is_upserted_and_what_is_not_told_stays(api: Served) -> None:
    first = await api.ask("PUT", "/feed/people/candidate:17", content=ANN)
    second = await api.ask("PUT", "/feed/people/candidate:17", json={"last_name": "Müller"})

    assert (200, 1) == (first.status_code, first.json()["added"])
    assert (200, 1) == (second.status_code, second.json()["changed"])
    person = await api.get("/people/candidate:17")
    assert ("Ann Müller", ["ann@example.org"]) == (person["name"], person["addresses"])


@pytest.mark.parametrize("crm_id", ["2026/17", "a/b/c", "2026/timeline", "50%2F2", "ü/ñ 1"])
async def test_an_id_with_a_slash_is_fed_and_read_by_it(api: Served, crm_id: str) -> None:
    person = f"candidate:{quote(crm_id, safe='')}"
    group = quote(f"g/{crm_id}", safe="")
    for path, told in (
        (f"groups/candidate:{group}", TAGGED_ALIKE),
        (f"people/{person}", {"emails": ["ann@example.org"]}),
        (f"memberships/{group}/{person}", {}),
    ):
        fed = await api.ask("PUT", f"/feed/{path}", json=told)
        assert (200, 1) == (fed.status_code, fed.json()["added"]), fed.text

    shown = await api.get(f"/people/{person}")
    below = [await api.get(f"/people/{person}/{part}") for part in PARTS]

    assert (f"candidate:{crm_id}", ["No news"]) == (
        shown["person"],
        [one["name"] for one in shown["suppressions"]],
    )
    assert [1, 0, 0] == [len(part["items"]) for part in below]


async def test_a_plain_slash_is_one_of_the_id_where_no_longer_address_fits(one_api: Served) -> None:
    await one_api.ask("PUT", "/feed/people/candidate:2026/17", json={"emails": "ann/o@x.org"})
    told = {"person": "2026/17", "status": "new", "responsible": "s1"}
    fed = await one_api.ask("PUT", "/feed/applications/2026/4711", json=told)
    await one_api.ask("POST", "/suppressions", json={"address": "ann/o@x.org"})

    shown = await one_api.get("/people/candidate:2026/17")
    events = await one_api.get("/people/candidate:2026/17/timeline")
    escaped = await one_api.get("/applications/2026%2F4711")
    plain = await one_api.get("/applications/2026/4711")
    suppressed = await one_api.get("/suppressions/ann%2Fo@x.org")
    submitted = await one_api.ask("POST", "/applications/2026/4711/submitted?dry_run=true")

    assert (200, "candidate:2026/17") == (fed.status_code, shown["person"])
    assert shown["timeline"] == events["items"]
    assert escaped == plain
    assert ("2026/4711", "candidate:2026/17", ["s1"]) == tuple(
        plain[name] for name in ("reference", "person", "responsible")
    )
    assert ["candidate:2026/17"] == suppressed["persons"]
    assert 200 == submitted.status_code, submitted.text
    assert 404 == (await one_api.ask("GET", "/applications/2026%2F4712")).status_code


@pytest.mark.parametrize(
    ("path", "group", "person"),
    [
        ("2026/1/candidate:2026/17", "2026/1", "2026/17"),
        ("g1/candidate:2026%2F17", "g1", "2026/17"),
        ("2026%2F1/candidate:17", "2026/1", "17"),
    ],
)
async def test_a_membership_is_named_with_slashes_as_they_are_or_escaped(
    one_api: Served, path: str, group: str, person: str
) -> None:
    await one_api.ask("PUT", f"/feed/memberships/{path}", json={})
    gone = await one_api.ask(
        "POST", "/feed/memberships/delete", content=json.dumps({"group": group, "person": person})
    )

    assert 1 == gone.json()["removed"]


async def test_many_are_taken_in_and_each_bad_line_is_told(api: Served) -> None:
    report = await api.feed(
        "people", ANN, "{no json", '{"crm_id":""}', '{"crm_id":"18","birthday":"x"}', "[1]"
    )

    assert (2, 2, 4) == (report["records"], report["added"], report["problem_count"])
    assert [2, 3, 4, 5] == [one["line"] for one in report["problems"]]
    assert "birthday" in report["problems"][2]["text"]


async def test_csv_is_taken_as_well(one_api: Served) -> None:
    report = await one_api.feed("staff", "crm_id,name,email", "s1,Eva,eva@example.org")

    assert 1 == report["added"]


async def test_a_dry_run_tells_what_would_change_and_changes_nothing(api: Served) -> None:
    report = await api.feed("people", ANN, dry_run=True)

    assert (True, 1) == (report["dry_run"], report["added"])
    assert 404 == (await api.ask("GET", "/people/candidate:17")).status_code


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('{"crm_id":"1","shoe_size":44}', "shoe_size"),
        ("", "is empty"),
        ("name,emails\nx,y", "crm_id"),
    ],
)
async def test_what_can_not_be_read_as_a_whole_is_refused_without_a_path(
    one_api: Served, body: str, why: str
) -> None:
    answer = await one_api.ask("POST", "/feed/people", content=body.encode())

    assert (422, "application/problem+json") == (
        answer.status_code, answer.headers["content-type"],
    )  # fmt: skip
    assert why in answer.json()["detail"]
    assert "tmp" not in answer.text


async def test_an_answer_says_which_rows_could_not_be_read(one_api: Served) -> None:
    wrapped = await one_api.ask("POST", "/feed/people", content='{"records": [{"crm_id": "17"}]}')
    uploaded = await one_api.ask("POST", "/imports/people", content=b"crm_id\n\x00\n")
    deleted = await one_api.ask("POST", "/feed/people/delete", content='{"crm_id": ""}')

    assert [(200, [1]), (200, [2]), (200, [1])] == [
        (answer.status_code, told_lines(answer)) for answer in (wrapped, uploaded, deleted)
    ]


def told_lines(answer: httpx.Response) -> list[int]:
    """Return the lines of the problems that an answer names."""
    return [problem["line"] for problem in answer.json()["problems"]]


@pytest.mark.parametrize("path", ["/feed/people", "/imports/people", "/feed/people/delete"])
async def test_a_form_is_no_file(one_api: Served, path: str) -> None:
    form = {"file": ("people.csv", b"crm_id,emails\n17,ann@example.org\n")}

    answer = await one_api.ask("POST", path, files=form)

    assert 415 == answer.status_code
    assert "--data-binary" in answer.json()["detail"]
    assert [] == (await one_api.get("/people", address="ann@example.org"))["items"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/feed/people"),
        ("POST", "/imports/people"),
        ("PUT", "/feed/people/candidate:17"),
        ("POST", "/suppressions"),
    ],
)
async def test_a_compressed_body_is_refused_with_the_cure(
    one_api: Served, method: str, path: str
) -> None:
    body = gzip.compress(b'{"crm_id": "17", "address": "ann@example.org"}')
    headers = {"content-type": "application/json", "content-encoding": "GZIP"}

    answer = await one_api.ask(method, path, content=body, headers=headers)

    assert (415, "the body is compressed (gzip): send it as it is") == (
        answer.status_code,
        answer.json()["detail"],
    )


async def test_a_coding_that_is_none_does_no_harm(one_api: Served) -> None:
    answer = await one_api.ask(
        "PUT", "/feed/people/candidate:17", content=ANN, headers={"content-encoding": "UTF-8"}
    )

    assert 200 == answer.status_code


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"name": "No news", "tag": "NoMailingsTag", "tag": ""}', 422),
        ('{"name": "No news", "Tag": "NoMailingsTag", "tag": ""}', 422),
        ('{"CRM-ID": "g2", "tag": "NoMailingsTag"}', 422),
        ('{"CRM-ID": "g1", "tag": "NoMailingsTag"}', 200),
    ],
)
async def test_a_record_says_each_column_once_and_its_key_as_the_address_does(
    one_api: Served, body: str, status: int
) -> None:
    answer = await one_api.ask("PUT", "/feed/groups/candidate:g1", content=body)

    assert status == answer.status_code, answer.text


async def test_a_single_record_does_not_wait_for_a_file(one_api: Served) -> None:
    async with FILE_TURN:
        answer = await one_api.ask("PUT", "/feed/people/candidate:17", content=ANN)

    assert 200 == answer.status_code


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/feed/people/17", {}, 422),
        ("/feed/people/robot:17", {}, 422),
        ("/feed/people/candidate:17", {"crm_id": "18"}, 422),
        ("/feed/people/candidate:17", {"birthday": "never"}, 200),
        ("/feed/people/candidate:17", {"emails": {"a": 1}}, 422),
        ("/feed/people/candidate:17", [1], 422),
        ("/feed/programmes/p1", {"name": "One"}, 200),
        ("/feed/memberships/g1/candidate:17", {}, 200),
        ("/feed/memberships/g1", {}, 422),
        ("/feed/nonsense/1", {}, 404),
    ],
)
async def test_a_single_record_says_what_is_wrong_with_it(
    one_api: Served, path: str, body: object, status: int
) -> None:
    answer = await one_api.ask("PUT", path, json=body)

    assert status == answer.status_code, answer.text


async def test_a_key_with_a_slash_is_told_as_it_was_written(one_api: Served) -> None:
    answer = await one_api.ask("PUT", "/feed/people/2026%2F17", json={})

    assert "not one of the people: '2026/17' (write candidate:17)" == answer.json()["detail"]


async def test_a_membership_suppresses_and_its_end_lifts_it(api: Served) -> None:
    await api.feed("people", ANN)
    await api.feed("groups", TAGGED)
    added = await api.ask("PUT", "/feed/memberships/g1/candidate:17", json={})
    [suppressed] = (await api.get("/suppressions/ann@example.org"))["suppressions"]
    lifted = await api.ask("DELETE", "/feed/memberships/g1/candidate:17")

    assert 1 == added.json()["suppressions_added"]
    assert ("bulk", "No news", "crm") == (
        suppressed["scope"], suppressed["name"], suppressed["origin"],
    )  # fmt: skip
    assert (1, 1) == (lifted.json()["removed"], lifted.json()["suppressions_lifted"])
    assert [] == (await api.get("/suppressions/ann@example.org"))["suppressions"]


async def test_only_what_the_token_s_source_brought_is_deleted(api: Served) -> None:
    other = api.token(TokenScope.FEED, source="hr")
    await api.feed("people", ANN)
    await api.feed("people", '{"crm_id":"18"}', '{"crm_id":"19"}', token=other)

    mine = await api.ask("DELETE", "/feed/people/candidate:18")
    gone = await api.ask(
        "POST", "/feed/people/delete", content=b'{"crm_id":"17"}\n{"crm_id":"18"}\n'
    )
    theirs = await api.ask("DELETE", "/feed/people/candidate:18", token=other)

    assert 404 == mine.status_code
    assert (2, 1) == (gone.json()["records"], gone.json()["removed"])
    assert (200, 1) == (theirs.status_code, theirs.json()["removed"])
    assert 404 == (await api.ask("GET", "/people/candidate:17")).status_code
    assert 200 == (await api.ask("GET", "/people/candidate:19")).status_code


async def test_an_address_goes_with_its_person(api: Served) -> None:
    await api.feed("people", ANN)
    await api.ask("DELETE", "/feed/people/candidate:17")

    assert [] == (await api.get("/people", address="ann@example.org"))["items"]


async def test_the_guard_holds_back_what_would_lift_many_suppressions(api: Served) -> None:
    people = [f'{{"crm_id":"{n}","emails":"p{n}@example.org"}}' for n in range(30)]
    members = [f'{{"group":"g1","person":"{n}"}}' for n in range(30)]
    await api.feed("people", *people)
    await api.feed("groups", TAGGED)
    await api.feed("memberships", *members)

    replaced = await api.feed("memberships", members[0], replace=True, status=409)
    deleted = await api.ask("POST", "/feed/memberships/delete", content="\n".join(members).encode())
    emptied = await api.ask("PUT", "/feed/groups/candidate:g1", json={"tag": ""})
    held = await api.get("/suppressions/p7@example.org")
    lifted = await api.ask("PUT", "/feed/groups/candidate:g1?lift=true", json={"tag": ""})

    assert (29, True) == (replaced["suppressions_lifted"], replaced["is_held_back"])
    assert [409, 409] == [deleted.status_code, emptied.status_code]
    assert "lift=true" in emptied.json()["detail"]
    assert 1 == len(held["suppressions"])
    assert (200, 30) == (lifted.status_code, lifted.json()["suppressions_lifted"])


async def test_it_is_what_gateway_import_would_have_done(tmp_path: Path) -> None:
    odd = '{"crm_id":"18","emails":"a@x.org;nonsense","active":false}'
    text = "\n".join((ANN, odd, "{bad", ""))
    file = tmp_path / "people.jsonl"
    file.write_text(text)
    async with served(f"sqlite:///{tmp_path}/one.db", tmp_path) as api:
        told = await api.feed("people", *text.splitlines())
        here = [await api.get(f"/people/candidate:{n}") for n in (17, 18)]
    async with served(f"sqlite:///{tmp_path}/other.db", tmp_path) as other:
        now = datetime.now(UTC)
        report = import_file(
            other.database, "people", file, source="crm", now=now, is_listing=False
        ).document()
        there = [await other.get(f"/people/candidate:{n}") for n in (17, 18)]

    assert here == there
    assert json.loads(json.dumps(report | {"at": told["at"]})) == told | {"file": "people.jsonl"}


async def test_a_feed_mails_nobody_whatever_it_changes(one_api: Served) -> None:
    await one_api.feed("people", ANN)
    await one_api.feed("statuses", '{"kind":"application","crm_id":"accepted","name":"Accepted"}')
    row = {"person": "17", "status": "new", "submitted_at": "2026-03-01"}
    for status in ("new", "accepted"):
        row["status"] = status
        answer = await one_api.ask("PUT", "/feed/applications/4711", json=row)
        assert 200 == answer.status_code, answer.text

    assert [] == (await one_api.get("/outbox"))["items"]
    with one_api.database.reading() as connection:
        assert not events.has_any(connection)


async def test_a_bulk_request_with_a_key_is_done_once(one_api: Served) -> None:
    async def send(body: str) -> tuple[int, object]:
        answer = await one_api.ask(
            "POST", "/feed/people", content=body, headers={"idempotency-key": "load-1"}
        )
        return answer.status_code, answer.json().get("added")

    assert [(200, 1), (200, 1), (422, None)] == [
        await send(ANN), await send(ANN), await send(ANN.replace("17", "18")),
    ]  # fmt: skip


async def test_what_is_wrong_with_an_upload_is_told_until_one_is_taken_whole(
    one_api: Served,
) -> None:
    async def upload(content: str, *, kind: str = "imports") -> object:
        params = {"filename": "May.csv"} if kind == "imports" else {}
        await one_api.ask("POST", f"/{kind}/people", content=content, params=params)
        [state] = (await one_api.get("/imports"))["items"]
        fault = state["fault"]
        return fault and (fault["file"], fault["problems"], fault["failed"])

    assert ("May.csv", 1, False) == await upload("crm_id,active\n17,perhaps\n")
    assert ("May.csv", 1, False) == await upload('{"crm_id": "17"}\n', kind="feed")
    assert ("May.csv", 1, True) == await upload("crm_id,shoe_size\n17,40\n")
    assert await upload("crm_id,active\n17,yes\n") is None


async def test_a_file_is_uploaded_as_an_export_writes_it(one_api: Served, tmp_path: Path) -> None:
    export = "crm_id;first_name;emails;status\r\n17;Renée;renee@x.org;s9\r\n18;Ben;;\r\n"
    rows = ([text("crm_id"), text("first_name")], [text("19"), text("Cas")])
    book = workbook(tmp_path / "x.xlsx", {"Blad1": sheet(*rows)})

    async def upload(content: bytes, **params: str) -> httpx.Response:
        return await one_api.ask("POST", "/imports/people", content=content, params=params)

    tried = await upload(export.encode("cp1252"), filename="Export maart.csv", dry_run="true")
    taken = await upload(export.encode("cp1252"), filename="C:\\tmp\\Export maart.csv")
    from_sheet = await upload(book.read_bytes(), filename="..")
    junk = await upload(b"\x00\x01\x02", filename="junk.xlsx")
    listed = (await one_api.get("/imports"))["items"]
    waiting = (await one_api.get("/imports/waiting"))["items"]

    assert ("Export maart.csv", 2, True) == tuple(
        tried.json()[key] for key in ("file", "added", "dry_run")
    )
    assert ("Export maart.csv", 2) == tuple(taken.json()[key] for key in ("file", "added"))
    assert (200, 1) == (from_sheet.status_code, from_sheet.json()["added"])
    assert "Renée" == (await one_api.get("/people/candidate:17"))["name"]
    assert 422 == junk.status_code, junk.text
    assert [("crm", "people")] == [(one["source"], one["kind"]) for one in listed]
    assert [("people.status", "s9")] == [(one["reference"], one["id"]) for one in waiting]
