"""Rows moved by whole vectors, for the engine `direct`: emitted as LLVM IR.

`split` and `merge` take the samples of a strided row apart, and put them together; `pick`
takes those of a single phase, with the zeros around; `lay` takes a whole dense row, and
`patch` a short one.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from convadjoint.engines.masks import masked, under
from convadjoint.engines.primitives import (
    INDEX,
    ask,
    beside,
    cases,
    each,
    emitted,
    indices,
    vector_of,
)
from convadjoint.engines.tiles import PARTS

__all__ = ["LINE_BYTES", "WAYS", "lay", "merge", "patch", "pick", "split"]

# Bytes that are moved at once: rows may be short.
LINE_BYTES = 32
# Ways to move rows of a sheet: parts that a row is taken apart into, and how many of them
# are written.
WAYS = ((1, 1), (2, 2), (2, 1))
# Vectors of a dense row that are moved in one turn.
_TURNS = 4


@emitted
def split(
    builder: Any,
    row: Any,
    row_at: Any,
    y: Any,
    y_at: Any,
    apart: Any,
    parts: Any,
    count: Any,
) -> None:
    """Take neighbours of a row apart into lines of `count`, a whole vector or more."""

    def emit(number: int) -> None:
        _between(builder, _take, (row, row_at), (y, y_at, apart), number, count)

    cases(builder, parts, range(1, PARTS + 1), emit)


@emitted
def merge(
    builder: Any,
    row: Any,
    row_at: Any,
    x: Any,
    x_at: Any,
    apart: Any,
    parts: Any,
    count: Any,
) -> None:
    """Put lines of `count` samples together into a row: undoes `split`."""

    def emit(number: int) -> None:
        _between(builder, _put, (row, row_at), (x, x_at, apart), number, count)

    cases(builder, parts, range(1, PARTS + 1), emit)


@emitted
def lay(
    builder: Any, row: Any, row_at: Any, y: Any, y_at: Any, edges: Any, count: Any
) -> None:
    """Write `count` samples: neighbours from ``edges[0]`` to ``edges[1]``, zeros around.

    The neighbours are a whole vector or more, the zeros at each end a vector or fewer.
    """
    line, (begin, end) = vector_of(row, LINE_BYTES), edges
    zeros, start = ir.Constant(line, None), builder.gep(y, [y_at])
    # The neighbours come over those that are too many.
    builder.store(zeros, builder.bitcast(start, line.as_pointer()), align=1)
    lines = start, begin, INDEX(0)
    _between(builder, _take, (row, row_at), lines, 1, builder.sub(end, begin))
    place = builder.bitcast(builder.gep(start, [end]), line.as_pointer())
    known = under(builder, builder.sub(count, end), line.count)
    masked(builder, "store", place, known, zeros)


@emitted
def patch(
    builder: Any,
    source: Any,
    inside: Any,
    target: Any,
    way: Any,
    count: Any,
    rows: Any,
) -> None:
    """Move some rows, up to two vectors of each part, in one of `WAYS`.

    `source` is an address, the distance of rows, and how far away the samples are that are
    wanted next, or 0; `target` is an address, and the distances of rows and of parts.
    There are zeros outside, as in `pick`.
    """
    line = vector_of(source[0], 2 * LINE_BYTES)
    wanted = builder.icmp_signed("!=", source[2], INDEX(0))

    def emit(which: int) -> None:
        number, written = WAYS[which]
        known = _known(builder, inside, number * line.count)
        some = under(builder, count, line.count)

        def emit_one(index: Any) -> None:
            place, start = (
                builder.gep(side[0], [builder.mul(index, side[1])])
                for side in (source, target)
            )
            whole = ir.VectorType(line.element, number * line.count)
            with builder.if_then(wanted):
                for part in range(number):
                    further = builder.add(source[2], INDEX(part * line.count))
                    ask(builder, place, further)
            place = builder.bitcast(place, whole.as_pointer())
            found = masked(builder, "load", place, known)
            for part in range(written):
                chosen = indices(range(part, whole.count, number))
                values = builder.shuffle_vector(found, found, chosen)
                goal = builder.gep(start, [builder.mul(target[2], INDEX(part))])
                goal = builder.bitcast(goal, line.as_pointer())
                masked(builder, "store", goal, some, values)

        each(builder, rows, 1, emit_one)

    cases(builder, way, range(len(WAYS)), emit)


@emitted
def pick(
    builder: Any, row: Any, row_at: Any, inside: Any, y: Any, count: Any, step: Any
) -> None:
    """Write up to `lanes` samples of a row, each `step` after the one before.

    Those before ``inside[0]`` and from ``inside[1]`` on, counted from the first one, are
    zeros and not read.
    """
    line, source = vector_of(row, LINE_BYTES), builder.gep(row, [row_at])

    def emit(apart: int) -> None:
        length = apart * line.count
        known = _known(builder, inside, length)
        whole = ir.VectorType(line.element, length)
        place = builder.bitcast(source, whole.as_pointer())
        found = masked(builder, "load", place, known)
        values = builder.shuffle_vector(found, found, indices(range(0, length, apart)))
        place = builder.bitcast(y, line.as_pointer())
        some = under(builder, count, line.count)
        masked(builder, "store", place, some, values)

    cases(builder, step, range(1, PARTS + 1), emit)


def _known(builder: Any, inside: Any, length: int) -> Any:
    """Which of some neighbours are inside of a row."""
    before, until = (under(builder, edge, length) for edge in inside)
    return builder.and_(builder.not_(before), until)


def _between(
    builder: Any,
    emit: Callable[..., None],
    row: Any,
    lines: Any,
    number: int,
    count: Any,
) -> None:
    """Emit what moves samples between a row and so many lines that lie apart."""
    line, (start, at, apart) = vector_of(row[0], LINE_BYTES), lines
    start, place = builder.gep(start, [at]), builder.gep(row[0], [row[1]])
    last = builder.sub(count, INDEX(line.count))
    whole = ir.VectorType(line.element, line.count * number).as_pointer()
    starts = [
        builder.gep(start, [builder.mul(apart, INDEX(part))]) for part in range(number)
    ]

    def emit_one(index: Any) -> None:
        here = builder.gep(place, [builder.mul(index, INDEX(number))])
        places = (builder.gep(one, [index]) for one in starts)
        emit(
            builder,
            builder.bitcast(here, whole),
            [builder.bitcast(there, line.as_pointer()) for there in places],
        )

    each(builder, last, line.count, emit_one, turns=_TURNS if number == 1 else 1)
    # This one may do again what the one before did.
    emit_one(last)


def _take(builder: Any, row: Any, lines: list[Any]) -> None:
    """Write every sample of a row to its line."""
    joined = builder.load(row, align=1)
    for part, line in enumerate(lines):
        chosen = indices(range(part, joined.type.count, len(lines)))
        values = builder.shuffle_vector(joined, joined, chosen)
        builder.store(values, line, align=1)


def _put(builder: Any, row: Any, lines: list[Any]) -> None:
    """Write the lines to a row, sample by sample."""
    values = [builder.load(line, align=1) for line in lines]
    builder.store(_woven(builder, values), row, align=1)


def _woven(builder: Any, lines: list[Any]) -> Any:
    """One vector of all lines: first samples, second samples, and so on."""
    lanes, joined = lines[0].type.count, beside(builder, lines)
    order = (part * lanes + i for i in range(lanes) for part in range(len(lines)))
    return builder.shuffle_vector(joined, joined, indices(order))
