"""Gluon's layers: MXNet's operators in other words."""

from collections.abc import Sequence

import numpy.typing as npt

from convadjoint.frameworks.arguments import agree, flag, integers
from convadjoint.frameworks.mxnet.operators import (
    conv_semantics,
    convolution,
    deconv_semantics,
    deconvolution,
)
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.operators import SpecOp

__all__ = [
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
]

Shape = int | Sequence[int]


def _conv(
    semantics: Semantics,
    data_shape: Sequence[int],
    weight: npt.ArrayLike,
    strides: Shape = 1,
    padding: Shape = 0,
    dilation: Shape = 1,
    groups: int = 1,
    layout: str | None = None,
    *,
    use_bias: bool = True,
    channels: int | None = None,
    kernel_size: Shape | None = None,
    in_channels: int = 0,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """Gluon's layer ``{name}`` without its bias.

    Parameters
    ----------
    data_shape : sequence of int, ``(batch, c_in, *n)``
        Shape of the input, in the order of `layout`.
    weight : array_like, shape ``(c_out, c_in/groups, *k)``
        Kernel, correlated, in the order of `layout`.
    strides, padding, dilation : int or sequence of int, optional
        One for all axes, or one per axis.
    groups : int, optional
        Blocks of channels.
    layout : str, optional
        By default channels come first.
    use_bias : bool, optional
        Whether the layer adds a bias, which the operator leaves out.
    channels, kernel_size, in_channels : optional
        Checked against `weight`; 0 input channels are not known.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import mxnet
    >>> mxnet.Conv2D((1, 2, 5, 5), np.ones((3, 2, 3, 3)), strides=2).dimsd
    (1, 3, 2, 2)
    """
    rank = semantics.rank or 1
    op = convolution(
        semantics,
        data_shape,
        weight,
        None if kernel_size is None else integers("kernel_size", kernel_size, rank),
        stride=integers("strides", strides, rank),
        dilate=integers("dilation", dilation, rank),
        pad=integers("padding", padding, rank),
        num_group=groups,
        layout=layout,
        num_filter=channels,
        no_bias=not flag("use_bias", use_bias),
        dtype=dtype,
        engine=engine,
    )
    agree("in_channels", in_channels or None, op.spec.c_in)
    return op


def _conv_transpose(
    semantics: Semantics,
    data_shape: Sequence[int],
    weight: npt.ArrayLike,
    strides: Shape = 1,
    padding: Shape = 0,
    output_padding: Shape = 0,
    dilation: Shape = 1,
    groups: int = 1,
    layout: str | None = None,
    *,
    use_bias: bool = True,
    channels: int | None = None,
    kernel_size: Shape | None = None,
    in_channels: int = 0,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """Gluon's layer ``{name}`` without its bias.

    Parameters
    ----------
    data_shape : sequence of int, ``(batch, c_in, *n)``
        Shape of the input, in the order of `layout`.
    weight : array_like, shape ``(c_in, c_out/groups, *k)``
        The kernel of the convolution whose transpose is meant, in the order of `layout`.
    strides, padding : int or sequence of int, optional
        One for all axes, or one per axis.
    output_padding : int or sequence of int, optional
        Samples more at the end, below the stride.
    dilation : int or sequence of int, optional
        Distance of neighbouring taps.
    groups : int, optional
        Blocks of channels.
    layout : str, optional
        By default channels come first.
    use_bias : bool, optional
        Whether the layer adds a bias, which the operator leaves out.
    channels, kernel_size, in_channels : optional
        Checked against `weight`; 0 input channels are not known.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import mxnet
    >>> kernel = np.ones((2, 1, 3, 3))
    >>> mxnet.Conv2DTranspose((1, 2, 3, 3), kernel, strides=2, output_padding=1).dimsd
    (1, 1, 8, 8)
    """
    rank = semantics.rank or 1
    op = deconvolution(
        semantics,
        data_shape,
        weight,
        None if kernel_size is None else integers("kernel_size", kernel_size, rank),
        stride=integers("strides", strides, rank),
        dilate=integers("dilation", dilation, rank),
        pad=integers("padding", padding, rank),
        adj=integers("output_padding", output_padding, rank),
        num_group=groups,
        layout=layout,
        num_filter=channels,
        no_bias=not flag("use_bias", use_bias),
        dtype=dtype,
        engine=engine,
    )
    agree("in_channels", in_channels or None, op.spec.c_in)
    return op


Conv1D, Conv2D, Conv3D = (
    adapted(_conv, conv_semantics(f"Conv{rank}D", rank)) for rank in (1, 2, 3)
)
Conv1DTranspose, Conv2DTranspose, Conv3DTranspose = (
    adapted(_conv_transpose, deconv_semantics(f"Conv{rank}DTranspose", rank))
    for rank in (1, 2, 3)
)
