"""The kernel gradient of many channels: panels of both sides, multiplied as matrices.

A band of both sides is laid out as for the inner products of `correlation`, then turned:
the channels of a sample lie next to each other.  A tap is then a product of matrices: a
tile of sums holds vectors of input channels, for some channels of the other side, while
the samples pass.  Nothing has to be added up across the lanes of a vector.

A tap meets zeros where it leaves the input: rows, or planes, of nothing but those are
left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Self

import numpy as np
import numpy.typing as npt

from convadjoint.engines import strips
from convadjoint.engines.bands import Frame
from convadjoint.engines.program import joined
from convadjoint.engines.strips import Band, Plan, Strips, lines_of, share
from convadjoint.geometry import ConvSpec
from convadjoint.geometry.phases import Phase

__all__ = [
    "BANDS",
    "FIXED",
    "FORM",
    "LANES",
    "OUTER",
    "PAIR",
    "PAIRS",
    "PART",
    "REACH",
    "READ_STEP",
    "ROWS",
    "SCALARS",
    "SIDES",
    "SUMS_AT",
    "TAP",
    "TAPS",
    "TAP_APART",
    "TAP_COUNT",
    "TAP_END",
    "TAP_NUMBERS",
    "UNMET",
    "UNMET_COUNT",
    "VECTOR",
    "WIDTH",
    "X_APART",
    "X_AT",
    "X_AXES",
    "X_LINE",
    "Z_AT",
    "Z_AXES",
    "Z_LINE",
    "Z_PARTS",
    "Z_PHASE",
    "Panels",
]

Integers = npt.NDArray[np.int64]

# Sections of the numbers: the first ones as `sections` has them.
SCALARS, SIDES, REACH = range(3)
X_AXES, Z_AXES = 3, 6
BANDS, PAIRS, TAPS, UNMET = range(9, 13)
# Samples moved at once and of a vector, channels of both sides of a tile and its number,
# samples that are added up one after the other, the axis whose ends are left out; samples
# of a channel of a band, phases of the other side; distances of panels; where panels and
# sums begin; distance of taps in the sums; input channels, taps; pairs of phases, taps
# that join nothing.
(
    LANES,
    VECTOR,
    WIDTH,
    ROWS,
    FORM,
    PART,
    OUTER,
    X_APART,
    Z_PARTS,
    X_LINE,
    Z_LINE,
    X_AT,
    Z_AT,
    SUMS_AT,
    TAP_APART,
    READ_STEP,
    TAP_COUNT,
    PAIR_COUNT,
    UNMET_COUNT,
) = range(19)
# A pair of phases: its taps, and the other side's phase.
PAIR = 3
TAP, TAP_END, Z_PHASE = range(PAIR)
# A tap: its offset, its place in the kernel, whether it is there the first time, and
# where it begins and ceases to meet samples.
TAP_NUMBERS = 5
# Integers of a job before the offsets: sides of the other band, ends of a part.
FIXED = 8

# Samples whose products are added up one after the other, before they join the others.
_PART = 512
# Bytes of the sums of a job, of a band of the input, and of both bands.
_SUMS, _BYTES, _BOTH = 2**21, 2**21, 2**23
# Samples that are read or written past the end of what is there.
_SLACK = 1024
# Cycles to lay a sample of a channel out and to turn it.
_TURN = 0.3


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Panels(Strips):
    """The numbers that `paneled` takes; `form` is one of its tiles."""

    form: tuple[int, int]

    @classmethod
    def of(
        cls, spec: ConvSpec, split: Sequence[tuple[Phase, ...]], itemsize: int
    ) -> Self:
        """Choose the tile that takes the fewest cycles, and the channels of a job."""
        from convadjoint.engines import paneled, primitives  # noqa: PLC0415

        lanes = primitives.VECTOR_BYTES // itemsize
        candidates = [
            cls(
                spec=spec,
                lines=lines_of(split),
                lanes=lanes,
                itemsize=itemsize,
                block=_block(spec, split, itemsize, (m, v * lanes)),
                form=(m, v),
            )
            for m, v in paneled.FORMS
        ]
        return min(candidates, key=cls.cycles)

    def cycles(self) -> float:
        """About how long one sample takes, of all channels: two units load, two multiply."""
        (m, v), (c_in, c_out) = self.form, self.channels
        reads, writes = -(-c_in // (v * self.lanes)), -(-c_out // m)
        each_ = max(m * v, m + v + 3) / 2
        taps = sum(prod(len(pair.taps) for pair in pairs) for pairs in self.pairs)
        turned = self.sources * reads * v * self.lanes + self.targets * writes * m
        return taps * reads * writes * each_ + _TURN * turned

    def plan(self) -> Plan:
        """Work all numbers out."""
        from convadjoint.engines import paneled, rows  # noqa: PLC0415

        band, (m, width) = self.band(), self._tile
        frame = Frame(self.lines, 1, (*band[:2], band[3]), self.spare(band[3]))
        apart = self.sources * prod(frame.sides) * band[2]
        length = self.targets * prod(band)
        x_line = _up(apart - frame.spare, self.lanes)
        z_line = _up(length, self.lanes) * m + self.lanes
        blocks = -(-self.block[0] // width), -(-self.block[1] // m)
        taps = self._taps(frame, band)
        unmet = np.setdiff1d(np.arange(self.taps), np.concatenate(taps)[:, 1])
        tap_apart = prod(blocks) * m * width + self.lanes
        natural = max(
            *(self.lanes * apart, m * length),
            _up(self.block[0], self.lanes) * self.taps,
        )
        x_at = _up(natural + _SLACK, self.lanes)
        z_at = _up(x_at + blocks[0] * x_line * width + _SLACK, self.lanes)
        sums_at = _up(z_at + blocks[1] * z_line + _SLACK, self.lanes)
        ends = np.cumsum([0, *map(len, taps)])
        bands = self.bands(band)
        jobs, segments = self.jobs(len(bands))
        scalars = (
            rows.LINE_BYTES // self.itemsize,
            *(self.lanes, width, m, paneled.FORMS.index(self.form), _PART),
            *(int(band[0] == 1), apart, self.targets, x_line, z_line),
            *(x_at, z_at, sums_at, tap_apart),
            *(self.channels[0], self.taps, len(taps), len(unmet)),
        )
        numbers = joined(
            (
                scalars,
                (*frame.sides[:2], band[2], frame.sides[2], frame.gap),
                [line.reach for line in self.lines],
                *self.sections(),
                bands,
                np.stack((ends[:-1], ends[1:], [*map(self.phase, self.pairs)]), axis=1),
                np.concatenate(taps),
                unmet,
            )
        )
        return Plan(
            jobs=jobs,
            numbers=numbers,
            samples=sums_at + self.taps * tap_apart + _SLACK,
            lists=FIXED + prod(band),
            segments=segments,
            work=self.work,
            paneled=True,
        )

    @property
    def room(self) -> tuple[int, int]:
        """Bytes of a band of the input, and of both: a part of them is read at once."""
        return _BYTES, _BOTH

    @property
    def _tile(self) -> tuple[int, int]:
        """Channels of both sides of a tile: written, read."""
        return self.form[0], self.form[1] * self.lanes

    def _taps(self, frame: Frame, band: Band) -> list[Integers]:
        """What the compiled code has to know of the taps of each pair of phases."""
        known: set[int] = set()
        found = []
        for pairs in self.pairs:
            places = self.places(pairs).ravel()
            fresh = [place not in known for place in places]
            known.update(places)
            outer = int(band[0] == 1)
            first, last = (
                np.broadcast_to(
                    np.reshape(edge, (-1, *(1,) * (2 - outer))),
                    [len(pair.taps) for pair in pairs],
                ).ravel()
                for edge in _met(pairs[outer])
            )
            offsets = self.offsets(pairs, frame, band[2]).ravel()
            found.append(np.stack((offsets, places, fresh, first, last), axis=1))
        return found


def _block(
    spec: ConvSpec,
    split: Sequence[tuple[Phase, ...]],
    itemsize: int,
    tile: tuple[int, int],
) -> tuple[int, int]:
    """Channels of a job, of both sides."""
    (m, width), groups = tile, spec.groups
    c_in, c_out = spec.c_in // groups, spec.c_out // groups
    samples = strips.samples(spec, split)
    reads = width if strips.few(samples) else _up(strips.READS, width)
    jobs = groups * -(-c_in // reads) * max(1, samples // strips.LINE)
    # What is read is laid out for each block that is written: there should be few.
    size = prod(spec.kernel_shape[2:]) * reads * itemsize
    writes = min(c_out // -(-strips.BANDS // jobs), strips.WRITES, _SUMS // size)
    return min(c_in, reads), min(c_out, _up(share(c_out, max(1, writes)), m))


def _met(phase: Phase) -> tuple[list[int], list[int]]:
    """Outputs between which each tap meets samples."""
    return (
        [max(0, -shift) for shift in phase.shifts],
        [min(phase.q, phase.n - shift) for shift in phase.shifts],
    )


def _up(count: int, unit: int) -> int:
    """The least multiple of a unit that holds a count."""
    return -(-count // unit) * unit
