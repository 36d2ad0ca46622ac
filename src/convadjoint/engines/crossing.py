"""A column, then a row: both passes of a kernel that is one of each, band by band.

What the first pass makes stays in cache for the second one: only the image and the result
are moved.  Bands are those of the engine `direct`, which the first plan is of.
"""

from dataclasses import dataclass, replace
from functools import cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines import direct
from convadjoint.engines.arrays import RANK, UNTURNED, section
from convadjoint.engines.banded import DirectPlan
from convadjoint.engines.bands import Line
from convadjoint.engines.calls import Call
from convadjoint.engines.cutting import Cut, cut
from convadjoint.engines.orientation import chosen_tile, idle_phase
from convadjoint.engines.packing import packed
from convadjoint.engines.protocol import Array
from convadjoint.geometry import Axis, ConvSpec
from convadjoint.geometry.phases import Phase, phases

__all__ = ["CrossedPlan", "crosses", "joins", "plan"]

Integers = npt.NDArray[np.int64]

# Taps of a row from which it is better convolved turned, in a pass of its own.
_LONG = 64
# Rows, about, that go through both passes together.
_ROWS = 16
# How much longer a multiplication takes here than in other plans, about.
_SLOW = 2
_ORIGIN = (0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Row:
    """Weights ``(channels, taps)`` of a row, `step` samples apart.

    So many `rows`, `pitch` samples apart, are convolved at once.
    """

    weights: Array
    step: int
    rows: int
    pitch: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CrossedPlan(DirectPlan):
    """A plan for the columns, and what goes `along` some of the rows that they make."""

    along: Row

    @property
    def tap_by_tap(self) -> bool:
        """Whether no sample meets a weight of zero."""
        return self.taps.clean and bool(self.along.weights.all())

    def call_of(
        self, signals: int, places: tuple[Integers, ...], threads: int, *, brief: bool
    ) -> Call:
        """What the compiled code is given."""
        program, along = self.program(signals), self.along
        weights, count = self.taps.weights, len(places[2])
        held, size = along.rows * along.pitch, along.weights.shape[1]
        work, slide = _compiled(weights.dtype, along.step, size)
        return Call.of(
            work,
            (
                0 if weights.itemsize == 4 else 2,
                program.inputs * weights.itemsize,
                held * weights.itemsize,
            ),
            (None, None, program.numbers, weights, along.weights, *places),
            # How many bands; of the rows, what convolves them; the next band.
            (count, slide, along.rows, along.pitch, size, 0),
            threads=min(threads, max(1, count)),
            brief=brief,
        )


@cache
def _compiled(dtype: np.dtype[np.inexact], step: int, taps: int) -> tuple[int, int]:
    """The addresses of the compiled parts, which need llvmlite."""
    from convadjoint.engines import crossed, sliding  # noqa: PLC0415

    return crossed.runner(dtype).address, sliding.slider(dtype, step, taps).address


def joins(axes: tuple[Axis, ...]) -> bool:
    """Whether the last two axes are dense, and rows have not too many taps."""
    found = [phases(axis) for axis in axes[-2:]]
    dense = all(axis.s * axis.t == 1 for axis in axes[-2:])
    return dense and all(map(len, found)) and len(found[-1][0].taps) <= _LONG


def crosses(spec: ConvSpec, column: Array, row: Array) -> bool:
    """Whether a column and a row can go together: each has a tap that meets a sample."""
    if column.dtype.kind == "c" or direct.refuses(spec, column):
        return False
    return joins(spec.axes) and all(
        line[:, list(phases(axis)[0].taps)].any()
        for axis, line in zip(spec.axes[-2:], (column, row), strict=True)
    )


def plan(spec: ConvSpec, column: Array, row: Array) -> CrossedPlan:
    """Plan for columns ``(channels, k)`` and rows ``(channels, l)`` of a kernel.

    If there are three axes, the first one is left alone.
    """
    found = [phases(axis)[0] for axis in spec.axes]
    found[-1] = _live(found[-1], row)
    plane, down, across = (*(idle_phase(1),) * (RANK - len(found)), *found)
    lines = Line((plane,)), Line((down,)), Line((across,))
    columns = column[:, None, None, None, :, None]
    # The first pass has one tap along rows, where the second one begins.
    start = replace(idle_phase(across.q), shifts=(min(across.shifts),))
    tile, spacing = chosen_tile(columns, [(plane, down, start)], lines, spec.batch)
    bands, frame = cut(
        lines,
        columns,
        (tile, spacing, 1),
        batch=spec.batch,
        zeros=False,
        turned=False,
    )
    # Rows of the next plane do not follow those of one.
    band = (1, *bands.band[1:])
    frame = replace(frame, outputs=band)
    common = _common(spec, lines, replace(bands, band=band))
    taps = packed(columns, frame, {_ORIGIN: [(plane, down, start)]}, tile, spacing)
    width = tile.padded(frame.outputs[2] + lines[2].reach)
    along = _along(row, across, tile.m * spacing, width)
    return CrossedPlan(
        frame=frame, taps=taps, tile=tile, spacing=spacing, along=along, **common
    )


def _common(spec: ConvSpec, lines: tuple[Line, ...], bands: Cut) -> dict[str, Any]:
    """What the plans of both passes have in common."""
    borders = [(None, 1)] * (RANK - len(spec.axes)) + [
        (border, axis.n) for border, axis in zip(spec.extend, spec.axes, strict=True)
    ]
    lengths = (spec.c_out, *(axis.q for axis in spec.axes))
    count = sum(len(line.phases[0].taps) for line in lines[1:])
    return {
        "spec": spec,
        "cut": bands,
        "order": UNTURNED,
        "axes": tuple(
            section(line.starts.values(), line.step, *border)
            for line, border in zip(lines, borders, strict=True)
        ),
        "lengths": lengths,
        "entries": _SLOW * count * prod(lengths),
        "covers": True,
        "folds": any(spec.fold),
    }


def _live(across: Phase, row: Array) -> Phase:
    """The taps of a row that some channel has."""
    pairs = zip(across.taps, across.shifts, strict=True)
    taps, shifts = zip(*(one for one in pairs if row[:, one[0]].any()), strict=True)
    return replace(across, taps=taps, shifts=shifts)


def _along(row: Array, across: Phase, unit: int, pitch: int) -> Row:
    """The second pass: it takes some rows as the tiles of the first one leave them."""
    apart = np.array(across.shifts) - min(across.shifts)
    step = int(np.gcd.reduce(apart)) or 1
    weights = np.zeros((len(row), int(apart.max()) // step + 1), row.dtype)
    weights[:, apart // step] = row[:, across.taps]
    return Row(weights=weights, step=step, rows=-(-_ROWS // unit) * unit, pitch=pitch)
