"""Steps that plain compiled loops lack, for the engine `direct`: emitted as LLVM IR.

`split` and `merge` take the samples of a strided row apart, and put them together; the
others reach memory without the care that numba takes of arrays.

Sizes that the code is made for travel as the lengths of tuples: so they are part of the
types, numba compiles one function for each, and finds it again in its cache.
"""

from collections.abc import Callable, Iterable
from typing import Any

import llvmlite.binding
import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

__all__ = [
    "INDEX",
    "LINE_BYTES",
    "REGISTERS",
    "VECTOR_BYTES",
    "address",
    "ask",
    "compiled",
    "emitted",
    "indices",
    "merge",
    "moved",
    "prefetch",
    "split",
    "taken",
]

INDEX = ir.IntType(64)
# Bytes that `split` and `merge` move at once: rows may be short.
LINE_BYTES = 32


def _host() -> tuple[int, int]:
    """Bytes of a vector, and how many vector registers there are."""
    features = llvmlite.binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 64, 32
    if features.get("avx"):
        return 32, 16
    return 16, 32 if features.get("neon") else 16


VECTOR_BYTES, REGISTERS = _host()


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at first use, without the interpreter's lock, and keep it on disk.

    Where neither the package's folder nor the user's can be written, nothing is kept.
    """
    try:
        jitted = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        jitted = numba.njit(nogil=True)(function)
    result: Callable[..., Any] = jitted
    return result


def emitted(function: Callable[..., Any]) -> Any:
    """Let compiled code call what `function` emits."""
    return intrinsic(function)


@emitted
def address(_context: Any, array: Any) -> Any:
    """Where a flat array begins: unlike the array, it has no references to be counted."""
    signature = types.CPointer(array.dtype)(array)  # type: ignore[no-untyped-call]

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return context.make_array(sig.args[0])(context, builder, args[0]).data

    return signature, generate


@emitted
def moved(_context: Any, place: Any, count: Any) -> Any:
    """The address `count` elements further on."""
    signature = place(place, count)

    def generate(_context: Any, builder: Any, _: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return signature, generate


@emitted
def taken(_context: Any, counter: Any) -> Any:
    """Count one on, in one step that no other thread can come between."""
    signature = types.int64(counter)

    def generate(_context: Any, builder: Any, _: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", args[0], INDEX(1), "monotonic")

    return signature, generate


@emitted
def prefetch(_context: Any, x: Any, at: Any) -> Any:
    """Ask for a sample that is to be read soon."""
    signature = types.void(x, at)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        ask(builder, args[0], args[1])
        return context.get_dummy_value()

    return signature, generate


def ask(builder: Any, x: Any, at: Any) -> None:
    """Emit a prefetch."""
    byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    name = "llvm.prefetch.p0i8"
    ask = builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(ir.VoidType(), [byte, *(number,) * 3]), name
    )
    place = builder.bitcast(builder.gep(x, [at]), byte)
    builder.call(ask, [place, number(0), number(2), number(1)])


@emitted
def split(
    _context: Any, x: Any, x_at: Any, y: Any, y_at: Any, apart: Any, parts: Any
) -> Any:
    """Take ``S * lanes`` neighbours apart into S lines, `apart` samples from each other."""
    signature = types.void(x, x_at, y, y_at, apart, parts)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        line, whole = _vectors(context, x, parts.count)
        source, target = (builder.gep(args[i], [args[i + 1]]) for i in (0, 2))
        joined = builder.load(builder.bitcast(source, whole.as_pointer()), align=1)
        for part in range(parts.count):
            chosen = indices(range(part, whole.count, parts.count))
            values = builder.shuffle_vector(joined, joined, chosen)
            place = builder.gep(target, [builder.mul(args[4], INDEX(part))])
            builder.store(values, builder.bitcast(place, line.as_pointer()), align=1)
        return context.get_dummy_value()

    return signature, generate


@emitted
def merge(
    _context: Any, x: Any, x_at: Any, apart: Any, y: Any, y_at: Any, parts: Any
) -> Any:
    """Put S lines of `lanes` samples together, sample by sample: undoes `split`."""
    signature = types.void(x, x_at, apart, y, y_at, parts)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        line, whole = _vectors(context, x, parts.count)
        source, target = (builder.gep(args[i], [args[i + 1]]) for i in (0, 3))
        lines = []
        for part in range(parts.count):
            place = builder.gep(source, [builder.mul(args[2], INDEX(part))])
            lines.append(
                builder.load(builder.bitcast(place, line.as_pointer()), align=1)
            )
        joined = _woven(builder, lines)
        builder.store(joined, builder.bitcast(target, whole.as_pointer()), align=1)
        return context.get_dummy_value()

    return signature, generate


def _vectors(context: Any, x: Any, parts: int) -> tuple[Any, Any]:
    """The types of one line of samples, and of all lines together."""
    element = context.get_value_type(x.dtype)
    lanes = LINE_BYTES // context.get_abi_sizeof(element)
    return ir.VectorType(element, lanes), ir.VectorType(element, lanes * parts)


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


def indices(numbers: Iterable[int]) -> Any:
    """The constant that a shuffle takes."""
    chosen = list(numbers)
    return ir.Constant(ir.VectorType(ir.IntType(32), len(chosen)), chosen)
