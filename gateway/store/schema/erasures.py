"""The tables of erasures: those carried out, and what Mailchimp must still be asked to do.

People who stay suppressed have a row in `suppressions` with a keyed hash as address.
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
    words("person"),  # keyed hash of candidate:17; empty: an address nobody had
    words("addresses"),  # keyed hashes of the addresses, separated by spaces
    words("key_mark"),  # of the key used
    words("counts"),  # JSON: rows of each table, files
    words("mailchimp"),  # requested from Mailchimp: archive, delete
)

# The keys used for names under which addresses stay suppressed: without a key nobody can tell which
# addresses its names stand for.

erasure_keys = Table(
    "erasure_keys",
    metadata,
    Column("mark", Text, primary_key=True),
    Column("since", UtcTime, nullable=False),
)

# Rows are deleted once Mailchimp has done it.

mailchimp_removals = Table(
    "mailchimp_removals",
    metadata,
    number(),
    Column("audience", Text, nullable=False),
    Column("member", Text, nullable=False),  # as in Mailchimp's URLs: an MD5
    Column("mode", Text, nullable=False),  # archive, delete
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", UtcTime, nullable=False),
    words("error"),
)
Index("ix_mailchimp_removals_next_at", mailchimp_removals.c.next_at)

#: Queried after each change of the store: is anybody suppressed by a hash alone?
partial_index(
    "ix_suppressions_erased",
    suppressions.c.address,
    where=suppressions.c.source == "erased",
)
