"""The compiled part of `crossing`: fill a band, then multiply twice and store, by rows."""

from functools import cache
from typing import Any

import numpy as np

from convadjoint.engines import calls
from convadjoint.engines import program as of
from convadjoint.engines.movement import axes_at, fill
from convadjoint.engines.multiplying import multiply, places_in, whole_tiles
from convadjoint.engines.primitives import (
    INDEX,
    Entry,
    compiled,
    entry,
    kind_of,
    moved,
    samples_at,
    taken,
    words_at,
)

__all__ = ["runner"]


@compiled
def _whole(numbers: Any, weights: Any, group: Any) -> Any:
    """All taps of a plan that has one part, as `multiply` takes them."""
    size = numbers[numbers[of.SCALARS] + of.WEIGHTS]
    return (numbers[of.ENDS], weights, group * size, size)


@cache
def runner(dtype: np.dtype[np.inexact]) -> Entry:
    """Compile what computes bands of the output for real samples of a dtype.

    It takes the addresses of a call and of its thread's buffers.  The call is given input
    and output; numbers and weights of the first plan, and of the second one; layout, jobs
    and regions as `compiled.worker` takes them; the count of bands; four
    zeros; the next band, which all threads share.
    """
    kind = kind_of(dtype)

    @entry(f"crossed-{dtype}", INDEX, INDEX)
    def work(call: Any, mine: Any) -> None:
        words = moved(words_at(call), calls.GIVEN)
        slots = moved(words_at(mine), 2 * words_at(call)[calls.SLOTS])
        x, y = samples_at(words[0], kind), samples_at(words[1], kind)
        inputs, middle = samples_at(slots[0], kind), samples_at(slots[2], kind)
        columns, along = words_at(words[2]), words_at(words[4])
        weights, others = samples_at(words[3], kind), samples_at(words[5], kind)
        layout, jobs = words_at(words[6]), moved(words_at(words[7]), of.HEAD)
        regions, count, nothing = words_at(words[8]), words[9], moved(words, 10)
        counter = moved(words, 14)
        sides, steps = (
            moved(columns, columns[of.SIDES]),
            moved(columns, columns[of.STEPS]),
        )
        pitch = moved(along, along[of.SIDES])
        axes = axes_at(columns, of.AXES)
        lanes = columns[columns[of.SCALARS] + of.LANES]
        sizes, strides = moved(layout, 12), moved(layout, 18)
        job = taken(counter)
        while job < count:
            following = taken(counter)
            band = moved(jobs, of.BAND * job)
            group, samples = band[of.GROUP], band[of.SAMPLES]
            source = moved(x, group * layout[6]), layout, moved(layout, 6)
            target = moved(y, group * strides[0]), sizes, strides
            first = (
                band[of.PLANE],
                band[of.ROW],
                band[of.SIGNAL],
                band[of.SAMPLE],
            )
            high = whole_tiles(columns, band[of.ROWS]) + steps[4]
            filled = (1, high, 1, samples + steps[5])
            fill(source, (inputs, sides), first, filled, axes, lanes)
            chunks = (band[of.ROWS] + pitch[1] - 1) // pitch[1]
            after = moved(regions, of.REGION * min(following, count - 1))
            here = moved(regions, of.REGION * job + of.WRITTEN)
            for chunk in range(chunks):
                begin = pitch[1] * chunk
                rows = min(pitch[1], band[of.ROWS] - begin)
                multiply(
                    moved(inputs, begin * sides[3]),
                    columns,
                    _whole(columns, weights, group),
                    ((middle, (0, 0, 0, 0), (0, 0)), 0, rows > 0),
                    (0, 1),
                    (1, rows, 1, pitch[3]),
                    (x, after, y, here, chunk, chunks),
                )
                place = (first[0], first[1] + begin, first[2], first[3])
                multiply(
                    middle,
                    along,
                    _whole(along, others, group),
                    (places_in(target, steps, place, 0, samples), 0, rows > 0),
                    (0, 1),
                    (1, rows, 1, samples),
                    (x, nothing, y, nothing, 0, 1),
                )
            job = following

    return work
