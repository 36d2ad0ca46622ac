"""Arrays as users give them, made into arrays that can be computed with."""

from numbers import Number
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from convadjoint.engines import Array
from convadjoint.errors import GeometryError

__all__ = [
    "as_columns",
    "as_kernel",
    "as_samples",
    "as_scalar",
    "check_numbers",
    "check_shape",
    "kernel_dtype",
    "requested_dtype",
    "scaled",
]

_KINDS = "biufc"
_DTYPES = tuple(np.dtype(code) for code in "fdFD")


def as_samples(values: npt.ArrayLike, name: str) -> npt.NDArray[np.generic]:
    """Return `values` as an array of numbers; nothing is copied that need not be.

    Raises
    ------
    TypeError
        If they are masked, not numbers, or of a precision that is not supported.
    """
    if isinstance(values, np.ma.MaskedArray):
        msg = f"{name} is a masked array: fill it, or mask with an operator of its own"
        raise TypeError(msg)
    if getattr(values, "requires_grad", False):
        word = name.rsplit(maxsplit=1)[-1]
        msg = f"{name} is a tensor that requires gradients: give {word}.detach()"
        raise TypeError(msg + ", or call op(x, kernel)" * (word == "kernel"))
    try:
        array = np.asarray(values)
    except ValueError as error:
        msg = f"{name} is not an array: {error}"
        raise TypeError(msg) from None
    check_numbers(array.dtype, name)
    return array


def check_numbers(
    dtype: np.dtype[np.generic], name: str, given: str | None = None
) -> None:
    """Numbers of this dtype can be computed with; `given` is what users call it."""
    if dtype.kind not in _KINDS or dtype.char in "gG":
        msg = (
            f"{name} has dtype {given or dtype}: allowed are booleans, integers, "
            f"float16, float32, float64, complex64 and complex128"
        )
        raise TypeError(msg)


def _native(dtype: np.dtype[np.generic]) -> np.dtype[np.inexact]:
    """The dtype in which a kernel computes: float16 in float32, integers in float64."""
    native = dtype.newbyteorder("=")
    if native in _DTYPES:
        return native  # type: ignore[return-value]
    return np.dtype(np.float32 if native == np.float16 else np.float64)


def requested_dtype(dtype: npt.DTypeLike) -> np.dtype[np.inexact]:
    """Return one of the four dtypes, or say which they are."""
    try:
        found = np.dtype(dtype).newbyteorder("=")
    except TypeError:
        found = None
    # A dtype of NumPy's equals None, where that means its default.
    if found is None or found not in _DTYPES:
        msg = (
            f"dtype {dtype!r} is not supported: choose float32, float64, complex64 "
            f"or complex128"
        )
        raise TypeError(msg)
    return found  # type: ignore[return-value]


def kernel_dtype(
    given: np.dtype[np.generic], wanted: npt.DTypeLike | None, name: str = "kernel"
) -> np.dtype[np.inexact]:
    """The dtype of an operator whose kernel is given in one, and wanted in another."""
    found = _native(given) if wanted is None else requested_dtype(wanted)
    if given.kind == "c" and found.kind != "c":
        msg = (
            f"the {name} is complex ({given}), dtype {found} is real: take "
            f"{name}.real, or a complex dtype"
        )
        raise TypeError(msg)
    return found


def as_kernel(
    kernel: npt.ArrayLike, dtype: npt.DTypeLike | None, name: str = "kernel"
) -> Array:
    """Return a read-only copy of `kernel` in the dtype in which it computes."""
    given = as_samples(kernel, name)
    copy = np.array(given, kernel_dtype(given.dtype, dtype, name), order="C")
    copy.flags.writeable = False
    return copy


def as_scalar(factor: object) -> complex:
    """Return a number as Python's own: NumPy's scalars would decide the dtype."""
    if isinstance(factor, (bool, np.bool_)) or not isinstance(factor, Number):
        msg = f"an operator is scaled by a number, got {factor!r}"
        raise TypeError(msg)
    if isinstance(factor, (complex, np.complexfloating)):
        return complex(factor)
    return float(factor)  # type: ignore[arg-type]


def scaled(kernel: Array, factor: object, *, divide: bool) -> Array:
    """Return a kernel times (or over) a number, if its dtype can hold that."""
    plain = as_scalar(factor)
    if divide and plain == 0:
        msg = "an operator cannot be divided by zero"
        raise ZeroDivisionError(msg)
    with np.errstate(over="ignore", invalid="ignore"):
        result: Array = kernel / plain if divide else kernel * plain
    if np.isfinite(kernel).all() and not np.isfinite(result).all():
        msg = f"the kernel times or over {factor!r} leaves the range of {kernel.dtype}"
        raise OverflowError(msg)
    return result


def check_shape(
    shape: tuple[int, ...], dims: tuple[int, ...], size: int
) -> tuple[bool, tuple[int, ...]]:
    """Whether an array has the input's shape or is flat, and its trailing columns."""
    flat = len(shape) in (1, 2) and shape[0] == size
    if not (flat or shape == dims or shape[:-1] == dims):
        msg = (
            f"x has shape {shape}, the operator takes {dims}, ({size},), and either "
            f"with a trailing axis of columns"
        )
        raise GeometryError(msg)
    shaped = shape[: len(dims)] == dims
    return shaped, shape[len(dims) if shaped else 1 :]


def as_columns(x: Any, length: int) -> Any:
    """A two-dimensional array, sparse or not, with rows of this number."""
    array = x if scipy.sparse.issparse(x) else as_samples(x, "X")
    if array.ndim != 2 or array.shape[0] != length:
        msg = f"X has shape {array.shape}, the operator takes ({length}, m)"
        raise GeometryError(msg)
    return array
