"""The compiled part of `lanes`: lay a page out, multiply its runs, write what they make."""

from functools import cache
from typing import Any

import numpy as np

from convadjoint.engines import frames
from convadjoint.engines.depthwise import positions as of
from convadjoint.engines.depthwise.positions import MOST, PAGE, RUN, STRIP, TOGETHER
from convadjoint.engines.primitives import (
    INDEX,
    VECTOR_BYTES,
    Entry,
    ask,
    cases,
    compiled,
    emitted,
    entry,
    fused,
    inlined,
    kind_of,
    looped,
    moved,
    samples_at,
    taken,
    vector_at,
    vector_of,
    words_at,
)
from convadjoint.engines.transposing import block
from convadjoint.engines.turning import beyond, exchange

__all__ = ["worker"]

# Sections of the numbers of a plan; the first one has how many strips there are, distances
# of neighbours of a run in a band and in outputs, taps, and samples of a band.
_COUNT, _NEAR, _APART, _TAPS, _ROOM = range(5)
_SCALARS, _STRIPS, _PAGES, _PLACES, _BORDERS, _RUNS, _OFFSETS, _ENDS = range(8)
_ALIGN = 4


# --- Vectors ----------------------------------------------------------------------------


def _load(builder: Any, place: Any, index: Any) -> Any:
    """The vector that begins at an index."""
    return builder.load(vector_at(builder, place, index), align=_ALIGN)


@emitted
def _copy(builder: Any, x: Any, y: Any) -> None:
    """Copy a vector."""
    value = _load(builder, x, INDEX(0))
    builder.store(value, vector_at(builder, y, INDEX(0)), align=_ALIGN)


@emitted
def _clear(builder: Any, y: Any) -> None:
    """Write a vector of zeros."""
    zeros = vector_of(y)(None)
    builder.store(zeros, vector_at(builder, y, INDEX(0)), align=_ALIGN)


@emitted
def _spread(builder: Any, x: Any, apart: Any, y: Any, places: Any) -> None:
    """Transpose a block of vectors that lie some apart, and put each in its place."""
    numbers = [INDEX(number) for number in range(vector_of(x).count)]
    sources = [builder.gep(x, [builder.mul(apart, number)]) for number in numbers]
    found = [builder.load(builder.gep(places, [number])) for number in numbers]
    exchange(builder, sources, [builder.gep(y, [place]) for place in found])


@emitted
def _prefetch(builder: Any, x: Any, apart: Any) -> None:
    """Ask for a block of vectors that lie some apart, and are read soon."""
    for number in range(vector_of(x).count):
        ask(builder, x, builder.mul(apart, INDEX(number)))


@emitted
def _reserve(builder: Any, y: Any, apart: Any) -> None:
    """Ask for a block of vectors that lie some apart, and are written soon."""
    for number in range(vector_of(y).count):
        ask(builder, y, builder.mul(apart, INDEX(number)), write=True)


@emitted
def _run(
    builder: Any,
    x: Any,
    ends: Any,
    offsets: Any,
    weights: Any,
    y: Any,
    steps: Any,
    count: Any,
) -> None:
    """Compute the outputs of a run; neighbouring taps share what they read."""
    kind, (near, apart) = vector_of(x), steps
    edges = [builder.load(builder.gep(ends, [INDEX(i)])) for i in range(TOGETHER + 1)]

    def emit(width: int) -> None:
        sums, at = [kind(None)] * width, weights
        for size, first, last in zip(
            range(TOGETHER, 0, -1), edges[:-1], edges[1:], strict=True
        ):

            def term(
                offset: Any, weight: Any, *sums: Any, size: int = size
            ) -> list[Any]:
                place = builder.gep(x, [builder.load(offset)])
                factors = [
                    _load(builder, weight, INDEX(kind.count * i)) for i in range(size)
                ]
                grown = list(sums)
                for number in range(width + size - 1):
                    value = _load(builder, place, builder.mul(near, INDEX(number)))
                    for i in range(max(0, number - width + 1), min(size, number + 1)):
                        total = grown[number - i]
                        grown[number - i] = fused(builder, factors[i], value, total)
                return grown

            passed, ahead = builder.sub(last, first), INDEX(size * kind.count)
            steps = (builder.gep(offsets, [first]), INDEX(1)), (at, ahead)
            sums = looped(builder, passed, steps, term, sums)
            at = builder.gep(at, [builder.mul(passed, ahead)])
        for index, total in enumerate(sums):
            place = vector_at(builder, y, builder.mul(apart, INDEX(index)))
            builder.store(total, place, align=_ALIGN)

    cases(builder, count, range(1, MOST + 1), emit)


