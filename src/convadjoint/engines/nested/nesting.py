"""Kernels as the engine `winograd` reads them: combined along all axes, and packed."""

from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines.nested.minimal import Scheme
from convadjoint.engines.protocol import Array

__all__ = ["Packed", "packed"]

Integers = npt.NDArray[np.int64]
Schemes = tuple[Scheme, Scheme, Scheme]

# Lines that pass before the sums are put aside: their samples stay in cache.
_CHUNK = 256


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """The weights of all products, in parts of some lines each.

    Part `i` sums up lines of channels, from ``ends[i]`` to ``ends[i + 1]``, with weights from ``starts[i]`` on in the row of each group of channels; parts up to
    ``part_ends[o]`` make product `o`.
    """

    lines: Integers
    channels: Integers
    ends: Integers
    weights: Array
    starts: Integers
    part_ends: Integers


def packed(kernel: Array, schemes: Schemes, rows: int) -> Packed:
    """Pack a kernel ``(groups, c_out/g, c_in/g, *k)`` by blocks of `rows` channels."""
    groups, c_out, c_in = kernel.shape[:3]
    blocks = -(-c_out // rows)
    combined = np.zeros((groups, blocks * rows, *kernel.shape[2:]))
    combined[:, :c_out] = kernel
    for axis, one in enumerate(schemes):
        combined = np.moveaxis(
            np.tensordot(combined, _mixing(one, kernel.shape[3 + axis]), (3 + axis, 0)),
            -1,
            3 + axis,
        )
    combined = combined.astype(kernel.dtype)
    combined = combined.reshape(groups, blocks, rows, c_in, *combined.shape[3:])
    lines, parts, part_ends = [], [], []
    for numbers in product(*map(_spans, schemes)):
        found, taps = _one(schemes, numbers, c_in)
        index: Any = (..., *np.ix_(*taps))
        chosen = combined[index].reshape(groups, blocks, rows, c_in, -1)
        # The lines of one kind follow each other, channel by channel.
        chosen = chosen.transpose(0, 1, 4, 3, 2).reshape(groups, blocks, -1, rows)
        chunks = -(-found.shape[1] // _CHUNK)
        cuts = [found.shape[1] * chunk // chunks for chunk in range(chunks + 1)]
        lines += [found[:, a:b] for a, b in pairwise(cuts)]
        parts += [chosen[:, :, a:b].reshape(groups, -1) for a, b in pairwise(cuts)]
        part_ends.append(len(parts))
    joined = np.concatenate(lines, axis=1)
    return Packed(
        lines=joined[0],
        channels=joined[1],
        ends=np.cumsum([0, *(part.shape[1] for part in lines)]),
        weights=np.concatenate(parts, axis=1),
        starts=np.cumsum([0, *(part.shape[1] for part in parts)]),
        part_ends=np.array(part_ends),
    )


def _mixing(one: Scheme, taps: int) -> Array:
    """What part of each tap the lines of the products take: ``(taps, pairs)``."""
    pairs = [weights for found in one.products for _, weights in found]
    table = np.zeros((taps, len(pairs)))
    for number, weights in enumerate(pairs):
        for tap, weight in weights.items():
            table[tap, number] = weight
    return table


def _spans(one: Scheme) -> list[tuple[list[int], range]]:
    """For each product of an axis its lines, and where its pairs are."""
    ends = np.cumsum([0, *map(len, one.products)])
    return [
        ([line for line, _ in found], range(first, last))
        for found, first, last in zip(one.products, ends[:-1], ends[1:], strict=True)
    ]


def _one(
    schemes: Schemes, numbers: tuple[tuple[list[int], range], ...], channels: int
) -> tuple[Integers, list[list[int]]]:
    """Lines that a product reads, channel by channel, and the pairs along each axis."""
    counts = [len(one.lines) for one in schemes]
    every = np.ix_(*(lines for lines, _ in numbers))
    flat = np.ravel_multi_index(every, counts).reshape(-1)
    lines = np.repeat(flat, channels), np.tile(np.arange(channels), len(flat))
    return np.stack(lines), [list(span) for _, span in numbers]
