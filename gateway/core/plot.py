"""A plot of lines that grow over time, as shapes and as SVG."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from html import escape

from gateway.core.campaigns.campaign_report import Series

WIDTH, HEIGHT = 960, 540
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 190, 84, 56
_INK, _FAINT, _GRID = "#1f2933", "#616e7c", "#e4e7eb"
#: Told apart by everyone, also without red and green (Okabe and Ito).
COLOURS = ("#0072b2", "#56b4e9", "#009e73", "#d55e00", "#cc79a7")
_SPACE = 18  #: Between two labels.
_HOURS = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 720, 1440, 2880, 8760)
_MOST_TICKS = 8


@dataclass(frozen=True, slots=True)
class PlotText:
    """Words at a place; `anchor` is start, middle or end."""

    x: float
    y: float
    text: str
    size: int = 13
    colour: str = _INK
    anchor: str = "start"
    bold: bool = False


@dataclass(frozen=True, slots=True)
class PlotLine:
    """A line through points."""

    points: tuple[tuple[float, float], ...]
    colour: str
    width: float = 1.0


Shape = PlotText | PlotLine


def draw(
    title: str, subtitle: str, series: Sequence[Series], *, zone: tzinfo, nothing: str
) -> list[Shape]:
    """Return the shapes of a plot; `nothing` stands in it while there is nothing to show."""
    start = min(one.points[0][0] for one in series)
    end = max(one.points[-1][0] for one in series)
    highest = max(one.points[-1][1] for one in series)
    frame = _Frame(start, max(end, start + timedelta(minutes=10)), highest)
    shapes: list[Shape] = [
        PlotText(_LEFT, 36, title, size=20, bold=True),
        PlotText(_LEFT, 60, subtitle, colour=_FAINT),
        *_ups(frame),
        *_times(frame, zone),
        *(_line(frame, one, colour) for one, colour in zip(series, COLOURS, strict=False)),
        *_labels(frame, series),
    ]
    if not highest:
        middle = (_LEFT + WIDTH - _RIGHT) / 2
        shapes.append(PlotText(middle, HEIGHT / 2, nothing, colour=_FAINT, anchor="middle"))
    return shapes


def svg(shapes: Sequence[Shape]) -> str:
    """Write shapes as an SVG document."""
    parts = "\n".join(map(_svg, shapes))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="Helvetica Neue, Helvetica, Arial, sans-serif">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n{parts}\n</svg>\n'
    )


class _Frame:
    """Where moments and numbers lie on the paper."""

    def __init__(self, start: datetime, end: datetime, highest: int) -> None:
        self.start, self.end = start, end
        self.step = _nice(max(highest, 1) / 5)
        self.top = self.step * math.ceil(max(highest, 1) / self.step)

    def x(self, at: datetime) -> float:
        share = (at - self.start) / (self.end - self.start)
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, number: float) -> float:
        return round(HEIGHT - _BOTTOM - number / self.top * (HEIGHT - _TOP - _BOTTOM), 1)


def _nice(rough: float) -> int:
    """Return a step of 1, 2 or 5 times a power of ten, no smaller than 1."""
    if rough <= 1:
        return 1
    power = 10 ** math.floor(math.log10(rough))
    return next(int(power * factor) for factor in (1, 2, 5, 10) if power * factor >= rough)


def _ups(frame: _Frame) -> Iterator[Shape]:
    for number in range(0, frame.top + 1, frame.step):
        y = frame.y(number)
        ends = ((_LEFT, y), (WIDTH - _RIGHT, y))
        yield PlotLine(ends, _GRID if number else _FAINT)
        yield PlotText(_LEFT - 10, y + 4, f"{number:,}", colour=_FAINT, anchor="end", size=12)


def _times(frame: _Frame, zone: tzinfo) -> Iterator[Shape]:
    hours = (frame.end - frame.start).total_seconds() / 3600
    step = next((each for each in _HOURS if hours / each <= _MOST_TICKS), _HOURS[-1])
    if hours < 2:
        yield from _ends(frame, zone)
        return
    first = frame.start.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    at = first.replace(hour=0) if step >= 24 else first.replace(hour=first.hour // step * step)
    day = ""
    while at <= frame.end:
        if at >= frame.start:
            yield from _tick(frame, at, hour=step < 24, day=day)
            day = f"{at:%Y-%m-%d}"
        at = (at + timedelta(hours=step)).astimezone(zone)


def _tick(frame: _Frame, at: datetime, *, hour: bool, day: str) -> Iterator[Shape]:
    x, y = frame.x(at), frame.y(0)
    yield PlotLine(((x, y), (x, y + 5)), _FAINT)
    if hour:
        yield PlotText(x, y + 20, f"{at:%H:%M}", colour=_FAINT, anchor="middle", size=12)
    if f"{at:%Y-%m-%d}" != day:
        below = y + (36 if hour else 20)
        yield PlotText(x, below, f"{at:%Y-%m-%d}", colour=_FAINT, anchor="middle", size=12)


def _ends(frame: _Frame, zone: tzinfo) -> Iterator[Shape]:
    for at, anchor in ((frame.start, "start"), (frame.end, "end")):
        local = at.astimezone(zone)
        yield PlotText(frame.x(at), frame.y(0) + 20, f"{local:%Y-%m-%d %H:%M}", 12, _FAINT, anchor)


def _line(frame: _Frame, series: Series, colour: str) -> PlotLine:
    """Return steps: a number holds until the next one."""
    points: list[tuple[float, float]] = []
    for at, number in series.points:
        x, y = frame.x(at), frame.y(number)
        if points and points[-1][1] != y:
            points.append((x, points[-1][1]))
        points.append((x, y))
    return PlotLine(tuple(points), colour, 2.5)


def _labels(frame: _Frame, series: Sequence[Series]) -> Iterator[Shape]:
    """Name each line at its end, none over another."""
    named = sorted(
        ((frame.y(one.points[-1][1]), index) for index, one in enumerate(series)), reverse=True
    )
    below = frame.y(0) + _SPACE
    for y, index in named:
        below = min(y, below - _SPACE)
        one = series[index]
        text = f"{one.name} {one.points[-1][1]:,}"
        yield PlotText(WIDTH - _RIGHT + 12, below + 4, text, colour=COLOURS[index], bold=True)


def _svg(shape: Shape) -> str:
    match shape:
        case PlotText(x, y, text, size, colour, anchor, bold):
            weight = ' font-weight="600"' if bold else ""
            return (
                f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}" '
                f'text-anchor="{anchor}"{weight}>{escape(_written(text))}</text>'
            )
        case PlotLine(points, colour, width):
            path = " ".join(f"{x:g},{y:g}" for x, y in points)
            return (
                f'<polyline points="{path}" fill="none" stroke="{colour}" '
                f'stroke-width="{width:g}" stroke-linejoin="round"/>'
            )


def _written(text: str) -> str:
    """Return text XML can hold."""
    return "".join(one if one.isprintable() else "�" for one in text)
