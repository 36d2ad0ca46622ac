"""Plans of the engine `direct` that take their data in another form."""

from dataclasses import dataclass

import numpy as np

from convadjoint.engines.protocol import Array, Plan

__all__ = ["ComplexPlan", "FlattenedPlan"]


@dataclass(frozen=True, slots=True, eq=False)
class ComplexPlan:
    """A plan for the real and imaginary parts, as channels of their own."""

    inner: Plan
    groups: int

    # A sample's real part meets the imaginary part of a weight, which may be zero.
    tap_by_tap = False

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        batch, channels, *sizes = x.shape
        grouped = x.reshape(batch, self.groups, channels // self.groups, *sizes)
        parts = np.concatenate((grouped.real, grouped.imag), axis=2)
        y = self.inner.apply(parts.reshape(batch, 2 * channels, *sizes))
        c_out, lengths = y.shape[1] // 2, y.shape[2:]
        split = y.reshape(batch, self.groups, 2, c_out // self.groups, *lengths)
        joined = np.empty((batch, self.groups, c_out // self.groups, *lengths), x.dtype)
        joined.real, joined.imag = split[:, :, 0], split[:, :, 1]
        return joined.reshape(batch, c_out, *lengths)


@dataclass(frozen=True, slots=True, eq=False)
class FlattenedPlan:
    """A plan that takes the last axes as one, of the given lengths in the output."""

    inner: Plan
    sizes: tuple[int, ...]
    lengths: tuple[int, ...]

    @property
    def tap_by_tap(self) -> bool:
        """Whether a sample meets its own taps only."""
        return self.inner.tap_by_tap

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        y = self.inner.apply(x.reshape(*x.shape[:2], *self.sizes))
        return y.reshape(*y.shape[:2], *self.lengths)
