"""The compiled pass along rows, of one length: its taps are written out, one by one.

A vector that lies across two lines of the cache takes twice as long to load as one that
does not.  So most are put together of lines that are in registers already, by a unit that
has little else to do; the others are loaded meanwhile.
"""

from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir

from convadjoint.engines.masks import masked, under
from convadjoint.engines.primitives import (
    INDEX,
    REGISTERS,
    VECTOR_BYTES,
    Entry,
    emitted,
    entry,
    fused,
    indices,
    kind_of,
    moved,
    spread,
    vector_at,
    vector_of,
)

__all__ = ["slider"]

# Vectors of a row that are made at once; and at its end, where some lanes are left out.
_MADE, _LAST = (12, 6) if REGISTERS > 16 else (6, 3)
# One of so many vectors is loaded, the others are put together: none if vectors are shorter
# than lines.
_LOADED = 4 if VECTOR_BYTES == 64 else 1


@cache
def slider(dtype: np.dtype[np.inexact], step: int, taps: int) -> Entry:
    """Compile a pass along rows of so many taps, `step` samples apart.

    It takes addresses and the distances of rows, of the input and of the output; weights;
    how many rows there are, and samples of each in the output.
    """
    samples = kind_of(dtype).as_pointer()
    shifts = range(0, step * taps, step)
    width, last = (n * VECTOR_BYTES // dtype.itemsize for n in (_MADE, _LAST))

    @emitted
    def whole(builder: Any, *places: Any) -> None:
        _tile(builder, shifts, _MADE, places, None)

    @emitted
    def rest(builder: Any, x: Any, y: Any, weights: Any, left: Any) -> None:
        _tile(builder, shifts, _LAST, (x, y, weights), left)

    name = f"sliding-{dtype}-{step}-{taps}"

    @entry(name, (samples, INDEX), (samples, INDEX), samples, (INDEX, INDEX))
    def run(source: Any, target: Any, weights: Any, counts: Any) -> None:
        rows, count = counts
        end = count // width * width
        for row in range(rows):
            x, y = moved(source[0], row * source[1]), moved(target[0], row * target[1])
            for u in range(0, end, width):
                whole(moved(x, u), moved(y, u), weights)
            for u in range(end, count, last):
                rest(moved(x, u), moved(y, u), weights, count - u)

    return run


def _tile(builder: Any, shifts: range, count: int, places: Any, left: Any) -> None:
    """Make some neighbouring vectors of a row, of which so many samples are `left`."""
    x, y, weights = places
    lanes = vector_of(x).count
    for index, total in enumerate(_sums(builder, shifts, count, x, weights)):
        place = vector_at(builder, y, INDEX(index * lanes))
        if left is None:
            builder.store(total, place, align=1)
        else:
            some = under(builder, builder.sub(left, INDEX(index * lanes)), lanes)
            masked(builder, "store", place, some, total)


def _sums(builder: Any, shifts: range, count: int, x: Any, weights: Any) -> list[Any]:
    """Emit all taps of some neighbouring vectors: those that share what is loaded together."""
    vector = vector_of(x)
    lanes, sums = vector.count, [vector(None)] * count
    for apart in sorted({shift % lanes for shift in shifts}):
        factors = {
            shift // lanes: _factor(builder, weights, number, vector)
            for number, shift in enumerate(shifts)
            if shift % lanes == apart
        }
        for index in sorted({i + first for first in factors for i in range(count)}):
            value = _line(builder, x, index, apart)
            for first, factor in factors.items():
                if 0 <= index - first < count:
                    total = sums[index - first]
                    sums[index - first] = fused(builder, factor, value, total)
    return sums


def _factor(builder: Any, weights: Any, number: int, vector: Any) -> Any:
    """A vector of one of the weights."""
    return spread(builder, builder.load(builder.gep(weights, [INDEX(number)])), vector)


def _line(builder: Any, x: Any, index: int, apart: int) -> Any:
    """A vector of the input, `apart` samples after one that is not across lines."""
    lanes = vector_of(x).count
    first = index * lanes
    if not apart or index % _LOADED == 0:
        return builder.load(vector_at(builder, x, INDEX(first + apart)), align=1)
    # Whole numbers are put together by an instruction that needs no other register.
    words = ir.VectorType(ir.IntType(8 * VECTOR_BYTES // lanes), lanes).as_pointer()
    pair = (
        builder.load(builder.bitcast(vector_at(builder, x, INDEX(at)), words), align=1)
        for at in (first, first + lanes)
    )
    joined = builder.shuffle_vector(*pair, indices(range(apart, apart + lanes)))
    return builder.bitcast(joined, vector_of(x))
