"""Which recipients a message may reach: its kind against the suppressions of each."""

from gateway.core.kinds import Kind, Scope
from gateway.core.people.people import AddressHolder, Standing, Suppression, SuppressionSource


def blocking(kind: Kind, standing: Standing) -> tuple[Suppression, ...]:
    """Return the suppressions that keep mail of this kind from an address; empty: it may go.

    If two people share an address, the stricter one wins for bulk mail. For individual mail, a
    person's scope `all` blocks only if every active person with the address has it. Inactive people
    count only if nobody active has the address, except that for bulk mail an unsubscribe always
    counts: whoever reads mail there did it, and CRMs that merge two people keep one of them
    inactive. A doubtful holder counts if that keeps mail away, and outweighs nobody.
    """
    if not (standing.own or standing.holders):
        return ()
    if kind is Kind.BULK:
        return _of_scope(Scope.BULK, (*standing.own, *suppressions_of_holders(standing)))
    own = _of_scope(Scope.ALL, standing.own)
    certain = _certain_holders(standing)
    holders = certain or standing.holders
    blocked = [_of_scope(Scope.ALL, holder.suppressions) for holder in holders]
    # If no active holder of the address is certain, the deceased person may be the only one.
    is_doubtful = not certain and any(holder.doubtful for holder in standing.holders)
    if not (is_doubtful or all(blocked)):
        return own
    return own + tuple(suppression for of_holder in blocked for suppression in of_holder)


def never_mailed(standing: Standing) -> bool:
    """Whether no mail of any kind may go there: such a recipient is never passed to a relay."""
    return bool(standing.own or standing.holders) and bool(blocking(Kind.INDIVIDUAL, standing))


def _of_scope(scope: Scope, suppressions: tuple[Suppression, ...]) -> tuple[Suppression, ...]:
    return tuple(suppression for suppression in suppressions if suppression.scope.includes(scope))


def suppressions_of_holders(standing: Standing) -> tuple[Suppression, ...]:
    """Return the suppressions of people that count for all mail sent to many at once."""
    counting = who_counts(standing)
    return tuple(
        suppression
        for holder in standing.holders
        for suppression in holder.suppressions
        if suppression.source is SuppressionSource.UNSUBSCRIBE or holder in counting
    )


def who_counts(standing: Standing) -> tuple[AddressHolder, ...]:
    """Return the people whose groups and status count for an address.

    These are the active ones, or all if no active one is certain.
    """
    if _certain_holders(standing):
        return tuple(holder for holder in standing.holders if holder.active)
    return standing.holders


def _certain_holders(standing: Standing) -> tuple[AddressHolder, ...]:
    return tuple(holder for holder in standing.holders if holder.active and not holder.doubtful)
