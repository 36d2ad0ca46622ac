"""Norms of rows and columns, and the Gram matrix, against the matrix in loops."""

import pickle
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
import oracles
from checks import assert_same, assert_within
from convadjoint.geometry import Axis, Border, ConvSpec
from convadjoint.operators import SpecOp, gram
from strategies import DTYPES, MODES, SEEDS, cases, integers, noise, specs

ORDERS = (1, 2, np.inf)


def norms(matrix, order, axis):
    """Norms of rows (axis 1) or columns, from all entries."""
    return np.linalg.norm(abs(matrix).astype(float), order, axis=axis)


def check_whole(op, matrix):
    """Whole numbers: every sum is exact, roots are rounded once."""
    size = abs(matrix).astype(float)
    assert_same(op.gram_diagonal(), (size**2).sum(axis=0).reshape(op.dims))
    assert_same(op.H.gram_diagonal(), (size**2).sum(axis=1).reshape(op.dimsd))


def check_norms(op, matrix, sizes):
    """All norms, within the rounding of the taps that meet on an entry."""
    for order in ORDERS:
        for axis, got in ((1, op.row_norms(order)), (0, op.column_norms(order))):
            shape = (op.dimsd, op.dims)[1 - axis]
            want, scale = (norms(one, order, axis) for one in (matrix, sizes))
            assert got.dtype == op.dtype.type(0).real.dtype
            assert_within(got, want.reshape(shape), scale.reshape(shape))
    for order, axis in ((1, 0), (np.inf, 1)):
        want, scale = (
            abs(one).sum(axis=axis).max(initial=0).astype(float)
            for one in (matrix, sizes)
        )
        assert abs(op.induced_norm(order) - want) <= 16 * np.finfo(op.dtype).eps * scale


@pytest.mark.parametrize("dtype", DTYPES)
@given(case=cases(), seed=SEEDS)
def test_norms_are_those_of_the_matrix(dtype, case, seed):
    kernel = noise(np.random.default_rng(seed), case.kernel_shape, dtype)
    op, dense = case.op(kernel), case.dense(kernel)
    check_norms(op, dense.matrix, dense.sizes)
    check_norms(op.H, dense.H.matrix, dense.H.sizes)


@given(case=cases(), seed=SEEDS)
def test_diagonals_are_exact_on_whole_numbers(case, seed):
    kernel = integers(np.random.default_rng(seed), case.kernel_shape)
    check_whole(case.op(kernel), case.dense(kernel).matrix)


@given(spec=specs(), seed=SEEDS)
def test_norms_of_any_geometry(spec, seed):
    kernel = noise(np.random.default_rng(seed), spec.kernel_shape, "complex128")
    dense = oracles.spec_dense(spec, kernel)
    check_norms(SpecOp(spec, kernel), dense.matrix, dense.sizes)


@pytest.mark.parametrize("mode", MODES)
def test_a_long_kernel_meets_itself(mode):
    kernel = np.arange(1.0, 12)
    op = ca.Conv1DOp(4, kernel, padding=6, padding_mode=mode)
    check_whole(
        op,
        oracles.conv_dense((4,), kernel, rank=1, padding=6, padding_mode=mode).matrix,
    )


def test_taps_that_cancel_count_nothing():
    op = ca.Conv1DOp(3, [1.0, -1.0], padding=((1, 0),), padding_mode="replicate")
    assert_same(op.row_norms(), np.sqrt([0.0, 2.0, 2.0]))


def test_an_unknown_order_is_refused():
    op = ca.Conv1DOp(3, [1.0, -1.0])
    for call in (op.row_norms, op.column_norms):
        with pytest.raises(
            ca.GeometryError, match="order 3 of a norm is not one of 1, 2 or inf"
        ):
            call(3)
    with pytest.raises(
        ca.GeometryError, match="order 2 of a norm is not one of 1 or inf"
    ):
        op.induced_norm(2)
    with pytest.raises(ca.GeometryError, match="order 'fro' of a norm"):
        op.row_norms("fro")


