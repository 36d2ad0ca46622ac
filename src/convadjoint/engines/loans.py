"""Memory of large results: what one leaves behind is used for the next.

What the C library takes for large arrays goes back to the system at once, and whoever asks
for more waits until that has been cleared, for longer than small kernels take.  So some is
kept here; the system is told that it may have it back.
"""

import mmap
from collections import deque
from contextlib import suppress
from math import prod

import numpy as np

from convadjoint.engines.protocol import Array

__all__ = ["LEAST", "lent"]

# Bytes of the smallest result that the C library never has memory for, and of the largest
# that is kept; how many are; and bytes of a large page.
LEAST, _MOST, _COUNT, _PAGE = 2**25, 2**28, 2, 2**21
# Only where the system can take it back may memory be kept.
_POSSIBLE = all(hasattr(mmap, name) for name in ("MADV_FREE", "MADV_HUGEPAGE"))

# What is too much falls out by itself; no lock, since arrays may go while one is held.
_KEPT: deque[mmap.mmap] = deque(maxlen=_COUNT)


class _Loan(np.ndarray):
    """All bytes of some memory, of which an array is a part."""

    def __del__(self) -> None:
        # A part of the bytes would be based on them, not on the memory.
        memory: object = self.base
        if isinstance(memory, mmap.mmap) and len(memory) <= _MOST:
            # Older systems have no such advice, and keep nothing.
            with suppress(OSError):
                memory.madvise(mmap.MADV_FREE)
                _KEPT.append(memory)


def lent(shape: tuple[int, ...], dtype: np.dtype[np.inexact]) -> Array | None:
    """Return a new array of any values; None if there is no memory that can be kept."""
    size = -(-prod(shape) * dtype.itemsize // _PAGE) * _PAGE
    memory = (_left(size) or _new(size)) if _POSSIBLE else None
    if memory is None:
        return None
    return np.ndarray(shape, dtype, _Loan((size,), np.uint8, memory))


def _left(size: int) -> mmap.mmap | None:
    """Memory of so many bytes, if some is left."""
    for _ in range(_COUNT):
        with suppress(IndexError):
            memory = _KEPT.popleft()
            if len(memory) == size:
                return memory
            _KEPT.append(memory)
    return None


def _new(size: int) -> mmap.mmap | None:
    """New memory, which a forked process does not share; None if there is none."""
    for _ in range(2):
        with suppress(OSError):
            memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            with suppress(OSError):
                memory.madvise(mmap.MADV_HUGEPAGE)
            return memory
        # What is kept counts where a process may have so much and no more.
        _KEPT.clear()
    return None
