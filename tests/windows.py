"""Sliding windows by the sentences of the documentation, in loops.

Nothing here is imported from the library.
"""

from itertools import product
from math import prod

import numpy as np

import oracles


def starts_of(n, k, *, stride, padding, dilation, ceil_mode=False):
    """Places where windows start along one axis, found by walking."""
    lo, hi = padding
    span = (k - 1) * dilation + 1
    starts = []
    start = -lo
    while start + span <= n + hi:
        starts.append(start)
        start += stride
    # Rounding up takes a window of which less than a stride is missing.
    if ceil_mode and start + span < n + hi + stride:
        starts.append(start)
    return [one for one in starts if one < n or not ceil_mode]


def samples(shape):
    """Numbers of the samples of an array."""
    return np.arange(prod(shape)).reshape(shape)


def pool_dense(dims, size, axes, rules, *, average=None, divisor=None):
    """Pooling: `average` is "padding", "signal" or None, for a sum.

    `rules` has stride, padding, dilation and ceil_mode for each axis.
    """
    lines = [
        starts_of(dims[axis], k, **rule)
        for axis, k, rule in zip(axes, size, rules, strict=True)
    ]
    dimsd = list(dims)
    for axis, starts in zip(axes, lines, strict=True):
        dimsd[axis] = len(starts)
    columns, rows = samples(dims), samples(tuple(dimsd))
    matrix = np.zeros((rows.size, columns.size), np.longdouble)
    for place in np.ndindex(*dimsd):
        read, counted = [], 0
        for taps in product(*map(range, size)):
            spot, kind = list(place), "signal"
            for axis, j, starts, rule in zip(axes, taps, lines, rules, strict=True):
                spot[axis] = starts[place[axis]] + j * rule["dilation"]
                lo, hi = rule["padding"]
                if not 0 <= spot[axis] < dims[axis] and kind == "signal":
                    kind = "padding"
                if not -lo <= spot[axis] < dims[axis] + hi:
                    kind = "beyond"
            counted += kind in ("signal", average)
            read += [tuple(spot)] if kind == "signal" else []
        weight = np.longdouble(1)
        if divisor or average:
            weight /= divisor or max(counted, 1)
        for spot in read:
            matrix[rows[place], columns[spot]] += weight
    return oracles.Dense(matrix, abs(matrix), tuple(dims), tuple(dimsd))


def unfold_dense(dims, size, axes, rules, *, merged=True):
    """Each sample of each window is one sample of the input, or zero."""
    lines = [
        starts_of(dims[axis], k, **rule)
        for axis, k, (rule, _) in zip(axes, size, rules, strict=True)
    ]
    rest = [axis for axis in range(len(dims)) if axis not in axes]
    lengths = [len(starts) for starts in lines]
    kept = (*(dims[axis] for axis in rest), *size, *lengths)
    columns, rows = samples(dims), samples(kept)
    matrix = np.zeros((rows.size, columns.size))
    for place in np.ndindex(*kept):
        spot = [None] * len(dims)
        for axis, at in zip(rest, place, strict=False):
            spot[axis] = at
        taps = place[len(rest) : len(rest) + len(axes)]
        for a, axis in enumerate(axes):
            rule, mode = rules[a]
            start = lines[a][place[len(rest) + len(axes) + a]]
            i = start + taps[a] * rule["dilation"]
            spot[axis] = oracles.bounce(mode, i, dims[axis])
        if None not in spot:
            matrix[rows[place], columns[tuple(spot)]] += 1
    lead = [dims[axis] for axis in rest]
    merged_shape = (*lead[:-1], prod([*lead[-1:], *size]), prod(lengths))
    return oracles.Dense(matrix, matrix, tuple(dims), merged_shape if merged else kept)
