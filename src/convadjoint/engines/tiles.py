"""Which register tile suits a band: how many rows, and how many vectors of a row."""

from dataclasses import dataclass

__all__ = ["Tile", "best_tile"]

# Few shapes, since each is compiled once per machine; they fill 32 registers, or 16.
_SHAPES = {
    32: ((1, 12), (2, 8), (4, 4), (4, 6), (8, 3)),
    16: ((1, 6), (2, 4), (4, 2), (6, 1)),
}


@dataclass(frozen=True, slots=True)
class Tile:
    """`m` rows of `v` vectors of `lanes` samples."""

    m: int
    v: int
    lanes: int

    @property
    def width(self) -> int:
        """Samples of a row."""
        return self.v * self.lanes

    def padded(self, length: int) -> int:
        """The least multiple of the width that holds `length` samples."""
        return -(-length // self.width) * self.width

    def cycles(self, rows: int, length: int, taps: int) -> float:
        """About how long the tile takes for a band, in cycles of the processor.

        Two units multiply, and wait four cycles for each result; two units load.
        """
        product = max(self.m * self.v / 2, self.v + self.m / 2, 4)
        blocks = -(-rows // self.m) * (self.padded(length) // self.width)
        return blocks * (taps * product + 20)


def best_tile(
    *, rows: int, length: int, taps: tuple[int, ...] | int, lanes: int, registers: int
) -> Tile:
    """Return the tile that takes the fewest cycles for `rows` of `length` samples.

    `taps` may depend on the rows of the tile: then it holds one number for each of
    1, 2, ... rows.
    """
    fitting = [Tile(m, v, lanes) for m, v in _SHAPES[registers] if m <= max(1, rows)]

    def cycles(tile: Tile) -> float:
        count = taps if isinstance(taps, int) else taps[min(tile.m, len(taps)) - 1]
        return tile.cycles(rows, length, count)

    return min(fitting, key=cycles)
