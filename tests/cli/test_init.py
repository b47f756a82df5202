"""`gateway init`: from five answers to a config that mail flows through."""

import asyncio
import os
import pty
import smtplib
import socket
import subprocess
import tomllib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from gateway.cli import run
from gateway.config import Settings, load
from gateway.config.first_config import FirstConfig
from gateway.config.problems import ConfigError
from gateway.config.sample import sample
from tests.cli.conftest import Cli
from tests.rig.gateway import COMMAND, GatewayProcess
from tests.rig.process import LOOPBACK, free_port, has_banner, wait_until
from tests.rig.sink import RawSink

RELAY = ("--relay", "127.0.0.1:1")  #: Where nobody listens.


def on_a_terminal(folder: Path, answers: Sequence[str]) -> tuple[int, str]:
    """Run `gateway init` at a terminal and type the answers; return its code and what it showed."""
    screen, terminal = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "GATEWAY_CONFIG"}
    process = subprocess.Popen(
        [str(COMMAND), "init"],
        cwd=folder,
        env=environment | {"LC_ALL": "C.UTF-8"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    os.write(screen, "".join(f"{answer}\n" for answer in answers).encode())
    shown = b""
    while True:
        try:
            piece = os.read(screen, 4096)
        except OSError:  # EIO: nobody holds the terminal any more
            break
        shown += piece
    os.close(screen)
    return process.wait(30), shown.decode()


@contextmanager
def as_nobody() -> Iterator[None]:
    """Go on as a user whom folders can be closed to, as they can't to root."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


@asynccontextmanager
async def running(folder: Path, port: int) -> AsyncIterator[None]:
    """Run the gateway on the config that lies in a folder, as it lies there."""
    text = (folder / "gateway.toml").read_text()
    gateway = GatewayProcess(folder, text)
    try:
        await gateway.start()
        await wait_until(lambda: has_banner(port), "the banner of the gateway", 30)
        yield
    finally:
        await gateway.close()


async def test_five_answers_make_a_gateway_that_mail_goes_through(
    sink: RawSink, tmp_path: Path
) -> None:
    port = free_port()
    answers = (
        f"{LOOPBACK}:{sink.port}",
        "here",
        f"{LOOPBACK}:{port}",
        "127.0.0.1/8",
        "127.0.0.0/8, ::1",
        "it",
        "fr",
        "office@",
        "office@example.org",
    )
    code, shown = await asyncio.to_thread(on_a_terminal, tmp_path, answers)

    file = tmp_path / "config/gateway.toml"
    assert 0 == code, shown
    assert "Error: not an address and port such as 127.0.0.1:2525" in shown
    assert 'or 2001:db8::/32 (did you mean 127.0.0.0/8?): "127.0.0.1/8"' in shown
    assert 'Error: not one of "nl", "de", "fr" or "en": "it"' in shown
    assert "Error: not a mail address" in shown
    assert f"relay mailserver: {LOOPBACK}:{sink.port} answers and offers" in shown
    assert shown.endswith("Next: gateway check, then gateway run\r\n")
    assert f"The CRM's outgoing mail server: {LOOPBACK}:{port}\r\n" in shown
    assert (
        "The console: http://127.0.0.1:8025/console; to sign in there: gateway console user NAME"
        in shown
    )

    settings = load(file, {})
    listener = settings.smtp.listeners[0]
    assert ["127.0.0.0/8", "::1/128"] == [str(network) for network in listener.networks]
    assert "fr" == settings.suppression.language
    assert "office@example.org" == settings.notices.fallback_to
    assert f"sqlite:///{tmp_path}/config/data/gateway.db" == settings.store.url.get_secret_value()
    assert (tmp_path / "config/data").is_dir()
    assert 15 <= len(file.read_text().splitlines()) <= 25

    check = await asyncio.to_thread(
        subprocess.run, [str(COMMAND), "check"], cwd=tmp_path, capture_output=True, check=False
    )
    assert 0 == check.returncode, check.stdout

    def send() -> None:
        with smtplib.SMTP(LOOPBACK, port, timeout=20) as client:
            client.sendmail("crm@example.org", ["ann@example.org"], "Subject: Hello\n\nHello\n")

    async with running(file.parent, port):
        await asyncio.to_thread(send)
    assert [b"ann@example.org"] == [
        recipient for message in sink.messages for recipient in message.recipients
    ]


@pytest.mark.parametrize(
    ("name", "answer", "problem"),
    [
        ("relay", "", "relays[0].host: not a host name or address alone"),
        ("relay", "smtp://mail.example.org", "relays[0].host: not a host name or address alone"),
        ("relay", "mail.example.org:smtp", 'relays[0].port: not a number: "smtp"'),
        ("relay", "mail.example.org:0", "relays[0].port: must be at least 1: 0"),
        ("relay", "mail.example.org:65536", "relays[0].port: must be at most 65535: 65536"),
        ("listener", "2525", "smtp.listeners[0].bind: not an address and port"),
        ("listener", "127.0.0.1:8025", "api.bind: a listener has the same address"),
        ("networks", "crm.example.org", "smtp.listeners[0].networks[0]: not a network"),
        ("networks", "10.0.0.1, 0.0.0.0/0", "networks: the whole internet could send"),
        ("language", "EN", "suppression.language: not one of"),
        ("notices", "ann", "notices.fallback_to: not a mail address"),
    ],
)
def test_a_wrong_answer_is_told_in_the_words_of_the_config(
    name: str, answer: str, problem: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        FirstConfig().with_answer(name, answer)

    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("relay", "host", "port", "tls"),
    [
        ("mail.example.org", "mail.example.org", 25, "none"),
        (" mail.example.org:587 ", "mail.example.org", 587, "none"),
        ("mail.example.org:465", "mail.example.org", 465, "implicit"),
        ("2001:db8::1", "2001:db8::1", 25, "none"),
        ("[2001:db8::1]:2500", "2001:db8::1", 2500, "none"),
        ("[2001:db8::1]", "2001:db8::1", 25, "none"),
    ],
)
def test_a_relay_is_a_host_with_or_without_a_port(
    tmp_path: Path, relay: str, host: str, port: int, tls: str
) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(FirstConfig().with_answer("relay", relay).text())

    written = load(file, {}).relays[0]
    assert (host, port, tls) == (written.host, written.port, written.tls)


def test_a_config_that_is_there_stays_unless_it_is_forced(cli: Cli) -> None:
    before = cli.file.read_text()

    done = cli("init", *RELAY, "--yes")
    assert (1, before) == (done.code, cli.file.read_text())
    assert f"{cli.file}: exists and stays as it is: --force overwrites it" in done.err

    cli.do("init", *RELAY, "--yes", "--force")
    assert "mailserver" == load(cli.file, {}).relays[0].name


def test_where_nothing_can_be_written_is_told_before_the_first_question(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.do("init", "--yes", "--dry-run")  # What is loaded now need not be read by somebody else.
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    monkeypatch.chdir(closed)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)

    with as_nobody():
        code = run(["init"])

    told = capsys.readouterr()
    assert (1, "") == (code, told.out)
    assert f"gateway: {closed}: this user may not write there: say --config FILE" in told.err


def test_a_file_in_the_place_of_the_folder_is_told_before_the_first_question(cli: Cli) -> None:
    taken = cli.file
    cli.file = taken / "gateway.toml"

    done = cli("init")
    assert (1, "") == (done.code, done.out)
    assert f"gateway: {taken}: a file where a folder is needed: say --config FILE" in done.err


def test_a_forced_answer_that_cannot_be_written_leaves_the_config_as_it_is(cli: Cli) -> None:
    before = cli.file.read_text()

    done = cli("init", "--relay", "mail\udcff.example", "--yes", "--force")
    assert (2, before) == (done.code, cli.file.read_text())
    assert "not UTF-8" in done.err


def test_the_sample_as_it_is_shipped_says_nothing_and_gives_way(cli: Cli) -> None:
    cli.file.write_text(sample())

    cli.do("init", *RELAY, "--yes")
    assert "mailserver" == load(cli.file, {}).relays[0].name


def test_what_no_option_says_is_at_its_default_and_the_relay_may_be_away(cli: Cli) -> None:
    cli.file.unlink()

    shown = cli.do("init", *RELAY, "--network", "::1", "--network", "10.0.0.0/8", "--yes")
    assert "Not reachable: relay mailserver: 127.0.0.1:1: Connection refused" in shown
    assert "takes connections from this machine only, but the CRM connects from 10.0.0.0/8" in shown
    assert f"Next: gateway --config {cli.file} check" in shown
    listener = load(cli.file, {}).smtp.listeners[0]
    assert ("127.0.0.1:2525", 2) == (str(listener.bind), len(listener.networks))


def test_where_nobody_can_listen_is_told_and_check_says_it_too(cli: Cli) -> None:
    cli.file.unlink()
    elsewhere = "192.0.2.1:2525"  # no machine has it (RFC 5737)

    shown = cli.do("init", *RELAY, "--listener", elsewhere, "--yes")
    assert f"Warning: can't listen at {elsewhere}: this host has no such address" in shown
    assert f"error    listener crm: {elsewhere}: this host has no such address" in cli("check").out

    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        shown = cli.do("init", *RELAY, "--listener", f"0.0.0.0:{port}", "--yes", "--force")
    assert f"can't listen at 0.0.0.0:{port}: another program listens there already" in shown
    assert f"The CRM's outgoing mail server: port {port} of this machine" in shown


def test_a_dry_run_prints_the_config_alone_and_writes_nothing(cli: Cli) -> None:
    before = cli.file.read_text()

    shown = cli.do("init", "--relay", "mail.example.org:465", "--yes", "--dry-run")
    assert before == cli.file.read_text()
    relay = tomllib.loads(shown)["relays"][0]
    assert ("mail.example.org", 465, "implicit") == (relay["host"], relay["port"], relay["tls"])


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de_AT.UTF-8", "de"),
        ("nl_BE@euro", "nl"),
        ("fr", "fr"),
        ("frr_DE", "en"),  # North Frisian, not French
        ("C", "en"),
        ("POSIX", "en"),
        ("", "en"),
    ],
)
def test_the_language_is_the_terminals_or_english(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, locale: str, language: str
) -> None:
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.setenv("LC_MESSAGES", locale)
    monkeypatch.delenv("LANG", raising=False)

    shown = cli.do("init", "--relay", "mail.example.org:465", "--yes", "--dry-run")

    assert language == tomllib.loads(shown)["suppression"]["language"]


@pytest.mark.parametrize(
    ("zone", "line"),
    [
        ("Europe/London", 'time_zone = "Europe/London"'),
        (":America/Argentina/Ushuaia", 'time_zone = "America/Argentina/Ushuaia"'),
        ("Etc/UTC", '#time_zone = "Europe/Amsterdam"'),  # the zone of servers, not of a place
        ("UTC", '#time_zone = "Europe/Amsterdam"'),
        ("CET-1CEST", '#time_zone = "Europe/Amsterdam"'),  # a rule without a name
        ("Europe/Lundun", '#time_zone = "Europe/Amsterdam"'),
    ],
)
def test_the_time_zone_is_that_of_the_machines_place(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, zone: str, line: str
) -> None:
    monkeypatch.setenv("TZ", zone)

    shown = cli.do("init", *RELAY, "--yes", "--dry-run")

    assert f"{line}   # of times and dates" in shown
    expected = "Europe/Amsterdam" if line.startswith("#") else line.partition('"')[2][:-1]
    assert expected == Settings.model_validate(tomllib.loads(shown)).time_zone


@pytest.mark.parametrize("zone", ["Europe/Paris", "Etc/UTC"])
def test_without_tz_the_time_zone_is_that_of_the_machines_file(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, zone: str
) -> None:
    local_time = tmp_path / "localtime"
    local_time.symlink_to(f"/usr/share/zoneinfo/{zone}")
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr("gateway.cli.operation.init._LOCAL_TIME", str(local_time))

    shown = tomllib.loads(cli.do("init", *RELAY, "--yes", "--dry-run"))

    assert (None if zone == "Etc/UTC" else zone) == shown.get("time_zone")


@pytest.mark.parametrize(
    ("stdin", "missing"),
    [("", "--listener, --network, --notices"), ("127.0.0.1:2600\n", "--network, --notices")],
)
def test_answers_that_nobody_gives_are_named(cli: Cli, stdin: str, missing: str) -> None:
    cli.file.unlink()

    done = cli("init", *RELAY, "--language", "de", stdin=stdin)
    assert (1, False) == (done.code, cli.file.exists())
    assert f"no answer for {missing}: give each as an option, or --yes" in done.err


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--language", "it"], "--language: not one of"),
        (["--listener", "10.0.0.300:25"], "--listener: not an address and port such as"),
        (["--listener", "127.0.0.1:8025"], "--listener: api.bind: a listener has the same"),
        (["--relay", "a:b:c"], "--relay: not a host name or address alone"),
        (["--relay", "localhost:2525"], "mail would go round in circles"),
    ],
)
def test_a_wrong_option_is_wrong_use_and_nothing_is_written(
    cli: Cli, options: list[str], problem: str
) -> None:
    cli.file.unlink()

    done = cli("init", *options, "--yes")
    assert (2, False) == (done.code, cli.file.exists())
    assert problem in " ".join(done.err.split())


def test_what_the_gateway_keeps_may_go_elsewhere_and_nothing_then_lies_beside_the_config(
    cli: Cli, tmp_path: Path
) -> None:
    cli.file = tmp_path / "etc" / "gateway.toml"
    data = tmp_path / "var"

    told = cli.do("init", "--yes", *RELAY, "--data", f"{data}/")
    settings = load(cli.file, {})

    assert f"what the gateway keeps goes to {data}." in told
    kept = (settings.store.outage, settings.keys.file, settings.console.users)
    assert [data] * 3 == [path.parent for path in kept if path]
    assert f"sqlite:///{data}/gateway.db" == settings.store.url.get_secret_value()
    assert f"{data}/blobs" == settings.store.blobs.removeprefix("file://")
    assert ["gateway.toml"] == [file.name for file in cli.file.parent.iterdir()]
    assert data.is_dir()
