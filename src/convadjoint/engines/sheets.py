"""Planes of short rows, for the engine `direct`: all rows move at once, column by column."""

from typing import Any

from convadjoint.engines.primitives import compiled, moved
from convadjoint.engines.rows import patch

__all__ = ["SHORT", "lay_sheet", "write_sheet"]

# Vectors of a row that is short.
SHORT = 8


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
    parts, lines, step = axes[2][0], axes[1][0], axes[1][1]
    low, near, line = (
        axes[2][6] + parts * first[3],
        step * strides[3],
        sides[2] * sides[3],
    )
    for number in range(lines * count[2]):
        b, s = number % lines, number // lines
        up = axes[1][6 + b] + step * first[1]
        begin = min(max((step - 1 - up) // step, 0), count[1]) if known else count[1]
        end = max(begin, min(count[1], (axes[1][3] - up + step - 1) // step))
        row = moved(x, (first[2] + s) * strides[4] + low)
        goal = moved(y, b * parts * apart + s * sides[3])
        ahead = strides[4] if s + 1 < count[2] else soon
        for u in range(0, count[3], 2 * lanes):
            edges, some = (-low - parts * u, axes[2][3] - low - parts * u), count[3] - u
            place = moved(row, up * strides[3] + begin * near + parts * u)
            to = moved(goal, u)
            patch((row, 0, 0), (0, 0), (to, line, apart), parts, some, begin)
            to = moved(to, begin * line)
            patch(
                (place, near, ahead), edges, (to, line, apart), parts, some, end - begin
            )
            to = moved(to, (end - begin) * line)
            patch((row, 0, 0), (0, 0), (to, line, apart), parts, some, count[1] - end)


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
            patch(source, (0, count - u), target, 1, count - u, rows[2])
