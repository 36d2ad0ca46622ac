"""MXNet's operator ``Pooling``: means and sums."""

from collections.abc import Sequence

import numpy.typing as npt

from convadjoint.errors import GeometryError, SemanticsError
from convadjoint.frameworks.arguments import choice, flag, integers, shape
from convadjoint.frameworks.door import Line, placed
from convadjoint.frameworks.mxnet.operators import listed
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.frameworks.windows import averaged, pool_lines, rounded_up
from convadjoint.geometry.checks import is_sequence
from convadjoint.geometry.windows import Window
from convadjoint.operators import Member

__all__ = ["Pooling"]

Shape = int | Sequence[int]

_LAYOUTS = {
    "NCW": ("NC*", 1),
    "NCHW": ("NC*", 2),
    "NCDHW": ("NC*", 3),
    "NWC": ("N*C", 1),
    "NHWC": ("N*C", 2),
    "NDHWC": ("N*C", 3),
}

_POOLING = Semantics(
    framework="mxnet",
    function="Pooling",
    layouts=("NC*", "N*C"),
    kernel=None,
    padding="`pad` zeros on both sides, which are counted by default; what lies beyond "
    "them never is.",
    length="floor((n + 2 * pad - k) / s) + 1; the ceiling for 'full'",
    limits=(
        "pool_type 'avg' and 'sum': the others are not linear",
        "pooling_convention 'same' is for 'max' alone",
        "a window fits into the padded input",
        "one to three spatial axes",
    ),
)


def _pooling(
    semantics: Semantics,  # noqa: ARG001
    data_shape: Sequence[int],
    kernel: Shape = (),
    pool_type: str = "max",
    global_pool: bool = False,
    pooling_convention: str = "valid",
    stride: Shape = (),
    pad: Shape = (),
    count_include_pad: bool = True,
    layout: str | None = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> Member:
    """The pooling ``{name}``.

    Parameters
    ----------
    data_shape : sequence of int, ``(batch, c, *n)``
        Shape of the input, in the order of `layout`.
    kernel : int or sequence of int, optional
        Samples of a window, one number per axis; not needed for `global_pool`.
    pool_type : {"avg", "sum"}
        What is made of a window.  The default "max" is refused: it is not linear.
    global_pool : bool, optional
        One window for all samples.
    pooling_convention : {"valid", "full"}, optional
        Round the number of windows down or up.
    stride, pad : int or sequence of int, optional
        One per axis.
    count_include_pad : bool, optional
        Whether samples of the padding are counted.
    layout : {"NCW", "NCHW", "NCDHW", "NWC", "NHWC", "NDHWC"}, optional
        By default channels come first.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import mxnet
    >>> mxnet.Pooling((1, 2, 5, 5), (2, 2), "avg", stride=(2, 2)).dimsd
    (1, 2, 2, 2)
    """
    rank = len(shape(data_shape, "the input")) - 2
    dims, found = placed(data_shape, (_place(layout, rank),), rank)
    choice("pool_type", pool_type, ("avg", "sum"), why="not linear")
    rule = choice("pooling_convention", pooling_convention, ("valid", "full"))
    if flag("global_pool", global_pool):
        inner = [n for n, letter in zip(dims, found, strict=True) if letter not in "NC"]
        places, lines = pool_lines(dims, found, inner, (1,) * rank)
        pads: tuple[int, ...] = (0,) * rank
    else:
        size = kernel if is_sequence(kernel) else (kernel,)
        taps = integers("kernel", size, rank, least=1)
        steps = listed("stride", stride, rank, 1, least=1)
        places, lines = pool_lines(dims, found, taps, steps)
        pads = listed("pad", pad, rank, 0)
    windows = [
        _window(line, lo, rule == "full") for line, lo in zip(lines, pads, strict=True)
    ]
    padding = (
        flag("count_include_pad", count_include_pad) if pool_type == "avg" else None
    )
    return averaged(dims, places, windows, padding=padding, dtype=dtype, engine=engine)


Pooling = adapted(_pooling, _POOLING)


def _place(layout: str | None, rank: int) -> str:
    """Where the channels are."""
    place, wanted = "NC*", rank
    if layout is not None:
        place, wanted = _LAYOUTS[choice("layout", layout, _LAYOUTS)]
    if wanted != rank or not 1 <= rank <= 3:
        msg = (
            f"layout {layout!r} with {rank} spatial axes is not allowed: a layout names "
            f"each axis, and 1 to 3 are spatial"
        )
        raise SemanticsError(msg)
    return place


def _window(line: Line, pad: int, up: bool) -> Window:
    """The windows along one axis; at least one has to fit."""
    if line.k > line.n + 2 * pad:
        msg = (
            f"a window of {line.k} samples on spatial axis {line.index} exceeds the "
            f"padded input of {line.n + 2 * pad}"
        )
        raise GeometryError(msg)
    length = (line.n + 2 * pad - line.k) // line.s + 1
    if up:
        length = rounded_up(line, pad, pad, inside=False)
    return Window(axis=line.sized(pad, length), hi=pad)
