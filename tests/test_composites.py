"""Sums, products, weights and bare matrices stay operators with an exact matrix."""

import pickle
import re

import numpy as np
import pylops
import pytest
import scipy.sparse
from hypothesis import given

import convadjoint as ca
from checks import assert_same
from convadjoint.operators import DiagonalOp, MatrixOp, ProductOp, SumOp
from strategies import SEEDS, cases, integers


def check(op, matrix, rng):
    """All relatives of `op` are those of the dense `matrix`, on whole numbers."""
    relatives = (
        (op, matrix),
        (op.T, matrix.T),
        (op.H, matrix.T.conj()),
        (op.conj(), matrix.conj()),
        (2j * op, 2j * matrix),
        (-op, -matrix),
        (op / 2, matrix / 2),
        (pickle.loads(pickle.dumps(op)), matrix),
    )
    for one, dense in relatives:
        assert_same(one.tosparse().toarray(), dense)
        assert np.all(one.tosparse().data != 0)
        x = integers(rng, (one.shape[1], 2), "complex128")
        assert_same(one.matmat(x), dense @ x)
        assert_same(
            one @ x[:, 0].reshape(one.dims), (dense @ x[:, 0]).reshape(one.dimsd)
        )
        y = integers(rng, (one.shape[0], 2), "complex128")
        assert_same(one.rmatmat(y), dense.T.conj() @ y)
        assert_same(one.rmatvec(y[:, 0]), dense.T.conj() @ y[:, 0])


def check_norms(op, matrix):
    """What is asked of a matrix is answered of `matrix`, by whole numbers."""
    sizes = abs(matrix)
    squares = matrix.real**2 + matrix.imag**2
    assert_same(op.gram.tosparse().toarray(), matrix.T.conj() @ matrix)
    assert_same(op.gram_diagonal(), squares.sum(axis=0).reshape(op.dims))
    lengths = np.sqrt(squares.sum(axis=1))
    np.testing.assert_allclose(op.row_norms().ravel(), lengths, rtol=1e-14)
    np.testing.assert_allclose(op.row_norms(1).ravel(), sizes.sum(axis=1), rtol=1e-14)
    largest = sizes.max(axis=0, initial=0)
    np.testing.assert_allclose(op.column_norms(np.inf).ravel(), largest, rtol=1e-14)
    wanted = sizes.sum(axis=0).max(initial=0), sizes.sum(axis=1).max(initial=0)
    got = op.induced_norm(1), op.induced_norm(np.inf)
    np.testing.assert_allclose(got, wanted, rtol=1e-14)


def whole(case, seed):
    """An operator with whole numbers for taps, and its matrix."""
    kernel = integers(np.random.default_rng(seed), case.kernel_shape, "complex128")
    op = case.op(kernel, engine="taps")
    return op, case.dense(kernel).matrix


@given(case=cases(), seed=SEEDS)
def test_products_are_products_of_matrices(case, seed):
    rng = np.random.default_rng(seed)
    op, matrix = whole(case, seed)
    weights = integers(rng, op.dimsd, "complex128")
    product = op.H @ (DiagonalOp(weights) @ op)
    assert type(product) is ProductOp
    check(product, matrix.T.conj() @ (weights.reshape(-1, 1) * matrix), rng)


@given(case=cases(), seed=SEEDS)
def test_sums_are_sums_of_matrices(case, seed):
    op, matrix = whole(case, seed)
    other = MatrixOp(scipy.sparse.csr_array(abs(matrix.real)), op.dims, op.dimsd)
    total = op - other + op
    assert type(total) is SumOp
    want = 2 * matrix - abs(matrix.real)
    check(total, want, np.random.default_rng(seed))
    check_norms(total, want)


def test_operators_on_the_kernel_have_norms():
    rng = np.random.default_rng(0)
    op = ca.ConvWeightOp(integers(rng, (4, 5), "complex128"), (2, 3), stride=2)
    check_norms(op, op.tosparse().toarray())
    varying = ca.VaryingConvOp(5, integers(rng, (2, 3)), weights=integers(rng, (2, 5)))
    check_norms(varying, varying.tosparse().toarray().astype(complex))
    with pytest.raises(
        ca.GeometryError, match="order 3 of a norm is not one of 1, 2 or"
    ):
        varying.row_norms(3)


def test_a_weight_of_zero_meets_no_sample():
    assert_same(DiagonalOp([0.0, 2.0]) @ [np.nan, 1.0], np.array([0.0, 2.0]))
    infinite = np.array([complex(np.inf, 1)])
    for op in (DiagonalOp([2.0]), MatrixOp(scipy.sparse.csr_array([[2.0]]), 1, 1)):
        assert_same(op @ infinite, np.array([complex(np.inf, 2)]))


@given(seed=SEEDS)
def test_weights_are_repeated(seed):
    rng = np.random.default_rng(seed)
    weights = integers(rng, (3, 1), "complex128")
    op = DiagonalOp(weights, (2, 3, 4))
    check(op, np.diag(np.broadcast_to(weights, (2, 3, 4)).ravel()), rng)
    for shape in ((3,), (2, 3, 4, 1), (2, 3, 4)):
        dims = (2, 4) if shape != (2, 3, 4) else (2, 1, 4)
        expected = re.escape(f"weights of shape {shape} do not repeat to dims {dims}")
        with pytest.raises(ca.GeometryError, match=expected):
            DiagonalOp(np.ones(shape), dims)


def test_parts_that_do_not_fit_are_refused():
    blur = ca.Conv1DOp(4, [1.0, 1.0])
    with pytest.raises(ca.GeometryError, match=r"\(4,\) are read, \(3,\) written"):
        blur @ blur
    with pytest.raises(ca.GeometryError, match="terms of a sum have equal shapes"):
        blur + blur.T
    with pytest.raises(ca.GeometryError, match=r"does not map \(2,\) to \(3,\)"):
        MatrixOp(scipy.sparse.eye_array(2), 2, 3)


def test_operators_of_pylops_still_mix():
    blur = ca.Conv1DOp(4, [1.0, 1.0])
    scaled = pylops.Diagonal(np.arange(3.0)) @ blur
    assert_same(scaled @ np.ones(4), np.array([0.0, 2.0, 4.0]))
