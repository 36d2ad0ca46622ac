"""Sums over the rows of C, without C.

Along each axis the rows fall into few runs (`geometry.rows`), and all rows of one
combination of runs hold the same entries.  Where no two taps meet on a sample, an entry
is a weight: what a row holds is a selection along each axis, so sums are taken one axis
after the other.  Where taps meet, at borders, they are added first, run by run.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from convadjoint.engines.memory import require_borders
from convadjoint.engines.protocol import Array
from convadjoint.engines.reading import Integers, Reader
from convadjoint.geometry import ConvSpec, Run

__all__ = ["ORDERS", "row_sums"]

Reals = npt.NDArray[np.float64]


def _magnitudes(entries: Array) -> Reals:
    """Absolute values, in double precision."""
    wide = entries.astype(np.result_type(entries, np.float64), copy=False)
    magnitudes: Reals = np.abs(wide)
    return magnitudes


def _squares(entries: Array) -> Reals:
    """Squared absolute values, in double precision."""
    wide = entries.astype(np.result_type(entries, np.float64), copy=False)
    squares: Reals = wide.real**2 + wide.imag**2
    return squares


# What is made of each entry, and how the entries of a row are gathered.
_RULES: dict[float, tuple[Callable[[Array], Reals], np.ufunc]] = {
    1: (_magnitudes, np.add),
    2: (_squares, np.add),
    np.inf: (_magnitudes, np.maximum),
}
ORDERS = tuple(_RULES)


def row_sums(spec: ConvSpec, kernel: Array, order: float) -> Reals:
    """Return a sum over each row of C, alike for all signals of the batch.

    Parameters
    ----------
    spec : ConvSpec
        The geometry; its batch plays no part.
    kernel : ndarray, shape ``spec.kernel_shape``
        The kernel.
    order : {1, 2, inf}
        Sum of absolute values, sum of their squares, or largest absolute value.

    Returns
    -------
    ndarray of float64, shape ``(c_out, *q)``
        The sums.

    Raises
    ------
    MemoryError
        If a border has more samples than can be listed.
    """
    measure, gather = _RULES[order]
    require_borders(spec)
    lines = [_Line.of(*rows) for rows in zip(spec.runs(), spec.dimsd[2:], strict=True)]
    channels = np.arange(spec.c_out)
    table = np.zeros((spec.c_out, *(len(line.runs) + 1 for line in lines)))
    for parts in product(*(line.parts() for line in lines)):
        weights = kernel
        for axis, part in enumerate(parts, start=2):
            weights = part.merged(weights, axis)
        sums = gather.reduce(measure(weights), axis=1, initial=0.0)
        for axis, part in enumerate(parts, start=1):
            sums = part.gathered(sums, axis, gather)
        table[np.ix_(channels, *(part.runs for part in parts))] = sums
    found: Reals = table[np.ix_(channels, *(line.numbers for line in lines))]
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Runs of one axis that are gathered together.

    Either one whose taps meet, with its `reader`, or all others, with their `taps`.
    """

    runs: Integers
    taps: list[slice | Integers]
    reader: Reader | None

    def merged(self, weights: Array, axis: int) -> Array:
        """The weights with taps that meet on a sample added up."""
        return weights if self.reader is None else self.reader.read(weights, axis)

    def gathered(self, values: Reals, axis: int, gather: np.ufunc) -> Reals:
        """Sums along `axis`, one for each run."""
        if self.reader is not None:
            sums: Reals = gather.reduce(values, axis=axis, keepdims=True)
            return sums
        before = (slice(None),) * axis
        picked = (values[(*before, taps)] for taps in self.taps)
        return np.stack([gather.reduce(each, axis=axis) for each in picked], axis)


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """The rows of one axis: the run of each, the last number for rows without entries."""

    runs: tuple[Run, ...]
    numbers: Integers

    @classmethod
    def of(cls, runs: tuple[Run, ...], length: int) -> "_Line":
        """Number the runs of an axis of this output length."""
        numbers = np.full(length, len(runs))
        for number, run in enumerate(runs):
            numbers[run.first :: run.step][: run.count] = number
        return cls(runs, numbers)

    def parts(self) -> Iterator[_Part]:
        """All runs without meeting taps at once, the others one by one."""
        readers = [_meeting(run) for run in self.runs]
        apart = [i for i, reader in enumerate(readers) if reader is None]
        if apart:
            taps = [_picked(self.runs[i].taps) for i in apart]
            yield _Part(np.array(apart), taps, None)
        for i, reader in enumerate(readers):
            if reader is not None:
                yield _Part(np.array([i]), [], reader)


def _meeting(run: Run) -> Reader | None:
    """How to add up the taps of a run that meet; None if none do."""
    if isinstance(run.sources, range):
        return None
    reader = Reader.of(run)
    return None if reader.shared is None else reader


def _picked(taps: Sequence[int]) -> slice | Integers:
    """Index of some taps; slices are much quicker."""
    if isinstance(taps, range):
        return slice(taps.start, taps.stop, taps.step)
    return np.asarray(taps)
