"""The compiled kernel gradient: how it is cut into jobs, and which lines it multiplies.

Strides are split into dense phases (`geometry.phases`).  A band of the input is laid out
as for the engine `direct`, and the same band of the other side beside it, at the same
distances: a tap of a channel is then one long line of samples, and a sum is the inner
product of two lines.  `dots` computes a tile of them at once.

With a single output channel per group, the other side's line is taken several times,
moved by a row (or a sample) each, so that there are tiles as well: a tap is the sum of
both moves.

Sums of large problems are made in segments, which are added in order: the bits do not
depend on the number of threads.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt

from convadjoint.engines.arrays import RANK, lifted, section, walkable
from convadjoint.engines.bands import Frame, flat
from convadjoint.engines.pool import each, num_threads
from convadjoint.engines.program import joined
from convadjoint.engines.protocol import Array
from convadjoint.engines.scratch import scratch
from convadjoint.engines.sections import (
    JOB,
    LARGEST,
    LISTS,
    MANY,
)
from convadjoint.engines.strips import Strips, parts
from convadjoint.geometry import ConvSpec
from convadjoint.geometry.phases import Phase, dense_or_not, phases

__all__ = ["correlate"]

Integers = npt.NDArray[np.int64]
Triple = tuple[Phase, ...]

# Bytes of a part of a line: those of a tile stay in the first-level cache.
_PART = 16_384
# Jobs that are enough to keep all threads busy.
_JOBS = 16
# Multiplications that are over before another thread has woken up.
_WAKING = 2_000_000
_SLACK = 1024
_IDLE = Phase(0, 0, 1, 1, 1, 1, (0,), (0,))


def correlate(spec: ConvSpec, x: Array, z: Array) -> Array:
    """What `kernel_gradient` returns, of real, finite data."""
    from convadjoint.engines import correlated  # noqa: PLC0415 - needs llvmlite

    plan = _plan(spec, x.dtype)
    if plan is None:
        return np.zeros(spec.kernel_shape, x.dtype)
    # A read-only array is a type of its own to be compiled for.
    x, z = (a if walkable(a) and a.flags.writeable else a.copy() for a in (x, z))
    layouts = np.array([*_layout(x, spec.groups), *_layout(z, spec.groups)])
    found = np.zeros((plan.segments, *spec.kernel_shape), x.dtype)
    counter = np.zeros(1, np.int64)
    given = plan.jobs, len(plan.jobs) // JOB, counter, flat(x), flat(z)

    def work(_: int) -> None:
        buffers = scratch("g", (plan.samples,), x.dtype)
        lists = np.empty(LISTS * plan.lines, np.int64)
        own = layouts.copy()
        numbers = plan.numbers, found.reshape(-1)
        correlated.run(*given, own, buffers, lists, plan.lines, *numbers)

    threads = num_threads() if plan.work > _WAKING else 1
    each(work, range(min(threads, len(plan.jobs) // JOB)))
    total: Array = found[0] if plan.segments == 1 else found.sum(axis=0)
    return total


def _layout(x: Array, groups: int) -> tuple[int, ...]:
    """Sizes and strides, as the compiled code takes them."""
    return lifted(x.shape, [stride // x.itemsize for stride in x.strides], groups)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Plan:
    """All numbers for the compiled code; `samples` are those of its buffers."""

    jobs: Integers
    numbers: Integers
    samples: int
    lines: int
    segments: int
    work: int


@lru_cache(maxsize=64)
def _plan(spec: ConvSpec, dtype: np.dtype[np.inexact]) -> _Plan | None:
    """Choose bands, tile and jobs; None if no tap joins anything."""
    outer = dense_or_not if spec.c_out > spec.groups else phases
    split: list[tuple[Phase, ...]] = [(_IDLE,)] * (RANK - len(spec.axes))
    split += [outer(axis) for axis in spec.axes[:-1]] + [phases(spec.axes[-1])]
    if not all(split):
        return None
    return _Correlation.of(spec, split, dtype.itemsize).plan()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Correlation(Strips):
    """The numbers that the compiled code takes."""

    def plan(self) -> _Plan:
        """Work all numbers out."""
        band = self.band()
        frame = self._frame(band)
        signals, stride = band[2], self._stride(frame, band[2])
        apart = prod(frame.sides) * signals
        x_channel = apart * prod(len(line.starts) for line in self.lines)
        z_channel = apart * prod(map(len, self.firsts))
        margin = (self.moves - 1) * stride
        z_start = LARGEST + self.block[0] * x_channel + margin + _SLACK
        z_end = z_start + 2 * margin + self.block[1] * z_channel + _SLACK
        taps = [self._taps(pairs, frame, signals) for pairs in self._pairs()]
        ends = np.cumsum([0, *map(len, taps)])
        bands = self._bands(band)
        jobs, segments = self._jobs(len(bands))
        scalars = (
            *self._scalars(margin, z_start, z_end, x_channel),
            len(taps),
        )
        places = [self._phase(pairs) * apart for pairs in self._pairs()]
        few = [len(one) * self.tile[1] < self.tile[0] for one in taps]
        numbers = joined(
            (
                scalars,
                (*frame.sides[:2], signals, frame.sides[2], frame.gap),
                [line.reach for line in self.lines],
                *self._sections(),
                bands,
                np.stack((ends[:-1], ends[1:], places, few), axis=1),
                np.concatenate(taps),
                self._writes(stride, z_channel),
            )
        )
        most = max(map(len, taps)) * self.block[0]
        return _Plan(
            jobs=jobs,
            numbers=numbers,
            samples=z_end + _SLACK,
            lines=max(most, self.block[1], self.moves) + sum(self.tile),
            segments=segments,
            work=self._work(),
        )

    def _work(self) -> int:
        """Multiplications."""
        spec = self.spec
        joined_ = (
            sum(len(phase.taps) * phase.q for phase in line.phases)
            for line in self.lines
        )
        return spec.batch * spec.c_out * (spec.c_in // spec.groups) * prod(joined_)

    def _frame(self, band: tuple[int, int, int, int]) -> Frame:
        """The frame of a band; after its last sample there are zeros enough."""
        planes, rows, signals, samples = band
        line = self.lines[2]
        zeros = self.spec.extend[-1] is None and samples == line.longest
        spare = -min(line.idle, line.reach) if zeros else 0
        frame = Frame(self.lines, self.block[0], (planes, rows, samples), spare)
        _, height, pitch = frame.sides
        after = (height - rows) * signals * pitch + pitch - samples
        missing = (self.moves - 1) * self._stride(frame, signals) + self.lanes - after
        if missing > 0:
            more = -(-missing // (signals * pitch))
            outputs = (planes, rows + more, samples)
            frame = Frame(self.lines, self.block[0], outputs, spare)
        return frame

    def _step(self) -> tuple[int, int]:
        """Distance of neighbouring taps along the axis of the moves, in samples and taps."""
        for phase in self.lines[self.along].phases:
            if len(phase.taps) > 1:
                return (
                    phase.shifts[1] - phase.shifts[0],
                    phase.taps[1] - phase.taps[0],
                )
        return 0, 0

    def _stride(self, frame: Frame, signals: int) -> int:
        """Samples of a move."""
        return self._step()[0] * (signals * frame.sides[2] if self.along == 1 else 1)

    def _taps(self, pairs: Triple, frame: Frame, signals: int) -> Integers:
        """Offset, place in the kernel, and moves of each tap of a channel."""
        near, far = frame.offsets(pairs)[:, 0]
        numbers = np.ix_(*(pair.taps for pair in pairs))
        strides = self._tap_strides()
        places = sum(taps * step for taps, step in zip(numbers, strides, strict=True))
        count = len(pairs[self.along].taps)
        left = np.full(1, MANY)
        if self.moves > 1:
            left = np.minimum(self.moves, count - np.arange(count))
            left = left.reshape(-1, *(1,) * (RANK - 1 - self.along))
        kept = (*(slice(None),) * self.along, slice(None, None, self.moves))
        table = np.broadcast_arrays(near + signals * far, places, left)
        return np.stack([one[kept].ravel() for one in table], axis=1)

    def _tap_strides(self) -> tuple[int, ...]:
        """Distances of neighbouring taps in the kernel, along all axes."""
        lengths = [axis.k for axis in self.spec.axes]
        strides = [prod(lengths[axis + 1 :]) for axis in range(len(lengths))]
        return (*(0,) * (RANK - len(strides)), *strides)

    def _writes(self, stride: int, z_channel: int) -> Integers:
        """Offset and place in the kernel of each line of the other side."""
        if self.moves > 1:
            place = self._step()[1] * self._tap_strides()[self.along]
            return np.outer(np.arange(self.moves), (-stride, place))
        place = prod(self.spec.kernel_shape[1:])
        return np.outer(np.arange(self.block[1]), (z_channel, place))

    def _phase(self, pairs: Triple) -> int:
        """Number of an output phase."""
        number = 0
        for pair, firsts in zip(pairs, self.firsts, strict=True):
            number = number * len(firsts) + firsts.index(pair.first_out)
        return number

    def _scalars(
        self, margin: int, z_start: int, z_end: int, x_channel: int
    ) -> tuple[int, ...]:
        """The numbers that stand alone, but for the last."""
        from convadjoint.engines import dots, rows  # noqa: PLC0415

        spread = self.moves if self.moves > 1 else 0
        return (
            rows.LINE_BYTES // self.itemsize,
            self.lanes,
            *self.tile,
            dots.FORMS.index(self.tile),
            _PART // (1 if self.moves > 1 else 2) // self.itemsize,
            *(margin, z_start, z_end, x_channel),
            prod(axis.k for axis in self.spec.axes),
            spread,
        )

    def _sections(self) -> Iterator[Integers]:
        """The axes of both sides."""
        spec, idle = self.spec, RANK - len(self.spec.axes)
        none = [(None, 1)] * idle
        here = [(one, axis.n) for one, axis in zip(spec.extend, spec.axes, strict=True)]
        there = [(one, axis.q) for one, axis in zip(spec.fold, spec.axes, strict=True)]
        for line, border in zip(self.lines, none + here, strict=True):
            yield section(line.starts.values(), line.step, *border)
        rows = zip(self.lines, self.firsts, none + there, strict=True)
        for line, firsts, border in rows:
            yield section(firsts, line.phases[0].step_out, *border)

    def _bands(self, band: tuple[int, int, int, int]) -> list[tuple[int, ...]]:
        """The first and the number of planes, rows, signals and samples of each."""
        deep, high, wide = (line.longest for line in self.lines)
        counts = deep, high, self.spec.batch, wide
        every = (parts(count, most) for count, most in zip(counts, band, strict=True))
        return [tuple(n for pair in one for n in pair) for one in product(*every)]

    def _jobs(self, bands: int) -> tuple[Integers, int]:
        """Jobs, and how many segments there are."""
        spec = self.spec
        c_in, c_out = spec.c_in // spec.groups, spec.c_out // spec.groups
        reads, writes = parts(c_in, self.block[0]), parts(c_out, self.block[1])
        blocks = spec.groups * len(reads) * len(writes)
        segments = parts(bands, -(-bands // max(1, _JOBS // blocks)))
        taps, size = prod(spec.kernel_shape[2:]), prod(spec.kernel_shape)
        found = [
            (
                *(group, *read, *write, first, first + count),
                number * size + ((group * c_out + write[0]) * c_in + read[0]) * taps,
            )
            for number, (first, count) in enumerate(segments)
            for group, read, write in product(range(spec.groups), reads, writes)
        ]
        return np.array(found, np.int64).reshape(-1), len(segments)
