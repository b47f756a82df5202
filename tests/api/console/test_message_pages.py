"""Messages and Send failed: found, told in the reader's language, explained, and cured."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from gateway.api.console.form_text import typed_moment
from gateway.api.console.roles import ConsoleRole
from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce, Proof
from gateway.core.decision.note_facts import NoteFacts, facts_as_json
from gateway.core.journal.message import Message
from gateway.core.kinds import Kind, Scope, State
from gateway.core.people.people import Suppression, SuppressionSource
from gateway.store.bounces import bounces
from gateway.store.console import console_acts
from gateway.store.journal import messages as journal_messages
from gateway.store.journal.journal import write_recorded
from gateway.store.people import suppression
from tests.api.console.browsing import signed_in
from tests.api.served import Served, served
from tests.cli.conftest import delivery, message
from tests.store.feeding import NOW

ANN = "ann@example.org"
GROUP = Suppression(
    scope=Scope.BULK,
    source=SuppressionSource.GROUP,
    name="Geen bulk-mail",
    names=(("de", "Keine Massenmail"),),
    since=NOW,
)
STAFF = Suppression(scope=Scope.BULK, source=SuppressionSource.STAFF, origin="eva")


def failed(minute: int, *hits: Suppression, to: str = ANN, **fields: str) -> Message:
    """A mailing that suppressions kept from somebody, beside one who got it."""
    facts = NoteFacts(
        message=0,
        now=NOW,
        kind=Kind.BULK,
        rule="precedence",
        recipient=to,
        suppressions=hits,
        personal_mail=True,
    )
    part = delivery(to, State.SEND_FAILED, note="Verzenden mislukt")
    other = delivery("ben@example.org")
    return message(minute, other, replace(part, note_facts=facts_as_json(facts)), **fields)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(f"sqlite:///{tmp_path}/gateway.db", tmp_path) as opened:
        yield opened


def keep(api: Served, *messages: Message) -> None:
    with api.database.writing() as connection:
        write_recorded(connection, 1, messages, [])


@contextmanager
def counted(api: Served) -> Iterator[list[str]]:
    """Note the statements that the store is asked meanwhile."""
    asked: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    event.listen(api.database.engine, "before_cursor_execute", note)
    yield asked
    event.remove(api.database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        ("", ["newest", "of a group", "of staff"]),
        ("search=STAFF", ["of staff"]),
        ("q=STAFF", ["of staff"]),
        ("search=eve%40example.org", ["newest"]),
        ("state=send_failed", ["of a group", "of staff"]),
        ("state=relayed&to=eve%40example.org", ["newest"]),
        ("from=other%40example.org", ["newest"]),
        ("group=keine+Massenmail", ["of a group"]),
        ("rule=precedence&state=send_failed", ["of a group", "of staff"]),
        ("recipient=eve%40example.org", ["newest"]),
        ("sender=other%40example.org", ["newest"]),
        ("to=ann", ["of a group", "of staff"]),
        ("to=@EXAMPLE.org", ["newest", "of a group", "of staff"]),
        ("to=eve@", ["newest"]),
        ("to=example.org+eve", ["newest"]),
        ("to=@ample.org", []),
        ("to=an", []),
        ("to=other", []),
        ("from=other", ["newest"]),
        ("from=@example.org&to=eve", ["newest"]),
        ("from=@example.org&state=send_failed", ["of a group", "of staff"]),
        ("from=crm@&state=send_failed&group=keine+Massenmail", ["of a group"]),
        ("to=ann&search=group", ["of a group"]),
        ("to=100%25_", []),
        ("since=2099-01-01", []),
        ("until=2019-01-01", []),
        ("since=7d", ["newest", "of a group", "of staff"]),
        ("until=7d", []),
        ("since=2019-01-01&until=2099-01-01&to=ANN%40example.org", ["of a group", "of staff"]),
    ],
)
async def test_messages_are_found(api: Served, query: str, subjects: list[str]) -> None:
    keep(
        api,
        failed(0, STAFF, subject="of staff"),
        failed(1, GROUP, subject="of a group"),
        message(2, delivery("eve@example.org"), sender="other@example.org", subject="newest"),
    )

    async with signed_in(api) as browsing:
        page = await browsing.open(f"/console/messages?{query}")

    ways = [text for text, way in page.links if way.startswith("/console/messages/")]
    assert subjects == ways
    if not subjects:
        assert "No messages. Whatever the CRM sends" in page.text


@pytest.mark.parametrize(
    "query",
    [
        "to=@bücher.example",
        "to=@BÜCHER.example",
        "to=bücher",
        "to=bob+bücher.example",
        "to=@xn--bcher-kva.example",
        "to=xn--bcher-kva",
        "from=@bücher.example",
        "from=@xn--bcher-kva.example",
        "search=bücher",
        "search=anna@bücher.example",
    ],
)
async def test_a_domain_is_found_as_people_and_as_machines_write_it(
    api: Served, query: str
) -> None:
    keep(
        api,
        message(0, delivery("eve@example.org")),
        message(
            1,
            delivery("bob@xn--bcher-kva.example"),
            sender="anna@bücher.example",
            subject="to books",
        ),
    )

    async with signed_in(api) as browsing:
        page = await browsing.open(f"/console/messages?{query}")

    assert ["to books"] == [text for text, way in page.links if "/messages/" in way]


@pytest.mark.parametrize(
    "name",
    [
        "Ärzte & Ömer",
        'A "quoted" <b>name</b>',
        "back\\slash 100 %_",
        "Ne plus écrire 🎉",
        "ПОМОГАТЬ",
    ],
)
@pytest.mark.parametrize("case", [str, str.lower, str.upper])
async def test_whoever_a_group_kept_mail_from_is_found_whatever_its_name(
    api: Served, name: str, case: Callable[[str], str]
) -> None:
    named = replace(GROUP, name=name, names=(("en", f"{name} (en)"),))
    keep(api, failed(0, named), failed(1, replace(named, name=f"{name} 2", names=())))

    async with signed_in(api) as browsing:
        for asked in (name, f"{name} (en)"):
            page = await browsing.open(f"/console/send-failed?{urlencode({'group': case(asked)})}")
            shown = [text for text, way in page.links if text == "Hello"]
            assert ["Hello"] == shown, page.text
            assert page.text.count(ANN) >= 1, page.text


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("Ärzte", ["ärzte"]),
        ("ärzte", ["ärzte"]),
        ("mailing", ["keine mailings", "mailings aus"]),
        ("no news", ["mailings aus"]),
        ("keine mailings", ["keine mailings"]),
        ("g2", ["mailings aus"]),
        ("ma", []),
        ("of old", ["of old"]),
        ("none of these", []),
    ],
)
async def test_a_group_is_found_by_a_part_of_its_name_or_its_key(
    one_api: Served, asked: str, found: list[str]
) -> None:
    await one_api.feed(
        "groups",
        '{"crm_id":"g1","name":"Keine Mailings"}',
        '{"crm_id":"g2","name":"Mailings aus","name_en":"No news"}',
        '{"crm_id":"g3","name":"Die Ärzte"}',
    )
    named = {"Keine Mailings": (), "Mailings aus": (("en", "No news"),), "Die Ärzte": ()}
    named |= {"Of old": ()}
    keep(
        one_api,
        *(
            failed(number, replace(GROUP, name=name, names=names), subject=name)
            for number, (name, names) in enumerate(named.items())
        ),
    )

    async with signed_in(one_api) as browsing:
        page = await browsing.open(f"/console/send-failed?{urlencode({'group': asked})}")

    shown = [text for text, way in page.links if text in named]
    assert found == sorted(text.lower().removeprefix("die ") for text in shown)


async def test_only_whom_the_group_kept_mail_from_is_shown(api: Served) -> None:
    """A name that stands in another's, or in anything else that is kept, is no match."""
    of_a, of_ab = (
        failed(0, replace(GROUP, name=name, names=()), to=f"{name.lower()}@example.org")
        for name in ("A", "AB")
    )
    keep(api, replace(of_a, deliveries=(*of_a.deliveries, of_ab.deliveries[1])))

    async with signed_in(api) as browsing:
        page = await browsing.open("/console/send-failed?group=a")

    assert "a@example.org" in page.text
    assert "ab@example.org" not in page.text


