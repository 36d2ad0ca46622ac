"""TensorFlow's gradients of convolutions, in ``tf.raw_ops``."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import agree, shape
from convadjoint.frameworks.formats import (
    Format,
    Pads,
    backward,
    called,
    depthwise,
    groups_of,
    output_sizes,
    paddings,
    whole,
)
from convadjoint.frameworks.reordering import Reordering
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.frameworks.tensorflow.transposed import GROUPS, transposed_semantics
from convadjoint.geometry.checks import is_sequence
from convadjoint.operators import ConvWeightOp, ProductOp, SpecOp
from convadjoint.operators.samples import as_samples

__all__ = [
    "Conv2DBackpropFilter",
    "Conv2DBackpropInput",
    "Conv3DBackpropInputV2",
    "depthwise_conv2d_backprop_input",
]


def _backprop_input(
    semantics: Semantics,
    out_backprop_shape: Sequence[int],
    filter: npt.ArrayLike,
    input_sizes: Sequence[int],
    strides: Sequence[int],
    padding: str,
    explicit_paddings: Sequence[int] = (),
    data_format: str | None = None,
    dilations: Sequence[int] | None = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The gradient ``{name}``: the transpose of a convolution.

    Parameters
    ----------
    out_backprop_shape : sequence of int, ``(batch, *q, c_out)``
        Shape of the input.
    filter : array_like, shape ``(*k, c_in/groups, c_out)``
        The kernel of the convolution.
    input_sizes : sequence of int
        Shape of the convolution's input.
    strides : sequence of int
        One for each axis of the input.
    padding : {"SAME", "VALID", "EXPLICIT"}
        That of the convolution.
    explicit_paddings : sequence of int, optional
        Samples before and after each axis, with ``padding="EXPLICIT"``.
    data_format : str, optional
        ``"NHWC"`` (the default) or ``"NCHW"``; with D for three spatial axes.
    dilations : sequence of int, optional
        Distance of neighbouring taps; in the form of `strides`.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import tensorflow
    >>> words = {"input_sizes": (1, 5, 5, 1), "strides": (1, 2, 2, 1)}
    >>> filter = np.ones((3, 3, 1, 2))
    >>> tensorflow.Conv2DBackpropInput((1, 3, 3, 2), filter, **words, padding="SAME").dimsd
    (1, 5, 5, 1)
    """
    call, form = called(semantics, out_backprop_shape, filter, data_format)
    lines = call.lines(
        whole(form, "strides", strides), whole(form, "dilations", dilations)
    )
    short = form.rank == 2
    sizes, groups = output_sizes(call, form, input_sizes, "input_sizes", short=short)
    given = _raw_padding(padding, explicit_paddings, form)
    axes = backward(lines, paddings(given, form, lists=True), sizes, "input_sizes")
    return call.operator(axes, groups=groups, dtype=dtype, engine=engine)


