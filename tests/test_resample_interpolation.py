"""Upsampling, and sparse matrices along axes."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
import oracles
from checks import assert_same, assert_within, check_member
from convadjoint.operators import KroneckerOp
from convadjoint.resample import avg_pool, upsample
from strategies import SEEDS, integers, upto


def weight(mode, n, q, p, m, *, align_corners, step):
    """Weight of input sample `m` in output sample `p`, from the distance of the two."""
    half = Fraction(1, 2)
    if mode == "nearest":
        return int(m <= p * step < m + 1)
    if mode == "nearest-exact":
        return int(m <= (p + half) * step < m + 1)
    place = Fraction(p * (n - 1), q - 1) if align_corners and q > 1 else Fraction(0)
    if not align_corners:
        place = (p + half) * step - half
    place = min(max(place, 0), n - 1)  # the signal is held beyond its ends
    return max(1 - abs(place - m), 0)


def line_dense(mode, n, q, *, align_corners=False, step=None):
    """Matrix of one axis."""
    step = Fraction(n, q) if step is None else step
    entries = [
        [
            weight(mode, n, q, p, m, align_corners=align_corners, step=step)
            for m in range(n)
        ]
        for p in range(q)
    ]
    return np.array(
        [[np.longdouble(e.numerator) / e.denominator for e in row] for row in entries]
    )


def kron_dense(dims, lines):
    """Kronecker product over all axes, entry by entry."""
    matrix = np.ones((1, 1), np.longdouble)
    dimsd = []
    for n, line in zip(dims, lines, strict=True):
        factor = np.eye(n) if line is None else line
        matrix = np.kron(matrix, factor)
        dimsd.append(len(factor))
    return oracles.Dense(matrix, abs(matrix), tuple(dims), tuple(dimsd))


WORDS = st.sampled_from(
    (
        {"mode": "nearest"},
        {"mode": "nearest-exact"},
        {"mode": "linear"},
        {"mode": "linear", "align_corners": True},
    )
)


# Some of these have too many phases for a convolution.
LENGTHS = st.sampled_from((1, 2, 3, 4, 5, 6, 7, 17, 67))
PAIRS = st.lists(st.tuples(upto(5), LENGTHS), min_size=1, max_size=3).filter(
    lambda pairs: np.prod(pairs) < 4_000
)


@given(
    pairs=PAIRS,
    words=WORDS,
    batch=upto(2),
    seed=SEEDS,
)
def test_a_size_is_reached_by_weights_of_neighbours(pairs, words, batch, seed):
    dims, size = zip(*pairs, strict=True)
    op = upsample((batch, *dims), size, **words)
    lines = [line_dense(n=n, q=q, **words) for n, q in pairs]
    dense = kron_dense((batch, *dims), [None, *lines])
    check_member(op, dense, np.random.default_rng(seed), units=8)


@given(
    n=upto(12),
    scale=st.sampled_from((1, 2, 3, 0.5, 1.5, 1.1, Fraction(5, 3), np.float32(2.5))),
    words=WORDS,
)
def test_a_scale_is_a_distance(n, scale, words):
    exact = Fraction(scale) if isinstance(scale, Fraction) else Fraction(str(scale))
    q = floor(n * exact)
    if q < 1:
        with pytest.raises(ca.GeometryError, match=f"leaves nothing of {n} samples"):
            upsample(n, scale=scale, **words)
        return
    op = upsample(n, scale=scale, **words)
    step = 1 / exact if q != n else Fraction(1)
    want = line_dense(n=n, q=q, step=step, **words)
    assert_within(op.tosparse().toarray(), want, np.ones(want.shape))


def test_places_past_the_exact_range_of_floats_are_exact():
    scale = Fraction(10**18 + 1, 10**18)  # a bit more than the sample itself
    y = upsample(40, scale=scale, axes=0) @ np.arange(40.0)
    assert_same(y, np.arange(40.0))
    scale = Fraction(2 * 10**18 + 1, 10**18)
    y = upsample(40, scale=scale) @ np.arange(40.0)
    assert_same(
        y, np.array([0, *(max(0, (p - (p % 2 == 0)) // 2) for p in range(1, 80))])
    )


def test_corners_that_are_aligned_stay():
    x = np.array([1.0, 5.0, 3.0])
    y = upsample(3, 9, mode="linear", align_corners=True) @ x
    assert (y[0], y[4], y[8]) == (1.0, 5.0, 3.0)
    assert_same(upsample(3, 1, mode="linear", align_corners=True) @ x, np.array([1.0]))


def test_constants_stay_constants():
    for words in ({}, {"mode": "linear"}, {"mode": "linear", "align_corners": True}):
        op = upsample((5, 4), (13, 9), **words)
        np.testing.assert_allclose(op @ np.ones((5, 4)), 1, rtol=1e-15)


def test_a_mean_is_nearest_transposed():
    up = upsample((4, 6), scale=2)
    mean = avg_pool((8, 12), 2)
    assert_same((up.T / 4).tosparse().toarray(), mean.tosparse().toarray())


def test_inside_a_bilinear_transposed_convolution_is_linear_interpolation():
    n = 6
    for factor in (2, 3, 4):
        k = 2 * factor - factor % 2
        kernel = ca.bilinear_kernel(1, 1, k)
        words = {"stride": factor, "padding": factor // 2}
        layer = ca.ConvTranspose2DOp((1, n, n), kernel, **words)
        linear = upsample((1, n, n), scale=(factor, factor), mode="linear")
        assert layer.dimsd == linear.dimsd
        gap = abs((layer - linear).tosparse().toarray()).max(1).reshape(n * factor, -1)
        inner = slice(factor // 2, n * factor - factor // 2)
        assert gap[inner, inner].max() < 1e-15
        assert gap[0].max() > 0.1


def test_float32_stays():
    op = upsample((3, 3), 6, mode="linear", dtype="float32")
    assert (op @ np.ones((3, 3), np.float32)).dtype == np.float32


@given(seed=SEEDS)
def test_factors_act_along_their_axes(seed):
    rng = np.random.default_rng(seed)
    dims = (2, 3, 4)
    factors = {2: integers(rng, (3, 4), "complex128"), 0: integers(rng, (5, 2))}
    op = KroneckerOp(dims, {a: scipy.sparse.csr_array(f) for a, f in factors.items()})
    dense = kron_dense(dims, [factors[0], None, None])
    matrix = np.kron(np.kron(factors[0], np.eye(3)), factors[2])
    dense = oracles.Dense(matrix, abs(matrix), dims, (5, 3, 3))
    check_member(op, dense, rng)


def test_a_batch_may_be_empty():
    op = upsample((0, 3), (6,))
    assert (op @ np.ones((0, 3))).shape == (0, 6)
    assert op.tosparse().shape == (0, 0)


def test_what_is_wrong_is_said():
    with pytest.raises(
        ca.GeometryError, match=r"either size or scale, got size=4 and scale=2"
    ):
        upsample(2, 4, scale=2)
    with pytest.raises(
        ca.GeometryError, match=r"either size or scale, got size=None and scale=None"
    ):
        upsample(2)
    with pytest.raises(
        ca.GeometryError,
        match=r"mode 'cubic' is unknown: choose one of nearest, nearest-exact, linear",
    ):
        upsample(2, 4, mode="cubic")
    with pytest.raises(
        ca.GeometryError, match=r"align_corners needs mode='linear', got mode='nearest'"
    ):
        upsample(2, 4, align_corners=True)
    with pytest.raises(
        ca.GeometryError, match=r"scale must be positive and finite, got -1"
    ):
        upsample(2, scale=-1)
    with pytest.raises(
        ca.GeometryError, match=r"scale must be positive and finite, got nan"
    ):
        upsample(2, scale=float("nan"))
    with pytest.raises(TypeError, match=r"scale must be a number, got '2' \(str\)"):
        upsample(2, scale="2")
    with pytest.raises(ca.GeometryError, match=r"scale has 2 entries for 1 axes"):
        upsample((2, 2), scale=(2, 2), axes=0)
    with pytest.raises(
        ca.GeometryError,
        match=r"matrix of shape \(3, 3\) does not fit axis 1 of dims \(2, 2\)",
    ):
        KroneckerOp((2, 2), {1: scipy.sparse.eye_array(3)})
