"""Marks around the buffers of compiled code."""

import ctypes
import mmap
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from convadjoint.engines import arrays, calls, frames, squad

ROOM, MARK = 16384, 77


def buffers():
    """The slots of the first seat that have a buffer, where it is, and its bytes."""
    slots = squad.SQUAD.seats[0, frames.BUFFERS : frames.COPY].reshape(-1, 2)
    return [(slot, int(at), int(size)) for slot, (at, size) in enumerate(slots) if at]


@contextmanager
def fences(module, over=0):
    """Let a module's plans have new buffers on one thread; nothing may be written around.

    Those of even slots are written `over` bytes past their end at most.
    """
    mine = squad.SQUAD.seats[0, frames.BUFFERS : frames.COPY]
    found, kept, of = [], mine.copy(), calls.Call.of

    def fenced(slot, nbytes):
        if mine[2 * slot + 1] >= nbytes:
            return
        size = -(-nbytes // 64) * 64 if slot % 2 else -(-nbytes // 64) * 64 + over
        buffer = np.full(size + 2 * ROOM + 64, MARK, np.uint8)
        begin = ROOM + -arrays.address(buffer[ROOM:]) % 64
        # What is before a buffer would be freed with it: nothing.
        buffer[begin - 8 : begin] = 0
        mine[2 * slot : 2 * slot + 2] = arrays.address(buffer) + begin, nbytes
        found.append((buffer[: begin - 8], buffer[begin + size :]))

    def with_fences(function, buffers, *given, **words):
        slot, *both = buffers
        for number, nbytes in enumerate(both):
            fenced(slot + number, nbytes)
        return of(function, buffers, *given, **words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "num_threads", lambda: 1)
        patch.setattr(calls.Call, "of", with_fences)
        mine[:] = 0
        yield
    mine[:] = kept
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
