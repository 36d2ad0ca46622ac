"""Nodes of ONNX models: what they compute, how they are named, what is refused."""

import numpy as np
import onnx
import onnx.helper as oh
import onnx.numpy_helper as onh
import pytest
from onnx.reference import ReferenceEvaluator

import convadjoint as ca
from checks import assert_same, assert_within

RNG = np.random.default_rng(11)
X = (2, 3, 6, 5)


def whole(shape, dtype=np.float32):
    """Small whole numbers, which every dtype holds and sums exactly."""
    return RNG.integers(-3, 4, shape).astype(dtype)


def model(node, *tensors, shape=X, extra=()):
    """A model around one node, whose signal is x."""
    x = oh.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)
    y = oh.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    graph = oh.make_graph([*extra, node], "net", [x], [y], list(tensors))
    return oh.make_model(graph, opset_imports=[oh.make_opsetid("", 21)], ir_version=10)


def conv(kernel=(4, 3, 3, 2), *, op="Conv", name="", **words):
    """A model of one (transposed) convolution, without a bias."""
    node = oh.make_node(op, ["x", "w"], ["y"], name=name, **words)
    return model(node, onh.from_array(whole(kernel), "w"))


def computed(given, x):
    """What ONNX's own evaluator makes of x; it wants no bias to be missing."""
    return ReferenceEvaluator(given).run(None, {"x": x})[0]


WINDOWS = {
    "plain": {},
    "strides": {"strides": [2, 1], "pads": [1, 0, 0, 2]},
    "dilations": {"dilations": [2, 1], "pads": [1, 1, 1, 1]},
    "kernel_shape": {"kernel_shape": [3, 2], "group": 1, "auto_pad": "NOTSET"},
    "same": {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    "lower": {"auto_pad": "SAME_LOWER"},
}


@pytest.mark.parametrize("words", WINDOWS.values(), ids=WINDOWS)
def test_a_convolution(words):
    given, x = conv(**words), whole(X)
    layer = ca.from_onnx(given)
    assert_same(layer(x), computed(given, x))
    assert layer.op.dtype == np.float32
    assert layer.op.T.dims == layer.op.dimsd


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"strides": [2, 3], "pads": [1, 0, 0, 1], "output_padding": [1, 2]},
        {"dilations": [2, 1]},
    ],
)
def test_a_transposed_convolution_with_bias(words):
    node = oh.make_node("ConvTranspose", ["x", "w", "b"], ["y"], **words)
    kernel, bias = whole((3, 4, 3, 2)), whole(4)
    given = model(node, onh.from_array(kernel, "w"), onh.from_array(bias, "b"))
    x, layer = whole(X), ca.from_onnx(given)
    assert_same(layer(x), computed(given, x))
    assert_same(layer.bias, bias.reshape(1, 4, 1, 1))


@pytest.mark.parametrize("count_include_pad", [0, 1])
def test_an_average_pooling(count_include_pad):
    words = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 1, 1, 0]}
    node = oh.make_node(
        "AveragePool", ["x"], ["y"], count_include_pad=count_include_pad, **words
    )
    given, x = model(node), whole(X)
    got = ca.from_onnx(given)(x).astype(np.float32)
    assert_within(got, computed(given, x).astype(np.float64), 3.0)


def test_a_file_is_a_path_or_bytes_or_a_model(tmp_path):
    given = conv()
    path = tmp_path / "net.onnx"
    onnx.save(given, path)
    want = ca.from_onnx(given).op.kernel
    for source in (path, str(path), path.read_bytes(), memoryview(path.read_bytes())):
        assert_same(ca.from_onnx(source).op.kernel, want)
    with pytest.raises(TypeError, match="path, or the contents as bytes, got builtins"):
        ca.from_onnx(3)
    with pytest.raises(FileNotFoundError):
        ca.from_onnx(tmp_path / "none")


STORED = {
    onnx.TensorProto.FLOAT: np.float32,
    onnx.TensorProto.DOUBLE: np.float64,
    onnx.TensorProto.FLOAT16: np.float32,
    onnx.TensorProto.BFLOAT16: np.float32,
}


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize(("kind", "dtype"), STORED.items())
def test_weights_are_read_as_they_are_stored(kind, dtype, raw):
    kernel = whole((4, 3, 3, 2), dtype)
    tensor = oh.make_tensor("w", kind, kernel.shape, kernel.ravel())
    if raw:
        stored = onh.to_array(tensor)
        tensor = oh.make_tensor("w", kind, kernel.shape, stored.tobytes(), raw=True)
    layer = ca.from_onnx(model(oh.make_node("Conv", ["x", "w"], ["y"]), tensor))
    assert layer.op.dtype == dtype
    assert_same(layer.op.kernel, kernel)


def test_a_kernel_may_be_a_constant():
    kernel = whole((4, 3, 3, 2))
    constant = oh.make_node("Constant", [], ["w"], value=onh.from_array(kernel))
    node = oh.make_node("Conv", ["x", "w"], ["y"])
    assert_same(ca.from_onnx(model(node, extra=[constant])).op.kernel, kernel)


def several():
    """Three nodes, of which one has a name of its own."""
    nodes = [
        oh.make_node("Conv", ["x", "w"], ["first"], name="twin"),
        oh.make_node("Relu", ["first"], ["positive"], name="relu"),
        oh.make_node("Conv", ["positive", "w"], ["second"], name="twin"),
        oh.make_node("ConvTranspose", ["second", "w"], ["y"], name="last"),
        oh.make_node("Conv", ["x", "w"], ["z"], name="custom", domain="mine"),
    ]
    return model(nodes[-1], onh.from_array(whole((3, 3, 1, 1)), "w"), extra=nodes[:-1])


