"""The store: all SQLAlchemy code, for SQLite and PostgreSQL, is in here."""
