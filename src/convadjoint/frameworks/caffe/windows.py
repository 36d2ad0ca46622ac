"""Caffe's layers ``Pooling`` and ``Crop``."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convadjoint.errors import GeometryError, SemanticsError
from convadjoint.frameworks.arguments import choice, flag, integers, shape
from convadjoint.frameworks.caffe.fields import Field, counted
from convadjoint.frameworks.door import Call, Line, placed
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.frameworks.windows import averaged, pool_lines, rounded_up
from convadjoint.geometry.checks import is_sequence
from convadjoint.geometry.windows import Window
from convadjoint.operators import Member, SpecOp

__all__ = ["Crop", "Pooling"]

Ints = int | Sequence[int]

_POOLING = Semantics(
    framework="caffe",
    function="Pooling",
    rank=2,
    kernel=None,
    padding="`pad` zeros on both sides, which are counted; what lies beyond them is not.",
    length="ceil((n + 2 * pad - k) / s) + 1; with padding, the last window starts in the "
    "signal or before it",
    limits=(
        "pool 'AVE': the others are not linear",
        "two spatial axes",
        "pad must be smaller than the window",
    ),
)
_CROP = Semantics(
    framework="caffe",
    function="Crop",
    layouts=("*",),
    kernel=None,
    padding="The axes from `axis` on are cropped to the reference's lengths.",
    length="that of the reference",
    limits=("the crop must lie inside the input",),
)


def _pooling(
    semantics: Semantics,
    bottom_shape: Sequence[int],
    pool: str = "MAX",
    kernel_size: int | None = None,
    stride: int | None = None,
    pad: int | None = None,
    *,
    kernel_h: int | None = None,
    kernel_w: int | None = None,
    stride_h: int | None = None,
    stride_w: int | None = None,
    pad_h: int | None = None,
    pad_w: int | None = None,
    global_pooling: bool = False,
    round_mode: str = "CEIL",
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> Member:
    """The layer ``{name}``.

    Parameters
    ----------
    bottom_shape : sequence of int, ``(batch, c, h, w)``
        Shape of the input.
    pool : {"AVE"}
        What is made of a window.  The default "MAX" is refused: it is not linear.
    kernel_size, stride, pad : int, optional
        Samples of a window, distance of windows, zeros on both sides; for both axes.
    kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w : int, optional
        The same for each axis.
    global_pooling : bool, optional
        One window for all samples; without a kernel size then.
    round_mode : {"CEIL", "FLOOR"}, optional
        How the number of windows is rounded.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import caffe
    >>> caffe.Pooling((1, 2, 6, 6), "AVE", kernel_size=3, stride=2).dimsd
    (1, 2, 3, 3)
    """
    dims, layout = placed(bottom_shape, semantics.layouts, 2)
    choice("pool", pool, ("AVE",), why="not linear")
    up = choice("round_mode", round_mode, ("CEIL", "FLOOR")) == "CEIL"
    sizes = Field("kernel_size", kernel_size, kernel_h, kernel_w, least=1)
    steps = Field("stride", stride, stride_h, stride_w, default=1, least=1)
    pads = Field("pad", pad, pad_h, pad_w).per_axis(2)
    everything = flag("global_pooling", global_pooling)
    if sizes.given == everything:
        msg = "a layer needs either a kernel size or global_pooling, got " + (
            "both" if everything else "neither"
        )
        raise SemanticsError(msg)
    taps = dims[2:] if everything else sizes.per_axis(2)
    places, lines = pool_lines(dims, layout, taps, steps.per_axis(2))
    windows = [
        _window(line, lo, up, any(pads)) for line, lo in zip(lines, pads, strict=True)
    ]
    return averaged(dims, places, windows, padding=True, dtype=dtype, engine=engine)


def _crop(
    semantics: Semantics,
    bottom_shape: Sequence[int],
    reference_shape: Sequence[int],
    axis: int = 2,
    offset: Ints = (),
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The layer ``{name}``.

    Parameters
    ----------
    bottom_shape : sequence of int
        Shape of the input.
    reference_shape : sequence of int
        Shape of the second input, whose lengths are taken over.
    axis : int, optional
        First axis that is cropped.
    offset : int or sequence of int, optional
        First sample that stays, one for all cropped axes or one per axis.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import caffe
    >>> caffe.Crop((1, 3, 6, 7), (1, 2, 4, 5), offset=(1, 2)).dimsd
    (1, 3, 4, 5)
    """
    lengths = shape(reference_shape, "the reference")
    dims = shape(bottom_shape, "the input")
    rank = len(lengths)
    if rank != len(dims) or not rank:
        msg = f"the reference {lengths} needs as many axes as the input {dims}"
        raise SemanticsError(msg)
    call = Call.of(semantics, bottom_shape, np.ones((1,) * rank))
    first = counted(axis, rank)
    entries = tuple(offset) if is_sequence(offset) else (offset,)
    starts = integers(
        "offset", entries or (0,), rank - first, least=0, one_for_all=True
    )
    axes = [line.sized(0, line.n) for line in call.lines(call.taps, call.taps)]
    for line, start in zip(
        call.lines(call.taps, call.taps)[first:], starts, strict=True
    ):
        wanted = lengths[line.index]
        if not 1 <= wanted <= line.n - start:
            msg = (
                f"a crop of {wanted} samples from {start} on does not lie in axis "
                f"{line.index} of length {line.n}"
            )
            raise SemanticsError(msg)
        axes[line.index] = line.sized(-start, wanted)
    return call.operator(axes, dtype=dtype, engine=engine)


Pooling = adapted(_pooling, _POOLING)
Crop = adapted(_crop, _CROP)


def _window(line: Line, pad: int, up: bool, inside: bool) -> Window:
    """The windows along one axis."""
    if pad >= line.k:
        msg = (
            f"pad {pad} on spatial axis {line.index} must be smaller than the window: at "
            f"most {line.k - 1}"
        )
        raise SemanticsError(msg)
    length = (line.n + 2 * pad - line.k) // line.s + 1
    if up:
        length = rounded_up(line, pad, pad, inside=inside)
    if length < 1:
        msg = (
            f"a window of {line.k} samples on spatial axis {line.index} exceeds the "
            f"padded input of {line.n + 2 * pad}"
        )
        raise GeometryError(msg)
    return Window(axis=line.sized(pad, length), hi=pad)
