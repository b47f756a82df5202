"""Answers of Mailchimp's in another shape than promised: told, tried again, and never believed."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from gateway.core.campaigns.campaigns import Campaign, CampaignState
from gateway.core.errors import GatewayError
from gateway.store.campaigns import campaigns
from gateway.store.engine.database import Database
from gateway.sync import campaigns as sync_campaigns
from gateway.sync import readiness
from gateway.sync.mailchimp import transport
from gateway.sync.mailchimp.errors import NotMailchimp, UnreadableAnswer
from gateway.sync.mailchimp.shapes import AnswerShape, Rows, ValueShape, check, check_page
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.sync_round import PutOff
from tests.rig.prepared import copy_prepared
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.asking import asking
from tests.sync.mailchimp_rig import MailchimpRig, candidate, email, quarter
from tests.sync.returning import ANN, BOB, CLO, Crm, address
from tests.sync.scripted import JSON, PROBLEM, Reply

MISSING = object()
#: What may stand where something else is expected.
WRONG: list[object] = [None, "x", 7, [], {}]
EVERYWHERE = AnswerShape(
    {
        "text": ValueShape.TEXT,
        "address": ValueShape.ADDRESS,
        "id": ValueShape.ID,
        "number": ValueShape.NUMBER,
        "flag": ValueShape.FLAG,
        "time": ValueShape.TIME,
        "never": ValueShape.TIME_OR_NEVER,
        "part": AnswerShape({"text": ValueShape.TEXT}),
        "rows": Rows(AnswerShape({"number": ValueShape.NUMBER})),
    },
    {"perhaps": ValueShape.NUMBER},
)
RIGHT: MailchimpJson = {
    "text": "",
    "address": "ann@crm.test",
    "id": "ab12",
    "number": 0,
    "flag": False,
    "time": "2026-11-02T12:00:00+00:00",
    "never": "",
    "part": {"text": "x"},
    "rows": [{"number": 1}],
    "more": None,
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"text": None}, "text is null, not a text"),
        ({"text": MISSING}, "text is missing"),
        ({"address": " "}, "address is a text, not a text that is not empty"),
        ({"id": "a/b"}, "id is a text, not an id"),
        ({"number": "7"}, "number is a text, not a whole number"),
        ({"number": None}, "number is null, not a whole number"),
        ({"number": True}, "number is true or false, not a whole number"),
        ({"number": 1.5}, "number is a number, not a whole number"),
        ({"number": 10**30}, "number is a number, not a whole number"),
        ({"flag": "true"}, "flag is a text, not true or false"),
        ({"time": ""}, "time is empty, not a time"),
        ({"never": "soon"}, "never is a text, not a time or empty"),
        ({"part": []}, "part is a list, not an object"),
        ({"part": {}}, "part.text is missing"),
        ({"rows": {}}, "rows is an object, not a list"),
        ({"rows": None}, "rows is null, not a list"),
        ({"rows": [{"number": 1}, {"number": ""}]}, "rows[1].number is empty, not a whole number"),
        ({"perhaps": "x"}, "perhaps is a text, not a whole number"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said_with_the_call(
    change: MailchimpJson, told: str
) -> None:
    check(RIGHT, EVERYWHERE, "GET /ping")
    check({**RIGHT, "perhaps": None}, EVERYWHERE, "GET /ping")
    document = {name: value for name, value in (RIGHT | change).items() if value is not MISSING}

    with pytest.raises(UnreadableAnswer) as raised:
        check(document, EVERYWHERE, "GET /ping")

    assert f"Mailchimp's answer to GET /ping can't be read: {told}" == str(raised.value)


def test_a_page_without_its_rows_is_empty_only_where_it_counts_none() -> None:
    row = AnswerShape({"id": ValueShape.ID})

    assert not check_page({"total_items": 0}, "members", row, "GET /x")
    assert not check_page({"members": [], "total_items": 3}, "members", row, "GET /x")
    for document in ({}, {"total_items": 3}, {"members": None}):
        with pytest.raises(UnreadableAnswer):
            check_page(document, "members", row, "GET /x")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"', b"7", b"[" * 100_000])
def test_a_success_without_an_object_names_its_call(body: bytes) -> None:
    with asking(Reply(200, body, JSON)) as (client, _), pytest.raises(UnreadableAnswer) as raised:
        client.campaign("c1")

    assert "GET /campaigns/c1 can't be read: it is cut off or no JSON object" in str(raised.value)


def test_json_of_a_proxy_does_not_pass_for_something_that_is_gone() -> None:
    reply = Reply(404, b'{"detail": "Not Found"}', PROBLEM)
    with asking(reply) as (client, _), pytest.raises(NotMailchimp):
        client.campaign("c1")


@contextmanager
def spoilt(
    monkeypatch: pytest.MonkeyPatch, call: str, spoil: Callable[[MailchimpJson], object]
) -> Iterator[None]:
    """Have the answers to calls like that (an expression) changed."""
    read_answer = transport.read_answer

    def reading(response: Any, asked: str) -> MailchimpJson:
        document = read_answer(response, asked)
        if not re.fullmatch(call, asked):
            return document
        wrong: Any = spoil(document)
        return {name: part for name, part in wrong.items() if part is not MISSING}

    with monkeypatch.context() as patch:
        patch.setattr(transport, "read_answer", reading)
        yield


def ways(document: object, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to each part of a document; of a list to the first entry only."""
    if place:
        yield place
    if isinstance(document, dict):
        for name, part in document.items():
            yield from ways(part, (*place, name))
    if isinstance(document, list) and document:
        yield from ways(document[0], (*place, 0))


