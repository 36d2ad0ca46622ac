"""How the compiled kernel gradient is cut: its tile, and bands that stay in cache."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Self

from convadjoint.engines.bands import Line
from convadjoint.geometry import ConvSpec
from convadjoint.geometry.phases import Phase

__all__ = ["Strips", "parts"]

Triple = tuple[Phase, ...]

# Bytes of a band of the input: it stays in a second-level cache; and of both.
_BYTES = 2**20
_BOTH = 2**22
# The most channels of a band.
_READS, _WRITES = 64, 512
# Bands that a problem has at least, samples of a row and of a line that a band has.
_BANDS, _LEAST, _LINE = 8, 512, 1536


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Strips:
    """What the numbers are made of.

    `block` are the channels of a band on both sides, `tile` is one of `dots.FORMS`; with
    `moves` above 1 the other side is moved along axis `along`.
    """

    spec: ConvSpec
    lines: tuple[Line, Line, Line]
    lanes: int
    itemsize: int
    block: tuple[int, int]
    tile: tuple[int, int]
    along: int
    moves: int

    @classmethod
    def of(
        cls, spec: ConvSpec, split: Sequence[tuple[Phase, ...]], itemsize: int
    ) -> Self:
        """Choose the tile that takes the fewest cycles."""
        from convadjoint.engines import dots, primitives  # noqa: PLC0415 - needs llvmlite

        lines = (Line(split[0]), Line(split[1]), Line(split[2]))
        c_in, c_out = spec.c_in // spec.groups, spec.c_out // spec.groups
        reads, writes = _share(c_in, _READS), c_out
        if spec.batch * prod(line.longest for line in lines) < _BANDS * _LINE:
            # Too few samples to be divided: rather divide the channels.
            writes = c_out * spec.groups * -(-c_in // reads) // _BANDS
        counts = [max(len(phase.taps) for phase in line.phases) for line in lines]
        along = 1 if counts[1] > 1 else 2
        candidates = [
            cls(
                spec=spec,
                lines=lines,
                lanes=primitives.VECTOR_BYTES // itemsize,
                itemsize=itemsize,
                block=(reads, _share(c_out, max(1, min(_WRITES, writes)))),
                tile=tile,
                along=along,
                moves=min(tile[1], counts[along]) if c_out == 1 else 1,
            )
            for tile in dots.FORMS
        ]
        return min(candidates, key=Strips.cycles)

    def cycles(self) -> float:
        """About how long all tiles take for a vector of samples."""
        a, b = self.tile
        each_ = max(a * b / 2, 0.75 * a + 0.5 * b, 4) + 1.5
        written = max(self.moves, self.block[1])
        tiles = (
            -(-self.block[0] * self._steps(pairs) // a) * -(-written // b)
            for pairs in self._pairs()
        )
        return sum(tiles) * each_

    def _pairs(self) -> Iterator[Triple]:
        """All combinations of phases."""
        return product(*(line.phases for line in self.lines))

    def _steps(self, pairs: Triple) -> int:
        """Taps of one combination, those that moves make counted once."""
        counts = [len(pair.taps) for pair in pairs]
        counts[self.along] = -(-counts[self.along] // self.moves)
        return prod(counts)

    @property
    def firsts(self) -> tuple[list[int], ...]:
        """First samples of the output phases, per axis."""
        return tuple(
            sorted({phase.first_out for phase in line.phases}) for line in self.lines
        )

    @property
    def cells(self) -> int:
        """Samples of a channel and phase that a band may have."""
        sources = self.block[0] * prod(len(line.starts) for line in self.lines)
        targets = self.block[1] * prod(map(len, self.firsts))
        fits = min(_BYTES // sources, _BOTH // (sources + targets)) // self.itemsize
        every = self.spec.batch * prod(line.longest for line in self.lines)
        return max(_LINE, min(fits, every // -(-_BANDS // self._blocks)))

    @property
    def _blocks(self) -> int:
        """Jobs for each band."""
        spec = self.spec
        sides = zip((spec.c_in, spec.c_out), self.block, strict=True)
        return prod(-(-n // spec.groups // most) for n, most in sides) * spec.groups

    def band(self) -> tuple[int, int, int, int]:
        """Planes, rows, signals and samples of a band."""
        (deep, high, wide), cells = (line.longest for line in self.lines), self.cells
        around = [line.reach for line in self.lines]
        fits = cells // ((1 + around[0]) * (1 + around[1])) - around[2]
        samples = _share(wide, max(_LEAST, fits))
        pitch = samples + around[2]
        options = []
        for planes in {_share(deep, 2**i) for i in range(deep.bit_length() + 1)}:
            rows = cells // (pitch * (planes + around[0])) - around[1]
            rows = _share(high, max(1, rows))
            read = (planes + around[0]) * (rows + around[1])
            options.append((read * pitch > cells, read / (planes * rows), planes, rows))
        _, _, planes, rows = min(options)
        signals = 1
        if (planes, rows, samples) == (deep, high, wide):
            read = pitch * (planes + around[0]) * (rows + around[1])
            signals = _share(self.spec.batch, max(1, cells // read))
        return planes, rows, signals, samples


def _share(count: int, most: int) -> int:
    """The largest of equal parts of at most `most`."""
    return -(-count // -(-count // most)) if count else 1


def parts(count: int, most: int) -> list[tuple[int, int]]:
    """First and number of each part of at most `most`."""
    return [(first, min(most, count - first)) for first in range(0, count, most)]
