"""A day in an office, from the night's export to the evening's timeline, with a real gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import StartGateway
from tests.rig.client import Conversation, RawClient
from tests.rig.gateway import GatewayProcess
from tests.rig.process import LOOPBACK, free_port, wait_until
from tests.rig.records import Transaction
from tests.rig.sandbox import ScriptedSandbox
from tests.rig.sink import RawSink

pytestmark = pytest.mark.system

EVA, OTTO = "eva@office.example", "otto@office.example"
ANN, BEN, CAS = "ann@crm.test", "ben@crm.test", "cas@crm.test"
#: What the CRM has put into the folder at night: by a Dutch Excel, and not without faults.
EXPORT = {
    # The name of the group in cp1252, and what people see in German.
    "groups.csv": (
        "CRM_ID;Name;Tag;name_de\r\nquiet;Géén bulk-mail;NoMailingsTag;Keine Rundmail\r\n"
    ),
    "statuses.csv": (
        "kind;crm_id;name;tag;initial\r\ncandidate;gone;Overleden;NoMailTag;nee\r\n"
        "application;new;Nieuw;;ja\r\napplication;rejected;Afgewezen;;nee\r\n"
    ),
    "staff.csv": (
        "crm_id;name;email;roles;language\r\n"
        f"s1;Eva Bos;{EVA};personnel_manager;nl\r\ns2;Otto Groß;{OTTO};department;de\r\n"
    ),
    # Ann has died, on no day that there is; then come a blank row, Ben, Cas, and nobody.
    "people.csv": (
        "crm_id;first_name;emails;status;birthday;language\r\n"
        f"1;Ann;{ANN};gone;31-02-1980;nl\r\n;;;;;\r\n"
        f"2;Ben;Ben <{BEN}>;;01-03-1981;nl\r\n3;Cas;{CAS};;02-03-1982;nl\r\n;Dirk;;;;\r\n"
    ),
    "memberships.csv": "group;person\r\nquiet;2\r\n",
    "applications.csv": (
        "reference;person;title;status\r\n4711;2;Leraar;new\r\n4712;3;Leraar;new\r\n"
    ),
}
SENDER = {"from_name": "Office", "from_address": "office@crm.test"}
REJECTION = 'event = "status_changed"\nstatus = "rejected"\ntemplate = "rejected"\n'
MAILING = "From: {}\r\nSubject: Vacatures\r\nPrecedence: bulk\r\n\r\nDag!\r\n"


@asynccontextmanager
async def installation(
    start_gateway: StartGateway, sink: RawSink, sandbox: ScriptedSandbox
) -> AsyncIterator[tuple[GatewayProcess, httpx.AsyncClient]]:
    """A gateway that was set up, with the night's files in its folder, and a client of its API."""
    gateway = await start_gateway(
        sink.port,
        changes={
            "api": {"bind": f"{LOOPBACK}:{free_port()}"},
            "crm": {"folder": "feed", "every": "1s"},
            "mailchimp": {"api_key": "0123456789abcdef-us1", "base_url": sandbox.url},
            "notices": {"from": "Office <gateway@office.example>"},
            "triggers": {"undo": "3s", "daily_at": "23:59"},
        },
        roles=("smtp", "sender", "api"),
        is_started=False,
    )
    write(gateway.folder / "triggers" / "rejected.toml", REJECTION)
    text = "Subject: Uw sollicitatie\n\nBeste {{ person.first_name }}, helaas.\n"
    write(gateway.folder / "templates" / "rejected" / "nl.txt", text)
    for name, rows in EXPORT.items():
        write(gateway.folder / "feed" / name, rows, encoding="cp1252")
    scopes = ("read", "events", "campaigns")
    asked = [word for scope in scopes for word in ("--scope", scope)]
    made = await gateway.do("tokens", "create", "--name", "crm", *asked)
    token = next(word for word in made.split() if word.startswith("gw_"))
    await gateway.start()
    async with httpx.AsyncClient(
        base_url=f"http://{LOOPBACK}:{gateway.api_port}",
        headers={"authorization": f"Bearer {token}"},
        timeout=30,
        trust_env=False,
    ) as api:
        yield gateway, api


def write(file: Path, text: str, encoding: str = "utf-8") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode(encoding))


async def send(gateway: GatewayProcess, content: str, sender: str, *to: str) -> Conversation:
    """Send a mail as the CRM does."""
    async with await RawClient.connect(gateway.port) as client:
        await client.ehlo()
        recipients = [one.encode() for one in to]
        return await client.transaction(sender.encode(), recipients, content.encode())


