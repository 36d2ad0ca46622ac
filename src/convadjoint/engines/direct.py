"""The fastest engine for small and medium kernels: the definition, tile by tile.

Strides are split into dense phases (`geometry.phases`).  A job is a band of rows of the
output: the input that it reads is laid out in a scratch buffer (`bands`), so that tap
and channel are one offset; `compiled.run` sums over the offsets; and the rows are
copied to their place.  With several output channels a tile holds several of them; with
a single one it holds several rows, whose taps overlap.

All ranks take the same path, as three spatial axes.  Where one of them is idle, the
batch takes its place.  Complex kernels are real ones of twice the channels.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from itertools import product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines import taps
from convadjoint.engines.bands import Frame, Line, flattened, scratch
from convadjoint.engines.extension import fold
from convadjoint.engines.packing import packed
from convadjoint.engines.pool import each, num_threads
from convadjoint.engines.protocol import Array, Plan
from convadjoint.engines.tiles import Tile, best_tile
from convadjoint.geometry import Border, ConvSpec
from convadjoint.geometry.phases import Phase, phases

__all__ = ["DirectPlan", "plan", "refuses"]

Integers = npt.NDArray[np.int64]
Triple = tuple[Phase, ...]

_RANK = 3
# Bytes of a band's input: with its output it stays in a second-level cache.
_BAND_BYTES = 393_216
# Multiplications, and samples of a row of the tile, that are worth a job of their own.
_JOB = 1_000_000
_LANES = 512
# Multiplications that are over before another thread has woken up.
_WAKING = 2_000_000
# Jobs that are enough to keep all threads busy.
_JOBS = 8
# Lengths of a part of the innermost axis: multiples of the width of every tile.
_STEPS = (6144, 3072, 1536, 768, 384)
_NONE = np.empty(0, np.int64)
_IDLE = Phase(0, 0, 1, 1, 1, 1, (0,), (0,))


@dataclass(frozen=True, slots=True, eq=False)
class DirectPlan:
    """Bands of `size` outputs of the three axes: filled, multiplied, written.

    A tile holds `tile.m` channels, or, if `spacing` is not 0, rows that far apart.
    `frame_numbers` and `tap_arrays` are `frame` and `taps` as the compiled code takes
    them, `scratch_shapes` its buffers; `entries` are about those of C for one signal.
    """

    spec: ConvSpec
    size: tuple[int, int, int]
    steps: tuple[int, ...]
    covers: bool
    scratch_shapes: tuple[tuple[int, ...], tuple[int, ...]]
    frame_numbers: tuple[Any, ...]
    tap_arrays: tuple[Any, ...]
    kernel: tuple[Any, ...]
    entries: int

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        spec = self.spec
        if not _walkable(x):
            x = x.copy()
        shape = (len(x), spec.c_out, *(axis.q for axis in spec.axes))
        y = np.empty(shape, x.dtype) if self.covers else np.zeros(shape, x.dtype)
        source, target = _lifted(x, spec.groups), _lifted(y, spec.groups)
        threads = num_threads() if len(x) * self.entries > _WAKING else 1
        jobs = _jobs(target.shape, self.steps, self.size, threads)
        each(partial(self._work, flattened(source), flattened(target)), jobs)
        return fold(y, spec.fold)

    def _work(self, source: Any, target: Any, jobs: Integers) -> None:
        """Compute some bands; the interpreter is free for others meanwhile."""
        from convadjoint.engines import compiled  # noqa: PLC0415 - needs numba

        dtype = source[0].dtype
        buffers = tuple(
            scratch(name, shape, dtype)
            for name, shape in zip("xy", self.scratch_shapes, strict=True)
        )
        compiled.run(
            jobs,
            source,
            target,
            buffers,
            self.frame_numbers,
            self.tap_arrays,
            self.kernel,
        )


@lru_cache(maxsize=64)
def _jobs(
    shape: tuple[int, ...], steps: tuple[int, ...], size: tuple[int, ...], threads: int
) -> list[Integers]:
    """Bands of all signals and groups, some at a time."""
    bands = []
    for step, side, most in zip(steps, shape[3:], size, strict=True):
        count = -(-side // step)
        bands.append(
            [(first, min(most, count - first)) for first in range(0, count, most)]
        )
    jobs = [
        (signal, group, *planes, *rows, *samples)
        for signal in range(shape[0])
        for group in range(shape[1])
        for planes, rows, samples in product(*bands)
    ]
    parts = min(len(jobs), 4 * threads if threads > 1 else 1)
    return np.array_split(np.array(jobs), parts) if parts else []


@dataclass(frozen=True, slots=True, eq=False)
class ComplexPlan:
    """A plan for the real and imaginary parts, as channels of their own."""

    inner: DirectPlan
    groups: int

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        batch, channels, *sizes = x.shape
        grouped = x.reshape(batch, self.groups, channels // self.groups, *sizes)
        parts = np.concatenate((grouped.real, grouped.imag), axis=2)
        y = self.inner.apply(parts.reshape(batch, 2 * channels, *sizes))
        c_out, lengths = y.shape[1] // 2, y.shape[2:]
        split = y.reshape(batch, self.groups, 2, c_out // self.groups, *lengths)
        joined = np.empty((batch, self.groups, c_out // self.groups, *lengths), x.dtype)
        joined.real, joined.imag = split[:, :, 0], split[:, :, 1]
        return joined.reshape(batch, c_out, *lengths)


@cache
def _trouble() -> str | None:
    """Say why nothing can be compiled here."""
    try:
        import numba
    except ImportError as error:
        return f"numba cannot be imported ({error}): pip install numba"
    return "numba's compiler is switched off" if numba.config.DISABLE_JIT else None  # type: ignore[attr-defined]


def refuses(spec: ConvSpec, kernel: Array) -> str | None:  # noqa: ARG001
    """Refuse without numba, and what has more than three convolved axes."""
    trouble = _trouble()
    if trouble is not None:
        return trouble
    if len(spec.axes) > _RANK:
        return f"it knows up to {_RANK} convolved axes, not {len(spec.axes)}"
    return None


def plan(spec: ConvSpec, kernel: Array) -> Plan:
    """Turn the taps into offsets, and pack their weights for the tiles."""
    groups = spec.groups
    shape = (groups, spec.c_out // groups, spec.c_in // groups)
    grouped = kernel.reshape(*shape, *kernel.shape[2:])
    joining = [[j for j in range(axis.k) if axis.link(j).count] for axis in spec.axes]
    if not grouped[np.ix_(*map(range, shape), *joining)].any():
        # Nothing to compile: C is zero.
        return taps.plan(spec, kernel)
    if kernel.dtype.kind != "c":
        return _real_plan(spec, grouped)
    doubled = np.concatenate(
        (
            np.concatenate((grouped.real, -grouped.imag), axis=2),
            np.concatenate((grouped.imag, grouped.real), axis=2),
        ),
        axis=1,
    )
    real = replace(spec, c_in=2 * spec.c_in, c_out=2 * spec.c_out)
    return ComplexPlan(_real_plan(real, doubled), groups)


def _real_plan(spec: ConvSpec, kernel: Array) -> DirectPlan:
    """Plan for a real kernel ``(groups, c_out/g, c_in/g, *k)``."""
    idle = _RANK - len(spec.axes)
    groups, c_out, c_in, *lengths = kernel.shape
    kernel = kernel.reshape(groups, c_out, c_in, *(1,) * idle, *lengths)
    split = [(_IDLE,)] * idle + [phases(axis) for axis in spec.axes]
    lines = (Line(split[0]), Line(split[1]), Line(split[2]))
    found: dict[tuple[int, ...], list[Triple]] = defaultdict(list)
    for pairs in product(*split):
        found[tuple(pair.first_out for pair in pairs)].append(pairs)
    count = max(sum(map(_count, group)) for group in found.values())
    length = _length(lines, kernel)
    row = next(iter(found.values()))[0][1]
    tile, spacing = _tile(kernel, row, (length, lines[2].reach), count)
    frame, size = _frame(lines, kernel, idle, max(1, tile.m * spacing), length)
    taps_ = packed(kernel, frame, found, tile, spacing)
    phases_ = int(np.diff(taps_.group_ends, prepend=0).max())
    products = _products(frame, size, tile, spacing, kernel.shape[1])
    return DirectPlan(
        spec,
        size,
        frame.steps,
        len(taps_.ends) == prod(frame.steps),
        (frame.shape, (phases_, products)),
        (*frame.numbers, (*(_NONE,) * idle, *map(_origins, spec.extend))),
        (*taps_.arrays, frame.steps),
        (tile.lanes, spacing, (0,) * tile.m, (0,) * tile.v),
        int(np.count_nonzero(kernel)) * prod(axis.q for axis in spec.axes),
    )


def _products(
    frame: Frame, size: tuple[int, ...], tile: Tile, spacing: int, channels: int
) -> int:
    """Samples of the products of one output phase in a band."""
    planes, rows, samples = size
    if spacing:
        return planes * rows * tile.padded(samples)
    blocks = -(-channels // tile.m) * tile.m
    return blocks * planes * tile.padded(rows * frame.pitch)


def _count(pairs: Triple) -> int:
    """Taps of one combination of phases."""
    return prod(len(pair.taps) for pair in pairs)


def _length(lines: tuple[Line, ...], kernel: Array) -> int:
    """Samples of the innermost axis in a band: all, or as many as stay in cache."""
    longest, reach = lines[2].longest, lines[2].reach
    sources = prod(len(line.sources) for line in lines)
    rows = (1 + lines[0].reach) * (1 + lines[1].reach)
    fits = _budget(kernel) // (kernel.shape[2] * sources * rows * kernel.itemsize)
    if longest + reach <= max(fits, _STEPS[-1]):
        return longest
    return min(longest, next((s for s in _STEPS if s + reach <= fits), _STEPS[-1]))


def _budget(kernel: Array) -> int:
    """Bytes of a band: large weights are read once per band, it may then be larger."""
    return max(_BAND_BYTES, min(int(kernel[0].nbytes), 8 * _BAND_BYTES))


def _tile(
    kernel: Array, row: Phase, samples: tuple[int, int], taps: int
) -> tuple[Tile, int]:
    """The tile of an output phase, and the spacing of its rows (0: of channels).

    `samples` are those of a row, and those that the taps reach beyond.
    """
    from convadjoint.engines import microkernel  # noqa: PLC0415 - needs numba

    _, c_out, c_in = kernel.shape[:3]
    host = {
        "lanes": microkernel.VECTOR_BYTES // kernel.itemsize,
        "registers": microkernel.REGISTERS,
    }
    if c_out > 1:
        length = sum(samples) * min(row.q, 8)
        return best_tile(rows=c_out, length=length, taps=c_in * taps, **host), 0
    spacing = abs(row.shifts[1] - row.shifts[0]) if len(row.shifts) > 1 else 1
    count = len(row.shifts)
    # M rows share the taps of the rows between them: count + M - 1 instead of count.
    shared = tuple(c_in * taps * (count + m - 1) // count for m in range(1, 13))
    rows = 1 if count == 1 else max(1, row.q // spacing)
    tile = best_tile(rows=min(rows, 64), length=samples[0], taps=shared, **host)
    return tile, spacing


def _frame(
    lines: tuple[Line, Line, Line], kernel: Array, idle: int, unit: int, length: int
) -> tuple[Frame, tuple[int, int, int]]:
    """Scratch that stays in cache, and how many outputs of each axis it serves."""
    channels = kernel.shape[2]
    pitch = length + lines[2].reach
    sources = prod(len(line.sources) for line in lines)
    line_bytes = channels * sources * pitch * kernel.itemsize
    budget = _budget(kernel)
    work = kernel[0].size * length
    enough = max(1, -(-_JOB // work), -(-_LANES // pitch))
    depth = lines[0].longest if idle == 0 else 1
    rows = budget // (line_bytes * (1 + lines[0].reach)) - lines[1].reach
    if idle < 2:
        parts = max(1, -(-_JOBS // depth))
        rows = min(rows, max(enough, -(-lines[1].longest // parts)), lines[1].longest)
    else:
        rows = min(rows, enough)
    rows = -(-max(1, rows) // unit) * unit
    height = rows + lines[1].reach
    planes = budget // (line_bytes * height) - lines[0].reach
    most = -(-depth // _JOBS) if idle == 0 else -(-enough // rows)
    planes = max(1, min(planes, most))
    frame = Frame(lines, channels, planes + lines[0].reach, height, pitch)
    return frame, (planes, rows, length)


def _walkable(x: Array) -> bool:
    """Whether the compiled code can step through an array as it is.

    A read-only one could be read, but would be a type of its own to be compiled for.
    """
    steps = all(stride > 0 and stride % x.itemsize == 0 for stride in x.strides)
    return steps and x.flags.aligned and x.flags.writeable


def _origins(border: Border | None) -> Integers:
    """Which sample stands at each position of the extended signal."""
    if border is None:
        return _NONE
    return np.array([border.source(i) for i in range(border.length)], np.int64)


def _lifted(x: Array, groups: int) -> Array:
    """See ``(batch, c, *n)`` as ``(signals, groups, c/g, planes, rows, samples)``.

    The batch is rows or planes where the convolution leaves those idle.
    """
    batch, channels, *sizes = x.shape
    grouped = x.reshape(batch, groups, channels // groups, *sizes)
    if len(sizes) == _RANK:
        return grouped
    moved = grouped.transpose(1, 2, 0, *range(3, 3 + len(sizes)))[None]
    return moved if len(sizes) == 2 else moved[:, :, :, None]
