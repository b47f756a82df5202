"""A report of several messages is in one language, whoever is on file as their author."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from gateway.app.decision.held_reports import HeldReportWriter
from gateway.config import load
from gateway.core import ids
from gateway.core.decision.dsn import LeftOut, ReportedMessage
from gateway.core.decision.note_facts import NoteFacts, facts_as_json
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import By, Kind, Scope, State
from gateway.core.people.people import Suppression, SuppressionSource
from gateway.core.sending.outbox import OutboxRow, OutboxState
from gateway.store.journal.held_reports import HeldFailures
from tests.cli.conftest import CONFIG

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
GROUP = Suppression(scope=Scope.BULK, source=SuppressionSource.GROUP, name="Geen bulk-mail")


def told(minute: int, language: str, reason: str) -> ReportedMessage:
    number = ids.first_id_at(NOW + timedelta(minutes=minute))
    left_out = (LeftOut(mailbox="ann@example.org", orcpt=None, reason=reason),)
    return ReportedMessage(
        message=number, language=language, subject="Hi", message_id="", left_out=left_out
    )


def journaled(one: ReportedMessage) -> Message:
    facts = NoteFacts(
        message=one.message,
        now=NOW,
        kind=Kind.BULK,
        rule="precedence",
        recipient="ann@example.org",
        suppressions=(GROUP,),
        personal_mail=True,
    )
    part = Delivery(
        recipient="ann@example.org",
        address="ann@example.org",
        state=State.SEND_FAILED,
        by=By.GATEWAY,
        note="Versand fehlgeschlagen",
        note_facts=facts_as_json(facts),
    )
    return Message(
        id=one.message, at=NOW, listener="crm", sender="x@crm.example", deliveries=(part,)
    )


def test_what_was_written_in_another_language_is_written_again(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(CONFIG)
    german = told(0, "de", "Versand fehlgeschlagen: …")
    dutch = told(1, "nl", "Verzenden mislukt: …")
    held = HeldFailures(
        messages=2,
        recipients=2,
        since=NOW,
        listed=(german, dutch),
        notes={
            (german.message, "ann@example.org"): "Versand fehlgeschlagen",
            (dutch.message, "ann@example.org"): "Verzenden mislukt",
        },
        in_others=(journaled(german),),
    )
    entry = OutboxRow(
        id=1, type="dsn", key="", sender="", recipient="x@crm.example", body=b"", message=None,
        relay="", state=OutboxState.QUEUED, attempts=0, next_at=None, error="",
    )  # fmt: skip

    octets = HeldReportWriter(load(config, {})).compose(entry, held)

    mail = message_from_bytes(octets, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert b"fehlgeschlagen" not in octets
    body = mail.get_body(("plain",))
    assert body is not None
    assert "fehlgeschlagen" not in body.get_content()
    assert 'Deze persoon zit in de groep "Geen bulk-mail"' in body.get_content()