# --- Pages ------------------------------------------------------------------------------


@inlined
def _channel(blocks: Any, number: Any) -> Any:
    """The first channel of a block: the last one has some of the one before again."""
    first, channels, lanes = blocks[0], blocks[2], blocks[3]
    return min((first + number) * lanes, channels - lanes)


@inlined
def _first(line: Any, apart: Any, lanes: Any) -> Any:
    """Where the first block of lines begins: no vector should lie across two of the cache.

    Lines that lie a large power of two apart would else push each other out of it.
    """
    return -beyond(line, lanes) if apart % lanes == 0 else 0


@compiled
def _lay(source: Any, target: Any, count: Any, blocks: Any) -> None:
    """Put samples in their places: `source` goes with distances of channels and samples.

    `target` is a band, the distance of blocks there, and the places of the samples.
    """
    (x, lane, near), (y, room, places), lanes = source, target, blocks[3]
    if lane == 1:
        for i in range(count):
            line, place = moved(x, i * near), moved(y, places[i])
            for b in range(blocks[1]):
                _copy(moved(line, _channel(blocks, b)), moved(place, b * room))
        return
    for b in range(blocks[1]):
        line, place = moved(x, _channel(blocks, b) * lane), moved(y, b * room)
        if count >= lanes:
            for i in range(_first(line, lane, lanes), count, lanes):
                u = min(max(i, 0), count - lanes)
                _spread(moved(line, u), lane, place, moved(places, u))
        else:
            for i in range(count):
                for c in range(lanes):
                    place[places[i] + c] = line[c * lane + i]


@compiled
def _surround(band: Any, borders: Any, count: Any, room: Any, some: Any) -> None:
    """Write the copies and zeros around the samples."""
    for i in range(count):
        to, source = borders[2 * i], borders[2 * i + 1]
        for b in range(some):
            if source < 0:
                _clear(moved(band, to + b * room))
            else:
                _copy(moved(band, source + b * room), moved(band, to + b * room))


@compiled
def _multiply(
    band: Any,
    numbers: Any,
    runs: Any,
    weights: Any,
    target: Any,
    blocks: Any,
    soon: Any,
) -> None:
    """Compute some runs; `target` goes with the distances of blocks and outputs.

    Meanwhile the samples of the next page come, and the place of this one's outputs:
    `soon` are both, with the distances of channels, and how many blocks of samples.
    """
    scalars, offsets = (
        moved(numbers, numbers[_SCALARS]),
        moved(numbers, numbers[_OFFSETS]),
    )
    (first, count), (y, begin, near), lanes = runs, target, blocks[3]
    (x, x_lane, reads), (z, z_lane, writes) = soon
    asked = reserved = 0
    for i in range(count):
        run = moved(numbers, numbers[_RUNS] + RUN * (first + i))
        ends = moved(numbers, numbers[_ENDS] + (TOGETHER + 2) * run[0])
        while asked * count < (i + 1) * reads:
            _prefetch(moved(x, asked * lanes), x_lane)
            asked += 1
        while reserved * count < (i + 1) * writes:
            _reserve(moved(z, reserved * lanes), z_lane)
            reserved += 1
        for b in range(blocks[1]):
            tap = (blocks[0] + b) * scalars[_TAPS] + ends[TOGETHER + 1]
            # Where outputs are transposed later, there is one block.
            place = moved(y, _channel(blocks, b) if writes == 0 else 0)
            _run(
                moved(band, run[1] + b * scalars[_ROOM]),
                ends,
                offsets,
                moved(weights, tap * lanes),
                moved(place, (run[2] - begin) * near),
                (scalars[_NEAR], scalars[_APART] * near),
                run[3],
            )


