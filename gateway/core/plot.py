"""A plot of lines that grow over time, as shapes and as SVG."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from html import escape

from gateway.core.campaigns.campaign_report import CountSeries, PlotForm

WIDTH, HEIGHT = 960, 540
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 190, 84, 56
_PAPER, _INK, _FAINT, _GRID = "#ffffff", "#1f2933", "#616e7c", "#e4e7eb"
#: Distinguishable with any colour vision (Okabe and Ito).
COLOURS = ("#0072b2", "#56b4e9", "#009e73", "#d55e00", "#cc79a7")
#: The same on a dark background; colours not listed are bright enough.
_DARK = {
    _PAPER: "#161b22",
    _INK: "#e6edf3",
    _FAINT: "#9aa4af",
    _GRID: "#363d47",
    COLOURS[0]: "#7aa2ff",
    COLOURS[3]: "#ff8a3d",
}
#: An image can't use its page's styles, but does know whether the reader prefers dark mode.
_DARK_STYLE = "@media (prefers-color-scheme: dark) {{ {} }}".format(
    " ".join(
        f'[fill="{light}"] {{ fill: {dark} }} [stroke="{light}"] {{ stroke: {dark} }}'
        for light, dark in _DARK.items()
    )
)
_SPACE = 18  #: Between two labels.
_HOURS = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 720, 1440, 2880, 8760)
_MOST_TICKS = 8
_LONGEST_NAME = 44  #: Characters of a bar's name.


@dataclass(frozen=True, slots=True)
class PlotText:
    """Text at a position; `anchor` is start, middle or end."""

    x: float
    y: float
    text: str
    size: int = 13
    colour: str = _INK
    anchor: str = "start"
    bold: bool = False

    def svg(self) -> str:
        """Return its SVG element; characters XML can't hold become `\ufffd`."""
        text = "".join(char if char.isprintable() else "\ufffd" for char in self.text)
        weight = ' font-weight="600"' if self.bold else ""
        return (
            f'<text x="{self.x:g}" y="{self.y:g}" font-size="{self.size}" fill="{self.colour}" '
            f'text-anchor="{self.anchor}"{weight}>{escape(text)}</text>'
        )


@dataclass(frozen=True, slots=True)
class PlotLine:
    """A line through points."""

    points: tuple[tuple[float, float], ...]
    colour: str
    width: float = 1.0

    def svg(self) -> str:
        """Return its SVG element."""
        path = " ".join(f"{x:g},{y:g}" for x, y in self.points)
        return (
            f'<polyline points="{path}" fill="none" stroke="{self.colour}" '
            f'stroke-width="{self.width:g}" stroke-linejoin="round"/>'
        )


@dataclass(frozen=True, slots=True)
class PlotBar:
    """A share with its name, and the text beside its bar."""

    name: str
    share: float
    text: str
    is_alarming: bool = False


Shape = PlotText | PlotLine


def draw(
    title: str,
    subtitle: str,
    series: Sequence[CountSeries],
    *,
    zone: tzinfo,
    nothing: str,
    form: PlotForm,
) -> list[Shape]:
    """Return the shapes of a plot; with no data, it shows the text `nothing`."""
    start = min(line.points[0][0] for line in series)
    end = max(line.points[-1][0] for line in series)
    highest = max(line.points[-1][1] for line in series)
    frame = PlotFrame(start, max(end, start + timedelta(minutes=10)), highest, form)
    shapes: list[Shape] = [
        PlotText(_LEFT, 36, title, size=20, bold=True),
        PlotText(_LEFT, 60, subtitle, colour=_FAINT),
        *frame.grid(),
        *frame.times(zone),
        *(frame.line(line, colour) for line, colour in zip(series, COLOURS, strict=False)),
        *frame.labels(series),
    ]
    if not highest:
        middle = (_LEFT + WIDTH - _RIGHT) / 2
        shapes.append(PlotText(middle, HEIGHT / 2, nothing, colour=_FAINT, anchor="middle"))
    return shapes


