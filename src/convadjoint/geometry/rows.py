"""The rows of C along one axis, grouped into runs that differ only by a shift.

A row of C lists the samples that one output sample reads.  Away from the ends these
lists repeat: every ``t / gcd(s, t)`` output samples they shift by ``s / gcd(s, t)``.
The matrix is assembled run by run, and the number of its entries is counted the same
way, so the count cannot disagree with the matrix.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd

from convadjoint.geometry.axis import Axis
from convadjoint.geometry.boundary import Border

__all__ = ["Run", "runs", "touched"]

Entries = tuple[Sequence[int], Sequence[int]]

# Border samples whose sources are worked out beforehand.
_LISTED = 2**16


@dataclass(frozen=True, slots=True)
class Run:
    """Output samples ``first + i*step``, ``i < count``, that read alike.

    Row `i` joins tap ``taps[e]`` to input sample ``sources[e] + i*shift``.  With a
    border, several taps may read one sample, and the samples are not in order.
    """

    first: int
    step: int
    count: int
    shift: int
    taps: Sequence[int]
    sources: Sequence[int]

    @property
    def width(self) -> int:
        """Number of different samples that a row reads."""
        return len(set(self.sources))


def runs(
    axis: Axis, *, extend: Border | None = None, fold: Border | None = None
) -> tuple[Run, ...]:
    """Group the rows of one axis; `extend` widens its input, `fold` its output."""
    if extend is not None:
        core = _extended_core(axis, extend)
        return _group(axis, _extended_row(axis, extend), core, touched(axis))
    if fold is not None:
        back = _images(fold)
        core = _folded_core(axis, fold, back)
        row = _folded_row(axis, fold, back)
        return _group(axis, row, core, range(fold.n), offset=fold.lo)
    core = _core(axis, 0, axis.n, axis.q)
    return _group(axis, lambda p: _row(axis, p), core, touched(axis))


def touched(axis: Axis) -> range:
    """Output samples that may read any input sample."""
    first = max(0, -((axis.reach - axis.lo) // axis.s))
    stop = min(axis.q, ((axis.n - 1) * axis.t + axis.lo) // axis.s + 1)
    return range(first, stop)


def _row(axis: Axis, p: int) -> tuple[range, range]:
    """Taps of output sample `p`, and the input samples they read, both in order."""
    start = p * axis.s - axis.lo
    step = axis.t // gcd(axis.d, axis.t)
    if start % gcd(axis.d, axis.t):
        return range(0), range(0)
    common = gcd(axis.d, axis.t)
    phase = -(start // common) * pow(axis.d // common, -1, step) % step
    least = max(0, -(start // axis.d))
    first = least + (phase - least) % step
    last = min(axis.k - 1, ((axis.n - 1) * axis.t - start) // axis.d)
    taps = range(first, last + 1, step)
    if not taps:
        return range(0), range(0)
    m = (start + first * axis.d) // axis.t
    gap = step * axis.d // axis.t
    return taps, range(m, m + gap * len(taps), gap)


def _core(axis: Axis, begin: int, end: int, q: int) -> range:
    """Output samples whose every tap falls within input samples `begin` to `end`."""
    first = max(0, -((-axis.lo - begin * axis.t) // axis.s))
    last = ((end - 1) * axis.t + axis.lo - axis.reach) // axis.s
    return range(min(first, q), min(last + 1, q))


def _extended_row(axis: Axis, border: Border) -> Callable[[int], Entries]:
    """Rows of Z E: the extended samples are replaced by their sources."""
    first, last = border.lo, border.lo + border.n
    # Slices of a list are much quicker to take than sources are to work out.
    known = [border.source(i) for i in range(min(border.length, _LISTED))]

    def row(p: int) -> Entries:
        taps, samples = _row(axis, p)
        if samples and first <= samples[0] and samples[-1] < last:
            inner = samples.start - first
            return taps, range(inner, samples.stop - first, samples.step)
        if samples and samples[-1] < len(known):
            return taps, tuple(known[samples.start : samples.stop : samples.step])
        return taps, tuple(border.source(i) for i in samples)

    return row


def _extended_core(axis: Axis, border: Border) -> range:
    """Output samples that read nothing of the border."""
    core = border.core
    return _core(axis, core.start, core.stop, axis.q) if core else range(0)


def _images(border: Border) -> dict[int, list[int]]:
    """Where, outside itself, each sample of the signal is repeated."""
    images = defaultdict(list)
    for i in border.outside():
        images[border.source(i)].append(i)
    return images


def _folded_row(
    axis: Axis, border: Border, images: dict[int, list[int]]
) -> Callable[[int], Entries]:
    """Rows of the transpose of Z E: all copies of a sample are added."""

    def row(p: int) -> Entries:
        inner = p + border.lo
        own = [inner] if 0 <= inner < border.length else []
        if own and p not in images:
            return _row(axis, inner)
        copies = [_row(axis, i) for i in own + images.get(p, [])]
        return (
            tuple(tap for taps, _ in copies for tap in taps),
            tuple(sample for _, samples in copies for sample in samples),
        )

    return row


def _folded_core(axis: Axis, border: Border, images: dict[int, list[int]]) -> range:
    """The longest stretch of regular rows that nothing is folded onto."""
    inner = _core(axis, 0, axis.n, axis.q)
    first = max(0, inner.start - border.lo)
    stop = max(first, min(border.n, inner.stop - border.lo))
    cuts = [first - 1, *sorted(p for p in images if first <= p < stop), stop]
    gaps = [range(a + 1, b) for a, b in pairwise(cuts)]
    return max(gaps, key=len)


def _group(
    axis: Axis,
    row: Callable[[int], Entries],
    core: range,
    rows: range,
    *,
    offset: int = 0,
) -> tuple[Run, ...]:
    """Runs of `rows`: the core by phase, the others as far as they are alike.

    Row `p` is output sample ``p + offset`` of `axis`.
    """
    common = gcd(axis.s, axis.t)
    period, shift = axis.t // common, axis.s // common
    found = []
    for phase in sorted(_phases(axis, core.start + offset, period)) if core else ():
        first = core.start + phase
        count = -(-(core.stop - first) // period)
        if count > 0:
            found.append(Run(first, period, count, shift, *row(first)))
    found += _merged(range(rows.start, core.start if core else rows.stop), row)
    found += _merged(range(core.stop, rows.stop) if core else (), row)
    return tuple(run for run in found if run.taps)


def _phases(axis: Axis, start: int, period: int) -> set[int]:
    """Distances from `start`, below `period`, of the rows that any tap writes."""
    common = gcd(axis.s, axis.t)
    inverse = pow(axis.s // common, -1, period)
    shifts = (j * axis.d - axis.lo + start * axis.s for j in range(axis.k))
    return {
        -(shift // common) * inverse % period for shift in shifts if not shift % common
    }


def _merged(rows: Iterable[int], row: Callable[[int], Entries]) -> Iterator[Run]:
    """Runs of neighbouring rows, taken together where only a shift tells them apart."""
    run = None
    for p in rows:
        taps, sources = row(p)
        grown = _grown(run, taps, sources)
        if run and not grown:
            yield run
        run = grown or Run(p, 1, 1, 0, taps, sources)
    if run:
        yield run


def _grown(run: Run | None, taps: Sequence[int], sources: Sequence[int]) -> Run | None:
    """`run` with one row more, or None if the row does not continue it."""
    if run is None or run.taps != taps or not taps:
        return None
    shift = (sources[0] - run.sources[0]) if run.count == 1 else run.shift
    moved = shift * run.count
    if len(sources) != len(run.sources) or any(
        new != old + moved for new, old in zip(sources, run.sources, strict=True)
    ):
        return None
    return Run(run.first, 1, run.count + 1, shift, run.taps, run.sources)
