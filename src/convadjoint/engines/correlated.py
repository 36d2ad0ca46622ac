"""The compiled part of the kernel gradient: fill two bands, and multiply them.

There are few functions, since each takes its time to be compiled.
"""

from typing import Any

from convadjoint.engines import sections as of
from convadjoint.engines.dots import dots
from convadjoint.engines.movement import axes_at, fill
from convadjoint.engines.primitives import compiled, kept, moved, taken

__all__ = ["run"]


@kept
def run(
    jobs: Any,
    count: Any,
    counter: Any,
    x: Any,
    z: Any,
    layouts: Any,
    buffers: Any,
    lists: Any,
    numbers: Any,
    found: Any,
) -> None:
    """Do jobs until none is left.  All arrays are flat.

    Parameters
    ----------
    jobs : ndarray
        `sections.JOB` numbers each: group, first channel read and how many, first
        channel written and how many, first and last band, where the sums go.
    count : int
        How many there are.
    counter : ndarray, shape (1,)
        The next one to do: all threads share it.
    x, z : ndarray
        The arrays that are correlated.
    layouts : ndarray, shape (24,)
        Sizes and strides of both: group, channel, plane, row, signal, sample; a copy.
    buffers : ndarray
        A tile of sums, a band of `x`, and a band of `z` with zeros around.
    lists : ndarray of int64
        Room for the offsets and places of all lines of a job.
    numbers : ndarray
        Sections, as `correlation` has them.
    found : ndarray
        The sums, of each segment.
    """
    scalars = moved(numbers, numbers[of.SCALARS])
    sides = moved(numbers, numbers[of.SIDES])
    reach = moved(numbers, numbers[of.REACH])
    bands = moved(numbers, numbers[of.BANDS])
    x_axes = axes_at(numbers, of.X_AXES)
    z_axes = axes_at(numbers, of.Z_AXES)
    lanes, start, end = scalars[of.LANES], scalars[of.Z_START], scalars[of.Z_END]
    tile, x_band = buffers, moved(buffers, of.LARGEST)
    z_band = moved(buffers, start + scalars[of.MARGIN])
    for i in range(of.LARGEST, start):
        # Zeros of the other side meet samples of other products: none may be a NaN.
        buffers[i] = 0
    last = (-1, -1, -1, -1)
    shape = (0, 0, 0, 0)
    while True:
        number = taken(counter)
        if number >= count:
            break
        job = moved(jobs, of.JOB * number)
        layouts[1], layouts[13] = job[of.READS], job[of.WRITES]
        for b in range(job[of.FIRST], job[of.LAST]):
            band = moved(bands, of.BAND * b)
            planes, rows, signals, samples = band[1], band[3], band[5], band[7]
            place = (band[0], band[2], band[4], band[6])
            now = (b, job[of.GROUP], job[of.READ], job[of.WRITE])
            if now[:3] != last[:3]:
                at = job[of.GROUP] * layouts[6] + job[of.READ] * layouts[7]
                fill(
                    (moved(x, at), layouts, moved(layouts, 6)),
                    (x_band, sides),
                    place,
                    (planes + reach[0], rows + reach[1], signals, samples + reach[2]),
                    x_axes,
                    lanes,
                )
            if now[:2] != last[:2] or now[3] != last[3]:
                if shape != (planes, rows, signals, samples):
                    # What the last band filled may now be outside.
                    for i in range(start, end):
                        buffers[i] = 0
                    shape = (planes, rows, signals, samples)
                at = job[of.GROUP] * layouts[18] + job[of.WRITE] * layouts[19]
                fill(
                    (moved(z, at), moved(layouts, 12), moved(layouts, 18)),
                    (z_band, sides),
                    place,
                    (planes, rows, signals, samples),
                    z_axes,
                    lanes,
                )
            last = now
            length = ((planes - 1) * sides[1] + rows - 1) * sides[2] * sides[3]
            length += (sides[2] - 1) * sides[3] + samples + scalars[of.MARGIN]
            _multiply(
                (x_band, z_band, tile),
                lists,
                numbers,
                (job[of.READS], job[of.WRITES]),
                length,
                moved(found, job[of.PLACE]),
            )


@compiled
def _multiply(
    bands: Any, lists: Any, numbers: Any, channels: Any, length: Any, found: Any
) -> None:
    """Add the sums of a band to those found so far."""
    (x, z, tile), offsets = bands, lists
    scalars = moved(numbers, numbers[of.SCALARS])
    pairs = moved(numbers, numbers[of.PAIRS])
    writes = moved(numbers, numbers[of.WRITES_AT])
    taps = moved(numbers, numbers[of.TAPS])
    a, b, width = scalars[of.A], scalars[of.B], scalars[of.LANE_COUNT]
    part, room = scalars[of.PART], scalars[of.ROOM]
    targets, limits = moved(offsets, room), moved(offsets, 2 * room)
    others = moved(offsets, 3 * room)
    end = (length + width - 1) // width * width
    for first in range(0, end, part):
        last = min(end, first + part)
        for p in range(scalars[of.PAIR_COUNT]):
            pair = moved(pairs, of.PAIR * p)
            lines = 0
            for c in range(channels[0]):
                for i in range(pair[of.TAP], pair[of.TAP_END]):
                    tap = moved(taps, of.TAP_NUMBERS * i)
                    offsets[lines] = tap[0] + c * scalars[of.X_CHANNEL]
                    targets[lines] = tap[1] + c * scalars[of.READ_STEP]
                    limits[lines] = tap[2]
                    lines += 1
            written = scalars[of.SPREAD]
            if written == 0:
                written = channels[1]
            for i in range(a):
                offsets[lines + i] = offsets[lines - 1]
            for i in range(written + b):
                line = moved(writes, 2 * min(i, written - 1))
                others[i] = line[0] + pair[of.Z_AT]
            here, there = (lines + a - 1) // a, (written + b - 1) // b
            for number in range(here * there):
                # Lines of taps are mostly the same samples; if there are few of them,
                # the other side's are better read again.
                i, j = number % here * a, number // here * b
                if pair[of.FEW]:
                    i, j = number // there * a, number % there * b
                dots(x, offsets, i, z, others, j, first, last, tile, scalars[of.FORM])
                for u in range(min(a, lines - i)):
                    for v in range(min(b, min(limits[i + u], written) - j)):
                        at = targets[i + u] + writes[2 * (j + v) + 1]
                        found[at] += tile[u * b + v]
