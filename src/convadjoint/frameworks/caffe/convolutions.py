"""Caffe's layers ``Convolution``, ``Deconvolution`` and ``Crop``.

OpenCV's importer runs the same layers; its own rules differ in one point: it sizes the
output of a dilated deconvolution as if there were no dilation.
"""

from collections.abc import Sequence

import numpy.typing as npt

from convadjoint.errors import GeometryError
from convadjoint.frameworks.arguments import agree, flag, shape
from convadjoint.frameworks.caffe.fields import Field, counted
from convadjoint.frameworks.door import Call, Line
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.geometry import Axis
from convadjoint.operators import SpecOp
from convadjoint.operators.samples import as_samples

__all__ = ["Convolution", "Deconvolution"]

Ints = int | Sequence[int]

_LIMITS = (
    "kernel_size, stride and pad once, once per axis, or as _h and _w with two axes",
    "no output padding",
    "a dilation of 0 puts all taps on one sample",
)

_CONVOLUTION = Semantics(
    framework="caffe",
    function="Convolution",
    padding="`pad` zeros on both sides.",
    length="(n + 2 * pad - K) / s + 1, the quotient rounded to zero",
    limits=_LIMITS,
)
_DECONVOLUTION = Semantics(
    framework="caffe",
    function="Deconvolution",
    kernel="IO*",
    transposed=True,
    padding="`pad` samples are cropped on both sides.",
    length="(n - 1) * s + K - 2 * pad",
    limits=_LIMITS,
)


