"""``convadjoint.frameworks.caffe``: what golden cases do not show."""

import numpy as np
import pytest

import convadjoint as ca
from checks import assert_same
from refusals import check_text
from strategies import integers

caffe = ca.frameworks.caffe
ONES = np.ones((4, 2, 3, 3))
DIMS = (1, 2, 5, 5)

REFUSED = {
    "caffe.Crop: the reference (1, 2) needs as many axes as the input (1, 2, 5, 5)": (
        lambda: caffe.Crop(DIMS, (1, 2))
    ),
    "caffe.Convolution: kernel_h and kernel_w need two spatial axes and no kernel_size, "
    "got 2 axes and kernel_size=3": lambda: caffe.Convolution(
        DIMS, ONES, 3, kernel_h=3, kernel_w=3
    ),
    "caffe.Convolution: stride_h and stride_w on spatial axis 1 must be at least 1, got "
    "0": lambda: caffe.Convolution(DIMS, ONES, stride_h=2),
    "caffe.Convolution: kernel_size (0, 0) contradicts the kernel array, which has (3, "
    "3)": lambda: caffe.Convolution(DIMS, ONES, 0),
    "caffe.Convolution: kernel_size (3, 0) contradicts the kernel array, which has (3, "
    "3)": lambda: caffe.Convolution(DIMS, ONES, kernel_h=3),
    "caffe.Convolution: pad has 3 entries for 2 spatial axes: give one integer, or 2": (
        lambda: caffe.Convolution(DIMS, ONES, pad=[1, 1, 1])
    ),
    "caffe.Convolution: the kernel spans 3 samples on spatial axis 1, but only 0 + 1 + 0 "
    "are there: pad more or shrink it": lambda: caffe.Convolution((1, 2, 5, 1), ONES),
    "caffe.Convolution: axis 4 is out of range: allowed are -4 to 3": lambda: (
        caffe.Convolution(DIMS, ONES, axis=4)
    ),
    "caffe.Convolution: the kernel has shape (4, 2), allowed is one axis for each of "
    "OI*": lambda: caffe.Convolution((1, 2), np.ones((4, 2))),
    "caffe.Convolution: bias_term must be True or False, got 'yes'": lambda: (
        caffe.Convolution(DIMS, ONES, bias_term="yes")
    ),
    "caffe.Deconvolution: num_output 3 contradicts the kernel array, which has 2": (
        lambda: caffe.Deconvolution((1, 4, 5, 5), ONES, num_output=3)
    ),
    "caffe.Pooling: pool 'MAX' is not linear: allowed are AVE": lambda: caffe.Pooling(
        DIMS, kernel_size=2
    ),
    "caffe.Pooling: pad 2 on spatial axis 0 must be smaller than the window: at most 1": (
        lambda: caffe.Pooling(DIMS, "AVE", 2, pad=2)
    ),
    "caffe.Pooling: a layer needs either a kernel size or global_pooling, got neither": (
        lambda: caffe.Pooling(DIMS, "AVE")
    ),
    "caffe.Pooling: a layer needs either a kernel size or global_pooling, got both": (
        lambda: caffe.Pooling(DIMS, "AVE", 2, global_pooling=True)
    ),
    "caffe.Pooling: the input (1, 2, 5) has 3 axes, allowed is NCHW": lambda: (
        caffe.Pooling((1, 2, 5), "AVE", 2)
    ),
    "caffe.Pooling: a window of 9 samples on spatial axis 0 exceeds the padded input of "
    "5": lambda: caffe.Pooling(DIMS, "AVE", 9),
    "caffe.Crop: a crop of 4 samples from 2 on does not lie in axis 3 of length 5": (
        lambda: caffe.Crop(DIMS, (1, 2, 3, 4), offset=2)
    ),
}


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_say_what_is_wrong(text):
    check_text(REFUSED[text], text)


@pytest.mark.parametrize("name", ["Convolution", "Deconvolution"])
def test_taps_without_dilation_lie_on_one_sample(name):
    rng = np.random.default_rng(0)
    x, w = integers(rng, (1, 2, 5, 5)), integers(rng, (2, 2, 3, 2))
    still = getattr(caffe, name)(x.shape, w, (3, 2), dilation=[0, 1])
    summed = getattr(caffe, name)(x.shape, w.sum(axis=2, keepdims=True), (1, 2))
    assert_same(still @ x, summed @ x)


def test_a_window_may_end_outside_if_the_stride_is_larger_than_what_lacks():
    # (3 - 4) / 2 is rounded to zero.
    op = caffe.Convolution((1, 1, 3), np.ones((1, 1, 4)), stride=2)
    assert_same(op @ np.ones((1, 1, 3)), np.full((1, 1, 1), 3.0))


def test_all_axes_before_the_channels_are_a_batch():
    rng = np.random.default_rng(0)
    x, w = integers(rng, (3, 2, 2, 5)), integers(rng, (4, 2, 3))
    op = caffe.Convolution(x.shape, w, axis=-2)
    plain = caffe.Convolution((6, 2, 5), w)
    assert_same((op @ x).reshape(6, 4, 3), plain @ x.reshape(6, 2, 5))


def test_a_crop_starts_where_it_is_told():
    x = np.arange(120.0).reshape(2, 3, 4, 5)
    assert_same(caffe.Crop(x.shape, (9, 9, 2, 3), offset=(1, 2)) @ x, x[:, :, 1:3, 2:])
    assert_same(caffe.Crop(x.shape, (9, 2, 2, 3), 1) @ x, x[:, :2, :2, :3])


def test_global_pooling_and_rounding_down():
    x = np.arange(50.0).reshape(1, 2, 5, 5)
    mean = caffe.Pooling(x.shape, "AVE", global_pooling=True) @ x
    np.testing.assert_allclose(mean, x.mean(axis=(2, 3), keepdims=True))
    down = {"kernel_size": 2, "stride": 2, "round_mode": "FLOOR"}
    assert caffe.Pooling(x.shape, "AVE", **down).dimsd == (1, 2, 2, 2)
