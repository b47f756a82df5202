"""A person who came in by every way is erased: no table, blob, log or file says a word of them."""

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import httpx
import pytest

from gateway.sandbox import Options
from tests.conftest import StartGateway
from tests.inbound.mails import EVA, SERVER, forward, with_file
from tests.inbound.test_bounce_keeping import bounce, complaint
from tests.rig.client import RawClient
from tests.rig.faults import Fault, reply
from tests.rig.gateway import GatewayProcess
from tests.rig.process import LOOPBACK, free_port, wait_until
from tests.rig.sandbox import ScriptedSandbox
from tests.rig.sink import RawSink

pytestmark = pytest.mark.system

ANN = "quirina@zandvoorter.example"
BOB = "bob@others.example"
#: Names, addresses, phone, birthday, and words of what she wrote, was written, and sent.
WORDS = (
    *("quirina", "zandvoorter", "0612345678", "1987-06-05", "4711x"),
    *("knieblessure", "zwangerschap", "rijbewijs", "orthopedie", "vac-9931"),
)
DOCUMENT = b"%PDF-1.4 Curriculum vitae, rijbewijs B"
#: What the CRM drops: a table that is read, one that is read in part, and one that is refused.
DROPPED = {
    "groups.csv": "crm_id,name\ng1,All\n",
    "staff.csv": f"crm_id,name,email,roles\ns1,Eva Bos,{EVA},personnel_manager\n",
    "people.csv": (
        "crm_id,first_name,last_name,emails,birthday,phone,owner\n"
        f"4711x,Quirina,Zandvoorter,{ANN},1987-06-05,0612345678,s1\n"
        f"18,Bob,Jansen,{BOB},1980-01-02,0201234567,s1\n"
    ),
    "memberships.csv": "group,person\ng1,4711x\ng1,18\n",
    "applications.csv": (
        "reference,person,title,submitted_at\n"
        "VAC-9931,4711x,Nurse,Quirina knows\n4712,18,Nurse,2026-01-02\n"
    ),
    "qualifications.csv": f"who,what\nQuirina Zandvoorter,{ANN}\n",
}
TRIGGER = 'event = "submitted"\ntemplate = "received"\nkind = "bulk"\n'
TEMPLATE = "Subject: Dank {{ person.first_name }}\n\nDag, {{ unsubscribe_url }}\n"


@asynccontextmanager
async def running(
    start_gateway: StartGateway, sink: RawSink, sandbox: ScriptedSandbox
) -> AsyncIterator[tuple[GatewayProcess, httpx.AsyncClient]]:
    """A gateway with every feed, and a client of its API."""
    trust = {"trust": "authentication-results", "authserv_id": SERVER}
    places = [
        {"name": "crm"},
        {"name": "import", "purpose": "import", **trust},
        {"name": "bounces", "purpose": "bounces"},
    ]
    gateway = await start_gateway(
        sink.port,
        changes={
            "log": {"level": "info", "format": "json"},
            "smtp": {"listeners": [one | {"bind": f"{LOOPBACK}:{free_port()}"} for one in places]},
            "api": {"bind": f"{LOOPBACK}:{free_port()}", "public_url": "https://mail.example"},
            "crm": {
                "folder": "feed",
                "every": "1s",
                "map": {"people": {"ignore": ["phone"]}},
            },
            "inbound": {"reference": r"^(?P<reference>[A-Z]+-\d+)"},
            "bounces": {"address": "bounces@office.example"},
            "mailchimp": {"api_key": "0123456789abcdef-us1", "base_url": sandbox.url},
            "notices": {"from": "Office <gateway@office.example>"},
            # Nobody listens there: what is told waits.
            "webhooks": [
                {
                    "url": f"http://{LOOPBACK}:{free_port()}/",
                    "secret": "s" * 40,
                    "events": ["message.send_failed", "address.bounced", "person.opted_out"],
                }
            ],
        },
        roles=("smtp", "inbound", "sync", "sender", "api"),
        is_started=False,
    )
    for name, text in {
        "triggers/received.toml": TRIGGER,
        "templates/received/nl.txt": TEMPLATE,
        **{f"feed/{name}": text for name, text in DROPPED.items()},
    }.items():
        file = gateway.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    scopes = ("read", "feed", "events", "campaigns", "suppressions")
    asked = [word for scope in scopes for word in ("--scope", scope)]
    made = await gateway.do("tokens", "create", "--name", "crm", "--role", "manager", *asked)
    token = next(word for word in made.split() if word.startswith("gw_"))
    await gateway.start()
    async with httpx.AsyncClient(
        base_url=f"http://{LOOPBACK}:{gateway.api_port}",
        headers={"authorization": f"Bearer {token}"},
        timeout=30,
        trust_env=False,
    ) as api:
        yield gateway, api


