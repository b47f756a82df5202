"""However a table is laid out, its rows are the same."""

import csv
import io
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.written import plain
from gateway.crm.files import FeedFile, FieldReading
from gateway.crm.kinds import KINDS

COLUMNS = ("crm_id", "first_name", "status", "birthday")
#: Letters of Windows-1252 that none of its words would be without.
TEXTS = st.text("abcdeÄöüßéèçñXYZ'-.& 09,;\t|\"\n", max_size=12).filter(
    lambda text: not text.startswith("'-")
)
ROWS = st.lists(
    st.tuples(st.integers(1, 99_999).map(str), TEXTS, TEXTS, st.dates(date(1930, 1, 1))),
    min_size=1,
    max_size=8,
)
DATES = st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%d %B %Y", "%Y-%m-%d 00:00:00"])
LAYOUTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|"),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
        "end": st.sampled_from(["\n", "\r\n", "\r"]),
        "names": st.sampled_from([str.upper, str.title, str, lambda name: name.replace("_", " ")]),
        "states": st.booleans(),  # sep=;
        "blank": st.integers(0, 3),
        "empty": st.integers(0, 2),
        "dates": DATES,
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    }
)


def written(rows: Sequence[tuple[str, str, str, date]], layout: Mapping[str, object]) -> bytes:
    """Return a table as a program of this layout would write it."""
    file = io.StringIO(newline="")
    end = str(layout["end"])
    delimiter = str(layout["delimiter"])
    if layout["states"]:
        file.write(f"sep={delimiter}{end}")
    # Python before 3.13 quotes no line break but that of its own line ends.
    quoting = csv.QUOTE_ALL if end == "\r" else layout["quoting"]
    writer = csv.writer(
        file,
        delimiter=delimiter,
        lineterminator=end,
        quoting=quoting,  # type: ignore[arg-type]
    )
    more = [""] * int(str(layout["empty"]))
    writer.writerow([layout["names"](name) for name in COLUMNS] + more)  # type: ignore[operator]
    for *texts, day in rows:
        writer.writerow([*texts, day.strftime(str(layout["dates"])), *more])
    for _ in range(int(str(layout["blank"]))):
        writer.writerow(["", " ", "", "", *more])
    return file.getvalue().encode(str(layout["encoding"]))


@settings(max_examples=100)
@given(rows=ROWS, layout=LAYOUTS)
def test_rows_are_the_same_however_they_are_laid_out(
    rows: list[tuple[str, str, str, date]], layout: Mapping[str, object]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "people.csv")
        path.write_bytes(written(rows, layout))
        file = FeedFile(path, KINDS["people"], FieldReading(today=date(2026, 11, 28)))
        found = list(file.rows())

    expected = [(*map(plain, texts), day.isoformat()) for *texts, day in rows]
    assert expected == [tuple(plain(row.texts[name]) for name in COLUMNS) for row in found]
    assert (0, "") == (sum(bool(row.problem or row.unread) for row in found), file.is_truncated)
