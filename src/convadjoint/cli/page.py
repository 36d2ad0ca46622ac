"""A printed page: its paper and inks, and places on it in inches."""

from io import BytesIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

PAPER, INK, SOFT = "#fbfaf7", "#1d2a35", "#69747c"
BAD, GOOD = "#b5432a", "#1f7a5c"
WIDTH, HEIGHT, MARGIN = 15.0, 10.3, 0.5
"""Size of the page and its margin, in inches."""

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "mathtext.fontset": "stix",
    "text.color": INK,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.6,
    "figure.facecolor": PAPER,
}


def as_png(figure: Figure, *, width: int) -> bytes:
    """Return `figure` as a PNG `width` pixels wide."""
    drawn, png = BytesIO(), BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(drawn, dpi=width / WIDTH)
    Image.open(drawn).convert("RGB").save(png, "PNG", optimize=True)
    return png.getvalue()


def axes_at(figure: Figure, left: float, top: float, size: tuple[float, float]) -> Axes:
    """Add axes at a place given in inches from the page's upper left corner."""
    width, height = size
    axes = figure.add_axes(
        (left / WIDTH, 1 - (top + height) / HEIGHT, width / WIDTH, height / HEIGHT)
    )
    bare(axes)
    return axes


def bare(axes: Axes) -> None:
    """Take the ticks off."""
    axes.set_xticks([])
    axes.set_yticks([])


def write(
    figure: Figure,
    left: float,
    top: float,
    text: str,
    *,
    size: float,
    color: str = INK,
) -> None:
    """Write `text`, its upper left corner given in inches from the page's."""
    figure.text(
        left / WIDTH,
        1 - top / HEIGHT,
        text,
        fontsize=size,
        color=color,
        va="top",
        linespacing=1.5,
    )
