"""The movement of the engine `direct` for bands that are turned: see `movement`.

In a turned band the convolved axis runs over rows, and each lane of a vector is a row of
the input: taps are then whole vectors apart.  Samples are read and written in blocks of
as many lanes as samples, which are transposed in registers.  Lanes past the last one are
copies of it; so there are no others to be thought of.

These functions are compiled for plans that need them: others are given their addresses.
"""

from functools import cache
from typing import Any

import numpy as np

from convadjoint.engines import program as of
from convadjoint.engines.movement import inside, origin
from convadjoint.engines.multiplying import whole_tiles
from convadjoint.engines.primitives import (
    INDEX,
    VECTOR_BYTES,
    Entry,
    compiled,
    emitted,
    indices,
    kind_of,
    moved,
    vector_of,
)

__all__ = ["exchange", "movers"]


# Bytes of the pieces of registers within which samples move fast.
_PIECE_BYTES = 16


@emitted
def turn(builder: Any, x: Any, here: Any, y: Any, there: Any) -> None:
    """Transpose a block of vectors, one register each.

    `here` and `there` say where vectors are, as `_places` has it.
    """
    count = vector_of(x).count
    exchange(
        builder, _places(builder, x, here, count), _places(builder, y, there, count)
    )


def exchange(builder: Any, sources: list[Any], targets: list[Any]) -> None:
    """Emit code that writes to some places the transpose of the vectors at others."""
    kind = vector_of(sources[0]).as_pointer()
    values = [builder.load(builder.bitcast(one, kind), align=1) for one in sources]
    for value, one in zip(_transposed(builder, values), targets, strict=True):
        builder.store(value, builder.bitcast(one, kind), align=1)


@emitted
def beyond(builder: Any, place: Any, lanes: Any) -> Any:
    """How many samples an address is past that of a whole vector."""
    size = VECTOR_BYTES // vector_of(place).count
    number = builder.udiv(builder.ptrtoint(place, INDEX), INDEX(size))
    return builder.urem(number, lanes)


def _places(builder: Any, start: Any, given: Any, count: int) -> list[Any]:
    """Where `count` vectors begin.

    `given` are the number of the first, how many there are at most, how many make a row,
    and the distances of neighbours and of rows.
    """
    phase, most, parts, near, far = given
    back = builder.sub(far, builder.mul(near, builder.sub(parts, INDEX(1))))
    places, place = [start], start
    for number in range(1, count):
        phase = builder.add(phase, INDEX(1))
        wraps = builder.icmp_signed("==", phase, parts)
        phase = builder.select(wraps, INDEX(0), phase)
        step = builder.select(wraps, back, near)
        more = builder.icmp_signed("<", INDEX(number), most)
        place = builder.gep(place, [builder.select(more, step, INDEX(0))])
        places.append(place)
    return places


def _transposed(builder: Any, lines: list[Any]) -> list[Any]:
    """Transpose within pieces of registers, which is fast; then exchange the pieces."""
    size = _PIECE_BYTES * len(lines) // VECTOR_BYTES
    groups = [
        _unpacked(builder, lines[first : first + size], size)
        for first in range(0, len(lines), size)
    ]
    columns = [
        _exchanged(builder, list(pieces), size) for pieces in zip(*groups, strict=True)
    ]
    return [line for lines in zip(*columns, strict=True) for line in lines]


