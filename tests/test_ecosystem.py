"""Operators inside PyLops, scipy.sparse.linalg and PyProximal; pickles and threads."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pylops
import pytest
import scipy.sparse.linalg

import convadjoint as ca
from checks import assert_same
from strategies import ENGINES, noise

RNG = np.random.default_rng(0)
EPS = np.finfo(float).eps
KERNEL = ca.gaussian_kernel((3, 3), 0.5)
DTYPES = ("float64", "complex128")


def blur(dtype="float64", **options):
    """A well-conditioned operator with an asymmetric kernel, of any dtype."""
    kernel = KERNEL + 0.05 * noise(np.random.default_rng(1), (3, 3), dtype)
    return ca.Conv2DOp((6, 7), kernel, padding="same", **options)


def relative(got, want):
    """Distance of two arrays, relative to the second."""
    return np.linalg.norm(got - want) / np.linalg.norm(want)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("engine", ENGINES)
def test_pylops_dot_test(engine, dtype):
    for op in (blur(dtype, engine=engine), blur(dtype, stride=2, engine=engine).T):
        complexflag = 3 if dtype == "complex128" else 0
        assert pylops.utils.dottest(op, complexflag=complexflag, rtol=1e5 * EPS)


def test_the_dot_test_can_fail():
    op = blur("complex128")
    wrong = pylops.FunctionOperator(op.matvec, op.T.matvec, *op.shape, dtype=op.dtype)
    with pytest.raises(AssertionError, match="Dot test failed"):
        pylops.utils.dottest(wrong, complexflag=3, rtol=1e5 * EPS)


SOLVERS = {
    "cgls": (pylops.optimization.basic.cgls, {"tol": 1e-24}),
    "lsqr": (pylops.optimization.basic.lsqr, {"atol": EPS, "btol": EPS}),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_pylops_solvers_recover_what_can_be_recovered(solver, dtype):
    op = blur(dtype)
    x = noise(RNG, op.dims, dtype)
    solve, options = SOLVERS[solver]
    got = solve(op, op @ x, x0=np.zeros_like(x), niter=300, **options)[0]
    assert relative(got, x) < 1e4 * EPS * np.linalg.cond(op.todense()) ** 2
    assert relative(op.H @ (op @ x), x) > 1e-2


@pytest.mark.parametrize("dtype", DTYPES)
def test_pylops_fista_finds_sparse_models(dtype):
    op = blur(dtype)
    x = np.zeros(op.dims, dtype)
    x[2, 3], x[4, 1] = 3, -2
    got = pylops.optimization.sparsity.fista(
        op, (op @ x).ravel(), niter=300, eps=1e-3, tol=0
    )[0]
    got = got.reshape(op.dims)
    assert set(np.argsort(abs(got), axis=None)[-2:]) == {2 * 7 + 3, 4 * 7 + 1}
    assert relative(got, x) < 1e-2


def combined(op):
    """What PyLops makes of operators, beside what NumPy makes of their matrices."""
    one = op.todense()
    other = op.replace(kernel=KERNEL).todense()
    second, eye = (
        op.replace(kernel=KERNEL),
        pylops.Identity(op.shape[1], dtype=op.dtype),
    )
    diagonal = np.linspace(1, 2, op.shape[0])
    zero = np.zeros_like(one)
    return {
        "product": (op @ second, one @ other),
        "power": (op**2, one @ one),
        "sum": (op + second, one + other),
        "difference": (op - 2 * second, one - 2 * other),
        "normal": (op.H @ op + 0.1 * eye, one.conj().T @ one + 0.1 * np.eye(len(one))),
        "diagonal": (pylops.Diagonal(diagonal) @ op, diagonal[:, None] * one),
        "transpose": ((op @ second).T, (one @ other).T),
        "adjoint": ((op @ second).H, (one @ other).conj().T),
        "stack": (pylops.VStack([op, second]), np.vstack([one, other])),
        "row": (pylops.HStack([op, second]), np.hstack([one, other])),
        "blocks": (
            pylops.BlockDiag([op, second]),
            np.block([[one, zero], [zero, other]]),
        ),
    }


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", combined(blur()))
def test_pylops_combinations(name, dtype):
    op, matrix = combined(blur(dtype))[name]
    x = noise(RNG, (matrix.shape[1],), dtype)
    y = noise(RNG, (matrix.shape[0],), dtype)
    assert op.shape == matrix.shape
    scale = np.linalg.norm(matrix, 2)
    gap = np.linalg.norm(op.matvec(x) - matrix @ x)
    assert gap < 64 * EPS * scale * np.linalg.norm(x)
    gap = np.linalg.norm(op.rmatvec(y) - matrix.conj().T @ y)
    assert gap < 64 * EPS * scale * np.linalg.norm(y)


def test_pylops_division_solves():
    op = blur()
    x = noise(RNG, op.dims)
    assert relative((op / (op @ x).ravel()).reshape(op.dims), x) < 1e-4


def test_operators_keep_their_shapes_in_chains():
    down = ca.Conv2DOp((8, 8), KERNEL, stride=2, padding=1)
    up = ca.ConvTranspose2DOp(down.dimsd, KERNEL, stride=2, padding=1, output_size=8)
    chain = up @ down
    x = noise(RNG, (8, 8))
    assert (chain @ x).shape == (8, 8)
    assert relative(chain @ x, up @ (down @ x)) < 64 * EPS


def test_scipy_takes_them_for_linear_operators():
    op = blur("complex128")
    plain = scipy.sparse.linalg.aslinearoperator(op)
    x, y = noise(RNG, (2, op.shape[1]), "complex128")
    assert_same(plain.matvec(x), op.matvec(x))
    assert_same(plain.rmatvec(y), op.rmatvec(y))
    assert_same(plain.matmat(np.stack([x, y], 1)), op.matmat(np.stack([x, y], 1)))


def test_scipy_lsmr_solves():
    op = blur()
    x = noise(RNG, op.dims).ravel()
    got = scipy.sparse.linalg.lsmr(op, op @ x, atol=0, btol=0, maxiter=500)[0]
    assert relative(got, x) < 1e-6
    assert scipy.sparse.linalg.lsmr(op, op @ x, atol=0, btol=0, maxiter=1)[1] == 7


@pytest.mark.parametrize("dtype", DTYPES)
def test_scipy_svds_finds_the_singular_values(dtype):
    op = blur(dtype, stride=2)
    start = np.ones(min(op.shape), dtype)
    got = scipy.sparse.linalg.svds(op, k=3, v0=start, return_singular_vectors=False)
    want = np.linalg.svd(op.todense(), compute_uv=False)[:3]
    assert np.allclose(np.sort(got)[::-1], want, rtol=1e5 * EPS)


def test_pyproximal_minimises_a_sparse_misfit():
    import pyproximal  # noqa: PLC0415 - slow to import

    op = blur()
    x = np.zeros(op.dims)
    x[2, 3], x[4, 1] = 3, -2
    y = (op @ x).ravel()
    norm = np.linalg.norm(op.todense(), 2)
    misfit = pyproximal.L2(Op=op, b=y)
    sparsity = pyproximal.L1(sigma=1e-3)
    got = pyproximal.optimization.primal.ProximalGradient(
        misfit, sparsity, x0=np.zeros(x.size), tau=0.9 / norm**2, niter=500
    )
    gradient = op.H @ (op.matvec(got) - y)
    assert np.all(abs(gradient) <= 1.01e-3)
    assert relative(got.reshape(x.shape), x) < 1e-2


def repickled(op):
    """Through bytes and back."""
    return pickle.loads(pickle.dumps(op))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, repickled])
def test_copies_and_pickles_are_the_same_operator(copied, engine):
    op = blur("complex64", stride=2, engine=engine)
    x = noise(RNG, op.dims, "complex64")
    for one in (op, op.T, op.H, op.conj()):
        used = one @ x.reshape(-1)[: one.shape[1]]
        twin = copied(one)
        assert type(twin) is type(one)
        assert (twin.dims, twin.dimsd, twin.engine) == (one.dims, one.dimsd, engine)
        assert_same(twin.kernel, one.kernel)
        assert_same(twin @ x.reshape(-1)[: one.shape[1]], used)
        assert_same(twin.H.tosparse().toarray(), one.H.tosparse().toarray())


@pytest.mark.parametrize("engine", ENGINES)
def test_threads_share_an_operator(engine):
    op = ca.Conv2DOp((3, 40, 40), noise(RNG, (2, 3, 3, 3)), stride=2, engine=engine)
    fresh = op.replace(kernel=op.kernel)
    images = noise(RNG, (16, *op.dims))
    wanted = [op.H @ (op @ one) for one in images]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda one: fresh.H @ (fresh @ one), images))
    for one, other in zip(got, wanted, strict=True):
        assert_same(one, other)


def test_the_recovery_test_can_fail():
    op = blur()
    wrong = ca.Conv2DOp(op.dims, op.kernel[::-1, ::-1], padding="same")
    x = noise(RNG, op.dims)
    solve, options = SOLVERS["cgls"]
    got = solve(wrong, op @ x, x0=np.zeros_like(x), niter=300, **options)[0]
    assert relative(got, x) > 1e-2
