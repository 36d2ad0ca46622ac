"""A trained layer as a value: its matrix, and what it adds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from convadjoint.engines import Array
from convadjoint.operators import MatrixOp, Member, ProductOp

__all__ = ["ONES", "Layer", "biased", "chained", "precision", "reshaped"]

# Dtype of maps all of whose weights are one: the result gets the dtype of the input.
ONES = np.float32


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """An affine layer: ``layer(x)`` is ``op @ x + bias``.

    Parameters
    ----------
    op : LinearOperator
        The linear part, exact: ``op.tosparse()`` is its matrix.
    bias : ndarray
        What is added.  It broadcasts against ``op.dimsd``, and is read-only; a layer
        that adds nothing has a zero of shape ``()``.

    See Also
    --------
    from_torch, from_keras, from_onnx, from_caffe : Make one.

    Examples
    --------
    >>> import numpy as np
    >>> import convadjoint as ca
    >>> layer = ca.Layer(ca.Conv1DOp(4, [1.0, -1.0]), np.array(0.5))
    >>> layer([1.0, 2.0, 4.0, 8.0])
    array([-0.5, -1.5, -3.5])
    """

    op: Member
    bias: Array

    def __repr__(self) -> str:
        return f"<Layer {self.op!r}, bias {self.bias.shape} of {self.bias.dtype}>"

    def __call__(self, x: npt.ArrayLike) -> Array:
        """Return ``op @ x + bias``.

        Parameters
        ----------
        x : array_like, shape ``op.dims`` or ``(prod(op.dims),)``
            Input, perhaps with a trailing axis of columns.

        Returns
        -------
        ndarray, shape ``op.dimsd`` or ``(prod(op.dimsd),)``
            Output, with the same trailing axis.
        """
        y: Array = self.op @ x
        dimsd = self.op.dimsd
        shaped = y.shape[: len(dimsd)] == dimsd
        columns = y.ndim - (len(dimsd) if shaped else 1)
        added = np.broadcast_to(self.bias, dimsd)
        return y + added.reshape(*y.shape[: y.ndim - columns], *(1,) * columns)


def biased(op: Member, bias: Array | None, *, axis: int) -> Layer:
    """The layer that adds `bias`, one entry per channel; channels lie along `axis`."""
    if bias is None:
        return Layer(op, _frozen(np.zeros((), op.dtype)))
    shape = [1] * len(op.dimsd)
    shape[axis] = bias.size
    return Layer(op, _frozen(np.array(bias).reshape(shape)))


def chained(layers: Sequence[Layer]) -> Layer:
    """The layer that applies all of these, the first one first."""
    first, *others = layers
    if not others:
        return first
    op = ProductOp(*(layer.op for layer in reversed(layers)))
    return Layer(op, _frozen(_pushed(first, others)))


def _pushed(first: Layer, others: Sequence[Layer]) -> Array:
    """What the chain makes of zeros: each bias, as the later layers pass it on."""
    total = first
    for layer in others:
        passed = np.zeros((), total.bias.dtype)
        if total.bias.any():
            passed = layer.op @ np.broadcast_to(total.bias, total.op.dimsd).ravel()
            passed = passed.reshape(layer.op.dimsd)
        total = Layer(layer.op, passed + layer.bias)
    return total.bias


def precision(kind: str | None) -> type[np.floating[Any]]:
    """Dtype in which to average, beside weights of this dtype; None if there are none."""
    wide = kind in (None, "float64", "complex128")
    return np.float64 if wide else np.float32


def reshaped(dims: tuple[int, ...], dimsd: tuple[int, ...]) -> Layer:
    """The layer that passes every sample on, in another shape."""
    size = int(np.prod(dims, dtype=object))
    passing = scipy.sparse.eye_array(size, dtype=ONES, format="csr")
    return biased(MatrixOp(passing, dims, dimsd), None, axis=0)


def _frozen(array: Array) -> Array:
    """`array`, which nobody may write to any more."""
    # A sum of zeros without axes is a scalar, which has no flags.
    array = np.asarray(array)
    array.flags.writeable = False
    return array
