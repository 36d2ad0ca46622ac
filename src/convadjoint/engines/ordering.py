"""Arrays in the order of their axes: channels that lie last are put first, and back."""

from functools import lru_cache

import numpy as np

from convadjoint.engines.calls import Call
from convadjoint.engines.pool import num_threads
from convadjoint.engines.presence import trouble
from convadjoint.engines.protocol import Array

__all__ = ["ordered"]

# Samples of a piece that a thread takes, those from which on compiled code pays, and those
# from which on threads are woken.
_PIECE = 2**14
_LEAST, _WAKING = 2**11, 2**17
# NumPy walks along the last axis, which is slow for as many samples.
_SHORT = 16


def ordered(x: Array) -> Array:
    """Return `x` itself if it is in the order of its axes, else a copy that is."""
    if x.flags.c_contiguous:
        return x
    if x.size >= _LEAST and x.itemsize in {4, 8} and trouble() is None:
        steps = [stride // x.itemsize for stride in x.strides]
        found = _matrices(x.shape, tuple(steps))
        if found and x.flags.aligned and not any(s % x.itemsize for s in x.strides):
            return _transposed(x, *found)
    return _walked(x)


@lru_cache(maxsize=256)
def _matrices(shape: tuple[int, ...], steps: tuple[int, ...]) -> tuple[int, ...] | None:
    """Read an array as matrices whose columns are rows of memory, if it is some.

    Returns how many, their columns and rows in memory, and the distances of matrices and
    of rows.
    """
    axes = [(1, 0)]
    for n, step in zip(shape, steps, strict=True):
        if n > 1 and axes[-1][1] == n * step:
            axes[-1] = axes[-1][0] * n, step
        elif n > 1:
            axes.append((n, step))
    if not 3 <= len(axes) <= 4:
        return None
    (count, far), (width, one), (height, near) = axes[-3:]
    if one != 1 or min(far if count > 1 else 1, near) < 1:
        return None
    return count, width, height, far, near


def _transposed(x: Array, count: int, width: int, height: int, *steps: int) -> Array:
    """Each matrix transposed, in compiled code."""
    from convadjoint.engines import transposing  # noqa: PLC0415 - needs llvmlite

    long = max(width, height)
    piece = -(-_PIECE // min(width, height) // 64) * 64
    pieces = -(-long // piece)
    y = np.empty(x.shape, x.dtype)
    call = Call.of(
        transposing.transposer(x.itemsize).address,
        (0, 0, 0),
        (None, None),
        # Jobs; those of a matrix, the samples of a piece and whether it is one of columns;
        # sizes and distances; lanes; the next job.
        (
            *(count * pieces, pieces, piece, int(width >= height)),
            *(width, height, *steps),
            *transposing.lanes_of(x.itemsize),
            0,
        ),
        threads=min(num_threads(), count * pieces) if x.size > _WAKING else 1,
    )
    call.make(x, y)
    return y


def _walked(x: Array) -> Array:
    """The same by NumPy; a short last axis is written entry by entry."""
    last = next((axis for axis in range(x.ndim)[::-1] if x.shape[axis] > 1), 0)
    if x.ndim == 1 or x.shape[last] > _SHORT:
        return np.ascontiguousarray(x)
    found: Array = np.empty(x.shape, x.dtype)
    pairs = zip(np.moveaxis(found, last, 0), np.moveaxis(x, last, 0), strict=True)
    for one, other in pairs:
        one[...] = other
    return found