@pytest.mark.parametrize("page", ["send-failed", "messages", "people/candidate:17"])
async def test_days_at_the_ends_of_the_calendar_are_days_too(one_api: Served, page: str) -> None:
    await one_api.feed("people", '{"crm_id":"17","emails":"ann@example.org"}')
    keep(one_api, failed(0, GROUP, subject="of today"))

    async with signed_in(one_api) as browsing:
        for query in ("until=9999-12-31", "until=9999-12-31T23:59:59.999999"):
            shown = await browsing.open(f"/console/{page}?{query}")
            assert "of today" in shown.text or page.startswith("people"), query
        await browsing.open(f"/console/{page}?since=9999-12-31")
        await browsing.open(f"/console/{page}?until=0001-01-02")


@pytest.mark.parametrize(
    ("written", "begins", "ends"),
    [
        ("2026-03-11", "2026-03-11T00:00", "2026-03-11T23:59:59.999999"),
        ("yesterday", "2026-03-11T00:00", "2026-03-11T23:59:59.999999"),
        ("Today", "2026-03-12T00:00", "2026-03-12T23:59:59.999999"),
        ("2026-03-11T08:30", "2026-03-11T08:30", "2026-03-11T08:30"),
        ("2h", "2026-03-12T06:00", "2026-03-12T06:00"),
        ("7d", "2026-03-05T08:00", "2026-03-05T08:00"),
    ],
)
def test_days_and_times_are_written_as_on_the_command_line(
    written: str, begins: str, ends: str
) -> None:
    zone = ZoneInfo("Europe/Amsterdam")
    now = datetime(2026, 3, 12, 8, tzinfo=zone)

    for expected, is_end in ((begins, False), (ends, True)):
        meant = typed_moment(written, now, zone, is_end=is_end)
        assert datetime.fromisoformat(expected) == meant.astimezone(zone).replace(tzinfo=None)


