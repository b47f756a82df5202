"""Everything the store holds on a person, by table, as plain values (GDPR, articles 15 and 20)."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, case, false, or_, select

from gateway.core import ids
from gateway.store.people.erasure_subject import ErasureSubject
from gateway.store.schema.activities import activities, opt_outs
from gateway.store.schema.bounces import bounces
from gateway.store.schema.campaigns import audience_members, campaign_members, campaigns
from gateway.store.schema.console import console_acts
from gateway.store.schema.feed import (
    addresses,
    applications,
    closings,
    groups,
    memberships,
    people,
    qualifications,
    statuses,
    unread_fields,
)
from gateway.store.schema.inbound import documents, history, inbox
from gateway.store.schema.journal import deliveries, messages
from gateway.store.schema.outbox import outbox
from gateway.store.schema.suppressions import person_suppressions, suppressions, topic_opt_outs
from gateway.store.schema.triggers import occurrences, transitions

HoldingRow = dict[str, object]
#: Columns that matter to programs, but tell people nothing about themselves.
_INTERNAL = frozenset(
    (
        *("fingerprint", "holder", "held_until", "link", "nth", "segmented", "expected"),
        *("anniversary", "whole", "answered"),
    )
)
#: Columns with ids, returned in their usual form: `0sccn6m0c0000`.
_IDS = frozenset(
    (
        *("id", "message", "attempt_of", "inbox", "entry", "suppression"),
        *("campaign", "run"),
    )
)


def holdings(
    connection: Connection, subject: ErasureSubject, erased: Iterable[str]
) -> dict[str, list[HoldingRow]]:
    """Return the rows about a person by table name; empty tables are left out.

    Addresses that others have too are included: mail to them was for the person as well. Rows about
    another person aren't, even if they concern the same address. `erased` are the names under which
    the addresses may stay suppressed.
    """
    their_addresses = (*subject.addresses, *subject.shared)

    def of_person(table: Table, crm_id: str = "person") -> ColumnElement[bool]:
        if subject.ref is None:
            return false()
        kind, key = subject.ref.kind.value, subject.ref.crm_id
        return (table.c.kind == kind) & (table.c[crm_id] == key)

    d, m, g = deliveries.c, messages.c, groups.c
    sent = select(
        *(m.id, m.sender, m.subject, m.kind, m.rule, m.listener, m.size),
        *(d.recipient, d.state, d.by, d.reply),
        # A note says why each holder of the address gets no mail.
        case((d.address.in_(subject.addresses), d.note), else_="").label("note"),
    ).join_from(deliveries, messages, d.message == m.id)
    in_groups = select(memberships, g.name).outerjoin_from(
        memberships, groups, (g.kind == memberships.c.kind) & (g.crm_id == memberships.c.group_id)
    )
    own_mail = select(outbox.c.id, outbox.c.type, outbox.c.state, outbox.c.body).where(
        outbox.c.recipient.in_(their_addresses)
    )
    s = statuses.c
    has_status = (s.kind == people.c.kind) & (s.crm_id == people.c.status)
    master = select(people, s.name.label("status_name")).outerjoin_from(
        people, statuses, has_status
    )
    in_campaigns = select(campaign_members, campaigns.c.name).join_from(
        campaign_members, campaigns, campaigns.c.id == campaign_members.c.campaign
    )
    acted = select(activities, campaigns.c.name).outerjoin_from(
        activities, campaigns, campaigns.c.id == activities.c.campaign
    )
    unread = or_(
        of_person(unread_fields, "key"),
        (unread_fields.c.kind == "")
        & unread_fields.c.key.in_((*subject.references, *subject.qualifications)),
    )
    queries = {
        "people": master.where(of_person(people, "crm_id")),
        "addresses": select(addresses.c.address).where(of_person(addresses)),
        "memberships": in_groups.where(of_person(memberships)),
        "applications": select(applications).where(of_person(applications)),
        "transitions": select(transitions).where(transitions.c.reference.in_(subject.references)),
        "qualifications": select(qualifications).where(of_person(qualifications)),
        "closings": select(closings).where(of_person(closings)),
        "unread_fields": select(unread_fields).where(unread),
        "suppressions": select(suppressions).where(
            suppressions.c.address.in_((*their_addresses, *erased))
        ),
        "person_suppressions": select(person_suppressions).where(of_person(person_suppressions)),
        "topic_opt_outs": select(topic_opt_outs).where(
            or_(
                of_person(topic_opt_outs), topic_opt_outs.c.address.in_((*their_addresses, *erased))
            )
        ),
        "messages": sent.where(d.address.in_(their_addresses)).order_by(m.id),
        "history": select(history).where(of_person(history)),
        "documents": select(documents).where(of_person(documents)),
        "inbox": select(inbox).where(
            or_(
                inbox.c.address.in_(subject.addresses),
                inbox.c.address.in_(subject.shared) & inbox.c.entry.is_(None),
                inbox.c.id.in_(select(history.c.inbox).where(of_person(history))),
            )
        ),
        "bounces": select(bounces).where(bounces.c.address.in_(their_addresses)),
        "occurrences": select(occurrences).where(
            or_(of_person(occurrences), occurrences.c.mailbox.in_(subject.addresses))
        ),
        "outbox": own_mail,
        "campaign_members": in_campaigns.where(of_person(campaign_members)),
        "activities": acted.where(activities.c.recipient.in_(their_addresses)),
        "opt_outs": select(opt_outs).where(
            or_(of_person(opt_outs), opt_outs.c.address.in_(subject.addresses))
        ),
        "console_acts": select(console_acts).where(console_acts.c.about.in_(subject.acted_on)),
        "audience_members": select(audience_members).where(
            audience_members.c.address.in_(their_addresses)
        ),
    }
    rows = {
        name: [_plain(row) for row in connection.execute(query).mappings()]
        for name, query in queries.items()
    }
    return {name: rows for name, rows in rows.items() if rows}


def _plain(row: Mapping[Any, Any]) -> HoldingRow:
    """Return a row without empty values, in JSON's types.

    A row whose id alone says when it was made gets that time as `at`: a message, a bounce.
    """
    plain = {
        str(name): ids.show(value) if name in _IDS and isinstance(value, int) else _value(value)
        for name, value in row.items()
        if name not in _INTERNAL and value not in (None, "", b"")
    }
    made = row.get("id") or row.get("inbox")
    if isinstance(made, int) and not plain.keys() & {"at", "since"}:
        plain["at"] = ids.moment_of(made).isoformat()
    return plain


def _value(value: object) -> object:
    match value:
        case datetime() | date():
            return value.isoformat()
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return b64encode(value).decode()
        case _:
            return value
