"""Fewer multiplications for many channels and small kernels: minimal filtering.

Each axis is a scheme of `minimal`: tiles of two outputs.  A band of tiles is laid out as
lines of sums of samples; every product of the nested schemes is then one product of
matrices, channels by channels, in tiles of registers as in `direct`; the outputs are sums
of those.  Where weights are large, all lines are laid out before any is multiplied.
"""

from dataclasses import dataclass, field
from functools import cache, lru_cache
from math import prod

import numpy as np
import numpy.typing as npt

from convadjoint.engines import direct, taps
from convadjoint.engines.arrays import RANK, address, layout_of, section, walkable
from convadjoint.engines.calls import Call
from convadjoint.engines.extension import fold
from convadjoint.engines.frames import LINE as _LINE
from convadjoint.engines.guard import Guarded
from convadjoint.engines.nested.minimal import IDLE, Scheme, scheme
from convadjoint.engines.nested.nesting import Packed, packed
from convadjoint.engines.nested.rounds import Band, Round, banded, rounds
from convadjoint.engines.pool import num_threads
from convadjoint.engines.program import joined
from convadjoint.engines.protocol import Array, Plan
from convadjoint.engines.scratch import fresh, scratch
from convadjoint.geometry import Axis, ConvSpec
from convadjoint.geometry.phases import phases

__all__ = ["plan", "refuses", "schemes"]

Integers = npt.NDArray[np.int64]
Schemes = tuple[Scheme, Scheme, Scheme]