@compiled
def _write(products: Any, target: Any, apart: Any, count: Any, lanes: Any) -> None:
    """Transpose the outputs of a page into lines of channels, which lie some apart."""
    if count >= lanes:
        for i in range(_first(target, apart, lanes), count, lanes):
            u = min(max(i, 0), count - lanes)
            block(moved(products, u * lanes), lanes, moved(target, u), apart)
    else:
        for i in range(count):
            for c in range(lanes):
                target[c * apart + i] = products[i * lanes + c]


@cache
def worker(dtype: np.dtype[np.inexact]) -> Entry:
    """Compile what computes strips for real samples of a dtype.

    It takes the addresses of a call and of its thread's buffers.  The call is given input
    and output; numbers and weights, as `lanes` has them; how many jobs there are, parts of
    the channels, and blocks, and channels; the distances of signals, channels and samples
    of both arrays; and the next job, which all threads share.
    """
    kind, lanes = kind_of(dtype), VECTOR_BYTES // dtype.itemsize

    @entry(f"lanes-{dtype}", INDEX, INDEX)
    def work(call: Any, mine: Any) -> None:
        words = moved(words_at(call), frames.GIVEN)
        slots = moved(words_at(mine), 2 * words_at(call)[frames.SLOTS])
        x, y = samples_at(words[0], kind), samples_at(words[1], kind)
        band, products = samples_at(slots[0], kind), samples_at(slots[2], kind)
        numbers, weights = words_at(words[2]), samples_at(words[3], kind)
        count, chunks, blocks, channels = words[4], words[5], words[6], words[7]
        x_far, x_lane, x_near = words[8], words[9], words[10]
        y_far, y_lane, y_near = words[11], words[12], words[13]
        scalars = moved(numbers, numbers[_SCALARS])
        strips, room = scalars[_COUNT], scalars[_ROOM]
        each = (blocks + chunks - 1) // chunks
        job, page = taken(moved(words, 14)), 0
        while job < count:
            strip = moved(numbers, numbers[_STRIPS] + STRIP * (job % strips))
            now = moved(numbers, numbers[_PAGES] + PAGE * (strip[of.FIRST_PAGE] + page))
            first, signal = job // strips % chunks * each, job // strips // chunks
            some = (first, min(each, blocks - first), channels, lanes)
            source = moved(x, signal * x_far + now[of.SAMPLE] * x_near)
            target = moved(y, signal * y_far + now[of.OUTPUT] * y_near)
            out = moved(target, _channel(some, 0) * y_lane)
            place = moved(band, -strip[of.POSITION])
            places = moved(numbers, numbers[_PLACES] + now[of.SAMPLE])
            _lay((source, x_lane, x_near), (place, room, places), now[of.SAMPLES], some)
            borders = moved(numbers, numbers[_BORDERS] + 2 * now[of.BORDER])
            _surround(place, borders, now[of.BORDERS], room, some[1])
            page += 1
            if page == strip[of.PAGES]:
                job, page = taken(moved(words, 14)), 0
            strip = moved(numbers, numbers[_STRIPS] + STRIP * (job % strips))
            after = moved(
                numbers, numbers[_PAGES] + PAGE * (strip[of.FIRST_PAGE] + page)
            )
            following = (job // strips % chunks * each, 0, channels, lanes)
            at = job // strips // chunks * x_far + after[of.SAMPLE] * x_near
            at += _channel(following, 0) * x_lane
            reads = writes = 0
            if x_lane > 1 and job < count:
                reads = (after[of.SAMPLES] + lanes - 1) // lanes
            written, near = target, y_near
            if y_lane > 1:
                writes = (now[of.OUTPUTS] + lanes - 1) // lanes
                written, near = products, lanes
            _multiply(
                place,
                numbers,
                (now[of.FIRST_RUN], now[of.RUNS]),
                weights,
                (written, now[of.OUTPUT], near),
                some,
                ((moved(x, at), x_lane, reads), (out, y_lane, writes)),
            )
            if y_lane > 1:
                _write(products, out, y_lane, now[of.OUTPUTS], lanes)

    return work
