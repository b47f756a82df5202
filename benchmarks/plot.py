"""The plot of the benchmark page."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.peers import PEERS
from benchmarks.tables import AIM, FLOOR, TITLES
from benchmarks.throughput import Measured

COLOURS = {"gateway": "#0b6e4f", "postfix": "#c1440e", "aiosmtpd": "#8d99ae", "direct": "#d8dce3"}
WIDTH = 0.2


def draw(cells: Sequence[Measured], file: Path) -> None:
    """Draw each peer's rate relative to Postfix's, cell by cell, as SVG."""
    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.size": 10})
    figure, axes = plt.subplots(figsize=(10, 4.5), layout="constrained")
    for position, name in enumerate(PEERS):
        places = [index + (position - 1.5) * WIDTH for index, _ in enumerate(cells)]
        ratios = [cell.ratio(name, "postfix") for cell in cells]
        axes.bar(places, ratios, WIDTH, label=TITLES[name], color=COLOURS[name])
    axes.axhline(FLOOR, color="black", linewidth=0.8)
    axes.axhline(AIM, color="black", linewidth=0.8, linestyle="dashed")
    axes.set_xticks(range(len(cells)), [cell.cell.name.replace("-", "\n") for cell in cells])
    axes.set_ylabel("messages per second ÷ Postfix's")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=len(PEERS), loc="upper center", bbox_to_anchor=(0.5, 1.12))
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
