"""Few products for neighbouring outputs: the axes of the engine `winograd`.

Two outputs of three taps each take six products; by S. Winograd (Arithmetic complexity of
computations, 1980) four suffice, of sums of samples with sums of weights, and three for
two taps.  An axis is split into dense phases first; where none has more than three
neighbouring taps, a tile of two outputs per phase is made that way.  Any other axis stays
as it is: a product per tap.  An axis of two samples and two outputs takes three products
where they share a tap.  Axes are nested as A. Lavin and S. Gray do (Fast algorithms for
convolutional neural networks, 2016).

The points are 0, 1, -1 and infinity: samples are only added, and weights halved.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from math import gcd

from convadjoint.geometry import Axis
from convadjoint.geometry.phases import Phase, dense_or_not, phases, unrolled

__all__ = ["IDLE", "Output", "Scheme", "scheme"]

# Neighbouring taps may lie as far apart: each residue is a phase of its own.
_APART = 4
# What part of the products is worth a scheme of its own.
_WORTH = 0.9

Line = tuple[int, int, int]
Terms = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Form:
    """Products of two sums each, and the outputs that they make.

    A line ``(a, b, sign)`` is ``x[a] + sign * x[b]``; `rows` has the weight's parts.
    """

    lines: tuple[Line, ...]
    rows: tuple[tuple[float, ...], ...]
    outputs: tuple[Terms, ...]


_FORMS = {
    1: _Form(((0, 0, 0),), ((1.0,),), (((0, 1),),)),
    2: _Form(
        ((0, 1, -1), (1, 1, 0), (2, 1, -1)),
        ((1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),
        (((0, 1), (1, 1)), ((1, 1), (2, 1))),
    ),
    3: _Form(
        ((0, 2, -1), (1, 2, 1), (2, 1, -1), (1, 3, -1)),
        ((1.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0.0, 0.0, 1.0)),
        (((0, 1), (1, 1), (2, 1)), ((1, 1), (2, -1), (3, -1))),
    ),
}

Weights = dict[int, float]
Pieces = list[tuple[int, dict[int, int]]]


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a tile: the first of its kind, and its signed products."""

    place: int
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """One axis: tiles of some outputs, made of some products of some lines.

    A line ``(a, b, sign)`` is ``x[a + step*i] + sign * x[b + step*i]`` in tile `i`; a
    product adds up lines, each with taps and what part of their weights it takes.
    """

    step: int
    step_out: int
    tiles: int
    lines: tuple[Line, ...]
    products: tuple[tuple[tuple[int, Weights], ...], ...]
    outputs: tuple[Output, ...]
    nested: bool

    @property
    def first(self) -> int:
        """The first sample that tile 0 reads."""
        return min(min(a, b) for a, b, _ in self.lines)

    @property
    def reach(self) -> int:
        """How far from there it reads."""
        return max(max(a, b) for a, b, _ in self.lines) - self.first

    @property
    def multiplied(self) -> int:
        """Products along the axis."""
        return self.tiles * sum(map(len, self.products))


# An axis of one sample.
IDLE = Scheme(
    step=1,
    step_out=1,
    tiles=1,
    lines=((0, 0, 0),),
    products=(((0, {0: 1.0}),),),
    outputs=(Output(0, ((0, 1),)),),
    nested=False,
)


def scheme(axis: Axis, *, few: bool) -> Scheme:
    """Nest an axis, or leave it as it is if that saves nothing.

    `few` allows code for each output, where there are few.
    """
    both = _two_samples(axis)
    if both is not None:
        return both
    plain = _made(dense_or_not(axis) if few else phases(axis), 1)
    fine = _refined(phases(axis))
    width = max((max(p.shifts) - min(p.shifts) + 1 for p in fine), default=1)
    if not 1 < width <= max(_FORMS):
        return plain
    nested = _made(fine, width)
    return nested if nested.multiplied <= _WORTH * plain.multiplied else plain


