"""Suppressions over HTTP."""

import asyncio
import csv
import io
import json

import pytest

from gateway.core.token import TokenRole, TokenScope
from tests.api.served import Served


async def test_a_suppression_is_added_shown_listed_and_released(api: Served) -> None:
    added = await api.ask(
        "POST",
        "/suppressions",
        json={"address": "Ann@Example.org", "scope": "all", "note": "by phone", "by": "eva"},
    )
    shown = await api.get("/suppressions/ANN@example.org")
    released = await api.ask("DELETE", "/suppressions/ann@example.org")
    again = await api.ask("DELETE", "/suppressions/ann@example.org")

    assert (201, "ann@example.org", "eva") == (
        added.status_code, added.json()["address"], added.json()["by"],
    )  # fmt: skip
    assert ["all"] == [one["scope"] for one in shown["suppressions"]]
    assert [200, 404] == [released.status_code, again.status_code]
    assert 1 == released.json()["released"]
    [past] = (await api.get("/suppressions/ann@example.org"))["history"]
    assert "tester" == past["released_by"]
    assert [] == (await api.get("/suppressions"))["items"]


async def test_a_person_is_suppressed_shown_and_released_with_every_address(api: Served) -> None:
    told = {"emails": ["ann@x.org", "ann.bos@x.org"]}
    await api.ask("PUT", "/feed/people/candidate:17", json=told)
    added = await api.ask("POST", "/suppressions", json={"address": " candidate:17 "})
    later = {"emails": ["ann@x.org", "new@x.org"]}
    await api.ask("PUT", "/feed/people/candidate:17", json=later)
    shown = await api.get("/suppressions/candidate:17")
    listed = (await api.get("/suppressions"))["items"]
    released = await api.ask("DELETE", "/suppressions/candidate:17")
    again = await api.ask("DELETE", "/suppressions/candidate:17")
    unknown = [
        await api.ask("POST", "/suppressions", json={"address": "candidate:71"}),
        await api.ask("GET", "/suppressions/candidate:71"),
    ]
    wrong = await api.ask("POST", "/suppressions", json={"address": "person:17"})

    assert (201, "candidate:17") == (added.status_code, added.json()["address"])
    assert ("candidate:17", ["ann@x.org", "new@x.org"], ["staff"]) == (
        shown["person"], shown["addresses"], [one["source"] for one in shown["suppressions"]],
    )  # fmt: skip
    assert ["ann@x.org", "new@x.org"] == [one["address"] for one in listed]
    assert [200, 404] == [released.status_code, again.status_code]
    assert ("candidate:17", 1) == (released.json()["address"], released.json()["released"])
    assert [] == (await api.get("/suppressions"))["items"]
    assert [404, 404] == [each.status_code for each in unknown]
    assert {"nobody known as candidate:71; nearest: candidate:17"} == {
        each.json()["detail"] for each in unknown
    }
    assert 422 == wrong.status_code
    assert "a person is written candidate:17" in wrong.text


async def test_a_list_comes_in_pages_without_a_gap(api: Served) -> None:
    for number in (3, 1, 2, 5, 4):
        await api.ask("POST", "/suppressions", json={"address": f"p{number}@x.org"})

    seen: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await api.get("/suppressions", limit=2, **cursor)
        seen.append([one["address"] for one in page["items"]])
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}

    assert [["p1@x.org", "p2@x.org"], ["p3@x.org", "p4@x.org"], ["p5@x.org"]] == seen


