"""Padding, cropping, zeros in between, and every second sample: one tap per axis."""

from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.errors import GeometryError
from convadjoint.geometry.checks import per_axis
from convadjoint.geometry.layout import Roles, places
from convadjoint.geometry.padding import parse_padding
from convadjoint.geometry.problem import padding_modes, shape_of
from convadjoint.geometry.spacing import decimated, padded, spread_out
from convadjoint.operators import SpecOp
from convadjoint.resample.documentation import described
from convadjoint.resample.separate import separate

__all__ = ["crop", "decimation", "pad", "zero_insertion"]


@described(rule="no sample would be left")
def pad(
    dims: Any,
    padding: Any,
    *,
    mode: Any = "zeros",
    axes: Any = None,
    dtype: npt.DTypeLike = np.float64,
) -> SpecOp:
    """Return the operator that continues a signal beyond its ends.

    Parameters
    ----------
    {dims}
    padding : int or tuple
        Samples added on both sides of each axis: an int, one int per axis, or one
        ``(lo, hi)`` pair per axis; negative ones crop.  A tuple pads as many of the
        last axes, an int all axes.
    mode : str or tuple of str, optional
        What is added, the `padding_mode` of `ConvNDOp`; one for all axes, or one each.
    axes : int or tuple of int, optional
        Axes to pad, in the order of `padding`.
    {dtype}

    Returns
    -------
    SpecOp
        Its transpose adds the border to the samples that filled it.

    Raises
    ------
    {raises}

    See Also
    --------
    crop : Takes samples away.

    Notes
    -----
    ``padding=1`` is `numpy.pad` with a width of 1; in PyTorch's `pad` the last axis
    comes first.  The modes have other names elsewhere: see `ConvNDOp`.

    Examples
    --------
    >>> from convadjoint.resample import pad
    >>> mirror = pad(4, 2, mode="reflect")
    >>> mirror @ [1.0, 2.0, 3.0, 4.0]
    array([3., 2., 1., 2., 3., 4., 3., 2.])
    >>> mirror.T @ [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    array([1., 3., 3., 1.])
    """
    shape, (place, ends) = shape_of(dims), _ends(dims, padding, axes)
    modes = padding_modes(mode, len(ends), "mode")
    pairs = [
        padded(shape[axis], pair, kind, axis)
        for axis, pair, kind in zip(place.axes, ends, modes, strict=True)
    ]
    borders = tuple(border for _, border in pairs)
    return separate(
        shape, place, [axis for axis, _ in pairs], borders=borders, dtype=dtype
    )


@described(rule="no sample would be left")
def crop(
    dims: Any,
    padding: Any,
    *,
    axes: Any = None,
    dtype: npt.DTypeLike = np.float64,
) -> SpecOp:
    """Return the operator that takes samples away at the ends: padding, undone.

    Parameters
    ----------
    {dims}
    padding : int or tuple
        Samples taken on both sides of each axis, in the forms of `pad`; none negative.
    axes : int or tuple of int, optional
        Axes to crop, in the order of `padding`.
    {dtype}

    Returns
    -------
    SpecOp
        The transpose of `pad` with zeros.

    Raises
    ------
    {raises}

    See Also
    --------
    pad : Adds samples.

    Examples
    --------
    >>> from convadjoint.resample import crop
    >>> crop(4, ((1, 0),)) @ [1.0, 2.0, 3.0, 4.0]
    array([2., 3., 4.])
    """
    shape, (place, ends) = shape_of(dims), _ends(dims, padding, axes)
    if min(min(pair) for pair in ends) < 0:
        msg = f"crop takes samples away, got {padding!r}: to add samples use pad"
        raise GeometryError(msg)
    found = [
        padded(shape[axis], (-lo, -hi), "zeros", axis)[0]
        for axis, (lo, hi) in zip(place.axes, ends, strict=True)
    ]
    return separate(shape, place, found, dtype=dtype)


@described(rule="an offset is past the end")
def decimation(
    dims: Any,
    step: Any,
    *,
    offset: Any = 0,
    axes: Any = None,
    dtype: npt.DTypeLike = np.float64,
) -> SpecOp:
    """Return the operator that keeps every `step`-th sample.

    Parameters
    ----------
    {dims}
    step : int or tuple of int
        Distance of the samples that are kept.  A tuple thins as many of the last axes,
        an int all axes.
    offset : int or tuple of int, optional
        The first sample that is kept.
    axes : int or tuple of int, optional
        Axes to thin, in the order of `step`.
    {dtype}

    Returns
    -------
    SpecOp
        Nothing is filtered first: what varies faster than the samples kept is aliased.

    Raises
    ------
    {raises}

    See Also
    --------
    zero_insertion : The transpose.

    Examples
    --------
    >>> from convadjoint.resample import decimation
    >>> decimation(5, 2, offset=1) @ [1.0, 2.0, 3.0, 4.0, 5.0]
    array([2., 4.])
    """
    shape = shape_of(dims)
    place = places(shape, step, "step", axes)
    columns = zip(place.axes, *_steps(step, offset, len(place.axes)), strict=True)
    found = [decimated(shape[axis], one, first, axis) for axis, one, first in columns]
    return separate(shape, place, found, dtype=dtype)


@described(rule="a size has no room for all samples")
def zero_insertion(
    dims: Any,
    step: Any,
    *,
    offset: Any = 0,
    size: Any = None,
    axes: Any = None,
    dtype: npt.DTypeLike = np.float64,
) -> SpecOp:
    """Return the operator that puts zeros between the samples.

    Parameters
    ----------
    {dims}
    step : int or tuple of int
        Distance of the samples afterwards.  A tuple spreads as many of the last axes,
        an int all axes.
    offset : int or tuple of int, optional
        Zeros before the first sample.
    size : int or tuple of int, optional
        Length of the output.  By default ``n * step``, or more if the offset needs it;
        ``(n - 1) * step + 1`` ends with the last sample.
    axes : int or tuple of int, optional
        Axes to spread, in the order of `step`.
    {dtype}

    Returns
    -------
    SpecOp
        A convolution after it is a transposed convolution with this stride.

    Raises
    ------
    {raises}

    See Also
    --------
    decimation : The transpose.

    Examples
    --------
    >>> from convadjoint.resample import zero_insertion
    >>> zero_insertion(3, 2) @ [1.0, 2.0, 3.0]
    array([1., 0., 2., 0., 3., 0.])
    """
    shape = shape_of(dims)
    place = places(shape, step, "step", axes)
    rank = len(place.axes)
    sizes = (None,) * rank if size is None else per_axis(size, "size", rank, least=1)
    columns = zip(place.axes, *_steps(step, offset, rank), sizes, strict=True)
    found = [
        spread_out(shape[axis], one, first, length, axis)
        for axis, one, first, length in columns
    ]
    return separate(shape, place, found, dtype=dtype)


def _ends(
    dims: Any, padding: Any, axes: Any
) -> tuple[Roles, tuple[tuple[int, int], ...]]:
    """The axes that are padded, and the samples before and after each."""
    if isinstance(padding, str):
        msg = f"padding {padding!r} depends on a kernel: give numbers of samples"
        raise GeometryError(msg)
    place = places(shape_of(dims), padding, "padding", axes)
    amounts = parse_padding(padding, len(place.axes))
    return place, tuple((one.lo, one.hi) for one in amounts)


def _steps(
    step: Any, offset: Any, rank: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Step and offset of each axis."""
    steps = per_axis(step, "step", rank, least=1)
    return steps, per_axis(offset, "offset", rank, least=0)
