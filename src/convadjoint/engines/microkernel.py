"""The inner loop of the engine `direct`, written for the vector registers of the host.

A tile of M x V vectors of the output stays in registers while all taps pass: each tap
loads V vectors of the input at its offset, and multiplies them into the rows with one
weight each.  The loop is emitted as LLVM IR, since no compiler finds it in plain loops.
"""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from convadjoint.engines.masks import masked, under
from convadjoint.engines.primitives import (
    INDEX,
    REGISTERS,
    ask,
    cases,
    emitted,
    fused,
    indices,
    spread,
    unrolled,
    vector_at,
    vector_of,
)
from convadjoint.engines.tiles import forms, phases_of, ranges

__all__ = ["FORMS", "TileCode", "tile"]

FORMS = forms(REGISTERS)


@emitted
def tile(
    builder: Any,
    x: Any,
    x_at: Any,
    offsets: Any,
    ends: Any,
    ends_at: Any,
    weights: Any,
    weights_at: Any,
    y: Any,
    y_at: Any,
    y_step: Any,
    fresh: Any,
    left: Any,
    phases: Any,
    form: Any,
) -> None:
    """Compute one tile: what ends in `_at` is where its parts begin.

    Taps ``ends[i] .. ends[i+1]`` serve the rows `_served` names; each has a weight for
    each of those.  The sums are added to what `y` holds, unless they are `fresh`; they are
    written as far as samples and rows are `left`.  If there are `phases`, so many rows are
    put together to one.
    """
    inputs = builder.gep(x, [x_at]), offsets, weights
    bounds, target = builder.gep(ends, [ends_at]), builder.gep(y, [y_at])

    def emit(number: int) -> None:
        m, v = FORMS[number]
        made = TileCode(builder, vector_of(x), m, v)
        sums, at = made.begin(fresh, target, y_step), weights_at
        for index, served in enumerate(_served(m)):
            edges = [
                builder.load(builder.gep(bounds, [INDEX(index + side)]))
                for side in (0, 1)
            ]
            sums, at = made.taps(inputs, edges, at, served, sums)
        together = phases_of(m)
        if together == 1:
            _written(made, sums, target, y_step, left)
            return
        one = builder.icmp_signed("==", phases, INDEX(1))
        with builder.if_else(one) as (apart, close):
            with apart:
                _written(made, sums, target, y_step, left)
            with close:
                lines = [
                    _row(builder, sums[first : first + together])
                    for first in range(0, m, together)
                ]
                _written(made, lines, target, y_step, left)

    cases(builder, form, range(len(FORMS)), emit)


def _written(made: "TileCode", rows: list[list[Any]], *place: Any) -> None:
    """Emit code that writes rows: all, or the samples and rows that are left."""
    target, step, left = place
    builder = made.builder
    samples, lines = INDEX(len(rows[0]) * made.vector.count), INDEX(len(rows))
    whole = builder.and_(
        builder.icmp_signed(">=", left[0], samples),
        builder.icmp_signed(">=", left[1], lines),
    )
    with builder.if_else(whole) as (everything, some):
        with everything:
            made.store(rows, target, step)
        with some:
            made.store_some(rows, target, step, left)


def _row(builder: Any, phases: Sequence[list[Any]]) -> list[Any]:
    """The vectors of a row, from those of its phases."""
    found = (_woven(builder, vectors) for vectors in zip(*phases, strict=True))
    return [vector for vectors in found for vector in vectors]


def _woven(builder: Any, lines: Sequence[Any]) -> list[Any]:
    """Some vectors, a power of two, sample by sample."""
    if len(lines) == 1:
        return list(lines)
    lanes = lines[0].type.count
    order = [half * lanes + index for index in range(lanes) for half in (0, 1)]
    halves = indices(order[:lanes]), indices(order[lanes:])
    pairs = zip(_woven(builder, lines[::2]), _woven(builder, lines[1::2]), strict=True)
    return [builder.shuffle_vector(*pair, half) for pair in pairs for half in halves]


def _served(rows: int) -> list[list[tuple[int, int]]]:
    """Which rows the taps of each range serve, and from which loaded vector on.

    A single row is served by two taps, of which the second is a vector further on, or by
    one.
    """
    found = [[(row, 0) for row in range(*served)] for served in ranges(rows)]
    return [[(0, 0), (0, 1)], *found[1:]] if rows == 1 else found


