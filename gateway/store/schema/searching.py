"""The words by which messages of the journal are found, with an index of them.

PostgreSQL has its own index of words; SQLite's is a table beside (FTS5), which triggers keep equal.
"""

from sqlalchemy import BigInteger, Column, Integer, Table, event
from sqlalchemy.schema import DDL

from gateway.store.schema.columns import key, metadata, words

message_words = Table(
    "message_words",
    metadata,
    Column("message", BigInteger().with_variant(Integer, "sqlite"), primary_key=True,
           autoincrement=False),
    words("words"),  # in ASCII, a space between two
)  # fmt: skip

#: How far messages were looked through for their words.
search_progress = Table(
    "search_progress",
    metadata,
    key("what"),
    Column("until", BigInteger, nullable=False),  # all messages with lower ids were
)

SQLITE_INDEX = "message_search"  #: Begins the names of the tables SQLite's index is made of.
#: Positions are not kept (`detail`), nor how long each entry is: found is who has all the words.
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
