"""Kernels that vary in space, against the sum in loops and against PyLops."""

import pickle

import numpy as np
import pylops.signalprocessing as peers
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
import oracles
from checks import assert_same, assert_within, check_structure
from strategies import ENGINES, SEEDS, cases, integers, noise, upto

forward_cases = cases().filter(lambda case: not case.transposed)


def make(case, kernels, **more):
    """The operator with the case's words; of any rank, so channels are named."""
    where = {"axes": case.axes, "channel_axis": case.channel}
    return ca.VaryingConvOp(case.dims, kernels, **{**case.options, **where, **more})


def summed(case, kernels, befores, afters):
    """The sum of weighted matrices, and the same sum of absolute values."""
    total = size = 0
    for kernel, before, after in zip(kernels, befores, afters, strict=True):
        dense = case.dense(kernel)
        left = np.broadcast_to(after, dense.dimsd).reshape(-1, 1)
        right = np.broadcast_to(before, dense.dims).reshape(-1)
        total = total + left * dense.matrix * right
        size = size + abs(left) * dense.sizes * abs(right)
    return oracles.Dense(total, size, dense.dims, dense.dimsd)


def check(op, dense, rng, *, dtype="complex128"):
    """All relatives of the operator, applied and as matrices."""
    relatives = (
        (op, dense),
        (op.T, dense.T),
        (op.H, dense.H),
        (op.conj(), dense.conj()),
        (2j * op.H, dense.H._replace(matrix=2j * dense.H.matrix)),
        (pickle.loads(pickle.dumps(op.T)), dense.T),
    )
    for one, want in relatives:
        assert (one.dims, one.dimsd) == (want.dims, want.dimsd)
        matrix = one.tosparse()
        check_structure(matrix)
        assert_within(matrix.toarray(), want.matrix, 2 * want.sizes)
        x = noise(rng, (*one.dims, 2), dtype)
        scale = 2 * want.sizes.sum(axis=1).max(initial=0) * np.linalg.norm(x)
        y = one @ x
        assert y.shape == (*one.dimsd, 2)
        for column in range(2):
            expected = want @ x[..., column]
            assert_within(y[..., column], expected, np.full(one.dimsd, scale))
        assert_within(one @ x[..., 0], want @ x[..., 0], np.full(one.dimsd, scale))


def masks(rng, count, shape):
    """Weights for `count` kernels, some of them zero, some axes of length one."""
    lengths = [n if rng.random() < 0.7 else min(n, 1) for n in shape]
    weights = noise(rng, (count, *lengths), "complex128")
    weights[rng.random(weights.shape) < 0.4] = 0
    return weights


@given(case=forward_cases, count=upto(3), seed=SEEDS, sides=upto(3))
def test_weighted_convolutions_add_up(case, count, seed, sides):
    rng = np.random.default_rng(seed)
    kernels = noise(rng, (count, *case.kernel_shape), "complex128")
    dimsd = case.dense(kernels[0]).dimsd
    befores = masks(rng, count, case.dims) if sides & 1 else None
    afters = masks(rng, count, dimsd) if sides & 2 else None
    op = make(case, kernels, weights=befores, output_weights=afters)
    every = np.ones(count)
    dense = summed(
        case,
        kernels,
        every if befores is None else befores,
        every if afters is None else afters,
    )
    check(op, dense, rng)


@pytest.mark.parametrize("engine", ENGINES)
@given(case=forward_cases, seed=SEEDS)
def test_every_engine(engine, case, seed):
    rng = np.random.default_rng(seed)
    kernels = integers(rng, (2, *case.kernel_shape))
    weights = integers(rng, (2, *case.dims))
    op = make(case, kernels, weights=weights, engine=engine)
    assert op.engine in (engine, "")
    check(op, summed(case, kernels, weights, np.ones(2)), rng)


def share(line, point, m):
    """What kernel number `point` of a line contributes at sample `m`."""
    here = line[point]
    if m == here:
        return 1.0
    if m < here:
        if point == 0:
            return 1.0
        before = line[point - 1]
        return max(0.0, (m - before) / (here - before))
    if point == len(line) - 1:
        return 1.0
    after = line[point + 1]
    return max(0.0, (after - m) / (after - here))


def shares(case, grid):
    """Weights of all kernels, `(*grid, *dims)`, one sample after the other."""
    weights = np.zeros((*map(len, grid), *case.dims))
    for index in np.ndindex(weights.shape):
        point, sample = index[: len(grid)], index[len(grid) :]
        weights[index] = np.prod(
            [
                share(line, i, sample[axis])
                for line, i, axis in zip(grid, point, case.axes, strict=True)
            ]
        )
    return weights


@st.composite
def grids(draw, case):
    """Increasing sample indices along each convolved axis."""
    found = []
    for axis in case.axes:
        points = st.integers(0, case.dims[axis] - 1)
        found.append(sorted(draw(st.sets(points, min_size=1, max_size=3))))
    return found


