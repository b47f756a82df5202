"""`gateway check` calls each mailbox and says in one line what is wrong and what to do."""

from pathlib import Path
from typing import Any

import pytest

from tests.rig.certificates import Certificates
from tests.rig.courier import Courier
from tests.rig.dovecot import Dovecot
from tests.rig.gateway import GatewayProcess, gateway_config
from tests.rig.process import free_port
from tests.system.test_mailbox import mailbox

pytestmark = pytest.mark.system

NOTHING = (
    "error mailbox replies: nothing that comes in here is imported, all of it waits: set trust = "
    '"authentication-results" with authserv_id, "exchange-internal" or "internal-only"'
)


async def checked(
    folder: Path, *mailboxes: dict[str, Any], options: tuple[str, ...] = ()
) -> tuple[int, list[str]]:
    """Return the exit code and the lines about the mailboxes."""
    config = gateway_config(
        store_url=f"sqlite:///{folder}/gateway.db",
        relay_port=1,
        changes={"inbound": {"mailboxes": list(mailboxes)}},
    )
    done = await GatewayProcess(folder / "gateway", config).cli("check", *options, timeout=120)
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    return done.returncode, [line for line in lines if " mailbox " in line]


async def test_a_mailbox_is_called_and_what_is_found_is_told(
    tmp_path: Path, dovecot: Dovecot, user: str, certificates: Certificates
) -> None:
    dovecot.deliver(user, b"Subject: one\r\n\r\nx\r\n")
    encrypted = {"tls": "implicit", "host": "localhost", "port": dovecot.tls_port}

    async with Dovecot(certificates, capability="IMAP4rev1") as bare:
        _, lines = await checked(
            tmp_path,
            mailbox(dovecot, user),
            mailbox(dovecot, user, name="encrypted", ca=str(certificates.ca), **encrypted),
            mailbox(bare, user, name="bare"),
        )

    assert [
        "ok mailbox replies: imports mail that passes by the topmost Authentication-Results of "
        "mail.office.example",
        f"ok mailbox replies: 127.0.0.1:{dovecot.port} lets the gateway in, tells of new mail; "
        "1 mail in INBOX",
        "ok mailbox replies: folders that the gateway will create: Imported, Needs attention, "
        "Ignored",
    ] == [line for line in lines if "mailbox replies" in line]
    assert {"ok"} == {line.split()[0] for line in lines if "mailbox encrypted" in line}
    assert [line for line in lines if "warning mailbox bare" in line and "can't remove" in line]
    assert ["INBOX"] == dovecot.folders(user)


async def test_a_server_that_tells_of_new_mail_late_is_named(tmp_path: Path) -> None:
    async with Courier("replies") as courier:
        _, lines = await checked(tmp_path, mailbox(courier, "replies"))

    assert [
        "warning mailbox replies: its IDLE doesn't tell of new mail at once (Courier looks for "
        "news once a minute): mail is found within 60 s, as [inbound] every says; make it less for "
        "sooner"
    ] == [line for line in lines if "IDLE" in line]


RIGHTS = """
mail_plugins = acl
plugin {
  acl = vfile
}
protocol imap {
  mail_plugins = $mail_plugins imap_acl
}
"""


@pytest.mark.parametrize(
    ("folder", "rights", "complaint"),
    [
        ("INBOX", "lrst", "may not remove mail from the folder 'INBOX' (its rights there: "),
        ("Ignored", "lrwste", "may not put mail into the folder 'Ignored' (its rights there: "),
    ],
)
async def test_a_folder_that_mail_can_not_leave_or_enter_is_named(
    tmp_path: Path, certificates: Certificates, folder: str, rights: str, complaint: str
) -> None:
    async with Dovecot(certificates, more=RIGHTS) as server:
        with server.open("replies") as client:
            client.create("Ignored")
        mails = server.folder / "mail" / "replies"
        where = mails if folder == "INBOX" else mails / f".{folder}"
        (where / "dovecot-acl").write_text(f"owner {rights}\n")
        code, lines = await checked(tmp_path, mailbox(server, "replies"))

    assert 1 == code
    (told,) = (line for line in lines if line.startswith("error"))
    assert complaint in told
    assert told.endswith("set folder to one of the account's, which it may change")


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "password": (
        {"password": "wrong"},
        "the login is refused: NO [AUTHENTICATIONFAILED]",
        "set username and password",
    ),
    "folder": (
        {"folder": "Replies"},
        "can't open the folder 'Replies'",
        "set folder to one of the account's",
    ),
    "certificate": (
        {"tls": "starttls", "host": "localhost"},
        "its certificate is not trusted",
        "set ca to the authority that signed it",
    ),
    "port": ({"port": 1}, "Connect call failed", "is it running, and are host, port and tls right"),
    "host": ({"host": "nowhere.invalid"}, "no connection: ", "is it running"),
    "token": (
        {"auth": "xoauth2", "oauth": {"token_url": "http://127.0.0.1:9/t", "client_id": "x"}},
        "no access token from http://127.0.0.1:9/t",
        "is it running",
    ),
}


async def test_what_is_wrong_is_told_in_one_line_with_advice(
    tmp_path: Path, dovecot: Dovecot, user: str
) -> None:
    unproved = mailbox(dovecot, user)
    del unproved["trust"], unproved["authserv_id"]
    wrong = [
        mailbox(dovecot, user, name=name, **changes) for name, (changes, _, _) in WRONG.items()
    ]

    code, lines = await checked(tmp_path, unproved, *wrong)

    assert 1 == code
    assert NOTHING in lines
    for name, (_, complaint, advice) in WRONG.items():
        told = [line for line in lines if line.startswith(f"error mailbox {name}: ")]
        assert 1 == len(told)
        assert complaint in told[0]
        assert advice in told[0]


async def test_offline_no_mailbox_is_called(tmp_path: Path, dovecot: Dovecot, user: str) -> None:
    code, lines = await checked(
        tmp_path, mailbox(dovecot, user, port=free_port()), options=("--offline",)
    )

    assert 0 == code
    assert ["warning inbound: the address staff forward replies to is not known"] == [
        line.partition(": set")[0] for line in lines if not line.startswith("ok")
    ]
