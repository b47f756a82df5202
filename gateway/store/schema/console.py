"""The tables of the console: who is signed in, and what they did there."""

from sqlalchemy import Column, Index, Table, Text

from gateway.store.schema.columns import UtcTime, metadata, number, words

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 of what the browser's cookie shows
    Column("user", Text, nullable=False),
    words("roles"),  # a space between two
    Column("way", Text, nullable=False),  # proxy, or password: or oidc: and what it ends with
    Column("form_token", Text, nullable=False),  # what a form must bring along
    words("notice"),  # shown on the next page, once
    Column("since", UtcTime, nullable=False),
    Column("seen", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Index(None, "user"),
)

console_acts = Table(
    "console_acts",
    metadata,
    number(),
    Column("user", Text, nullable=False),
    Column("act", Text, nullable=False),  # as person.suppress
    words("about"),  # a key or an id, as candidate:17; never a name or an address
)
