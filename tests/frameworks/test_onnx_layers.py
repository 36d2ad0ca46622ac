"""Nodes of ONNX models against onnxruntime, and models that torch exports."""

import numpy as np
import onnx
import onnx.helper as oh
import onnx.numpy_helper as onh
import pytest

import convadjoint as ca
from checks import assert_same, assert_within

runtime = pytest.importorskip("onnxruntime")

pytestmark = pytest.mark.framework("onnx")

RNG = np.random.default_rng(6)


def whole(*shape):
    """Small whole numbers, whose sums are exact."""
    return RNG.integers(-3, 4, shape).astype(np.float32)


def built(op, shape, kernel=None, outputs=None, **words):
    """A model of one node, with a bias if it has a kernel."""
    tensors = []
    if kernel:
        tensors = [
            onh.from_array(whole(*kernel), "w"),
            onh.from_array(whole(outputs), "b"),
        ]
    node = oh.make_node(op, ["x", *(tensor.name for tensor in tensors)], ["y"], **words)
    x = oh.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)
    y = oh.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    graph = oh.make_graph([node], "net", [x], [y], tensors)
    opset = oh.make_opsetid("", 19)
    return oh.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()


MODELS = {
    "Conv": ("Conv", (2, 4, 7, 6), (6, 2, 3, 2), 6, {"group": 2, "strides": [2, 1]}),
    "Conv 1d": ("Conv", (2, 3, 9), (4, 3, 3), 4, {"auto_pad": "SAME_LOWER"}),
    "Conv 3d": ("Conv", (1, 2, 3, 4, 5), (3, 2, 2, 2, 2), 3, {"dilations": [1, 2, 2]}),
    "groups": (
        "ConvTranspose",
        (2, 4, 3, 5),
        (4, 3, 3, 3),
        6,
        {"group": 2, "strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 0]},
    ),
    "upper": (
        "ConvTranspose",
        (2, 4, 5),
        (4, 3, 4),
        3,
        {"strides": [3], "auto_pad": "SAME_UPPER"},
    ),
    "output_shape": (
        "ConvTranspose",
        (2, 4, 5),
        (4, 3, 3),
        3,
        {"strides": [2], "output_shape": [10]},
    ),
}
POOLS = {
    "plain": {"kernel_shape": [3, 2]},
    "strides": {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 1, 0, 0]},
    "counted": {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
    "ceil": {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    "same": {"kernel_shape": [3, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
}


def run(model, x):
    """What onnxruntime computes."""
    return runtime.InferenceSession(model).run(None, {"x": x})[0]


@pytest.mark.parametrize(
    ("op", "shape", "kernel", "outputs", "words"), MODELS.values(), ids=MODELS
)
def test_convolutions(op, shape, kernel, outputs, words):
    model, x = built(op, shape, kernel, outputs, **words), whole(*shape)
    assert_same(ca.from_onnx(model)(x), run(model, x))


@pytest.mark.parametrize("words", POOLS.values(), ids=POOLS)
def test_average_pooling(words):
    model, x = built("AveragePool", (2, 3, 8, 7), **words), whole(2, 3, 8, 7)
    got = ca.from_onnx(model)(x).astype(np.float32)
    assert_within(got, run(model, x).astype(np.float64), 3.0)
