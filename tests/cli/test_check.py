"""`gateway check`."""

import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from gateway.app.checks import check_ports
from gateway.app.checks.check_feed import idle_tags
from gateway.app.checks.check_listeners import valid_until
from gateway.app.wording import SHIPPED_TEMPLATES
from gateway.core import ids
from gateway.core.sending.outbox import OutboxDraft
from gateway.store.schema.feed import feeds
from gateway.store.sending import outbox
from tests.cli.conftest import Cli
from tests.conftest import StartGateway, StartSink
from tests.rig.certificates import Certificates
from tests.rig.faults import reply
from tests.rig.process import LOOPBACK, free_port
from tests.rig.sink import RawSink


@pytest.fixture(autouse=True)
def default_ports_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no finding depend on what else this machine has at 2525 and 8025.

    `tests/app/test_check_ports.py` has those findings.
    """
    monkeypatch.setattr(check_ports, "listening_at", lambda _host, _port: set())


def findings(text: str) -> list[str]:
    """Return the lines without their alignment."""
    return [" ".join(line.split()) for line in text.splitlines()]


def offline(cli: Cli, config: str = "") -> tuple[int, list[str]]:
    cli.configure(config)
    done = cli("check", "--offline")
    return done.code, findings(done.out)


def listener(**settings: str) -> str:
    lines = (f'{key} = "{value}"\n' for key, value in {"name": "crm", **settings}.items())
    return "[[smtp.listeners]]\n" + "".join(lines)


def test_a_config_as_shipped_is_good_but_has_no_feed_yet(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.getfqdn", lambda: "gw.example.org")
    code, lines = offline(cli)

    assert 0 == code
    assert ["warning feed: nothing was ever imported: gateway import, or set crm.folder"] == [
        line for line in lines if not line.startswith("ok ")
    ]


def test_a_config_that_can_not_be_used_is_a_finding_a_mistake(cli: Cli) -> None:
    cli.configure("[smtp]\nworkers = 0\nworker = 1\n")
    shown, as_json = cli("check"), cli("check", "--json")

    told = json.loads(as_json.out)["findings"]
    assert (1, "", 1) == (shown.code, shown.out, as_json.code)
    assert ["error config", "error config"] == [f"{one['level']} {one['what']}" for one in told]
    assert shown.err.removeprefix("gateway: ").splitlines() == [one["text"] for one in told]
    assert "smtp.workers: must be at least 1: 0 (line " in shown.err


def test_offline_no_relay_is_called(cli: Cli) -> None:
    _, lines = offline(cli)

    assert not [line for line in lines if "relay relay" in line]


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        (
            '[[webhooks]]\nurl = "http://crm.example.org/x?key=hunter2"\nsecret = "s"\n'
            'events = ["reply.imported"]\n',
            "warning webhooks: crm.example.org is called over plain HTTP, which others can read: "
            "use https",
        ),
        (
            '[api]\nbind = "0.0.0.0:8025"\n',
            "warning api: 0.0.0.0:8025 can be reached from elsewhere in plain HTTP: put a web "
            "server with TLS in front and bind to 127.0.0.1",
        ),
        (
            "[smtp]\nshipped_rules = false\n",
            "warning rules: nothing can ever be recognised as a mailing: add a [[rules]] entry, a "
            'listener with kind = "bulk", or set smtp.default_kind = "bulk"',
        ),
        (
            '[smtp]\nshipped_rules = false\ndefault_kind = "bulk"\n',
            "warning rules: everything counts as a mailing: add a rule or a listener for mail that "
            "is sent from a person's own file",
        ),
        (
            '[smtp]\ndefault_kind = "bulk"\n',
            "ok rules: 60 rules; what none matches is bulk",
        ),
        (
            listener(mode="observe"),
            "warning listener crm: 127.0.0.1:2525 (smtp, auto) only observes: set mode = "
            '"enforce" when you trust it',
        ),
    ],
)
def test_what_settings_mean_is_told(cli: Cli, config: str, complaint: str) -> None:
    code, lines = offline(cli, config)

    assert 0 == code
    assert complaint in lines


AT_RCPT = (
    "refuses single recipients at RCPT: about half of the mail libraries then send to nobody, and "
    "some of the others tell their user nothing: "
)


@pytest.mark.parametrize(
    ("config", "complaints"),
    [
        (
            listener(reject_at="rcpt"),
            [AT_RCPT + 'set suppression.report = "always", and look yours up in docs/clients.md'],
        ),
        (
            '[suppression]\nreport = "always"\n' + listener(reject_at="rcpt"),
            [AT_RCPT + "look yours up in docs/clients.md"],
        ),
        (listener(reject_at="content"), []),
        ('[suppression]\nreply = "accept"\n' + listener(reject_at="rcpt"), []),
    ],
)
def test_what_libraries_make_of_a_refusal_at_rcpt_is_told(
    cli: Cli, config: str, complaints: list[str]
) -> None:
    code, lines = offline(cli, config)

    assert 0 == code
    assert [f"warning listener crm: {text}" for text in complaints] == [
        line for line in lines if "at RCPT" in line
    ]


OTHER_RELAY = """\
[[relays]]
name = "mail"
host = "{}"
port = 2525
match = {{sender_domain = "example.org"}}
"""


@pytest.mark.parametrize(
    ("bind", "host"),
    [("127.0.0.1", "localhost"), ("0.0.0.0", "127.0.0.2"), ("localhost", "127.0.0.1")],
)
def test_a_relay_that_is_the_gateway_itself_is_named(cli: Cli, bind: str, host: str) -> None:
    relay = OTHER_RELAY.format(host)

    code, lines = offline(cli, listener(bind=f"{bind}:2525") + relay)

    assert (
        f"error relay mail: {host}:2525 is the gateway's own listener crm, mail would go round in "
        "circles: give the host and port of the mail server"
    ) in lines
    assert 1 == code


def test_a_relay_at_another_address_or_port_is_not_taken_for_the_gateway(cli: Cli) -> None:
    relay = OTHER_RELAY.format("127.0.0.2")

    assert 0 == offline(cli, listener(bind="127.0.0.1:2525") + relay)[0]
    assert 0 == offline(cli, listener(bind="0.0.0.0:2526") + relay)[0]


def test_replies_that_contradict_each_other_are_told(cli: Cli) -> None:
    code, lines = offline(
        cli, listener(reject_at="rcpt", kind="bulk") + '[suppression]\nreply = "accept"\n'
    )

    assert 0 == code
    assert (
        'warning replies: suppression.reply = "accept" refuses nobody, also at crm: take reject_at '
        '= "rcpt" out there, or set reply = "reject"'
    ) in lines


def test_a_feed_that_is_old_or_young_is_told_with_its_age(cli: Cli) -> None:
    cli.feed("people", "crm_id\n1\n")

    assert "ok feed: crm was last fed less than an hour ago" in offline(cli)[1]
    for hours, age in ((1, "an hour"), (30, "30 hours"), (49, "2 days")):
        past = datetime.now(UTC) - timedelta(hours=hours)
        with cli.store() as store, store.writing() as connection:
            connection.execute(update(feeds).values(at=past))
        assert any(f"crm was last fed {age} ago" in line for line in offline(cli)[1])


def test_a_tag_without_effect_is_told_for_it_may_be_a_slip(cli: Cli) -> None:
    cli.feed("groups", "crm_id,name,tag\n1,A,VIP\n2,B,NoMailingsTag\n3,C,\n")

    code, lines = offline(cli)

    assert 0 == code
    assert (
        "warning tags: VIP has no effect on mail: if it should, write one of "
        "NoMailingsTag, NoMailTag, NoMailChimpMailingsTag in the CRM"
    ) in lines


def test_a_slip_in_a_tag_from_before_slips_counted_is_named() -> None:
    slip = "“NoMailingTag” looks like “NoMailingsTag”: people with it get all mail"

    assert [slip] == [one.text for one in idle_tags(("NoMailingTag",))][1:]


def test_finance_statuses_that_look_like_those_who_left_are_told(cli: Cli) -> None:
    cli.feed(
        "people",
        "crm_id,finance_status\n1,Ovrleden\n2,Ovrleden\n3,Aktiv\n4,GEKUENDIGT (verstorben)\n",
    )

    code, lines = offline(cli)
    told = [line for line in lines if line.startswith("warning finance status")]

    assert (0, 1) == (code, len(told))
    assert "“Ovrleden” (2 people) looks like “overleden”" in told[0]


def test_a_pause_and_what_was_given_up_are_told(cli: Cli) -> None:
    draft = OutboxDraft(
        id=ids.first_id_at(datetime.now(UTC)), type="dsn", key="1", recipient="a@x.org", body=b""
    )
    with cli.store() as store, store.writing() as connection:
        outbox.put(connection, draft)
        connection.exec_driver_sql("UPDATE outbox SET state = 'failed'")
    cli.do("pause", "bulk")

    _, lines = offline(cli)
    assert "warning mail: bulk mail is paused: gateway resume" in lines
    assert (
        "warning outbox: 1 entry is failed: gateway outbox list --state failed, then retry or "
        "cancel"
    ) in lines


def test_certificates_are_read_and_their_end_is_told(cli: Cli, certificates: Certificates) -> None:
    good, expired = certificates.server, certificates.expired

    def lines(cert: object, key: object) -> tuple[int, list[str]]:
        return offline(cli, listener(tls="starttls", cert=str(cert), key=str(key)))

    assert any("server.pem is valid for" in line for line in lines(good.cert, good.key)[1])
    code, ended = lines(expired.cert, expired.key)
    assert 1 == code
    told = f"error listener crm: {expired.cert} has expired: renew it, then reload (SIGHUP)"
    assert told in ended
    code, mixed = lines(good.cert, expired.key)
    assert 1 == code
    assert any("error listener crm: cert and key can't be used together" in one for one in mixed)
    code, wrong = lines(good.key, good.key)
    assert 1 == code
    assert f"error listener crm: {good.key}: no certificate in PEM form" in wrong


def test_the_end_of_a_certificate_is_that_openssl_tells(certificates: Certificates) -> None:
    command = ["openssl", "x509", "-noout", "-enddate", "-in", str(certificates.server.cert)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    text = told.strip().removeprefix("notAfter=").removesuffix(" GMT")

    expected = datetime.strptime(text, "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    assert expected == valid_until(certificates.server.cert)
    assert datetime(2021, 1, 1, tzinfo=UTC) == valid_until(certificates.expired.cert)
    assert expected - datetime.now(UTC) > timedelta(0)


def test_a_users_file_is_read_and_passwords_in_the_clear_are_warned_of(cli: Cli) -> None:
    file = cli.folder / "users"
    file.write_text("crm:secret\n")

    code, lines = offline(cli, listener(users="users"))
    assert 1 == code
    assert any("not a login and an argon2 hash" in line for line in lines)
    assert any("passwords come in clear text" in line for line in lines)


def test_a_file_in_the_place_of_a_folder_is_an_error(cli: Cli) -> None:
    (cli.folder / "feed").write_text("")

    code, lines = offline(cli, '[crm]\nfolder = "feed"\n')
    told = (
        f"error crm: {cli.folder}/feed can't be written to: make it a folder of the gateway's user"
    )
    assert 1 == code
    assert told in lines


@pytest.mark.parametrize(
    ("section", "what"),
    [
        ('[crm]\nfolder = "{name}"\n', "crm"),
        ('[store]\nblobs = "file:/{name}/blobs"\n', "blobs"),
        ('[store]\nurl = "sqlite:///{name}/gateway.db"\n', "store"),
    ],
)
def test_a_folder_whose_name_is_too_long_is_an_error(cli: Cli, section: str, what: str) -> None:
    cli.file.write_text(section.format(name="n" * 300))

    lines = findings(cli("check", "--offline").out)

    assert any(
        line.startswith(f"error {what}: ") and "File name too long: " in line for line in lines
    )


def test_folders_that_nobody_makes_and_are_not_there_are_errors(cli: Cli) -> None:
    store = f'[store]\nurl = "sqlite:///data/gateway.db"\nblobs = "file:{cli.folder}/a/blobs"\n'
    cli.file.write_text(f'{store}[crm]\nfolder = "export"\n')

    lines = cli("check", "--offline").out.splitlines()

    cure = "make it a folder of the gateway's user"
    assert f"error    store: {cli.folder}/data can't be written to: {cure}" in lines
    assert f"error    crm: {cli.folder}/export can't be written to: {cure}" in lines
    assert f"ok       blobs: {cli.folder}/a/blobs can be written to" in lines


def test_a_store_without_a_folder_is_told_with_the_cure(cli: Cli) -> None:
    cli.file.write_text('[store]\nurl = "sqlite:///data/gateway.db"\n')

    done = cli("messages", "list")

    line = (
        f"gateway: {cli.folder}/data/gateway.db: No such file or directory: "
        "make its folder one of the gateway's user, or set store.url\n"
    )
    assert (1, line) == (done.code, done.err)


def test_a_host_without_a_full_name_needs_a_sender_for_its_own_mail(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.getfqdn", lambda: "localhost")
    _, unnamed = offline(cli)
    _, named = offline(cli, '[notices]\nfrom = "Office <office@example.org>"\n')

    assert (
        "warning notices: the gateway's own mail is from postmaster@[127.0.0.1], since this "
        "host has no full name, and many servers refuse that: set notices.from" in unnamed
    )
    assert "ok notices: the gateway's own mail is from office@example.org" in named


def test_wording_as_shipped_is_said_to_be_so_and_ones_own_is_named(cli: Cli) -> None:
    _, shipped = offline(cli)
    notes = cli.folder / "templates" / "notes"
    notes.mkdir(parents=True)
    (notes / "en.txt").write_bytes((SHIPPED_TEMPLATES / "notes" / "en.txt").read_bytes())
    _, own = offline(cli)

    assert "ok notes: as shipped: nl, de, en, fr" in shipped
    assert f"ok notes: {notes}: nl, de, en, fr" in own


def test_wording_that_can_not_be_used_is_an_error(cli: Cli) -> None:
    notes = cli.folder / "templates" / "notes"
    notes.mkdir(parents=True)
    (notes / "nl.txt").write_text("nonsense\n")

    code, lines = offline(cli)
    assert 1 == code
    assert any(line.startswith(f"error notes: {notes}/nl.txt") for line in lines)


async def relay_line(
    start_gateway: StartGateway, port: int, changes: Mapping[str, Any] | None = None
) -> tuple[int, str]:
    """Return what `gateway check` says of the relay."""
    gateway = await start_gateway(port, changes=changes, is_started=False)
    done = await gateway.cli("check")
    [line] = [one for one in findings(done.stdout) if " relay relay: " in one]
    return done.returncode, line


@pytest.mark.system
async def test_a_relay_is_called_and_what_it_offers_is_told(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    code, line = await relay_line(start_gateway, sink.port)

    assert 0 == code
    assert f"ok relay relay: {LOOPBACK}:{sink.port} answers and offers 8BITMIME DSN" in line
    assert [] == sink.messages


@pytest.mark.system
async def test_a_relay_that_is_away_is_an_error_with_advice(start_gateway: StartGateway) -> None:
    port = free_port()

    code, line = await relay_line(start_gateway, port)
    assert 1 == code
    assert line.startswith(f"error relay relay: {LOOPBACK}:{port}: ")
    assert line.endswith("is it running, and are host, port and tls right?")


@pytest.mark.system
async def test_a_relay_that_refuses_the_gateway_is_an_error(
    start_gateway: StartGateway, start_sink: StartSink
) -> None:
    sink = await start_sink(banner=b"554 go away")

    code, line = await relay_line(start_gateway, sink.port)
    assert 1 == code
    assert "refuses the gateway at greeting: 554 go away" in line


@pytest.mark.system
async def test_a_relay_that_refuses_the_null_sender_is_warned_of(
    start_gateway: StartGateway, start_sink: StartSink
) -> None:
    sink = await start_sink()
    sink.fault("MAIL", reply(b"550 5.7.1 no"))

    code, line = await relay_line(start_gateway, sink.port)
    assert 0 == code
    assert line.startswith("warning relay relay:")
    assert line.endswith("set null_sender = false")


@pytest.mark.system
async def test_a_certificate_of_the_relay_that_does_not_fit_is_an_error(
    start_gateway: StartGateway, start_sink: StartSink, certificates: Certificates
) -> None:
    context = certificates.server_context(certificates.wrong_name)
    sink = await start_sink(tls="starttls", context=context)
    relay = {"name": "relay", "host": LOOPBACK, "port": sink.port, "tls": "starttls"}
    changes = {"relays": [{**relay, "ca": str(certificates.ca)}]}

    code, line = await relay_line(start_gateway, sink.port, changes)
    assert 1 == code
    assert "certificate" in line


@pytest.mark.system
async def test_a_store_that_is_away_is_an_error(start_gateway: StartGateway, sink: RawSink) -> None:
    url = f"postgresql://gateway:x@{LOOPBACK}:{free_port()}/gateway"
    gateway = await start_gateway(sink.port, store_url=url, is_started=False)

    done = await gateway.cli("check")
    assert 1 == done.returncode
    assert "error store: the store failed: " in " ".join(done.stdout.split())


def test_a_trigger_that_can_never_mail_is_told_with_file_key_value_and_cure(cli: Cli) -> None:
    template = cli.folder / "templates" / "no" / "nl.txt"
    template.parent.mkdir(parents=True)
    template.write_text("Subject: x\n\nx\n")
    file = cli.folder / "triggers" / "rejected.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        'event = "status_changed"\ntemplate = "no"\nstatus = "Afgewezen"\nprogramme = "P1"\n'
        'recipients = ["responsible:Manager"]\n'
    )
    cli.feed("statuses", "kind,crm_id,name\napplication,s3,Afgewezen\n")
    cli.feed("programmes", "crm_id,name\np1,Leraren\n")
    cli.feed("staff", "crm_id,email,roles\n1,eva@example.org,manager\n")

    told = cli("check", "--offline")

    assert 0 == told.code
    assert f'{file}: status = "Afgewezen" never mails' in told.out
    for cure in ('write "s3" (Afgewezen)', 'write "p1" (Leraren)', 'write "responsible:manager"'):
        assert cure in told.out

    file.write_text(file.read_text().replace('"Afgewezen"', '"s3"'))

    assert "never mails: there is no such status" not in cli("check", "--offline").out


@pytest.mark.parametrize(
    ("config", "kind", "is_told"),
    [
        ("", "bulk", True),
        ("", "individual", False),
        ('[api]\npublic_url = "https://mail.example.org"\n', "bulk", False),
    ],
)
def test_bulk_mail_on_events_without_a_link_to_unsubscribe_is_told(
    cli: Cli, config: str, kind: str, is_told: bool
) -> None:
    for name, text in (
        ("triggers/greeting.toml", f'event = "birthday"\ntemplate = "letter"\nkind = "{kind}"\n'),
        ("templates/letter/nl.txt", "Subject: Hoi\n\nDag!\n"),
    ):
        (cli.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (cli.folder / name).write_text(text)

    _, lines = offline(cli, config)

    assert is_told == any("no link to unsubscribe" in line for line in lines)
