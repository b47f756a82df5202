"""What suppresses: the rows of the store that may, and how the settings interpret them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from gateway.core.kinds import Scope
from gateway.core.people.people import (
    MAILCHIMP,
    NAME_LANGUAGES,
    Names,
    PersonRef,
    Suppression,
    SuppressionSource,
)
from gateway.store.feed.layouts import UNSURE
from gateway.store.schema.columns import moment

_OF_THE_CRM = frozenset(("status", "group"))  #: Sources whose effect comes from a tag.

#: Separates the names of a group or status in one column: its own, then those by language.
_PART = "\x1f"


class EffectRow(NamedTuple):
    """A row of the statements below, its columns in their order.

    What suppresses is a person's status or group, through its tag, or an entry of our own.
    """

    address: str  #: In lookup form, or the name of an erased one.
    source: str  #: `status`, `group`, or the source of our own entry.
    kind: str  #: The person's; empty: the entry is about the address alone.
    person: str
    first_name: str
    last_name: str
    active: bool | None  #: None: it isn't certain that an active person has the address.
    names: str | None  #: Of the status or group; None: the person's status is unknown.
    tag: str | None  #: Of the status or group; for an entry, its scope.
    origin: str
    since: int | None  #: Microseconds, like `until`.
    until: int | None  #: For a status: since when it can't be read.
    remark: str
    public: bool
    number: int | None = None  #: Of an entry about an address, if requested.


def _all_names(table: str) -> str:
    """Return the SQL for a group's or status's names in one column."""
    columns = ("name", *(f"name_{language}" for language in NAME_LANGUAGES))
    return f" || '{_PART}' || ".join(f"{table}.{column}" for column in columns)


#: The rows of people with their status, of their groups, of people suppressed themselves, and of
#: single addresses, each as an `EffectRow`. `where_person` and `where_own` select the addresses,
#: `value` and `own_value` are the addresses themselves; `wanted` is what joins them in, if
#: anything; `number` adds a column with the id of a single address's row.
OF_STATUS = """
SELECT {value}, 'status', p.kind, p.crm_id, p.first_name, p.last_name,
       CASE WHEN p.doubtful OR (p.active AND a.position >= {unsure}) THEN NULL ELSE p.active END,
       {names}, s.tag, p.source, p.status_since, p.status_unread_since, '', false{no_number}
FROM {wanted} addresses a
{join} people p ON p.kind = a.kind AND p.crm_id = a.person
LEFT JOIN statuses s ON s.kind = p.kind AND s.crm_id = p.status AND s.tag <> ''
WHERE {where_person} AND a.position >= {lowest}""".replace("{names}", _all_names("s")).replace(
    "{unsure}", str(UNSURE)
)
OF_GROUP = """
SELECT {value}, 'group', m.kind, m.person, '', '', true,
       {names}, g.tag, m.source, m.since, CAST(NULL AS BIGINT), '', false{no_number}
FROM {wanted} addresses a
{join} memberships m ON m.kind = a.kind AND m.person = a.person
{join} "groups" g ON g.kind = m.kind AND g.crm_id = m.group_id AND g.active AND g.tag <> ''
WHERE {where_person} AND a.position >= {lowest}""".replace("{names}", _all_names("g"))
OF_PERSON = """
SELECT {value}, o.source, o.kind, o.person, '', '', true,
       '', o.scope, o."by", o.since, o.until, o.remark, o.public{number}
FROM {wanted} addresses a
{join} person_suppressions o ON o.kind = a.kind AND o.person = a.person
       AND o.released_at IS NULL AND (o.until IS NULL OR o.until > {now})
WHERE {where_person} AND a.position >= {lowest}"""
OF_STAFF = """
SELECT {own_value}, o.source, '', '', '', '', true,
       '', o.scope, o."by", o.since, o.until, o.remark, o.public{number}
FROM {wanted} suppressions o
WHERE {where_own} AND o.released_at IS NULL AND (o.until IS NULL OR o.until > {now})"""


@lru_cache(1_000)
def _names(text: str) -> tuple[str, Names]:
    name, *others = text.split(_PART)
    pairs = zip(NAME_LANGUAGES, others, strict=False)
    return name, tuple((language, other) for language, other in pairs if other)


def is_own(row: EffectRow) -> bool:
    """Whether a row itself says what it covers: staff, a bounce, a complaint, an unsubscribe."""
    return row.source not in _OF_THE_CRM


def _is_unread(row: EffectRow) -> bool:
    return row.source == "status" and row.until is not None


@dataclass(frozen=True, slots=True)
class TagEffects:
    """The effects the settings give to a tag: its scope, and that of an opt-out at Mailchimp."""

    tag_scopes: Mapping[str, Scope]
    optout_scope: Scope

    def scope(self, source: str, tag: str, origin: str) -> Scope:
        """Return the scope of a status or group with a known tag, or of one of our own entries.

        `origin` is its source: an opt-out from Mailchimp may cover more.
        """
        if source not in _OF_THE_CRM:
            return Scope(tag)
        scope = self.tag_scopes[tag]
        if source == "group" and origin == MAILCHIMP and not scope.includes(self.optout_scope):
            return self.optout_scope
        return scope

    def suppresses(self, row: EffectRow) -> bool:
        """Whether a row suppresses any mail."""
        return is_own(row) or row.tag in self.tag_scopes or _is_unread(row)

    def suppression(self, row: EffectRow, person: PersonRef | None) -> Suppression:
        """Return a row as a suppression.

        An unreadable status may be any, so it suppresses at least bulk mail.
        """
        until, tag = row.until, row.tag or ""
        if _is_unread(row):
            tag_scope = self.tag_scopes.get(tag)
            if tag_scope is None or not tag_scope.includes(Scope.BULK):
                return Suppression(
                    scope=Scope.BULK,
                    source=SuppressionSource.UNREAD_STATUS,
                    origin=row.origin,
                    since=None if until is None else moment(until),
                    person=person,
                )
            until = None
        name, names = _names(row.names or "")
        return Suppression(
            scope=self.scope(row.source, tag, row.origin),
            source=SuppressionSource(row.source),
            name=name,
            names=names,
            origin=row.origin,
            since=None if row.since is None else moment(row.since),
            until=None if until is None else moment(until),
            remark=row.remark,
            public=bool(row.public),
            person=person,
        )
