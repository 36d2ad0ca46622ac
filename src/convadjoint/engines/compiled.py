"""The compiled part of the engine `direct`: fill a band, multiply, store.

The sizes of the tile travel as the lengths of tuples: they are part of the types then,
and the compiler knows them.
"""

from typing import Any

from convadjoint.engines.microkernel import tile
from convadjoint.engines.movement import fill, store
from convadjoint.engines.primitives import address, compiled, taken

__all__ = ["run"]

# Weights that share the second-level cache with a band.
_CHUNK = 65_536


@compiled
def run(
    jobs: Any,
    source: Any,
    target: Any,
    scratch: Any,
    frame: Any,
    taps: Any,
    kernel: Any,
) -> None:
    """Compute bands of the output, until none is left.

    Parameters
    ----------
    jobs : (bands, counter)
        ``(bands, 11)``: group of each, then the first and the number of its blocks of
        channels, planes, rows, signals, samples.  The next one to do, as an array of one
        that all threads share.
    source, target : (flat, sizes, strides)
        Input and output, ``(group, channel, plane, row, signal, sample)``.  Samples of
        the output are neighbours.
    scratch : (inputs, sides, products, distance)
        Samples of a band; its planes, rows, signals, and samples of a row; products of
        a band, and the distance of those of two output phases.
    frame : (starts, steps, reaches, origins, cores)
        Where the input phases are first read, an array per axis, and their steps; how
        far the taps reach beyond that; per axis, which sample of the input stands at each
        position of the extended one (empty if it is not extended), and between which
        positions it stands itself, moved by how many samples.
    taps : (offsets, ends, weights, starts, part_ends, places, group_ends, steps)
        Parts of all output phases, as `packing.Taps` has them, and the steps of those.
    kernel : (spacing, width, lanes, shape)
        The tile.  It holds some channels, or rows `spacing` apart, of `width` samples;
        samples that are moved at once; rows, vectors and ranges of taps.
    """
    inputs, sides, products, distance = scratch
    offsets, ends, weights, starts, part_ends, places, group_ends, steps = taps
    lanes, m = kernel[2], len(kernel[3][0])
    reaches = frame[2]
    axes = (_axis(frame, 0), _axis(frame, 1), _axis(frame, 2))
    inputs, products = address(inputs), address(products)
    ranges = ends.shape[1]
    firsts = address(places.reshape(places.size))
    pack = (address(offsets), address(ends.reshape(ends.size)))
    bands, counter = jobs
    counter, last = address(counter), -1
    while True:
        job = taken(counter)
        if job >= len(bands):
            break
        group, block, blocks, plane, planes, row, rows = bands[job, :7]
        signal, signals, sample, samples = bands[job, 7:]
        x, y = _part(source, group), _part(target, group)
        if not _same_band(bands, job, last):
            first = (plane, row, signal, sample)
            count = (
                planes + reaches[0],
                rows + reaches[1],
                signals,
                samples + reaches[2],
            )
            fill(x, (inputs, sides), first, count, axes, lanes)
        begin = 0
        for end in group_ends:
            z, r, _ = places[begin]
            deep = min(planes, (y[1][1] - z + steps[0] - 1) // steps[0] - plane)
            high = min(rows, (y[1][2] - r + steps[1] - 1) // steps[1] - row)
            if deep > 0 and high > 0:
                shape = (deep, high, signals, samples)
                apart = (0, 0, 0, 0)
                for o in range(begin, end):
                    first_part = part_ends[o - 1] if o else 0
                    for p in range(first_part, part_ends[o]):
                        size = (ends[p, -1] - ends[p, 0]) * m
                        part = (
                            pack[0],
                            pack[1],
                            p * ranges,
                            address(weights[group]),
                            starts[p],
                            size,
                        )
                        into = (products, (o - begin) * distance, p == first_part)
                        apart = _multiply(
                            inputs, sides, part, into, (block, blocks), shape, kernel
                        )
                place = (z + steps[0] * plane, r + steps[1] * row, signal, sample)
                store(
                    y,
                    (products, distance, apart),
                    (block * m, blocks * m),
                    shape,
                    (place, steps, (firsts, 3 * begin, end - begin)),
                    lanes,
                )
            begin = end
        last = job


@compiled
def _axis(frame: Any, axis: Any) -> Any:
    """One axis of the input: its phases and its border."""
    starts, steps, _, origins, cores = frame
    return (
        address(starts[axis]),
        len(starts[axis]),
        steps[axis],
        address(origins[axis]),
        cores[axis],
        len(origins[axis]),
    )


@compiled
def _part(array: Any, group: Any) -> Any:
    """One group: flat, with sizes and strides of channels to samples."""
    flat, sizes, strides = array
    return (
        address(flat[group * strides[0] :]),
        (sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]),
        (strides[1], strides[2], strides[3], strides[4], strides[5]),
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
    spacing, width, _, tile_shape = kernel
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
    (y, y_at, row_apart, block_apart, fresh), (_, width, _, shape) = place, kernel
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
