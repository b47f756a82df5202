"""Writes reports on several messages, under the current settings."""

from dataclasses import replace

from gateway.app import common
from gateway.app.wording import note_templates
from gateway.config import Settings
from gateway.core.decision import dsn
from gateway.core.decision.note import note_of_failed
from gateway.core.languages import in_language
from gateway.core.mail import own_mail
from gateway.core.sending.outbox import OutboxRow
from gateway.store.journal.held_reports import HeldFailures


class HeldReportWriter:
    """Writes reports on several messages to their senders."""

    def __init__(self, settings: Settings) -> None:
        self.apply(settings)

    def apply(self, settings: Settings) -> None:
        """Use new settings from the next report on; GatewayError if a file can't be used."""
        self._notes = note_templates(settings, console_url=settings.console.url or "")
        self._notifier = settings.notices.sender or common.notifier(settings)
        self._zone = common.time_zone(settings)

    def compose(self, entry: OutboxRow, held: HeldFailures) -> bytes:
        """Write a report, all in the language of the sender of the latest message."""
        hostname = common.host_name()
        template = in_language(self._notes, held.listed[-1].language)
        rewritten = {
            (message.id, delivery.recipient): note
            for message in held.in_others
            for delivery in message.deliveries
            if (note := note_of_failed(template, message, delivery, self._zone)) is not None
        }
        listed = tuple(
            replace(
                message,
                left_out=tuple(
                    replace(delivery, reason=rewritten[message.message, delivery.mailbox].short[0])
                    if (message.message, delivery.mailbox) in rewritten
                    else delivery
                    for delivery in message.left_out
                ),
            )
            for message in held.listed
        )
        summary = dsn.ReportSummary(
            message_id=own_mail.message_id(entry.id, "dsn", hostname),
            at=common.now().astimezone(self._zone),
            notifier=self._notifier,
            hostname=hostname,
            recipient=entry.recipient,
            messages=held.messages,
            recipients=held.recipients,
            since=held.since,
            listed=listed,
            notes={
                key: rewritten[key].full if key in rewritten else held.notes[key]
                for key in held.notes
            },
        )
        return dsn.build_summary(template, summary)
