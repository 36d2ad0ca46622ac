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
import scipy.fft

from convadjoint.engines.blocks import BlockedPlan, in_blocks
from convadjoint.engines.extension import extend, fold
from convadjoint.engines.memory import require
from convadjoint.engines.protocol import Array, Index, Plan
from convadjoint.engines.transforms import Transform
from convadjoint.geometry import Axis, Border, ConvSpec
from convadjoint.geometry.phases import Phase, phases

__all__ = ["FftPlan", "plan", "refuses"]

# Bytes of spectra at once: larger images go block by block, signals some at a time.
BYTES = 2**28

# Powers of two that float32 holds.
_STEP = 100

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
    are the spatial lengths before the fold.  The kernel is `2**exponent` times that of
    the spectra.
    """

    spec: ConvSpec
    extend: Borders
    fold: Borders
    sizes: tuple[int, ...]
    transform: Transform
    itemsize: int
    exponent: int = 0
    outputs: tuple[Output, ...] = ()

    # A transform meets all samples.
    tap_by_tap = False

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        spec, batch = self.spec, x.shape[0]
        x, exponent = _tamed(extend(x, self.extend))
        x = x.reshape(batch, spec.groups, spec.c_in // spec.groups, *x.shape[2:])
        shape = (batch, spec.groups, spec.c_out // spec.groups, *self.sizes)
        y = np.zeros(shape, x.dtype)
        some = max(1, BYTES // self.nbytes)
        for first in range(0, batch, some):
            self._transform(x[first : first + some], y[first : first + some])
        _scale(y, exponent + self.exponent)
        return fold(y.reshape(batch, spec.c_out, *self.sizes), self.fold)

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
    """Transform `kernel`, one pair of phases after the other."""
    lines = [
        _Line.of(axis, before, after)
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
            tuple(line.length(real and line is lines[-1]) for line in lines), real
        ),
        itemsize=kernel.itemsize,
    )
    if empty.nbytes > BYTES and spec.axes:
        blocks = in_blocks(spec, 2 * empty.nbytes // BYTES)
        if blocks is not None:
            return BlockedPlan(spec, blocks, plan(blocks.spec, kernel))
    shape = (spec.groups, spec.c_out // spec.groups, spec.c_in // spec.groups)
    pairs_count = prod(len(line.phases) for line in lines)
    nbytes = prod((*shape, pairs_count, *empty.transform.lengths)) * kernel.itemsize
    require(nbytes, "the spectra of the kernel")
    tamed, exponent = _tamed(kernel)
    empty = replace(empty, exponent=exponent)
    grouped = tamed.reshape(*shape, *kernel.shape[2:])
    found: dict[tuple[int, ...], list[tuple[Phases, Array]]] = defaultdict(list)
    for pairs in product(*(line.phases for line in lines)):
        spectrum = empty.transform.forward(
            _placed(grouped, pairs, empty.transform.lengths)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One axis: its dense phases, and the borders that are left to fill.

    `period` is set where the boundary is circular and the transform's own period does
    the wrapping; then no border is left.
    """

    phases: Phases
    size: int
    extend: Border | None = None
    fold: Border | None = None
    period: int | None = None

    @classmethod
    def of(cls, axis: Axis, extend: Border | None, fold: Border | None) -> "_Line":
        """Split an axis; take a circular border into the transform if that is quick."""
        border = extend or fold
        if border is None or not _wraps(axis, border, fold is not None):
            return cls(phases=phases(axis), size=axis.q, extend=extend, fold=fold)
        lead = -border.lo if extend else border.lo - axis.lo
        size = axis.q if extend else border.n
        whole = Phase(
            first_in=0,
            first_out=0,
            step_in=1,
            step_out=1,
            n=border.n,
            q=size,
            taps=tuple(range(axis.k)),
            shifts=tuple(j * axis.d + lead for j in range(axis.k)),
        )
        return cls(phases=(whole,), size=size, period=border.n)

    def length(self, real: bool) -> int:
        """Length of the transform: no kept sample may see what wraps around."""
        if self.period is not None:
            return self.period
        least = 1
        for pair in self.phases:
            before = pair.n - min(0, *pair.shifts)
            after = pair.q + max(0, *pair.shifts)
            least = max(least, before, after)
        return int(scipy.fft.next_fast_len(least, real))


def _wraps(axis: Axis, border: Border, folded: bool) -> bool:
    """Whether the transform's period may stand for a circular border.

    It may if no tap leaves the extended signal, and the transform of the signal's own
    length is quick.
    """
    forward = axis.transpose() if folded else axis
    return (
        border.mode == "circular"
        and axis.s == axis.t == 1
        and forward.lo == 0
        and forward.q - 1 + forward.reach < forward.n
        and forward.q <= border.n
        and scipy.fft.next_fast_len(border.n) == border.n
    )


def _placed(kernel: Array, pairs: Phases, lengths: tuple[int, ...]) -> Array:
    """The taps of one combination of phases, laid out for a circular correlation."""
    channels = [np.arange(length) for length in kernel.shape[:3]]
    taps = [np.array(pair.taps) for pair in pairs]
    places = [
        -np.array(pair.shifts) % length
        for pair, length in zip(pairs, lengths, strict=True)
    ]
    placed = np.zeros((*kernel.shape[:3], *lengths), kernel.dtype)
    # Taps may meet: a circular axis can be shorter than the kernel.
    np.add.at(placed, np.ix_(*channels, *places), kernel[np.ix_(*channels, *taps)])
    return placed


def _mixed(spectrum: Array, x: Array, *, overwrite: bool) -> Array:
    """Product over the frequencies, summed over input channels."""
    if x.shape[2] == 1:
        fits = overwrite and spectrum.shape[1] == 1
        return np.multiply(x, spectrum[:, :, 0], out=x if fits else None)
    mixed: Array = np.einsum("goi...,bgi...->bgo...", spectrum, x)
    return mixed


def _scale(y: Array, exponent: int) -> None:
    """Multiply by a power of two, in steps that do not overflow by themselves."""
    while exponent:
        step = max(-_STEP, min(_STEP, exponent))
        y *= y.real.dtype.type(2.0**step)
        exponent -= step


def _tamed(x: Array) -> tuple[Array, int]:
    """Scale by a power of two what may leave the range when it is summed or multiplied."""
    parts = (x.real, x.imag) if np.iscomplexobj(x) else (x,)
    largest = max((max(part.max(), -part.min()) for part in parts if x.size), default=0)
    bound = np.sqrt(np.sqrt(np.finfo(x.real.dtype).max))
    if not largest or 1 / bound < largest < bound:
        return x, 0
    exponent = int(np.frexp(largest)[1])
    x = x.copy()
    _scale(x, -exponent)
    return x, exponent
