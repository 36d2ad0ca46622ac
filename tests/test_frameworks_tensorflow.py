"""``convadjoint.frameworks.tensorflow`` and ``.keras``: what golden cases do not show."""

import numpy as np
import pytest

import convadjoint as ca
from checks import assert_same
from refusals import check_text
from strategies import integers

tf, keras = ca.frameworks.tensorflow, ca.frameworks.keras

ONES = np.ones((3, 3, 2, 4))
BACK = np.ones((3, 3, 4, 2))
DIMS = (1, 5, 5, 2)
DEPTH = np.ones((3, 3, 2, 1))

REFUSED = {
    "tensorflow.conv2d: strides has 3 entries, allowed are 1, 2 or 4": (
        lambda: tf.conv2d(DIMS, ONES, (1, 2, 2), "SAME")
    ),
    "tensorflow.conv2d: strides is 2 for the channel axis: only 1 is allowed": (
        lambda: tf.conv2d(DIMS, ONES, (1, 1, 1, 2), "SAME")
    ),
    "tensorflow.conv2d: padding is (1, 0) for the batch axis: only (0, 0) is allowed": (
        lambda: tf.conv2d(DIMS, ONES, 1, [[1, 0], [1, 1], [1, 1], [0, 0]])
    ),
    "tensorflow.conv2d: padding has 2 pairs, allowed are 4: one for each axis of the "
    "input": lambda: tf.conv2d(DIMS, ONES, 1, [[1, 1], [1, 1]]),
    "tensorflow.conv2d: padding must be a list of 2 integers, got 1": (
        lambda: tf.conv2d(DIMS, ONES, 1, [1, 1])
    ),
    "tensorflow.conv2d: padding 'same' is not allowed: it must be 'SAME' or 'VALID', or "
    "a list of 4 pairs": lambda: tf.conv2d(DIMS, ONES, 1, "same"),
    "tensorflow.conv2d: data_format 'NWC' is unknown: allowed are NHWC, NCHW": (
        lambda: tf.conv2d(DIMS, ONES, 1, "SAME", "NWC")
    ),
    "tensorflow.conv2d: the input (1, 5, 5, 3) has 3 channels, which the kernel's 2 "
    "must divide": lambda: tf.conv2d((1, 5, 5, 3), ONES, 1, "SAME"),
    "tensorflow.conv2d: the input (5, 5, 2) has 3 axes, allowed is NHWC": (
        lambda: tf.conv2d((5, 5, 2), ONES, 1, "SAME")
    ),
    "tensorflow.conv1d: stride has 2 entries, allowed are 1 or 3": (
        lambda: tf.conv1d((1, 5, 2), ONES[0], (1, 2), "SAME")
    ),
    "tensorflow.conv3d: strides 1 must be a list of 5 integers": (
        lambda: tf.conv3d((1, 5, 5, 5, 2), ONES[None], 1, "SAME")
    ),
    "tensorflow.convolution: strides (2, 1) and dilations (1, 2) must not both exceed "
    "1": lambda: tf.convolution(DIMS, ONES, (2, 1), "SAME", None, (1, 2)),
    "tensorflow.convolution: the kernel has 4 spatial axes, allowed are 1, 2 and 3": (
        lambda: tf.convolution((1, 5, 5, 5, 5, 2), np.ones((1, 1, 1, 1, 2, 2)))
    ),
    "tensorflow.conv2d_transpose: output_shape (1, 5, 5) has 3 entries, allowed are 2 "
    "or 4": lambda: tf.conv2d_transpose(DIMS, BACK, (1, 5, 5), 1),
    "tensorflow.conv_transpose: output_shape (5, 5) has 2 entries, allowed are 4": (
        lambda: tf.conv_transpose(DIMS, BACK, (5, 5), 1)
    ),
    "tensorflow.conv2d_transpose: output_shape (2, 5, 5, 4) has batch 2, the input 1": (
        lambda: tf.conv2d_transpose(DIMS, BACK, (2, 5, 5, 4), 1)
    ),
    "tensorflow.conv2d_transpose: output_shape (1, 5, 5, 3) has 3 channels, which the "
    "kernel's 4 must divide": lambda: tf.conv2d_transpose(DIMS, BACK, (1, 5, 5, 3), 1),
    "tensorflow.conv2d_transpose: output_shape is 11 on spatial axis 1; the lengths "
    "whose convolution has the input's length 5 are 9 to 10": (
        lambda: tf.conv2d_transpose(DIMS, BACK, (1, 10, 11, 4), 2)
    ),
    "tensorflow.conv2d_transpose: output_shape must be given by its shape, got 5": (
        lambda: tf.conv2d_transpose(DIMS, BACK, 5, 1)
    ),
    "tensorflow.depthwise_conv2d: strides 1 must be a list of 4 integers": (
        lambda: tf.depthwise_conv2d(DIMS, DEPTH, 1, "SAME")
    ),
    "tensorflow.depthwise_conv2d: strides (2, 2) must be 1 with dilations (1, 2): "
    "TensorFlow would ignore them": lambda: tf.depthwise_conv2d(
        DIMS, DEPTH, (1, 2, 2, 1), "SAME", None, (1, 2)
    ),
    "tensorflow.depthwise_conv2d: the kernel has shape (3, 3), allowed is (*k, c, "
    "multiplier)": lambda: tf.depthwise_conv2d(DIMS, np.ones((3, 3)), [1] * 4, "SAME"),
    "tensorflow.depthwise_conv2d_backprop_input: dilations (2, 2) must be 1: "
    "TensorFlow would ignore them": lambda: tf.depthwise_conv2d_backprop_input(
        DIMS, DEPTH, DIMS, [1] * 4, "SAME", None, (1, 2, 2, 1)
    ),
    "tensorflow.depthwise_conv2d_backprop_input: channels of input_sizes 3 contradicts "
    "the kernel array, which has 2": lambda: tf.depthwise_conv2d_backprop_input(
        DIMS, DEPTH, (1, 5, 5, 3), [1] * 4, "SAME"
    ),
    "tensorflow.Conv2DBackpropInput: explicit_paddings has 2 entries, with padding "
    "'EXPLICIT' allowed are 8": lambda: tf.Conv2DBackpropInput(
        DIMS, BACK, (1, 5, 5, 4), [1] * 4, "EXPLICIT", (1, 1)
    ),
    "tensorflow.Conv2DBackpropInput: explicit_paddings has 8 entries, with padding "
    "'SAME' allowed are 0": lambda: tf.Conv2DBackpropInput(
        DIMS, BACK, (1, 5, 5, 4), [1] * 4, "SAME", [0] * 8
    ),
    "tensorflow.avg_pool: padding 'FULL' is not allowed: it must be 'SAME' or 'VALID'": (
        lambda: tf.avg_pool(DIMS, 2, 2, "FULL")
    ),
    "tensorflow.avg_pool1d: the input (1, 5, 5, 2) has 4 axes, allowed is 3": (
        lambda: tf.avg_pool1d(DIMS, 2, 2, "SAME")
    ),
    "keras.Conv2D: padding 'causal' is unknown: allowed are valid, same": (
        lambda: keras.Conv2D(DIMS, ONES, padding="causal")
    ),
    "keras.Conv2D: strides (2, 1) and dilation_rate (1, 2) must not both exceed 1": (
        lambda: keras.Conv2D(DIMS, ONES, (2, 1), dilation_rate=(1, 2))
    ),
    "keras.Conv2D: filters 3 contradicts the kernel array, which has 4": (
        lambda: keras.Conv2D(DIMS, ONES, filters=3)
    ),
    "keras.Conv2D: kernel_size (5, 5) contradicts the kernel array, which has (3, 3)": (
        lambda: keras.Conv2D(DIMS, ONES, kernel_size=5)
    ),
    "keras.Conv2D: data_format 'NHWC' is unknown: allowed are channels_last, "
    "channels_first": lambda: keras.Conv2D(DIMS, ONES, data_format="NHWC"),
    "keras.DepthwiseConv2D: depth_multiplier 2 contradicts the kernel array, which has "
    "1": lambda: keras.DepthwiseConv2D(DIMS, DEPTH, depth_multiplier=2),
    "keras.Conv1DTranspose: the output length is 4 on spatial axis 0; the lengths whose "
    "convolution has the input's length 3 are 5 to 6": lambda: keras.Conv1DTranspose(
        (1, 3, 1), np.ones((4, 1, 1)), 2, "same", 0
    ),
    "keras.AveragePooling2D: pool_size has 1 entries for 2 spatial axes: give one "
    "integer, or 2": lambda: keras.AveragePooling2D(DIMS, (2,)),
}


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_say_what_is_wrong(text):
    check_text(REFUSED[text], text)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def same(left, right):
    """Two operators are the same matrix between the same shapes."""
    assert (left.dims, left.dimsd) == (right.dims, right.dimsd)
    assert_same(left.tosparse().toarray(), right.tosparse().toarray())


