"""The compiled products of a band: tiles of rows, or of channels, all taps of each."""

from typing import Any

from convadjoint.engines import program as of
from convadjoint.engines.microkernel import tile
from convadjoint.engines.primitives import compiled, inlined, moved, prefetch, reserve

__all__ = ["multiply", "places_in", "whole_tiles"]

# Weights that share the second-level cache with a band.
_CHUNK = 65_536
# Taps of a tile that take no longer than its place in the output takes to come.
_FEW = 24


@inlined
def whole_tiles(numbers: Any, rows: Any) -> Any:
    """Rows that tiles make: the last one may read some more, and multiply them by zeros.

    What was there before need not be finite.
    """
    scalars = moved(numbers, numbers[of.SCALARS])
    unit = max(1, scalars[of.SPACING] * scalars[of.M])
    return (rows + unit - 1) // unit * unit


@inlined
def _asked(region: Any, span: Any, numbers: Any, write: Any) -> Any:
    """Ask for the same part of some more rows; return how many these are with those before.

    A part of all rows is due, and as many as `numbers` say have been asked for.
    """
    (place, rows), (first, stop, line), (done, due, parts) = region, span, numbers
    while done * parts < due:
        row = rows[0] + done * rows[2]
        for u in range(first, stop, line):
            if write:
                reserve(place, row + u)
            else:
                prefetch(place, row + u)
        done += 1
    return done


@inlined
def places_in(target: Any, steps: Any, first: Any, channel: Any, samples: Any) -> Any:
    """Where tiles write an output phase to, from its first sample in a band on.

    An address; the distances of planes, rows, signals and channels; the samples of a row,
    and the channels.
    """
    y, sizes, strides = target
    at = first[0] * strides[2] + first[1] * strides[3] + first[2] * strides[4]
    return (
        moved(y, at + first[3] + channel * strides[1]),
        (steps[0] * strides[2], steps[1] * strides[3], strides[4], strides[1]),
        (min(samples, sizes[5] - first[3]), sizes[1] - channel),
    )


@compiled
def multiply(
    x: Any, numbers: Any, part: Any, into: Any, block: Any, shape: Any, soon: Any
) -> Any:
    """Sum over a part of the taps; return the distances in the products.

    `into` is where (as `places_in` has it; products have zeros after the address), the place
    there, and whether sums begin anew.
    """
    sides, scalars = (
        moved(numbers, numbers[of.SIDES]),
        moved(numbers, numbers[of.SCALARS]),
    )
    (_, height, signals, pitch) = sides[0], sides[1], sides[2], sides[3]
    spacing, width, m = scalars[of.SPACING], scalars[of.WIDTH], scalars[of.M]
    woven, vector = scalars[of.WOVEN], scalars[of.VECTOR]
    (planes, rows, some, samples), (there, y_at, fresh) = shape, into
    (y, (far, near, beside, wide), (room, channels)) = there
    at, weights, start, size = part
    # All rows are one, with their padding.
    length = ((planes - 1) * height + rows - 1) * signals * pitch
    length += (some - 1) * pitch + samples
    line = (length + width - 1) // width * width
    apart = (line, height * signals * pitch, signals * pitch, pitch)
    # Some channels share a place, while its samples are in the first-level cache; but only
    # as many as keep their weights in the second-level one.
    step, most, total = line, max(1, _CHUNK // size), block[1]
    lines, ways, count = 0, 1, (total + most - 1) // most
    few = numbers[at + scalars[of.RANGES]] - numbers[at] <= _FEW
    line_of_cache = 2 * scalars[of.LANES]
    strides = (
        moved(numbers, numbers[of.AXES + 2])[1],
        moved(numbers, numbers[of.STEPS])[2],
    )
    lap = spacing * (m - 1)
    if spacing:
        # Some rows share a tile; the next one reads rows that are still in that cache.
        length = (some - 1) * pitch + samples
        line = (length + width - 1) // width * width
        lines = (rows + spacing * m - 1) // (spacing * m) * spacing * m
        if near == 0:
            far, near, room = lines * line, line, line
        apart, step = (0, far, near, pitch), spacing * near
        count, most, total = planes, 0, lines // m
    elif near > 0:
        # Tiles write to the output: row by row.
        step, length, ways = wide, samples, planes * rows * some
        count = count * ways
    # While rows are multiplied, the input of the next band may come, and the place of the
    # output, unless there is so little to come that asking takes longer.
    parts = max(1, soon[5] * count * total)
    to_read = soon[1][1] if spacing else 0
    # Rows that are put together of several phases are asked for when they are written.
    to_write = soon[3][1] if spacing and few and strides[1] == 1 else 0
    for number in range(count):
        for sample in range(0, length, width):
            vectors = (min(width, length - sample) + vector - 1) // vector
            form = moved(numbers, numbers[of.FORMS])[vectors]
            way, first = number % ways, number // ways * most
            s, r, p = way % some, way // some % rows, way // (some * rows)
            x_first = sample + ((p * height + r) * signals + s) * pitch
            y_first = y_at + woven * sample + p * far + r * near + s * beside
            part_ = (soon[4] * count + number) * total
            reading, writing = to_read * part_ // parts, to_write * part_ // parts
            reads = (
                sample * strides[0],
                min(soon[1][3], (sample + width) * strides[0]),
                line_of_cache,
            )
            writes = (
                sample * strides[1],
                min(soon[3][3], (sample + width) * strides[1]),
                line_of_cache,
            )
            row, turn, left = 0, 0, (woven * width, m)
            for index in range(first, min(total, first + most) if most else total):
                x_at, place = x_first, y_first
                at_weights = start + block[0] * size
                if spacing:
                    x_at += (number * height + row) * signals * pitch
                    place += number * far + row * near
                    whole = row + lap < rows
                    left = (
                        room - woven * sample,
                        m if whole else (rows - row + spacing - 1) // spacing,
                    )
                    turn = turn + 1 if turn + 1 < spacing else 0
                    row += 1 if turn else 1 + lap
                else:
                    place += index * m * step
                    at_weights += index * size
                    if near > 0:
                        left = (room - woven * sample, channels - index * m)
                part_ += 1
                due = reading, to_read * part_, parts
                reading = _asked((soon[0], soon[1]), reads, due, 0)
                due = writing, to_write * part_, parts
                writing = _asked((soon[2], soon[3]), writes, due, 1)
                tile(
                    x,
                    x_at,
                    moved(numbers, numbers[of.OFFSETS]),
                    numbers,
                    at,
                    weights,
                    at_weights,
                    y,
                    place,
                    step,
                    fresh,
                    left,
                    woven,
                    form,
                )
    return apart
