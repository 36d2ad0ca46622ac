"""How each framework may be asked for a given geometry: candidates, most usual first.

Nothing here is trusted: `translate` builds the operator of a candidate and compares.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from convadjoint.geometry import Axis

__all__ = ["TARGETS", "Geometry", "Target"]

Words = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """A convolution, or the one whose transpose is meant.

    `sizes` and `channels` are those of the output.
    """

    axes: tuple[Axis, ...]
    groups: int
    batch: int
    channels: int
    sizes: tuple[int, ...]

    def each(self, value: Callable[[Axis], Any]) -> tuple[Any, ...]:
        """One value per axis."""
        return tuple(value(axis) for axis in self.axes)

    @property
    def strides(self) -> tuple[int, ...]:
        """Stride of each axis."""
        return self.each(lambda axis: axis.s)

    @property
    def dilations(self) -> tuple[int, ...]:
        """Dilation of each axis."""
        return self.each(lambda axis: axis.d)

    @property
    def before(self) -> tuple[int, ...]:
        """Padding before each axis, the crop of the transpose."""
        return self.each(lambda axis: axis.lo)

    @property
    def after(self) -> tuple[int, ...]:
        """The least padding after each axis with which the last window fits."""
        return self.each(_after)


def _after(axis: Axis) -> int:
    """Samples that the last window reads past the end."""
    return (axis.q - 1) * axis.s + axis.reach + 1 - axis.lo - axis.n


def _room(axis: Axis) -> int:
    """Padding after an axis: none if that will do, else the least."""
    least = _after(axis)
    return 0 if least <= 0 < least + axis.s else least


@dataclass(frozen=True, slots=True)
class Target:
    """A function of a framework; `name` has a place for the rank.

    `home` is where the framework itself keeps it.
    """

    framework: str
    home: str
    name: str
    candidates: Callable[[Geometry], Iterator[Words]]
    channels_last: bool = False

    def function(self, rank: int) -> str:
        """Its name for so many axes."""
        return self.name.format(rank=rank)


def _torch(geometry: Geometry) -> Iterator[Words]:
    common = {"stride": geometry.strides, "dilation": geometry.dilations}
    for padding in (geometry.before, "same"):
        yield {**common, "padding": padding, "groups": geometry.groups}


def _torch_transposed(geometry: Geometry) -> Iterator[Words]:
    yield {
        "stride": geometry.strides,
        "padding": geometry.before,
        "output_padding": geometry.each(lambda axis: axis.lo - _after(axis)),
        "groups": geometry.groups,
        "dilation": geometry.dilations,
    }


def _tensorflow(geometry: Geometry) -> Iterator[Words]:
    for words in _tensorflow_padded(geometry):
        # With one axis, and only there, TensorFlow has a word in the singular.
        word = "stride" if len(geometry.axes) == 1 else "strides"
        yield {word: words.pop("strides"), **words}


def _tensorflow_padded(geometry: Geometry) -> Iterator[Words]:
    for padding in ("SAME", "VALID", _explicit(geometry)):
        yield {
            "strides": list(geometry.strides),
            "padding": padding,
            "dilations": list(geometry.dilations),
        }


def _tensorflow_transposed(geometry: Geometry) -> Iterator[Words]:
    shape = [geometry.batch, *geometry.sizes, geometry.channels]
    for words in _tensorflow_padded(geometry):
        yield {"output_shape": shape, **words}


def _explicit(geometry: Geometry) -> list[list[int]]:
    """TensorFlow's padding in numbers, channels last."""
    pairs = zip(geometry.before, geometry.each(_room), strict=True)
    return [[0, 0], *map(list, pairs), [0, 0]]


def _keras(geometry: Geometry) -> Iterator[Words]:
    for padding in ("same", "valid", "causal")[: 3 if len(geometry.axes) == 1 else 2]:
        yield {
            "strides": geometry.strides,
            "padding": padding,
            "dilation_rate": geometry.dilations,
            "groups": geometry.groups,
        }