@pytest.mark.parametrize("strides", [2, [2], (2, 2), (1, 2, 2, 1), np.array([2, 2])])
def test_strides_are_spelled_in_many_ways(rng, strides):
    w = integers(rng, (3, 2, 2, 4))
    same(tf.conv2d(DIMS, w, strides, "SAME"), tf.conv2d(DIMS, w, (2, 2), "SAME"))
    full = (1, 9, 10, 2)
    words = {"output_shape": full, "strides": strides}
    op = tf.conv2d_transpose((1, 5, 5, 4), w, **words)
    same(op, tf.conv2d(full, w, strides, "SAME").T)


def test_the_generic_functions_are_those_of_each_rank(rng):
    w = integers(rng, (3, 2, 2, 4))
    same(tf.convolution(DIMS, w, 2), tf.conv2d(DIMS, w, 2, "VALID"))
    words = {"output_shape": (1, 9, 10, 2), "strides": 2}
    dims = (1, 5, 5, 4)
    generic = tf.conv_transpose(dims, w, **words)
    same(generic, tf.conv2d_transpose(dims, w, **words))
    same(tf.conv2d_transpose(dims, w, (9, 10), 2), generic)
    same(
        tf.avg_pool(DIMS, 2, 2, "SAME"), tf.avg_pool2d(DIMS, [2], (1, 2, 2, 1), "SAME")
    )


