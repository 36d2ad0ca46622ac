"""Arrays in and out: layouts, columns, dtypes, lists, ownership."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
from checks import EXACT, assert_same, assert_within
from convadjoint import engines
from strategies import DTYPES, ENGINES, SEEDS, cases, integers, noise


@pytest.mark.parametrize("engine", EXACT)
@given(case=cases(), seed=SEEDS, columns=st.integers(0, 3))
def test_flat_shaped_and_many_columns_are_the_same_map(engine, case, seed, columns):
    rng = np.random.default_rng(seed)
    kernel = integers(rng, case.kernel_shape)
    op, dense = case.op(kernel, engine=engine), case.dense(kernel)
    for one, matrix in ((op, dense.matrix), (op.H, dense.matrix.T)):
        x = integers(rng, (one.shape[1], columns))
        want = matrix @ x
        assert_same(one.matmat(x), want)
        shaped = one @ x.reshape(*one.dims, columns)
        assert_same(shaped, want.reshape(*one.dimsd, columns))
        alone = integers(rng, one.dims)
        single = matrix @ alone.ravel()
        assert_same(one @ alone, single.reshape(one.dimsd))
        assert_same(one @ alone.ravel(), single)
        assert_same(one.matvec(alone.ravel()), single)


def test_columns_of_flat_vectors():
    op = ca.Conv2DOp((3, 4), [[1.0, 2.0]], engine="taps")
    x = np.arange(24.0).reshape(12, 2)
    want = op.tosparse() @ x
    assert_same(op @ x, want)
    assert_same(op @ x.reshape(3, 4, 2), want.reshape(3, 3, 2))
    assert_same(op.H @ want, op.tosparse().T @ want)
    assert_same(op.rmatmat(want), op.tosparse().T @ want)


@pytest.mark.parametrize("data", DTYPES)
@pytest.mark.parametrize("weights", DTYPES)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_pair_of_dtypes_has_numpys_result(engine, weights, data):
    rng = np.random.default_rng(0)
    kernel = noise(rng, (2, 2, 3), weights)
    op = ca.Conv1DOp((2, 7), kernel, stride=2, padding=1, engine=engine)
    x = noise(rng, op.dims, data)
    y = op @ x
    assert op.dtype == weights
    assert y.dtype == np.result_type(weights, data)
    want = op.tosparse().toarray().astype(y.dtype) @ x.ravel().astype(y.dtype)
    scale = np.abs(kernel).sum() * np.abs(x).max()
    assert np.all(abs(y.ravel() - want) <= 16 * np.finfo(y.dtype).eps * scale)


GIVEN = {
    "bool": "float64",
    "int8": "float64",
    "uint8": "float64",
    "int64": "float64",
    "float16": "float32",
    "float32": "float32",
    "complex64": "complex64",
}


@pytest.mark.parametrize(("given_", "computed"), GIVEN.items())
def test_kernels_compute_in_a_floating_dtype(given_, computed):
    op = ca.Conv1DOp(4, np.array([1, 0, 1], given_))
    assert op.dtype == op.kernel.dtype == op.tosparse().dtype == computed
    assert (op @ np.ones(4, "uint8")).dtype == np.result_type(computed, "uint8")


@pytest.mark.parametrize("engine", EXACT)
def test_bytes_do_not_wrap(engine):
    image = np.full((6, 6), 250, "uint8")
    kernel = np.full((3, 3), 255, "uint8")
    op = ca.Conv2DOp(image.shape, kernel, engine=engine)
    assert_same(op @ image, np.full((4, 4), 9 * 250 * 255.0))
    single = ca.Conv2DOp(image.shape, kernel, dtype="float32", engine=engine)
    assert_same(single @ image, np.full((4, 4), 9 * 250 * 255.0))
    assert (op.H @ image[:4, :4])[2, 2] == 9 * 250 * 255.0


def test_lists_are_arrays():
    op = ca.Conv2DOp([3, 3], [[1, 2], [3, 4]], stride=[1, 1], padding=[[1, 0], [0, 1]])
    x = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert op.dims == (3, 3)
    assert_same(op @ x, op @ np.array(x))
    assert_same(op @ list(range(9)), op @ np.arange(9))
    tiny = ca.Conv1DOp(3, [1, 2], engine="taps")
    assert_same(tiny @ [1.0, 2.0, 3.0], np.array([5.0, 8.0]))
    assert ca.Conv1DOp(np.int64(3), [1, 2], stride=np.int32(2)).dimsd == (1,)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_kernel_is_copied(engine):
    kernel = np.array([1.0, 2.0, 3.0])
    op = ca.Conv1DOp(5, kernel, engine=engine)
    before = op @ np.arange(5.0)
    kernel[:] = 0
    assert_same(op.kernel, np.array([1.0, 2.0, 3.0]))
    assert_same(op @ np.arange(5.0), before)
    assert_same(op.T.kernel, np.array([1.0, 2.0, 3.0]))
    with pytest.raises(ValueError, match="read-only"):
        op.kernel[0] = 7


@pytest.mark.parametrize("engine", ENGINES)
@given(case=cases(), seed=SEEDS)
def test_inputs_are_left_alone_and_results_are_new(engine, case, seed):
    rng = np.random.default_rng(seed)
    op = case.op(noise(rng, case.kernel_shape), engine=engine)
    x = noise(rng, op.dims)
    x.flags.writeable = False
    kept = x.copy()
    first = op @ x
    assert not np.shares_memory(first, x)
    assert first.flags.writeable
    second = op @ x
    assert not np.shares_memory(first, second)
    first[...] = -1
    assert_same(op @ x, second)
    assert_same(x, kept)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_identity_returns_no_view(engine):
    op = ca.Conv1DOp((2, 5), [1.0], engine=engine)
    x = np.arange(10.0).reshape(2, 5)
    assert not np.shares_memory(op @ x, x)
    assert not np.shares_memory(op.H @ x, x)


@pytest.mark.parametrize("order", ["C", "F", "strided", "negative"])
@pytest.mark.parametrize("engine", ENGINES)
def test_any_memory_layout_is_read(engine, order):
    rng = np.random.default_rng(0)
    op = ca.Conv2DOp((2, 4, 6), noise(rng, (3, 2, 2, 2)), engine=engine)
    x = integers(rng, op.dims)
    layouts = {
        "C": x,
        "F": np.asfortranarray(x),
        "strided": np.repeat(x, 2, axis=1)[:, ::2],
        "negative": x[:, ::-1].copy()[:, ::-1],
    }
    assert_same(op @ layouts[order], op @ x)
    assert (op @ layouts[order]).flags.c_contiguous


def test_double_precision_accumulates_single_precision_data():
    rng = np.random.default_rng(0)
    kernel = noise(rng, (101,), "float32")
    x = noise(rng, (500,), "float32")
    double = ca.Conv1DOp(500, kernel, precision="double", engine="taps")
    wide = ca.Conv1DOp(500, kernel.astype("float64"), engine="taps")
    exact = wide @ x.astype("float64")
    assert (double @ x).dtype == "float32"
    assert_same(double @ x, exact.astype("float32"))
    assert_same(double.replace(kernel=kernel) @ x, exact.astype("float32"))


def test_sparse_columns_are_multiplied_as_matrices():
    op = ca.Conv1DOp(4, [1.0, 2.0])
    columns = scipy.sparse.random_array((4, 3), density=0.5, rng=0)
    got = op @ scipy.sparse.csr_array(columns)
    assert_same(got.toarray(), op.tosparse().toarray() @ columns.toarray())


@pytest.mark.parametrize("shape", [(0, 5), (5, 0, 5), (0, 0, 5)])
@pytest.mark.parametrize("engine", ENGINES)
def test_an_empty_batch_gives_an_empty_result(engine, shape):
    op = ca.Conv1DOp(shape, [1.0, 2.0], engine=engine)
    assert (op @ np.ones(shape)).shape == (*shape[:-1], 4)
    assert op.tosparse().shape == (0, 0)
    assert (op.H @ np.ones(op.dimsd)).shape == shape


@pytest.mark.parametrize("engine", ENGINES)
def test_not_a_number_spreads_where_the_kernel_reaches(engine):
    op = ca.Conv2DOp((6, 6), [[1.0, 0.0], [0.0, 2.0]], engine=engine)
    x = np.zeros((6, 6))
    x[2, 3] = np.nan
    want = np.zeros((5, 5), bool)
    want[2, 3] = want[1, 2] = True
    assert_same(np.isnan(op @ x), want)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_real_kernel_keeps_real_and_imaginary_infinities_apart(engine):
    op = ca.Conv1DOp(4, [1.0, 2.0], engine=engine)
    y = op @ np.array([1, complex(0, np.inf), 1, 1])
    assert np.isfinite(y.real).all()
    assert_same(np.isinf(y.imag), np.array([True, True, False]))


def refuse(*_):
    """Stand in for the engines that must not run."""
    raise AssertionError


@pytest.mark.parametrize("engine", ENGINES)
def test_the_named_engine_runs(engine, monkeypatch):
    for name, module in engines.ENGINES.items():
        monkeypatch.setattr(module, "plan", module.plan if name == engine else refuse)
    op = ca.Conv1DOp(4, [1.0, 2.0], engine=engine)
    assert op.engine == op.H.engine == engine
    assert_within(op @ np.ones(4), np.full(3, 3.0), 3)
    assert_within(op.H @ np.ones(3), np.array([1.0, 3, 3, 2]), 3)
    monkeypatch.setattr(engines.ENGINES[engine], "plan", refuse)
    with pytest.raises(AssertionError):
        ca.Conv1DOp(4, [1.0, 2.0], engine=engine) @ np.ones(4)


def test_an_operator_is_a_function_of_input_and_kernel():
    rng = np.random.default_rng(0)
    x, w = noise(rng, (2, 5)), noise(rng, (3,), "complex64")
    op = ca.Conv1DOp((2, 5), [1.0, 2.0, 3.0], flip=True, stride=2, engine="taps")
    assert_same(op(x), op @ x)
    want = ca.Conv1DOp((2, 5), w, flip=True, stride=2, engine="taps")
    assert_same(op(x, w), want @ x)
    assert_same(op(x.ravel(), list(w.real)), (op.replace(kernel=w.real) @ x).ravel())
    # The kernel stands where that of the operator does: conjugation is in `op.kernel`.
    y = noise(rng, op.dimsd)
    assert_same(op.H(y, w), want.T @ y)
    assert_same((2 * op)(x, w.real), want.replace(kernel=w.real) @ x)
    assert_same((op.H @ op)(x), op.H @ (op @ x))


def test_a_kernel_of_another_shape_or_kind_is_no_argument():
    op = ca.Conv1DOp(5, [1.0, 2.0, 3.0])
    with pytest.raises(
        ca.GeometryError, match=r"kernel has shape \(2,\), .* \(3,\): for"
    ):
        op(np.ones(5), [1.0, 2.0])
    with pytest.raises(TypeError, match="kernel has dtype object"):
        op(np.ones(5), [None, 1.0, 2.0])