async def test_a_day_is_meant_whole_and_in_the_configured_zone(api: Served) -> None:
    sent = message(0, delivery(ANN))
    keep(api, sent)
    day = sent.at.astimezone(ZoneInfo(api.settings.time_zone)).date()

    async with signed_in(api) as browsing:
        for first, last, is_shown in ((0, 0, True), (-1, -1, False), (1, 1, False)):
            since, until = day + timedelta(days=first), day + timedelta(days=last)
            page = await browsing.open(f"/console/messages?since={since}&until={until}")
            assert is_shown == ("Hello" in page.text), (since, until)


async def test_what_cannot_be_meant_is_told_beside_its_field(api: Served) -> None:
    async with signed_in(api) as browsing:
        query = "to=%40&since=soon&search=%21&from=x+%2b&state=bogus"
        page = await browsing.open(f"/console/messages?{query}", status=422)

    assert "This is not a day." in page.text
    assert "There is no such state." in page.text
    assert 3 == page.text.count("Words have letters or digits.")
    assert "@" in [form.fields.get("to") for form in page.forms]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("messages?until=9999-12-31", 200),
        ("messages?since=0001-01-01", 422),
        ("send-failed?until=9999-12-31T23:59:59-14:00", 422),
        ("messages?state=%00", 400),
        (f"messages?search={'x' * 10_000}", 200),
        ("messages/0saa0pjrw0000/release?position=99999999999999999999", 422),
        ("messages/0saa0pjrw0000?after=99999999999999999999", 422),
        (f"feed/files/done/{'x' * 5_000}", 404),
        (f"feed/refused/failed/{'x' * 5_000}", 404),
        ("outbox/99999999999999999999", 404),
    ],
)
async def test_what_nobody_types_is_answered_all_the_same(
    tmp_path: Path, path: str, status: int
) -> None:
    folder = [("crm", {"folder": str(tmp_path)})]
    async with (
        served(f"sqlite:///{tmp_path}/gateway.db", tmp_path, folder) as api,
        signed_in(api, ConsoleRole.WORK) as browsing,
    ):
        answer = await browsing.client.get(f"/console/{path}")

    assert status == answer.status_code


async def test_a_list_goes_on_with_what_is_older(api: Served) -> None:
    keep(api, *(message(minute, delivery(ANN), subject=f"s{minute}") for minute in range(51)))

    async with signed_in(api) as browsing:
        page = await browsing.open("/console/messages?search=crm")
        [older] = [way for text, way in page.links if text == "Older"]
        rest = await browsing.open(older)

    assert "s50" in page.text
    assert "s0" not in page.text.split()
    assert "s0" in rest.text.split()
    assert "search=crm" in older


async def test_a_part_of_an_address_that_many_have_elsewhere_is_looked_for_in_steps(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_messages, "_AT_ONCE", 10)
    monkeypatch.setattr(journal_messages, "_MOST_LOOKED_AT", 30)
    elsewhere = (message(minute, delivery("x@b.example"), subject="ann") for minute in range(1, 55))
    keep(api, message(0, delivery(ANN), subject="hers"), *elsewhere)

    async with signed_in(api) as browsing:
        page = await browsing.open("/console/messages?to=ann")
        steps = 1
        while "Many messages have these words elsewhere" in page.text:
            assert "hers" not in page.text
            [older] = [way for text, way in page.links if text == "Older"]
            page = await browsing.open(older)
            steps += 1

    assert 2 == steps
    assert "hers" in page.text


