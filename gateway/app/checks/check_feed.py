"""`gateway check` for the CRM's data.

References that lead nowhere, words that only resemble known ones, addresses no recipient can have.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta, tzinfo

from gateway.app import common
from gateway.app.checks.findings import Finding, error, warning
from gateway.core import ids
from gateway.core.kinds import TAG_SCOPES
from gateway.core.people.finance_status import HAVE_LEFT, looks_like_left
from gateway.core.written import counted, nearest_text
from gateway.store.engine.database import Database
from gateway.store.feed.feed_faults import KindState
from gateway.store.feed.references import open_references
from gateway.store.people import mending
from gateway.store.views import status

_NAMED = 3  #: References named for each kind; the rest are only counted.
_SHOWN = 5  #: Finance statuses named; the rest are only counted.
_CURE = "no recipient can have: gateway suppress mend"


def kinds_of_feed(kinds: Iterable[KindState], old_after: timedelta) -> Iterator[Finding]:
    """Report kinds whose last file was not fully imported, and those last sent long ago."""
    for kind in kinds:
        subject = f"feed {kind.source} {kind.what}"
        if (fault := kind.fault) is not None:
            days = (common.now() - fault.since).days
            since = f" (so for {counted(days, 'day')})" if days else ""
            text = f"{fault.file}{since}: {fault.reason}"
            if fault.failed:
                yield error(subject, f"nothing was imported from {text}")
            else:
                yield warning(subject, f"{counted(fault.problems, 'problem')} in {text}")
        if kind.at is not None and (age := common.now() - kind.at) > old_after:
            yield warning(
                subject, f"was last fed {counted(age.days, 'day')} ago: is its export running?"
            )


def feed_shortfall(database: Database, zone: tzinfo) -> Iterator[Finding]:
    """Count what protects nobody, because its target is unknown or there is no address to stop."""
    with database.reading() as connection:
        short = status.shortfall(connection)
        counted, faults = open_references.counts(connection), short.references_to_nothing
        for reference, rows in counted.items():
            at_fault = faults.get(reference, 0)
            open_ones = open_references.list_open_texts(
                connection, reference=reference, limit=_NAMED
            )
            examples = ", ".join(repr(reference_row.given) for reference_row in open_ones)
            if at_fault:
                leads = f"{at_fault} of {reference} {'leads' if at_fault == 1 else 'lead'}"
                yield error(
                    "references",
                    f"{leads} to nothing ({examples}), so without effect: gateway import waiting",
                )
            if rows > at_fault:
                wait = (
                    "waits for what it names" if rows - at_fault == 1 else "wait for what they name"
                )
                yield warning(
                    "references",
                    f"{rows - at_fault} of {reference} {wait} ({examples}): gateway import waiting",
                )
    for line in replace(short, references_to_nothing={}).lines(zone):
        yield warning("feed", line)


def idle_tags(carried: tuple[str, ...]) -> Iterator[Finding]:
    """Report tags of the CRM that have no effect: one of them may be a typo."""
    idle = [tag for tag in carried if tag not in TAG_SCOPES]
    if not idle:
        return
    yield warning(
        "tags",
        f"{', '.join(idle)} has no effect on mail: if it should, write one of "
        f"{', '.join(TAG_SCOPES)} in the CRM",
    )
    for tag in idle:
        if similar_tag := nearest_text(tag, TAG_SCOPES):
            yield warning(
                "tags", f"“{tag}” looks like “{similar_tag}”: people with it get all mail"
            )


def finance_statuses(carried: Mapping[str, int]) -> Iterator[Finding]:
    """Report finance statuses that look like that of people who left but don't count as it."""
    slips = {word: similar_status for word in carried if (similar_status := looks_like_left(word))}
    for word, similar_status in list(slips.items())[:_SHOWN]:
        yield warning(
            "finance status",
            f"“{word}” ({counted(carried[word], 'person', 'people')}) looks like "
            f"“{similar_status}” but isn't one of those who get no birthday mail "
            f"({', '.join(HAVE_LEFT)}, or a word for deceased): if it should be, write it so in "
            "the CRM",
        )
    if (more := len(slips) - _SHOWN) > 0:
        yield warning("finance status", f"{more} more look so")


def stored_addresses(database: Database) -> Iterator[Finding]:
    """Count what stops no mail, because no recipient can have the stored address."""
    with database.reading() as connection:
        entries = mending.unmatched_suppressions(connection, common.now())
        if (first := next(entries, None)) is not None:
            count, entry = 1 + sum(1 for _ in entries), ids.show(first.suppression or 0)
            are = counted(count, "is", "are")
            text = f"{are} for an address (the first: entry {entry}) that {_CURE}"
            yield warning("suppressions", text)
        of_people = mending.unmatched_people(connection)
        if (first := next(of_people, None)) is not None:
            count = 1 + sum(1 for _ in of_people)
            addresses, are = counted(count, "address", "addresses"), "is" if count == 1 else "are"
            text = f"{addresses} (the first: of {first.person}) {are} such as {_CURE}"
            yield warning("people", text)
