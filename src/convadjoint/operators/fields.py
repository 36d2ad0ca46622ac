"""Where each of several kernels applies: weights in space, cut to where they are not zero."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines import Array
from convadjoint.engines.extension import extend
from convadjoint.engines.memory import require
from convadjoint.engines.protocol import Index
from convadjoint.errors import GeometryError
from convadjoint.geometry import ConvSpec
from convadjoint.geometry.checks import integer, is_sequence
from convadjoint.geometry.spec import Ranges
from convadjoint.operators.elementary import by_parts, weighted
from convadjoint.operators.plans import Side
from convadjoint.operators.samples import as_samples

__all__ = ["Field", "grid_fields", "grid_of", "mask_fields", "window"]


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Weights of a window of the (extended) samples: ``(batch or 1, c or 1, *window)``.

    `full` says that none of them is zero.
    """

    ranges: Ranges
    values: Array
    full: bool

    @classmethod
    def of(cls, ranges: Ranges, values: Array) -> "Field":
        """A field with a copy of the values."""
        return cls(ranges, values.copy(), bool(values.all()))

    def within(self, ranges: Ranges) -> "Field":
        """The part of the field in a smaller window."""
        if ranges == self.ranges:
            return self
        inner = tuple(
            (first - start, stop - start)
            for (first, stop), (start, _) in zip(ranges, self.ranges, strict=True)
        )
        return Field.of(ranges, self.values[window(inner)])

    def times(self, x: Array, *, conjugated: bool) -> Array:
        """Weights times the window's samples ``(signals, c, *window)``, a new array."""
        weights = self.values
        if conjugated and weights.dtype.kind == "c":
            weights = np.conj(weights)
        signals = x.reshape(-1, len(weights), *x.shape[1:])
        product_ = np.multiply if self.full else weighted
        y = by_parts(weights, signals, lambda part: product_(weights, part))
        return y.reshape(x.shape)


def window(ranges: Ranges) -> Index:
    """Index of a window of the trailing axes."""
    return (..., *(slice(*bounds) for bounds in ranges))


def grid_of(grid: object) -> tuple[tuple[int, ...], ...]:
    """The sample indices of the kernels, one tuple per axis."""
    if not is_sequence(grid):
        msg = f"grid must hold the sample indices of the kernels, got {grid!r}"
        raise TypeError(msg)
    lines = list(grid)
    nested = [is_sequence(line) for line in lines]
    if not any(nested):
        lines = [lines]
    found = []
    for axis, line in enumerate(lines):
        if not is_sequence(line):
            msg = (
                f"grid needs a sequence of sample indices on axis {axis}, got {line!r}"
            )
            raise TypeError(msg)
        name = f"a sample index of grid on spatial axis {axis}"
        found.append(tuple(integer(entry, name, least=0) for entry in line))
    return tuple(found)


def grid_fields(
    grid: tuple[tuple[int, ...], ...], spec: ConvSpec, dtype: np.dtype[np.inexact[Any]]
) -> Iterator[list[Field]]:
    """Fields of each kernel of a grid, in row-major order: tents between neighbours."""
    if len(grid) != len(spec.axes):
        msg = (
            f"grid has {len(grid)} axes, the kernels are convolved along "
            f"{len(spec.axes)}"
        )
        raise GeometryError(msg)
    windows = 2 ** len(grid) * prod(axis.n for axis in spec.axes)
    require(windows * dtype.itemsize, "the weights of the windows of a grid")
    lines = [
        extend(_tents(line, n, axis), (border,))
        for axis, (line, n, border) in enumerate(
            zip(grid, spec.sizes, spec.extend, strict=True)
        )
    ]
    for profiles in product(*lines):
        pieces = [_stretches(profile) for profile in profiles]
        yield [_outer(each, dtype) for each in product(*pieces)]


def _tents(line: Sequence[int], n: int, axis: int) -> npt.NDArray[np.float64]:
    """Linear interpolation between the points of one axis, constant beyond the ends."""
    points = np.asarray(line)
    if not line or np.any(np.diff(points) <= 0) or points[-1] >= n:
        msg = (
            f"grid on spatial axis {axis} must hold increasing sample indices of "
            f"0 to {n - 1}, got {tuple(line)}"
        )
        raise GeometryError(msg)
    samples = np.arange(n)
    return np.stack([np.interp(samples, points, one) for one in np.eye(len(points))])


def _stretches(profile: Array) -> list[tuple[tuple[int, int], Array]]:
    """The ranges in which a profile is not zero, with its values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], profile != 0, [0]))))
    pairs = edges.reshape(-1, 2).tolist()
    return [((first, stop), profile[first:stop]) for first, stop in pairs]


def _outer(
    pieces: tuple[tuple[tuple[int, int], Array], ...], dtype: np.dtype[Any]
) -> Field:
    """The product of one stretch per axis."""
    values = reduce(np.multiply.outer, [profile for _, profile in pieces])
    ranges = tuple(bounds for bounds, _ in pieces)
    return Field.of(ranges, values.astype(dtype)[None, None])


def mask_fields(
    masks: npt.ArrayLike, count: int, side: Side, name: str
) -> Iterator[list[Field]]:
    """The field of each of `count` masks, cut to its box; none where all is zero."""
    given = as_samples(masks, name)
    dims = side.layout.dims
    fits = given.ndim == len(dims) + 1 and all(
        size in (1, whole)
        for size, whole in zip(given.shape, (count, *dims), strict=True)
    )
    if not fits:
        msg = (
            f"{name} has shape {given.shape}, the kernels and samples take "
            f"{(count, *dims)}; lengths of 1 are repeated"
        )
        raise GeometryError(msg)
    for mask in np.broadcast_to(given, (count, *given.shape[1:])):
        canonical = extend(_canonical(mask, side), side.spec.extend)
        ranges = _box(canonical)
        if ranges is None:
            yield []
            continue
        yield [Field.of(ranges, canonical[window(ranges)])]


def _canonical(mask: Array, side: Side) -> Array:
    """A mask as ``(batch or 1, c or 1, *n)``; axes that repeat stay short if they can."""
    batch = side.layout.batch_axes
    ordered = mask.transpose(side.layout.order)
    wholes = [side.layout.dims[axis] for axis in side.layout.order]
    if set(ordered.shape[:batch]) <= {1}:
        wholes[:batch] = [1] * batch
    channel = len(wholes) - batch > len(side.spec.axes)
    if channel:
        wholes[batch] = ordered.shape[batch]
    whole = np.broadcast_to(ordered, wholes)
    channels = wholes[batch] if channel else 1
    return whole.reshape(prod(wholes[:batch]), channels, *side.spec.sizes)


def _box(mask: Array) -> Ranges | None:
    """The smallest window that holds all weights that are not zero."""
    found = []
    for axis in range(2, mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        used = np.flatnonzero((mask != 0).any(axis=others))
        if not used.size:
            return None
        found.append((int(used[0]), int(used[-1]) + 1))
    return tuple(found)
