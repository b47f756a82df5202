"""Shapes painted into a PNG file."""

from collections.abc import Sequence
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from gateway.core.ascii_text import ascii_text
from gateway.core.plot import HEIGHT, WIDTH, PlotLine, PlotText, Shape

_SCALE = 2  #: Dots for each unit: sharp on today's screens.
_FINER = 2  #: Painted so much larger, then brought down: smooth lines.
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def png(shapes: Sequence[Shape]) -> bytes:
    """Paint shapes; return the file."""
    lines = Image.new("RGB", (WIDTH * _SCALE * _FINER, HEIGHT * _SCALE * _FINER), "white")
    pen = ImageDraw.Draw(lines)
    for shape in shapes:
        if isinstance(shape, PlotLine):
            _paint_line(pen, shape)
    image = lines.resize((WIDTH * _SCALE, HEIGHT * _SCALE), Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(image)
    for shape in shapes:
        if isinstance(shape, PlotText):
            _paint_text(pen, shape)
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _paint_line(pen: ImageDraw.ImageDraw, line: PlotLine) -> None:
    scale = _SCALE * _FINER
    points = [(x * scale, y * scale) for x, y in line.points]
    pen.line(points, fill=line.colour, width=max(1, round(line.width * scale)), joint="curve")


def _paint_text(pen: ImageDraw.ImageDraw, text: PlotText) -> None:
    font = ImageFont.load_default(text.size * _SCALE)
    at = (text.x * _SCALE, text.y * _SCALE)
    # The font at hand has no accents.
    pen.text(
        at,
        ascii_text(text.text),
        fill=text.colour,
        font=font,
        anchor=_ANCHORS[text.anchor],
        stroke_width=0.5 if text.bold else 0,
    )
