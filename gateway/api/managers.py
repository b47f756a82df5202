"""Who may change suppressions: managers, whether a token is one or acts for one."""

from typing import Any

from gateway.api.problems import Problem
from gateway.api.services import Services
from gateway.core.people import Staff
from gateway.core.token import Token, TokenRole
from gateway.store import applications

Connection = Any  #: A transaction of the store, handed on to it.

_CURE = (
    "use a token made with `gateway tokens create --role manager`, or name in `by` a member of "
    "staff whose roles in the CRM's feed have manager"
)


def acting_manager(connection: Connection, using: Services, token: Token, by: str) -> str:
    """Return who is recorded for a change only managers may make.

    Either the token bears the role `manager`, and records whom it names, else itself; or it acts
    for staff: then `by`, a crm_id or an address, must name a member of staff with the role. Raises
    `Problem` 403 with the role and the cure.
    """
    if TokenRole.MANAGER in token.roles:
        return by or token.name
    staff = _staff(connection, using, by) if by else ()
    if any(TokenRole.MANAGER in one.roles for one in staff):
        return by
    raise Problem(
        403, f"{_why(by, is_known=bool(staff))}: {_CURE}", more={"role": TokenRole.MANAGER.value}
    )


def _why(by: str, *, is_known: bool) -> str:
    if not by:
        return "only a manager may change this, and the token has no role manager"
    what = "has no role manager" if is_known else "is no member of staff the CRM tells of"
    return f"only a manager may change this: {by} {what}, and the token has no role manager"


def _staff(connection: Connection, using: Services, by: str) -> tuple[Staff, ...]:
    if "@" in by:
        return applications.staff_at(connection, using.lookup(by))
    return applications.staff_of(connection, (by,))
