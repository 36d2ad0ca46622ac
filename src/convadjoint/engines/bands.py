"""The scratch of the engine `direct`: a band of the input, laid out for offsets.

A band covers some outputs of each axis.  Its samples lie as
``(channel, *phases, plane, row, signal, sample)``, with zeros where a tap would leave the
input; so tap and channel are one offset, the same for all outputs of the band.  Signals
come next to samples: rows of several small ones are then one long row.
"""

from dataclasses import dataclass, field
from math import prod

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from convadjoint.engines.arrays import RANK
from convadjoint.engines.protocol import Array
from convadjoint.geometry.phases import Phase

__all__ = ["Frame", "Line", "flat"]

# The last row of a band lies over the end of its buffer by as much.
_MOST_SHARED = 256

Integers = npt.NDArray[np.int64]
Triple = tuple[Phase, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One axis of a frame: which input phases it holds, and how far the taps reach.

    Where rows are short, each tap may have a copy of its own: then none reaches further
    than the outputs, and what is called an input phase is a copy.
    """

    phases: tuple[Phase, ...]
    copied: bool = False
    # Where the taps begin to read: by input phase, the first for output 0; and samples of
    # an input phase that a band reads beyond its outputs.
    starts: dict[int, int] = field(init=False, compare=False)
    reach: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        # Both are asked for again and again, and there may be very many phases.
        object.__setattr__(self, "starts", self._starts())
        reach = max(int(self.moved(phase)[1].max()) for phase in self.phases)
        object.__setattr__(self, "reach", reach)

    @property
    def step(self) -> int:
        """Distance of the samples of an input phase."""
        return self.phases[0].step_in

    def _starts(self) -> dict[int, int]:
        """Work out where the taps begin."""
        lows: dict[int, int] = {}
        for phase in self.phases:
            for shift in phase.shifts:
                low = phase.first_in + phase.step_in * shift
                key = low if self.copied else phase.first_in
                lows[key] = min(low, lows.get(key, low))
        return dict(sorted(lows.items(), key=lambda pair: pair[1]))

    def moved(self, phase: Phase) -> Integers:
        """Input phase of each tap, and its shift from where that begins to read."""
        starts = self.starts
        keys, lows = list(starts), list(starts.values())
        reads = [phase.first_in + self.step * shift for shift in phase.shifts]
        found = [keys.index(low if self.copied else phase.first_in) for low in reads]
        return np.array(
            [
                found,
                [
                    (low - lows[i]) // self.step
                    for low, i in zip(reads, found, strict=True)
                ],
            ]
        )

    @property
    def longest(self) -> int:
        """Outputs of the longest output phase."""
        return max(phase.q for phase in self.phases)

    @property
    def idle(self) -> int:
        """Zeros that a full row has at both ends: those of neighbours may be the same."""
        if self.copied:
            return 0
        count, sides = self.longest + self.reach, []
        lengths = {phase.first_in: phase.n for phase in self.phases}
        for first, start in self.starts.items():
            before = max(0, (first - start) // self.step)
            sides += [before, count - before - lengths[first]]
        return max(0, min(*sides, _MOST_SHARED))


@dataclass(frozen=True, slots=True)
class Frame:
    """Sizes of a band's scratch for one signal, and the outputs that it serves.

    Neighbouring rows lie `spare` samples apart, or share so many zeros if it is negative;
    phases and channels lie `gap` samples apart.
    """

    lines: tuple[Line, Line, Line]
    channels: int
    outputs: tuple[int, int, int]
    spare: int
    gap: int = 0

    @property
    def sides(self) -> tuple[int, ...]:
        """Planes, rows, and samples of a row, with those that the taps reach."""
        planes, rows, samples = (
            count + line.reach
            for count, line in zip(self.outputs, self.lines, strict=True)
        )
        return planes, rows, samples + self.spare

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels, input phases, planes, rows, samples."""
        counts = (len(line.starts) for line in self.lines)
        return (self.channels, *counts, *self.sides)

    def size(self, signals: int) -> int:
        """Samples of a band of some signals."""
        *counts, planes, rows, samples = self.shape
        return prod(counts) * (planes * rows * samples * signals + self.gap)

    @property
    def steps(self) -> tuple[int, ...]:
        """Steps of the output phases."""
        return tuple(line.phases[0].step_out for line in self.lines)

    def offsets(self, pairs: Triple) -> Integers:
        """Offset of each channel and tap: ``(2, channels, *taps)``.

        The first part is along a row and over gaps, the second counts once for each
        signal.
        """
        parts, rows = np.arange(self.channels), np.zeros(self.channels, np.int64)
        for axis, (line, pair) in enumerate(zip(self.lines, pairs, strict=True)):
            base, near = line.moved(pair)
            parts = parts[..., None] * self.shape[1 + axis] + base
            along = near * prod(self.sides[axis + 1 :]) if axis < RANK - 1 else 0 * near
            rows = rows[..., None] + along
        return np.stack((near + self.gap * parts, prod(self.sides) * parts + rows))


def flat(x: Array) -> Array:
    """See an array of any positive strides as one vector from its first sample on."""
    if x.flags.c_contiguous:
        return x.reshape(-1)
    steps = (stride // x.itemsize for stride in x.strides)
    span = sum((n - 1) * step for n, step in zip(x.shape, steps, strict=True))
    return as_strided(x, (span + 1 if x.size else 0,), (x.itemsize,))
