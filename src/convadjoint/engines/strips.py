"""How the compiled kernel gradient is cut: bands that stay in cache, and jobs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt

from convadjoint.engines.arrays import RANK, section
from convadjoint.engines.bands import Frame, Line
from convadjoint.engines.sections import JOB
from convadjoint.geometry import ConvSpec
from convadjoint.geometry.phases import Phase

__all__ = [
    "BANDS",
    "LINE",
    "READS",
    "WRITES",
    "Band",
    "Plan",
    "Strips",
    "Triple",
    "few",
    "lines_of",
    "parts",
    "samples",
    "share",
]

Integers = npt.NDArray[np.int64]
Band = tuple[int, int, int, int]
Triple = tuple[Phase, ...]

# Bytes of a band of the input: it stays in a second-level cache; and of both.
_BYTES = 2**20
_BOTH = 2**22
# The most channels of a band.
READS, WRITES = 64, 512
# Bands that a problem has at least, samples of a row and of a line that a band has.
BANDS, _LEAST, LINE = 8, 512, 1536
# Jobs that are enough to keep all threads busy; bands that are divided evenly among a
# few.
_JOBS, _EVEN = 16, 4


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Plan:
    """All numbers for the compiled code.

    `samples` are those of its buffers, `lists` its integers; `paneled` says which it is.
    """

    jobs: Integers
    numbers: Integers
    samples: int
    lists: int
    segments: int
    work: int
    paneled: bool

    @property
    def count(self) -> int:
        """How many jobs there are."""
        return len(self.jobs) // JOB


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Strips:
    """What the numbers are made of; `block` are the channels of a job on both sides."""

    spec: ConvSpec
    lines: tuple[Line, Line, Line]
    lanes: int
    itemsize: int
    block: tuple[int, int]

    @property
    def pairs(self) -> list[Triple]:
        """All combinations of phases."""
        return list(product(*(line.phases for line in self.lines)))

    @property
    def firsts(self) -> tuple[list[int], ...]:
        """First samples of the output phases, per axis."""
        return tuple(
            sorted({phase.first_out for phase in line.phases}) for line in self.lines
        )

    @property
    def sources(self) -> int:
        """Phases of the input."""
        return prod(len(line.starts) for line in self.lines)

    @property
    def targets(self) -> int:
        """Phases of the other side."""
        return prod(map(len, self.firsts))

    @property
    def channels(self) -> tuple[int, int]:
        """Of a group, on both sides."""
        groups = self.spec.groups
        return self.spec.c_in // groups, self.spec.c_out // groups

    @property
    def cells(self) -> int:
        """Samples of a channel and phase that a band may have."""
        sources, targets = self.block[0] * self.sources, self.block[1] * self.targets
        most, both = self.room
        fits = min(most // sources, both // (sources + targets)) // self.itemsize
        every = self.spec.batch * prod(line.longest for line in self.lines)
        return max(LINE, min(fits, every // -(-BANDS // self._blocks)))

    @property
    def room(self) -> tuple[int, int]:
        """Bytes of a band of the input, and of both."""
        return _BYTES, _BOTH

    @property
    def _blocks(self) -> int:
        """Jobs for each band."""
        sides = zip(self.channels, self.block, strict=True)
        return prod(-(-n // most) for n, most in sides) * self.spec.groups

    def band(self) -> Band:
        """Planes, rows, signals and samples of a band."""
        (deep, high, wide), cells = (line.longest for line in self.lines), self.cells
        around = [line.reach for line in self.lines]
        fits = cells // ((1 + around[0]) * (1 + around[1])) - around[2]
        samples = share(wide, max(_LEAST, fits))
        pitch = samples + around[2]
        options = []
        for planes in {share(deep, 2**i) for i in range(deep.bit_length() + 1)}:
            rows = cells // (pitch * (planes + around[0])) - around[1]
            rows = _evenly(high, max(1, rows))
            read = (planes + around[0]) * (rows + around[1])
            options.append((read * pitch > cells, read / (planes * rows), planes, rows))
        _, _, planes, rows = min(options)
        signals = 1
        if (planes, rows, samples) == (deep, high, wide):
            read = pitch * (planes + around[0]) * (rows + around[1])
            signals = share(self.spec.batch, max(1, cells // read))
        return planes, rows, signals, samples

    def bands(self, band: Band) -> list[tuple[int, ...]]:
        """The first and the number of planes, rows, signals and samples of each."""
        deep, high, wide = (line.longest for line in self.lines)
        counts = deep, high, self.spec.batch, wide
        every = (parts(count, most) for count, most in zip(counts, band, strict=True))
        return [tuple(n for pair in one for n in pair) for one in product(*every)]

    def jobs(self, bands: int) -> tuple[Integers, int]:
        """Jobs, and how many segments there are."""
        (c_in, c_out), (groups, size) = self.channels, (self.spec.groups, self._size)
        reads, writes = parts(c_in, self.block[0]), parts(c_out, self.block[1])
        segments = parts(bands, -(-bands // max(1, _JOBS // self._blocks)))
        found = [
            (
                *(group, *read, *write, first, first + count),
                number * size
                + ((group * c_out + write[0]) * c_in + read[0]) * self.taps,
            )
            for number, (first, count) in enumerate(segments)
            for group, read, write in product(range(groups), reads, writes)
        ]
        return np.array(found, np.int64).reshape(-1), len(segments)

    @property
    def taps(self) -> int:
        """Taps of a channel."""
        return prod(self.spec.kernel_shape[2:])

    @property
    def _size(self) -> int:
        """Weights."""
        return prod(self.spec.kernel_shape)

    @property
    def work(self) -> int:
        """Multiplications."""
        joined = (
            sum(len(phase.taps) * phase.q for phase in line.phases)
            for line in self.lines
        )
        return self.spec.batch * self.spec.c_out * self.channels[0] * prod(joined)

    def sections(self) -> Iterator[Integers]:
        """The axes of both sides."""
        spec, idle = self.spec, RANK - len(self.spec.axes)
        none = [(None, 1)] * idle
        here = [(one, axis.n) for one, axis in zip(spec.extend, spec.axes, strict=True)]
        there = [(one, axis.q) for one, axis in zip(spec.fold, spec.axes, strict=True)]
        for line, border in zip(self.lines, none + here, strict=True):
            yield section(line.starts.values(), line.step, *border)
        rows = zip(self.lines, self.firsts, none + there, strict=True)
        for line, firsts, border in rows:
            yield section(firsts, line.phases[0].step_out, *border)

    def spare(self, samples: int) -> int:
        """What is between rows of so many samples: zeros that they share are negative."""
        line = self.lines[2]
        zeros = self.spec.extend[-1] is None and samples == line.longest
        return -min(line.idle, line.reach) if zeros else 0

    def offsets(self, pairs: Triple, frame: Frame, signals: int) -> Integers:
        """Offset of each tap of a channel, along three axes."""
        near, far = frame.offsets(pairs)[:, 0]
        offsets: Integers = near + signals * far
        return offsets

    def places(self, pairs: Triple) -> Integers:
        """Place in the kernel of each tap of a channel, along three axes."""
        numbers = np.ix_(*(pair.taps for pair in pairs))
        strides = self.tap_strides()
        first, second, third = (
            taps * step for taps, step in zip(numbers, strides, strict=True)
        )
        places: Integers = first + second + third
        return places

    def tap_strides(self) -> tuple[int, ...]:
        """Distances of neighbouring taps in the kernel, along all axes."""
        lengths = [axis.k for axis in self.spec.axes]
        strides = [prod(lengths[axis + 1 :]) for axis in range(len(lengths))]
        return (*(0,) * (RANK - len(strides)), *strides)

    def phase(self, pairs: Triple) -> int:
        """Number of an output phase."""
        number = 0
        for pair, firsts in zip(pairs, self.firsts, strict=True):
            number = number * len(firsts) + firsts.index(pair.first_out)
        return number


def samples(spec: ConvSpec, split: Sequence[tuple[Phase, ...]]) -> int:
    """Samples of a phase of the other side, of all signals."""
    return spec.batch * prod(max(phase.q for phase in phases) for phases in split)


def few(count: int) -> bool:
    """Whether so many samples are too few to be divided."""
    return count < BANDS * LINE


def lines_of(split: Sequence[tuple[Phase, ...]]) -> tuple[Line, Line, Line]:
    """The axes of a band."""
    return Line(split[0]), Line(split[1]), Line(split[2])


def share(count: int, most: int) -> int:
    """The largest of equal parts of at most `most`."""
    return -(-count // -(-count // most)) if count else 1


def _evenly(count: int, most: int) -> int:
    """The same, of a number of parts that some threads can divide."""
    if count <= most:
        return count
    return -(-count // (-(-count // (most * _EVEN)) * _EVEN))


def parts(count: int, most: int) -> list[tuple[int, int]]:
    """First and number of each part of at most `most`."""
    return [(first, min(most, count - first)) for first in range(0, count, most)]
