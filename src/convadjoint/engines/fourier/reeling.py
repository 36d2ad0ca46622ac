"""Rows of samples into the buffer of a transform, lane by lane, and back out of it.

Tables say which row and which samples belong to a line; where those of a vector are
neighbours, a square of them is turned at once.
"""

from typing import Any

from convadjoint.engines.fourier import waveform as of
from convadjoint.engines.fourier.turning import put, take
from convadjoint.engines.primitives import compiled, inlined, moved

__all__ = ["aim", "read", "write"]


@compiled
def aim(
    first: Any, channel: Any, part: Any, call: Any, places: Any, numbers: Any, side: Any
) -> Any:
    """Find the rows of some lines, and where their tables begin; count those there are."""
    lanes, lines, blocks = numbers[of.LANES], numbers[of.LINES], numbers[of.WINDOWS]
    parts = numbers[of.PARTS]
    # Windows of one signal share a transform: no signal sees another one's rounding.
    pairs = (blocks + parts - 1) // parts
    per_group = side[of.CHANNELS] * side[of.PHASES]
    group, number = channel // per_group, channel % per_group
    phase = number // side[of.CHANNELS]
    channel = group * side[of.CHANNELS] + number % side[of.CHANNELS]
    found = 0
    for lane in range(lanes):
        pair = call[2] + (first + lane) // lines
        signal, block = pair // pairs, pair % pairs * parts + part
        table = phase * blocks + min(block, blocks - 1)
        row = -1
        if signal < call[3] and block < blocks:
            row = numbers[side[of.ROWS] + table * lines + (first + lane) % lines]
        places[lane] = -1
        places[lanes + lane] = table * numbers[of.COLUMNS]
        if row >= 0:
            places[lane] = signal * side[of.SIGNAL] + channel * side[of.CHANNEL] + row
            found += 1
    return found


@inlined
def _place(column: Any, half: Any, part: Any, numbers: Any) -> Any:
    """Where the lines of a block of columns are in the buffer, and their distance."""
    lanes = numbers[of.LANES]
    start = column * 2 * lanes * lanes
    if numbers[of.PARTS] == 1:
        return start + half * lanes * lanes, lanes
    return start + part * lanes, 2 * lanes


@compiled
def _steps(column: Any, half: Any, places: Any, numbers: Any, side: Any) -> Any:
    """Let rows point to a block of columns; the places follow the tables.

    Returns how far on they are, and whether all rows have them as neighbours.
    """
    lanes, wide = numbers[of.LANES], 3 - numbers[of.PARTS]
    number = places[lanes] + column
    if numbers[of.LINES] > 1 or numbers[of.WINDOWS] <= numbers[of.PARTS]:
        # All rows are of one window.
        shift = wide * numbers[side[of.ORIGINS] + number * lanes] + half * lanes
        return 0, shift, numbers[side[of.JOINED] + number]
    state = 1
    for lane in range(lanes):
        number = places[lanes + lane] + column
        places[2 * lanes + lane] = -1
        own = numbers[side[of.JOINED] + number]
        if places[lane] >= 0 and own != 2:
            state = min(state, own)
            origin = numbers[side[of.ORIGINS] + number * lanes]
            places[2 * lanes + lane] = places[lane] + wide * origin + half * lanes
    return 2 * lanes, 0, state


@compiled
def read(
    first: Any, channel: Any, call: Any, line: Any, places: Any, numbers: Any
) -> Any:
    """Lay rows of the input out, lane by lane; count those there are."""
    lanes, side = numbers[of.LANES], moved(numbers, of.INPUT)
    wide, total, (x, y, work) = 3 - numbers[of.PARTS], 0, line
    zeros, square = moved(work, numbers[of.ZEROS]), moved(work, numbers[of.SQUARE])
    for part in range(numbers[of.PARTS]):
        total += aim(first, channel, part, call, places, numbers, side)
        for number in range(numbers[of.COLUMNS] * wide):
            column, half = number // wide, number % wide
            table, shift, state = _steps(column, half, places, numbers, side)
            at, step = _place(column, half, part, numbers)
            if state == 1:
                take(moved(x, shift), zeros, moved(places, table), moved(y, at), step)
                continue
            if state == 2:
                for lane in range(lanes):
                    for i in range(lanes):
                        y[at + lane * step + i] = 0
                continue
            for lane in range(lanes):
                places[2 * lanes + lane] = lane * lanes
                table = side[of.ORIGINS] + (places[lanes + lane] + column) * lanes
                for i in range(lanes):
                    real = half * lanes + i
                    origin = numbers[table + (real >> wide - 1)]
                    value = zeros[0]
                    if places[lane] >= 0 and origin >= 0:
                        value = x[places[lane] + wide * origin + (real & wide - 1)]
                    square[lane * lanes + i] = value
            take(square, zeros, moved(places, 2 * lanes), moved(y, at), step)
    return total


@compiled
def write(
    first: Any, channel: Any, call: Any, y: Any, work: Any, places: Any, numbers: Any
) -> None:
    """Write rows of the output: undoes `_read`."""
    lanes, side = numbers[of.LANES], moved(numbers, of.OUTPUT)
    wide, square = 3 - numbers[of.PARTS], moved(work, numbers[of.SQUARE])
    for part in range(numbers[of.PARTS]):
        if not aim(first, channel, part, call, places, numbers, side):
            continue
        for number in range(numbers[of.COLUMNS] * wide):
            column, half = number // wide, number % wide
            table, shift, state = _steps(column, half, places, numbers, side)
            at, step = _place(column, half, part, numbers)
            if state == 1:
                put(
                    moved(work, at), step, moved(y, shift), square, moved(places, table)
                )
            if state != 0:
                continue
            for lane in range(lanes):
                places[2 * lanes + lane] = lane * lanes
            put(moved(work, at), step, square, square, moved(places, 2 * lanes))
            for lane in range(lanes):
                table = side[of.ORIGINS] + (places[lanes + lane] + column) * lanes
                for i in range(lanes):
                    real = half * lanes + i
                    origin = numbers[table + (real >> wide - 1)]
                    if places[lane] >= 0 and origin >= 0:
                        value = square[lane * lanes + i]
                        y[places[lane] + wide * origin + (real & wide - 1)] = value
