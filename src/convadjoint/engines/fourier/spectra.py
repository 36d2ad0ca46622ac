"""Plans of the engine `fft` for the compiled transforms of `waves`.

Phases of a strided problem are channels: a spectrum of the kernel joins each output phase
and channel to each input phase and channel.  Tables say which samples fill the
borders; those that are not circular are folded after.
"""

from dataclasses import dataclass, field
from functools import cache
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt
import scipy.fft

from convadjoint.engines.calls import Call, keep
from convadjoint.engines.extension import fold
from convadjoint.engines.fourier import lengths, windows
from convadjoint.engines.fourier import waveform as of
from convadjoint.engines.fourier.layouts import Layout, Side, in_blocks, written
from convadjoint.engines.fourier.lines import Line, Phases, laid
from convadjoint.engines.fourier.windows import Window
from convadjoint.engines.magnitude import largest
from convadjoint.engines.memory import require
from convadjoint.engines.pool import num_threads
from convadjoint.engines.presence import trouble
from convadjoint.engines.protocol import Array
from convadjoint.engines.scratch import KEPT_FOR_PLANS, fresh, room
from convadjoint.engines.taming import scale, tamed
from convadjoint.geometry import Border, ConvSpec

__all__ = ["WavePlan", "plan"]

Integers = npt.NDArray[np.int64]
Borders = tuple[Border | None, ...]
# Pass, jobs, first pair of windows, signals, threads.
Key = tuple[int, int, int, int, int]

