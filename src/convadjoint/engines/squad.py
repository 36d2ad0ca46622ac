"""Helpers that wait in compiled code for calls, and seats for those who make them.

Both are vectors of words, with buffers that last from one call to the next.  The office
says where all of them are, for `waiting`.
"""

import ctypes
import os
from functools import cache
from threading import RLock, Thread, get_native_id
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines.arrays import address
from convadjoint.engines.builtin import function_at, function_of
from convadjoint.engines.frames import (
    CREW,
    FREE,
    LEAVE,
    NOTHING,
    SEATED,
    SEATS,
    STATE,
    THREAD,
    WORDS,
)

__all__ = ["SQUAD"]

# Functions of CPython, in the order in which the office has them.
_NAMES = (
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
    "PyObject_CallObject",
    "PyLong_FromLongLong",
    "Py_IncRef",
    "Py_DecRef",
)
Words = npt.NDArray[np.int64]


class _Squad:
    """All helpers and seats of this process, and the office that knows them."""

    def __init__(self) -> None:
        self.seats = np.zeros((SEATED, WORDS), np.int64)
        self.office = np.zeros(NOTHING + 1, np.int64)
        self.office[SEATS] = address(self.seats)
        self.office[LEAVE:NOTHING] = [function_of(name) for name in _NAMES]
        self.office[NOTHING] = id(None)
        self.begin()

    def begin(self) -> None:
        """Have no helpers yet."""
        # A signal handler or a finalizer may multiply while a thread is being started.
        self.lock = RLock()
        self.helpers: list[Any] = []
        # Calls may still look at an old one.
        self.crews: list[Words] = []
        self.wanted = 0
        self._tell()

    def free(self) -> None:
        """Free the seats of threads that are gone; they may have left buffers half made."""
        taken = self.seats[:, STATE] != FREE
        self.seats[taken] = 0

    def hire(self, wanted: int) -> None:
        """Have so many helpers, or fewer if no more threads start."""
        with self.lock:
            while len(self.helpers) < wanted and self._start():
                pass
            self.wanted = max(wanted, self.wanted)
            self._tell()

    def _tell(self) -> None:
        """Let the office know how many were called for, and who is there."""
        places = map(ctypes.addressof, self.helpers)
        self.crews.append(np.array((self.wanted, len(self.helpers), *places)))
        self.office[CREW] = address(self.crews[-1])

    def _start(self) -> bool:
        """Start one more helper; say whether it has started."""
        helper = (ctypes.c_int64 * WORDS)()
        ctypes.CDLL(None).sem_init(ctypes.byref(helper), 0, 0)
        thread = Thread(target=_live, args=(helper,), name="convadjoint", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter is closing
            return False
        self.helpers.append(helper)
        return True


# Those of this process.
SQUAD = _Squad()


def _live(helper: Any) -> None:
    """What a helper does."""
    helper[THREAD] = get_native_id()
    _serve()(helper)


@cache
def _serve() -> Any:
    """The compiled function in which helpers wait."""
    from convadjoint.engines import waiting  # noqa: PLC0415 - needs llvmlite

    return function_at(waiting.serve.address, arguments=1)


def _after_fork() -> None:
    """Threads do not survive a fork: the child has helpers of its own."""
    SQUAD.begin()
    SQUAD.free()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
