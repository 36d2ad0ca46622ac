"""Samples into lines of sums, for the engine `winograd`.

Rows of one channel are laid out with their phases apart, then added up along the row,
then rows with rows, and planes with planes.
"""

from typing import Any

from convadjoint.engines.movement import axes_at, inside, origin, strip
from convadjoint.engines.nested import shapes as of
from convadjoint.engines.nested.blending import blend
from convadjoint.engines.primitives import compiled, moved, prefetch

__all__ = ["lay"]

# How many rows before it is read a short row is asked for.
_ROWS = 4


@compiled
def lay(source: Any, rows: Any, laid: Any, job: Any, numbers: Any) -> None:
    """Lay channels of a band out: rows first, then sums of those."""
    (x, sizes, strides) = source
    scalars = moved(numbers, numbers[of.SCALARS])
    axes = axes_at(numbers, of.AXES)
    steps = moved(numbers, numbers[of.STEPS])
    reaches = moved(numbers, numbers[of.REACHES])
    deep = steps[0] * (job[of.PLANES] - 1) + reaches[0] + 1
    high = steps[1] * (job[of.ROWS] - 1) + reaches[1] + 1
    long, lanes = job[of.SAMPLES] + reaches[2], scalars[of.LANES]
    woven = scalars[of.WOVEN]
    # Several signals side by side, sample by sample, if rows are short.
    sets, weave = (1, job[of.SIGNALS]) if woven else (job[of.SIGNALS], 1)
    apart, temp, parts = scalars[of.APART], scalars[of.TEMP], axes[2][0]
    span = (job[of.SAMPLE], long)
    ends = inside(strides[5], span, axes[2], lanes)
    for c in range(job[of.CHANNEL], job[of.CHANNEL] + job[of.CHANNELS]):
        for s in range(sets):
            i, j, start = 0, -1, -parts * apart
            for _ in range(deep * high):
                i, j = (i, j + 1) if j + 1 < high else (i + 1, 0)
                start += parts * apart
                plane = origin(axes[0], 0, steps[0] * job[of.PLANE] + i)
                row = origin(axes[1], 0, steps[1] * job[of.ROW] + j)
                if min(plane, row) < 0:
                    for u in range(parts * apart):
                        rows[start + u] = 0
                    continue
                at = c * strides[1] + plane * strides[2] + row * strides[3]
                at += (job[of.SIGNAL] + s) * strides[4]
                if c + 1 < sizes[1] and not woven:
                    for u in range(0, sizes[5], 2 * lanes):
                        prefetch(x, at + strides[1] + u)
                for w in range(weave):
                    if woven:
                        # Rows of one signal follow each other, but not those seen here.
                        prefetch(x, at + w * strides[4] + _ROWS * strides[3])
                    strip(
                        (x, at + w * strides[4], strides[5]),
                        (rows, temp, long) if woven else (rows, start, apart),
                        span,
                        ends,
                        axes[2],
                        lanes,
                    )
                    if woven:
                        for d in range(parts):
                            to, here = start + d * apart + w, temp + d * long
                            for u in range(long):
                                rows[to + u * weave] = rows[here + u]
            _along(rows, (deep, high, weave, parts * apart), job, numbers)
            _down((rows, laid), (c, s, weave), job, numbers)


@compiled
def _along(rows: Any, extents: Any, job: Any, numbers: Any) -> None:
    """Add up samples of rows; rows a step apart then follow each other."""
    deep, high, weave, size = extents
    scalars = moved(numbers, numbers[of.SCALARS])
    along = moved(numbers, numbers[of.LINES + 2])
    step = moved(numbers, numbers[of.STEPS])[1]
    many = moved(numbers, numbers[of.COUNTS])[2]
    apart, chunk = scalars[of.APART], job[of.SAMPLES] * weave
    at = scalars[of.HELD]
    for i in range(deep):
        for index in range(many):
            one = moved(along, of.LINE_SIZE * index)
            for residue in range(step):
                first = (i * high + residue) * size
                a = first + one[1] * apart + one[2] * weave
                b = first + one[3] * apart + one[4] * weave
                blend(
                    rows,
                    (at, chunk),
                    rows,
                    ((high - residue + step - 1) // step, step * size),
                    (a, b, a),
                    (one[5], one[5]),
                    one[0],
                    chunk,
                )
                at += scalars[of.LINE]


@compiled
def _down(buffers: Any, extents: Any, job: Any, numbers: Any) -> None:
    """Add up the rows of one channel along rows and planes."""
    (rows, laid), (c, s, weave) = buffers, extents
    scalars = moved(numbers, numbers[of.SCALARS])
    across = moved(numbers, numbers[of.LINES])
    down = moved(numbers, numbers[of.LINES + 1])
    steps = moved(numbers, numbers[of.STEPS])
    counts = moved(numbers, numbers[of.COUNTS])
    line, further, many = scalars[of.LINE], scalars[of.LAID], counts[2]
    chunk, temp = job[of.SAMPLES] * weave, scalars[of.TEMP]
    whole = chunk * job[of.ROWS]
    plane = many * steps[1] * line
    y_at = c * scalars[of.PITCH] + s * job[of.PLANES] * whole
    for p in range(counts[0]):
        first = moved(across, of.LINE_SIZE * p)
        for r in range(counts[1]):
            second = moved(down, of.LINE_SIZE * r)
            near = scalars[of.HELD] + second[1] * line + second[2] * chunk
            far = scalars[of.HELD] + second[3] * line + second[4] * chunk
            for _ in range(many):
                for i in range(job[of.PLANES]):
                    a = (first[1] + steps[0] * (first[2] + i)) * plane
                    b = (first[3] + steps[0] * (first[4] + i)) * plane
                    held, to = (a, b, near, far), y_at + i * whole
                    place = (rows, temp, whole + line), (laid, to), whole
                    _pair(place, held, first, second)
                near += steps[1] * line
                far += steps[1] * line
                y_at += further


@compiled
def _pair(place: Any, held: Any, first: Any, second: Any) -> None:
    """Add two rows up, or two such sums from two planes."""
    (rows, temp, apart), (laid, to), whole = place
    a, b, near, far = held
    signs = (second[5], second[5])
    if first[0] == 1:
        places = (near + a, far + a, near)
        blend(laid, (to, to), rows, (1, 1), places, signs, second[0], whole)
        return
    for side in range(2):
        shift = b if side else a
        places = (near + shift, far + shift, near)
        target = (temp + side * apart, to)
        blend(rows, target, rows, (1, 1), places, signs, second[0], whole)
    places, signs = (temp, temp + apart, temp), (first[5], first[5])
    blend(laid, (to, to), rows, (1, 1), places, signs, first[0], whole)