def changed(document: Any, way: tuple[str | int, ...], wrong: object) -> Any:
    """Return a document with another value in one place, if it has that place."""
    if not way:
        return wrong
    step, *rest = way
    copied = list(document) if isinstance(document, list) else dict(document)
    if not any(step == key for key, _ in _parts(copied)):
        return document
    if rest:
        copied[step] = changed(copied[step], tuple(rest), wrong)  # type: ignore[index]
    elif wrong is MISSING:
        del copied[step]  # type: ignore[arg-type]
    else:
        copied[step] = wrong  # type: ignore[index]
    return copied


def _parts(document: dict[str, Any] | list[Any]) -> list[tuple[str | int, Any]]:
    return list(document.items() if isinstance(document, dict) else enumerate(document))


@pytest.fixture
def crm(tmp_path: Path, sandbox: ScriptedSandbox) -> Iterator[Crm]:
    """Three people in the audience."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    copy_prepared(url)
    database = Database(url)
    database.prepare()
    crm = Crm(database, sandbox)
    crm.subscribe(ANN, BOB, CLO)
    yield crm
    crm.close()
    database.close()


#: What a round of the role asks, and where all of its answers are.
ASKED = (
    r"GET /reports",
    r"GET /reports/\w+",
    r"GET /reports/\w+/email-activity",
    r"GET /reports/\w+/open-details",
    r"GET /reports/\w+/unsubscribed",
    r"GET /lists/\w+/members",
    r"GET /campaigns/\w+",
)


@pytest.mark.parametrize("call", ASKED)
def test_a_round_lives_with_any_answer_and_loses_nothing(
    crm: Crm, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    sent = crm.campaign(ANN, BOB, CLO)
    waiting = crm.campaign(ANN, name="Opened", send=False)
    crm.sandbox.open(sent.mailchimp_id, address(ANN))
    crm.sandbox.unsubscribe(sent.mailchimp_id, address(ANN))
    seen: list[MailchimpJson] = []

    def remember(document: MailchimpJson) -> MailchimpJson:
        seen.append(document)
        return document

    with spoilt(monkeypatch, call, remember):
        crm.sync()
        if call == r"GET /reports/\w+":
            crm.client.report(sent.mailchimp_id)
    answer = next(document for document in seen if any(document.values()))
    crm.sandbox.unsubscribe(sent.mailchimp_id, address(BOB))
    crm.sandbox.click(sent.mailchimp_id, address(CLO), "https://www.crm.test/1")

    wrongs = cycle(WRONG)  # A round each would take long: which part is which is tried above.
    for way in ways(answer):
        for wrong in (MISSING, next(wrongs)):
            with spoilt(monkeypatch, call, partial(changed, way=way, wrong=wrong)):
                crm.sandbox.advance(minutes=11)
                crm.sync()
            assert CampaignState.DELETED not in {crm.state(sent), crm.state(waiting)}

    crm.sandbox.advance(minutes=11)
    crm.sync()
    assert {ANN, BOB} == crm.opted_out()
    assert (1, 1, 2) == tuple(
        crm.kept(sent)[done] for done in ("opened", "clicked", "unsubscribed")
    )
    assert (CampaignState.SENT, CampaignState.OPENED) == (crm.state(sent), crm.state(waiting))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (r"GET /reports/\w+/unsubscribed", "unsubscribes"),
        (r"GET /reports/\w+/email-activity", "emails"),
        (r"GET /lists/\w+/members", "members"),
    ],
)
def test_what_cannot_be_read_is_told_and_keeps_no_other_waiting(
    crm: Crm, monkeypatch: pytest.MonkeyPatch, call: str, told: str
) -> None:
    odd, other = crm.campaign(ANN, BOB, name="Odd"), crm.campaign(ANN, CLO, name="Other")
    crm.sandbox.unsubscribe(odd.mailchimp_id, address(BOB))
    crm.sandbox.open(other.mailchimp_id, address(ANN))
    if "reports" in call:
        call = call.replace(r"\w+", odd.mailchimp_id)

    with spoilt(monkeypatch, call, lambda _: {}):
        crm.sync()

    results = [one.reason for one in crm.results if isinstance(one, PutOff)]
    assert any(
        re.search(rf"answer to {call} can't be read: {told} is missing", one) for one in results
    )
    assert crm.kept(other)["opened"] == 1
    assert {BOB} == crm.opted_out()
    assert crm.synced(other).synced_at


def test_reports_that_cannot_be_read_together_are_asked_for_one_by_one(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = crm.campaign(ANN)
    crm.sandbox.open(sent.mailchimp_id, address(ANN))

    with spoilt(monkeypatch, "GET /reports", lambda _: {"reports": [{"id": "x"}]}):
        crm.sync()

    assert crm.kept(sent)["opened"] == 1
    assert any(isinstance(one, PutOff) and "GET /reports " in one.reason for one in crm.results)


def through(rig: MailchimpRig) -> Campaign:
    """Bring a campaign from its draft to Mailchimp's schedule, as commands do."""
    rig.activate()
    readiness.account_standing(rig.client, readiness.active_audience(rig.database))
    with rig.database.reading() as connection:
        known = campaigns.list_campaigns(connection)
    number = known[0].id if known else rig.campaign(candidate("ann"), candidate("bob"))
    sync_campaigns.preview(rig.session, number)
    sync_campaigns.open_at_mailchimp(rig.session, number, yes=False)
    at = quarter(rig.sandbox.now())
    return sync_campaigns.schedule(rig.session, number, at, yes=False)


