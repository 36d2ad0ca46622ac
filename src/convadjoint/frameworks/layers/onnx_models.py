"""The convolutions of an ONNX file."""

from collections import Counter
from typing import Any, NoReturn

from convadjoint.errors import SemanticsError
from convadjoint.frameworks import onnx as words
from convadjoint.frameworks.door import shape
from convadjoint.frameworks.layers.layer import Layer, biased
from convadjoint.frameworks.layers.limits import (
    Source,
    check_stated,
    check_windows,
    contents,
    needed,
    parsed,
    refuse,
    shown,
)
from convadjoint.frameworks.layers.onnx_tensors import array
from convadjoint.frameworks.layers.recognition import is_from

__all__ = ["from_onnx", "onnx_nodes"]

# Numbers of onnx.AttributeProto.AttributeType, and the fields that hold the values.
_INT, _STRING, _INTS = (2, "i"), (3, "s"), (7, "ints")
_FLAGS = ("ceil_mode", "count_include_pad")
_WINDOW = {
    "auto_pad": _STRING,
    "dilations": _INTS,
    "kernel_shape": _INTS,
    "pads": _INTS,
    "strides": _INTS,
}
_CONVOLUTION = _WINDOW | {"group": _INT}
_ATTRIBUTES = {
    "AveragePool": _WINDOW | dict.fromkeys(_FLAGS, _INT),
    "Conv": _CONVOLUTION,
    "ConvTranspose": _CONVOLUTION | {"output_padding": _INTS, "output_shape": _INTS},
}
_WHAT = "the ONNX model"
_DOMAINS = ("", "ai.onnx")


def onnx_nodes(model: Source | Any) -> tuple[str, ...]:
    """Return the names of the nodes of an ONNX model that `from_onnx` takes.

    Parameters
    ----------
    model : path, bytes or onnx.ModelProto
        The model.

    Returns
    -------
    tuple of str
        For each ``Conv``, ``ConvTranspose`` and ``AveragePool`` of the main graph its
        name, or that of its output where it has none of its own.

    Raises
    ------
    SemanticsError
        If the file is broken, or too large.

    See Also
    --------
    from_onnx : Makes an operator of one of them.

    Examples
    --------
    >>> import onnx.helper as oh
    >>> import convadjoint as ca
    >>> node = oh.make_node("Conv", ["x", "w"], ["y"], name="first")
    >>> ca.onnx_nodes(oh.make_model(oh.make_graph([node], "net", [], [])))
    ('first',)
    """
    return tuple(_convertible(_graph(model)))


def from_onnx(
    model: Source | Any,
    node: str | None = None,
    input_shape: tuple[int, ...] | None = None,
) -> Layer:
    """Return a node of an ONNX model as an operator and a bias.

    Parameters
    ----------
    model : path, bytes or onnx.ModelProto
        The model.  Files are read as data: nothing in them runs, and no other file is
        opened on their behalf.
    node : str, optional
        Name of the node, or of its output.  May be left out if there is only one.
    input_shape : tuple of int, optional
        Shape of the node's input, ``(batch, channels, *space)``.  May be left out if
        the file states it, in fixed numbers.

    Returns
    -------
    Layer
        ``layer(x)`` is ``op @ x + bias``.  Half precision becomes float32.

    Raises
    ------
    SemanticsError
        If the file is broken or too large, or if the node is none of those that
        `onnx_nodes` lists, breaks ONNX's rules, or has a kernel that is computed.
    GeometryError
        If the shape is missing or does not fit.
    TypeError
        If the model is none of the three kinds.

    See Also
    --------
    onnx_nodes : Names of the nodes that can be converted.
    from_torch, from_keras, from_caffe : The same for other frameworks.

    Notes
    -----
    Weights are initializers of the main graph or ``Constant`` nodes.  Those kept in a
    second file are refused: ``onnx.load`` reads them, from files that you trust.

    Examples
    --------
    >>> import numpy as np
    >>> import onnx.helper as oh, onnx.numpy_helper as onh
    >>> import convadjoint as ca
    >>> kernel = onh.from_array(np.ones((1, 1, 2), np.float32), "w")
    >>> node = oh.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2])
    >>> graph = oh.make_graph([node], "net", [], [], initializer=[kernel])
    >>> layer = ca.from_onnx(oh.make_model(graph), input_shape=(1, 1, 3))
    >>> layer([[[1.0, 2.0, 4.0]]])
    array([[[1., 1., 2., 2., 4., 4.]]])
    """
    graph = _graph(model)
    chosen = _chosen(_convertible(graph), node)
    sizes = shape(_declared(graph, chosen) if input_shape is None else input_shape, "X")
    attributes = _attributes(chosen)
    if chosen.op_type == "AveragePool":
        return _pooling(sizes, attributes)
    kernel, bias = _weights(graph, chosen)
    op = getattr(words, chosen.op_type)(sizes, kernel, **attributes)
    if bias is not None and bias.shape != (op.dimsd[1],):
        _refuse(chosen, f"its bias has shape {bias.shape}, not {(op.dimsd[1],)}")
    return biased(op, bias, axis=1)


