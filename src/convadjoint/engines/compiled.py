"""The compiled part of the engine `direct`: fill a band, multiply, store.

There are few functions, since each takes its time to be compiled.
"""

from functools import cache
from typing import Any

import numpy as np

from convadjoint.engines import calls
from convadjoint.engines import program as of
from convadjoint.engines.microkernel import tile
from convadjoint.engines.movement import axes_at, fill, store
from convadjoint.engines.primitives import (
    INDEX,
    Entry,
    called,
    compiled,
    entry,
    inlined,
    kind_of,
    moved,
    prefetch,
    reserve,
    samples_at,
    taken,
    words_at,
)

__all__ = ["multiply", "places_in", "whole_tiles", "worker"]

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
def places_in(target: Any, steps: Any, first: Any, samples: Any) -> Any:
    """Where tiles write an output phase to, from its first sample in a band on.

    An address, the distances of planes and of rows, and the samples of a row.
    """
    y, sizes, strides = target
    at = first[0] * strides[2] + first[1] * strides[3] + first[2] * strides[4]
    return (
        moved(y, at + first[3]),
        steps[0] * strides[2],
        steps[1] * strides[3],
        min(samples, sizes[5] - first[3]),
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
    woven = scalars[of.WOVEN]
    (planes, rows, some, samples), ((y, far, near, room), y_at, fresh) = shape, into
    at, weights, start, size = part
    # All rows are one, with their padding.
    length = ((planes - 1) * height + rows - 1) * signals * pitch
    length += (some - 1) * pitch + samples
    line = (length + width - 1) // width * width
    apart = (line, height * signals * pitch, signals * pitch, pitch)
    # Some channels share a place, while its samples are in the first-level cache; but only
    # as many as keep their weights in the second-level one.
    step, most, total = line, max(1, _CHUNK // size), block[1]
    lines, count = 0, (total + most - 1) // most
    few = numbers[at + scalars[of.RANGES]] - numbers[at] <= _FEW
    line_of_cache = 2 * scalars[of.LANES]
    strides = (
        moved(numbers, numbers[of.AXES + 2])[1],
        moved(numbers, numbers[of.STEPS])[2],
    )
    lap = spacing * (m - 1)
    if spacing:
        # Some rows share a tile; the next one reads rows that are still in that cache.
        line = (samples + width - 1) // width * width
        lines = (rows + spacing * m - 1) // (spacing * m) * spacing * m
        if near == 0:
            far, near, room = lines * line, line, line
        apart = (0, far, near, 0)
        step, length = 0 if woven > 1 else spacing * near, samples
        count, most, total = planes, 0, lines // m
    # While rows are multiplied, the input of the next band may come, and the place of the
    # output, unless there is so little to come that asking takes longer.
    parts = max(1, soon[5] * count * total)
    to_read = soon[1][1] if spacing else 0
    # Rows that are put together of several phases are asked for when they are written.
    to_write = soon[3][1] if spacing and few and strides[1] == 1 else 0
    for number in range(count):
        for sample in range(0, length, width):
            form = scalars[of.FORM]
            unused = (sample + width - length) // scalars[of.VECTOR]
            if unused > 0 and scalars[of.NARROW] > 0:
                form = scalars[of.NARROW] + unused - width // scalars[of.VECTOR] + 1
            first, part_ = number * most, (soon[4] * count + number) * total
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
            row, turn, left = 0, 0, (width, m)
            for index in range(first, min(total, first + most) if most else total):
                x_at, place, at_weights = sample, y_at, start + block[0] * size
                if spacing:
                    x_at += (number * height + row) * pitch
                    place += woven * sample + number * far + row * near
                    whole = row + lap < rows
                    left = (
                        room - woven * sample,
                        m if whole else (rows - row + spacing - 1) // spacing,
                    )
                    turn = turn + 1 if turn + 1 < spacing else 0
                    row += 1 if turn else 1 + lap
                else:
                    place += sample + index * m * line
                    at_weights += index * size
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
                    form,
                )
    return apart


@inlined
def _fill(source: Any, numbers: Any, band: Any, inputs: Any) -> None:
    """Lay the input of a band out; what does so if the band is turned comes with it."""
    x, layout, mover = source
    scalars, steps = (
        moved(numbers, numbers[of.SCALARS]),
        moved(numbers, numbers[of.STEPS]),
    )
    sides, axes = moved(numbers, numbers[of.SIDES]), axes_at(numbers, of.AXES)
    given = moved(x, band[of.GROUP] * layout[6]), layout, moved(layout, 6)
    rows = (
        band[of.PLANES] + steps[3],
        whole_tiles(numbers, band[of.ROWS]) + steps[4],
        band[of.SIGNALS],
        band[of.SAMPLES] + steps[5],
    )
    first = (band[of.PLANE], band[of.ROW], band[of.SIGNAL], band[of.SAMPLE])
    if scalars[of.TURNED]:
        called(mover, x, layout, inputs, numbers, band, 0, 0)
    else:
        fill(given, (inputs, sides), first, rows, axes, scalars[of.LANES])


@cache
def worker(dtype: np.dtype[np.inexact]) -> Entry:
    """Compile what computes bands of the output for real samples of a dtype.

    It takes the addresses of a call and of its thread's buffers.  The call is given input
    and output; numbers (sections, as `program` has them) and weights (those of the tiles,
    group by group); layout, jobs, and what their bands read and write (`ahead`); the count
    of bands; if these are turned, what `turning` has to fill and to store them; the next
    band, and the next piece of each, which all threads share.

    The layout has 24 numbers: sizes and strides of the input, then of the output: group,
    channel, plane, row, signal, sample.  Samples of the output are neighbours.
    """
    kind = kind_of(dtype)

    @entry(f"direct-{dtype}", INDEX, INDEX)
    def work(call: Any, mine: Any) -> None:
        words = moved(words_at(call), calls.GIVEN)
        slots = moved(words_at(mine), 2 * words_at(call)[calls.SLOTS])
        x, y = samples_at(words[0], kind), samples_at(words[1], kind)
        inputs, products = samples_at(slots[0], kind), samples_at(slots[2], kind)
        numbers, weights = words_at(words[2]), samples_at(words[3], kind)
        layout, jobs, regions = (
            words_at(words[4]),
            words_at(words[5]),
            words_at(words[6]),
        )
        count, counter = words[7], moved(words, 10)
        scalars = moved(numbers, numbers[of.SCALARS])
        starts = moved(numbers, numbers[of.STARTS])
        steps = moved(numbers, numbers[of.STEPS])
        places = moved(numbers, numbers[of.PLACES])
        last_parts = moved(numbers, numbers[of.PART_ENDS])
        last_phases = moved(numbers, numbers[of.GROUP_ENDS])
        lanes, ranges, m = scalars[of.LANES], scalars[of.RANGES], scalars[of.M]
        sizes = moved(layout, 12)
        pieces, most, blocks = jobs[0], jobs[1], scalars[of.BLOCKS]
        # Nobody helps with a band that has one piece.
        left, piece, job = count if pieces > 1 else 1, pieces, 0
        following = jobs[2] * taken(counter)
        band, done = jobs, counter
        while left > 0 or piece < pieces:
            if piece >= pieces:
                job, piece = following, 0 if following < count else 1
                if job < count:
                    further = (job + 1) % jobs[2]
                    following = job + 1 if further else jobs[2] * taken(counter)
                else:
                    # There are no more: help with those of others, the last one first.
                    left -= 1
                    job = left
                band, done = (
                    moved(jobs, of.HEAD + of.BAND * job),
                    moved(counter, 1 + job),
                )
                piece = taken(done) if pieces > 1 else piece
                if piece < pieces:
                    _fill((x, layout, words[8]), numbers, band, inputs)
                continue
            block = (most * piece, min(most, blocks - most * piece))
            after = moved(regions, of.REGION * min(following, count - 1))
            here = moved(regions, of.REGION * job + of.WRITTEN)
            target = (moved(y, band[of.GROUP] * layout[18]), sizes, moved(layout, 18))
            begin, outputs = 0, last_phases[scalars[of.GROUPS] - 1]
            for group in range(scalars[of.GROUPS]):
                end = last_phases[group]
                z, r = places[3 * begin], places[3 * begin + 1]
                deep = min(
                    band[of.PLANES],
                    (sizes[2] - z + steps[0] - 1) // steps[0] - band[of.PLANE],
                )
                high = min(
                    band[of.ROWS],
                    (sizes[3] - r + steps[1] - 1) // steps[1] - band[of.ROW],
                )
                shape = (deep, high, band[of.SIGNALS], band[of.SAMPLES])
                # Of one type with what follows: `store` would be compiled for both.
                apart = shape
                place = (z + steps[0] * band[of.PLANE], r + steps[1] * band[of.ROW])
                there = products, 0, 0, 0
                if scalars[of.DISTANCE] == 0:
                    low = places[3 * begin + 2] + steps[2] * band[of.SAMPLE]
                    there = places_in(
                        target,
                        steps,
                        (place[0], place[1], band[of.SIGNAL], low),
                        steps[2] * band[of.SAMPLES],
                    )
                for o in range(begin, end if min(deep, high) > 0 else begin):
                    first_part = last_parts[o - 1] if o else 0
                    for p in range(first_part, last_parts[o]):
                        at = numbers[of.ENDS] + p * (ranges + 1)
                        at_weights = band[of.GROUP] * scalars[of.WEIGHTS] + starts[p]
                        size = (starts[p + 1] - starts[p]) // blocks
                        part = (at, weights, at_weights, size)
                        into = (
                            there,
                            (o - begin) * scalars[of.DISTANCE],
                            p == first_part,
                        )
                        apart = multiply(
                            inputs,
                            numbers,
                            part,
                            into,
                            block,
                            shape,
                            (x, after, y, here, o, outputs),
                        )
                if scalars[of.TURNED]:
                    called(words[9], y, layout, products, numbers, band, begin, end)
                elif min(deep, high) > 0 and scalars[of.DISTANCE] > 0:
                    store(
                        target,
                        (products, scalars[of.DISTANCE], apart),
                        (block[0] * m, block[1] * m),
                        shape,
                        (
                            (place[0], place[1], band[of.SIGNAL], band[of.SAMPLE]),
                            steps,
                            (moved(places, 3 * begin), end - begin),
                        ),
                        lanes,
                    )
                begin = end
            piece = taken(done) if pieces > 1 else 1

    return work
