"""The words by which messages of the journal are found, and their index.

PostgreSQL has a full-text index of its own; SQLite's is a separate table (FTS5), kept in sync by
triggers.
"""

from sqlalchemy import BigInteger, Column, Integer, Table, event
from sqlalchemy.schema import DDL

from gateway.store.schema.columns import key, metadata, words

message_words = Table(
    "message_words",
    metadata,
    Column("message", BigInteger().with_variant(Integer, "sqlite"), primary_key=True,
           autoincrement=False),
    words("words"),  # in ASCII, separated by spaces
)  # fmt: skip

#: How far messages have been indexed.
search_progress = Table(
    "search_progress",
    metadata,
    key("what"),
    Column("until", BigInteger, nullable=False),  # all messages with lower ids are indexed
)

#: Neither positions (`detail`) nor lengths of entries are kept: a match has all the words.
_STATEMENTS = {
    "sqlite": (
        "CREATE VIRTUAL TABLE message_search USING fts5(words, content='message_words', "
        "content_rowid='message', tokenize='ascii', detail='none', columnsize=0)",
        "CREATE TRIGGER message_words_added AFTER INSERT ON message_words BEGIN "
        "INSERT INTO message_search(rowid, words) VALUES (new.message, new.words); END",
        "CREATE TRIGGER message_words_gone AFTER DELETE ON message_words BEGIN "
        "INSERT INTO message_search(message_search, rowid, words) "
        "VALUES ('delete', old.message, old.words); END",
    ),
    "postgresql": (
        "CREATE INDEX ix_message_words_words ON message_words "
        "USING gin (string_to_array(words, ' '))",
    ),
}
for _dialect, _statements in _STATEMENTS.items():
    for _statement in _statements:
        _ddl = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(message_words, "after_create", _ddl.execute_if(dialect=_dialect))