def test_nodes_are_called_by_name_or_by_output():
    given = several()
    assert ca.onnx_nodes(given) == ("first", "second", "last")
    assert ca.onnx_nodes(given.SerializeToString()) == ("first", "second", "last")
    assert ca.from_onnx(given, "first").op.dims == X
    for name in ("last", "y"):
        assert ca.from_onnx(given, name, input_shape=(1, 3, 2, 2)).op.dims[-1] == 2
    with pytest.raises(ca.SemanticsError, match="shape of 'second': give input_shape"):
        ca.from_onnx(given, "last")
    with pytest.raises(
        ca.SemanticsError, match=r"node is needed: the model has 3.*last"
    ):
        ca.from_onnx(given)
    with pytest.raises(
        ca.SemanticsError, match=r"there is no node 'relu'.*'first', 'se"
    ):
        ca.from_onnx(given, "relu")


def test_a_shape_that_is_not_fixed_has_to_be_given():
    given = model(
        oh.make_node("Conv", ["x", "w"], ["y"]),
        onh.from_array(whole((4, 3, 3, 2)), "w"),
        shape=("batch", 3, 6, 5),
    )
    with pytest.raises(
        ca.SemanticsError, match=r"Conv 'y'.*shape of 'x': give input_sha"
    ):
        ca.from_onnx(given)
    assert ca.from_onnx(given, input_shape=(5, 3, 6, 5)).op.dimsd == (5, 4, 4, 4)


WORDS = {
    "stride 0": ({"strides": [0, 1]}, "strides.*at least 1, got 0"),
    "strides": ({"strides": [1]}, r"strides.*\(1,\)"),
    "stride 0.5": ({"strides": [0.5, 1.0]}, "'strides' has another type"),
    "group 0": ({"group": 0}, "groups must be at least 1, got 0"),
    "group 2.0": ({"group": 2.0}, "'group' has another type"),
    "group 5": ({"group": 5}, "3 channels.*takes 15"),
    "kernel_shape": ({"kernel_shape": [2, 2]}, r"kernel_shape.*\(2, 2\).*\(3, 2\)"),
    "pads": ({"pads": [-1, 0, 0, 0]}, "at least 0, got -1"),
    "pads without end": ({"pads": [2**62] * 4}, r"pads .* is beyond \d+ \(2\*\*61\)"),
    "dilation 0": ({"dilations": [0, 1]}, "dilations.*at least 1, got 0"),
    "auto_pad": ({"auto_pad": "SAME"}, "auto_pad 'SAME' is unknown.*SAME_UPPER"),
    "NaN": ({"pads": [float("nan")] * 4}, "'pads' has another type"),
    "unknown": ({"storage_order": 1}, "'storage_order' is unknown"),
}


@pytest.mark.parametrize(("words", "match"), WORDS.values(), ids=WORDS)
def test_attributes_are_checked(words, match):
    with pytest.raises(ValueError, match=match) as caught:
        ca.from_onnx(conv(**words))
    assert type(caught.value) in (ca.GeometryError, ca.SemanticsError)


def external():
    tensor = onh.from_array(whole((4, 3, 3, 2)), "w")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    return tensor


def promising(dims, **words):
    """A tensor whose shape promises what it does not hold."""
    tensor = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, **words)
    tensor.dims.extend(dims)
    return tensor


TENSORS = {
    "external": (external, "another file, which is not opened.*onnx.load"),
    "huge": (lambda: promising([2**40, 2**20]), r"shape \(1099.*\), but 0 samples"),
    "negative": (lambda: promising([-1, -1], float_data=[1]), r"\(-1, -1\), but 1 sam"),
    "cut": (lambda: promising([1], raw_data=b"abc"), "3 bytes, no multiple of 4"),
    "integers": (
        lambda: onh.from_array(np.ones((4, 3, 3, 2), np.int8), "w"),
        "data type 3: weights are FLOAT, FLOAT16, DOUBLE, BFLOAT16",
    ),
    "scalar": (lambda: onh.from_array(np.float32(1), "w"), r"kernel.*\(\)"),
    "elsewhere": (lambda: onh.from_array(whole((4, 3, 3, 2)), "v"), "'w' nowhere"),
}


@pytest.mark.parametrize(("tensor", "match"), TENSORS.values(), ids=TENSORS)
def test_weights_are_checked(tensor, match):
    with pytest.raises(ca.SemanticsError, match=match):
        ca.from_onnx(model(oh.make_node("Conv", ["x", "w"], ["y"]), tensor()))


def test_weights_of_the_same_name_are_refused():
    tensor = onh.from_array(whole((4, 3, 3, 2)), "w")
    with pytest.raises(ca.SemanticsError, match="keeps 'w' several times"):
        ca.from_onnx(model(oh.make_node("Conv", ["x", "w"], ["y"]), tensor, tensor))


def test_a_bias_fits_the_channels():
    node = oh.make_node("Conv", ["x", "w", "b"], ["y"])
    tensors = onh.from_array(whole((4, 3, 3, 2)), "w"), onh.from_array(whole(3), "b")
    with pytest.raises(ca.SemanticsError, match=r"bias has shape \(3,\), not \(4,\)"):
        ca.from_onnx(model(node, *tensors))


def test_nodes_that_write_the_same_are_refused():
    twins = [oh.make_node("Conv", ["x", "w"], ["y"])] * 2
    with pytest.raises(ca.SemanticsError, match="two of its nodes write 'y'"):
        ca.onnx_nodes(model(twins[0], extra=twins[1:]))
