"""Kernels as the engine `direct` reads them: offsets with weights, packed for tiles."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines.bands import Frame
from convadjoint.engines.protocol import Array
from convadjoint.engines.tiles import Tile
from convadjoint.geometry.phases import Phase

__all__ = ["Taps", "packed"]

Integers = npt.NDArray[np.int64]
Triple = tuple[Phase, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """Taps of all output phases, one after the other, as offsets with weights.

    `weights` has one row per group of channels; `ends` and `weight_ends` say where the
    taps of each output phase end, `places` where it begins in the output, `group_ends`
    which phases share their rows.
    """

    offsets: Integers
    ends: Integers
    weights: Array
    weight_ends: Integers
    places: Integers
    group_ends: Integers

    @property
    def arrays(self) -> tuple[Any, ...]:
        """All of them, as the compiled code takes them."""
        return (
            self.offsets,
            self.ends,
            self.weights,
            self.weight_ends,
            self.places,
            self.group_ends,
        )


def packed(
    kernel: Array,
    frame: Frame,
    outputs: dict[tuple[int, ...], list[Triple]],
    tile: Tile,
    spacing: int,
) -> Taps:
    """Pack a kernel ``(groups, c_out/g, c_in/g, *k)``.

    `outputs` maps the first samples of each output phase to the input phases it reads.
    """
    table = {
        key: _output(kernel, frame, outputs[key], tile, spacing)
        for key in sorted(outputs)
    }
    return _table(table)


def _table(outputs: dict[tuple[int, ...], tuple[Integers, Array]]) -> Taps:
    """Join the taps of the output phases that have any."""
    kept = {key: taps for key, taps in outputs.items() if len(taps[0])}
    keys = list(kept)
    last = [key[:2] != after[:2] for key, after in pairwise(keys)] + [True]
    return Taps(
        offsets=np.concatenate([offsets for offsets, _ in kept.values()]),
        ends=np.cumsum([len(offsets) for offsets, _ in kept.values()]),
        weights=np.concatenate([weights for _, weights in kept.values()], axis=1),
        weight_ends=np.cumsum([weights.shape[1] for _, weights in kept.values()]),
        places=np.array(keys),
        group_ends=np.flatnonzero(last) + 1,
    )


def _output(
    kernel: Array, frame: Frame, group: list[Triple], tile: Tile, spacing: int
) -> tuple[Integers, Array]:
    """Offsets and weights of all input phases that one output phase reads."""
    groups, c_out = kernel.shape[:2]
    offsets = np.concatenate([frame.offsets(pairs).ravel() for pairs in group])
    channels = [np.arange(length) for length in kernel.shape[:3]]
    parts = [
        kernel[np.ix_(*channels, *(list(pair.taps) for pair in pairs))]
        for pairs in group
    ]
    weights = np.concatenate([p.reshape(groups, c_out, -1) for p in parts], axis=2)
    used = weights.any(axis=(0, 1))
    offsets, weights = offsets[used], weights[:, :, used]
    if spacing:
        offsets, weights = _shared(offsets, weights, tile.m, spacing * frame.pitch)
    else:
        weights = _packed(weights, tile.m)
    return offsets, weights.reshape(groups, -1)


def _shared(
    offsets: Integers, weights: Array, rows: int, step: int
) -> tuple[Integers, Array]:
    """Taps of `rows` rows at once: ``(groups, taps, rows)``, zero where one has none."""
    every = offsets + np.arange(rows)[:, None] * step
    merged, place = np.unique(every, return_inverse=True)
    packed = np.zeros((len(weights), len(merged), rows), weights.dtype)
    place = place.reshape(every.shape)
    for row in range(rows):
        packed[:, place[row], row] = weights[:, 0]
    return merged, packed


def _packed(weights: Array, rows: int) -> Array:
    """Weights by blocks of `rows` channels: ``(groups, blocks, taps, rows)``."""
    groups, channels, taps = weights.shape
    blocks = -(-channels // rows)
    padded = np.zeros((groups, blocks * rows, taps), weights.dtype)
    padded[:, :channels] = weights
    return np.ascontiguousarray(
        padded.reshape(groups, blocks, rows, taps).swapaxes(2, 3)
    )