def test_channels_may_come_first_and_batches_be_several(rng):
    x, w = integers(rng, (2, 3, 5, 6, 2)), integers(rng, (3, 2, 2, 4))
    last = tf.conv2d(x.shape, w, 2, "SAME") @ x
    assert last.shape == (2, 3, 3, 3, 4)
    turned = np.moveaxis(x, -1, 2)
    first = tf.conv2d(turned.shape, w, (1, 1, 2, 2), "SAME", "NCHW") @ turned
    assert_same(np.moveaxis(first, 2, -1), last)


def test_pairs_pad_both_ways(rng):
    w, pads = integers(rng, (3, 2, 2, 4)), [[0, 0], [2, 1], [0, 3], [0, 0]]
    forward = tf.conv2d(DIMS, w, 2, pads)
    plain = ca.Conv2DOp(
        DIMS[1:],
        w.transpose(3, 2, 0, 1),
        stride=2,
        padding=((2, 1), (0, 3)),
        channel_axis=-1,
        axes=(0, 1),
    )
    assert_same(forward.tosparse().toarray(), plain.tosparse().toarray())
    back = tf.conv2d_transpose(forward.dimsd, w, DIMS, 2, pads)
    same(back, forward.T)
    raw = tf.Conv2DBackpropInput(
        forward.dimsd, w, DIMS, (1, 2, 2, 1), "EXPLICIT", (0, 0, 2, 1, 0, 3, 0, 0)
    )
    same(raw, back)


def test_depthwise_channels_keep_to_themselves(rng):
    w, x = integers(rng, (3, 2, 2, 3)), integers(rng, (1, 5, 6, 2))
    y = tf.depthwise_conv2d(x.shape, w, (1, 2, 1, 1), "SAME") @ x
    for channel in range(2):
        one = tf.conv2d((1, 5, 6, 1), w[:, :, channel, None], (2, 1), "SAME")
        mine = y[..., 3 * channel : 3 * channel + 3]
        assert_same(mine, one @ x[..., channel, None])
    layer = keras.DepthwiseConv2D(x.shape, w, (2, 1), "SAME")
    same(layer, tf.depthwise_conv2d(x.shape, w, (1, 2, 1, 1), "SAME"))


@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
def test_the_gradient_on_the_kernel_is_the_adjoint_in_it(rng, data_format):
    x, w = integers(rng, (2, 5, 6, 4)), integers(rng, (3, 2, 2, 6))
    words = {"strides": (1, 2, 1, 1), "padding": "VALID", "dilations": (1, 1, 2, 1)}
    if data_format == "NCHW":
        x = np.moveaxis(x, -1, 1)
        words = words | {"strides": (1, 1, 2, 1), "dilations": (1, 1, 1, 2)}
    words["data_format"] = data_format
    y = tf.conv2d(x.shape, w, **words) @ x
    gradient = tf.Conv2DBackpropFilter(x, w.shape, **words)
    assert (gradient.dims, gradient.dimsd) == (y.shape, w.shape)
    assert_same(gradient.T @ w, y)


def test_causal_layers_see_no_future(rng):
    w = integers(rng, (3, 1, 1))
    op = keras.Conv1D((1, 6, 1), w, padding="Causal", dilation_rate=2)
    matrix = op.tosparse().toarray()
    assert op.dimsd == (1, 6, 1)
    assert_same(matrix, np.tril(matrix))
    assert_same(np.diag(matrix), np.full(6, w[-1, 0, 0]))


def test_no_output_padding_is_not_an_output_padding_of_zero(rng):
    w, dims = integers(rng, (3, 1, 1)), (1, 4, 1)
    none = keras.Conv1DTranspose(dims, w, 2, "same").tosparse().toarray()
    zero = keras.Conv1DTranspose(dims, w, 2, "same", 0).tosparse().toarray()
    assert none.shape == (8, 4)
    # One sample less is cropped before: the same kernel stands one sample earlier.
    assert_same(zero, none[1:])


def test_the_parity_that_counts_is_that_of_the_dilated_kernel():
    words = {"padding": "same", "output_padding": 0, "dilation_rate": 2}
    op = keras.Conv1DTranspose((1, 4, 1), np.ones((2, 1, 1)), **words)
    assert op.dimsd == (1, 4, 1)


def test_the_means_of_a_border_count_only_the_input():
    op = keras.AveragePooling2D((1, 2, 3, 3), 2, 2, "same", "channels_first")
    assert op.dimsd == (1, 2, 2, 2)
    assert_same(op @ np.ones(op.dims), np.ones(op.dimsd))
    assert op.dtype == np.float64
    assert keras.AveragePooling1D((1, 4, 1), 2, dtype="float32").dtype == np.float32
