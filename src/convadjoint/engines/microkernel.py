"""The inner loop of the engine `direct`, written for the vector registers of the host.

A tile of M x V vectors of the output stays in registers while all taps pass: each tap
loads V vectors of the input at its offset, and multiplies them into the M rows with one
weight each.  The loop is emitted as LLVM IR, since no compiler finds it in plain loops;
numba compiles it, and keeps it on disk.

M and V travel as the lengths of two tuples: so they are part of the types, numba
compiles one function for each tile, and finds it again in its cache.
"""

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

__all__ = ["REGISTERS", "VECTOR_BYTES", "tile"]

_INDEX = ir.IntType(64)


def _host() -> tuple[int, int]:
    """Bytes of a vector, and how many vector registers there are."""
    features = llvmlite.binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 64, 32
    if features.get("avx"):
        return 32, 16
    return 16, 32 if features.get("neon") else 16


VECTOR_BYTES, REGISTERS = _host()


@intrinsic
def tile(
    _context: Any,
    x: Any,
    x_at: Any,
    offsets: Any,
    weights: Any,
    weights_at: Any,
    y: Any,
    y_at: Any,
    y_step: Any,
    m: Any,
    v: Any,
) -> Any:
    """Compute one tile: `x_at`, `weights_at` and `y_at` are where its parts begin."""
    signature = types.void(x, x_at, offsets, weights, weights_at, y, y_at, y_step, m, v)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        arrays = [
            context.make_array(sig.args[i])(context, builder, args[i])
            for i in (0, 2, 3, 5)
        ]
        source, shifts, factors, target = (array.data for array in arrays)
        taps = builder.extract_value(arrays[1].shape, 0)
        element = context.get_value_type(x.dtype)
        lanes = VECTOR_BYTES // context.get_abi_sizeof(element)
        emitted = _Tile(builder, ir.VectorType(element, lanes), m.count, v.count)
        sums = emitted.loop(
            taps,
            builder.gep(source, [args[1]]),
            shifts,
            builder.gep(factors, [args[4]]),
        )
        emitted.store(sums, builder.gep(target, [args[6]]), args[7])
        return context.get_dummy_value()

    return signature, generate


class _Tile:
    """Emits the code of an M x V tile."""

    def __init__(self, builder: Any, vector: Any, rows: int, vectors: int) -> None:
        self.builder = builder
        self.vector = vector
        self.rows = rows
        self.vectors = vectors

    def loop(self, taps: Any, source: Any, shifts: Any, factors: Any) -> Any:
        """Sum over all taps; there is at least one."""
        builder, vector = self.builder, self.vector
        before = builder.block
        body = builder.append_basic_block("taps")
        after = builder.append_basic_block("done")
        builder.branch(body)
        builder.position_at_end(body)
        tap = builder.phi(_INDEX)
        tap.add_incoming(_INDEX(0), before)
        sums = [
            [builder.phi(vector) for _ in range(self.vectors)] for _ in range(self.rows)
        ]
        shift = builder.load(builder.gep(shifts, [tap]))
        values = self._load(builder.gep(source, [shift]))
        weights = builder.gep(factors, [builder.mul(tap, _INDEX(self.rows))])
        grown = [
            self._multiplied(builder.gep(weights, [_INDEX(row)]), values, sums[row])
            for row in range(self.rows)
        ]
        following = builder.add(tap, _INDEX(1))
        tap.add_incoming(following, body)
        for old, new in zip(sums, grown, strict=True):
            for phi, value in zip(old, new, strict=True):
                phi.add_incoming(ir.Constant(vector, None), before)
                phi.add_incoming(value, body)
        builder.cbranch(builder.icmp_signed("<", following, taps), body, after)
        builder.position_at_end(after)
        return grown

    def store(self, sums: Any, target: Any, step: Any) -> None:
        """Write the tile, one row every `step` samples."""
        for row, values in enumerate(sums):
            start = self.builder.mul(step, _INDEX(row))
            line = self.builder.gep(target, [start])
            for index, value in enumerate(values):
                self.builder.store(value, self._at(line, index), align=1)

    def _load(self, source: Any) -> list[Any]:
        """V vectors of the input, at any alignment."""
        return [
            self.builder.load(self._at(source, index), align=1)
            for index in range(self.vectors)
        ]

    def _at(self, pointer: Any, index: int) -> Any:
        """Address of vector `index`."""
        place = self.builder.gep(pointer, [_INDEX(index * self.vector.count)])
        return self.builder.bitcast(place, self.vector.as_pointer())

    def _multiplied(self, weight: Any, values: Any, sums: Any) -> list[Any]:
        """Add the product of one weight with all vectors to one row of sums."""
        builder, vector = self.builder, self.vector
        empty = ir.Constant(vector, ir.Undefined)
        single = builder.insert_element(empty, builder.load(weight), _INDEX(0))
        everywhere = ir.VectorType(ir.IntType(32), vector.count)
        spread = builder.shuffle_vector(
            single, empty, ir.Constant(everywhere, [0] * vector.count)
        )
        kind = "f32" if vector.element == ir.FloatType() else "f64"
        name = f"llvm.fma.v{vector.count}{kind}"
        fused = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(vector, [vector] * 3), name
        )
        return [
            builder.call(fused, [spread, value, total])
            for value, total in zip(values, sums, strict=True)
        ]
