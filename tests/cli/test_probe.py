"""`gateway check --send`: a mail that shows whether links to unsubscribe are signed."""

import asyncio
import json
import smtplib
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest

from gateway.app.checks import probe
from gateway.delivery.dkim_signer import new_key
from tests.cli.conftest import Cli
from tests.conftest import StartGateway, StartSink
from tests.rig.faults import disconnect, reply
from tests.rig.process import LOOPBACK, free_port
from tests.rig.sink import RawSink

pytestmark = pytest.mark.system

TO, FROM = "probe@example.net", "news@crm.example"
NOTICES = f"""
[notices]
from = "Office <{FROM}>"
"""
LINKS = """
[api]
public_url = "https://mail.crm.example"
[[smtp.listeners]]
name = "plain"
bind = "127.0.0.1:2525"
[[smtp.listeners]]
name = "crm"
bind = "127.0.0.1:2526"
unsubscribe = "add"
"""


async def checked(cli: Cli, port: int, config: str, *options: str) -> tuple[int, Any]:
    """Run the command with JSON; return its exit code and document."""
    cli.configure(config)
    cli.file.write_text(cli.file.read_text().replace("port = 1\n", f"port = {port}\n"))
    done = await asyncio.to_thread(cli, "check", "--json", *options)
    return done.code, json.loads(done.out)


def arrived(sink: RawSink) -> Message:
    (mail,) = sink.messages
    assert [TO.encode()] == list(mail.recipients)
    return message_from_bytes(mail.content)


async def test_one_mail_goes_out_as_bulk_mail_does(cli: Cli, sink: RawSink) -> None:
    code, document = await checked(cli, sink.port, NOTICES + LINKS, "--send", TO)

    mail, probe = arrived(sink), document["probe"]
    assert 0 == code
    assert "<https://mail.crm.example/u/sample>" == mail["List-Unsubscribe"]
    assert "List-Unsubscribe=One-Click" == mail["List-Unsubscribe-Post"]
    assert (f"<{FROM}>", f"<{TO}>") == (mail["From"], mail["To"])
    assert mail["Message-ID"] == probe["message_id"]
    assert ("sent", "bulk", "crm", "relay") == tuple(
        probe[key] for key in ("state", "kind", "listener", "relay")
    )
    assert probe["answer"].startswith("250 2.0.0")
    assert probe["explain"] in str(mail.get_payload()).replace("=\r\n", "").replace("=3D", "=")


async def test_what_arrived_is_judged_by_explain(cli: Cli, sink: RawSink) -> None:
    """The line the command prints, with what the mail server made of the mail in place of FILE."""
    _, document = await checked(cli, sink.port, NOTICES + LINKS, "--send", TO)
    (mail,) = sink.messages
    words = document["probe"]["explain"].split()[1:]
    said = []
    for signed in (
        "From:To",
        "From:To:List-Unsubscribe",
        "From:List-Unsubscribe:List-Unsubscribe-Post",
    ):
        signature = f"DKIM-Signature: v=1; d=crm.example; h={signed}; bh=x; b=x\r\n".encode()
        file = cli.folder / "arrived.eml"
        file.write_bytes(signature + mail.content)
        done = await asyncio.to_thread(
            cli, *(str(file) if word == "FILE" else word for word in words)
        )
        assert 0 == done.code
        said.append(next(line for line in done.out.splitlines() if "DKIM signature" in line))

    assert [
        "its h= leaves out list-unsubscribe and list-unsubscribe-post",
        "its h= leaves out list-unsubscribe-post",
        "its h= covers both fields",
    ] == [line.partition("crm.example: ")[2] for line in said]


async def test_a_listener_that_signs_signs_the_probe(cli: Cli, sink: RawSink) -> None:
    (cli.folder / "key.pem").write_bytes(new_key(ed25519=True))
    key = '[[dkim]]\ndomain = "crm.example"\nselector = "gw"\nkey_file = "key.pem"\n'

    _, document = await checked(cli, sink.port, f"{NOTICES}{LINKS}sign = true\n{key}", "--send", TO)

    assert ["crm.example"] == document["probe"]["signed_by"]
    assert "List-Unsubscribe-Post" in arrived(sink)["DKIM-Signature"].title()


