"""Calls of compiled code by address, and the helpers that such calls may have.

The function of a call takes two addresses: of the call, and of its thread's buffers.
Several threads may be in one call; the function itself shares the work out.
"""

import ctypes
import os
import sys
from dataclasses import dataclass
from functools import cache
from itertools import count
from threading import Lock, Thread, get_native_id, local
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines.arrays import HEAD, address
from convadjoint.engines.pool import each
from convadjoint.engines.protocol import Array
from convadjoint.engines.scratch import SLACK

__all__ = [
    "BUFFERS",
    "BYTES",
    "CPUS",
    "CPU_WORDS",
    "FUNCTION",
    "GIVEN",
    "LINE",
    "OVER",
    "SAMPLES",
    "SLOTS",
    "STATE",
    "THREAD",
    "Call",
    "function_at",
    "keep",
]

# Words of a call: a semaphore, the CPUs where helpers should be, the function, its first
# slot of buffers, bytes that it needs in this and the next one, and what it is given.
CPUS, CPU_WORDS, FUNCTION, SLOTS, BYTES, GIVEN = 16, 16, 32, 33, 34, 36
# Words of a helper: a semaphore, its CPUs, its state, the system's number of its thread,
# and its buffers: for each slot the address, and how many bytes there are.
STATE, THREAD, BUFFERS = 32, 33, 34
_SLOTS = 12
# Calls that a plan keeps.
_KEPT = 64
# A line of the cache, and what may be read or written past the end of a buffer.
LINE, OVER = 64, 8 * SLACK

# Words of an object of Python before the address of an array's samples: see `address`.
SAMPLES = HEAD // 8

_Helper = ctypes.c_int64 * (BUFFERS + 2 * _SLOTS)
_Slots = ctypes.c_int64 * (2 * _SLOTS)
_MINE = local()
# No two calls of a process have the same number.
_NUMBERS = count()


