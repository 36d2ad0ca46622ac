"""Operators and matrices against the loops, from the arguments that users type."""

import numpy as np
import pytest
from hypothesis import given

from checks import (
    EXACT,
    assert_same,
    check_directions,
    check_exact,
    check_exact_matrix,
    check_inner_products,
    check_matrix,
    check_structure,
)
from strategies import DTYPES, ENGINES, SEEDS, cases, integers, noise


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("engine", ENGINES)
@given(case=cases(), seed=SEEDS)
def test_operators_are_the_definition(engine, dtype, case, seed):
    rng = np.random.default_rng(seed)
    kernel = noise(rng, case.kernel_shape, dtype)
    check_directions(case.op(kernel, engine=engine), case.dense(kernel), rng, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@given(case=cases(), seed=SEEDS)
def test_the_matrix_is_the_definition(dtype, case, seed):
    kernel = noise(np.random.default_rng(seed), case.kernel_shape, dtype)
    matrix = case.op(kernel).tosparse()
    assert matrix.dtype == dtype
    check_structure(matrix)
    check_matrix(matrix, case.dense(kernel))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("engine", ENGINES)
@given(case=cases(), seed=SEEDS)
def test_both_inner_products(engine, dtype, case, seed):
    rng = np.random.default_rng(seed)
    kernel = noise(rng, case.kernel_shape, dtype)
    check_inner_products(case.op(kernel, engine=engine), kernel, rng)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("engine", EXACT)
@given(case=cases(), seed=SEEDS)
def test_whole_numbers_are_exact(engine, dtype, case, seed):
    rng = np.random.default_rng(seed)
    kernel = integers(rng, case.kernel_shape, dtype)
    op, dense = case.op(kernel, engine=engine), case.dense(kernel)
    x, y = integers(rng, op.dims, dtype), integers(rng, op.dimsd, dtype)
    check_exact(op, dense, x, y)
    check_exact_matrix(op.tosparse(), dense)
    check_exact_matrix(op.T.tosparse(), dense.T)
    check_exact_matrix(op.H.tosparse(), dense.H)
    check_exact_matrix(op.conj().tosparse(), dense.conj())


@given(case=cases(), seed=SEEDS)
def test_the_function_returns_the_matrix_of_the_operator(case, seed):
    kernel = noise(np.random.default_rng(seed), case.kernel_shape, "complex64")
    one, other = case.matrix(kernel), case.op(kernel).tosparse()
    check_structure(one)
    assert_same(one.indptr, other.indptr)
    assert_same(one.indices, other.indices)
    assert_same(one.data, other.data)


@given(case=cases(), seed=SEEDS)
def test_the_count_is_that_of_the_matrix(case, seed):
    kernel = integers(np.random.default_rng(seed), case.kernel_shape)
    op = case.op(kernel)
    assert op.nnz == op.H.nnz == op.tosparse().nnz
    assert op.nnz == np.count_nonzero(case.dense(kernel).matrix)
    assert op.spec.shape == op.shape


@given(case=cases(), seed=SEEDS)
def test_automatic_choice_computes_the_same(case, seed):
    rng = np.random.default_rng(seed)
    kernel = noise(rng, case.kernel_shape)
    check_directions(case.op(kernel), case.dense(kernel), rng, "float64")


@pytest.mark.parametrize("engine", ENGINES)
@given(case=cases(), seed=SEEDS)
def test_taps_of_zero_are_no_taps(engine, case, seed):
    rng = np.random.default_rng(seed)
    kernel = abs(integers(rng, case.kernel_shape))
    op = case.op(kernel, engine=engine)
    x = np.where(rng.random(op.dims) < 0.2, np.nan, 1.0)
    touched = case.dense((kernel != 0).astype(int)) @ np.isnan(x) > 0
    assert_same(np.isnan(op @ x), touched)
