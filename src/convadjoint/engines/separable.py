"""Convolution one axis after the other, for kernels that are sums of few products.

A Gaussian, a box, a bilinear or a motion kernel along an axis is a product of one
vector per axis; such a convolution costs the sum of the kernel's lengths, not their
product.  Factors are found by singular value decomposition to working precision: a
kernel that is only nearly separable has a higher rank, and is not taken for one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from convadjoint.engines import crossing, direct, taps
from convadjoint.engines.protocol import Array, Plan
from convadjoint.geometry import Axis, ConvSpec

__all__ = ["SeparablePlan", "factors", "plan", "products", "refuses"]

Factors = tuple[Array, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SeparablePlan:
    """Passes along the axes, for each product of which the kernel is the sum."""

    products: tuple[tuple[Plan, ...], ...]

    @property
    def tap_by_tap(self) -> bool:
        """A single product has the taps of the kernel; a sum has some that cancel."""
        return len(self.products) == 1 and all(
            one.tap_by_tap for one in self.products[0]
        )

    @property
    def single(self) -> Plan | None:
        """The pass that does it all, if there is one."""
        (product, *more) = self.products
        return product[0] if len(product) == 1 and not more else None

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        total: Array | None = None
        for passes in self.products:
            y = x
            for one in passes:
                y = one.apply(y)
            total = y if total is None else np.add(total, y, out=total)
        assert total is not None  # a kernel without products is refused
        return total


def refuses(spec: ConvSpec, kernel: Array) -> str | None:
    """Refuse kernels that mix channels, and those whose products cost more."""
    if len(spec.axes) == 1:
        return "a kernel of one axis has nothing to separate"
    if spec.c_in != spec.groups or spec.c_out != spec.groups:
        return "the kernel mixes channels"
    if not np.isfinite(kernel).all():
        return "the kernel is not finite"
    cost = 0
    for product in factors(kernel[:, 0]):
        cost += sum(len(factor[0]) for factor in product)
        if cost >= kernel[0, 0].size:
            return f"its products have {cost} taps or more: no fewer than the kernel"
    return None if cost else "the kernel is zero"


def plan(spec: ConvSpec, kernel: Array) -> SeparablePlan:
    """Factor `kernel` and plan one pass per axis and product."""
    return SeparablePlan(
        tuple(
            tuple(_passes(spec, product, kernel.dtype))
            for product in factors(kernel[:, 0])
        )
    )


def factors(kernels: Array) -> Iterator[Factors]:
    """Write kernels ``(channels, *k)`` as sums of products of ``(channels, k_i)``.

    Channels share the number of products: the largest that any of them needs.
    """
    wide = kernels.astype(np.result_type(kernels.dtype, np.float64))
    # The scale is taken off by a power of two, so that no square can overflow.
    largest = np.abs(wide).max(initial=0)
    exponent = int(np.frexp(largest)[1]) if largest else 0
    wide = np.ldexp(wide.real, -exponent) + (
        1j * np.ldexp(wide.imag, -exponent) if np.iscomplexobj(wide) else 0
    )
    # What rounding leaves of a product: some eps of the kernel's norm.
    norm = np.linalg.norm(wide.reshape(len(wide), -1), axis=1).max(initial=0)
    tolerance = 4 * float(np.finfo(kernels.real.dtype).eps) * norm
    # A tap of zero is no tap, also if rounding made something of it.
    every = range(1, kernels.ndim)
    live = [kernels.any(axis=tuple({*every} - {axis})) for axis in every]
    for product in _factors(wide, tolerance):
        yield tuple(
            factor * alive * (2.0**exponent if factor is product[-1] else 1)
            for factor, alive in zip(product, live, strict=True)
        )


def products(kernels: Array) -> int:
    """How many products kernels ``(channels, *k)`` are the sum of; 1 if that is unknown."""
    if not np.isfinite(kernels).all():
        return 1
    return max(1, sum(1 for _ in factors(kernels)))


def _factors(kernels: Array, tolerance: float) -> Iterator[Factors]:
    """Split the first axis off by SVD, then the others; drop what is rounding."""
    channels, first, *rest = kernels.shape
    if not rest:
        if np.linalg.norm(kernels, axis=1).max(initial=0) > tolerance:
            yield (kernels,)
        return
    u, s, v = np.linalg.svd(kernels.reshape(channels, first, -1), full_matrices=False)
    for index in range(s.shape[1]):
        if s[:, index].max(initial=0) <= tolerance:
            return
        # All weight goes to the tail: its norm is then that of the product.
        others = (s[:, index, None] * v[:, index]).reshape(channels, *rest)
        for tail in _factors(others, tolerance):
            yield (u[:, :, index], *tail)


def _passes(
    spec: ConvSpec, product: Factors, dtype: np.dtype[np.inexact]
) -> Iterator[Plan]:
    """One plan per axis, or for both of the last; those that shrink most come first."""
    order = sorted(range(len(spec.axes)), key=lambda i: spec.axes[i].q / spec.axes[i].n)
    lines = [line.astype(dtype) for line in product]
    done: set[int] = set()
    crossed = crossing.crosses(spec, *lines[-2:])
    for index in range(len(lines) - 2) if crossed else order:
        alone = _alone(spec, {index}, done)
        line = lines[index].reshape(alone.kernel_shape)
        engine = taps if direct.refuses(alone, line) else direct
        yield engine.plan(alone, line)
        done.add(index)
    if crossed:
        last = set(range(len(lines))) - done
        yield crossing.plan(_alone(spec, last, done), *lines[-2:])


def _alone(spec: ConvSpec, chosen: set[int], done: set[int]) -> ConvSpec:
    """Some axes of a problem; others were convolved before, or will be."""
    return replace(
        spec,
        axes=tuple(
            axis if i in chosen else _idle(spec, i, done)
            for i, axis in enumerate(spec.axes)
        ),
        extend=tuple(b if i in chosen else None for i, b in enumerate(spec.extend)),
        fold=tuple(b if i in chosen else None for i, b in enumerate(spec.fold)),
    )


def _idle(spec: ConvSpec, index: int, done: set[int]) -> Axis:
    """An axis that a pass leaves alone, before or after its own pass."""
    side = spec.transpose().sizes if index in done else spec.sizes
    return Axis(n=side[index], q=side[index], k=1)