def _backprop_filter(
    semantics: Semantics,
    input: npt.ArrayLike,
    filter_sizes: Sequence[int],
    strides: Sequence[int],
    padding: str,
    explicit_paddings: Sequence[int] = (),
    data_format: str | None = None,
    dilations: Sequence[int] | None = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> ProductOp:
    """The gradient ``{name}``: linear in the gradient of a convolution's output.

    Parameters
    ----------
    input : array_like, shape ``(batch, *n, c_in)``
        The convolution's input: an array, for the operator depends on it.
    filter_sizes : sequence of int, ``(*k, c_in/groups, c_out)``
        Shape of the kernel, which is that of the output.
    strides : sequence of int
        One for each axis of the input.
    padding : {"SAME", "VALID", "EXPLICIT"}
        That of the convolution.
    explicit_paddings : sequence of int, optional
        Samples before and after each axis, with ``padding="EXPLICIT"``.
    data_format : {"NHWC", "NCHW"}, optional
        Channels last, or first.
    dilations : sequence of int, optional
        Distance of neighbouring taps; in the form of `strides`.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import tensorflow
    >>> words = {"strides": (1, 2, 2, 1), "padding": "SAME"}
    >>> x = np.ones((1, 5, 5, 2))
    >>> op = tensorflow.Conv2DBackpropFilter(x, (3, 3, 2, 4), **words)
    >>> op.dims, op.dimsd
    ((1, 3, 3, 4), (3, 3, 2, 4))
    """
    sizes, data = shape(filter_sizes, "filter_sizes"), as_samples(input, "input")
    # The kernel is not known; its shape is checked as that of any other.
    unknown = np.broadcast_to(0.0, sizes)
    call, form = called(semantics, data.shape, unknown, data_format)
    pads = paddings(_raw_padding(padding, explicit_paddings, form), form, lists=True)
    weights = ConvWeightOp(
        data,
        (sizes[3], sizes[2], *call.taps),
        stride=whole(form, "strides", strides),
        padding="same" if pads[0].is_same else [(one.lo, one.hi) for one in pads],
        dilation=whole(form, "dilations", dilations),
        groups=groups_of(call.channels, sizes[2], f"the input {call.dims}"),
        axes=range(4)[form.space],
        channel_axis=form.channel,
        dtype=dtype,
        engine=engine,
    )
    order = Reordering(weights.dims, weights.dims, (2, 3, 1, 0), sizes)
    return ProductOp(order.operator(weights.dtype), weights.T)


def _depthwise_backprop_input(
    semantics: Semantics,
    out_backprop_shape: Sequence[int],
    filter: npt.ArrayLike,
    input_sizes: Sequence[int],
    strides: Sequence[int],
    padding: Pads,
    data_format: str | None = None,
    dilations: Sequence[int] | None = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The gradient ``{name}``: the transpose of `depthwise_conv2d`.

    Parameters
    ----------
    out_backprop_shape : sequence of int, ``(batch, h, w, c * multiplier)``
        Shape of the input.
    filter : array_like, shape ``(kh, kw, c, multiplier)``
        Kernels of each channel.
    input_sizes : sequence of int
        Shape of the convolution's input.
    strides : sequence of int
        One for each axis of the input.
    padding : {"SAME", "VALID"} or sequence of (int, int)
        That of the convolution.
    data_format : {"NHWC", "NCHW"}, optional
        Channels last, or first.
    dilations : sequence of int, optional
        Ones only.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import tensorflow
    >>> words = {"input_sizes": (1, 5, 5, 1), "strides": (1, 2, 2, 1), "padding": "SAME"}
    >>> filter = np.ones((3, 3, 1, 2))
    >>> op = tensorflow.depthwise_conv2d_backprop_input((1, 3, 3, 2), filter, **words)
    >>> op.dimsd
    (1, 5, 5, 1)
    """
    kernel, (groups, _) = depthwise(filter)
    call, form = called(semantics, out_backprop_shape, kernel, data_format)
    rates = form.steps("dilations", dilations)
    if max(rates) > 1:
        msg = f"dilations {rates} must be 1: TensorFlow would ignore them"
        raise SemanticsError(msg)
    lines = call.lines(whole(form, "strides", strides), rates)
    sizes, given = output_sizes(call, form, input_sizes, "input_sizes", short=False)
    agree("channels of input_sizes", given, groups)
    pads = paddings(padding, form, lists=True)
    axes = backward(lines, pads, sizes, "input_sizes")
    return call.operator(axes, groups=groups, dtype=dtype, engine=engine)


def _raw_padding(padding: object, amounts: object, form: Format) -> object:
    """The padding of a raw operation as a name, or as pairs."""
    explicit = isinstance(padding, str) and padding == "EXPLICIT"
    wanted = 2 * (form.rank + 2) if explicit else 0
    given = tuple(amounts) if is_sequence(amounts) else (amounts,)
    if len(given) != wanted:
        msg = (
            f"explicit_paddings has {len(given)} entries, with padding {padding!r} "
            f"allowed are {wanted}"
        )
        raise SemanticsError(msg)
    return list(zip(given[::2], given[1::2], strict=True)) if explicit else padding


Conv2DBackpropInput, Conv3DBackpropInputV2 = (
    adapted(
        _backprop_input,
        transposed_semantics(name, rank, GROUPS, length="input_sizes"),
    )
    for name, rank in (("Conv2DBackpropInput", 2), ("Conv3DBackpropInputV2", 3))
)
Conv2DBackpropFilter = adapted(
    _backprop_filter,
    Semantics(
        framework="tensorflow",
        function="Conv2DBackpropFilter",
        rank=2,
        layouts=("N*C", "NC*"),
        kernel="*IO",
        padding="That of the convolution whose gradient is meant.",
        odd="end",
        length="filter_sizes",
        limits=(GROUPS,),
    ),
)
depthwise_conv2d_backprop_input = adapted(
    _depthwise_backprop_input,
    transposed_semantics(
        "depthwise_conv2d_backprop_input",
        2,
        "dilations, which TensorFlow ignores, are refused",
        length="input_sizes",
    ),
)
