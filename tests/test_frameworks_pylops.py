"""``convadjoint.frameworks.pylops``: the installed PyLops, and what it should do."""

import numpy as np
import pylops
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
from checks import eps_of
from refusals import check_text
from strategies import SEEDS, noise, upto

ours = ca.frameworks.pylops
DTYPES = st.sampled_from(("float64", "complex128"))


def check_same(op, theirs, h, rng):
    """The same numbers forward, and the adjoint of exactly that matrix backward."""
    assert op.dims == tuple(theirs.dims)
    assert op.dimsd == tuple(theirs.dimsd)
    x, y = noise(rng, op.dims, h.dtype), noise(rng, op.dimsd, h.dtype)
    scale = 64 * eps_of(h.dtype) * abs(h).sum()
    assert np.all(abs(op @ x - theirs @ x) <= scale * np.linalg.norm(x.ravel()))
    gap = abs(np.vdot(y, op @ x) - np.vdot(op.H @ y, x))
    assert gap <= scale * np.linalg.norm(x) * np.linalg.norm(y)


@given(data=st.data(), dtype=DTYPES, seed=SEEDS)
def test_one_axis_is_convolved_as_in_pylops(data, dtype, seed):
    rank = data.draw(upto(3))
    dims = tuple(data.draw(upto(6)) for _ in range(rank))
    axis = data.draw(st.integers(-rank, rank - 1))
    # PyLops has no longer filters than signals with several axes.
    k = data.draw(upto(9 if rank == 1 else dims[axis]))
    offset = data.draw(st.integers(-2, min(k, dims[axis]) - 1))
    rng = np.random.default_rng(seed)
    h = noise(rng, (k,), dtype)
    theirs = pylops.signalprocessing.Convolve1D(dims, h, offset, axis, dtype=dtype)
    check_same(ours.Convolve1D(dims, h, offset, axis), theirs, h, rng)


@given(data=st.data(), dtype=DTYPES, seed=SEEDS)
def test_several_axes_are_convolved_as_in_pylops(data, dtype, seed):
    rank = data.draw(st.integers(2, 4))
    dims = tuple(data.draw(upto(4)) for _ in range(rank))
    axes = sorted(data.draw(st.sets(st.integers(0, rank - 1), min_size=1)))
    taps = [data.draw(upto(5)) for _ in axes]
    offset = [data.draw(st.integers(-2, k + 1)) for k in taps]
    rng = np.random.default_rng(seed)
    h = noise(rng, taps, dtype)
    make = "Convolve2D" if len(axes) == 2 and data.draw(st.booleans()) else "ConvolveND"
    words = {"offset": offset, "axes": axes, "method": "direct"}
    theirs = getattr(pylops.signalprocessing, make)(dims, h, **words, dtype=dtype)
    check_same(getattr(ours, make)(dims, h, **words), theirs, h, rng)


def test_the_adjoint_of_a_complex_filter_is_conjugated():
    h = np.array([1.0, 2.0j, 3.0])
    op = ours.Convolve1D(4, h, 1)
    matrix = op.tosparse().toarray()
    np.testing.assert_array_equal(matrix[:, 1], [1.0, 2.0j, 3.0, 0.0])
    np.testing.assert_array_equal(op.H.tosparse().toarray(), matrix.conj().T)


def test_a_long_filter_with_several_axes_and_a_filter_for_each_signal():
    rng = np.random.default_rng(0)
    h, x = noise(rng, (5,)), noise(rng, (3, 2))
    long = ours.Convolve1D(x.shape, h, 1, axis=0) @ x
    whole = np.stack([np.convolve(h, one) for one in x.T], axis=1)
    np.testing.assert_allclose(long, whole[1:6])
    each = noise(rng, (3, 2))
    y = ours.Convolve1D((3, 2), each, axis=1) @ x
    want = [np.convolve(one, other)[:2] for one, other in zip(x, each, strict=True)]
    np.testing.assert_allclose(y, want)


def test_axes_are_named_in_the_order_of_the_filters_own():
    rng = np.random.default_rng(0)
    h, x = noise(rng, (2, 3)), noise(rng, (4, 5, 6))
    turned = ours.ConvolveND(x.shape, h, (1, 2), axes=(2, 0)) @ x
    plain = ours.ConvolveND(x.shape, h.T, (2, 1), axes=(0, 2)) @ x
    np.testing.assert_allclose(turned, plain)
    whole = ours.ConvolveND((4, 5), h) @ x[..., 0]
    np.testing.assert_allclose(whole, ours.ConvolveND((4, 5), h, axes=None) @ x[..., 0])


ONES = np.ones((2, 2))
REFUSED = {
    "pylops.Convolve1D: offset 2 must be a sample of the shorter of filter and signal: "
    "below 2": lambda: ours.Convolve1D(4, [1.0, 1.0], 2),
    "pylops.Convolve1D: method 'overlapadd' is unknown: allowed are direct, fft": lambda: (
        ours.Convolve1D(4, [1.0], method="overlapadd")
    ),
    "pylops.Convolve1D: h has 2 axes, allowed are 1 and, as dims has, 3": (
        lambda: ours.Convolve1D((2, 2, 2), ONES)
    ),
    "pylops.Convolve1D: axis 1 is out of range: the input has 1 axes": (
        lambda: ours.Convolve1D(4, [1.0], axis=1)
    ),
    "pylops.Convolve2D: h has shape (2,), allowed are 2 axes": (
        lambda: ours.Convolve2D((4, 4), [1.0, 1.0])
    ),
    "pylops.ConvolveND: axes (-2, -1) must name 1 different axes, one for each of h": (
        lambda: ours.ConvolveND((4, 4), [1.0, 1.0])
    ),
    "pylops.ConvolveND: axes -2 is out of range: the input has 1 axes": (
        lambda: ours.ConvolveND((4,), ONES)
    ),
    "pylops.ConvolveND: offset must be a list of 2 integers, got 1": (
        lambda: ours.ConvolveND((4, 4), ONES, offset=1)
    ),
}


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_say_what_is_wrong(text):
    check_text(REFUSED[text], text)
