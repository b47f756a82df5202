"""Holding all triggered mail by hand, and releasing it."""

import asyncio
import secrets

from gateway import logs
from gateway.app import common
from gateway.app.triggers import triggers
from gateway.config import Settings
from gateway.store.engine.database import Database
from gateway.store.triggers import ledger
from gateway.triggers.epoch import RestoreDetector

log = logs.get("triggers")


def hold_all(database: Database, *, by: str, note: str) -> int:
    """Hold all triggered mail until somebody resumes it; return how many mails were due."""
    why = f"by {by}: {note.strip()}" if note.strip() else f"by {by}"
    with database.writing() as connection:
        count = ledger.hold_by_hand(connection, why, epoch=secrets.token_hex(8))
    log.error("triggers_held", reason=why, occurrences=count)
    return count


def resume_all(settings: Settings, database: Database) -> int:
    """Release all held triggered mail; return how many occurrences; call it in a thread.

    From now on the store counts as the real one, not as a copy.
    """
    restore_detector = RestoreDetector(database, triggers.epoch_file(settings))
    return asyncio.run(restore_detector.resume(common.now(), common.ids_of(database).next()))
