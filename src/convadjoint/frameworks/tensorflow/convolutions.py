"""TensorFlow's convolutions."""

from collections.abc import Sequence

import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.door import Call
from convadjoint.frameworks.formats import (
    Pads,
    Steps,
    called,
    depthwise,
    forward,
    groups_of,
    paddings,
    whole,
)
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.frameworks.tensorflow.transposed import GROUPS
from convadjoint.operators import SpecOp

__all__ = [
    "atrous_conv2d",
    "conv1d",
    "conv2d",
    "conv3d",
    "convolution",
    "depthwise_conv2d",
]


def _conv(
    semantics: Semantics,
    input_shape: Sequence[int],
    filters: npt.ArrayLike,
    strides: Steps,
    padding: Pads,
    data_format: str | None = None,
    dilations: Steps = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The convolution ``{name}``.

    Parameters
    ----------
    input_shape : sequence of int, ``(*batch, *n, c_in)`` or ``(*batch, c_in, *n)``
        Shape of the input.
    filters : array_like, shape ``(*k, c_in/groups, c_out)``
        Kernel, correlated.
    strides : int or sequence of int
        At least 1, one for each axis of the input; with two spatial axes also one for
        all of them, or one per axis.
    padding : {"SAME", "VALID"} or sequence of (int, int)
        With two spatial axes also samples before and after each axis of the input.
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
    >>> tensorflow.conv2d((1, 5, 5, 2), np.ones((3, 3, 2, 4)), 2, "SAME").dimsd
    (1, 3, 3, 4)
    """
    call, form = called(semantics, input_shape, filters, data_format)
    plane = form.rank == 2
    steps, rates = (
        form.steps(word, value) if plane else whole(form, word, value)
        for word, value in (("strides", strides), ("dilations", dilations))
    )
    axes = forward(call.lines(steps, rates), paddings(padding, form, lists=plane))
    return call.operator(axes, groups=_groups(call), dtype=dtype, engine=engine)


def _conv1d(
    semantics: Semantics,
    input_shape: Sequence[int],
    filters: npt.ArrayLike,
    stride: Steps,
    padding: str,
    data_format: str | None = None,
    dilations: Steps = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The convolution ``{name}``.

    Parameters
    ----------
    input_shape : sequence of int, ``(*batch, n, c_in)`` or ``(*batch, c_in, n)``
        Shape of the input.
    filters : array_like, shape ``(k, c_in/groups, c_out)``
        Kernel, correlated.
    stride : int or sequence of int
        At least 1; a sequence may also name batch and channels.
    padding : {"SAME", "VALID"}
        By name only.
    data_format : {"NWC", "NCW"}, optional
        Channels last, or first.
    dilations : int or sequence of int, optional
        Distance of neighbouring taps; in the form of `stride`.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import tensorflow
    >>> tensorflow.conv1d((1, 5, 2), np.ones((3, 2, 4)), 2, "VALID").dimsd
    (1, 2, 4)
    """
    call, form = called(semantics, input_shape, filters, data_format)
    lines = call.lines(form.steps("stride", stride), form.steps("dilations", dilations))
    axes = forward(lines, paddings(padding, form, lists=False))
    return call.operator(axes, groups=_groups(call), dtype=dtype, engine=engine)


def _convolution(
    semantics: Semantics,
    input_shape: Sequence[int],
    filters: npt.ArrayLike,
    strides: Steps = None,
    padding: str = "VALID",
    data_format: str | None = None,
    dilations: Steps = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The convolution ``{name}``, with one to three spatial axes.

    Parameters
    ----------
    input_shape : sequence of int, ``(*batch, *n, c_in)`` or ``(*batch, c_in, *n)``
        Shape of the input.
    filters : array_like, shape ``(*k, c_in/groups, c_out)``
        Kernel, correlated.
    strides : int or sequence of int, optional
        At least 1, not both larger than 1.
    padding : {"VALID", "SAME"}, optional
        By name only.
    data_format : str, optional
        ``"NWC"``, ``"NHWC"`` or ``"NDHWC"`` (the defaults), or channels first.
    dilations : int or sequence of int, optional
        Distance of neighbouring taps; in the form of `strides`.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import tensorflow
    >>> tensorflow.convolution((1, 5, 2), np.ones((3, 2, 4)), dilations=2).dimsd
    (1, 1, 4)
    """
    call, form = called(semantics, input_shape, filters, data_format)
    steps = form.steps("strides", strides), form.steps("dilations", dilations)
    if max(steps[0]) > 1 and max(steps[1]) > 1:
        msg = f"strides {steps[0]} and dilations {steps[1]} must not both exceed 1"
        raise SemanticsError(msg)
    axes = forward(call.lines(*steps), paddings(padding, form, lists=False))
    return call.operator(axes, groups=_groups(call), dtype=dtype, engine=engine)


def _atrous_conv2d(
    semantics: Semantics,
    value_shape: Sequence[int],
    filters: npt.ArrayLike,
    rate: int,
    padding: str,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The dilated convolution ``{name}``.

    Parameters
    ----------
    value_shape : sequence of int, ``(batch, h, w, c_in)``
        Shape of the input.
    filters : array_like, shape ``(kh, kw, c_in/groups, c_out)``
        Kernel, correlated.
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
    >>> tensorflow.atrous_conv2d((1, 9, 9, 1), np.ones((3, 3, 1, 1)), 2, "VALID").dimsd
    (1, 5, 5, 1)
    """
    call, form = called(semantics, value_shape, filters, None)
    lines = call.lines((1, 1), call.integers("rate", rate, least=1))
    axes = forward(lines, paddings(padding, form, lists=False))
    return call.operator(axes, groups=_groups(call), dtype=dtype, engine=engine)


def _depthwise_conv2d(
    semantics: Semantics,
    input_shape: Sequence[int],
    filter: npt.ArrayLike,
    strides: Sequence[int],
    padding: Pads,
    data_format: str | None = None,
    dilations: Sequence[int] | None = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The convolution ``{name}``, of each channel on its own.

    Parameters
    ----------
    input_shape : sequence of int, ``(batch, h, w, c)`` or ``(batch, c, h, w)``
        Shape of the input.
    filter : array_like, shape ``(kh, kw, c, multiplier)``
        Kernels of each channel, correlated; output channel ``c * multiplier + m``.
    strides : sequence of int
        One for each axis of the input.
    padding : {"SAME", "VALID"} or sequence of (int, int)
        By name, or samples before and after each axis of the input.
    data_format : {"NHWC", "NCHW"}, optional
        Channels last, or first.
    dilations : sequence of int, optional
        One per spatial axis; only with strides of 1.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import tensorflow
    >>> filter = np.ones((3, 3, 2, 4))
    >>> tensorflow.depthwise_conv2d((1, 5, 5, 2), filter, (1, 2, 2, 1), "SAME").dimsd
    (1, 3, 3, 8)
    """
    kernel, (groups, _) = depthwise(filter)
    call, form = called(semantics, input_shape, kernel, data_format)
    steps = whole(form, "strides", strides)
    given = (1, 1) if dilations is None else dilations
    rates = call.integers("dilations", given, least=1, whole=True)
    if max(rates) > 1 and max(steps) > 1:
        msg = (
            f"strides {steps} must be 1 with dilations {rates}: TensorFlow would "
            f"ignore them"
        )
        raise SemanticsError(msg)
    axes = forward(call.lines(steps, rates), paddings(padding, form, lists=True))
    return call.operator(axes, groups=groups, dtype=dtype, engine=engine)


def _groups(call: Call) -> int:
    """The groups that the channels imply."""
    return groups_of(call.channels, call.kernel_axis("I"), f"the input {call.dims}")


_NAMES = (
    "'SAME' keeps ceil(n / s) samples, 'VALID' pads nothing; lists of pairs are zeros "
    "before and after."
)


def _semantics(
    function: str, rank: int | None, *limits: str, multi: bool = True
) -> Semantics:
    """What convolutions mean."""
    return Semantics(
        framework="tensorflow",
        function=function,
        rank=rank,
        layouts=("N*C", "NC*"),
        kernel="*IO",
        padding=_NAMES,
        odd="end",
        length="ceil(n / s) for 'SAME', floor((n + lo + hi - K) / s) + 1 else",
        limits=(*limits, "several batch axes") if multi else limits,
    )


conv1d = adapted(_conv1d, _semantics("conv1d", 1, "padding by name only", GROUPS))
conv2d = adapted(_conv, _semantics("conv2d", 2, GROUPS))
conv3d = adapted(
    _conv,
    _semantics(
        "conv3d",
        3,
        "padding by name only",
        "strides and dilations name all five axes",
        GROUPS,
    ),
)
convolution = adapted(
    _convolution,
    _semantics(
        "convolution",
        None,
        "padding by name only",
        "strides and dilations must not both exceed 1",
        GROUPS,
    ),
)
atrous_conv2d = adapted(
    _atrous_conv2d,
    _semantics("atrous_conv2d", 2, "padding by name only", multi=False),
)
depthwise_conv2d = adapted(
    _depthwise_conv2d,
    _semantics(
        "depthwise_conv2d",
        2,
        "the kernel is `(kh, kw, c, multiplier)`, output channels `c * multiplier + m`",
        "dilations are refused with strides, which TensorFlow then ignores",
        multi=False,
    ),
)