def function_at(place: int, arguments: int = 2) -> Any:
    """Return the function at an address, which runs without the interpreter's lock."""
    return ctypes.CFUNCTYPE(None, *(ctypes.c_void_p,) * arguments)(place)


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A function with all that it is given, but for input and output.

    `words` are those of every call, at an address; `arrays` are kept, since the words hold
    addresses.  What one call takes is a copy, which each thread has room for.
    """

    function: Any
    words: Any
    place: int
    threads: int
    arrays: tuple[Any, ...]
    number: int

    @classmethod
    def of(
        cls,
        function: int,
        nbytes: tuple[int, int],
        arrays: tuple[npt.NDArray[Any] | None, ...],
        numbers: tuple[int, ...],
        *,
        slot: int,
        threads: int,
    ) -> "Call":
        """A call of the function at an address.

        It takes the addresses of `arrays`, of which the first ones are None if each call
        is given others (input and output, say), and `numbers`; two buffers, from a slot
        on, have so many bytes.
        """
        places = [0 if array is None else address(array) for array in arrays]
        words = np.array((*(0,) * GIVEN, *places, *numbers), np.int64)
        words[FUNCTION : BYTES + 2] = function, slot, *nbytes
        copied = (ctypes.c_int64 * len(words)).from_buffer_copy(words.data)
        return cls(
            function=function_at(function),
            words=copied,
            place=ctypes.addressof(copied),
            threads=threads,
            arrays=arrays,
            number=next(_NUMBERS),
        )

    def make(self, x: Array, y: Array, third: Array | None = None) -> None:
        """Call the function with these arrays, and wait for it."""
        mine: _Buffers | None = getattr(_MINE, "buffers", None)
        if mine is None or mine.number != self.number:
            mine = self._buffers()
        if sys.platform != "linux":
            self._elsewhere(mine, x, y, third)
            return
        crew, wanted = _SQUAD.crew, self.threads - 1
        if crew.count < wanted:
            crew = _SQUAD.enlarged(wanted)
        # Python takes long to find an address, and to copy what the caches have lost.
        _enter()(
            self.place,
            len(self.words),
            mine.place,
            mine.room,
            crew.place,
            crew.count,
            wanted,
            id(x),
            id(y),
            0 if third is None else id(third),
        )

    def _buffers(self) -> "_Buffers":
        """The buffers of this thread, large enough for this call."""
        mine: _Buffers | None = getattr(_MINE, "buffers", None)
        if mine is None:
            mine = _MINE.buffers = _Buffers()
        for index in (0, 1):
            slot, nbytes = self.words[SLOTS] + index, self.words[BYTES + index]
            if mine.slots[2 * slot + 1] < nbytes:
                mine.enlarge(slot, nbytes)
        mine.hold(len(self.words))
        mine.number = self.number
        return mine

    def _elsewhere(self, mine: "_Buffers", *given: Array | None) -> None:
        """The same without compiled helpers."""
        ctypes.memmove(mine.room, self.words, ctypes.sizeof(self.words))
        for number, array in enumerate(given):
            if array is not None:
                mine.words[GIVEN + number] = address(array)
        each(
            lambda _: self.function(mine.words, self._buffers().slots),
            range(self.threads),
        )

    def last(self) -> int:
        """The last word, as the call that this thread has made leaves it."""
        found: int = _MINE.buffers.words[len(self.words) - 1]
        return found


def keep(calls: dict[Any, Call], key: Any, call: Call) -> Call:
    """Keep a call with its plan, which has few of them."""
    if len(calls) >= _KEPT:
        calls.clear()
    return calls.setdefault(key, call)


class _Buffers:
    """Memory that a thread keeps from one call to the next.

    `words` are those of the call that it makes; what that needs is there if `number` is
    that of the call.
    """

    def __init__(self) -> None:
        self.slots = _Slots()
        self.place = ctypes.addressof(self.slots)
        self.arrays: dict[int, npt.NDArray[np.uint8]] = {}
        self.number = -1
        self.words: Any = None
        self.room = 0

    def hold(self, size: int) -> None:
        """Have room for so many words of a call."""
        if self.words is None or len(self.words) < size:
            self.words = (ctypes.c_int64 * size)()
            self.room = ctypes.addressof(self.words)

    def enlarge(self, slot: int, nbytes: int) -> None:
        """Let a slot have so many bytes: zeros."""
        array = np.zeros(nbytes + OVER + LINE, np.uint8)
        self.arrays[slot] = array
        self.slots[2 * slot] = -(-address(array) // LINE) * LINE
        self.slots[2 * slot + 1] = nbytes


@dataclass(frozen=True, slots=True)
class _Crew:
    """Helpers, as compiled code takes them: where their addresses are, and how many."""

    addresses: Any
    place: int
    count: int


class _Squad:
    """Helpers that wait in compiled code."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.helpers: list[Any] = []
        self.crew = _Crew(None, 0, 0)

    def enlarged(self, count: int) -> _Crew:
        """At least `count` helpers, or fewer if no more threads start."""
        with self.lock:
            while len(self.helpers) < count and self._hire():
                pass
            size = len(self.helpers)
            found = (ctypes.c_int64 * size)(*map(ctypes.addressof, self.helpers))
            # Another thread may still use the one before: it is not changed.
            self.crew = _Crew(found, ctypes.addressof(found), size)
            return self.crew

    def _hire(self) -> bool:
        """Start one more; say whether it has started."""
        helper = _Helper()
        ctypes.CDLL(None).sem_init(ctypes.byref(helper), 0, 0)
        thread = Thread(target=_live, args=(helper,), name="convadjoint", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter is closing
            return False
        self.helpers.append(helper)
        return True


def _live(helper: Any) -> None:
    """What a helper does."""
    helper[THREAD] = get_native_id()
    _serve()(helper)


_SQUAD = _Squad()


def _after_fork() -> None:
    """Threads do not survive a fork: the child has helpers of its own."""
    global _SQUAD  # noqa: PLW0603
    _SQUAD = _Squad()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@cache
def _enter() -> Any:
    """The compiled function that makes a call with helpers."""
    from convadjoint.engines import waiting  # noqa: PLC0415 - needs llvmlite

    return ctypes.CFUNCTYPE(None, *(ctypes.c_int64,) * 10)(waiting.enter.address)


@cache
def _serve() -> Any:
    """The compiled function in which helpers wait."""
    from convadjoint.engines import waiting  # noqa: PLC0415 - needs llvmlite

    return function_at(waiting.serve.address, arguments=1)
