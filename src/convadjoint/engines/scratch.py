"""Buffers that a thread keeps from one product to the next.

Fresh memory is expensive: the system hands it out page by page, filled with zeros.
"""

from math import prod
from threading import local

import numpy as np

from convadjoint.engines.loans import LEAST, lent
from convadjoint.engines.protocol import Array

__all__ = [
    "KEPT",
    "KEPT_FOR_PLANS",
    "LARGE",
    "SLACK",
    "aligned",
    "fresh",
    "room",
    "scratch",
]

# Samples past the end of a buffer that may be read, and a few that may be written.
SLACK = 1024
# Bytes that are worth keeping; a larger buffer should be made and let go.
KEPT = 2**26
# Bytes of what only planning needs.
KEPT_FOR_PLANS = 2**23
# Bytes of the longest vector: one that lies across two lines of the cache takes longer.
_LINE = 64
# Bytes of a large page, and of the smallest array that NumPy wants to have of such ones.
_PAGE, LARGE = 2**21, 2**22
_BUFFERS = local()


def scratch(name: str, shape: tuple[int, ...], dtype: np.dtype[np.inexact]) -> Array:
    """Return this thread's buffer of that name, made or enlarged if need be.

    Its values are those of the last product, or zeros.
    """
    key, size = f"{name}{dtype.char}", prod(shape)
    buffer: Array | None = getattr(_BUFFERS, key, None)
    if buffer is None or buffer.size < size + SLACK:
        buffer = aligned(size + SLACK, dtype)
        buffer[:] = 0
        setattr(_BUFFERS, key, buffer)
    return buffer[:size].reshape(shape)


def room(
    name: str, shape: tuple[int, ...], dtype: np.dtype[np.inexact], most: int = KEPT
) -> Array:
    """Return an array of any values: this thread's buffer, if it has not too many bytes."""
    if prod(shape) * dtype.itemsize > most:
        return aligned(prod(shape), dtype).reshape(shape)
    return scratch(name, shape, dtype)


def fresh(
    shape: tuple[int, ...], dtype: np.dtype[np.inexact], *, written: bool = True
) -> Array:
    """Return a new array for a result: its values are any if all of them are `written`.

    Of two threads that first touch a large page both have the system clear it, in turn:
    that takes longer than most products.
    """
    large = written and prod(shape) * dtype.itemsize >= LEAST
    y = lent(shape, dtype) if large else None
    if y is None:
        y = np.empty(shape, dtype) if written else np.zeros(shape, dtype)
    if y.nbytes >= LARGE:
        y.reshape(-1)[:: _PAGE // y.itemsize] = 0
    return y


def aligned(size: int, dtype: np.dtype[np.inexact]) -> Array:
    """Return a new flat array that begins where a vector should; its values are any."""
    room = np.empty(size + _LINE // dtype.itemsize, dtype)
    return room[-room.ctypes.data % _LINE // dtype.itemsize :][:size]
