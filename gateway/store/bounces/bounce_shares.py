"""What share of the mail bounced, by sender domain and recipient domain."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Integer, cast, func, select

from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind
from gateway.core.bounces.bounce_share import BounceShare, too_much_together
from gateway.core.kinds import State
from gateway.core.people.erased_names import PREFIX
from gateway.store.schema.bounces import bounces
from gateway.store.schema.journal import deliveries, messages

_ERASED = f"{PREFIX}%"  #: Erased addresses: it is no longer known which domain their mail went to.


def by_domain(connection: Connection, since: datetime) -> list[BounceShare]:
    """Return the shares since a time, domains with the most mail first.

    If too much bounced at domains that got few mails each, their combined share is included.
    """
    first = ids.first_id_at(since)
    d, b = deliveries.c, bounces.c
    sender = _domain_of(connection, messages.c.sender).label("sender")
    receiver = _domain_of(connection, d.address).label("receiver")
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    went_out = (
        select(sender, receiver, func.count().label("number"))
        .join(messages, messages.c.id == d.message)
        .where(d.message >= first, d.state == State.RELAYED, d.address.not_like(_ERASED))
        .group_by(sender, receiver)
    )
    for row in connection.execute(went_out):
        counts[row.sender, row.receiver]["sent"] += row.number
    # A message that bounces twice, or into two mailboxes, counts once.
    once = (
        select(b.message, b.address, b.kind, func.max(cast(b.hard, Integer)).label("hard"))
        .where(b.message >= first, b.address != "", b.address.not_like(_ERASED))
        .group_by(b.message, b.address, b.kind)
        .subquery()
    )
    bounced = _domain_of(connection, once.c.address).label("receiver")
    came_back = (
        select(sender, bounced, once.c.kind, once.c.hard, func.count().label("number"))
        .join(messages, messages.c.id == once.c.message)
        .group_by(sender, bounced, once.c.kind, once.c.hard)
    )
    for row in connection.execute(came_back):
        count = counts[row.sender, row.receiver]
        if row.kind == BounceKind.BOUNCE:
            count["bounced"] += row.number
            count["hard"] += row.number if row.hard else 0
        elif row.kind in (BounceKind.COMPLAINT, BounceKind.OPT_OUT):
            count["complaints"] += row.number
    shares = [
        BounceShare(sender=sender, receiver=receiver, **count)
        for (sender, receiver), count in counts.items()
    ]
    shares += too_much_together(shares)
    return sorted(shares, key=lambda share: (-share.sent, share.sender, share.receiver))


def highest(shares: Iterable[BounceShare]) -> dict[str, tuple[float, float]]:
    """Return the highest bounce rate and the highest complaint rate of each sender domain.

    Each is the rate at a single recipient domain, among those with enough mail for a meaningful
    rate: Gmail counts what came to Gmail.
    """
    by_sender: dict[str, tuple[float, float]] = {}
    for share in shares:
        if share.says_something:
            bounced, complained = by_sender.get(share.sender, (0.0, 0.0))
            by_sender[share.sender] = (
                max(bounced, share.bounce_rate),
                max(complained, share.complaint_rate),
            )
    return by_sender


def _domain_of(connection: Connection, address: ColumnElement[str]) -> ColumnElement[str]:
    """Return the part of an address after the @, in lower case; empty for an empty address."""
    if connection.dialect.name == "sqlite":
        domain = func.substr(address, func.instr(address, "@") + 1)
    else:
        domain = func.substr(address, func.strpos(address, "@") + 1)
    return func.lower(domain)
