"""Sums of lines for the engine `winograd`, and its tiles: emitted as LLVM IR.

They stand apart from `primitives` and `microkernel`, so that nothing else compiles them.
"""

from typing import Any

from llvmlite import ir

from convadjoint.engines.microkernel import TileCode
from convadjoint.engines.primitives import (
    INDEX,
    REGISTERS,
    cases,
    each,
    emitted,
    spread,
    vector_at,
    vector_of,
)

__all__ = ["FORMS", "blend", "block", "strange"]

# Rows and vectors of a tile: there are many channels, and lines of any length.
FORMS = {32: ((8, 3), (6, 4)), 16: ((6, 2), (4, 3))}[REGISTERS]


@emitted
def block(
    builder: Any,
    x: Any,
    x_at: Any,
    offsets: Any,
    ends: Any,
    weights: Any,
    weights_at: Any,
    y: Any,
    y_at: Any,
    y_step: Any,
    fresh: Any,
    form: Any,
    soon: Any,
) -> None:
    """Compute one tile, as `microkernel.tile` does, of the taps between two ends.

    It asks for samples that are wanted `soon`, as `TileCode.taps` has it.
    """
    inputs, target = (builder.gep(x, [x_at]), offsets, weights), builder.gep(y, [y_at])
    edges = [builder.load(builder.gep(ends, [INDEX(i)])) for i in (0, 1)]

    def emit(number: int) -> None:
        m, v = FORMS[number]
        made = TileCode(builder, vector_of(x), m, v)
        sums = made.begin(fresh, target, y_step)
        sums, _ = made.taps(inputs, edges, weights_at, made.every, sums, soon)
        made.store(sums, target, y_step)

    cases(builder, form, range(len(FORMS)), emit)


@emitted
def blend(
    builder: Any,
    y: Any,
    target: Any,
    x: Any,
    source: Any,
    places: Any,
    signs: Any,
    terms: Any,
    count: Any,
) -> None:
    """Add up to three lines: ``y = x[a:] + s * x[b:] + t * x[c:]``, by whole vectors.

    `places` are ``(a, b, c)``, `signs` ``(s, t)``.  It is done `source[0]` times; then
    all lines are `source[1]` further on, and the target ``(start, step)`` by its step.
    """
    vector, (start, step), (repeat, further) = vector_of(x), target, source

    def emit(number: int) -> None:
        factors = [
            spread(builder, builder.sitofp(sign, vector.element), vector)
            for sign in signs[: number - 1]
        ]

        def outer(turn: Any) -> None:
            shift = builder.mul(turn, further)
            lines = [
                builder.gep(x, [builder.add(place, shift)]) for place in places[:number]
            ]
            line = builder.gep(y, [builder.add(start, builder.mul(turn, step))])

            def inner(at: Any) -> None:
                total = _load(builder, lines[0], at)
                for factor, other in zip(factors, lines[1:], strict=True):
                    value = _load(builder, other, at)
                    total = builder.fadd(total, builder.fmul(factor, value))
                builder.store(total, vector_at(builder, line, at), align=1)

            each(builder, count, vector.count, inner)

        each(builder, repeat, 1, outer)

    cases(builder, terms, (1, 2, 3), emit)


@emitted
def strange(builder: Any, x: Any, x_at: Any, count: Any) -> Any:
    """Whether some of `count` samples are infinite, or no numbers."""
    vector = vector_of(x)
    source = builder.gep(x, [x_at])
    lanes = ir.VectorType(INDEX, vector.count)
    numbers = ir.Constant(lanes, list(range(vector.count)))
    with builder.goto_entry_block():
        found = builder.alloca(INDEX)
    builder.store(INDEX(0), found)
    bits = ir.IntType(vector.count)
    zeros = ir.Constant(vector, None)

    def body(at: Any) -> None:
        left = spread(builder, builder.sub(count, at), lanes)
        inside = builder.icmp_signed("<", numbers, left)
        value = _load(builder, source, at)
        # Infinity less itself is no number.
        bad = builder.fcmp_unordered("uno", builder.fsub(value, value), zeros)
        mask = builder.bitcast(builder.and_(bad, inside), bits)
        mask = builder.zext(mask, INDEX)
        builder.store(builder.or_(builder.load(found), mask), found)

    each(builder, count, vector.count, body)
    return builder.load(found)


def _load(builder: Any, line: Any, at: Any) -> Any:
    """One vector, at any alignment."""
    return builder.load(vector_at(builder, line, at), align=1)
