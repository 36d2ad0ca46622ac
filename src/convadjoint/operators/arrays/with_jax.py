"""Arrays of JAX: the integers of the geometry, handed to XLA's own convolution.

JAX traces, so it needs its own functions; with them come its gradients, `vmap` and
`jit`.
"""

from functools import lru_cache, reduce
from typing import Any

import numpy as np

from convadjoint.geometry import Axis, Border, ConvSpec
from convadjoint.operators.arrays.foreign import convolved
from convadjoint.operators.base import ConvolutionOperator
from convadjoint.operators.elementary import DiagonalOp
from convadjoint.operators.family import Member, ProductOp, SumOp
from convadjoint.operators.plans import Convolution

__all__ = ["brought", "cast", "columns", "convolve", "flip", "permute"]

Array = Any


def permute(x: Array, order: tuple[int, ...]) -> Array:
    """The same samples, axes in this order."""
    return x.transpose(order)


def flip(x: Array, axes: tuple[int, ...]) -> Array:
    """The same samples, these axes reversed."""
    import jax.numpy as jnp

    return jnp.flip(x, axes)


def cast(x: Array, dtype: np.dtype[np.generic]) -> Array:
    """The same samples in this dtype, or in what JAX has for it without 64 bits."""
    import jax.numpy as jnp
    from jax import dtypes

    return jnp.asarray(x, dtypes.canonicalize_dtype(dtype))


def brought(x: np.ndarray[Any, Any], other: Array) -> Array:  # noqa: ARG001
    """A copy of NumPy's samples."""
    import jax.numpy as jnp

    return jnp.array(x)


def columns(op: Member, x: Array) -> Array:
    """Apply an operator to ``(size, m)``."""
    match op:
        case ConvolutionOperator():
            return convolved(op, x, op.kernel)
        case ProductOp():
            return reduce(lambda y, part: columns(part, y), reversed(op.parts), x)
        case SumOp():
            return sum(columns(part, x) for part in op.parts)
        case DiagonalOp():
            return cast(op.weights, op.dtype).reshape(-1, 1) * x
    return _by_entries(op, x)


def _by_entries(op: Member, x: Array) -> Array:
    """Any operator by its matrix, entry by entry; `jit` assembles it once."""
    import jax

    entries = op.tosparse("coo")
    products = cast(entries.data, op.dtype)[:, None] * x[entries.col]
    return jax.ops.segment_sum(products, entries.row, op.shape[0])


def convolve(convolution: Convolution, transposed: bool, x: Array, w: Array) -> Array:
    """The convolution or its transpose, in canonical order."""
    spec = convolution.spec
    if transposed:
        spec, w = spec.transpose(), _transposed(w, spec.groups)
    result = np.result_type(x.dtype, w.dtype)
    wide = np.result_type(result, np.float64) if convolution.double else result
    return cast(_correlate(spec, cast(x, wide), cast(w, wide)), result)


def _transposed(w: Array, groups: int) -> Array:
    """The kernel of the transposed convolution."""
    c_out, per_group, *taps = w.shape
    blocks = w.reshape(groups, c_out // groups, per_group, *taps).swapaxes(1, 2)
    turned = flip(blocks, tuple(range(3, blocks.ndim)))
    return turned.reshape(groups * per_group, c_out // groups, *taps)


def _correlate(spec: ConvSpec, x: Array, w: Array) -> Array:
    """Extend, convolve with zeros outside, fold."""
    from jax import lax

    y = lax.conv_general_dilated(
        _extended(x, spec.extend),
        w,
        window_strides=[axis.s for axis in spec.axes],
        padding=[_padding(axis) for axis in spec.axes],
        lhs_dilation=[axis.t for axis in spec.axes],
        rhs_dilation=[axis.d for axis in spec.axes],
        feature_group_count=spec.groups,
        precision=lax.Precision.HIGHEST,
    )
    return _folded(y, spec.fold)


def _padding(axis: Axis) -> tuple[int, int]:
    """Padding on both sides; after the input just as much as the outputs need."""
    dilated = (axis.n - 1) * axis.t + 1
    needed = (axis.q - 1) * axis.s + axis.reach + 1
    return axis.lo, needed - axis.lo - dilated


def _extended(x: Array, borders: tuple[Border | None, ...]) -> Array:
    """Fill the borders from the inside."""
    for axis, border in enumerate(borders, 2):
        if border:
            x = x.take(_sources(border), axis)
    return x


def _folded(y: Array, borders: tuple[Border | None, ...]) -> Array:
    """Add the borders to the samples that filled them."""
    import jax

    for axis, border in enumerate(borders, 2):
        if border:
            rows = jax.ops.segment_sum(y.swapaxes(axis, 0), _sources(border), border.n)
            y = rows.swapaxes(axis, 0)
    return y


@lru_cache(maxsize=128)
def _sources(border: Border) -> np.ndarray[Any, Any]:
    """The sample that stands at each position of the extended signal."""
    sources = np.array([border.source(i) for i in range(border.length)])
    sources.flags.writeable = False
    return sources
