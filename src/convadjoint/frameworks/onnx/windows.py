"""ONNX's operators ``AveragePool`` and ``Col2Im``."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convadjoint.errors import GeometryError, SemanticsError
from convadjoint.frameworks.arguments import flag, integers, shape
from convadjoint.frameworks.door import Line, placed
from convadjoint.frameworks.onnx.convolutions import auto, begins_and_ends
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.frameworks.windows import averaged, pool_lines, rounded_up
from convadjoint.geometry.windows import Window
from convadjoint.operators import Member, SpecOp
from convadjoint.resample import fold

__all__ = ["AveragePool", "Col2Im"]

Ints = Sequence[int]

_AVERAGE_POOL = Semantics(
    framework="onnx",
    function="AveragePool",
    kernel=None,
    padding="`pads` lists all beginnings, then all ends; SAME_UPPER and SAME_LOWER give "
    "ceil(n / s) outputs.  Zeros in the padding are counted only if asked for.",
    odd="both",
    length="floor((n + begin + end - K) / s) + 1, or the ceiling if the last window "
    "starts in the signal or before it; ceil(n / s) for SAME",
    limits=(
        "kernel_shape is needed",
        "pads only with auto_pad NOTSET, and smaller than the window",
    ),
)
_COL2IM = Semantics(
    framework="onnx",
    function="Col2Im",
    layouts=("NCL",),
    kernel=None,
    padding="`pads` lists all beginnings, then all ends: a crop of the image.",
    length="image_shape",
    limits=("channels are the slowest part of a column",),
)


def _average_pool(
    semantics: Semantics,
    X_shape: Ints,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    dilations: Ints | None = None,
    kernel_shape: Ints | None = None,
    pads: Ints | None = None,
    strides: Ints | None = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> Member:
    """The average pooling ``{name}``.

    Parameters
    ----------
    X_shape : sequence of int, ``(batch, c, *n)``
        Shape of the input.
    auto_pad : {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}, optional
        Rule for the padding.
    ceil_mode, count_include_pad : int, optional
        0 or 1: whether the number of windows is rounded up, and the padding counted.
    dilations : sequence of int, optional
        Distance of the samples of a window, by default 1.
    kernel_shape : sequence of int
        Samples of a window.
    pads : sequence of int, optional
        Zeros before each axis, then zeros after each axis.
    strides : sequence of int, optional
        Distance of windows, by default 1.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import onnx
    >>> onnx.AveragePool((1, 2, 5, 5), kernel_shape=[2, 2], strides=[2, 2]).dimsd
    (1, 2, 2, 2)
    """
    if kernel_shape is None:
        msg = "kernel_shape is needed: a list with the samples of a window"
        raise SemanticsError(msg)
    rank = len(shape(kernel_shape, "the window"))
    dims, layout = placed(X_shape, semantics.layouts, rank)
    taps, steps, gaps = (
        (1,) * rank
        if value is None
        else integers(word, value, rank, least=1, whole=True)
        for word, value in (
            ("kernel_shape", kernel_shape),
            ("strides", strides),
            ("dilations", dilations),
        )
    )
    amounts = begins_and_ends(rank, auto(auto_pad, pads), pads)
    places, lines = pool_lines(dims, layout, taps, steps, gaps)
    up = flag("ceil_mode", ceil_mode)
    windows = [
        _window(line, pad, auto_pad, up)
        for line, pad in zip(lines, amounts, strict=True)
    ]
    padding = flag("count_include_pad", count_include_pad)
    return averaged(dims, places, windows, padding=padding, dtype=dtype, engine=engine)


def _col2im(
    semantics: Semantics,
    input_shape: Ints,
    image_shape: Ints,
    block_shape: Ints,
    dilations: Ints | None = None,
    pads: Ints | None = None,
    strides: Ints | None = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The sum of columns where their blocks were, ``{name}``.

    Parameters
    ----------
    input_shape : sequence of int, ``(batch, c * prod(block_shape), l)``
        Shape of the input: `l` columns.
    image_shape : sequence of int
        Spatial shape of the output.
    block_shape : sequence of int
        Samples of a block.
    dilations : sequence of int, optional
        Distance of the samples of a block, by default 1.
    pads : sequence of int, optional
        Samples cropped before each axis, then after each axis.
    strides : sequence of int, optional
        Distance of blocks, by default 1.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import onnx
    >>> onnx.Col2Im((1, 5, 5), [5, 5], [1, 5]).dimsd
    (1, 1, 5, 5)
    """
    rank = len(shape(image_shape, "the image"))
    dims, _ = placed(input_shape, semantics.layouts, 0)
    steps, gaps = (
        (1,) * rank
        if value is None
        else integers(word, value, rank, least=1, whole=True)
        for word, value in (("strides", strides), ("dilations", dilations))
    )
    return fold(
        dims,
        integers("image_shape", image_shape, rank, least=1, whole=True),
        integers("block_shape", block_shape, rank, least=1, whole=True),
        stride=steps,
        padding=begins_and_ends(rank, "NOTSET", pads),
        dilation=gaps,
        dtype=np.float64 if dtype is None else dtype,
        engine=engine,
    )


AveragePool = adapted(_average_pool, _AVERAGE_POOL)
Col2Im = adapted(_col2im, _COL2IM)


def _window(line: Line, pad: tuple[int, int], auto_pad: str, up: bool) -> Window:
    """The windows along one axis."""
    if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        axis = line.same(lower=auto_pad == "SAME_LOWER")
        end = (axis.q - 1) * line.s + line.span - line.n - axis.lo
        return Window(axis=axis, hi=max(end, 0))
    lo, hi = pad
    if max(pad) >= line.k:
        msg = (
            f"pads {lo} and {hi} on spatial axis {line.index} must be smaller than the "
            f"window: at most {line.k - 1}"
        )
        raise SemanticsError(msg)
    length = (line.n + lo + hi - line.span) // line.s + 1
    if up:
        length = rounded_up(line, lo, hi, inside=True)
    if length < 1:
        msg = (
            f"a window spans {line.span} samples on spatial axis {line.index}, but only "
            f"{lo} + {line.n} + {hi} are there"
        )
        raise GeometryError(msg)
    return Window(axis=line.sized(lo, length), hi=hi)
