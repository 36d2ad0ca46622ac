"""The compiled part of `combed`: rows are taken apart in registers, and multiplied.

Each row of the input is read once.  Its samples are combed into as many vectors as the
stride, which are multiplied into all rows of the output that they reach; sums that are not
complete wait in the output.
"""

from functools import cache, partial, reduce
from itertools import product
from typing import Any

import numpy as np

from convadjoint.engines import frames
from convadjoint.engines.masks import among, masked
from convadjoint.engines.primitives import (
    INDEX,
    REGISTERS,
    VECTOR_BYTES,
    Entry,
    beside,
    emitted,
    entry,
    fused,
    indices,
    kind_of,
    moved,
    prefetch,
    repeated,
    samples_at,
    spread,
    taken,
    vector_at,
    vector_of,
    words_at,
)

__all__ = ["worker"]

# The step of samples of a row, its taps, how many rows of the output most rows of the input
# reach, and how many the others do, which are some or none.
Shape = tuple[int, int, int, int]

# Vectors of a row of the input that are taken apart at once, but for long steps, whose
# vectors make one of the output; and the most of the output that are made at once.
_READ, _MADE = (8, 2) if REGISTERS > 16 else (4, 1)
# How many samples before it is read a row is asked for, at least.
_AHEAD = 2048


