"""The compiled part of the engine `winograd`: lines of sums, products, sums of those.

A job lays some channels of a band out as lines, or makes some channels of its output, or
both.  There are few functions, since each takes its time to be compiled.
"""

from functools import cache
from typing import Any

import numpy as np

from convadjoint.engines import frames
from convadjoint.engines.nested import shapes as of
from convadjoint.engines.nested.blending import blend, block, strange
from convadjoint.engines.nested.lines import lay
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
from convadjoint.engines.rows import merge
from convadjoint.engines.tiles import PARTS

__all__ = ["runner"]

# Weights that share the second-level cache with a band.
_CHUNK = 65_536


@cache
def runner(dtype: np.dtype[np.inexact]) -> Entry:
    """Compile what does jobs on real samples of a dtype until none is left.

    It takes the addresses of a call and of its thread's buffers: for lines, and for the
    rows of one channel with the products after them.  The call is given input and output;
    lines that all threads share, or 0; numbers (sections, as `shapes` has them); weights
    (those of the tiles, group by group); layout, as the engine `direct` takes it; jobs
    (group, then the first and the number of channels to be laid out, of blocks of channels
    to be made, and of tiles and signals); how many they are; where products begin; the
    next job, which all threads share; and what is not 0 once an output is not finite.
    """
    kind = kind_of(dtype)

    @entry(f"winograd-{dtype}", INDEX, INDEX)
    def run(call: Any, mine: Any) -> None:
        words = moved(words_at(call), frames.GIVEN)
        slots = moved(words_at(mine), 2 * words_at(call)[frames.SLOTS])
        x, y = samples_at(words[0], kind), samples_at(words[1], kind)
        laid = samples_at(words[2] or slots[0], kind)
        rows = samples_at(slots[2], kind)
        products = moved(rows, words[8])
        numbers, weights = words_at(words[3]), samples_at(words[4], kind)
        layout, jobs = words_at(words[5]), words_at(words[6])
        scalars = moved(numbers, numbers[of.SCALARS])
        while True:
            number = taken(moved(words, 9))
            if number >= words[7]:
                break
            job = moved(jobs, of.JOB * number)
            group = job[of.GROUP]
            if job[of.CHANNELS]:
                source = moved(x, group * layout[6]), layout, moved(layout, 6)
                lay(source, rows, laid, job, numbers)
            size = moved(layout, 12), moved(layout, 18)
            target = moved(y, group * layout[18])
            for begin in range(0, job[of.BLOCKS], scalars[of.MOST]):
                blocks = min(scalars[of.MOST], job[of.BLOCKS] - begin)
                first = job[of.BLOCK] + begin
                _multiply((laid, products), job, (first, blocks), numbers, weights)
                if _take(products, rows, (target, size), job, (first, blocks), numbers):
                    words[10] = 1

    return run


