"""How the engine `winograd` cuts an output into bands, and their work into rounds."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt

from convadjoint.engines.cutting import even
from convadjoint.engines.nested.minimal import Scheme
from convadjoint.engines.protocol import Array

__all__ = ["SHORT", "Band", "Round", "banded", "rounds"]

Integers = npt.NDArray[np.int64]

# Bytes of a band's lines: in the second-level cache, or in the next one if all threads
# share them.
_NEAR_BYTES = 2**20
_FAR_BYTES = 16 * 2**20
# Bytes of weights from which on each should serve many samples; how many, at least.
_WEIGHT_BYTES = 2**21
_LEAST = 64
# Bytes of a band's products, made at once; and if lines are shared: they come from far
# away, once for all that is made.
_PRODUCT_BYTES, _MORE_BYTES = 2**19, 3 * 2**19
# Bands that keep all threads busy.
_ENOUGH = 6
# Rows of fewer tiles are handled side by side, one for each signal.
SHORT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Tiles of each axis, and signals, that are laid out together.

    Signals are `woven`, sample by sample, if rows are short; `most` blocks of channels are
    made at once; `shared` lines serve all threads.  `padded` is what tiles of registers
    hold in all, in whole tiles.
    """

    groups: int
    channels: int
    blocks: int
    counts: tuple[int, ...]
    sizes: tuple[int, ...]
    signals: int
    woven: bool
    shared: bool
    most: int
    padded: int


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """Jobs in any order."""

    jobs: Integers
    count: int
    shared: bool


def banded(
    schemes: tuple[Scheme, ...], kernel: Array, batch: int, tile: tuple[int, int]
) -> Band:
    """Choose the bands for a kernel ``(groups, c_out/g, c_in/g, *k)``."""
    groups, c_out, c_in = kernel.shape[:3]
    cell = prod(len(one.lines) for one in schemes) * c_in * kernel.itemsize
    pairs = prod(sum(map(len, one.products)) for one in schemes)
    counts = tuple(one.tiles for one in schemes)
    sizes, signals = _filled(counts, batch, max(_LEAST, _NEAR_BYTES // cell), tile[1])
    pieces = groups * prod(-(-n // m) for n, m in zip(counts, sizes, strict=True))
    few = pieces * -(-batch // signals) < _ENOUGH
    shared = few or pairs * c_in * c_out * kernel.itemsize > _WEIGHT_BYTES
    if shared:
        sizes, signals = _filled(
            counts, batch, max(_LEAST, _FAR_BYTES // cell), tile[1]
        )
    bands = prod(-(-n // m) for n, m in zip(counts, sizes, strict=True))
    bands *= -(-batch // signals)
    length = -(-prod(sizes) * signals // tile[1]) * tile[1]
    products = prod(len(one.products) for one in schemes)
    block = products * tile[0] * length * kernel.itemsize
    blocks = -(-c_out // tile[0])
    return Band(
        groups=groups,
        channels=c_in,
        blocks=blocks,
        counts=counts,
        sizes=sizes,
        signals=signals,
        woven=sizes[2] < SHORT and signals > 1,
        shared=shared,
        padded=bands * blocks * tile[0] * length,
        most=_share(blocks, (_MORE_BYTES if shared else _PRODUCT_BYTES) // block),
    )


def _filled(
    counts: tuple[int, ...], batch: int, wanted: int, width: int
) -> tuple[tuple[int, ...], int]:
    """Tiles of the axes, and signals, that are about as many as wanted."""
    samples = counts[2]
    if samples > 2 * wanted:
        samples = _share(samples, wanted)
    rows = _whole(counts[1], samples, max(1, wanted // samples), width)
    planes = _share(counts[0], wanted // (samples * rows) if rows == counts[1] else 1)
    sizes = planes, rows, samples
    whole = sizes == counts
    return sizes, _share(batch, wanted // prod(sizes) if whole else 1)


def _whole(rows: int, samples: int, most: int, width: int) -> int:
    """Rows of a band that fill tiles of registers best; many, if that is the same."""
    return min(
        range(min(rows, most), 0, -1),
        key=lambda some: -(-rows // some) * -(-some * samples // width),
    )


def _share(count: int, most: int) -> int:
    """The size of equal parts of at most so many."""
    return -(-count // -(-count // max(1, most)))


@lru_cache(maxsize=64)
def rounds(band: Band, batch: int, threads: int) -> tuple[Round, ...]:
    """All jobs, in rounds that need those before."""
    pieces = [
        (*planes, *rows, *signals, *samples)
        for signals in even(batch, band.signals)
        for planes, rows, samples in product(
            *(even(n, m) for n, m in zip(band.counts, band.sizes, strict=True))
        )
    ]
    every = list(product(range(band.groups), pieces))
    if not band.shared:
        whole = (0, band.channels, 0, band.blocks)
        return (_round([(group, *whole, *piece) for group, piece in every], False),)
    channels = even(band.channels, -(-band.channels // (4 * threads)))
    blocks = even(band.blocks, -(-band.blocks // (4 * threads)))
    found = []
    for group, piece in every:
        found += [
            _round([(group, *part, 0, 0, *piece) for part in channels], True),
            _round([(group, 0, 0, *part, *piece) for part in blocks], True),
        ]
    return tuple(found)


def _round(jobs: list[tuple[int, ...]], shared: bool) -> Round:
    """Join jobs."""
    return Round(np.array(jobs, np.int64).reshape(-1), len(jobs), shared)
