"""The audiences at Mailchimp, and addresses as Mailchimp knows them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, case, func, insert, literal, select, update

from gateway.core.batches import batched
from gateway.core.campaigns.campaigns import known_fields
from gateway.core.campaigns.membership import KnownContact
from gateway.store.engine.bulk_rows import insert_rows
from gateway.store.schema.campaigns import audience_members, audiences
from gateway.store.schema.columns import microseconds

_AS_READ = ("email", "email_id", "contact_id", "status", "merge_fields", "changed_at")
_SET = ", ".join(
    [f'"{name}" = excluded."{name}"' for name in _AS_READ if name != "changed_at"]
    + ["changed_at = COALESCE(excluded.changed_at, audience_members.changed_at)"]
)
#: Of two reports about an address, the later one counts, even if it was written first (M6).
IS_NO_OLDER = (
    "audience_members.changed_at IS NULL OR excluded.changed_at IS NULL "
    "OR excluded.changed_at >= audience_members.changed_at"
)
_LEFT = ("unsubscribed", "cleaned")
_AT_ONCE = 500
_REFUSED = ("refusal", "refused_until")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """An activated audience."""

    id: str  #: At Mailchimp.
    name: str
    double_optin: bool  #: New members must confirm.
    activated_at: datetime
    webhook: str = ""  #: Its id at Mailchimp; empty if none.
    webhook_url: str = ""
    webhook_secret: str = ""  #: Mailchimp signs with it.
    read_until: datetime | None = None  #: Up to when its members were read.
    unsubscribed_until: datetime | None = None  #: Up to when those who left are known.
    cleaned_until: datetime | None = None
    next_sync: datetime | None = None  #: None: now.
    synced_at: datetime | None = None  #: When those who left were last read.


def active(connection: Connection) -> Audience | None:
    """Return the most recently activated audience."""
    newest = select(audiences).order_by(audiences.c.activated_at.desc(), audiences.c.id).limit(1)
    row = connection.execute(newest).first()
    return None if row is None else _audience(row)


def by_id(connection: Connection, number: str) -> Audience | None:
    """Return an audience by its id at Mailchimp."""
    row = connection.execute(select(audiences).where(audiences.c.id == number)).first()
    return None if row is None else _audience(row)


def with_webhook(connection: Connection) -> list[Audience]:
    """Return the audiences Mailchimp has a webhook for."""
    return [audience for audience in list_audiences(connection) if audience.webhook_url]


def list_audiences(connection: Connection) -> list[Audience]:
    """Return all audiences ever activated."""
    return [_audience(row) for row in connection.execute(select(audiences).order_by("id"))]


def activate(
    connection: Connection, number: str, *, name: str, double_optin: bool, now: datetime
) -> Audience:
    """Make an audience the active one."""
    values = {"name": name, "double_optin": double_optin, "activated_at": now}
    known_audience = by_id(connection, number)
    if known_audience is None:
        connection.execute(insert(audiences).values(id=number, **values))
    else:
        change(connection, number, **values)
    audience = by_id(connection, number)
    assert audience
    return audience


def change(connection: Connection, number: str, **values: Any) -> None:
    """Set fields of an audience."""
    connection.execute(update(audiences).where(audiences.c.id == number).values(**values))


def record_reading(
    connection: Connection, audience: Audience, *, now: datetime, next_sync: datetime
) -> None:
    """Record that those who left an audience were read now, and when to read them again.

    `audience` is as it was before. If its time has changed meanwhile, something happened
    that may have been missed (`campaign_syncs.bring_forward`), and that time stays.
    """
    due = audiences.c.next_sync
    is_as_before = due.is_not_distinct_from(audience.next_sync)
    later = case((is_as_before, literal(next_sync, due.type)), else_=due)
    change(connection, audience.id, synced_at=now, next_sync=later)


def fields_as_text(fields: object) -> str:
    """Return the CRM's merge fields in the form in which they are stored and compared."""
    return orjson.dumps(known_fields(fields), option=orjson.OPT_SORT_KEYS).decode()


