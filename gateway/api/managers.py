"""Managers, who may change suppressions: whether a token is one or acts for one."""

from collections.abc import Sequence

from gateway.api.problems import Problem
from gateway.api.services import ApiServices
from gateway.core.people.people import Staff
from gateway.core.token import Token, TokenRole
from gateway.store.engine.database import StoreTransaction
from gateway.store.people import applications

_CURE = (
    "use a token made with `gateway tokens create --role manager`, or name in `by` a member of "
    "staff whose roles in the CRM's feed have manager"
)


def acting_manager(connection: StoreTransaction, using: ApiServices, token: Token, by: str) -> str:
    """Return the name to record for a change only managers may make.

    Either the token has the role `manager`, and the name is the one it gives, or else its own; or
    it acts for staff: then `by`, a crm_id, an address, or a name only one person has, must identify
    a member of staff with the role. Raises `Problem` 403 with the role, the remedy, and the nearest
    names if nobody has that name.
    """
    if TokenRole.MANAGER in token.roles:
        return by or token.name
    staff = _staff(connection, using, by) if by else ()
    if any(TokenRole.MANAGER in member.roles for member in staff):
        return by
    raise Problem(
        403, f"{what_lacks(connection, by, staff)}: {_CURE}", more={"role": TokenRole.MANAGER.value}
    )


def what_lacks(connection: StoreTransaction, by: str, staff: Sequence[Staff]) -> str:
    """Return why somebody isn't a manager; `staff` are those `by` names, perhaps nobody."""
    if not by:
        return "only a manager may change this, and the token has no role manager"
    if staff:
        # Roles are compared as written: if a feed says `Manager`, nobody is a `manager`.
        roles = ", ".join(sorted({role for member in staff for role in member.roles}))
        what = f"has no role manager but {roles}" if roles else "has no role manager"
    else:
        near = ", ".join(
            f"{member.name} ({member.crm_id})" if member.name else member.crm_id
            for member in applications.nearest_staff(connection, by)
        )
        what = "is no member of staff that the CRM has sent" + (
            f" (the nearest: {near})" if near else ""
        )
    return f"only a manager may change this: {by} {what}, and the token has no role manager"


def _staff(connection: StoreTransaction, using: ApiServices, by: str) -> tuple[Staff, ...]:
    if "@" in by:
        return applications.staff_at(connection, using.lookup(by))
    if of_id := applications.staff_of(connection, (by,)):
        return of_id
    namesakes = applications.staff_named(connection, by)
    return namesakes if len(namesakes) == 1 else ()
