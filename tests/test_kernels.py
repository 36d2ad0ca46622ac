"""Kernels that users start from."""

import numpy as np
import pytest

import convadjoint as ca
from checks import assert_same, assert_within
from convadjoint import GeometryError

EPS = np.finfo(float).eps


@pytest.mark.parametrize("shape", [1, 4, 5, (3, 4), (2, 3, 5)])
def test_a_gaussian_sums_to_one_and_is_symmetric(shape):
    kernel = ca.gaussian_kernel(shape, 0.8)
    assert kernel.shape == (shape if isinstance(shape, tuple) else (shape,))
    assert abs(kernel.sum() - 1) <= 8 * EPS
    assert_within(kernel, np.flip(kernel), kernel)
    assert kernel.min() > 0


def test_a_gaussian_is_its_formula():
    rows, columns = np.mgrid[:4, :3]
    exponent = ((rows - 1.5) / 2) ** 2 + ((columns - 1) / 0.5) ** 2
    want = np.exp(-exponent / 2)
    want /= want.sum()
    assert_within(ca.gaussian_kernel((4, 3), (2, 0.5)), want, want)


def test_a_narrow_gaussian_is_a_single_tap():
    assert_same(ca.gaussian_kernel(5, 1e-3), np.eye(5)[2])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_a_gaussian_has_the_dtype_asked_for(dtype):
    assert ca.gaussian_kernel(3, 1, dtype=dtype).dtype == dtype


@pytest.mark.parametrize(("sigma", "error"), [(0, GeometryError), (-1, GeometryError)])
@pytest.mark.parametrize("shape", [3, (3, 3)])
def test_a_gaussian_needs_a_width(shape, sigma, error):
    with pytest.raises(error, match=f"positive and finite, got {sigma}"):
        ca.gaussian_kernel(shape, sigma)
    with pytest.raises(TypeError, match="sigma must be a number"):
        ca.gaussian_kernel(shape, "wide")
    with pytest.raises(GeometryError, match="at least 1, got 0"):
        ca.gaussian_kernel(0, 1)


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_a_bilinear_kernel_interpolates_inside(factor):
    k = 2 * factor - factor % 2
    kernel = ca.bilinear_kernel(1, 1, k)
    padding = -(-(factor - 1) // 2)
    up = ca.ConvTranspose2DOp((1, 6, 5), kernel, stride=factor, padding=padding)
    assert up.dimsd == (1, 6 * factor, 5 * factor)
    ramp = np.add.outer(np.arange(6.0), 10 * np.arange(5.0))
    places = [(np.arange(n * factor) + 0.5) / factor - 0.5 for n in (6, 5)]
    want = np.add.outer(places[0], 10 * places[1])
    inside = (slice(factor, -factor or None),) * 2
    assert np.allclose((up @ ramp[None])[0][inside], want[inside], rtol=16 * EPS)


@pytest.mark.parametrize("factor", [2, 4])
def test_an_even_bilinear_kernel_keeps_constants(factor):
    kernel = ca.bilinear_kernel(2, 2, 2 * factor)
    up = ca.ConvTranspose2DOp((2, 4, 4), kernel, stride=factor, padding=factor // 2)
    inside = (..., slice(factor, -factor), slice(factor, -factor))
    assert np.allclose((up @ np.ones((2, 4, 4)))[inside], 1, rtol=16 * EPS)


def test_channels_of_a_bilinear_kernel_do_not_mix():
    kernel = ca.bilinear_kernel(2, 3, 3)
    assert kernel.shape == (2, 3, 3, 3)
    assert np.count_nonzero(kernel.any(axis=(2, 3))) == 2
    with pytest.raises(GeometryError, match="kernel_size must be at least 1, got 0"):
        ca.bilinear_kernel(1, 1, 0)
    with pytest.raises(TypeError, match=r"in_channels must be an integer, got 1.5"):
        ca.bilinear_kernel(1.5, 1, 3)
