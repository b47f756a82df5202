"""Messages and outcomes as the rows of the journal: built once, logged and written as they are."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from operator import attrgetter, itemgetter
from typing import Any

import orjson
from sqlalchemy import Connection, delete, select

from gateway.core import ids
from gateway.core.batches import batched
from gateway.core.journal.attempt import Attempt
from gateway.core.journal.message import Delivery, Message, Outcome
from gateway.core.kinds import State
from gateway.core.people.erased_names import CODE_LENGTH, PREFIX
from gateway.core.sending.outbox import OutboxDraft
from gateway.store.engine.bulk_rows import insert_rows
from gateway.store.engine.database import VALUES_AT_ONCE, RowRefused
from gateway.store.journal import held_reports, known_bulk, searching
from gateway.store.schema import journal as tables
from gateway.store.schema.journal import attempts
from gateway.store.sending import events, outbox

JournalRow = tuple[Any, ...]


def _defaults(described: type[Message] | type[Delivery], columns: Sequence[str]) -> JournalRow:
    """Return the values for columns that a row of a log lacks: the defaults of the fields."""
    defaults = {declared.name: declared.default for declared in fields(described)}
    return tuple(map(defaults.get, columns))


#: In table order: rows of a log written before a column was added are shorter.
_MESSAGE = tuple(tables.messages.c.keys())
_VALUES = attrgetter(*_MESSAGE[2:])  #: All but id and worker.
_MESSAGE_DEFAULTS = _defaults(Message, _MESSAGE)
_DELIVERY = tuple(tables.deliveries.c.keys())
_DELIVERY_DEFAULTS = _defaults(Delivery, _DELIVERY)
_RECIPIENT, _STATE = _DELIVERY.index("recipient"), _DELIVERY.index("state")
#: A delivery's row before and after its state, `by` and reply, which an outcome's row ends with.
_BEFORE_STATE, _AFTER_REPLY = slice(_STATE), slice(_DELIVERY.index("reply") + 1, None)
_ENDED = slice(2, None)  #: Those three in an outcome's row.
_ATTEMPT = ("fingerprint", "message", "content_hash", "state", "verdict", "dated")
_ATTEMPT_STATE, _VERDICT = _ATTEMPT.index("state"), _ATTEMPT.index("verdict")

#: A commit whose answer was lost may have left a delivery as it began. Named is what its end may
#: change; all else is the same in both rows.
_ENDED_NOW = """(message, position) DO UPDATE
SET state = excluded.state, "by" = excluded."by", reply = excluded.reply, note = excluded.note,
    note_facts = excluded.note_facts
WHERE deliveries.state = 'sending'"""
#: A reply may name its recipient, who may have been erased while the relay was asked: in that case
#: only its code is kept.
_REPLY = f"""CASE WHEN substr(address, 1, {len(PREFIX)}) = '{PREFIX}'
    THEN substr({{reply}}, 1, {CODE_LENGTH}) ELSE {{reply}} END"""
_UPDATE_SQLITE = f"""
UPDATE deliveries SET state = json_extract(r.value, '$[2]'), "by" = json_extract(r.value, '$[3]'),
  reply = {_REPLY.format(reply="json_extract(r.value, '$[4]')")}
