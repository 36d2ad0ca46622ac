"""Products with arrays of other libraries: shapes, dtypes and layouts, once for all."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pylops

from convadjoint.errors import GeometryError
from convadjoint.operators.arrays import library_of
from convadjoint.operators.base import ConvolutionOperator
from convadjoint.operators.family import Member
from convadjoint.operators.samples import (
    as_samples,
    check_numbers,
    check_shape,
    kernel_dtype,
)

__all__ = ["convolved", "product", "shaped_product", "with_kernel"]

Array = Any  # of any library


def product(op: Member, x: Array) -> Array:
    """Map ``(size,)`` or ``(size, m)`` by any operator."""
    size = op.shape[1]
    if x.ndim not in (1, 2) or x.shape[0] != size:
        msg = (
            f"x has shape {tuple(x.shape)}, the product takes ({size},) or ({size}, m)"
        )
        raise GeometryError(msg)
    columns = x.reshape(size, *(x.shape[1:] or (1,)))
    return _multiplied(op, columns).reshape(op.shape[0], *x.shape[1:])


def shaped_product(op: Member, x: Array) -> Array:
    """Map an array of any shape that the operator takes."""
    if not pylops.get_ndarray_multiplication():
        return product(op, x)
    return _shaped(op, x, lambda columns: _multiplied(op, columns))


def _multiplied(op: Member, x: Array) -> Array:
    """Map ``(size, m)`` by any operator."""
    library = library_of(x)
    return library.columns(op, library.cast(x, _meeting(_dtype_of(x, "x"), op.dtype)))


def _shaped(op: Member, x: Array, apply: Callable[[Array], Array]) -> Array:
    """Give ``(size, m)`` to `apply`, whatever shape `x` has, and the result that."""
    shape, size = tuple(x.shape), op.shape[1]
    shaped, columns = check_shape(shape, op.dims, size)
    y = apply(x.reshape(size, *(columns or (1,))))
    return y.reshape(*(op.dimsd if shaped else op.shape[:1]), *columns)


def with_kernel(op: ConvolutionOperator, x: Array, kernel: Array) -> Array:
    """Map `x`, of any shape that the operator takes, with another kernel."""
    wanted = kernel_dtype(_dtype_of(kernel, "kernel"), op._options.dtype)
    w = library_of(kernel).cast(kernel, wanted)
    return _shaped(op, _beside(kernel, x), lambda columns: convolved(op, columns, w))


def convolved(op: ConvolutionOperator, x: Array, kernel: Array) -> Array:
    """Map ``(size, m)`` with a kernel in the users' order, of the operator's dtype."""
    library, columns = library_of(x), x.shape[1]
    convolution, direction = op._convolution, op._direction
    side = convolution.side(direction)
    w = kernel.reshape(convolution.spec.kernel_shape)
    if op._options.flip:
        w = library.flip(w, tuple(range(2, w.ndim)))
    own, other = _dtype_of(x, "x"), _dtype_of(w, "kernel")
    x, w = library.cast(x, _meeting(own, other)), library.cast(w, _meeting(other, own))
    inward = library.permute(x.reshape(*side.layout.dims, columns), side.inward)
    signals = inward.reshape(columns * side.spec.batch, *side.tail)
    y = library.convolve(convolution, direction.transposed, signals, w)
    ordered = library.permute(y.reshape(columns, *side.shape), side.outward)
    return ordered.reshape(op.shape[0], columns)


def _beside(kernel: Array, x: Any) -> Array:
    """`x` in the library of the kernel; only what NumPy takes is brought there."""
    library, other = library_of(kernel), library_of(x)
    if other is None:
        return library.brought(as_samples(x, "x"), kernel)
    if other is not library:
        msg = (
            f"x is of {type(x).__module__}, the kernel of {type(kernel).__module__}: "
            f"give both from one library"
        )
        raise TypeError(msg)
    return x


def _dtype_of(x: Array, name: str) -> np.dtype[np.generic]:
    """NumPy's name for the dtype of `x`, which must be one that operators take."""
    word = str(x.dtype).removeprefix("torch.")
    try:
        found = np.dtype(word)
    except TypeError:
        found = np.dtype(object)
    check_numbers(found, name, word)
    return found


def _meeting(
    own: np.dtype[np.generic], other: np.dtype[np.generic]
) -> np.dtype[np.generic]:
    """`own` in the precision in which it meets `other`; what is real stays real."""
    return np.result_type(own, np.empty(0, other).real.dtype)
