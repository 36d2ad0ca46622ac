"""One convolution, whichever way it is applied: geometry, kernel, and lazy plans."""

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from convadjoint import engines
from convadjoint.engines import Array, Guarded
from convadjoint.engines.memory import require
from convadjoint.engines.protocol import Plan
from convadjoint.geometry import ConvSpec, Layout

__all__ = ["Convolution", "Direction", "Side", "Straight"]

# Samples of a result that are worth a look at the free memory.
_LARGE = 2**26


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
class Side:
    """One direction of a convolution, and the permutations that go with it.

    `inward` brings users' axes, with columns last, into canonical order, with columns
    first; `outward` leads back.  `tail` is the canonical shape of a signal, `shape` the
    users' output with its axes in canonical order.
    """

    spec: ConvSpec
    layout: Layout
    inward: tuple[int, ...]
    outward: tuple[int, ...]
    tail: tuple[int, ...]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, spec: ConvSpec, layout: Layout) -> "Side":
        """Work the permutations out."""
        places = sorted(range(len(layout.orderd)), key=layout.orderd.__getitem__)
        return cls(
            spec=spec,
            layout=layout,
            inward=(len(layout.dims), *layout.order),
            outward=(*(1 + place for place in places), 0),
            tail=spec.dims[1:],
            shape=tuple(layout.dimsd[axis] for axis in layout.orderd),
        )

    def canonical(self, x: Array) -> Array:
        """Users' input ``(*dims, columns)`` as ``(columns * batch, c_in, *n)``."""
        signals = x.transpose(self.inward)
        return signals.reshape(x.shape[-1] * self.spec.batch, *self.tail)

    def users(self, y: Array, columns: int) -> Array:
        """Output ``(columns * batch, c_out, *q)`` as a view ``(*dimsd, columns)``."""
        return y.reshape(columns, *self.shape).transpose(self.outward)


