"""Max-unpooling by given indices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
import goldens
import oracles
from checks import assert_same, check_member
from convadjoint.resample import max_unpool
from strategies import SEEDS, upto
from windows import samples


@st.composite
def unpoolings(draw):
    """Shape, indices, sizes of the output, and the pooled axes."""
    rank = draw(upto(2))
    size = tuple(draw(upto(3)) for _ in range(rank))
    named = [*((a, draw(upto(3))) for a in range(rank)), (None, 2)]
    placed = draw(st.permutations(named))
    axes = tuple([role for role, _ in placed].index(a) for a in range(rank))
    dims = tuple(n for _, n in placed)
    count = int(np.prod(size))
    entries = st.lists(
        upto(count - 1, 0), min_size=int(np.prod(dims)), max_size=int(np.prod(dims))
    )
    return dims, np.reshape(draw(entries), dims), size, axes


def unpool_dense(dims, indices, size, axes, *, add):
    """Sample by sample, in the order of each plane."""
    dimsd = list(dims)
    for axis, length in zip(axes, size, strict=True):
        dimsd[axis] = length
    rows, columns = samples(tuple(dimsd)), samples(dims)
    matrix = np.zeros((rows.size, columns.size))
    order = [axis for axis in range(len(dims)) if axis not in axes] + list(axes)
    for moved in np.ndindex(*(dims[axis] for axis in order)):
        place = [0] * len(dims)
        for axis, i in zip(order, moved, strict=True):
            place[axis] = i
        target = list(place)
        for axis, i in zip(
            axes, np.unravel_index(indices[tuple(place)], size), strict=True
        ):
            target[axis] = i
        row = rows[tuple(target)]
        if not add:
            matrix[row] = 0
        matrix[row, columns[tuple(place)]] = 1
    return oracles.Dense(matrix, matrix, dims, tuple(dimsd))


@given(case=unpoolings(), add=st.booleans(), seed=SEEDS)
def test_samples_go_where_they_are_told(case, add, seed):
    dims, indices, size, axes = case
    op = max_unpool(dims, indices, size, axes=axes, repeated="add" if add else "last")
    dense = unpool_dense(dims, indices, size, axes, add=add)
    check_member(op, dense, np.random.default_rng(seed))


@pytest.mark.parametrize("name", goldens.names("unpooling"))
def test_the_transpose_picks_the_maxima_of_frameworks(name):
    case = goldens.golden(name)
    x, y = case.arrays["x"], case.arrays["y"]
    op = max_unpool(
        y.shape, case.arrays["indices"], x.shape[2:], repeated="add", dtype=x.dtype
    )
    goldens.assert_golden(op.T @ x, case, "y")


def test_maxima_come_back_to_their_places():
    case = goldens.golden("torch_max_pool3d_001")
    x, y = case.arrays["x"], case.arrays["y"]
    back = max_unpool(y.shape, case.arrays["indices"], x.shape[2:]) @ y
    assert back.shape == x.shape
    assert_same(back[back != 0], x[back != 0])
    planes = case.arrays["indices"].reshape(4, -1)
    assert np.count_nonzero(back) == sum(np.unique(plane).size for plane in planes)


def test_the_gradient_of_a_maximum_is_added_where_windows_overlap():
    x = np.array([1.0, 7.0, 2.0])
    indices = [1, 1]  # both windows of two
    gradient = max_unpool(2, indices, 3, repeated="add") @ [3.0, 5.0]
    assert_same(gradient, np.array([0.0, 8.0, 0.0]))
    assert_same(max_unpool(2, indices, 3) @ [3.0, 5.0], np.array([0.0, 5.0, 0.0]))
    assert_same(max_unpool(2, indices, 3, repeated="add").T @ x, np.array([7.0, 7.0]))


def test_what_is_wrong_is_said():
    with pytest.raises(
        ca.GeometryError,
        match=r"index 4 leaves the plane of size \(2, 2\): allowed are 0 to 3",
    ):
        max_unpool((1, 2), [[0, 4]], 2)
    with pytest.raises(ca.GeometryError, match="index -1 leaves the plane"):
        max_unpool(2, [0, -1], 4)
    with pytest.raises(
        ca.GeometryError, match=r"indices have shape \(3,\), dims is \(2,\)"
    ):
        max_unpool(2, [0, 1, 2], 4)
    with pytest.raises(TypeError, match="indices must be integers, got dtype float64"):
        max_unpool(2, [0.0, 1.0], 4)
    with pytest.raises(
        ca.GeometryError, match="repeated must be 'last' or 'add', got 'sum'"
    ):
        max_unpool(2, [0, 1], 4, repeated="sum")
