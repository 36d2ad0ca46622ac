"""The inner loop of the compiled kernel gradient: many inner products at once.

A tile of A x B sums stays in vector registers while A lines of one array and B of another
pass: A + B vectors are loaded for A * B multiplications.  Only at the end are the lanes
of a sum added up, always in the same order.
"""

from typing import Any

from llvmlite import ir

from convadjoint.engines.primitives import (
    INDEX,
    REGISTERS,
    cases,
    emitted,
    fused,
    indices,
    repeated,
    vector_at,
    vector_of,
)

__all__ = ["FORMS", "LARGEST", "dots"]

_SHAPES = {
    32: ((2, 2), (4, 2), (4, 4), (7, 3), (8, 3), (6, 4), (5, 5)),
    16: ((2, 2), (4, 2), (6, 2), (3, 3), (4, 3)),
}
FORMS = _SHAPES[REGISTERS]
# Sums of the largest tile.
LARGEST = max(a * b for a, b in FORMS)


@emitted
def dots(
    builder: Any,
    x: Any,
    x_offsets: Any,
    x_first: Any,
    z: Any,
    z_offsets: Any,
    z_first: Any,
    start: Any,
    stop: Any,
    sums: Any,
    form: Any,
) -> None:
    """Write a tile of inner products of samples ``start .. stop`` to `sums`.

    Line `i` of `x` begins at offset ``x_offsets[x_first + i]``, and those of `z` alike;
    their length is a multiple of a vector's.
    """
    made = _Dots(builder, vector_of(x))

    def emit(number: int) -> None:
        a, b = FORMS[number]
        lines = (
            made.lines((x, x_offsets, x_first), a),
            made.lines((z, z_offsets, z_first), b),
        )
        for index, total in enumerate(made.loop(lines, start, stop)):
            builder.store(made.summed(total), builder.gep(sums, [INDEX(index)]))

    cases(builder, form, range(len(FORMS)), emit)


class _Dots:
    """Emits the code of a tile."""

    def __init__(self, builder: Any, vector: Any) -> None:
        self.builder = builder
        self.vector = vector

    def lines(self, source: Any, count: int) -> list[Any]:
        """Where some lines begin."""
        builder, (place, offsets, first) = self.builder, source
        return [
            builder.gep(
                place,
                [builder.load(builder.gep(offsets, [builder.add(first, INDEX(i))]))],
            )
            for i in range(count)
        ]

    def loop(self, lines: tuple[list[Any], list[Any]], start: Any, stop: Any) -> Any:
        """Sums of the products of all pairs of lines, lane by lane."""
        vector, zero = self.vector, ir.Constant(self.vector, None)

        def body(at: Any, *sums: Any) -> list[Any]:
            others = [self._load(line, at) for line in lines[1]]
            pairs = (
                (value, other)
                for value in (self._load(line, at) for line in lines[0])
                for other in others
            )
            return [
                fused(self.builder, value, other, total)
                for (value, other), total in zip(pairs, sums, strict=True)
            ]

        begin = [zero for _ in lines[0] for _ in lines[1]]
        return repeated(self.builder, (start, stop, vector.count), body, begin)

    def summed(self, total: Any) -> Any:
        """The lanes of a vector added up, half by half."""
        builder = self.builder
        while total.type.count > 1:
            half = total.type.count // 2
            low = builder.shuffle_vector(total, total, indices(range(half)))
            high = builder.shuffle_vector(total, total, indices(range(half, 2 * half)))
            total = builder.fadd(low, high)
        return builder.extract_element(total, INDEX(0))

    def _load(self, line: Any, at: Any) -> Any:
        """A vector at any alignment."""
        return self.builder.load(vector_at(self.builder, line, at), align=1)
