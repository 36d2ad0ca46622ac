"""What a product should cost with each engine, from the integers of the problem.

The constants are nanoseconds, measured by ``benchmarks/costs.py`` for float32 on one
machine; other dtypes scale with the bytes of a sample.  Only the order of the
estimates matters.
"""

from dataclasses import dataclass
from math import log2, prod

import numpy as np

from convadjoint.engines.protocol import Array
from convadjoint.geometry import ConvSpec
from convadjoint.geometry.phases import Phase, phases

__all__ = ["estimates"]

TILE = 0.008  # one multiplication with addition in a register tile
MOVE = 0.3  # one sample into or out of a band
START = 25_000.0  # one product with the compiled engine, or with BLAS
BORDER = 12_000.0  # one axis extended or folded
CALL = 3_000.0  # one call of NumPy with its slices
PRODUCT = 0.33  # one sample times one tap, added to the result
ENTRY = 0.4  # one entry of C in a sparse product
COPY = 0.25  # one sample laid out for a product of matrices
FLOP = 0.012  # one multiplication with addition inside BLAS
WAVE = 0.13  # one sample of a transform, per doubling of its length
MIX = 0.6  # one product of two frequencies


def estimates(spec: ConvSpec, kernel: Array) -> dict[str, float]:
    """Return the seconds that each engine should take for one product.

    There is none for `separable` where nothing can be separated.
    """
    work = _Work(spec, kernel, tuple(phases(axis) for axis in spec.axes))
    scale = kernel.itemsize / 4 * 1e-9
    borders = sum(map(bool, (*spec.extend, *spec.fold))) * BORDER * 1e-9
    found = {
        "direct": work.direct() * scale + borders,
        "taps": work.taps() * scale + borders,
        "sparse": work.sparse() * (scale + 1e-9) / 2,
        "gemm": work.gemm() * scale + borders,
        "fft": work.fft() * scale + borders,
    }
    if len(spec.axes) > 1 and spec.c_in == spec.c_out == spec.groups:
        found["separable"] = work.separable() * scale + borders
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """The counts that the estimates are made of."""

    spec: ConvSpec
    kernel: Array
    lines: tuple[tuple[Phase, ...], ...]

    def direct(self) -> float:
        """Tiles of registers, filled as well as the innermost axis allows."""
        return self._tiled(self._joined(), self.spec.axes[-1].q)

    def _tiled(self, joined: float, row: int) -> float:
        """Cost of tiles for `joined` pairs of a tap and an output sample."""
        spec = self.spec
        pairs = spec.batch * spec.c_out * (spec.c_in // spec.groups) * joined
        if spec.c_out == spec.groups:
            # A tile holds two rows of some vectors, and a tap more than the kernel.
            pairs *= 1.2 * -(-row // 128) * 128 / row
        moved = prod(spec.dims) + prod(spec.dimsd)
        return START + pairs * TILE + moved * MOVE

    def taps(self) -> float:
        """Each weight is a product of slices, or each tap one of matrices."""
        spec = self.spec
        if min(spec.c_in, spec.c_out) > spec.groups:
            moved = (spec.c_in * COPY + spec.c_out * PRODUCT) * self._joined()
            taps = prod(self.kernel.shape[2:])
            return START + taps * 4 * CALL + spec.batch * moved + self._pairs() * FLOP
        return int(np.count_nonzero(self.kernel)) * CALL + self._entries() * PRODUCT

    def separable(self) -> float:
        """One pass per axis, over the larger side of the others."""
        spec = self.spec
        joined = [sum(len(p.taps) * p.q for p in line) for line in self.lines]
        sides = [max(axis.n, axis.q) for axis in spec.axes]
        samples = (
            count * prod(sides) / side
            for count, side in zip(joined, sides, strict=True)
        )
        return sum(self._tiled(count, spec.axes[-1].q) for count in samples)

    def sparse(self) -> float:
        """Every entry of C."""
        return 2 * CALL + self._entries() * ENTRY

    def gemm(self) -> float:
        """Every sample is copied once per tap that reads it."""
        spec = self.spec
        columns = spec.batch * spec.c_in * self._joined()
        calls = spec.batch * prod(len(line) for line in self.lines) + columns / 100_000
        # A product of matrices with few rows is no faster than copying.
        rows = spec.c_out // spec.groups
        return START + 8 * calls * CALL + columns * (COPY + max(rows * FLOP, COPY / 2))

    def fft(self) -> float:
        """Transforms of all phases, and their products."""
        spec = self.spec
        size = prod(_length(line) for line in self.lines)
        sources = prod(len({p.first_in for p in line}) for line in self.lines)
        targets = prod(len({p.first_out for p in line}) for line in self.lines)
        waves = (sources * spec.c_in + targets * spec.c_out) * log2(2 * size) * WAVE
        pairs = prod(len(line) for line in self.lines)
        mixes = pairs * spec.c_out * (spec.c_in // spec.groups) * MIX
        calls = 10 * (sources + targets + pairs)
        return calls * CALL + spec.batch * size * (waves + mixes)

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
