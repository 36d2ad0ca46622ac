"""Samples in another order, as an operator: for what no layout can say."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt
import scipy.sparse

from convadjoint.operators import MatrixOp

__all__ = ["Reordering"]


@dataclass(frozen=True, slots=True)
class Reordering:
    """``x.reshape(split).transpose(order).reshape(dimsd)`` for arrays of shape `dims`."""

    dims: tuple[int, ...]
    split: Sequence[int]
    order: Sequence[int]
    dimsd: tuple[int, ...]

    def operator(self, dtype: npt.DTypeLike) -> MatrixOp:
        """The permutation, in the real numbers of a dtype."""
        size = prod(self.dims)
        sources = np.arange(size).reshape(self.split).transpose(self.order).ravel()
        ones = np.ones(size, np.zeros(1, dtype).real.dtype)
        matrix = scipy.sparse.csr_array(
            (ones, sources, np.arange(size + 1)), shape=(size, size)
        )
        return MatrixOp(matrix, self.dims, self.dimsd)
