"""How the engine `direct` lays a band out: which axis is along vectors, and its tiles.

Usually vectors are along the last axis.  A kernel of that axis alone is better served if
rows of the input, or signals, lie side by side: its taps are then whole vectors apart,
and outputs share what they read.  Such a band is turned.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from convadjoint.engines import packing
from convadjoint.engines.arrays import ROWS_AS_LANES, SIGNALS_AS_LANES, UNTURNED
from convadjoint.engines.bands import Line
from convadjoint.engines.protocol import Array
from convadjoint.engines.tiles import (
    PARTS,
    Tile,
    best_tile,
    phases_of,
    turning_pays,
    woven_tile,
    writing_pays,
)
from convadjoint.geometry import Border
from convadjoint.geometry.phases import Phase

Triple = tuple[Phase, ...]

__all__ = [
    "chosen_order",
    "chosen_tile",
    "idle_phase",
    "last_line",
    "movers_of",
    "signals_of_rows",
    "weaving_tile",
]

# Vectors of a row that is short, and of one that short rows make together.
_SHORT, _JOINED = 3, 8
# Cycles that it takes to lay out a sample of a short row.
_COPYING = 3


def chosen_order(
    kernel: Array,
    split: list[tuple[Phase, ...]],
    borders: list[tuple[Border | None, int]],
    batch: int,
) -> tuple[int, ...]:
    """Which axes stand for those of a band: lanes may be rows or signals."""
    rows = split[1][0].q
    if kernel.shape[1] > 1 or split[1] != (idle_phase(rows),) or borders[1][0]:
        return UNTURNED
    outputs = len({phase.first_out for phase in split[2]})
    pays = turning_pays(
        rows=rows if rows > 1 else batch,
        samples=max(phase.q for phase in split[2]),
        taps=kernel[0, 0].size // outputs,
        shared=len(split[2][0].taps),
        **_host(kernel),
    )
    if not pays:
        return UNTURNED
    return ROWS_AS_LANES if rows > 1 else SIGNALS_AS_LANES


def idle_phase(count: int) -> Phase:
    """An axis of one tap."""
    return Phase(0, 0, 1, 1, count, count, (0,), (0,))


def _host(kernel: Array) -> dict[str, int]:
    """Lanes of the registers here, and how many there are."""
    from convadjoint.engines import primitives  # noqa: PLC0415 - needs llvmlite

    return {
        "lanes": primitives.VECTOR_BYTES // kernel.itemsize,
        "registers": primitives.REGISTERS,
    }


def chosen_tile(
    kernel: Array,
    joined: Sequence[Triple],
    lines: tuple[Line, ...],
    batch: int,
    signals: int = 1,
) -> tuple[Tile, int]:
    """The tile of an output phase, and the spacing of its rows (0: of channels).

    `joined` are the input phases that it reads.
    """
    taps = sum(prod(len(phase.taps) for phase in pairs) for pairs in joined)
    row = max((pairs[1] for pairs in joined), key=lambda phase: len(phase.taps))
    _, c_out, c_in = kernel.shape[:3]
    host = _host(kernel)
    samples, reach = lines[2].longest, lines[2].reach
    if c_out > 1:
        rows = max(1, min(row.q * batch, 8))
        length = (samples + reach) * rows
        return best_tile(rows=c_out, length=length, taps=c_in * taps, more=0, **host), 0
    spacing = abs(row.shifts[1] - row.shifts[0]) if len(row.shifts) > 1 else 1
    # M rows share the taps of the rows between them.
    more = sum(prod(len(pairs[axis].taps) for axis in (0, 2)) for pairs in joined)
    tile = best_tile(
        rows=min(max(1, row.q // spacing), 64),
        length=(signals - 1) * (samples + reach) + samples,
        taps=c_in * taps,
        more=c_in * more,
        **host,
    )
    return tile, spacing


def signals_of_rows(
    kernel: Array, order: tuple[int, ...], lines: tuple[Line, ...], batch: int
) -> int:
    """How many signals lie side by side, so that their short rows are longer ones."""
    lanes = _host(kernel)["lanes"]
    pitch = lines[2].longest + lines[2].reach - lines[2].idle
    if kernel.shape[1] > 1 or order != UNTURNED or pitch > _SHORT * lanes:
        return 1
    bands = -(-max(1, batch) // (_JOINED * lanes // pitch))
    return -(-max(1, batch) // bands)


def weaving_tile(
    kernel: Array, order: tuple[int, ...], found: tuple[Phase, ...], taps: int
) -> Tile | None:
    """The tile that puts the phases of a row together, if they are all there."""
    firsts = {phase.first_out for phase in found}
    if order != UNTURNED or len(firsts) < found[0].step_out:
        return None
    samples = max(phase.q for phase in found)
    every, host = kernel.shape[2] * taps, _host(kernel)
    if kernel.shape[1] == 1:
        return woven_tile(phases=len(firsts), samples=samples, taps=every, **host)
    same = len({(phase.first_in, phase.shifts) for phase in found}) == 1
    if len(firsts) == 1 or not same or every > packing.MOST_TAPS:
        return None
    rows = kernel.shape[1] * len(firsts)
    tile = best_tile(rows=rows, length=samples, taps=every, more=0, **host)
    pays = phases_of(tile.m) == len(firsts) and writing_pays(
        tile, channels=rows, rows=8, samples=samples, length=8 * samples, taps=every
    )
    return replace(tile, phases=len(firsts)) if pays else None


def last_line(found: tuple[Phase, ...], kernel: Array, *, zeros: bool) -> Line:
    """The innermost axis, with copies for the taps where that saves time.

    Without them, tiles compute what is between the rows.
    """
    plain, copied = Line(found), Line(found, copied=True)
    if kernel.shape[1] == 1 or not zeros or plain.step > PARTS:
        return plain
    pitch, count = plain.longest + plain.reach - plain.idle, plain.longest
    idle = (pitch - count) * kernel[0, :, 0].size / (2 * _host(kernel)["lanes"])
    more = count * len(copied.starts) - pitch * len(plain.starts)
    return copied if idle > _COPYING * more else plain


def movers_of(order: tuple[int, ...], dtype: np.dtype[np.inexact]) -> tuple[int, ...]:
    """Addresses of what fills and stores the bands, unless they are not turned."""
    if order == UNTURNED:
        return 0, 0
    from convadjoint.engines.turning import movers  # noqa: PLC0415 - needs llvmlite

    return tuple(mover.address for mover in movers(dtype))
