"""Convolution of many channels as products of matrices, block by block.

Strides are split into dense phases (`geometry.phases`).  For some rows of an output
phase, the samples that its taps read are laid out as the columns of a matrix (im2col),
which the weights multiply at the speed of BLAS.  A block is small enough to stay in
cache; the matrix of the whole image never exists.  The transpose is the same product
over the transposed spec.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from convadjoint.engines.extension import closed, extend, opened
from convadjoint.engines.protocol import Array, Index
from convadjoint.geometry import ConvSpec
from convadjoint.geometry.phases import Phase, phases

__all__ = ["GemmPlan", "gradient", "plan", "refuses"]

Phases = tuple[Phase, ...]

# Samples of a block's columns: with weights and result they fit a second-level cache.
_BLOCK = 131_072


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """Dense phases that are multiplied at once, with ``(groups, c_out/g, K)`` weights.

    `K` counts the input channels of a group times the taps of the phases.
    """

    pairs: Phases
    weights: Array

    @property
    def source(self) -> Index:
        """The input samples."""
        return (..., *(pair.input for pair in self.pairs))

    @property
    def target(self) -> Index:
        """The output samples."""
        return (..., *(pair.output for pair in self.pairs))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Spatial shape of the output phase."""
        return tuple(pair.q for pair in self.pairs)

    def columns(self, x: Array, first: int, stop: int) -> Array:
        """What the taps read for rows `first` to `stop`: ``(groups, K, samples)``.

        `x` holds the input phase of one signal, ``(groups, c_in/g, *n)``.
        """
        rows = [(first, stop), *((0, pair.q) for pair in self.pairs[1:])]
        band, starts = _padded(x, self.pairs, rows)
        counts = tuple(len(pair.taps) for pair in self.pairs)
        steps = tuple(_step(pair) for pair in self.pairs)
        lengths = tuple(b - a for a, b in rows)
        spatial = band.strides[2:]
        moves = tuple(
            step * stride for step, stride in zip(steps, spatial, strict=True)
        )
        view = as_strided(
            band[(slice(None), slice(None), *(slice(start, None) for start in starts))],
            (*band.shape[:2], *counts, *lengths),
            (*band.strides[:2], *moves, *spatial),
        )
        return view.reshape(len(x), -1, prod(lengths))


@dataclass(frozen=True, slots=True, eq=False)
class GemmPlan:
    """Weights of each output phase, by input phase."""

    spec: ConvSpec
    outputs: tuple[tuple[Term, ...], ...]
    dtype: np.dtype[np.inexact]

    # A product of matrices meets weights of zero.
    tap_by_tap = False

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        x, y = opened(self.spec, x, np.result_type(self.dtype, x.dtype))
        for signal, terms in product(range(len(x)), self.outputs):
            _multiply(y[signal][terms[0].target], terms, x[signal])
        return closed(self.spec, y)


def refuses(spec: ConvSpec, kernel: Array) -> str | None:  # noqa: ARG001
    """Nothing is refused."""
    return None


def plan(spec: ConvSpec, kernel: Array) -> GemmPlan:
    """Lay the weights of each pair of phases out as a matrix."""
    shape = (spec.groups, spec.c_out // spec.groups, spec.c_in // spec.groups)
    grouped = kernel.reshape(*shape, *kernel.shape[2:])
    outputs: dict[tuple[int, ...], list[Term]] = defaultdict(list)
    for pairs in product(*(phases(axis) for axis in spec.axes)):
        taps = [np.array(pair.taps) for pair in pairs]
        channels = [np.arange(length) for length in shape]
        weights = grouped[np.ix_(*channels, *taps)].reshape(*shape[:2], -1)
        outputs[tuple(pair.first_out for pair in pairs)].append(Term(pairs, weights))
    return GemmPlan(spec, tuple(map(tuple, outputs.values())), kernel.dtype)


def gradient(spec: ConvSpec, x: Array, z: Array) -> Array:
    """What `kernel_gradient` returns: the same columns, multiplied by `z`."""
    shape = (spec.groups, spec.c_out // spec.groups, spec.c_in // spec.groups)
    x, z = extend(x, spec.extend), extend(z, spec.fold)
    x = x.reshape(len(x), shape[0], shape[2], *x.shape[2:])
    z = z.reshape(len(z), *shape[:2], *z.shape[2:])
    found = np.zeros((*shape, *(axis.k for axis in spec.axes)), x.dtype)
    for pairs in product(*(phases(axis) for axis in spec.axes)):
        sums = np.zeros((*shape, *(len(pair.taps) for pair in pairs)), x.dtype)
        term = Term(pairs, sums.reshape(*shape[:2], -1))
        for here, there in zip(x, z, strict=True):
            _add_products(term, here[term.source], there[term.target])
        taps = [np.array(pair.taps) for pair in pairs]
        found[np.ix_(*map(np.arange, shape), *taps)] = sums
    return found.reshape(spec.kernel_shape)


def _add_products(term: Term, x: Array, z: Array) -> None:
    """Add the sums of one signal to the weights of a term, some rows at a time."""
    for first, stop in _blocks((term,)):
        rows = z[:, :, first:stop].reshape(*z.shape[:2], -1)
        products = rows @ term.columns(x, first, stop).swapaxes(1, 2)
        np.add(term.weights, products, out=term.weights)


def _multiply(y: Array, terms: tuple[Term, ...], x: Array) -> None:
    """Write one output phase of one signal, some rows at a time."""
    for first, stop in _blocks(terms):
        products = (
            term.weights @ term.columns(x[term.source], first, stop) for term in terms
        )
        total = reduce(np.add, products)
        y[:, :, first:stop] = total.reshape(y[:, :, first:stop].shape)


def _blocks(terms: tuple[Term, ...]) -> Iterator[tuple[int, int]]:
    """Stretches of rows whose columns make a block."""
    q, *rest = terms[0].sizes
    widest = max(prod(term.weights.shape[::2]) for term in terms)
    height = max(1, _BLOCK // (widest * prod(rest)))
    return ((first, min(q, first + height)) for first in range(0, q, height))


def _step(pair: Phase) -> int:
    """Distance of neighbouring taps in the input phase; they are equally spaced."""
    return pair.shifts[1] - pair.shifts[0] if len(pair.shifts) > 1 else 0


def _padded(
    x: Array, pairs: Phases, rows: list[tuple[int, int]]
) -> tuple[Array, tuple[int, ...]]:
    """The samples that some rows read, zeros outside; and where their first tap is."""
    source: list[slice] = []
    target: list[slice] = []
    lengths, starts = [], []
    for pair, (first, stop) in zip(pairs, rows, strict=True):
        low, high = first + min(pair.shifts), stop + max(pair.shifts)
        begin, end = max(0, low), max(0, low, min(pair.n, high))
        source.append(slice(begin, end))
        target.append(slice(begin - low, end - low))
        lengths.append(high - low)
        starts.append(first + pair.shifts[0] - low)
    shape = (*x.shape[:2], *lengths)
    inner = x[(slice(None), slice(None), *source)]
    if inner.shape == shape:
        return inner, tuple(starts)
    band = np.zeros(shape, x.dtype)
    band[(slice(None), slice(None), *target)] = inner
    return band, tuple(starts)