async def test_of_a_mailing_those_are_shown_whose_address_has_the_part(api: Served) -> None:
    one, other = failed(0, STAFF), failed(0, STAFF, to="eve@mail.example")
    keep(api, replace(one, deliveries=(*one.deliveries, *other.deliveries)))

    async with signed_in(api) as browsing:
        page = await browsing.open("/console/send-failed?to=@mail.example")

    assert "eve@mail.example" in page.text
    assert ANN not in page.text.replace('value="', "")


async def test_a_failed_mail_is_told_in_the_readers_language_and_explained(api: Served) -> None:
    sent = failed(0, GROUP)
    keep(api, sent)

    async with signed_in(api, language="de") as browsing:
        page = await browsing.open("/console/send-failed")
        shown = await browsing.open(f"/console/messages/{ids.show(sent.id)}")

    for each in (page, shown):
        assert "Versand fehlgeschlagen: ann@example.org" in each.text
        assert "Keine Massenmail" in each.text
        assert "Massenmail Regel precedence" in each.text
        assert "precedence traf zu: Precedence passt auf" in each.text
        assert "Gruppe „Geen bulk-mail“" in each.text
        assert "gilt nicht mehr Ohne diese eine Sperre: versendet" in each.text
        assert "Das wird im CRM aufgehoben" not in each.text  # it is not in force any more
        assert "Eine persönliche Mail, aus der Akte der Person: versendet" in each.text
        assert "ben@example.org" not in page.text


async def test_what_came_back_is_shown_with_the_message(api: Served) -> None:
    sent = message(0, delivery(ANN))
    keep(api, sent)
    report = KeptBounce(
        inbox=ids.first_id_at(sent.at + timedelta(minutes=1)),
        position=0,
        message=sent.id,
        proof=Proof.TRACE,
        kind=BounceKind.BOUNCE,
        address=ANN,
        recipient=ANN,
        action="failed",
        status="5.1.1",
        diagnostic="no such <b>user</b>",
        reason="unknown_user",
        hard=True,
    )
    with api.database.writing() as connection:
        bounces.add(connection, [report])

    async with signed_in(api) as browsing:
        page = await browsing.open(f"/console/messages/{ids.show(sent.id)}")

    assert "failed 5.1.1 no such <b>user</b>" in page.text


def suppress(api: Served, source: SuppressionSource = SuppressionSource.STAFF) -> None:
    with api.database.writing() as connection:
        suppression.add(
            connection,
            id=1,
            ref_or_address=ANN,
            scope=Scope.BULK,
            remark="",
            public=False,
            by="eva",
            since=NOW,
            until=None,
            source=source,
        )


async def test_what_staff_suppressed_is_lifted_with_a_reason(api: Served) -> None:
    sent = failed(0, STAFF)
    keep(api, sent)
    suppress(api)

    async with signed_in(api, ConsoleRole.WORK) as browsing:
        page = await browsing.open("/console/send-failed")
        assert "still in force Without it alone: sent" in page.text
        [cure] = [way for text, way in page.links if text.startswith("Lift what keeps")]
        await browsing.open(cure)
        refused = await browsing.press("Lift it", status=422, reason=" ")
        assert "Say why: it is kept with who did it." in refused.text
        done = await browsing.press("Lift it", reason="Ann asked for it by phone")

        assert "Lifted. The next mail goes." in done.text
        assert "The same mail now: sent" in done.text
        assert not [way for text, way in done.links if text.startswith("Lift what keeps")]
        await browsing.open(cure, status=404)
    with api.database.reading() as connection:
        [entry] = suppression.history(connection, ANN)
        [act] = [
            act
            for act in console_acts.list_acts(connection, user=None, before=None, limit=9)
            if act.act == "message.release"
        ]
    assert ("anna", "Ann asked for it by phone") == (entry.released_by, entry.released_remark)
    assert ids.show(sent.id) == act.about


