"""Lifting suppressions of an address or a person, as far as people may."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from gateway.core.people.people import PersonRef, RefOrAddress, SuppressionSource
from gateway.store.campaigns import departures, opt_outs
from gateway.store.campaigns.opt_outs import Refusal
from gateway.store.people import people, suppression, topic_opt_outs


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What was lifted, and what Mailchimp still refuses."""

    count: int  #: Suppressions and declined topics, also those of holders who unsubscribed.
    lifted: tuple[PersonRef, ...]  #: Those who left the opt-out group.
    refused: tuple[Refusal, ...]  #: What Mailchimp itself still refuses.

    @property
    def is_any(self) -> bool:
        """Whether anything was lifted."""
        return bool(self.count or self.lifted)


def release(
    connection: Connection,
    ref_or_address: RefOrAddress,
    *,
    by: str,
    now: datetime,
    remark: str = "",
    erased: Sequence[str] = (),
) -> Released:
    """Lift the suppressions and opt-outs of an address (in lookup form) or a person.

    People leave the opt-out group if Mailchimp put them there, and their choices by unsubscribe
    links are undone; history stays. `erased` are the names under which the address stays suppressed
    if its person was erased. `remark` says why.
    """
    if isinstance(ref_or_address, PersonRef):
        refs: tuple[PersonRef, ...] = (ref_or_address,)
    else:
        refs = people.holders(connection, ref_or_address)
    count = suppression.release(
        connection, ref_or_address, by=by, at=now, remark=remark, erased=erased
    )
    count += topic_opt_outs.release(connection, ref_or_address, by=by, at=now, erased=erased)
    for ref in refs:
        if ref != ref_or_address:
            unsubscribed = SuppressionSource.UNSUBSCRIBE
            count += suppression.release(
                connection, ref, by=by, at=now, remark=remark, source=unsubscribed
            )
            count += topic_opt_outs.release(connection, ref, by=by, at=now)
    lifted = departures.lift(connection, refs, by=by, now=now)
    records = [record for ref in refs for record in people.find(connection, ref)]
    addresses = {address for record in records for address in record.every_address}
    refused = opt_outs.refusals(connection, addresses)
    return Released(count=count, lifted=tuple(lifted), refused=tuple(refused))