def groups_of(shape: Shape) -> int:
    """Groups of as many taps as a step is long."""
    return -(-shape[1] // shape[0])


def _vectors(shape: Shape) -> int:
    """Vectors of a row of the output that are made at once."""
    return max(1, min(_MADE, _READ // shape[0]))


@cache
def worker(dtype: np.dtype[np.inexact], shape: Shape) -> Entry:
    """Compile what computes bands of rows, for real samples of a dtype.

    It takes the addresses of a call and of its thread's buffers, of which the
    first holds a row that nobody reads.  The call is given input, output and weights; jobs,
    bands of a channel, and rows of a band; channels; rows and samples of the input, rows
    and samples of the output; step of the rows, rows and samples before the first tap; rows
    that have taps, and those of them that reach most rows; the distances of signals,
    channels and rows of both arrays; and the next job, which all threads share.
    """
    kind, (step, _, reached, _), groups = kind_of(dtype), shape, groups_of(shape)
    width = _vectors(shape) * VECTOR_BYTES // dtype.itemsize
    line = frames.LINE // dtype.itemsize

    @emitted
    def column(builder: Any, *given: Any) -> None:
        _column(builder, shape, *given)

    @entry("-".join(map(str, ("combed", dtype, *shape))), INDEX, INDEX)
    def run(call: Any, mine: Any) -> None:
        words = moved(words_at(call), frames.GIVEN)
        slots = moved(words_at(mine), 2 * words_at(call)[frames.SLOTS])
        x, y = samples_at(words[0], kind), samples_at(words[1], kind)
        every, idle = samples_at(words[2], kind), samples_at(slots[0], kind)
        jobs, bands, band, channels = words[3], words[4], words[5], words[6]
        height, room, rows, samples = words[7], words[8], words[9], words[10]
        down, above, before = words[11], words[12], words[13]
        taps, most, size = words[14], words[15], step * reached * groups
        x_far, x_lane, x_row = words[16], words[17], words[18]
        y_far, y_lane, y_row = words[19], words[20], words[21]
        ahead = (_AHEAD + x_row - 1) // max(1, x_row) * x_row
        while True:
            job = taken(moved(words, 22))
            if job >= jobs:
                break
            image, first = job // bands, job % bands * band
            signal, channel = image // channels, image % channels
            last = min(rows, first + band)
            weights = moved(every, channel * taps * size)
            source = moved(x, signal * x_far + channel * x_lane)
            target = moved(y, signal * y_far + channel * y_lane)
            for row in range(first, last + reached - 1):
                top = row * down - above
                begin, end = max(0, -top), min(taps, height - top)
                whole = max(begin, min(most, end))
                lines = moved(source, (top + begin) * x_row)
                factors = moved(weights, begin * size)
                # Rows of other bands are not touched.
                newest = moved(target, row * y_row)
                low, high = max(0, row - last + 1), min(reached, row - first + 1)
                # The next rows come meanwhile, each asked for once.
                fresh = begin if row == first else max(begin, taps - down)
                soon = moved(lines, (fresh - begin) * x_row + ahead)
                for u in range(0, samples, width):
                    at = u * step - before
                    for i in range(end - fresh):
                        for v in range(at, at + width * step, line):
                            prefetch(soon, i * x_row + v)
                    column(
                        (moved(lines, at), x_row, whole - begin, end - begin),
                        factors,
                        (moved(newest, u), -y_row, moved(idle, u)),
                        (low, high),
                        (at, room - at, samples - u),
                    )

    return run


def _column(
    builder: Any,
    shape: Shape,
    lines: Any,
    weights: Any,
    target: Any,
    reached: Any,
    inside: Any,
) -> None:
    """Emit code for some neighbours in all rows that some rows of the input reach.

    `lines` are an address, the distance of rows, how many reach most of them, and how many
    there are; `target` is the address in the newest row, the distance to the one
    before, and the address in a row for what is beyond those `reached`.  `inside` are the
    first sample of the input, those from there on, and outputs that are left.
    """
    (step, _, rows, _), (first, after, left) = shape, inside
    samples = _vectors(shape) * vector_of(lines[0]).count
    reads = step * (samples + groups_of(shape) - 1)
    conditions = (
        builder.icmp_signed(">=", first, INDEX(0)),
        builder.icmp_signed(">=", after, INDEX(reads)),
        builder.icmp_signed(">=", left, INDEX(samples)),
    )
    places = [_place(builder, target, reached, row) for row in range(rows)]
    with builder.if_else(reduce(builder.and_, conditions)) as (every, some):
        with every:
            _block(builder, shape, (lines, weights), places, None)
        with some:
            _block(builder, shape, (lines, weights), places, inside)


def _place(builder: Any, target: Any, reached: Any, row: int) -> Any:
    """Where the sums of a row of the output are; elsewhere if another band makes it."""
    (newest, step, idle), (low, high) = target, reached
    place = builder.gep(newest, [builder.mul(step, INDEX(row))])
    known = builder.and_(
        builder.icmp_signed("<=", low, INDEX(row)),
        builder.icmp_signed("<", INDEX(row), high),
    )
    return builder.select(known, place, idle)


def _block(
    builder: Any, shape: Shape, source: Any, places: list[Any], edge: Any
) -> None:
    """Emit code for one block of vectors: at an `edge`, some lanes are left out."""
    (step, _, rows, fewer), ((line, apart, most, every), weights) = shape, source
    vector, groups, vectors = vector_of(line), groups_of(shape), _vectors(shape)
    kept, known = None, {}
    if edge is not None:
        first, left, outputs = edge
        kept = among(builder, INDEX(0), outputs, vectors, vector.count)
        for group in range(groups):
            shift = INDEX(step * group)
            inside = builder.add(first, shift), builder.sub(left, shift)
            known[group] = among(builder, *inside, step * vectors, vector.count)
    # The newest row begins here.
    sums = [vector(None)] * vectors
    for place in places[1:]:
        sums += _loaded(builder, place, vectors, kept)

    def one_line(number: Any, *sums: Any, reached: int) -> list[Any]:
        row = builder.gep(line, [builder.mul(number, apart)])
        at = builder.mul(number, INDEX(step * rows * groups))
        grown = list(sums)
        for group in range(groups):
            place = builder.gep(row, [INDEX(step * group)])
            values = _loaded(builder, place, step * vectors, known.get(group))
            first = builder.add(at, INDEX(step * rows * group))
            factors = builder.gep(weights, [first])
            _multiply(builder, (shape, group, reached), factors, values, grown)
        return grown

    for reached, begin, end in ((rows, INDEX(0), most), (fewer, most, every)):
        if reached:
            body = partial(one_line, reached=reached)
            sums = repeated(builder, (begin, end, 1), body, sums)
    for number, value in enumerate(sums):
        place = _at(builder, places[number // vectors], number % vectors)
        if kept is None:
            builder.store(value, place, align=1)
        else:
            masked(builder, "store", place, kept[number % vectors], value)


def _multiply(
    builder: Any, part: tuple[Shape, int, int], at: Any, values: list[Any], sums: Any
) -> None:
    """Add the products of combed vectors with a weight for each of their taps and rows."""
    (step, taps, rows, _), group, reached = part
    combed = [
        _combed(builder, values[index * step : (index + 1) * step])
        for index in range(_vectors(part[0]))
    ]
    for tap, row in product(range(min(step, taps - step * group)), range(reached)):
        weight = builder.load(builder.gep(at, [INDEX(tap * rows + row)]))
        factor = spread(builder, weight, values[0].type)
        for index, phases in enumerate(combed):
            number = row * len(combed) + index
            sums[number] = fused(builder, factor, phases[tap], sums[number])


def _combed(builder: Any, vectors: list[Any]) -> list[Any]:
    """Take as many neighbouring vectors apart, sample by sample."""
    count, lanes = len(vectors), vectors[0].type.count
    if count == 1:
        return vectors
    if count % 2:
        joined = beside(builder, vectors)
        return [
            builder.shuffle_vector(
                joined, joined, indices(range(part, count * lanes, count))
            )
            for part in range(count)
        ]
    pairs = list(zip(vectors[::2], vectors[1::2], strict=True))
    halves = [
        [
            builder.shuffle_vector(*pair, indices(range(side, 2 * lanes, 2)))
            for pair in pairs
        ]
        for side in (0, 1)
    ]
    even, odd = (_combed(builder, half) for half in halves)
    return [vector for pair in zip(even, odd, strict=True) for vector in pair]


def _at(builder: Any, place: Any, index: int) -> Any:
    """The address of a vector."""
    return vector_at(builder, place, INDEX(index * vector_of(place).count))


def _loaded(builder: Any, place: Any, count: int, known: Any) -> list[Any]:
    """Neighbouring vectors, of which perhaps only some lanes are known."""
    places = [_at(builder, place, index) for index in range(count)]
    if known is None:
        return [builder.load(at, align=1) for at in places]
    pairs = zip(places, known, strict=True)
    return [masked(builder, "load", at, mask) for at, mask in pairs]
