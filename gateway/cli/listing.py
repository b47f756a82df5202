"""Common features of all lists: their options, and their output formats.

A list is a command below `lists`, which adds `--limit`, `--since`, `--after`, `--csv` and `--json`,
and passes it a `ListRequest` that prints its entries.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import wraps
from itertools import groupby
from typing import Annotated, Any, Generic, TypeVar

import typer

from gateway.cli.context import Context, Json, of, read_id, wrong_use
from gateway.cli.output import complain, print_csv, print_json_list, print_line, print_table
from gateway.core import ids
from gateway.store.engine.database import Database, StoreTransaction

T = TypeVar("T")
ListColumns = Mapping[str, Callable[[T], object]]  #: By heading: returns a cell's content.

SHOWN = 100  #: Entries of a table, unless --limit says otherwise.
AT_ONCE = 1000  #: Entries per transaction when all are requested.

LimitOption = Annotated[
    int | None,
    typer.Option(
        help=f"How many at most; {SHOWN} in a table, else all.",
        min=1,
        max=1_000_000_000,  # No store has numbers beyond 64 bits.
        show_default=False,
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        help="Only from then on: 2026-03-12, 2026-03-12T08:30, yesterday, or 7d.", metavar="TIME"
    ),
]
After = Annotated[
    str | None,
    typer.Option(
        help="Go on after this entry; a list that was cut off ends with its name.", metavar="ENTRY"
    ),
]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
_OPTIONS: Mapping[str, Any] = {
    "limit": LimitOption,
    "since": SinceOption,
    "after": After,
    "as_csv": Csv,
    "as_json": Json,
}
_NO_LIST = {"as_csv": False, "as_json": False}


@dataclass(frozen=True, slots=True)
class ListSource(Generic[T]):
    """The source of a list's entries, in order."""

    #: Yields the entries after the one with a key (None: all), given about how many are needed.
    every: Callable[[str | None, int], Iterator[T]]
    #: Identifies an entry for `--after`; entries with the same key are shown together.
    key: Callable[[T], str]
    #: Returns how many follow the entry with a key; None if counting would take long.
    count: Callable[[str | None], int] | None = None


def newest_first(
    store: Database,
    read: Callable[[StoreTransaction, int | None, int], Sequence[T]],
    number: Callable[[T], int],
) -> ListSource[T]:
    """Return the source of a list in order of falling ids, given by `number`.

    `read` returns at most that many entries and, if an id is given, only older ones.
    """

    def every(after: str | None, at_once: int) -> Iterator[T]:
        before = None if after is None else read_id(after)
        while True:
            with store.reading() as connection:
                page = read(connection, before, at_once)
            if len(page) < at_once:
                yield from page
                return
            # There may be more entries with the last id: they are read again, together with all
            # others that have it.
            whole = [entry for entry in page if number(entry) != number(page[-1])]
            if whole:
                yield from whole
                before = number(whole[-1])
            else:
                at_once *= 2

    return ListSource(every, lambda entry: ids.show(number(entry)))


def in_memory(entries: Iterable[T], key: Callable[[T], str]) -> ListSource[T]:
    """Return the source of a list short enough to be in memory."""
    all_entries = list(entries)

    def behind(after: str | None) -> Sequence[T]:
        if after is None:
            return all_entries
        places = [place for place, entry in enumerate(all_entries) if key(entry) == after]
        if not places:
            wrong_use(f"--after {after}: the list has no such entry")
        return all_entries[places[-1] + 1 :]

    return ListSource(lambda after, _: iter(behind(after)), key, lambda after: len(behind(after)))