async def send(gateway: GatewayProcess, place: int, sender: str, to: str, content: bytes) -> int:
    """Send a mail to one of the listeners; return the last code heard."""
    async with await RawClient.connect(gateway.ports[place]) as client:
        await client.ehlo()
        said = await client.transaction(sender.encode(), [to.encode()], content)
        return said.end.code if said.ends else said.recipients[0].code


def mail(number: int, text: str, *, kind: str = "bulk") -> bytes:
    """Return a mail of the CRM's to her, with words of hers in subject and body."""
    return (
        f"From: crm@office.example\r\nTo: Quirina Zandvoorter <{ANN}>\r\nSubject: Over {text}\r\n"
        f"Message-ID: <{number}.{ANN.replace('@', '=')}@office.example>\r\nPrecedence: {kind}\r\n"
        f"\r\nDag Quirina, {text}\r\n"
    ).encode()


def rows(gateway: GatewayProcess) -> list[tuple[str, str]]:
    """Return every row of every table, as text, with the table's name."""
    store = sqlite3.connect(f"file:{gateway.folder}/gateway.db?mode=ro", uri=True)
    try:
        names = [
            name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        return [
            (
                name,
                " ".join(
                    one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one)
                    for one in row
                ),
            )
            for name in names
            for row in store.execute(f'SELECT * FROM "{name}"')
        ]
    finally:
        store.close()


def where_said(gateway: GatewayProcess) -> dict[str, set[str]]:
    """Return which of the words stand where: tables, and files below the folder."""
    said: dict[str, set[str]] = {}
    texts = [(name, text.casefold()) for name, text in rows(gateway)]
    for file in gateway.folder.rglob("*"):
        if file.is_file():
            octets = file.read_bytes()
            texts.append(
                (str(file.relative_to(gateway.folder)), octets.decode("latin-1").casefold())
            )
            if file.parent.parent.name == "blobs":
                parts = message_from_bytes(octets).walk()
                for part in parts:
                    payload = part.get_payload(decode=True)
                    if isinstance(payload, bytes):
                        texts.append(
                            (f"blobs/{file.name[:6]}", payload.decode("latin-1").casefold())
                        )
    for place, text in texts:
        if words := {word for word in WORDS if word in text}:
            said.setdefault(place, set()).update(words)
    return said