def _convolution(
    semantics: Semantics,
    bottom_shape: Sequence[int],
    weight: npt.ArrayLike,
    kernel_size: Ints | None = None,
    stride: Ints | None = None,
    pad: Ints | None = None,
    dilation: Ints | None = None,
    group: int = 1,
    *,
    axis: int = 1,
    num_output: int | None = None,
    bias_term: bool = True,
    kernel_h: int | None = None,
    kernel_w: int | None = None,
    stride_h: int | None = None,
    stride_w: int | None = None,
    pad_h: int | None = None,
    pad_w: int | None = None,
    force_nd_im2col: bool = False,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The layer ``{name}`` without its bias.

    Parameters
    ----------
    bottom_shape : sequence of int, ``(batch, c_in, *n)``
        Shape of the input.
    weight : array_like, shape ``(c_out, c_in/group, *k)``
        Kernel, correlated.
    kernel_size : int or sequence of int, optional
        Checked against `weight`.
    stride, pad, dilation : int or sequence of int, optional
        One for all axes, or one per axis.
    group : int, optional
        Blocks of channels.
    axis : int, optional
        Axis of the channels; those before are a batch.
    num_output : int, optional
        Checked against `weight`.
    bias_term : bool, optional
        Whether the layer adds a bias, which the operator leaves out.
    kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w : int, optional
        The same for two axes.
    force_nd_im2col : bool, optional
        How the layer computes; without effect.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import caffe
    >>> caffe.Convolution((1, 2, 5, 5), np.ones((3, 2, 3, 3)), 3, stride=2).dimsd
    (1, 3, 2, 2)
    """
    flag("bias_term", bias_term)
    flag("force_nd_im2col", force_nd_im2col)
    sizes = Field("kernel_size", kernel_size, kernel_h, kernel_w)
    steps = Field("stride", stride, stride_h, stride_w, default=1, least=1)
    call, lines = _opened(
        semantics, bottom_shape, weight, axis, (sizes, steps, _dilation(dilation))
    )
    agree("num_output", num_output, call.kernel_axis("O"))
    pads = Field("pad", pad, pad_h, pad_w).per_axis(call.rank)
    axes = [_convolved(line, lo) for line, lo in zip(lines, pads, strict=True)]
    return call.operator(axes, groups=group, dtype=dtype, engine=engine)


def _deconvolution(
    semantics: Semantics,
    bottom_shape: Sequence[int],
    weight: npt.ArrayLike,
    kernel_size: Ints | None = None,
    stride: Ints | None = None,
    pad: Ints | None = None,
    dilation: Ints | None = None,
    group: int = 1,
    *,
    axis: int = 1,
    num_output: int | None = None,
    bias_term: bool = True,
    kernel_h: int | None = None,
    kernel_w: int | None = None,
    stride_h: int | None = None,
    stride_w: int | None = None,
    pad_h: int | None = None,
    pad_w: int | None = None,
    force_nd_im2col: bool = False,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The layer ``{name}`` without its bias: a transposed convolution.

    Parameters
    ----------
    bottom_shape : sequence of int, ``(batch, c_in, *n)``
        Shape of the input.
    weight : array_like, shape ``(c_in, c_out/group, *k)``
        The kernel of the convolution whose transpose is meant.
    kernel_size : int or sequence of int, optional
        Checked against `weight`.
    stride, pad, dilation : int or sequence of int, optional
        One for all axes, or one per axis.
    group : int, optional
        Blocks of channels.
    axis : int, optional
        Axis of the channels; those before are a batch.
    num_output : int, optional
        Checked against `weight`.
    bias_term : bool, optional
        Whether the layer adds a bias, which the operator leaves out.
    kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w : int, optional
        The same for two axes.
    force_nd_im2col : bool, optional
        How the layer computes; without effect.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import caffe
    >>> caffe.Deconvolution((1, 2, 3, 3), np.ones((2, 1, 4, 4)), 4, stride=2).dimsd
    (1, 1, 8, 8)
    """
    flag("bias_term", bias_term)
    flag("force_nd_im2col", force_nd_im2col)
    sizes = Field("kernel_size", kernel_size, kernel_h, kernel_w)
    steps = Field("stride", stride, stride_h, stride_w, default=1, least=1)
    call, lines = _opened(
        semantics, bottom_shape, weight, axis, (sizes, steps, _dilation(dilation))
    )
    agree("num_output", num_output, call.kernel_axis("O") * group)
    pads = Field("pad", pad, pad_h, pad_w).per_axis(call.rank)
    axes = [
        line.transposed(lo, line.full - 2 * lo)
        for line, lo in zip(lines, pads, strict=True)
    ]
    return call.operator(axes, groups=group, dtype=dtype, engine=engine)


Convolution = adapted(_convolution, _CONVOLUTION)
Deconvolution = adapted(_deconvolution, _DECONVOLUTION)


def _opened(
    semantics: Semantics,
    dims: Sequence[int],
    weight: npt.ArrayLike,
    axis: int,
    fields: tuple[Field, Field, Field],
) -> tuple[Call, tuple[Line, ...]]:
    """The call and its axes; `fields` are kernel size, stride and dilation."""
    sizes, strides, dilations = fields
    batch = "N" * counted(axis, len(shape(dims, "the input")))
    array = as_samples(weight, "the kernel")
    rank = array.ndim - 2
    layouts = (batch + "C*",)
    if rank < 1:
        Call.of(semantics, dims, array, layouts=layouts)
    if sizes.given:
        agree("kernel_size", sizes.per_axis(rank), array.shape[2:])
    steps = dilations.per_axis(rank)
    # All taps of an axis without dilation lie on one sample, so they are one tap.
    still = tuple(2 + index for index, step in enumerate(steps) if not step)
    array = array.sum(axis=still, keepdims=True) if still else array
    call = Call.of(semantics, dims, array, layouts=layouts)
    return call, call.lines(strides.per_axis(rank), [step or 1 for step in steps])


def _dilation(value: Ints | None) -> Field:
    """The dilation, which has no _h and _w."""
    return Field("dilation", value, default=1)


def _convolved(line: Line, pad: int) -> Axis:
    """The axis of a convolution; a window may end outside if the stride allows it."""
    excess = line.n + 2 * pad - line.span
    length = (excess // line.s if excess >= 0 else -(-excess // line.s)) + 1
    if length < 1:
        msg = (
            f"the kernel spans {line.span} samples on spatial axis {line.index}, but "
            f"only {pad} + {line.n} + {pad} are there: pad more or shrink it"
        )
        raise GeometryError(msg)
    return line.sized(pad, length)
