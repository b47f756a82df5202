"""Suppressions: everybody suppressed, what suppresses an address, and single suppressions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.app import common
from gateway.cli.context import (
    Context,
    Json,
    NotFound,
    of,
    read_mail_address,
    read_person,
    user_name,
    wrong_use,
)
from gateway.cli.listing import ListColumns, ListRequest, ListSource, lists
from gateway.cli.output import complain, one_line, print_json, print_line
from gateway.core import ids
from gateway.core.kinds import Scope
from gateway.core.mail.typed.typed_address import NotAnAddress, TypedAddress, read_person_or_address
from gateway.core.people.people import (
    FEED_SOURCES,
    PersonRef,
    RefOrAddress,
    Standing,
    Suppression,
)
from gateway.documents.suppressions import (
    SUPPRESSION_COLUMNS,
    StandingDocument,
    address_standing_document,
    person_standing_document,
    reasons_of,
    suppressed_address_document,
    unmatched_address_document,
)
from gateway.store.engine.database import Database
from gateway.store.people import people, suppression
from gateway.store.people.people import PersonUnknown
from gateway.store.people.suppressed import (
    START,
    ListedSource,
    Position,
    SuppressedAddress,
    SuppressionFilter,
)
from gateway.store.people.suppression import SuppressionEntry

if TYPE_CHECKING:
    from gateway.store.campaigns.opt_outs import Refusal

app = typer.Typer(help="Who is suppressed, and what staff suppress.", no_args_is_help=True)

_NONE_LISTED = (
    "Nobody. Whoever a group, a status, an opt-out or `suppress add` suppresses is listed here."
)
_LIFTED_IN_CRM = (
    "is lifted in the CRM: whoever leaves the group or gets another status gets mail after the "
    "next import"
)

_Whom = Annotated[str, typer.Argument(metavar="ADDRESS", help="A mail address, or candidate:17.")]
_Scope = Annotated[Scope, typer.Option(help="Which mail the address no longer gets.")]
_Note = Annotated[str, typer.Option(help="Why; only staff see it unless --public.", metavar="TEXT")]
_ReleaseNote = Annotated[
    str, typer.Option("--note", help="Why; only staff see it.", metavar="TEXT")
]
_Public = Annotated[
    bool, typer.Option("--public", help="Show the note to whoever writes to the address.")
]
_Source = Annotated[
    ListedSource | None,
    typer.Option(help="Only reasons from this source; mailchimp: opt-outs there."),
]
_Covering = Annotated[
    Scope | None,
    typer.Option(help="Only reasons that stop this mail; bulk includes scope all."),
]
_Until = Annotated[
    str | None,
    typer.Option(help="The last day, or a local time; by default for good.", metavar="DATE"),
]
_By = Annotated[
    str | None, typer.Option(help="Who asked for it; by default your login here.", metavar="WHO")
]


@app.command("add")
def add(
    context: typer.Context,
    address: _Whom,
    *,
    scope: _Scope = Scope.BULK,
    note: _Note = "",
    public: _Public = False,
    until: _Until = None,
    by: _By = None,
) -> None:
    """Suppress an address, or a person, from the next message on.

    A person is suppressed at every address they have now or get later.
    """
    typed = read_person(address)
    invocation, present = of(context), common.now()
    end = invocation.until(until)
    if end is not None and end <= present:
        wrong_use(f"--until {until} is in the past")
    ref_or_address = typed if isinstance(typed, PersonRef) else invocation.lookup(typed)
    with invocation.store() as store:
        new_id = common.ids_of(store).next
        with store.writing() as connection:
            record = (
                people.known_person(connection, ref_or_address)
                if isinstance(ref_or_address, PersonRef)
                else None
            )
            suppression.add(
                connection,
                id=new_id(),
                ref_or_address=ref_or_address,
                scope=scope,
                remark=note,
                public=public,
                by=by or user_name(),
                since=present,
                until=end,
            )
    print_line(f"Suppressed: {typed} gets {scope.covers}{_until_in_words(invocation, end)}.")
    if record is not None:
        now = ", ".join(record.every_address) or "none known yet"
        print_line(f"Addresses: {now}; any that the CRM adds later count too.")


@app.command("release")
def release(
    context: typer.Context,
    address: _Whom,
    *,
    note: _ReleaseNote = "",
    by: _By = None,
) -> None:
    """Lift the suppression of an address or a person, and opt-outs.

    Whoever has the address leaves the opt-out group if Mailchimp put them in. The history stays.
    What still stops mail is listed: groups and statuses of the CRM, and Mailchimp itself, which
    may go on refusing the address.
    """
    from gateway.store.people import releases

    invocation, who, present = of(context), by or user_name(), common.now()
    typed = read_person_or_address(address)
    match typed:
        case PersonRef():
            ref_or_address: RefOrAddress = typed
        case TypedAddress():
            ref_or_address = invocation.lookup(typed.address)
        case NotAnAddress():  # Looked up as written: it may be stored so (`suppress mend`).
            ref_or_address = invocation.lookup(address)
    with invocation.store() as store:
        with (
            common.standings(invocation.settings, store) as standings,
            store.writing() as connection,
        ):
            erased = standings.names_if_erased(connection, ref_or_address)
            outcome = releases.release(
                connection, ref_or_address, by=who, now=present, remark=note, erased=erased
            )
        try:
            remaining = _look(invocation, store, ref_or_address).reasons
        except PersonUnknown:  # The CRM has deleted the person.
            remaining = ()
    if not outcome.is_any and isinstance(typed, NotAnAddress):
        wrong_use(str(typed))
    if not outcome.is_any:
        for reason in remaining:
            print_line(f"Still suppressed: {suppression_line(invocation, reason)}")
        is_of_crm = any(reason.source in FEED_SOURCES for reason in remaining)
        raise NotFound(
            f"nothing suppresses {address} itself, and nobody there opted out",
            f"it {_LIFTED_IN_CRM}" if is_of_crm else "",
        )
    print_line(f"Released: {address}.")
    for ref in outcome.lifted:
        print_line(f"{ref} is out of the opt-out group.")
    for refused in outcome.refused:
        print_line(refusal(invocation, refused))
    for reason in remaining:
        print_line(f"Still suppressed: {suppression_line(invocation, reason)}")
    if any(reason.source in FEED_SOURCES for reason in remaining):
        complain(f"That {_LIFTED_IN_CRM}.")


def refusal(invocation: Context, refused: "Refusal") -> str:
    """Return a line on why Mailchimp itself sends no campaigns to an address, and what helps."""
    since = f" since {invocation.local(refused.since)}" if refused.since else ""
    match refused.status:
        case "unsubscribed":
            why = (
                f"unsubscribed{since}; only the person can subscribe again, through a form of yours"
            )
        case "cleaned":
            why = f"cleaned{since}, for the address bounces; mail from the CRM is not stopped"
        case _:
            why = one_line(refused.reason)
    return f"Mailchimp itself still refuses {refused.address}: {why}"


_COLUMNS: ListColumns[SuppressedAddress] = {
    "address": lambda entry: entry.address,
    "person": lambda entry: entry.suppression.person or "",
    "scope": lambda entry: entry.suppression.scope,
    "source": lambda entry: entry.suppression.source,
    "name": lambda entry: one_line(entry.suppression.name),
    "since": lambda entry: entry.suppression.since,
    "until": lambda entry: entry.suppression.until,
    "by": lambda entry: entry.suppression.origin,
    "note": lambda entry: one_line(entry.suppression.remark),
}


@app.command("list")
@lists()
def list_suppressions(
    context: typer.Context,
    request: ListRequest,
    *,
    source: _Source = None,
    scope: _Covering = None,
) -> None:
    """List everybody who is suppressed, and why.

    Sorted by address, a line for each reason: groups and statuses of the CRM, opt-outs at
    Mailchimp, and what staff or the API added.
    """
    invocation, at = of(context), common.now()
    selection = SuppressionFilter(source, scope, request.since)
    with invocation.store() as store:
        listed = common.suppressed_addresses(invocation.settings, store)

        def behind(address: str | None) -> Position:
            if address is None:
                return START
            form = invocation.lookup(read_mail_address(address))
            with store.reading() as connection:
                return listed.behind_all_of(connection, selection, form, at=at)

        def every(address: str | None, at_once: int) -> Iterator[SuppressedAddress]:
            after = behind(address)
            return listed.every(store.reading, selection, at=at, after=after, at_once=at_once)

        def count(address: str | None) -> int:
            after = behind(address)
            with store.reading() as connection:
                return listed.count(connection, selection, at=at, after=after)

        request.print(
            ListSource(every, attrgetter("address"), count),
            _COLUMNS,
            csv_columns={heading: _COLUMNS[heading] for heading in SUPPRESSION_COLUMNS},
            document=suppressed_address_document,
            empty=_NONE_LISTED,
        )


@app.command("mend")
def mend(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; only show what would change.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Correct stored addresses that no recipient can have.

    A text such as <ann@example.org> stops no mail if it was stored before the gateway could read
    it. It is replaced by the address that was meant, and keeps its history. What can't be
    understood is listed with the reason, and makes the exit code 1.
    """
    from gateway.store.people import mending

    invocation = of(context)
    plus_addresses = invocation.settings.suppression.plus_addresses
    with invocation.store() as store, store.writing() as connection:
        unmatched = [
            *mending.unmatched_suppressions(connection, common.now()),
            *mending.unmatched_people(connection),
        ]
        if not dry_run:
            mending.mend(connection, unmatched, plus_addresses=plus_addresses)
    left = [entry for entry in unmatched if isinstance(entry.reading, NotAnAddress)]
    if as_json:
        print_json([unmatched_address_document(entry) for entry in unmatched])
    else:
        for entry in unmatched:
            owner = (
                str(entry.person) if entry.person else f"entry {ids.show(entry.suppression or 0)}"
            )
            stored = one_line(entry.stored)
            if isinstance(entry.reading, TypedAddress):
                verb = "would be" if dry_run else "is"
                print_line(f"{owner}: {stored} {verb} {entry.reading.address}")
            elif entry.person:
                print_line(f"{owner}: {entry.reading}; correct it in the CRM")
            else:
                advice = f"add what was meant, then: gateway suppress release '{stored}'"
                print_line(f"{owner}: {entry.reading}; {advice}")
        if unmatched:
            mended = len(unmatched) - len(left)
            verb = "would be" if dry_run else "is" if mended == 1 else "are"
            print_line(f"{mended} {verb} mended, {len(left)} left.")
        else:
            print_line("Nothing to mend: every stored address can match a recipient.")
    raise typer.Exit(1 if left else 0)


