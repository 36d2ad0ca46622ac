"""Calls of compiled code by address.

The function of a call takes two addresses: of the call, and of its thread's buffers.
Several threads may be in one call; the function itself shares the work out.
"""

import ctypes
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines.arrays import address
from convadjoint.engines.builtin import builtin, function_at
from convadjoint.engines.frames import (
    AXES,
    BYTES,
    CLASS,
    DTYPE,
    FLAGS,
    FUNCTION,
    GIVEN,
    HALF,
    LENGTHS,
    LYING,
    NO_HELPERS,
    NO_MEMORY,
    OVER,
    SIZE,
    SLOTS,
    WANTED,
)
from convadjoint.engines.pool import WORKING, each, num_threads
from convadjoint.engines.protocol import Array
from convadjoint.engines.scratch import LARGE, fresh, scratch
from convadjoint.engines.squad import SQUAD

__all__ = ["Call", "Words", "keep"]

Shape = tuple[int, ...]

# Calls that a plan keeps.
_KEPT = 64
# Seconds until there may be a seat again.
_PAUSE = 1e-4


class Words(np.ndarray):
    """Words for compiled code, with the objects whose addresses are among them."""

    kept: tuple[Any, ...]

    @classmethod
    def of(cls, words: Sequence[int], *kept: Any) -> "Words":
        """Write them down."""
        found = np.array(words, np.int64).view(cls)
        found.kept = kept
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A function with all that it is given, but for input and output.

    What one call takes is a copy of the words, for which there is room at a seat.
    """

    words: Words
    enter: Any

    @classmethod
    def of(
        cls,
        function: int,
        buffers: tuple[int, int, int],
        arrays: tuple[npt.NDArray[Any] | None, ...],
        numbers: tuple[int, ...],
        *,
        threads: int,
        brief: bool = False,
    ) -> "Call":
        """A call of the function at an address.

        It takes the addresses of `arrays`, of which the first ones are None if each call
        is given others (input and output, say), and `numbers`.  Of the `buffers` from a
        slot on, two have so many bytes.  One that is `brief` is over before a helper that sleeps
        has woken up.
        """
        places = [0 if array is None else address(array) for array in arrays]
        words = Words.of((*(0,) * GIVEN, *places, *numbers), *arrays)
        words[FUNCTION:GIVEN] = (
            *(function, *buffers, len(words), threads - 1, brief),
            address(SQUAD.office),
        )
        return cls(words, _bound("make", words) if sys.platform == "linux" else None)

    @property
    def threads(self) -> int:
        """How many threads make it, at most."""
        return int(self.words[WANTED]) + 1

    def make(self, *given: Array) -> int:
        """Call the function with these arrays, and wait for it; return its last word."""
        if self.enter is None:
            return _elsewhere(self.words, given)
        while (found := self.enter(*given)) < 0:
            self._provide(found)
        return int(found)

    def _provide(self, missing: int) -> None:
        """Get what is missing, or wait for it."""
        if missing == NO_MEMORY:
            nbytes = self.words[BYTES : BYTES + 2].sum()
            msg = f"a thread needs {nbytes} bytes for its part: there are not so many"
            raise MemoryError(msg)
        if missing == NO_HELPERS:
            SQUAD.hire(int(self.words[WANTED]))
        else:
            time.sleep(_PAUSE)

    def product(self, dims: Shape, dtype: np.dtype[Any], dimsd: Shape) -> Any:
        """What maps an array to a new one by this call alone; None where that cannot be.

        Instead of an array with these axes it takes all samples one after the other, too;
        it returns them so.  It returns None for what does not lie as the call takes it,
        while another number of threads works, and if some that were there have gone.
        """
        if self.enter is None or not _is_known(np.zeros((3, 5), dtype)):
            return None
        large = prod(dimsd) * dtype.itemsize >= LARGE
        orders = (dimsd, dtype), ((prod(dimsd),), dtype)
        objects = np.ndarray, dtype, fresh if large else np.empty, *orders
        given = address(self.words), num_threads(), address(WORKING), *map(id, objects)
        words = (*given, prod(dims), len(dims), *dims)
        return _bound("produce", Words.of(words, self, *objects))


def keep(calls: dict[Any, Call], key: Any, call: Call) -> Call:
    """Keep a call with its plan, which has few of them."""
    if len(calls) >= _KEPT:
        calls.clear()
    return calls.setdefault(key, call)


def _is_known(x: Array) -> bool:
    """Whether NumPy has what compiled code reads of an array where that is expected."""
    words = (ctypes.c_int64 * (FLAGS + 1)).from_address(id(x))
    if words[CLASS] != id(type(x)) or words[DTYPE] != id(x.dtype):
        return False
    if words[AXES] & HALF != x.ndim or words[FLAGS] & LYING != LYING:
        return False
    lengths = (ctypes.c_int64 * x.ndim).from_address(words[LENGTHS])
    return tuple(lengths) == x.shape


def _bound(name: str, words: Words) -> Any:
    """One of the functions that make calls, for some words."""
    from convadjoint.engines import waiting  # noqa: PLC0415 - needs llvmlite

    return builtin(getattr(waiting, name).address, name, words)


def _elsewhere(words: Words, given: tuple[Array, ...]) -> int:
    """Make a call where no helpers wait in compiled code: threads of Python do."""
    call, function = np.array(words), function_at(int(words[FUNCTION]))
    call[GIVEN : GIVEN + len(given)] = list(map(address, given))
    slots = int(words[SLOTS]) + np.arange(2)

    def work(_: int) -> None:
        mine = np.zeros((slots[-1] + 1, 2), np.int64)
        for slot, nbytes in zip(slots, words[BYTES:SIZE], strict=True):
            size = (int(nbytes) + OVER) // 8 + 1
            room = scratch(f"slot{slot}", (size,), np.dtype(np.float64))
            mine[slot, 0] = address(room)
        function(address(call), address(mine))

    each(work, range(int(words[WANTED]) + 1))
    return int(call[-1])
