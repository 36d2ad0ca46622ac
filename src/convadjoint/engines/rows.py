"""Rows moved by whole vectors, for the engine `direct`: emitted as LLVM IR.

`split` and `merge` take the samples of a strided row apart, and put them together; `pick`
takes those of a single phase, with the zeros around.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types

from convadjoint.engines.primitives import INDEX, cases, emitted, indices

__all__ = ["LINE_BYTES", "PARTS", "merge", "pick", "split"]

# Bytes that are moved at once: rows may be short.
LINE_BYTES = 32
# The most parts that a row is taken apart into.
PARTS = 4


@emitted
def split(
    _context: Any, row: Any, row_at: Any, y: Any, y_at: Any, apart: Any, parts: Any
) -> Any:
    """Take ``parts * lanes`` neighbours of a row apart into lines of `lanes`."""
    return _between(_take, (row, row_at, y, y_at, apart, parts))


@emitted
def merge(
    _context: Any, row: Any, row_at: Any, x: Any, x_at: Any, apart: Any, parts: Any
) -> Any:
    """Put lines of `lanes` samples together into a row: undoes `split`."""
    return _between(_put, (row, row_at, x, x_at, apart, parts))


@emitted
def pick(
    _context: Any, row: Any, row_at: Any, inside: Any, y: Any, count: Any, step: Any
) -> Any:
    """Write up to `lanes` samples of a row, each `step` after the one before.

    Those before ``inside[0]`` and from ``inside[1]`` on, counted from the first one, are
    zeros and not read.
    """
    signature = types.void(row, row_at, inside, y, count, step)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        element = context.get_value_type(row.dtype)
        lanes = LINE_BYTES // context.get_abi_sizeof(element)
        source = builder.gep(args[0], [args[1]])
        edges = [builder.extract_value(args[2], side) for side in (0, 1)]

        def emit(apart: int) -> None:
            length = apart * lanes
            whole = ir.VectorType(element, length)
            known = builder.and_(
                builder.not_(_under(builder, edges[0], length)),
                _under(builder, edges[1], length),
            )
            place = builder.bitcast(source, whole.as_pointer())
            found = _masked(builder, "load", place, known)
            chosen = indices(range(0, length, apart))
            values = builder.shuffle_vector(found, found, chosen)
            place = builder.bitcast(args[3], values.type.as_pointer())
            _masked(builder, "store", place, _under(builder, args[4], lanes), values)

        cases(builder, args[5], range(1, PARTS + 1), emit)
        return context.get_dummy_value()

    return signature, generate


def _under(builder: Any, count: Any, lanes: int) -> Any:
    """The first `count` of some lanes."""
    most, number = INDEX(lanes), ir.IntType(32)
    fewer = builder.icmp_signed("<", count, most)
    count = builder.trunc(builder.select(fewer, count, most), number)
    kind = ir.VectorType(number, lanes)
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), count, INDEX(0))
    spread = builder.shuffle_vector(single, single, indices([0] * lanes))
    return builder.icmp_signed("<", indices(range(lanes)), spread)


def _masked(
    builder: Any, action: str, place: Any, mask: Any, values: Any = None
) -> Any:
    """Load or store the lanes of a mask; what is not loaded is zero."""
    vector, align = place.type.pointee, ir.IntType(32)
    kind = f"v{vector.count}{'f32' if vector.element == ir.FloatType() else 'f64'}"
    name = f"llvm.masked.{action}.{kind}.p0{kind}"
    given = [place, align(1), mask]
    given = [*given, ir.Constant(vector, None)] if values is None else [values, *given]
    result = vector if values is None else ir.VoidType()
    shape = ir.FunctionType(result, [one.type for one in given])
    function = builder.module.globals.get(name)
    return builder.call(function or ir.Function(builder.module, shape, name), given)


def _between(emit: Callable[..., None], arguments: tuple[Any, ...]) -> Any:
    """Emit what moves samples between a row and lines that are `apart` each."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        row, lines = (builder.gep(args[i], [args[i + 1]]) for i in (0, 2))
        element = context.get_value_type(arguments[0].dtype)
        lanes = LINE_BYTES // context.get_abi_sizeof(element)

        def emit_one(parts: int) -> None:
            line = ir.VectorType(element, lanes)
            places = [
                builder.bitcast(
                    builder.gep(lines, [builder.mul(args[4], INDEX(part))]),
                    line.as_pointer(),
                )
                for part in range(parts)
            ]
            whole = ir.VectorType(element, lanes * parts)
            emit(builder, builder.bitcast(row, whole.as_pointer()), places)

        cases(builder, args[5], range(1, PARTS + 1), emit_one)
        return context.get_dummy_value()

    return types.void(*arguments), generate


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
    lanes, joined = lines[0].type.count, lines[0]
    for part, line in enumerate(lines[1:], start=1):
        # A shuffle takes two vectors of one length: the rest of this one is not read.
        length = part * lanes
        padded = builder.shuffle_vector(
            line, line, indices(i % lanes for i in range(length))
        )
        joined = builder.shuffle_vector(joined, padded, indices(range(length + lanes)))
    order = (part * lanes + i for i in range(lanes) for part in range(len(lines)))
    return builder.shuffle_vector(joined, joined, indices(order))
