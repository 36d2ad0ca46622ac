"""What all operators of this library share: relatives, scalars, sums and products.

An operator knows its transpose, adjoint and conjugate as operators of the library, so a
chain of them still has an exact matrix.
"""

from abc import abstractmethod
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse

from convadjoint.engines import Array
from convadjoint.errors import GeometryError
from convadjoint.operators.norms import Norms
from convadjoint.operators.samples import as_samples

__all__ = ["Member", "ProductOp", "SumOp", "tidy"]


class Member(Norms):
    """An operator with relatives.

    Subclasses apply themselves to ``(size, columns)`` (`_matmat`), and say what their
    relatives (`_related`) and multiples (`_scaled`) are.
    """

    # NumPy must leave ``array * op`` and ``scalar * op`` to this class.
    __array_ufunc__ = None

    @abstractmethod
    def _related(self, *, transposed: bool, conjugated: bool) -> "Member":
        """The transpose, conjugate or adjoint."""

    @abstractmethod
    def _scaled(self, factor: Any, *, divide: bool = False) -> "Member":
        """The operator times (or over) a number."""

    @abstractmethod
    def _matmat(self, x: Array) -> Array:
        """Map ``(prod(dims), columns)`` to ``(prod(dimsd), columns)``."""

    def _matvec(self, x: Array) -> Array:
        return self._matmat(x.reshape(-1, 1)).reshape(-1)

    def _rmatvec(self, x: Array) -> Array:
        return self._adjoint()._matvec(x)

    def _rmatmat(self, x: Array) -> Array:
        return self._adjoint()._matmat(x)

    def _adjoint(self) -> "Member":
        return self._related(transposed=True, conjugated=True)

    def _transpose(self) -> "Member":
        return self._related(transposed=True, conjugated=False)

    def __repr__(self) -> str:
        shapes = f"{self.dims} -> {self.dimsd}"
        return f"<{type(self).__name__} {shapes}, {self.dtype}>"

    def __call__(self, x: Any = None, kernel: Any = None) -> Any:
        """Return ``op @ x``, for those who want a function.

        Parameters
        ----------
        x : array_like or tensor
            As for ``op @ x``.
        kernel : None
            Only convolutions take one.

        Returns
        -------
        ndarray or tensor
            As ``op @ x``.

        Raises
        ------
        TypeError
            If `x` is missing, or a kernel is given.
        """
        if kernel is not None:
            msg = "only convolutions take a kernel: op(x, kernel)"
            raise TypeError(msg)
        if x is None:
            msg = "an operator is called with an array, op(x); op.gram is a property"
            raise TypeError(msg)
        return self @ x

    @property
    def gram(self) -> "ProductOp":
        """The product of the adjoint and this operator, hermitian, with its matrix.

        Convolutions share what they can between the two.
        """
        return ProductOp(self._adjoint(), self)

    def conj(self) -> "Member":
        """Return the operator whose matrix is the conjugate of this one's.

        Returns
        -------
        LinearOperator
            An operator of the same class; convolutions share their plans.
        """
        return self._related(transposed=False, conjugated=True)

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
            An array of the corresponding shape of the output; for an operator of this
            library a `ProductOp`.

        Raises
        ------
        GeometryError
            If an array or an operator has another shape.
        TypeError
            If an array is masked, or does not hold numbers.
        """
        return ProductOp(self, x) if isinstance(x, Member) else super().dot(x)

    def __add__(self, x: Any) -> Any:
        return SumOp(self, x) if isinstance(x, Member) else super().__add__(x)

    def __sub__(self, x: Any) -> Any:
        return SumOp(self, -x) if isinstance(x, Member) else super().__sub__(x)

    def __mul__(self, x: Any) -> Any:
        return self._scaled(x) if np.isscalar(x) else self.dot(x)

    def __rmul__(self, x: Any) -> Any:
        return self._scaled(x) if np.isscalar(x) else NotImplemented

    def __neg__(self) -> "Member":
        return self._scaled(-1)

    def __truediv__(self, y: Any, niter: int = 100, densesolver: str = "scipy") -> Any:
        if np.isscalar(y):
            return self._scaled(y, divide=True)
        data = as_samples(y, "y")
        if data.shape != self.dimsd:
            return super().__truediv__(data, niter, densesolver)
        return super().__truediv__(data.ravel(), niter, densesolver).reshape(self.dims)


class _Several(Member):
    """An operator made of others."""

    def __init__(self, parts: tuple[Any, ...], dims: Any, dimsd: Any) -> None:
        self.parts = parts
        dtype = np.result_type(*(part.dtype for part in parts))
        super().__init__(dtype=dtype, dims=dims, dimsd=dimsd)

    def __reduce__(self) -> Any:
        return type(self), self.parts

    def __repr__(self) -> str:
        inner = ", ".join(map(repr, self.parts))
        return f"<{type(self).__name__} {self.dims} -> {self.dimsd}: {inner}>"


class ProductOp(_Several):
    """The product of operators, the last of which is applied first.

    ``A @ B`` is one where both are operators of this library.

    Parameters
    ----------
    *parts : operator
        Each reads as many samples as the next one writes.

    Raises
    ------
    GeometryError
        If the sizes of neighbours differ.

    Examples
    --------
    >>> import convadjoint as ca
    >>> difference = ca.Conv1DOp(4, [-1.0, 1.0])
    >>> (difference.T @ difference).tosparse().toarray()
    array([[ 1., -1.,  0.,  0.],
           [-1.,  2., -1.,  0.],
           [ 0., -1.,  2., -1.],
           [ 0.,  0., -1.,  1.]])
    """

    def __init__(self, *parts: Any) -> None:
        for left, right in pairwise(parts):
            if left.shape[1] != right.shape[0]:
                msg = (
                    f"a product needs as many samples as are written: {left.dims} are "
                    f"read, {right.dimsd} written"
                )
                raise GeometryError(msg)
        super().__init__(parts, parts[-1].dims, parts[0].dimsd)

    def _matmat(self, x: Array) -> Array:
        return reduce(lambda y, part: part._matmat(y), reversed(self.parts), x)

    def _related(self, *, transposed: bool, conjugated: bool) -> "ProductOp":
        parts = [
            part._related(transposed=transposed, conjugated=conjugated)
            for part in self.parts
        ]
        return ProductOp(*(reversed(parts) if transposed else parts))

    def _scaled(self, factor: Any, *, divide: bool = False) -> "ProductOp":
        first, *others = self.parts
        return ProductOp(first._scaled(factor, divide=divide), *others)

    def tosparse(self, format: str = "csr") -> scipy.sparse.sparray:
        """Return the matrix, the product of the matrices.

        Parameters
        ----------
        format : str, optional
            A format of `scipy.sparse`.

        Returns
        -------
        sparray, shape ``(prod(dimsd), prod(dims))``
            The matrix; sums that cancel exactly are not stored.
        """
        matrices = [part.tosparse() for part in self.parts]
        return tidy(reduce(lambda left, right: left @ right, matrices), format)


class SumOp(_Several):
    """The sum of operators of equal shapes.

    ``A + B`` and ``A - B`` are ones where both are operators of this library.

    Parameters
    ----------
    *parts : operator
        The terms.

    Raises
    ------
    GeometryError
        If their shapes differ.

    Examples
    --------
    >>> import convadjoint as ca
    >>> mean = ca.Conv1DOp(3, [1.0, 1.0, 1.0], padding="same") / 3
    >>> sharpen = ca.Conv1DOp(3, [2.0]) - mean
    >>> sharpen @ [0.0, 3.0, 0.0]
    array([-1.,  5., -1.])
    """

    def __init__(self, *parts: Any) -> None:
        first = parts[0]
        for part in parts:
            if (part.dims, part.dimsd) != (first.dims, first.dimsd):
                msg = (
                    f"terms of a sum have equal shapes: {first.dims} -> {first.dimsd} "
                    f"and {part.dims} -> {part.dimsd} differ"
                )
                raise GeometryError(msg)
        super().__init__(parts, first.dims, first.dimsd)

    def _matmat(self, x: Array) -> Array:
        first, *others = self.parts
        y = first._matmat(x)
        for part in others:
            y = np.add(y, part._matmat(x))
        return y

    def _related(self, *, transposed: bool, conjugated: bool) -> "SumOp":
        return SumOp(
            *(
                part._related(transposed=transposed, conjugated=conjugated)
                for part in self.parts
            )
        )

    def _scaled(self, factor: Any, *, divide: bool = False) -> "SumOp":
        return SumOp(*(part._scaled(factor, divide=divide) for part in self.parts))

    def tosparse(self, format: str = "csr") -> scipy.sparse.sparray:
        """Return the matrix, the sum of the matrices.

        Parameters
        ----------
        format : str, optional
            A format of `scipy.sparse`.

        Returns
        -------
        sparray, shape ``(prod(dimsd), prod(dims))``
            The matrix; sums that cancel exactly are not stored.
        """
        matrices = [part.tosparse() for part in self.parts]
        return tidy(reduce(lambda left, right: left + right, matrices), format)


def tidy(matrix: Any, format: str) -> scipy.sparse.sparray:
    """Sorted indices, no stored zeros."""
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix.asformat(format)
