"""``convadjoint.frameworks.mxnet``: what golden cases do not show."""

import numpy as np
import pytest

import convadjoint as ca
from checks import assert_same
from refusals import check_text
from strategies import integers

mxnet = ca.frameworks.mxnet
ONES = np.ones((4, 2, 3, 3))
DIMS = (1, 4, 5, 5)

REFUSED = {
    "mxnet.Convolution: stride has 1 entries for 2 spatial axes: give one integer, or 2": (
        lambda: mxnet.Convolution((1, 2, 5, 5), ONES, stride=2)
    ),
    "mxnet.Convolution: kernel (5, 5) contradicts the kernel array, which has (3, 3)": (
        lambda: mxnet.Convolution((1, 2, 5, 5), ONES, (5, 5))
    ),
    "mxnet.Convolution: num_filter 3 contradicts the kernel array, which has 4": (
        lambda: mxnet.Convolution((1, 2, 5, 5), ONES, num_filter=3)
    ),
    "mxnet.Convolution: layout 'NWC' is unknown: allowed are NCW, NCHW, NCDHW, NHWC, "
    "NDHWC": lambda: mxnet.Convolution((1, 5, 2), ONES[..., 0], layout="NWC"),
    "mxnet.Convolution: layout 'NCW' has 1 spatial axes, the kernel 2": (
        lambda: mxnet.Convolution((1, 2, 5, 5), ONES, layout="NCW")
    ),
    "mxnet.Convolution: 4 spatial axes are too many: allowed are 1 to 3": (
        lambda: mxnet.Convolution((1, 2, 5, 5, 5, 5), np.ones((1, 2, 3, 3, 3, 3)))
    ),
    "mxnet.Deconvolution: adj 2 on spatial axis 1 must be smaller than the stride: at "
    "most 1": lambda: mxnet.Deconvolution(DIMS, ONES, stride=(2, 2), adj=(0, 2)),
    "mxnet.Deconvolution: target_shape 12 on spatial axis 0 is out of reach: at most 11 "
    "with stride 2, and an even number less if that is 1": lambda: mxnet.Deconvolution(
        DIMS, ONES, stride=(2, 2), target_shape=(12, 9)
    ),
    "mxnet.Deconvolution: target_shape 6 on spatial axis 1 is out of reach: at most 7 "
    "with stride 1, and an even number less if that is 1": lambda: mxnet.Deconvolution(
        DIMS, ONES, target_shape=(5, 6)
    ),
    "mxnet.Deconvolution: dilate (1, 2, 1) is not allowed with three spatial axes: only "
    "1 is": lambda: mxnet.Deconvolution(
        (1, 4, 5, 5, 5), np.ones((4, 1, 2, 2, 2)), dilate=(1, 2, 1)
    ),
    "mxnet.Conv2DTranspose: in_channels 3 contradicts the kernel array, which has 4": (
        lambda: mxnet.Conv2DTranspose(DIMS, ONES, in_channels=3)
    ),
    "mxnet.Conv2DTranspose: use_bias must be True or False, got None": lambda: (
        mxnet.Conv2DTranspose(DIMS, ONES, use_bias=None)
    ),
    "mxnet.Pooling: pool_type 'max' is not linear: allowed are avg, sum": lambda: (
        mxnet.Pooling(DIMS, (2, 2))
    ),
    "mxnet.Pooling: pooling_convention 'same' is unknown: allowed are valid, full": (
        lambda: mxnet.Pooling(DIMS, (2, 2), "avg", pooling_convention="same")
    ),
    "mxnet.Pooling: a window of 6 samples on spatial axis 1 exceeds the padded input of "
    "5": lambda: mxnet.Pooling(DIMS, (2, 6), "avg"),
    "mxnet.Pooling: kernel has 0 entries for 2 spatial axes: give one integer, or 2": lambda: (
        mxnet.Pooling(DIMS, (), "avg")
    ),
}


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_say_what_is_wrong(text):
    check_text(REFUSED[text], text)


def test_a_target_shape_of_zeros_is_none():
    words = {"stride": (2, 2), "pad": (1, 1), "adj": (1, 1)}
    op = mxnet.Deconvolution(DIMS, ONES, target_shape=(0, 0), **words)
    assert op.dimsd == (1, 2, 10, 10)


def test_one_integer_is_one_axis_for_operators_and_all_axes_for_layers():
    kernel = np.ones((4, 2, 3))
    assert mxnet.Deconvolution((1, 4, 5), kernel, 3, stride=2).dimsd == (1, 2, 11)
    assert mxnet.Conv2DTranspose(DIMS, ONES, strides=2).dimsd == (1, 2, 11, 11)


@pytest.mark.parametrize("name", ["Convolution", "Deconvolution"])
def test_channels_last_is_the_same_with_moved_axes(name):
    rng = np.random.default_rng(0)
    x, w = integers(rng, (2, 4, 5, 6)), integers(rng, (4, 2, 3, 2))
    words = {"stride": (2, 1), "pad": (1, 0), "num_group": 2}
    make = getattr(mxnet, name)
    first = make(x.shape, w, **words) @ x
    x, w = np.moveaxis(x, 1, -1), np.moveaxis(w, 1, -1)
    last = make(x.shape, w, layout="NHWC", **words) @ x
    assert_same(np.moveaxis(last, -1, 1), first)


def test_layers_convolve_as_operators():
    rng = np.random.default_rng(0)
    x, w = integers(rng, (2, 4, 5, 6)), integers(rng, (6, 2, 3, 2))
    words = {"channels": 6, "kernel_size": (3, 2), "in_channels": 4, "groups": 2}
    layer = mxnet.Conv2D(x.shape, w, 2, 1, 2, **words)
    same = {"stride": (2, 2), "pad": (1, 1), "dilate": (2, 2), "num_group": 2}
    assert_same(layer @ x, mxnet.Convolution(x.shape, w, **same) @ x)


def test_pooling_sums_and_pools_everything():
    x = np.arange(24.0).reshape(1, 2, 3, 4)
    total = mxnet.Pooling(x.shape, pool_type="sum", global_pool=True) @ x
    assert_same(total, x.sum(axis=(2, 3), keepdims=True))
    mean = mxnet.Pooling(x.shape, pool_type="avg", global_pool=True, layout="NHWC")
    np.testing.assert_allclose(mean @ x, x.mean(axis=(1, 2), keepdims=True))


def test_a_window_behind_the_signal_is_empty():
    words = {"pooling_convention": "full", "stride": (3,)}
    op = mxnet.Pooling((1, 1, 5), (1,), "avg", **words)
    assert_same(op @ np.ones((1, 1, 5)), np.array([[[1.0, 1.0, 0.0]]]))
