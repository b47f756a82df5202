"""How a report of several messages is written, under the settings of the moment."""

from gateway.app import common
from gateway.config import Settings
from gateway.core import dsn, ids
from gateway.core.note_template import pick
from gateway.core.outbox import OutboxRow
from gateway.store.held_reports import Held


class Reporter:
    """Writes reports of several messages to whoever sent them."""

    def __init__(self, settings: Settings) -> None:
        self.apply(settings)

    def apply(self, settings: Settings) -> None:
        """Go by new settings from the next report on; GatewayError if a file can't be used."""
        self._notes = common.note_templates(settings)
        self._notifier = settings.notices.sender or common.notifier(settings)
        self._zone = common.time_zone(settings)

    def compose(self, entry: OutboxRow, held: Held) -> bytes:
        """Write one, in the language of whoever sent the latest of the messages."""
        hostname = common.host_name()
        summary = dsn.Summary(
            message_id=f"<{ids.show(entry.id)}.dsn@{hostname}>",
            at=common.now().astimezone(self._zone),
            notifier=self._notifier,
            hostname=hostname,
            recipient=entry.recipient,
            messages=held.messages,
            recipients=held.recipients,
            since=held.since,
            told=held.told,
            notes=held.notes,
        )
        return dsn.build_summary(pick(self._notes, held.told[-1].language), summary)
