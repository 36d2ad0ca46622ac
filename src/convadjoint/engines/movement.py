"""Samples into a band of the engine `direct`, and its products to their places.

Arrays come as addresses, with the distances of their axes: samples of a row are then
known to be neighbours.  Strided rows are taken apart, and put together, by whole vectors.
There are few functions, since each takes its time to be compiled.
"""

from typing import Any

from convadjoint.engines.primitives import compiled, inlined, moved, prefetch, reserve
from convadjoint.engines.rows import lay, merge, pick, split
from convadjoint.engines.sheets import APART, SHORT, lay_sheet, whole, write_sheet
from convadjoint.engines.tiles import PARTS

__all__ = ["axes_at", "fill", "inside", "origin", "store", "strip"]

# Channels whose places in the output are asked for before, while they are multiplied.
_FEW = 4
# How many samples before it is read or written a row is asked for.
_AHEAD = 2048


@inlined
def axes_at(numbers: Any, section: Any) -> Any:
    """The sections of three axes, as `arrays.section` has them."""
    return (
        moved(numbers, numbers[section]),
        moved(numbers, numbers[section + 1]),
        moved(numbers, numbers[section + 2]),
    )


@compiled
def fill(source: Any, band: Any, first: Any, count: Any, axes: Any, lanes: Any) -> None:
    """Lay the input out, its phases apart, extended, and zeros around.

    `source` is where, its sizes and its strides, `band` where to, and its planes, rows,
    signals, and samples of a row.  Sample `i` of a phase along an axis is
    ``start + step * (first + i)``.
    """
    (x, sizes, strides), (y, sides) = source, band
    apart = sides[0] * sides[1] * sides[2] * sides[3] + sides[4]
    parts, samples = axes[2][0], (first[3], count[3])
    ends = inside(strides[5], samples, axes[2], lanes)
    # A dense row among few zeros, or of few samples.
    low = axes[2][6] + first[3]
    dense = parts * axes[2][1] * strides[5] == 1 and axes[2][5] == 0
    # Rows of few samples are moved some at once.
    short = strides[5] == 1 and axes[2][5] + axes[1][5] == 0
    short = short and axes[2][1] <= APART and count[3] <= SHORT * lanes
    bare = dense and max(ends[0], count[3] - ends[1]) <= lanes and ends[1] > 0
    # Of a row of the input, what a band reads.
    start = max(0, axes[2][6] + axes[2][1] * first[3] - axes[2][4])
    wanted = start, min(sizes[5], start + axes[2][1] * count[3])
    # Rows that are taken apart are many for what is multiplied; they come while others do.
    ahead = (1 + _AHEAD // sizes[5]) * strides[3] if parts * axes[1][0] > 1 else 0
    for number in range(sizes[1] * axes[0][0]):
        a, c = number % axes[0][0], number // axes[0][0]
        for i in range(count[0]):
            plane = origin(axes[0], a, first[0] + i)
            # Rows as they lie, phase after phase: memory is read in order.
            j, b = 0, 0
            if short:
                x_at = c * strides[1] + max(plane, 0) * strides[2]
                y_at = number * axes[1][0] * parts * apart
                y_at += i * sides[1] * sides[2] * sides[3]
                soon = strides[1] - (count[2] - 1) * strides[4]
                soon = soon if c + 1 < sizes[1] else 0
                sheet, goal = (
                    (moved(x, x_at), strides, plane >= 0, soon),
                    moved(y, y_at),
                )
                lay_sheet(sheet, (goal, sides, apart), first, count, axes, lanes)
                j = count[1]
            while j < count[1]:
                row = origin(axes[1], b, first[1] + j)
                for s in range(count[2]):
                    y_at = ((i * sides[1] + j) * sides[2] + s) * sides[3]
                    y_at += (number * axes[1][0] + b) * parts * apart
                    if min(plane, row) < 0:
                        for d in range(parts):
                            for u in range(0, count[3], lanes):
                                place = moved(y, y_at + d * apart + u)
                                pick(x, 0, (0, 0), place, count[3] - u, 1)
                        continue
                    at = c * strides[1] + plane * strides[2] + row * strides[3]
                    at += (first[2] + s) * strides[4]
                    # The next channel's row lies too far away to be foreseen.
                    soon = strides[1] if c + 1 < sizes[1] else ahead
                    for u in range(wanted[0], wanted[1] if soon else 0, 2 * lanes):
                        prefetch(x, at + soon + u)
                    if bare:
                        lay(x, at + low + ends[0], y, y_at, ends, count[3])
                    else:
                        line, target = (x, at, strides[5]), (y, y_at, apart)
                        strip(line, target, samples, ends, axes[2], lanes)
                b += 1
                if b == axes[1][0]:
                    j, b = j + 1, 0


@inlined
def origin(axis: Any, phase: Any, index: Any) -> Any:
    """The sample that stands at an index of a phase, extended; -1 for a zero."""
    position = axis[6 + phase] + axis[1] * index
    if axis[2] <= position < axis[3]:
        return position - axis[4]
    return axis[6 + axis[0] + position] if 0 <= position < axis[5] else -1


@compiled
def inside(stride: Any, samples: Any, axis: Any, lanes: Any) -> Any:
    """Which samples of a row, of all its phases, can be taken by whole vectors."""
    first, count = samples
    step, start, stop = axis[1], axis[2], axis[3]
    begin = end = 0
    if stride == 1 and whole(axis):
        begin = min(max((start - axis[6] + step - 1) // step - first, 0), count)
        end = max(begin, min(count, (stop - axis[6]) // step - first))
    return (begin, end) if end - begin >= lanes else (0, 0)


@compiled
def strip(
    source: Any, target: Any, samples: Any, ends: Any, axis: Any, lanes: Any
) -> None:
    """One row: all its phases, with what stands before and after."""
    (x, at, stride), (y, y_at, apart), (first, count) = source, target, samples
    (begin, end), parts, step = ends, axis[0], axis[1]
    x_at = at + axis[6] + step * first - axis[4]
    if end > begin:
        split(x, x_at + step * begin, y, y_at + begin, apart, step, end - begin)
    plain = stride == 1 and axis[5] == 0 and step <= PARTS
    for d in range(parts):
        u = 0 if begin else end
        while u < count:
            found = axis[6 + d] + step * (first + u)
            last = begin if u < begin else count
            if plain:
                # There are zeros outside.
                edges = (-found, axis[3] - found)
                place = moved(y, y_at + d * apart + u)
                pick(x, at + found, edges, place, last - u, step)
                u += lanes
            else:
                found = origin(axis, d, first + u)
                value = x[at + stride * found] if found >= 0 else 0
                y[y_at + d * apart + u] = value
                u += 1
            if begin <= u < end:
                u = end


@compiled
def store(
    target: Any, products: Any, block: Any, shape: Any, place: Any, lanes: Any
) -> None:
    """Write output phases that share their rows.

    `products` are ``(address, distance of phases, distances of channels, planes, rows,
    signals)``; `block` are the first channel and how many; `shape` counts planes, rows,
    signals, samples; `place` says where the first one goes, and the phases.
    """
    (y, sizes, strides), (x, phase_apart, apart) = target, products
    (first, steps, (places, parts)), (channel, channels) = place, block
    channels, step = min(channels, sizes[1] - channel), steps[2]
    room = sizes[5] - step * first[3]
    whole = 0
    if parts == step and step <= PARTS:
        whole = min(shape[3], (room - places[3 * parts - 1] + step - 1) // step)
        if whole < lanes:
            whole = 0
    ahead = step * whole if channels > _FEW or parts > 1 else 0
    short = parts * step == 1 and shape[3] <= SHORT * lanes
    for number in range(channels * shape[0]):
        i, c = number % shape[0], number // shape[0]
        at, to = c * apart[0] + i * apart[1], (channel + c) * strides[1]
        to += (first[0] + steps[0] * i) * strides[2] + step * first[3]
        if short:
            line = moved(y, to + first[1] * strides[3] + first[2] * strides[4])
            rows = apart[2], steps[1] * strides[3], shape[1]
            signals = apart[3], strides[4], shape[2]
            samples = min(shape[3], room), lanes
            write_sheet((line, moved(x, at)), rows, signals, samples)
            continue
        for j in range(shape[1]):
            # The next row lies too far away to be foreseen; of rows that are put
            # together, some are written while one comes.
            after = strides[1] - (shape[1] - 1) * steps[1] * strides[3]
            if j + 1 < shape[1]:
                after = steps[1] * strides[3]
            if channels <= _FEW:
                after = (1 + _AHEAD // sizes[5]) * steps[1] * strides[3]
            for s in range(shape[2]):
                row = (first[1] + steps[1] * j) * strides[3] + (first[2] + s) * strides[
                    4
                ]
                line, start = (
                    moved(y, to + row),
                    moved(x, at + j * apart[2] + s * apart[3]),
                )
                for v in range(0, ahead, 2 * lanes):
                    reserve(line, after + v)
                if whole:
                    merge(line, 0, start, 0, phase_apart, step, whole)
                for d in range(parts):
                    phase = places[3 * d + 2]
                    end = min(shape[3], (room - phase + step - 1) // step)
                    part = moved(start, d * phase_apart), moved(line, phase)
                    _rest(part, (whole, end), step, lanes)


@inlined
def _rest(part: Any, samples: Any, step: Any, lanes: Any) -> None:
    """Write the last samples of a phase to a row."""
    (x, y), (first, last) = part, samples
    if step == 1:
        for u in range(first, last, lanes):
            pick(x, u, (0, last - u), moved(y, u), last - u, 1)
        return
    for u in range(first, last):
        y[step * u] = x[u]
