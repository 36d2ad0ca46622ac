"""The compiled kernel gradient: how it is cut into jobs, and which lines it multiplies.

Strides are split into dense phases (`geometry.phases`).  A band of the input is laid out
as for the engine `direct`, and the same band of the other side beside it, at the same
distances: a tap of a channel is then one long line of samples, and a sum is the inner
product of two lines.  `dots` computes a tile of them at once.

With a single output channel per group, the other side's line is taken several times,
moved by a row (or a sample) each, so that there are tiles as well: a tap is the sum of
both moves.  Many channels on both sides are left to `panels`.

Sums of large problems are made in segments, which are added in order: the bits do not
depend on the number of threads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import prod
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from convadjoint.engines import strips
from convadjoint.engines.arrays import RANK, lifted, walkable
from convadjoint.engines.bands import Frame, flat
from convadjoint.engines.panels import Panels
from convadjoint.engines.pool import each, num_threads
from convadjoint.engines.program import joined
from convadjoint.engines.protocol import Array
from convadjoint.engines.scratch import scratch
from convadjoint.engines.sections import LARGEST, LISTS, MANY
from convadjoint.engines.strips import Band, Plan, Strips, Triple, lines_of, share
from convadjoint.geometry import ConvSpec
from convadjoint.geometry.phases import Phase, dense_or_not, phases

__all__ = ["correlate"]

Integers = npt.NDArray[np.int64]

# Bytes of a part of a line: those of a tile stay in the first-level cache.
_PART = 16_384
# Multiplications that are over before another thread has woken up.
_WAKING = 2_000_000
_SLACK = 1024
# Lines of a tile that come from a second-level cache let it wait.
_MISSED = 1.1
_IDLE = Phase(0, 0, 1, 1, 1, 1, (0,), (0,))


def correlate(spec: ConvSpec, x: Array, z: Array) -> Array:
    """What `kernel_gradient` returns, of real, finite data."""
    plan = _plan(spec, x.dtype)
    if plan is None:
        return np.zeros(spec.kernel_shape, x.dtype)
    # A read-only array is a type of its own to be compiled for.
    x, z = (a if walkable(a) and a.flags.writeable else a.copy() for a in (x, z))
    layouts = np.array([*_layout(x, spec.groups), *_layout(z, spec.groups)])
    found = np.zeros((plan.segments, *spec.kernel_shape), x.dtype)
    counter = np.zeros(1, np.int64)
    given = plan.jobs, plan.count, counter, flat(x), flat(z)
    run = _compiled(plan.paneled)

    def work(_: int) -> None:
        buffers = scratch("g", (plan.samples,), x.dtype)
        lists = np.empty(plan.lists, np.int64)
        run(*given, layouts.copy(), buffers, lists, plan.numbers, found.reshape(-1))

    threads = num_threads() if plan.work > _WAKING else 1
    each(work, range(min(threads, plan.count)))
    total: Array = found[0] if plan.segments == 1 else found.sum(axis=0)
    return total


def _layout(x: Array, groups: int) -> tuple[int, ...]:
    """Sizes and strides, as the compiled code takes them."""
    return lifted(x.shape, [stride // x.itemsize for stride in x.strides], groups)


@cache
def _compiled(paneled: bool) -> Any:
    """The compiled part, which needs llvmlite."""
    if paneled:
        from convadjoint.engines.paneled import run  # noqa: PLC0415

        return run
    from convadjoint.engines.correlated import run  # noqa: PLC0415

    return run


@lru_cache(maxsize=64)
def _plan(spec: ConvSpec, dtype: np.dtype[np.inexact]) -> Plan | None:
    """Choose bands, tile and jobs; None if no tap joins anything."""
    outer = dense_or_not if spec.c_out > spec.groups else phases
    split: list[tuple[Phase, ...]] = [(_IDLE,)] * (RANK - len(spec.axes))
    split += [outer(axis) for axis in spec.axes[:-1]] + [phases(spec.axes[-1])]
    if not all(split):
        return None
    given = spec, split, dtype.itemsize
    lined, paneled = _Lined.of(*given), Panels.of(*given)
    return (paneled if paneled.cycles() < lined.cycles() else lined).plan()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Lined(Strips):
    """The numbers that `correlated` takes.

    `tile` is one of `dots.FORMS`; with `moves` above 1 the other side is moved along axis
    `along`.
    """

    tile: tuple[int, int]
    along: int
    moves: int

    @classmethod
    def of(
        cls, spec: ConvSpec, split: Sequence[tuple[Phase, ...]], itemsize: int
    ) -> Self:
        """Choose the tile that takes the fewest cycles."""
        from convadjoint.engines import dots, primitives  # noqa: PLC0415 - needs llvmlite

        lines = lines_of(split)
        c_in, c_out = spec.c_in // spec.groups, spec.c_out // spec.groups
        reads, writes = share(c_in, strips.READS), c_out
        if strips.few(strips.samples(spec, split)):
            # Rather divide the channels.
            writes = c_out * spec.groups * -(-c_in // reads) // strips.BANDS
        counts = [max(len(phase.taps) for phase in line.phases) for line in lines]
        along = 1 if counts[1] > 1 else 2
        candidates = [
            cls(
                spec=spec,
                lines=lines,
                lanes=primitives.VECTOR_BYTES // itemsize,
                itemsize=itemsize,
                block=(reads, share(c_out, max(1, min(strips.WRITES, writes)))),
                tile=tile,
                along=along,
                moves=min(tile[1], counts[along]) if c_out == 1 else 1,
            )
            for tile in dots.FORMS
        ]
        return min(candidates, key=cls.cycles)

    def cycles(self) -> float:
        """About how long one sample takes, of all channels."""
        a, b = self.tile
        each_ = max(a * b / 2, 0.75 * a + 0.5 * b, 4) + 1.5
        written = max(self.moves, self.block[1])
        tiles = (
            -(-self.block[0] * self._steps(pairs) // a) * -(-written // b)
            for pairs in self.pairs
        )
        shares = prod(self.channels) / prod(self.block)
        return _MISSED * shares * sum(tiles) * each_ / self.lanes

    def plan(self) -> Plan:
        """Work all numbers out."""
        band = self.band()
        frame = self._frame(band)
        signals, stride = band[2], self._stride(frame, band[2])
        apart = prod(frame.sides) * signals
        x_channel, z_channel = apart * self.sources, apart * self.targets
        margin = (self.moves - 1) * stride
        z_start = LARGEST + self.block[0] * x_channel + margin + _SLACK
        z_end = z_start + 2 * margin + self.block[1] * z_channel + _SLACK
        taps = [self._taps(pairs, frame, signals) for pairs in self.pairs]
        ends = np.cumsum([0, *map(len, taps)])
        most = max(map(len, taps)) * self.block[0]
        room = max(most, self.block[1], self.moves) + sum(self.tile)
        bands = self.bands(band)
        jobs, segments = self.jobs(len(bands))
        scalars = (
            *self._scalars(margin, z_start, z_end, x_channel),
            len(taps),
            room,
        )
        places = [self.phase(pairs) * apart for pairs in self.pairs]
        few = [len(one) * self.tile[1] < self.tile[0] for one in taps]
        numbers = joined(
            (
                scalars,
                (*frame.sides[:2], signals, frame.sides[2], frame.gap),
                [line.reach for line in self.lines],
                *self.sections(),
                bands,
                np.stack((ends[:-1], ends[1:], places, few), axis=1),
                np.concatenate(taps),
                self._writes(stride, z_channel),
            )
        )
        return Plan(
            jobs=jobs,
            numbers=numbers,
            samples=z_end + _SLACK,
            lists=LISTS * room,
            segments=segments,
            work=self.work,
            paneled=False,
        )

    def _steps(self, pairs: Triple) -> int:
        """Taps of one combination, those that moves make counted once."""
        counts = [len(pair.taps) for pair in pairs]
        counts[self.along] = -(-counts[self.along] // self.moves)
        return prod(counts)

    def _frame(self, band: Band) -> Frame:
        """The frame of a band; after its last sample there are zeros enough."""
        planes, rows, signals, samples = band
        spare = self.spare(samples)
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
        offsets, places = self.offsets(pairs, frame, signals), self.places(pairs)
        count = len(pairs[self.along].taps)
        left = np.full(1, MANY)
        if self.moves > 1:
            left = np.minimum(self.moves, count - np.arange(count))
            left = left.reshape(-1, *(1,) * (RANK - 1 - self.along))
        kept = (*(slice(None),) * self.along, slice(None, None, self.moves))
        table = np.broadcast_arrays(offsets, places, left)
        return np.stack([one[kept].ravel() for one in table], axis=1)

    def _writes(self, stride: int, z_channel: int) -> Integers:
        """Offset and place in the kernel of each line of the other side."""
        if self.moves > 1:
            place = self._step()[1] * self.tap_strides()[self.along]
            return np.outer(np.arange(self.moves), (-stride, place))
        place = prod(self.spec.kernel_shape[1:])
        return np.outer(np.arange(self.block[1]), (z_channel, place))

    def _scalars(
        self, margin: int, z_start: int, z_end: int, x_channel: int
    ) -> tuple[int, ...]:
        """The numbers that stand alone, but for the last ones."""
        from convadjoint.engines import dots, rows  # noqa: PLC0415

        spread = self.moves if self.moves > 1 else 0
        return (
            rows.LINE_BYTES // self.itemsize,
            self.lanes,
            *self.tile,
            dots.FORMS.index(self.tile),
            _PART // (1 if self.moves > 1 else 2) // self.itemsize,
            *(margin, z_start, z_end, x_channel),
            self.taps,
            spread,
        )
