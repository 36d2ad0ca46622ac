"""Plans of the engine `direct` for all kernels of a geometry: only the weights change."""

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines import direct
from convadjoint.engines.adapted import FlattenedPlan
from convadjoint.engines.banded import DirectPlan
from convadjoint.engines.pool import each
from convadjoint.engines.protocol import Array
from convadjoint.engines.scratch import room
from convadjoint.geometry import ConvSpec

__all__ = ["Template", "template"]

# Weights that a thread lays out at once.
_LAID = 2**17


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A plan of many real kernels: the numbers of their taps stand for the weights.

    What is `absent` stands for no tap.
    """

    inner: DirectPlan
    flat: ConvSpec
    lengths: tuple[int, ...]
    numbers: npt.NDArray[np.signedinteger[Any]]
    absent: npt.NDArray[np.intp]

    def apply(self, kernel: Array, x: Array) -> Array:
        """Lay the weights of a kernel out, and map ``(batch, c_in, *n)``."""
        laid = self._laid(kernel.reshape(-1)).reshape(len(self.inner.taps.weights), -1)
        # Calls hold the address of the weights.
        taps = replace(self.inner.taps, weights=laid)
        inner = replace(self.inner, taps=taps, calls={})
        return FlattenedPlan(inner, self.flat.sizes, self.lengths).apply(x)

    def _laid(self, weights: Array) -> Array:
        """The weights in order, in a buffer of this thread unless they are very many."""
        from convadjoint.engines.laying import lay  # noqa: PLC0415 - needs llvmlite

        laid = room("w", self.numbers.shape, weights.dtype)
        given = np.require(weights, requirements=["C", "A"])

        def work(first: int) -> None:
            stop = min(len(laid), first + _LAID)
            lay(given, self.numbers, laid, first, stop)

        each(work, range(0, len(laid), _LAID))
        laid[self.absent] = 0
        return laid


def template(spec: ConvSpec, dtype: np.dtype[np.inexact]) -> Template | None:
    """Plan for all real kernels of a geometry; None if no tap joins anything."""
    size = prod(spec.kernel_shape)
    # The samples decide about the tile: so numbers need as many bytes.
    numbers = np.arange(1, size + 1, dtype=f"i{dtype.itemsize}")
    flat = spec.flattened()
    made: Any = direct.plan_rows(flat, numbers.reshape(flat.kernel_shape))
    if not isinstance(made, DirectPlan):
        return None
    laid = made.taps.weights.reshape(-1)
    # The fewer bytes, the sooner they are read.
    short = np.int32 if size < 2**31 else np.intp
    return Template(
        made,
        flat,
        spec.dimsd[2:],
        np.maximum(laid - 1, 0).astype(short),
        np.flatnonzero(laid == 0),
    )
