"""What the explanations are drawn with: squares of numbers, photographs, tables."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import scipy.sparse
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

PAPER, INK, SOFT, FAINT = "#fbfaf7", "#1d2a35", "#69747c", "#ece8df"
BAD, GOOD = "#b5432a", "#1f7a5c"
INKS = LinearSegmentedColormap.from_list("inks", ["#f6dfb8", "#e2a458", BAD, INK])
SIGNS = LinearSegmentedColormap.from_list("signs", ["#2f6f9f", PAPER, BAD])

MIDDLE = {"ha": "center", "va": "center"}
STYLE = {
    "axes.edgecolor": SOFT,
    "axes.facecolor": "white",
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": PAPER,
    "font.size": 10,
    "mathtext.fontset": "stix",
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}


def page(width: float, height: float, *, unit: float = 0.36) -> Axes:
    """Return an empty page of `width` by `height` squares; y grows downwards."""
    plt.rcParams.update(STYLE)
    figure = plt.figure(figsize=(width * unit, height * unit))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return axes


def squares(
    axes: Axes,
    values: npt.ArrayLike,
    at: tuple[float, float],
    *,
    title: str = "",
    below: str = "",
    shades: npt.ArrayLike | None = None,
) -> None:
    """Write `values`, one in a square, the upper left corner at `at` = (left, top).

    The squares are shaded by the values, or by `shades` from 0 to 1; masked ones stay
    blank.
    """
    grid = np.ma.atleast_2d(values)
    paints = _paints(grid) if shades is None else INKS(np.atleast_2d(shades))
    blank = np.ma.getmaskarray(grid)
    left, top = at
    for (row, column), value in np.ndenumerate(grid.data):
        paint = FAINT if blank[row, column] else paints[row, column]
        x, y = left + column, top + row
        box = plt.Rectangle((x, y), 1, 1, facecolor=paint, edgecolor=PAPER, linewidth=2)
        axes.add_patch(box)
        if not blank[row, column]:
            text, ink = _short(value), PAPER if _dark(paint) else INK
            size = 9 if len(text) < 4 else 8
            axes.text(x + 0.5, y + 0.53, text, color=ink, fontsize=size, **MIDDLE)
    rows, columns = grid.shape
    axes.text(left + columns / 2, top - 0.25, title, ha="center", va="bottom")
    write(axes, below, (left + columns / 2, top + rows + 0.6))


def _paints(values: np.ma.MaskedArray) -> npt.NDArray[np.float64]:
    """Return the colours of numbers; if any is negative, zero is as pale as paper."""
    numbers = values.filled(0).astype(float)
    scaled = numbers / (np.abs(numbers).max() or 1.0)
    return SIGNS(0.5 + 0.45 * scaled) if (numbers < 0).any() else INKS(scaled)


def _dark(colour: tuple[float, ...]) -> bool:
    """Tell whether text on a colour has to be light."""
    return float(np.dot(colour[:3], (0.3, 0.59, 0.11))) < 0.55


def _short(value: float | str) -> str:
    """Write whole numbers without decimals and others with one."""
    if isinstance(value, str):
        return value
    rounded = round(float(value), 1) + 0.0  # no minus before a zero
    return f"{value:d}" if isinstance(value, np.integer) else f"{rounded:.1f}"


def sign(axes: Axes, text: str, at: tuple[float, float], *, size: float = 16) -> None:
    """Write a sign, such as an equals sign, between squares."""
    axes.text(*at, text, fontsize=size, color=SOFT, **MIDDLE)


def write(axes: Axes, text: str, at: tuple[float, float]) -> None:
    """Write small print, its middle at `at`."""
    axes.text(*at, text, fontsize=9, color=SOFT, **MIDDLE)


def wires(
    axes: Axes, matrix: scipy.sparse.sparray, at: tuple[float, float], *, title: str
) -> None:
    """Draw the entries of a matrix as lines from outputs, above, to inputs, below.

    Each output stands above the middle of its taps; equal weights have equal colours.
    """
    left, top = at
    entries = matrix.tocoo()
    outputs, inputs = matrix.shape
    shift = np.mean(entries.col[entries.row == 1]) - 2
    above, below = left + shift + 2 * np.arange(outputs), left + np.arange(inputs)
    for row, column, weight in zip(entries.row, entries.col, entries.data, strict=True):
        ends = (above[row], below[column]), (top, top + 3)
        axes.plot(*ends, color=INKS(weight / entries.data.max()), linewidth=2.5)
    for places, height, name in ((above, top, "$y$"), (below, top + 3, "$x$")):
        axes.scatter(places, np.full(len(places), height), s=180, color=INK, zorder=2)
        sign(axes, name, (left - 0.9, height), size=11)
    axes.text(left + (inputs - 1) / 2, top - 1.2, title, **MIDDLE)


def album(pictures: Mapping[str, tuple[npt.NDArray[np.float64], str]]) -> None:
    """Show grey pictures with a remark, three in a row, by their titles.

    A picture of differences, whose mean is near zero, is shown around middle grey.
    """
    plt.rcParams.update(STYLE)
    rows = -(-len(pictures) // 3)
    _, places = plt.subplots(rows, 3, figsize=(7.8, 3.1 * rows), layout="constrained")
    for axes, (title, (image, remark)) in zip(
        places.flat, pictures.items(), strict=True
    ):
        low, high = (-0.125, 0.125) if abs(image.mean()) < 0.05 else (0, 1)
        axes.imshow(image, cmap="gray", vmin=low, vmax=high)
        axes.set_title(title, fontsize=11)
        axes.set_xlabel(remark, fontsize=9, color=SOFT)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)


class Table:
    """Rows under headings, which a page shows as a table and a terminal as text."""

    def __init__(self, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        self.rows = [tuple(map(str, row)) for row in (heads, *rows)]

    def __repr__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        lines = (
            "  ".join(
                cell.ljust(width) for cell, width in zip(row, widths, strict=True)
            )
            for row in self.rows
        )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head, *body = self.rows
        rows = "".join(_row("td", cells) for cells in body)
        return f'<table class="computed">{_row("th", head)}{rows}</table>'


def _row(tag: str, cells: Iterable[str]) -> str:
    """Return one row of an HTML table."""
    return f"<tr>{''.join(f'<{tag}>{_marked(cell)}</{tag}>' for cell in cells)}</tr>"


def _marked(cell: str) -> str:
    """Turn text between backticks into code."""
    parts = escape(cell).split("`")
    return "".join(
        f"<code>{part}</code>" if place % 2 else part
        for place, part in enumerate(parts)
    )