async def test_a_sender_without_a_key_of_its_domain_is_told(cli: Cli, sink: RawSink) -> None:
    """As where `notices.from` is not set: the probe comes from postmaster@ this machine."""
    (cli.folder / "key.pem").write_bytes(new_key(ed25519=True))
    key = '[[dkim]]\ndomain = "crm.example"\nselector = "gw"\nkey_file = "key.pem"\n'
    options = ("--send", TO, "--from", "postmaster@host.example")

    code, document = await checked(cli, sink.port, f"{LINKS}sign = true\n{key}", *options)

    warnings = [
        finding["text"]
        for finding in document["findings"]
        if finding["what"] == "probe" and finding["level"] == "warning"
    ]
    assert (0, []) == (code, document["probe"]["signed_by"])
    assert [
        "listener crm has sign = true, and no [[dkim]] key is of the domain of "
        "postmaster@host.example: it went out unsigned. With --from name a sender of the CRM's mail"
    ] == warnings


async def test_the_listener_and_the_sender_can_be_named(cli: Cli, sink: RawSink) -> None:
    options = ("--send", TO, "--from", "crm@other.example", "--listener", "plain")

    _, document = await checked(cli, sink.port, NOTICES + LINKS, *options)

    assert ("plain", "crm@other.example") == (
        document["probe"]["listener"],
        document["probe"]["sender"],
    )
    assert b"crm@other.example" == sink.messages[0].sender


async def test_without_a_public_url_the_link_leads_nowhere(cli: Cli, sink: RawSink) -> None:
    code, _ = await checked(cli, sink.port, NOTICES, "--send", TO)

    assert (0, "<https://gateway.invalid/u/sample>") == (code, arrived(sink)["List-Unsubscribe"])


async def test_nothing_is_sent_unless_it_is_asked_for(cli: Cli, sink: RawSink) -> None:
    _, document = await checked(cli, sink.port, NOTICES + LINKS)

    assert None is document["probe"]
    assert [] == sink.messages
    assert {"level", "what", "text"} == set(document["findings"][0])


@pytest.mark.parametrize("scope", ["bulk", "all"])
@pytest.mark.parametrize("kind", ["auto", "individual"])
@pytest.mark.parametrize("mode", ["enforce", "observe"])
async def test_a_suppressed_address_gets_none(
    cli: Cli, sink: RawSink, scope: str, kind: str, mode: str
) -> None:
    cli.do("suppress", "add", "Probe@Example.net", "--scope", scope)
    listener = f'[[smtp.listeners]]\nname = "crm"\nkind = "{kind}"\nmode = "{mode}"\n'

    code, document = await checked(cli, sink.port, NOTICES + listener, "--send", TO)

    assert (1, "refused", None) == (
        code,
        document["probe"]["state"],
        document["probe"]["message_id"],
    )
    assert f"gateway suppress show {TO}" in document["findings"][-1]["text"]
    assert [] == sink.messages


@pytest.mark.parametrize(
    ("answer", "state"),
    [(b"550 5.7.1 not you", "failed"), (b"450 4.2.0 come again", "deferred")],
)
async def test_what_the_relay_says_is_told(
    cli: Cli, start_sink: StartSink, answer: bytes, state: str
) -> None:
    sink = await start_sink()
    sink.fault("RCPT", reply(answer))

    code, document = await checked(cli, sink.port, NOTICES, "--send", TO)

    assert (1, state) == (code, document["probe"]["state"])
    assert answer.decode()[4:] in document["findings"][-1]["text"]


async def test_a_relay_that_breaks_off_after_the_mail_may_have_sent_it(
    cli: Cli, start_sink: StartSink
) -> None:
    sink = await start_sink()
    sink.fault("dot", disconnect())

    code, document = await checked(cli, sink.port, NOTICES, "--send", TO)

    assert (1, "unknown") == (code, document["probe"]["state"])
    assert document["findings"][-1]["text"].startswith("perhaps sent")


async def test_a_listener_that_takes_it_for_no_bulk_mail_is_told(cli: Cli, sink: RawSink) -> None:
    listener = '[[smtp.listeners]]\nname = "crm"\nkind = "individual"\n'

    code, document = await checked(cli, sink.port, NOTICES + listener, "--send", TO)

    assert (0, "individual") == (code, document["probe"]["kind"])
    assert [
        "listener crm takes mail with List-Unsubscribe for individual: see gateway explain"
    ] == [
        finding["text"]
        for finding in document["findings"]
        if finding["what"] == "probe" and finding["level"] == "warning"
    ]


async def test_a_relay_that_is_away_is_told(cli: Cli) -> None:
    code, document = await checked(cli, free_port(), NOTICES, "--send", TO)

    assert (1, "deferred") == (code, document["probe"]["state"])


