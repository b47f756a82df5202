"""Plots that commands write to the file given by `--plot`."""

from collections.abc import Sequence
from pathlib import Path

from gateway.cli.context import wrong_use
from gateway.core.plot import Shape, svg

_SVG = ".svg"


def check_plot_file(file: Path | None) -> None:
    """Exit if a command's `--plot` names another type of file."""
    if file is not None and file.suffix.lower() not in {_SVG, ".png"}:
        wrong_use(f"a plot is a .svg or .png file, not {file}")


def write_plot(file: Path, shapes: Sequence[Shape]) -> None:
    """Write a plot; raise OSError if that fails."""
    if file.suffix.lower() == _SVG:
        painted = svg(shapes).encode()
    else:
        from gateway.cli.picture import png

        painted = png(shapes)
    file.write_bytes(painted)
