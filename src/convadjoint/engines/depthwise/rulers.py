"""One axis of a depthwise convolution, position by position: see `positions`."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from convadjoint.geometry import Axis, Border
from convadjoint.geometry.phases import Phase, phases

__all__ = ["Ruler"]

Integers = npt.NDArray[np.int64]
# Taps, and how far from its position an output reads them.
Pairs = list[tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Ruler:
    """Which samples stand at the positions of an axis, and where its outputs read.

    There are `count` positions.  `places` are those of the samples, `sources` the samples
    at all positions, -1 for zeros; `own` says where samples stand themselves.  `phases` are
    the taps of output phases; neighbours of a phase are `steps` apart, in positions and
    in outputs.  The outputs have positions `bases`, and read from `lows` to `highs`.
    """

    axis: Axis
    count: int
    places: Integers
    sources: Integers
    own: npt.NDArray[np.bool_]
    phases: tuple[Pairs, ...]
    steps: tuple[int, int]
    bases: Integers
    lows: Integers
    highs: Integers

    @classmethod
    def of(cls, axis: Axis, border: Border | None, most: int) -> Self | None:
        """Work it out.

        There is none of more than `most` positions, nor where a sample stands nowhere or
        an output reads nothing.
        """
        groups: dict[int, list[Phase]] = defaultdict(list)
        for phase in phases(axis):
            groups[phase.first_out].append(phase)
        link = axis.link(0)
        far, apart = link.input_step, link.output_step
        core = range(axis.n)
        if border is not None:
            core = range(border.lo, border.lo + border.n)
        if len(groups) < min(apart, axis.q) or not _contains(range(axis.n), core):
            return None
        reads = [
            (phase.first_in + far * shift, phase.first_in + far * (shift + phase.q - 1))
            for group in groups.values()
            for phase in group
            for shift in (min(phase.shifts), max(phase.shifts))
        ]
        start = min(core.start, *(first for first, _ in reads))
        count = max(core.stop, *(last + 1 for _, last in reads)) - start
        if count > most:
            return None
        taps = tuple(_pairs(groups[first], start) for first in sorted(groups))
        outputs = np.arange(axis.q)
        bases = far * (outputs // apart)
        ends = [[end(at for _, at in pairs) for pairs in taps] for end in (min, max)]
        lows, highs = (bases + np.array(end)[outputs % apart] for end in ends)
        sources = _sources(range(start, start + count), axis, border)
        return cls(
            axis=axis,
            count=count,
            places=np.array(core) - start,
            sources=sources,
            own=(sources >= 0) & (sources == np.arange(count) + start - core.start),
            phases=taps,
            steps=(far, apart),
            bases=bases,
            lows=lows,
            highs=highs,
        )


def _contains(outer: range, inner: range) -> bool:
    """Whether one range lies in another."""
    return outer.start <= inner.start and inner.stop <= outer.stop


def _pairs(group: list[Phase], start: int) -> Pairs:
    """The taps of an output phase, and how far from its position it reads them."""
    return [
        (tap, phase.first_in + phase.step_in * shift - start)
        for phase in group
        for tap, shift in zip(phase.taps, phase.shifts, strict=True)
    ]


def _sources(places: range, axis: Axis, border: Border | None) -> Integers:
    """The sample that stands at each place of the extended input; -1 for a zero."""
    at = np.array(places)
    if border is not None:
        inside = range(axis.n)
        return np.array([border.source(i) if i in inside else -1 for i in places])
    return np.where((at >= 0) & (at < axis.n), at, -1)
