"""The compiled part of `magnitude`: samples without their signs compare as integers."""

from functools import cache
from typing import Any

from llvmlite import ir

from convadjoint.engines import frames
from convadjoint.engines.primitives import (
    INDEX,
    Entry,
    entry,
    moved,
    samples_at,
    taken,
    words_at,
)

__all__ = ["comparer"]


@cache
def comparer(itemsize: int) -> Entry:
    """Compile what finds the largest samples of some bytes, piece by piece.

    Bits of numbers of one sign are in the order of the numbers; infinity comes after
    them, and NaN after that.
    """
    kind = ir.IntType(8 * itemsize)
    magnitude = (1 << (8 * itemsize - 1)) - 1

    @entry(f"compare-{8 * itemsize}", INDEX, INDEX)
    def compare(call: Any, _mine: Any) -> None:
        words = moved(words_at(call), frames.GIVEN)
        x, found = samples_at(words[0], kind), samples_at(words[1], kind)
        jobs, pieces, length, piece = words[2], words[3], words[4], words[5]
        while True:
            job = taken(moved(words, 6))
            if job >= jobs:
                break
            row, first = job // pieces, job % pieces * piece
            samples = moved(x, row * length + first)
            most = 0
            for i in range(min(piece, length - first)):
                most = max(most, samples[i] & magnitude)
            found[job] = most

    return compare
