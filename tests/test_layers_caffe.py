"""Layers of Caffe nets: what they compute, and what is refused."""

from itertools import product

import numpy as np
import pytest

import convadjoint as ca
from caffe_nets import net, weights
from checks import assert_same

RNG = np.random.default_rng(13)


def whole(*shape):
    """Small whole numbers, which float32 sums exactly."""
    return RNG.integers(-3, 4, shape).astype(np.float32)


def scattered(x, kernel, stride, groups):
    """The transposed convolution, sample by sample, without any crop."""
    batch, c_in, *n = x.shape
    sizes = [(a - 1) * stride + k for a, k in zip(n, kernel.shape[2:], strict=True)]
    inside, outside = c_in // groups, kernel.shape[1]
    y = np.zeros((batch, outside * groups, *sizes))
    for b, c, i, j in product(range(batch), range(c_in), range(n[0]), range(n[1])):
        first = c // inside * outside
        rows = slice(i * stride, i * stride + kernel.shape[2])
        columns = slice(j * stride, j * stride + kernel.shape[3])
        y[b, first : first + outside, rows, columns] += x[b, c, i, j] * kernel[c]
    return y


def gathered(x, kernel, stride, pad):
    """The convolution, sample by sample."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    height, width = kernel.shape[2:]
    rows = range(0, x.shape[2] - height + 1, stride)
    columns = range(0, x.shape[3] - width + 1, stride)
    y = [
        [np.einsum("ncij,ocij->no", x[:, :, i : i + height, j : j + width], kernel)]
        for i, j in product(rows, columns)
    ]
    y = np.array(y).reshape(len(rows), len(columns), len(x), len(kernel))
    return y.transpose(2, 3, 0, 1)


def test_a_convolution():
    kernel, bias, x = whole(4, 3, 3, 2), whole(4), whole(1, 3, 7, 6)
    words = "num_output: 4 kernel_h: 3 kernel_w: 2 stride: 2 pad: 1"
    given = net("Convolution", words, shape=x.shape)
    layer = ca.from_caffe(given, "it", weights(kernel, bias))
    want = gathered(x, kernel, 2, 1) + bias.reshape(1, 4, 1, 1)
    assert_same(layer(x), want)
    assert_same(layer.bias, bias.reshape(1, 4, 1, 1))


@pytest.mark.parametrize("old", [False, True])
def test_a_deconvolution(old):
    kernel, bias, x = whole(4, 3, 4, 4), whole(6), whole(2, 4, 3, 5)
    words = "num_output: 6 kernel_size: 4 stride: 2 pad: 1 group: 2"
    given = net("Deconvolution", words, shape=x.shape)
    layer = ca.from_caffe(given, "it", weights(kernel, bias, old=old))
    want = scattered(x, kernel, 2, 2)[:, :, 1:-1, 1:-1] + bias.reshape(1, 6, 1, 1)
    assert_same(layer(x), want)


def test_an_average_pooling_counts_the_padding():
    words = "pool: AVE kernel_size: 2 stride: 2 pad: 1"
    layer = ca.from_caffe(net("Pooling", words, shape=(1, 1, 3, 3)), "it")
    x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    assert_same(layer(x)[0, 0] * 4, np.array([[1.0, 5.0], [11.0, 28.0]]))
    everything = net("Pooling", "pool: AVE global_pooling: true", shape=(1, 1, 2, 2))
    want = np.full((1, 1, 1, 1), 3.0)
    assert_same(ca.from_caffe(everything, "it")(x[:, :, :2, :2]), want)


def test_a_layer_without_bias():
    given = net("Convolution", "num_output: 2 kernel_size: 1 bias_term: false")
    layer = ca.from_caffe(given, "it", weights(whole(2, 3, 1, 1)))
    assert layer.bias.shape == ()


def test_weights_may_be_double():
    given = net("Convolution", "num_output: 2 kernel_size: 1 bias_term: false")
    kernel = RNG.standard_normal((2, 3, 1, 1))
    assert_same(ca.from_caffe(given, "it", weights(kernel)).op.kernel, kernel)


def test_files_and_shapes(tmp_path):
    words = "num_output: 2 kernel_size: 1 bias_term: false"
    text, model = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    text.write_bytes(net("Convolution", words))
    model.write_bytes(weights(whole(2, 3, 1, 1)))
    assert ca.from_caffe(text, "it", str(model)).op.dims == (1, 3, 4, 4)
    larger = ca.from_caffe(text, "it", model, input_shape=(1, 3, 9, 9))
    assert larger.op.dims == (1, 3, 9, 9)
    with pytest.raises(TypeError, match=r"caffemodel must be a path.*got builtins.int"):
        ca.from_caffe(text, "it", 3)


SHAPES = {
    "input_shape": b'input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: 4 }',
    "input_dim": b'input: "data" input_dim: [1, 3, 4, 4]',
    "Input": b'layer { name: "data" type: "Input" top: "data" '
    b"input_param { shape { dim: [1, 3, 4, 4] } } }",
    "one for all": b'layer { type: "Input" top: "a" top: "data" '
    b"input_param { shape { dim: [1, 3, 4, 4] } } }",
}


@pytest.mark.parametrize("head", SHAPES.values(), ids=SHAPES)
def test_the_shape_of_an_input_is_stated_in_several_ways(head):
    words = "pool: AVE kernel_size: 2"
    given = net("Pooling", words, head=head)
    assert ca.from_caffe(given, "it").op.dims == (1, 3, 4, 4)


def test_an_input_without_a_shape_has_to_be_given_one():
    given = net("Pooling", "pool: AVE kernel_size: 2", head=b"")
    match = "layer 'it' .'Pooling'.*shape of 'data': give input_shape"
    with pytest.raises(ca.SemanticsError, match=match):
        ca.from_caffe(given, "it")
    too_few = b'layer { type: "Input" top: "a" top: "b" top: "data" input_param '
    too_few += b"{ shape { dim: 1 } shape { dim: 1 } } }"
    given = net("Pooling", "pool: AVE kernel_size: 2", head=too_few)
    with pytest.raises(ca.SemanticsError, match="give input_shape"):
        ca.from_caffe(given, "it")


USUAL = "num_output: 2 kernel_size: 1 bias_term: false"
NETS = {
    "stride 0": (USUAL + " stride: 0", "stride.*at least 1, got 0"),
    "pad -1": (USUAL + " pad: -1", "pad.*at least 0, got -1"),
    "group 2": (USUAL + " group: 2", "3 channels.*takes 6"),
    "kernel": ("num_output: 2 kernel_size: 3 bias_term: false", "kernel_size"),
    "outputs": ("num_output: 5 kernel_size: 1 bias_term: false", "num_output"),
    "no outputs": ("kernel_size: 1 bias_term: false", "num_output"),
    "axis": (USUAL + " axis: 2", "axes"),
    "axis 9": (USUAL + " axis: 9", "axis 9 is out of range"),
    "blobs": ("num_output: 2 kernel_size: 1", "caffemodel has 1 blobs for it"),
    "text": (
        USUAL + " stride: 'x'",
        "prototxt cannot be read:.*Couldn't parse integer",
    ),
    "float": (USUAL + " stride: 1.5", "prototxt cannot be read"),
    "NaN": (USUAL + " stride: nan", "prototxt cannot be read"),
    "twice": (USUAL + " group: 1 group: 1", "prototxt cannot be read.*group"),
}


@pytest.mark.parametrize(("words", "match"), NETS.values(), ids=NETS)
def test_what_a_net_says_is_checked(words, match):
    with pytest.raises(ValueError, match=match) as caught:
        ca.from_caffe(net("Convolution", words), "it", weights(whole(2, 3, 1, 1)))
    assert type(caught.value) in (ca.GeometryError, ca.SemanticsError)


def test_layers_that_cannot_be_taken():
    given = net("Convolution", USUAL)
    with pytest.raises(ca.SemanticsError, match="it has weights: give caffemodel"):
        ca.from_caffe(given, "it")
    with pytest.raises(ca.SemanticsError, match=r"0 layers named 'no', not one.*'it'"):
        ca.from_caffe(given, "no")
    with pytest.raises(ca.SemanticsError, match="2 layers named 'it', not one"):
        ca.from_caffe(given + b"\n" + given.splitlines()[1], "it")
    with pytest.raises(ca.SemanticsError, match="type is none of Convolution, Deconv"):
        ca.from_caffe(net("ReLU", ""), "it")
    with pytest.raises(ca.SemanticsError, match="'MAX' is not linear"):
        ca.from_caffe(net("Pooling", "kernel_size: 2 pool: MAX"), "it")
    with pytest.raises(ca.SemanticsError, match="caffemodel has 0 layers named 'it'"):
        ca.from_caffe(given, "it", weights(whole(1), name="other"))
    with pytest.raises(ca.SemanticsError, match="`layers` is the older format"):
        ca.from_caffe(b'layers { name: "it" type: CONVOLUTION }', "it")


def test_blobs_hold_what_their_shapes_promise():
    given = net("Convolution", USUAL)
    broken = weights(whole(2, 3, 1, 1), shape=(2, 3, 2**40, 1))
    with pytest.raises(ca.SemanticsError, match=r"shape \(2, 3, 1099.*but 6 samples"):
        ca.from_caffe(given, "it", broken)
    with pytest.raises(ca.SemanticsError, match=r"\(-2, -3, 1, 1\), but 6 samples"):
        ca.from_caffe(given, "it", weights(whole(2, 3, 1, 1), shape=(-2, -3, 1, 1)))
    biased = net("Convolution", "num_output: 2 kernel_size: 1")
    with pytest.raises(ca.SemanticsError, match="its bias has 3 entries"):
        ca.from_caffe(biased, "it", weights(whole(2, 3, 1, 1), whole(3)))
