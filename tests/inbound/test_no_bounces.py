"""Mail that is no bounce, wherever it comes to, suppresses nobody."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.core.bounces.bounce import Bounce, BounceKind
from gateway.inbound.reading.reading import ReadingTask, read
from tests.rig.shared import needs_shared, shared_fixtures

FORWARDS = shared_fixtures("forwards") / "mails"
#: What acts on an address.
ACTING = (BounceKind.COMPLAINT, BounceKind.OPT_OUT)
QUOTED = """\
This is the mail system at host mx.example.
<ann@example.org>: host mx.example.org[192.0.2.1] said: 550 5.1.1
    <ann@example.org>: Recipient address rejected: User unknown (in reply to RCPT TO command)

Final-Recipient: rfc822; ann@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown
"""
ABSENCES = {  # of people who are away, have left, or moved; and what makes programs careless
    "nl": ("Afwezig", "Ik werk hier niet meer. ann@example.org bestaat niet meer."),
    "de": ("Abwesend", "Ann Müller arbeitet nicht mehr bei uns, ann@example.org ist deaktiviert."),
    "en": ("Out of office", "I no longer work here. This mailbox ann@example.org is disabled."),
    "fr": ("Absence", "Je ne travaille plus ici. L'adresse ann@example.org n'existe plus."),
    "es": ("Fuera de la oficina", "Ya no trabajo aquí; la cuenta ann@example.org no existe."),
    "it": ("Fuori sede", "Non lavoro più qui. L'indirizzo ann@example.org è disattivato."),
    "pt": ("Ausência", "Já não trabalho aqui. A conta ann@example.org foi desativada."),
    "pl": ("Nieobecność", "Już tu nie pracuję. Adres ann@example.org nie istnieje."),
    "sv": ("Frånvaro", "Jag arbetar inte längre här. ann@example.org finns inte längre."),
    "da": ("Fravær", "Jeg arbejder her ikke længere. ann@example.org er lukket."),
    "fi": ("Poissa", "En työskentele täällä enää. ann@example.org ei ole käytössä."),
    "cs": ("Mimo kancelář", "Již zde nepracuji. Adresa ann@example.org neexistuje."),
    "tr": ("Ofis dışında", "Artık burada çalışmıyorum. ann@example.org kapatıldı."),
    "ru": ("Отсутствую", "Я здесь больше не работаю. Ящик ann@example.org отключён."),
    "ja": ("不在", "退職しました。ann@example.org は使われていません。user unknown"),
}
TICKETS = {  # of help desks that quote what they were sent, and close what they don't know
    "nl": ("[Ticket#1234] Ontvangen", "Uw bericht aan ann@example.org is ontvangen."),
    "de": ("[#1234] Eingangsbestätigung", "Ihre Nachricht an ann@example.org ist eingegangen."),
    "fr": ("[Ticket 1234] Reçu", "Votre message à ann@example.org nous est parvenu."),
    "en": ("[Ticket#1234] Received", "The account ann@example.org is unknown to us: closed."),
}
PEOPLE_CALLED_LIKE_SERVERS = (  # by their domain, by their name, by a mailbox they share
    "Ann <ann@mailserver.example>",
    "ann@mail-gateway.example",
    "Ann <ann@mail.systems.example>",
    "Ann <ann@daemon.example>",
    "Ann Daemon <ann@example.org>",
    "Beheer <postmaster@example.org>",
)
CHALLENGES = (  # of services that first want to know whether a person sends
    "Your message to ann@example.org is held. Click here to prove that you are not a robot.",
    "ann@example.org only accepts mail from known senders: sender unknown. Confirm your address.",
    "Uw bericht aan ann@example.org wacht: bevestig dat u een mens bent. 550 user unknown",
)
DIGESTS = (  # of servers, on mail that wasn't ours or is kept back
    "Spam quarantine digest",
    "Quarantäne-Bericht",
    "Daily summary: undelivered mail",
    "Dagelijks overzicht",
    "Returned mail: daily summary",
    "Mail statistics for example.org",
    "Report of 3 March",
)
#: How programs that answer mark it, or don't.
MARKS = (
    "Auto-Submitted: auto-replied\r\n",
    "Auto-Submitted: auto-replied (vacation)\r\nReturn-Path: <>\r\n",
    "X-Autoreply: yes\r\n",
    "Precedence: auto_reply\r\n",
    "Return-Path: <>\r\n",
    "",
)


def mail(
    subject: str, text: str, *fields: str, sender: str = "Ann <ann@example.org>", kind: str = ""
) -> bytes:
    """Return a mail to a return address, about a message of ours."""
    kind = kind or "text/plain; charset=utf-8"
    lines = (
        f"From: {sender}",
        "To: bounces+token@office.example",
        f"Subject: {subject}",
        f"Content-Type: {kind}",
        *(one.removesuffix("\r\n") for one in fields if one),
    )
    return ("\r\n".join(lines) + "\r\n\r\n" + text.replace("\n", "\r\n")).encode()


def _attached(kind: str, text: str) -> str:
    note = "--b\nContent-Type: text/plain\n\nSee below.\n\n"
    return f"{note}--b\nContent-Type: {kind}\n\n{text}\n--b--\n"


def written() -> Iterator[tuple[str, bytes]]:
    """Yield more than 1,000 mails by name."""
    references = "In-Reply-To: <m-1@office.example>"
    gone = "550 5.1.1 User unknown"
    for (language, (subject, text)), (number, marks), said, answers in itertools.product(
        ABSENCES.items(), enumerate(MARKS), ("", gone, QUOTED), ("", references)
    ):
        for prefix in ("", "Re: "):
            name = f"absence {language} {number} {prefix}{said[:5]}{bool(answers)}"
            yield name, mail(prefix + subject, f"{text}\n{said}", marks, answers)
    for _, text in ABSENCES.values():  # receipts of programs, which nobody reads
        sender = "Jobs <no-reply@example.org>"
        yield "receipt", mail("Thank you", f"{text}\n{gone}", "Return-Path: <>", sender=sender)
    quoted = "".join(f"> {line}\n" for line in QUOTED.splitlines())
    bounced = f"From: MAILER-DAEMON@mx.example\nSubject: Undelivered\n\n{QUOTED}"
    report = (
        "From: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail Returned to Sender\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=c\n\n"
        f"--c\nContent-Type: message/delivery-status\n\n{QUOTED[QUOTED.index('Final') :]}\n--c--\n"
    )
    for prefix in ("Re: ", "AW: ", "Fwd: ", "WG: ", "TR: ", "Doorst: ", "Fwd: FW: ", "", "[crm] "):
        subject = prefix + "Undelivered Mail Returned to Sender"
        answers = references
        yield f"answer {prefix}", mail(subject, f"What is this?\n\n{quoted}", answers)
        yield f"answer on top {prefix}", mail(subject, f"What is this?\n\n{QUOTED}", answers)
        if prefix:
            yield f"forward {prefix}", mail(subject, f"FYI\n\n{QUOTED}")
            for what, attached in (("text", bounced), ("report", report)):
                yield (
                    f"attached {what} {prefix}",
                    mail(
                        subject,
                        _attached("message/rfc822", attached),
                        kind="multipart/mixed; boundary=b",
                    ),
                )
    for sender in ("news@shop.example", "list-owner@lists.example", "Shop <hello@shop.example>"):
        for marks in ("Precedence: bulk", "List-Unsubscribe: <https://shop.example/u>", ""):
            for text in (f"Why mail bounces: {gone} ann@example.org", QUOTED, "Sale!"):
                yield f"newsletter {marks}", mail("Tips", text, marks, sender=sender)
    gzip = "application/gzip; name=google.com!office.example!1.xml.gz"
    for sender in ("noreply-dmarc-support@google.com", "dmarcreport@microsoft.com"):
        subject = "Report domain: office.example Submitter: google.com Report-ID: 1"
        yield "dmarc", mail(subject, "H4sIAAAA", sender=sender, kind=gzip)
        yield (
            "dmarc with text",
            mail(
                subject,
                _attached(gzip, "H4sIAAAA"),
                sender=sender,
                kind="multipart/mixed; boundary=b",
            ),
        )
        yield (
            "tls-rpt",
            mail(
                "Report Domain: office.example Submitter: google.com",
                _attached(
                    "application/tlsrpt+json", '{"policies": [{"failure-details": ["550 5.1.1"]}]}'
                ),
                "TLS-Report-Domain: office.example",
                sender=sender,
                kind='multipart/report; report-type="tlsrpt"; boundary=b',
            ),
        )
    for subject, text in TICKETS.values():
        for sender in (
            "Support <support@shop.example>",
            "no-reply@shop.example",
            "helpdesk@x.example",
        ):
            for said, marks in itertools.product(("", gone, QUOTED), MARKS):
                yield f"ticket {sender}", mail(subject, f"{text}\n{said}", marks, sender=sender)
    for text in CHALLENGES:
        for sender in ("noreply@boxbe.example", "ann@example.org", "confirm@spamarrest.example"):
            for marks in MARKS:
                yield f"challenge {sender}", mail("Re: Vacature", text, marks, sender=sender)
    original = "Message-ID: <m-1@office.example>\nTo: ann@example.org\n\nDag\n"
    for text in ("Dit adres bestaat niet meer: gebruik het formulier.", "Customer unknown."):
        attached = _attached("message/rfc822", original).replace("See below.", text)
        sender, kind = "no-reply@shop.example", "multipart/mixed; boundary=b"
        yield "receipt with the mail", mail("[#12] Received", attached, sender=sender, kind=kind)
    for sender in PEOPLE_CALLED_LIKE_SERVERS:
        for prefix, answers in itertools.product(("Re: ", "AW: ", "Antw: "), ("", references)):
            text = f"ann@example.org bestaat niet meer: {gone}\n\n> Op maandag schreef u:\n> Dag"
            yield f"answer of {sender}", mail(prefix + "Vacature", text, answers, sender=sender)
            text = f"What is this?\n\n{QUOTED}"
            yield f"answer to one, of {sender}", mail(prefix + "Vacature", text, sender=sender)
    for sender in PEOPLE_CALLED_LIKE_SERVERS[:4]:
        yield f"mail of {sender}", mail("Vacature", f"ann@example.org: {gone}", sender=sender)
        yield f"one shown by {sender}", mail("Vacature", f"Look:\n\n{QUOTED}", sender=sender)
    for subject, marks in itertools.product(DIGESTS, MARKS):
        for sender in ("postmaster@example.org", "Mail Delivery System <postmaster@example.org>"):
            listed = f"<ann@example.org>  Vacature  {gone}\n<bob@example.org>  Invoice  {gone}\n"
            yield f"digest {subject}", mail(subject, f"Kept back:\n{listed}", marks, sender=sender)
    for subject, text in (
        ("Vacature", f"Dag, ann@example.org werkt hier niet meer: {gone}"),
        ("Ihre Anfrage", f"Guten Tag,\n<ann@example.org>: {gone}\nGruß, Max"),
        ("Question", f"> Message-ID: <m-1@office.example>\nann@example.org does not exist: {gone}"),
    ):
        for sender in ("Max <postmaster@example.org>", "post-master@example.org"):
            yield f"written as {sender}", mail(subject, text, sender=sender)
    event = (
        "BEGIN:VCALENDAR\nMETHOD:REPLY\nATTENDEE:mailto:ann@example.org\nCOMMENT:550 user unknown"
    )
    for method in ("REPLY", "REQUEST", "CANCEL", "COUNTER"):
        kind = f"text/calendar; method={method}"
        yield f"calendar {method}", mail("Accepted: Interview", event, kind=kind)
    for sender in ("list-request@lists.example", "list@lists.example"):
        yield (
            "digest",
            mail(
                "List Digest, Vol 1, Issue 2",
                _attached("message/rfc822", report),
                "Precedence: list",
                "List-Id: <list.lists.example>",
                sender=sender,
                kind="multipart/digest; boundary=b",
            ),
        )
        yield "digest in text", mail("List Digest", QUOTED, "List-Id: <list.x>", sender=sender)
    for action, status, said in itertools.product(
        ("delayed", "delivered", "relayed", "expanded", "deliverable", "Delayed", "RELAYED"),
        ("4.4.7", "2.0.0", "5.1.1", "4.1.1"),
        ("", "smtp; 450 4.1.1 user unknown", "smtp; 550 5.1.1 user unknown", "smtp; 250 ok"),
    ):
        fields = "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; ann@example.org\n"
        fields += f"Action: {action}\nStatus: {status}\n"
        fields += f"Diagnostic-Code: {said}\n" if said else ""
        yield (
            f"report {action} {status} {said}",
            mail(
                "Delivery Status Notification",
                _attached("message/delivery-status", fields),
                sender="MAILER-DAEMON@mx.example",
                kind="multipart/report; report-type=delivery-status; boundary=b",
            ),
        )
    for failure in ("auth-failure", "dmarc", "not-spam"):  # RFC 6591
        fields = f"Feedback-Type: {failure}\nVersion: 1\nOriginal-Rcpt-To: ann@example.org\n"
        yield (
            f"feedback {failure}",
            mail(
                "DMARC failure",
                _attached("message/feedback-report", fields),
                sender="postmaster@receiver.example",
                kind="multipart/report; report-type=feedback-report; boundary=b",
            ),
        )
    for disposition in ("displayed", "deleted", "failed", "denied"):
        receipt = (
            "Final-Recipient: rfc822; ann@example.org\n"
            f"Disposition: manual-action/MDN-sent-manually; {disposition}\n"
            "Failure: 550 5.1.1 user unknown\n"
        )
        yield (
            f"receipt {disposition}",
            mail(
                "Read: Vacature",
                _attached("message/disposition-notification", receipt),
                kind="multipart/report; report-type=disposition-notification; boundary=b",
            ),
        )


def acting(folder: Path, octets: bytes, *, is_bounce: bool) -> list[Bounce]:
    """Return what of a mail could do something to an address."""
    file = folder / "mail.eml"
    file.write_bytes(octets)
    task = ReadingTask(
        file=str(file),
        folder=str(folder),
        reference=r"(?P<reference>\d{4})",
        zone="UTC",
        is_bounce=is_bounce,
    )
    report = read(task).report
    bounces = report.bounces if report else ()
    return [bounce for bounce in bounces if bounce.is_hard or bounce.kind in ACTING]


@pytest.mark.parametrize("is_bounce", [True, False], ids=["at the bounces", "among the replies"])
def test_what_people_and_their_programs_write_is_no_bounce(tmp_path: Path, is_bounce: bool) -> None:
    mails = list(written())

    wrong = {
        name: acts
        for name, octets in mails
        if (acts := acting(tmp_path, octets, is_bounce=is_bounce))
    }

    assert len(mails) > 1000
    assert {} == wrong


@needs_shared(FORWARDS)
def test_what_staff_forward_with_real_programs_is_no_bounce(tmp_path: Path) -> None:
    mails = sorted(FORWARDS.glob("*.eml"))

    wrong = [file.name for file in mails if acting(tmp_path, file.read_bytes(), is_bounce=True)]

    assert len(mails) > 200
    assert [] == wrong