def _two_samples(axis: Axis) -> Scheme | None:
    """Three products for two outputs of the same two samples, which share a tap."""
    single = unrolled(axis) if axis.n == axis.q == 2 else ()
    if [one.shifts for one in single] != [(0, 1), (0, 1)]:
        return None
    (shared, above), (below, again) = (one.taps for one in single)
    if shared != again:
        return None
    return Scheme(
        step=1,
        step_out=2,
        tiles=1,
        lines=((0, 1, 1), (1, 1, 0), (0, 0, 0)),
        products=(
            ((0, {shared: 1.0}),),
            ((1, {above: 1.0, shared: -1.0}),),
            ((2, {below: 1.0, shared: -1.0}),),
        ),
        outputs=(Output(0, ((0, 1), (1, 1))), Output(1, ((0, 1), (2, 1)))),
        nested=True,
    )


def _refined(dense: tuple[Phase, ...]) -> tuple[Phase, ...]:
    """Make taps neighbours: residues of the outputs become phases."""
    apart = gcd(*(s - p.shifts[0] for p in dense for s in p.shifts))
    if not 1 < apart <= _APART:
        return dense
    return tuple(
        replace(
            phase,
            first_in=phase.first_in + phase.step_in * ((phase.shifts[0] + e) % apart),
            first_out=phase.first_out + phase.step_out * e,
            step_in=phase.step_in * apart,
            step_out=phase.step_out * apart,
            q=-(-(phase.q - e) // apart),
            shifts=tuple((shift + e) // apart for shift in phase.shifts),
        )
        for phase in dense
        for e in range(min(apart, phase.q))
    )


def _made(dense: tuple[Phase, ...], width: int) -> Scheme:
    """A scheme of one form; taps stay alone if its width is 1."""
    form, lines = _FORMS[width], dict[Line, int]()
    products: list[tuple[tuple[int, Weights], ...]] = []
    outputs: list[Output] = []
    groups: dict[int, Pieces] = defaultdict(list)
    for phase in dense:
        groups[phase.first_out] += _pieces(phase, width)
    step_in, step_out = dense[0].step_in, dense[0].step_out
    for place, pieces in sorted(groups.items()):
        numbers = {}
        for index in range(len(form.lines)):
            found = _product(form, index, step_in, pieces, lines)
            if found:
                numbers[index] = len(products)
                products.append(found)
        outputs += (
            Output(
                place + step_out * e,
                tuple(
                    (numbers[index], sign) for index, sign in terms if index in numbers
                ),
            )
            for e, terms in enumerate(form.outputs)
        )
    count = len(form.outputs)
    return Scheme(
        step=count * step_in,
        step_out=count * step_out,
        tiles=-(-max(phase.q for phase in dense) // count),
        lines=tuple(lines),
        products=tuple(products),
        outputs=tuple(outputs),
        nested=width > 1,
    )


def _pieces(phase: Phase, width: int) -> Pieces:
    """First samples, and the taps there by their distance from them."""
    pairs = list(zip(phase.shifts, phase.taps, strict=True))
    if width == 1:
        return [(phase.first_in + phase.step_in * s, {0: tap}) for s, tap in pairs]
    base = min(phase.shifts)
    first = phase.first_in + phase.step_in * base
    return [(first, {shift - base: tap for shift, tap in pairs})]


def _product(
    form: _Form,
    index: int,
    step: int,
    pieces: Pieces,
    lines: dict[Line, int],
) -> tuple[tuple[int, Weights], ...]:
    """One product of a form: its lines, which may be new, and their weights."""
    found: list[tuple[int, Weights]] = []
    for first, taps in pieces:
        row = form.rows[index]
        weights = {tap: row[at] for at, tap in taps.items() if row[at]}
        if not weights:
            continue
        a, b, sign = form.lines[index]
        a, b = first + step * a, first + step * b
        if b < a:
            # The same line, or its negative, may serve another phase.
            weights = {tap: sign * weight for tap, weight in weights.items()}
            a, b = b, a
        number = lines.setdefault((a, b, sign), len(lines))
        found.append((number, weights))
    return tuple(found)
