"""The tables of a plan of `waves`: how spectra lie, which samples a line has, stages.

`waveform` says where each of them is.
"""

from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt

from convadjoint.engines.fourier import lengths
from convadjoint.engines.fourier import waveform as of
from convadjoint.engines.fourier.lines import Line
from convadjoint.engines.fourier.windows import Window
from convadjoint.engines.protocol import Array, Index
from convadjoint.engines.scratch import aligned
from convadjoint.geometry import ConvSpec

__all__ = ["Layout", "Side", "in_blocks", "written"]

Integers = npt.NDArray[np.int64]

# Group, output, input, line, vector, lane: a vector of all lines, for each input.
_ORDER = (0, 1, 4, 2, 3, 5)


@dataclass(frozen=True, slots=True)
class Layout:
    """How spectra lie in memory."""

    lanes: int
    parts: int
    windows: tuple[Window, ...]

    @property
    def outer(self) -> tuple[int, ...]:
        """Lines along the axes but the last.

        Odd numbers lie between those of the first ones, so that they meet in no line of
        the cache.
        """
        sizes = [window.length for window in self.windows[:-1]]
        return (*sizes[:1], *(size | 1 for size in sizes[1:]))

    @property
    def pitch(self) -> int:
        """All lines, with those that fill the last vector."""
        if len(self.windows) == 1:
            return 1
        return -(-prod(self.outer) // self.lanes) * self.lanes

    @property
    def columns(self) -> int:
        """Vectors of a row."""
        return -(-self.windows[-1].length // self.lanes)


@dataclass(frozen=True, slots=True)
class Side:
    """Input or output: channels of a group, phases, and samples."""

    channels: int
    phases: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...]

    @classmethod
    def input(cls, spec: ConvSpec, lines: tuple[Line, ...]) -> "Side":
        """What is read."""
        firsts = (sorted({pair.first_in for pair in line.phases}) for line in lines)
        sizes = tuple(line.extend.n if line.extend else line.samples for line in lines)
        return cls(spec.c_in // spec.groups, tuple(product(*firsts)), sizes)

    @classmethod
    def output(cls, spec: ConvSpec, lines: tuple[Line, ...]) -> "Side":
        """What is written."""
        firsts = (sorted({pair.first_out for pair in line.phases}) for line in lines)
        sizes = tuple(line.size for line in lines)
        return cls(spec.c_out // spec.groups, tuple(product(*firsts)), sizes)


def in_blocks(spectrum: Array, layout: Layout) -> Array:
    """Spectra as the compiled code has them, the lines of all axes but one as one.

    Of a single axis there is one line, whose real and imaginary parts are neighbours.
    """
    *before, inputs = spectrum.shape[:3]
    lanes, columns, pitch = layout.lanes, layout.columns, layout.pitch
    if len(layout.windows) == 1:
        lanes, columns = 1, layout.windows[0].length
    spectrum = _filled(spectrum, 3, (*layout.outer, columns * lanes))
    spectrum = spectrum.reshape(*before, inputs, -1, columns * lanes)
    lines = _filled(spectrum, 3, (pitch, columns * lanes))
    blocks = lines.reshape(*before, inputs, pitch, columns, lanes)
    order = _ORDER if len(layout.windows) > 1 else range(blocks.ndim)
    blocks = blocks.transpose(*order)
    made = aligned(2 * blocks.size, spectrum.real.dtype)
    parts: Array = made.reshape(*blocks.shape[:-1], 2, lanes)
    parts[..., 0, :], parts[..., 1, :] = blocks.real, blocks.imag
    return made


def _filled(array: Array, first: int, sizes: tuple[int, ...]) -> Array:
    """Zeros after the samples of all axes from `first` on, where there are fewer."""
    if array.shape[first:] == sizes:
        return array
    made = np.zeros((*array.shape[:first], *sizes), array.dtype)
    inside: Index = (..., *map(slice, array.shape[first:]))
    made[inside] = array
    return made


def written(
    spec: ConvSpec,
    lines: tuple[Line, ...],
    sides: tuple[Side, Side],
    layout: Layout,
) -> tuple[Integers, npt.NDArray[np.float64]]:
    """The numbers of the plan, and the factors of all transforms."""
    ins, outs = (side.channels * len(side.phases) for side in sides)
    axes = len(lines) - 1
    head = np.zeros(of.LAST + len(lines) * of.AXIS, np.int64)
    head[of.LANES], head[of.PARTS] = layout.lanes, layout.parts
    head[of.GROUPS], head[of.LINES] = spec.groups, layout.pitch
    head[of.COLUMNS], head[of.AXES] = layout.columns, axes
    head[of.WINDOWS] = prod(window.count for window in layout.windows)
    # The only output of a group may take the place of the first input.
    alone = outs == 1
    head[of.SPECTRA] = spec.groups * (ins if alone else ins + outs)
    head[of.OUT_FIRST] = 0 if alone else spec.groups * ins
    head[of.OUT_STEP] = ins if alone else outs
    factors, place = [np.zeros(1)], 1
    sizes = [window.length for window in layout.windows]
    for number, axis in enumerate((axes, *range(axes))):
        at = of.LAST + number * of.AXIS
        stages, own = lengths.table(sizes[axis])
        inner, outer = prod(layout.outer[axis + 1 :]), prod(layout.outer[:axis])
        span = prod(layout.outer[axis:])
        head[at : at + of.STAGES] = sizes[axis], inner, outer, span, len(stages)
        for count, (radix, rest, start) in enumerate(stages):
            stage = at + of.STAGES + count * of.STAGE
            kind = 3 * lengths.RADICES.index(radix)
            head[stage : stage + of.STAGE] = radix, rest, place + start, kind
        factors.append(own)
        place += own.size
    parts, place = [head], head.size
    wide = 3 - layout.parts
    for at, side in zip((of.INPUT, of.OUTPUT), sides, strict=True):
        plane = prod(side.sizes) * wide
        head[at : at + 2] = side.channels, len(side.phases)
        head[at + of.SIGNAL] = spec.groups * side.channels * plane
        head[at + of.CHANNEL] = plane
        for number, array in enumerate(_tables(side, lines, layout, at == of.INPUT)):
            head[at + of.ROWS + number] = place
            parts.append(array.reshape(-1))
            place += array.size
    return np.concatenate(parts), np.concatenate(factors)


def _tables(
    side: Side, lines: tuple[Line, ...], layout: Layout, reads: bool
) -> tuple[Integers, Integers, Integers]:
    """Rows, samples, and whether these are neighbours, for each phase and block."""
    rows, origins = [], []
    wide = 3 - layout.parts
    last = len(lines) - 1
    for phases in side.phases:
        found = [
            window.sources(line, phase) if reads else window.targets(line, phase)
            for window, line, phase in zip(layout.windows, lines, phases, strict=True)
        ]
        for block in product(*(range(window.count) for window in layout.windows)):
            row = np.zeros(1, np.int64)
            for axis in range(last):
                space = layout.outer[axis] - found[axis].shape[1]
                samples = _padded(found[axis][block[axis]], space)
                step = prod(side.sizes[axis + 1 :]) * wide
                joined = row[:, None] + step * samples
                missing = (row[:, None] < 0) | (samples < 0)
                row = np.where(missing, -1, joined).ravel()
            rows.append(_padded(row, layout.pitch - row.size))
            samples = found[last][block[last]]
            space = layout.columns * layout.lanes - samples.size
            origins.append(_padded(samples, space))
    each_ = np.array(origins).reshape(-1, layout.lanes)
    near = (np.diff(each_, axis=1) == 1).all(axis=1) & (each_[:, 0] >= 0)
    state = np.where((each_ < 0).all(axis=1), 2, near.astype(np.int64))
    return np.array(rows), each_, state


def _padded(samples: Integers, space: int) -> Integers:
    """Samples, and places where there are none."""
    return np.pad(samples, (0, space), constant_values=-1)
