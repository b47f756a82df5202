"""`gateway check` for the store's content."""

from collections.abc import Iterator
from datetime import timedelta

from gateway.app import common
from gateway.app.checks.check_bounces import bounce_shares
from gateway.app.checks.check_feed import (
    feed_shortfall,
    finance_statuses,
    idle_tags,
    kinds_of_feed,
    stored_addresses,
)
from gateway.app.checks.check_inbound import store_for_replies
from gateway.app.checks.check_triggers import store_for_triggers
from gateway.app.checks.findings import Finding, error, good, warning
from gateway.app.keys import erased_names
from gateway.app.people import erasure
from gateway.app.people.erasure import AGAIN
from gateway.config import Settings
from gateway.core.errors import GatewayError
from gateway.core.sending.outbox import OutboxState
from gateway.core.written import counted
from gateway.store.campaigns import removals
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.engine.suitability import wrong_encoding
from gateway.store.people import erasure_keys, retention
from gateway.store.views import status
from gateway.store.views.status import snapshot

_TIDIED_WITHIN = timedelta(days=1)
_LOUD = (OutboxState.FAILED, OutboxState.UNKNOWN)


def store_and_feed(settings: Settings) -> Iterator[Finding]:
    """Check the store, and report on the feed, pauses, and failures."""
    database = common.open_database(settings)
    try:
        common.prepare(database)
        with database.reading() as connection:
            database.ensure_writable(connection)
            encoding = wrong_encoding(connection)
            is_shared = database.shares_sessions()
            state_of_store, carried = snapshot(connection), status.tags(connection)
            finances = status.finance_statuses(connection)
        rest = [
            *stored_addresses(database),
            *feed_shortfall(database, common.time_zone(settings)),
            *store_for_replies(settings, database),
            *store_for_triggers(settings, database),
            *erasures(settings, database),
            *check_retention(settings, database),
            *bounce_shares(database),
        ]
    except StoreUnavailable as problem:
        yield error("store", f"{problem}: bulk mail is answered 451 until it is back")
        return
    except GatewayError as problem:
        yield error("store", str(problem))
        return
    finally:
        database.close()
    if encoding:
        yield error("store", f"{encoding}; pg_dump and pg_restore carry over what this one holds")
    if is_shared:
        yield error(
            "store",
            "a pooler (PgBouncer) gives one session of the server to several connections, and "
            "imports fail or mix up: set its pool_mode to session",
        )
    yield good("store", "answers, and its schema is whole")
    if not state_of_store.feeds:
        yield warning("feed", "nothing was ever imported: gateway import, or set crm.folder")
    yield from kinds_of_feed(state_of_store.kinds, settings.crm.old_after)
    for source, at in state_of_store.feeds.items():
        age = common.now() - at
        text = f"{source} was last fed {roughly(age)} ago"
        is_old = age > settings.crm.old_after
        yield warning("feed", f"{text}: is its export running?") if is_old else good("feed", text)
    if state_of_store.paused:
        yield warning("mail", f"{', '.join(state_of_store.paused)} mail is paused: gateway resume")
    for state in _LOUD:
        if count := state_of_store.outbox.get(state, 0):
            yield warning(
                "outbox",
                f"{counted(count, 'entry is', 'entries are')} {state}: "
                f"gateway outbox list --state {state}, then retry or cancel",
            )
    yield from idle_tags(carried)
    yield from finance_statuses(finances)
    yield from rest


def erasures(settings: Settings, database: Database) -> Iterator[Finding]:
    """Check that everybody on the list was erased, and that the keys of their names exist."""
    try:
        with database.reading() as connection:
            lost = erasure.missing_erasures(settings, connection)
            marks = erasure_keys.marks(connection).keys()
            waiting = removals.errors_of_waiting(connection)
        file_marks = set(erased_names(settings).key_marks) if marks else set()
    except GatewayError as problem:
        yield error("erasures", str(problem))
        return
    if lost:
        yield error(
            "erasures",
            f"the store was restored and has {counted(len(lost), 'erased person', 'erased people')}"
            f" again: {AGAIN}",
        )
    if any(waiting) or (waiting and settings.mailchimp.api_key is None):
        why = next(filter(None, waiting), "there is no mailchimp.api_key")
        yield warning(
            "erasures",
            f"Mailchimp still has {counted(len(waiting), 'contact')} of erased people: {why}",
        )
    if marks - file_marks:
        yield error(
            "erasures",
            f"{settings.keys.file} lacks the key {', '.join(sorted(marks - file_marks))}, which "
            "tells who of the erased stays suppressed: bulk mail is answered 451 until it is put "
            "back below the others (gateway keys list)",
        )


def check_retention(settings: Settings, database: Database) -> Iterator[Finding]:
    """Report how long each kind is kept, and how old the oldest is."""
    with database.reading() as connection:
        oldest = retention.oldest(connection)
    for kind, keep in (
        ("journal", settings.journal.keep),
        ("replies", settings.replies.keep),
        ("documents", settings.documents.keep),
        ("campaigns", settings.campaigns.keep),
        ("bounces", settings.bounces.keep),
    ):
        how_long = f"kept {counted(keep.days, 'day')}" if keep is not None else "kept for good"
        first = oldest[kind]
        day = first and first.astimezone(common.time_zone(settings))
        since = f"the oldest is of {day:%Y-%m-%d}" if day else "there are none"
        text = f"{kind}: {how_long} ({kind}.keep); {since}"
        is_late = keep is not None and first and common.now() - first > keep + _TIDIED_WITHIN
        advice = ": does the role sender run?"
        yield warning("retention", text + advice) if is_late else good("retention", text)


def roughly(age: timedelta) -> str:
    """Return an approximate age in words: `5 hours`, `3 days`."""
    hours = int(age.total_seconds()) // 3600
    if hours < 2:
        return "an hour" if hours == 1 else "less than an hour"
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"
