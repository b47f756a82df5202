"""Submissions and changed statuses, done by the command line and the API alike."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.api.services import Apply, Happened, HappenedNot
from gateway.app import common, triggers
from gateway.config import Settings
from gateway.core.people import Staff
from gateway.core.transition import WARNINGS
from gateway.core.trigger import TriggerEvent
from gateway.store import applications
from gateway.store.database import Database
from gateway.store.transitions import NoSuchStatus
from gateway.triggers.documents import done as document
from gateway.triggers.plan import Plan
from gateway.triggers.templates import Rule
from gateway.triggers.transitions import Done, Office, Wish

Connection = Any  #: A transaction of the store, handed on to it.


def carry_out(settings: Settings, database: Database, wish: Wish, *, dry_run: bool) -> Done:
    """Do what is wished, or only tell what it would mail.

    Raise ConfigError for triggers that can't be used, `NoSuchStatus`, and StoreUnavailable.
    """
    with triggers.planned(settings, database) as plan, database.writing() as connection:
        office = Office(connection, plan, now=common.now(), new_id=common.Ids().next)
        return office.carry_out(wish, dry_run=dry_run)


def who_acts(settings: Settings, connection: Connection, named: str) -> Staff | None:
    """Return the member of staff of a crm_id or an address; None: nobody known."""
    if "@" in named:
        found = applications.staff_at(connection, common.lookup(settings, named))
    else:
        found = applications.staff_of(connection, (named,))
    return next(iter(found), None)


class Door:
    """See `gateway.api.services.ApplicationDoor`."""

    def __init__(self, settings: Callable[[], Settings], database: Database) -> None:
        self._settings = settings
        self._database = database
        self._new_id = common.Ids().next
        self._files: tuple[Settings, triggers.Files] | None = None

    def open(self) -> Apply:
        """Return what works in a transaction, under the triggers of this moment."""
        settings = self._settings()
        plan = triggers.plan(
            settings, self._rules(settings), common.standings(settings, self._database)
        )
        return lambda connection, happened: self._told(connection, plan, settings, happened)

    def _rules(self, settings: Settings) -> Mapping[str, Rule]:
        if self._files is None or self._files[0] is not settings:
            self._files = settings, triggers.Files(settings)
        files = self._files[1]
        files.refresh()
        return dict(files.rules)

    def _told(
        self, connection: Connection, plan: Plan, settings: Settings, happened: Happened
    ) -> Mapping[str, object]:
        office = Office(connection, plan, now=common.now(), new_id=self._new_id)
        wish = _wish(connection, settings, happened)
        try:
            return document(office.carry_out(wish, dry_run=happened.dry_run))
        except NoSuchStatus as error:
            raise HappenedNot(str(error)) from error


def _wish(connection: Connection, settings: Settings, happened: Happened) -> Wish:
    actor = who_acts(settings, connection, happened.by) if happened.by else None
    own = (actor.language if actor else "", settings.suppression.language)
    spoken = (one for one in (*happened.languages, *own) if one in WARNINGS)
    is_submission = happened.by is None
    return Wish(
        event=TriggerEvent.SUBMITTED if is_submission else TriggerEvent.STATUS_CHANGED,
        references=happened.references,
        status=happened.status,
        actor=actor.crm_id if actor else happened.by or "",
        language=next(spoken, ""),
    )