FROM json_each(?) AS r
WHERE message = json_extract(r.value, '$[0]') AND position = json_extract(r.value, '$[1]')
"""  # noqa: S608  # of constants alone
_UPDATE_POSTGRES = f"""
UPDATE deliveries SET state = r->>2, "by" = r->>3, reply = {_REPLY.format(reply="r->>4")}
FROM jsonb_array_elements(%s::jsonb) AS r
WHERE message = (r->>0)::bigint AND position = (r->>1)::integer
"""  # noqa: S608


@dataclass(slots=True)
class JournalRows:
    """The rows that a group of messages and outcomes writes; writing them twice changes nothing.

    Rows are tuples in the order of their columns. For a mail to Ann that ended before its group was
    written:

        messages     (17, 3, 'crm', …)                             id, worker, `_VALUES`
        deliveries   (17, 0, 'ann@x.org', 'ann@x.org',             `_DELIVERY`: message, position,
                      'sending', 'relay', '', …)                   two addresses, state, by, reply …
        outcomes     (17, 0, 'relayed', 'relay', '250 2.0.0 Ok')   message, position, state, by,
                                                                   reply

    `write` makes one row of the last two. An outcome whose delivery is already in the store changes
    the row there.
    """

    messages: list[JournalRow] = field(default_factory=list)
    deliveries: list[JournalRow] = field(default_factory=list)
    attempts: list[JournalRow] = field(default_factory=list)
    drafts: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[JournalRow] = field(default_factory=list)
    notices: list[tuple[int, bool]] = field(default_factory=list)  #: Message, and whether they go.
    bulk: list[known_bulk.KnownBulkRow] = field(default_factory=list)

    def begin(
        self,
        worker: int,
        message: Message,
        drafts: Iterable[OutboxDraft],
        attempts: Sequence[Attempt],
    ) -> None:
        """Add a message, the notices it owes and the marks to recognise retries by."""
        self.messages.append((message.id, worker, *_VALUES(message)))
        # Written out in the order of `_DELIVERY`: an `attrgetter` and the conversion of persons
        # after it take 1.4 to 1.7 times as long.
        self.deliveries += [
            (
                message.id, position, entry.recipient, entry.address, entry.state, entry.by,
                entry.reply, entry.note, entry.would, " ".join(map(str, entry.persons)),
                entry.note_facts,
            )
            for position, entry in enumerate(message.deliveries)
        ]  # fmt: skip
        self.drafts += [
            {
                "id": draft.id,
                "type": draft.type,
                "key": draft.key,
                "recipient": draft.recipient,
                "body": b64encode(draft.body).decode(),
                "sender": draft.sender,
                "message": draft.message,
                "relay": draft.relay,
                "due": draft.due.isoformat() if draft.due else None,
                "digest": draft.digest,
            }
            for draft in drafts
        ]
        if message.bulk_identities:
            self.bulk += [(sought, message.id, message.rule) for sought in message.bulk_identities]
        if attempts:
            self._remember([_attempt_row(entry) for entry in attempts])

    def finish(
        self,
        message: int,
        outcomes: Iterable[Outcome],
        attempts: Sequence[Attempt],
        notices_go: bool | None,
    ) -> None:
        """Add the outcome of a message, and what happens to notices that waited for the verdict."""
        self.outcomes += [(o.message, o.position, o.state, o.by, o.reply) for o in outcomes]
        if attempts:
            self._remember([_attempt_row(entry) for entry in attempts])
        if notices_go is not None:
            self.notices.append((message, notices_go))

    def _remember(self, later: list[JournalRow]) -> None:
        """Keep only the latest row of each message."""
        if self.attempts and later:
            said_anew = {row[1] for row in later}
            self.attempts = [row for row in self.attempts if row[1] not in said_anew]
        self.attempts += later

    def add(self, later: "JournalRows") -> None:
        """Add later rows to these."""
        self.messages += later.messages
        self.deliveries += later.deliveries
        self._remember(later.attempts)
        self.drafts += later.drafts
        self.outcomes += later.outcomes
        self.notices += later.notices
        self.bulk += later.bulk

    def write(self, connection: Connection) -> None:
        """Write the rows in a transaction; RowRefused if another message has one of their ids."""
        number = insert_rows(
            connection, tables.messages, _MESSAGE, self.messages, conflict="DO NOTHING"
        )
        if number < len(self.messages):
            self.check_ids(connection)
        searching.look_again(connection, [row[0] for row in self.messages], datetime.now(UTC))
        # Most messages end before the store learns that they began: their rows are written once,
        # with the outcome. Other outcomes are for deliveries already in the store.
        ends = {(row[0], row[1]): row for row in self.outcomes}
        deliveries: list[JournalRow] = []
        for row in self.deliveries:
            end = ends.pop((row[0], row[1]), None) if row[_STATE] == State.SENDING else None
            deliveries.append(
                row if end is None else (*row[_BEFORE_STATE], *end[_ENDED], *row[_AFTER_REPLY])
            )
        outcomes = list(ends.values())
        insert_rows(connection, tables.deliveries, _DELIVERY, deliveries, conflict=_ENDED_NOW)
        known_bulk.write(connection, self.bulk)
        failed = dict.fromkeys(
            row[0] for row in self.deliveries if row[_STATE] == State.SEND_FAILED
        )
        if failed:
            events.put_send_failed(connection, failed)
        for plain in self.drafts:
            due = datetime.fromisoformat(plain["due"]) if plain["due"] else None
            draft = OutboxDraft(**{**plain, "body": b64decode(plain["body"]), "due": due})
            if draft.digest:
                held_reports.put(connection, draft)
            else:
                outbox.put(connection, draft)
        if outcomes:
            sqlite = connection.dialect.name == "sqlite"
            connection.exec_driver_sql(
                _UPDATE_SQLITE if sqlite else _UPDATE_POSTGRES,
                (orjson.dumps(outcomes).decode(),),
            )

        # The newest state of each message replaces all earlier ones.
        for chunk in batched({row[1] for row in self.attempts}, VALUES_AT_ONCE):
            connection.execute(delete(attempts).where(attempts.c.message.in_(chunk)))
        kept_attempts = {row[:2]: row for row in self.attempts if row[_ATTEMPT_STATE] != "heard"}
        _cut_verdicts(connection, kept_attempts)
        insert_rows(connection, attempts, _ATTEMPT, list(kept_attempts.values()))

        for message, go in self.notices:
            if go:
                held_reports.release(connection, message, datetime.now(UTC))
            else:
                held_reports.cancel_armed(connection, message)
        if self.drafts or self.notices:
            held_reports.assign(connection, datetime.now(UTC))

    def by_message(self) -> Iterator["JournalRows"]:
        """Yield the rows of each message separately."""
        written = dict.fromkeys(row[0] for row in [*self.messages, *self.outcomes])
        for message in [*written, *(row[1] for row in self.attempts if row[1] not in written)]:
            yield JournalRows(
                messages=[row for row in self.messages if row[0] == message],
                deliveries=[row for row in self.deliveries if row[0] == message],
                attempts=[row for row in self.attempts if row[1] == message],
                drafts=[draft for draft in self.drafts if draft["message"] == message],
                outcomes=[row for row in self.outcomes if row[0] == message],
                notices=[notice for notice in self.notices if notice[0] == message],
                bulk=[row for row in self.bulk if row[1] == message],
            )

    def check_ids(self, connection: Connection) -> None:
        """Raise RowRefused if another message in the store has one of these ids."""
        for row in self.messages:
            if is_another(connection, row[0], row[2:], self.recipients_of(row[0])):
                raise RowRefused(f"another message has the id {ids.show(row[0])}")

    def recipients_of(self, message: int) -> list[str]:
        """Return the recipients of a message, in order."""
        of_message = (row for row in self.deliveries if row[0] == message)
        return [row[_RECIPIENT] for row in sorted(of_message, key=itemgetter(1))]

    def plain(self) -> dict[str, Any]:
        """Return the rows in JSON's types; `read` is the inverse."""
        return {name: getattr(self, name) for name in self.__slots__ if getattr(self, name)}

    @classmethod
    def read(cls, plain: dict[str, Any]) -> "JournalRows":
        """Return the rows that `plain` made; other keys are ignored."""
        rows = cls(**{name: plain[name] for name in cls.__slots__ if name in plain})
        rows.messages = [(*row, *_MESSAGE_DEFAULTS[len(row) :]) for row in rows.messages]
        rows.deliveries = [(*row, *_DELIVERY_DEFAULTS[len(row) :]) for row in rows.deliveries]
        rows.attempts = [tuple(row) for row in rows.attempts]  # Their beginnings are looked up.
        return rows


