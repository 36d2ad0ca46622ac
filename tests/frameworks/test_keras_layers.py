"""Layers of Keras and the operators that are made of them."""

import os

import numpy as np
import pytest

import convadjoint as ca
from checks import assert_same, assert_within

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
layers = keras.layers

pytestmark = [
    pytest.mark.framework("keras"),
    # Keras' variables know no `copy` keyword yet.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

RNG = np.random.default_rng(4)


def whole(shape):
    """Small whole numbers, whose sums are exact."""
    return RNG.integers(-3, 4, tuple(shape)).astype(np.float32)


def settled(layer, shape):
    """The layer with whole numbers for weights."""
    layer.build(shape)
    layer.set_weights([whole(value.shape) for value in layer.get_weights()])
    return layer


def check(layer, shape, *, exact=True):
    """What is made of the layer computes what the layer does."""
    x = whole(shape)
    want = keras.ops.convert_to_numpy(layer(x))
    got = ca.from_keras(layer, shape)(x)
    assert got.shape == want.shape
    if exact:
        assert_same(got, want)
    else:
        assert_within(got.astype("f4"), want.astype("f8"), 3.0)


CONVOLUTIONS = {
    "1d": (layers.Conv1D(4, 3, strides=2), (2, 8, 3)),
    "causal": (layers.Conv1D(4, 3, padding="causal", dilation_rate=2), (2, 9, 3)),
    "2d": (layers.Conv2D(4, (3, 2), strides=2, padding="same"), (2, 8, 9, 3)),
    "groups": (layers.Conv2D(4, 3, groups=2, use_bias=False), (2, 8, 9, 6)),
    "first": (layers.Conv2D(4, 3, data_format="channels_first"), (2, 3, 8, 9)),
    "3d": (layers.Conv3D(4, 2), (1, 4, 3, 5, 2)),
    "transposed 1d": (layers.Conv1DTranspose(4, 3, strides=2), (2, 8, 3)),
    "transposed 2d": (
        layers.Conv2DTranspose(4, 3, strides=2, padding="same"),
        (2, 8, 9, 3),
    ),
    "output_padding": (
        layers.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1),
        (2, 8, 9, 3),
    ),
    "transposed 3d": (layers.Conv3DTranspose(4, 3, strides=2), (1, 3, 2, 3, 2)),
    "depthwise 1d": (layers.DepthwiseConv1D(3, padding="same"), (2, 8, 3)),
    "depthwise 2d": (layers.DepthwiseConv2D(3, depth_multiplier=2), (2, 8, 9, 3)),
}


