"""What a product should cost with each engine, from the integers of the problem.

The constants are nanoseconds, measured by ``benchmarks/costs.py`` for float32 on one
machine.  What grows with the samples scales with their bytes, what a call costs does
not.  Only the order of the estimates matters.
"""

from dataclasses import dataclass
from math import log2, prod

import numpy as np

from convadjoint.engines import blocked, combed
from convadjoint.engines.arrays import RANK
from convadjoint.engines.crossing import joins
from convadjoint.engines.depthwise.lanes import pays
from convadjoint.engines.nested.minimal import Scheme
from convadjoint.engines.nested.rounds import SHORT
from convadjoint.engines.presence import likely
from convadjoint.engines.protocol import Array
from convadjoint.engines.separable import products
from convadjoint.engines.tiles import PARTS
from convadjoint.engines.winograd import schemes
from convadjoint.geometry import ConvSpec
from convadjoint.geometry.phases import Phase, phases

__all__ = ["estimates"]

TILE = 0.0055  # one multiplication with addition in a register tile
TILED = 64, 512  # bytes of a row of it, at least and at most
LANES = 64  # bytes of a vector
MOVE = 0.08  # one sample into or out of a band
LINE = 3.0  # one row into or out of a band
PICK = 1.1  # one sample into a band, if there are many between two of them
PLACE = 0.2  # one sample out of it, if so
TURN = 0.045  # one sample if lanes are channels, or rows are read where they lie
COMPLEX = 3.3  # how many times as long a complex multiplication takes there, per byte
COMPLEX_OTHERS = 1.5  # the same by NumPy
COMPLEX_ENTRY = 2.0  # the same of an entry in a sparse product
COMPLEX_WAVE = 1.1  # the same of a sample of a transform
COMPLEX_MIXED = 3.0  # the same of a product of two frequencies
SPLIT = 0.75  # one complex sample of a pass, taken apart or put together
SPLITS = 20_000.0  # one such pass
START = 9_000.0  # one product with the compiled engine
SECOND = 700.0  # what a second pass adds to that
SUM = 0.45  # one sample of a product added to another
BORDER = 18_000.0  # one axis extended or folded by NumPy
FOLD = 4_000.0  # one axis folded after a compiled product
CALL = 6_000.0  # one call of NumPy with its slices
PRODUCT = 0.33  # one sample times one tap, added to the result
ENTRY = 0.4  # one entry of C in a sparse product
COPY = 0.25  # one sample laid out for a product of matrices
FLOP = 0.012  # one multiplication with addition inside BLAS
WAVE = 0.12  # one sample of a transform of SciPy, per doubling of its length
MIX = 0.6  # one product of two frequencies there
COMPILED_WAVE = 0.033  # the same of the compiled transforms
COMPILED_MIX = 0.2  # and of their products
COMPILED_THIRD = 1.7  # how much longer both take if there are three axes
COMPILED_WAVES = 80_000.0  # one product with them
NEST = 60_000.0  # one product of nested tiles
BLOCK = 0.0044  # one multiplication with addition in those
LAY = 0.13  # one sample of a line of sums
TAKE = 0.1  # one product of an output
WEIGHT = 0.1  # one weight
SIDE = 0.12  # one sample of an input or output of those, or of a pass
ROW = 8.0  # one row of them
WEAVE = 1.0  # one of its samples, if it is too short for vectors


