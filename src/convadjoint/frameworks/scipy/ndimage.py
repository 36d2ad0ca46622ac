"""SciPy's filters in ``scipy.ndimage``."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import choice, integers, shape
from convadjoint.frameworks.laying import axis_of, extended, laid
from convadjoint.frameworks.lines import Line
from convadjoint.frameworks.scipy.signal import axes_of, refuse_constant
from convadjoint.frameworks.semantics import Semantics, adapted
from convadjoint.operators import SpecOp
from convadjoint.operators.samples import as_samples

__all__ = [
    "ndimage_convolve",
    "ndimage_convolve1d",
    "ndimage_correlate",
    "ndimage_correlate1d",
]

_MODES = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "mirror": "reflect",
    "nearest": "replicate",
    "wrap": "circular",
    "grid-wrap": "circular",
    "constant": None,
    "grid-constant": None,
}


def _filter(
    semantics: Semantics,
    input_shape: Sequence[int],
    weights: npt.ArrayLike,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int | Sequence[int] = 0,
    axes: int | Sequence[int] | None = None,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The filter ``{name}``.

    Parameters
    ----------
    input_shape : sequence of int
        Shape of the input and of the output.
    weights : array_like
        Kernel, with one axis for each filtered axis; a correlation conjugates it.
    mode : str, optional
        What continues the input: "reflect" (or "grid-mirror"), "mirror", "nearest",
        "wrap" (or "grid-wrap"), or "constant" (or "grid-constant").
    cval : number, optional
        Zero only: with any other the filter is not linear.
    origin : int or sequence of int, optional
        How far the kernel is moved to the left, relative to its middle.
    axes : int or sequence of int, optional
        Axes to filter, by default all.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import scipy
    >>> scipy.ndimage_convolve((3,), [1.0, 2.0, 3.0]) @ [1.0, 10.0, 100.0]
    array([ 15., 123., 330.])
    """
    dims, kernel = shape(input_shape, "the input"), as_samples(weights, "weights")
    along = axes_of(axes, len(dims))
    if kernel.ndim != len(along):
        msg = (
            f"weights have shape {kernel.shape}, allowed is one axis for each of "
            f"{len(along)} filtered axes"
        )
        raise SemanticsError(msg)
    if along != sorted(along):
        msg = (
            f"axes {axes!r} must be in increasing order: SciPy takes the kernel's axes in "
            f"that order, whatever `axes` says"
        )
        raise SemanticsError(msg)
    origins = integers("origin", origin, len(along))
    return _filtered(semantics, dims, kernel, along, origins, mode, cval, dtype, engine)


def _filter1d(
    semantics: Semantics,
    input_shape: Sequence[int],
    weights: npt.ArrayLike,
    axis: int = -1,
    mode: str = "reflect",
    cval: complex = 0.0,
    origin: int = 0,
    *,
    dtype: npt.DTypeLike | None = None,
    engine: str = "auto",
) -> SpecOp:
    """The filter ``{name}``.

    Parameters
    ----------
    input_shape : sequence of int
        Shape of the input and of the output.
    weights : array_like, shape ``(k,)``
        Kernel; a correlation conjugates it.
    axis : int, optional
        Axis to filter.
    mode : str, optional
        What continues the input: "reflect" (or "grid-mirror"), "mirror", "nearest",
        "wrap" (or "grid-wrap"), or "constant" (or "grid-constant").
    cval : number, optional
        Zero only: with any other the filter is not linear.
    origin : int, optional
        How far the kernel is moved to the left, relative to its middle.
    {computing}

    {results}

    Examples
    --------
    >>> from convadjoint.frameworks import scipy
    >>> op = scipy.ndimage_correlate1d((4,), [1.0, 1.0], mode="wrap")
    >>> op @ [1.0, 10.0, 100.0, 1000.0]
    array([1001.,   11.,  110., 1100.])
    """
    dims, kernel = shape(input_shape, "the input"), as_samples(weights, "weights")
    if kernel.ndim != 1:
        msg = f"weights have shape {kernel.shape}, allowed is one axis"
        raise SemanticsError(msg)
    along, origins = [axis_of(axis, len(dims))], integers("origin", origin, 1)
    return _filtered(semantics, dims, kernel, along, origins, mode, cval, dtype, engine)


def _filtered(
    semantics: Semantics,
    dims: tuple[int, ...],
    kernel: npt.NDArray[np.generic],
    axes: Sequence[int],
    origins: tuple[int, ...],
    mode: str,
    cval: complex,
    dtype: npt.DTypeLike | None,
    engine: str,
) -> SpecOp:
    """The operator of a filter along `axes`."""
    choice("mode", mode, tuple(_MODES))
    refuse_constant("cval", cval)
    shaped = np.expand_dims(
        kernel if semantics.flip else np.conj(kernel),
        tuple(range(kernel.ndim, len(dims))),
    )
    rest = [axis for axis in range(len(dims)) if axis not in axes]
    call, _ = laid(semantics, dims, shaped.transpose(np.argsort([*axes, *rest])), axes)
    ones = (1,) * call.rank
    filled = [
        extended(line, _before(line, origin, semantics.flip), line.n, _MODES[mode])
        for line, origin in zip(call.lines(ones, ones), origins, strict=True)
    ]
    return call.operator(
        [axis for axis, _ in filled],
        borders=tuple(border for _, border in filled),
        dtype=dtype,
        engine=engine,
    )


def _before(line: Line, origin: int, flip: bool) -> int:
    """Samples that the kernel reads before its own place; one of its taps lies there."""
    k = line.k
    lo = (k - 1) // 2 - origin if flip else k // 2 + origin
    if not 0 <= lo < k:
        msg = (
            f"origin {origin} on axis {line.index} of the kernel moves it off the "
            f"sample: allowed are {-(k // 2)} to {(k - 1) // 2}"
        )
        raise SemanticsError(msg)
    return lo


def _semantics(function: str) -> Semantics:
    """What the filters mean."""
    flip = "convolve" in function
    limits = (
        ("cval must be 0",) if flip else ("cval must be 0", "the kernel is conjugated")
    )
    return Semantics(
        framework="scipy",
        function=function,
        layouts=("*",),
        kernel="*",
        flip=flip,
        padding="`mode` continues the input; 'reflect' repeats the last sample, "
        "'mirror' does not.",
        odd="end" if flip else "beginning",
        length="n",
        limits=limits,
    )


ndimage_convolve, ndimage_correlate = (
    adapted(_filter, _semantics(f"ndimage_{name}"))
    for name in ("convolve", "correlate")
)
ndimage_convolve1d, ndimage_correlate1d = (
    adapted(_filter1d, _semantics(f"ndimage_{name}1d"))
    for name in ("convolve", "correlate")
)
