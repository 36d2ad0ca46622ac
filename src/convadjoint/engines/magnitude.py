"""How large samples are: one look, on all threads, answers what guards ask of data."""

from functools import cache
from typing import Any

import numpy as np

from convadjoint.engines.calls import Call
from convadjoint.engines.pool import num_threads
from convadjoint.engines.presence import trouble
from convadjoint.engines.protocol import Array

__all__ = ["largest"]

# Samples of a piece that a thread looks at, and those from which on threads are woken.
_PIECE = 2**15
_WAKING = 2**18


def largest(x: Array) -> Array:
    """The largest magnitude of the parts of each signal, not finite if a part is not.

    Returns
    -------
    ndarray, shape ``(len(x),)``
        Of the real dtype of `x`; 0 for a signal without samples.
    """
    if not x.size:
        return np.zeros(len(x), x.real.dtype)
    # Samples are met in the order of memory: a channel may be the innermost axis there.
    order = sorted(range(1, x.ndim), key=lambda axis: -abs(x.strides[axis]))
    x = np.require(x.transpose(0, *order), requirements=["C", "A"])
    if x.size >= _PIECE and trouble() is None:
        return _compared(x.reshape(len(x), -1).view(x.real.dtype))
    axes = tuple(range(1, x.ndim))
    parts = (x.real, x.imag) if np.iscomplexobj(x) else (x,)
    with np.errstate(invalid="ignore"):
        sizes = [np.maximum(part.max(axes), -part.min(axes)) for part in parts]
        found: Array = np.maximum(sizes[0], sizes[-1])
    return found


def _compared(x: Array) -> Array:
    """The same for rows of real samples, in compiled code."""
    pieces = -(-x.shape[1] // _PIECE)
    jobs = len(x) * pieces
    found = np.empty((len(x), pieces), x.dtype)
    threads = min(num_threads(), jobs) if x.size > _WAKING else 1
    Call.of(
        _compiled(x.itemsize),
        (0, 0, 0),
        (None, None),
        # Jobs, and those of a row; samples of a row and of a piece; the next job.
        (jobs, pieces, x.shape[1], _PIECE, 0),
        threads=threads,
    ).make(x, found)
    # What is not finite compares as largest only where numbers are compared as bits.
    bits: Array = found.view(f"i{x.itemsize}").max(axis=1).view(x.dtype)
    return bits


@cache
def _compiled(itemsize: int) -> Any:
    """The address of the compiled part, which needs llvmlite."""
    from convadjoint.engines import comparing  # noqa: PLC0415

    return comparing.comparer(itemsize).address
