"""Sparse matrices that act along one axis each."""

from collections.abc import Mapping
from functools import reduce
from math import prod
from typing import Any

import numpy as np
import scipy.sparse

from convadjoint.engines import Array
from convadjoint.engines.memory import require
from convadjoint.errors import GeometryError
from convadjoint.geometry.problem import shape_of
from convadjoint.geometry.spec import index_bytes
from convadjoint.operators.elementary import MatrixOp
from convadjoint.operators.family import Member, tidy

__all__ = ["KroneckerOp"]


class KroneckerOp(Member):
    """Sparse matrices, each applied along an axis of its own.

    Parameters
    ----------
    dims : int or tuple of int
        Shape of the input.
    factors : mapping of int to sparray, shape ``(dimsd[axis], dims[axis])``
        The matrices by axis; the other axes stay as they are.

    Raises
    ------
    GeometryError
        If a matrix does not fit its axis.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from convadjoint.operators import KroneckerOp
    >>> sums = csr_array([[1.0, 1.0]])
    >>> KroneckerOp((2, 2), {1: sums}) @ [[1.0, 2.0], [3.0, 4.0]]
    array([[3.],
           [7.]])
    """

    def __init__(self, dims: Any, factors: Mapping[int, Any]) -> None:
        here = shape_of(dims)
        there = list(here)
        for axis, matrix in factors.items():
            if matrix.shape[1] != here[axis]:
                msg = (
                    f"a matrix of shape {matrix.shape} does not fit axis {axis} of "
                    f"dims {here}"
                )
                raise GeometryError(msg)
            there[axis] = matrix.shape[0]
        self._factors = {
            axis: MatrixOp(matrix, matrix.shape[1], matrix.shape[0])
            for axis, matrix in factors.items()
        }
        dtype = np.result_type(*(one.dtype for one in self._factors.values()))
        super().__init__(dtype=dtype, dims=here, dimsd=tuple(there))

    def _matmat(self, x: Array) -> Array:
        y = x.reshape(*self.dims, x.shape[1])
        for axis, factor in self._factors.items():
            first = np.moveaxis(y, axis, 0)
            columns = first.reshape(len(first), prod(first.shape[1:]))
            product = factor._matmat(columns)
            y = np.moveaxis(product.reshape(len(product), *first.shape[1:]), 0, axis)
        return y.reshape(self.shape[0], x.shape[1])

    def _made(self, dims: tuple[int, ...], factors: Mapping[int, Member]) -> Member:
        """The operator of other factors."""
        return KroneckerOp(
            dims, {axis: one.tosparse() for axis, one in factors.items()}
        )

    def _related(self, *, transposed: bool, conjugated: bool) -> Member:
        factors = {
            axis: one._related(transposed=transposed, conjugated=conjugated)
            for axis, one in self._factors.items()
        }
        return self._made(self.dimsd if transposed else self.dims, factors)

    def _scaled(self, factor: Any, *, divide: bool = False) -> Member:
        axis, first = next(iter(self._factors.items()))
        scaled = first._scaled(factor, divide=divide)
        return self._made(self.dims, {**self._factors, axis: scaled})

    def tosparse(self, format: str = "csr") -> scipy.sparse.sparray:
        """Return the matrix, the Kronecker product of all factors.

        Parameters
        ----------
        format : str, optional
            A format of `scipy.sparse`.

        Returns
        -------
        sparray, shape ``(prod(dimsd), prod(dims))``
            The matrix.

        Raises
        ------
        MemoryError
            If it does not fit into free memory; nothing has been allocated then.
        """
        found = {axis: one.tosparse() for axis, one in self._factors.items()}
        nnz = prod(
            found[axis].nnz if axis in found else length
            for axis, length in enumerate(self.dims)
        )
        # The product is made of coordinates before it is compressed.
        itemsize = 2 * (self.dtype.itemsize + 2 * index_bytes(nnz, self.shape))
        require(nnz * itemsize, f"the matrix of {nnz} entries")
        factors = [
            found.get(axis, scipy.sparse.eye_array(length, dtype=self.dtype))
            for axis, length in enumerate(self.dims)
        ]
        matrix = reduce(scipy.sparse.kron, factors).tocsr()
        return tidy(matrix, format)

    def __reduce__(self) -> Any:
        factors = {axis: one.tosparse() for axis, one in self._factors.items()}
        return KroneckerOp, (self.dims, factors)
