"""Where the samples of a depthwise convolution stand, for `lanes`: tables of positions.

A band holds some rows of the extended input, dense, with the zeros around: position after
position.  An output reads each of its taps at an offset from its own position.  Outputs
that follow each other along the last axis, in steps of its stride, make a run.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate, pairwise, product
from math import prod
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from convadjoint.engines.depthwise.rulers import Ruler
from convadjoint.geometry import ConvSpec

__all__ = [
    "BORDER",
    "BORDERS",
    "FIRST_PAGE",
    "FIRST_RUN",
    "MOST",
    "OUTPUT",
    "OUTPUTS",
    "PAGE",
    "PAGES",
    "POSITION",
    "RUN",
    "RUNS",
    "SAMPLE",
    "SAMPLES",
    "STRIP",
    "TOGETHER",
    "Grid",
    "Tables",
]

Integers = npt.NDArray[np.int64]

# The most outputs of a run, and the most neighbouring taps that are taken together.
MOST, TOGETHER = 14, 3
# Positions of a grid: tables of more would take long to be made.
_LARGEST = 2**17
# Output phases that tables are made for.
_PHASES = 256
# Outputs of a page, about: with what they read they stay in the first-level cache.
_PAGE = 112
# A run: its phase, its position, its first output, and how many there are.
RUN = 4
# A page, some rows of a strip: its first sample and how many that no page before has; the
# same of borders; of runs; and of outputs.
SAMPLE, SAMPLES, BORDER, BORDERS, FIRST_RUN, RUNS, OUTPUT, OUTPUTS = range(8)
PAGE = 8
# A strip: its first page, how many, and its first position.
FIRST_PAGE, PAGES, POSITION = range(3)
STRIP = 3


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """All numbers of one signal and one channel.

    `offsets` has one number for each group of neighbouring taps: how far from an output's
    position the first one is read.  In `ends` are, for each phase, where its groups of
    three, of two and of one tap begin there, where they end, and its first tap.  `places`
    are the positions of samples; `borders` are the positions of copies, with those of what
    they copy, or -1 for zeros.  No strip has more positions, and no page more outputs, than
    `most`.
    """

    offsets: Integers
    ends: Integers
    places: Integers
    borders: Integers
    runs: Integers
    strips: Integers
    pages: Integers
    most: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The positions of all axes.

    `taps` are those of all phases, as numbers of a kernel seen as flat; `offsets` and
    `ends` are as in `Tables`.
    """

    spec: ConvSpec
    rulers: tuple[Ruler, ...]
    taps: Integers
    offsets: Integers
    ends: Integers

    @classmethod
    def of(cls, spec: ConvSpec, most: int) -> Self | None:
        """The grid of a geometry.

        There is none where the smallest strip has more than `most` positions or outputs, or
        the tables would be very large.
        """
        limit = most if _whole(spec) else _LARGEST
        rulers = [
            Ruler.of(axis, border, limit)
            for axis, border in zip(spec.axes, spec.extend, strict=True)
        ]
        found = tuple(ruler for ruler in rulers if ruler is not None)
        if len(found) < len(rulers):
            return None
        sizes = prod(one.count for one in found), prod(axis.q for axis in spec.axes)
        phases = prod(len(one.phases) for one in found)
        if max(sizes) > _LARGEST or phases > _PHASES or _least(spec, found) > most:
            return None
        return cls(spec, found, *_taps(found))

    @property
    def outputs(self) -> tuple[int, ...]:
        """Outputs along the axes, before they are folded."""
        return tuple(axis.q for axis in self.spec.axes)

    @property
    def steps(self) -> tuple[int, int]:
        """Steps of neighbours of a run, in positions and in outputs."""
        return self.rulers[-1].steps

    @property
    def least(self) -> int:
        """Positions, or outputs, of the smallest strip."""
        return _least(self.spec, self.rulers)

    @property
    def _strides(self) -> list[int]:
        """Distances of positions along the axes."""
        return _strides([ruler.count for ruler in self.rulers])

    def tables(self, budget: int) -> Tables:
        """All tables, for strips of about `budget` positions."""
        borders, runs = self._borders(), self._runs()
        parts = 1
        if not _whole(self.spec):
            total = prod(ruler.count for ruler in self.rulers)
            parts = min(self.rulers[0].axis.q, -(-total // budget))
        strips, pages, most = self._strips(borders[:, 0], len(runs), parts)
        return Tables(
            offsets=self.offsets,
            ends=self.ends,
            places=_sum([one.places for one in self.rulers], self._strides).reshape(-1),
            borders=borders,
            runs=runs,
            strips=strips,
            pages=pages,
            most=most,
        )

    def _borders(self) -> Integers:
        """Positions where no sample stands by itself, with those of what they copy, or -1."""
        own = reduce(np.logical_and.outer, [one.own for one in self.rulers])
        known = reduce(np.logical_and.outer, [one.sources >= 0 for one in self.rulers])
        places = _sum([one.places[one.sources] for one in self.rulers], self._strides)
        found = np.flatnonzero(~own.reshape(-1))
        return np.stack((found, np.where(known, places, -1).reshape(-1)[found]), axis=1)

    def _runs(self) -> Integers:
        """All runs, in the order of the outputs' rows."""
        *outer, last = self.rulers
        far, apart = last.steps
        row = []
        for phase in range(len(last.phases)):
            count = -(-(last.axis.q - phase) // apart)
            row += [
                (phase, far * first, phase + apart * first, stop - first)
                for first, stop in _cut(0, count, -(-count // MOST))
            ]
        numbers = np.array(row).T
        outputs = [np.arange(one.axis.q) for one in outer]
        turns = [q % one.steps[1] for q, one in zip(outputs, outer, strict=True)]
        bases = [one.bases for one in outer]
        phases = _strides([len(one.phases) for one in self.rulers])
        after = _strides(self.outputs)
        columns = [
            _sum([*parts, along], by).reshape(-1)
            for parts, along, by in (
                (turns, numbers[0], phases),
                (bases, numbers[1], self._strides),
                (outputs, numbers[2], after),
            )
        ]
        columns.append(np.resize(numbers[3], len(columns[0])))
        return np.stack(columns, axis=1)

    def _strips(
        self, borders: Integers, runs: int, parts: int
    ) -> tuple[Integers, Integers, tuple[int, int]]:
        """Strips and pages, and the most positions of one and outputs of the other."""
        ruler, row, q = self.rulers[0], self._strides[0], self.rulers[0].axis.q
        samples, outputs = prod(self.spec.dims[3:]), prod(self.outputs[1:])
        rows = max(1, _PAGE // outputs) if len(self.rulers) > 1 else q
        lows, highs = np.zeros(q, np.int64), np.full(q, ruler.count - 1)
        if not _whole(self.spec):
            lows, highs = ruler.lows, ruler.highs
        pages: list[list[int]] = []
        strips, most = [], 0
        for first, stop in _cut(0, q, parts):
            base = done = int(lows[first:stop].min())
            count = -(-(stop - first) // rows)
            strips.append((len(pages), count, base * row))
            for begin, end in _cut(first, stop, count):
                high = max(done, int(highs[begin:end].max()) + 1)
                edges = (
                    samples * np.searchsorted(ruler.places, (done, high)),
                    np.searchsorted(borders, (done * row, high * row)),
                    (runs * begin // q, runs * end // q),
                    (begin * outputs, end * outputs),
                )
                pages.append([int(n) for low, top in edges for n in (low, top - low)])
                done = high
            most = max(most, (done - base) * row)
        return np.array(strips), np.array(pages), (most, max(page[7] for page in pages))


def _whole(spec: ConvSpec) -> bool:
    """Whether there is a single strip: what is copied may come from anywhere."""
    return len(spec.axes) == 1 or any(spec.extend)


def _least(spec: ConvSpec, rulers: Sequence[Ruler]) -> int:
    """Positions, or outputs, of the smallest strip."""
    first, *others = rulers
    row, outputs = prod(one.count for one in others), [axis.q for axis in spec.axes]
    if _whole(spec):
        return max(first.count * row, prod(outputs))
    rows = int((first.highs - first.lows).max()) + 1
    return max(rows * row, prod(outputs[1:]))


def _taps(rulers: Sequence[Ruler]) -> tuple[Integers, Integers, Integers]:
    """Taps of all phases, their offsets, and where they begin and end: see `Grid`."""
    kernel = _strides([ruler.axis.k for ruler in rulers])
    strides = _strides([ruler.count for ruler in rulers])
    taps: list[int] = []
    offsets: list[int] = []
    ends = []
    for found in product(*(ruler.phases for ruler in rulers)):
        pairs = [np.array(one).T for one in found]
        numbers, places = (
            _sum([pair[side] for pair in pairs], by).reshape(-1).tolist()
            for side, by in ((0, kernel), (1, strides))
        )
        known, first = dict(zip(places, numbers, strict=True)), len(taps)
        groups = _neighbours(known, rulers[-1].steps[0])
        begins = [
            len(offsets) + sum(len(group) > length for group in groups)
            for length in range(TOGETHER, -1, -1)
        ]
        offsets += [group[0] for group in groups]
        taps += [known[place] for group in groups for place in group]
        ends.append((*begins, first))
    return np.array(taps), np.array(offsets), np.array(ends)


def _strides(sizes: Sequence[int]) -> list[int]:
    """Distances along some axes."""
    return list(accumulate(sizes[:0:-1], int.__mul__, initial=1))[::-1]


def _sum(parts: Sequence[Integers], strides: Sequence[int]) -> Integers:
    """Add one number of each axis up, as many strides each, for all indices."""
    scaled = [part * step for part, step in zip(parts, strides, strict=True)]
    found: Any = reduce(np.add.outer, scaled)
    return np.asarray(found)


def _neighbours(places: Collection[int], step: int) -> list[list[int]]:
    """Groups of up to `TOGETHER` places that are a step apart, the largest first."""
    left: set[int] = set(places)
    found = []
    for place in sorted(left):
        group: list[int] = []
        while place + step * len(group) in left and len(group) < TOGETHER:
            group.append(place + step * len(group))
        left -= {*group}
        if group:
            found.append(group)
    return sorted(found, key=len, reverse=True)


def _cut(first: int, stop: int, parts: int) -> list[tuple[int, int]]:
    """Some parts of a range, about even."""
    edges = [first + (stop - first) * part // parts for part in range(parts + 1)]
    return list(pairwise(edges))
