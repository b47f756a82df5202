"""What users of the console may do."""

from collections.abc import Iterable
from enum import StrEnum


class ConsoleRole(StrEnum):
    """A role; a user may have several."""

    LOOK = "look"  #: See everything.
    WORK = "work"  #: Assign mail, suppress and release people, make campaigns; look.
    MANAGE = "manage"  #: Triggers, templates, and sending campaigns; work.
    RUN = "run"  #: Pause, outbox, imports; work.


_INCLUDED = {
    ConsoleRole.LOOK: frozenset({ConsoleRole.LOOK}),
    ConsoleRole.WORK: frozenset({ConsoleRole.LOOK, ConsoleRole.WORK}),
    ConsoleRole.MANAGE: frozenset({ConsoleRole.LOOK, ConsoleRole.WORK, ConsoleRole.MANAGE}),
    ConsoleRole.RUN: frozenset({ConsoleRole.LOOK, ConsoleRole.WORK, ConsoleRole.RUN}),
}


def read_roles(names: Iterable[str]) -> frozenset[ConsoleRole]:
    """Return the roles with these names; ValueError names one that isn't a role."""
    roles = set()
    for name in names:
        try:
            roles.add(ConsoleRole(name.strip().lower()))
        except ValueError:
            raise ValueError(
                f"no role: {name.strip()!r} (there are {', '.join(ConsoleRole)})"
            ) from None
    return frozenset(roles)


def known_roles(names: Iterable[str]) -> frozenset[ConsoleRole]:
    """Return which of the names are roles: other systems have their own."""
    return frozenset(ConsoleRole(name) for name in names if name in set(ConsoleRole))


def may(roles: Iterable[ConsoleRole], needed_role: ConsoleRole) -> bool:
    """Whether one of these roles is, or includes, another."""
    return any(needed_role in _INCLUDED[role] for role in roles)