# Bytes of spectra at once, and the most that a kernel or a signal may have.
_BYTES = 2**24
_MOST = 2**27
# Lanes to one that works, at most.
_IDLE = 4


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WavePlan:
    """The kernel's spectrum, and tables for the compiled code.

    `numbers` are as `waveform` has them; `values` are the real numbers of the spectra of
    a pair of windows; `kernel` is that of an output channel divided by `2**exponents`.
    """

    spec: ConvSpec
    fold: Borders
    sizes: tuple[int, ...]
    kernel: Array
    exponents: Integers
    factors: Array
    numbers: Integers
    values: int
    work: int
    covers: bool
    calls: dict[Key, Call] = field(default_factory=dict)

    # A transform meets all samples.
    tap_by_tap = False

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        x = np.require(x, requirements=("C", "A"))
        shape = (len(x), self.spec.c_out, *self.sizes)
        y = fresh(shape, x.dtype, written=self.covers)
        pairs = len(x) * -(
            -int(self.numbers[of.WINDOWS]) // int(self.numbers[of.PARTS])
        )
        if len(self.sizes) == 1:
            jobs = -(-pairs // int(self.numbers[of.LANES])) * self.spec.groups
            self._run(3, (jobs, 0, len(x)), x, y)
        else:
            some = max(1, _BYTES // (self.values * self.kernel.itemsize))
            for first in range(0, pairs, some):
                self._product((x, y), first, min(some, pairs - first), len(x))
        scale(y.swapaxes(0, 1), self.exponents)
        return fold(y, self.fold)

    def _product(
        self, data: tuple[Array, Array], first: int, pairs: int, batch: int
    ) -> None:
        """Three passes over some pairs of windows."""
        count, dtype = pairs * self.values, self.kernel.dtype
        spectra = room("w", (count,), dtype)
        numbers = self.numbers
        chunks = int(numbers[of.LINES] // numbers[of.LANES])
        groups, columns = self.spec.groups, int(numbers[of.COLUMNS])
        ins, outs = (
            groups * int(numbers[side + of.CHANNELS] * numbers[side + of.PHASES])
            for side in (of.INPUT, of.OUTPUT)
        )
        jobs = ins * chunks, groups * columns, outs * chunks
        sides = (data[0], spectra), (spectra, spectra), (spectra, data[1])
        for turn, (count, (read, made)) in enumerate(zip(jobs, sides, strict=True)):
            self._run(turn, (pairs * count, first, batch), read, made)

    def _run(
        self, turn: int, given: tuple[int, int, int], read: Array, made: Array
    ) -> None:
        """Let all threads do the jobs of one pass."""
        key = turn, *given, num_threads()
        call = self.calls.get(key) or keep(self.calls, key, self._call(key))
        call.make(read, made)

    def _call(self, key: Key) -> Call:
        """What a pass gives to the compiled code."""
        turn, jobs, first, batch, threads = key
        dtype = self.kernel.dtype
        return Call.of(
            _compiled(dtype),
            (
                4 if dtype.itemsize == 4 else 6,
                self.work * dtype.itemsize,
                3 * 8 * int(self.numbers[of.LANES]),
            ),
            (None, None, self.kernel, self.factors, self.numbers),
            (turn, 0, jobs, first, batch),
            threads=max(1, min(threads, jobs)),
        )


@cache
def _compiled(dtype: np.dtype[np.inexact]) -> int:
    """The address of the compiled part, which needs llvmlite."""
    from convadjoint.engines.fourier import waves  # noqa: PLC0415

    address: int = waves.runner(dtype).address
    return address


def plan(spec: ConvSpec, kernel: Array) -> WavePlan | None:
    """Choose windows, transform the kernel, and write the tables.

    None where this is not the way: without llvmlite, without a tap or an axis, for spectra
    that are too large, and where most lanes of a line would be empty.
    """
    if trouble() is not None or not spec.axes:
        return None
    lines = tuple(
        Line.of(axis, before, after, lambda _: True)
        for axis, before, after in zip(spec.axes, spec.extend, spec.fold, strict=True)
    )
    if not all(line.phases for line in lines):
        return None
    sides = Side.input(spec, lines), Side.output(spec, lines)
    layout = _layout(spec, kernel, lines, sides)
    return _made(spec, kernel, lines, sides, layout) if layout is not None else None


def _layout(
    spec: ConvSpec, kernel: Array, lines: tuple[Line, ...], sides: tuple[Side, Side]
) -> Layout | None:
    """The windows that take the least time, unless they are not worth it."""
    from convadjoint.engines.primitives import VECTOR_BYTES  # noqa: PLC0415

    itemsize, parts = kernel.real.itemsize, 1 if kernel.dtype.kind == "c" else 2
    lanes, batch = VECTOR_BYTES // itemsize, max(1, spec.batch)
    ins, outs = (side.channels * len(side.phases) for side in sides)
    nbytes = 2 * itemsize * spec.groups
    cuts = windows.best(
        lines,
        signals=batch,
        parts=parts,
        lanes=lanes,
        nbytes=nbytes * max(ins, outs),
    )
    values = prod(window.length for window in cuts)
    if nbytes * values * max(ins * outs, ins + outs) > _MOST:
        return None
    pairs = batch * -(-prod(window.count for window in cuts) // parts)
    if len(cuts) == 1 and _IDLE * pairs < lanes:
        return None
    return Layout(lanes, parts, cuts)


def _made(
    spec: ConvSpec,
    kernel: Array,
    lines: tuple[Line, ...],
    sides: tuple[Side, Side],
    layout: Layout,
) -> WavePlan:
    """Transform the kernel, and write the tables."""
    reals, lanes = kernel.real.dtype, layout.lanes
    ins = sides[0].channels * len(sides[0].phases)
    tame, exponents = tamed(kernel, largest(kernel))
    spectrum = _spectrum(spec, tame, lines, sides, layout)
    numbers, factors = written(spec, lines, sides, layout)
    size = layout.columns * layout.pitch * 2 * lanes
    buffers = 1 if len(lines) > 1 else 1 + ins
    work = buffers * layout.columns * 2 * lanes * lanes
    numbers[of.ZEROS], numbers[of.SQUARE] = work, work + lanes
    return WavePlan(
        spec=spec,
        fold=tuple(line.fold for line in lines),
        sizes=tuple(line.size for line in lines),
        kernel=spectrum,
        exponents=exponents,
        factors=factors.astype(reals),
        numbers=numbers,
        values=size * int(numbers[of.SPECTRA]),
        work=work + lanes + lanes * lanes,
        covers=len(sides[1].phases) == prod(line.phases[0].step_out for line in lines),
    )


def _spectrum(
    spec: ConvSpec,
    kernel: Array,
    lines: tuple[Line, ...],
    sides: tuple[Side, Side],
    layout: Layout,
) -> Array:
    """The spectrum of the kernel in the order of the transforms, times the lanes."""
    groups = spec.groups
    shape = (groups, spec.c_out // spec.groups, spec.c_in // spec.groups)
    grouped = kernel.reshape(*shape, *kernel.shape[2:])
    sizes = tuple(window.length for window in layout.windows)
    ins, outs = (side.phases for side in sides)
    nbytes = 2 * prod((*shape, len(ins), len(outs), *sizes)) * kernel.real.itemsize
    require(3 * nbytes, "the spectra of the kernel")
    joined = room(
        "spectra",
        (groups, len(outs), shape[1], len(ins), shape[2], *sizes),
        np.result_type(kernel, np.complex64),
        KEPT_FOR_PLANS,
    )
    if len(ins) * len(outs) > prod(len(line.phases) for line in lines):
        joined[...] = 0
    for pairs in product(*(line.phases for line in lines)):
        i = ins.index(tuple(pair.first_in for pair in pairs))
        o = outs.index(tuple(pair.first_out for pair in pairs))
        joined[:, o, :, i] = _transformed(grouped, pairs, layout.windows)
    joined = joined.reshape(groups, len(outs) * shape[1], len(ins) * shape[2], *sizes)
    return in_blocks(joined, layout)


def _transformed(kernel: Array, pairs: Phases, cuts: tuple[Window, ...]) -> Array:
    """The spectrum of one combination of phases, axis by axis: most lines are zeros."""
    kernel = kernel.astype(np.complex128) / prod(window.length for window in cuts)
    for axis, (pair, window) in reversed(
        list(enumerate(zip(pairs, cuts, strict=True), start=3))
    ):
        taps = laid(kernel, axis, pair, window.length, window.lead)
        found = scipy.fft.fft(taps, axis=axis, overwrite_x=True, workers=num_threads())
        kernel = room(f"waves{axis}", found.shape, found.dtype, KEPT_FOR_PLANS)
        # With its own mode NumPy would make another buffer.
        np.take(found, lengths.order(window.length), axis, out=kernel, mode="clip")
    return kernel
