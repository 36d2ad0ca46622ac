"""Lanes of vectors that lie across the ends of a row: emitted as LLVM IR."""

from typing import Any

from llvmlite import ir

from convadjoint.engines.primitives import INDEX, indices, spread

__all__ = ["among", "masked", "under"]

_NAMES = {"float": "f32", "double": "f64", "i32": "i32", "i64": "i64"}


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


def under(builder: Any, count: Any, lanes: int) -> Any:
    """The first `count` of some lanes; none if it is negative."""
    least, most, number = INDEX(0), INDEX(lanes), ir.IntType(32)
    for beyond, limit in (("<", least), (">", most)):
        count = builder.select(builder.icmp_signed(beyond, count, limit), limit, count)
    limits = spread(builder, builder.trunc(count, number), ir.VectorType(number, lanes))
    return builder.icmp_signed("<", indices(range(lanes)), limits)


def masked(builder: Any, action: str, place: Any, mask: Any, values: Any = None) -> Any:
    """Load or store the lanes of a mask; what is not loaded is zero."""
    vector, align = place.type.pointee, ir.IntType(32)
    kind = f"v{vector.count}{_NAMES[str(vector.element)]}"
    name = f"llvm.masked.{action}.{kind}.p0{kind}"
    given = [place, align(1), mask]
    given = [*given, ir.Constant(vector, None)] if values is None else [values, *given]
    result = vector if values is None else ir.VoidType()
    shape = ir.FunctionType(result, [one.type for one in given])
    function = builder.module.globals.get(name)
    return builder.call(function or ir.Function(builder.module, shape, name), given)
