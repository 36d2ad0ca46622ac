"""Dense convolutions by small kernels, one output channel per group, for `direct`.

Rows are not laid out elsewhere before, which would take as long as few multiplications do,
but read where they lie, by blocks of the output (`blocks`).  For a block, tables say where
its rows are, and those that it reads; so rows may be extended, or missing, or those of
several channels or planes.  Only where samples of a row are extended, what a block reads is
laid out.
"""

from dataclasses import dataclass, field, replace
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from convadjoint.engines.calls import Call, keep
from convadjoint.engines.extension import fold, sources
from convadjoint.engines.frames import LINE
from convadjoint.engines.inplace import IDLE, InPlacePlan, Key, evenly, near
from convadjoint.engines.protocol import Array
from convadjoint.geometry import Axis, Border, ConvSpec

if TYPE_CHECKING:
    from convadjoint.engines.blocks import Form

__all__ = ["BlockedPlan", "fits", "plan"]

Integers = npt.NDArray[np.int64]

# The most taps of a row, which are written out, and how far they may reach; bytes of the
# shortest row, and of the shortest that is extended.
_TAPS, _REACH, _SHORTEST, _EXTENDED = 17, 64, 88, 384
# Rows of the output that should be there for each row between two of taps.
_APART = 6
# The most taps and rows of a plane of which some are zero: there is code for each pattern.
_SMALL, _FEW = 9, 3
# Samples of a job, at most, and jobs of a thread, at least.
_JOB, _JOBS = 2**15, 4
# Multiplications that are not worth another thread, those that are over before one that
# sleeps has woken up, and those that take as long as a sample of the output takes besides.
_WAKING, _BRIEF, _MOVING = 1_200_000, 8_000_000, 8
# Bytes of an address.
_WORD = 8
# Rows and vectors of a block, with 32 registers or with 16, and how much longer a sample
# takes than with the first one.
_SHAPES = {32: ((6, 3, 1.0), (7, 2, 1.04)), 16: ((4, 2, 1.0),)}


