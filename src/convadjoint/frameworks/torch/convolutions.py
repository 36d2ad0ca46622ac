"""``torch.nn.functional``: convolutions and transposed convolutions."""

from collections.abc import Sequence

import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import choice
from convadjoint.frameworks.door import Call, Line
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.geometry import Axis
from convadjoint.operators import SpecOp

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_semantics",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "paddings",
    "spatial",
    "transposed_axes",
    "transposed_semantics",
    "zeros_outside",
]

Sizes = int | Sequence[int]


def conv_semantics(function: str, rank: int) -> Semantics:
    """What convolutions mean."""
    return Semantics(
        framework="torch",
        function=function,
        rank=rank,
        layouts=("NC*", "C*"),
        padding="`padding` samples on both sides; 'same' keeps the length.",
        odd="end",
        length="floor((n + 2 * padding - K) / s) + 1; n for 'same'",
        limits=(
            "'same' needs stride 1",
            "padding must not be negative",
            "the kernel must fit into the padded input",
        ),
    )


def transposed_semantics(function: str, rank: int) -> Semantics:
    """What transposed convolutions mean."""
    return Semantics(
        framework="torch",
        function=function,
        rank=rank,
        layouts=("NC*", "C*"),
        kernel="IO*",
        transposed=True,
        padding="`padding` samples are cropped on both sides, then `output_padding` "
        "samples more are computed at the end.",
        length="(n - 1) * s + K - 2 * padding + output_padding",
        limits=(
            "output_padding must be below max(stride, dilation)",
            "an output_padding of the stride or more transposes a cut convolution",
            "padding by name is refused",
            "modules: padding_mode 'zeros' only",
        ),
    )


def _conv(
    semantics: Semantics,
    input_shape: Sequence[int],
    weight: npt.ArrayLike,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    bias: None = None,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The convolution ``{name}``.

    Parameters
    ----------
    input_shape : sequence of int, ``(batch, c_in, *n)`` or ``(c_in, *n)``
        Shape of the input.
    weight : array_like, shape ``(c_out, c_in/groups, *k)``
        Kernel, correlated.
    stride : int or sequence of int, optional
        At least 1, one for all axes or one per axis.
    padding : int, sequence of int, or {"valid", "same"}, optional
        Zeros on both sides.
    dilation : int or sequence of int, optional
        Distance of neighbouring taps, at least 1.
    groups : int, optional
        Blocks of channels.
    bias : None
        Left out: add it to ``op @ x``.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import torch
    >>> torch.conv2d((1, 2, 5, 5), np.ones((3, 2, 3, 3)), stride=2).dimsd
    (1, 3, 2, 2)
    """
    check_no_bias(stride, bias)
    call = Call.of(semantics, input_shape, weight)
    axes = zeros_outside(call, stride, padding, dilation)
    return call.operator(axes, groups=groups, dtype=dtype, engine=engine)


def _conv_transpose(
    semantics: Semantics,
    input_shape: Sequence[int],
    weight: npt.ArrayLike,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
    *,
    bias: None = None,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The transposed convolution ``{name}``.

    Parameters
    ----------
    input_shape : sequence of int, ``(batch, c_in, *n)`` or ``(c_in, *n)``
        Shape of the input.
    weight : array_like, shape ``(c_in, c_out/groups, *k)``
        The kernel of the convolution whose transpose is meant.
    stride : int or sequence of int, optional
        At least 1, one for all axes or one per axis.
    padding : int or sequence of int, optional
        Samples cropped on both sides of the output.
    output_padding : int or sequence of int, optional
        Samples more at the end, below ``max(stride, dilation)``.
    groups : int, optional
        Blocks of channels.
    dilation : int or sequence of int, optional
        Distance of neighbouring taps, at least 1.
    bias : None
        Left out: add it to ``op @ x``.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import torch
    >>> torch.conv_transpose2d((1, 2, 3, 3), np.ones((2, 1, 3, 3)), stride=2).dimsd
    (1, 1, 7, 7)
    """
    check_no_bias(stride, bias)
    call = Call.of(semantics, input_shape, weight)
    lines = spatial(call, stride, dilation)
    axes = transposed_axes(call, lines, padding, output_padding)
    return call.operator(axes, groups=groups, dtype=dtype, engine=engine)


conv1d, conv2d, conv3d = (
    adapted(_conv, conv_semantics(f"conv{rank}d", rank)) for rank in (1, 2, 3)
)
conv_transpose1d, conv_transpose2d, conv_transpose3d = (
    adapted(_conv_transpose, transposed_semantics(f"conv_transpose{rank}d", rank))
    for rank in (1, 2, 3)
)


def check_no_bias(stride: object, bias: object) -> None:
    """Refuse a bias, also where PyTorch has its place."""
    if bias is not None:
        msg = "a bias is no part of the operator: add it to op @ x"
        raise SemanticsError(msg)
    if stride is None:
        msg = "stride must be an integer, got None; the bias is left out: stride is "
        msg += "the third argument"
        raise TypeError(msg)


def spatial(call: Call, stride: object, dilation: object) -> tuple[Line, ...]:
    """The spatial axes."""
    return call.lines(
        call.integers("stride", stride, least=1, one_for_all=True),
        call.integers("dilation", dilation, least=1, one_for_all=True),
    )


def paddings(
    lines: tuple[Line, ...], padding: object, amounts: tuple[int, ...]
) -> list[tuple[int, int]]:
    """Samples before and after each axis; `amounts` is the padding in numbers."""
    if not isinstance(padding, str):
        return [(amount, amount) for amount in amounts]
    if choice("padding", padding, ("valid", "same")) == "valid":
        return [(0, 0)] * len(lines)
    if any(line.s != 1 for line in lines):
        strides = tuple(line.s for line in lines)
        msg = f"padding 'same' needs stride 1 on all axes, got {strides}"
        raise SemanticsError(msg)
    reaches = [line.span - 1 for line in lines]
    return [(reach // 2, reach - reach // 2) for reach in reaches]


def zeros_outside(
    call: Call, stride: object, padding: object, dilation: object
) -> list[Axis]:
    """The axes of a convolution with zeros in the padding."""
    lines = spatial(call, stride, dilation)
    amounts: tuple[int, ...] = ()
    if not isinstance(padding, str):
        amounts = call.integers("padding", padding, least=0, one_for_all=True)
    pads = paddings(lines, padding, amounts)
    return [line.convolved(*pad) for line, pad in zip(lines, pads, strict=True)]


def transposed_axes(
    call: Call, lines: tuple[Line, ...], padding: object, output_padding: object
) -> list[Axis]:
    """The axes of the convolutions whose transposes are meant."""
    pads = call.integers("padding", padding, least=0, one_for_all=True)
    extras = call.integers("output_padding", output_padding, least=0, one_for_all=True)
    axes = []
    for line, pad, extra in zip(lines, pads, extras, strict=True):
        if extra >= max(line.s, line.d):
            msg = (
                f"output_padding {extra} on spatial axis {line.index} must be smaller "
                f"than stride {line.s} or dilation {line.d}: at most "
                f"{max(line.s, line.d) - 1}"
            )
            raise SemanticsError(msg)
        axes.append(line.transposed(pad, line.full - 2 * pad + extra))
    return axes