def ended(rig: MailchimpRig) -> str:
    """Return the error that this ended with, if any."""
    try:
        through(rig)
    except GatewayError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "call",
    [
        "GET /lists",
        r"GET /lists/\w+",
        r"GET /lists/\w+/merge-fields",
        r"GET /lists/\w+/members",
        r"GET /lists/\w+/segments/\d+/members",
        "GET /templates",
        "GET /verified-domains",
        r"GET /campaigns/\w+",
        r"GET /campaigns/\w+/send-checklist",
        r"PUT /campaigns/\w+/content",
        "POST /campaigns",
        r"POST /lists/\w+",
        r"POST /lists/\w+/segments",
        r"POST /lists/\w+/segments/\d+",
    ],
)
def test_a_command_ends_with_an_error_and_succeeds_when_repeated(
    rig: MailchimpRig, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    rig.people(candidate("ann"), candidate("bob"), candidate("clo"))
    spoils: tuple[Callable[[MailchimpJson], MailchimpJson], ...] = (
        lambda answer: dict.fromkeys(answer, MISSING),
        lambda answer: dict.fromkeys(answer, None),
        lambda answer: dict.fromkeys(answer, "x"),
        lambda answer: dict.fromkeys(answer, 7),
        lambda answer: {name: [] for name in answer},
        lambda answer: {
            name: [None] if isinstance(part, list) else part for name, part in answer.items()
        },
    )
    for spoil in spoils:
        with spoilt(monkeypatch, call, spoil):
            told = ended(rig)
        assert not told or ("can't be read" in told and f"{call.partition(' ')[0]} /" in told)
        with rig.database.reading() as connection:
            left = campaigns.list_campaigns(connection)
        for campaign in left:
            assert campaign.state is not CampaignState.DELETED
            if campaign.state is CampaignState.SCHEDULED:
                sync_campaigns.unschedule(rig.session, campaign.id)

    campaign = through(rig)

    rig.sandbox.advance(hours=3)
    assert len(rig.sandbox.account.campaigns) == 1
    assert {email("ann"), email("bob")} == rig.recipients(campaign.id)