def draw_bars(title: str, subtitle: str, bars: Sequence[PlotBar], *, nothing: str) -> list[Shape]:
    """Return the shapes of a bar chart, one horizontal bar per share, as many as fit."""
    shapes: list[Shape] = [
        PlotText(_LEFT, 36, title, size=20, bold=True),
        PlotText(_LEFT, 60, subtitle, colour=_FAINT),
    ]
    left, space = WIDTH * 0.4, 28
    shown_bars = bars[: (HEIGHT - _TOP - 20) // space]
    longest = max((bar.share for bar in shown_bars), default=0) or 1
    for number, bar in enumerate(shown_bars):
        y = _TOP + 20 + number * space
        right = left + bar.share / longest * (WIDTH - _RIGHT - left)
        name = bar.name if len(bar.name) <= _LONGEST_NAME else f"{bar.name[:_LONGEST_NAME]}…"
        shapes.append(PlotText(left - 10, y + 4, name, anchor="end"))
        if bar.share:
            colour = COLOURS[3] if bar.is_alarming else COLOURS[0]
            shapes.append(PlotLine(((left, y), (round(right, 1), y)), colour, 14))
        shapes.append(PlotText(round(right, 1) + 8, y + 4, bar.text, colour=_FAINT))
    if not shown_bars:
        shapes.append(PlotText(WIDTH / 2, HEIGHT / 2, nothing, colour=_FAINT, anchor="middle"))
    return shapes


def svg(shapes: Sequence[Shape], *, has_dark_form: bool = False) -> str:
    """Write shapes as an SVG document: on white, or with a dark form for dark mode."""
    parts = "\n".join(shape.svg() for shape in shapes)
    style = f"<style>{_DARK_STYLE}</style>\n" if has_dark_form else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="Helvetica Neue, Helvetica, Arial, sans-serif">\n'
        f'{style}<rect width="{WIDTH}" height="{HEIGHT}" fill="{_PAPER}"/>\n{parts}\n</svg>\n'
    )


class PlotFrame:
    """Where times and numbers are on the canvas, and what is drawn there."""

    def __init__(self, start: datetime, end: datetime, highest: int, form: PlotForm) -> None:
        self.start, self.end = start, end
        self.form = form
        self.step = nice_step(max(highest, 1) / 5)
        self.top = self.step * math.ceil(max(highest, 1) / self.step)

    def x(self, at: datetime) -> float:
        """Return the horizontal position of a time."""
        share = (at - self.start) / (self.end - self.start)
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, number: float) -> float:
        """Return the vertical position of a number."""
        return round(HEIGHT - _BOTTOM - number / self.top * (HEIGHT - _TOP - _BOTTOM), 1)

    def grid(self) -> Iterator[Shape]:
        """Yield a horizontal line for each step, with its number."""
        for number in range(0, self.top + 1, self.step):
            y = self.y(number)
            ends = ((_LEFT, y), (WIDTH - _RIGHT, y))
            yield PlotLine(ends, _GRID if number else _FAINT)
            written = self.form.number(number)
            yield PlotText(_LEFT - 10, y + 4, written, colour=_FAINT, anchor="end", size=12)

    def times(self, zone: tzinfo) -> Iterator[Shape]:
        """Yield the ticks below, with hours and days; for less than two hours, both ends."""
        below = self.y(0) + 20
        hours = (self.end - self.start).total_seconds() / 3600
        if hours < 2:
            for at, anchor in ((self.start, "start"), (self.end, "end")):
                text = self.form.minute(at.astimezone(zone))
                yield PlotText(self.x(at), below, text, 12, _FAINT, anchor)
            return
        step = next((step for step in _HOURS if hours / step <= _MOST_TICKS), _HOURS[-1])
        has_hours = step < 24
        first = self.start.astimezone(zone).replace(minute=0, second=0, microsecond=0)
        at = first.replace(hour=first.hour // step * step if has_hours else 0)
        day = ""
        while at <= self.end:
            if at >= self.start:
                x, y = self.x(at), self.y(0)
                yield PlotLine(((x, y), (x, y + 5)), _FAINT)
                if has_hours:
                    yield PlotText(x, below, f"{at:%H:%M}", 12, _FAINT, "middle")
                if at.strftime(self.form.day) != day:
                    day = at.strftime(self.form.day)
                    yield PlotText(x, below + (16 if has_hours else 0), day, 12, _FAINT, "middle")
            at = (at + timedelta(hours=step)).astimezone(zone)

    def line(self, series: CountSeries, colour: str) -> PlotLine:
        """Return a step line: a number holds until the next one."""
        points: list[tuple[float, float]] = []
        for at, number in series.points:
            x, y = self.x(at), self.y(number)
            if points and points[-1][1] != y:
                points.append((x, points[-1][1]))
            points.append((x, y))
        return PlotLine(tuple(points), colour, 2.5)

    def labels(self, series: Sequence[CountSeries]) -> Iterator[Shape]:
        """Label each line at its end, without overlaps."""
        ends = sorted(
            ((self.y(line.points[-1][1]), index) for index, line in enumerate(series)), reverse=True
        )
        below = self.y(0) + _SPACE
        for y, index in ends:
            below = min(y, below - _SPACE)
            text = f"{series[index].name} {self.form.number(series[index].points[-1][1])}"
            yield PlotText(WIDTH - _RIGHT + 12, below + 4, text, colour=COLOURS[index], bold=True)


def nice_step(rough: float) -> int:
    """Return a step of 1, 2 or 5 times a power of ten, no smaller than 1."""
    if rough <= 1:
        return 1
    power = 10 ** math.floor(math.log10(rough))
    return next(int(power * factor) for factor in (1, 2, 5, 10) if power * factor >= rough)
