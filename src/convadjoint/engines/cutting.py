"""How the engine `direct` cuts an output into bands, and those into jobs."""

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, product
from math import prod
from typing import Self

import numpy as np
import numpy.typing as npt

from convadjoint.engines.bands import Frame, Line
from convadjoint.engines.program import HEAD
from convadjoint.engines.protocol import Array
from convadjoint.engines.tiles import Tile

__all__ = ["Cut", "cut", "even", "jobs"]

Integers = npt.NDArray[np.int64]

# Bytes of a band's input: with its products, and the next band's input, it stays in a
# second-level cache, or, where weights are many, in a larger one.
_BAND_BYTES = 589_824
_MOST_BYTES = 7_864_320
_LINE_BYTES = 64
# Lines that lie so far apart share a few places of the cache.
_PAGE_BYTES = 4096
# Bytes of a band's products, of one block of channels, and of all blocks of a piece.
_PRODUCT_BYTES = 2**23
_PIECE_BYTES = 2**18
# Multiplications that are worth a job of their own, if several channels share samples,
# and if rows of one do.
_JOB, _ROWS_JOB = 1_000_000, 200_000
# Samples that each weight should serve, once it is there.
_USES = 224
# Jobs that are enough to keep all threads busy, and for memory to come meanwhile; and
# pieces of channels that let threads end together.
_JOBS, _ROWS_JOBS, _PIECES = 8, 32, 32
# Lengths of a part of the innermost axis: multiples of the width of every tile.
_STEPS = (6144, 3072, 1536, 768, 384)


