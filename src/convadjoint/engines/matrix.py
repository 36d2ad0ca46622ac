"""C itself, assembled from the runs of its rows in time proportional to its entries.

Along each axis the rows fall into few runs (`geometry.rows`); within one combination
of runs, one per axis, all rows hold the same values, and their columns differ by a
shift.  Such a combination is a strided block of the CSR arrays: it is written with one
broadcast assignment for the values and one broadcast addition for the columns, straight
into the finished arrays.  Nothing of their size is made besides.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt
import scipy.sparse
from numpy.lib.stride_tricks import as_strided

from convadjoint.engines.memory import require, require_borders
from convadjoint.engines.protocol import Array
from convadjoint.engines.reading import Integers, Reader
from convadjoint.geometry import ConvSpec, Layout, Run
from convadjoint.geometry.spec import index_bytes

__all__ = ["assemble", "count_entries"]


def assemble(
    spec: ConvSpec, kernel: Array, layout: Layout | None = None
) -> scipy.sparse.csr_array:
    """Return C for row-major vectors, in canonical order or in that of `layout`.

    Parameters
    ----------
    spec : ConvSpec
        The geometry.
    kernel : ndarray, shape ``spec.kernel_shape``
        The kernel; its dtype becomes that of the matrix.
    layout : Layout, optional
        Order of the axes on both sides.

    Returns
    -------
    scipy.sparse.csr_array
        Indices sorted, duplicates summed, no stored zeros.

    Raises
    ------
    MemoryError
        If the matrix does not fit into free memory; nothing has been allocated then.
    """
    frame = _Frame.of(spec, layout)
    if any(spec.extend) or any(spec.fold):
        # The rows of a border are counted one by one: only if they can be stored.
        require(4 * prod(frame.dimsd), f"a matrix of {prod(frame.dimsd)} rows")
    nnz = count_entries(spec, kernel)
    shape = (prod(frame.dimsd), prod(frame.dims))
    index = np.dtype(f"i{index_bytes(nnz, shape)}")
    nbytes = nnz * (kernel.itemsize + index.itemsize) + (shape[0] + 1) * index.itemsize
    require(nbytes, f"the {shape[0]} x {shape[1]} matrix with {nnz} entries")
    offsets = _offsets(spec, kernel, frame, index)
    data, columns = np.empty(nnz, kernel.dtype), np.empty(nnz, index)
    starts = offsets[:-1].reshape(frame.dimsd)
    for block in _blocks(spec, kernel, frame):
        block.write(starts, data, columns)
    matrix = scipy.sparse.csr_array((data, columns, offsets), shape=shape)
    matrix.has_canonical_format = True
    return matrix


def count_entries(spec: ConvSpec, kernel: Array) -> int:
    """Entries of C, without C; sums that cancel to zero are not entries."""
    if not any(spec.extend) and not any(spec.fold):
        used = (kernel != 0).sum(axis=(0, 1))
        for axis in reversed(spec.axes):
            used = used @ np.array([axis.link(j).count for j in range(axis.k)], object)
        return spec.batch * int(used)
    require_borders(spec)
    frame = _Frame.of(spec, None)
    return sum(block.entries for block in _blocks(spec, kernel, frame))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """The users' axes on both sides, and where the canonical ones sit among them.

    Canonical axes are the batch axes one by one, the channel, the spatial axes.  A
    canonical axis without a place (a single channel that users do not see) has none.
    """

    dims: tuple[int, ...]
    dimsd: tuple[int, ...]
    order: tuple[int, ...]
    orderd: tuple[int, ...]
    batch: tuple[int, ...]

    @classmethod
    def of(cls, spec: ConvSpec, layout: Layout | None) -> "_Frame":
        """Frame of a layout, or of the canonical order."""
        if layout is None:
            order = tuple(range(len(spec.dims)))
            return cls(
                dims=spec.dims,
                dimsd=spec.dimsd,
                order=order,
                orderd=order,
                batch=(spec.batch,),
            )
        sides = (layout.dims, layout.order), (layout.dimsd, layout.orderd)
        here, there = (
            _with_channel(*side, layout.batch_axes, len(spec.axes)) for side in sides
        )
        return cls(
            dims=here[0],
            dimsd=there[0],
            order=here[1],
            orderd=there[1],
            batch=layout.batch_sizes,
        )


def _with_channel(
    dims: tuple[int, ...], order: tuple[int, ...], batch: int, rank: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """One side of a layout; a last axis of length one stands for no channel."""
    if len(order) > batch + rank:
        return dims, order
    return (*dims, 1), (*order[:batch], len(dims), *order[batch:])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Rows that hold the same `values`, one run per canonical axis.

    `columns` are those of the first row; `firsts`, `steps`, `counts` give the rows on
    each of the users' output axes, `shifts` how far the columns move per step.
    """

    values: Array
    columns: npt.NDArray[np.int64]
    firsts: tuple[int, ...]
    steps: tuple[int, ...]
    counts: tuple[int, ...]
    shifts: tuple[int, ...]

    @property
    def entries(self) -> int:
        """Entries in all rows of the block."""
        return prod(self.counts) * len(self.values)

    @property
    def rows(self) -> tuple[slice, ...]:
        """Index of the rows in an array of the output's shape."""
        return tuple(
            slice(first, first + step * (count - 1) + 1, step)
            for first, step, count in zip(
                self.firsts, self.steps, self.counts, strict=True
            )
        )

    def write(self, starts: Integers, data: Array, columns: Integers) -> None:
        """Write values and columns of all rows; `starts` has the output's shape."""
        origin = int(starts[self.firsts])
        strides = tuple(
            self._stride(starts, axis, origin) for axis in range(len(self.counts))
        )
        self._view(data, origin, strides)[...] = self.values
        longest = self.counts.index(max(self.counts))
        template = self.columns.astype(columns.dtype)
        for axis in range(len(self.counts)):
            if axis != longest:
                template = template + self._moved(axis, columns.dtype)
        view = self._view(columns, origin, strides)
        np.add(template, self._moved(longest, columns.dtype), out=view)

    def _stride(self, starts: Integers, axis: int, origin: int) -> int:
        """Distance in the arrays from a row to the next along `axis`."""
        if self.counts[axis] == 1:
            return 0
        after = list(self.firsts)
        after[axis] += self.steps[axis]
        return int(starts[tuple(after)]) - origin

    def _view(
        self, array: npt.NDArray[np.generic], origin: int, strides: tuple[int, ...]
    ) -> npt.NDArray[np.generic]:
        """The entries of the block, one axis per output axis and one for a row."""
        shape = (*self.counts, len(self.values))
        steps = tuple(array.itemsize * stride for stride in (*strides, 1))
        return as_strided(array[origin:], shape, steps)

    def _moved(self, axis: int, dtype: np.dtype[np.signedinteger]) -> Integers:
        """How far the columns have moved at each step along `axis`."""
        count = self.counts[axis]
        # A stride may be past the index type where there is no second row to reach.
        shift = self.shifts[axis] if count > 1 else 0
        moved: Integers = np.arange(count, dtype=dtype)
        moved *= dtype.type(shift)
        return moved.reshape(-1, *(1,) * (len(self.counts) - axis))


