"""Mails as staff forward them."""

from email.message import EmailMessage
from email.policy import SMTP

EVA = "eva@office.example"
ANN = "ann@example.org"
SERVER = "mail.office.example"
PASSED = f"{SERVER}; dmarc=pass header.from=office.example"
FAILED = f"{SERVER}; dmarc=fail header.from=office.example"
INLINE = """\
Bitte ablegen.

-----Ursprüngliche Nachricht-----
Von: Ann Müller <ann@example.org>
Gesendet: Mittwoch, 4. März 2026 10:11
An: Eva Bos <eva@office.example>
Betreff: AW: Ihre Bewerbung

Guten Tag,

{said}

Ann Müller
"""
PDF = b"%PDF-1.4 a curriculum vitae"


def original(*, sender: str = "Ann Müller <ann@example.org>", said: str = "Gerne.") -> EmailMessage:
    """Return what a candidate answered."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = "Eva Bos <eva@office.example>"
    mail["Subject"] = "AW: Ihre Bewerbung"
    mail["Date"] = "Wed, 04 Mar 2026 10:11:12 +0100"
    mail["Message-ID"] = "<original@example.org>"
    mail.set_content(f"Guten Tag,\n\n{said}\n")
    return mail


def forward(
    *,
    subject: str = "4711 WG: AW: Ihre Bewerbung",
    sender: str = f"Eva Bos <{EVA}>",
    results: str | None = PASSED,
    said: str = "das passt mir gut.",
    text: str | None = None,
    message_id: str = "<forward@office.example>",
    fields: dict[str, str] | None = None,
) -> EmailMessage:
    """Return a mail that forwards inline what a candidate answered."""
    mail = EmailMessage(policy=SMTP)
    if results is not None:
        mail["Authentication-Results"] = results
    mail["From"] = sender
    mail["To"] = "import@office.example"
    mail["Subject"] = subject
    mail["Date"] = "Wed, 04 Mar 2026 11:00:00 +0100"
    for name, value in (fields or {}).items():
        mail[name] = value
    if message_id:
        mail.set_raw("Message-ID", message_id)
    mail.set_content(INLINE.format(said=said) if text is None else text)
    return mail


def with_file(
    mail: EmailMessage, name: str = "Lebenslauf.pdf", content: bytes = PDF, kind: str = "pdf"
) -> EmailMessage:
    """Attach a file to a mail."""
    mail.add_attachment(content, maintype="application", subtype=kind, filename=name)
    return mail


def as_attachment(inner: EmailMessage, **options: str) -> EmailMessage:
    """Return a mail that forwards another as an attachment."""
    mail = forward(text="Zur Ablage.", **options)  # type: ignore[arg-type]
    mail.add_attachment(inner)
    return mail
