"""Lines that grow over time, drawn."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from gateway.core.campaigns.campaign_report import CountSeries, PlotForm, growth, width
from gateway.core.plot import HEIGHT, WIDTH, PlotLine, PlotText, draw, svg

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
ZONE = ZoneInfo("Europe/Amsterdam")
NAMES = ("Opened", "not by machines", "Clicked", "Unsubscribed", "Bounced")


def lines(numbers: int, span: timedelta) -> list[CountSeries]:
    buckets = [(START + span / 10 * n, numbers) for n in range(10)]
    return [growth(name, buckets, START, START + span) for name in NAMES]


def test_growth_adds_up_and_stays_within_its_time() -> None:
    found = growth("x", [(START + 3 * HOUR, 2), (START - HOUR, 1)], START, START + 2 * HOUR)

    assert ((START, 0), (START, 1), (START + 2 * HOUR, 3), (START + 2 * HOUR, 3)) == found.points


def test_stretches_are_a_minute_or_more() -> None:
    assert timedelta(minutes=1) == width(HOUR)
    assert timedelta(hours=1) == width(240 * HOUR)


@pytest.mark.parametrize("numbers", [0, 1, 7, 1234, 10_000_000])
@pytest.mark.parametrize("span", [timedelta(minutes=3), 5 * HOUR, 30 * HOUR, 2000 * HOUR])
def test_everything_stays_on_the_paper_and_no_label_on_another(
    numbers: int, span: timedelta
) -> None:
    shapes = draw(
        "Title", "below", lines(numbers, span), zone=ZONE, nothing="Nothing yet", form=PlotForm()
    )

    points = [point for one in shapes if isinstance(one, PlotLine) for point in one.points]
    words = [one for one in shapes if isinstance(one, PlotText)]
    ends = sorted(one.y for one in words if one.text.startswith(NAMES))
    ticks = sorted(one.x for one in words if one.y > HEIGHT - 50 and ":" in one.text)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
    assert all(0 <= one.x <= WIDTH and 0 < one.y <= HEIGHT for one in words)
    assert all(later - earlier >= 17 for earlier, later in pairwise(ends))
    assert all(later - earlier >= 50 for earlier, later in pairwise(ticks))
    assert ("Nothing yet" in {one.text for one in words}) == (numbers == 0)


def test_days_and_numbers_are_written_as_they_are_elsewhere() -> None:
    form = PlotForm(day="%d.%m.%Y", thousands="")

    shapes = draw("Title", "", lines(1234, 90 * HOUR), zone=ZONE, nothing="", form=form)

    words = {one.text for one in shapes if isinstance(one, PlotText)}
    assert {"21.11.2026", "Opened 12340"} <= words
    assert not any("-11-" in word or "," in word for word in words)


def test_an_image_has_a_dark_form_where_its_page_has_one() -> None:
    shapes = draw("Title", "", lines(1, HOUR), zone=ZONE, nothing="", form=PlotForm())

    style = ElementTree.fromstring(svg(shapes, has_dark_form=True)).find("{*}style")
    assert style is not None
    assert "prefers-color-scheme: dark" in (style.text or "")
    assert '[fill="#ffffff"] { fill: #161b22 }' in (style.text or "")


def test_svg_is_well_formed_whatever_the_title() -> None:
    hostile = '<script>&"\x00\x1b[31m é 日本 *|FNAME|*'

    root = ElementTree.fromstring(
        svg(draw(hostile, "", lines(3, HOUR), zone=ZONE, nothing="", form=PlotForm()))
    )

    assert "<script>&" in (root[1].text or "")
    assert {"svg", "rect", "text", "polyline"} == {
        one.tag.rpartition("}")[2] for one in root.iter()
    }
