"""People in the console: found, shown, suppressed and released."""

import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from sqlalchemy import event, insert

from gateway.api.console.roles import ConsoleRole
from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce
from gateway.core.kinds import Scope, State
from gateway.core.people.people import PersonKind, PersonRef
from gateway.store.bounces import bounces
from gateway.store.console import console_acts
from gateway.store.people import suppression
from gateway.store.schema.activities import activities
from gateway.store.schema.campaigns import campaign_members, campaigns
from gateway.store.schema.triggers import occurrences
from tests.api.console.browsing import PASSWORD, add_user, browser, signed_in
from tests.api.served import IDS, Served
from tests.api.test_reading import filed, keep, message

LOOK, WORK = ConsoleRole.LOOK, ConsoleRole.WORK
ANN = PersonRef(PersonKind.CANDIDATE, "17")
HOME = "ann@example.org"


@pytest.fixture
async def api(one_api: Served) -> Served:
    """A small CRM, with Ann in a group that keeps mailings away."""
    await one_api.feed(
        "groups", '{"crm_id":"quiet","kind":"candidate","name":"Rust","tag":"NoMailingsTag"}'
    )
    await one_api.feed(
        "people",
        f'{{"crm_id":"17","emails":"{HOME}","first_name":"Ann","last_name":"Smit"}}',
        '{"crm_id":"2026/18","emails":"ben@example.org","first_name":"Ben"}',
    )
    await one_api.feed("memberships", '{"group":"quiet","kind":"candidate","person":"17"}')
    keep(one_api, message(HOME, State.SEND_FAILED))
    await filed(one_api)
    return one_api


async def test_a_person_is_found_and_shown_with_why_mail_is_kept_away(api: Served) -> None:
    async with signed_in(api, LOOK, language="nl") as browsing:
        page = await browsing.open("/console/people")
        assert {"Ann Smit", "Ben"} <= {text for text, _ in page.links}
        page = await browsing.press("Zoeken", q="smit")
        [link] = [address for text, address in page.links if text == "Ann Smit"]
        page = await browsing.open(link)

    assert "Verzenden" not in page.text.partition("Waarom mail wordt tegengehouden")[0][:50]
    for text in ("Rust", "geen bulk-mail", HOME, "verzenden mislukt", "verzonden", "Hi",
                 "Lebenslauf.pdf", "4711"):  # fmt: skip
        assert text in page.text, text
    assert "Blokkeren" not in page.text  # Who may only look has no button for it.


async def test_addresses_are_shown_as_people_write_them(api: Served) -> None:
    await api.feed(
        "people", '{"crm_id":"19","emails":"bob@b\u00fccher.example","last_name":"B\u00fccher"}'
    )
    async with signed_in(api, WORK) as browsing:
        listed = await browsing.open("/console/people?q=candidate:19")
        page = await browsing.open("/console/people/candidate:19")
        done = await browsing.press(
            "Suppress", note="asked", whom="bob@xn--bcher-kva.example", scope="all"
        )

    for shown in (listed, page):
        assert "bob@b\u00fccher.example" in shown.text
        assert "xn--" not in shown.text
    assert "is suppressed from now on" in done.text


@pytest.mark.parametrize("key", ["candidate:2026/18", "candidate:2026%2F18"])
async def test_a_key_may_have_slashes(api: Served, key: str) -> None:
    async with signed_in(api, WORK) as browsing:
        page = await browsing.open(f"/console/people/{key}")
        assert "ben@example.org" in page.text
        page = await browsing.press("Suppress", note="asked")
        assert "candidate:2026/18 is suppressed from now on." in page.text
        page = await browsing.press("Release", note="came back")
        assert "candidate:2026/18 is released." in page.text


@pytest.mark.parametrize(
    "text",
    [HOME, "ANN@Example.org", "Ann Smit <ann@example.org>", "17", '"ann lee"@bücher.example'],
)
async def test_an_address_or_bare_key_leads_to_whose_it_is(api: Served, text: str) -> None:
    await api.feed(
        "people",
        json.dumps(
            {"crm_id": "17", "emails": f'{HOME},"ann lee"@bücher.example', "last_name": "Smit"}
        ),
    )
    async with signed_in(api, LOOK) as browsing:
        page = await browsing.open(f"/console/people/{quote(text, safe='')}?type=message")
        answer = browsing.answer
        assert answer is not None
        found = await browsing.open(f"/console/people?q={quote(text, safe='')}")

    assert "/console/people/candidate:17?type=message" == answer.url.raw_path.decode()
    assert "What mail would meet now" in page.text
    if "<" not in text:
        assert "/console/people/candidate%3A17" in [way for _, way in found.links]