@given(case=forward_cases, data=st.data(), seed=SEEDS)
def test_kernels_on_a_grid_are_interpolated(case, data, seed):
    rng = np.random.default_rng(seed)
    grid = data.draw(grids(case))
    counts = tuple(map(len, grid))
    kernels = noise(rng, (*counts, *case.kernel_shape), "complex128")
    flat = kernels.reshape(-1, *case.kernel_shape)
    weights = shares(case, grid).reshape(len(flat), *case.dims)
    check(
        make(case, kernels, grid=grid),
        summed(case, flat, weights, np.ones(len(flat))),
        rng,
    )


def test_a_column_is_the_kernel_at_its_sample():
    rng = np.random.default_rng(0)
    kernels = rng.standard_normal((2, 3, 3, 5))
    op = ca.VaryingConvOp(
        (9, 11), kernels, grid=((1, 6), (2, 5, 8)), padding="same", flip=True
    )
    columns = op.tosparse().toarray().T.reshape(9, 11, 9, 11)
    assert np.allclose(columns[6, 5][5:8, 3:8], kernels[1, 1])
    between = 0.4 * kernels[0, 1] + 0.6 * kernels[1, 1]
    assert np.allclose(columns[4, 5][3:6, 3:8], between)
    assert np.allclose(columns[8, 10][7:9, 8:11], kernels[1, 2][:2, :3])


def matrix_of(op):
    """The matrix of a PyLops operator, column by column."""
    return np.stack([op.matvec(unit) for unit in np.eye(op.shape[1])], axis=1)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("ih", [(0, 3, 6), (2, 5, 8), (1, 5)])
def test_pylops_in_one_dimension(axis, ih):
    kernels = np.random.default_rng(0).standard_normal((len(ih), 5))
    dims = (10, 3) if axis == 0 else (3, 10)
    theirs = peers.NonStationaryConvolve1D(dims, kernels, ih, axis=axis)
    ours = ca.VaryingConvOp(
        dims, kernels, grid=ih, axes=axis, padding="same", flip=True
    )
    assert np.allclose(ours.tosparse().toarray(), matrix_of(theirs), atol=1e-14)
    x = np.random.default_rng(1).standard_normal(dims)
    assert np.allclose(ours @ x, theirs @ x, atol=1e-13)
    assert np.allclose(ours.H @ x, theirs.H @ x, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "grid", "taps", "dims"),
    [
        ("2D", ((1, 6), (2, 5, 8)), (3, 5), (9, 11)),
        ("3D", ((1, 4), (0, 2, 4), (3, 5)), (3, 5, 3), (6, 7, 8)),
    ],
)
def test_pylops_in_several_dimensions(name, grid, taps, dims):
    rng = np.random.default_rng(0)
    kernels = rng.standard_normal((*map(len, grid), *taps))
    theirs = getattr(peers, f"NonStationaryConvolve{name}")(dims, kernels, *grid)
    ours = ca.VaryingConvOp(dims, kernels, grid=grid, padding="same", flip=True)
    x = rng.standard_normal(dims)
    assert np.allclose(ours @ x, theirs @ x, atol=1e-12)
    assert np.allclose(ours.H @ x, theirs.H @ x, atol=1e-12)


def test_each_kernel_is_applied_in_its_window_only():
    kernels = np.ones((6, 6, 3, 3))
    line = tuple(range(5, 60, 10))
    op = ca.VaryingConvOp((60, 60), kernels, grid=(line, line), padding="same")
    sizes = [part.convolution.spec.sizes for part in op._work.parts]
    assert len(sizes) == 36
    assert sum(map(np.prod, sizes)) < 4.5 * 60**2
    mask = np.zeros((1, 60, 60))
    mask[0, 10:14, 50:] = 1
    (part,) = ca.VaryingConvOp((60, 60), kernels[0, :1], weights=mask)._work.parts
    assert (part.columns, part.rows) == (((10, 14), (50, 60)), ((8, 14), (48, 58)))


