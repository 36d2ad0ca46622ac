"""PyLops's convolutions, exact where PyLops's own are not.

Examples
--------
>>> import numpy as np
>>> from convadjoint.frameworks import pylops
>>> blur = pylops.Convolve2D((64, 64), np.ones((5, 5)) / 25, offset=(2, 2))
>>> blur.dimsd
(64, 64)
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import choice, integers
from convadjoint.frameworks.laying import axis_of, laid
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.geometry.checks import is_sequence
from convadjoint.geometry.problem import shape_of
from convadjoint.operators import SpecOp
from convadjoint.operators.samples import as_samples

__all__ = ["Convolve1D", "Convolve2D", "ConvolveND"]

Sizes = int | Sequence[int]


def _convolve1d(
    semantics: Semantics,
    dims: Sizes,
    h: npt.ArrayLike,
    offset: int = 0,
    axis: int = -1,
    method: str | None = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The operator ``{name}``.

    Parameters
    ----------
    dims : int or sequence of int
        Shape of the input.
    h : array_like
        Filter, with one axis, or with as many as `dims` and of length 1 on all but
        `axis` and perhaps one other: each signal has a filter of its own there.
    offset : int, optional
        Sample of the filter that is its center.
    axis : int, optional
        Axis to convolve.
    method : {"direct", "fft", "overlapadd"}, optional
        Of no effect: `engine` says how to compute.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import pylops
    >>> pylops.Convolve1D(4, [1.0, 2.0, 3.0], offset=1) @ [0.0, 1.0, 0.0, 0.0]
    array([1., 2., 3., 0.])
    """
    shape, kernel = shape_of(dims), as_samples(h, "h")
    along = axis_of(axis, len(shape))
    methods = ("direct", "fft") if len(shape) == 1 else ("fft", "overlapadd")
    if method is not None:
        choice("method", method, methods)
    if kernel.ndim == 1:
        kernel = kernel.reshape(
            [-1 if one == along else 1 for one in range(len(shape))]
        )
    if kernel.ndim != len(shape):
        msg = f"h has {kernel.ndim} axes, allowed are 1 and, as dims has, {len(shape)}"
        raise SemanticsError(msg)
    call, groups = laid(semantics, shape, kernel, [along])
    (line,) = call.lines((1,), (1,))
    (center,) = integers("offset", offset, 1)
    if center >= min(line.k, line.n):
        msg = (
            f"offset {center} must be a sample of the shorter of filter and signal: "
            f"below {min(line.k, line.n)}"
        )
        raise SemanticsError(msg)
    made = line.sized(line.k - 1 - center, max(line.n, line.k))
    return call.operator([made], groups=groups, dtype=dtype, engine=engine)


def _convolve_nd(
    semantics: Semantics,
    dims: Sizes,
    h: npt.ArrayLike,
    offset: Sequence[int] | None = None,
    axes: Sequence[int] | None = (-2, -1),
    method: str | None = "fft",
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The operator ``{name}``.

    Parameters
    ----------
    dims : int or sequence of int
        Shape of the input and of the output.
    h : array_like
        Filter, with one axis for each convolved one.
    offset : sequence of int, optional
        Sample of the filter that is its center; by default its first.
    axes : sequence of int, optional
        Axes to convolve, in the order of those of the filter.  None stands for all
        axes, and so do the default ones for a filter with as many axes as `dims`.
    method : {"auto", "direct", "fft"}, optional
        Of no effect: `engine` says how to compute.
    {computing}

    {results}

    Examples
    --------
    >>> import numpy as np
    >>> from convadjoint.frameworks import pylops
    >>> pylops.ConvolveND((2, 3), [[1.0, 2.0]]) @ np.eye(2, 3)
    array([[1., 2., 0.],
           [0., 1., 2.]])
    """
    shape, kernel = shape_of(dims), as_samples(h, "h")
    if semantics.rank not in (None, kernel.ndim):
        msg = f"h has shape {kernel.shape}, allowed are {semantics.rank} axes"
        raise SemanticsError(msg)
    if method is not None:
        choice("method", method, ("auto", "direct", "fft"))
    along = _axes(axes, kernel.ndim, len(shape))
    rest = [axis for axis in range(len(shape)) if axis not in along]
    padded = kernel.reshape(*kernel.shape, *[1] * len(rest))
    placed = padded.transpose(np.argsort([*along, *rest]))
    call, _ = laid(semantics, shape, placed, along)
    ones = (1,) * call.rank
    given = (0,) * call.rank if offset is None else offset
    centers = integers("offset", given, call.rank, whole=True)
    made = [
        line.sized(line.k - 1 - center, line.n)
        for line, center in zip(call.lines(ones, ones), centers, strict=True)
    ]
    return call.operator(made, dtype=dtype, engine=engine)


def _axes(axes: Sequence[int] | None, rank: int, ndim: int) -> list[int]:
    """The axes of a filter of this rank, in the order of its own."""
    entries = tuple(axes) if is_sequence(axes) else ()
    if axes is None or (rank == ndim and len(entries) != rank):
        entries = tuple(range(ndim))
    found = [axis_of(axis, ndim, "axes") for axis in entries]
    if len(found) != rank or len(set(found)) != rank:
        msg = f"axes {axes!r} must name {rank} different axes, one for each of h"
        raise SemanticsError(msg)
    return found


_CENTER = "Zeros outside; sample `offset` of the filter lies on the sample itself."


def _semantics(
    function: str, length: str, *limits: str, rank: int | None = None
) -> Semantics:
    """What the operators mean."""
    return Semantics(
        framework="pylops",
        function=function,
        rank=rank,
        layouts=("*",),
        kernel="*",
        flip=True,
        padding=_CENTER,
        length=length,
        limits=limits,
    )


Convolve1D = adapted(
    _convolve1d,
    _semantics(
        "Convolve1D",
        "max(n, k)",
        "offset must be below min(n, k)",
        "the adjoint of complex filters, and of filters with several axes, is exact",
        "filters longer than the axis are allowed with any number of axes",
    ),
)
Convolve2D = adapted(
    _convolve_nd, _semantics("Convolve2D", "n", "the filter has two axes", rank=2)
)
ConvolveND = adapted(
    _convolve_nd,
    _semantics("ConvolveND", "n", "axes in any order; PyLops reshapes the filter"),
)


def __dir__() -> list[str]:
    return sorted(__all__)
