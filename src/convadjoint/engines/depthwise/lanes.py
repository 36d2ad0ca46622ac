"""Depthwise convolutions, for the engine `direct`: channels lie along vectors.

A job is a strip of a signal's rows, for as many channels as a vector has lanes, or for
several times as many where channels lie last.  Its samples are laid out in a band where
each position is a vector of channels: they are transposed on their way, unless they lie
so already.  Weights are vectors too.  Runs of outputs stay in registers while all taps
pass; they are written as they are, or transposed again.  So no other copy is made of data
whose channels lie last.
"""

from dataclasses import dataclass, field
from functools import cache
from math import prod

import numpy as np
import numpy.typing as npt

from convadjoint.engines.adapted import FlattenedPlan
from convadjoint.engines.calls import Call, keep
from convadjoint.engines.depthwise.positions import Grid
from convadjoint.engines.extension import fold
from convadjoint.engines.pool import num_threads
from convadjoint.engines.program import joined
from convadjoint.engines.protocol import Array, Plan
from convadjoint.engines.scratch import fresh
from convadjoint.geometry import ConvSpec

__all__ = ["LanesPlan", "grid_of", "pays", "plan", "takes_channels_last"]

Integers = npt.NDArray[np.int64]

# Bytes of a band for one block of channels, about, and at most.
_BYTES, _MOST_BYTES = 2**16, 2**20
# The longest rows that are better transposed if channels come first; and those where
# this needs channels that do not lie a multiple of some bytes apart: a cache keeps few of
# these at a time.
_LONG, _LONGEST, _PAGE_BYTES = 48, 112, 4096
# Blocks of channels that a job takes if they lie last.
_BLOCKS = 8
# Vectors that are moved or multiplied before another thread has woken up.
_WAKING = 30_000


