"""Arrays of JAX: values, and JAX's own derivatives of them."""

import subprocess
import sys

import numpy as np
import pylops
import pytest
import scipy.sparse
from hypothesis import given, settings

import convadjoint as ca
import oracles
from checks import FEW, assert_same, assert_within
from convadjoint.operators import DiagonalOp, MatrixOp, SpecOp
from strategies import DTYPES, SEEDS, cases, noise, specs

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
test_util = pytest.importorskip("jax.test_util")
jax.config.update("jax_enable_x64", True)

pytestmark = pytest.mark.framework("jax")
# JAX compiles every shape anew.
few = settings(max_examples=max(12, settings().max_examples // 6))


def near(got, want, scale):
    """The same shape, and equal up to rounding of numbers of this size."""
    assert_within(np.asarray(got), np.asarray(want), scale, units=FEW)


def compare(op, kernel, seed, matrix, apply):
    """Compare value, gradients and tangents with the matrix."""
    rng = np.random.default_rng(seed)
    kind = "complex128"
    x, dx = noise(rng, op.dims, kind), noise(rng, op.dims, kind)
    dw, g = noise(rng, kernel.shape, kind), noise(rng, op.dimsd, kind)
    dense, along = matrix(kernel), matrix(dw)
    value = dense.scale(x)
    y, back = jax.vjp(apply, jnp.array(x), jnp.array(kernel))
    near(y, dense @ x, value)
    # JAX conjugates nothing: the gradient is the transpose.
    gx, gw = back(jnp.array(g))
    near(gx, dense.T @ g, dense.T.scale(g))
    total = np.sum(abs(g) * along.scale(x))
    near(np.sum(np.asarray(gw) * dw), np.sum(g * (along @ x)), total)
    arguments = jnp.array(x), jnp.array(kernel)
    _, tangent = jax.jvp(apply, arguments, (jnp.array(dx), jnp.array(dw)))
    near(tangent, dense @ dx + along @ x, dense.scale(dx) + along.scale(x))


@few
@given(case=cases(batches=1), seed=SEEDS)
def test_values_and_derivatives_are_those_of_the_matrix(case, seed):
    kernel = noise(np.random.default_rng(seed), case.kernel_shape, "complex128")
    op = case.op(kernel)
    compare(op, kernel, seed, case.dense, op)


@few
@given(spec=specs(), seed=SEEDS)
def test_so_are_they_for_any_geometry(spec, seed):
    kernel = noise(np.random.default_rng(seed), spec.kernel_shape, "complex128")
    op = SpecOp(spec, kernel).T
    compare(op, kernel, seed, lambda w: oracles.spec_dense(spec, w).T, op)


@few
@given(case=cases(batches=1), seed=SEEDS)
def test_an_array_has_the_shapes_of_numpys(case, seed):
    rng = np.random.default_rng(seed)
    kernel = noise(rng, case.kernel_shape, "complex128")
    op, dense = case.op(kernel), case.dense(kernel)
    for one, matrix in ((op, dense), (op.H, dense.H), (op.T, dense.T)):
        for shape in (one.dims, (one.shape[1],), (*one.dims, 2), (one.shape[1], 2)):
            x = noise(rng, shape, "complex128")
            y = one @ jnp.array(x)
            assert isinstance(y, jax.Array)
            assert y.shape == (one @ x).shape
        columns = x.reshape(one.shape[1], 2).T.reshape(2, *one.dims)
        want = np.stack([matrix @ column for column in columns], -1)
        scale = np.stack([matrix.scale(column) for column in columns], -1)
        near(y, want.reshape(y.shape), scale.reshape(y.shape))


OPERATORS = (
    ca.Conv1DOp(6, [1.0, 2.0, -1.0], stride=2, padding=1, padding_mode="reflect"),
    ca.ConvTranspose2DOp((2, 3, 3), np.arange(8.0).reshape(2, 1, 2, 2), stride=2),
    ca.Conv1DOp((4, 2), np.ones((1, 2, 2)), channel_axis=-1, axes=0, flip=True),
)


@pytest.mark.parametrize("op", OPERATORS, ids=repr)
def test_transformations(op):
    rng = np.random.default_rng(0)
    xs, ws = noise(rng, (3, *op.dims)), noise(rng, (3, *op.kernel.shape))
    want = np.stack([op(x, w) for x, w in zip(xs, ws, strict=True)])
    xs, ws = jnp.array(xs), jnp.array(ws)
    scale = abs(want).max() * FEW
    near(jax.vmap(op)(xs, ws), want, scale)
    near(jax.vmap(jax.jit(op), (None, 0))(xs[1], ws)[1], want[1], scale)
    matrix = op.todense()
    x = jnp.zeros(op.shape[1])
    hessian = jax.jit(jax.hessian(lambda x: ((op @ x - 1) ** 2).sum() / 2))(x)
    near(hessian, matrix.T @ matrix, abs(matrix.T) @ abs(matrix))
    linear = jax.linear_transpose(op, xs[0])(jnp.array(want[0]))[0]
    near(linear, op.T @ want[0], abs(linear).max() * FEW)
    test_util.check_grads(op, (xs[0], ws[0]), order=2)


def composites():
    """Operators without a kernel of their own, and a chain."""
    blur = ca.Conv1DOp(5, [1.0, 2.0])
    weights = DiagonalOp([1.0, 2j, 3.0, 0.0])
    matrix = MatrixOp(scipy.sparse.csr_array(np.eye(4, 5, 1)), 5, (2, 2))
    return [blur.T @ weights @ blur, blur - 2 * blur, weights, matrix, 1j * matrix.T]


@pytest.mark.parametrize("op", composites(), ids=repr)
def test_sums_and_products_pass_arrays_through(op):
    x = np.arange(op.shape[1]).reshape(op.dims)
    for kind in (np.int64, np.float64, np.complex128):
        got = jax.jit(op)(jnp.array(x.astype(kind)))
        assert_same(got, op @ x)
        assert got.dtype == (op @ x.astype(kind)).dtype
    _, back = jax.vjp(op, jnp.array(x, complex))
    assert_same(back(op @ jnp.array(x, complex))[0], op.T @ (op @ x))


MATRICES = [
    ca.VaryingConvOp(6, [[1.0, 2.0], [3.0, -1.0]], grid=(1, 4), stride=2),
    ca.ConvWeightOp(np.arange(12.0).reshape(3, 4), (2, 2), padding=1),
    ca.resample.upsample((2, 5), 7, mode="linear", axes=-1),
]


@pytest.mark.parametrize("op", MATRICES, ids=repr)
def test_other_operators_pass_through_their_matrix(op):
    x = np.random.default_rng(0).integers(-4, 5, op.dims).astype(float)
    want = op.tosparse().toarray()
    for got in (op @ jnp.array(x), jax.jit(op)(jnp.array(x))):
        np.testing.assert_allclose(np.ravel(got), want @ x.ravel(), rtol=1e-12)
    gradient = jax.grad(lambda t: (op @ t).sum())(jnp.array(x))
    np.testing.assert_allclose(np.ravel(gradient), want.sum(axis=0), rtol=1e-12)
    many = jax.vmap(lambda t: op @ t)(jnp.stack([x, 2 * x]))
    np.testing.assert_allclose(many[1], 2 * many[0])


@pytest.mark.parametrize("own", DTYPES)
@pytest.mark.parametrize("other", [*DTYPES, "float16", "int32", "bool"])
def test_dtypes_meet_as_numpys_do(own, other):
    rng = np.random.default_rng(0)
    op, x = ca.Conv1DOp(4, noise(rng, (2,), own)), noise(rng, (4,)).astype(other)
    want = op @ x
    for y in (op @ jnp.array(x), op(jnp.array(x), jnp.array(op.kernel))):
        assert y.dtype == want.dtype
        np.testing.assert_allclose(y, want, rtol=1e-5)


def test_solvers_of_pylops_run_on_arrays_of_jax():
    op = ca.Conv1DOp(8, [1.0, 4.0, 1.0], padding="same")
    x = jnp.arange(8.0)
    found = pylops.cgls(op, op @ x, x0=jnp.zeros(8), niter=20, tol=0)[0]
    assert isinstance(found, jax.Array)
    np.testing.assert_allclose(found, x, atol=1e-8)


def test_refusals():
    op = ca.Conv1DOp(3, [1.0, 2.0])
    with pytest.raises(TypeError, match="x has dtype bfloat16: allowed are booleans"):
        op @ jnp.ones(3, jnp.bfloat16)
    with pytest.raises(
        ca.GeometryError, match=r"x has shape \(4,\), the operator takes"
    ):
        op @ jnp.ones(4)
    with pytest.raises(
        ca.GeometryError, match=r"kernel has shape \(3,\), the operator"
    ):
        op(jnp.ones(3), jnp.ones(3))


def test_two_libraries_do_not_mix():
    torch = pytest.importorskip("torch")
    op = ca.Conv1DOp(3, [1.0, 2.0])
    with pytest.raises(
        TypeError, match=r"x is of torch, the kernel of jax.*: give both"
    ):
        op(torch.ones(3), jnp.ones(2))


SINGLE = """
import warnings
warnings.simplefilter("error")
import numpy as np
import jax.numpy as jnp
import convadjoint as ca
for precision in ("native", "double"):
    op = ca.Conv1DOp(4, [1.0, 2.0], precision=precision)
    y = op(jnp.arange(4), jnp.array(op.kernel))
    assert y.dtype == (op @ jnp.ones(4)).dtype == jnp.float32
    np.testing.assert_array_equal(y, op @ np.arange(4))
"""


def test_without_64_bits_single_precision_is_what_there_is():
    subprocess.run([sys.executable, "-c", SINGLE], check=True)