def take_in(connection: Connection, audience: str, members: Iterable[KnownContact]) -> None:
    """Store addresses as Mailchimp reports them; earlier refusals of them are forgotten.

    Reports older than what is known change nothing.
    """
    rows = [
        (audience, member.address, *(_plain(getattr(member, name)) for name in _AS_READ))
        for member in {contact.address: contact for contact in members}.values()
    ]
    insert_rows(
        connection,
        audience_members,
        ("audience", "address", *_AS_READ),
        rows,
        conflict=(
            f"(audience, address) DO UPDATE SET {_SET}, refusal = '', refused_until = NULL "
            f"WHERE {IS_NO_OLDER}"
        ),
    )


def follow_changed_addresses(connection: Connection, audience: str) -> None:
    """Bring up to date the former addresses of contacts who changed theirs at Mailchimp.

    Mailchimp has nobody at them any more, so it would take them for new. A former address of
    somebody who left has left, too; otherwise it is refused until the CRM has the present one.
    """
    c = audience_members.c
    several = select(c.contact_id).where(c.audience == audience, c.contact_id != "")
    several = several.group_by(c.contact_id).having(func.count() > 1)
    for chunk in batched(sorted(connection.scalars(several)), _AT_ONCE):
        query = select(audience_members).where(c.audience == audience, c.contact_id.in_(chunk))
        rows = connection.execute(query.order_by(c.changed_at.desc().nulls_last())).all()
        present_rows: dict[str, Row[Any]] = {}
        for row in rows:
            present = present_rows.setdefault(row.contact_id, row)
            values = _of_former_address(row, present)
            if values:
                is_meant = (c.audience == audience, c.address == row.address)
                connection.execute(update(audience_members).where(*is_meant).values(values))


def _of_former_address(row: Row[Any], present: Row[Any]) -> dict[str, Any]:
    """Return what has to be set for an address of a contact whose present one is given."""
    if row.changed_at == present.changed_at:  # It is the present one, or left with it.
        return {}
    if present.status in _LEFT:
        return {"status": present.status, "changed_at": present.changed_at}
    refusal = f"the contact is {present.email} at Mailchimp now: change the address in the CRM, too"
    if (row.status, row.refusal) == ("", refusal):
        return {}
    return {"status": "", "refusal": refusal, "refused_until": None}


def forget(connection: Connection, audience: str, addresses: Sequence[str]) -> None:
    """Record that Mailchimp no longer has these addresses, as far as their contacts are known."""
    c = audience_members.c
    for chunk in batched(addresses, _AT_ONCE):
        is_meant = (c.audience == audience, c.address.in_(chunk))
        connection.execute(update(audience_members).where(*is_meant).values(status=""))


def record_refusals(connection: Connection, audience: str, members: Iterable[KnownContact]) -> None:
    """Store why Mailchimp rejects addresses that are not in the audience."""
    rows = [
        (audience, member.address, member.refusal, _plain(member.refused_until))
        for member in {contact.address: contact for contact in members}.values()
    ]
    renewed = ", ".join(f'"{name}" = excluded."{name}"' for name in _REFUSED)
    conflict = f"(audience, address) DO UPDATE SET {renewed}, status = ''"
    columns = ("audience", "address", *_REFUSED)
    insert_rows(connection, audience_members, columns, rows, conflict=conflict)


def known_contacts(
    connection: Connection, audience: str, addresses: Collection[str]
) -> dict[str, KnownContact]:
    """Return what Mailchimp knows about addresses (in lookup form), for those it knows."""
    query = select(audience_members).where(
        audience_members.c.audience == audience, audience_members.c.address.in_(addresses)
    )
    names = KnownContact.__dataclass_fields__
    return {
        row.address: KnownContact(**{name: row._mapping[name] for name in names})
        for row in connection.execute(query)
    }


def _plain(value: object) -> object:
    return microseconds(value) if isinstance(value, datetime) else value


def _audience(row: Row[Any]) -> Audience:
    names = Audience.__dataclass_fields__
    return Audience(**{name: row._mapping[name] for name in names})
