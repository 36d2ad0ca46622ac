"""Products of an operator with arrays as users give them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pylops
import scipy.sparse
import scipy.sparse.linalg

from convadjoint.engines import Array
from convadjoint.operators.arrays import foreign, library_of
from convadjoint.operators.dense import MatrixMethods
from convadjoint.operators.samples import as_columns, as_samples, check_shape

__all__ = ["Products"]


class Products(MatrixMethods):
    """PyLops' products, for lists, shaped arrays and many columns at once."""

    def matvec(self, x: npt.ArrayLike) -> Array:
        """Return ``C x``.

        Parameters
        ----------
        x : array_like, shape ``(prod(dims),)`` or ``(prod(dims), 1)``
            Input.

        Returns
        -------
        ndarray, shape ``(prod(dimsd),)`` or ``(prod(dimsd), 1)``
            Output.
        """
        if library_of(x):
            return foreign().product(self, x)
        return super().matvec(as_samples(x, "x"))

    def rmatvec(self, x: npt.ArrayLike) -> Array:
        """Return the adjoint of ``C`` times `x`.

        Parameters
        ----------
        x : array_like, shape ``(prod(dimsd),)`` or ``(prod(dimsd), 1)``
            Output.

        Returns
        -------
        ndarray, shape ``(prod(dims),)`` or ``(prod(dims), 1)``
            Input.
        """
        if library_of(x):
            return foreign().product(self.H, x)
        return super().rmatvec(as_samples(x, "x"))

    def matmat(self, X: Any) -> Array:
        """Return ``C X``, all columns at once.

        Parameters
        ----------
        X : array_like or sparse array, shape ``(prod(dims), m)``
            Inputs, one per column.

        Returns
        -------
        ndarray, shape ``(prod(dimsd), m)``
            Outputs.
        """
        if library_of(X):
            return foreign().product(self, X)
        return super().matmat(as_columns(X, self.shape[1]))

    def rmatmat(self, X: Any) -> Array:
        """Return the adjoint of ``C`` times `X`, all columns at once.

        Parameters
        ----------
        X : array_like or sparse array, shape ``(prod(dimsd), m)``
            Outputs, one per column.

        Returns
        -------
        ndarray, shape ``(prod(dims), m)``
            Inputs.
        """
        if library_of(X):
            return foreign().product(self.H, X)
        return super().rmatmat(as_columns(X, self.shape[0]))

    def dot(self, x: Any) -> Any:
        """Return ``op @ x``, for arrays, operators, matrices and scalars.

        Parameters
        ----------
        x : array_like, operator, sparse array or scalar
            Arrays have shape ``dims``, ``(prod(dims),)``, or either of these with a
            trailing axis of columns.  Tensors of PyTorch and arrays of JAX are arrays,
            too; they return as what they are, differentiable.

        Returns
        -------
        ndarray, operator or sparse array
            An array of the corresponding shape of the output.

        Raises
        ------
        GeometryError
            If an array has another shape.
        TypeError
            If it is masked, or does not hold numbers.
        """
        if scipy.sparse.issparse(x):
            return self.tosparse() @ x
        if isinstance(x, (pylops.LinearOperator, scipy.sparse.linalg.LinearOperator)):
            return super().dot(x)
        if library_of(x):
            return foreign().shaped_product(self, x)
        return self._product(x)

    def _product(self, x: Any) -> Array:
        """Return ``op @ x`` for what is an array."""
        samples = as_samples(x, "x")
        size = self.shape[1]
        shaped, columns = check_shape(samples.shape, self.dims, size)
        if not pylops.get_ndarray_multiplication():
            return super().dot(samples)
        flat = samples.reshape(size, *columns)
        if columns:
            y = self.matmat(flat)
        else:
            # What `matvec` checks and reshapes is right already.
            y = self._matvec(flat)
            self.matvec_count += 1
        return y.reshape(*self.dimsd, *columns) if shaped else y

    def __matmul__(self, other: Any) -> Any:
        """Return ``op @ other``; a string is no scalar."""
        if type(other) is np.ndarray:
            # The usual case, without detours: they cost more than small products.
            return self._product(other)
        return super().__matmul__(
            as_samples(other, "x") if isinstance(other, str) else other
        )
