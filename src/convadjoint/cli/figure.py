"""The demo's picture: the photograph, what was recorded of it, and the two answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.ndimage import uniform_filter

from convadjoint.cli.demo import STRIDE, MatrixFacts, Restoration, Scene, Values
from convadjoint.cli.page import (
    BAD,
    GOOD,
    HEIGHT,
    INK,
    MARGIN,
    PAPER,
    SOFT,
    STYLE,
    WIDTH,
    axes_at,
    bare,
    write,
)
from convadjoint.cli.structure import View, band, taps, whole

LEAST_DETAIL = 16
"""Height of an enlarged detail, at least, in pixels."""

CELL = (2.64, 1.98)
"""Width and height of a picture, in inches."""

_INKS = LinearSegmentedColormap.from_list("inks", ["#f6dfb8", "#e2a458", BAD, INK])


@dataclass(frozen=True, kw_only=True, eq=False)
class Exhibit:
    """One column of pictures; `shrunk` pixels of the photograph are one of `image`."""

    title: str
    caption: str
    remark: str
    image: Values
    colour: str = INK
    shrunk: int = 1


def draw(
    scene: Scene,
    facts: MatrixFacts,
    restorations: Sequence[Restoration],
    *,
    footer: str,
) -> Figure:
    """Compose the page."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, HEIGHT))
        _write_title(figure, scene)
        _draw_exhibits(figure, scene, restorations)
        _draw_matrix(figure, scene, facts)
        _draw_kernel(figure, scene)
        _draw_errors(figure, restorations)
        write(figure, MARGIN, HEIGHT - 0.45, footer, size=8.5, color=SOFT)
    return figure


def _write_title(figure: Figure, scene: Scene) -> None:
    """Say what the page shows."""
    rows, columns = scene.op.shape
    write(figure, MARGIN, 0.4, "“Deconvolution” is not an inverse", size=26)
    lines = (
        "The camera shook, and its sensor kept every second pixel of every second "
        f"row:  $y = Cx + \\mathrm{{noise}}$,  with $C$ a sparse matrix of {rows:,} "
        f"× {columns:,}.\nNeural-network frameworks call $C^T y$ “deconvolution”: it "
        "spreads every sample back along the same trail, and so blurs twice. To get "
        "the picture back, solve."
    )
    write(figure, MARGIN, 0.98, lines, size=11.5, color=SOFT)


def _exhibits(scene: Scene, restorations: Sequence[Restoration]) -> tuple[Exhibit, ...]:
    """Return the five columns."""
    _, plain, fitted, solved = restorations
    height, width, _ = scene.photo.shape
    small_height, small_width, _ = scene.data.shape
    return (
        Exhibit(
            title="the photograph  $x$",
            caption=f"{width} × {height} pixels",
            remark="what was there",
            image=scene.photo,
        ),
        Exhibit(
            title="the data  $y = Cx + \\mathrm{noise}$",
            caption=f"{small_width} × {small_height} pixels",
            remark="what was recorded",
            image=scene.data,
            shrunk=STRIDE,
        ),
        Exhibit(
            title="$C^T y$",
            caption=_score(plain),
            remark=f"{fitted.scale:.1f} times too dark, blurred twice",
            image=plain.image,
            colour=BAD,
        ),
        Exhibit(
            title="$C^T y$,  brightness fitted",
            caption=_score(fitted),
            remark="still blurred twice, and striped",
            image=fitted.image,
            colour=BAD,
        ),
        Exhibit(
            title="least squares",
            caption=_score(solved),
            remark="solved, with a weak smoothness term",
            image=solved.image,
            colour=GOOD,
        ),
    )


def _draw_exhibits(
    figure: Figure, scene: Scene, restorations: Sequence[Restoration]
) -> None:
    """Draw the five pictures, and below each the same detail enlarged."""
    window = _detail(np.square(restorations[0].image - scene.photo).mean(axis=-1))
    step = (WIDTH - 2 * MARGIN - CELL[0]) / 4
    for place, exhibit in enumerate(_exhibits(scene, restorations)):
        left = MARGIN + place * step
        write(figure, left, 1.75, exhibit.title, size=13, color=exhibit.colour)
        _picture(axes_at(figure, left, 2.08, CELL), exhibit, window)
        write(figure, left, 4.11, exhibit.caption, size=9.2, color=exhibit.colour)
        _crop(axes_at(figure, left, 4.43, CELL), exhibit, window)
        write(figure, left, 6.47, exhibit.remark, size=9.2, color=SOFT)


def _score(restoration: Restoration) -> str:
    """Write how far a restoration is off."""
    return f"{restoration.error:.1%} off, {restoration.psnr:.1f} dB"


def _show(axes: Axes, image: Values, *, interpolation: str) -> None:
    """Show numbers from 0 to 1 as a picture; what lies outside is clipped here only."""
    visible = np.clip(image, 0, 1)
    axes.imshow(
        visible if visible.shape[-1] == 3 else visible[..., 0],
        cmap="gray",
        vmin=0,
        vmax=1,
        interpolation=interpolation,
    )


