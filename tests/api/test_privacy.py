"""To see what is held of a person, and to be forgotten, by the API."""

import io
import zipfile

from gateway.core.token import TokenRole
from tests.api.served import Served

ANN, BOB = "ann@example.org", "bob@example.org"


async def told(api: Served) -> None:
    """Have the CRM tell of Ann, who is suppressed, of Bob, and of a manager."""
    await api.feed(
        "people",
        f'{{"crm_id":"17","first_name":"Ann","last_name":"Bosch","emails":["{ANN}"]}}',
        f'{{"crm_id":"18","emails":["{BOB}"]}}',
    )
    await api.feed("staff", '{"crm_id":"s1","name":"Eva","roles":"manager","email":"eva@x.org"}')
    await api.ask("POST", "/suppressions", json={"address": ANN})


async def test_a_person_is_erased_and_the_answer_is_the_certificate(api: Served) -> None:
    await told(api)
    path, asked = "/people/candidate:17/erase", {"by": "eva", "mailchimp": "delete"}

    dry = await api.ask("POST", path, json={**asked, "dry_run": True})
    still = await api.ask("GET", "/people/candidate:17")
    key = {"idempotency-key": "k1"}
    done = await api.ask("POST", path, json=asked, headers=key)
    same = await api.ask("POST", path, json=asked, headers=key)
    again = await api.ask("POST", path, json=asked)

    assert [200, 200, 200, 404] == [each.status_code for each in (dry, still, done, again)], (
        again.text
    )
    assert (True, False) == (dry.json()["dry_run"], done.json()["dry_run"])
    assert dry.json()["counts"] == done.json()["counts"]
    assert done.content == same.content
    assert ("eva", 1) == (done.json()["by"], done.json()["counts"]["people"])
    assert ["bulk"] == [one["scope"] for one in done.json()["suppressed"]]
    assert "bosch" not in done.text.lower()
    standing = await api.get(f"/suppressions/{ANN}")
    assert ["erased"] == [one["source"] for one in standing["suppressions"]]
    assert 404 == (await api.ask("GET", "/people/candidate:17")).status_code
    assert 200 == (await api.ask("GET", "/people/candidate:18")).status_code
    (listed,) = (await api.get("/erasures"))["items"]
    assert done.json()["id"] == listed["id"]


async def test_only_managers_have_somebody_erased(api: Served) -> None:
    await told(api)
    plain = api.token(roles=())
    path = "/people/candidate:17/erase"

    refused = await api.ask("POST", path, token=plain, json={"by": "nobody"})
    for_eva = await api.ask("POST", path, token=plain, json={"by": "s1", "dry_run": True})

    assert (403, TokenRole.MANAGER.value) == (refused.status_code, refused.json()["role"])
    assert (200, "s1") == (for_eva.status_code, for_eva.json()["by"])


async def test_an_address_that_several_have_means_nobody(api: Served) -> None:
    await told(api)
    await api.feed("people", f'{{"crm_id":"19","emails":["{BOB}"]}}')

    answer = await api.ask("POST", f"/people/{BOB}/erase", json={})
    wrong = await api.ask("POST", "/people/candidate:17/erase", json={"mailchimp": "burn"})

    assert (409, True) == (answer.status_code, "several people" in answer.text)
    assert 422 == wrong.status_code


async def test_all_that_is_held_is_returned(api: Served) -> None:
    await told(api)

    held = await api.get("/people/candidate:17/export")
    archive = await api.ask("GET", "/people/candidate:17/export.zip")
    nobody = await api.ask("GET", "/people/candidate:99/export")

    assert ("candidate:17", "Ann Bosch") == (held["person"], held["name"])
    assert ["Ann"] == [row["first_name"] for row in held["held"]["people"]]
    names = zipfile.ZipFile(io.BytesIO(archive.content)).namelist()
    assert ["person.html", "person.json"] == sorted(names)
    assert 404 == nobody.status_code
