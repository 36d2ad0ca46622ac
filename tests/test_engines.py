"""Bare geometries: every engine, the matrix and the counts against the loops."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import (
    EXACT,
    FEW,
    assert_same,
    assert_within,
    check_exact_matrix,
    check_matrix,
    check_samples,
    check_structure,
)
from convadjoint import engines
from convadjoint.errors import EngineRefusal
from convadjoint.geometry import Axis, ConvSpec
from oracles import spec_dense
from strategies import (
    DTYPES,
    ENGINES,
    SEEDS,
    bare_axes,
    integers,
    noise,
    specs,
    upto,
)


def check_plan(engine, spec, kernel, dense, x):
    """A plan maps a batch by the definition, into an array of its own."""
    y = engines.plan(engine, spec, kernel).apply(x)
    assert y.dtype == x.dtype
    assert not np.shares_memory(y, x)
    if engine == "separable":
        # Factors round all taps alike, also those that no sample meets.
        scale = np.full(dense.dimsd, np.abs(kernel).sum() * np.linalg.norm(x.ravel()))
        assert_within(y, dense @ x, scale)
    else:
        check_samples(y, dense, x, engine)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("engine", ENGINES)
@given(spec=specs(), seed=SEEDS)
def test_a_plan_is_the_definition(engine, dtype, spec, seed):
    rng = np.random.default_rng(seed)
    kernel = noise(rng, spec.kernel_shape, dtype)
    x = noise(rng, spec.dims, dtype)
    check_plan(engine, spec, kernel, spec_dense(spec, kernel), x)


@pytest.mark.parametrize("engine", EXACT)
@given(spec=specs(), seed=SEEDS)
def test_the_plan_of_the_transposed_spec_is_the_transpose(engine, spec, seed):
    rng = np.random.default_rng(seed)
    kernel = integers(rng, spec.kernel_shape, "complex128")
    turned = engines.transpose_kernel(kernel, spec.groups)
    plan = engines.plan(engine, spec.transpose(), turned)
    y = integers(rng, spec.dimsd, "complex128")
    assert_same(plan.apply(y), spec_dense(spec, kernel).T @ y)


@pytest.mark.parametrize("engine", EXACT)
@given(spec=specs(), seed=SEEDS)
def test_whole_numbers_are_exact(engine, spec, seed):
    rng = np.random.default_rng(seed)
    kernel, x = integers(rng, spec.kernel_shape), integers(rng, spec.dims)
    plan = engines.plan(engine, spec, kernel)
    assert_same(plan.apply(x), spec_dense(spec, kernel) @ x)


@st.composite
def products(draw):
    """A geometry without mixed channels, and a kernel that is one product per channel."""
    rank, groups = draw(upto(3, 2)), draw(upto(2))
    axes = [draw(bare_axes(most=6, taps=1)) for _ in range(rank)]
    spec = ConvSpec(
        axes=tuple(replace(axis, k=draw(upto(4, 3))) for axis in axes),
        batch=draw(upto(2)),
        c_in=groups,
        c_out=groups,
        groups=groups,
    )
    rng = np.random.default_rng(draw(SEEDS))
    kernel = np.ones((groups, 1))
    for axis in spec.axes:
        taps = noise(rng, (groups, 1, axis.k), draw(st.sampled_from(DTYPES)))
        shape = (groups, 1) + (1,) * (kernel.ndim - 2) + (axis.k,)
        kernel = kernel[..., None] * taps.reshape(shape)
    return spec, kernel, noise(rng, spec.dims, kernel.dtype)


@given(drawn=products())
def test_a_product_of_vectors_is_applied_one_axis_after_the_other(drawn):
    spec, kernel, x = drawn
    check_plan("separable", spec, kernel, spec_dense(spec, kernel), x)
    with pytest.raises(EngineRefusal, match="separable"):
        engines.plan("separable", ASYMMETRIC, np.ones(ASYMMETRIC.kernel_shape))


@given(spec=specs(), seed=SEEDS)
def test_the_matrix_is_the_definition(spec, seed):
    rng = np.random.default_rng(seed)
    whole = integers(rng, spec.kernel_shape, "complex64")
    matrix = engines.assemble(spec, whole)
    assert matrix.dtype == whole.dtype
    check_structure(matrix)
    check_exact_matrix(matrix, spec_dense(spec, whole))
    kernel = noise(rng, spec.kernel_shape)
    check_matrix(engines.assemble(spec, kernel), spec_dense(spec, kernel))


@given(spec=specs())
def test_the_count_is_that_of_the_matrix(spec):
    matrix = engines.assemble(spec, np.ones(spec.kernel_shape))
    dense = spec_dense(spec, np.ones(spec.kernel_shape, int))
    assert spec.nnz == spec.transpose().nnz == matrix.nnz
    assert spec.nnz == np.count_nonzero(dense.matrix)
    assert spec.shape == matrix.shape
    arrays = matrix.data, matrix.indices, matrix.indptr
    assert spec.nbytes(8) == sum(array.nbytes for array in arrays)


@st.composite
def ranges(draw, lengths):
    """One half-open range per axis, none of them empty."""
    found = []
    for length in lengths:
        first = draw(st.integers(0, length - 1))
        found.append((first, draw(st.integers(first + 1, length))))
    return tuple(found)


def block(matrix, dimsd, dims, rows, columns):
    """Part of a matrix, by ranges of its spatial output and input samples."""
    part = [
        np.arange(np.prod(shape)).reshape(shape)[
            (..., *(slice(*one) for one in bounds))
        ]
        for shape, bounds in ((dimsd, rows), (dims, columns))
    ]
    return matrix[np.ix_(part[0].ravel(), part[1].ravel())]


@given(spec=specs(bordered=False), data=st.data(), seed=SEEDS)
def test_a_window_is_a_block_of_the_matrix(spec, data, seed):
    kernel = integers(np.random.default_rng(seed), spec.kernel_shape)
    rows = data.draw(ranges([axis.q for axis in spec.axes]))
    columns = data.draw(ranges([axis.n for axis in spec.axes]))
    whole = engines.assemble(spec, kernel).toarray()
    part = engines.assemble(spec.window(rows, columns), kernel).toarray()
    assert_same(part, block(whole, spec.dimsd, spec.dims, rows, columns))


@pytest.mark.parametrize("engine", ENGINES)
@given(spec=specs(), seed=SEEDS, batch=st.integers(0, 3))
def test_a_plan_takes_any_batch(engine, spec, seed, batch):
    rng = np.random.default_rng(seed)
    kernel = integers(rng, spec.kernel_shape)
    x = integers(rng, (batch, *spec.dims[1:]))
    y = engines.plan(engine, spec, kernel).apply(x)
    check_samples(y, spec_dense(replace(spec, batch=batch), kernel), x, engine)


@given(spec=specs(), seed=SEEDS)
def test_transposing_a_kernel_twice_gives_it_back(spec, seed):
    kernel = noise(np.random.default_rng(seed), spec.kernel_shape, "complex64")
    turned = engines.transpose_kernel(kernel, spec.groups)
    assert turned.shape == spec.transpose().kernel_shape
    assert_same(engines.transpose_kernel(turned, spec.groups), kernel)


HOLES = np.array([[[1.0, 0.0, 2.0]]])
NON_FINITE = [np.nan, np.inf, -np.inf, complex(np.nan, 1), complex(1, np.inf)]


@pytest.mark.parametrize("bad", NON_FINITE)
@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_not_finite_spreads_through_taps_that_are_not_zero(engine, bad):
    spec = ConvSpec(axes=(Axis(n=8, q=6, k=3),))
    x = np.ones(spec.dims, type(bad))
    x[0, 0, 4] = bad
    with np.errstate(invalid="ignore"):  # complex infinities
        y = engines.plan(engine, spec, HOLES.astype(x.dtype)).apply(x)
    reads = np.array([p in (2, 4) for p in range(6)])
    assert_same(~np.isfinite(y[0, 0]), reads)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_zero_between_channels_is_no_tap_either(engine):
    spec = ConvSpec(axes=(Axis(n=3, q=2, k=2),), c_in=2, c_out=2)
    kernel = np.ones(spec.kernel_shape)
    kernel[0, 1] = 0
    x = np.ones(spec.dims)
    x[0, 1] = np.nan
    y = engines.plan(engine, spec, kernel).apply(x)
    assert np.isfinite(y[0, 0]).all()
    assert np.isnan(y[0, 1]).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("groups", [1, 2])
def test_channels_that_a_kernel_does_not_mix_are_groups(engine, groups):
    rng = np.random.default_rng(0)
    axis = Axis(n=8, q=8, k=3, lo=1)
    spec = ConvSpec(axes=(axis, axis), batch=2, c_in=6, c_out=6, groups=groups)
    kernel, own = np.zeros(spec.kernel_shape), np.arange(6)
    kernel[own, own % (6 // groups)] = noise(rng, (6, 3, 3))
    # Of products of vectors, so that no engine refuses.
    kernel[...] = np.sign(kernel)[:, :, 1:2, 1:2] * np.outer([1, 2, 1], [1, 0.5, 3])
    x = noise(rng, spec.dims)
    plan = engines.plan(engine, spec, kernel)
    assert plan.spec.groups == 6
    dense = spec_dense(spec, kernel)
    check_plan(engine, spec, kernel, dense, x)
    assert engines.resolve("auto", spec, kernel) == engines.resolve(
        "auto", plan.spec, plan.kernel
    )
    x[0, 1, 2, 2] = np.nan
    y = plan.apply(x)
    assert np.isfinite(y[:, own != 1]).all()
    kernel[1, 0, 2, 2] = 1
    name = "direct" if engine == "separable" else engine
    assert engines.plan(name, spec, kernel).spec.groups == groups


def test_an_unknown_engine_is_refused_by_name():
    spec = ConvSpec(axes=(Axis(n=3, q=2, k=2),))
    with pytest.raises(EngineRefusal, match=r"'warp' .* taps, sparse"):
        engines.plan("warp", spec, np.ones(spec.kernel_shape))


ASYMMETRIC = ConvSpec(axes=(Axis(n=5, q=3, k=3, s=2, lo=1),), c_in=2, c_out=4, groups=2)
BROKEN_GEOMETRY = {
    "flip": lambda spec, w: (spec, w[..., ::-1].copy()),
    "conjugate": lambda spec, w: (spec, w.conj()),
    "crop side": lambda spec, w: (moved(spec, lo=0), w),
    "group order": lambda spec, w: (spec, np.roll(w, 2, axis=0)),
    "stride side": lambda spec, w: (moved(spec, s=1, t=2), w),
    "dilation": lambda spec, w: (moved(spec, d=2), w),
}


def moved(spec, **integers_):
    """`spec` with other integers on its only axis."""
    return replace(spec, axes=(replace(spec.axes[0], **integers_),))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("broken", BROKEN_GEOMETRY)
def test_the_engine_tests_can_fail(engine, broken):
    rng = np.random.default_rng(0)
    kernel = noise(rng, ASYMMETRIC.kernel_shape, "complex128")
    x = noise(rng, ASYMMETRIC.dims, "complex128")
    dense = spec_dense(ASYMMETRIC, kernel)
    check_plan(engine, ASYMMETRIC, kernel, dense, x)
    check_matrix(engines.assemble(ASYMMETRIC, kernel), dense)
    spec, wrong = BROKEN_GEOMETRY[broken](ASYMMETRIC, kernel)
    with pytest.raises(AssertionError):
        check_plan(engine, spec, wrong, dense, x)
    with pytest.raises(AssertionError):
        check_matrix(engines.assemble(spec, wrong), dense)


def test_the_tolerance_separates_rounding_from_errors():
    y = np.ones(3, "float32")
    assert_within(y * (1 + np.float32(2**-22)), y.astype("longdouble"), 1)
    with pytest.raises(AssertionError):
        assert_within(y * (1 + 2 * FEW * np.float32(2**-23)), y.astype("longdouble"), 1)
