"""A sum of convolutions, each in windows of its own, between weights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import scipy.sparse

from convadjoint import engines
from convadjoint.engines import Array
from convadjoint.engines.extension import extend, fold
from convadjoint.engines.memory import require
from convadjoint.geometry import ConvSpec
from convadjoint.geometry.spec import Ranges
from convadjoint.operators.canonical import canonical_layout
from convadjoint.operators.fields import Field, window
from convadjoint.operators.plans import Convolution, Direction, Side

__all__ = ["Patch", "Patchwork", "patches"]


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A window of one convolution, with weights before and after it or none."""

    convolution: Convolution
    rows: Ranges
    columns: Ranges
    before: Field | None
    after: Field | None

    def add(self, x: Array, y: Array, direction: Direction) -> None:
        """Add what the patch makes of its window of `x` to its window of `y`."""
        ends = (self.columns, self.before), (self.rows, self.after)
        (source, first), (target, last) = ends[::-1] if direction.transposed else ends
        part = x[window(source)]
        if first is not None:
            part = first.times(part, conjugated=direction.conjugated)
        kernel = np.result_type(self.convolution.kernel.dtype, part.real.dtype)
        part = self.convolution.plan(direction, kernel).apply(part)
        if last is not None:
            part = last.times(part, conjugated=direction.conjugated)
        where = y[window(target)]
        np.add(where, part, out=where)


def patches(
    spec: ConvSpec,
    kernel: Array,
    befores: Sequence[Field | None],
    afters: Sequence[Field | None],
    engine: str,
) -> Iterator[Patch]:
    """The patches of one kernel; `spec` has no borders."""
    every = tuple((0, axis.q) for axis in spec.axes)
    all_of_x = tuple((0, axis.n) for axis in spec.axes)
    for before in befores:
        for after in afters:
            found = spec.joined(
                every if after is None else after.ranges,
                all_of_x if before is None else before.ranges,
            )
            if found is None:
                continue
            rows, columns = found
            block = spec.window(rows, columns)
            layout = canonical_layout(block)
            convolution = Convolution(block, layout, kernel, engine, double=False)
            if engine not in ("auto", "measure"):
                convolution.choice(Direction())
            yield Patch(
                convolution,
                rows,
                columns,
                before and before.within(columns),
                after and after.within(rows),
            )


@dataclass(frozen=True, slots=True, eq=False)
class Patchwork:
    """All patches, between the users' two sides."""

    forward: Side
    backward: Side
    parts: tuple[Patch, ...]
    double: bool

    def side(self, direction: Direction) -> Side:
        """Geometry in this direction."""
        return self.backward if direction.transposed else self.forward

    def apply(
        self, x: Array, direction: Direction, dtype: np.dtype[np.inexact[Any]]
    ) -> Array:
        """Map users' arrays ``(*dims, columns)`` to ``(*dimsd, columns)``."""
        side = self.side(direction)
        result = np.result_type(dtype, x.dtype)
        compute = np.result_type(result, np.float64) if self.double else result
        signals = side.canonical(x.astype(compute, copy=False))
        signals = extend(signals, side.spec.extend)
        lengths = (axis.q for axis in side.spec.axes)
        y = np.zeros((len(signals), side.spec.c_out, *lengths), compute)
        for part in self.parts:
            part.add(signals, y, direction)
        folded = fold(y, side.spec.fold)
        return np.ascontiguousarray(side.users(folded, x.shape[-1]), dtype=result)

    def matrix(self, dtype: np.dtype[np.inexact[Any]]) -> scipy.sparse.csr_array:
        """The matrix of the forward direction: patches where their samples are."""
        rows, columns = _numbers(self.forward)
        columns = extend(columns, self.forward.spec.extend)
        blocks = [_entries(part, rows, columns, dtype) for part in self.parts]
        shape = prod(self.forward.layout.dimsd), prod(self.forward.layout.dims)
        if not blocks:
            return scipy.sparse.csr_array(shape, dtype=dtype)
        count = sum(len(values) for values, _, _ in blocks)
        require(6 * count * (dtype.itemsize + 16), f"a matrix of {count} products")
        values, *places = (np.concatenate(part) for part in zip(*blocks, strict=True))
        matrix = scipy.sparse.coo_array((values, places), shape).tocsr()
        sizes = scipy.sparse.coo_array((np.abs(values), places), shape).tocsr()
        # What rounding leaves of a sum that cancels is no entry.
        eps = np.finfo(sizes.dtype).eps
        matrix.data[np.abs(matrix.data) <= eps * sizes.data] = 0
        matrix.eliminate_zeros()
        matrix.sort_indices()
        return matrix


def _numbers(side: Side) -> tuple[Array, Array]:
    """The users' numbers of all output and all input samples, in canonical order."""
    found = []
    for one in (Side.of(side.spec.transpose(), side.layout.transpose()), side):
        dims = one.layout.dims
        numbers: Any = np.arange(prod(dims)).reshape(*dims, 1)
        found.append(one.canonical(numbers))
    return found[0], found[1]


def _entries(
    part: Patch, rows: Array, columns: Array, dtype: np.dtype[np.inexact[Any]]
) -> tuple[Array, Array, Array]:
    """Values of a patch, with the users' rows and columns."""
    spec = replace(part.convolution.spec, batch=len(rows))
    kernel = part.convolution.kernel.astype(dtype, copy=False)
    entries = engines.assemble(spec, kernel).tocoo()
    values, (row, column) = entries.data, entries.coords
    for field, shape, index in (
        (part.before, spec.dims, column),
        (part.after, spec.dimsd, row),
    ):
        if field is not None:
            values = values * np.broadcast_to(field.values, shape).reshape(-1)[index]
    here = rows[window(part.rows)].reshape(-1)
    there = columns[window(part.columns)].reshape(-1)
    return values.astype(dtype, copy=False), here[row], there[column]