async def test_everybody_who_is_suppressed_is_listed_from_every_source(api: Served) -> None:
    for path, body in (
        ("groups/candidate:g1", {"name": "No mailings", "tag": "NoMailingsTag"}),
        ("people/candidate:17", {"emails": ["ann@x.org", "ann.bos@x.org"]}),
        ("memberships/g1/candidate:17", {}),
    ):
        assert 200 == (await api.ask("PUT", f"/feed/{path}", json=body)).status_code
    await api.ask("POST", "/suppressions", json={"address": "bob@x.org", "scope": "all"})

    whole = (await api.get("/suppressions"))["items"]
    first = await api.get("/suppressions", limit=1)
    second = await api.get("/suppressions", limit=2, cursor=first["next"])
    single = await api.get("/suppressions", source="staff")
    of_all = await api.get("/suppressions", scope="all")
    exported = await api.ask("GET", "/suppressions.csv", params={"scope": "bulk"})

    assert [
        ("ann.bos@x.org", "candidate:17", "bulk", "group", "No mailings", "crm"),
        ("ann@x.org", "candidate:17", "bulk", "group", "No mailings", "crm"),
        ("bob@x.org", None, "all", "staff", "", "tester"),
    ] == [
        tuple(one[key] for key in ("address", "person", "scope", "source", "name", "by"))
        for one in whole
    ]
    assert whole == [*first["items"], *second["items"]]
    assert [["bob@x.org"]] * 2 == [[one["address"] for one in each["items"]]
                                   for each in (single, of_all)]  # fmt: skip
    assert 4 == len(exported.text.splitlines())
    assert 422 == (await api.ask("GET", "/suppressions?source=moon")).status_code


async def test_until_is_local_and_lies_ahead(one_api: Served) -> None:
    good = {"address": "a@x.org", "until": "2999-07-01T12:00:00"}
    added = await one_api.ask("POST", "/suppressions", json=good)
    past = await one_api.ask(
        "POST", "/suppressions", json={**good, "until": "2020-01-01T00:00:00Z"}
    )

    assert "2999-07-01T10:00:00.000Z" == added.json()["until"]
    assert 422 == past.status_code


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"address": "nobody"},
        {"address": "a b@x.org"},
        {"address": "a@x.org\r\nBcc: b@x.org"},
        {"address": "a\u0000@x.org"},
        {"address": "a@x.org", "scope": "none"},
        {"address": "a@x.org", "colour": "red"},
        {"address": "a@x.org", "note": "x" * 2001},
        {"address": "a@x.org", "note": "\ud800"},
        {"address": "a@x.org", "until": "tomorrow"},
    ],
)
async def test_what_is_wrong_is_told_as_a_problem(one_api: Served, body: object) -> None:
    answer = await one_api.ask(
        "POST",
        "/suppressions",
        content=json.dumps(body),
        headers={"content-type": "application/json"},
    )

    assert (422, "application/problem+json") == (
        answer.status_code, answer.headers["content-type"],
    )  # fmt: skip
    assert [] == (await one_api.get("/suppressions"))["items"]


async def test_a_request_with_a_key_is_done_once_also_when_it_comes_ten_times_at_once(
    api: Served,
) -> None:
    async def send(note: str = "x", token: str = "") -> tuple[int, bytes]:
        answer = await api.ask(
            "POST",
            "/suppressions",
            json={"address": "ann@x.org", "note": note},
            headers={"idempotency-key": "k-1"},
            token=token,
        )
        return answer.status_code, answer.content

    api.token()
    answers = await asyncio.gather(*(send() for _ in range(10)))
    other = await send("another note")
    stranger = await send(token=api.token(TokenScope.SUPPRESSIONS))

    assert 1 == len(set(answers))
    assert 201 == answers[0][0]
    assert 422 == other[0]
    assert (201, True) == (stranger[0], stranger[1] != answers[0][1])
    assert 2 == len((await api.get("/suppressions"))["items"])


async def test_a_request_that_was_refused_may_come_again_by_its_key(one_api: Served) -> None:
    headers = {"idempotency-key": "k-2"}
    first = await one_api.ask("POST", "/outbox/0000000000001/retry", headers=headers)
    second = await one_api.ask("POST", "/outbox/0000000000001/retry", headers=headers)

    assert [404, 404] == [first.status_code, second.status_code]


