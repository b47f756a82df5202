"""The groups "MailChimp opt-out": who is in one gets no campaign (S2)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, insert, select

from gateway.core.people import Group, PersonKind, PersonRef
from gateway.store.schema import groups, memberships
from gateway.store.upsert import insert_into

TAG = "NoMailChimpMailingsTag"
NAME = "MailChimp opt-out"
#: Owns the groups the gateway made and the memberships that came from Mailchimp: no feed does.
SOURCE = "mailchimp"
OWN_ID = "mailchimp-opt-out"


def group(connection: Connection, kind: PersonKind) -> Group | None:
    """Return the active group of this kind that bears the tag; the gateway's own comes last."""
    c = groups.c
    bearing = select(groups).where(c.kind == kind.value, c.tag == TAG, c.active)
    row = connection.execute(bearing.order_by(c.source == SOURCE, c.crm_id).limit(1)).first()
    if row is None:
        return None
    return Group(kind=kind, crm_id=row.crm_id, name=row.name, tag=row.tag, active=row.active)


def ensure(connection: Connection, kind: PersonKind) -> tuple[Group, bool]:
    """Return the group of this kind, made if none bears the tag, and whether it was made."""
    found = group(connection, kind)
    if found is not None:
        return found, False
    made = Group(kind=kind, crm_id=_free_id(connection, kind), name=NAME, tag=TAG)
    row = {"kind": kind.value, "crm_id": made.crm_id, "source": SOURCE, "name": NAME, "tag": TAG}
    connection.execute(insert(groups).values(row))
    return made, True


def join(connection: Connection, people: Iterable[PersonRef], now: datetime) -> list[PersonRef]:
    """Put people into the opt-out group of their kind; return those for whom that is new."""
    wanted = list(dict.fromkeys(people))
    ids = {kind: ensure(connection, kind)[0].crm_id for kind in {ref.kind for ref in wanted}}
    return [ref for ref in wanted if _join(connection, ref, ids[ref.kind], now)]


def _join(connection: Connection, ref: PersonRef, group_id: str, now: datetime) -> bool:
    row = {"kind": ref.kind.value, "person": ref.crm_id, "group_id": group_id}
    query = insert_into(connection, memberships).values(**row, source=SOURCE, since=now)
    put_in = query.on_conflict_do_nothing().returning(memberships.c.person)
    return connection.scalar(put_in) is not None


def _free_id(connection: Connection, kind: PersonKind) -> str:
    """Return an id no group of the CRM has: one without the tag may be called the same."""
    taken = set(connection.scalars(select(groups.c.crm_id).where(groups.c.kind == kind.value)))
    wanted, number = OWN_ID, 1
    while wanted in taken:
        number += 1
        wanted = f"{OWN_ID}-{number}"
    return wanted