@dataclass(frozen=True, slots=True)
class Cut:
    """Outputs of each axis, how many of them make a band, and how many signals do.

    A block of its channels makes `block_bytes` of products for one signal; `work` counts
    its multiplications for one signal.
    """

    groups: int
    blocks: int
    block_bytes: int
    counts: tuple[int, int, int]
    band: tuple[int, int, int]
    signals: int
    work: int

    def most(self, signals: int) -> int:
        """Blocks of channels whose products stay in cache."""
        fitting = _PIECE_BYTES // (self.block_bytes * signals)
        return max(1, min(self.blocks, fitting))

    @property
    def pieces(self) -> int:
        """Bands of one signal."""
        return prod(-(-n // m) for n, m in zip(self.counts, self.band, strict=True))

    def with_lanes(self, count: int) -> Self:
        """The same bands of another number of samples."""
        return replace(self, counts=(*self.counts[:2], count))


def cut(
    lines: tuple[Line, Line, Line],
    kernel: Array,
    tile: tuple[Tile, int, int],
    *,
    batch: int,
    zeros: bool,
    turned: bool,
) -> tuple[Cut, Frame]:
    """Choose bands that stay in cache, and are neither too few nor too short.

    `tile` goes with the spacing of its rows, and the signals that share these; `zeros` says
    that rows are not extended, `turned` that samples are those of others.
    """
    chosen, spacing, signals = tile
    groups, c_out, channels = kernel.shape[:3]
    budget = _budget(kernel)
    length = _length(lines, kernel, budget)
    depth, height = lines[0].longest, lines[1].longest
    if depth * height == 1:
        # There are no rows to be divided among jobs.
        share = -(-lines[2].longest * groups * batch // _JOBS)
        share = max(1, share, _JOB // kernel[0].size)
        length = min(length, chosen.padded(share))
    if turned:
        length = min(chosen.width, length)
    alone = spacing and signals == 1
    spare = _spare(length + lines[2].reach, kernel.itemsize) if alone else 0
    pitch = length + lines[2].reach + spare
    sources = prod(len(line.starts) for line in lines)
    line_bytes = channels * sources * pitch * kernel.itemsize
    # Fewer would not be worth a job; more would leave some threads idle.
    # Memory comes for rows as they lie.
    job, wanted = (_ROWS_JOB, _ROWS_JOBS) if spacing and not turned else (_JOB, _JOBS)
    enough = max(1, -(-job // (kernel[0].size * length)))
    parts = -(-wanted // max(1, groups * batch * -(-lines[2].longest // length)))
    rows = budget // (line_bytes * (1 + lines[0].reach)) - lines[1].reach
    least = max(enough, 4 * lines[1].reach, -(-height // -(-parts // depth)))
    unit = max(1, chosen.rows * spacing)
    phases = len({phase.first_out for phase in lines[2].phases})
    block = 1 if spacing else chosen.rows
    room = _PRODUCT_BYTES // (block * phases * pitch * kernel.itemsize)
    rows = min(rows, least, height, max(room, 4 * lines[1].reach))
    # An even number of bands, so that two threads end at about the same time.
    bands = -(-height // max(1, rows))
    rows = -(-height // (bands + bands % 2 * (bands > 1)))
    rows = -(-max(1, rows) // unit) * unit
    planes = budget // (line_bytes * (rows + lines[1].reach)) - lines[0].reach
    least = max(lines[0].reach, -(-depth // parts), -(-enough // rows))
    planes = max(1, min(planes, least, depth))
    planes = min(planes, max(1, room // rows))
    if zeros and not alone and length == lines[2].longest:
        spare = -lines[2].idle
    frame = Frame(lines, channels, (planes, rows, length), spare)
    if not spacing:
        frame = replace(frame, gap=_gap(frame, chosen, kernel.itemsize))
    lines_ = prod(frame.sides[:2])
    block_bytes = block * phases * lines_ * pitch * kernel.itemsize
    fitting = min(budget // line_bytes, room) // lines_
    return Cut(
        groups=groups,
        blocks=-(-c_out // chosen.rows),
        block_bytes=block_bytes,
        counts=(depth, height, lines[2].longest),
        band=(planes, rows, length),
        signals=signals if spacing else max(1, fitting),
        work=kernel[0].size * planes * rows * length,
    ), frame


def _spare(length: int, itemsize: int) -> int:
    """Samples that make rows an odd number of lines of the cache apart.

    Rows whose distance is a power of two would share a few places of the cache.
    """
    line = _LINE_BYTES // itemsize
    return (-(-length // line) | 1) * line - length


def _gap(frame: Frame, tile: Tile, itemsize: int) -> int:
    """Samples between channels, so that those of a tile share the first-level cache."""
    return 0 if prod(frame.sides) * itemsize % _PAGE_BYTES else tile.width


def _budget(kernel: Array) -> int:
    """Bytes of a band: large weights are read once per band, it may then be larger."""
    return max(_BAND_BYTES, min(int(kernel[0].nbytes), _MOST_BYTES))


def _length(lines: tuple[Line, ...], kernel: Array, budget: int) -> int:
    """Samples of the innermost axis in a band: all, or as many as stay in cache."""
    longest, reach = lines[2].longest, lines[2].reach
    sources = prod(len(line.starts) for line in lines)
    rows = (1 + lines[0].reach) * (1 + lines[1].reach)
    fits = budget // (kernel.shape[2] * sources * rows * kernel.itemsize)
    if longest + reach <= max(fits, _STEPS[-1]):
        return longest
    return min(longest, next((s for s in _STEPS if s + reach <= fits), _STEPS[-1]))


@lru_cache(maxsize=64)
def jobs(cut: Cut, batch: int, threads: int) -> tuple[int, Integers]:
    """Signals of a band, and the bands of all signals and groups."""
    if batch == 0:
        return 1, np.zeros(HEAD, np.int64)
    bands = cut.groups * cut.pieces
    wanted = -(-_JOBS // bands) if threads > 1 else 1
    worth = max(-(-_JOB // cut.work), -(-_USES // prod(cut.band)))
    signals = min(cut.signals, max(worth, -(-batch // wanted)), batch)
    signals = -(-batch // -(-batch // signals))
    bands *= -(-batch // signals)
    splits = 1
    if threads > 1:
        splits = min(-(-_PIECES // bands), max(1, signals * cut.work // _JOB))
    most = min(cut.most(signals), -(-cut.blocks // splits))
    numbers = [
        (group, *planes, *rows, *chosen, *samples)
        for group in range(cut.groups)
        for chosen in even(batch, signals)
        for planes, rows, samples in product(
            *(even(n, m) for n, m in zip(cut.counts, cut.band, strict=True))
        )
    ]
    # Threads that took many small bands one by one would wait for each other.
    head = -(-cut.blocks // most), most, max(1, bands // (threads * _ROWS_JOBS))
    return signals, np.array([*head, *chain.from_iterable(numbers)], np.int64)


def even(count: int, most: int) -> list[tuple[int, int]]:
    """First and number of each part of at most `most`."""
    return [(first, min(most, count - first)) for first in range(0, count, most)]