class TileCode:
    """Emits the code of an M x V tile."""

    def __init__(self, builder: Any, vector: Any, rows: int, vectors: int) -> None:
        self.builder = builder
        self.vector = vector
        self.rows = rows
        self.vectors = vectors
        self.every = [(row, 0) for row in range(rows)]
        self.zero = ir.Constant(vector, None)
        self.zeros = [[self.zero] * vectors for _ in range(rows)]

    def begin(self, fresh: Any, target: Any, step: Any) -> list[list[Any]]:
        """Zeros, or the sums so far."""
        builder = self.builder
        before = builder.block
        resume = builder.append_basic_block("resume")
        start = builder.append_basic_block("start")
        builder.cbranch(fresh, start, resume)
        builder.position_at_end(resume)
        found = [
            self._load(builder.gep(target, [builder.mul(step, INDEX(row))]))
            for row in range(self.rows)
        ]
        builder.branch(start)
        builder.position_at_end(start)
        return [
            [self._either(before, resume, value) for value in line] for line in found
        ]

    def _either(self, before: Any, resume: Any, value: Any) -> Any:
        """Zero coming from one block, a value coming from the other."""
        phi = self.builder.phi(self.vector)
        phi.add_incoming(self.zero, before)
        phi.add_incoming(value, resume)
        return phi

    def taps(
        self,
        inputs: Any,
        edges: Any,
        weights_at: Any,
        served: list[tuple[int, int]],
        sums: Any,
        soon: Any = None,
    ) -> tuple[list[list[Any]], Any]:
        """Add some taps to some rows; return the sums, and where the weights end.

        `served` names a row for each weight of a tap, and the first of its vectors.  With
        each tap a sample may be asked for: how many taps further on, and how far from there.
        """
        builder, (source, shifts, factors) = self.builder, inputs
        before = builder.block
        head, body, after = (
            builder.append_basic_block(name) for name in ("head", "body", "after")
        )
        builder.branch(head)
        builder.position_at_end(head)
        tap, at = builder.phi(INDEX), builder.phi(INDEX)
        rows = sorted({row for row, _ in served})
        phis = {row: [builder.phi(self.vector) for _ in sums[row]] for row in rows}
        builder.cbranch(builder.icmp_signed("<", tap, edges[1]), body, after)
        builder.position_at_end(body)
        shift = builder.load(builder.gep(shifts, [tap]))
        more = max(first for _, first in served)
        values = self._load(builder.gep(source, [shift]), more)
        grown = dict(phis)
        for index, (row, first) in enumerate(served):
            weight = builder.gep(factors, [builder.add(at, INDEX(index))])
            chosen = values[first : first + self.vectors]
            grown[row] = self._multiplied(weight, chosen, grown[row])
        # The next block of channels begins where this one ends.
        ahead = builder.add(
            at, builder.mul(builder.sub(edges[1], edges[0]), INDEX(len(served)))
        )
        following = builder.add(tap, INDEX(1)), builder.add(at, INDEX(len(served)))
        if len(rows) == self.rows:
            ask(builder, factors, ahead)
            if soon is not None:
                later = builder.load(builder.gep(shifts, [builder.add(tap, soon[0])]))
                ask(builder, source, builder.add(later, soon[1]))
            unrolled(builder.branch(head), 2)
        else:
            builder.branch(head)
        for phi, first, last in (
            (tap, edges[0], following[0]),
            (at, weights_at, following[1]),
            *(
                triple
                for row in rows
                for triple in zip(phis[row], sums[row], grown[row], strict=True)
            ),
        ):
            phi.add_incoming(first, before)
            phi.add_incoming(last, body)
        builder.position_at_end(after)
        return [phis.get(row, line) for row, line in enumerate(sums)], at

    def store(self, sums: list[list[Any]], target: Any, step: Any) -> None:
        """Write the tile, one row every `step` samples."""
        for row, values in enumerate(sums):
            line = self.builder.gep(target, [self.builder.mul(step, INDEX(row))])
            for index, value in enumerate(values):
                self.builder.store(value, self._at(line, index), align=1)

    def store_some(
        self, sums: list[list[Any]], target: Any, step: Any, left: Any
    ) -> None:
        """Write as many samples of each row, and as many rows, as are left."""
        builder, lanes = self.builder, self.vector.count
        masks = [
            under(builder, builder.sub(left[0], INDEX(index * lanes)), lanes)
            for index in range(len(sums[0]))
        ]
        for row, values in enumerate(sums):
            with builder.if_then(builder.icmp_signed("<", INDEX(row), left[1])):
                line = builder.gep(target, [builder.mul(step, INDEX(row))])
                for index, (value, mask) in enumerate(zip(values, masks, strict=True)):
                    masked(builder, "store", self._at(line, index), mask, value)

    def _load(self, source: Any, more: int = 0) -> list[Any]:
        """V vectors and some more, at any alignment."""
        return [
            self.builder.load(self._at(source, index), align=1)
            for index in range(self.vectors + more)
        ]

    def _at(self, pointer: Any, index: int) -> Any:
        """Address of vector `index`."""
        return vector_at(self.builder, pointer, INDEX(index * self.vector.count))

    def _multiplied(self, weight: Any, values: Any, sums: Any) -> list[Any]:
        """Add the product of one weight with all vectors to one row of sums."""
        builder = self.builder
        factor = spread(builder, builder.load(weight), self.vector)
        return [
            fused(builder, factor, value, total)
            for value, total in zip(values, sums, strict=True)
        ]