async def test_H5_no_cell_of_an_export_is_a_formula(one_api: Served) -> None:
    notes = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", 'a"b,c\nd']
    for number, note in enumerate(notes):
        await one_api.ask(
            "POST", "/suppressions", json={"address": f"p{number}@x.org", "note": note}
        )
    await one_api.ask("POST", "/suppressions", json={"address": "=cmd|x@x.org"})

    answer = await one_api.ask("GET", "/suppressions.csv")
    heading, *rows = csv.reader(io.StringIO(answer.text))

    known = ["address", "scope", "since", "until", "by", "note"]
    assert [*known, "person", "source", "name"] == heading
    assert 7 == len(rows)
    assert [] == [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@", "\t")]
    assert "attachment" in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("roles", "by", "recorded", "why"),
    [
        ({TokenRole.MANAGER}, "", "tester", ""),
        ({TokenRole.MANAGER}, "eva", "eva", ""),
        (set(), "m1", "m1", ""),
        (set(), "Mia@Office.example", "Mia@Office.example", ""),
        (set(), "", None, "only a manager may change this, and the token has no role manager"),
        (set(), "mia manager", "mia manager", ""),
        (
            set(),
            "Mia",
            None,
            "Mia is no member of staff that the CRM has sent (the nearest: Mia Manager (m1)",
        ),
        (set(), "r1", None, "r1 has no role manager but personnel_manager"),
        (set(), "rob@office.example", None, "rob@office.example has no role manager"),
        (set(), "m2", None, "m2 is no member of staff"),
        (set(), "manager", None, "manager is no member of staff"),
    ],
)
async def test_suppressions_are_changed_by_managers_only(
    one_api: Served, roles: set[TokenRole], by: str, recorded: str | None, why: str
) -> None:
    await one_api.feed(
        "staff",
        '{"crm_id":"m1","name":"Mia Manager","email":"mia@office.example",'
        '"roles":"personnel_manager;manager"}',
        '{"crm_id":"r1","email":"rob@office.example","roles":"personnel_manager"}',
    )
    token = one_api.token(TokenScope.SUPPRESSIONS, roles=roles)
    asked = {"address": "ann@x.org"} | ({"by": by} if by else {})

    added = await one_api.ask("POST", "/suppressions", json=asked, token=token)
    if recorded is None:
        await one_api.ask("POST", "/suppressions", json={"address": "ann@x.org"})
    released = await one_api.ask(
        "DELETE", "/suppressions/ann@x.org", params={"by": by}, token=token
    )

    [known] = (await one_api.get("/suppressions/ann@x.org"))["history"]
    if recorded is None:
        assert [403, 403] == [added.status_code, released.status_code]
        for answer in (added, released):
            assert why in answer.json()["detail"]
            assert "gateway tokens create --role manager" in answer.json()["detail"]
            assert "manager" == answer.json()["role"]
        assert "" == known["released_by"]
    else:
        assert [201, 200] == [added.status_code, released.status_code]
        assert (recorded, recorded) == (known["by"], known["released_by"])


@pytest.mark.parametrize(
    ("content_type", "body", "status", "told"),
    [
        ("application/x-www-form-urlencoded", b'{"address": "ann@x.org"}', 415, "application/json"),
        ("text/plain", b'{"address": "ann@x.org"}', 415, "says 'text/plain'"),
        ("application/json; charset=utf-8", b'{"address": "ann@x.org"}', 201, ""),
        ("application/json", b"[]", 422, "valid"),
        ("application/json; charset=iso-8859-1", b'{"note": "Ren\xe9"}', 400, "JSON in UTF-8"),
    ],
)
async def test_a_body_that_is_not_sent_as_json_is_refused_with_the_cure(
    one_api: Served, content_type: str, body: bytes, status: int, told: str
) -> None:
    answer = await one_api.ask(
        "POST", "/suppressions", content=body, headers={"content-type": content_type}
    )

    assert status == answer.status_code, answer.text
    assert told in answer.json().get("detail", "")