def is_another(
    connection: Connection, number: int, values: JournalRow, recipients: Sequence[str]
) -> bool:
    """Whether the message with that id in the store is a different one from these values.

    `values` are what `values_of` returns, `recipients` as the client wrote them. A message written
    again, because the answer to a commit was lost, is the same in all of them.
    """
    columns = [tables.messages.c[name] for name in _MESSAGE[2:]]
    stored = connection.execute(select(*columns).where(tables.messages.c.id == number)).first()
    if stored is None:
        return False
    query = select(tables.deliveries.c.recipient).where(tables.deliveries.c.message == number)
    stored_recipients = connection.scalars(query.order_by(tables.deliveries.c.position)).all()
    return tuple(stored) != tuple(values) or (
        bool(stored_recipients) and list(stored_recipients) != list(recipients)
    )


def values_of(message: Message) -> JournalRow:
    """Return the values of a message in table order, without its id and worker."""
    values: JournalRow = _VALUES(message)
    return values


def _cut_verdicts(connection: Connection, rows: dict[JournalRow, JournalRow]) -> None:
    """Cut verdicts on mail to people who were erased meanwhile down to their codes."""
    messages = sorted({row[1] for row in rows.values() if row[_VERDICT]})
    d, erased = tables.deliveries.c, set[int]()
    for chunk in batched(messages, VALUES_AT_ONCE):
        in_chunk = d.message.in_(chunk)
        is_erased = d.address.startswith(PREFIX)
        erased.update(connection.scalars(select(d.message).where(in_chunk, is_erased)))
    for key, row in rows.items():
        if row[1] in erased:
            code = row[_VERDICT][:CODE_LENGTH]
            rows[key] = (*row[:_VERDICT], code, *row[_VERDICT + 1 :])


def _attempt_row(entry: Attempt) -> JournalRow:
    return tuple(getattr(entry, name) for name in _ATTEMPT)
