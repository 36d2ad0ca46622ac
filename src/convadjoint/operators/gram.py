"""The Gram matrix of a convolution: the product of its adjoint and itself."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from convadjoint import engines
from convadjoint.engines import Array
from convadjoint.engines.cost import estimates
from convadjoint.geometry import Axis, Border, ConvSpec
from convadjoint.operators.family import ProductOp
from convadjoint.operators.plans import Convolution, Direction

if TYPE_CHECKING:
    from convadjoint.operators.base import ConvolutionOperator

__all__ = ["GramOp"]


class GramOp(ProductOp):
    r"""The product C\ :sup:`H` C: hermitian, and one convolution where that is faster.

    Parameters
    ----------
    factor : ConvolutionOperator
        C; its plans are used.

    See Also
    --------
    ProductOp : Any product.

    Examples
    --------
    >>> import convadjoint as ca
    >>> difference = ca.Conv1DOp(3, [-1.0, 1.0])
    >>> difference.gram @ [0.0, 1.0, 0.0]
    array([-1.,  2., -1.])
    """

    def __init__(self, factor: "ConvolutionOperator") -> None:
        self.factor = factor
        super().__init__(factor._adjoint(), factor)

    def _matmat(self, x: Array) -> Array:
        convolution, direction = self.factor._convolution, self.factor._direction
        single = _single(convolution, direction)
        signals = x.reshape(*self.dims, x.shape[-1])
        if single is None:
            y = convolution.apply(signals, direction, direction.adjoint)
        else:
            y = single.apply(signals, Direction())
        return y.reshape(x.shape)

    def _related(self, *, transposed: bool, conjugated: bool) -> "GramOp":
        return self if transposed == conjugated else GramOp(self.factor.conj())

    def __reduce__(self) -> Any:
        return GramOp, (self.factor,)


def _single(convolution: Convolution, direction: Direction) -> Convolution | None:
    """The product as one convolution, if it is one, and is estimated to be faster."""
    if direction not in convolution.grams:
        convolution.grams.setdefault(direction, _merged(convolution, direction))
    return convolution.grams[direction]


def _merged(convolution: Convolution, direction: Direction) -> Convolution | None:
    """The convolution with the autocorrelation, made."""
    side = convolution.side(direction)
    spec = _autocorrelated(side.spec)
    weights = convolution.weights(direction, convolution.kernel.dtype)
    # Double precision rounds once, at the end; a kernel of its own would be rounded too.
    if spec is None or convolution.double or not np.isfinite(weights).all():
        return None
    if _merged_seconds(spec, weights, convolution.engine) >= sum(
        _seconds(convolution, one) for one in (direction, direction.adjoint)
    ):
        return None
    layout = replace(side.layout, dimsd=side.layout.dims, orderd=side.layout.order)
    kernel = _autocorrelation(weights, side.spec.groups)
    return Convolution(spec, layout, kernel, convolution.engine, convolution.double)


def _seconds(convolution: Convolution, direction: Direction) -> float:
    """Estimated time of one product of the chain."""
    weights = convolution.weights(direction, convolution.kernel.dtype)
    found = estimates(convolution.side(direction).spec, weights)
    return found.get(convolution.choice(direction)[0], 0.0)


def _merged_seconds(spec: ConvSpec, weights: Array, engine: str) -> float:
    """Estimated time of the single product, before its kernel is known.

    Whether that kernel can be separated is not known either.
    """
    kernel = np.broadcast_to(np.ones((), weights.dtype), spec.kernel_shape)
    found = estimates(spec, kernel)
    found.pop("separable", None)
    able = (
        seconds
        for name, seconds in found.items()
        if engine in (name, "auto", "measure")
        and engines.ENGINES[name].refuses(spec, kernel) is None
    )
    return min(able, default=np.inf)


def _autocorrelated(spec: ConvSpec) -> ConvSpec | None:
    """Geometry of the Gram matrix, if shifting both samples never changes an entry."""
    lines = [
        _autocorrelated_axis(*line)
        for line in zip(spec.axes, spec.extend, spec.fold, strict=True)
    ]
    found = [line for line in lines if line is not None]
    if len(found) < len(lines):
        return None
    return replace(
        spec,
        axes=tuple(axis for axis, _ in found),
        extend=tuple(border for _, border in found),
        fold=(),
        c_out=spec.c_in,
    )


def _autocorrelated_axis(
    axis: Axis, extend: Border | None, fold: Border | None
) -> tuple[Axis, Border | None] | None:
    """One axis of that geometry.

    Every tap must have joined every input sample with a sample that was kept; on a
    circle, there must be as many places on either side.
    """
    counts = {axis.link(j).count for j in range(axis.k)}
    border = extend or fold
    lags, reach = 2 * axis.k - 1, axis.reach
    if border is None:
        if counts != {axis.n}:
            return None
        merged = replace(axis, q=axis.n, k=lags, s=axis.t, lo=reach)
        return merged, None
    here = axis.q if extend else axis.n
    plain = border.mode == "circular" and axis.s == axis.t == 1
    if not plain or counts != {here} or here != border.n:
        return None
    circle = Border(n=here, length=here + 2 * reach, lo=reach, mode="circular")
    return replace(axis, n=circle.length, q=here, k=lags, lo=0), circle


def _autocorrelation(weights: Array, groups: int) -> Array:
    """Sums of ``conj(w[o, c, j]) * w[o, d, j + lag]`` over `o` and `j`, per group.

    A convolution of the weights with themselves: `d` counts signals, `o` channels.
    Returned as ``(c_in, c_in/groups, *lags)``.
    """
    wide = weights.astype(np.result_type(weights, np.float64), copy=False)
    parts = []
    for block in np.split(wide, groups):
        signals = np.ascontiguousarray(block.swapaxes(0, 1))
        taps = signals.shape[2:]
        spec = ConvSpec(
            axes=tuple(Axis(n=k, q=2 * k - 1, k=k, lo=k - 1) for k in taps),
            batch=len(signals),
            c_in=signals.shape[1],
            c_out=len(signals),
        )
        found = engines.plan("auto", spec, np.conj(signals)).apply(signals)
        parts.append(found.swapaxes(0, 1))
    kernel: Array = np.concatenate(parts).astype(weights.dtype)
    return kernel
