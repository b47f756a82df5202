"""Addresses in requests: however people write one, and what is said of anything else."""

from urllib.parse import quote

import pytest

from tests.api.served import Served

WRITTEN = ["<ann@example.org>", " ANN@example.org ", "mailto:ann@example.org", "Ann <ann@x.org>"]
REFUSED = [
    ("a@x.org; b@x.org", "names several addresses"),
    ("ann@x.org;", "ends in “;”"),
    ("“ann@x.org”", "begins with the quote"),
    ("ann@x.org\x07", "U+0007"),
    ("4711", "has no @"),
]


@pytest.mark.parametrize(("text", "fault"), REFUSED)
async def test_what_is_no_single_address_is_answered_422_with_the_reason(
    one_api: Served, text: str, fault: str
) -> None:
    change = {"references": ["1"], "status": "s", "by": text}
    asked = [
        await one_api.ask("POST", "/suppressions", json={"address": text}),
        await one_api.ask("GET", f"/suppressions/{quote(text)}"),
        await one_api.ask("DELETE", f"/suppressions/{quote(text)}"),
        await one_api.ask("GET", "/people", params={"address": text}),
        await one_api.ask("GET", "/messages", params={"to": text}),
        await one_api.ask("GET", "/messages", params={"from": text}),
    ]
    if "@" in text:  # Else it is a crm_id.
        asked.append(await one_api.ask("POST", "/applications/status", json=change))

    assert [422] * len(asked) == [answer.status_code for answer in asked]
    assert [] == [answer.text for answer in asked if fault not in str(answer.json())]
    assert [] == (await one_api.get("/suppressions"))["items"]


@pytest.mark.parametrize("text", WRITTEN)
async def test_an_address_is_understood_however_it_is_written(api: Served, text: str) -> None:
    added = await api.ask("POST", "/suppressions", json={"address": text})
    shown = await api.get(f"/suppressions/{quote(text)}")
    released = await api.ask("DELETE", f"/suppressions/{quote(text)}")

    address = "ann@x.org" if "x.org" in text else "ann@example.org"
    assert (201, address) == (added.status_code, added.json()["address"])
    assert (address, 1) == (shown["address"], len(shown["suppressions"]))
    assert 200 == released.status_code