async def test_what_somebody_else_lifted_meanwhile_is_told(api: Served) -> None:
    sent = failed(0, STAFF)
    keep(api, sent)
    suppress(api)

    async with signed_in(api, ConsoleRole.WORK) as browsing:
        await browsing.open(f"/console/messages/{ids.show(sent.id)}/release?position=1")
        with api.database.writing() as connection:
            suppression.release(connection, ANN, by="eva", at=NOW, remark="")
        page = await browsing.press("Lift it", status=409, reason="Ann asked for it")
        assert "Somebody was faster" in page.text
        csrf = {"csrf": page.forms[0].fields["csrf"], "reason": "x"}
        way = f"/console/messages/{ids.show(sent.id)}/release"
        for position in ("", "x", "-1"):  # never taken for the first recipient
            answer = await browsing.client.post(way, data={**csrf, "position": position})
            assert 422 == answer.status_code
    with api.database.reading() as connection:
        assert "eva" == suppression.history(connection, ANN)[0].released_by
        acts = console_acts.list_acts(connection, limit=9)
    assert "message.release" not in [act.act for act in acts]


@pytest.mark.parametrize(
    ("source", "is_wanted"),
    [(SuppressionSource.STAFF, False), (SuppressionSource.UNSUBSCRIBE, True)],
)
async def test_what_people_wanted_themselves_is_lifted_only_if_they_ask(
    api: Served, source: SuppressionSource, is_wanted: bool
) -> None:
    sent = failed(0, replace(STAFF, source=source))
    keep(api, sent)
    suppress(api, source)

    async with signed_in(api, ConsoleRole.WORK) as browsing:
        way = f"/console/messages/{ids.show(sent.id)}/release?position=1"
        page = await browsing.open(way)

    assert is_wanted == ("only if they ask for mail again" in page.text)


async def test_who_only_looks_lifts_nothing(api: Served) -> None:
    sent = failed(0, STAFF)
    keep(api, sent)
    suppress(api)
    way = f"/console/messages/{ids.show(sent.id)}/release"

    async with signed_in(api, ConsoleRole.LOOK) as browsing:
        page = await browsing.open("/console/send-failed")
        assert "Lift what keeps" not in page.text
        await browsing.open(f"{way}?position=1", status=403)
        token = page.forms[0].fields["csrf"]
        answer = await browsing.client.post(way, data={"csrf": token, "position": "1"})
        assert 403 == answer.status_code
    with api.database.reading() as connection:
        assert suppression.history(connection, ANN)[0].released_at is None


@pytest.mark.parametrize("way", ["/console/messages/0000000000000", "/console/messages/x"])
async def test_an_unknown_message_is_told(api: Served, way: str) -> None:
    async with signed_in(api) as browsing:
        await browsing.open(way, status=404)


async def test_a_mailing_to_thousands_is_shown_a_part_at_a_time(api: Served) -> None:
    one = failed(0, GROUP)
    kept_away = one.deliveries[1]
    parts = [
        replace(kept_away, recipient=f"p{number}@example.org", address=f"p{number}@example.org")
        for number in range(2000)
    ]
    sent = replace(one, deliveries=(one.deliveries[0], *parts))
    keep(api, sent)

    async with signed_in(api) as browsing:
        page = await browsing.open("/console/send-failed")
        assert ["p0@example.org", "p4@example.org"] == [
            name
            for name in ("p0@example.org", "p4@example.org", "p5@example.org")
            if name in page.text
        ]
        assert "This mail was kept from 1995 more people." in page.text
        page = await browsing.open("/console/send-failed?to=p1777%40example.org")
        assert "p1777@example.org" in page.text
        assert "more people" not in page.text
        page = await browsing.open("/console/messages")
        assert "ben@example.org and 2000 more" in page.text
        assert "sent: 1 send failed: 2000" in page.text
        page = await browsing.open(f"/console/messages/{ids.show(sent.id)}")
        assert "p48@example.org" in page.text
        assert "p49@example.org" not in page.text
        [more] = [way for text, way in page.links if text == "More recipients"]
        page = await browsing.open(more)
        assert "p49@example.org" in page.text
        assert "p48@example.org" not in page.text
    answer = browsing.answer
    assert answer is not None
    assert len(answer.content) < 400_000


_MANY: tuple[tuple[str, Callable[[int], Message]], ...] = (
    ("/console/messages", lambda number: message(number, delivery(ANN))),
    ("/console/send-failed", lambda number: failed(number, GROUP, to=f"a{number}@example.org")),
)


@pytest.mark.parametrize(("way", "make"), _MANY)
async def test_more_messages_need_no_more_questions(
    api: Served, way: str, make: Callable[[int], Message]
) -> None:
    async with signed_in(api) as browsing:
        asked_of = []
        for upto in (2, 20):
            keep(api, *(make(number) for number in range(upto // 2, upto)))
            with counted(api) as asked:
                await browsing.open(way)
            asked_of.append(len(asked))

    assert asked_of[0] == asked_of[1] <= 12