def mail_of(message: Transaction) -> EmailMessage:
    mail = message_from_bytes(message.content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return "" if body is None else str(body.get_content())


def to(sink: RawSink, address: str) -> list[EmailMessage]:
    """Return what the relay has taken for somebody."""
    return [mail_of(one) for one in sink.accepted if address.encode() in one.recipients]


async def get(api: httpx.AsyncClient, path: str, **asked: str) -> Any:
    answer = await api.get(path, params=asked)
    assert 200 == answer.status_code, answer.text
    return answer.json()


async def post(api: httpx.AsyncClient, path: str, **asked: Any) -> Any:
    answer = await api.post(path, json=asked)
    assert answer.is_success, answer.text
    return answer.json()


async def messages(api: httpx.AsyncClient, sender: str, recipient: str) -> list[Any]:
    """Return the journal's messages from and to somebody, once there are any."""
    found: list[Any] = []

    async def are_there() -> bool:
        asked = {"from": sender, "to": recipient}
        found[:] = (await get(api, "/messages", **asked))["items"]
        return bool(found)

    await wait_until(are_there, f"a message from {sender}", 30)
    return found


async def test_a_day_in_an_office(start_gateway: StartGateway, sink: RawSink) -> None:
    with ScriptedSandbox() as sandbox:
        sandbox.furnish()
        async with installation(start_gateway, sink, sandbox) as (gateway, api):
            await the_night_brings_what_can_be_read(gateway, api)
            await the_mailing_reaches_those_it_may(gateway, sink)
            await a_german_colleague_reads_a_note(gateway, api)
            await one_of_two_rejections_is_undone(api, sink)
            await the_campaign_leaves_out_who_may_not(gateway, api, sandbox)
            await the_evening_has_it_all_at_the_person(api)


async def the_night_brings_what_can_be_read(
    gateway: GatewayProcess, api: httpx.AsyncClient
) -> None:
    """Every file is taken, each row for what can be read of it, and the faults are told."""
    folder = gateway.folder / "feed"

    def is_done() -> bool:
        return not list(folder.glob("*.csv"))

    await wait_until(is_done, "an empty folder", 60)
    ann = await get(api, "/people/candidate:1")
    report = next(folder.glob("done/people*.json")).read_text()
    (refused,) = folder.glob("*/*.refused.csv")

    assert "Overleden" == ann["status"]
    assert ["all"] == [one["scope"] for one in ann["suppressions"]]
    assert "31-02-1980" in report
    assert refused.name.startswith("people")
    assert "Dirk" in refused.read_text()
    assert "Ben" not in refused.read_text()


async def the_mailing_reaches_those_it_may(gateway: GatewayProcess, sink: RawSink) -> None:
    """The CRM's mailing goes to Cas alone, and Eva is told in Dutch of the two others."""
    said = await send(gateway, MAILING.format(EVA), EVA, ANN, BEN, CAS)
    await wait_until(lambda: bool(to(sink, EVA)), "the report to Eva", 30)

    assert 250 == said.end.code
    assert ([], [], 1) == (to(sink, ANN), to(sink, BEN), len(to(sink, CAS)))
    (report,) = to(sink, EVA)
    assert str(report["Subject"]).startswith("Verzenden mislukt")
    assert 'in de groep "Géén bulk-mail"' in text_of(report)
    assert 'status "Overleden"' in text_of(report)


async def a_german_colleague_reads_a_note(gateway: GatewayProcess, api: httpx.AsyncClient) -> None:
    """Otto hears in German why, and so does whoever looks it up in that language."""
    said = await send(gateway, MAILING.format(OTTO), OTTO, BEN)
    (failed,) = await messages(api, OTTO, BEN)
    dutch = await get(api, f"/messages/{failed['id']}", language="nl")

    assert 550 == said.end.code
    assert said.end.text.startswith("5.7.1 Versand fehlgeschlagen")
    assert "Keine Rundmail" in said.end.text
    assert failed["deliveries"][0]["note"].startswith(f"Versand fehlgeschlagen: {BEN}")
    assert "Géén bulk-mail" in dutch["deliveries"][0]["note"]
    personal = await send(gateway, "Subject: Uw vraag\r\n\r\nDag Ben\r\n", OTTO, BEN)
    assert 250 == personal.end.code


async def one_of_two_rejections_is_undone(api: httpx.AsyncClient, sink: RawSink) -> None:
    """Eva is warned, rejects two and takes one back: one mail leaves."""
    both = {"references": ["4711", "4712"], "status": "rejected", "by": EVA}
    warned = await api.post("/applications/status", json=both)
    rejected = await api.post("/applications/status", json=both | {"token": warned.json()["token"]})
    back = {"references": ["4711"], "status": "new", "by": EVA}
    undone = await api.post("/applications/status", json=back)
    await wait_until(lambda: 2 == len(to(sink, CAS)), "the rejection", 30)

    assert [409, 200, 200] == [one.status_code for one in (warned, rejected, undone)]
    assert "Uw sollicitatie" == str(to(sink, CAS)[-1]["Subject"])
    assert "Uw sollicitatie" not in [str(mail["Subject"]) for mail in to(sink, BEN)]


async def the_campaign_leaves_out_who_may_not(
    gateway: GatewayProcess, api: httpx.AsyncClient, sandbox: ScriptedSandbox
) -> None:
    """Of three people one gets the campaign; each of the others has the reason beside it."""
    await gateway.do("mailchimp", "activate")
    (template, *_) = sandbox.account.templates
    made = await post(api, "/campaigns", name="Vacatures", template=template, **SENDER)
    people = [f"candidate:{number}" for number in "123"]
    await post(api, f"/campaigns/{made['id']}/members", people=people)
    await post(api, f"/campaigns/{made['id']}/send")
    campaign = await get(api, f"/campaigns/{made['id']}")

    assert {
        "candidate:1": (False, "suppressed"),
        "candidate:2": (False, "suppressed"),
        "candidate:3": (True, ""),
    } == {one["person"]: (one["in"], one["reason"] or "") for one in campaign["members"]}


async def the_evening_has_it_all_at_the_person(api: httpx.AsyncClient) -> None:
    """What happened in the day is in one timeline."""
    events = (await get(api, "/people/candidate:3/timeline"))["items"]

    assert {"message", "trigger_mail"} <= {one["type"] for one in events}