async def test_an_address_of_several_people_leads_to_all_of_them(api: Served) -> None:
    await api.feed("people", f'{{"crm_id":"19","emails":"{HOME}","first_name":"Eve"}}')
    async with signed_in(api, LOOK) as browsing:
        page = await browsing.open(f"/console/people/{HOME}")
        nobody = await browsing.open("/console/people/nobody@example.org", status=404)

    assert {"Ann Smit", "Eve"} <= {text for text, _ in page.links}
    assert "Nobody has the address nobody@example.org." in nobody.text


GONE = "gone@example.org"


async def test_an_address_that_nobody_has_is_shown_with_what_is_known_of_it(api: Served) -> None:
    mail, moment = message(GONE, State.SEND_FAILED), datetime.now(UTC)
    keep(api, mail)
    with api.database.writing() as connection:
        suppression.add(
            connection, id=IDS.next(), ref_or_address=GONE, scope=Scope.ALL, remark="moved away",
            public=False, by="eva", since=moment, until=None,
        )  # fmt: skip
        came_back = KeptBounce(
            inbox=IDS.next(), position=0, message=None, proof=None, kind=BounceKind.BOUNCE,
            address=GONE, recipient=GONE, action="failed", status="5.1.1",
            diagnostic="550 nobody", reason="", hard=True,
        )  # fmt: skip
        bounces.add(connection, [came_back])
    async with signed_in(api, LOOK) as browsing:
        listed = await browsing.open("/console/send-failed")
        page = await browsing.open(dict(listed.links)[GONE])
        only_mail = await browsing.open("/console/people/GONE@example.org?type=message")
        before = await browsing.open(f"/console/people/{GONE}?until=2020-01-01")
        found = await browsing.open(f"/console/people?q={GONE}")
        told = {}
        for language in ("nl", "de", "fr"):
            browsing.client.headers["accept-language"] = language
            told[language] = (await browsing.open(f"/console/people/{GONE}")).text

    assert f"Nobody has the address {GONE}." in page.text
    release = f"“Release” on the page of {GONE}"
    for text in (
        "moved away",
        "eva",
        "550 nobody",
        "A mailing",
        f"{GONE}: no mail at all",
        release,
    ):
        assert text in page.text, text
    for language, button in (("nl", "Vrijgeven"), ("de", "Freigeben"), ("fr", "Débloquer")):
        assert button in told[language]
        assert "gateway suppress" not in told[language]
    assert "send failed send failed" in page.text  # a mailing, and personal mail
    assert f"/console/messages/{ids.show(mail.id)}" in [way for _, way in page.links]
    assert not page.forms[0].fields.get("whom")
    assert ("550 nobody" in only_mail.text, "Hi" in only_mail.text) == (False, True)
    assert "Nothing. Mail through the gateway" in before.text
    assert "What is known of the address itself" in dict(found.links)


async def test_an_address_that_nobody_has_is_suppressed_and_released(api: Served) -> None:
    async with signed_in(api, WORK, name="eva") as browsing:
        await browsing.open(f"/console/people/{GONE}", status=404)
        unsaid = await browsing.press("Suppress", status=422, note=" ")
        page = await browsing.press("Suppress", note="asked for it", scope="all")
        again = await browsing.press("Release", note="asked for it back")
        twice = await browsing.client.post(
            f"/console/people/{GONE}/release",
            data={"csrf": again.forms[0].fields["csrf"], "note": "once more"},
        )
        acts = await browsing.open("/console/acts")
    with api.database.reading() as connection:
        entries = suppression.history(connection, GONE)

    assert "Say why" in unsaid.text
    assert f"{GONE} is suppressed from now on." in page.text
    assert f"{GONE} is released." in again.text
    assert "asked for it back" in again.text
    assert 409 == twice.status_code
    assert "suppressed an address" in acts.text
    assert "released an address" in acts.text
    assert GONE not in acts.text
    assert ["eva"] == [entry.released_by for entry in entries]


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ('"a b"@example.org', "a b@example.org"),
        (r'"a\"b"@example.org', 'a"b@example.org'),
        ("ü@bücher.example", "ü@bücher.example"),
    ],
)
async def test_an_address_that_needs_quotes_or_a_label_is_suppressed_and_released(
    api: Served, typed: str, shown: str
) -> None:
    async with signed_in(api, WORK) as browsing:
        await browsing.open(f"/console/people/{quote(typed, safe='')}", status=404)
        page = await browsing.press("Suppress", note="asked for it", scope="all")
        again = await browsing.press("Release", note="asked for it back")

    assert f"{shown} is suppressed from now on." in page.text
    assert f"{shown} is released." in again.text