# A tap that is so many roundings of the largest.
_NOTHING = 16
# Lines of one channel: an axis that stays as it is has one for each tap.
_MOST_LINES = 256


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What the compiled code takes for bands of some size: numbers, sizes of buffers."""

    numbers: Integers
    rows: int
    laid: int
    products: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WinogradPlan:
    """Bands of tiles: laid out, multiplied, written.

    A sample reaches those outputs only that its taps reach, with the rounding of the
    largest of them; it `mixes` them if that is much for another, as for one of zero.
    """

    spec: ConvSpec
    kernel: Array
    schemes: Schemes
    packed: Packed
    form: int
    axes: tuple[Integers, ...]
    mixes: bool
    programs: dict[Band, Program] = field(default_factory=dict)
    others: list[Guarded] = field(default_factory=list)

    @property
    def tap_by_tap(self) -> bool:
        """Whether rounding stays where it belongs; what is not finite does, in `apply`."""
        return not self.mixes

    def apply(self, x: Array) -> Array:
        """Map ``(batch, c_in, *n)`` to a new ``(batch, c_out, *q)``."""
        spec = self.spec
        if not walkable(x):
            x = x.copy()
        shape = (len(x), spec.c_out, *(axis.q for axis in spec.axes))
        covers = all(len(one.outputs) == one.step_out for one in self.schemes)
        y = fresh(shape, x.dtype, written=covers)
        if not x.size or not y.size:
            return fold(y, spec.fold)
        threads = num_threads()
        band = banded(self.schemes, self.kernel, len(x), _tiles(x.itemsize)[self.form])
        program = self.programs.get(band) or self._program(band)
        layout = layout_of(x.shape, x.strides, y.shape, spec.groups, x.itemsize)
        given = [x, y]
        if band.shared:
            given.append(_aligned("laid", program.laid, x.dtype))
        strange = False
        for one in rounds(band, len(x), threads):
            call = self._call(one, program, layout, threads)
            strange |= bool(call.make(*given))
        if strange:
            return self._careful().apply(x)
        return fold(y, spec.fold)

    def _call(
        self, one: Round, program: Program, layout: Integers, threads: int
    ) -> Call:
        """What a round gives to the compiled code."""
        weights = self.packed.weights
        itemsize, rows = weights.itemsize, _up(program.rows, _LINE // weights.itemsize)
        return Call.of(
            _compiled(weights.dtype),
            (
                8 if itemsize == 4 else 10,
                0 if one.shared else program.laid * itemsize,
                (rows + program.products) * itemsize,
            ),
            (None, None, None, program.numbers, weights, layout, one.jobs),
            # Jobs, where products begin; the next job; whether something is not finite.
            (one.count, rows, 0, 0),
            threads=max(1, min(threads, one.count)),
        )

    def _careful(self) -> Guarded:
        """The engine that keeps apart what is not finite, or near the end of range."""
        if not self.others:
            kernel = self.kernel.reshape(self.spec.kernel_shape)
            inner = direct.plan(self.spec, kernel)
            self.others.append(Guarded(self.spec, kernel, inner, "direct", ""))
        return self.others[0]

    def _program(self, band: Band) -> Program:
        """Work out what depends on the size of a band."""
        from convadjoint.engines import primitives, rows  # noqa: PLC0415

        m, width = _tiles(self.kernel.itemsize)[self.form]
        lanes = primitives.VECTOR_BYTES // self.kernel.itemsize
        weave = band.signals if band.woven else 1
        across = self.schemes[2]
        far = max((max(a, b) - across.first) // across.step for a, b, _ in across.lines)
        chunk = band.sizes[2] * weave
        deep, high = (
            one.step * (count - 1) + one.reach + 1
            for one, count in zip(self.schemes[:2], band.sizes[:2], strict=True)
        )
        down = self.schemes[1].step
        line = _up(-(-high // down) * chunk, lanes) + lanes
        apart = _up((band.sizes[2] + far) * weave, lanes) + lanes
        held = deep * high * across.step * apart
        temp = held + deep * len(across.lines) * down * line
        most = max(across.step * (band.sizes[2] + far), 4 * line)
        sums = temp + _up(most, lanes) + lanes
        made = [len(one.outputs) for one in self.schemes]
        inner = [len(one.products) for one in self.schemes]
        products = prod(inner)
        tiles = prod(band.sizes) * band.signals
        pitch = _up(tiles, width) + lanes
        laid = self._distance(self.kernel.shape[2] * pitch)
        made_at = self._distance(band.most * m * pitch)
        scalars = (
            *(m, width, self.form, rows.LINE_BYTES // self.kernel.itemsize),
            *(self.packed.weights.shape[1], products, band.most, line, pitch),
            *(int(band.woven), apart, held, temp, sums, laid, made_at),
        )
        numbers = joined(
            (
                scalars,
                *self.axes,
                *(_lines(one) for one in self.schemes),
                *(_outputs(one) for one in self.schemes),
                [one.step for one in self.schemes],
                [len(one.lines) for one in self.schemes],
                [self.schemes[0].reach, self.schemes[1].reach, far],
                [one.step_out for one in self.schemes],
                [*made, *inner],
                self.packed.lines * laid + self.packed.channels * pitch,
                self.packed.ends,
                self.packed.starts,
                self.packed.part_ends,
            )
        )
        lines = prod(len(one.lines) for one in self.schemes)
        found = Program(
            numbers,
            sums + (3 * inner[2] + made[2]) * pitch,
            lines * laid,
            products * made_at,
        )
        return self.programs.setdefault(band, found)

    def _distance(self, samples: int) -> int:
        """At least so many samples, but no lines that a cache keeps in one place."""
        page, step = 4096 // self.kernel.itemsize, 576 // self.kernel.itemsize
        return samples + (step - samples) % page


def _lines(one: Scheme) -> list[tuple[int, ...]]:
    """Lines as the compiled code takes them."""
    return [
        (
            2 if sign else 1,
            *((a - one.first) % one.step, (a - one.first) // one.step),
            *((b - one.first) % one.step, (b - one.first) // one.step),
            sign,
        )
        for a, b, sign in one.lines
    ]


def _outputs(one: Scheme) -> list[tuple[int, ...]]:
    """Outputs as the compiled code takes them, in order."""
    rows = []
    for output in sorted(one.outputs, key=lambda output: output.place):
        padded = (*output.terms, *((0, 0),) * (3 - len(output.terms)))
        numbers = (number for number, _ in padded)
        signs = (sign for _, sign in padded[1:])
        rows.append((output.place, len(output.terms), *numbers, *signs))
    return rows


def _up(count: int, unit: int) -> int:
    """The least multiple of a unit that holds a count."""
    return -(-count // unit) * unit


def _aligned(name: str, size: int, dtype: np.dtype[np.inexact]) -> Array:
    """A buffer that begins where a line of the cache does."""
    more = _LINE // dtype.itemsize
    buffer = scratch(f"winograd-{name}", (size + more,), dtype)
    first = -address(buffer) % _LINE // dtype.itemsize
    return buffer[first : first + size]


def _tiles(itemsize: int) -> list[tuple[int, int]]:
    """Rows and samples of the tiles of registers."""
    from convadjoint.engines import primitives  # noqa: PLC0415 - needs llvmlite
    from convadjoint.engines.nested import blending  # noqa: PLC0415 - needs llvmlite

    lanes = primitives.VECTOR_BYTES // itemsize
    return [(m, v * lanes) for m, v in blending.FORMS]


@cache
def _compiled(dtype: np.dtype[np.inexact]) -> int:
    """The address of the compiled part, which needs llvmlite."""
    from convadjoint.engines.nested import nest  # noqa: PLC0415

    address: int = nest.runner(dtype).address
    return address


@lru_cache(maxsize=256)
def schemes(axes: tuple[Axis, ...]) -> Schemes | None:
    """The schemes of three axes; None if none of them saves anything."""
    if len(axes) > RANK or not all(map(phases, axes)):
        return None
    idle = [IDLE] * (RANK - len(axes))
    outer = [scheme(axis, few=True) for axis in axes[:-1]]
    first, second, third = (*idle, *outer, scheme(axes[-1], few=False))
    found = first, second, third
    return found if any(one.nested for one in found) else None


def _uneven(kernel: Array) -> bool:
    """Whether some taps are nothing next to the rounding of others."""
    sizes: Array = np.abs(kernel)
    eps = float(np.finfo(kernel.real.dtype).eps)
    return bool(sizes.min() <= _NOTHING * eps * sizes.max())


def refuses(spec: ConvSpec, kernel: Array) -> str | None:
    """Refuse what no compiler is there for, or no axis gains from."""
    trouble = direct.refuses(spec, kernel)
    if trouble is not None:
        return trouble
    if kernel.dtype.kind == "c":
        return "it knows real kernels only"
    found = schemes(spec.axes)
    if found is None:
        return "no axis has two or three neighbouring taps, and two outputs, to share"
    lines = prod(len(one.lines) for one in found)
    if lines > _MOST_LINES:
        return f"it would lay out {lines} lines per channel, more than {_MOST_LINES}"
    return None


def plan(spec: ConvSpec, kernel: Array) -> Plan:
    """Combine the weights, and pack them for the tiles."""
    found = schemes(spec.axes)
    if found is None or not kernel.any():
        return taps.plan(spec, kernel)
    idle = RANK - len(spec.axes)
    groups = spec.groups
    shape = (groups, spec.c_out // groups, spec.c_in // groups)
    grouped = kernel.reshape(*shape, *(1,) * idle, *kernel.shape[2:])
    tiles = _tiles(kernel.itemsize)
    form = min(
        range(len(tiles)),
        key=lambda form: banded(found, grouped, spec.batch or 1, tiles[form]).padded,
    )
    borders = [(None, 1)] * idle + [
        (border, axis.n) for border, axis in zip(spec.extend, spec.axes, strict=True)
    ]
    starts = [[one.first] for one in found[:2]]
    starts.append(list(range(found[2].first, found[2].first + found[2].step)))
    steps = (1, 1, found[2].step)
    return WinogradPlan(
        spec=spec,
        kernel=grouped,
        schemes=found,
        packed=packed(grouped, found, tiles[form][0]),
        form=form,
        mixes=_uneven(kernel),
        axes=tuple(
            section(first, step, *border)
            for first, step, border in zip(starts, steps, borders, strict=True)
        ),
    )
