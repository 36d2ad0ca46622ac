"""Keras's convolution layers."""

from collections.abc import Sequence

import numpy.typing as npt

from convadjoint.frameworks.arguments import agree
from convadjoint.frameworks.formats import depthwise
from convadjoint.frameworks.keras.words import (
    Sizes,
    called,
    check_layer,
    check_steps,
    named,
)
from convadjoint.frameworks.lines import Line
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.geometry import Axis
from convadjoint.operators import SpecOp

__all__ = ["Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D"]


def _conv(
    semantics: Semantics,
    input_shape: Sequence[int],
    kernel: npt.ArrayLike,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
    groups: int = 1,
    *,
    filters: int | None = None,
    kernel_size: Sizes | None = None,
    use_bias: bool = True,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The layer ``{name}`` without its bias.

    Parameters
    ----------
    input_shape : sequence of int, ``(batch, *n, c_in)`` or ``(batch, c_in, *n)``
        Shape of the input.
    kernel : array_like, shape ``(*k, c_in/groups, c_out)``
        Kernel, correlated.
    strides : int or sequence of int, optional
        At least 1, not both larger than 1.
    padding : {"valid", "same", "causal"}, optional
        Causal, before the first sample only, with one spatial axis.
    data_format : {"channels_last", "channels_first"}, optional
        Layout of input and output.
    dilation_rate : int or sequence of int, optional
        Distance of neighbouring taps; in the form of `strides`.
    groups : int, optional
        Blocks of channels.
    filters, kernel_size : optional
        Checked against `kernel`.
    use_bias : bool, optional
        Whether the layer adds a bias, which the operator leaves out.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import keras
    >>> kernel = np.ones((3, 2, 4))
    >>> keras.Conv1D((1, 5, 2), kernel, strides=2, padding="causal").dimsd
    (1, 3, 4)
    """
    call = called(semantics, input_shape, kernel, data_format)
    check_layer(call, filters, kernel_size, use_bias)
    steps = call.integers("strides", strides, least=1)
    rates = call.integers("dilation_rate", dilation_rate, least=1)
    check_steps(steps, rates)
    allowed = ("valid", "same", "causal") if call.rank == 1 else ("valid", "same")
    rule = named("padding", padding, allowed)
    axes = [_axis(line, rule) for line in call.lines(steps, rates)]
    return call.operator(axes, groups=groups, dtype=dtype, engine=engine)


def _depthwise_conv(
    semantics: Semantics,
    input_shape: Sequence[int],
    kernel: npt.ArrayLike,
    strides: Sizes = 1,
    padding: str = "valid",
    depth_multiplier: int | None = None,
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
    *,
    kernel_size: Sizes | None = None,
    use_bias: bool = True,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The layer ``{name}`` without its bias: each channel on its own.

    Parameters
    ----------
    input_shape : sequence of int, ``(batch, *n, c)`` or ``(batch, c, *n)``
        Shape of the input.
    kernel : array_like, shape ``(*k, c, multiplier)``
        Kernels of each channel, correlated; output channel ``c * multiplier + m``.
    strides : int or sequence of int, optional
        At least 1.
    padding : {"valid", "same"}, optional
        By name only.
    depth_multiplier : int, optional
        Checked against `kernel`.
    data_format : {"channels_last", "channels_first"}, optional
        Layout of input and output.
    dilation_rate : int or sequence of int, optional
        Distance of neighbouring taps; in the form of `strides`.
    kernel_size : optional
        Checked against `kernel`.
    use_bias : bool, optional
        Whether the layer adds a bias, which the operator leaves out.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import keras
    >>> keras.DepthwiseConv1D((1, 5, 2), np.ones((3, 2, 4))).dimsd
    (1, 3, 8)
    """
    weights, (channels, multiplier) = depthwise(kernel)
    call = called(semantics, input_shape, weights, data_format)
    agree("depth_multiplier", depth_multiplier, multiplier)
    check_layer(call, None, kernel_size, use_bias)
    steps = call.integers("strides", strides, least=1)
    rates = call.integers("dilation_rate", dilation_rate, least=1)
    rule = named("padding", padding, ("valid", "same"))
    axes = [_axis(line, rule) for line in call.lines(steps, rates)]
    return call.operator(axes, groups=channels, dtype=dtype, engine=engine)


def _axis(line: Line, rule: str) -> Axis:
    """The axis of a padding by name."""
    if rule == "same":
        return line.same()
    return line.convolved(line.span - 1 if rule == "causal" else 0, 0)


_PADDING = "'same' keeps ceil(n / s) samples, 'valid' pads nothing, 'causal' pads K - 1 before."
_LENGTH = "ceil(n / s) for 'same' and 'causal', floor((n - K) / s) + 1 for 'valid'"


def _semantics(function: str, rank: int, *limits: str) -> Semantics:
    """What the layers mean."""
    return Semantics(
        framework="keras",
        function=function,
        rank=rank,
        layouts=("N*C", "NC*"),
        kernel="*IO",
        padding=_PADDING,
        odd="end",
        length=_LENGTH,
        limits=("names in any case", *limits),
    )


Conv1D, Conv2D, Conv3D = (
    adapted(
        _conv,
        _semantics(
            f"Conv{rank}D",
            rank,
            "strides and dilation_rate must not both exceed 1, even on different axes",
            "'causal' with one spatial axis only",
        ),
    )
    for rank in (1, 2, 3)
)
DepthwiseConv1D, DepthwiseConv2D = (
    adapted(
        _depthwise_conv,
        _semantics(
            f"DepthwiseConv{rank}D",
            rank,
            "the kernel is `(*k, c, multiplier)`, output channels `c * multiplier + m`",
            "'causal' is refused",
        ),
    )
    for rank in (1, 2)
)
