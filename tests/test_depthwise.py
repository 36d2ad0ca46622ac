"""Depthwise and pointwise operators do what their sentences say."""

import numpy as np
import pytest
import scipy.ndimage

import convadjoint as ca
from checks import assert_same
from strategies import integers


@pytest.mark.parametrize("channel", [0, 1, 2, -1])
@pytest.mark.parametrize("multiplier", [None, 1, 3])
def test_depthwise_convolves_each_channel_by_itself(channel, multiplier):
    rng = np.random.default_rng(0)
    kernels = integers(rng, (4, multiplier or 1, 3, 5))
    x = integers(rng, (4, 6, 7))
    given = kernels[:, 0] if multiplier is None else kernels
    dims = np.moveaxis(x, 0, channel).shape
    op = ca.depthwise(
        dims, given, channel_axis=channel, multiplier=multiplier, padding="same"
    )
    want = [
        scipy.ndimage.correlate(x[c], kernels[c, i], mode="constant")
        for c in range(4)
        for i in range(multiplier or 1)
    ]
    y = op @ np.moveaxis(x, 0, channel)
    assert_same(y, np.moveaxis(np.array(want), 0, channel))


def test_depthwise_finds_channels_before_space():
    op = ca.depthwise((2, 4, 6, 7), np.ones((4, 3, 3)), stride=2, engine="taps")
    assert (op.dimsd, op.engine) == ((2, 4, 2, 3), "taps")


@pytest.mark.parametrize("dims", [(3, 5), (5, 3), (2, 3, 4, 5), (2, 2, 2, 2, 2, 3)])
def test_pointwise_mixes_channels(dims):
    rng = np.random.default_rng(0)
    place = dims.index(3)
    matrix, x = integers(rng, (2, 3), "complex128"), integers(rng, dims)
    op = ca.pointwise(dims, matrix, place)
    want = np.moveaxis(np.tensordot(matrix, x, (1, place)), 0, place)
    assert_same(op @ x, want)
    assert_same(ca.pointwise(dims, matrix, place - len(dims), engine="taps") @ x, want)
    assert_same(ca.pointwise(dims, matrix[..., None, None], place) @ x, want)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: ca.depthwise((4, 6), np.ones(4)),
            r"shape \(channels, \*k\), got \(4,\)",
        ),
        (
            lambda: ca.depthwise((4, 6), np.ones((4, 2, 3)), multiplier=3),
            r"shape \(channels, 3, \*k\), got \(4, 2, 3\)",
        ),
        (lambda: ca.depthwise((5, 6), np.ones((4, 3))), "5 channels on axis 0"),
        (
            lambda: ca.depthwise((4, 4, 6, 7), np.ones((4, 1, 3, 5))),
            (
                r"\(4, 1, 3, 5\) may mean 3x5 taps with a multiplier, or 1x3x5 taps: say "
                r"multiplier=1, and give \(4, 1, 3, 5\) or \(4, 1, 1, 3, 5\)"
            ),
        ),
        (lambda: ca.pointwise((3, 4), np.ones((2, 3, 2)), 0), r"\(2, 3, 2\)"),
        (
            lambda: ca.pointwise((3,), np.ones((2, 3)), 0),
            r"got shapes \(2, 3\) and \(3,\)",
        ),
        (
            lambda: ca.pointwise((3, 4), np.ones(3), 0),
            r"got shapes \(3,\) and \(3, 4\)",
        ),
        (
            lambda: ca.pointwise((3, 4), np.ones((2, 3)), 2),
            "channel_axis 2 is out of range",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, expected):
    with pytest.raises(ca.GeometryError, match=expected):
        call()
