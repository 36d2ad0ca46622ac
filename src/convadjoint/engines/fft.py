"""Convolution as a product of spectra, for large kernels and circular boundaries.

Strides are split into dense phases first (`geometry.phases`), so no transform sees an
inserted zero.  The transforms are just so long that wrap-around falls on samples that
are thrown away: about ``n + k/2`` for padding "same", not ``n + k - 1``.  A circular
boundary is what a transform has by itself, and needs no extension.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt
import scipy.fft

from convadjoint.engines.extension import extend, fold
from convadjoint.engines.fourier import spectra
from convadjoint.engines.fourier.blocks import BlockedPlan, in_blocks
from convadjoint.engines.fourier.lines import Line, placed
from convadjoint.engines.fourier.transforms import Transform
from convadjoint.engines.magnitude import largest
from convadjoint.engines.memory import require
from convadjoint.engines.protocol import Array, Index, Plan
from convadjoint.engines.taming import scale, tamed
from convadjoint.geometry import Border, ConvSpec
from convadjoint.geometry.phases import Phase

__all__ = ["FftPlan", "plan", "refuses"]

# Bytes of spectra at once: larger images go block by block, signals some at a time.
BYTES = 2**28

Integers = npt.NDArray[np.int64]
Borders = tuple[Border | None, ...]
Phases = tuple[Phase, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """An input phase, and the spectrum ``(groups, c_out/g, c_in/g, *frequencies)``."""

    number: int
    source: Index
    spectrum: Array


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """An output phase: where its samples go, and what makes them."""

    target: Index
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FftPlan:
    """Spectra of the kernel, by output and input phase.

    `extend` and `fold` are the borders that are no business of the transform; `sizes`
    are the spatial lengths before the fold.  The kernel of an output channel is
    `2**exponents` times that of the spectra.
    """

    spec: ConvSpec
    extend: Borders
    fold: Borders
    sizes: tuple[int, ...]
    transform: Transform
    itemsize: int
    exponents: Integers | int = 0
    outputs: tuple[Output, ...] = ()

    # A transform meets all samples.
    tap_by_tap = False

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        spec, batch = self.spec, x.shape[0]
        x = extend(x, self.extend)
        x = x.reshape(batch, spec.groups, spec.c_in // spec.groups, *x.shape[2:])
        shape = (batch, spec.groups, spec.c_out // spec.groups, *self.sizes)
        y = np.zeros(shape, x.dtype)
        some = max(1, BYTES // self.nbytes)
        for first in range(0, batch, some):
            self._transform(x[first : first + some], y[first : first + some])
        y = y.reshape(batch, spec.c_out, *self.sizes)
        scale(y.swapaxes(0, 1), self.exponents)
        return fold(y, self.fold)

    @property
    def nbytes(self) -> int:
        """Bytes of the spectra of one signal, about."""
        channels = self.spec.c_in + self.spec.c_out
        return channels * prod(self.transform.lengths) * self.itemsize

    def _transform(self, x: Array, y: Array) -> None:
        """Write the products of some signals to `y`."""
        seen: dict[int, Array] = {}
        for output in self.outputs:
            self.transform.inverse(self._total(x, output, seen), y[output.target])

    def _total(self, x: Array, output: Output, seen: dict[int, Array]) -> Array:
        """Spectrum of an output phase; transforms of input phases are kept in `seen`."""
        total = np.zeros(1, x.dtype)
        for count, term in enumerate(output.terms):
            alone = len(self.outputs) == len(output.terms) == 1
            if term.number not in seen:
                source = x[term.source]
                seen[term.number] = self.transform.forward(source, keep=not alone)
            part = _mixed(term.spectrum, seen[term.number], overwrite=alone)
            total = np.add(total, part, out=total) if count else part
        return total


def refuses(spec: ConvSpec, kernel: Array) -> str | None:  # noqa: ARG001
    """Nothing is refused."""
    return None


def plan(spec: ConvSpec, kernel: Array) -> Plan:
    """Take the compiled transforms if they suit, else SciPy's."""
    return spectra.plan(spec, kernel) or _plan(spec, kernel)


def _plan(spec: ConvSpec, kernel: Array) -> Plan:
    """Transform `kernel`, one pair of phases after the other."""
    lines = [
        Line.of(axis, before, after, _quick)
        for axis, before, after in zip(spec.axes, spec.extend, spec.fold, strict=True)
    ]
    real = kernel.dtype.kind != "c"
    empty = FftPlan(
        spec=spec,
        extend=tuple(line.extend for line in lines),
        fold=tuple(line.fold for line in lines),
        sizes=tuple(line.size for line in lines),
        # Only the last axis has real samples.
        transform=Transform(
            tuple(_length(line, real and line is lines[-1]) for line in lines), real
        ),
        itemsize=kernel.itemsize,
    )
    if empty.nbytes > BYTES and spec.axes:
        blocks = in_blocks(spec, 2 * empty.nbytes // BYTES)
        if blocks is not None:
            return BlockedPlan(spec, blocks, _plan(blocks.spec, kernel))
    shape = (spec.groups, spec.c_out // spec.groups, spec.c_in // spec.groups)
    pairs_count = prod(len(line.phases) for line in lines)
    nbytes = prod((*shape, pairs_count, *empty.transform.lengths)) * kernel.itemsize
    require(nbytes, "the spectra of the kernel")
    tame, exponents = tamed(kernel, largest(kernel))
    empty = replace(empty, exponents=exponents)
    grouped = tame.reshape(*shape, *kernel.shape[2:])
    found: dict[tuple[int, ...], list[tuple[Phases, Array]]] = defaultdict(list)
    for pairs in product(*(line.phases for line in lines)):
        spectrum = empty.transform.forward(
            placed(grouped, pairs, empty.transform.lengths, (0,) * len(pairs))
        )
        found[tuple(pair.first_out for pair in pairs)].append((pairs, spectrum))
    return replace(empty, outputs=_outputs(found.values()))


def _outputs(found: Iterable[list[tuple[Phases, Array]]]) -> tuple[Output, ...]:
    """Number the input phases, so that each is transformed once per product."""
    numbers: dict[tuple[int, ...], int] = {}
    outputs = []
    for group in found:
        terms = []
        for pairs, spectrum in group:
            first = tuple(pair.first_in for pair in pairs)
            number = numbers.setdefault(first, len(numbers))
            source: Index = (..., *(pair.input for pair in pairs))
            terms.append(Term(number, source, spectrum))
        target: Index = (..., *(pair.output for pair in group[0][0]))
        outputs.append(Output(target, tuple(terms)))
    return tuple(outputs)


def _quick(length: int) -> bool:
    """Whether a transform of this length is quick."""
    return bool(scipy.fft.next_fast_len(length) == length)


def _length(line: Line, real: bool) -> int:
    """Length of the transform of an axis."""
    if line.period is not None:
        return line.period
    return int(scipy.fft.next_fast_len(line.least, real))


def _mixed(spectrum: Array, x: Array, *, overwrite: bool) -> Array:
    """Product over the frequencies, summed over input channels."""
    if x.shape[2] == 1:
        fits = overwrite and spectrum.shape[1] == 1
        return np.multiply(x, spectrum[:, :, 0], out=x if fits else None)
    mixed: Array = np.einsum("goi...,bgi...->bgo...", spectrum, x)
    return mixed
