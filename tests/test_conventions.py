"""The same convolution in the words of NumPy, SciPy and PyLops."""

import numpy as np
import pylops
import pytest
import scipy.ndimage
import scipy.signal

import convadjoint as ca
from strategies import noise

RNG = np.random.default_rng(0)
SHAPES = [((9, 8), (3, 3)), ((9, 8), (4, 2)), ((7, 12), (5, 1)), ((5, 6), (2, 3))]
NDIMAGE = {
    "constant": "zeros",
    "mirror": "reflect",
    "reflect": "symmetric",
    "nearest": "replicate",
    "wrap": "circular",
}


def assert_like(op, x, want):
    """`op @ x` is what the other library returns, up to rounding."""
    got = op @ x
    assert got.shape == want.shape
    scale = abs(op.kernel).sum() * abs(x).max()
    assert np.all(abs(got - want) <= 16 * np.finfo(want.dtype).eps * scale)


@pytest.mark.parametrize(("shape", "taps"), SHAPES)
@pytest.mark.parametrize("mode", ["full", "valid"])
def test_scipy_signal_convolve(mode, shape, taps):
    x, w = noise(RNG, shape), noise(RNG, taps)
    op = ca.Conv2DOp(shape, w, padding=mode, flip=True)
    assert_like(op, x, scipy.signal.convolve(x, w, mode, method="direct"))


@pytest.mark.parametrize(("shape", "taps"), SHAPES)
def test_scipy_signal_same(shape, taps):
    x, w = noise(RNG, shape), noise(RNG, taps)
    center = tuple((k - 1) // 2 for k in taps)
    op = ca.Conv2DOp(shape, w, padding="same", center=center, flip=True)
    assert_like(op, x, scipy.signal.convolve(x, w, "same", method="direct"))
    center = tuple(k // 2 for k in taps)
    op = ca.Conv2DOp(shape, w, padding="same", center=center)
    assert_like(op, x, scipy.signal.correlate(x, w, "same", method="direct"))


@pytest.mark.parametrize(("shape", "taps"), SHAPES)
@pytest.mark.parametrize("mode", NDIMAGE)
def test_scipy_ndimage(mode, shape, taps):
    x, w = noise(RNG, shape), noise(RNG, taps)
    words = {"padding": "same", "padding_mode": NDIMAGE[mode]}
    center = tuple(k // 2 for k in taps)
    op = ca.Conv2DOp(shape, w, center=center, **words)
    assert_like(op, x, scipy.ndimage.correlate(x, w, mode=mode))
    op = ca.Conv2DOp(shape, w, center=center, flip=True, **words)
    assert_like(op, x, scipy.ndimage.convolve(x, w, mode=mode))


def test_numpy_convolve():
    x, w = noise(RNG, (9,), "complex128"), noise(RNG, (4,), "complex128")
    op = ca.Conv1DOp(9, w, padding="full", flip=True)
    assert_like(op, x, np.convolve(x, w))
    assert_like(ca.ConvTranspose1DOp(9, w), x, np.convolve(x, w))
    assert_like(ca.Conv1DOp(9, w.conj()), x, np.correlate(x, w))


@pytest.mark.parametrize("offset", [0, 1, 3])
def test_pylops_convolve1d(offset):
    x, w = noise(RNG, (9,)), noise(RNG, (4,))
    op = ca.Conv1DOp(9, w, padding="same", center=offset, flip=True)
    other = pylops.signalprocessing.Convolve1D(9, w, offset=offset)
    assert_like(op, x, other @ x)
    assert_like(op.H, x, other.H @ x)


@pytest.mark.parametrize("offset", [(0, 0), (1, 2), (2, 0)])
def test_pylops_convolve2d(offset):
    x, w = noise(RNG, (8, 9)), noise(RNG, (3, 4))
    op = ca.Conv2DOp((8, 9), w, padding="same", center=offset, flip=True)
    other = pylops.signalprocessing.Convolve2D((8, 9), w, offset=offset)
    assert_like(op, x, other @ x)
    assert_like(op.H, x, other.H @ x)


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("mode", NDIMAGE)
def test_shortest_axes(mode, n):
    x, w = noise(RNG, (n,)), noise(RNG, (5,))
    words = {"padding": "same", "padding_mode": NDIMAGE[mode]}
    assert_like(ca.Conv1DOp(n, w, **words), x, scipy.ndimage.correlate(x, w, mode=mode))


def test_the_conventions_can_be_told_apart():
    x, w = noise(RNG, (9,)), noise(RNG, (4,))
    right = scipy.ndimage.correlate(x, w, mode="mirror")
    words = {"padding": "same", "center": 2, "padding_mode": "reflect"}
    assert_like(ca.Conv1DOp(9, w, **words), x, right)
    for wrong in ({"center": 1}, {"flip": True}, {"padding_mode": "symmetric"}):
        with pytest.raises(AssertionError):
            assert_like(ca.Conv1DOp(9, w, **words | wrong), x, right)
