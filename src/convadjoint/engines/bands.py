"""The scratch of the engine `direct`: a band of the input, laid out for offsets.

A band covers some outputs of each axis.  Its samples lie as ``(channel, *phases, *rows)``,
with zeros where a tap would leave the input; so tap and channel are one offset, the same
for all outputs of the band.
"""

from dataclasses import dataclass
from math import prod
from threading import local
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from convadjoint.engines.protocol import Array
from convadjoint.geometry.phases import Phase

__all__ = ["SLACK", "Frame", "Line", "flattened", "scratch"]

Integers = npt.NDArray[np.int64]

# A tile may read this many samples past the last one that is kept.
SLACK = 1024
_BUFFERS = local()


def scratch(name: str, shape: tuple[int, ...], dtype: np.dtype[np.inexact]) -> Array:
    """Return this thread's buffer of that name, made or enlarged if need be."""
    key, size = f"{name}{dtype.char}", prod(shape)
    buffer: Array | None = getattr(_BUFFERS, key, None)
    if buffer is None or buffer.size < size + SLACK:
        buffer = np.zeros(size + SLACK, dtype)
        setattr(_BUFFERS, key, buffer)
    return buffer[:size].reshape(shape)


@dataclass(frozen=True, slots=True)
class Line:
    """One axis of a frame: which input phases it holds, and how far the taps reach."""

    phases: tuple[Phase, ...]

    @property
    def step(self) -> int:
        """Distance of the samples of an input phase."""
        return self.phases[0].step_in

    @property
    def sources(self) -> tuple[int, ...]:
        """First samples of the input phases."""
        return tuple(sorted({phase.first_in for phase in self.phases}))

    @property
    def low(self) -> int:
        """Least shift of any tap."""
        return min(min(phase.shifts) for phase in self.phases)

    @property
    def reach(self) -> int:
        """Samples that a band reads beyond its outputs."""
        return max(max(phase.shifts) for phase in self.phases) - self.low

    @property
    def longest(self) -> int:
        """Outputs of the longest output phase."""
        return max(phase.q for phase in self.phases)


@dataclass(frozen=True, slots=True)
class Frame:
    """Sizes of a band's scratch: `planes`, `rows` and `pitch` count samples."""

    lines: tuple[Line, Line, Line]
    channels: int
    planes: int
    rows: int
    pitch: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the scratch: channel, input phases, samples."""
        counts = (len(line.sources) for line in self.lines)
        return (self.channels, *counts, self.planes, self.rows, self.pitch)

    @property
    def numbers(self) -> tuple[Any, ...]:
        """What the compiled code has to know of the input phases and the taps."""
        return (
            tuple(np.array(line.sources) for line in self.lines),
            tuple(line.step for line in self.lines),
            tuple(line.low for line in self.lines),
            tuple(line.reach for line in self.lines),
        )

    @property
    def steps(self) -> tuple[int, ...]:
        """Steps of the output phases."""
        return tuple(line.phases[0].step_out for line in self.lines)

    def offsets(self, pairs: tuple[Phase, ...]) -> Integers:
        """Offset of each channel and tap: ``(channels, *taps)``."""
        strides = [prod(self.shape[axis + 1 :]) for axis in range(7)]
        total = np.arange(self.channels) * strides[0]
        for axis, (line, pair) in enumerate(zip(self.lines, pairs, strict=True)):
            base = line.sources.index(pair.first_in) * strides[1 + axis]
            moved = (np.array(pair.shifts) - line.low) * strides[4 + axis]
            total = total[..., None] + (base + moved)
        return total


def flattened(x: Array) -> tuple[Array, tuple[int, ...], tuple[int, ...]]:
    """An array of any positive strides: flat, its sizes, its strides in samples."""
    steps = tuple(stride // x.itemsize for stride in x.strides)
    span = 1 + sum(
        (length - 1) * step for length, step in zip(x.shape, steps, strict=True)
    )
    return as_strided(x, (span if x.size else 0,), (x.itemsize,)), x.shape, steps
