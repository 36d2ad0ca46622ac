"""One axis of a transform: its dense phases, and the borders that are left to fill."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from convadjoint.engines.protocol import Array, Index
from convadjoint.engines.scratch import KEPT_FOR_PLANS, room
from convadjoint.geometry import Axis, Border
from convadjoint.geometry.phases import Phase, phases

__all__ = ["Line", "laid", "placed"]

Phases = tuple[Phase, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One axis: its dense phases, and the borders that are left to fill.

    `period` is set where the boundary is circular and the transform's own period does
    the wrapping; then no border is left.  `samples` and `size` are the lengths of input
    and output.
    """

    phases: Phases
    samples: int
    size: int
    extend: Border | None = None
    fold: Border | None = None
    period: int | None = None

    @classmethod
    def of(
        cls,
        axis: Axis,
        extend: Border | None,
        fold: Border | None,
        quick: Callable[[int], bool],
    ) -> "Line":
        """Split an axis; take a circular border into a transform that is quick."""
        border = extend or fold
        if border is None or not (
            _wraps(axis, border, fold is not None) and quick(border.n)
        ):
            return cls(
                phases=phases(axis),
                samples=axis.n,
                size=axis.q,
                extend=extend,
                fold=fold,
            )
        lead = -border.lo if extend else border.lo - axis.lo
        size = axis.q if extend else border.n
        whole = Phase(
            first_in=0,
            first_out=0,
            step_in=1,
            step_out=1,
            n=border.n,
            q=size,
            taps=tuple(range(axis.k)),
            shifts=tuple(j * axis.d + lead for j in range(axis.k)),
        )
        samples = border.n if extend else axis.n
        return cls(phases=(whole,), samples=samples, size=size, period=border.n)

    @property
    def least(self) -> int:
        """The shortest transform in which no kept sample sees what wraps around."""
        ends = [1]
        for pair in self.phases:
            ends += (pair.n - min(0, *pair.shifts), pair.q + max(0, *pair.shifts))
        return max(ends)


def _wraps(axis: Axis, border: Border, folded: bool) -> bool:
    """Whether the transform's period may stand for a circular border.

    It may if no tap leaves the extended signal.
    """
    forward = axis.transpose() if folded else axis
    return (
        border.mode == "circular"
        and axis.s == axis.t == 1
        and forward.lo == 0
        and forward.q - 1 + forward.reach < forward.n
        and forward.q <= border.n
    )


def placed(
    kernel: Array, pairs: Phases, lengths: tuple[int, ...], leads: tuple[int, ...]
) -> Array:
    """The taps of one combination of phases, laid out for a circular correlation.

    `leads` are the shifts that the first sample of the transform stands for.
    """
    for axis, one in enumerate(zip(pairs, lengths, leads, strict=True), start=3):
        kernel = laid(kernel, axis, *one)
    return kernel


def laid(kernel: Array, axis: int, pair: Phase, length: int, lead: int) -> Array:
    """The taps of one axis with zeros between them, in a buffer of this thread."""
    before: Index = (slice(None),) * axis
    shape = (*kernel.shape[:axis], length, *kernel.shape[axis + 1 :])
    made = room(f"taps{axis}", shape, kernel.dtype, KEPT_FOR_PLANS)
    made[...] = 0
    places = (lead - np.array(pair.shifts)) % length
    # Taps may meet: a circular axis can be shorter than the kernel.
    for place, tap in zip(places, pair.taps, strict=True):
        here: Array = made[(*before, int(place))]
        np.add(here, kernel[(*before, tap)], out=here)
    return made
