"""Layers of Keras as operators."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint import resample
from convadjoint.engines import Array
from convadjoint.frameworks import keras as words
from convadjoint.frameworks.door import shape
from convadjoint.frameworks.layers.layer import (
    ONES,
    Layer,
    biased,
    chained,
    precision,
)
from convadjoint.frameworks.layers.recognition import (
    described,
    is_from,
    own_class,
    refuse,
)

__all__ = ["from_keras"]

Shape = tuple[int, ...]

_INTERPOLATIONS = {"nearest": "nearest", "bilinear": "linear"}
_RANKS = ("1D", "2D", "3D")


def from_keras(layer: Any, input_shape: Shape) -> Layer:
    """Return a linear layer of Keras as an operator and a bias.

    Parameters
    ----------
    layer : keras.layers.Layer
        ``Conv1D`` to ``Conv3D``, ``Conv1DTranspose`` to ``Conv3DTranspose``,
        ``DepthwiseConv1D``, ``DepthwiseConv2D``, ``AveragePooling1D`` to
        ``AveragePooling3D``, ``UpSampling1D`` to ``UpSampling3D``, ``ZeroPadding1D``
        to ``ZeroPadding3D``, ``Cropping1D`` to ``Cropping3D``, or a ``Sequential`` of
        these.  Its weights must exist: call it once, or build it.
    input_shape : tuple of int
        Shape of its input, with the batch.

    Returns
    -------
    Layer
        ``layer(x)`` is ``op @ x + bias``.  Weights are copied to the CPU; half
        precision becomes float32.  Layers without weights give the dtype of the
        input where they only move samples; others compute in the precision of the
        first weights of the `Sequential`, or in float64 if there are none.

    Raises
    ------
    SemanticsError
        If the layer is not among these, has an activation, is derived from one and
        computes something else, or has no weights yet; or if Keras refuses the shape.
    TypeError
        If it is no layer.

    See Also
    --------
    from_torch, from_onnx, from_caffe : The same for other frameworks.

    Examples
    --------
    .. code-block:: python

        layer = keras.layers.Conv2DTranspose(8, 4, strides=2, padding="same")
        layer.build((1, 5, 5, 3))
        ca.from_keras(layer, (1, 5, 5, 3)).op.dimsd  # (1, 10, 10, 8)
    """
    if isinstance(layer, (str, bytes)) or hasattr(layer, "__fspath__"):
        msg = (
            "from_keras takes a layer, not a file, because files of Keras can run "
            "code: load the model yourself, with safe_mode left on, and pass a layer"
        )
        raise TypeError(msg)
    if not is_from(layer, "keras", "Layer"):
        msg = f"from_keras takes a keras.layers.Layer, got {described(layer)}"
        raise TypeError(msg)
    weight = next(iter(layer.weights), None)
    kind = None if weight is None else str(weight.dtype)
    return _converted(layer, shape(input_shape, "the input"), precision(kind))


def _converted(layer: Any, input_shape: Shape, dtype: npt.DTypeLike) -> Layer:
    """The value of a layer; without weights it computes in `dtype`."""
    name = own_class(layer, "keras", _CONVERTERS)
    if name is None:
        allowed = ", ".join(sorted(_CONVERTERS))
        refuse(layer, f"it is not known here: known are {allowed}")
    return _CONVERTERS[name](name, layer, input_shape, dtype)


def _convolution(
    name: str, layer: Any, input_shape: Shape, _dtype: npt.DTypeLike
) -> Layer:
    op = getattr(words, name)(
        input_shape,
        _weight(layer, "kernel"),
        strides=layer.strides,
        padding=layer.padding,
        data_format=layer.data_format,
        dilation_rate=layer.dilation_rate,
        groups=layer.groups,
    )
    return _biased(op, layer)


def _transposed(
    name: str, layer: Any, input_shape: Shape, _dtype: npt.DTypeLike
) -> Layer:
    op = getattr(words, name)(
        input_shape,
        _weight(layer, "kernel"),
        strides=layer.strides,
        padding=layer.padding,
        output_padding=layer.output_padding,
        data_format=layer.data_format,
        dilation_rate=layer.dilation_rate,
    )
    return _biased(op, layer)


def _depthwise(
    name: str, layer: Any, input_shape: Shape, _dtype: npt.DTypeLike
) -> Layer:
    op = getattr(words, name)(
        input_shape,
        _weight(layer, "kernel"),
        strides=layer.strides,
        padding=layer.padding,
        data_format=layer.data_format,
        dilation_rate=layer.dilation_rate,
    )
    return _biased(op, layer)


def _pooled(name: str, layer: Any, input_shape: Shape, dtype: npt.DTypeLike) -> Layer:
    # There the samples that uneven padding adds are counted; elsewhere none are.
    if layer.padding == "same" and is_from(layer, "torch", "Module"):
        refuse(
            layer, "with padding 'same', Keras on torch differs from its other backends"
        )
    op = getattr(words, name)(
        input_shape,
        layer.pool_size,
        strides=layer.strides,
        padding=layer.padding,
        data_format=layer.data_format,
        dtype=dtype,
    )
    return biased(op, None, axis=0)


def _upsampled(
    name: str, layer: Any, input_shape: Shape, dtype: npt.DTypeLike
) -> Layer:
    mode = getattr(layer, "interpolation", "nearest")
    if mode not in _INTERPOLATIONS:
        refuse(
            layer, f"interpolation {mode!r} is not among {', '.join(_INTERPOLATIONS)}"
        )
    op = resample.upsample(
        input_shape,
        scale=layer.size,
        mode=_INTERPOLATIONS[mode],
        axes=_space(name, layer, input_shape),
        dtype=ONES if mode == "nearest" else dtype,
    )
    return biased(op, None, axis=0)


def _padded(name: str, layer: Any, input_shape: Shape, _dtype: npt.DTypeLike) -> Layer:
    axes = _space(name, layer, input_shape)
    op = resample.pad(input_shape, _pairs(layer.padding), axes=axes, dtype=ONES)
    return biased(op, None, axis=0)


def _cropped(name: str, layer: Any, input_shape: Shape, _dtype: npt.DTypeLike) -> Layer:
    axes = _space(name, layer, input_shape)
    op = resample.crop(input_shape, _pairs(layer.cropping), axes=axes, dtype=ONES)
    return biased(op, None, axis=0)


def _space(name: str, layer: Any, input_shape: Shape) -> Shape:
    """The spatial axes of an input, whose number the name of the class tells."""
    rank = int(name[-2])
    if len(input_shape) != rank + 2:
        refuse(layer, f"it takes {rank + 2} axes, got the shape {input_shape}")
    first = 2 if getattr(layer, "data_format", None) == "channels_first" else 1
    return tuple(range(first, first + rank))


def _pairs(amounts: Any) -> tuple[Any, ...]:
    """One pair per axis; along a single axis Keras keeps a bare one."""
    return tuple(amounts) if isinstance(amounts[0], tuple) else (tuple(amounts),)


def _sequence(
    _name: str, layer: Any, input_shape: Shape, dtype: npt.DTypeLike
) -> Layer:
    """Each layer takes what the one before gives."""
    layers = []
    for inner in layer.layers:
        layers.append(_converted(inner, input_shape, dtype))
        input_shape = layers[-1].op.dimsd
    if not layers:
        refuse(layer, "it has no layers")
    return chained(layers)


def _biased(op: Any, layer: Any) -> Layer:
    """The layer with its bias, if it does nothing else."""
    if not (layer.activation is None or _is_linear(layer.activation)):
        refuse(layer, f"its activation {layer.activation!r} is not linear")
    bias = _weight(layer, "bias") if layer.use_bias else None
    axis = 1 if layer.data_format == "channels_first" else -1
    return biased(op, bias, axis=axis)


def _is_linear(activation: Any) -> bool:
    """Whether this is Keras' own name for no activation."""
    home = getattr(activation, "__module__", "").partition(".")[0]
    return home == "keras" and getattr(activation, "__name__", "") == "linear"


def _weight(layer: Any, name: str) -> Array:
    """A weight as an array in main memory."""
    if not layer.built:
        refuse(layer, "it has no weights yet: call it once, or build it")
    if getattr(layer, "quantization_mode", None) is not None:
        refuse(layer, f"it is quantized to {layer.quantization_mode}")
    import keras

    values = keras.ops.convert_to_numpy(getattr(layer, name))
    half = values.dtype.name in ("float16", "bfloat16")
    return np.array(values, np.float32 if half else None)


_CONVERTERS: dict[str, Callable[[str, Any, Shape, npt.DTypeLike], Layer]] = {
    **{f"AveragePooling{rank}": _pooled for rank in _RANKS},
    **{f"Conv{rank}": _convolution for rank in _RANKS},
    **{f"Conv{rank}Transpose": _transposed for rank in _RANKS},
    **{f"Cropping{rank}": _cropped for rank in _RANKS},
    **{f"DepthwiseConv{rank}": _depthwise for rank in _RANKS[:2]},
    **{f"UpSampling{rank}": _upsampled for rank in _RANKS},
    **{f"ZeroPadding{rank}": _padded for rank in _RANKS},
    "Sequential": _sequence,
}
