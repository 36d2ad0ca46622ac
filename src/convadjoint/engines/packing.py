"""Kernels as the engine `direct` reads them: offsets with weights, packed for tiles."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines.bands import Frame
from convadjoint.engines.protocol import Array
from convadjoint.engines.tiles import Tile, ranges
from convadjoint.geometry.phases import Phase

__all__ = ["MOST_TAPS", "Taps", "packed"]

Integers = npt.NDArray[np.int64]
Triple = tuple[Phase, ...]
# Offsets of taps, with weights.
Joining = tuple[Integers, Array]

# Taps that pass before the sums are put aside: their samples stay in cache.
MOST_TAPS = 256


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """Taps of all output phases, one after the other, as offsets with weights.

    Taps ``ends[i] .. ends[i+1]`` make one part: some taps of all channels, whose sums add
    up, or all taps, range by range, of rows that share them.  `weights` has one row per
    group of channels; those of part `i` begin at ``starts[i]``.  Parts up to
    ``part_ends[o]`` make output phase `o`, which begins at ``places[o]`` in the output;
    phases up to ``group_ends`` share their rows.  `clean` says that no tap of weight zero
    is among them.
    """

    offsets: Integers
    ends: Integers
    weights: Array
    starts: Integers
    part_ends: Integers
    places: Integers
    group_ends: Integers
    clean: bool

    @property
    def arrays(self) -> tuple[Any, ...]:
        """All numbers that the compiled code takes, but for the offsets."""
        return (
            self.ends,
            self.starts,
            self.part_ends,
            self.places,
            self.group_ends,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Taps ``(2, taps)``, the ends of their ranges, and weights ``(groups, :)``."""

    offsets: Integers
    ends: Integers
    weights: Array
    clean: bool


def packed(
    kernel: Array,
    frame: Frame,
    outputs: dict[tuple[int, ...], list[Triple]],
    tile: Tile,
    spacing: int,
    shared: int = 2,
) -> Taps:
    """Pack a kernel ``(groups, c_out/g, c_in/g, *k)``.

    `outputs` maps the first samples of each output phase to the input phases it reads;
    those with the same first samples of `shared` axes are written together.
    """
    found = {key: _joining(kernel, frame, outputs[key]) for key in sorted(outputs)}
    rows: dict[tuple[int, ...], list[Joining]] = defaultdict(list)
    for key, taps in found.items():
        rows[(*key[:2], 0) if tile.phases > 1 else key].append(taps)
    step = spacing * frame.sides[2]
    kept = {
        key: _parts(taps, tile, step)
        for key, taps in rows.items()
        if any(weights.size for _, weights in taps)
    }
    keys, every = list(kept), [part for parts in kept.values() for part in parts]
    counts = np.cumsum([0] + [part.ends[-1] for part in every])
    ends = [part.ends + first for part, first in zip(every, counts[:-1], strict=True)]
    last = [key[:shared] != after[:shared] for key, after in pairwise(keys)] + [True]
    return Taps(
        offsets=np.concatenate([part.offsets for part in every], axis=1),
        ends=np.array(ends),
        weights=np.ascontiguousarray(
            np.concatenate([part.weights for part in every], axis=1)
        ),
        starts=np.cumsum([0] + [part.weights.shape[1] for part in every]),
        part_ends=np.cumsum([len(parts) for parts in kept.values()]),
        places=np.array(keys),
        group_ends=np.flatnonzero(last) + 1,
        clean=all(part.clean for part in every),
    )


def _joining(kernel: Array, frame: Frame, group: list[Triple]) -> Joining:
    """Taps of all input phases that one output phase reads."""
    groups, c_out = kernel.shape[:2]
    offsets = np.concatenate(
        [frame.offsets(pairs).reshape(2, -1) for pairs in group], axis=1
    )
    channels = [np.arange(length) for length in kernel.shape[:3]]
    parts = [
        kernel[np.ix_(*channels, *(list(pair.taps) for pair in pairs))]
        for pairs in group
    ]
    weights = np.concatenate([p.reshape(groups, c_out, -1) for p in parts], axis=2)
    used = weights.any(axis=(0, 1))
    return offsets[:, used], weights[:, :, used]


