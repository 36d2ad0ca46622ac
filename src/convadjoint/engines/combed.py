"""Strided convolutions of single channels, for the engine `direct`.

Memory decides how long they take: there are few multiplications for each sample.  So rows
are not laid out elsewhere before, as they are otherwise, but read where they lie, once, in
order, and taken apart in registers.
"""

from functools import cache

import numpy as np

from convadjoint.engines.calls import Call, keep
from convadjoint.engines.inplace import IDLE, InPlacePlan, Key, evenly, near
from convadjoint.engines.protocol import Array
from convadjoint.geometry import Axis, ConvSpec

__all__ = ["CombedPlan", "fits", "plan"]

# The longest step along a row; the most rows of the output that a row reaches, and groups
# of taps of a row.
_STEP, _REACHED, _GROUPS = 16, 3, 3
# Bytes of the shortest rows of the output: what is at their ends takes longer.
_SHORTEST = 192
# Samples of a job, about, of what is not worth another thread, and of what is over before
# one that sleeps has woken up.
_JOB, _WAKING, _BRIEF = 2**15, 2**15, 700_000
# How many times as many rows a band has as it reads of the next one.
_AGAIN = 16


class CombedPlan(InPlacePlan):
    """Weights ``(channels, rows of taps, groups, step, rows reached)``.

    Row ``l * s + i`` of the taps reaches, from row `i` of `s`, the output row `l` before the
    newest one; along rows, tap ``g * s + j`` is the one `j` of group `g`.
    """

    __slots__ = ()

    def _call(self, x: Array, key: Key) -> Call:
        """What the compiled code is given."""
        down, along = _axes(self.spec)
        channels, taps, _, step, reached = self.weights.shape
        # Rows of taps that reach so many rows; the others reach one fewer.
        whole = min(taps, down.k - down.s * (reached - 1))
        shape = step, along.k, reached, reached - 1 if whole < taps else 0
        # Each band reads some rows of the next one again.
        wanted = _JOB // (step * down.s * along.q)
        band = evenly(down.q, max(1, _AGAIN * (reached - 1), wanted))
        bands = -(-down.q // band)
        jobs = len(x) * channels * bands
        distances = [stride // x.itemsize for stride in x.strides]
        rows = distances[2] if len(self.spec.axes) > 1 else 0
        image = down.q * along.q
        work = len(x) * channels * (down.n * along.n + image)
        call = Call.of(
            _compiled(self.weights.dtype, shape),
            (0 if x.itemsize == 4 else 2, along.q * x.itemsize, 0),
            (None, None, self.weights),
            (
                *(jobs, bands, band, channels),
                *(down.n, along.n, down.q, along.q),
                *(down.s, down.lo, along.lo, taps, whole),
                *(distances[0], distances[1], rows),
                *(channels * image, image, along.q, 0),
            ),
            threads=min(key[-1], max(1, jobs)) if work > _WAKING else 1,
            brief=work < _BRIEF,
        )
        return keep(self.calls, key, call)


@cache
def _compiled(dtype: np.dtype[np.inexact], shape: tuple[int, int, int, int]) -> int:
    """The address of the compiled part, which needs llvmlite."""
    from convadjoint.engines import combing  # noqa: PLC0415

    place: int = combing.worker(dtype, shape).address
    return place


def _axes(spec: ConvSpec) -> tuple[Axis, Axis]:
    """Rows and samples."""
    down, along = (IDLE, *spec.axes)[-2:]
    return down, along


def fits(spec: ConvSpec, kernel: Array) -> bool:
    """Whether rows of single channels are read in steps, by few taps."""
    if not spec.c_in == spec.c_out == spec.groups or kernel.dtype.kind != "f":
        return False
    if len(spec.axes) > 2 or any(spec.extend):
        return False
    down, along = _axes(spec)
    return (
        down.t == along.t == 1
        and (down.d == 1 or down.k == 1)
        and (along.d == 1 or along.k == 1)
        and 1 < along.s <= _STEP
        and along.k <= _GROUPS * along.s
        and down.k <= _REACHED * down.s
        and all(map(near, spec.axes))
        and along.q * kernel.itemsize >= _SHORTEST
    )


def plan(spec: ConvSpec, kernel: Array) -> CombedPlan:
    """Put the weights into groups; those that are missing are zeros."""
    down, along = _axes(spec)
    reached, groups = -(-down.k // down.s), -(-along.k // along.s)
    padded = np.zeros((spec.groups, reached * down.s, groups * along.s), kernel.dtype)
    padded[:, : down.k, : along.k] = kernel.reshape(spec.groups, down.k, along.k)
    taps = min(down.k, down.s)
    split = padded.reshape(spec.groups, reached, down.s, groups, along.s)
    return CombedPlan(
        spec=spec,
        weights=np.ascontiguousarray(np.moveaxis(split, 1, -1)[:, :taps]),
        tap_by_tap=bool(kernel.all()),
    )