def _pooling(sizes: tuple[int, ...], attributes: dict[str, Any]) -> Layer:
    """The layer of an average pooling."""
    pads, taps = attributes.get("pads", ()), attributes.get("kernel_shape", ())
    check_windows(sizes[2:], pads, taps, _WHAT)
    return biased(words.AveragePool(sizes, **attributes), None, axis=1)


def _graph(model: Any) -> Any:
    """The main graph of a model in any of its three forms."""
    if is_from(model, "onnx", "ModelProto"):
        return model.graph
    data = contents(model, _WHAT)
    return parsed(needed("onnx").ModelProto, data, _WHAT).graph


def _convertible(graph: Any) -> dict[str, Any]:
    """Nodes by the names that they are called by."""
    nodes = [
        node
        for node in graph.node
        if node.op_type in _ATTRIBUTES and node.domain in _DOMAINS
    ]
    times = Counter(node.name for node in nodes)
    found: dict[str, Any] = {}
    for node in nodes:
        name = node.name if times[node.name] == 1 and node.name else _output(node)
        if name in found:
            refuse(_WHAT, f"two of its nodes write {shown(name)}")
        found[name] = node
    return found


def _output(node: Any) -> str:
    """Name of what a node writes."""
    return node.output[0] if node.output else ""


def _chosen(nodes: dict[str, Any], name: str | None) -> Any:
    """The node of this name, or the only one."""
    if name is None and len(nodes) == 1:
        return next(iter(nodes.values()))
    outputs = {_output(node): node for node in nodes.values()}
    if name is not None and name in outputs | nodes:
        return (outputs | nodes)[name]
    names = ", ".join(map(shown, list(nodes)[:20])) or "none"
    wanted = "node is needed" if name is None else f"there is no node {name!r}"
    msg = f"{wanted}: the model has {len(nodes)} that can be converted: {names}"
    raise SemanticsError(msg)


def _declared(graph: Any, node: Any) -> tuple[int, ...]:
    """Shape of the node's input as the file states it."""
    name = node.input[0] if node.input else ""
    stated = [
        value for value in (*graph.input, *graph.value_info) if value.name == name
    ]
    shapes = [value.type.tensor_type.shape.dim for value in stated]
    if not shapes or not all(size.HasField("dim_value") for size in shapes[0]):
        _refuse(
            node, f"the file does not fix the shape of {shown(name)}: give input_shape"
        )
    sizes = tuple(size.dim_value for size in shapes[0])
    check_stated(sizes, _WHAT)
    return sizes


def _weights(graph: Any, node: Any) -> tuple[Any, Any]:
    """Kernel of a node, and its bias or None."""
    names = [name for name in node.input[1:3] if name]
    if not names or len(node.input) > 3 or not node.input[1]:
        _refuse(
            node, f"it has {len(node.input)} inputs, not a signal, a kernel, a bias"
        )
    kernel, bias, *_ = *(_tensor(graph, node, name) for name in names), None
    return kernel, bias


def _tensor(graph: Any, node: Any, name: str) -> Any:
    """Array of the one initializer or constant of this name."""
    kept = [tensor for tensor in graph.initializer if tensor.name == name]
    kept += [
        attribute.t
        for other in graph.node
        if other.op_type == "Constant" and _output(other) == name
        for attribute in other.attribute
        if attribute.name == "value"
    ]
    if len(kept) != 1:
        times = "several times" if kept else "nowhere: it is computed, or missing"
        _refuse(node, f"the file keeps {shown(name)} {times}")
    return array(kept[0], name)


def _attributes(node: Any) -> dict[str, Any]:
    """The node's attributes, each of the type that ONNX gives it."""
    known = _ATTRIBUTES[node.op_type]
    values: dict[str, Any] = {}
    for attribute in node.attribute:
        name = attribute.name
        if name not in known or name in values:
            _refuse(node, f"attribute {shown(name)} is unknown or given twice")
        number, field = known[name]
        if attribute.type != number or attribute.ref_attr_name:
            _refuse(
                node, f"attribute {shown(name)} has another type than ONNX gives it"
            )
        value = getattr(attribute, field)
        values[name] = tuple(value) if field == "ints" else value
        if name in _FLAGS and value not in (0, 1):
            _refuse(node, f"{name} is {value}: allowed are 0 and 1")
        if field == "s":
            values[name] = value.decode(errors="replace")
    return values


def _refuse(node: Any, why: str) -> NoReturn:
    """Raise an error that names the node."""
    msg = (
        f"{node.op_type} {shown(node.name or _output(node))} cannot be converted: {why}"
    )
    raise SemanticsError(msg)
