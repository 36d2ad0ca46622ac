"""Planes of short rows, for the engine `direct`: all rows move at once, column by column."""

from typing import Any

from convadjoint.engines.primitives import compiled, inlined, moved
from convadjoint.engines.rows import patch
from convadjoint.engines.tiles import PARTS

__all__ = ["APART", "SHORT", "lay_sheet", "whole", "write_sheet"]

# Vectors of a row that is short, and how far apart its samples may be.
SHORT, APART = 8, 2


@inlined
def whole(axis: Any) -> Any:
    """Whether phases are neighbours, so that a row can be taken apart into all of them."""
    parts, step = axis[0], axis[1]
    return parts == step and axis[5 + parts] - axis[6] == step - 1 and step <= PARTS


@compiled
def _rows(
    source: Any, inside: Any, target: Any, way: Any, count: Any, rows: Any
) -> None:
    """Compile `patch` once for all that move rows."""
    patch(source, inside, target, way, count, rows)


@compiled
def lay_sheet(
    source: Any, target: Any, first: Any, count: Any, axes: Any, lanes: Any
) -> None:
    """Lay a plane out, all its phases, with zeros around.

    `source` is where it is, its strides, whether it is not of zeros itself, and how far
    away the next one is; `target` is where its first phase goes, the sides of that, and the
    distance of phases.
    """
    (x, strides, known, soon), (y, sides, apart) = source, target
    (parts, apart_by), (lines, step) = (
        (axes[2][0], axes[2][1]),
        (axes[1][0], axes[1][1]),
    )
    near, line = step * strides[3], sides[2] * sides[3]
    # Phases are taken from a row together, or one by one.
    each, way = parts, 0 if apart_by == 1 else 2
    if whole(axes[2]):
        each, way = 1, apart_by - 1
    for b in range(lines):
        up = axes[1][6 + b] + step * first[1]
        begin = min(max((step - 1 - up) // step, 0), count[1]) if known else count[1]
        end = max(begin, min(count[1], (axes[1][3] - up + step - 1) // step))
        top = up * strides[3] + begin * near
        for number in range(count[2] * each):
            s, d = number // each, number % each
            low = axes[2][6 + d] + apart_by * first[3]
            row = moved(x, (first[2] + s) * strides[4] + low)
            goal = moved(y, (b * parts + d) * apart + s * sides[3])
            ahead = strides[4] if s + 1 < count[2] else soon
            for u in range(0, count[3], 2 * lanes):
                start, left = apart_by * u, count[3] - u
                edges, to = (-low - start, axes[2][3] - low - start), moved(goal, u)
                if begin > 0:
                    _rows((row, 0, 0), (0, 0), (to, line, apart), way, left, begin)
                to = moved(to, begin * line)
                some = moved(row, top + start), near, ahead
                _rows(some, edges, (to, line, apart), way, left, end - begin)
                to = moved(to, (end - begin) * line)
                if count[1] > end:
                    under = count[1] - end
                    _rows((row, 0, 0), (0, 0), (to, line, apart), way, left, under)


@compiled
def write_sheet(places: Any, rows: Any, signals: Any, samples: Any) -> None:
    """Write the products of a plane.

    `places` are those of the output and of the products; `rows` and `signals` are the
    distances in products and output, and how many there are.
    """
    ((y, x), (count, lanes)) = places, samples
    for s in range(signals[2]):
        line, start = moved(y, s * signals[1]), moved(x, s * signals[0])
        for u in range(0, count, 2 * lanes):
            source, target = (moved(start, u), rows[0], 0), (moved(line, u), rows[1], 0)
            _rows(source, (0, count - u), target, 0, count - u, rows[2])
