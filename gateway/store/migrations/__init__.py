"""Upgrades of stores from earlier versions: alembic's revisions."""
