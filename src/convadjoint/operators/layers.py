"""The two halves of a separable layer: each channel by itself, or each sample."""

from typing import Any

import numpy.typing as npt

from convadjoint.errors import GeometryError
from convadjoint.geometry.checks import integer
from convadjoint.geometry.problem import shape_of
from convadjoint.operators.forward import ConvNDOp
from convadjoint.operators.samples import as_kernel

__all__ = ["depthwise", "pointwise"]

# Compiled code convolves up to three axes.
_MOST_AXES = 3


def depthwise(
    dims: Any,
    kernel: npt.ArrayLike,
    *,
    channel_axis: int | None = None,
    multiplier: int | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    padding_mode: Any = "zeros",
    engine: str = "auto",
) -> ConvNDOp:
    """Return the convolution of every channel with a kernel of its own.

    Parameters
    ----------
    dims : int or tuple of int
        Shape of the input; its last axes, channels left out, are convolved.
    kernel : array_like, shape ``(channels, *k)`` or ``(channels, multiplier, *k)``
        One kernel per channel; the second form, which is that of a layer's weights in
        PyTorch, with `multiplier`.
    channel_axis : int, optional
        Axis of the channels, by default just before the convolved ones.
    multiplier : int, optional
        Channels that are made of each: channel ``c`` becomes those from
        ``c * multiplier`` on.
    stride, padding, dilation, padding_mode, engine : optional
        As for `ConvNDOp`.

    Returns
    -------
    ConvNDOp
        With as many groups as channels.

    Raises
    ------
    GeometryError
        If the kernel has another shape, or ``(channels, 1, *k)`` without `multiplier`,
        or the geometry describes no convolution.

    See Also
    --------
    pointwise : The other half of a separable layer.
    ConvNDOp : All that the keywords mean.

    Examples
    --------
    >>> import numpy as np
    >>> import convadjoint as ca
    >>> ca.depthwise((3, 32, 32), np.ones((3, 5, 5)), padding="same").dimsd
    (3, 32, 32)
    """
    shape, given = shape_of(dims), as_kernel(kernel, None)
    leading = 1 if multiplier is None else 2
    wanted = () if multiplier is None else (integer(multiplier, "multiplier", least=1),)
    rank = given.ndim - leading
    if rank < 1 or given.shape[1:leading] != wanted:
        form = (
            "(channels, *k)" if multiplier is None else f"(channels, {multiplier}, *k)"
        )
        msg = f"a depthwise kernel has shape {form}, got {given.shape}"
        raise GeometryError(msg)
    if multiplier is None and rank > 1 and given.shape[1] == 1:
        # Weights of a layer would be taken for one more axis, and that be convolved.
        last = "x".join(map(str, given.shape[2:]))
        msg = (
            f"a depthwise kernel {given.shape} may mean {last} taps with a multiplier, or "
            f"1x{last} taps: say multiplier=1, and give {given.shape} or "
            f"{(given.shape[0], *given.shape[1:2], *given.shape[1:])}"
        )
        raise GeometryError(msg)
    channels, taps = given.shape[0], given.shape[leading:]
    return ConvNDOp(
        shape,
        given.reshape(-1, 1, *taps),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=channels,
        padding_mode=padding_mode,
        channel_axis=-rank - 1 if channel_axis is None else channel_axis,
        engine=engine,
    )


def pointwise(
    dims: Any, matrix: npt.ArrayLike, channel_axis: int, *, engine: str = "auto"
) -> ConvNDOp:
    """Return the operator that mixes the channels of every sample alike.

    Parameters
    ----------
    dims : tuple of int
        Shape of the input.
    matrix : array_like, shape ``(c_out, c_in)``
        What multiplies the channels; or weights of a layer, ``(c_out, c_in, 1, ...)``.
    channel_axis : int
        Axis of the channels.
    engine : str, optional
        As for `ConvNDOp`.

    Returns
    -------
    ConvNDOp
        A convolution with a single tap per axis.

    Raises
    ------
    GeometryError
        If `matrix` has more than two axes of more than one entry, or channels are all
        there is.

    See Also
    --------
    depthwise : The other half of a separable layer.

    Examples
    --------
    >>> import convadjoint as ca
    >>> grey = ca.pointwise((64, 64, 3), [[0.299, 0.587, 0.114]], channel_axis=-1)
    >>> grey.dimsd
    (64, 64, 1)
    """
    shape, given = shape_of(dims), as_kernel(matrix, None)
    pointwise = given.ndim >= 2 and set(given.shape[2:]) <= {1}
    if not pointwise or len(shape) < 2:
        msg = (
            f"a pointwise operator takes a matrix (c_out, c_in) and dims with an axis "
            f"beside the channels, got shapes {given.shape} and {shape}"
        )
        raise GeometryError(msg)
    place = integer(channel_axis, "channel_axis")
    others = range(place % len(shape) + 1, len(shape)) or range(len(shape) - 1)
    axes = tuple(others)[-_MOST_AXES:]
    return ConvNDOp(
        shape,
        given.reshape(*given.shape[:2], *(1 for _ in axes)),
        axes=axes,
        channel_axis=place,
        engine=engine,
    )