def _offsets(
    spec: ConvSpec, kernel: Array, frame: _Frame, index: np.dtype[np.signedinteger]
) -> Integers:
    """Where each row begins, and the end of the last."""
    offsets = np.zeros(prod(frame.dimsd) + 1, index)
    widths = offsets[1:].reshape(frame.dimsd)
    for block in _blocks(spec, kernel, frame):
        widths[block.rows] = len(block.values)
    np.cumsum(offsets, out=offsets)
    return offsets


def _blocks(spec: ConvSpec, kernel: Array, frame: _Frame) -> Iterator[_Block]:
    """All blocks of C that hold anything."""
    readers = [[Reader.of(run) for run in axis_runs] for axis_runs in spec.runs()]
    for combination in product(*readers) if spec.batch else ():
        weights = kernel
        for axis, reader in enumerate(combination, start=2):
            weights = reader.read(weights, axis)
        yield from _channel_blocks(spec, weights, combination, frame)


def _channel_blocks(
    spec: ConvSpec, weights: Array, readers: tuple[Reader, ...], frame: _Frame
) -> Iterator[_Block]:
    """The blocks of one combination of runs, one for each output channel."""
    batch = [Run(0, 1, size, 1, range(1), range(1)) for size in frame.batch]
    per_group = spec.c_in // spec.groups
    ordered = _entry_order(weights, len(batch), frame)
    for channel, values in enumerate(ordered):
        flat = values.ravel()
        kept = flat != 0
        if not kept.any():
            continue
        group = channel // (spec.c_out // spec.groups)
        here = Run(channel, 1, 1, 0, (), ())
        runs = [*batch, here, *(reader.run for reader in readers)]
        inputs = np.arange(per_group) + group * per_group
        sources = [*([np.zeros(1, np.int64)] * len(batch)), inputs]
        sources += [reader.sources for reader in readers]
        columns = _columns(sources, frame)
        yield _placed(runs, flat[kept], columns[kept], frame)


def _entry_order(weights: Array, batch: int, frame: _Frame) -> Array:
    """Weights of each output channel, input axes in the users' order."""
    expanded = weights.reshape(len(weights), *(1,) * batch, *weights.shape[1:])
    places = np.argsort(frame.order)
    return expanded.transpose(0, *(1 + places))


def _columns(sources: list[Integers], frame: _Frame) -> npt.NDArray[np.int64]:
    """Columns of the samples that one row reads, in increasing order."""
    strides = _strides(frame.dims)
    total = np.zeros((1,) * len(frame.dims), np.int64)
    for axis, place in enumerate(frame.order):
        shape = [1] * len(frame.dims)
        shape[place] = -1
        total = total + (sources[axis] * strides[place]).reshape(shape)
    return total.ravel()


def _placed(
    runs: list[Run], values: Array, columns: npt.NDArray[np.int64], frame: _Frame
) -> _Block:
    """A block with its runs put onto the users' output axes."""
    strides = _strides(frame.dims)
    moves = {
        there: (run, run.shift * strides[here])
        for run, here, there in zip(runs, frame.order, frame.orderd, strict=True)
    }
    ordered = [moves[axis] for axis in range(len(moves))]
    return _Block(
        values=values,
        columns=columns,
        firsts=tuple(run.first for run, _ in ordered),
        steps=tuple(run.step for run, _ in ordered),
        counts=tuple(run.count for run, _ in ordered),
        shifts=tuple(shift for _, shift in ordered),
    )


def _strides(dims: tuple[int, ...]) -> tuple[int, ...]:
    """Row-major distance between neighbours along each axis."""
    return tuple(prod(dims[axis + 1 :]) for axis in range(len(dims)))
