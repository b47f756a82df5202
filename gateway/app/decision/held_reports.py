"""How a report of several messages is written, under the settings of the moment."""

from collections.abc import Mapping
from dataclasses import replace

from gateway.app import common
from gateway.app.wording import note_templates
from gateway.config import Settings
from gateway.core import ids
from gateway.core.decision import dsn
from gateway.core.decision.note import Note, retold_whole
from gateway.core.decision.note_template import NoteTemplate
from gateway.core.sending.outbox import OutboxRow
from gateway.core.wording import in_language
from gateway.store.journal.held_reports import Held


class HeldReportWriter:
    """Writes reports of several messages to whoever sent them."""

    def __init__(self, settings: Settings) -> None:
        self.apply(settings)

    def apply(self, settings: Settings) -> None:
        """Go by new settings from the next report on; GatewayError if a file can't be used."""
        self._notes = note_templates(settings)
        self._notifier = settings.notices.sender or common.notifier(settings)
        self._zone = common.time_zone(settings)

    def compose(self, entry: OutboxRow, held: Held) -> bytes:
        """Write one, all of it in the language of whoever sent the latest of the messages."""
        hostname = common.host_name()
        template = in_language(self._notes, held.told[-1].language)
        retold = self._retold(template, held)
        summary = dsn.Summary(
            message_id=f"<{ids.show(entry.id)}.dsn@{hostname}>",
            at=common.now().astimezone(self._zone),
            notifier=self._notifier,
            hostname=hostname,
            recipient=entry.recipient,
            messages=held.messages,
            recipients=held.recipients,
            since=held.since,
            told=tuple(_in_words(one, retold) for one in held.told),
            notes={
                key: retold[key].full if key in retold else held.notes[key] for key in held.notes
            },
        )
        return dsn.build_summary(template, summary)

    def _retold(self, template: NoteTemplate, held: Held) -> dict[tuple[int, str], Note]:
        """Return the notes that were written in another language, by message and mailbox."""
        found = (
            (message.id, one.recipient, retold_whole(template, message, one, self._zone))
            for message in held.in_others
            for one in message.deliveries
        )
        return {(number, mailbox): note for number, mailbox, note in found if note is not None}


def _in_words(
    told: dsn.ReportedMessage, retold: Mapping[tuple[int, str], Note]
) -> dsn.ReportedMessage:
    left_out = (
        replace(one, reason=retold[told.message, one.mailbox].short[0])
        if (told.message, one.mailbox) in retold
        else one
        for one in told.left_out
    )
    return replace(told, left_out=tuple(left_out))
