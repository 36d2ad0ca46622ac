"""Operators that convolve nothing: weights per sample, and any sparse matrix."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from convadjoint.engines import Array
from convadjoint.errors import GeometryError
from convadjoint.geometry.problem import shape_of
from convadjoint.operators.family import Member
from convadjoint.operators.samples import as_kernel, as_scalar

__all__ = ["DiagonalOp", "MatrixOp", "by_parts", "weighted"]


class DiagonalOp(Member):
    """Every sample times a weight of its own.

    Parameters
    ----------
    weights : array_like
        One weight per sample, or an array that NumPy would repeat to `dims`.
    dims : int or tuple of int, optional
        Shape of the input and of the output; by default that of the weights.

    Raises
    ------
    GeometryError
        If the weights do not repeat to `dims`.

    Examples
    --------
    >>> from convadjoint.operators import DiagonalOp
    >>> DiagonalOp([1.0, 0.0, 2.0]) @ [5.0, 6.0, 7.0]
    array([ 5.,  0., 14.])
    """

    def __init__(self, weights: npt.ArrayLike, dims: Any = None) -> None:
        self.weights = as_kernel(weights, None)
        shape = self.weights.shape if dims is None else shape_of(dims)
        _check_repeats(self.weights.shape, shape)
        super().__init__(dtype=self.weights.dtype, dims=shape, dimsd=shape)

    def _matmat(self, x: Array) -> Array:
        weights = self.weights[..., None]
        shaped = x.reshape(*self.dims, x.shape[1])
        y = by_parts(weights, shaped, lambda part: weighted(weights, part))
        return y.reshape(x.shape)

    def _related(self, *, transposed: bool, conjugated: bool) -> "DiagonalOp":  # noqa: ARG002
        if not conjugated:
            return self
        return DiagonalOp(np.conj(self.weights), self.dims)

    def _scaled(self, factor: Any, *, divide: bool = False) -> "DiagonalOp":
        plain = as_scalar(factor)
        weights = self.weights / plain if divide else self.weights * plain
        return DiagonalOp(weights, self.dims)

    def tosparse(self, format: str = "csr") -> scipy.sparse.sparray:
        """Return the diagonal matrix.

        Parameters
        ----------
        format : str, optional
            A format of `scipy.sparse`.

        Returns
        -------
        sparray, shape ``(prod(dims), prod(dims))``
            The matrix; weights of zero are not stored.
        """
        diagonal = np.broadcast_to(self.weights, self.dims).ravel()
        matrix = scipy.sparse.diags_array(diagonal).tocsr()
        matrix.eliminate_zeros()
        return matrix.asformat(format)

    def __reduce__(self) -> Any:
        return DiagonalOp, (self.weights, self.dims)


class MatrixOp(Member):
    """Any sparse matrix, between arrays of any shapes.

    Parameters
    ----------
    matrix : sparray, shape ``(prod(dimsd), prod(dims))``
        The matrix.
    dims, dimsd : int or tuple of int
        Shapes of input and output.

    Raises
    ------
    GeometryError
        If the shapes do not fit the matrix.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from convadjoint.operators import MatrixOp
    >>> MatrixOp(csr_array([[0.0, 1.0], [1.0, 0.0]]), 2, (2, 1)) @ [3.0, 4.0]
    array([[4.],
           [3.]])
    """

    def __init__(self, matrix: Any, dims: Any, dimsd: Any) -> None:
        here, there = shape_of(dims), shape_of(dimsd)
        if matrix.shape != (np.prod(there, dtype=int), np.prod(here, dtype=int)):
            msg = f"a matrix of shape {matrix.shape} does not map {here} to {there}"
            raise GeometryError(msg)
        self._matrix = scipy.sparse.csr_array(matrix)
        super().__init__(dtype=self._matrix.dtype, dims=here, dimsd=there)

    def _matmat(self, x: Array) -> Array:
        return by_parts(self._matrix, x, lambda part: self._matrix @ part)

    def _related(self, *, transposed: bool, conjugated: bool) -> "MatrixOp":
        matrix = self._matrix.conj() if conjugated else self._matrix
        shapes = (self.dimsd, self.dims) if transposed else (self.dims, self.dimsd)
        return MatrixOp(matrix.T if transposed else matrix, *shapes)

    def _scaled(self, factor: Any, *, divide: bool = False) -> "MatrixOp":
        plain = as_scalar(factor)
        matrix = self._matrix / plain if divide else self._matrix * plain
        return MatrixOp(matrix, self.dims, self.dimsd)

    def tosparse(self, format: str = "csr") -> scipy.sparse.sparray:
        """Return the matrix.

        Parameters
        ----------
        format : str, optional
            A format of `scipy.sparse`.

        Returns
        -------
        sparray, shape ``(prod(dimsd), prod(dims))``
            A copy.
        """
        return self._matrix.asformat(format, copy=True)

    def __reduce__(self) -> Any:
        return MatrixOp, (self._matrix, self.dims, self.dimsd)


def _check_repeats(shape: tuple[int, ...], dims: tuple[int, ...]) -> None:
    """Weights are repeated to `dims`, never the other way round."""
    missing = len(dims) - len(shape)
    pairs = zip(shape, dims[max(missing, 0) :], strict=False)
    if missing < 0 or any(have not in (1, want) for have, want in pairs):
        msg = f"weights of shape {shape} do not repeat to dims {dims}"
        raise GeometryError(msg)


def weighted(weights: Array, x: Array) -> Array:
    """Weights times samples; a weight of zero meets no sample."""
    y = np.zeros(x.shape, np.result_type(weights, x))
    np.multiply(weights, x, out=y, where=weights != 0)
    return y


def by_parts(weights: Any, x: Array, apply: Callable[[Array], Array]) -> Array:
    """Apply real weights to real and imaginary parts apart, so that no ``0 * inf``."""
    if weights.dtype.kind == "c" or x.dtype.kind != "c":
        return apply(x)
    real, imaginary = apply(x.real), apply(x.imag)
    y = np.empty(real.shape, np.result_type(weights.dtype, x.dtype))
    y.real, y.imag = real, imaginary
    return y
