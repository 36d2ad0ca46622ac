"""``torch.nn``: the modules, with their padding modes and the arguments of a call."""

from collections.abc import Sequence

import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import agree, choice, flag
from convadjoint.frameworks.door import Call, Line
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.frameworks.torch.convolutions import (
    conv_semantics,
    paddings,
    spatial,
    transposed_axes,
    transposed_semantics,
    zeros_outside,
)
from convadjoint.geometry import Axis, Border
from convadjoint.geometry.checks import is_sequence
from convadjoint.operators import SpecOp

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
]

Sizes = int | Sequence[int]

_MODES = ("zeros", "reflect", "replicate", "circular")


def _conv_module(
    semantics: Semantics,
    input_shape: Sequence[int],
    weight: npt.ArrayLike,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    bias: bool = True,
    padding_mode: str = "zeros",
    *,
    in_channels: int | None = None,
    out_channels: int | None = None,
    kernel_size: Sizes | None = None,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The module ``{name}`` without its bias.

    Parameters
    ----------
    input_shape : sequence of int, ``(batch, c_in, *n)`` or ``(c_in, *n)``
        Shape of the input.
    weight : array_like, shape ``(c_out, c_in/groups, *k)``
        Kernel, correlated.
    stride : int or sequence of int, optional
        At least 1, one for all axes or one per axis.
    padding : int, sequence of int, or {"valid", "same"}, optional
        Samples on both sides.
    dilation : int or sequence of int, optional
        Distance of neighbouring taps, at least 1.
    groups : int, optional
        Blocks of channels.
    bias : bool, optional
        Whether the module adds a bias, which the operator leaves out.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}, optional
        What stands in the padding.
    in_channels, out_channels, kernel_size : optional
        Checked against `weight`.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import torch
    >>> kernel = np.ones((3, 2, 3, 3))
    >>> torch.Conv2d((1, 2, 5, 5), kernel, padding=1, padding_mode="circular").dimsd
    (1, 3, 5, 5)
    """
    call = Call.of(semantics, input_shape, weight)
    agree("in_channels", in_channels, call.channels)
    agree("out_channels", out_channels, call.kernel_axis("O"))
    _check_module(call, kernel_size, bias)
    borders: tuple[Border, ...]
    if choice("padding_mode", padding_mode, _MODES) == "zeros":
        axes, borders = zeros_outside(call, stride, padding, dilation), ()
    else:
        axes, borders = _filled(call, stride, padding, dilation, padding_mode)
    return call.operator(
        axes, groups=groups, borders=borders, dtype=dtype, engine=engine
    )


def _conv_transpose_module(
    semantics: Semantics,
    input_shape: Sequence[int],
    weight: npt.ArrayLike,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    bias: bool = True,
    dilation: Sizes = 1,
    padding_mode: str = "zeros",
    *,
    output_size: Sequence[int] | None = None,
    in_channels: int | None = None,
    out_channels: int | None = None,
    kernel_size: Sizes | None = None,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The module ``{name}`` without its bias.

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
        Samples more at the end; of no effect if `output_size` is given.
    groups : int, optional
        Blocks of channels.
    bias : bool, optional
        Whether the module adds a bias, which the operator leaves out.
    dilation : int or sequence of int, optional
        Distance of neighbouring taps, at least 1.
    padding_mode : {"zeros"}, optional
        Nothing else is allowed.
    output_size : sequence of int, optional
        Argument of the module's call: spatial shape of the output, or all of it.
    in_channels, out_channels, kernel_size : optional
        Checked against `weight`.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import torch
    >>> kernel = np.ones((2, 1, 3, 3))
    >>> torch.ConvTranspose2d((2, 3, 3), kernel, stride=2, output_size=(7, 8)).dimsd
    (1, 7, 8)
    """
    call = Call.of(semantics, input_shape, weight)
    agree("in_channels", in_channels, call.kernel_axis("I"))
    agree("out_channels", out_channels, call.kernel_axis("O") * groups)
    _check_module(call, kernel_size, bias)
    choice("padding_mode", padding_mode, _MODES[:1], why="not possible here")
    lines = spatial(call, stride, dilation)
    if output_size is not None:
        output_padding = _extras(call, lines, padding, output_size)
    axes = transposed_axes(call, lines, padding, output_padding)
    return call.operator(axes, groups=groups, dtype=dtype, engine=engine)


Conv1d, Conv2d, Conv3d = (
    adapted(_conv_module, conv_semantics(f"Conv{rank}d", rank)) for rank in (1, 2, 3)
)
ConvTranspose1d, ConvTranspose2d, ConvTranspose3d = (
    adapted(_conv_transpose_module, transposed_semantics(f"ConvTranspose{rank}d", rank))
    for rank in (1, 2, 3)
)


def _filled(
    call: Call, stride: object, padding: object, dilation: object, mode: str
) -> tuple[list[Axis], tuple[Border, ...]]:
    """The axes of the extended signals, and their borders.

    PyTorch pads first, by the numbers as given: a list of one is not spread over the
    axes, and negative numbers crop.
    """
    lines = spatial(call, stride, dilation)
    if not isinstance(padding, str):
        amounts = call.integers("padding", padding)
    else:
        amounts = ()
        if padding == "same":
            call.integers("dilation", dilation)
    pairs = [
        _bordered(line, pad, mode)
        for line, pad in zip(lines, paddings(lines, padding, amounts), strict=True)
    ]
    return [axis for axis, _ in pairs], tuple(border for _, border in pairs)


def _bordered(line: Line, pad: tuple[int, int], mode: str) -> tuple[Axis, Border]:
    """The axis of the extended signal, and its border; PyTorch limits the padding."""
    limit = {"reflect": line.n - 1, "circular": line.n}.get(mode)
    if limit is not None and max(pad) > limit:
        msg = (
            f"padding {max(pad)} on spatial axis {line.index} of length {line.n} is too "
            f"much for padding_mode {mode!r}: at most {limit}"
        )
        raise SemanticsError(msg)
    axis = line.convolved(*pad)
    length = (axis.q - 1) * axis.s + line.span
    border = Border(n=line.n, length=length, lo=pad[0], mode=mode)
    return Axis(n=length, q=axis.q, k=axis.k, s=axis.s, d=axis.d), border


def _extras(
    call: Call, lines: tuple[Line, ...], padding: object, output_size: Sequence[int]
) -> tuple[int, ...]:
    """The output padding that leads to an output size."""
    sizes = tuple(output_size) if is_sequence(output_size) else ()
    others = len(call.dims) - call.rank
    if len(sizes) == others + call.rank:
        sizes = sizes[others:]
    if len(sizes) != call.rank:
        msg = (
            f"output_size {output_size!r} must have {call.rank} or "
            f"{others + call.rank} entries"
        )
        raise SemanticsError(msg)
    wanted = call.integers("output_size", sizes)
    pads = call.integers("padding", padding, least=0, one_for_all=True)
    extras = []
    for line, pad, size in zip(lines, pads, wanted, strict=True):
        least = line.full - 2 * pad
        if not least <= size < least + line.s:
            msg = (
                f"output_size {size} on spatial axis {line.index} is out of reach: "
                f"allowed are {least} to {least + line.s - 1}"
            )
            raise SemanticsError(msg)
        extras.append(size - least)
    return tuple(extras)


def _check_module(call: Call, kernel_size: Sizes | None, bias: object) -> None:
    """Refuse what contradicts the kernel."""
    if kernel_size is not None:
        agree("kernel_size", call.integers("kernel_size", kernel_size), call.taps)
    flag("bias", bias)
