"""Lengths of transforms that the compiled ones know, their stages, and their order.

Forward, a transform splits a signal into interleaved ones, and so leaves its frequencies
in an order of its own; back, it begins with that order.  Nothing is ever sorted: the
spectrum of the kernel is kept in the same order.
"""

from bisect import bisect_left
from collections.abc import Iterable
from functools import cache

import numpy as np
import numpy.typing as npt

__all__ = ["RADICES", "cost", "good", "order", "stages", "table"]

Integers = npt.NDArray[np.int64]

RADICES = (2, 3, 4, 5, 8, 9)
# Vector operations for one value: the radix's own, with a factor; and those of no stage.
_OTHERS = 8.0
# Lengths that are looked at: a longer one may have better radices.
_TRIED = 12
_COSTS = {2: 4.0, 3: 7.3, 4: 7.0, 5: 10.4, 8: 10.5, 9: 14.2}


@cache
def stages(length: int) -> tuple[int, ...] | None:
    """The cheapest radices that make up a length, None if none do."""
    if length == 1:
        return ()
    ways = [
        (*inner, radix)
        for radix in RADICES
        if length % radix == 0 and (inner := stages(length // radix)) is not None
    ]
    return tuple(sorted(min(ways, key=_sum), reverse=True)) if ways else None


def cost(length: int) -> float:
    """Vector operations for one value of a transform."""
    return _sum(stages(length) or ())


@cache
def good(least: int) -> int:
    """The length from `least` on that costs least."""
    first = bisect_left(_known(least.bit_length() + 1), least)
    some = _known(least.bit_length() + 1)[first : first + _TRIED]
    return min(some, key=lambda n: n * (cost(n) + _OTHERS))


def _sum(radices: Iterable[int]) -> float:
    """Cost of some stages."""
    return sum(_COSTS[radix] for radix in radices)


@cache
def _known(bits: int) -> list[int]:
    """All lengths that radices make up, below a power of two."""
    found = {1}
    for radix in (2, 3, 5):
        for _ in range(bits):
            found |= {n * radix for n in found if (n * radix).bit_length() <= bits}
    return sorted(found)


def order(length: int) -> Integers:
    """The frequency that stands at each place after a transform forward."""
    found = np.zeros(1, np.int64)
    for radix in reversed(stages(length) or ()):
        found = (np.arange(radix)[:, None] + radix * found).ravel()
    return found


def table(length: int) -> tuple[list[tuple[int, int, int]], npt.NDArray[np.float64]]:
    """Stages as ``(radix, rest, place of the factors)``, and the factors."""
    rows, factors, place, rest = [], [], 0, length
    for radix in stages(length) or ():
        whole, rest = rest, rest // radix
        rows.append((radix, rest, place))
        if rest > 1:
            numbers = np.outer(np.arange(rest), np.arange(1, radix))
            angles = 2 * np.pi * numbers / whole
            pairs = np.stack((np.cos(angles), -np.sin(angles)), axis=-1)
            factors.append(pairs.ravel())
            place += pairs.size
    return rows, np.concatenate(factors) if factors else np.zeros(0)
