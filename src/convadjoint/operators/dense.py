"""Questions to an operator as a whole, answered from its matrix.

PyLops answers these for any operator by applying it to unit or random vectors; here
the matrix is at hand, so the answers are exact, and as fast as the assembly.
"""

from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
import pylops
import scipy.linalg
import scipy.sparse

from convadjoint.engines import Array
from convadjoint.engines.memory import require
from convadjoint.errors import GeometryError

__all__ = ["MatrixMethods"]

# A dense decomposition of this side takes about a second.
_DENSE_SIDE = 1500


class MatrixMethods(pylops.LinearOperator):
    """PyLops' questions about the matrix, for operators that can assemble it."""

    @abstractmethod
    def tosparse(self, format: str = "csr") -> scipy.sparse.sparray:
        """Return the matrix.

        Parameters
        ----------
        format : str, optional
            A format of `scipy.sparse`.

        Returns
        -------
        sparray, shape ``(prod(dimsd), prod(dims))``
            The matrix.
        """

    def todense(self, backend: str = "numpy") -> Array:
        """Return the matrix as an array.

        Parameters
        ----------
        backend : {"numpy"}, optional
            PyLops' keyword; the matrix is made by NumPy.

        Returns
        -------
        ndarray, shape ``(prod(dimsd), prod(dims))``
            The matrix.

        Raises
        ------
        MemoryError
            If it does not fit into free memory; nothing has been allocated then.
        """
        if backend != "numpy":
            msg = f"todense makes NumPy arrays, got backend {backend!r}"
            raise ValueError(msg)
        rows, columns = self.shape
        nbytes = rows * columns * np.dtype(self.dtype).itemsize
        require(nbytes, f"the dense {rows} x {columns} matrix (tosparse() may fit)")
        return self.tosparse().toarray()

    def trace(self) -> complex:
        """Return the sum of the diagonal, exactly; PyLops estimates it.

        Returns
        -------
        scalar
            Of the operator's dtype.

        Raises
        ------
        GeometryError
            If the matrix is not square.
        """
        if self.shape[0] != self.shape[1]:
            msg = f"the trace needs a square matrix, this one is {self.shape}"
            raise GeometryError(msg)
        return self.tosparse().trace()

    def cond(self) -> float:
        """Return the ratio of the largest and the smallest singular value.

        Returns
        -------
        float
            The 2-norm condition number; infinite for a singular matrix, and of the
            order of ``1 / eps`` for one that is singular up to rounding.

        Raises
        ------
        NotImplementedError
            If both sides of the matrix exceed 1500: no iteration finds the smallest
            singular value of a blur reliably.
        """
        self._require_small("cond", "a smaller image, or scipy.sparse.linalg.svds")
        return float(np.linalg.cond(self.todense()))

    def eigs(
        self,
        neigs: int | None = None,
        symmetric: bool = False,
        niter: int | None = None,
        uselobpcg: bool = False,
        **kwargs_eig: Any,
    ) -> npt.NDArray[np.inexact]:
        """Return eigenvalues, or singular values if the matrix is not square.

        Parameters
        ----------
        neigs : int, optional
            How many, the largest first; by default all of them.
        symmetric : bool, optional
            Whether the matrix is symmetric or hermitian; read for large matrices.
        niter : int, optional
            Number of iterations; read for large matrices.
        uselobpcg : bool, optional
            Whether to iterate by LOBPCG; read for large matrices.
        **kwargs_eig : dict
            For SciPy's solver, as in `pylops.LinearOperator.eigs`.

        Returns
        -------
        ndarray, shape ``(neigs,)``
            Sorted as PyLops does, largest first.
        """
        if min(self.shape) > _DENSE_SIDE or kwargs_eig:
            if neigs is None:
                self._require_small("eigs", "neigs")
            return super().eigs(neigs, symmetric, niter, uselobpcg, **kwargs_eig)
        matrix = self.todense()
        square = self.shape[0] == self.shape[1]
        values = scipy.linalg.eigvals if square else scipy.linalg.svdvals
        return -np.sort(-values(matrix))[:neigs]

    def _require_small(self, what: str, instead: str) -> None:
        """Refuse what would take a dense decomposition of a large matrix."""
        if min(self.shape) > _DENSE_SIDE:
            msg = (
                f"{what} decomposes the dense matrix, here {self.shape}: both sides "
                f"exceed {_DENSE_SIDE}; use {instead}"
            )
            raise NotImplementedError(msg)
