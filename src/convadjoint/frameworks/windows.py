"""Averages and sums over windows, whatever rule made the windows."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convadjoint.frameworks.door import Line
from convadjoint.geometry.layout import Roles
from convadjoint.geometry.windows import Window
from convadjoint.operators import Member
from convadjoint.resample.pooling import counted, pooled

__all__ = ["averaged", "pool_lines", "rounded_up"]


def pool_lines(
    dims: tuple[int, ...],
    layout: str,
    taps: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int] | None = None,
) -> tuple[tuple[int, ...], tuple[Line, ...]]:
    """The spatial axes of an input: their places, and lines along them."""
    places = tuple(axis for axis, letter in enumerate(layout) if letter not in "NC")
    steps = dilations or (1,) * len(places)
    columns = zip(places, taps, strides, steps, strict=True)
    return places, tuple(
        Line(index=index, n=dims[place], k=k, s=s, d=d)
        for index, (place, k, s, d) in enumerate(columns)
    )


def rounded_up(line: Line, lo: int, hi: int, *, inside: bool) -> int:
    """Windows, the last of which may end beyond the padding.

    If it has to start `inside`, one that starts behind the signal is left out.
    """
    length = -(-(line.n + lo + hi - line.span) // line.s) + 1
    starts_outside = (length - 1) * line.s >= line.n + lo
    return length - 1 if inside and starts_outside else length


def averaged(
    dims: tuple[int, ...],
    places: tuple[int, ...],
    windows: Sequence[Window],
    *,
    padding: bool | None,
    dtype: npt.DTypeLike | None,
    engine: str,
) -> Member:
    """The mean of each window; `padding` is counted or not, None sums."""
    roles = Roles(ndim=len(dims), axes=places, channel=None)
    counts = None
    if padding is not None:
        counts = [counted(window, padding=padding) for window in windows]
    computed = np.float64 if dtype is None else dtype
    return pooled(dims, windows, roles, counts=counts, dtype=computed, engine=engine)
