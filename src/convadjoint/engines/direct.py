"""The fastest engine for small and medium kernels: the definition, tile by tile.

Strides are split into dense phases (`geometry.phases`).  A job is a band of the output:
the input that it reads is laid out in a scratch buffer (`bands`), so that tap and channel
are one offset; `multiplying` sums over the offsets; and the rows are copied to their
place.  With several output channels a tile holds several of them; with a single one it
holds several rows, whose taps overlap.

Three kinds of problems have ways of their own: rows of single channels are read where they
lie, if they are dense (`blocked`) or strided (`combed`); and channels of depthwise layers
whose rows are short are lanes (`depthwise.lanes`).

All ranks take the same path, as three spatial axes.  Complex kernels are real ones of
twice the channels.
"""

from collections import defaultdict
from dataclasses import replace
from itertools import product
from math import prod

import numpy as np

from convadjoint.engines import blocked, combed, taps
from convadjoint.engines.adapted import ComplexPlan, FlattenedPlan
from convadjoint.engines.arrays import (
    RANK,
    SIGNALS_AS_LANES,
    UNTURNED,
    section,
)
from convadjoint.engines.banded import DirectPlan
from convadjoint.engines.bands import Line
from convadjoint.engines.cutting import cut
from convadjoint.engines.depthwise import lanes
from convadjoint.engines.orientation import (
    chosen_order,
    chosen_tile,
    idle_phase,
    last_line,
    signals_of_rows,
    weaving_tile,
)
from convadjoint.engines.packing import packed
from convadjoint.engines.presence import trouble
from convadjoint.engines.protocol import Array, Plan
from convadjoint.geometry import ConvSpec
from convadjoint.geometry.phases import Phase, dense_or_not, phases

__all__ = ["plan", "plan_rows", "refuses"]

Triple = tuple[Phase, ...]


def refuses(spec: ConvSpec, kernel: Array) -> str | None:  # noqa: ARG001
    """Refuse without llvmlite, and what has more than three convolved axes."""
    reason = trouble()
    if reason is not None:
        return reason
    if len(spec.axes) > RANK:
        return f"it knows up to {RANK} convolved axes, not {len(spec.axes)}"
    return None


def plan(spec: ConvSpec, kernel: Array) -> Plan:
    """Choose between rows and channels as lanes, and lay the weights out."""
    flat = spec.flattened()
    if flat != spec:
        inner = plan(flat, kernel.reshape(flat.kernel_shape))
        return FlattenedPlan(inner, flat.sizes, spec.dimsd[2:])
    grid = lanes.grid_of(spec, kernel)
    if grid is None:
        return plan_rows(spec, kernel)
    pays = lanes.pays(spec, kernel.itemsize) and not blocked.fits(spec, kernel)
    return lanes.plan(grid, kernel, None if pays else plan_rows(spec, kernel))


def plan_rows(spec: ConvSpec, kernel: Array) -> Plan:
    """Plan for rows of samples: where they lie, or laid out in bands."""
    if blocked.fits(spec, kernel):
        return blocked.plan(spec, kernel)
    if combed.fits(spec, kernel):
        return combed.plan(spec, kernel)
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


def _size(joined: list[Triple]) -> int:
    """Taps of an output phase."""
    return sum(prod(len(phase.taps) for phase in pairs) for pairs in joined)


def _real_plan(spec: ConvSpec, kernel: Array) -> DirectPlan:
    """Plan for a real kernel ``(groups, c_out/g, c_in/g, *k)``."""
    idle = RANK - len(spec.axes)
    groups, c_out, c_in, *lengths = kernel.shape
    kernel = kernel.reshape(groups, c_out, c_in, *(1,) * idle, *lengths)
    outer = dense_or_not if c_out > 1 else phases
    split = [(idle_phase(1),)] * idle + [outer(axis) for axis in spec.axes[:-1]]
    split.append(phases(spec.axes[-1]))
    borders = [(None, 1)] * idle + [
        (border, axis.n) for border, axis in zip(spec.extend, spec.axes, strict=True)
    ]
    order = chosen_order(kernel, split, borders, spec.batch)
    if order == SIGNALS_AS_LANES:
        split[1], borders[1] = (idle_phase(spec.batch),), (None, spec.batch)
    if order != UNTURNED:
        kernel = kernel.swapaxes(-2, -1)
        split[1:], borders[1:] = split[:0:-1], borders[:0:-1]
    zeros = borders[-1][0] is None
    lines = (Line(split[0]), Line(split[1]), last_line(split[2], kernel, zeros=zeros))
    found: dict[tuple[int, ...], list[Triple]] = defaultdict(list)
    for pairs in product(*split):
        found[tuple(pair.first_out for pair in pairs)].append(pairs)
    most = max(found.values(), key=_size)
    weaving = weaving_tile(kernel, order, split[2], _size(most))
    if weaving:
        tile, spacing, signals = weaving, int(c_out == 1), 1
    else:
        signals = signals_of_rows(kernel, order, lines, spec.batch)
        tile, spacing = chosen_tile(kernel, most, lines, spec.batch, signals)
    bands, frame = cut(
        lines,
        kernel,
        (tile, spacing, signals),
        batch=1 if order == SIGNALS_AS_LANES else spec.batch,
        zeros=zeros,
        turned=order != UNTURNED,
    )
    taps_ = packed(
        kernel, frame, found, tile, spacing, shared=2 if order == UNTURNED else 1
    )
    return DirectPlan(
        spec=spec,
        cut=bands,
        frame=frame,
        taps=taps_,
        tile=tile,
        spacing=spacing,
        order=order,
        axes=tuple(
            section(line.starts.values(), line.step, *border)
            for line, border in zip(lines, borders, strict=True)
        ),
        entries=int(np.count_nonzero(kernel)) * prod(axis.q for axis in spec.axes),
        lengths=(spec.c_out, *(axis.q for axis in spec.axes)),
        covers=len(taps_.places) * tile.phases == prod(frame.steps),
        folds=any(spec.fold),
    )
