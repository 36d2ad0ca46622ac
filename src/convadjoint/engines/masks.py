"""Lanes of vectors that lie across the ends of a row: emitted as LLVM IR."""

from typing import Any

from llvmlite import ir

from convadjoint.engines.primitives import indices, spread

__all__ = ["among"]


def among(builder: Any, first: Any, left: Any, vectors: int, lanes: int) -> list[Any]:
    """Which lanes of some vectors, from sample `first` on, are of a row with so many left.

    Rows, and what lies before the first sample, have at most ``inplace.LONGEST`` samples.
    """
    number = ir.IntType(32)
    kind = ir.VectorType(number, lanes)
    count = builder.add(first, left)
    start, end = (
        spread(builder, builder.trunc(one, number), kind) for one in (first, count)
    )
    # What is before the row has a very large number.
    return [
        builder.icmp_unsigned(
            "<", builder.add(start, indices(range(index, index + lanes))), end
        )
        for index in range(0, vectors * lanes, lanes)
    ]
