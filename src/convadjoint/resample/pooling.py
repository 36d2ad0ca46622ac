"""Average and sum pooling: a convolution with ones, and a divisor per window."""

from collections.abc import Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines.memory import require
from convadjoint.geometry.checks import flag, integer
from convadjoint.geometry.layout import Roles
from convadjoint.geometry.problem import shape_of
from convadjoint.geometry.windows import Pooling, Window
from convadjoint.operators import DiagonalOp, Member
from convadjoint.operators.samples import requested_dtype
from convadjoint.resample.documentation import described
from convadjoint.resample.separate import separate

__all__ = ["avg_pool", "counted", "pooled", "sum_pool"]

Counts = npt.NDArray[np.int64]


@described(
    stride="; by default their size",
    padding="; what lies in it counts as zero",
    rule="there is no window",
)
def sum_pool(
    dims: Any,
    size: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    axes: Any = None,
    dtype: npt.DTypeLike = np.float64,
    engine: str = "auto",
) -> Member:
    """Return the operator that sums the samples of each window.

    Parameters
    ----------
    {dims}
    size : int or tuple of int
        Samples of a window.  A tuple pools as many of the last axes, an int all axes.
    {windows}
    {ceil_mode}
    axes : int or tuple of int, optional
        Axes to pool, in the order of `size`.
    {dtype}
    {engine}

    Returns
    -------
    LinearOperator
        Maps `dims` to the shape with one sample per window.

    Raises
    ------
    {raises}

    See Also
    --------
    avg_pool : The mean instead of the sum.

    Examples
    --------
    >>> from convadjoint.resample import sum_pool
    >>> sum_pool(5, 2, ceil_mode=True) @ [1.0, 2.0, 3.0, 4.0, 5.0]
    array([3., 7., 5.])
    """
    shape = shape_of(dims)
    place, windows = Pooling(
        dims=shape,
        size=size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
        axes=axes,
    ).resolve()
    return pooled(shape, windows, place, dtype=dtype, engine=engine)


@described(
    stride="; by default their size",
    padding="; what lies in it counts as zero",
    rule="there is no window",
)
def avg_pool(
    dims: Any,
    size: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor: int | None = None,
    axes: Any = None,
    dtype: npt.DTypeLike = np.float64,
    engine: str = "auto",
) -> Member:
    """Return the operator that takes the mean of each window.

    Parameters
    ----------
    {dims}
    size : int or tuple of int
        Samples of a window.  A tuple pools as many of the last axes, an int all axes.
    {windows}
    {ceil_mode}
    count_include_pad : bool, optional
        Whether samples of the padding are counted.  What lies beyond the padding never
        is.
    divisor : int, optional
        Divide all sums by this number, instead of counting.
    axes : int or tuple of int, optional
        Axes to pool, in the order of `size`.
    {dtype}
    {engine}

    Returns
    -------
    LinearOperator
        Maps `dims` to the shape with one sample per window.

    Raises
    ------
    {raises}

    See Also
    --------
    sum_pool : Without the division.
    upsample : Its transpose, up to a factor, where windows neither overlap nor miss.

    Notes
    -----
    The words are PyTorch's.  TensorFlow's "SAME" is ``padding="same"`` with
    ``count_include_pad=False``.

    Examples
    --------
    >>> from convadjoint.resample import avg_pool
    >>> pool = avg_pool(5, 2, ceil_mode=True)
    >>> pool @ [1.0, 2.0, 3.0, 4.0, 5.0]
    array([1.5, 3.5, 5. ])
    >>> pool.T @ [2.0, 2.0, 2.0]
    array([1., 1., 1., 1., 2.])
    """
    shape = shape_of(dims)
    place, windows = Pooling(
        dims=shape,
        size=size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
        axes=axes,
    ).resolve()
    if divisor is None:
        padded = flag(count_include_pad, "count_include_pad")
        counts = [counted(one, padding=padded) for one in windows]
    else:
        number = integer(divisor, "divisor", least=1)
        counts = [np.array([number if i == 0 else 1]) for i in range(len(windows))]
    return pooled(shape, windows, place, counts=counts, dtype=dtype, engine=engine)


def pooled(
    dims: tuple[int, ...],
    windows: Sequence[Window],
    place: Roles,
    *,
    counts: Sequence[Counts] | None = None,
    dtype: npt.DTypeLike = np.float64,
    engine: str = "auto",
) -> Member:
    """Sums over any windows, divided by the product of the counts of each axis.

    `counts` has one number per window of each axis, or one for all; none divides by
    nothing.
    """
    total = 1 if counts is None else _total(counts)
    sums = separate(
        dims,
        place,
        [one.axis for one in windows],
        kernel=1.0 if total is None else 1.0 / total,
        dtype=dtype,
        engine=engine,
    )
    if total is not None or counts is None:
        return sums
    return DiagonalOp(_weights(counts, place, dtype), sums.dimsd) @ sums


def counted(window: Window, *, padding: bool) -> Counts:
    """Taps of each window that lie in the signal, or in it and its padding."""
    axis = window.axis
    if window.full(padding=padding):
        return np.array([axis.k])
    require(64 * axis.q, f"the counts of {axis.q} windows")
    starts = np.arange(axis.q) * axis.s - axis.lo
    # The number of taps before a bound is a quotient, rounded up.
    first, stop = (
        np.clip(-((starts - bound) // axis.d), 0, axis.k)
        for bound in window.bounds(padding=padding)
    )
    return stop - first


def _total(counts: Sequence[Counts]) -> int | None:
    """The divisor that all windows share, if they do."""
    if any((each != each[0]).any() for each in counts):
        return None
    return max(1, prod(int(each[0]) for each in counts))


def _weights(counts: Sequence[Counts], place: Roles, dtype: npt.DTypeLike) -> Any:
    """One over the counts, on the pooled axes; an empty window has nothing to divide."""
    lines = []
    for axis, each in zip(place.axes, counts, strict=True):
        shape = [1] * place.ndim
        shape[axis] = -1
        lines.append(each.astype(float).reshape(shape))
    divisors = reduce(np.multiply, lines)
    return (1 / np.maximum(divisors, 1)).astype(requested_dtype(dtype))
