"""A day's deliveries as a bar chart: a band for each state, a bar for each quarter of an hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from gateway.core.kinds import State
from gateway.core.plot import nice_step
from gateway.documents.today import QuarterHourDocument

WIDTH, BAND, GAP, LEFT = 960, 56, 34, 4
_BELOW = 22
_HOUR_WIDTH = 44  #: Of `09:00`, so that it isn't cut off at the right.
#: The states with a band, and the CSS class of their bars (console.css).
BANDS = (
    (State.RELAYED, "fill-good"),
    (State.SEND_FAILED, "fill-main"),
    (State.DEFERRED, "fill-warn"),
    (State.REJECTED, "fill-bad"),
)


@dataclass(frozen=True, slots=True)
class FlowBar:
    """The deliveries of a quarter of an hour; `x`, `y`, `height` in the plot's units."""

    clock: str  #: When the quarter began.
    count: int
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class FlowBand:
    """The bars of one state, on a separate scale: a few failures stay visible beside much mail."""

    state: State
    fill: str
    top: float  #: The upper edge of the band in the plot.
    total: int
    highest: int  #: The value of a bar as high as the band.
    bars: tuple[FlowBar, ...]


@dataclass(frozen=True, slots=True)
class FlowPlot:
    """A plot of `width` × `height` with bars `bar_width` wide; `hours` are labelled ticks."""

    width: int
    height: float
    bar_width: float
    bands: tuple[FlowBand, ...]
    hours: tuple[tuple[float, str], ...]
    #: The same as a table: quarters with any deliveries, a number for each band.
    rows: tuple[tuple[str, tuple[int, ...]], ...]


def flow_plot(quarters: Sequence[QuarterHourDocument], zone: tzinfo) -> FlowPlot:
    """Lay out the counts by quarter."""
    step = (WIDTH - 2 * LEFT) / max(1, len(quarters))
    moments = [datetime.fromisoformat(quarter["at"]).astimezone(zone) for quarter in quarters]
    bands = []
    for place, ((state, fill), counts) in enumerate(zip(BANDS, _counts(quarters), strict=True)):
        scale = nice_step(max([1, *counts]))
        floor = place * (BAND + GAP) + GAP + BAND
        bars = tuple(
            FlowBar(
                clock=_clock(at),
                count=count,
                x=round(LEFT + number * step, 1),
                y=round(floor - max(1.5, count / scale * BAND), 1),
                height=round(max(1.5, count / scale * BAND), 1),
            )
            for number, (at, count) in enumerate(zip(moments, counts, strict=True))
            if count
        )
        bands.append(FlowBand(state, fill, floor - BAND, sum(counts), scale, bars))
    hours = tuple(
        (round(LEFT + number * step, 1), f"{at:%H:%M}")
        for number, at in enumerate(moments)
        if at.minute == 0 and at.hour % 3 == 0 and LEFT + number * step < WIDTH - _HOUR_WIDTH
    )
    rows = tuple(
        (_clock(at), of_quarter)
        for at, of_quarter in zip(moments, zip(*_counts(quarters), strict=True), strict=True)
        if any(of_quarter)
    )
    height = len(BANDS) * (BAND + GAP) + _BELOW
    return FlowPlot(WIDTH, height, round(step * 0.8, 1), tuple(bands), hours, rows)


def _clock(at: datetime) -> str:
    """Return `02:15`; in the night when an hour is repeated, `02:15 CEST` and `02:15 CET`."""
    comes_twice = at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()
    return f"{at:%H:%M %Z}" if comes_twice else f"{at:%H:%M}"


def _counts(quarters: Sequence[QuarterHourDocument]) -> list[list[int]]:
    """Return the count of each quarter for each band."""
    return [[quarter["deliveries"].get(state, 0) for quarter in quarters] for state, _ in BANDS]
