"""Three views of the matrix `C`: all of it, one band, single taps."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """Magnitudes of a block of `C`, summed over cells; `rows`, `columns` say which."""

    values: Values
    rows: range
    columns: range

    @property
    def caption(self) -> str:
        """Name the block."""
        return (
            f"rows {self.rows.start:,} to {self.rows.stop - 1:,}, "
            f"columns {self.columns.start:,} to {self.columns.stop - 1:,}"
        )


def view(
    matrix: scipy.sparse.csr_array, rows: range, columns: range, cells: tuple[int, int]
) -> View:
    """Sum the magnitudes of a block over at most `cells` cells down and across."""
    block = abs(matrix[rows.start : rows.stop, columns.start : columns.stop]).tocoo()
    down, across = (
        min(most, length) for most, length in zip(cells, block.shape, strict=True)
    )
    row = block.row.astype(np.int64) * down // block.shape[0]
    column = block.col.astype(np.int64) * across // block.shape[1]
    sums = np.bincount(row * across + column, block.data, minlength=down * across)
    values = sums.astype(np.float64).reshape(down, across)
    return View(values=values, rows=rows, columns=columns)


def whole(matrix: scipy.sparse.csr_array) -> View:
    """Return all of `C`."""
    rows, columns = matrix.shape
    return view(matrix, range(rows), range(columns), (150, 500))


def band(matrix: scipy.sparse.csr_array, dimsd: tuple[int, ...]) -> View:
    """Return the rows of four lines of samples, from the middle of the data."""
    lines, line = dimsd[0], dimsd[1] * dimsd[2]
    first = max(0, lines // 2 - 2) * line
    rows = range(first, min(first + 4 * line, matrix.shape[0]))
    return view(matrix, rows, _reach(matrix, rows), (120, 440))


def taps(
    matrix: scipy.sparse.csr_array, dims: tuple[int, ...], dimsd: tuple[int, ...]
) -> View:
    """Return single entries: eight samples, and the line they lean on most."""
    colours = dims[2]
    first = (dimsd[0] // 2 * dimsd[1] + dimsd[1] // 2) * colours
    rows = range(first, min(first + 8 * colours, matrix.shape[0]))
    entries = matrix[rows.start : rows.stop].tocoo()
    line = dims[1] * colours
    heaviest = entries.col[np.argmax(entries.data)] // line
    columns = entries.col[entries.col // line == heaviest]
    reach = range(int(columns.min()), int(columns.max()) + 1)
    return view(matrix, rows, reach, (len(rows), len(reach)))


def _reach(matrix: scipy.sparse.csr_array, rows: range) -> range:
    """Return the columns between the first and the last entry of `rows`."""
    columns = matrix[rows.start : rows.stop].indices
    return range(int(columns.min()), int(columns.max()) + 1)
