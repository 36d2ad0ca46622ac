"""Square blocks of samples, turned in vector registers: emitted as LLVM IR.

One side of a block are rows, anywhere in memory, that a table of distances finds; the
other are lines at equal distances.
"""

from typing import Any

from convadjoint.engines.primitives import (
    INDEX,
    compiled,
    emitted,
    indices,
    vector_of,
)

__all__ = ["put", "take"]


@emitted
def _taken(builder: Any, source: Any, spare: Any, rows: Any, y: Any, step: Any) -> None:
    """Turn neighbours of some rows into lines; see `take`."""
    block = _Block(builder, vector_of(y))
    places = block.rows(source, spare, rows)
    block.turn(places, block.lines(y, step))


@emitted
def _written(
    builder: Any, x: Any, step: Any, target: Any, spare: Any, rows: Any
) -> None:
    """Turn lines into neighbours of some rows; see `put`."""
    block = _Block(builder, vector_of(x))
    block.turn(block.lines(x, step), block.rows(target, spare, rows))


@compiled
def take(source: Any, spare: Any, rows: Any, y: Any, step: Any) -> None:
    """Read as many neighbours of each row as a vector has lanes: one for each line.

    A row begins its number in `rows` after `source`; if that is negative it is `spare`.
    Lines lie `step` apart.
    """
    _taken(source, spare, rows, y, step)


@compiled
def put(x: Any, step: Any, target: Any, spare: Any, rows: Any) -> None:
    """Write what `take` reads."""
    _written(x, step, target, spare, rows)


class _Block:
    """As many rows as a vector has lanes."""

    def __init__(self, builder: Any, vector: Any) -> None:
        self.builder = builder
        self.vector = vector

    def rows(self, base: Any, spare: Any, numbers: Any) -> list[Any]:
        """Addresses that a table tells."""
        builder, found = self.builder, []
        for lane in range(self.vector.count):
            number = builder.load(builder.gep(numbers, [INDEX(lane)]))
            missing = builder.icmp_signed("<", number, INDEX(0))
            place = builder.select(missing, spare, builder.gep(base, [number]))
            found.append(builder.bitcast(place, self.vector.as_pointer()))
        return found

    def lines(self, base: Any, step: Any) -> list[Any]:
        """Addresses at equal distances."""
        builder = self.builder
        return [
            builder.bitcast(
                builder.gep(base, [builder.mul(step, INDEX(lane))]),
                self.vector.as_pointer(),
            )
            for lane in range(self.vector.count)
        ]

    def turn(self, sources: list[Any], targets: list[Any]) -> None:
        """Exchange rows and lanes: halves, quarters, and so on."""
        builder, count = self.builder, self.vector.count
        lines = [builder.load(place, align=1) for place in sources]
        half = count // 2
        while half:
            low = [
                lane if not lane & half else count + lane - half
                for lane in range(count)
            ]
            high = [
                lane + half if not lane & half else count + lane
                for lane in range(count)
            ]
            for first in range(count):
                if not first & half:
                    a, b = lines[first], lines[first + half]
                    lines[first] = builder.shuffle_vector(a, b, indices(low))
                    lines[first + half] = builder.shuffle_vector(a, b, indices(high))
            half //= 2
        for line, place in zip(lines, targets, strict=True):
            builder.store(line, place, align=1)