def _picture(axes: Axes, exhibit: Exhibit, window: tuple[slice, slice]) -> None:
    """Show a whole picture, at its size relative to the photograph."""
    _show(axes, exhibit.image, interpolation="antialiased")
    height, width, _ = exhibit.image.shape
    spare = (exhibit.shrunk - 1) / 2
    axes.set_xlim(-spare * width - 0.5, (1 + spare) * width - 0.5)
    axes.set_ylim((1 + spare) * height - 0.5, -spare * height - 0.5)
    axes.set_axis_off()
    axes.set_anchor("W")
    rows, columns = (_shrink(part, exhibit.shrunk) for part in window)
    box = Rectangle(
        (columns.start - 0.5, rows.start - 0.5),
        columns.stop - columns.start,
        rows.stop - rows.start,
        fill=False,
        edgecolor=PAPER,
        linewidth=0.9,
    )
    axes.add_patch(box)


def _crop(axes: Axes, exhibit: Exhibit, window: tuple[slice, slice]) -> None:
    """Show the pixels of one detail."""
    rows, columns = (_shrink(part, exhibit.shrunk) for part in window)
    _show(axes, exhibit.image[rows, columns], interpolation="nearest")
    axes.set_anchor("W")
    axes.spines[:].set(color=exhibit.colour, linewidth=1.3)


def _shrink(part: slice, factor: int) -> slice:
    """Return a stretch of the photograph in pixels `factor` times as large."""
    return slice(part.start // factor, part.stop // factor)


def _detail(lost: Values) -> tuple[slice, slice]:
    """Return the window where most was `lost`; the middle counts more than the rim."""
    height, width = lost.shape
    high = min(height, max(LEAST_DETAIL, round(0.28 * height))) // STRIDE * STRIDE
    wide = min(width, round(high * CELL[0] / CELL[1])) // STRIDE * STRIDE
    middle = np.outer(np.hanning(height), np.hanning(width))
    sums = uniform_filter(lost * middle, (high, wide))
    rows = slice(high // 2, height - (high - 1) // 2)
    columns = slice(wide // 2, width - (wide - 1) // 2)
    inside = sums[rows, columns]
    top, left = np.unravel_index(inside.argmax(), inside.shape)
    top, left = (int(start) // STRIDE * STRIDE for start in (top, left))
    return slice(top, top + high), slice(left, left + wide)


def _draw_matrix(figure: Figure, scene: Scene, facts: MatrixFacts) -> None:
    """Draw all of `C`, and in its empty corners two enlargements."""
    matrix, dims, dimsd = facts.matrix, scene.op.dims, scene.op.dimsd
    rows, columns = matrix.shape
    text = (
        f"the matrix  $C$:  {matrix.nnz:,} of {rows:,} × {columns:,} entries are not "
        f"zero  ({100 * facts.density:.2g}%, {facts.nbytes / 1e6:.0f} MB)"
    )
    write(figure, MARGIN, 6.98, text, size=11.5)
    axes = axes_at(figure, MARGIN, 7.28, (8.3, 2.4))
    _ink(axes, whole(matrix))
    for view, box in (
        (band(matrix, dimsd), (0.545, 0.45, 0.445, 0.44)),
        (taps(matrix, dims, dimsd), (0.01, 0.05, 0.41, 0.44)),
    ):
        inset = axes.inset_axes(box)
        _ink(inset, view)
        inset.set_title(view.caption, fontsize=7.5, color=SOFT, pad=3)
        axes.indicate_inset_zoom(inset, edgecolor=SOFT, alpha=1, linewidth=0.6)


def _ink(axes: Axes, view: View) -> None:
    """Show a part of `C`, darker where its entries are larger."""
    positive = view.values[view.values > 0]
    axes.imshow(
        np.ma.masked_equal(view.values, 0),
        cmap=_INKS,
        norm=LogNorm(positive.min(), positive.max()),
        extent=(view.columns.start, view.columns.stop, view.rows.stop, view.rows.start),
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_facecolor("white")
    bare(axes)


def _draw_kernel(figure: Figure, scene: Scene) -> None:
    """Draw the trail that blurs."""
    kernel = scene.op.kernel
    left = 9.2
    write(figure, left, 6.98, "the kernel", size=11.5)
    axes = axes_at(figure, left, 7.28, (1.7, 0.85))
    axes.imshow(np.ma.masked_equal(kernel, 0), cmap=_INKS)
    axes.set_facecolor("white")
    height, width = kernel.shape
    caption = (
        f"{height} × {width}, of which\n{np.count_nonzero(kernel)} are not zero:\n"
        "at most as many\nentries in a row of $C$"
    )
    write(figure, left, 8.22, caption, size=9.2, color=SOFT)


def _draw_errors(figure: Figure, restorations: Sequence[Restoration]) -> None:
    """Draw how far each attempt is from the photograph."""
    left, top, wide = 11.35, 6.98, 1.6
    write(figure, left, top, "distance from  $x$,  relative", size=11.5)
    colours = (SOFT, BAD, BAD, GOOD)
    for place, (item, colour) in enumerate(zip(restorations, colours, strict=True)):
        down = top + 0.36 + 0.6 * place
        name = item.name.replace("C^T y", "$C^T y$")
        write(figure, left, down, name, size=9.2, color=colour)
        bar = axes_at(figure, left, down + 0.2, (wide * item.error, 0.14))
        bar.set_facecolor(colour)
        bar.spines[:].set_visible(False)
        score = _score(item)
        write(figure, left + wide * item.error + 0.08, down + 0.19, score, size=9.2)
