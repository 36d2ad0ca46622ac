"""One wrapper around every plan: complex data, and samples that are not finite."""

from dataclasses import dataclass, field

import numpy as np

from convadjoint.engines import direct, taps
from convadjoint.engines.blocked import BlockedPlan
from convadjoint.engines.depthwise.lanes import takes_channels_last
from convadjoint.engines.magnitude import largest
from convadjoint.engines.ordering import ordered
from convadjoint.engines.protocol import Array, Plan
from convadjoint.engines.taming import scale, tamed
from convadjoint.geometry import ConvSpec

__all__ = ["Guarded", "drowns"]

# A look at the range of the data: samples taken, and what part of a typical one the
# rounding of the largest may be.
_LOOK = 1024
_DROWNED = 2.0**-10
# Bytes of an input whose channels lie last that are worth a copy in another order.
_COPIED = 2**26
# Engines that add samples up before they multiply.
_MIXING = ("fft", "winograd")


@dataclass(frozen=True, slots=True, eq=False)
class Guarded:
    """A plan that sees data of its kernel's kind only, and only finite samples.

    A real kernel meets the real and the imaginary parts apart: a product of a real and
    a complex number would pass through ``0 * inf``.  Samples that are not finite are
    taken out and applied tap by tap, so they spread where the definition spreads
    them; a transform would spread one NaN everywhere.  It also rounds every sample as
    coarsely as the largest: where that would drown the others, and nobody asked for a
    transform by name, the product is computed tap by tap.
    """

    spec: ConvSpec
    kernel: Array
    inner: Plan
    engine: str
    reason: str
    automatic: bool = False
    others: list[Plan] = field(default_factory=list)

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        if x.strides[-1] != x.itemsize and x.nbytes <= _COPIED:
            x = x if _takes(self.inner, x) else ordered(x)
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
        sizes = largest(x)
        if np.isfinite(sizes).all():
            return self._suited(x, sizes)
        fine = np.isfinite(x)
        zero = x.dtype.type(0)
        with np.errstate(invalid="ignore"):
            careful = self._careful()
            if not careful.tap_by_tap:
                careful = taps.plan(self.spec, self.kernel)
            rest = careful.apply(np.where(fine, zero, x))
            rest_of_x = np.where(fine, x, zero)
            return self._suited(rest_of_x, largest(rest_of_x)) + rest

    def _suited(self, x: Array, sizes: Array) -> Array:
        """Apply the plan, unless its rounding errors would drown some of these data."""
        if self.engine not in _MIXING:
            return self.inner.apply(x)
        if self.automatic and drowns(x, sizes):
            return self._careful().apply(x)
        x, exponents = tamed(x, sizes)
        y = self.inner.apply(x)
        scale(y, exponents)
        return y

    def _careful(self) -> Plan:
        """A plan that does not mix, made when it is needed first."""
        if not self.others:
            refused = direct.refuses(self.spec, self.kernel)
            self.others.append(
                (taps if refused else direct).plan(self.spec, self.kernel)
            )
        return self.others[0]


def _takes(plan: Plan, x: Array) -> bool:
    """Whether a plan reads data whose last axis is not along memory as they are."""
    if isinstance(plan, BlockedPlan):
        return plan.takes_last(x)
    return takes_channels_last(plan)


def drowns(x: Array, sizes: Array | None = None) -> bool:
    """Whether the rounding of the largest sample is much of a typical one, in any signal.

    Typical is the median of some samples that are not zero; `sizes` are the largest.
    """
    if not x.size:
        return False
    sizes = largest(x) if sizes is None else sizes
    flat = x.reshape(len(x), -1)
    step = max(1, len(flat) * flat.shape[1] // _LOOK)
    look: Array = np.sort(np.abs(flat[:, :: min(step, -(-flat.shape[1] // 16))]))
    zeros = np.count_nonzero(look == 0, axis=1)
    middle = np.minimum((zeros + look.shape[1]) // 2, look.shape[1] - 1)
    typical = look[np.arange(len(look)), middle]
    eps = float(np.finfo(x.real.dtype).eps)
    return bool(((typical > 0) & (eps * sizes > _DROWNED * typical)).any())
