"""Submissions and status changes, for both the command line and the API."""

from collections.abc import Callable, Sequence

from gateway.api.services import ApplicationAdapter, ApplicationNews, ApplyEvents, EventRefused
from gateway.app import common
from gateway.app.triggers import triggers
from gateway.config import Settings
from gateway.core.errors import GatewayError
from gateway.core.mail.typed.typed_address import NotAnAddress, read_address
from gateway.core.people.people import Staff
from gateway.core.triggers.application_change import ChangeResult
from gateway.core.triggers.events.status_changed import STATUS_CHANGED
from gateway.core.triggers.events.submitted import SUBMITTED
from gateway.core.triggers.transition import WARNINGS
from gateway.core.written import plain
from gateway.documents.triggers.triggers import ChangeResultDocument, change_result_document
from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.people import applications
from gateway.store.triggers.transitions import NoSuchStatus
from gateway.triggers.transitions import ApplicationChanges, ChangeRequest


def carry_out(
    settings: Settings, database: Database, request: ChangeRequest, *, dry_run: bool
) -> ChangeResult:
    """Do what is requested, or only return what it would mail.

    Raises ConfigError for triggers that can't be used, `NoSuchStatus`, and StoreUnavailable.
    """
    new_id = common.ids_of(database).next
    with (
        triggers.opened_settings(settings, database) as trigger_settings,
        database.writing() as connection,
    ):
        session = ApplicationChanges(connection, trigger_settings, now=common.now(), new_id=new_id)
        return session.carry_out(request, dry_run=dry_run)


class NobodyActs(GatewayError):
    """The person said to act is nobody the CRM has sent."""

    def __init__(self, text: str, nearest: Sequence[Staff] = ()) -> None:
        super().__init__(text)
        self.nearest = nearest


class SeveralAct(NobodyActs):
    """The person said to act may be any of several."""


def who_acts(settings: Settings, connection: StoreTransaction, actor: str) -> Staff:
    """Return the member of staff with a crm_id, an address, or a name.

    Raises `SeveralAct` if there is more than one, and `NobodyActs` if there is none.
    """
    actor = plain(actor)
    for member in applications.staff_of(connection, (actor,)):
        return member
    if "@" in actor:
        address = read_address(actor)
        if isinstance(address, NotAnAddress):
            raise NobodyActs(f"{actor}: {address}")
        staff = applications.staff_at(connection, common.lookup(settings, address.address))
    else:
        staff = applications.staff_named(connection, actor)
    if len(staff) == 1:
        return staff[0]
    if staff:
        several = ", ".join(map(_name_with_id, staff))
        raise SeveralAct(f"several staff are {actor}: {several}; give the crm_id", staff)
    near = applications.nearest_staff(connection, actor)
    hint = "there are none yet: gateway import staff FILE"
    if near:
        hint = f"the nearest: {', '.join(map(_name_with_id, near))}"
    raise NobodyActs(f"no member of staff is known as {actor}; {hint}", near)


def _name_with_id(member: Staff) -> str:
    return f"{member.name} ({member.crm_id})" if member.name else member.crm_id


def _actor(
    settings: Settings, connection: StoreTransaction, happened: ApplicationNews
) -> Staff | None:
    """Return who acts; a user signed in here need not be one of the CRM's staff."""
    if not happened.by:
        return None
    try:
        return who_acts(settings, connection, happened.by)
    except SeveralAct:
        raise
    except NobodyActs:
        if happened.by != happened.signed_in:
            raise
        return Staff(crm_id=happened.by)


class StoreApplicationAdapter(ApplicationAdapter):
    """Stores transitions, using the configured triggers."""

    def __init__(self, settings: Callable[[], Settings], database: Database) -> None:
        self._settings = settings
        self._database = database
        self._new_id = common.ids_of(database).next
        self._files: tuple[Settings, triggers.CurrentTriggerFiles] | None = None

    def open(self) -> ApplyEvents:
        settings = self._settings()
        if self._files is None or self._files[0] is not settings:
            self._files = settings, triggers.CurrentTriggerFiles(settings)
        files = self._files[1]
        files.refresh()
        trigger_settings = triggers.trigger_settings(
            settings, dict(files.checked_triggers), common.standings(settings, self._database)
        )

        def apply(connection: StoreTransaction, happened: ApplicationNews) -> ChangeResultDocument:
            changes = ApplicationChanges(
                connection, trigger_settings, now=common.now(), new_id=self._new_id
            )
            try:
                actor = _actor(settings, connection, happened)
                request = ChangeRequest(
                    event=SUBMITTED if happened.by is None else STATUS_CHANGED,
                    references=happened.references,
                    status=happened.status,
                    actor=actor.crm_id if actor else "",
                    language=happened.languages.best(
                        WARNINGS, actor.language if actor else "", settings.suppression.language
                    ),
                    is_partial=happened.is_partial,
                    is_confirmed=happened.is_confirmed,
                    token=happened.token,
                )
                return change_result_document(changes.carry_out(request, dry_run=happened.dry_run))
            except NobodyActs as error:
                near = [{"crm_id": member.crm_id, "name": member.name} for member in error.nearest]
                raise EventRefused(str(error), {"nearest": near}) from error
            except NoSuchStatus as error:
                raise EventRefused(str(error)) from error

        return apply
