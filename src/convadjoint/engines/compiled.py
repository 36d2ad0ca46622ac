"""The compiled part of the engine `direct`: fill a band, multiply, store.

The sizes of the tile travel as the lengths of tuples: they are part of the types then,
and the compiler knows them.
"""

from typing import Any

from convadjoint.engines.microkernel import tile
from convadjoint.engines.movement import fill, store
from convadjoint.engines.primitives import address, compiled, moved, taken
from convadjoint.engines.program import (
    AXES,
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


@compiled
def run(
    jobs: Any, x: Any, y: Any, layout: Any, scratch: Any, numbers: Any, kernel: Any
) -> None:
    """Compute bands of the output, until none is left.

    Parameters
    ----------
    jobs : (bands, counter)
        ``(bands, 11)``: group of each, then the first and the number of its blocks of
        channels, planes, rows, signals, samples.  The next one to do, as an array of one
        that all threads share.
    x, y : ndarray
        Input and output, flat.
    layout : ndarray, shape (24,)
        Sizes and strides of the input, then of the output: group, channel, plane, row,
        signal, sample.  Samples of the output are neighbours.
    scratch : (inputs, products)
        Buffers for the samples of a band, and for its products.
    numbers : ndarray
        Sections, as `program` has them.  Those of an axis hold: its input phases, their
        step, the positions of the extended input between which samples stand themselves,
        by how many samples they are moved, how many positions there are (0: the input
        is not extended); where each phase is first read; the sample at each position.
    kernel : (weights, shape)
        Weights of the tiles; rows, vectors and ranges of taps of one.
    """
    bands, counter = jobs[0], address(jobs[1])
    x, y, layout = address(x), address(y), address(layout)
    inputs, products = address(scratch[0]), address(scratch[1])
    numbers, weights, m = address(numbers), address(kernel[0]), len(kernel[1][0])
    sides, steps = _four(numbers, SIDES), _three(numbers, STEPS)
    distance, spacing, width, lanes = _four(numbers, SCALARS)
    scalars = moved(numbers, numbers[SCALARS])
    ranges, row, groups = scalars[4], scalars[5], scalars[6]
    reaches = moved(numbers, numbers[STEPS] + 3)
    offsets, ends = moved(numbers, numbers[OFFSETS]), moved(numbers, numbers[ENDS])
    starts = moved(numbers, numbers[STARTS])
    part_ends = moved(numbers, numbers[PART_ENDS])
    places = moved(numbers, numbers[PLACES])
    group_ends = moved(numbers, numbers[GROUP_ENDS])
    axes = (_axis(numbers, 0), _axis(numbers, 1), _axis(numbers, 2))
    tiles, last = (spacing, width, kernel[1]), -1
    while True:
        job = taken(counter)
        if job >= len(bands):
            break
        band = bands[job]
        planes, rows, signals, samples = band[4], band[6], band[8], band[10]
        source, target = _part(x, layout, band[0], 0), _part(y, layout, band[0], 12)
        if not _same_band(bands, job, last):
            first = (band[3], band[5], band[7], band[9])
            deep, high = planes + reaches[0], rows + reaches[1]
            count = (deep, high, signals, samples + reaches[2])
            fill(source, (inputs, sides), first, count, axes, lanes)
        begin = 0
        for group in range(groups):
            end = group_ends[group]
            z, r = places[3 * begin], places[3 * begin + 1]
            deep = min(planes, (target[1][1] - z + steps[0] - 1) // steps[0] - band[3])
            high = min(rows, (target[1][2] - r + steps[1] - 1) // steps[1] - band[5])
            if deep > 0 and high > 0:
                shape = (deep, high, signals, samples)
                apart = (0, 0, 0, 0)
                for o in range(begin, end):
                    first_part = part_ends[o - 1] if o else 0
                    for p in range(first_part, part_ends[o]):
                        at = p * (ranges + 1)
                        size = (ends[at + ranges] - ends[at]) * m
                        at_weights = band[0] * row + starts[p]
                        part = (offsets, ends, at, weights, at_weights, size)
                        into = (products, (o - begin) * distance, p == first_part)
                        block = (band[1], band[2])
                        apart = _multiply(
                            inputs, sides, part, into, block, shape, tiles
                        )
                place = (z + steps[0] * band[3], r + steps[1] * band[5])
                store(
                    target,
                    (products, distance, apart),
                    (band[1] * m, band[2] * m),
                    shape,
                    (
                        (*place, band[7], band[9]),
                        steps,
                        (places, 3 * begin, end - begin),
                    ),
                    lanes,
                )
            begin = end
        last = job


@compiled
def _three(numbers: Any, section: Any) -> Any:
    """The first three numbers of a section."""
    at = numbers[section]
    return numbers[at], numbers[at + 1], numbers[at + 2]


@compiled
def _four(numbers: Any, section: Any) -> Any:
    """The first four numbers of a section."""
    at = numbers[section]
    return numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]


@compiled
def _axis(numbers: Any, axis: Any) -> Any:
    """One axis of the input: its phases and its border."""
    at = numbers[AXES + axis]
    phases, length = numbers[at], numbers[at + 5]
    return (
        moved(numbers, at + 6),
        phases,
        numbers[at + 1],
        moved(numbers, at + 6 + phases),
        (numbers[at + 2], numbers[at + 3], numbers[at + 4]),
        length,
    )


@compiled
def _part(array: Any, layout: Any, group: Any, at: Any) -> Any:
    """One group: where it begins, with sizes and strides of channels to samples."""
    n, s = moved(layout, at), moved(layout, at + 6)
    return (
        moved(array, group * s[0]),
        (n[1], n[2], n[3], n[4], n[5]),
        (s[1], s[2], s[3], s[4], s[5]),
    )


@compiled
def _same_band(jobs: Any, job: Any, last: Any) -> Any:
    """Whether a job reads what the last one did: it makes other channels of it."""
    if last < 0 or jobs[job, 0] != jobs[last, 0]:
        return False
    for number in range(3, jobs.shape[1]):
        if jobs[job, number] != jobs[last, number]:
            return False
    return True


@compiled
def _multiply(
    x: Any, sides: Any, part: Any, into: Any, block: Any, shape: Any, kernel: Any
) -> Any:
    """Sum over a part of the taps; return the distances in the products."""
    (_, height, signals, pitch), (planes, rows, some, samples) = sides, shape
    spacing, width, tile_shape = kernel
    m = len(tile_shape[0])
    (y, y_at, fresh), start, size = into, part[4], part[5]
    if spacing:
        unit = spacing * m
        line = (samples + width - 1) // width * width
        lines = (rows + unit - 1) // unit * unit
        for plane in range(planes):
            for index in range(lines // m):
                row = index // spacing * unit + index % spacing
                x_at = (plane * height + row) * pitch
                at = y_at + (plane * lines + row) * line
                place = (y, at, spacing * line, 0, fresh)
                _tiles(x, x_at, part, (start, 1), place, samples, kernel)
        return 0, lines * line, line, 0
    # All rows are one, with their padding.  Some channels share a place, while its
    # samples are in the first-level cache; but only as many as keep their weights in the
    # second-level one.
    length = ((planes - 1) * height + rows - 1) * signals * pitch
    length += (some - 1) * pitch + samples
    line = (length + width - 1) // width * width
    most = max(1, _CHUNK // size)
    for begin in range(0, block[1], most):
        place = (y, y_at + begin * m * line, line, m * line, fresh)
        blocks = (start + (block[0] + begin) * size, min(most, block[1] - begin))
        _tiles(x, 0, part, blocks, place, length, kernel)
    return line, height * signals * pitch, signals * pitch, pitch


@compiled
def _tiles(
    x: Any, x_at: Any, part: Any, blocks: Any, place: Any, length: Any, kernel: Any
) -> None:
    """Tiles along `length` samples, some blocks of rows at each place."""
    (offsets, ends, ends_at, weights, _, size), (first, count) = part, blocks
    (y, y_at, row_apart, block_apart, fresh), (_, width, shape) = place, kernel
    for at in range(0, length, width):
        for index in range(count):
            tile(
                x,
                x_at + at,
                offsets,
                ends,
                ends_at,
                weights,
                first + index * size,
                y,
                y_at + index * block_apart + at,
                row_apart,
                fresh,
                shape,
            )
