"""Interpolation to another number of samples."""

from functools import reduce
from math import lcm, prod
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from convadjoint.engines.memory import require
from convadjoint.errors import GeometryError
from convadjoint.geometry.checks import flag, is_sequence, per_axis
from convadjoint.geometry.layout import Roles, places
from convadjoint.geometry.problem import shape_of
from convadjoint.geometry.sampling import MODES, Sampling, resized, sampled
from convadjoint.operators import KroneckerOp, Member, SpecOp
from convadjoint.operators.samples import requested_dtype
from convadjoint.resample.documentation import described
from convadjoint.resample.separate import separate

__all__ = ["upsample"]

# Simple factors: output samples come in at most so many phases, each with its taps.
_PHASES = 64


@described(rule="sizes or scales are none")
def upsample(
    dims: Any,
    size: Any = None,
    *,
    scale: Any = None,
    mode: str = "nearest",
    align_corners: bool = False,
    axes: Any = None,
    dtype: npt.DTypeLike = np.float64,
) -> Member:
    """Return the operator that interpolates to another number of samples.

    Parameters
    ----------
    {dims}
    size : int or tuple of int, optional
        Samples of the output.  A tuple changes as many of the last axes, an int all
        axes.
    scale : number or tuple of numbers, optional
        Instead of `size`: samples of the output per sample of the input.  Of
        ``n * scale`` samples the whole ones are made; their distance is ``1 / scale``.
        A `fractions.Fraction` is taken exactly.
    mode : {"nearest", "nearest-exact", "linear"}, optional
        The sample at ``floor(p * step)``; the sample whose centre is nearest; or the
        two neighbours, weighted: linear, bilinear, trilinear, as there are axes.
    align_corners : bool, optional
        Whether the first and the last samples stay where they are, rather than the
        outer edges of their pixels; only with "linear".
    axes : int or tuple of int, optional
        Axes to change, in the order of `size` or `scale`.
    {dtype}

    Returns
    -------
    LinearOperator
        The rows of its matrix sum to one.  By a factor of few digits it is a
        convolution with strides on both sides, otherwise a sparse matrix per axis.

    Raises
    ------
    {raises}

    See Also
    --------
    avg_pool : Nearest by a whole factor, transposed and divided.
    convadjoint.bilinear_kernel : With zeros outside, as a transposed convolution.

    Notes
    -----
    The coordinates are those of PyTorch's `interpolate`, as fractions: where PyTorch
    rounds one to the other side of a whole number, the results differ.  With fewer
    samples than the input nothing is smoothed first.

    Examples
    --------
    >>> from convadjoint.resample import upsample
    >>> upsample(2, 4, mode="linear") @ [0.0, 4.0]
    array([0., 1., 3., 4.])
    >>> upsample(2, 4, mode="linear", align_corners=True) @ [0.0, 3.0]
    array([0., 1., 2., 3.])
    """
    shape = shape_of(dims)
    _check_words(size, scale, mode, align_corners)
    given, name = (scale, "scale") if size is None else (size, "size")
    place = places(shape, given, name, axes)
    rank = len(place.axes)
    sizes = (None,) * rank if size is None else per_axis(size, "size", rank, least=1)
    lines = [
        sampled(
            shape[axis],
            *resized(shape[axis], wanted, ratio, axis),
            mode=mode,
            align_corners=align_corners,
        )
        for axis, wanted, ratio in zip(
            place.axes, sizes, _each(scale, rank), strict=True
        )
    ]
    phases = prod(line.step.denominator for line in lines)
    if phases <= _PHASES and all(line.step > 0 for line in lines):
        return _convolution(shape, place, lines, dtype)
    factors = zip(place.axes, (_matrix(line, dtype) for line in lines), strict=True)
    return KroneckerOp(shape, dict(factors))


def _check_words(size: Any, scale: Any, mode: Any, align_corners: bool) -> None:
    """What the keywords may say together."""
    if (size is None) == (scale is None):
        msg = f"give either size or scale, got size={size!r} and scale={scale!r}"
        raise GeometryError(msg)
    if mode not in MODES:
        msg = f"mode {mode!r} is unknown: choose one of {', '.join(MODES)}"
        raise GeometryError(msg)
    if flag(align_corners, "align_corners") and mode != "linear":
        msg = f"align_corners needs mode='linear', got mode={mode!r}"
        raise GeometryError(msg)


def _each(scale: Any, rank: int) -> tuple[Any, ...]:
    """One scale per axis."""
    scales = tuple(scale) if is_sequence(scale) else (scale,) * rank
    if len(scales) != rank:
        msg = (
            f"scale has {len(scales)} entries for {rank} axes: give one number, or "
            f"{rank}"
        )
        raise GeometryError(msg)
    return scales


def _convolution(
    dims: tuple[int, ...], place: Roles, lines: list[Sampling], dtype: npt.DTypeLike
) -> SpecOp:
    """Interpolation by simple factors: a convolution with strides on both sides."""
    axes, taps, borders = zip(*(line.convolution() for line in lines), strict=True)
    weights = (np.array([float(one) for one in each]) for each in taps)
    kernel = reduce(np.multiply.outer, weights)
    return separate(dims, place, axes, kernel=kernel, borders=borders, dtype=dtype)


def _matrix(line: Sampling, dtype: npt.DTypeLike) -> scipy.sparse.csr_array:
    """The matrix of one axis; places are whole numbers over `unit`, so none is rounded."""
    require(256 * line.q, f"a matrix of {line.q} rows")
    unit = lcm(line.start.denominator, line.step.denominator)
    start, step, end = (int(one * unit) for one in (line.start, line.step, line.n - 1))
    rows = np.arange(line.q)
    # Past 2**53 neither int64 nor the division of whole numbers is sure to be exact.
    exact = abs(start) + line.q * step + end < 2**53
    places = np.clip((rows if exact else rows.astype(object)) * step + start, 0, end)
    first, part = places // unit, places % unit
    if not line.linear:
        part = 0 * part
    shares = np.concatenate([(unit - part) / unit, part / unit])
    kept = shares != 0
    columns = np.concatenate([first, first + 1]).astype(np.intp)[kept]
    values = shares[kept].astype(requested_dtype(dtype))
    entries = (values, (np.tile(rows, 2)[kept], columns))
    return scipy.sparse.csr_array(entries, shape=(line.q, line.n))
