"""Suppressions of single addresses and of people; released ones stay as history."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Table, Text

from gateway.store.schema.columns import UtcTime, flag, metadata, words


def _what_was_said() -> list[Column[Any]]:
    return [
        Column("scope", Text, nullable=False),
        Column("source", Text, nullable=False, server_default="staff"),
        words("remark"),
        flag("public"),
        words("by"),
        Column("since", UtcTime, nullable=False),
        Column("until", UtcTime),
        Column("released_at", UtcTime),
        words("released_by"),
        words("released_remark"),  # why; only staff see it
    ]


suppressions = Table(
    "suppressions",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("address", Text, nullable=False),
    *_what_was_said(),
)
Index("ix_suppressions_address", suppressions.c.address)

#: Suppresses every address a person has, or will have.
person_suppressions = Table(
    "person_suppressions",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("person", Text, nullable=False),
    *_what_was_said(),
)
Index(
    "ix_person_suppressions_kind_person", person_suppressions.c.kind, person_suppressions.c.person
)

#: Opt-outs from mailings on one topic, by a person, or by an address without a known person.
topic_opt_outs = Table(
    "topic_opt_outs",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("topic", Text, nullable=False),  # the trigger's name for it
    words("kind"),  # candidate, contact; empty for an address, `erased` if known by its hash
    words("person"),
    words("address"),
    words("remark"),
    Column("since", UtcTime, nullable=False),
    Column("released_at", UtcTime),
    words("released_by"),
)
Index("ix_topic_opt_outs_kind_person", topic_opt_outs.c.kind, topic_opt_outs.c.person)
Index("ix_topic_opt_outs_address", topic_opt_outs.c.address)
