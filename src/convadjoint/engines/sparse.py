"""The engine that assembles C once and multiplies by it."""

from dataclasses import dataclass, replace

import scipy.sparse

from convadjoint.engines.matrix import assemble
from convadjoint.engines.protocol import Array
from convadjoint.geometry import ConvSpec

__all__ = ["SparsePlan", "plan", "refuses"]


@dataclass(frozen=True, slots=True, eq=False)
class SparsePlan:
    """The matrix for one signal of the batch."""

    spec: ConvSpec
    matrix: scipy.sparse.csr_array

    # Zeros are not stored.
    tap_by_tap = True

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        batch = x.shape[0]
        columns = x.reshape(batch, self.matrix.shape[1]).T
        product: Array = self.matrix @ columns
        return product.T.reshape(batch, *self.spec.dimsd[1:])


def refuses(spec: ConvSpec, kernel: Array) -> str | None:  # noqa: ARG001
    """Nothing is refused; a matrix that does not fit is a `MemoryError`."""
    return None


def plan(spec: ConvSpec, kernel: Array) -> SparsePlan:
    """Assemble the matrix of `spec` with `kernel`."""
    single = replace(spec, batch=1)
    return SparsePlan(single, assemble(single, kernel))
