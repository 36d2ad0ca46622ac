"""Steps that plain compiled loops lack, for the engine `direct`: emitted as LLVM IR.

They reach memory without the care that numba takes of arrays.

Code for all sizes is emitted at once, with a choice: it is compiled once per machine.
"""

from collections.abc import Callable, Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

__all__ = [
    "INDEX",
    "REGISTERS",
    "VECTOR_BYTES",
    "address",
    "ask",
    "called",
    "cases",
    "compiled",
    "emitted",
    "entry",
    "indices",
    "inlined",
    "kept",
    "moved",
    "prefetch",
    "reserve",
    "samples_at",
    "taken",
    "words_at",
]

INDEX = ir.IntType(64)


def _host() -> tuple[int, int]:
    """Bytes of a vector, and how many vector registers there are."""
    features = llvmlite.binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 64, 32
    if features.get("avx"):
        return 32, 16
    return 16, 32 if features.get("neon") else 16


VECTOR_BYTES, REGISTERS = _host()


@cache
def _digest(folder: Path) -> str:
    """A name for the sources in a folder, as they are now."""
    digest = sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _dated(function: Callable[..., Any]) -> None:
    """Name a function by all sources of the engines, since its cache is named by it.

    The cache itself watches the function's own file only; but compiled code holds what
    it calls, and numbers of other files, and memory is reached by those.
    """
    digest = _digest(Path(__file__).parent)
    if not function.__qualname__.endswith(digest):
        function.__qualname__ += f"_{digest}"


def kept(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at first use, without the interpreter's lock, and keep it on disk.

    Where neither the package's folder nor the user's can be written, nothing is kept.
    """
    _dated(function)
    try:
        jitted = numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:
        jitted = numba.njit(nogil=True, error_model="numpy")(function)
    result: Callable[..., Any] = jitted
    return result


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile as a part of what calls it, and for nothing else."""
    result: Callable[..., Any] = numba.njit(  # type: ignore[call-overload]
        error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True
    )(function)
    return result


def entry(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile now, for other compiled code and for calls by address; keep it on disk."""

    def compile_now(function: Callable[..., Any]) -> Any:
        _dated(function)
        try:
            return numba.cfunc(signature, error_model="numpy", cache=True)(function)
        except RuntimeError:
            return numba.cfunc(signature, error_model="numpy")(function)

    return compile_now


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile within what calls it: nothing is optimized twice."""
    result: Callable[..., Any] = numba.njit(inline="always", error_model="numpy")(
        function
    )
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
def words_at(_context: Any, place: Any) -> Any:
    """The words at an address that is given as a number."""
    return _pointer(place, types.intp)


@emitted
def samples_at(_context: Any, place: Any, kind: Any) -> Any:
    """The samples of a kind at an address that is given as a number."""
    return _pointer(place, kind.dtype, kind)


def _pointer(place: Any, element: Any, *others: Any) -> Any:
    """Emit what makes an address of a number."""
    signature = types.CPointer(element)(place, *others)  # type: ignore[no-untyped-call]

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(sig.return_type))

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
def called(
    _context: Any,
    function: Any,
    source: Any,
    layout: Any,
    target: Any,
    numbers: Any,
    band: Any,
    first: Any,
    last: Any,
) -> Any:
    """Call what stands at an address, and takes the other arguments."""
    arguments = (source, layout, target, numbers, band, first, last)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [arg.type for arg in args[1:]])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    return types.void(function, *arguments), generate


@emitted
def prefetch(_context: Any, x: Any, at: Any) -> Any:
    """Ask for a sample that is to be read soon."""
    return _asking(x, at, write=False)


@emitted
def reserve(_context: Any, x: Any, at: Any) -> Any:
    """Ask for the place of a sample that is to be written soon."""
    return _asking(x, at, write=True)


def _asking(x: Any, at: Any, *, write: bool) -> Any:
    """What emits a prefetch."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        ask(builder, args[0], args[1], write=write)
        return context.get_dummy_value()

    return types.void(x, at), generate


def ask(builder: Any, x: Any, at: Any, *, write: bool = False) -> None:
    """Emit a prefetch."""
    byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    name = "llvm.prefetch.p0i8"
    function = builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(ir.VoidType(), [byte, *(number,) * 3]), name
    )
    place = builder.bitcast(builder.gep(x, [at]), byte)
    builder.call(function, [place, number(int(write)), number(2), number(1)])


def cases(
    builder: Any, number: Any, numbers: Iterable[int], emit: Callable[[int], None]
) -> None:
    """Emit code for each of some numbers, and the choice of one."""
    after = builder.append_basic_block("after")
    choice = builder.switch(number, after)
    for case in numbers:
        block = builder.append_basic_block(f"case{case}")
        choice.add_case(INDEX(case), block)
        builder.position_at_end(block)
        emit(case)
        builder.branch(after)
    builder.position_at_end(after)


def indices(numbers: Iterable[int]) -> Any:
    """The constant that a shuffle takes."""
    chosen = list(numbers)
    return ir.Constant(ir.VectorType(ir.IntType(32), len(chosen)), chosen)
