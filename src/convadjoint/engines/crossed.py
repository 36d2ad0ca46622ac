"""The compiled part of `crossing`: fill a band, then some columns and their rows in turn."""

from functools import cache
from typing import Any

import numpy as np

from convadjoint.engines import frames
from convadjoint.engines import program as of
from convadjoint.engines.movement import axes_at, fill
from convadjoint.engines.multiplying import multiply, whole_tiles
from convadjoint.engines.primitives import (
    INDEX,
    Entry,
    called,
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
    and output; numbers and weights of the columns; weights of the rows; layout, jobs and
    regions as `compiled.worker` takes them; the count of bands; the address of what
    convolves rows, how many it takes at once, their distance, and weights of a row; the
    next band, which all threads share.
    """
    kind = kind_of(dtype)

    @entry(f"crossed-{dtype}", INDEX, INDEX)
    def work(call: Any, mine: Any) -> None:
        words = moved(words_at(call), frames.GIVEN)
        slots = moved(words_at(mine), 2 * words_at(call)[frames.SLOTS])
        x, y = samples_at(words[0], kind), samples_at(words[1], kind)
        inputs, middle = samples_at(slots[0], kind), samples_at(slots[2], kind)
        columns, weights = words_at(words[2]), samples_at(words[3], kind)
        others, layout = samples_at(words[4], kind), words_at(words[5])
        jobs, regions, count = (
            moved(words_at(words[6]), of.HEAD),
            words_at(words[7]),
            words[8],
        )
        most, pitch, size = words[10], words[11], words[12]
        counter = moved(words, 13)
        sides, steps = (
            moved(columns, columns[of.SIDES]),
            moved(columns, columns[of.STEPS]),
        )
        axes = axes_at(columns, of.AXES)
        lanes = columns[columns[of.SCALARS] + of.LANES]
        strides = moved(layout, 18)
        job = taken(counter)
        while job < count:
            following = taken(counter)
            band = moved(jobs, of.BAND * job)
            group, samples = band[of.GROUP], band[of.SAMPLES]
            source = moved(x, group * layout[6]), layout, moved(layout, 6)
            first = (
                band[of.PLANE],
                band[of.ROW],
                band[of.SIGNAL],
                band[of.SAMPLE],
            )
            high = whole_tiles(columns, band[of.ROWS]) + steps[4]
            filled = (1, high, 1, samples + steps[5])
            fill(source, (inputs, sides), first, filled, axes, lanes)
            chunks = (band[of.ROWS] + most - 1) // most
            after = moved(regions, of.REGION * min(following, count - 1))
            here = moved(regions, of.REGION * job + of.WRITTEN)
            place = first[1] * strides[3] + first[2] * strides[4] + first[3]
            outputs = moved(y, group * strides[0] + first[0] * strides[2] + place)
            for chunk in range(chunks):
                begin = most * chunk
                rows = min(most, band[of.ROWS] - begin)
                multiply(
                    moved(inputs, begin * sides[3]),
                    columns,
                    _whole(columns, weights, group),
                    ((middle, (0, 0, 0, 0), (0, 0)), 0, rows > 0),
                    (0, 1),
                    (1, rows, 1, pitch),
                    (x, after, y, here, chunk, chunks),
                )
                called(
                    words[9],
                    middle,
                    pitch,
                    moved(outputs, begin * strides[3]),
                    strides[3],
                    moved(others, group * size),
                    rows,
                    samples,
                )
            job = following

    return work
