"""The border of a signal: filled from the inside (E), or folded back onto it (E').

Both directions walk the pieces of `Border`, so neither has index rules of its own.
"""

import numpy as np
import numpy.typing as npt

from convadjoint.engines.protocol import Array, Index
from convadjoint.geometry import Border, ConvSpec, Piece

__all__ = ["closed", "extend", "fold", "opened", "sources"]

Integers = npt.NDArray[np.int64]


def extend(x: Array, borders: tuple[Border | None, ...]) -> Array:
    """Fill the borders of the trailing axes of `x`."""
    for axis, border in _along(x.ndim, borders):
        shape = (*x.shape[:axis], border.length, *x.shape[axis + 1 :])
        extended = np.empty(shape, x.dtype)
        for piece in border.pieces():
            extended[_at(axis, _target(piece))] = x[_at(axis, _origin(piece))]
        x = extended
    return x


def fold(y: Array, borders: tuple[Border | None, ...]) -> Array:
    """Add the borders of the trailing axes of `y` to the samples that filled them.

    `y` is overwritten; the result is a view of it, unless a border crops the signal.
    """
    for axis, border in _along(y.ndim, borders):
        pieces = border.pieces()
        core = border.core
        if len(core) == border.n:
            folded = y[_at(axis, slice(core.start, core.stop))]
            pieces = pieces[1:]  # the first is the core itself
        else:
            folded = np.zeros(
                (*y.shape[:axis], border.n, *y.shape[axis + 1 :]), y.dtype
            )
        for piece in pieces:
            part = y[_at(axis, _target(piece))]
            if piece.step == 0:
                part = part.sum(axis=axis, keepdims=True)
            where = folded[_at(axis, _origin(piece))]
            np.add(where, part, out=where)
        y = folded
    return y


def opened(
    spec: ConvSpec, x: Array, dtype: np.dtype[np.inexact]
) -> tuple[Array, Array]:
    """Extended input, and zeros for the output: ``(batch, groups, c/groups, *space)``."""
    x = extend(x, spec.extend)
    lengths = tuple(axis.q for axis in spec.axes)
    y = np.zeros((len(x), spec.groups, spec.c_out // spec.groups, *lengths), dtype)
    return x.reshape(len(x), spec.groups, spec.c_in // spec.groups, *x.shape[2:]), y


def closed(spec: ConvSpec, y: Array) -> Array:
    """Output as `opened` made it, folded: ``(batch, c_out, *q)``."""
    return fold(y.reshape(len(y), spec.c_out, *y.shape[3:]), spec.fold)


def sources(border: Border) -> Integers:
    """The sample of the signal that stands at each extended position."""
    found = np.empty(border.length, np.int64)
    for piece in border.pieces():
        found[_target(piece)] = piece.source + piece.step * np.arange(piece.count)
    return found


def _along(
    ndim: int, borders: tuple[Border | None, ...]
) -> tuple[tuple[int, Border], ...]:
    """Array axis and border, for the axes that have one."""
    first = ndim - len(borders)
    return tuple(
        (first + axis, border) for axis, border in enumerate(borders) if border
    )


def _at(axis: int, part: slice) -> Index:
    """Index `part` of one axis."""
    return (*(slice(None),) * axis, part)


def _target(piece: Piece) -> slice:
    """Extended samples of a piece."""
    return slice(piece.start, piece.start + piece.count)


def _origin(piece: Piece) -> slice:
    """Samples that a piece reads; a single one if it holds still."""
    if piece.step < 0:
        stop = piece.source - piece.count
        return slice(piece.source, stop if stop >= 0 else None, -1)
    return slice(piece.source, piece.source + (piece.count if piece.step else 1))