def _unpacked(builder: Any, lines: list[Any], size: int) -> list[Any]:
    """Transpose the pieces of some lines, as many as a piece has lanes."""
    if len(lines) == 1:
        return lines
    lanes, unit = lines[0].type.count, size // len(lines)
    low = [
        side * lanes + first + index
        for first in range(0, lanes, size)
        for start in range(first, first + size // 2, unit)
        for side in (0, 1)
        for index in range(start - first, start - first + unit)
    ]
    high = [index + size // 2 for index in low]
    return [
        line
        for order in (low, high)
        for line in _unpacked(builder, _merged(builder, lines, order), size)
    ]


def _exchanged(builder: Any, lines: list[Any], size: int) -> list[Any]:
    """Transpose lines of pieces, as many as there are pieces."""
    if len(lines) == 1:
        return lines
    lanes = lines[0].type.count
    even = [
        side * lanes + first + index
        for side in (0, 1)
        for first in range(0, lanes, 2 * size)
        for index in range(size)
    ]
    odd = [index + size for index in even]
    halves = (
        _exchanged(builder, _merged(builder, lines, order), size)
        for order in (even, odd)
    )
    return [line for pair in zip(*halves, strict=True) for line in pair]


def _merged(builder: Any, lines: list[Any], order: list[int]) -> list[Any]:
    """The same lanes of each pair of neighbours."""
    pairs = zip(lines[::2], lines[1::2], strict=True)
    return [builder.shuffle_vector(*pair, indices(order)) for pair in pairs]


def _fill(
    x: Any, layout: Any, y: Any, numbers: Any, band: Any, _begin: Any, _end: Any
) -> None:
    """Lay the input out as `movement.fill` does, some of its rows at once."""
    sides, steps = moved(numbers, numbers[of.SIDES]), moved(numbers, numbers[of.STEPS])
    outer, axis = (
        moved(numbers, numbers[of.AXES]),
        moved(numbers, numbers[of.AXES + 1]),
    )
    sizes, strides = layout, moved(layout, 6)
    apart = sides[0] * sides[1] * sides[2] * sides[3] + sides[4]
    lanes = numbers[numbers[of.SCALARS] + of.TURNED]
    for number in range(sizes[1] * outer[0]):
        c, a = number // outer[0], number % outer[0]
        for i in range(band[of.PLANES] + steps[3]):
            plane = origin(outer, a, band[of.PLANE] + i)
            for u in range(0, band[of.SAMPLES], lanes):
                y_at = number * axis[0] * apart + i * sides[1] * sides[3] + u
                at = band[of.GROUP] * strides[0] + c * strides[1]
                at += band[of.SIGNAL] * strides[4]
                at += plane * strides[2] + (band[of.SAMPLE] + u) * strides[5]
                _columns(
                    (moved(x, at), strides[3], strides[5], plane >= 0),
                    (moved(y, y_at), apart, sides[3]),
                    (band[of.ROW], whole_tiles(numbers, band[of.ROWS]) + steps[4]),
                    axis,
                    (lanes, min(lanes, band[of.SAMPLES] - u)),
                )


@compiled
def _columns(source: Any, target: Any, samples: Any, axis: Any, lanes: Any) -> None:
    """Some rows of the input, side by side: all their phases, extended."""
    (x, stride, next_lane, there), (y, apart, pitch) = source, target
    (first, count), parts, step = samples, axis[0], axis[1]
    begin = end = 0
    if there:
        begin, end = inside(stride, samples, axis, (lanes[0] + step - 1) // step)
    if end > begin:
        least, most = begin * step, end * step - lanes[0]
        line = moved(x, axis[6] + step * first - axis[4])
        start = least - beyond(moved(line, least), lanes[0])
        for t in range(start, most + lanes[0], lanes[0]):
            # The first and the last block may do again what their neighbours do.
            u = min(max(t, least), most)
            turn(
                moved(line, u),
                (0, lanes[1], 1, 0, next_lane),
                moved(y, u % step * apart + u // step * pitch),
                (u % step, lanes[0], step, apart, pitch),
            )
    for d in range(parts):
        for u in range(count):
            if begin <= u < end:
                continue
            at = origin(axis, d, first + u) if there else -1
            for lane in range(lanes[0]):
                place = stride * at + min(lane, lanes[1] - 1) * next_lane
                y[d * apart + u * pitch + lane] = x[place] if at >= 0 else 0


def _store(
    y: Any, layout: Any, x: Any, numbers: Any, band: Any, begin: Any, end: Any
) -> None:
    """Write output phases as `movement.store` does, some of their rows at once."""
    scalars = moved(numbers, numbers[of.SCALARS])
    steps = moved(numbers, numbers[of.STEPS])
    places = moved(numbers, numbers[of.PLACES] + 3 * begin)
    sizes, strides = moved(layout, 12), moved(layout, 18)
    lanes, parts, step = scalars[of.TURNED], end - begin, steps[1]
    unit, width = scalars[of.SPACING] * scalars[of.M], scalars[of.WIDTH]
    pitch = (band[of.SAMPLES] + width - 1) // width * width
    # As many rows have been multiplied as the first phase has.
    high = (sizes[3] - places[1] + step - 1) // step - band[of.ROW]
    plane = (min(band[of.ROWS], high) + unit - 1) // unit * unit * pitch
    room = sizes[3] - step * band[of.ROW]
    whole, most = 0, -lanes
    if parts == step:
        whole = min(band[of.ROWS], (room - places[3 * parts - 2] + step - 1) // step)
        most = whole * step - lanes
        if most < 0:
            whole = 0
    for i in range(band[of.PLANES]):
        z = places[0] + steps[0] * (band[of.PLANE] + i)
        for u in range(0, band[of.SAMPLES] if z < sizes[2] else 0, lanes):
            some = min(lanes, band[of.SAMPLES] - u)
            at = band[of.GROUP] * strides[0] + band[of.SIGNAL] * strides[4]
            at += z * strides[2]
            at += step * band[of.ROW] * strides[3] + (band[of.SAMPLE] + u) * strides[5]
            line, products = moved(y, at), moved(x, i * plane + u)
            start = -beyond(line, lanes)
            for t in range(start, most + lanes if whole else start, lanes):
                v = min(max(t, 0), most)
                turn(
                    moved(
                        products, v % step * scalars[of.DISTANCE] + v // step * pitch
                    ),
                    (v % step, lanes, step, scalars[of.DISTANCE], pitch),
                    moved(line, v),
                    (0, some, 1, 0, strides[5]),
                )
            for d in range(parts):
                phase = places[3 * d + 1]
                stop = min(band[of.ROWS], (room - phase + step - 1) // step)
                for v in range(whole, stop):
                    for lane in range(some):
                        value = products[d * scalars[of.DISTANCE] + v * pitch + lane]
                        line[phase + step * v + lane * strides[5]] = value


@cache
def movers(dtype: np.dtype[np.inexact]) -> tuple[Entry, ...]:
    """What fills a band, and what writes its products; each has an `address`."""
    samples, numbers = kind_of(dtype).as_pointer(), INDEX.as_pointer()
    taken = (samples, numbers, samples, numbers, numbers, INDEX, INDEX)
    return (
        Entry(_fill, f"fill-{dtype}", taken),
        Entry(_store, f"store-{dtype}", taken),
    )
