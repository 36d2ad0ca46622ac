"""Samples put back to where maxima were found."""

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from convadjoint.errors import GeometryError
from convadjoint.geometry.checks import per_axis
from convadjoint.geometry.layout import Roles, places, total
from convadjoint.geometry.problem import shape_of
from convadjoint.operators import MatrixOp
from convadjoint.operators.samples import requested_dtype
from convadjoint.resample.documentation import described

__all__ = ["max_unpool"]

Integers = npt.NDArray[np.signedinteger]


@described()
def max_unpool(
    dims: Any,
    indices: npt.ArrayLike,
    size: Any,
    *,
    axes: Any = None,
    repeated: str = "last",
    dtype: npt.DTypeLike = np.float64,
) -> MatrixOp:
    """Return the operator that puts samples back to given places, among zeros.

    Parameters
    ----------
    dims : int or tuple of int
        Shape of the input, which is that of `indices`.
    indices : array_like of int, shape ``dims``
        Where each sample goes: its number in the plane of the pooled axes of the
        output, row by row, as PyTorch's ``max_pool(..., return_indices=True)`` counts.
    size : int or tuple of int
        Lengths of the output on the pooled axes.  A tuple means as many of the last
        axes, an int all axes.
    axes : int or tuple of int, optional
        The pooled axes, in the order of `size`.
    repeated : {"last", "add"}, optional
        What is kept where windows overlapped and several samples go to one place: the
        last one, as in PyTorch on the CPU, or their sum.
    {dtype}

    Returns
    -------
    MatrixOp
        The transpose picks the samples at the indices.  With "add" that is max-pooling
        of the array that the indices come from, and the operator its gradient.

    Raises
    ------
    GeometryError
        If an index leaves its plane, or the shapes do not fit together.
    TypeError
        If the indices are not integers.

    See Also
    --------
    avg_pool : Pooling that is linear itself.

    Examples
    --------
    >>> from convadjoint.resample import max_unpool
    >>> op = max_unpool(2, [1, 3], 4)
    >>> op @ [5.0, 6.0]
    array([0., 5., 0., 6.])
    >>> op.T @ [1.0, 2.0, 3.0, 4.0]
    array([2., 4.])
    """
    shape, targets = shape_of(dims), np.asarray(indices)
    place = places(shape, size, "size", axes)
    sizes = per_axis(size, "size", len(place.axes), least=1)
    _check_indices(targets, shape, sizes)
    if repeated not in ("last", "add"):
        msg = f"repeated must be 'last' or 'add', got {repeated!r}"
        raise GeometryError(msg)
    dimsd = place.replaced(shape, sizes, 1)
    total(dimsd, "dimsd")
    rows = _numbers(targets, place, sizes, dimsd).transpose(place.order).ravel()
    columns = np.arange(targets.size).reshape(shape).transpose(place.order).ravel()
    if repeated == "last":
        rows, columns = _last(rows, columns)
    ones = np.ones(rows.size, requested_dtype(dtype))
    matrix = scipy.sparse.csr_array(
        (ones, (rows, columns)), shape=(prod(dimsd), targets.size)
    )
    return MatrixOp(matrix, shape, dimsd)


def _check_indices(
    targets: npt.NDArray[Any], dims: tuple[int, ...], sizes: tuple[int, ...]
) -> None:
    """Integers, one for each sample, in the plane."""
    if targets.dtype.kind not in "iu":
        msg = f"indices must be integers, got dtype {targets.dtype}"
        raise TypeError(msg)
    if targets.shape != dims:
        msg = f"indices have shape {targets.shape}, dims is {dims}: they must be equal"
        raise GeometryError(msg)
    count = prod(sizes)
    wrong = (targets < 0) | (targets >= count)
    if wrong.any():
        msg = (
            f"index {targets[wrong][0]} leaves the plane of size {sizes}: allowed are "
            f"0 to {count - 1}"
        )
        raise GeometryError(msg)


def _numbers(
    targets: Integers, place: Roles, sizes: tuple[int, ...], dimsd: tuple[int, ...]
) -> Integers:
    """Where each sample goes, as a number in the whole output."""
    spots: list[Any] = list(np.indices(targets.shape, sparse=True))
    planes = np.unravel_index(targets.astype(np.intp), sizes)
    for axis, spot in zip(place.axes, planes, strict=True):
        spots[axis] = spot
    return sum(spot * prod(dimsd[axis + 1 :]) for axis, spot in enumerate(spots))


def _last(rows: Integers, columns: Integers) -> tuple[Integers, Integers]:
    """Of the entries in one row the last."""
    kept, at = np.unique(rows[::-1], return_index=True)
    return kept, columns[::-1][at]
