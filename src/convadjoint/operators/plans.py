"""One convolution, whichever way it is applied: geometry, kernel, and lazy plans."""

from dataclasses import dataclass, field, replace

import numpy as np

from convadjoint import engines
from convadjoint.engines import Array, Guarded
from convadjoint.geometry import ConvSpec, Layout

__all__ = ["Convolution", "Direction"]


@dataclass(frozen=True, slots=True)
class Direction:
    """Which of the four matrices is meant: C, its transpose, adjoint or conjugate."""

    transposed: bool = False
    conjugated: bool = False

    @property
    def adjoint(self) -> "Direction":
        """The conjugate transpose of this one."""
        return Direction(not self.transposed, not self.conjugated)


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """C with its layout, and the plans made for it so far.

    An operator and its transpose, adjoint and conjugate hold the same object, so they
    share the plans.  `kernel` is that of C in canonical order,
    ``(c_out, c_in/groups, *k)``.
    """

    spec: ConvSpec
    layout: Layout
    kernel: Array
    engine: str
    plans: dict[tuple[Direction, np.dtype[np.inexact]], Guarded] = field(
        default_factory=dict
    )

    def geometry(self, direction: Direction) -> tuple[ConvSpec, Layout]:
        """Spec and layout in this direction."""
        if direction.transposed:
            return self.spec.transpose(), self.layout.transpose()
        return self.spec, self.layout

    def weights(self, direction: Direction, dtype: np.dtype[np.inexact]) -> Array:
        """The kernel that goes with the spec in this direction."""
        kernel = self.kernel.astype(dtype, copy=False)
        if direction.transposed:
            kernel = engines.transpose_kernel(kernel, self.spec.groups)
        return np.conj(kernel) if direction.conjugated else kernel

    def plan(self, direction: Direction, dtype: np.dtype[np.inexact]) -> Guarded:
        """The plan for data of this dtype, made at first use."""
        if self.kernel.dtype.kind != "c":
            direction = replace(direction, conjugated=False)
        key = (direction, dtype)
        if key not in self.plans:
            spec, _ = self.geometry(direction)
            weights = self.weights(direction, dtype)
            # Two threads may both get here; the plans are equal, and one is kept.
            made = engines.plan(self.engine, spec, weights)
            self.plans.setdefault(key, made)
        return self.plans[key]

    def choice(self, direction: Direction) -> tuple[str, str]:
        """The engine in this direction, and the reason; only measuring makes a plan."""
        if self.engine == "measure":
            plan = self.plan(direction, self.kernel.dtype)
            return plan.engine, plan.reason
        spec, _ = self.geometry(direction)
        weights = self.weights(direction, self.kernel.dtype)
        return engines.resolve(self.engine, spec, weights)

    def apply(self, x: Array, direction: Direction, *, double: bool) -> Array:
        """Map users' arrays ``(*dims, columns)`` to ``(*dimsd, columns)``.

        Arithmetic is in the common dtype of kernel and data, or in double precision.
        """
        result = np.result_type(self.kernel.dtype, x.dtype)
        compute = np.result_type(result, np.float64) if double else result
        _, layout = self.geometry(direction)
        canonical = self._canonical(x.astype(compute, copy=False), direction)
        kernel = np.result_type(self.kernel.dtype, canonical.real.dtype)
        computed = self.plan(direction, kernel).apply(canonical)
        shape = (x.shape[-1], *layout.batch_sizes, *self._grid(layout))
        back = np.argsort(layout.orderd)
        ordered = computed.reshape(shape).transpose(*(1 + back), 0)
        return np.ascontiguousarray(ordered, dtype=result)

    def _canonical(self, x: Array, direction: Direction) -> Array:
        """Users' ``(*dims, columns)`` as ``(columns * batch, c_in, *n)``."""
        spec, layout = self.geometry(direction)
        ordered = x.transpose(x.ndim - 1, *layout.order)
        return ordered.reshape(x.shape[-1] * spec.batch, *spec.dims[1:])

    def _grid(self, layout: Layout) -> tuple[int, ...]:
        """Channel (if there is a channel axis) and spatial lengths of the output."""
        return tuple(layout.dimsd[axis] for axis in layout.orderd[layout.batch_axes :])
