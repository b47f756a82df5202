"""Draws shapes into a PNG file."""

from collections.abc import Sequence
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from gateway.core.ascii_text import ascii_text
from gateway.core.plot import HEIGHT, WIDTH, PlotLine, PlotText, Shape

_SCALE = 2  #: Pixels per unit: sharp on today's screens.
_FINER = 2  #: Drawn this much larger, then scaled down for smooth lines.
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def png(shapes: Sequence[Shape]) -> bytes:
    """Draw shapes; return the file."""
    lines = Image.new("RGB", (WIDTH * _SCALE * _FINER, HEIGHT * _SCALE * _FINER), "white")
    pen = ImageDraw.Draw(lines)
    for shape in shapes:
        if isinstance(shape, PlotLine):
            scale = _SCALE * _FINER
            points = [(x * scale, y * scale) for x, y in shape.points]
            pen.line(
                points, fill=shape.colour, width=max(1, round(shape.width * scale)), joint="curve"
            )
    image = lines.resize((WIDTH * _SCALE, HEIGHT * _SCALE), Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(image)
    for shape in shapes:
        if isinstance(shape, PlotText):
            font = ImageFont.load_default(shape.size * _SCALE)
            at = (shape.x * _SCALE, shape.y * _SCALE)
            # The available font has no accents.
            pen.text(
                at,
                ascii_text(shape.text),
                fill=shape.colour,
                font=font,
                anchor=_ANCHORS[shape.anchor],
                stroke_width=0.5 if shape.bold else 0,
            )
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()
