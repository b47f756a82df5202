"""What every list has: the same options, and the same ways to be printed.

A list is a command below `lists`, which gives it `--limit`, `--since`, `--after`, `--csv` and
`--json`, and hands it a `ListRequest` that prints what it is given to list.
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
ListColumns = Mapping[str, Callable[[T], object]]  #: What fills a cell, by the column's heading.

SHOWN = 100  #: Entries of a table, unless --limit says otherwise.
AT_ONCE = 1000  #: Entries that are read in one transaction where all are asked for.

LimitOption = Annotated[
    int | None,
    typer.Option(
        help=f"How many at most; {SHOWN} in a table, else all.",
        min=1,
        max=1_000_000_000,  # One beyond 64 bits is a number for no store.
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
    """Where the entries of a list come from, in its order."""

    #: Yields the entries after the one with a key, or all; about so many are needed.
    every: Callable[[str | None, int], Iterator[T]]
    #: Names an entry for `--after`; those of one key stand, and are shown, together.
    key: Callable[[T], str]
    #: Returns how many follow the entry with a key; absent where counting would take long.
    count: Callable[[str | None], int] | None = None


def newest_first(
    store: Database,
    read: Callable[[StoreTransaction, int | None, int], Sequence[T]],
    number: Callable[[T], int],
) -> ListSource[T]:
    """Return the source of a list by falling ids, which `number` tells of an entry.

    `read` returns that many entries at most, and only older ones than an id where one is given.
    """

    def every(after: str | None, at_once: int) -> Iterator[T]:
        before = None if after is None else read_id(after)
        while True:
            with store.reading() as connection:
                page = read(connection, before, at_once)
            if len(page) < at_once:
                yield from page
                return
            # Of the last id there may be more: they are read again, with all that have it.
            whole = [entry for entry in page if number(entry) != number(page[-1])]
            if whole:
                yield from whole
                before = number(whole[-1])
            else:
                at_once *= 2

    return ListSource(every, lambda entry: ids.show(number(entry)))


def in_memory(entries: Iterable[T], key: Callable[[T], str]) -> ListSource[T]:
    """Return the source of a list that is short enough to have been read."""
    known = list(entries)

    def behind(after: str | None) -> Sequence[T]:
        if after is None:
            return known
        places = [place for place, entry in enumerate(known) if key(entry) == after]
        if not places:
            wrong_use(f"--after {after}: the list has no such entry")
        return known[places[-1] + 1 :]

    return ListSource(lambda after, _: iter(behind(after)), key, lambda after: len(behind(after)))


class ListForm(Enum):
    """How a list is printed."""

    TABLE = "table"
    JSON = "--json"
    CSV = "--csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """What the options of a list ask for."""

    context: Context
    form: ListForm = ListForm.TABLE
    limit: int | None = None  #: As it was given.
    since: datetime | None = None
    after: str | None = None
    #: The options by which there may be less than all.
    narrowing: tuple[str, ...] = ()

    @property
    def is_part(self) -> bool:
        """Whether only some of the entries are asked for."""
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
        """Print the entries, and how to see those that are left out.

        `document` makes JSON of an entry. Cells may be times, and None for nothing. `empty` says
        what would be there and how it comes there, in a sentence on what there isn't and others.
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
        """Print entries as `print` does, where each may be several lines of the table."""
        is_table = self.form is ListForm.TABLE
        most = SHOWN if self.limit is None and is_table else self.limit
        rest: list[str] = []
        if most is None:
            entries = source.every(self.after, AT_ONCE)
        else:
            entries = self._first(source, most, rest)
        if self.form is ListForm.JSON:
            print_json_list(map(document, entries))
        else:
            chosen = columns if is_table or csv_columns is None else csv_columns
            rows = (
                [cell(line) for cell in chosen.values()]
                for entry in entries
                for line in lines_of(entry)
            )
            if is_table:
                nothing = self._nothing(empty)
                print_table(list(chosen), rows, empty=nothing, times=self.context.times)
            else:
                print_csv(list(chosen), rows)
        for line in rest:
            (print_line if is_table else complain)(line)

    def _first(self, source: ListSource[T], most: int, rest: list[str]) -> Iterator[T]:
        """Yield the first entries; what is said of the others goes into `rest`.

        Those of one key stay together; all of them come, if they alone exceed `most`.
        """
        shown, last = 0, ""
        for key, entries in groupby(source.every(self.after, max(most + 1, SHOWN)), source.key):
            together = list(entries)
            if shown and shown + len(together) > most:
                counted = "" if source.count is None else f" {source.count(last)}"
                more = f"… and{counted} more: --after '{last}', or --json or --csv for all"
                rest.append(more)
                return
            yield from together
            shown, last = shown + len(together), key

    def _nothing(self, empty: str) -> str:
        if not self.narrowing:
            return empty
        first, _, others = empty.partition(". ")
        nothing = first.removesuffix(".").removesuffix(" yet")
        return f"{nothing} with {', '.join(self.narrowing)}. {others}".rstrip()


def lists(*, has_since: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that all lists have; it is called with `asked`, a `ListRequest`.

    Without `--since` only what has no time that anybody would choose it by (docs/lists.md).
    """
    given = {name: option for name, option in _OPTIONS.items() if has_since or name != "since"}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [value for name, value in signature.parameters.items() if name != "asked"]
        added = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=_NO_LIST.get(name),
                annotation=option,
            )
            for name, option in given.items()
        ]

        @wraps(command)
        def listing(context: typer.Context, **values: Any) -> None:
            shared = {name: values.pop(name) for name in given}
            command(context, asked=_request(context, **shared), **values)

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
    chosen = of(context)
    return ListRequest(
        context=chosen,
        form=ListForm.CSV if as_csv else ListForm.JSON if as_json else ListForm.TABLE,
        limit=limit,
        since=chosen.since(since),
        after=after,
        narrowing=tuple(
            option.opts[0]
            for option in context.command.params
            if option.name not in ("limit", "as_csv", "as_json")
            and option.opts[0].startswith("--")
            and context.params.get(option.name) not in (None, False, True, (), [], option.default)
        ),
    )