def _keras_transposed(geometry: Geometry) -> Iterator[Words]:
    extras = product(*(range(stride) for stride in geometry.strides))
    for extra in (None, *extras):
        for padding in ("same", "valid"):
            yield {
                "strides": geometry.strides,
                "padding": padding,
                "output_padding": extra,
                "dilation_rate": geometry.dilations,
            }


def _jax(geometry: Geometry) -> Iterator[Words]:
    pairs = tuple(zip(geometry.before, geometry.after, strict=True))
    yield {
        "window_strides": geometry.strides,
        "padding": pairs,
        "rhs_dilation": geometry.dilations,
        "feature_group_count": geometry.groups,
    }


def _jax_transposed(geometry: Geometry) -> Iterator[Words]:
    pairs = tuple(
        (axis.reach - axis.lo, axis.reach - _after(axis)) for axis in geometry.axes
    )
    for padding in ("SAME", "VALID", pairs):
        yield {
            "strides": geometry.strides,
            "padding": padding,
            "rhs_dilation": geometry.dilations,
        }


def _onnx(geometry: Geometry) -> Iterator[Words]:
    yield {
        "strides": list(geometry.strides),
        "pads": [*geometry.before, *geometry.each(_room)],
        "dilations": list(geometry.dilations),
        "group": geometry.groups,
    }


def _onnx_transposed(geometry: Geometry) -> Iterator[Words]:
    yield {
        "strides": list(geometry.strides),
        "pads": [*geometry.before, *(max(0, one) for one in geometry.after)],
        "output_padding": [max(0, -one) for one in geometry.after],
        "dilations": list(geometry.dilations),
        "group": geometry.groups,
    }


def _mxnet(geometry: Geometry) -> Iterator[Words]:
    yield {
        "kernel": geometry.each(lambda axis: axis.k),
        "stride": geometry.strides,
        "dilate": geometry.dilations,
        "pad": geometry.before,
        "num_group": geometry.groups,
    }


def _mxnet_transposed(geometry: Geometry) -> Iterator[Words]:
    (words,) = _mxnet(geometry)
    yield {**words, "adj": geometry.each(lambda axis: axis.lo - _after(axis))}
    yield {**words, "pad": None, "target_shape": geometry.sizes}


def _caffe(geometry: Geometry) -> Iterator[Words]:
    yield {
        "kernel_size": geometry.each(lambda axis: axis.k),
        "stride": geometry.strides,
        "pad": geometry.before,
        "dilation": geometry.dilations,
        "group": geometry.groups,
    }


# Of convolutions, and of transposed ones.
TARGETS: dict[bool, tuple[Target, ...]] = {
    False: (
        Target("torch", "torch.nn.functional", "conv{rank}d", _torch),
        Target("tensorflow", "tf.nn", "conv{rank}d", _tensorflow, channels_last=True),
        Target("keras", "keras.layers", "Conv{rank}D", _keras, channels_last=True),
        Target("jax", "jax.lax", "conv_general_dilated", _jax),
        Target("onnx", "onnx", "Conv", _onnx),
        Target("mxnet", "mx.nd", "Convolution", _mxnet),
        Target("caffe", "caffe", "Convolution", _caffe),
    ),
    True: (
        Target(
            "torch", "torch.nn.functional", "conv_transpose{rank}d", _torch_transposed
        ),
        Target(
            "tensorflow",
            "tf.nn",
            "conv{rank}d_transpose",
            _tensorflow_transposed,
            channels_last=True,
        ),
        Target(
            "keras",
            "keras.layers",
            "Conv{rank}DTranspose",
            _keras_transposed,
            channels_last=True,
        ),
        Target("jax", "jax.lax", "conv_transpose", _jax_transposed, channels_last=True),
        Target("onnx", "onnx", "ConvTranspose", _onnx_transposed),
        Target("mxnet", "mx.nd", "Deconvolution", _mxnet_transposed),
        Target("caffe", "caffe", "Deconvolution", _caffe),
    ),
}
