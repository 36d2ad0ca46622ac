"""One wrapper around every plan: complex data, and samples that are not finite."""

from dataclasses import dataclass

import numpy as np

from convadjoint.engines import taps
from convadjoint.engines.protocol import Array, Plan
from convadjoint.geometry import ConvSpec

__all__ = ["Guarded"]


@dataclass(frozen=True, slots=True, eq=False)
class Guarded:
    """A plan that sees data of its kernel's kind only, and only finite samples.

    A real kernel meets the real and the imaginary parts apart: a product of a real and
    a complex number would pass through ``0 * inf``.  Samples that are not finite are
    taken out and applied tap by tap, so they spread where the definition spreads
    them; a transform would spread one NaN everywhere.
    """

    spec: ConvSpec
    kernel: Array
    inner: Plan
    engine: str
    reason: str

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        if x.dtype.kind == "c" and self.kernel.dtype.kind != "c":
            parts = self._finite(np.concatenate((x.real, x.imag)))
            y = np.empty((len(x), *parts.shape[1:]), x.dtype)
            y.real, y.imag = parts[: len(x)], parts[len(x) :]
            return y
        return self._finite(x)

    def _finite(self, x: Array) -> Array:
        """Apply the plan to the finite samples, and the taps to the others."""
        if self.inner.tap_by_tap:
            return self.inner.apply(x)
        with np.errstate(over="ignore", invalid="ignore"):
            probe = x.sum()
        if np.isfinite(probe) or np.isfinite(x).all():
            return self.inner.apply(x)
        fine = np.isfinite(x)
        zero = x.dtype.type(0)
        with np.errstate(invalid="ignore"):
            rest = taps.plan(self.spec, self.kernel).apply(np.where(fine, zero, x))
            return self.inner.apply(np.where(fine, x, zero)) + rest
