"""The compiled part of the engine `direct`: fill a band, multiply, store.

There are few functions, since each takes its time to be compiled.
"""

from functools import cache
from typing import Any

import numpy as np

from convadjoint.engines import frames
from convadjoint.engines import program as of
from convadjoint.engines.movement import axes_at, fill, store
from convadjoint.engines.multiplying import multiply, places_in, whole_tiles
from convadjoint.engines.primitives import (
    INDEX,
    Entry,
    called,
    entry,
    inlined,
    kind_of,
    moved,
    samples_at,
    taken,
    words_at,
)

__all__ = ["worker"]


@inlined
def _fill(source: Any, numbers: Any, band: Any, inputs: Any) -> None:
    """Lay the input of a band out; what does so if the band is turned comes with it."""
    x, layout, mover = source
    scalars, steps = (
        moved(numbers, numbers[of.SCALARS]),
        moved(numbers, numbers[of.STEPS]),
    )
    sides, axes = moved(numbers, numbers[of.SIDES]), axes_at(numbers, of.AXES)
    given = moved(x, band[of.GROUP] * layout[6]), layout, moved(layout, 6)
    rows = (
        band[of.PLANES] + steps[3],
        whole_tiles(numbers, band[of.ROWS]) + steps[4],
        band[of.SIGNALS],
        band[of.SAMPLES] + steps[5],
    )
    first = (band[of.PLANE], band[of.ROW], band[of.SIGNAL], band[of.SAMPLE])
    if scalars[of.TURNED]:
        called(mover, x, layout, inputs, numbers, band, 0, 0)
    else:
        fill(given, (inputs, sides), first, rows, axes, scalars[of.LANES])


@cache
def worker(dtype: np.dtype[np.inexact]) -> Entry:
    """Compile what computes bands of the output for real samples of a dtype.

    It takes the addresses of a call and of its thread's buffers.  The call is given input
    and output; numbers (sections, as `program` has them) and weights (those of the tiles,
    group by group); layout, jobs, and what their bands read and write (`ahead`); the count
    of bands; if these are turned, what `turning` has to fill and to store them; the next
    band, and the next piece of each, which all threads share.

    The layout has 24 numbers: sizes and strides of the input, then of the output: group,
    channel, plane, row, signal, sample.  Samples of the output are neighbours.
    """
    kind = kind_of(dtype)

    @entry(f"direct-{dtype}", INDEX, INDEX)
    def work(call: Any, mine: Any) -> None:
        words = moved(words_at(call), frames.GIVEN)
        slots = moved(words_at(mine), 2 * words_at(call)[frames.SLOTS])
        x, y = samples_at(words[0], kind), samples_at(words[1], kind)
        inputs, products = samples_at(slots[0], kind), samples_at(slots[2], kind)
        numbers, weights = words_at(words[2]), samples_at(words[3], kind)
        layout, jobs, regions = (
            words_at(words[4]),
            words_at(words[5]),
            words_at(words[6]),
        )
        count, counter = words[7], moved(words, 10)
        scalars = moved(numbers, numbers[of.SCALARS])
        starts = moved(numbers, numbers[of.STARTS])
        steps = moved(numbers, numbers[of.STEPS])
        places = moved(numbers, numbers[of.PLACES])
        last_parts = moved(numbers, numbers[of.PART_ENDS])
        last_phases = moved(numbers, numbers[of.GROUP_ENDS])
        lanes, ranges, m = scalars[of.LANES], scalars[of.RANGES], scalars[of.M]
        sizes = moved(layout, 12)
        pieces, most, blocks = jobs[0], jobs[1], scalars[of.BLOCKS]
        # Nobody helps with a band that has one piece.
        left, piece, job = count if pieces > 1 else 1, pieces, 0
        following = jobs[2] * taken(counter)
        band, done = jobs, counter
        while left > 0 or piece < pieces:
            if piece >= pieces:
                job, piece = following, 0 if following < count else 1
                if job < count:
                    further = (job + 1) % jobs[2]
                    following = job + 1 if further else jobs[2] * taken(counter)
                else:
                    # There are no more: help with those of others, the last one first.
                    left -= 1
                    job = left
                band, done = (
                    moved(jobs, of.HEAD + of.BAND * job),
                    moved(counter, 1 + job),
                )
                piece = taken(done) if pieces > 1 else piece
                if piece < pieces:
                    _fill((x, layout, words[8]), numbers, band, inputs)
                continue
            block = (most * piece, min(most, blocks - most * piece))
            after = moved(regions, of.REGION * min(following, count - 1))
            here = moved(regions, of.REGION * job + of.WRITTEN)
            target = (moved(y, band[of.GROUP] * layout[18]), sizes, moved(layout, 18))
            begin, outputs = 0, last_phases[scalars[of.GROUPS] - 1]
            for group in range(scalars[of.GROUPS]):
                end = last_phases[group]
                z, r = places[3 * begin], places[3 * begin + 1]
                deep = min(
                    band[of.PLANES],
                    (sizes[2] - z + steps[0] - 1) // steps[0] - band[of.PLANE],
                )
                high = min(
                    band[of.ROWS],
                    (sizes[3] - r + steps[1] - 1) // steps[1] - band[of.ROW],
                )
                shape = (deep, high, band[of.SIGNALS], band[of.SAMPLES])
                # Of one type with what follows: `store` would be compiled for both.
                apart = shape
                place = (z + steps[0] * band[of.PLANE], r + steps[1] * band[of.ROW])
                there = products, (0, 0, 0, 0), (0, 0)
                if scalars[of.DISTANCE] == 0:
                    low = places[3 * begin + 2] + steps[2] * band[of.SAMPLE]
                    there = places_in(
                        target,
                        steps,
                        (place[0], place[1], band[of.SIGNAL], low),
                        block[0] * m,
                        steps[2] * band[of.SAMPLES],
                    )
                for o in range(begin, end if min(deep, high) > 0 else begin):
                    first_part = last_parts[o - 1] if o else 0
                    for p in range(first_part, last_parts[o]):
                        at = numbers[of.ENDS] + p * (ranges + 1)
                        at_weights = band[of.GROUP] * scalars[of.WEIGHTS] + starts[p]
                        size = (starts[p + 1] - starts[p]) // blocks
                        part = (at, weights, at_weights, size)
                        into = (
                            there,
                            (o - begin) * scalars[of.DISTANCE],
                            p == first_part,
                        )
                        apart = multiply(
                            inputs,
                            numbers,
                            part,
                            into,
                            block,
                            shape,
                            (x, after, y, here, o, outputs),
                        )
                if scalars[of.TURNED]:
                    called(words[9], y, layout, products, numbers, band, begin, end)
                elif min(deep, high) > 0 and scalars[of.DISTANCE] > 0:
                    store(
                        target,
                        (products, scalars[of.DISTANCE], apart),
                        (block[0] * m, block[1] * m),
                        shape,
                        (
                            (place[0], place[1], band[of.SIGNAL], band[of.SAMPLE]),
                            steps,
                            (moved(places, 3 * begin), end - begin),
                        ),
                        lanes,
                    )
                begin = end
            piece = taken(done) if pieces > 1 else 1

    return work