@compiled
def _multiply(buffers: Any, job: Any, chosen: Any, numbers: Any, weights: Any) -> None:
    """Sum lines up for some blocks of channels."""
    (laid, products), (first, blocks) = buffers, chosen
    scalars = moved(numbers, numbers[of.SCALARS])
    ends = moved(numbers, numbers[of.ENDS])
    starts = moved(numbers, numbers[of.STARTS])
    last = moved(numbers, numbers[of.PART_ENDS])
    offsets = moved(numbers, numbers[of.OFFSETS])
    m, pitch, width = scalars[of.M], scalars[of.PITCH], scalars[of.WIDTH]
    length = job[of.PLANES] * job[of.ROWS] * job[of.SIGNALS] * job[of.SAMPLES]
    line, parts = 2 * scalars[of.LANES], last[scalars[of.PRODUCTS] - 1]
    for o in range(scalars[of.PRODUCTS]):
        begin = last[o - 1] if o else 0
        y_at = o * scalars[of.MADE_AT]
        for part in range(begin, last[o]):
            size = (ends[part + 1] - ends[part]) * m
            weights_at = job[of.GROUP] * scalars[of.WEIGHTS] + starts[part]
            most = max(1, _CHUNK // size)
            for low in range(0, blocks, most):
                for sample in range(0, length, width):
                    # The next samples may lie in a cache that is far away: those of the
                    # same lines, or else of the next ones, if there are as many.
                    further, near = 0, width
                    if sample + width >= length:
                        near = -sample
                        if part + 1 < parts:
                            further = ends[part + 1] - ends[part]
                            if ends[part + 2] - ends[part + 1] < further:
                                further = 0
                    for index in range(low, min(blocks, low + most)):
                        block(
                            laid,
                            sample,
                            offsets,
                            moved(ends, part),
                            weights,
                            weights_at + (first + index) * size,
                            products,
                            y_at + index * m * pitch + sample,
                            pitch,
                            part == begin,
                            scalars[of.FORM],
                            (further, near + (index - low) * line % width),
                        )


@compiled
def _take(
    products: Any, rows: Any, target: Any, job: Any, chosen: Any, numbers: Any
) -> Any:
    """Write some blocks of channels; say whether a sample was not finite."""
    (y, (sizes, strides)), (first, blocks) = target, chosen
    scalars = moved(numbers, numbers[of.SCALARS])
    counts = moved(numbers, numbers[of.MADE])
    outer = moved(numbers, numbers[of.OUTPUTS])
    middle = moved(numbers, numbers[of.OUTPUTS + 1])
    inner = moved(numbers, numbers[of.OUTPUTS + 2])
    m, pitch, apart = scalars[of.M], scalars[of.PITCH], scalars[of.MADE_AT]
    made, many = scalars[of.SUMS], counts[5]
    ready = made + 3 * many * pitch
    whole = job[of.PLANES] * job[of.ROWS] * job[of.SAMPLES] * job[of.SIGNALS]
    bad = 0
    for c in range(min(blocks * m, sizes[1] - first * m)):
        for number in range(counts[0] * counts[1]):
            one = moved(outer, of.OUTPUT_SIZE * (number // counts[1]))
            two = moved(middle, of.OUTPUT_SIZE * (number % counts[1]))
            step = many * apart
            for term in range(one[1]):
                at = c * pitch + one[2 + term] * counts[4] * step
                blend(
                    rows,
                    (made + term * many * pitch, pitch),
                    products,
                    (many, apart),
                    (at + two[2] * step, at + two[3] * step, at + two[4] * step),
                    (two[5], two[6]),
                    two[1],
                    whole,
                )
            if one[1] > 1:
                step = many * pitch
                blend(
                    rows,
                    (made, pitch),
                    rows,
                    (many, pitch),
                    (made, made + step, made + 2 * step),
                    (one[5], one[6]),
                    one[1],
                    whole,
                )
            for d in range(counts[2]):
                three = moved(inner, of.OUTPUT_SIZE * d)
                starts = (made + three[2] * pitch, made + three[3] * pitch)
                blend(
                    rows,
                    (ready + d * pitch, pitch),
                    rows,
                    (1, 1),
                    (starts[0], starts[1], made + three[4] * pitch),
                    (three[5], three[6]),
                    three[1],
                    whole,
                )
                bad |= strange(rows, ready + d * pitch, whole)
            into = moved(y, (first * m + c) * strides[1])
            places = (one[0], two[0], ready)
            _write(rows, into, (sizes, strides), places, job, numbers)
    return bad


@compiled
def _write(
    rows: Any, y: Any, extents: Any, places: Any, job: Any, numbers: Any
) -> None:
    """Put the outputs of all tiles of a channel to their places."""
    (sizes, strides), (z, r, ready) = extents, places
    scalars = moved(numbers, numbers[of.SCALARS])
    inner = moved(numbers, numbers[of.OUTPUTS + 2])
    pitch, lanes = scalars[of.PITCH], scalars[of.LANES]
    steps = moved(numbers, numbers[of.STEPS_OUT])
    parts = moved(numbers, numbers[of.MADE])[2]
    samples, step = job[of.SAMPLES], steps[2]
    weave = job[of.SIGNALS] if scalars[of.WOVEN] else 1
    room = sizes[5] - step * job[of.SAMPLE]
    whole = 0
    if parts == step and step <= PARTS and weave == 1:
        last = moved(inner, of.OUTPUT_SIZE * (parts - 1))[0]
        whole = min(samples, (room - last + step - 1) // step)
        if whole < lanes:
            whole = 0
    x_at = ready - samples * weave
    for s in range(0, job[of.SIGNALS], weave):
        for i in range(job[of.PLANES]):
            plane = z + steps[0] * (job[of.PLANE] + i)
            for j in range(job[of.ROWS]):
                row = r + steps[1] * (job[of.ROW] + j)
                x_at += samples * weave
                if plane >= sizes[2] or row >= sizes[3]:
                    continue
                for w in range(weave):
                    at = plane * strides[2] + row * strides[3] + step * job[of.SAMPLE]
                    at += (job[of.SIGNAL] + s + w) * strides[4]
                    if whole:
                        merge(y, at, rows, x_at, pitch, step, whole)
                    if whole == samples:
                        continue
                    for d in range(parts):
                        phase = moved(inner, of.OUTPUT_SIZE * d)[0]
                        end = min(samples, (room - phase + step - 1) // step)
                        start = x_at + d * pitch + w
                        for u in range(whole, end):
                            y[at + phase + step * u] = rows[start + u * weave]
