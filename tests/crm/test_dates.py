"""Dates as exports write them."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.core.feed.feed_mapping import DateOrder
from gateway.crm.cells.date_columns import DateColumns
from gateway.crm.cells.dates import DateReader, Evidence, weigh
from gateway.crm.cells.unreadable import UnreadableCell

TODAY = date(2026, 11, 28)
DAY = date(1980, 12, 31)


@pytest.mark.parametrize(
    "text",
    [
        "1980-12-31",
        "1980/12/31",
        "1980.12.31",
        "19801231",
        "1980-12-31 00:00:00",
        "1980-12-31T00:00:00Z",
        "1980-12-31T00:00:00.000+02:00",
        "1980-12-31T00:00+01:00[Europe/Berlin]",
        "1980-12-31+01:00",
        "1980-12-31-08:00",
        "1980-12-31Z",
        "31.12.1980",
        "31. 12. 1980",
        "31-12-1980",
        "31/12/1980",
        "31 12 1980",
        "12/31/1980",
        "31.12.1980 08:30",
        "31.12.1980, 08:30 Uhr",
        "12/31/1980 8:30 PM",
        "31 december 1980",
        "vrijdag 31 december 1980",
        "31. Dezember 1980",
        "31. Dez. 1980",
        "Mi., 31. Dez. 1980",
        "31 décembre 1980",
        "31 déc. 1980",
        "31 DÉCEMBRE 1980",
        "31st of December 1980",
        "December 31, 1980",
        "Dec 31 1980",
        "31-Dec-1980",
        "31-DEC-1980 00:00:00",
        "1980-Dec-31",
    ],
)
def test_a_day_is_read_in_the_forms_of_four_languages_and_of_databases(text: str) -> None:
    assert DAY == DateReader().day(text)


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("1 maart 1980", 3),
        ("1 mrt 1980", 3),
        ("1. März 1980", 3),
        ("1er mars 1980", 3),
        ("1 mei 1980", 5),
        ("1. Mai 1980", 5),
        ("1 févr. 1980", 2),
        ("1. Jänner 1980", 1),
        ("1 augustus 1980", 8),
        ("1 août 1980", 8),
        ("1 juil. 1980", 7),
        ("1 juin 1980", 6),
        ("1 okt. 1980", 10),
    ],
)
def test_months_have_names_in_four_languages(text: str, month: int) -> None:
    assert date(1980, month, 1) == DateReader().day(text)


@pytest.mark.parametrize(
    "text",
    ["", "0000-00-00", "0000-00-00 00:00:00", "-", "--",
     "0001-01-01", "0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "01/01/0001 00:00:00",
     "1/1/0001 12:00:00 AM", "1601-01-01T00:00:00Z", "1753-01-01", "30.12.1899",
     "1899-12-30 00:00:00",
     "1899-12-31", "1900-01-01T00:00:00.000", "01.01.1900", "00:00:00", "00.01.1900", "1/0/1900"],
)  # fmt: skip
def test_no_date_is_none(text: str) -> None:
    here = DateReader(zone=ZoneInfo("Europe/Amsterdam"))

    assert here.day(text) is None
    assert here.moment(text) is None
    texts = {"birthday": text, "submitted_at": text}
    columns = DateColumns([*texts], lambda: {name: {text} for name in texts}, None, zone=UTC)
    assert ({}, {""}) == (columns.translate(texts), set(texts.values()))


def test_a_midnight_elsewhere_is_no_date_where_it_is_none_here() -> None:
    assert DateReader(zone=ZoneInfo("Europe/Berlin")).day("1899-12-29T23:00:00Z") is None


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59.9999999Z", "9999-12-31T23:00:00Z"])
def test_the_last_day_there_is_is_read_in_every_zone(text: str) -> None:
    assert date(9999, 12, 31) == DateReader(zone=ZoneInfo("Europe/Amsterdam")).day(text)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59", "9999-12-31T23:59:59-05:00"])
def test_a_time_that_utc_does_not_have_is_refused(text: str) -> None:
    zone = ZoneInfo("America/New_York")
    columns = DateColumns(["submitted_at"], lambda: {"submitted_at": {text}}, None, zone=zone)

    assert {"submitted_at"} == set(columns.translate({"submitted_at": text}))


@pytest.mark.parametrize(
    "text",
    ["soon", "31.13.1980", "12.31.1980", "13/13/1980", "1980", "31-12", "19801331",
     "31 Foo 1980", "1980-12-31 25:00", "31/12/80", "1/2-1980", "99999", "2026-W01-1"],
)  # fmt: skip
def test_what_is_no_day_is_refused_with_its_cure(text: str) -> None:
    with pytest.raises(UnreadableCell) as refused:
        DateReader().day(text)

    assert "1980-05-31" in refused.value.cure


def test_dots_have_the_day_first_and_slashes_do_not_tell() -> None:
    assert date(2026, 4, 3) == DateReader().day("03.04.2026")
    assert date(2026, 3, 3) == DateReader().day("03/03/2026")
    with pytest.raises(UnreadableCell, match="is 3 April or 4 March") as refused:
        DateReader().day("03/04/2026")
    assert '[crm] date_order = "day-first"' in refused.value.cure


@pytest.mark.parametrize(
    ("order", "expected"),
    [(DateOrder.DAY_FIRST, date(2026, 4, 3)), (DateOrder.MONTH_FIRST, date(2026, 3, 4))],
)
@pytest.mark.parametrize("text", ["03/04/2026", "3-4-2026", "03/04/2026 08:30"])
def test_an_order_decides(text: str, order: DateOrder, expected: date) -> None:
    assert expected == DateReader(order=order).day(text)


def test_an_order_is_kept_to() -> None:
    with pytest.raises(UnreadableCell, match="read day-first"):
        DateReader(order=DateOrder.DAY_FIRST).day("12/31/1980")


@pytest.mark.parametrize(
    ("text", "is_past", "expected"),
    [
        ("31/12/80", True, date(1980, 12, 31)),
        ("27.11.26", True, date(2026, 11, 27)),
        ("28-NOV-26", True, date(2026, 11, 28)),
        ("29.11.26", True, date(1926, 11, 29)),
        ("29.11.26", False, date(2026, 11, 29)),
        ("31.12.30", False, date(2030, 12, 31)),
        ("31.12.76", False, date(2076, 12, 31)),
        ("31.12.77", False, date(1977, 12, 31)),
    ],
)
def test_years_of_two_digits_lie_before_today_or_within_fifty_years(
    text: str, *, is_past: bool, expected: date
) -> None:
    assert expected == DateReader(today=TODAY, is_past=is_past).day(text)


def test_the_days_of_spreadsheets_are_read_where_all_of_a_column_is() -> None:
    assert DAY == DateReader(are_serials=True).day("29586")
    assert datetime(1980, 12, 31, 12, tzinfo=UTC) == DateReader(are_serials=True, zone=UTC).moment(
        "29586.5"
    )
    with pytest.raises(UnreadableCell, match="spreadsheet's day number: 1980-12-31"):
        DateReader().day("29586")


def test_a_midnight_elsewhere_is_the_day_it_is_here() -> None:
    here = DateReader(zone=ZoneInfo("Europe/Amsterdam"))

    assert date(1980, 1, 1) == here.day("1979-12-31T23:00:00Z")
    assert date(1980, 1, 1) == here.day("1980-01-01T00:00:00Z")
    assert date(1980, 1, 1) == here.day("1980-01-01T00:00:00-08:00")


@pytest.mark.parametrize(
    "texts",
    [
        ("1979-12-31T22:59:39.000Z", "1990-07-16T21:59:39.000Z"),
        ("1979-12-31 23:59:16", "1990-07-16 23:59:16"),
        ("1979-12-31 23:59:16.000001", "17.07.1990", "1990-07-16 23:59:16.4"),
    ],
    ids=["SheetJS reads, Paris", "SheetJS writes, Madrid", "beside days"],
)
def test_days_that_all_begin_the_same_seconds_too_early_are_those_that_begin(
    texts: tuple[str, ...],
) -> None:
    paris = ZoneInfo("Europe/Paris")
    reader = DateReader(zone=paris, are_early=weigh(texts, paris).are_early)

    assert {date(1980, 1, 1), date(1990, 7, 17)} == set(map(reader.day, texts))


@pytest.mark.parametrize(
    "texts",
    [
        ("1979-12-31 23:59:59", "1990-07-16 23:59:59"),
        ("1979-12-31 23:59:00", "1990-07-16 23:59"),
        ("1979-12-31 23:59:16", "1990-07-16 23:59:17"),
        ("1979-12-31 23:59:16", "1990-07-16 08:30"),
        ("1979-12-31T22:59:39Z", "1990-07-16T22:59:39Z"),
        ("31/02/1980 22:59:39Z", "1980-02-31T22:59:39Z", "0001-01-01T00:59:39+14:00"),
    ],
    ids=["ends", "minutes", "moments", "a morning", "summer time", "no days"],
)
def test_times_before_midnight_that_differ_or_end_a_day_are_of_that_day(
    texts: tuple[str, ...],
) -> None:
    assert not weigh(texts, ZoneInfo("Europe/Paris")).are_early


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("31.12.1980 08:30", datetime(1980, 12, 31, 7, 30, tzinfo=UTC)),
        ("31/12/1980 8:30:15 pm", datetime(1980, 12, 31, 19, 30, 15, tzinfo=UTC)),
        ("12/31/1980 12:05 AM", datetime(1980, 12, 30, 23, 5, tzinfo=UTC)),
        ("31 december 1980 om 8.30 uur", datetime(1980, 12, 31, 7, 30, tzinfo=UTC)),
        ("31.12.1980 08:30 +0200", datetime(1980, 12, 31, 6, 30, tzinfo=UTC)),
        ("1980-12-31 08:30:00.123456 UTC", datetime(1980, 12, 31, 8, 30, 0, 123456, tzinfo=UTC)),
        ("31.12.1980", datetime(1980, 12, 30, 23, tzinfo=UTC)),
    ],
)
def test_a_time_is_local_unless_it_says_otherwise(text: str, expected: datetime) -> None:
    assert expected == DateReader(zone=ZoneInfo("Europe/Amsterdam")).moment(text)


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["03/04/2026", "13/04/2026"], DateOrder.DAY_FIRST),
        (["03/04/2026", "04/13/2026"], DateOrder.MONTH_FIRST),
        (["13/04/2026", "04/13/2026"], None),
        (["03/04/2026", "05/06/2026", "x"], None),
        (["31.12.1980", "03/04/2026"], None),
        (["80-12-31", "03/99/2026", "03/04/2026"], None),
    ],
)
def test_a_column_shows_its_order(texts: list[str], order: DateOrder | None) -> None:
    assert order == weigh(texts).order


def test_a_column_of_numbers_alone_is_one_of_days() -> None:
    assert Evidence(are_serials=True) == weigh(["29586", "30000.5"])
    assert not weigh(["29586", "31.12.1980"]).are_serials
