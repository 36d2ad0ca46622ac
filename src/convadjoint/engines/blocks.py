"""A block of the output, for the engine `direct`: emitted as LLVM IR.

Its sums, some rows of some vectors, stay in registers while all taps pass.  Each row of the
input is loaded once; a vector that begins between two of it is put together of both.
"""

from functools import reduce
from typing import Any, NamedTuple

from llvmlite import ir

from convadjoint.engines.masks import among, masked
from convadjoint.engines.primitives import (
    INDEX,
    VECTOR_BYTES,
    emitted,
    fused,
    indices,
    repeated,
    spread,
    vector_at,
    vector_of,
)

__all__ = ["Form", "block"]

# Taps, each with rows of a block.
Served = list[tuple[int, list[int]]]

# Whether some lanes of a vector are loaded and stored as fast as all of them.
_MASKS = VECTOR_BYTES == 64


class Form(NamedTuple):
    """Rows and vectors of a block; taps of a row, and how far apart they are.

    `few` are the rows of taps if they are fewer than those of a block, else 0.  Bits of
    `zeros` say, row by row, which taps are no taps; if there are any, the rows are few.
    """

    rows: int
    vectors: int
    taps: int
    step: int
    few: int
    zeros: int = 0

    def reads(self, lanes: int) -> int:
        """Vectors of a row of the input that a block needs."""
        return self.vectors - (-(self.taps - 1) * self.step // lanes)


def block(form: Form, kind: Any) -> Any:
    """Return what emits code for blocks of samples of a kind.

    It takes tables of addresses: of the rows of the output; and, for each plane of taps, of
    its weights and of the rows of the input, which are 0 where there is none.  Then come how
    many planes there are, rows of taps of each, and words of the table for each; where the
    block begins in rows of the output and of the input; samples of those of the input from
    there on, and outputs that are left.
    """

    @emitted
    def emit(builder: Any, tables: Any, counts: Any, at: Any, ends: Any) -> None:
        vector = vector_of(ir.Constant(kind.as_pointer(), None))
        lanes, reads = vector.count, form.reads(vector.count)
        made = _Block(builder, form, vector)

        def make(*edges: Any) -> None:
            sums = made.sums(tables[1], counts, at[1], edges[0])
            made.store(tables[0], at[0], sums, edges[1])

        def make_some() -> None:
            known = among(builder, at[1], ends[0], reads, lanes)
            make(known, among(builder, at[0], ends[1], form.vectors, lanes))

        if _MASKS:
            make_some()
            return
        conditions = (
            builder.icmp_signed(">=", at[1], INDEX(0)),
            builder.icmp_signed(">=", ends[0], INDEX(reads * lanes)),
            builder.icmp_signed(">=", ends[1], INDEX(form.vectors * lanes)),
        )
        with builder.if_else(reduce(builder.and_, conditions)) as (every, some):
            with every:
                make(None, None)
            with some:
                make_some()

    return emit


class _Block:
    """Emits the code of a block: its sums are rows of vectors, one after the other."""

    def __init__(self, builder: Any, form: Form, vector: Any) -> None:
        self.builder = builder
        self.form = form
        self.vector = vector
        # Whole numbers are put together by an instruction that needs no other register.
        word = ir.IntType(32 if vector.element == ir.FloatType() else 64)
        self.words = ir.VectorType(word, vector.count)

    def store(self, table: Any, at: Any, sums: list[Any], kept: Any) -> None:
        """Write the sums to the rows of a table: all lanes, or those that are kept."""
        builder, vectors = self.builder, self.form.vectors
        for row in range(self.form.rows):
            word = builder.load(builder.gep(table, [INDEX(row)]))
            start = self._samples(word, at)
            for index in range(vectors):
                value = sums[row * vectors + index]
                place = vector_at(builder, start, INDEX(index * self.vector.count))
                if kept is None:
                    builder.store(value, place, align=1)
                else:
                    masked(builder, "store", place, kept[index], value)

    def sums(self, table: Any, counts: Any, at: Any, known: Any) -> list[Any]:
        """Sum over all planes of taps."""
        builder, (planes, high, length) = self.builder, counts

        def one(number: Any, *sums: Any) -> list[Any]:
            lines = builder.gep(table, [builder.mul(number, length)])
            weights = self._samples(builder.load(lines), INDEX(0))
            return self._plane((lines, weights, at, known), high, list(sums))

        zeros = [self.vector(None)] * (self.form.rows * self.form.vectors)
        return repeated(builder, (INDEX(0), planes, 1), one, zeros)

    def _plane(self, source: Any, high: Any, sums: list[Any]) -> list[Any]:
        """Add what rows of the input give, one by one, to the rows that they reach."""
        rows, few = self.form.rows, self.form.few
        if few:
            for number in range(rows + few - 1):
                reached = range(max(0, number - few + 1), min(rows, number + 1))
                served = self._served(reached, number)
                sums = self._line(source, INDEX(number), served, sums)
            return sums
        for number in range(rows - 1):
            served = self._served(range(number + 1))
            sums = self._line(source, INDEX(number), served, sums)
        every = self._served(range(rows))
        sums = repeated(
            self.builder,
            (INDEX(rows - 1), high, 1),
            lambda number, *given: self._line(source, number, every, given),
            sums,
        )
        for number in range(rows - 1):
            line = self.builder.add(high, INDEX(number))
            served = self._served(range(number + 1, rows))
            sums = self._line(source, line, served, sums)
        return sums

    def _served(self, reached: range, number: int | None = None) -> Served:
        """Taps of a row of the input, each with the rows of the block that it serves.

        If the number of that row is known, so is which taps are none.
        """
        zeros, taps = self.form.zeros, self.form.taps
        found = (
            (
                tap,
                [
                    row
                    for row in reached
                    if number is None or not zeros >> (number - row) * taps + tap & 1
                ],
            )
            for tap in range(taps)
        )
        return [(tap, rows) for tap, rows in found if rows]

    def _line(self, source: Any, number: Any, served: Served, sums: Any) -> list[Any]:
        """Add what a row of the input gives, if there is one.

        Each has a block of code of its own: if they shared one, many weights would be
        loaded at once, for which there are no registers.
        """
        builder, (lines, weights, at, known) = self.builder, source
        word = builder.load(builder.gep(lines, [builder.add(number, INDEX(1))]))
        factors = builder.gep(weights, [builder.mul(number, INDEX(self.form.taps))])
        before, there, after = (
            builder.block,
            *(builder.append_basic_block(name) for name in ("there", "after")),
        )
        builder.cbranch(builder.icmp_signed("!=", word, INDEX(0)), there, after)
        builder.position_at_end(there)
        grown = self._taps(self._samples(word, at), known, served, factors, list(sums))
        builder.branch(after)
        builder.position_at_end(after)
        return [
            value if value is old else self._either((old, before), (value, there))
            for old, value in zip(sums, grown, strict=True)
        ]

    def _either(self, *ways: tuple[Any, Any]) -> Any:
        """The value that comes from one of two blocks of code."""
        phi = self.builder.phi(self.vector)
        for value, block in ways:
            phi.add_incoming(value, block)
        return phi

    def _taps(
        self, start: Any, known: Any, served: Served, factors: Any, sums: list[Any]
    ) -> list[Any]:
        """Add the products of a row of the input with a row of weights for each output."""
        builder, form, found = self.builder, self.form, dict[int, Any]()
        for tap, rows in served:
            first, apart = divmod(tap * form.step, self.vector.count)
            for index in range(first, first + form.vectors + (apart > 0)):
                if index not in found:
                    found[index] = self._loaded(start, index, known)
            values = [
                self._joined(found[index], found.get(index + 1), apart)
                for index in range(first, first + form.vectors)
            ]
            for row in rows:
                place = builder.gep(factors, [INDEX(tap - row * form.taps)])
                weight = spread(builder, builder.load(place), self.vector)
                for index, value in enumerate(values, row * form.vectors):
                    sums[index] = fused(builder, weight, value, sums[index])
        return sums

    def _loaded(self, start: Any, index: int, known: Any) -> Any:
        """A vector of a row, as whole numbers; what is not known is zero."""
        builder, at = self.builder, INDEX(index * self.vector.count)
        place = builder.bitcast(builder.gep(start, [at]), self.words.as_pointer())
        if known is None:
            return builder.load(place, align=1)
        return masked(builder, "load", place, known[index])

    def _joined(self, one: Any, other: Any, apart: int) -> Any:
        """The vector that begins `apart` samples after one, of that and the next one."""
        if apart:
            chosen = indices(range(apart, apart + self.vector.count))
            one = self.builder.shuffle_vector(one, other, chosen)
        return self.builder.bitcast(one, self.vector)

    def _samples(self, word: Any, at: Any) -> Any:
        """The address of a sample of a row, which a word is the address of."""
        start = self.builder.inttoptr(word, self.vector.element.as_pointer())
        return self.builder.gep(start, [at])
