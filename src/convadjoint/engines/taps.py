"""The engine that needs nothing but NumPy: one pair of slices per tap.

Every tap joins two equally spaced stretches of samples per axis (`Axis.link`); their
product over the axes is a pair of strided views, and the tap multiplies one into the
other.  The transpose is the same walk over the transposed spec.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from convadjoint.engines.extension import closed, opened
from convadjoint.engines.protocol import Array, Index
from convadjoint.geometry import ConvSpec

__all__ = ["TapsPlan", "plan", "refuses"]


@dataclass(frozen=True, slots=True, eq=False)
class TapsPlan:
    """Taps with their links; `weights` has shape ``(groups, c_out/g, c_in/g)`` each."""

    spec: ConvSpec
    taps: tuple[tuple[Array, Index, Index], ...]
    dtype: np.dtype[np.inexact]

    # Several channels make a product of matrices, which meets weights of zero.
    tap_by_tap = False

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        x, y = opened(self.spec, x, np.result_type(self.dtype, x.dtype))
        for weights, source, target in self.taps:
            _accumulate(y[target], weights, x[source])
        return closed(self.spec, y)


def refuses(spec: ConvSpec, kernel: Array) -> str | None:  # noqa: ARG001
    """Nothing is refused."""
    return None


def plan(spec: ConvSpec, kernel: Array) -> TapsPlan:
    """Bind `kernel` to `spec`; taps that are zero in all channels are left out."""
    return TapsPlan(spec, tuple(_linked(spec, kernel)), kernel.dtype)


def _linked(spec: ConvSpec, kernel: Array) -> Iterator[tuple[Array, Index, Index]]:
    """Weights, input samples and output samples of each tap that does anything."""
    shape = (spec.groups, spec.c_out // spec.groups, spec.c_in // spec.groups)
    links = [[axis.link(j) for j in range(axis.k)] for axis in spec.axes]
    for tap in product(*(range(axis.k) for axis in spec.axes)):
        joined = [link[j] for link, j in zip(links, tap, strict=True)]
        picked: Index = (..., *tap)
        weights = kernel[picked].reshape(shape)
        if all(link.count for link in joined) and weights.any():
            source: Index = (..., *(link.input for link in joined))
            target: Index = (..., *(link.output for link in joined))
            yield weights, source, target


def _accumulate(y: Array, weights: Array, x: Array) -> None:
    """Add one tap: ``y[b, g, o] += weights[g, o, i] * x[b, g, i]``.

    A weight of zero is no tap: it must not meet a NaN.  Only where none is zero may
    the channels be mixed by one product of matrices.
    """
    if min(weights.shape[1:]) > 1 and weights.all():
        flat = x.reshape(*x.shape[:3], prod(x.shape[3:]))
        np.add(y, (weights @ flat).reshape(*y.shape), out=y)
        return
    for group, o, i in zip(*np.nonzero(weights), strict=True):
        y[:, group, o] += weights[group, o, i] * x[:, group, i]
