"""The tables of the console: who is signed in, and what they did there."""

from sqlalchemy import Column, Index, Table, Text

from gateway.store.schema.columns import UtcTime, metadata, number, words

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 of the browser's cookie
    Column("user", Text, nullable=False),
    words("roles"),  # separated by spaces
    Column("way", Text, nullable=False),  # proxy, or password: or oidc: and what ends it
    Column("form_token", Text, nullable=False),  # must be sent with every form
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
    Column("act", Text, nullable=False),  # such as person.suppress
    words("about"),  # a key or an id such as candidate:17; never a name or an address
)
