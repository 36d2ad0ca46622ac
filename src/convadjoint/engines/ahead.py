"""Samples asked for while others are multiplied: memory and arithmetic then overlap.

The rows that a job reads of the first channel (but for those that its neighbour did), and
those that it writes: where they begin, how many they are and how far apart, and how many
samples each has.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines import program as of

__all__ = ["regions"]

Integers = npt.NDArray[np.int64]

# Input and output in a layout; first and number in a job, for plane, row and sample.
_INPUT, _OUTPUT = slice(0, 12), slice(12, 24)
_AXES = ((of.PLANE, of.PLANES), (of.ROW, of.ROWS), (of.SAMPLE, of.SAMPLES))


def regions(
    jobs: Integers, layout: Integers, axes: tuple[Integers, ...], steps: Integers
) -> Integers:
    """Rows that each job reads, and rows that it writes: ``(jobs, 8)``."""
    table = jobs.reshape(-1, of.BAND)
    lows = [int(axis[6] - axis[4]) for axis in axes]
    reads = _rows(table, layout[_INPUT], lows, [int(axis[1]) for axis in axes])
    writes = _rows(table, layout[_OUTPUT], [0] * len(axes), [int(s) for s in steps])
    return np.concatenate((reads, writes), axis=1)


def _rows(
    table: Integers, layout: Integers, lows: list[int], steps: list[int]
) -> Integers:
    """Begin, number, distance and length of the rows of each job."""
    sizes, strides = layout[:6], layout[6:]
    at = table[:, of.GROUP] * strides[0] + table[:, of.SIGNAL] * strides[4]
    counts = []
    for (first, number), low, step, axis in zip(
        _AXES, lows, steps, (2, 3, 5), strict=True
    ):
        begin = np.clip(low + step * table[:, first], 0, sizes[axis])
        counts.append(np.minimum(step * table[:, number], sizes[axis] - begin))
        at = at + begin * strides[axis]
    planes, rows, samples = counts
    # The rows of the next plane follow those of one, nearly.
    found: Any = np.stack(
        (at, planes * rows, np.full_like(at, strides[3]), samples), axis=1
    )
    return found if strides[5] == 1 else np.zeros_like(found)