@dataclass(frozen=True, slots=True, eq=False)
class BlockedPlan(InPlacePlan):
    """Weights ``(groups, c_in/g, planes, rows, taps)``.

    `others` are plans for signals, or channels, that lie beside each other sample by
    sample: they are one image, whose taps are as many samples apart.
    """

    others: "dict[int, BlockedPlan | None]" = field(default_factory=dict)

    @property
    def zeros(self) -> int:
        """A bit for each tap of a plane that is none."""
        return sum(1 << int(tap) for tap in np.flatnonzero(~_live(self.weights)))

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``, in the same order."""
        axis = int(len(x) == 1)
        beside = self._beside(x.shape[axis]) if self.takes_last(x) else None
        if beside is None:
            return InPlacePlan.apply(self, x)
        count, sizes = x.shape[axis], x.shape[2:]
        shape, strides = (*sizes[:-1], sizes[-1] * count), x.strides[2:-1]
        joined = as_strided(x, (1, 1, *shape), (*x.strides[:2], *strides, x.itemsize))
        found = beside.apply(joined)
        lengths = (line.q for line in self.spec.axes)
        y = np.expand_dims(np.moveaxis(found.reshape(*lengths, count), -1, 0), 1 - axis)
        return fold(y, self.spec.fold) if any(self.spec.fold) else y

    def takes_last(self, x: Array) -> bool:
        """Whether signals or channels that lie beside each other can be one image."""
        axis = int(len(x) == 1)
        count = x.shape[axis]
        return bool(
            count > 1
            and self.spec.c_in == self.spec.groups
            and x.shape[1 - axis] == 1
            and x.flags.aligned
            and (x.strides[axis], x.strides[-1]) == (x.itemsize, count * x.itemsize)
            and all(stride % x.itemsize == 0 for stride in x.strides)
            and self._beside(count) is not None
        )

    def _beside(self, count: int) -> "BlockedPlan | None":
        """The plan for so many of them, if there is one: they have one kernel."""
        if count not in self.others:
            self.others[count] = self._joined(count)
        return self.others[count]

    def _joined(self, count: int) -> "BlockedPlan | None":
        """Make it."""
        spec, along, kernel = self.spec, self.spec.axes[-1], self.weights[:1]
        if spec.extend[-1] or (self.weights != kernel).any():
            return None
        wide = replace(
            along,
            n=along.n * count,
            q=along.q * count,
            d=along.d * count,
            lo=along.lo * count,
        )
        one = ConvSpec(axes=(*spec.axes[:-1], wide), extend=spec.extend)
        return plan(one, kernel) if fits(one, kernel) else None

    def _call(self, x: Array, key: Key) -> Call:
        """What the compiled code is given."""
        spec, itemsize, weights = self.spec, x.itemsize, self.weights
        deep, down, along = (IDLE, *spec.axes)[-3:]
        form, wide = _form(down, along, itemsize)
        blocks = -(-down.q // (form.rows * down.d)) * down.d
        images, image = len(x) * spec.groups * deep.q, down.q * along.q
        jobs = _jobs(images, blocks, form.rows * along.q, key[-1])
        channels, sink = spec.c_in // spec.groups, -(-along.q // LINE) * LINE
        words = channels * deep.k * (form.rows + down.k)
        strips = wide * words if spec.extend[-1] else 0
        reach = blocks * form.rows + down.d * (down.k - 1)
        far, lane, *others, row = (stride // itemsize for stride in x.strides[:-1])
        work = images * image * (weights[0].size + _MOVING)
        call = Call.of(
            _compiled(weights.dtype, form._replace(zeros=self.zeros)),
            (
                0 if itemsize == 4 else 2,
                (sink + strips) * itemsize,
                _WORD * (form.rows + 2 * words),
            ),
            (None, None, weights, *_tables(spec, reach, along.q + wide)),
            (
                *(*jobs, blocks),
                *(deep.q, spec.groups, channels, deep.k, down.q, along.q),
                *_inside(along, spec.extend[-1]),
                *(down.d, down.k),
                *(far, lane, *(others or (0,)), row),
                *(spec.groups * deep.q * image, deep.q * image, image, along.q),
                *(sink, words, 0),
            ),
            threads=min(key[-1], max(1, jobs[0])) if work > _WAKING else 1,
            brief=work < _BRIEF,
        )
        return keep(self.calls, key, call)


def _jobs(images: int, blocks: int, row: int, threads: int) -> tuple[int, ...]:
    """Jobs, bands of each, all bands, bands of an image, and blocks of a band.

    A row of blocks has so many samples.  Small bands are taken several at once.
    """
    most = min(_JOB, images * blocks * row // (_JOBS * threads))
    band = evenly(blocks, max(1, most // row))
    bands, each = -(-blocks // band), max(1, most // (band * row))
    return -(-images * bands // each), each, images * bands, bands, band


def _tables(spec: ConvSpec, rows: int, samples: int) -> tuple[Integers, ...]:
    """Where planes, so many rows, and so many samples of these are that taps read."""
    (deep, down, along), borders = (IDLE, *spec.axes)[-3:], (None, *spec.extend)[-3:]
    planes = np.add.outer(np.arange(deep.q), deep.d * np.arange(deep.k))
    found = planes, np.arange(rows), np.arange(samples)
    return tuple(map(_origins, (deep, down, along), borders, found))


def _form(down: Axis, along: Axis, itemsize: int) -> "tuple[Form, int]":
    """The blocks that take the least time, and samples of a row that they load."""
    from convadjoint.engines import blocks, primitives  # noqa: PLC0415 - needs llvmlite

    lanes = primitives.VECTOR_BYTES // itemsize

    def time(shape: tuple[int, int, float]) -> float:
        units = (down.d * shape[0], down.q), (shape[1] * lanes, along.q)
        return shape[2] * prod(-(-count // unit) * unit for unit, count in units)

    rows, vectors, _ = min(_SHAPES[primitives.REGISTERS], key=time)
    few = down.k if down.k < rows else 0
    form = blocks.Form(rows, vectors, along.k, along.d, few)
    return form, form.reads(lanes) * lanes


def _origins(axis: Axis, border: Border | None, found: Integers) -> Integers:
    """The samples at some places, counted from where the first tap reads; -1 outside."""
    places = found - axis.lo
    inside = (places >= 0) & (places < axis.n)
    if border:
        places = sources(border)[np.where(inside, places, 0)]
    return np.where(inside, places, -1)


def _inside(axis: Axis, border: Border | None) -> tuple[int, int, int]:
    """Samples of a row, how many lie before the first tap, and if more stand there."""
    if border is None:
        return axis.n, axis.lo, 0
    return border.n, axis.lo + border.lo, 1


@cache
def _compiled(dtype: np.dtype[np.inexact], form: Any) -> int:
    """The address of the compiled part, which needs llvmlite."""
    from convadjoint.engines import blocking  # noqa: PLC0415

    place: int = blocking.worker(dtype, form).address
    return place


def fits(spec: ConvSpec, kernel: Array) -> bool:
    """Whether dense rows make one channel of each group, by few taps."""
    if spec.c_out != spec.groups or kernel.dtype.kind != "f":
        return False
    if not 2 <= len(spec.axes) <= 3 or not all(map(_whole, spec.extend)):
        return False
    *_, down, along = spec.axes
    return bool(
        all(axis.s == axis.t == 1 for axis in spec.axes)
        and along.k <= _TAPS
        and (along.k - 1) * along.d <= _REACH
        and (down.d - 1) * _APART <= down.q
        and all(map(near, spec.axes))
        and along.q * kernel.itemsize >= (_EXTENDED if spec.extend[-1] else _SHORTEST)
        and _patterned(kernel)
    )


def _live(kernel: Array) -> npt.NDArray[np.bool_]:
    """Which taps of a plane are not zero everywhere: ``(rows, taps)``."""
    return np.asarray(kernel.any(axis=tuple(range(kernel.ndim - 2))))


def _patterned(kernel: Array) -> bool:
    """Whether the same taps are zero everywhere: none, or some of a very small plane."""
    live = _live(kernel)
    small = live.size <= _SMALL and len(live) <= _FEW
    return bool(kernel[..., live].all() and (live.all() or (small and live.any())))


def _whole(border: Border | None) -> bool:
    """Whether the whole signal is part of what it is extended to."""
    return border is None or len(border.core) == border.n


def plan(spec: ConvSpec, kernel: Array) -> BlockedPlan:
    """Plan for a kernel: taps that are zero are left out."""
    return BlockedPlan(spec, np.ascontiguousarray(kernel), tap_by_tap=True)
