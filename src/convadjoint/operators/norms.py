"""Norms of the rows and columns of a matrix; of a convolution's, without the matrix."""

from abc import abstractmethod
from math import prod
from typing import Any

import numpy as np

from convadjoint import engines
from convadjoint.engines import Array
from convadjoint.engines.memory import require
from convadjoint.errors import GeometryError
from convadjoint.operators.plans import Convolution, Direction, Side
from convadjoint.operators.products import Products

__all__ = ["Norms", "row_sums"]

Real = np.dtype[np.inexact[Any]]


class Norms(Products):
    """Norms of the rows and columns of an operator's matrix."""

    @abstractmethod
    def _transpose(self) -> "Norms":
        """The transpose."""

    def _row_sums(self, order: float) -> Array:
        """Sums over the rows, ``dimsd``: of magnitudes, of squares, or the largest."""
        entries = self.tosparse().astype(np.result_type(self.dtype, np.float64))
        if 0 in self.shape:
            return np.zeros(self.dimsd)
        sizes = (entries * entries.conj()).real if order == 2 else abs(entries)
        sums = sizes.max(axis=1).toarray() if order == np.inf else sizes.sum(axis=1)
        return np.asarray(sums).reshape(self.dimsd)

    def _rounded(self, values: Array) -> Array:
        """Values in the precision of the operator."""
        return values.astype(np.dtype(self.dtype).type(0).real.dtype)

    def gram_diagonal(self) -> Array:
        """Return the diagonal of the Gram matrix, the squared norms of the columns.

        That of ``op.H`` has the squared norms of the rows.  Convolutions assemble no
        matrix for it.

        Returns
        -------
        ndarray, shape ``dims``
            Real, of the precision of the operator.

        Examples
        --------
        >>> import convadjoint as ca
        >>> ca.Conv1DOp(4, [1.0, 2.0]).gram_diagonal()
        array([1., 5., 5., 4.])
        """
        return self._rounded(self._transpose()._row_sums(2))

    def row_norms(self, order: float = 2) -> Array:
        """Return a norm of every row of the matrix.

        Parameters
        ----------
        order : {1, 2, inf}, optional
            Sum of absolute values, Euclidean norm, or largest absolute value.

        Returns
        -------
        ndarray, shape ``dimsd``
            Real, of the precision of the operator.  Convolutions assemble no matrix
            for it.

        Raises
        ------
        GeometryError
            If the order is another one.

        Examples
        --------
        >>> import convadjoint as ca
        >>> ca.Conv1DOp(4, [-1.0, 2.0], padding="same").row_norms(1)
        array([3., 3., 3., 1.])
        """
        known = _known(order, engines.ORDERS)
        sums = self._row_sums(known)
        return self._rounded(np.sqrt(sums) if known == 2 else sums)

    def column_norms(self, order: float = 2) -> Array:
        """Return a norm of every column of the matrix.

        Parameters
        ----------
        order : {1, 2, inf}, optional
            As for `row_norms`.

        Returns
        -------
        ndarray, shape ``dims``
            Real, of the precision of the operator.

        Raises
        ------
        GeometryError
            If the order is another one.

        Examples
        --------
        >>> import convadjoint as ca
        >>> ca.Conv1DOp(4, [-1.0, 2.0], padding="same").column_norms(1)
        array([1., 3., 3., 3.])
        """
        return self._transpose().row_norms(order)

    def induced_norm(self, order: float) -> float:
        """Return the norm of the matrix that a vector norm induces.

        Parameters
        ----------
        order : {1, inf}
            The largest 1-norm of a column, or of a row.

        Returns
        -------
        float
            Largest factor by which the operator stretches a vector, in that norm.

        Raises
        ------
        GeometryError
            If the order is another one.

        Examples
        --------
        >>> import numpy as np
        >>> import convadjoint as ca
        >>> ca.Conv1DOp(9, [-1.0, 2.0, -1.0]).induced_norm(np.inf)
        4.0
        """
        known = _known(order, (1, np.inf))
        side = self if known == np.inf else self._transpose()
        return float(side._row_sums(1).max(initial=0))


def row_sums(
    convolution: Convolution, direction: Direction, dtype: Real, order: float
) -> Array:
    """The same sums of a convolution in a direction, without its matrix."""
    side = convolution.side(direction)
    require(16 * prod(side.shape), f"the norms of {prod(side.shape)} rows")
    weights = convolution.weights(direction, dtype)
    return _spread(side, engines.row_sums(side.spec, weights, order))


def _spread(side: Side, values: Array) -> Array:
    """Values of one signal in the users' layout, the same for all of the batch."""
    batch = side.layout.batch_axes
    one = values.reshape(*(1,) * batch, *side.shape[batch:])
    every = np.broadcast_to(one, side.shape).transpose(np.argsort(side.layout.orderd))
    return np.ascontiguousarray(every)


def _known(order: object, allowed: tuple[float, ...]) -> float:
    """The order of a norm, if it is one of those that are computed."""
    for one in allowed:
        if isinstance(order, (int, float)) and order == one:
            return one
    listed = " or ".join(", ".join(map(str, allowed)).rsplit(", ", 1))
    msg = f"order {order!r} of a norm is not one of {listed}"
    raise GeometryError(msg)
