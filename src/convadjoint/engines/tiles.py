"""Which register tile suits a band: how many rows, and how many vectors of a row."""

from dataclasses import dataclass

__all__ = [
    "PARTS",
    "Tile",
    "best_tile",
    "forms",
    "phases_of",
    "ranges",
    "turning_pays",
    "woven_tile",
    "writing_pays",
]

# The most parts that whole vectors of a row are taken apart into, or put together of.
PARTS = 4

# Few shapes, since all are compiled together; they fill 32 registers, or 16.
_SHAPES = {
    32: ((1, 12), (2, 8), (4, 6), (8, 3)),
    16: ((1, 6), (2, 4), (4, 2), (6, 1)),
}
# What remains of a row takes fewer vectors.
_NARROW = {32: ((8, 2), (8, 1)), 16: ((4, 1),)}
# Rows that share taps, which need code for each way to share them; and how many at most.
_SHARED = {
    32: ((2, 8), (2, 2), (4, 6), (4, 2), (4, 1)),
    16: ((2, 4), (2, 2), (4, 2)),
}
_SHARING = 4
# Cycles to transpose a vector on its way in and out, and what makes that worth while: how
# many vectors the rows fill, and multiplications, since there is something to compile.
_TURNING = 12.0
_VECTORS = 4
_WORTH = 500_000
# Cycles to move a sample from the products to its place.
_STORING = 0.3
# Taps of a phase that are so few that most of the time goes into writing.
_FEW = 32


@dataclass(frozen=True, slots=True)
class Tile:
    """`m` rows of `v` vectors of `lanes` samples, at the end of a row perhaps of fewer.

    How many these may be is in `narrow`.
    As many of its rows as there are `phases` belong to a single row, and are put together.
    """

    m: int
    v: int
    lanes: int
    narrow: tuple[int, ...] = ()
    phases: int = 1

    @property
    def rows(self) -> int:
        """Rows of the output, or channels."""
        return self.m // self.phases

    @property
    def width(self) -> int:
        """Samples of a row."""
        return self.v * self.lanes

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """First and last (exclusive) of the rows that taps of each range serve."""
        return ranges(self.m)

    def vectors(self, left: int) -> int:
        """Vectors that are computed of a row if so many samples are left."""
        fitting = (v for v in self.narrow if left <= v * self.lanes)
        return min(fitting, default=self.v)

    @property
    def forms(self) -> list[tuple[int, int]]:
        """Rows and vectors of the tiles for so many vectors that are left."""
        return [(self.m, self.vectors(self.lanes * v)) for v in range(self.v + 1)]

    def padded(self, length: int) -> int:
        """The least multiple of the width that holds `length` samples."""
        return -(-length // self.width) * self.width

    def cycles(self, rows: int, length: int, taps: int, more: int) -> float:
        """About how long the tile takes for a band, in cycles of the processor.

        Each row has `taps`, and each row but the first `more` that the first has not.
        Two units multiply, and wait four cycles for each result; two units load, twice
        where a vector crosses a line of the cache.
        """
        whole, rest = divmod(length, self.width)
        once = whole * self._cycles(self.v, taps, more)
        if rest:
            once += self._cycles(self.vectors(rest), taps, more)
        return -(-rows // self.m) * once

    def _cycles(self, vectors: int, taps: int, more: int) -> float:
        """About how long a single tile of some vectors takes."""
        loaded = taps + more * (self.m - 1)
        products = taps * self.m * vectors / 2
        loads = loaded * ((1.0 if more else 1.5) * vectors + self.m / 2)
        return max(products, loads, 4 * loaded) + loads / 8 + 20


def ranges(rows: int) -> list[tuple[int, int]]:
    """Ranges of taps that tiles of some rows have, as first and last of those served.

    Taps of a single row are of two ranges: those of the first one are a vector apart, by
    twos, so that they share what is loaded.  Tiles of very many rows are for channels,
    which share all taps.
    """
    if rows == 1:
        return [(0, 1)] * 2
    if rows > _SHARING:
        return [(0, rows)]
    return [(a, b) for a in range(rows) for b in range(a + 1, rows + 1)]


def phases_of(rows: int) -> int:
    """How many phases of a row tiles of some rows can put together; 1 for none.

    All of them are, unless they are very many: then there are two of each channel.
    """
    if rows > _SHARING:
        return 2 - rows % 2
    return rows if rows & (rows - 1) == 0 else 1


def forms(registers: int) -> tuple[tuple[int, int], ...]:
    """All tiles: rows and vectors."""
    every = {*_SHAPES[registers], *_NARROW[registers], *_SHARED[registers]}
    return tuple(sorted(every, key=lambda form: (form[0], -form[1])))


def best_tile(
    *, rows: int, length: int, taps: int, more: int, lanes: int, registers: int
) -> Tile:
    """Return the tile that takes the fewest cycles for `rows` of `length` samples.

    Rows are channels, which share all `taps` (`more` is 0), or lines of one, which share
    all but `more`.
    """
    shapes: tuple[tuple[int, int], ...] = _SHAPES[registers]
    if more:
        shapes = (*shapes[:1], *_SHARED[registers])
    fitting = [
        Tile(m, v, lanes, narrow=_narrower(m, v, registers))
        for m, v in shapes
        if m <= max(1, rows)
    ]
    return min(fitting, key=lambda tile: tile.cycles(rows, length, taps, more))


def _narrower(rows: int, vectors: int, registers: int) -> tuple[int, ...]:
    """Vectors of the narrower tiles of so many rows."""
    return tuple(v for m, v in forms(registers) if m == rows and v < vectors)


def woven_tile(
    *, phases: int, samples: int, taps: int, lanes: int, registers: int
) -> Tile | None:
    """The tile for so many phases of a row, of some samples and taps each, if one suits."""
    fitting = [
        tile
        for m, v in _SHARED[registers]
        if m == phases
        for tile in [Tile(m, v, lanes, _narrower(m, v, registers), phases=m)]
        if taps <= _FEW and tile.width < 8 * samples
    ]
    # Neighbouring phases share about half of their taps.
    return min(
        fitting,
        key=lambda tile: tile.cycles(phases, samples, taps, taps // 2),
        default=None,
    )


def writing_pays(
    tile: Tile, *, channels: int, rows: int, samples: int, length: int, taps: int
) -> bool:
    """Whether tiles of channels write `rows` to the output one by one.

    Else they take rows with what is between them, `length` samples, and their products are
    moved afterwards.
    """
    joined = (
        tile.cycles(channels, length, taps, 0) + _STORING * channels * rows * samples
    )
    return rows * tile.cycles(channels, samples, taps, 0) <= joined


def turning_pays(
    *, rows: int, samples: int, taps: int, shared: int, lanes: int, registers: int
) -> bool:
    """Whether to transpose `rows` that are convolved one by one, and what comes of it.

    Rows would then be the samples of others, which share all but ``taps / shared`` taps.
    """
    if rows < _VECTORS * lanes or rows * samples * taps < _WORTH:
        return False
    every, host = taps // shared, {"lanes": lanes, "registers": registers}
    alone = best_tile(rows=1, length=samples, taps=taps, more=0, **host)
    turned = best_tile(rows=samples, length=rows, taps=taps, more=every, **host)
    saved = alone.cycles(rows, samples, taps, 0)
    saved -= turned.cycles(samples, rows, taps, every)
    return saved > _TURNING / lanes * rows * samples
