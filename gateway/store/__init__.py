"""What the gateway knows and has done: SQLAlchemy on SQLite or PostgreSQL stays in here."""
