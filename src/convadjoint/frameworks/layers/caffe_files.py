"""The convolutions of Caffe's files: a net in words, and its weights."""

import re
from math import prod
from typing import Any, NoReturn

import numpy as np

from convadjoint.engines import Array
from convadjoint.errors import SemanticsError
from convadjoint.frameworks import caffe as words
from convadjoint.frameworks.door import shape
from convadjoint.frameworks.layers.caffe_schema import net_class
from convadjoint.frameworks.layers.layer import Layer, biased
from convadjoint.frameworks.layers.limits import (
    MAX_DEPTH,
    Source,
    check_stated,
    check_windows,
    contents,
    needed,
    parsed,
    refuse,
    shown,
)

__all__ = ["from_caffe"]

_CONVOLUTIONS = ("Convolution", "Deconvolution")
# The parser of texts is slow on long ones, and quadratic in the length of a line.
_MAX_TEXT, _MAX_LINE = 2**20, 10_000
_NET = "the prototxt"
_QUIET = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""")
_BRACES = re.compile(r"[{}<>]")


def from_caffe(
    prototxt: Source,
    layer: str,
    caffemodel: Source | None = None,
    *,
    input_shape: tuple[int, ...] | None = None,
) -> Layer:
    """Return a layer of a Caffe net as an operator and a bias.

    Parameters
    ----------
    prototxt : path or bytes
        The net in words.
    layer : str
        Name of a ``Convolution``, ``Deconvolution`` or average ``Pooling`` layer.
    caffemodel : path or bytes, optional
        The weights, in Caffe's binary format; pooling needs none.
    input_shape : tuple of int, optional
        Shape of the layer's input, ``(batch, channels, *space)``.  May be left out if
        the layer reads an input of the net whose shape the file states.

    Returns
    -------
    Layer
        ``layer(x)`` is ``op @ x + bias``.

    Raises
    ------
    SemanticsError
        If a file is broken or too large, or the layer is missing, of another type, or
        breaks Caffe's rules.
    GeometryError
        If the shapes do not fit.
    TypeError
        If a file is neither a path nor bytes.

    See Also
    --------
    from_torch, from_keras, from_onnx : The same for other frameworks.

    Examples
    --------
    >>> import convadjoint as ca
    >>> net = b'''
    ... layer {
    ...   name: "mean"  type: "Pooling"  bottom: "data"  top: "mean"
    ...   pooling_param { pool: AVE  kernel_size: 2  stride: 2 }
    ... }
    ... '''
    >>> ca.from_caffe(net, "mean", input_shape=(1, 1, 2, 4))([[[[1, 3, 5, 7], [1, 3, 5, 7]]]])
    array([[[[2., 6.]]]])
    """
    net = _net(prototxt)
    chosen = _named(net.layer, layer, _NET)
    stated = _declared(net, chosen) if input_shape is None else input_shape
    sizes = shape(stated, "the input")
    if chosen.type == "Pooling":
        return _pooling(chosen, sizes)
    if chosen.type not in _CONVOLUTIONS:
        allowed = ", ".join((*_CONVOLUTIONS, "Pooling"))
        _refuse(chosen, f"its type is none of {allowed}")
    if caffemodel is None:
        _refuse(chosen, "it has weights: give caffemodel")
    return _convolution(chosen, sizes, _blobs(caffemodel, chosen))


def _net(prototxt: Source) -> Any:
    """The net that a text describes."""
    data = contents(prototxt, _NET, limit=_MAX_TEXT)
    text_format = needed("google.protobuf.text_format")
    try:
        text = data.decode()
        _check_form(text)
        net = text_format.Parse(text, net_class()(), allow_unknown_field=True)
    except (UnicodeDecodeError, text_format.ParseError) as error:
        # The parser quotes the line, and says what is wrong with it at the end.
        refuse(_NET, f"{str(error)[:60]} ... {str(error)[-100:]}")
    if net.layers:
        refuse(_NET, "`layers` is the older format: convert it to `layer` with Caffe")
    return net


def _check_form(text: str) -> None:
    """No line is too long, and no message too deep, for a recursive parser."""
    if max(map(len, text.split("\n"))) > _MAX_LINE:
        refuse(_NET, f"it has a line of more than {_MAX_LINE} characters")
    depth = 0
    for brace in _BRACES.findall(_QUIET.sub("", text)):
        depth += 1 if brace in "{<" else -1
        if depth > MAX_DEPTH:
            refuse(_NET, f"its messages nest deeper than {MAX_DEPTH}")


def _named(layers: Any, name: str, what: str) -> Any:
    """The one layer of this name."""
    found = [layer for layer in layers if layer.name == name]
    if len(found) != 1:
        names = ", ".join(shown(layer.name) for layer in layers[:20]) or "none"
        msg = f"{what} has {len(found)} layers named {name!r}, not one: it has {names}"
        raise SemanticsError(msg)
    return found[0]


def _declared(net: Any, layer: Any) -> tuple[int, ...]:
    """Shape of the layer's input, if it is an input of the net."""
    shapes = {}
    for index, name in enumerate(net.input):
        old = tuple(net.input_dim[4 * index : 4 * index + 4])
        new = net.input_shape[index : index + 1]
        shapes[name] = tuple(new[0].dim) if new else old
    for other in net.layer:
        if other.type == "Input" and other.input_param.shape:
            given = [tuple(one.dim) for one in other.input_param.shape]
            given *= len(other.top) if len(given) == 1 else 1
            shapes |= dict(zip(other.top, given, strict=False))
    bottom = layer.bottom[0] if layer.bottom else ""
    if not shapes.get(bottom):
        _refuse(
            layer,
            f"the file does not state the shape of {shown(bottom)}: give input_shape",
        )
    check_stated(shapes[bottom], _NET)
    return shapes[bottom]