def estimates(spec: ConvSpec, kernel: Array) -> dict[str, float]:
    """Return the seconds that each engine should take for one product.

    There is none for `separable` where nothing can be separated, for `winograd` where no
    axis can be nested, and for what is compiled where there is no compiler.
    """
    work = _Work(spec, kernel, tuple(phases(axis) for axis in spec.axes))
    scale = kernel.itemsize / 4
    borders = sum(map(bool, (*spec.extend, *spec.fold))) * BORDER
    more = scale * (COMPLEX_OTHERS if work.is_complex else 1)
    found = {
        "taps": work.calls() * CALL + work.taps() * more + borders,
        "sparse": 2.5 * CALL
        + work.sparse() * (scale + 1) / 2 * (COMPLEX_ENTRY if work.is_complex else 1),
        "gemm": work.blocks() * CALL + work.gemm() * more + borders,
        "fft": work.transforms() * CALL
        + work.fft(WAVE, MIX) * (scale + 1) / 2
        + borders,
    }
    separable = len(spec.axes) > 1 and spec.c_in == spec.c_out == spec.groups
    if separable:
        calls = sum(2 + axis.k for axis in spec.axes)
        passes = sum(work.passes()) * spec.batch * spec.c_out * PRODUCT
        found["separable"] = calls * CALL + passes * scale + borders
    if likely():
        # Compiled code extends by itself; folding is left to NumPy.
        folds = sum(map(bool, spec.fold)) * FOLD
        splits = SPLITS if work.is_complex else 0
        found["direct"] = START + splits + folds + work.direct() * scale
        third = COMPILED_THIRD if len(spec.axes) == RANK else 1
        waves = work.fft(COMPILED_WAVE, COMPILED_MIX) * third
        found["fft"] = COMPILED_WAVES + folds + waves * scale
        if separable:
            count = len(spec.axes) - joins(spec.axes)
            samples, rows = work.moved()
            moved = count * (samples * SIDE + rows * LINE)
            moved += len(spec.axes) * samples * work.split()
            passes = (
                (START + splits) * count + SECOND + (work.separable() + moved) * scale
            )
            found["separable"] = passes + folds
        nested = None if work.is_complex else schemes(spec.axes)
        if nested is not None:
            found["winograd"] = NEST + folds + work.winograd(nested) * scale
    if separable and min(found, key=found.__getitem__) == "separable":
        # Only now is it worth while to ask how many products the kernel is the sum of.
        count = products(kernel[:, 0])
        sums = (count - 1) * prod(spec.dimsd) * SUM * scale
        found["separable"] = count * found["separable"] + sums
    return {name: nanoseconds * 1e-9 for name, nanoseconds in found.items()}


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """The counts that the estimates are made of."""

    spec: ConvSpec
    kernel: Array
    lines: tuple[tuple[Phase, ...], ...]

    def direct(self) -> float:
        """Tiles of registers, filled as well as the innermost axis allows."""
        samples, rows = self.moved()
        given = self.spec, self.kernel
        if self._lanes() or blocked.fits(*given) or combed.fits(*given):
            return self._pairs() * TILE + samples * TURN
        moves = samples * (MOVE + self.split()) + rows * LINE
        return self._tiled(self._joined()) + moves + self._scattered()

    def split(self) -> float:
        """What it takes to take a sample apart, or to put it together."""
        return SPLIT if self.is_complex else 0.0

    @property
    def is_complex(self) -> bool:
        """Whether the kernel is complex: real tiles then take it apart."""
        return self.kernel.dtype.kind == "c"

    def _scattered(self) -> float:
        """Samples that are moved one by one."""
        line = self.lines[-1] if self.lines else ()
        if not line:
            return 0.0
        picked = prod(self.spec.dims) * (line[0].step_in > PARTS)
        placed = prod(self.spec.dimsd) * (line[0].step_out > PARTS)
        return picked * PICK + placed * PLACE

    def _lanes(self) -> bool:
        """Whether channels are lanes, of the longest vectors that there are."""
        spec, itemsize = self.spec, self.kernel.itemsize
        alone = spec.c_in == spec.c_out == spec.groups >= LANES // itemsize
        return alone and not self.is_complex and pays(spec, itemsize)

    def moved(self) -> tuple[float, float]:
        """Samples and rows of both sides."""
        sides = self.spec.dims, self.spec.dimsd
        return sum(map(prod, sides)), sum(prod(side[:-1]) for side in sides)

    def _tiled(self, joined: float) -> float:
        """Cost of tiles for `joined` pairs of a tap and an output sample."""
        spec, row = self.spec, self.spec.axes[-1].q
        pairs = spec.batch * spec.c_out * (spec.c_in // spec.groups) * joined
        if spec.c_out == spec.groups:
            # A tile holds some rows of vectors: of one, if they are short.
            least, most = (nbytes // self.kernel.itemsize for nbytes in TILED)
            width = min(max(1 << (row - 1).bit_length(), least), most)
            pairs *= -(-row // width) * width / row
        return pairs * TILE * (COMPLEX if self.is_complex else 1)

    def winograd(self, nested: tuple[Scheme, ...]) -> float:
        """Tiles of sums, laid out, multiplied and taken together."""
        spec = self.spec
        signals, c_in = spec.batch, spec.c_in // spec.groups
        lanes = 256 // self.kernel.itemsize
        tiles = signals * prod(one.tiles for one in nested)
        rows = -(-spec.c_out // spec.groups // 6) * 6 * spec.groups
        weights = prod(sum(map(len, one.products)) for one in nested) * rows * c_in
        laid = prod(len(one.lines) for one in nested) * spec.c_in * tiles
        taken = prod(len(one.products) for one in nested) * spec.c_out * tiles
        full = -(-tiles // lanes) * lanes
        samples, rows_ = self.moved()
        woven = signals > 1 and nested[2].tiles < SHORT
        sides = samples * (SIDE + woven * WEAVE) + rows_ * ROW
        sums = laid * LAY + taken * TAKE
        return weights * (full * BLOCK + WEIGHT) + sums + sides

    def _mixes(self) -> bool:
        """Whether several channels are read and written at once."""
        return min(self.spec.c_in, self.spec.c_out) > self.spec.groups

    def calls(self) -> int:
        """Each weight is a product of slices, or each tap one of matrices."""
        if self._mixes():
            return 2 + 2 * prod(self.kernel.shape[2:])
        return 2 + int(np.count_nonzero(self.kernel))

    def taps(self) -> float:
        """Slices are read, multiplied, and added."""
        spec = self.spec
        if self._mixes():
            moved = (spec.c_in * COPY + spec.c_out * PRODUCT) * self._joined()
            return spec.batch * moved + self._pairs() * FLOP
        return self._entries() * PRODUCT

    def passes(self) -> list[float]:
        """Pairs of a tap and an output of each axis, over the larger side of the others."""
        joined = [sum(len(p.taps) * p.q for p in line) for line in self.lines]
        sides = [max(axis.n, axis.q) for axis in self.spec.axes]
        return [
            count * prod(sides) / side
            for count, side in zip(joined, sides, strict=True)
        ]

    def separable(self) -> float:
        """Tiles of all passes."""
        return sum(map(self._tiled, self.passes()))

    def sparse(self) -> float:
        """Every entry of C."""
        return self._entries() * ENTRY

    def blocks(self) -> float:
        """Calls for each signal and output phase, and for each block."""
        spec = self.spec
        columns = spec.batch * spec.c_in * self._joined()
        return 2 + 3 * spec.batch * prod(map(len, self.lines)) + columns / 12_500

    def gemm(self) -> float:
        """Every sample is copied once per tap that reads it."""
        spec = self.spec
        columns = spec.batch * spec.c_in * self._joined()
        # A product of matrices with few rows is no faster than copying.
        rows = spec.c_out // spec.groups
        return columns * (COPY + max(rows * FLOP, COPY / 2))

    def _phases(self) -> tuple[int, int, int]:
        """Input phases, output phases, and pairs of them that taps join."""
        return (
            prod(len({p.first_in for p in line}) for line in self.lines),
            prod(len({p.first_out for p in line}) for line in self.lines),
            prod(len(line) for line in self.lines),
        )

    def transforms(self) -> float:
        """Calls for all phases and axes."""
        sources, targets, pairs = self._phases()
        return 8 + 5 * len(self.lines) * (sources + targets) + 2 * pairs

    def fft(self, wave: float, mix: float) -> float:
        """Transforms of all phases, and their products."""
        spec = self.spec
        size = prod(_length(line) for line in self.lines)
        sources, targets, pairs = self._phases()
        waves = (sources * spec.c_in + targets * spec.c_out) * log2(2 * size) * wave
        mixes = pairs * spec.c_out * (spec.c_in // spec.groups) * mix
        if self.is_complex:
            waves, mixes = COMPLEX_WAVE * waves, COMPLEX_MIXED * mixes
        return spec.batch * size * (waves + mixes)

    def _entries(self) -> float:
        """About the entries of C: taps that are zero make none."""
        return self._pairs() * int(np.count_nonzero(self.kernel)) / self.kernel.size

    def _pairs(self) -> int:
        """Products of a weight and a sample."""
        spec = self.spec
        channels = spec.c_out * (spec.c_in // spec.groups)
        return spec.batch * channels * self._joined()

    def _joined(self) -> int:
        """Pairs of a tap and an output sample, over all axes."""
        return prod(sum(len(p.taps) * p.q for p in line) for line in self.lines)


def _length(line: tuple[Phase, ...]) -> int:
    """About the length of a transform along an axis."""
    return max((max(p.n, p.q) + len(p.taps) // 2 for p in line), default=1)
