"""The tables of erasures: that they were done, and what Mailchimp is still to be told.

Who stays suppressed is a row of `suppressions` whose address is a keyed hash.
"""

from sqlalchemy import Column, Index, Integer, Table, Text, text

from gateway.store.schema.columns import UtcTime, metadata, number, partial_index, words
from gateway.store.schema.suppressions import suppressions

erasures = Table(
    "erasures",
    metadata,
    number(),
    Column("at", UtcTime, nullable=False),
    Column("by", Text, nullable=False),
    words("person"),  # the keyed hash of candidate:17; empty: an address that nobody had
    words("addresses"),  # the keyed hashes of the addresses, a space between two
    words("key_mark"),  # by which key
    words("counts"),  # JSON: rows of each table, files
    words("mailchimp"),  # what Mailchimp is asked to do: archive, delete
)

# By which keys names were made that addresses stay suppressed by: without one of them nobody can
# tell whom these keep from mail.

erasure_keys = Table(
    "erasure_keys",
    metadata,
    Column("mark", Text, primary_key=True),
    Column("since", UtcTime, nullable=False),
)

# Rows go when Mailchimp has done it.

mailchimp_removals = Table(
    "mailchimp_removals",
    metadata,
    number(),
    Column("audience", Text, nullable=False),
    Column("member", Text, nullable=False),  # as Mailchimp's calls name a member: an MD5
    Column("mode", Text, nullable=False),  # archive, delete
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", UtcTime, nullable=False),
    words("error"),
)
Index("ix_mailchimp_removals_next_at", mailchimp_removals.c.next_at)

#: Asked for each change of the store: is anybody suppressed by a hash alone?
partial_index(
    "ix_suppressions_erased",
    suppressions.c.address,
    where=suppressions.c.source == "erased",
)