@pytest.mark.parametrize(("layer", "shape"), CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_convolutions(layer, shape):
    check(settled(layer, shape), shape)


MOVES = {
    "nearest 1d": (layers.UpSampling1D(3), (2, 8, 3)),
    "nearest 2d": (layers.UpSampling2D((2, 3)), (2, 8, 9, 3)),
    "nearest 3d": (layers.UpSampling3D(2), (1, 2, 3, 4, 2)),
    "zeros 1d": (layers.ZeroPadding1D((1, 2)), (2, 8, 3)),
    "zeros 2d": (layers.ZeroPadding2D(((1, 2), (3, 4))), (2, 8, 9, 3)),
    "zeros first": (
        layers.ZeroPadding2D((1, 2), data_format="channels_first"),
        (2, 3, 8, 9),
    ),
    "zeros 3d": (layers.ZeroPadding3D(1), (1, 2, 3, 4, 2)),
    "crop 1d": (layers.Cropping1D((1, 2)), (2, 8, 3)),
    "crop 2d": (layers.Cropping2D(((1, 2), (3, 4))), (2, 8, 9, 3)),
    "crop 3d": (layers.Cropping3D(1), (1, 3, 4, 5, 2)),
}


@pytest.mark.parametrize(("layer", "shape"), MOVES.values(), ids=MOVES)
def test_layers_that_move_samples(layer, shape):
    check(layer, shape)


MEANS = {
    "1d": (layers.AveragePooling1D(3), (2, 8, 3)),
    "2d": (layers.AveragePooling2D(3, strides=2, padding="same"), (2, 8, 9, 3)),
    "3d": (layers.AveragePooling3D(2), (1, 4, 4, 4, 3)),
    "bilinear": (layers.UpSampling2D((2, 3), interpolation="bilinear"), (2, 8, 9, 3)),
}


@pytest.mark.parametrize(("layer", "shape"), MEANS.values(), ids=MEANS)
def test_layers_that_average(layer, shape):
    if keras.backend.backend() == "torch" and getattr(layer, "padding", "") == "same":
        with pytest.raises(ca.SemanticsError, match="torch differs from its other"):
            ca.from_keras(layer, shape)
    else:
        check(layer, shape, exact=False)


def test_a_sequence_is_one_layer():
    shape = (2, 8, 9, 3)
    inside = [
        layers.ZeroPadding2D(1),
        layers.Conv2D(4, 3),
        layers.Conv2DTranspose(2, 2),
    ]
    check(settled(keras.Sequential(inside), shape), shape)


def test_weights_of_low_rank_are_added():
    shape = (2, 8, 9, 3)
    layer = settled(layers.Conv2D(4, 3), shape)
    layer.enable_lora(2)
    layer.lora_kernel_b.assign(whole(layer.lora_kernel_b.shape))
    layer.lora_kernel_a.assign(whole(layer.lora_kernel_a.shape))
    check(layer, shape)


@pytest.mark.parametrize("policy", ["mixed_float16", "float16", "bfloat16"])
def test_half_precision_becomes_single(policy):
    layer = settled(layers.Conv2D(4, 3, dtype=policy), (2, 8, 9, 3))
    made = ca.from_keras(layer, (2, 8, 9, 3))
    assert made.op.dtype == made.bias.dtype == np.float32


class Same(layers.Conv2D):
    """What users derive in order to add a default."""

    def __init__(self):
        super().__init__(4, 3)
        self.remark = "mine"

    def get_config(self):
        return {}


class Other(layers.Conv2D):
    """What computes something else."""

    def convolution_op(self, inputs, kernel):
        return -super().convolution_op(inputs, kernel)


def linear(x):
    """Not Keras' own."""
    return 2 * x


REFUSED = {
    "unbuilt": (lambda: layers.Conv2D(4, 3), "no weights yet: call it once, or build"),
    "relu": (
        layers.ReLU,
        "ReLU cannot be converted: it is not known here: known are Average",
    ),
    "activation": (
        lambda: settled(layers.Conv2D(4, 3, activation="relu"), (2, 8, 9, 3)),
        "its activation .*relu.* is not linear",
    ),
    "activation layer": (
        lambda: settled(layers.Conv2D(4, 3, activation=layers.ReLU()), (2, 8, 9, 3)),
        "its activation .*ReLU.* is not linear",
    ),
    "own activation": (
        lambda: settled(layers.Conv2D(4, 3, activation=linear), (2, 8, 9, 3)),
        "its activation .*linear.* is not linear",
    ),
    "derived": (lambda: Other(4, 3), "overrides convolution_op of Conv2D"),
    "bicubic": (
        lambda: layers.UpSampling2D(2, interpolation="bicubic"),
        "'bicubic' is not among nearest, bilinear",
    ),
    "axes": (layers.UpSampling1D, r"it takes 3 axes, got the shape \(2, 8, 9, 3\)"),
}


def test_a_derived_class_may_add_what_is_harmless():
    check(settled(Same(), (2, 8, 9, 3)), (2, 8, 9, 3))


@pytest.mark.parametrize(("make", "match"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(make, match):
    with pytest.raises(ca.SemanticsError, match=match):
        ca.from_keras(make(), (2, 8, 9, 3))


def test_layers_without_weights_compute_as_precisely_as_those_with():
    up = layers.UpSampling2D(2, interpolation="bilinear")
    pool, shape = layers.AveragePooling2D(2), (1, 8, 8, 3)
    model = keras.Sequential([pool, layers.Conv2D(4, 3), up])
    made = ca.from_keras(settled(model, shape), shape)
    assert made.op.dtype == made.bias.dtype == np.float32
    assert ca.from_keras(keras.Sequential([pool, up]), shape).op.dtype == np.float64