async def test_an_address_is_looked_at_the_way_it_is_looked_up(api: Served) -> None:
    """As the person who was erased with it, and as mail names it: `ann+x` where plus counts."""
    keep(api, message("bob@xn--bcher-kva.example"))
    async with signed_in(api, LOOK) as browsing:
        page = await browsing.open(f"/console/people/{quote('Bob@bücher.example')}")
        await browsing.open(f"/console/people/{quote('no/body@example.org', safe='')}", status=404)
        await browsing.open("/console/people/a%20b@x@y", status=404)

    assert "Hi" in page.text


async def test_somebody_is_suppressed_and_released_with_a_reason(api: Served) -> None:
    async with signed_in(api, WORK, name="eva") as browsing:
        await browsing.open("/console/people/candidate:17")
        page = await browsing.press("Suppress", whom=HOME, scope="all", note="asked by phone")
        assert f"{HOME} is suppressed from now on." in page.text
        assert "Remark of staff: asked by phone" in page.text
        page = await browsing.press("Release", whom=HOME, note="changed her mind")
        assert f"{HOME} is released." in page.text
        assert "changed her mind" in page.text
        page = await browsing.open("/console/acts")

    assert "person.suppress" in page.text
    with api.database.reading() as connection:
        [entry] = suppression.history(connection, HOME)
        acts = console_acts.list_acts(connection, limit=9)
    assert ("all", "asked by phone", "eva", "eva", "changed her mind") == (
        entry.scope, entry.remark, entry.by, entry.released_by, entry.released_remark,
    )  # fmt: skip
    assert [("person.release", "candidate:17"), ("person.suppress", "candidate:17")] == [
        (act.act, act.about) for act in acts if act.about
    ]


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"note": ""}, 422, "Say why"),
        ({"note": "x", "until": "2020-01-01"}, 422, "This day is over."),
        ({"note": "x", "until": "soon"}, 422, "write a day"),
        ({"note": "x", "scope": "none"}, 422, "Choose one of these."),
        ({"note": "x", "whom": "ben@example.org"}, 422, "no address of this person"),
    ],
)
async def test_what_is_wrong_is_told_and_nothing_done(
    api: Served, fields: dict[str, str], status: int, told: str
) -> None:
    async with signed_in(api, WORK) as browsing:
        await browsing.open("/console/people/candidate:17")
        page = await browsing.press("Suppress", status=status, **fields)  # type: ignore[arg-type]  # none of them is `files`

    assert told in page.text
    with api.database.reading() as connection:
        assert () == suppression.history(connection, ANN)


@pytest.mark.parametrize(("whose", "first"), [("candidate:17", 200), ("nobody@example.org", 404)])
async def test_the_same_said_twice_is_said_once(api: Served, whose: str, first: int) -> None:
    told = []
    async with signed_in(api, WORK) as browsing:
        await browsing.open(f"/console/people/{whose}", status=first)
        for note, scope, until in (
            ("moved", "bulk", ""),
            ("moved", "bulk", ""),
            ("moved", "all", ""),
            ("left", "bulk", ""),
            ("moved", "bulk", "2099-07-01"),
            ("moved", "bulk", "2099-07-01"),
        ):
            page = await browsing.press("Suppress", note=note, scope=scope, until=until)
            told.append("was suppressed for this reason already; nothing was changed" in page.text)
        await browsing.press("Release", note="back")
        again = await browsing.press("Suppress", note="moved", scope="bulk")
    with api.database.reading() as connection:
        acts = console_acts.list_acts(connection, limit=100)

    assert [False, True, False, False, False, True] == told
    assert "is suppressed from now on" in again.text
    assert 5 == len([act for act in acts if act.act.endswith(".suppress")])
    assert 5 == len((await api.get(f"/suppressions/{whose}"))["history"])


async def test_what_is_not_ours_is_not_released(api: Served) -> None:
    async with signed_in(api, WORK) as browsing:
        page = await browsing.open("/console/people/candidate:17")
        assert "Release" not in [text for form in page.forms for text, *_ in form.buttons]
        csrf = page.forms[0].fields["csrf"]
        answer = await browsing.client.post(
            "/console/people/candidate:17/release", data={"csrf": csrf, "note": "x"}
        )

    assert 409 == answer.status_code
    assert "Nothing of ours suppresses candidate:17." in answer.text


async def test_a_key_with_a_slash_is_led_back_to_after_the_login(api: Served) -> None:
    add_user(api, "eva")
    async with browser(api) as browsing:
        await browsing.open("/console/people/candidate:2026%2F18?type=reply")
        page = await browsing.press("Sign in", user="eva", password=PASSWORD)
    assert "ben@example.org" in page.text


async def test_who_may_only_look_does_nothing(api: Served) -> None:
    async with signed_in(api, LOOK) as browsing:
        page = await browsing.open("/console/people/candidate:17")
        csrf = page.forms[0].fields["csrf"]
        for act in ("suppress", "release"):
            answer = await browsing.client.post(
                f"/console/people/candidate:17/{act}", data={"csrf": csrf, "note": "x"}
            )
            assert 403 == answer.status_code


