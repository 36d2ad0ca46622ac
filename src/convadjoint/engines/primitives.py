"""What compiled code is made of: marks for its functions, and steps emitted as LLVM IR.

Code for all sizes is emitted at once, with a choice: it is compiled once per machine.
"""

import ctypes
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

from convadjoint.engines import machine
from convadjoint.engines.arrays import address
from convadjoint.engines.kinds import INDEX, Emitted, Part
from convadjoint.engines.machine import REGISTERS, VECTOR_BYTES

__all__ = [
    "INDEX",
    "REGISTERS",
    "VECTOR_BYTES",
    "Entry",
    "answered",
    "ask",
    "beside",
    "called",
    "cases",
    "compiled",
    "each",
    "emitted",
    "entry",
    "fused",
    "indices",
    "inlined",
    "kept",
    "kind_of",
    "looped",
    "moved",
    "prefetch",
    "repeated",
    "reserve",
    "samples_at",
    "spread",
    "taken",
    "unrolled",
    "vector_at",
    "vector_of",
    "words_at",
]

_KINDS = {
    "float32": ir.FloatType(),
    "float64": ir.DoubleType(),
    "int32": ir.IntType(32),
    "int64": INDEX,
}


def kind_of(dtype: np.dtype[Any]) -> Any:
    """Samples of a dtype, as compiled code knows them."""
    return _KINDS[np.dtype(dtype).name]


