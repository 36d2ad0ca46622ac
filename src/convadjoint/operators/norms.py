"""Norms of rows and columns of a convolution's matrix, without the matrix."""

from math import prod
from typing import Any

import numpy as np

from convadjoint import engines
from convadjoint.engines import Array
from convadjoint.engines.memory import require
from convadjoint.errors import GeometryError
from convadjoint.operators.plans import Convolution, Direction, Side

__all__ = ["gram_diagonal", "induced_norm", "row_norms"]

Real = np.dtype[np.inexact[Any]]


def row_norms(
    convolution: Convolution, direction: Direction, dtype: Real, order: object
) -> Array:
    """Norms of the rows in a direction, shape ``dimsd``."""
    known = _known(order, engines.ORDERS)
    sums = _sums(convolution, direction, dtype, known)
    norms = np.sqrt(sums) if known == 2 else sums
    return _spread(convolution.side(direction), norms, dtype)


def gram_diagonal(convolution: Convolution, direction: Direction, dtype: Real) -> Array:
    """Squared norms of the columns in a direction, shape ``dims``."""
    back = direction.adjoint
    return _spread(convolution.side(back), _sums(convolution, back, dtype, 2), dtype)


def induced_norm(
    convolution: Convolution, direction: Direction, dtype: Real, order: object
) -> float:
    """The largest row sum for infinity, the largest column sum for 1."""
    known = _known(order, (1, np.inf))
    if known == 1:
        direction = direction.adjoint
    sums = _sums(convolution, direction, dtype, 1)
    return float(sums.max()) if convolution.spec.batch else 0.0


def _sums(
    convolution: Convolution, direction: Direction, dtype: Real, order: float
) -> Array:
    """Sums over the rows in a direction, of one signal in canonical order."""
    side = convolution.side(direction)
    require(16 * prod(side.shape), f"the norms of {prod(side.shape)} rows")
    return engines.row_sums(side.spec, convolution.weights(direction, dtype), order)


def _spread(side: Side, values: Array, dtype: Real) -> Array:
    """Values of one signal in the users' layout, the same for all of the batch."""
    batch = side.layout.batch_axes
    one = values.reshape(*(1,) * batch, *side.shape[batch:])
    every = np.broadcast_to(one, side.shape).transpose(np.argsort(side.layout.orderd))
    return np.ascontiguousarray(every, dtype=dtype.type(0).real.dtype)


def _known(order: object, allowed: tuple[float, ...]) -> float:
    """The order of a norm, if it is one of those that are computed."""
    for one in allowed:
        if isinstance(order, (int, float)) and order == one:
            return one
    listed = " or ".join(", ".join(map(str, allowed)).rsplit(", ", 1))
    msg = f"order {order!r} of a norm is not one of {listed}"
    raise GeometryError(msg)
