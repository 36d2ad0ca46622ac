"""TensorFlow's transposed convolutions."""

from collections.abc import Sequence

import numpy.typing as npt

from convadjoint.frameworks.formats import (
    Pads,
    Steps,
    backward,
    called,
    output_sizes,
    paddings,
)
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.geometry.checks import integer
from convadjoint.operators import SpecOp

__all__ = [
    "GROUPS",
    "atrous_conv2d_transpose",
    "conv1d_transpose",
    "conv2d_transpose",
    "conv3d_transpose",
    "conv_transpose",
    "transposed_semantics",
]

_LISTS = "pairs with two spatial axes only"
GROUPS = "groups follow from the channels of input and kernel"
_RANGE = "output_shape must be a shape whose convolution has the input's"


def _conv_transpose(
    semantics: Semantics,
    input_shape: Sequence[int],
    filters: npt.ArrayLike,
    output_shape: Sequence[int],
    strides: Steps,
    padding: Pads = "SAME",
    data_format: str | None = None,
    dilations: Steps = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The transposed convolution ``{name}``.

    Parameters
    ----------
    input_shape : sequence of int, ``(batch, *n, c_in)`` or ``(batch, c_in, *n)``
        Shape of the input.
    filters : array_like, shape ``(*k, c_out/groups, c_in)``
        The kernel of the convolution whose transpose is meant.
    output_shape : sequence of int
        Shape of the output; its convolution must have the input's shape.
    strides : int or sequence of int
        At least 1: one for all axes, one per axis, or one for each axis of the input.
    padding : {"SAME", "VALID"} or sequence of (int, int), optional
        That of the convolution; with two spatial axes also samples before and after
        each axis of the output.
    data_format : str, optional
        ``"NHWC"`` (the default) or ``"NCHW"`` for two spatial axes, and so on.
    dilations : int or sequence of int, optional
        Distance of neighbouring taps; in the form of `strides`.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import tensorflow
    >>> filters = np.ones((3, 3, 1, 2))
    >>> op = tensorflow.conv2d_transpose((1, 3, 3, 2), filters, (1, 5, 6, 1), 2)
    >>> op.dimsd
    (1, 5, 6, 1)
    """
    call, form = called(semantics, input_shape, filters, data_format)
    lines = call.lines(
        form.steps("strides", strides), form.steps("dilations", dilations)
    )
    short = form.rank == 2 and semantics.rank == 2
    sizes, groups = output_sizes(call, form, output_shape, "output_shape", short=short)
    pads = paddings(padding, form, lists=form.rank == 2)
    axes = backward(lines, pads, sizes, "output_shape")
    return call.operator(axes, groups=groups, dtype=dtype, engine=engine)


def _atrous_conv2d_transpose(
    semantics: Semantics,
    value_shape: Sequence[int],
    filters: npt.ArrayLike,
    output_shape: Sequence[int],
    rate: int,
    padding: str,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The transpose of a dilated convolution, ``{name}``.

    Parameters
    ----------
    value_shape : sequence of int, ``(batch, h, w, c_in)``
        Shape of the input.
    filters : array_like, shape ``(kh, kw, c_out, c_in)``
        The kernel of the convolution whose transpose is meant.
    output_shape : sequence of int
        Shape of the output; its convolution must have the input's shape.
    rate : int
        Dilation of both axes.
    padding : {"SAME", "VALID"}
        By name only.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import tensorflow
    >>> words = {"output_shape": (1, 9, 9, 1), "rate": 2, "padding": "VALID"}
    >>> filters = np.ones((3, 3, 1, 1))
    >>> tensorflow.atrous_conv2d_transpose((1, 5, 5, 1), filters, **words).dimsd
    (1, 9, 9, 1)
    """
    call, form = called(semantics, value_shape, filters, None)
    rates = (integer(rate, "rate", least=1),) * 2
    sizes, groups = output_sizes(call, form, output_shape, "output_shape", short=False)
    pads = paddings(padding, form, lists=False)
    axes = backward(call.lines((1, 1), rates), pads, sizes, "output_shape")
    return call.operator(axes, groups=groups, dtype=dtype, engine=engine)


def transposed_semantics(
    function: str, rank: int | None, *limits: str, length: str = "output_shape"
) -> Semantics:
    """What transposed convolutions mean."""
    return Semantics(
        framework="tensorflow",
        function=function,
        rank=rank,
        layouts=("N*C", "NC*"),
        kernel="*OI",
        transposed=True,
        padding="That of the convolution whose transpose is meant.",
        odd="end",
        length=length,
        limits=limits,
    )


conv1d_transpose, conv2d_transpose, conv3d_transpose, conv_transpose = (
    adapted(_conv_transpose, transposed_semantics(name, rank, _RANGE, _LISTS, GROUPS))
    for name, rank in (
        ("conv1d_transpose", 1),
        ("conv2d_transpose", 2),
        ("conv3d_transpose", 3),
        ("conv_transpose", None),
    )
)
atrous_conv2d_transpose = adapted(
    _atrous_conv2d_transpose,
    transposed_semantics("atrous_conv2d_transpose", 2, _RANGE, "padding by name only"),
)
