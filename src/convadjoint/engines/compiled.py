"""The compiled part of the engine `direct`: fill a band, multiply, store."""

from typing import Any

from convadjoint.engines.microkernel import tile
from convadjoint.engines.movement import fill, store
from convadjoint.engines.primitives import address, compiled, kept, moved, taken
from convadjoint.engines.program import (
    AXES,
    BAND,
    ENDS,
    GROUP_ENDS,
    OFFSETS,
    PART_ENDS,
    PLACES,
    SCALARS,
    SIDES,
    STARTS,
    STEPS,
)

__all__ = ["run"]

# Weights that share the second-level cache with a band.
_CHUNK = 65_536


@kept
def run(
    jobs: Any,
    counter: Any,
    x: Any,
    y: Any,
    layout: Any,
    inputs: Any,
    products: Any,
    numbers: Any,
    weights: Any,
) -> None:
    """Compute bands of the output, until none is left.  All arrays are flat.

    Parameters
    ----------
    jobs : ndarray, shape (11 * bands,)
        Group of each band, then the first and the number of its blocks of channels,
        planes, rows, signals, samples.
    counter : ndarray, shape (1,)
        The next one to do: all threads share it.
    x, y : ndarray
        Input and output.
    layout : ndarray, shape (24,)
        Sizes and strides of the input, then of the output: group, channel, plane, row,
        signal, sample.  Samples of the output are neighbours.
    inputs, products : ndarray
        Buffers for the samples of a band, and for its products.
    numbers : ndarray
        Sections, as `program` has them.
    weights : ndarray
        Those of the tiles, group by group.
    """
    count = len(jobs) // BAND
    jobs, counter, layout = address(jobs), address(counter), address(layout)
    x, y, inputs, products = address(x), address(y), address(inputs), address(products)
    numbers, weights = address(numbers), address(weights)
    sides, scalars = moved(numbers, numbers[SIDES]), moved(numbers, numbers[SCALARS])
    starts = moved(numbers, numbers[STARTS])
    steps = moved(numbers, numbers[STEPS])
    places = moved(numbers, numbers[PLACES])
    last_parts = moved(numbers, numbers[PART_ENDS])
    last_phases = moved(numbers, numbers[GROUP_ENDS])
    axes = (
        moved(numbers, numbers[AXES]),
        moved(numbers, numbers[AXES + 1]),
        moved(numbers, numbers[AXES + 2]),
    )
    lanes, ranges, m = scalars[3], scalars[4], scalars[7]
    before = -1
    while True:
        job = taken(counter)
        if job >= count:
            break
        band, last = moved(jobs, BAND * job), moved(jobs, BAND * before)
        same = before >= 0 and band[0] == last[0]
        for number in range(3, BAND if same else 3):
            # Only the channels differ: what they read is there already.
            same = same and band[number] == last[number]
        before = job
        if not same:
            source = (moved(x, band[0] * layout[6]), layout, moved(layout, 6))
            rows = (
                band[4] + steps[3],
                band[6] + steps[4],
                band[8],
                band[10] + steps[5],
            )
            first = (band[3], band[5], band[7], band[9])
            fill(source, (inputs, sides), first, rows, axes, lanes)
        sizes = moved(layout, 12)
        target = (moved(y, band[0] * layout[18]), sizes, moved(layout, 18))
        begin = 0
        for group in range(scalars[6]):
            end = last_phases[group]
            z, r = places[3 * begin], places[3 * begin + 1]
            deep = min(band[4], (sizes[2] - z + steps[0] - 1) // steps[0] - band[3])
            high = min(band[6], (sizes[3] - r + steps[1] - 1) // steps[1] - band[5])
            shape, apart = (deep, high, band[8], band[10]), (0, 0, 0, 0)
            for o in range(begin, end if min(deep, high) > 0 else begin):
                first_part = last_parts[o - 1] if o else 0
                for p in range(first_part, last_parts[o]):
                    at = numbers[ENDS] + p * (ranges + 1)
                    at_weights = band[0] * scalars[5] + starts[p]
                    size = (numbers[at + ranges] - numbers[at]) * m
                    part = (at, weights, at_weights, size)
                    into = (products, (o - begin) * scalars[0], p == first_part)
                    block = (band[1], band[2])
                    apart = _multiply(inputs, numbers, part, into, block, shape)
            if min(deep, high) > 0:
                place = (z + steps[0] * band[3], r + steps[1] * band[5])
                store(
                    target,
                    (products, scalars[0], apart),
                    (band[1] * m, band[2] * m),
                    shape,
                    (
                        (place[0], place[1], band[7], band[9]),
                        steps,
                        (moved(places, 3 * begin), end - begin),
                    ),
                    lanes,
                )
            begin = end


@compiled
def _multiply(
    x: Any, numbers: Any, part: Any, into: Any, block: Any, shape: Any
) -> Any:
    """Sum over a part of the taps; return the distances in the products."""
    sides, scalars = moved(numbers, numbers[SIDES]), moved(numbers, numbers[SCALARS])
    (_, height, signals, pitch) = sides[0], sides[1], sides[2], sides[3]
    spacing, width, m = scalars[1], scalars[2], scalars[7]
    (planes, rows, some, samples), (y, y_at, fresh) = shape, into
    at, weights, start, size = part
    # All rows are one, with their padding.
    length = ((planes - 1) * height + rows - 1) * signals * pitch
    length += (some - 1) * pitch + samples
    line = (length + width - 1) // width * width
    count, apart = 1, (line, height * signals * pitch, signals * pitch, pitch)
    step, most, lines = line, max(1, _CHUNK // size), rows
    if spacing:
        # Some rows share a tile.
        unit = spacing * m
        line = (samples + width - 1) // width * width
        lines = (rows + unit - 1) // unit * unit
        count, apart = planes * (lines // m), (0, lines * line, line, 0)
        step, length = spacing * line, samples
    for number in range(count):
        x_at, place = 0, y_at
        if spacing:
            plane, index = number // (lines // m), number % (lines // m)
            row = index // spacing * spacing * m + index % spacing
            x_at = (plane * height + row) * pitch
            place = y_at + (plane * lines + row) * line
        # Some channels share a place, while its samples are in the first-level cache; but
        # only as many as keep their weights in the second-level one.
        for begin in range(0, block[1], most):
            end = min(block[1], begin + most)
            for sample in range(0, length, width):
                for index in range(begin, end):
                    tile(
                        x,
                        x_at + sample,
                        moved(numbers, numbers[OFFSETS]),
                        numbers,
                        at,
                        weights,
                        start + (block[0] + index) * size,
                        y,
                        place + index * m * line + sample,
                        step,
                        fresh,
                        scalars[8],
                    )
    return apart