async def test_a_timeline_is_read_on_by_sort_and_time(api: Served) -> None:
    keep(api, *(message(HOME) for _ in range(60)))
    async with signed_in(api, LOOK) as browsing:
        page = await browsing.open("/console/people/candidate:17")
        [older] = [address for text, address in page.links if text == "Older"]
        page = await browsing.open(older)
        assert "Lebenslauf.pdf" in page.text or "Newest" in page.text
        page = await browsing.press("Show", type="document")
        assert "Lebenslauf.pdf" in page.text
        assert "Hi" not in [text for text, _ in page.links]
        page = await browsing.press("Show", type="", until="2020-01-01")
        assert "Nothing. Mail through the gateway" in page.text
        await browsing.open("/console/people/candidate:17?since=soon", status=422)
        await browsing.open("/console/people/candidate:17?cursor=x", status=422)


@pytest.mark.parametrize("path", ["candidate:99", "nobody", "candidate:17/x", "%00"])
async def test_nobody_is_a_page_too(api: Served, path: str) -> None:
    async with signed_in(api, LOOK) as browsing:
        answer = await browsing.client.get(f"/console/people/{path}")
        assert answer.status_code in (400, 404)
        nothing = await browsing.open(f"/console/people?q={quote('no such name')}")
    assert "Nobody. Whoever has this key" in nothing.text


async def test_length_costs_no_further_questions(api: Served) -> None:
    asked: list[str] = []
    event.listen(
        api.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2])
    )
    counts = []
    async with signed_in(api, WORK) as browsing:
        for more in (0, 200):
            keep(api, *(message(HOME, State.SEND_FAILED) for _ in range(more)))
            for path in ("/console/people?q=ann", "/console/people/candidate:17"):
                await browsing.open(path)
                asked.clear()
                await browsing.open(path)
                counts.append(len(asked))
    assert counts[:2] == counts[2:]
    assert max(counts) <= 45


async def test_the_page_is_in_the_readers_language_as_a_whole(api: Served) -> None:
    with api.database.writing() as connection:
        suppression.add(
            connection, id=1, ref_or_address=HOME, scope=Scope.BULK, remark="moved", public=False,
            by="eva", since=datetime.now(UTC), until=None,
        )  # fmt: skip
    async with signed_in(api, LOOK, language="de") as browsing:
        page = await browsing.open("/console/people/candidate:17")

    assert "keine Massenmails Gruppe Rust" in page.text
    assert "Gruppe „Rust“: keine Massenmails" in page.text
    assert f"{HOME}: keine Massenmails (moved)" in page.text


async def test_what_has_no_message_leads_to_none(api: Served) -> None:
    """Mail on an event that was skipped has no page; nor has a message that the journal forgot."""
    skipped, sent = IDS.next(), message(HOME)
    keep(api, sent)
    now = datetime.now(UTC)
    row = {
        "id": skipped, "trigger": "birthday", "event": "birthday", "kind": "candidate",
        "person": "17", "occurrence": "2026", "state": "skipped", "reason": "not active",
        "due_at": now, "settled_at": now,
    }  # fmt: skip
    with api.database.writing() as connection:
        connection.execute(insert(occurrences).values(row))
    async with signed_in(api, LOOK, language="de") as browsing:
        page = await browsing.open("/console/people/candidate:17?type=trigger_mail&type=message")

    ways = [way for _, way in page.links]
    assert "birthday: nicht aktiv" in page.text
    assert f"/console/messages/{ids.show(sent.id)}" in ways
    assert f"/console/messages/{ids.show(skipped)}" not in ways


async def test_what_somebody_did_with_a_campaign_leads_to_it(api: Served) -> None:
    number, now = IDS.next(), datetime.now(UTC)
    sent = {"id": number, "name": "Autumn", "state": "sent", "template": 1}
    sent |= {"from_name": "HR", "from_address": "hr@crm.example"}
    member = {"campaign": number, "kind": "candidate", "person": "17", "address": HOME}
    opened = {"campaign": number, "recipient": HOME, "type": "opened", "at": now, "link": 0}
    with api.database.writing() as connection:
        connection.execute(insert(campaigns).values(sent))
        connection.execute(insert(campaign_members).values(**member, added_at=now))
        connection.execute(insert(activities).values(**opened, nth=0, seen_at=now))
    async with signed_in(api, LOOK) as browsing:
        page = await browsing.open("/console/people/candidate:17")
        campaign = await browsing.open(dict(page.links)['"Autumn": opened'])

    assert "Autumn" in campaign.text
