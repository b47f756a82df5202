"""Erases a person: every row about them is deleted, or loses what it says about them.

The person's data from the CRM, what was filed, and what waits to be sent is deleted. Rows that are
counted (the journal, bounces, campaign activities, the ledger of triggers) stay, with
`erased:5f0c21ab` in place of an address, a key or a subject. A suppressed person stays suppressed,
by a keyed hash of each address.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    delete,
    insert,
    or_,
    select,
    update,
)

from gateway.core.batches import batched
from gateway.core.campaigns.campaigns import CampaignState
from gateway.core.people.erased_names import PREFIX, ErasedNames, short_name
from gateway.core.replies.inbox import InboxState
from gateway.core.sending.outbox import OutboxState
from gateway.core.triggers.occurrence import OccurrenceState
from gateway.store.journal import searching
from gateway.store.people.erased_choices import (
    KeptSuppression,
    choices_of,
    declined_topics,
    keep_declined,
    keep_suppressed,
    kept_suppressions,
)
from gateway.store.people.erasure_subject import ErasureSubject, FoundRows
from gateway.store.people.erasures import Erasure
from gateway.store.people.suppression import Standings
from gateway.store.schema.activities import activities, opt_outs
from gateway.store.schema.api import answers
from gateway.store.schema.bounces import bounces
from gateway.store.schema.campaigns import audience_members, campaign_members, campaigns
from gateway.store.schema.console import console_acts, console_sessions
from gateway.store.schema.erasures import erasures, mailchimp_removals
from gateway.store.schema.feed import (
    addresses,
    applications,
    closings,
    feed_faults,
    imports,
    memberships,
    people,
    qualifications,
    unread_fields,
)
from gateway.store.schema.inbound import documents, history, inbox
from gateway.store.schema.journal import attempts, deliveries, messages
from gateway.store.schema.outbox import events, held_reports, outbox
from gateway.store.schema.references import open_references
from gateway.store.schema.suppressions import person_suppressions, suppressions, topic_opt_outs
from gateway.store.schema.triggers import occurrences, transitions, trigger_runs

_AT_ONCE = 400  #: Keys per statement.
REASON = "the person was erased"
#: The part of a relay's reply that is kept, `550 5.1.1`; the rest may name people.
_REPLY_CODE = re.compile(r"\d{3}(?: \d\.\d+\.\d+)?")
_MESSAGE_TEXTS = select(messages.c.id, messages.c.subject, messages.c.sender, messages.c.message_id)
#: Campaigns whose members now only count.
_OVER = (CampaignState.SENDING, CampaignState.SENT, CampaignState.DELETED)


def erase(
    connection: Connection,
    subject: ErasureSubject,
    standings: Standings,
    names: ErasedNames,
    *,
    number: int,
    at: datetime,
    by: str,
    new_id: Callable[[], int],
    mailchimp: str,
    mentioned_in: Sequence[int],
    also_kept: Sequence[KeptSuppression],
    also_declined: Sequence[tuple[str, str]],
    noted_as: tuple[str, tuple[str, ...]] | None,
    key_mark: str,
    found_rows: FoundRows,
) -> Erasure:
    """Erase a person in one transaction, and record that it was done.

    `mentioned_in` is mail of the inbox found to mention the person, `found_rows` what was found in
    large tables beforehand. `mailchimp` is `archive`, `delete` or empty. What is in `also_kept`
    stays suppressed besides, and what is in `also_declined` (hashes, each with a topic) stays
    declined. When an erasure is repeated, `noted_as` are the hashes of the person and of the
    addresses, and `key_mark` is the mark of the key used for them.
    """
    kept_entries = [*kept_suppressions(connection, subject, standings, names), *also_kept]
    outcome = Erasure(
        id=number,
        at=at,
        by=by,
        person=names.new_name(subject.key),
        addresses=tuple(map(names.new_name, subject.addresses)),
        kept=tuple(kept_entries),
        declined=tuple(
            (names.new_name(address), topic)
            for topic in declined_topics(connection, subject)
            for address in (*subject.addresses, *subject.shared)
        ),
        mailchimp=mailchimp,
    )
    for choices, made_by in (
        (outcome.declined, names.key_marks[0]),
        (also_declined, key_mark or names.key_marks[0]),
    ):
        for name, topic in choices:
            keep_declined(connection, [topic], [name], key_mark=made_by, at=at, new_id=new_id)
    _Eraser(connection, subject, outcome, new_id, mentioned_in, found_rows=found_rows).run()
    keep_suppressed(
        connection, kept_entries, key_mark=key_mark or names.key_marks[0], at=at, new_id=new_id
    )
    person, hashes = noted_as or (outcome.person, outcome.addresses)
    connection.execute(
        insert(erasures).values(
            id=number,
            at=at,
            by=by,
            person=person,
            addresses=" ".join(hashes),
            key_mark=key_mark or names.key_marks[0],
            counts=orjson.dumps(outcome.counts).decode(),
            mailchimp=mailchimp if outcome.members else "",
        )
    )
    return outcome


class _Eraser:
    """Erases one person from every table."""

    def __init__(
        self,
        connection: Connection,
        subject: ErasureSubject,
        outcome: Erasure,
        new_id: Callable[[], int],
        mentioned_in: Sequence[int],
        *,
        found_rows: FoundRows,
    ) -> None:
        self._found_rows = found_rows
        self._connection = connection
        self._subject = subject
        self._outcome = outcome
        self._new_id = new_id
        self._mentioned_in = mentioned_in
        self._mark = short_name(outcome.person)
        self._marks = {
            address: short_name(name)
            for address, name in zip(subject.addresses, outcome.addresses, strict=True)
        }
        self._certain = subject.certain_mentions(self._mark)
        self._likely = subject.likely_mentions(self._mark)
        self._blobs: set[str] = set()

    def run(self) -> None:
        """Go through every table, in the order in which rows refer to each other."""
        self.erase_inbox()
        self.erase_bounces()
        self.erase_journal()
        self.erase_outbox()
        self.erase_mailchimp()
        self.erase_triggers()
        self.erase_feed()
        self._outcome.blobs = self._unreferenced_blobs()
        self._outcome.counts["blobs"] = len(self._outcome.blobs)
        self._outcome.counts = Counter({k: n for k, n in self._outcome.counts.items() if n})

    def erase_feed(self) -> None:
        """Erase what the CRM sent and what was filed; also suppressions and declined topics."""
        subject, u = self._subject, unread_fields.c
        quoted: set[str] = set()  # Unreadable values of theirs; the feed's state has them, too.
        if subject.ref is not None:
            kind, crm_id = subject.ref.kind.value, subject.ref.crm_id
            for table in (
                *(documents, history, memberships, person_suppressions),
                *(applications, qualifications, closings, addresses),
            ):
                self._delete(table, table.c.kind == kind, table.c.person == crm_id)
            self._delete(people, people.c.kind == kind, people.c.crm_id == crm_id)
            keys = (*subject.references, *subject.qualifications, *subject.closings)
            for which in (
                (u.kind == kind, u.key == crm_id),
                *((u.kind == "", u.key.in_(chunk)) for chunk in batched(keys, _AT_ONCE)),
            ):
                quoted |= set(self._connection.scalars(select(u.text).where(*which)))
                self._delete(unread_fields, *which)
            o = open_references.c
            names_person = (o.reference.endswith(".person"), o.kind == kind, o.given == crm_id)
            self._delete(open_references, *names_person)
        for address in subject.addresses:
            self._delete(suppressions, suppressions.c.address == address)
        self._delete(topic_opt_outs, choices_of(subject))
        for chunk in batched(subject.acted_on, _AT_ONCE):
            self._update(console_acts, {"about": self._mark}, console_acts.c.about.in_(chunk))
        # What the next page would have said to somebody who has closed the browser since.
        self._replace_text(console_sessions, "notice", (console_sessions.c.digest,))
        i = imports.c
        self._replace_text(imports, "file", (i.at, i.source, i.what))
        f = feed_faults.c
        for row in self._rows(select(f.source, f.what, f.reason).where(f.reason != "")):
            reason = self._likely.replaced_in(row.reason)
            for text in filter(None, quoted):
                reason = reason.replace(text, self._mark)
            if reason != row.reason:
                same = (f.source == row.source, f.what == row.what)
                self._update(feed_faults, {"reason": reason}, *same)

    def erase_inbox(self) -> None:
        """Erase mails from the person or naming them."""
        subject, c = self._subject, inbox.c
        numbers = set(self._mentioned_in)
        if subject.ref is not None:
            kind, crm_id = subject.ref.kind.value, subject.ref.crm_id
            of_person = (history.c.kind == kind, history.c.person == crm_id)
            for row in self._rows(
                select(history.c.id, history.c.inbox, history.c.raw).where(*of_person)
            ):
                self._blobs.add(row.raw)
                numbers |= {row.inbox, *self._ids(inbox, c.entry == row.id)}
            attached = select(documents.c.sha256).where(
                documents.c.kind == kind, documents.c.person == crm_id
            )
            self._blobs |= set(self._connection.scalars(attached))
        for chunk in batched(subject.addresses, _AT_ONCE):
            numbers |= set(self._ids(inbox, c.address.in_(chunk)))
            of_bounces = select(bounces.c.inbox).where(bounces.c.address.in_(chunk))
            numbers |= set(self._connection.scalars(of_bounces))
        for row in self._rows_to_look_through(
            select(c.id, c.sender, c.subject, c.detail, c.envelope_sender, c.envelope_recipients),
            c.id,
            inbox,
        ):
            if any(self._likely.are_in(text) for text in row[1:] if text):
                numbers.add(row.id)
        for batch in batched(sorted(numbers), _AT_ONCE):
            for row in self._rows(select(c.id, c.content, c.state).where(c.id.in_(batch))):
                self._blobs.add(row.content)
                is_open = row.state in (InboxState.WAITING, InboxState.NEEDS_ATTENTION)
                values = {
                    "content": f"{PREFIX}{row.id}",
                    "whole": False,
                    "state": InboxState.DISCARDED.value if is_open else row.state,
                    "detail": REASON,
                    "sender": "",
                    "address": "",
                    "subject": "",
                    "message_id": "",
                    "envelope_recipients": "",
                    "envelope_sender": None,
                    "entry": None,
                }
                self._update(inbox, values, c.id == row.id)

    def erase_bounces(self) -> None:
        """Remove addresses from bounces."""
        c = bounces.c
        for address, mark in self._marks.items():
            values = {"address": mark, "recipient": mark, "diagnostic": ""}
            self._update(bounces, values, c.address == address)
        columns = select(c.inbox, c.position, c.recipient, c.diagnostic)
        for row in self._rows_to_look_through(columns, c.inbox, bounces):
            if self._certain.are_in(f"{row.recipient} {row.diagnostic}"):
                values = {
                    "recipient": self._certain.replaced_in(row.recipient),
                    "diagnostic": self._certain.replaced_in(row.diagnostic),
                }
                self._update(bounces, values, c.inbox == row.inbox, c.position == row.position)

    def erase_journal(self) -> None:
        """Remove addresses and subjects from messages and deliveries."""
        changed, received = self._erase_deliveries()
        self._erase_texts_of(received)
        # Also mail written by the person, or whose subject names them.
        for row in self._rows_to_look_through(_MESSAGE_TEXTS, messages.c.id, messages):
            if (
                self._likely.are_in(row.subject)
                or self._certain.are_in(row.sender)
                or self._certain.are_in(row.message_id)
            ):
                self._take_out_of(row, subject=row.subject, message_id=row.message_id)
                changed.add(row.id)
        searching.renew(self._connection, sorted(changed))
        keys = (attempts.c.fingerprint, attempts.c.message)
        self._replace_text(attempts, "verdict", keys)

    def _erase_deliveries(self) -> tuple[set[int], set[int]]:
        """Return the messages whose deliveries were changed, and those the person received."""
        d, ref = deliveries.c, str(self._subject.ref or "")
        changed: set[int] = set()
        received: set[int] = set()
        columns = select(d.message, d.position, d.address, d.recipient, d.persons, d.reply)
        rows = self._rows(columns.where(d.address.in_(self._subject.addresses)))
        if ref:
            of_person = columns.where(d.persons.contains(ref, autoescape=True))
            rows += self._rows_to_look_through(of_person, d.message, deliveries)
        for row in dict.fromkeys(rows):
            persons = row.persons.split()
            if row.address not in self._marks and ref not in persons:
                continue
            others = [person for person in persons if person != ref]
            # What several people have stays with the others.
            is_theirs = row.address in self._marks or not others
            values: dict[str, object] = {"persons": " ".join(others), "note": "", "note_facts": ""}
            if is_theirs:
                code = _REPLY_CODE.match(row.reply)
                values |= {"would": "", "reply": code[0] if code else ""}
                received.add(row.message)
            # If others have the address too, its unsubscribe links continue to work.
            if is_theirs and row.address not in self._subject.shared:
                mark = self._marks.get(row.address, self._mark)
                values |= {"address": mark, "recipient": mark}
            changed.add(row.message)
            self._update(deliveries, values, d.message == row.message, d.position == row.position)
        return changed, received

    def _erase_texts_of(self, received: set[int]) -> None:
        """Erase the texts of messages to the person; if others got them, only what names them."""
        d = deliveries.c
        for chunk in batched(sorted(received), _AT_ONCE):
            is_others = d.address.not_like(f"{PREFIX}%") & ~(
                d.address.in_(self._subject.shared) & (d.persons == "")
            )
            others_too = set(
                self._connection.scalars(select(d.message).where(d.message.in_(chunk), is_others))
            )
            for row in self._rows(_MESSAGE_TEXTS.where(messages.c.id.in_(chunk))):
                if row.id in others_too:
                    self._take_out_of(row, subject=row.subject, message_id=row.message_id)
                else:
                    # Some programs put the recipient into the Message-ID, in their own form:
                    # <17.ann=example.org@crm.example>.
                    self._take_out_of(row, subject=self._mark, message_id="")

    def _take_out_of(self, row: Row[Any], *, subject: str, message_id: str) -> None:
        values = {
            "subject": self._likely.replaced_in(subject),
            "sender": self._certain.replaced_in(row.sender),
            "message_id": self._certain.replaced_in(message_id),
        }
        self._update(messages, values, messages.c.id == row.id)

    def erase_outbox(self) -> None:
        """Erase what was sent or waits to be sent."""
        o = outbox.c
        for row in self._outbox_rows():
            is_open = row.state in (OutboxState.QUEUED, OutboxState.SENDING)
            mentions = self._certain if is_open else self._likely
            row_text = f"{row.recipient} {row.sender} {row.error} {row.lane}"
            if not (mentions.are_in(row_text) or mentions.are_in(row.body)):
                continue
            values = {
                "body": b"",
                "recipient": self._certain.replaced_in(row.recipient),
                "sender": self._certain.replaced_in(row.sender),
                "error": REASON if is_open else self._likely.replaced_in(row.error),
                "lane": "",  # None of it queues any longer.
                "state": OutboxState.CANCELLED.value if is_open else row.state,
            }
            self._update(outbox, values, o.id == row.id)
        h = held_reports.c
        for row in self._rows(select(h.id, h.body, h.digest)):
            if self._likely.are_in(row.body) or self._likely.are_in(row.digest):
                self._delete(held_reports, h.id == row.id)
        e = events.c
        for row in self._rows(select(e.id, e.person, e.data)):
            if self._likely.are_in(f"{row.person} {row.data}"):
                self._delete(events, e.id == row.id)
        a = answers.c
        for row in self._rows(select(a.token, a.key, a.body)):
            if row.body and self._likely.are_in(row.body):
                self._delete(answers, a.token == row.token, a.key == row.key)

    def _outbox_rows(self) -> Iterator[Any]:
        """Yield the outbox's content, a few rows at a time: bodies are large."""
        o, last = outbox.c, self._found_rows.upto.get("outbox", 0)
        columns = select(o.id, o.state, o.recipient, o.sender, o.body, o.error, o.lane)
        for chunk in batched(sorted(self._found_rows.ids.get("outbox", ())), _AT_ONCE):
            yield from self._rows(columns.where(o.id.in_(chunk)))
        while rows := self._rows(columns.where(o.id > last).order_by(o.id).limit(_AT_ONCE)):
            yield from rows
            last = rows[-1].id

    def erase_mailchimp(self) -> None:
        """Erase campaign members and activities, except for what is still counted."""
        subject, a = self._subject, audience_members.c
        has_address = a.address.in_(subject.addresses)
        contacts = {row.contact_id for row in self._rows(select(a.contact_id).where(has_address))}
        # A person who changed the address at Mailchimp is the same contact there.
        is_contact = or_(has_address, a.contact_id.in_(contacts - {""}))
        for row in self._rows(select(a.audience, a.email_id, a.status).where(is_contact)):
            if self._outcome.mailchimp and row.status and row.email_id:
                self._outcome.members += 1
                self._connection.execute(
                    insert(mailchimp_removals).values(
                        id=self._new_id(),
                        audience=row.audience,
                        member=row.email_id,
                        mode=self._outcome.mailchimp,
                        next_at=self._outcome.at,
                    )
                )
        self._delete(audience_members, is_contact)
        for address, mark in self._marks.items():
            self._update(
                activities,
                {"recipient": mark, "url": "", "reason": ""},
                activities.c.recipient == address,
            )
        self._delete(opt_outs, opt_outs.c.address.in_(subject.addresses))
        m = campaign_members.c
        of_person: ColumnElement[bool] = m.address.in_(subject.addresses)
        if subject.ref is not None:
            kind, crm_id = subject.ref.kind.value, subject.ref.crm_id
            of_person = (m.kind == kind) & (m.person == crm_id)
            self._delete(opt_outs, opt_outs.c.kind == kind, opt_outs.c.person == crm_id)
        over = select(campaigns.c.id).where(campaigns.c.state.in_(_OVER))
        gone = {"person": self._mark, "address": self._mark, "detail": ""}
        self._update(campaign_members, gone, of_person, m.campaign.in_(over))
        self._delete(campaign_members, of_person)

    def erase_triggers(self) -> None:
        """Remove the person from occurrences and transitions."""
        subject, o = self._subject, occurrences.c
        of_person: list[ColumnElement[bool]] = [o.mailbox.in_(subject.addresses)]
        if subject.ref is not None:
            kind, crm_id = subject.ref.kind.value, subject.ref.crm_id
            of_person.append((o.kind == kind) & (o.person == crm_id))
        for row in self._rows(select(o.id, o.state, o.mailbox).where(or_(*of_person))):
            is_open = row.state in (OccurrenceState.DUE, OccurrenceState.HELD)
            values = {
                "person": self._mark,
                "about": f"{PREFIX}{row.id}",
                "state": OccurrenceState.SKIPPED.value if is_open else row.state,
                "reason": REASON,
                "next_at": None,
                "recipient": "",
                "facts": "",
                "address": "",
                # As in the journal.
                "mailbox": row.mailbox if row.mailbox in subject.shared else "",
                "subject": "",
                "message_id": "",
                "body": None,
            }
            self._update(occurrences, values, o.id == row.id)
        for chunk in batched(subject.references, _AT_ONCE):
            self._delete(transitions, transitions.c.reference.in_(chunk))
        r = trigger_runs.c
        for row in self._rows(
            select(r.id, r.skips, r.error).where(or_(r.skips != "", r.error != ""))
        ):
            if self._likely.are_in(row.skips) or self._likely.are_in(row.error):
                skips = [
                    skip
                    for skip in orjson.loads(row.skips or "[]")
                    if not any(self._likely.are_in(str(part)) for part in skip)
                ]
                values = {
                    "skips": orjson.dumps(skips).decode() if skips else "",
                    "error": self._likely.replaced_in(row.error),
                }
                self._update(trigger_runs, values, r.id == row.id)

    def _unreferenced_blobs(self) -> tuple[str, ...]:
        """Return which of the person's blobs nothing refers to any more."""
        free = set(self._blobs)
        for chunk in batched(sorted(self._blobs), _AT_ONCE):
            for column in (inbox.c.content, history.c.raw, documents.c.sha256):
                free -= set(self._connection.scalars(select(column).where(column.in_(chunk))))
        return tuple(sorted(free))

    def _replace_text(self, table: Table, column: str, keys: Sequence[ColumnElement[Any]]) -> None:
        text = table.c[column]
        for row in self._rows(select(*keys, text).where(text != "")):
            if self._likely.are_in(row[-1]):
                same = [key == value for key, value in zip(keys, row, strict=False)]
                self._update(table, {column: self._likely.replaced_in(row[-1])}, *same)

    def _ids(self, table: Table, *where: ColumnElement[bool]) -> list[int]:
        return list(self._connection.scalars(select(table.c.id).where(*where)))

    def _delete(self, table: Table, *where: ColumnElement[bool]) -> None:
        self._count(table, self._connection.execute(delete(table).where(*where)).rowcount)

    def _update(self, table: Table, values: dict[str, Any], *where: ColumnElement[bool]) -> None:
        done = self._connection.execute(update(table).where(*where).values(values)).rowcount
        self._count(table, done)

    def _rows(self, query: Select[Any]) -> list[Any]:
        """Return all rows at once: the caller may change the table while iterating."""
        return list(self._connection.execute(query))

    def _rows_to_look_through(
        self, query: Select[Any], number: ColumnElement[int], table: Table
    ) -> list[Any]:
        """Return the rows of a large table that were found before, and those added since."""
        rows = self._rows(query.where(number > self._found_rows.upto.get(table.name, 0)))
        for chunk in batched(sorted(self._found_rows.ids.get(table.name, ())), _AT_ONCE):
            rows += self._rows(query.where(number.in_(chunk)))
        return rows

    def _count(self, table: Table, rows: int) -> None:
        self._outcome.counts[str(table.name)] += rows


def are_referred_to(connection: Connection, digest: str) -> bool:
    """Whether any mail or document still refers to the blob with this SHA-256."""
    return any(
        connection.scalar(select(column).where(column == digest).limit(1)) is not None
        for column in (inbox.c.content, history.c.raw, documents.c.sha256)
    )