async def test_a_relay_that_is_the_gateway_itself_gets_none(cli: Cli, sink: RawSink) -> None:
    listener = f'[[smtp.listeners]]\nname = "crm"\nbind = "{LOOPBACK}:{sink.port}"\n'

    code, document = await checked(cli, sink.port, NOTICES + listener, "--send", TO)

    assert (1, "refused") == (code, document["probe"]["state"])
    assert "relay relay is the gateway itself" == document["probe"]["answer"]
    assert [] == sink.messages


async def test_people_are_told_what_to_do_with_what_arrives(cli: Cli, sink: RawSink) -> None:
    cli.configure(NOTICES)
    cli.file.write_text(cli.file.read_text().replace("port = 1\n", f"port = {sink.port}\n"))

    done = await asyncio.to_thread(cli, "check", "--send", TO)

    lines = [line for line in done.out.splitlines() if " probe: " in line]
    assert 2 == len(lines)
    assert f"sent to {TO} from {FROM} over relay relay, Message-ID <" in lines[0]
    assert f"gateway explain FILE --from {FROM} --to {TO} --listener crm" in lines[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--send", TO, "--offline"), "--offline sends nothing"),
        (("--from", TO), "go with --send"),
        (("--listener", "crm"), "go with --send"),
        (("--send", "nobody"), "nobody"),
    ],
)
def test_options_that_make_no_sense_are_wrong_use(
    cli: Cli, options: tuple[str, ...], said: str
) -> None:
    done = cli("check", *options)

    assert 2 == done.code
    assert said in " ".join(done.err.split())


async def test_a_listener_that_is_not_there_is_an_error(cli: Cli, sink: RawSink) -> None:
    options = ("--send", TO, "--listener", "gone")

    code, document = await checked(cli, sink.port, NOTICES, *options)

    assert (1, None) == (code, document["probe"])
    assert "no listener for the CRM's mail is called gone (known: crm)" in str(document["findings"])


OURS = "returns@crm.example"
NONE = "warning probe: arrived without a DKIM signature: receivers show no button"
HALF = "From:To:List-Unsubscribe"
LEFT_OUT = (
    "warning probe: arrived; the DKIM signature of crm.example leaves out list-unsubscribe-post"
)
WHOLE = "From:List-Unsubscribe:List-Unsubscribe-Post"
COVERED = "ok probe: arrived; the DKIM signature of crm.example covers both fields to unsubscribe"


@pytest.mark.parametrize(
    ("purpose", "signatures"),
    [("bounces", {"": NONE, HALF: LEFT_OUT}), ("import", {WHOLE: COVERED})],
)
async def test_where_the_gateway_reads_what_arrives_it_says_so_itself(
    start_gateway: StartGateway, sink: RawSink, purpose: str, signatures: dict[str, str]
) -> None:
    """A mail server signs what it is given, and delivers it to where the gateway reads."""
    port = free_port()
    trust = {"trust": "internal-only"} if purpose == "import" else {}
    there = {"name": "there", "bind": f"{LOOPBACK}:{port}", "purpose": purpose, **trust}
    crm = {"name": "crm", "bind": f"{LOOPBACK}:{free_port()}"}
    address = {"bounces": {"address": OURS}, "inbound": {"address": OURS}}
    changes = {"smtp": {"listeners": [crm, there]}, **address}
    gateway = await start_gateway(sink.port, changes=changes, roles=("smtp", "inbound"))

    for number, (signed, said) in enumerate(signatures.items(), 1):
        under_way = asyncio.create_task(gateway.cli("check", "--send", OURS))
        await sink.wait_for(number)
        field = f"DKIM-Signature: v=1; d=crm.example; h={signed}; bh=x; b=x\r\n" if signed else ""
        sent = sink.messages[-1]
        with smtplib.SMTP(LOOPBACK, port) as server:
            server.sendmail(sent.sender.decode(), OURS, field.encode() + sent.content)
        lines = (await under_way).stdout.splitlines()

        assert [said] == [
            " ".join(line.split())[: len(said)] for line in lines if "probe: arrived" in line
        ]


async def test_a_probe_that_does_not_come_in_is_waited_for_no_longer_than_it_may_take(
    cli: Cli, sink: RawSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "ARRIVES_WITHIN", timedelta(seconds=1))

    config = f'{NOTICES}[bounces]\naddress = "{OURS}"\n'
    code, document = await checked(cli, sink.port, config, "--send", OURS)

    assert (0, False) == (code, document["probe"]["arrived"])
    last = document["findings"][-1]
    assert "warning" == last["level"]
    assert last["text"].startswith("it did not come in within 1 s. Does DKIM cover")
