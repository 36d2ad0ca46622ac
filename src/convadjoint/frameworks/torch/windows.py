"""``torch.nn.functional``: average pooling, unfold and fold; the modules are the same."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import flag, integers, shape
from convadjoint.frameworks.door import placed
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.geometry.checks import is_sequence
from convadjoint.operators import Member, SpecOp
from convadjoint.resample import avg_pool
from convadjoint.resample import fold as folded
from convadjoint.resample import unfold as unfolded

__all__ = [
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "Fold",
    "Unfold",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "fold",
    "unfold",
]

Sizes = int | Sequence[int]


def _pool_semantics(function: str, rank: int) -> Semantics:
    """What average pooling means."""
    return Semantics(
        framework="torch",
        function=function,
        rank=rank,
        layouts=("NC*", "C*"),
        kernel=None,
        padding="`padding` zeros on both sides, which are counted by default; what lies "
        "beyond them never is.",
        length="floor((n + 2 * padding - k) / s) + 1, or the ceiling if the last window "
        "starts in the signal or before it",
        limits=(
            "padding at most half of the window",
            "three spatial axes: a window fits into the input without its padding",
        ),
    )


def _columns_semantics(function: str, length: str) -> Semantics:
    """What unfolding and folding mean."""
    return Semantics(
        framework="torch",
        function=function,
        rank=2,
        layouts=("NC*", "C*"),
        kernel=None,
        padding="`padding` zeros on both sides; channels are the slowest part of a column.",
        length=length,
        limits=("two spatial axes", "padding must not be negative"),
    )


def _avg_pool(
    semantics: Semantics,
    input_shape: Sequence[int],
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> Member:
    """The average pooling ``{name}``.

    Parameters
    ----------
    input_shape : sequence of int, ``(batch, c, *n)`` or ``(c, *n)``
        Shape of the input.
    kernel_size : int or sequence of int
        Samples of a window.
    stride : int or sequence of int, optional
        Distance of windows, by default their size.
    padding : int or sequence of int, optional
        Zeros on both sides.
    ceil_mode : bool, optional
        Round the number of windows up.
    count_include_pad : bool, optional
        Whether samples of the padding are counted.
    divisor_override : int, optional
        Divide by this number instead; not with one spatial axis.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import torch
    >>> torch.avg_pool2d((1, 2, 5, 5), 2, ceil_mode=True).dimsd
    (1, 2, 3, 3)
    """
    rank = semantics.rank or 1
    dims, _ = placed(input_shape, semantics.layouts, rank)
    taps = integers("kernel_size", kernel_size, rank, least=1, one_for_all=True)
    steps = taps
    if stride is not None and not (is_sequence(stride) and not tuple(stride)):
        steps = integers("stride", stride, rank, least=1, one_for_all=True)
    pads = integers("padding", padding, rank, least=0, one_for_all=True)
    for index, (pad, k) in enumerate(zip(pads, taps, strict=True)):
        if 2 * pad > k:
            msg = (
                f"padding {pad} on spatial axis {index} is more than half of the window "
                f"of {k}: at most {k // 2}"
            )
            raise SemanticsError(msg)
    inner = dims[len(dims) - rank :]
    if rank == 3 and any(n < k for n, k in zip(inner, taps, strict=True)):
        msg = f"a window of {taps} exceeds the input of {inner}: padding does not count"
        raise SemanticsError(msg)
    if rank == 1 and divisor_override is not None:
        msg = f"divisor_override {divisor_override} needs two or three spatial axes"
        raise SemanticsError(msg)
    return avg_pool(
        dims,
        taps,
        stride=steps,
        padding=pads,
        ceil_mode=flag("ceil_mode", ceil_mode),
        count_include_pad=flag("count_include_pad", count_include_pad),
        divisor=divisor_override,
        axes=tuple(range(-rank, 0)),
        dtype=np.float64 if dtype is None else dtype,
        engine=engine,
    )


def _unfold(
    semantics: Semantics,
    input_shape: Sequence[int],
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The windows of an image as columns, ``{name}``.

    Parameters
    ----------
    input_shape : sequence of int, ``(batch, c, *n)`` or ``(c, *n)``
        Shape of the input.
    kernel_size : int or sequence of int
        Samples of a window.
    dilation : int or sequence of int, optional
        Distance of the samples of a window.
    padding : int or sequence of int, optional
        Zeros on both sides.
    stride : int or sequence of int, optional
        Distance of windows.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import torch
    >>> torch.unfold((1, 2, 5, 5), 3).dimsd
    (1, 18, 9)
    """
    dims, _ = placed(input_shape, semantics.layouts, 2)
    return unfolded(
        dims,
        integers("kernel_size", kernel_size, 2, least=1),
        stride=integers("stride", stride, 2, least=1),
        padding=integers("padding", padding, 2, least=0),
        dilation=integers("dilation", dilation, 2, least=1),
        axes=(-2, -1),
        dtype=np.float64 if dtype is None else dtype,
        engine=engine,
    )


def _fold(
    semantics: Semantics,  # noqa: ARG001
    input_shape: Sequence[int],
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The sum of columns where their windows were, ``{name}``.

    Parameters
    ----------
    input_shape : sequence of int, ``(batch, c * prod(k), l)`` or ``(c * prod(k), l)``
        Shape of the input: `l` columns.
    output_size : int or sequence of int
        Spatial shape of the output.
    kernel_size : int or sequence of int
        Samples of a window, `k`.
    dilation : int or sequence of int, optional
        Distance of the samples of a window.
    padding : int or sequence of int, optional
        Samples cropped on both sides of the output.
    stride : int or sequence of int, optional
        Distance of windows.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import torch
    >>> torch.fold((1, 18, 9), 5, 3).dimsd
    (1, 2, 5, 5)
    """
    dims = shape(input_shape, "the input")
    if len(dims) not in (2, 3):
        msg = f"the input {dims} has {len(dims)} axes, allowed is NCL or CL"
        raise SemanticsError(msg)
    return folded(
        dims,
        integers("output_size", output_size, 2, least=1),
        integers("kernel_size", kernel_size, 2, least=1),
        stride=integers("stride", stride, 2, least=1),
        padding=integers("padding", padding, 2, least=0),
        dilation=integers("dilation", dilation, 2, least=1),
        dtype=np.float64 if dtype is None else dtype,
        engine=engine,
    )


avg_pool1d, avg_pool2d, avg_pool3d = (
    adapted(_avg_pool, _pool_semantics(f"avg_pool{rank}d", rank)) for rank in (1, 2, 3)
)
AvgPool1d, AvgPool2d, AvgPool3d = (
    adapted(_avg_pool, _pool_semantics(f"AvgPool{rank}d", rank)) for rank in (1, 2, 3)
)
unfold, Unfold = (
    adapted(
        _unfold, _columns_semantics(name, "prod(floor((n + 2 * padding - K) / s) + 1)")
    )
    for name in ("unfold", "Unfold")
)
fold, Fold = (
    adapted(_fold, _columns_semantics(name, "output_size")) for name in ("fold", "Fold")
)
