"""A candidate's reply that the demo forwards, and where it is filed."""

import smtplib
from email import message_from_bytes

from gateway.cli.context import Context
from gateway.cli.demo import sample
from gateway.cli.demo.waiting import wait_for
from gateway.cli.output import one_line, print_line
from gateway.core.people.history import HistoryEntry
from gateway.core.people.people import PersonKind, PersonRef
from gateway.store.people import history
from gateway.store.sending import outbox

_CANDIDATE = PersonRef(PersonKind.CANDIDATE, "103")


def forward_reply(invocation: Context, port: int) -> HistoryEntry:
    """Forward a candidate's reply as staff do; return the filed entry."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as server:
        server.sendmail(sample.STAFF, "replies@crm.example", sample.FORWARD.encode())
    with invocation.store() as store:

        def filed() -> HistoryEntry | None:
            with store.reading() as connection:
                return next(iter(history.of_person(connection, _CANDIDATE)), None)

        return wait_for(filed, "the forwarded reply was not filed in time")


def show_reply(invocation: Context, entry: HistoryEntry) -> None:
    """Print the entry, its documents, and the notice to those responsible."""
    print_line("\nA reply that Eva Bos forwarded as “4711 WG: AW: Ihre Bewerbung”:", "bold")
    print_line(f"  filed to {entry.person} at application {entry.reference}")
    print_line(f"  from {one_line(entry.sender_name)} <{entry.sender}>: {one_line(entry.subject)}")
    print_line(f"  Eva's own words, kept apart: {one_line(entry.staff_text)}")
    for document in entry.documents:
        print_line(f"  document: {document.filename} → {document.type}", "green")
    with invocation.store() as store, store.reading() as connection:
        (notice,) = outbox.list_outbox(connection)
    mail = message_from_bytes(notice.body)
    text = mail.get_payload(decode=True)
    print_line(f"\nThe notice for {notice.recipient}:", "bold")
    for line in text.decode().splitlines() if isinstance(text, bytes) else ():
        print_line(f"  {line}" if line else "")
