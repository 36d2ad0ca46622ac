"""The matrix that maps a kernel to the result: the data matrix.

A column belongs to a tap, a row to an output sample; the entry is the input sample that
the tap joins to that output (`Axis.link`), with borders.  A table per axis says which
sample that is; rows are read off the tables some at a time, in order.
"""

from dataclasses import replace
from math import prod

import numpy as np
import numpy.typing as npt
import scipy.sparse

from convadjoint.engines.memory import require
from convadjoint.engines.protocol import Array
from convadjoint.geometry import Axis, Border, ConvSpec
from convadjoint.geometry.spec import index_bytes

__all__ = ["assemble_data"]

Integers = npt.NDArray[np.signedinteger]

# Places of the tables that are looked at together.
_PORTION = 2**20


def assemble_data(
    spec: ConvSpec, x: Array, rows: Integers, columns: Integers
) -> scipy.sparse.csr_array:
    """Return the matrix of ``w -> C(w) x``.

    Parameters
    ----------
    spec : ConvSpec
        The geometry, with the batch of `x`.
    x : ndarray, shape ``spec.dims``
        The data; their dtype becomes that of the matrix.
    rows : ndarray of int, shape ``spec.dimsd``
        Number of the row of each output sample.
    columns : ndarray of int, shape ``spec.kernel_shape``
        Number of the column of each tap.

    Returns
    -------
    scipy.sparse.csr_array
        Indices sorted, duplicates summed, no stored zeros.

    Raises
    ------
    MemoryError
        If it does not fit into free memory.
    """
    if not any(spec.fold):
        return _read(spec, x, rows, columns)
    sizes = (spec.batch, spec.c_out, *(axis.q for axis in spec.axes))
    numbers = np.arange(prod(sizes)).reshape(sizes)
    bare = _read(replace(spec, fold=()), x, numbers, columns).tocoo()
    shape = (rows.size, columns.size)
    places = (_folded(spec, rows)[bare.row], bare.col)
    matrix, scale = (
        scipy.sparse.coo_array((values, places), shape=shape).tocsr()
        for values in (bare.data, np.abs(bare.data))
    )
    # What rounding leaves of a sum that cancels is no entry.
    eps = np.finfo(scale.dtype).eps
    matrix.data[np.abs(matrix.data) <= eps * scale.data] = 0
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


def _read(
    spec: ConvSpec, x: Array, rows: Integers, columns: Integers
) -> scipy.sparse.csr_array:
    """The matrix before anything is folded, some rows at a time."""
    count = prod(spec.dimsd) * prod(spec.kernel_shape[1:])
    index = np.dtype(f"i{index_bytes(count, (rows.size, columns.size))}")
    # While the parts are joined, they are there twice.
    require(2 * count * (x.itemsize + index.itemsize), f"up to {count} entries")
    taps = columns.reshape(spec.c_out, -1).astype(index)
    order = taps[0].argsort()
    taps, places = taps[:, order], rows.argsort(axis=None)
    height = max(1, _PORTION // taps.shape[1])
    counts, values, found = [np.zeros(1, index)], [x[:0].ravel()], [taps[:0].ravel()]
    for first in range(0, len(places), height):
        where = np.unravel_index(places[first : first + height], spec.dimsd)
        samples = _samples(spec, x, where).reshape(len(where[0]), -1)[:, order]
        kept = samples != 0
        counts.append(kept.sum(axis=1, dtype=index))
        values.append(samples[kept])
        found.append(taps[where[1]][kept])
    offsets = np.concatenate(counts).cumsum(dtype=index)
    parts = np.concatenate(values), np.concatenate(found), offsets
    matrix = scipy.sparse.csr_array(parts, shape=(rows.size, columns.size))
    matrix.has_canonical_format = True
    return matrix


def _samples(spec: ConvSpec, x: Array, where: tuple[Integers, ...]) -> Array:
    """What each tap of some outputs reads: ``(outputs, c_in/g, *k)``, zeros outside."""
    batch, channel, *places = where
    rank, per_group = len(places), spec.kernel_shape[1]
    group = channel // (spec.c_out // spec.groups)
    read = group[:, None] * per_group + np.arange(per_group)
    sources = []
    borders = zip(spec.axes, spec.extend, places, strict=True)
    for number, (axis, border, place) in enumerate(borders):
        shape = [len(place), 1, *(1,) * rank]
        shape[2 + number] = axis.k
        sources.append(_sources(axis, border)[place].reshape(shape))
    lifted = (..., *(None,) * rank)
    samples: Array = x[(batch[:, None][lifted], read[lifted], *sources)]
    for source in sources:
        samples[np.broadcast_to(source < 0, samples.shape)] = 0
    return samples


def _sources(axis: Axis, border: Border | None) -> Integers:
    """The input sample of each output and tap, -1 for none: ``(q, k)``."""
    table = np.full((axis.q, axis.k), -1)
    for j in range(axis.k):
        link = axis.link(j)
        read = np.arange(axis.n)[link.input]
        table[link.output, j] = [border.source(m) for m in read] if border else read
    return table


def _folded(spec: ConvSpec, rows: Integers) -> Integers:
    """The row that each output of the convolution is folded onto."""
    targets = [
        [border.source(i) for i in range(border.length)] if border else range(axis.q)
        for axis, border in zip(spec.axes, spec.fold, strict=True)
    ]
    return rows[np.ix_(range(spec.batch), range(spec.c_out), *targets)].ravel()
