"""The fastest engine for small and medium kernels: the definition, tile by tile.

Strides are split into dense phases (`geometry.phases`).  A job is a band of the output:
the input that it reads is laid out in a scratch buffer (`bands`), so that tap and channel
are one offset; `multiplying` sums over the offsets; and the rows are copied to their
place.  With several output channels a tile holds several of them; with a single one it
holds several rows, whose taps overlap.

All ranks take the same path, as three spatial axes.  Complex kernels are real ones of
twice the channels.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines import combed, taps
from convadjoint.engines.adapted import ComplexPlan, FlattenedPlan
from convadjoint.engines.ahead import regions
from convadjoint.engines.arrays import (
    RANK,
    SIGNALS_AS_LANES,
    UNTURNED,
    layout_of,
    section,
    walkable,
)
from convadjoint.engines.bands import Frame, Line
from convadjoint.engines.calls import Call
from convadjoint.engines.cutting import Cut, cut, jobs
from convadjoint.engines.depthwise import lanes
from convadjoint.engines.extension import fold
from convadjoint.engines.orientation import (
    chosen_order,
    chosen_tile,
    idle_phase,
    last_line,
    movers_of,
    signals_of_rows,
    weaving_tile,
)
from convadjoint.engines.packing import Taps, packed
from convadjoint.engines.pool import num_threads
from convadjoint.engines.presence import trouble
from convadjoint.engines.program import HEAD, joined
from convadjoint.engines.protocol import Array, Plan
from convadjoint.engines.tiles import Tile, writing_pays
from convadjoint.geometry import ConvSpec
from convadjoint.geometry.phases import Phase, dense_or_not, phases

__all__ = ["DirectPlan", "plan", "plan_rows", "refuses"]

Integers = npt.NDArray[np.int64]
Triple = tuple[Phase, ...]
# Signals, their strides, threads.
Key = tuple[int, tuple[int, ...], int]
# Calls that a plan keeps.
_CALLS = 32

# Multiplications that are over before another thread has woken up, and those that take as
# long as moving a row.
_WAKING, _MOVING = 3_000_000, 1000


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
        y = np.empty(shape, x.dtype) if self.covers else np.zeros(shape, x.dtype)
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
        call = self.call_of(signals, (layout, bands, ahead), threads)
        if len(self.calls) >= _CALLS:
            self.calls.clear()
        return self.calls.setdefault(key, call)

    def call_of(self, signals: int, places: tuple[Integers, ...], threads: int) -> Call:
        """What the compiled code is given: `places` are layout, bands and regions."""
        program, weights = self.program(signals), self.taps.weights
        itemsize, bands, count = weights.itemsize, places[1], len(places[2])
        shared = count if bands[0] > 1 else 0
        return Call.of(
            _compiled(weights.dtype),
            (program.inputs * itemsize, program.products * itemsize),
            (None, None, program.numbers, weights, *places),
            # How many bands, and the movers; the next band, and the next piece of each.
            (count, *movers_of(self.order, weights.dtype), *(0,) * (1 + shared)),
            slot=0 if itemsize == 4 else 2,
            threads=min(threads, max(1, count * int(bands[0]))),
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


def refuses(spec: ConvSpec, kernel: Array) -> str | None:  # noqa: ARG001
    """Refuse without llvmlite, and what has more than three convolved axes."""
    reason = trouble()
    if reason is not None:
        return reason
    if len(spec.axes) > RANK:
        return f"it knows up to {RANK} convolved axes, not {len(spec.axes)}"
    return None


def plan(spec: ConvSpec, kernel: Array) -> Plan:
    """Choose between rows and channels as lanes, and lay the weights out."""
    flat = spec.flattened()
    if flat != spec:
        inner = plan(flat, kernel.reshape(flat.kernel_shape))
        return FlattenedPlan(inner, flat.sizes, spec.dimsd[2:])
    grid = lanes.grid_of(spec, kernel)
    if grid is None:
        return plan_rows(spec, kernel)
    pays = lanes.pays(spec, kernel.itemsize)
    return lanes.plan(grid, kernel, None if pays else plan_rows(spec, kernel))


def plan_rows(spec: ConvSpec, kernel: Array) -> Plan:
    """Turn the taps into offsets, and pack their weights for the tiles of rows."""
    if combed.fits(spec, kernel):
        return combed.plan(spec, kernel)
    groups = spec.groups
    shape = (groups, spec.c_out // groups, spec.c_in // groups)
    grouped = kernel.reshape(*shape, *kernel.shape[2:])
    joining = [[j for j in range(axis.k) if axis.link(j).count] for axis in spec.axes]
    if not grouped[np.ix_(*map(range, shape), *joining)].any():
        # Nothing to compile: C is zero.
        return taps.plan(spec, kernel)
    if kernel.dtype.kind != "c":
        return _real_plan(spec, grouped)
    doubled = np.concatenate(
        (
            np.concatenate((grouped.real, -grouped.imag), axis=2),
            np.concatenate((grouped.imag, grouped.real), axis=2),
        ),
        axis=1,
    )
    real = replace(spec, c_in=2 * spec.c_in, c_out=2 * spec.c_out)
    return ComplexPlan(_real_plan(real, doubled), groups)


def _size(joined: list[Triple]) -> int:
    """Taps of an output phase."""
    return sum(prod(len(phase.taps) for phase in pairs) for pairs in joined)


def _real_plan(spec: ConvSpec, kernel: Array) -> DirectPlan:
    """Plan for a real kernel ``(groups, c_out/g, c_in/g, *k)``."""
    idle = RANK - len(spec.axes)
    groups, c_out, c_in, *lengths = kernel.shape
    kernel = kernel.reshape(groups, c_out, c_in, *(1,) * idle, *lengths)
    outer = dense_or_not if c_out > 1 else phases
    split = [(idle_phase(1),)] * idle + [outer(axis) for axis in spec.axes[:-1]]
    split.append(phases(spec.axes[-1]))
    borders = [(None, 1)] * idle + [
        (border, axis.n) for border, axis in zip(spec.extend, spec.axes, strict=True)
    ]
    order = chosen_order(kernel, split, borders, spec.batch)
    if order == SIGNALS_AS_LANES:
        split[1], borders[1] = (idle_phase(spec.batch),), (None, spec.batch)
    if order != UNTURNED:
        kernel = kernel.swapaxes(-2, -1)
        split[1:], borders[1:] = split[:0:-1], borders[:0:-1]
    zeros = borders[-1][0] is None
    lines = (Line(split[0]), Line(split[1]), last_line(split[2], kernel, zeros=zeros))
    found: dict[tuple[int, ...], list[Triple]] = defaultdict(list)
    for pairs in product(*split):
        found[tuple(pair.first_out for pair in pairs)].append(pairs)
    most = max(found.values(), key=_size)
    weaving = weaving_tile(kernel, order, split[2], _size(most))
    if weaving:
        tile, spacing, signals = weaving, int(c_out == 1), 1
    else:
        signals = signals_of_rows(kernel, order, lines, spec.batch)
        tile, spacing = chosen_tile(kernel, most, lines, spec.batch, signals)
    bands, frame = cut(
        lines,
        kernel,
        (tile, spacing, signals),
        batch=1 if order == SIGNALS_AS_LANES else spec.batch,
        zeros=zeros,
        turned=order != UNTURNED,
    )
    taps_ = packed(
        kernel, frame, found, tile, spacing, shared=2 if order == UNTURNED else 1
    )
    return DirectPlan(
        spec=spec,
        cut=bands,
        frame=frame,
        taps=taps_,
        tile=tile,
        spacing=spacing,
        order=order,
        axes=tuple(
            section(line.starts.values(), line.step, *border)
            for line, border in zip(lines, borders, strict=True)
        ),
        entries=int(np.count_nonzero(kernel)) * prod(axis.q for axis in spec.axes),
        lengths=(spec.c_out, *(axis.q for axis in spec.axes)),
        covers=len(taps_.places) * tile.phases == prod(frame.steps),
        folds=any(spec.fold),
    )
