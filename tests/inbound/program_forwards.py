"""Forwards that real mail programs wrote, compared strictly with the mails they forward.

The mails are those of `../shared/fixtures/forwards`; its README says what is right. What a program
left out can't be recovered: a name, a recipient or a signature counts only where the mail has it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.utils import parsedate_to_datetime
from pathlib import Path

from gateway.core.replies.subject_prefixes import without_prefixes
from gateway.inbound.reading.markup import read_page
from gateway.inbound.reading.reading import ReadingTask, ReadMail, read
from tests.rig.shared import shared_fixtures

CORPUS = shared_fixtures("forwards")
NOTE = "Bitte beachten: Kandidatin kommt gern."
REFERENCE = "9001"
FIELDS = ("sender", "name", "subject", "date", "to", "cc", "text", "staff_text", "documents")
_STAFF = b"From: Sanne de Vries <sanne@bureau.example>"
_ZONE = "Europe/Berlin"  #: Where the programs ran.


@dataclass(frozen=True)
class Original:
    """A mail of a candidate, as it was before anybody forwarded it."""

    name: str
    address: str
    subject: str
    date: datetime
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    texts: tuple[str, ...]  #: Its plain text and the text of its HTML.
    documents: tuple[tuple[str, str], ...]


def originals() -> dict[str, Original]:
    """Return the originals by the word for them in the names of the mails."""
    return {file.stem: _original(file) for file in (CORPUS / "originals").glob("*.eml")}


def mails() -> list[Path]:
    """Return the files of the corpus."""
    return sorted((CORPUS / "mails").glob("*.eml"))


def program_of(file: Path) -> str:
    """Return the program that wrote a mail of the corpus."""
    return file.name.partition("-")[0]


def compare(file: Path, original: Original, folder: Path) -> tuple[ReadMail, list[str]]:
    """Read a mail of the corpus as the importer does; return the fields that are wrong."""
    sent = folder / "sent.eml"
    sent.write_bytes(as_sent(file.read_bytes()))
    task = ReadingTask(
        file=str(sent), folder=str(folder), reference=r"(?P<reference>[0-9]+)", zone=_ZONE
    )
    reading = read(task)
    return reading, list(_wrong(reading, original, _said(file)))


def _original(file: Path) -> Original:
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    [author] = mail["from"].addresses
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    texts = [plain.get_content()] if plain is not None else []
    texts += ["\n".join(read_page(html.get_content()).lines)] if html is not None else []
    return Original(
        name=author.display_name,
        address=author.addr_spec,
        subject=without_prefixes(" ".join(mail["subject"].split())),
        date=parsedate_to_datetime(mail["date"]),
        to=mail["to"].addresses,
        cc=mail["cc"].addresses if mail["cc"] else (),
        texts=tuple(texts),
        documents=tuple(
            (part.get_filename() or "", part.get_content_type())
            for part in mail.walk()
            if part.get_content_disposition() == "attachment"
        ),
    )


def as_sent(octets: bytes, reference: str = REFERENCE) -> bytes:
    """Return a mail as staff send it: from an address of theirs, the reference in its subject."""
    octets = octets.replace(b"\r\n", b"\n")
    if re.match(rb"[\w-]+:", octets) is None:  # an mbox line of the spool it was taken from
        octets = octets.partition(b"\n")[2]
    head, separator, body = octets.partition(b"\n\n")
    head = re.sub(rb"(?im)^from:.*(?:\n[ \t].*)*", _STAFF, head, count=1)
    if re.search(rb"(?im)^subject:\s*(=\?utf-8\?q\?)?9001", head) is None:
        head = re.sub(rb"(?im)^subject:[ ]?", b"Subject: 9001 ", head, count=1)
    head = head.replace(REFERENCE.encode(), reference.encode(), 1)
    return head + separator + body


def _said(file: Path) -> str:
    """Return all that a mail holds, decoded: what isn't in it, its program left out."""
    mail = message_from_bytes(file.read_bytes())
    return "\n".join((str(mail["subject"]), *_texts(mail)))


def _texts(mail: Message) -> Iterator[str]:
    for number, part in enumerate(mail.walk()):
        if number:
            yield "\n".join(str(value) for value in part.values())
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            octets = payload if isinstance(payload, bytes) else b""
            yield octets.decode("utf-8", "replace")


def _wrong(reading: ReadMail, original: Original, said: str) -> Iterator[str]:
    filed = reading.original
    assert filed is not None
    if not filed.is_recovered:
        yield from FIELDS
        return
    if filed.sender != (original.address if original.address in said else ""):
        yield "sender"
    names = {original.name} if "Anna" in said else {""}
    if _bare(filed.sender_name) not in {_bare(name) for name in names}:
        yield "name"
    if filed.subject != (original.subject if original.subject[:12] in said else filed.subject):
        yield "subject"
    if filed.date is None or f"{filed.date.timestamp() // 60}" not in _minutes(original.date):
        yield "date"
    if not _same_people(filed.recipients, original.to, said):
        yield "to"
    if not _same_people(filed.copies, original.cc, said):
        yield "cc"
    if _bare(filed.text) not in {_bare(text) for text in _readings(original, said)}:
        yield "text"
    if filed.staff_text.strip() != NOTE:
        yield "staff_text"
    documents = [(each.filename, each.content_type) for each in reading.attachments]
    expected = list(original.documents) if _has_document(said) else []
    if "application_pdf_" in said:  # aerc makes names up
        expected = [(name, kind) for (_, kind), (name, _) in zip(expected, documents, strict=False)]
    if expected != documents:
        yield "documents"


def _has_document(said: str) -> bool:
    return "JVBERi0xLjQK" in said or "%PDF-1.4" in said


def _minutes(date: datetime) -> set[str]:
    """Return the minutes a date may be read as; one program wrote its time in UTC, unmarked."""
    return {f"{(date.timestamp() - shift) // 60}" for shift in (0, 3600)}


def _same_people(filed: str, people: tuple[Address, ...], said: str) -> bool:
    """Whether those who got the mail are filed: those whose address the program wrote."""
    written = [one for one in people if one.addr_spec in said]
    shown = filed.split("; ") if filed else []
    if len(shown) != len(written):
        return False
    return all(_same_person(*pair) for pair in zip(shown, written, strict=True))


def _same_person(shown: str, one: Address) -> bool:
    name = _bare(one.display_name)
    # Some programs leave out names, and quotes within them.
    return _bare(shown) in {
        f"{name}<{one.addr_spec}>",
        f"{name.replace(chr(34), '')}<{one.addr_spec}>",
        one.addr_spec,
    }


def _readings(original: Original, said: str) -> Iterator[str]:
    """Yield the texts that are right: some programs leave out signatures, or add a `>From`."""
    for text in original.texts:
        kept = text if "Telefon 0221" in said else text.partition("\n-- \n")[0]
        kept = kept if "<karl@firma.example>" in said else re.sub("<[^<>]*@[^<>]*>", "", kept)
        yield kept
        yield kept.replace("\nFrom there", "\n>From there")


def _bare(text: str) -> str:
    """Return what is compared: blanks and empty lines are how a program shows a text."""
    return "".join(text.split())