async def test_no_table_blob_log_or_file_says_a_word_of_whom_was_erased(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    with ScriptedSandbox(options=Options(sending_takes=timedelta(0))) as sandbox:
        sandbox.furnish()
        async with running(start_gateway, sink, sandbox) as (gateway, api):
            folder = gateway.folder / "feed"
            await wait_until(lambda: not list(folder.glob("*.csv")), "the feed", 60)

            # The CRM pushes, too, and asks again: answers are kept.
            answer = await api.put(
                "/feed/people/candidate:4711x",
                json={"first_name": "Quirina", "last_name": "Zandvoorter", "emails": [ANN]},
                headers={"idempotency-key": "k1"},
            )
            assert answer.is_success, answer.text

            # Mail: relayed, put off, a campaign, and on an event; what came back of it.
            assert 250 == await send(gateway, 0, "crm@office.example", ANN, mail(1, "zwangerschap"))
            sink.faults.add(Fault(stage="RCPT", action=reply(b"450 4.2.0 Later, Quirina"), times=1))
            assert 451 >= await send(gateway, 0, "crm@office.example", ANN, mail(2, "orthopedie"))
            await gateway.do("applications", "submit", "VAC-9931")
            await wait_until(lambda: any(b"Dank" in one.content for one in sink.accepted), "mail")
            await gateway.do("mailchimp", "activate")
            (template, *_) = sandbox.account.templates
            asked = {
                "template": template,
                "from_name": "Office",
                "from_address": "office@crm.test",
            }
            made = (await api.post("/campaigns", json={"name": "News", **asked})).json()
            people = {"people": ["candidate:4711x", "candidate:18"]}
            await api.post(f"/campaigns/{made['id']}/members", json=people)
            answer = await api.post(f"/campaigns/{made['id']}/send")
            assert answer.is_success, answer.text

            # What she answers, with a document, is forwarded: once so that it is filed.
            said = "mijn knieblessure is over, bel 0612345678"
            reply_text = (
                f"-----Oorspronkelijk bericht-----\nVan: Quirina Zandvoorter <{ANN}>\n"
                f"Verzonden: woensdag 4 maart 2026 10:11\nAan: {EVA}\n"
                "Onderwerp: AW: knieblessure\n\n"
                f"{said}\n"
            )
            for number, subject in enumerate(("VAC-9931 FW: knieblessure", "FW: knieblessure")):
                forwarded = forward(subject=subject, text=reply_text, message_id=f"<f{number}@o>")
                octets = with_file(forwarded, "Quirina.pdf", DOCUMENT).as_bytes()
                assert 250 == await send(gateway, 1, EVA, "import@office.example", octets)

            # She bounces once, complains, and unsubscribes by the link of the event's mail.
            message_id = f"<1.{ANN.replace('@', '=')}@office.example>"
            for report in (bounce(message_id, recipient=ANN), complaint(message_id)):
                content = report.replace(b"ann@example.org", ANN.encode())
                assert 250 == await send(gateway, 2, "", "bounces@office.example", content)
            on_event = next(one for one in sink.accepted if b"Dank" in one.content)
            parsed = message_from_bytes(
                on_event.content, _class=EmailMessage, policy=policy.default
            )
            link = re.search(r"https://mail\.example(/u/[^>\s]+)", str(parsed["List-Unsubscribe"]))
            assert link is not None
            one_click = {"List-Unsubscribe": "One-Click"}
            host = {"host": "mail.example"}
            assert (await api.post(link[1], data=one_click, headers=host)).is_success

            # From here on she is refused, and the webhooks that tell of it wait.
            assert 550 == await send(gateway, 0, "crm@office.example", ANN, mail(3, "orthopedie"))
            await wait_until(lambda: all_is_there(gateway), "everything in the store", 30)
            before = where_said(gateway)
            assert {
                *("people", "memberships", "applications", "history", "documents", "inbox"),
                *("messages", "deliveries", "bounces", "occurrences", "campaign_members"),
                *("addresses", "outbox", "suppressions", "transitions", "unread_fields"),
                *("feed/done/people.csv", "feed/failed/qualifications.csv"),
                "feed/done/applications.csv.refused.csv",
            } <= set(before), sorted(before)

            certificate = await gateway.cli_json(
                "person",
                "erase",
                "candidate:4711x",
                "--by",
                "eva",
                "--mailchimp",
                "delete",
                "--files",
            )

            await wait_until(lambda: not where_said(gateway), "no word of her", 60)
            assert {} == where_said(gateway)
            assert certificate["counts"]["history"] == 1
            assert BOB in (folder / "done" / "people.csv").read_text()
            assert 550 == await send(gateway, 0, "crm@office.example", ANN, mail(4, "orthopedie"))


def all_is_there(gateway: GatewayProcess) -> bool:
    """Whether what was sent has come to an end in the store."""
    texts = rows(gateway)
    names = [name for name, _ in texts]
    states = [text for name, text in texts if name == "inbox"]
    return (
        names.count("messages") >= 3
        and names.count("bounces") == 2
        and names.count("history") == 1
        and len(states) == 4
        and not any(" waiting " in text for text in states)
        and any(name == "outbox" and "address.bounced" in text for name, text in texts)
    )
