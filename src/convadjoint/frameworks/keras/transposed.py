"""Keras's transposed convolution layers."""

from collections.abc import Sequence

import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.door import Call
from convadjoint.frameworks.formats import backward
from convadjoint.frameworks.keras.words import (
    Sizes,
    called,
    check_layer,
    check_steps,
    named,
)
from convadjoint.frameworks.lines import Line
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.geometry.padding import Padding
from convadjoint.operators import SpecOp

__all__ = ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"]


def _conv_transpose(
    semantics: Semantics,
    input_shape: Sequence[int],
    kernel: npt.ArrayLike,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Sizes | None = None,
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
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
    kernel : array_like, shape ``(*k, c_out, c_in)``
        The kernel of the convolution whose transpose is meant.
    strides : int or sequence of int, optional
        At least 1, not both larger than 1.
    padding : {"valid", "same"}, optional
        That of the convolution.
    output_padding : int or sequence of int, optional
        Samples more than the least, below the stride; None, which is not 0, stands for
        the usual length.
    data_format : {"channels_last", "channels_first"}, optional
        Layout of input and output.
    dilation_rate : int or sequence of int, optional
        Distance of neighbouring taps; in the form of `strides`.
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
    >>> kernel, words = np.ones((3, 1, 1)), {"strides": 2, "padding": "same"}
    >>> keras.Conv1DTranspose((1, 3, 1), kernel, **words).dimsd
    (1, 6, 1)
    >>> keras.Conv1DTranspose((1, 3, 1), kernel, **words, output_padding=0).dimsd
    (1, 5, 1)
    """
    call = called(semantics, input_shape, kernel, data_format)
    check_layer(call, filters, kernel_size, use_bias)
    steps = call.integers("strides", strides, least=1)
    rates = call.integers("dilation_rate", dilation_rate, least=1)
    check_steps(steps, rates)
    rule = named("padding", padding, ("valid", "same"))
    lines = call.lines(steps, rates)
    sizes = [
        _length(line, rule, extra)
        for line, extra in zip(lines, _extras(call, steps, output_padding), strict=True)
    ]
    axes = backward(lines, [Padding(rule=rule)] * call.rank, sizes, "the output length")
    return call.operator(axes, dtype=dtype, engine=engine)


def _extras(
    call: Call, strides: tuple[int, ...], output_padding: Sizes | None
) -> Sequence[int | None]:
    """Output padding per axis, below the stride."""
    if output_padding is None:
        return [None] * call.rank
    extras = call.integers("output_padding", output_padding, least=0)
    for axis, (extra, stride) in enumerate(zip(extras, strides, strict=True)):
        if extra >= stride:
            msg = (
                f"output_padding {extra} on spatial axis {axis} must be smaller than "
                f"stride {stride}: allowed are 0 to {stride - 1}"
            )
            raise SemanticsError(msg)
    return extras


def _length(line: Line, rule: str, extra: int | None) -> int:
    """Length of the output."""
    if rule == "same":
        if extra is None:
            return line.n * line.s
        return (line.n - 1) * line.s + line.span % 2 + extra
    if extra is None:
        extra = max(line.s - line.span, 0)
    return line.full + extra


Conv1DTranspose, Conv2DTranspose, Conv3DTranspose = (
    adapted(
        _conv_transpose,
        Semantics(
            framework="keras",
            function=f"Conv{rank}DTranspose",
            rank=rank,
            layouts=("N*C", "NC*"),
            kernel="*OI",
            transposed=True,
            padding="That of the convolution whose transpose is meant.",
            odd="end",
            length="n * s for 'same', (n - 1) * s + max(K, s) for 'valid'; with "
            "output_padding (n - 1) * s + K % 2 + output_padding for 'same', "
            "(n - 1) * s + K + output_padding for 'valid'",
            limits=(
                "output_padding None is not 0",
                "'same' with an even K needs an output_padding of 1 or more",
                "output_padding must be below the stride",
                "strides and dilation_rate must not both exceed 1",
                "names in any case",
            ),
        ),
    )
    for rank in (1, 2, 3)
)
