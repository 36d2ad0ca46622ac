"""The compiled part of the engine `direct`: fill a band, multiply, store.

There are few functions, since each takes its time to be compiled.
"""

from typing import Any

from convadjoint.engines import program as of
from convadjoint.engines.microkernel import tile
from convadjoint.engines.movement import fill, store
from convadjoint.engines.primitives import address, compiled, kept, moved, taken

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
    count = len(jobs) // of.BAND
    jobs, counter, layout = address(jobs), address(counter), address(layout)
    x, y, inputs, products = address(x), address(y), address(inputs), address(products)
    numbers, weights = address(numbers), address(weights)
    sides, scalars = (
        moved(numbers, numbers[of.SIDES]),
        moved(numbers, numbers[of.SCALARS]),
    )
    starts = moved(numbers, numbers[of.STARTS])
    steps = moved(numbers, numbers[of.STEPS])
    places = moved(numbers, numbers[of.PLACES])
    last_parts = moved(numbers, numbers[of.PART_ENDS])
    last_phases = moved(numbers, numbers[of.GROUP_ENDS])
    axes = (
        moved(numbers, numbers[of.AXES]),
        moved(numbers, numbers[of.AXES + 1]),
        moved(numbers, numbers[of.AXES + 2]),
    )
    lanes, ranges, m = scalars[of.LANES], scalars[of.RANGES], scalars[of.M]
    before = -1
    while True:
        job = taken(counter)
        if job >= count:
            break
        band, last = moved(jobs, of.BAND * job), moved(jobs, of.BAND * before)
        same = before >= 0 and band[of.GROUP] == last[of.GROUP]
        for number in range(of.PLANE, of.BAND if same else of.PLANE):
            # Only the channels differ: what they read is there already.
            same = same and band[number] == last[number]
        before = job
        if not same:
            source = (moved(x, band[of.GROUP] * layout[6]), layout, moved(layout, 6))
            rows = (
                band[of.PLANES] + steps[3],
                band[of.ROWS] + steps[4],
                band[of.SIGNALS],
                band[of.SAMPLES] + steps[5],
            )
            first = (band[of.PLANE], band[of.ROW], band[of.SIGNAL], band[of.SAMPLE])
            fill(source, (inputs, sides), first, rows, axes, lanes)
        sizes = moved(layout, 12)
        target = (moved(y, band[of.GROUP] * layout[18]), sizes, moved(layout, 18))
        begin = 0
        for group in range(scalars[of.GROUPS]):
            end = last_phases[group]
            z, r = places[3 * begin], places[3 * begin + 1]
            deep = min(
                band[of.PLANES],
                (sizes[2] - z + steps[0] - 1) // steps[0] - band[of.PLANE],
            )
            high = min(
                band[of.ROWS], (sizes[3] - r + steps[1] - 1) // steps[1] - band[of.ROW]
            )
            shape, apart = (
                (deep, high, band[of.SIGNALS], band[of.SAMPLES]),
                (0, 0, 0, 0),
            )
            for o in range(begin, end if min(deep, high) > 0 else begin):
                first_part = last_parts[o - 1] if o else 0
                for p in range(first_part, last_parts[o]):
                    at = numbers[of.ENDS] + p * (ranges + 1)
                    at_weights = band[of.GROUP] * scalars[of.WEIGHTS] + starts[p]
                    size = (numbers[at + ranges] - numbers[at]) * m
                    part = (at, weights, at_weights, size)
                    into = (
                        products,
                        (o - begin) * scalars[of.DISTANCE],
                        p == first_part,
                    )
                    block = (band[of.BLOCK], band[of.BLOCKS])
                    apart = _multiply(inputs, numbers, part, into, block, shape)
            if min(deep, high) > 0:
                place = (z + steps[0] * band[of.PLANE], r + steps[1] * band[of.ROW])
                store(
                    target,
                    (products, scalars[of.DISTANCE], apart),
                    (band[of.BLOCK] * m, band[of.BLOCKS] * m),
                    shape,
                    (
                        (place[0], place[1], band[of.SIGNAL], band[of.SAMPLE]),
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
    sides, scalars = (
        moved(numbers, numbers[of.SIDES]),
        moved(numbers, numbers[of.SCALARS]),
    )
    (_, height, signals, pitch) = sides[0], sides[1], sides[2], sides[3]
    spacing, width, m = scalars[of.SPACING], scalars[of.WIDTH], scalars[of.M]
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
                        moved(numbers, numbers[of.OFFSETS]),
                        numbers,
                        at,
                        weights,
                        start + (block[0] + index) * size,
                        y,
                        place + index * m * line + sample,
                        step,
                        fresh,
                        scalars[of.FORM],
                    )
    return apart
