"""What every operator must satisfy; each helper contains its assertions.

Errors are measured in units of ``eps * scale``.  For samples the scale is ``|w| * |x|``
at that sample (for transforms ``sum|w|`` times the norm of x), for inner products
``sum|w| * |x| * |y|``.
"""

import pickle

import numpy as np

from convadjoint import engines
from strategies import ENGINES, integers, noise

FEW = 16


def eps_of(dtype):
    """Rounding unit of `dtype`, and of nothing coarser."""
    return np.finfo(dtype).eps


def assert_within(got, want, scale, *, units=FEW):
    """`got` differs from `want` by at most `units` rounding errors, everywhere."""
    assert got.shape == want.shape
    gap = abs(got.astype(want.dtype) - want)
    assert np.all(gap <= units * eps_of(got.dtype) * scale), gap.max()


def assert_same(got, want):
    """`got` and `want` have the same shape and exactly the same entries."""
    got = np.asarray(got)
    assert got.shape == want.shape
    assert np.array_equal(got, want)


def assert_threads_agree(op, x):
    """Products have the same bits with any number of threads, and each time."""
    before, found = engines.num_threads(), []
    try:
        for threads in (1, 2, 3):
            engines.set_num_threads(threads)
            found += [op @ x, op @ x]
    finally:
        engines.set_num_threads(before)
    for one in found[1:]:
        assert_same(one, found[0])


def sample_by_sample(dense, x):
    """Scale of engines that add up products: each sample has its own."""
    return dense.scale(x)


def over_all(dense, x):
    """Scale of engines that transform: an error may fall on any sample."""
    largest = dense.sizes.sum(axis=1).max(initial=0)
    return np.full(dense.dimsd, largest * np.linalg.norm(x.ravel()))


SCALES = {"fft": over_all, "separable": over_all, "winograd": over_all}
EXACT = tuple(name for name in ENGINES if name not in SCALES)


def check_samples(y, dense, x, engine):
    """Every sample is the definition's, as precisely as this engine promises."""
    scale = SCALES.get(engine, sample_by_sample)
    assert_within(y, dense @ x, scale(dense, x))


def check_map(op, dense, x):
    """`op @ x` is the definition's result, in the dtype that NumPy would give."""
    y = op @ x
    assert y.dtype == np.result_type(op.dtype, x.dtype)
    check_samples(y, dense, x, op.engine)


def check_directions(op, dense, rng, dtype):
    """All four relatives of `op` are those of the matrix."""
    pairs = (op, dense), (op.T, dense.T), (op.H, dense.H), (op.conj(), dense.conj())
    for one, matrix in pairs:
        assert (one.dims, one.dimsd) == (matrix.dims, matrix.dimsd)
        check_map(one, matrix, noise(rng, matrix.dims, dtype))


def check_exact(op, dense, x, y):
    """On whole numbers nothing is rounded: equality, in all directions."""
    assert_same(op @ x, dense @ x)
    assert_same(op.T @ y, dense.T @ y)
    assert_same(op.H @ y, dense.H @ y)
    assert_same(op.conj() @ x, dense.conj() @ x)


def check_matrix(matrix, dense):
    """Every entry is the definition's, up to the rounding of the taps that meet."""
    assert_within(matrix.toarray(), dense.matrix, dense.sizes)


def check_exact_matrix(matrix, dense):
    """Every entry is the definition's, exactly."""
    assert_same(matrix.toarray(), dense.matrix)


def check_structure(matrix):
    """CSR in its best form: sorted, no duplicates, nothing stored in vain."""
    assert matrix.format == "csr"
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    places = rows * matrix.shape[1] + matrix.indices
    assert np.all(np.diff(places) > 0)
    assert np.all(matrix.data != 0)
    assert matrix.indptr[0] == 0
    assert matrix.indptr[-1] == matrix.nnz == matrix.data.size == matrix.indices.size
    assert matrix.has_canonical_format
    assert matrix.has_sorted_indices


def inner_gap(left, right, total, x, y):
    """Mismatch of two inner products, in units of their rounding error."""
    scale = total * np.linalg.norm(x) * np.linalg.norm(y)
    gap = abs(np.sum(left, dtype=np.clongdouble) - np.sum(right, dtype=np.clongdouble))
    return float(gap / (eps_of(x.dtype) * scale)) if scale else float(gap)


def check_inner_products(op, kernel, rng):
    """<Cx, y> = <x, C'y> twice: with the conjugate for `.H`, without for `.T`."""
    dtype = op.dtype
    x, y = noise(rng, op.dims, dtype), noise(rng, op.dimsd, dtype)
    total = float(abs(kernel).sum())
    forward = op @ x
    adjoint, transpose = op.H @ y, op.T @ y
    assert inner_gap(forward * y.conj(), x * adjoint.conj(), total, x, y) < FEW
    assert inner_gap(forward * y, x * transpose, total, x, y) < FEW


def check_member(op, dense, rng, *, units=0):
    """All relatives of `op`, also scaled and pickled, are those of the matrix.

    Data are whole numbers; `units` rounding errors are allowed to the entries.
    """
    pairs = (
        (op, dense),
        (op.T, dense.T),
        (op.H, dense.H),
        (op.conj(), dense.conj()),
        (op * 2j, dense.times(2j)),
        (pickle.loads(pickle.dumps(op)), dense),
    )
    for one, matrix in pairs:
        assert (one.dims, one.dimsd) == (matrix.dims, matrix.dimsd)
        stored = one.tosparse()
        check_structure(stored)
        assert_within(stored.toarray(), matrix.matrix, matrix.sizes, units=units)
        x = integers(rng, (*one.dims, 2), "complex128")
        for column in (x, x[..., 0].real, x[..., 1].ravel()):
            y = one @ column
            assert y.dtype == np.result_type(one.dtype, column.dtype)
            _check_columns(y, matrix, column, units)


def _check_columns(y, dense, x, units):
    """`y` is the matrix times `x`, which may be flat or have columns."""
    flat = x.reshape(dense.matrix.shape[1], -1)
    want = (dense.matrix @ flat).reshape(y.shape)
    assert_within(y, want, (dense.sizes @ abs(flat)).reshape(y.shape), units=units)