def check_gram(op, dense, rng):
    """The Gram operator is the adjoint times the operator, in all its relatives."""
    product = op.gram
    matrix = dense.matrix.T.conj() @ dense.matrix
    sizes = dense.sizes.T @ dense.sizes
    assert (product.dims, product.dimsd, product.dtype) == (op.dims, op.dims, op.dtype)
    assert_within(product.tosparse().toarray(), matrix, sizes)
    assert product.H is product
    x = noise(rng, (*op.dims, 2), "complex128")
    flat = x.reshape(-1, 2)
    total = np.linalg.norm(sizes) * np.linalg.norm(flat)
    for one, flat_want in (
        (product, matrix @ flat),
        (product.T, matrix.T @ flat),
        (2j * product, 2j * (matrix @ flat)),
        (pickle.loads(pickle.dumps(product)), matrix @ flat),
    ):
        want = flat_want.reshape(x.shape)
        assert_within(one @ x, want, np.full(x.shape, 2 * total))
        assert_within(one @ x[..., 0], want[..., 0], np.full(op.dims, 2 * total))


@given(case=cases(), seed=SEEDS)
def test_gram_is_the_product(case, seed):
    rng = np.random.default_rng(seed)
    kernel = noise(rng, case.kernel_shape, "complex128")
    check_gram(case.op(kernel), case.dense(kernel), rng)


@st.composite
def shift_invariant(draw):
    """Geometries whose Gram matrix is a convolution, on the line or on a circle."""
    rank = draw(st.integers(1, 2))
    axes, extend = [], []
    for _ in range(rank):
        n, k, d = (draw(st.integers(1, most)) for most in (6, 4, 2))
        t, reach = draw(st.integers(1, 3)), (k - 1) * d
        if draw(st.booleans()):
            lo = draw(st.integers(0, 2)) + reach
            q = (n - 1) * t + lo + 1 + draw(st.integers(0, 2))
            axes.append(Axis(n=n, q=q, k=k, t=t, d=d, lo=lo))
            extend.append(None)
        else:
            border = Border(
                n=n, length=n + reach, lo=draw(st.integers(-2, 9)), mode="circular"
            )
            axes.append(Axis(n=border.length, q=n, k=k, d=d))
            extend.append(border)
    groups = draw(st.integers(1, 2))
    return ConvSpec(
        axes=tuple(axes),
        batch=2,
        c_in=2 * groups,
        c_out=groups,
        groups=groups,
        extend=tuple(extend),
    )


@contextmanager
def eager():
    """Take the single convolution wherever it is exact, however slow it may be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gram, "_merged_seconds", lambda *_: -1.0)
        yield


def single(op):
    """The single convolution that stands for the product, if there is one."""
    return gram._single(op._convolution, op._direction)


@pytest.mark.parametrize("turned", [False, True])
@given(spec=shift_invariant(), seed=SEEDS)
def test_gram_as_one_convolution(turned, spec, seed):
    rng = np.random.default_rng(seed)
    kernel = noise(rng, spec.kernel_shape, "complex128")
    op, dense = SpecOp(spec, kernel), oracles.spec_dense(spec, kernel)
    if turned and all(spec.extend):
        op, dense = op.T, dense.T
    with eager():
        assert single(op) is not None
    check_gram(op, dense, rng)


@given(case=cases(), seed=SEEDS)
def test_one_convolution_only_where_it_is_exact(case, seed):
    rng = np.random.default_rng(seed)
    kernel = noise(rng, case.kernel_shape, "complex128")
    with eager():
        check_gram(case.op(kernel), case.dense(kernel), rng)


@given(spec=specs(), seed=SEEDS)
def test_one_convolution_only_where_any_geometry_allows_it(spec, seed):
    rng = np.random.default_rng(seed)
    kernel = noise(rng, spec.kernel_shape, "complex128")
    op, dense = SpecOp(spec, kernel), oracles.spec_dense(spec, kernel)
    with eager():
        check_gram(op, dense, rng)
        check_gram(op.H, dense.H, rng)


def test_the_faster_way_is_taken_and_kept():
    kernel = np.random.default_rng(0).standard_normal((41, 41))
    wide = ca.Conv2DOp((256, 256), kernel, padding=20, padding_mode="circular")
    assert single(wide) is not None
    assert single(wide.T) is not single(wide)
    assert single(wide.gram.factor) is single(wide)
    words = {"padding": 20, "padding_mode": "circular", "precision": "double"}
    assert single(ca.Conv2DOp((256, 256), kernel, **words)) is None
    cropped = ca.Conv2DOp((256, 256), kernel, padding="same")
    assert single(cropped) is None
    round_trip = {"padding": 2, "padding_mode": "circular"}
    few = ca.Conv2DOp((64, 64), np.ones((5, 5)), engine="taps", **round_trip)
    assert single(few) is None
    assert single(few.replace(engine="fft")).engine == "fft"
    assert single(few.replace(engine="separable")) is None
