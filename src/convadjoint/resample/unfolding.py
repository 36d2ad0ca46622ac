"""Windows as columns (im2col), and their sum (col2im)."""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.errors import GeometryError
from convadjoint.geometry import Problem
from convadjoint.geometry.checks import is_sequence, per_axis
from convadjoint.geometry.layout import places
from convadjoint.geometry.problem import shape_of
from convadjoint.operators import SpecOp
from convadjoint.resample.documentation import described
from convadjoint.resample.separate import channel_per_tap, one_hot

__all__ = ["fold", "unfold"]


@described(stride="", padding="", rule="there is no window")
def unfold(
    dims: Any,
    size: Any,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    padding_mode: Any = "zeros",
    axes: Any = None,
    merged: bool = True,
    dtype: npt.DTypeLike = np.float64,
    engine: str = "auto",
) -> SpecOp:
    """Return the operator that copies each window into a column: im2col.

    Parameters
    ----------
    {dims}
    size : int or tuple of int
        Samples of a window.  A tuple cuts as many of the last axes, an int all axes.
    {windows}
    padding_mode : str or tuple of str, optional
        As for `ConvNDOp`.
    axes : int or tuple of int, optional
        Axes to cut, in the order of `size`.
    merged : bool, optional
        Whether windows are merged into columns.  If not, each axis of the windows and
        of their places stays an axis.
    {dtype}
    {engine}

    Returns
    -------
    SpecOp
        With C the last of the axes that are not cut (1 if there is none), `k` the size
        and `q` the number of windows: maps `dims` to ``(..., C * prod(k), prod(q))``,
        or to ``(..., C, *k, *q)`` if not merged.

    Raises
    ------
    {raises}

    See Also
    --------
    fold : The transpose, described by its own input.

    Examples
    --------
    >>> from convadjoint.resample import unfold
    >>> unfold(4, 3) @ [1.0, 2.0, 3.0, 4.0]
    array([[1., 2.],
           [2., 3.],
           [3., 4.]])
    >>> unfold((8, 3, 6, 6), (2, 2), stride=2).dimsd
    (8, 12, 9)
    """
    shape = shape_of(dims)
    place = places(shape, size, "size", axes)
    taps = per_axis(size, "size", len(place.axes), least=1)
    spec, layout = Problem(
        dims=shape,
        kernel_shape=taps,
        stride=stride,
        padding=padding,
        dilation=dilation,
        padding_mode=padding_mode,
        axes=place.axes,
        mixable=False,
    ).resolve()
    batch, spec = layout.batch_sizes, channel_per_tap(spec)
    channels, *lengths = spec.dimsd[1:]
    columns = (*batch[:-1], prod(batch[-1:]) * channels, prod(lengths))
    layout = replace(
        layout,
        dimsd=(*batch, channels, *lengths),
        orderd=tuple(range(len(shape) + 1)),
        shownd=columns if merged else (*batch, *taps, *lengths),
    )
    return one_hot(spec, layout, dtype, engine)


@described(
    stride="",
    padding=", and that of `unfold`: a crop of the output",
    rule="an unfolded array of that size has another shape",
)
def fold(
    dims: Any,
    output_size: Any,
    size: Any,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    padding_mode: Any = "zeros",
    merged: bool = True,
    dtype: npt.DTypeLike = np.float64,
    engine: str = "auto",
) -> SpecOp:
    """Return the operator that adds columns where their windows were: col2im.

    Parameters
    ----------
    dims : tuple of int
        Shape of the input, ``(..., C * prod(k), prod(q))`` or, if not merged,
        ``(..., C, *k, *q)``.
    output_size : int or tuple of int
        Shape of the output on the axes that were cut.
    size : int or tuple of int
        Samples of a window, `k`.
    {windows}
    padding_mode : str or tuple of str, optional
        That of `unfold`: what has been copied from the border is added back to it.
    merged : bool, optional
        As for `unfold`.
    {dtype}
    {engine}

    Returns
    -------
    SpecOp
        Maps `dims` to ``(..., C, *output_size)``; the transpose of `unfold`.

    Raises
    ------
    {raises}

    See Also
    --------
    unfold : The transpose, described by its own input.

    Examples
    --------
    >>> from convadjoint.resample import fold
    >>> fold((3, 2), 4, 3) @ [[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]
    array([[1., 4., 6., 4.]])
    """
    shape = shape_of(dims)
    wanted = tuple(output_size) if is_sequence(output_size) else (output_size,)
    taps = per_axis(size, "size", len(wanted), least=1)
    if merged:
        lead = _without_taps(shape, prod(taps))
    else:
        lead = shape[: max(0, len(shape) - 2 * len(taps))]
    unfolded = unfold(
        (*lead, *wanted),
        taps,
        stride=stride,
        padding=padding,
        dilation=dilation,
        padding_mode=padding_mode,
        merged=merged,
        dtype=dtype,
        engine=engine,
    )
    if unfolded.dimsd != shape:
        msg = (
            f"dims {shape} cannot be folded: windows of size {taps} of an output "
            f"{unfolded.dims} make {unfolded.dimsd}"
        )
        raise GeometryError(msg)
    return unfolded.T


def _without_taps(shape: tuple[int, ...], taps: int) -> tuple[int, ...]:
    """The axes before the folded ones: columns are made of channels and taps."""
    if len(shape) < 2 or shape[-2] % taps:
        msg = (
            f"dims {shape} cannot be folded: it needs (..., C * {taps}, L), with "
            f"windows of {taps} samples"
        )
        raise GeometryError(msg)
    return (*shape[:-2], shape[-2] // taps)
