"""Large signals in blocks, all of one geometry: the engine `fft` needs no more memory then.

A block of the output reads a stretch of the input; where that leaves the signal there
are zeros.  If blocks begin at multiples of their length, and that fits the strides, each
is the same convolution, with the same spectra (overlap-save).
"""

from dataclasses import dataclass, replace
from itertools import product
from math import gcd

import numpy as np

from convadjoint.engines.extension import extend, fold
from convadjoint.engines.protocol import Array, Index, Plan
from convadjoint.geometry import Axis, ConvSpec

__all__ = ["BlockedPlan", "Blocks", "in_blocks"]


@dataclass(frozen=True, slots=True)
class Blocks:
    """The convolution of one block; per axis, where the first and the next ones read."""

    spec: ConvSpec
    firsts: tuple[int, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class BlockedPlan:
    """One block after the other, with the plan of one."""

    spec: ConvSpec
    blocks: Blocks
    inner: Plan

    @property
    def tap_by_tap(self) -> bool:
        """As the plan of a block."""
        return self.inner.tap_by_tap

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        spec, inner = self.spec, self.blocks.spec
        x = extend(x, spec.extend)
        y = np.empty((len(x), spec.c_out, *(axis.q for axis in spec.axes)), x.dtype)
        counts = (
            range(-(-whole.q // part.q))
            for whole, part in zip(spec.axes, inner.axes, strict=True)
        )
        for numbers in product(*counts):
            where: Index = (
                ...,
                *(
                    slice(number * axis.q, (number + 1) * axis.q)
                    for number, axis in zip(numbers, inner.axes, strict=True)
                ),
            )
            part = y[where]
            kept: Index = (..., *map(slice, part.shape[2:]))
            part[...] = self.inner.apply(self._read(x, numbers))[kept]
        return fold(y, spec.fold)

    def _read(self, x: Array, numbers: tuple[int, ...]) -> Array:
        """The input of a block, with the zeros outside."""
        source: Index = (...,)
        target: Index = (...,)
        for number, first, step, axis, length in zip(
            numbers,
            self.blocks.firsts,
            self.blocks.steps,
            self.blocks.spec.axes,
            x.shape[2:],
            strict=True,
        ):
            begin = first + number * step
            low, high = max(begin, 0), max(min(begin + axis.n, length), 0)
            source += (slice(min(low, high), high),)
            target += (slice(low - begin, low - begin + max(high - low, 0)),)
        read = np.zeros((*x.shape[:2], *self.blocks.spec.sizes), x.dtype)
        read[target] = x[source]
        return read


def in_blocks(spec: ConvSpec, parts: int) -> Blocks | None:
    """Cut into at least `parts` blocks, if that makes the input of each much smaller."""
    axes = list(spec.axes)
    while parts > 1:
        index = max(range(len(axes)), key=lambda i: axes[i].q / axes[i].k)
        half = _part(axes[index], -(-axes[index].q // 2))
        if half is None or half.n > 0.75 * axes[index].n:
            break
        axes[index] = half
        parts = -(-parts // 2)
    if axes == list(spec.axes):
        return None
    nothing = (None,) * len(axes)
    blocks = [_reads(whole, part) for whole, part in zip(spec.axes, axes, strict=True)]
    return Blocks(
        spec=replace(spec, axes=tuple(axes), extend=nothing, fold=nothing),
        firsts=tuple(first for first, _ in blocks),
        steps=tuple(step for _, step in blocks),
    )


def _part(axis: Axis, most: int) -> Axis | None:
    """About the first `most` outputs of an axis, as a convolution of what they read."""
    unit = axis.t // gcd(axis.s, axis.t)
    q = -(-most // unit) * unit
    if q >= axis.q:
        return None
    begin = -(axis.lo // axis.t)
    end = ((q - 1) * axis.s + axis.reach - axis.lo) // axis.t
    return replace(axis, n=max(1, end - begin + 1), q=q, lo=axis.lo + begin * axis.t)


def _reads(whole: Axis, part: Axis) -> tuple[int, int]:
    """Where the first block of an axis begins to read, and how far on the next ones."""
    return (part.lo - whole.lo) // whole.t, part.q * whole.s // whole.t