def compiled(function: Callable[..., Any]) -> Any:
    """Compile as a function of its own, for what calls it."""
    return Part(function, apart=True)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile within what calls it."""
    return Part(function, apart=False)


def emitted(function: Callable[..., Any]) -> Any:
    """Let compiled code call what `function` emits: it takes the builder, and values."""
    return Emitted(function)


@dataclass(eq=False)
class Entry:
    """A function that is called by address; it is compiled when that is first asked for."""

    function: Callable[..., Any]
    name: str
    kinds: tuple[Any, ...]
    returns: Any = None
    place: int = 0

    @property
    def address(self) -> int:
        """Where it is."""
        # A cached property has a lock before Python 3.12, which no fork waits for.
        if not self.place:
            self.place = machine.address(self.name, self._emitted)
        return self.place

    def _emitted(self) -> Any:
        """Its IR: what makes that is not needed if it was kept."""
        from convadjoint.engines.language import module_of  # noqa: PLC0415

        return module_of(self.function, self.name, self.kinds, self.returns)


def entry(
    name: str, *kinds: Any, returns: Any = None
) -> Callable[[Callable[..., Any]], Entry]:
    """Compile a function that takes values of some kinds; no other has its name."""
    return lambda function: Entry(function, name, kinds, returns)


def kept(function: Callable[..., Any]) -> Callable[..., None]:
    """Compile for arrays and numbers, at the first call, one function for each dtype."""
    made: dict[tuple[Any, ...], Any] = {}

    def call(*given: Any) -> None:
        dtypes = tuple(getattr(one, "dtype", None) for one in given)
        if dtypes not in made:
            made[dtypes] = _callable(function, dtypes)
        words = [
            address(one) if dtype else one
            for one, dtype in zip(given, dtypes, strict=True)
        ]
        made[dtypes](*words)

    return call


def _callable(function: Callable[..., Any], dtypes: tuple[Any, ...]) -> Any:
    """A function of arrays, which are addresses, and numbers."""
    names = [dtype.name if dtype else "word" for dtype in dtypes]
    kinds = tuple(kind_of(dtype).as_pointer() if dtype else INDEX for dtype in dtypes)
    name = "-".join((function.__module__.rpartition(".")[2], *names))
    return ctypes.CFUNCTYPE(None, *(ctypes.c_int64,) * len(kinds))(
        Entry(function, name, kinds).address
    )


@emitted
def words_at(builder: Any, place: Any) -> Any:
    """The words at an address that is given as a number."""
    return builder.inttoptr(place, INDEX.as_pointer())


@emitted
def samples_at(builder: Any, place: Any, kind: Any) -> Any:
    """The samples of a kind at an address that is given as a number."""
    return builder.inttoptr(place, kind.as_pointer())


@emitted
def moved(builder: Any, place: Any, count: Any) -> Any:
    """The address `count` elements further on."""
    return builder.gep(place, [count])


@emitted
def taken(builder: Any, counter: Any) -> Any:
    """Count one on, in one step that no other thread can come between."""
    return builder.atomic_rmw("add", counter, INDEX(1), "monotonic")


@emitted
def called(builder: Any, function: Any, *given: Any) -> None:
    """Call what stands at an address, and takes these values."""
    kind = ir.FunctionType(ir.VoidType(), [one.type for one in given])
    builder.call(builder.inttoptr(function, kind.as_pointer()), given)


@emitted
def answered(builder: Any, function: Any, *given: Any) -> Any:
    """The number that is the answer of what stands at an address to these values."""
    kind = ir.FunctionType(INDEX, [one.type for one in given])
    return builder.call(builder.inttoptr(function, kind.as_pointer()), given)


@emitted
def prefetch(builder: Any, x: Any, at: Any) -> None:
    """Ask for a sample that is to be read soon."""
    ask(builder, x, at)


@emitted
def reserve(builder: Any, x: Any, at: Any) -> None:
    """Ask for the place of a sample that is to be written soon."""
    ask(builder, x, at, write=True)


def ask(builder: Any, x: Any, at: Any, *, write: bool = False) -> None:
    """Emit a prefetch."""
    byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    name = "llvm.prefetch.p0i8"
    function = builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(ir.VoidType(), [byte, *(number,) * 3]), name
    )
    place = builder.bitcast(builder.gep(x, [at]), byte)
    builder.call(function, [place, number(int(write)), number(3), number(1)])


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


def repeated(
    builder: Any,
    limits: tuple[Any, Any, int],
    body: Callable[..., Any],
    begin: Iterable[Any] = (),
    *,
    turns: int = 1,
) -> list[Any]:
    """Emit a loop over a range: its start, its end, and its step; some turns at once.

    `body` takes the index and what is carried along, from `begin` on; it returns the same
    for the next turn, and the loop what the last one carries.
    """
    (start, stop, step), values, before = limits, list(begin), builder.block
    head, inside, after = (
        builder.append_basic_block(name) for name in ("head", "inside", "after")
    )
    builder.branch(head)
    builder.position_at_end(head)
    at, *carried = (builder.phi(value.type) for value in (start, *values))
    builder.cbranch(builder.icmp_signed("<", at, stop), inside, after)
    builder.position_at_end(inside)
    found = body(at, *carried) or ()
    following = builder.add(at, INDEX(step))
    last, branch = builder.block, builder.branch(head)
    for phi, first, later in zip(
        (at, *carried), (start, *values), (following, *found), strict=True
    ):
        phi.add_incoming(first, before)
        phi.add_incoming(later, last)
    if turns > 1:
        unrolled(branch, turns)
    builder.position_at_end(after)
    return carried


def each(
    builder: Any, count: Any, step: int, body: Callable[[Any], None], *, turns: int = 1
) -> None:
    """Emit a loop over ``range(0, count, step)``, some turns at once."""
    repeated(builder, (INDEX(0), count, step), body, turns=turns)


def looped(
    builder: Any,
    count: Any,
    steps: Any,
    emit: Callable[..., Any],
    begin: Any = (),
) -> Any:
    """Emit a loop: pointers go on by their steps, `begin` is what is carried along."""

    def body(_: Any, *given: Any) -> list[Any]:
        pointers = given[: len(steps)]
        found = emit(*given) or ()
        moves = zip(pointers, steps, strict=True)
        return [*(builder.gep(place, [step]) for place, (_, step) in moves), *found]

    starts = [*(pointer for pointer, _ in steps), *begin]
    return repeated(builder, (INDEX(0), count, 1), body, starts)[len(steps) :]


def unrolled(branch: Any, turns: int) -> None:
    """Let a loop, which a branch repeats, do some turns at once: more loads are on their way."""
    module = branch.function.module
    count = ir.MetaDataString(module, "llvm.loop.unroll.count"), ir.IntType(32)(turns)
    loop = module.add_metadata([module.add_metadata(count)])
    loop.operands = (loop, loop.operands[-1])
    branch.set_metadata("llvm.loop", loop)


def indices(numbers: Iterable[int]) -> Any:
    """The constant that a shuffle takes."""
    chosen = list(numbers)
    return ir.Constant(ir.VectorType(ir.IntType(32), len(chosen)), chosen)


def vector_of(place: Any, nbytes: int = VECTOR_BYTES) -> Any:
    """The vector of so many bytes that holds samples of an address."""
    element = place.type.pointee
    return ir.VectorType(element, nbytes // (4 if element == ir.FloatType() else 8))


def vector_at(builder: Any, place: Any, index: Any) -> Any:
    """The address of the vector that begins so many samples further on."""
    return builder.bitcast(builder.gep(place, [index]), vector_of(place).as_pointer())


def spread(builder: Any, value: Any, vector: Any) -> Any:
    """A vector of one value."""
    single = builder.insert_element(vector(ir.Undefined), value, INDEX(0))
    return builder.shuffle_vector(single, single, indices([0] * vector.count))


def beside(builder: Any, vectors: Sequence[Any]) -> Any:
    """Some vectors as one."""
    lanes, joined = vectors[0].type.count, vectors[0]
    for number, vector in enumerate(vectors[1:], start=1):
        # A shuffle takes two vectors of one length: the rest of this one is not read.
        length = number * lanes
        padded = builder.shuffle_vector(
            vector, vector, indices(i % lanes for i in range(length))
        )
        joined = builder.shuffle_vector(joined, padded, indices(range(length + lanes)))
    return joined


def fused(builder: Any, one: Any, other: Any, total: Any) -> Any:
    """Vectors multiplied and added, rounded once."""
    vector, functions = total.type, builder.module.globals
    name = f"llvm.fma.v{vector.count}{'f32' if vector.element == ir.FloatType() else 'f64'}"
    function = functions.get(name) or ir.Function(
        builder.module, ir.FunctionType(vector, [vector] * 3), name
    )
    return builder.call(function, [one, other, total])
