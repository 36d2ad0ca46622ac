"""Marks around the buffers of compiled code."""

import ctypes
import mmap
import sys
from contextlib import contextmanager
from threading import local

import numpy as np
import pytest

from convadjoint.engines import arrays, calls

ROOM, MARK = 16384, 77


@contextmanager
def fences(module, over=0):
    """Let a module's plans have new buffers on one thread; nothing may be written around.

    Those of even slots are written `over` bytes past their end at most.
    """
    found = []

    def fenced(buffers, slot, nbytes):
        size = -(-nbytes // 64) * 64 if slot % 2 else -(-nbytes // 64) * 64 + over
        buffer = np.full(size + 2 * ROOM + 64, MARK, np.uint8)
        begin = ROOM + -arrays.address(buffer[ROOM:]) % 64
        buffers.arrays[slot] = buffer
        buffers.slots[2 * slot : 2 * slot + 2] = arrays.address(buffer) + begin, nbytes
        found.append((buffer[:begin], buffer[begin + size :]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "_MINE", local())
        patch.setattr(module, "num_threads", lambda: 1)
        patch.setattr(calls._Buffers, "enlarge", fenced)
        yield
    for before, after in found:
        assert (before == MARK).all()
        assert (after == MARK).all()


def at_the_end(x):
    """The same array, before a page that nobody may read where that can be had."""
    if sys.platform != "linux":
        return x.copy()
    size = -(-x.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    pages = mmap.mmap(-1, size + mmap.PAGESIZE)
    found = np.frombuffer(pages, x.dtype, x.size, size - x.nbytes).reshape(x.shape)
    found[...] = x
    last = ctypes.c_void_p(arrays.address(found) + x.nbytes)
    assert ctypes.CDLL(None).mprotect(last, mmap.PAGESIZE, 0) == 0
    return found
