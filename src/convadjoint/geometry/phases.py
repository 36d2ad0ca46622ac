"""Strides taken apart: a strided axis is a few dense ones, interleaved.

Tap `j` joins input samples of one residue modulo ``S = s/g`` to output samples of one
residue modulo ``T = t/g``, with ``g = gcd(s, t)``.  Within such a pair of residues the
axis is a plain correlation, ``y[v] = sum(w[j] * x[v + delta_j])``: nothing is ever
multiplied by a zero that a stride inserted, and nothing is computed to be skipped.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

from convadjoint.geometry.axis import Axis

__all__ = ["Phase", "dense_or_not", "phases", "unrolled"]

# The most outputs of an axis that are worth code of their own, and what that must save.
_UNROLLED = 4
_SAVING = 0.85
# Phases of axes with so many taps are kept.
_MOST_KEPT = 1024


@dataclass(frozen=True, slots=True)
class Phase:
    """A dense correlation between every `S`-th input and every `T`-th output sample.

    Input sample ``first_in + S*u`` is `x[u]`, ``0 <= u < n``; output sample
    ``first_out + T*v`` is `y[v]`, ``0 <= v < q``; tap ``taps[i]`` reads
    ``x[v + shifts[i]]``.
    """

    first_in: int
    first_out: int
    step_in: int
    step_out: int
    n: int
    q: int
    taps: tuple[int, ...]
    shifts: tuple[int, ...]

    @property
    def input(self) -> slice:
        """The input samples of the phase."""
        return slice(self.first_in, None, self.step_in)

    @property
    def output(self) -> slice:
        """The output samples of the phase."""
        return slice(self.first_out, None, self.step_out)


def phases(axis: Axis) -> tuple[Phase, ...]:
    """Split `axis` into dense phases; taps that join no samples are left out."""
    # Estimates, refusals and plans of several engines ask for the same ones.
    return _kept(axis) if axis.k <= _MOST_KEPT else _phases(axis)


@lru_cache(maxsize=256)
def _kept(axis: Axis) -> tuple[Phase, ...]:
    """Phases of few taps, found once."""
    return _phases(axis)


def _phases(axis: Axis) -> tuple[Phase, ...]:
    """Find them."""
    found: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for j in range(axis.k):
        link = axis.link(j)
        if not link.count:
            continue
        u, a = divmod(link.input_start, link.input_step)
        v, b = divmod(link.output_start, link.output_step)
        found[a, b].append((j, u - v))
    steps = axis.link(0)
    return tuple(
        Phase(
            first_in=a,
            first_out=b,
            step_in=steps.input_step,
            step_out=steps.output_step,
            n=-(-(axis.n - a) // steps.input_step),
            q=-(-(axis.q - b) // steps.output_step),
            taps=tuple(j for j, _ in pairs),
            shifts=tuple(shift for _, shift in pairs),
        )
        for (a, b), pairs in sorted(found.items())
    )


def unrolled(axis: Axis) -> tuple[Phase, ...]:
    """Split `axis` into its output samples; taps that leave the input are left out.

    Where few outputs are made of many taps, most of which meet the zeros outside, there
    is less to multiply than in dense phases.
    """
    found = []
    for p in range(axis.q):
        joined = [
            (j, divmod(p * axis.s + j * axis.d - axis.lo, axis.t))
            for j in range(axis.k)
        ]
        pairs = [(j, m) for j, (m, rest) in joined if not rest and 0 <= m < axis.n]
        if pairs:
            found.append(
                Phase(
                    first_in=0,
                    first_out=p,
                    step_in=1,
                    step_out=axis.q,
                    n=axis.n,
                    q=1,
                    taps=tuple(j for j, _ in pairs),
                    shifts=tuple(m for _, m in pairs),
                )
            )
    return tuple(found)


def dense_or_not(axis: Axis) -> tuple[Phase, ...]:
    """The phases of an axis, or its single outputs if most taps leave the input."""
    dense = phases(axis)
    if not 1 < axis.q <= _UNROLLED:
        return dense
    single = unrolled(axis)
    pairs = sum(len(phase.taps) * phase.q for phase in dense)
    fewer = sum(len(phase.taps) for phase in single) <= _SAVING * pairs
    return single if fewer else dense