@dataclass(frozen=True, slots=True, eq=False)
class _Program:
    """What compiled code takes: numbers, strips, parts of the channels, bytes of buffers."""

    numbers: Integers
    strips: int
    chunks: int
    nbytes: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class LanesPlan:
    """The weights of each block of channels, ``(blocks, taps, lanes)``, and a grid.

    Another plan may be there for channels that come first.  `programs`, for channels that
    lie last or not, and `calls` are those made so far.
    """

    grid: Grid
    weights: Array
    tap_by_tap: bool
    first: Plan | None
    programs: dict[bool, _Program] = field(default_factory=dict)
    calls: dict[tuple[int, bool, int], Call] = field(default_factory=dict)

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c, *n)`` to a new ``(batch, c, *q)``, channels where they were."""
        last = not x.flags.c_contiguous
        whole = not last or np.moveaxis(x, 1, -1).flags.c_contiguous
        if not (whole and x.flags.aligned):
            x, last = np.ascontiguousarray(x), False
        if self.first is not None and not last:
            return self.first.apply(x)
        channels, sizes = self.grid.spec.c_out, self.grid.outputs
        if last:
            y = np.moveaxis(fresh((len(x), *sizes, channels), x.dtype), -1, 1)
        else:
            y = fresh((len(x), channels, *sizes), x.dtype)
        key = len(x), last, num_threads()
        call = self.calls.get(key) or self._call(*key)
        call.make(x, y)
        borders = self.grid.spec.fold
        return fold(y, borders) if any(borders) else y

    def ready(self, x: Array) -> Call | None:
        """The call for data in the order of their axes, if it makes the whole result."""
        key = len(x), False, num_threads()
        whole = self.first is None and not any(self.grid.spec.fold)
        return (self.calls.get(key) or self._call(*key)) if whole else None

    def _call(self, batch: int, last: bool, threads: int) -> Call:
        """What the compiled code is given."""
        spec, (blocks, taps, _) = self.grid.spec, self.weights.shape
        program = self.programs.get(last) or self._program(last=last)
        sides = prod(spec.dims[2:]), prod(self.grid.outputs)
        channels, jobs = spec.c_in, program.strips * program.chunks * batch
        # Distances of signals, of channels and of samples.
        steps = [
            (side * channels, *((1, channels) if last else (side, 1))) for side in sides
        ]
        work = batch * blocks * (sum(sides) + sides[1] * taps // 4)
        call = Call.of(
            _compiled(self.weights.dtype),
            (0 if self.weights.itemsize == 4 else 2, *program.nbytes),
            (None, None, program.numbers, self.weights),
            # The last one is the next job.
            (jobs, program.chunks, blocks, channels, *steps[0], *steps[1], 0),
            threads=min(threads, max(1, jobs)) if work > _WAKING else 1,
        )
        return keep(self.calls, (batch, last, threads), call)

    def _program(self, *, last: bool) -> _Program:
        """Tables for channels that lie last, or first: positions become samples."""
        blocks, taps, lanes = self.weights.shape
        nbytes = lanes * self.weights.itemsize
        most = max(1, _MOST_BYTES // (nbytes * self.grid.least))
        chunks = -(-blocks // min(_BLOCKS, most)) if last else blocks
        each = -(-blocks // chunks)
        chunks = -(-blocks // each)
        tables = self.grid.tables(_BYTES // nbytes)
        far, apart = self.grid.steps
        band, page = (lanes * count for count in tables.most)
        numbers = joined(
            (
                (len(tables.strips), lanes * far, apart, taps, band),
                tables.strips * (1, 1, lanes),
                tables.pages,
                lanes * tables.places,
                np.maximum(-1, lanes * tables.borders),
                tables.runs * (1, lanes, 1, 1),
                lanes * tables.offsets,
                tables.ends,
            )
        )
        itemsize, strips = self.weights.itemsize, len(tables.strips)
        sizes = band * each * itemsize, page * itemsize
        found = _Program(numbers, strips, chunks, sizes)
        return self.programs.setdefault(last, found)


@cache
def _compiled(dtype: np.dtype[np.inexact]) -> int:
    """The address of the compiled part, which needs llvmlite."""
    from convadjoint.engines.depthwise import pages  # noqa: PLC0415

    place: int = pages.worker(dtype).address
    return place


def _lanes(itemsize: int) -> int:
    """Lanes of a vector here."""
    from convadjoint.engines.primitives import VECTOR_BYTES  # noqa: PLC0415

    return int(VECTOR_BYTES // itemsize)


def grid_of(spec: ConvSpec, kernel: Array) -> Grid | None:
    """The grid of a real depthwise convolution, if its channels may be lanes."""
    lanes = _lanes(kernel.itemsize)
    if not spec.c_in == spec.c_out == spec.groups >= lanes or kernel.dtype.kind != "f":
        return None
    return Grid.of(spec, _MOST_BYTES // (lanes * kernel.itemsize))


def pays(spec: ConvSpec, itemsize: int) -> bool:
    """Whether channels that come first had better be transposed."""
    longest = max(spec.axes[-1].n, spec.axes[-1].q)
    sides = prod(spec.dims[2:]), prod(spec.dimsd[2:])
    clash = any(side * itemsize % _PAGE_BYTES == 0 for side in sides)
    return longest <= (_LONG if clash else _LONGEST)


def plan(grid: Grid, kernel: Array, first: Plan | None) -> LanesPlan:
    """Plan for a kernel ``(c, 1, *k)``; `first` is for channels that come first."""
    channels, lanes = len(kernel), _lanes(kernel.itemsize)
    flat = kernel.reshape(channels, -1)[:, grid.taps]
    # The last block has some channels of the one before again.
    firsts = np.minimum(np.arange(0, channels, lanes), channels - lanes)
    chosen = flat[firsts[:, None] + np.arange(lanes)]
    return LanesPlan(
        grid=grid,
        weights=np.ascontiguousarray(chosen.swapaxes(1, 2)),
        tap_by_tap=bool(flat.all()) and (first is None or first.tap_by_tap),
        first=first,
    )


def takes_channels_last(plan: Plan) -> bool:
    """Whether a plan reads data whose channels lie last as they are."""
    inner = plan.inner if isinstance(plan, FlattenedPlan) else plan
    return isinstance(inner, LanesPlan)
