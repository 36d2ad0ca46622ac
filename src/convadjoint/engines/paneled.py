"""The compiled part of the kernel gradient of many channels: turn two bands, multiply.

There are few functions, since each takes its time to be compiled.
"""

from typing import Any

from llvmlite import ir

from convadjoint.engines import panels as of
from convadjoint.engines import sections
from convadjoint.engines.microkernel import TileCode
from convadjoint.engines.movement import axes_at, fill
from convadjoint.engines.primitives import (
    INDEX,
    REGISTERS,
    cases,
    compiled,
    emitted,
    kept,
    moved,
    taken,
    vector_of,
)
from convadjoint.engines.turning import turn

__all__ = ["FORMS", "run"]

# Channels written, which divide a vector or are divided by it, and vectors of those read.
FORMS = {32: ((8, 3), (8, 2), (8, 1)), 16: ((4, 2), (4, 1))}[REGISTERS]


@emitted
def gather(
    builder: Any,
    x: Any,
    x_at: Any,
    offsets: Any,
    ends: Any,
    z: Any,
    z_at: Any,
    y: Any,
    y_at: Any,
    fresh: Any,
    form: Any,
) -> None:
    """Multiply the samples between two ends: a tile of sums, row by row.

    They are added to what `y` holds, unless they are `fresh`.
    """
    vector = vector_of(x)
    source, target = builder.gep(x, [x_at]), builder.gep(y, [y_at])
    edges = [builder.load(builder.gep(ends, [INDEX(i)])) for i in (0, 1)]

    def emit(number: int) -> None:
        m, v = FORMS[number]
        made, step = TileCode(builder, vector, m, v), INDEX(v * vector.count)
        zeros = [[ir.Constant(vector, None)] * v] * m
        sums, _ = made.taps((source, offsets, z), edges, z_at, made.every, zeros)
        # Sums of sums round less often than one long sum.
        before = made.begin(fresh, target, step)
        total = [
            [builder.fadd(*pair) for pair in zip(*lines, strict=True)]
            for lines in zip(before, sums, strict=True)
        ]
        made.store(total, target, step)

    cases(builder, form, range(len(FORMS)), emit)


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
    """Do jobs until none is left: see `correlated.run`, but for buffers and lists.

    Parameters
    ----------
    jobs, count, counter, x, z, layouts, found
        The same.
    buffers : ndarray
        Room for some channels of a band, panels of `x` and of `z`, and sums.
    lists : ndarray of int64
        Sides of a band of `z`, ends of a part, and offsets of all samples of a band.
    numbers : ndarray
        Sections, as `panels` has them.
    """
    scalars = moved(numbers, numbers[of.SCALARS])
    sides = moved(numbers, numbers[of.SIDES])
    reach = moved(numbers, numbers[of.REACH])
    bands = moved(numbers, numbers[of.BANDS])
    x_axes = axes_at(numbers, of.X_AXES)
    z_axes = axes_at(numbers, of.Z_AXES)
    width, m = scalars[of.WIDTH], scalars[of.ROWS]
    x_panels, z_panels = (
        moved(buffers, scalars[of.X_AT]),
        moved(buffers, scalars[of.Z_AT]),
    )
    sums = moved(buffers, scalars[of.SUMS_AT])
    offsets = moved(lists, of.FIXED)
    last = (-1, -1, -1, -1)
    while True:
        number = taken(counter)
        if number >= count:
            break
        job = moved(jobs, sections.JOB * number)
        reads, writes = job[sections.READS], job[sections.WRITES]
        for b in range(job[sections.FIRST], job[sections.LAST]):
            band = moved(bands, sections.BAND * b)
            planes, rows, signals, samples = band[1], band[3], band[5], band[7]
            place = (band[0], band[2], band[4], band[6])
            length = planes * rows * signals * samples
            now = (b, job[sections.GROUP], job[sections.READ], job[sections.WRITE])
            if now[:3] != last[:3]:
                at = job[sections.GROUP] * layouts[6] + job[sections.READ] * layouts[7]
                size = (
                    planes + reach[0],
                    rows + reach[1],
                    signals,
                    samples + reach[2],
                )
                _turn_reads(
                    (moved(x, at), layouts, moved(layouts, 6)),
                    (buffers, x_panels, sides),
                    (place, size, reads),
                    x_axes,
                    scalars,
                )
            if now[:2] != last[:2] or now[3] != last[3]:
                at = job[sections.GROUP] * layouts[18]
                at += job[sections.WRITE] * layouts[19]
                lists[0], lists[1], lists[2], lists[3] = planes, rows, signals, samples
                lists[4] = 0
                _turn_writes(
                    (moved(z, at), moved(layouts, 12), moved(layouts, 18)),
                    (buffers, z_panels, lists),
                    (place, (planes, rows, signals, samples), writes),
                    z_axes,
                    scalars,
                )
            last = now
            at = 0
            for line in range(planes * rows * signals):
                i = line // signals // rows * sides[1] + line // signals % rows
                first = (i * sides[2] + line % signals) * sides[3]
                for u in range(samples):
                    offsets[at] = (first + u) * width
                    at += 1
            _multiply(
                (x_panels, z_panels, sums),
                (moved(lists, of.FIXED - 2), offsets),
                numbers,
                ((reads + width - 1) // width, (writes + m - 1) // m),
                (band, length, b == job[sections.FIRST]),
            )
        _write(
            numbers, sums, (reads, writes), buffers, moved(found, job[sections.PLACE])
        )


@compiled
def _turn_reads(source: Any, target: Any, part: Any, axes: Any, scalars: Any) -> None:
    """Lay a vector of channels out after the other, and turn it."""
    (x, sizes, strides), (room, panels, sides) = source, target
    place, count, channels = part
    vector, width = scalars[of.VECTOR], scalars[of.WIDTH]
    for c in range(0, channels, vector):
        sizes[1] = min(vector, channels - c)
        given = moved(x, c * strides[1]), sizes, strides
        fill(given, (room, sides), place, count, axes, scalars[of.LANES])
        at = c // width * width * scalars[of.X_LINE] + c % width
        for u in range(0, scalars[of.X_LINE], vector):
            turn(
                moved(room, u),
                (0, sizes[1], 1, 0, scalars[of.X_APART]),
                moved(panels, at + u * width),
                (0, vector, 1, 0, width),
            )


@compiled
def _turn_writes(source: Any, target: Any, part: Any, axes: Any, scalars: Any) -> None:
    """The same for the channels of a tile, of the other side."""
    (z, sizes, strides), (room, panels, sides) = source, target
    place, count, channels = part
    vector, m = scalars[of.VECTOR], scalars[of.ROWS]
    line = scalars[of.Z_PARTS] * sides[0] * sides[1] * sides[2] * sides[3]
    for c in range(0, channels, m):
        sizes[1] = min(m, channels - c)
        given = moved(z, c * strides[1]), sizes, strides
        fill(given, (room, sides), place, count, axes, scalars[of.LANES])
        for g in range(0, sizes[1], vector):
            # What a vector has beyond the tile, the next one is written over.
            at = c // m * scalars[of.Z_LINE] + g
            for u in range(0, line, vector):
                turn(
                    moved(room, g * line + u),
                    (0, sizes[1] - g, 1, 0, line),
                    moved(panels, at + u * m),
                    (0, vector, 1, 0, m),
                )


@compiled
def _multiply(panels: Any, lists: Any, numbers: Any, blocks: Any, samples: Any) -> None:
    """Add the sums of a band to those found so far, tap by tap."""
    (x, z, sums), (ends, offsets), (band, length, new) = panels, lists, samples
    scalars = moved(numbers, numbers[of.SCALARS])
    pairs = moved(numbers, numbers[of.PAIRS])
    taps = moved(numbers, numbers[of.TAPS])
    width, m = scalars[of.WIDTH], scalars[of.ROWS]
    outer = moved(band, 2 * scalars[of.OUTER])
    unit = length // outer[1]
    for block in range(blocks[0]):
        for p in range(scalars[of.PAIR_COUNT]):
            pair = moved(pairs, of.PAIR * p)
            for i in range(pair[of.TAP], pair[of.TAP_END]):
                tap = moved(taps, of.TAP_NUMBERS * i)
                x_at = (block * scalars[of.X_LINE] + tap[0]) * width
                at = tap[1] * scalars[of.TAP_APART] + block * blocks[1] * width * m
                first = min(max(tap[3] - outer[0], 0), outer[1]) * unit
                stop = max(first, min(tap[4] - outer[0], outer[1]) * unit)
                fresh = new and tap[2] != 0
                while True:
                    ends[0] = first
                    ends[1] = min(stop, first + scalars[of.PART])
                    z_at = (pair[of.Z_PHASE] * length + first) * m
                    for c in range(blocks[1]):
                        gather(
                            x,
                            x_at,
                            offsets,
                            ends,
                            z,
                            z_at + c * scalars[of.Z_LINE],
                            sums,
                            at + c * width * m,
                            fresh,
                            scalars[of.FORM],
                        )
                    fresh, first = False, ends[1]
                    if first == stop:
                        break


@compiled
def _write(numbers: Any, sums: Any, channels: Any, room: Any, found: Any) -> None:
    """Add the sums of a job to those found: the taps of a channel are neighbours there."""
    scalars = moved(numbers, numbers[of.SCALARS])
    width, m = scalars[of.WIDTH], scalars[of.ROWS]
    taps, apart, vector = (
        scalars[of.TAP_COUNT],
        scalars[of.TAP_APART],
        scalars[of.VECTOR],
    )
    reads, writes = channels
    blocks = (writes + m - 1) // m
    for i in range(scalars[of.UNMET_COUNT]):
        line = moved(sums, numbers[numbers[of.UNMET] + i] * apart)
        for u in range(apart):
            line[u] = 0
    for o in range(writes):
        for c in range(0, reads, vector):
            at = (c // width * blocks + o // m) * width * m + o % m * width + c % width
            for j in range(0, taps, vector):
                # The last one may do again what the one before did; what is too long is
                # written over by the next channel.
                tap = max(0, min(j, taps - vector))
                turn(
                    moved(sums, at + tap * apart),
                    (0, taps - tap, 1, 0, apart),
                    moved(room, c * taps + tap),
                    (0, vector, 1, 0, taps),
                )
        target = moved(found, o * scalars[of.READ_STEP] * taps)
        for i in range(reads * taps):
            target[i] += room[i]