@dataclass(frozen=True, slots=True, eq=False)
class Straight:
    """Products of arrays that lie as a plan reads them: without any detour.

    Small products take less time than a careful look at what is given.  `dims` and
    `dimsd` are the users' shapes, `canonical` is the plan's input; no `dims` fit nothing.
    Samples come one after the other, and leave so.
    `calls` are those that are all of a product, by the number of threads, and `shortest`
    are the functions that look at an array, and make the call if it fits.
    """

    plan: Plan | Guarded
    dtype: np.dtype[np.inexact]
    dims: tuple[int, ...] | None
    canonical: tuple[int, ...]
    dimsd: tuple[int, ...]
    calls: dict[int, Any] = field(default_factory=dict)
    shortest: dict[int, Any] = field(default_factory=dict)

    def fits(self, x: Any) -> bool:
        """Whether `x` may be given to `apply`."""
        flat = self.dims is not None and type(x) is np.ndarray and x.ndim == 1
        return flat and x.dtype == self.dtype and x.flags.carray

    def apply(self, x: Array) -> tuple[Array, Any]:
        """Map all samples of ``dims`` to all of ``dimsd``; return one of `shortest`, too."""
        threads = engines.num_threads()
        call = self.calls.get(threads)
        if call is None:
            lying = x.reshape(self.canonical)
            if threads not in self.calls:
                self.calls[threads] = engines.ready(self.plan, lying)
            return self.plan.apply(lying).reshape(-1), None
        y = engines.fresh((prod(self.dimsd),), self.dtype)
        call.make(x, y)
        if threads not in self.shortest and self.dims is not None:
            self.shortest[threads] = call.product(self.dims, self.dtype, self.dimsd)
        return y, self.shortest.get(threads)


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
    double: bool
    plans: dict[tuple[bool, bool, np.dtype[np.inexact]], Guarded] = field(
        default_factory=dict
    )
    sides: dict[bool, Side] = field(default_factory=dict)
    choices: dict[Direction, tuple[str, str]] = field(default_factory=dict)
    grams: dict[Direction, "Convolution | None"] = field(default_factory=dict)

    def side(self, direction: Direction) -> Side:
        """Geometry in this direction, worked out at first use."""
        transposed = direction.transposed
        if transposed not in self.sides:
            spec, layout = self.spec, self.layout
            if transposed:
                spec, layout = spec.transpose(), layout.transpose()
            self.sides.setdefault(transposed, Side.of(spec, layout))
        return self.sides[transposed]

    def weights(self, direction: Direction, dtype: np.dtype[np.inexact]) -> Array:
        """The kernel that goes with the spec in this direction."""
        kernel = self.kernel.astype(dtype, copy=False)
        if direction.transposed:
            kernel = engines.transpose_kernel(kernel, self.spec.groups)
        return np.conj(kernel) if direction.conjugated else kernel

    def plan(self, direction: Direction, dtype: np.dtype[np.inexact]) -> Guarded:
        """The plan for data of this dtype, made at first use."""
        conjugated = direction.conjugated and self.kernel.dtype.kind == "c"
        key = (direction.transposed, conjugated, dtype)
        if key not in self.plans:
            weights = self.weights(direction, dtype)
            # Two threads may both get here; the plans are equal, and one is kept.
            made = engines.plan(self.engine, self.side(direction).spec, weights)
            self.plans.setdefault(key, made)
        return self.plans[key]

    def straight(self, direction: Direction) -> Straight:
        """Products of the kernel's own dtype, where users' axes are the plan's."""
        side, dtype = self.side(direction), self.kernel.dtype
        layout, plan = side.layout, self.plan(direction, self._computing(dtype))
        inner: Plan | Guarded = plan.inner if plan.inner.tap_by_tap else plan
        plain = sorted(side.inward[1:]) == list(side.inward[1:])
        plain = plain and sorted(side.outward[:-1]) == list(side.outward[:-1])
        small = prod(side.shape) <= _LARGE
        dims, dimsd = layout.seen
        return Straight(
            plan=inner,
            dtype=dtype,
            dims=dims if plain and small and not self.double else None,
            canonical=(side.spec.batch, *side.tail),
            dimsd=dimsd,
        )

    def choice(self, direction: Direction) -> tuple[str, str]:
        """The engine for the operator's own dtype, and the reason.

        Only measuring makes a plan.
        """
        if direction not in self.choices:
            self.choices.setdefault(direction, self._chosen(direction))
        return self.choices[direction]

    def _chosen(self, direction: Direction) -> tuple[str, str]:
        """The choice, made."""
        dtype = self._computing(self.kernel.dtype)
        if self.engine == "measure":
            plan = self.plan(direction, dtype)
            return plan.engine, plan.reason
        weights = self.weights(direction, dtype)
        return engines.resolve(self.engine, self.side(direction).spec, weights)

    def _computing(self, dtype: np.dtype[np.inexact]) -> np.dtype[np.inexact]:
        """The dtype that results of another are computed in."""
        return np.result_type(dtype, np.float64) if self.double else dtype

    def apply(self, x: Array, direction: Direction, *after: Direction) -> Array:
        """Map users' arrays ``(*dims, columns)`` to ``(*dimsd, columns)``.

        Arithmetic is in the common dtype of kernel and data, or in double precision.
        Directions that come `after` are applied in turn, in canonical order.
        """
        side = self.side(direction)
        last = self.side(after[-1]) if after else side
        columns = x.shape[-1]
        result = np.result_type(self.kernel.dtype, x.dtype)
        for made in (side, last) if after else (side,):
            if columns * prod(made.shape) > _LARGE:
                nbytes = columns * prod(made.shape) * result.itemsize
                require(nbytes, f"a result of shape {made.layout.dimsd}")
        signals = side.canonical(x.astype(self._computing(result), copy=False))
        kernel = np.result_type(self.kernel.dtype, signals.real.dtype)
        for one in (direction, *after):
            signals = self.plan(one, kernel).apply(signals)
        y = engines.ordered(last.users(signals, columns))
        return y.astype(result, copy=False)
