"""Operators from the integers of some axes: all other axes are a batch."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
import numpy.typing as npt

from convadjoint.geometry import Axis, Border, ConvSpec, Layout
from convadjoint.geometry.layout import Roles, total
from convadjoint.operators import SpecOp

__all__ = ["channel_per_tap", "one_hot", "separate"]


def separate(
    dims: tuple[int, ...],
    place: Roles,
    axes: Sequence[Axis],
    *,
    borders: Sequence[Border | None] = (),
    kernel: npt.ArrayLike = 1.0,
    dtype: npt.DTypeLike = np.float64,
    engine: str = "auto",
) -> SpecOp:
    """Convolution along some axes; all others are a batch.

    `kernel` has one axis for each, or is one number for all taps.
    """
    total(dims, "dims")
    spec = ConvSpec(
        axes=tuple(axes),
        batch=prod(dims[axis] for axis in place.batch),
        extend=tuple(borders),
    )
    dimsd = place.replaced(dims, spec.dimsd[2:], 1)
    total(dimsd, "dimsd")
    taps = np.broadcast_to(kernel, spec.kernel_shape)
    layout = place.layout(dims, dimsd)
    return SpecOp(spec, taps, layout, dtype=dtype, engine=engine)


def channel_per_tap(spec: ConvSpec) -> ConvSpec:
    """The same windows, every tap of which writes a channel of its own."""
    return replace(spec, c_out=prod(spec.kernel_shape))


def one_hot(
    spec: ConvSpec, layout: Layout, dtype: npt.DTypeLike, engine: str
) -> SpecOp:
    """The operator whose channels are the taps."""
    kernel = np.eye(spec.c_out).reshape(spec.kernel_shape)
    return SpecOp(spec, kernel, layout, dtype=dtype, engine=engine)