def _convolution(layer: Any, sizes: tuple[int, ...], blobs: list[Array]) -> Layer:
    """The layer of a convolution or its transpose, with these weights."""
    stated = {"num_output": 0, "bias_term": True, "axis": 1} | _stated(
        layer.convolution_param
    )
    if len(blobs) != 1 + stated["bias_term"]:
        _refuse(layer, f"the caffemodel has {len(blobs)} blobs for it")
    op = getattr(words, layer.type)(sizes, blobs[0], **stated)
    bias = blobs[1].ravel() if stated["bias_term"] else None
    if bias is not None and bias.size != op.dimsd[stated["axis"]]:
        _refuse(layer, f"its bias has {bias.size} entries for {op.dimsd}")
    return biased(op, bias, axis=stated["axis"])


def _pooling(layer: Any, sizes: tuple[int, ...]) -> Layer:
    """The layer of an average pooling."""
    stated = _stated(layer.pooling_param)
    pads, taps = (
        [value for word, value in stated.items() if word.startswith(stem)]
        for stem in ("pad", "kernel")
    )
    check_windows(sizes[2:], pads, taps if len(taps) > 1 else taps * 2, _NET)
    return biased(words.Pooling(sizes, **stated), None, axis=1)


def _stated(parameter: Any) -> dict[str, Any]:
    """The fields that a layer's parameter has; values of an enum by name."""
    return {field.name: _plain(field, value) for field, value in parameter.ListFields()}


def _plain(field: Any, value: Any) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    return value if isinstance(value, int) else tuple(value)


def _blobs(caffemodel: Source, layer: Any) -> list[Array]:
    """The weights of a layer, from a file in the present format or the older one."""
    what = "the caffemodel"
    net = parsed(net_class(), contents(caffemodel, what), what)
    stored = _named((*net.layer, *net.layers), layer.name, what)
    return [_array(blob, layer) for blob in stored.blobs]


def _array(blob: Any, layer: Any) -> Array:
    """A blob as an array, if it holds what its shape promises."""
    old = (blob.num, blob.channels, blob.height, blob.width)
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else old
    data = blob.double_data or blob.data
    if min(shape, default=1) < 1 or prod(shape) != len(data):
        _refuse(layer, f"a blob has shape {shape}, but {len(data)} samples")
    dtype = np.float64 if blob.double_data else np.float32
    return np.array(data, dtype).reshape(shape)


def _refuse(layer: Any, why: str) -> NoReturn:
    """Raise an error that names the layer."""
    msg = f"layer {shown(layer.name)} ({shown(layer.type)}) cannot be converted: {why}"
    raise SemanticsError(msg)
