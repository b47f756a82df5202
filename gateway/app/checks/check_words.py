"""What `gateway check` finds about words of the CRM that look like known ones and aren't."""

from collections.abc import Iterator, Mapping

from gateway.app.checks.findings import Finding, warning
from gateway.core.kinds import TAG_SCOPES
from gateway.core.people.finance_status import HAVE_LEFT, looks_like_left
from gateway.core.written import nearest

_SHOWN = 5  #: Finance statuses named; the rest are counted.


def idle_tags(carried: tuple[str, ...]) -> Iterator[Finding]:
    """Name tags of the CRM that mean nothing here: one of them may be a slip."""
    idle = [tag for tag in carried if tag not in TAG_SCOPES]
    if not idle:
        return
    yield warning(
        "tags",
        f"{', '.join(idle)} has no effect on mail: if it should, write one of "
        f"{', '.join(TAG_SCOPES)} in the CRM",
    )
    for tag in idle:
        if known := nearest(tag, TAG_SCOPES):
            yield warning("tags", f"“{tag}” looks like “{known}”: people with it get all mail")


def finance_statuses(carried: Mapping[str, int]) -> Iterator[Finding]:
    """Name finance statuses that look like those of people who have left and don't count so."""
    slips = {status: known for status in carried if (known := looks_like_left(status))}
    for status, known in list(slips.items())[:_SHOWN]:
        yield warning(
            "finance status",
            f"“{status}” ({carried[status]} people) looks like “{known}” but isn't one of those "
            f"who get no birthday mail ({', '.join(HAVE_LEFT)}, or a word for deceased): if it "
            "should be, write it so in the CRM",
        )
    if (more := len(slips) - _SHOWN) > 0:
        yield warning("finance status", f"{more} more look so")
