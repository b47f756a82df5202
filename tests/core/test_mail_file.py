"""Files people take for a mail."""

import pytest

from gateway.core.mail.mail_file import NoMail, read_mail

MAIL = b"Subject: Hoi\r\nFrom: a@x.org\r\n\r\nhi\r\n"
FROM_LINE = b"From ann@x.org Sat Nov 28 09:00:00 2026\n"


@pytest.mark.parametrize(
    ("content", "mail"),
    [
        (MAIL, MAIL),
        (MAIL.replace(b"\r\n", b"\n"), MAIL.replace(b"\r\n", b"\n")),
        (b"\xef\xbb\xbf" + MAIL, MAIL),
        (FROM_LINE + MAIL, MAIL),
        (b">" + FROM_LINE + MAIL, MAIL),
        (MAIL + b"\r\nFrom me to you, 2026\r\nSubject: x\r\n", None),
        (b"Received : from x\n\nhi\n", None),
        (b"X-Mailer: CRM\n", None),
        (MAIL * 3 + b"\0", None),
        (MAIL + b"<html><body>hi</body></html>", None),
    ],
)
def test_a_mail_is_read_without_what_a_mailbox_file_puts_before_it(
    content: bytes, mail: bytes | None
) -> None:
    assert (content if mail is None else mail) == read_mail(content)


@pytest.mark.parametrize(
    ("content", "fault", "cure"),
    [
        (b"", "is empty", ".eml"),
        (b"\r\n \r\n", "is empty", ".eml"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "Outlook item (.msg)", "as .eml"),
        (b"x\x9f>\"\0\0", "winmail.dat", ".eml"),
        (b"!BDN\0\0", ".pst", ".eml"),
        (b"%PDF-1.7\n", "is a PDF", "show original"),
        (b"PK\x03\x04\x14\0", "ZIP", "unpack"),
        (b"\x1f\x8b\x08\0", "gzip", "unpack"),
        (b"{\\rtf1\\ansi", "RTF", "show original"),
        (b"\x89PNG\r\n", "picture", "show original"),
        (b"<!DOCTYPE html>\n<html>", "HTML", "show original"),
        (b"\xef\xbb\xbf\r\n  <html>", "HTML", "show original"),
        (b"<?xml version='1.0'?>", "HTML", "show original"),
        (b"From: <Saved by Blink>\r\nSnapshot-Content-Location: https://x/\r\n\r\n",
         "MHTML", "show original"),
        ("Subject: Hoi\n\nhi\n".encode("utf-16"), "UTF-16", "not as text"),
        ("Subject: Hoi\n\nhi\n".encode("utf-16-le"), "UTF-16", "not as text"),
        (b"1234\nSubject: Hoi\n\nhi\n<?xml", ".emlx", "Raw Message Source"),
        (b"\nSubject: Hoi\n\nhi\n", "begins with an empty line", "remove"),
        (b"Dear Ann,\n\nhow are you?\n", "no header field", "show original"),
        (b"Dear Ann: how are you?\n", "no header field", "show original"),
        (b"https://mail.example.org/1\n", "no header field", "show original"),
        (b"{\"subject\": 1}\n", "no header field", "show original"),
        (FROM_LINE + MAIL + b"\r\n" + FROM_LINE + MAIL + b"\r\n" + FROM_LINE + MAIL,
         "holds 3 mails (mbox)", "by itself"),
    ],
)  # fmt: skip
def test_what_is_no_mail_is_named_with_its_cure(content: bytes, fault: str, cure: str) -> None:
    found = read_mail(content)

    assert isinstance(found, NoMail)
    assert fault in found.fault
    assert cure in found.fault.partition(":")[2]
