"""Plans whose compiled part reads rows where they lie, for the engine `direct`."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np

from convadjoint.engines.calls import Call
from convadjoint.engines.extension import fold
from convadjoint.engines.pool import num_threads
from convadjoint.engines.protocol import Array
from convadjoint.engines.scratch import fresh
from convadjoint.geometry import Axis, ConvSpec

__all__ = ["IDLE", "LONGEST", "InPlacePlan", "Key", "evenly", "near"]

# Signals, their strides, threads.
Key = tuple[int, tuple[int, ...], int]

# The most samples of an axis, before it or among its taps: for those of a row, there are
# numbers of 32 bits.
LONGEST = 2**30
# An axis that has one sample.
IDLE = Axis(n=1, q=1, k=1)


@dataclass(frozen=True, slots=True, eq=False)
class InPlacePlan(ABC):
    """A real kernel, as the compiled part takes its `weights`; `calls` made so far."""

    spec: ConvSpec
    weights: Array
    tap_by_tap: bool
    calls: dict[Key, Call] = field(default_factory=dict)

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        if not _readable(x):
            x = np.ascontiguousarray(x)
        spec = self.spec
        y = fresh((len(x), spec.c_out, *(axis.q for axis in spec.axes)), x.dtype)
        self._made(x).make(x, y)
        return fold(y, spec.fold) if any(spec.fold) else y

    def ready(self, x: Array) -> Call | None:
        """The call for data like these, if it makes the whole result."""
        return None if any(self.spec.fold) else self._made(x)

    def _made(self, x: Array) -> Call:
        """The call for data like these."""
        key = len(x), x.strides, num_threads()
        return self.calls.get(key) or self._call(x, key)

    @abstractmethod
    def _call(self, x: Array, key: Key) -> Call:
        """Work out what the compiled code is given."""


def evenly(count: int, wanted: int) -> int:
    """How many of `count` make a band, if about as many as wanted do.

    Bands are equal, and each of two threads has as many.
    """
    bands = -(-count // wanted)
    return -(-count // (bands + bands % 2 * (bands > 1)))


def near(axis: Axis) -> bool:
    """Whether samples and taps of an axis can be counted."""
    return max(axis.n, axis.q, abs(axis.lo), axis.k * axis.d) <= LONGEST


def _readable(x: Array) -> bool:
    """Whether rows of an array can be read as they are."""
    return (
        x.flags.aligned
        and x.strides[-1] == x.itemsize
        and all(stride % x.itemsize == 0 for stride in x.strides)
    )