def test_a_weight_of_zero_meets_no_sample():
    op = ca.VaryingConvOp(3, [[2.0], [3.0]], weights=[[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    assert_same(op @ [1.0, np.inf, 1.0], np.array([2.0, np.inf, 2.0]))
    assert_same(op @ [1, complex(np.inf, 1), 1], np.array([2, complex(np.inf, 3), 2]))


def test_kernels_that_cancel_leave_no_entry():
    weights = [[1.0], [1 / 3]]
    op = ca.VaryingConvOp(1, [[0.1], [-0.3]], weights=weights)
    assert 0.1 - 0.3 * (1 / 3) != 0  # is what rounding leaves
    assert op.tosparse().nnz == 0


def test_dtypes():
    one = np.ones((1, 3))
    op = ca.VaryingConvOp(3, np.ones((1, 1), np.float32), weights=one)
    assert op.dtype == op.tosparse().dtype == np.float32
    assert (op @ np.ones(3, np.float32)).dtype == np.float32
    turned = ca.VaryingConvOp(3, np.ones((1, 1), np.float32), weights=1j * one)
    assert turned.dtype == turned.H.tosparse().dtype == np.complex64
    assert_same(turned.H @ np.ones(3), -1j * np.ones(3))
    assert_same((2 * turned / 4).H @ np.ones(3), -0.5j * np.ones(3))
    real = ca.VaryingConvOp(3, np.ones((1, 1)), weights=one, dtype="float32")
    assert (2j * real).H.dtype == np.complex64
    assert_same((2j * real.conj()).H @ np.ones(3), -2j * np.ones(3))
    third = np.full((1, 4), 1 / 3, np.float32)
    twice = ca.VaryingConvOp(4, third, weights=np.ones((1, 4)), precision="double")
    x = np.array([1, 2.0**-24, 2.0**-24, 1], np.float32)
    exact = np.float32(third.astype(float)[0] @ x.astype(float))
    assert_same(twice @ x, np.array([exact]))


def test_nothing_is_shared_with_the_arguments():
    kernels, weights = np.ones((1, 2)), np.ones((1, 3))
    op = ca.VaryingConvOp(3, kernels, weights=weights)
    kernels[:] = weights[:] = 7
    assert_same(op @ np.ones(3), np.array([2.0, 2.0]))
    assert_same(pickle.loads(pickle.dumps(op)) @ np.ones(3), np.array([2.0, 2.0]))
    with pytest.raises(ValueError, match="read-only"):
        op.kernels[0] = 1
    assert "2 taps of 1 kernels on axis 0" in repr(op.T)


def test_too_much_memory_is_refused_before_it_is_taken():
    with pytest.raises(MemoryError, match="the weights of the windows of a grid"):
        ca.VaryingConvOp(2**50, np.ones((2, 2)), grid=(0, 9))


ONE = np.ones((1, 2))


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: ca.VaryingConvOp(5, ONE), "kernels vary on a grid, or by weights"),
        (
            lambda: ca.VaryingConvOp(5, ONE, grid=[0], weights=np.ones((1, 5))),
            "give one of the two",
        ),
        (
            lambda: ca.VaryingConvOp(5, ONE, grid=[0, 1]),
            r"\(1,\) kernels for \(2,\) places",
        ),
        (
            lambda: ca.VaryingConvOp(5, np.ones((0, 2)), weights=np.ones((0, 5))),
            "at least one",
        ),
        (
            lambda: ca.VaryingConvOp(5, np.ones((2, 2)), grid=[3, 1]),
            r"increasing sample indices of 0 to 4, got \(3, 1\)",
        ),
        (
            lambda: ca.VaryingConvOp(5, ONE, grid=[5]),
            r"axis 0 must hold increasing .* got \(5,\)",
        ),
        (lambda: ca.VaryingConvOp(5, ONE, grid=[-1]), "must be at least 0, got -1"),
        (
            lambda: ca.VaryingConvOp((5, 5, 5), ONE[..., None, None], grid=[0]),
            "grid has 1 axes, the kernels are convolved along 3",
        ),
        (
            lambda: ca.VaryingConvOp(5, ONE, weights=np.ones(5)),
            r"weights has shape \(5,\), .* take \(1, 5\)",
        ),
        (
            lambda: ca.VaryingConvOp(5, ONE, output_weights=np.ones((1, 5))),
            r"output_weights has shape \(1, 5\), .* take \(1, 4\)",
        ),
        (lambda: ca.VaryingConvOp(5, np.ones(1), grid=[0]), "has rank 0"),
        (
            lambda: ca.VaryingConvOp(5, ONE, grid=[0], engine="separable"),
            "engine 'separable' refuses",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, expected):
    with pytest.raises(ValueError, match=expected):
        call()


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: ca.VaryingConvOp(5, ONE, grid=3), "grid must hold the sample indices"),
        (lambda: ca.VaryingConvOp(5, ONE, grid=[0.5]), "must be an integer, got 0.5"),
        (
            lambda: ca.VaryingConvOp((5, 5), ONE[None], grid=[[0], 1]),
            "on axis 1, got 1",
        ),
        (lambda: ca.VaryingConvOp(5, ONE, weights=[["a"]]), "weights has dtype"),
        (
            lambda: ca.VaryingConvOp(5, ONE, weights=np.ones((1, 5)) * 1j, dtype="f8"),
            "the weights are complex, dtype float64 is real",
        ),
    ],
)
def test_wrong_kinds_are_refused(call, expected):
    with pytest.raises(TypeError, match=expected):
        call()
