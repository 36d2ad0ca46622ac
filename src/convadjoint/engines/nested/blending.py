"""Sums of lines for the engine `winograd`, and its tiles: emitted as LLVM IR.

They stand apart from `primitives` and `microkernel`, so that nothing else compiles them.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types

from convadjoint.engines.microkernel import TileCode
from convadjoint.engines.primitives import (
    INDEX,
    REGISTERS,
    VECTOR_BYTES,
    cases,
    emitted,
    indices,
)

__all__ = ["FORMS", "blend", "block", "strange"]

# Rows and vectors of a tile: there are many channels, and lines of any length.
FORMS = {32: ((8, 3), (6, 4)), 16: ((6, 2), (4, 3))}[REGISTERS]


@emitted
def block(
    _context: Any,
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
) -> Any:
    """Compute one tile, as `microkernel.tile` does, of the taps between two ends."""
    arguments = (x, x_at, offsets, ends, weights, weights_at)
    signature = types.void(*arguments, y, y_at, y_step, fresh, form)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        source, target = (builder.gep(args[i], [args[i + 1]]) for i in (0, 6))
        edges = [builder.load(builder.gep(args[3], [INDEX(i)])) for i in (0, 1)]

        def emit(number: int) -> None:
            m, v = FORMS[number]
            made = TileCode(builder, _vector(context, x), m, v)
            sums = made.begin(args[9], target, args[8])
            inputs = (source, args[2], args[4])
            sums, _ = made.taps(inputs, edges, args[5], range(m), sums)
            made.store(sums, target, args[8])

        cases(builder, args[10], range(len(FORMS)), emit)
        return context.get_dummy_value()

    return signature, generate


@emitted
def blend(
    _context: Any,
    y: Any,
    target: Any,
    x: Any,
    source: Any,
    places: Any,
    signs: Any,
    terms: Any,
    count: Any,
) -> Any:
    """Add up to three lines: ``y = x[a:] + s * x[b:] + t * x[c:]``, by whole vectors.

    `places` are ``(a, b, c)``, `signs` ``(s, t)``.  It is done `source[0]` times; then
    all lines are `source[1]` further on, and the target ``(start, step)`` by its step.
    """
    arguments = (y, target, x, source, places, signs, terms, count)
    signature = types.void(*arguments)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        vector = _vector(context, x)
        start, step = _several(builder, args[1])
        repeat, further = _several(builder, args[3])
        first = _several(builder, args[4])
        factors = _several(builder, args[5])

        def emit(number: int) -> None:
            spread = [_spread(builder, vector, sign) for sign in factors[: number - 1]]

            def outer(turn: Any) -> None:
                shift = builder.mul(turn, further)
                lines = [
                    builder.gep(args[2], [builder.add(place, shift)])
                    for place in first[:number]
                ]
                here = builder.add(start, builder.mul(turn, step))
                line = builder.gep(args[0], [here])

                def inner(at: Any) -> None:
                    total = _load(builder, vector, lines[0], at)
                    for sign, other in zip(spread, lines[1:], strict=True):
                        value = _load(builder, vector, other, at)
                        total = builder.fadd(total, builder.fmul(sign, value))
                    place = builder.bitcast(
                        builder.gep(line, [at]), vector.as_pointer()
                    )
                    builder.store(total, place, align=1)

                _each(builder, args[7], vector.count, inner)

            _each(builder, repeat, 1, outer)

        cases(builder, args[6], (1, 2, 3), emit)
        return context.get_dummy_value()

    return signature, generate


@emitted
def strange(_context: Any, x: Any, x_at: Any, count: Any) -> Any:
    """Whether some of `count` samples are infinite, or no numbers."""
    signature = types.int64(x, x_at, count)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        vector = _vector(context, x)
        source = builder.gep(args[0], [args[1]])
        lanes = ir.VectorType(INDEX, vector.count)
        numbers = ir.Constant(lanes, list(range(vector.count)))
        with builder.goto_entry_block():
            found = builder.alloca(INDEX)
        builder.store(INDEX(0), found)
        bits = ir.IntType(vector.count)
        zeros = ir.Constant(vector, None)

        def body(at: Any) -> None:
            left = builder.sub(args[2], at)
            spread = builder.insert_element(
                ir.Constant(lanes, ir.Undefined), left, INDEX(0)
            )
            spread = builder.shuffle_vector(spread, spread, indices([0] * vector.count))
            inside = builder.icmp_signed("<", numbers, spread)
            value = _load(builder, vector, source, at)
            # Infinity less itself is no number.
            bad = builder.fcmp_unordered("uno", builder.fsub(value, value), zeros)
            mask = builder.bitcast(builder.and_(bad, inside), bits)
            mask = builder.zext(mask, INDEX)
            builder.store(builder.or_(builder.load(found), mask), found)

        _each(builder, args[2], vector.count, body)
        return builder.load(found)

    return signature, generate


def _several(builder: Any, numbers: Any) -> list[Any]:
    """The numbers of a tuple."""
    return [
        builder.extract_value(numbers, index)
        for index in range(len(numbers.type.elements))
    ]


def _vector(context: Any, x: Any) -> Any:
    """The vector of the host for the samples of an address."""
    element = context.get_value_type(x.dtype)
    return ir.VectorType(element, VECTOR_BYTES // context.get_abi_sizeof(element))


def _load(builder: Any, vector: Any, line: Any, at: Any) -> Any:
    """One vector, at any alignment."""
    place = builder.bitcast(builder.gep(line, [at]), vector.as_pointer())
    return builder.load(place, align=1)


def _spread(builder: Any, vector: Any, number: Any) -> Any:
    """A vector of one whole number."""
    empty = ir.Constant(vector, ir.Undefined)
    value = builder.sitofp(number, vector.element)
    single = builder.insert_element(empty, value, INDEX(0))
    return builder.shuffle_vector(single, empty, indices([0] * vector.count))


def _each(builder: Any, count: Any, step: int, body: Callable[[Any], None]) -> None:
    """Emit a loop over ``range(0, count, step)``."""
    before = builder.block
    head, inside, after = (
        builder.append_basic_block(name) for name in ("head", "inside", "after")
    )
    builder.branch(head)
    builder.position_at_end(head)
    at = builder.phi(INDEX)
    builder.cbranch(builder.icmp_signed("<", at, count), inside, after)
    builder.position_at_end(inside)
    body(at)
    at.add_incoming(INDEX(0), before)
    at.add_incoming(builder.add(at, INDEX(step)), builder.block)
    builder.branch(head)
    builder.position_at_end(after)
