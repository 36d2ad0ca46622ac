"""The plan of the engine `direct`: bands of the output, with what compiled code takes."""

from dataclasses import dataclass, field
from functools import cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines.ahead import regions
from convadjoint.engines.arrays import SIGNALS_AS_LANES, UNTURNED, layout_of, walkable
from convadjoint.engines.bands import Frame
from convadjoint.engines.calls import Call, keep
from convadjoint.engines.cutting import Cut, jobs
from convadjoint.engines.extension import fold
from convadjoint.engines.orientation import movers_of
from convadjoint.engines.packing import Taps
from convadjoint.engines.pool import num_threads
from convadjoint.engines.program import HEAD, joined
from convadjoint.engines.protocol import Array
from convadjoint.engines.scratch import fresh
from convadjoint.engines.tiles import Tile, writing_pays
from convadjoint.geometry import ConvSpec

__all__ = ["DirectPlan"]

Integers = npt.NDArray[np.int64]
# Signals, their strides, threads.
Key = tuple[int, tuple[int, ...], int]

# Multiplications that are not worth another thread, those that are over before one that
# sleeps has woken up, and those that take as long as moving a row.
_WAKING, _BRIEF, _MOVING = 1_000_000, 5_000_000, 1000


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What the compiled code takes for bands of some signals, and samples of its buffers."""

    numbers: Integers
    inputs: int
    products: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DirectPlan:
    """Bands of the output: filled, multiplied, written.

    A tile holds `tile.m` channels, or, if `spacing` is not 0, rows that far apart.
    `order` are the axes of `arrays.lifted` that stand for its own in a band; `axes` are
    the input's, as the compiled code takes them; `lengths` are channels and samples of
    the output before it is folded; `entries` are about those of C for one signal;
    `programs`, by the signals of a band, and `calls` are those made so far.
    """

    spec: ConvSpec
    cut: Cut
    frame: Frame
    taps: Taps
    tile: Tile
    spacing: int
    order: tuple[int, ...]
    axes: tuple[Integers, ...]
    lengths: tuple[int, ...]
    entries: int
    covers: bool
    folds: bool
    programs: dict[int, Program] = field(default_factory=dict)
    calls: dict[Key, Call] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows of input and output of one signal."""
        channels, *lengths = self.lengths
        sizes = [axis.n for axis in self.spec.axes]
        return self.spec.c_in * prod(sizes[:-1]) + channels * prod(lengths[:-1])

    @property
    def tap_by_tap(self) -> bool:
        """Whether no sample meets a weight of zero."""
        return self.taps.clean

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        if not walkable(x):
            x = x.copy()
        call = self._made(x)
        shape = (len(x), *self.lengths)
        y = fresh(shape, x.dtype, written=self.covers)
        call.make(x, y)
        return fold(y, self.spec.fold) if self.folds else y

    def ready(self, x: Array) -> Call | None:
        """The call for data like these, if it writes the whole result."""
        return self._made(x) if self.covers and not self.folds else None

    def _made(self, x: Array) -> Call:
        """The call for data like these."""
        key = (len(x), x.strides, num_threads())
        return self.calls.get(key) or self._call(x, key)

    def _call(self, x: Array, key: Key) -> Call:
        """Work out what depends on how many signals there are, and where they lie."""
        work = len(x) * (self.entries + _MOVING * self.rows)
        threads = key[-1] if work > _WAKING else 1
        signals, bands = self._jobs(len(x), threads)
        shape = (len(x), *self.lengths)
        layout = layout_of(
            x.shape, x.strides, shape, self.spec.groups, x.itemsize, self.order
        )
        steps = np.array(self.frame.steps)
        ahead = regions(bands[HEAD:], layout, self.axes, steps)
        places, brief = (layout, bands, ahead), work < _BRIEF
        call = self.call_of(signals, places, threads, brief=brief)
        return keep(self.calls, key, call)

    def call_of(
        self, signals: int, places: tuple[Integers, ...], threads: int, *, brief: bool
    ) -> Call:
        """What the compiled code is given: `places` are layout, bands and regions."""
        program, weights = self.program(signals), self.taps.weights
        itemsize, bands, count = weights.itemsize, places[1], len(places[2])
        shared = count if bands[0] > 1 else 0
        return Call.of(
            _compiled(weights.dtype),
            (
                0 if itemsize == 4 else 2,
                program.inputs * itemsize,
                program.products * itemsize,
            ),
            (None, None, program.numbers, weights, *places),
            # How many bands, and the movers; the next band, and the next piece of each.
            (count, *movers_of(self.order, weights.dtype), *(0,) * (1 + shared)),
            threads=min(threads, max(1, count * int(bands[0]))),
            brief=brief,
        )

    def _jobs(self, batch: int, threads: int) -> tuple[int, Integers]:
        """Signals of a band, and all bands; lanes may be the signals of this batch."""
        if self.order != SIGNALS_AS_LANES or not batch:
            return jobs(self.cut, batch, threads)
        return jobs(self.cut.with_lanes(batch), 1, threads)

    def program(self, signals: int) -> Program:
        """What depends on the signals of a band."""
        return self.programs.get(signals) or self._program(signals)

    def _program(self, signals: int) -> Program:
        """Work it out."""
        from convadjoint.engines import microkernel, rows  # noqa: PLC0415

        tile, frame, taps_ = self.tile, self.frame, self.taps
        planes, height, pitch = frame.sides
        distance = self._products(signals)
        scalars = (
            distance,
            self.spacing,
            tile.width,
            rows.LINE_BYTES // taps_.weights.itemsize,
            len(tile.ranges),
            taps_.weights.shape[1],
            len(taps_.group_ends),
            tile.rows,
            0 if self.order == UNTURNED else tile.lanes,
            tile.lanes,
            self.cut.blocks,
            tile.phases,
        )
        near, far = taps_.offsets
        numbers = joined(
            (
                scalars,
                (planes, height, signals, pitch, frame.gap),
                (*frame.steps, *(line.reach for line in frame.lines)),
                *self.axes,
                near + signals * far,
                *taps_.arrays,
                [microkernel.FORMS.index(form) for form in tile.forms],
            )
        )
        most = int(np.diff(taps_.group_ends, prepend=0).max())
        made = Program(
            numbers,
            frame.size(signals),
            most * distance,
        )
        return self.programs.setdefault(signals, made)

    def _products(self, signals: int) -> int:
        """Samples of the products of one output phase in a band; 0 without any."""
        planes, rows, samples = self.frame.outputs
        _, height, pitch = self.frame.sides
        length = ((planes - 1) * height + rows) * signals * pitch - pitch + samples
        if self._writes(signals, length):
            return 0
        if self.spacing:
            unit = self.spacing * self.tile.m
            length = (signals - 1) * pitch + samples
            return planes * -(-rows // unit) * unit * self.tile.padded(length)
        return self.cut.most(signals) * self.tile.m * self.tile.padded(length)

    def _writes(self, signals: int, length: int) -> bool:
        """Whether tiles write to the output: they make whole rows, of which few are short."""
        single = len(self.taps.part_ends) == self.taps.part_ends[-1]
        whole = self.tile.phases == self.frame.steps[2] and self.order == UNTURNED
        if not (single and whole):
            return False
        if self.spacing or self.tile.phases > 1:
            return signals == 1 or not self.spacing
        planes, rows, samples = self.frame.outputs
        return writing_pays(
            self.tile,
            channels=self.spec.c_out // self.spec.groups,
            rows=planes * rows * signals,
            samples=samples,
            length=length,
            taps=self.taps.ends[0, -1],
        )


@cache
def _compiled(dtype: np.dtype[np.inexact]) -> Any:
    """The address of the compiled part, which needs llvmlite."""
    from convadjoint.engines import compiled  # noqa: PLC0415

    return compiled.worker(dtype).address