class ListForm(Enum):
    """The output format of a list."""

    TABLE = "table"
    JSON = "--json"
    CSV = "--csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """The options given for a list."""

    invocation: Context
    form: ListForm = ListForm.TABLE
    limit: int | None = None  #: As given.
    since: datetime | None = None
    after: str | None = None
    #: Options that filter the list.
    narrowing: tuple[str, ...] = ()

    @property
    def is_part(self) -> bool:
        """Whether only some of the entries are requested."""
        return any(value is not None for value in (self.limit, self.since, self.after))

    def print(
        self,
        source: ListSource[T],
        columns: ListColumns[T],
        *,
        document: Callable[[T], object],
        empty: str,
        csv_columns: ListColumns[T] | None = None,
    ) -> None:
        """Print the entries, and how to see those left out.

        `document` returns an entry's JSON document. Cells may be times, and None for nothing.
        `empty` is the sentence for an empty list: what would be there and how it gets there.
        """
        self.print_lines(
            source,
            lambda entry: (entry,),
            columns,
            document=document,
            empty=empty,
            csv_columns=csv_columns,
        )

    def print_lines(
        self,
        source: ListSource[T],
        lines_of: Callable[[T], Iterable[Any]],
        columns: ListColumns[Any],
        *,
        document: Callable[[T], object],
        empty: str,
        csv_columns: ListColumns[Any] | None = None,
    ) -> None:
        """Print entries like `print`, but each may take several lines of the table."""
        is_table = self.form is ListForm.TABLE
        most = SHOWN if self.limit is None and is_table else self.limit
        rest: list[str] = []
        if most is None:
            entries = source.every(self.after, AT_ONCE)
        else:
            entries = self._first_entries(source, most, rest)
        if self.form is ListForm.JSON:
            print_json_list(map(document, entries))
        else:
            shown_columns = columns if is_table or csv_columns is None else csv_columns
            rows = (
                [cell(line) for cell in shown_columns.values()]
                for entry in entries
                for line in lines_of(entry)
            )
            if is_table:
                nothing = self._nothing(empty)
                print_table(list(shown_columns), rows, empty=nothing, times=self.invocation.times)
            else:
                print_csv(list(shown_columns), rows)
        for line in rest:
            (print_line if is_table else complain)(line)

    def _first_entries(self, source: ListSource[T], most: int, rest: list[str]) -> Iterator[T]:
        """Yield the first entries; a text about the others goes into `rest`.

        Entries with the same key stay together, even if they alone exceed `most`.
        """
        count, last = 0, ""
        for key, entries in groupby(source.every(self.after, max(most + 1, SHOWN)), source.key):
            together = list(entries)
            if count and count + len(together) > most:
                counted = "" if source.count is None else f" {source.count(last)}"
                more = f"… and{counted} more: --after '{last}', or --json or --csv for all"
                rest.append(more)
                return
            yield from together
            count, last = count + len(together), key

    def _nothing(self, empty: str) -> str:
        if not self.narrowing:
            return empty
        first, _, others = empty.partition(". ")
        nothing = first.removesuffix(".").removesuffix(" yet")
        return f"{nothing} with {', '.join(self.narrowing)}. {others}".rstrip()


def lists(*, has_since: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options of all lists to a command, which is called with `request`, a `ListRequest`.

    Without `--since` only for lists without a time to filter by (docs/lists.md).
    """
    options = {name: option for name, option in _OPTIONS.items() if has_since or name != "since"}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [value for name, value in signature.parameters.items() if name != "request"]
        added = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=_NO_LIST.get(name),
                annotation=option,
            )
            for name, option in options.items()
        ]

        @wraps(command)
        def listing(context: typer.Context, **values: Any) -> None:
            shared = {name: values.pop(name) for name in options}
            command(context, request=_request(context, **shared), **values)

        listing.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
        return listing

    return decorate


def _request(
    context: typer.Context,
    *,
    limit: int | None,
    as_csv: bool,
    as_json: bool,
    since: str | None = None,
    after: str | None = None,
) -> ListRequest:
    if as_csv and as_json:
        wrong_use("--csv or --json, not both")
    invocation = of(context)
    return ListRequest(
        invocation=invocation,
        form=ListForm.CSV if as_csv else ListForm.JSON if as_json else ListForm.TABLE,
        limit=limit,
        since=invocation.since(since),
        after=after,
        narrowing=tuple(
            option.opts[0]
            for option in context.command.params
            if option.name not in ("limit", "as_csv", "as_json")
            and option.opts[0].startswith("--")
            and context.params.get(option.name) not in (None, False, True, (), [], option.default)
        ),
    )
