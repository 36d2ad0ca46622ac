"""Modules of torch as operators."""

from copy import deepcopy
from typing import Any

import numpy.typing as npt

from convadjoint.engines import Array
from convadjoint.frameworks import torch as words
from convadjoint.frameworks.door import shape
from convadjoint.frameworks.layers.layer import (
    Layer,
    biased,
    chained,
    precision,
    reshaped,
)
from convadjoint.frameworks.layers.recognition import (
    described,
    is_from,
    own_class,
    refuse,
)
from convadjoint.frameworks.layers.torch_resampling import RESAMPLERS, Converter

__all__ = ["from_torch"]

Shape = tuple[int, ...]

# Dtypes of weights, and the methods of a tensor that make of them what computes.
_DTYPES = {
    "float16": "float",
    "bfloat16": "float",
    "float32": "float",
    "float64": "double",
    "complex32": "cfloat",
    "complex64": "cfloat",
    "complex128": "cdouble",
}
_PARAMETRIZED = "torch.nn.utils.parametrize"


def from_torch(module: Any, input_shape: Shape) -> Layer:
    """Return a linear module of torch as an operator and a bias.

    Parameters
    ----------
    module : torch.nn.Module
        ``Conv1d`` to ``Conv3d``, ``ConvTranspose1d`` to ``ConvTranspose3d``,
        ``AvgPool1d`` to ``AvgPool3d``, ``Upsample``, ``UpsamplingNearest2d``,
        ``UpsamplingBilinear2d``, ``ZeroPad1d`` to ``ZeroPad3d`` and likewise
        ``ReflectionPad``, ``ReplicationPad`` and ``CircularPad``, ``PixelShuffle``,
        ``PixelUnshuffle``, ``Unfold``, ``Fold``, ``Flatten``, ``Identity``, or a
        ``Sequential`` of these.
    input_shape : tuple of int
        Shape of its input, with a batch or without, as torch takes it.

    Returns
    -------
    Layer
        ``layer(x)`` is ``op @ x + bias``.  Weights are copied to the CPU; half
        precision becomes float32.  Modules without weights give the dtype of the
        input where they only move and add samples; others compute in the precision of
        the first weights of the `Sequential`, or in float64 if there are none.

    Raises
    ------
    SemanticsError
        If the module is not among these, is derived from one and computes something
        else, or has forward hooks; or if torch refuses the shape.
    TypeError
        If it is no module.

    See Also
    --------
    from_keras, from_onnx, from_caffe : The same for other frameworks.

    Notes
    -----
    Parametrized weights (``torch.nn.utils.parametrizations``) are taken as they are
    in evaluation.  A `Sequential` becomes a product, whose bias is what it makes of
    zeros.

    Examples
    --------
    .. code-block:: python

        module = torch.nn.ConvTranspose2d(3, 8, kernel_size=4, stride=2, padding=1)
        layer = ca.from_torch(module, (1, 3, 5, 5))
        layer.op.dimsd, layer.bias.shape  # (1, 8, 10, 10), (1, 8, 1, 1)
        layer.op.tosparse().shape  # (800, 75)
    """
    if isinstance(module, (str, bytes)) or hasattr(module, "__fspath__"):
        msg = (
            "from_torch takes a module, not a file, because files of torch can run "
            "code: read the weights with torch.load(path, weights_only=True), give "
            "them to your module with load_state_dict, and pass the module"
        )
        raise TypeError(msg)
    if not is_from(module, "torch", "Module"):
        msg = f"from_torch takes a torch.nn.Module, got {described(module)}"
        raise TypeError(msg)
    weight = next(module.parameters(), None)
    kind = None if weight is None else _kind(weight)
    return _converted(module, shape(input_shape, "the input"), precision(kind))


def _converted(module: Any, input_shape: Shape, dtype: npt.DTypeLike) -> Layer:
    """The layer of a module; without weights it computes in `dtype`."""
    if is_from(module, "torch", "LazyModuleMixin"):
        refuse(module, "it has no weights yet: call it once")
    name = own_class(module, "torch", _CONVERTERS, transparent=_PARAMETRIZED)
    if name is None:
        allowed = ", ".join(sorted(_CONVERTERS))
        refuse(module, f"it is not known here: known are {allowed}")
    if module._forward_hooks or module._forward_pre_hooks:
        why = (
            "forward hooks may change what it computes: remove them, and take "
            "weight_norm and spectral_norm from torch.nn.utils.parametrizations"
        )
        refuse(module, why)
    return _CONVERTERS[name](name, _settled(module), input_shape, dtype)


def _settled(module: Any) -> Any:
    """The module, or a copy in evaluation where reading its weights would change it."""
    parametrized = "parametrizations" in module._modules
    return deepcopy(module).eval() if parametrized and module.training else module


def _convolution(
    name: str, module: Any, input_shape: Shape, _dtype: npt.DTypeLike
) -> Layer:
    op = getattr(words, name)(
        input_shape,
        _weight(module),
        stride=module.stride,
        padding=module.padding,
        dilation=module.dilation,
        groups=module.groups,
        padding_mode=module.padding_mode,
    )
    return _biased(op, module)


def _transposed(
    name: str, module: Any, input_shape: Shape, _dtype: npt.DTypeLike
) -> Layer:
    op = getattr(words, name)(
        input_shape,
        _weight(module),
        stride=module.stride,
        padding=module.padding,
        output_padding=module.output_padding,
        groups=module.groups,
        dilation=module.dilation,
    )
    return _biased(op, module)


def _biased(op: Any, module: Any) -> Layer:
    """The layer with its bias, along the axis before the spatial ones."""
    return biased(op, _array(module, module.bias), axis=-1 - len(module.kernel_size))


def _weight(module: Any) -> Array:
    """The kernel, which a lazy module gets with its first input."""
    weight = _array(module, module.weight)
    if weight is None:
        refuse(module, "it has no weight")
    return weight


def _kind(tensor: Any) -> str:
    """Name of the dtype of a tensor."""
    return str(tensor.dtype).removeprefix("torch.")


def _array(module: Any, tensor: Any) -> Array | None:
    """A parameter as an array in main memory, perhaps the parameter's own."""
    if tensor is None:
        return None
    if not is_from(tensor, "torch", "Tensor"):
        refuse(module, "it is quantized: its weights are no tensor")
    values = tensor.detach()
    kind = _kind(values)
    if values.is_meta or kind not in _DTYPES or str(values.layout) != "torch.strided":
        why = (
            f"its weights are {kind} ({values.layout}) on {values.device}: they must be "
            f"dense numbers of {', '.join(_DTYPES)}, in memory"
        )
        refuse(module, why)
    values = values.cpu().resolve_conj().resolve_neg()
    array: Array = getattr(values, _DTYPES[kind])().numpy()
    return array


def _sequence(
    _name: str, module: Any, input_shape: Shape, dtype: npt.DTypeLike
) -> Layer:
    """Each module takes what the one before gives."""
    layers = []
    for inner in module:
        layers.append(_converted(inner, input_shape, dtype))
        input_shape = layers[-1].op.dimsd
    return chained(layers) if layers else reshaped(input_shape, input_shape)


_CONVERTERS: dict[str, Converter] = {
    **dict.fromkeys(("Conv1d", "Conv2d", "Conv3d"), _convolution),
    **dict.fromkeys(
        ("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"), _transposed
    ),
    **RESAMPLERS,
    "Sequential": _sequence,
}