@app.command("show")
def show(context: typer.Context, address: _Whom, as_json: Json = False) -> None:
    """Show all that suppresses an address or a person, and its history."""
    invocation = of(context)
    ref_or_address = invocation.read_ref_or_address(address)
    with invocation.store() as store:
        suppressions = _look(invocation, store, ref_or_address)
    if as_json:
        print_json(suppressions.document)
        return
    print_line(suppressions.title)
    for line in suppressions.owner_lines:
        print_line(line)
    for reason in suppressions.reasons:
        print_line(f"  {suppression_line(invocation, reason)}")
    if not suppressions.reasons:
        print_line("  is not suppressed")
    for past in suppressions.history:
        if past.released_at is not None:
            when = invocation.local(past.released_at)
            why = f": {one_line(past.released_remark)}" if past.released_remark else ""
            print_line(f"  got {past.scope.covers}; released {when} by {past.released_by}{why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _SuppressionsFound:
    """All suppressions of an address or a person."""

    title: str
    owner_lines: Sequence[str]  #: Lines on whose address it is, or on their addresses.
    reasons: Sequence[Suppression]
    history: Sequence[SuppressionEntry]
    document: StandingDocument


def _look(invocation: Context, store: Database, ref_or_address: RefOrAddress) -> _SuppressionsFound:
    with common.standings(invocation.settings, store) as standings, store.reading() as connection:
        erased = standings.names_if_erased(connection, ref_or_address)
        history = suppression.history(connection, ref_or_address, erased=erased)
        if isinstance(ref_or_address, PersonRef):
            from gateway.store.views import timeline  # It reads across all rooms.

            record = people.known_person(connection, ref_or_address)
            reasons = timeline.suppressions_of(connection, standings, record)
            return _SuppressionsFound(
                title=f"{ref_or_address} {one_line(record.person.name)}".strip(),
                owner_lines=[f"  has {', '.join(record.every_address) or 'no address'}"],
                reasons=reasons,
                history=history,
                document=person_standing_document(record, reasons, history),
            )
        standing = standings.within(connection, [ref_or_address]).get(ref_or_address, Standing())
        return _SuppressionsFound(
            title=ref_or_address,
            owner_lines=[
                f"  belongs to {holder.ref} {one_line(holder.name)}".rstrip()
                + ("" if holder.active else ", not active")
                for holder in standing.holders
            ],
            reasons=list(reasons_of(standing)),
            history=history,
            document=address_standing_document(ref_or_address, standing, history),
        )


def suppression_line(invocation: Context, suppression: Suppression) -> str:
    """Return a suppression in one line."""
    person = f", {suppression.person}" if suppression.person else ""
    since = f" since {invocation.local(suppression.since)}" if suppression.since else ""
    name = f' "{one_line(suppression.name)}"' if suppression.name else ""
    note = f": {one_line(suppression.remark)}" if suppression.remark else ""
    by = f" by {suppression.origin}" if suppression.origin else ""
    until = _until_in_words(invocation, suppression.until)
    return f"{suppression.scope.covers}: {suppression.source}{name}{person}{since}{until}{by}{note}"


def _until_in_words(invocation: Context, until: datetime | None) -> str:
    return "" if until is None else f" until {invocation.local(until)}"
