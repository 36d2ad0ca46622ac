"""Blocks of samples made into channels, and channels made into blocks."""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.errors import GeometryError
from convadjoint.geometry import Problem
from convadjoint.geometry.checks import is_sequence, per_axis
from convadjoint.geometry.layout import Roles, places, roles
from convadjoint.geometry.problem import shape_of
from convadjoint.operators import SpecOp
from convadjoint.resample.documentation import described
from convadjoint.resample.separate import channel_per_tap, one_hot

__all__ = ["pixel_shuffle", "pixel_unshuffle"]


@described(rule="a factor does not divide its axis")
def pixel_unshuffle(
    dims: Any,
    factor: Any,
    *,
    axes: Any = None,
    channel_axis: int | None = None,
    blocks_first: bool = False,
    dtype: npt.DTypeLike = np.float64,
) -> SpecOp:
    """Return the operator that makes channels of the samples of each block.

    Parameters
    ----------
    dims : tuple of int
        Shape of the input; the factors divide its lengths.
    factor : int or tuple of int
        Shape of a block.  A tuple cuts as many of the last axes, an int the last two.
    axes : int or tuple of int, optional
        Axes to cut, in the order of `factor`.
    channel_axis : int, optional
        Axis of the channels, by default just before those that are cut.
    blocks_first : bool, optional
        Order of the new channels: by default that of PyTorch, channel and then place in
        the block; if True that of TensorFlow, place in the block and then channel.
    {dtype}

    Returns
    -------
    SpecOp
        Maps C channels to ``C * prod(factor)``, on axes shorter by the factors.

    Raises
    ------
    {raises}

    See Also
    --------
    pixel_shuffle : The transpose, and the inverse.

    Examples
    --------
    >>> from convadjoint.resample import pixel_unshuffle
    >>> pixel_unshuffle((1, 2, 4), (2, 2)) @ [[[1, 2, 3, 4], [5, 6, 7, 8]]]
    array([[[1., 3.]],
    <BLANKLINE>
           [[2., 4.]],
    <BLANKLINE>
           [[5., 7.]],
    <BLANKLINE>
           [[6., 8.]]])
    """
    shape = shape_of(dims)
    place, block = _blocks(shape, factor, axes, channel_axis)
    for axis, count in zip(place.axes, block, strict=True):
        if shape[axis] % count:
            msg = f"factor {count} does not divide {shape[axis]}, the length of axis {axis}"
            raise GeometryError(msg)
    return _shuffle(shape, place, block, blocks_first=blocks_first, dtype=dtype)


@described(rule="the channels are no multiple of the samples of a block")
def pixel_shuffle(
    dims: Any,
    factor: Any,
    *,
    axes: Any = None,
    channel_axis: int | None = None,
    blocks_first: bool = False,
    dtype: npt.DTypeLike = np.float64,
) -> SpecOp:
    """Return the operator that makes blocks of samples of channels.

    Parameters
    ----------
    dims : tuple of int
        Shape of the input; its channels are a multiple of the samples of a block.
    factor : int or tuple of int
        Shape of a block.  A tuple enlarges as many of the last axes, an int the last
        two.
    axes : int or tuple of int, optional
        Axes to enlarge, in the order of `factor`.
    channel_axis : int, optional
        Axis of the channels, by default just before those that are enlarged.
    blocks_first : bool, optional
        Order of the channels: by default that of PyTorch, channel and then place in the
        block; if True that of TensorFlow's `depth_to_space`, place and then channel.
    {dtype}

    Returns
    -------
    SpecOp
        Maps ``C * prod(factor)`` channels to C, on axes longer by the factors.

    Raises
    ------
    {raises}

    See Also
    --------
    pixel_unshuffle : The transpose, and the inverse.

    Examples
    --------
    >>> from convadjoint.resample import pixel_shuffle
    >>> pixel_shuffle((4, 1, 1), 2) @ [[[1.0]], [[2.0]], [[3.0]], [[4.0]]]
    array([[[1., 2.],
            [3., 4.]]])
    """
    shape = shape_of(dims)
    place, block = _blocks(shape, factor, axes, channel_axis)
    channel = place.channel or 0
    channels, rest = divmod(shape[channel], prod(block))
    if rest:
        msg = (
            f"dims {shape} has {shape[channel]} channels on axis {channel}: they must "
            f"be a multiple of {prod(block)}, the samples of a block {block}"
        )
        raise GeometryError(msg)
    sizes = (shape[axis] * count for axis, count in zip(place.axes, block, strict=True))
    larger = place.replaced(shape, tuple(sizes), channels)
    return _shuffle(larger, place, block, blocks_first=blocks_first, dtype=dtype).T


def _blocks(
    shape: tuple[int, ...], factor: Any, axes: Any, channel_axis: int | None
) -> tuple[Roles, tuple[int, ...]]:
    """The axes of a shuffle, and the shape of its blocks."""
    factor = factor if is_sequence(factor) or axes is not None else (factor,) * 2
    chosen = places(shape, factor, "factor", axes).axes
    if channel_axis is None and min(chosen) == 0:
        msg = f"dims {shape} has no axis of channels before axes {chosen}: give channel_axis"
        raise GeometryError(msg)
    block = per_axis(factor, "factor", len(chosen), least=1)
    place = roles(
        len(shape), len(chosen), axes=chosen, channel_axis=channel_axis, mixes=True
    )
    return place, block


def _shuffle(
    dims: tuple[int, ...],
    place: Roles,
    block: tuple[int, ...],
    *,
    blocks_first: bool,
    dtype: npt.DTypeLike,
) -> SpecOp:
    """The operator of `pixel_unshuffle`; channels count as a batch axis."""
    channel = place.channel or 0
    cut = Problem(dims=dims, kernel_shape=block, stride=block, axes=place.axes)
    spec, layout = cut.resolve()
    spec = channel_per_tap(spec)
    smaller = place.replaced(dims, spec.dimsd[2:], dims[channel] * spec.c_out)
    pair = [dims[channel], spec.c_out]
    kept = [
        *smaller[:channel],
        *pair[:: -1 if blocks_first else 1],
        *smaller[channel + 1 :],
    ]
    taps = channel if blocks_first else channel + 1
    # The axis of the taps pushes those behind it back.
    old = [axis + (axis >= taps) for axis in layout.order]
    layout = replace(
        layout,
        dimsd=tuple(kept),
        orderd=(*old[: layout.batch_axes], taps, *old[layout.batch_axes :]),
        shownd=smaller,
    )
    return one_hot(spec, layout, dtype, "auto")
