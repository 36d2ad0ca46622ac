"""``torch.nn.grad``: the gradients of a convolution, as operators on the upstream one."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convadjoint.frameworks.arguments import shape
from convadjoint.frameworks.door import Call
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.frameworks.torch.convolutions import spatial
from convadjoint.operators import ConvWeightOp, SpecOp
from convadjoint.operators.samples import as_samples

__all__ = [
    "conv1d_input",
    "conv1d_weight",
    "conv2d_input",
    "conv2d_weight",
    "conv3d_input",
    "conv3d_weight",
]

Sizes = int | Sequence[int]


def _semantics(function: str, rank: int) -> Semantics:
    """What gradients of convolutions mean."""
    return Semantics(
        framework="torch",
        function=function,
        rank=rank,
        padding="`padding` zeros on both sides of the convolution's input.",
        length="that of the convolution's input, or of its kernel",
        limits=(
            "gradients conjugate: they are adjoints",
            "a batch axis is needed, and padding in numbers",
        ),
    )


def _conv_input(
    semantics: Semantics,
    input_size: Sequence[int],
    weight: npt.ArrayLike,
    stride: Sizes = 1,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The gradient of a convolution on its input, ``{name}``.

    Parameters
    ----------
    input_size : sequence of int, ``(batch, c_in, *n)``
        Shape of the convolution's input: that of the operator's output.
    weight : array_like, shape ``(c_out, c_in/groups, *k)``
        The convolution's kernel.
    stride : int or sequence of int, optional
        At least 1, one for all axes or one per axis.
    padding : int or sequence of int, optional
        Zeros on both sides.
    dilation : int or sequence of int, optional
        Distance of neighbouring taps, at least 1.
    groups : int, optional
        Blocks of channels.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import torch
    >>> op = torch.conv2d_input((1, 2, 5, 5), np.ones((3, 2, 3, 3)), stride=2)
    >>> op.dims, op.dimsd
    ((1, 3, 2, 2), (1, 2, 5, 5))
    """
    call = Call.of(semantics, input_size, weight)
    lines = spatial(call, stride, dilation)
    pads = call.integers("padding", padding, least=0, one_for_all=True)
    axes = [line.convolved(pad, pad) for line, pad in zip(lines, pads, strict=True)]
    return call.operator(axes, groups=groups, dtype=dtype, engine=engine).H


def _conv_weight(
    semantics: Semantics,
    input: npt.ArrayLike,
    weight_size: Sequence[int],
    stride: Sizes = 1,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> ConvWeightOp:
    """The gradient of a convolution on its kernel, ``{name}``.

    Parameters
    ----------
    input : array_like, shape ``(batch, c_in, *n)``
        The convolution's input, copied.
    weight_size : sequence of int, ``(c_out, c_in/groups, *k)``
        Shape of the kernel: that of the operator's output.
    stride : int or sequence of int, optional
        At least 1, one for all axes or one per axis.
    padding : int or sequence of int, optional
        Zeros on both sides.
    dilation : int or sequence of int, optional
        Distance of neighbouring taps, at least 1.
    groups : int, optional
        Blocks of channels.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import torch
    >>> op = torch.conv2d_weight(np.ones((1, 2, 5, 5)), (3, 2, 3, 3), stride=2)
    >>> op.dims, op.dimsd
    ((1, 3, 2, 2), (3, 2, 3, 3))
    """
    x, size = as_samples(input, "the input"), shape(weight_size, "the kernel")
    call = Call.of(semantics, x.shape, np.broadcast_to(np.float32(0), size))
    lines = spatial(call, stride, dilation)
    pads = call.integers("padding", padding, least=0, one_for_all=True)
    return ConvWeightOp(
        x,
        size,
        stride=[line.s for line in lines],
        padding=pads,
        dilation=[line.d for line in lines],
        groups=groups,
        channel_axis=1,
        dtype=dtype,
        engine=engine,
    ).H


conv1d_input, conv2d_input, conv3d_input = (
    adapted(_conv_input, _semantics(f"conv{rank}d_input", rank)) for rank in (1, 2, 3)
)
conv1d_weight, conv2d_weight, conv3d_weight = (
    adapted(_conv_weight, _semantics(f"conv{rank}d_weight", rank)) for rank in (1, 2, 3)
)
