"""What the tables say rests on these readings; the runs themselves are `make clients`."""

from dataclasses import replace

import pytest

from tests.clients.libraries import LIBRARIES, SendResult
from tests.clients.mail_server_situations import read_bounce
from tests.clients.situations import ClientReport, NoteSeen, differences, note_seen
from tests.clients.tables import fitting_setting
from tests.clients.tap import TappedConnection

LINES = (
    "5.7.1 Versand fehlgeschlagen: in Gruppe. Nr. 0sc6a061w0000",
    "5.7.1 Aufheben: in der Gruppe",
    "5.7.1 Kurz: in Gruppe. Nr. 0sc6a061w0000",
)
WIRE = "".join(f"550-{line}\r\n" for line in LINES).replace("w0000", "w0007")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WIRE, NoteSeen(lines="all", number=True)),
        (" ".join(WIRE.replace("5.7.1 ", "").split()), NoteSeen(lines="all", number=True)),
        (WIRE.splitlines()[0], NoteSeen(lines="first", number=True)),
        (WIRE.splitlines()[-1], NoteSeen(lines="last", number=True)),
        (WIRE.splitlines()[1], NoteSeen(lines="some", number=False)),
        ("RCPT failed: 550", NoteSeen(lines="none", number=False)),
    ],
)
def test_which_lines_of_a_note_a_text_holds(text: str, expected: NoteSeen) -> None:
    assert expected == note_seen(text, LINES)


def mail(message_id: str, boundary: str, text: str = "Dag") -> bytes:
    head = f'Message-ID: <{message_id}>\r\nContent-Type: multipart/mixed;\r\n boundary="{boundary}"'
    return f"{head}\r\n\r\n--{boundary}\r\n\r\n{text}\r\n--{boundary}--\r\n".encode()


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (mail("a@x", "b1"), []),
        (mail("b@x", "b1"), ["Message-ID"]),
        (mail("a@x", "longer"), ["boundary"]),
        (mail("a@x", "b1", "Dag!"), ["body"]),
    ],
)
def test_what_changes_between_two_tries(second: bytes, expected: list[str]) -> None:
    assert expected == differences(mail("a@x", "b1"), second)


def seen(*, others: bool, ok: bool, lines: str, partial: bool | None = None) -> ClientReport:
    library = replace(LIBRARIES[0], partial="goOn")
    note = NoteSeen(lines=lines, number=lines != "none")
    result = SendResult(ok=ok, said="", more="", seconds=0)
    told = NoteSeen(lines="all", number=True)
    report = ClientReport(library=library, others_get_it=others, partial_get_it=partial)
    report.refused_result, report.refused_note, report.refused_more = result, note, note
    report.content_note = report.content_more = report.partial_note = told
    return report


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (seen(others=False, ok=False, lines="all"), "shipped"),
        (
            seen(others=False, ok=False, lines="all", partial=True),
            'shipped; with `goOn`: `reject_at = "rcpt"`',
        ),
        (seen(others=True, ok=True, lines="none"), '`report = "always"`'),
        (
            seen(others=True, ok=True, lines="all"),
            'shipped; `reject_at = "rcpt"` where the program looks at the return value',
        ),
        (
            seen(others=True, ok=False, lines="all"),
            "shipped: who sends again sends twice to the others",
        ),
    ],
)
def test_the_setting_that_fits(report: ClientReport, expected: str) -> None:
    assert expected == fitting_setting(report)


def test_a_bounce_is_read_without_the_mail_it_is_about() -> None:
    parts = (
        f"Content-Type: text/plain\r\n\r\nann@example.org: {WIRE}",
        "Content-Type: message/delivery-status\r\n\r\nX: y\r\n\r\n",
        "Content-Type: message/rfc822\r\n\r\nTo: ann@example.org, bob@example.org\r\n\r\n",
    )
    body = "".join(f"--b\r\n{part}" for part in parts)
    bounce = f'Content-Type: multipart/report; boundary="b"\r\n\r\n{body}--b--\r\n'.encode()

    read = read_bounce(bounce, LINES, "ann@example.org", ["bob@example.org"])

    assert ("all", ("refused",), True, True) == (
        read.note.lines,
        read.names,
        read.is_report,
        read.says_first,
    )


def test_a_tapped_connection_keeps_commands_and_leaves_content_out() -> None:
    connection = TappedConnection(opened=0)
    connection.take("C", b"MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n")
    connection.take("S", b"250 ok\r\n250 ok\r\n354 go on\r\n")
    connection.take("C", b"Subject: x\r\n\r\nMAIL FROM:<no@x>\r\n.")
    connection.take("C", b"\r\nQUIT\r\n")

    assert [["RCPT TO:<b@x>"]] == connection.transactions()
    assert ["MAIL FROM:<a@x>"] == connection.commands("MAIL")
    assert "QUIT" == connection.said[-1][2]