def _parts(phases: list[Joining], tile: Tile, step: int) -> list[_Part]:
    """The taps of a phase, or of those that a tile puts together, as the tile takes them.

    Neighbouring rows of a tile begin `step` samples apart; 0 if they are channels.
    """
    if step and tile.m > 1:
        moves = [np.array([[0], [row * step]]) for row in range(tile.rows)]
        return [_shared([(at + move, w) for at, w in phases for move in moves])]
    offsets, weights = phases[0] if len(phases) == 1 else _beside(phases)
    count = offsets.shape[1]
    chunks = -(-count // MOST_TAPS)
    cuts = [count * chunk // chunks for chunk in range(chunks + 1)]
    parts_ = [(offsets[:, a:b], weights[:, :, a:b]) for a, b in pairwise(cuts)]
    if tile.m == 1:
        return [_paired(*part, tile.lanes) for part in parts_]
    return [_chunk(*part, tile) for part in parts_]


def _beside(lines: list[Joining]) -> Joining:
    """The lines of each channel as channels of their own."""
    # NumPy finds equal numbers faster than equal columns.
    base = 1 + max(int(near.max(initial=0)) for (near, _), _ in lines)
    keys = [far * base + near for (near, far), _ in lines]
    merged = np.unique(np.concatenate(keys))
    groups, channels, _ = lines[0][1].shape
    table = np.zeros((groups, channels, len(lines), len(merged)), lines[0][1].dtype)
    for row, (key, (_, weights)) in enumerate(zip(keys, lines, strict=True)):
        table[:, :, row, np.searchsorted(merged, key)] = weights
    offsets = np.stack((merged % base, merged // base))
    return offsets, table.reshape(groups, channels * len(lines), -1)


def _shared(lines: list[Joining]) -> _Part:
    """Taps of some rows at once; each tap has a weight for the rows that it serves."""
    rows, (merged, weights) = len(lines), _beside(lines)
    table = weights.swapaxes(1, 2)
    serves = np.asarray(table.any(axis=0))
    first, last = serves.argmax(axis=1), rows - serves[:, ::-1].argmax(axis=1)
    numbers = {served: number for number, served in enumerate(ranges(rows))}
    number = np.array([numbers[one] for one in zip(first, last, strict=True)])
    order = np.argsort(number, kind="stable")
    # Tap by tap, the weights of the rows that it serves.
    every_row = np.arange(rows)
    served = (first[:, None] <= every_row) & (every_row < last[:, None])
    weights = table[:, order][:, served[order]]
    return _Part(
        offsets=merged[:, order],
        ends=np.searchsorted(number[order], np.arange(1 + len(numbers))),
        weights=weights,
        clean=bool(weights.all()),
    )


def _paired(offsets: Integers, weights: Array, lanes: int) -> _Part:
    """Taps that are a vector apart by twos, then the others: `forms` has two ranges."""
    near, far = offsets
    order = np.lexsort((near, near % lanes, far))
    near, far = offsets[:, order]
    follows = np.zeros(len(order) + 1, bool)
    follows[1:-1] = (np.diff(near) == lanes) & (np.diff(far) == 0)
    # Within a row of followers every other one begins a pair.
    numbers = np.arange(len(order))
    place = numbers - np.maximum.accumulate(np.where(follows[:-1], 0, numbers))
    begins = (place % 2 == 0) & follows[1:]
    alone = (place % 2 == 0) & ~follows[1:]
    twos = np.stack((order[:-1], order[1:]))[:, begins[:-1]]
    chosen = np.concatenate((twos.T.reshape(-1), order[alone]))
    return _Part(
        offsets=offsets[:, np.concatenate((order[begins], order[alone]))],
        ends=np.cumsum([0, begins.sum(), alone.sum()]),
        weights=weights[:, :, chosen].reshape(len(weights), -1),
        clean=bool(weights.all()),
    )


def _chunk(offsets: Integers, weights: Array, tile: Tile) -> _Part:
    """Weights by blocks of channels, the rows of a tile: ``(groups, blocks, taps, rows)``."""
    (groups, channels, taps), rows = weights.shape, tile.m
    blocks = -(-channels // rows)
    padded = np.zeros((groups, blocks * rows, taps), weights.dtype)
    padded[:, :channels] = weights
    ordered = padded.reshape(groups, blocks, rows, taps).swapaxes(2, 3)
    return _Part(
        offsets=offsets,
        ends=np.cumsum([0] + [taps * (one == (0, rows)) for one in tile.ranges]),
        weights=ordered.reshape(groups, -1),
        clean=bool(weights.all()),
    )
