"""The compiled part of `blocked`: block after block of the output, row after row."""

from functools import cache
from typing import Any

import numpy as np

from convadjoint.engines import frames
from convadjoint.engines.blocks import Form, block
from convadjoint.engines.masks import among, masked
from convadjoint.engines.primitives import (
    INDEX,
    VECTOR_BYTES,
    Entry,
    compiled,
    emitted,
    entry,
    inlined,
    kind_of,
    moved,
    prefetch,
    reserve,
    samples_at,
    taken,
    vector_at,
    vector_of,
    words_at,
)

__all__ = ["worker"]

# How many samples before they are read or written rows are asked for, at least.
_AHEAD = 2048


@emitted
def _word(builder: Any, place: Any) -> Any:
    """An address as a number."""
    return builder.ptrtoint(place, INDEX)


@emitted
def _place(builder: Any, word: Any, like: Any) -> Any:
    """A number as an address of the same kind as another one."""
    return builder.inttoptr(word, like.type)


@emitted
def _laid(builder: Any, row: Any, first: Any, left: Any, target: Any) -> None:
    """Write a vector of samples of a row, from the first one on; zeros around."""
    lanes = vector_of(target).count
    (known,) = among(builder, first, left, 1, lanes)
    values = masked(builder, "load", vector_at(builder, row, first), known)
    builder.store(values, vector_at(builder, target, INDEX(0)), align=1)


@inlined
def _outputs(table: Any, rows: Any, row: Any, steps: Any, count: Any) -> None:
    """Note where the rows of a block are; those that are too many share a place."""
    target, sink, y_row = rows
    apart, height = steps
    for i in range(count):
        table[i] = _word(sink)
        if row + i * apart < height:
            table[i] = _word(moved(target, (row + i * apart) * y_row))


@inlined
def _inputs(table: Any, source: Any, sizes: Any, steps: Any, origins: Any) -> Any:
    """Note weights and rows of the input for each plane of taps; return how many these are.

    Planes outside of the input are left out, rows have no address.
    """
    (x, weights), (channels, deep, reads, size) = source, sizes
    (x_channel, x_plane, x_row, apart), (planes, rows), count = steps, origins, 0
    for c in range(channels):
        for tap in range(deep):
            if planes[tap] >= 0:
                here = moved(table, count * (1 + reads))
                here[0] = _word(moved(weights, (c * deep + tap) * size))
                lines = moved(x, c * x_channel + planes[tap] * x_plane)
                for i in range(reads):
                    here[1 + i] = 0
                    if rows[i * apart] >= 0:
                        here[1 + i] = _word(moved(lines, rows[i * apart] * x_row))
                count += 1
    return count


@inlined
def _asked(places: Any, steps: Any, span: Any, count: Any) -> None:
    """Ask for the same samples of some rows of the input, and for those of the output."""
    (x, y), (x_step, y_step), (first, last, line) = places, steps, span
    for i in range(count):
        for u in range(first, last, line):
            prefetch(x, i * x_step + u)
            reserve(y, i * y_step + u)


@compiled
def _extended(tables: Any, strips: Any, counts: Any, columns: Any, span: Any) -> None:
    """Lay out what a block reads of each row, with what stands outside of it.

    `span` are the first sample of that, samples of the row from there on, those that a
    block loads, how many it needs of them, and lanes of a vector.
    """
    (table, into), (planes, _, length) = tables, counts
    first, left, wide, needed, lanes = span
    for number in range(planes * length):
        into[number] = table[number]
        if number % length > 0 and table[number] != 0:
            strip, line = moved(strips, number * wide), _place(table[number], strips)
            into[number] = _word(strip)
            for u in range(0, wide, lanes):
                _laid(line, first + u, left - u, moved(strip, u))
            for u in range(min(needed, -first)):
                strip[u] = line[columns[u]] if columns[u] >= 0 else 0
            for u in range(max(0, left), needed):
                strip[u] = line[columns[u]] if columns[u] >= 0 else 0


def _row(form: Form, lanes: int, kind: Any) -> Any:
    """Return what makes the blocks of some rows, one after the other.

    It takes tables of the outputs and of the inputs, with room for another one and for
    strips; planes of taps, rows of each, and words of a table for each; columns, samples
    of the output and of the input, how many of those lie before the first tap, and whether
    they are extended; what to ask for, distances of its rows, and whether to do so.
    """
    width, wide = form.vectors * lanes, form.reads(lanes) * lanes
    height, made = form.rows, block(form, kind)
    line, span = frames.LINE * lanes // VECTOR_BYTES, (form.taps - 1) * form.step

    @inlined
    def make(tables: Any, counts: Any, sizes: Any, soon: Any) -> None:
        (targets, table, others, strips), (places, leaps, asks) = tables, soon
        columns, samples, room, before, extends = sizes
        for u in range(0, samples, width):
            at, left = u - before, samples - u
            if asks:
                _asked(places, leaps, (u, u + width, line), height)
            if extends != 0 and (at < 0 or room - at < wide):
                reach = at, room - at, wide, min(wide, left + span), lanes
                _extended((table, others), strips, counts, moved(columns, u), reach)
                made((targets, others), counts, (u, 0), (wide, left))
            else:
                made((targets, table), counts, (u, at), (room - at, left))

    return make


@cache
def worker(dtype: np.dtype[np.inexact], form: Form) -> Entry:
    """Compile what computes bands of blocks, for real samples of a dtype.

    It takes the addresses of a call and of its thread's buffers.  The call is given input,
    output and weights; which plane each tap of each plane of the output reads, then for the
    rows, and the samples of a row, that come into reach one after the other, where they
    are (-1: outside); jobs, bands of a job, all bands, bands of a plane, blocks of a band
    and of a plane; planes of the output, groups, channels of a group, planes of taps; rows
    and samples of the output, samples of the input and how many of those before the first
    tap, whether they are extended; distance of taps, rows of them; distances of signals,
    channels, planes and rows of both arrays; samples of the place for rows that nobody
    reads, words of a table; and the next job, which all threads share.
    """
    kind, height, across = kind_of(dtype), form.rows, form.taps
    make = _row(form, VECTOR_BYTES // dtype.itemsize, kind)

    @entry("-".join(map(str, ("blocked", dtype, *form))), INDEX, INDEX)
    def run(call: Any, mine: Any) -> None:
        words = moved(words_at(call), frames.GIVEN)
        slots = moved(words_at(mine), 2 * words_at(call)[frames.SLOTS])
        x, y = samples_at(words[0], kind), samples_at(words[1], kind)
        every, sink = samples_at(words[2], kind), samples_at(slots[0], kind)
        planes, rows, columns = (
            words_at(words[3]),
            words_at(words[4]),
            words_at(words[5]),
        )
        jobs, each, total, bands = words[6], words[7], words[8], words[9]
        band, blocks, depth, groups = words[10], words[11], words[12], words[13]
        channels, deep, high, samples = words[14], words[15], words[16], words[17]
        apart, taps, x_row, y_row = words[21], words[22], words[26], words[30]
        targets = words_at(slots[2])
        table = moved(targets, height)
        tables = targets, table, moved(table, words[32]), moved(sink, words[31])
        size, reads = taps * across, height + taps - 1
        steps, leaps = (
            (words[24], words[25], x_row, apart),
            (x_row * apart, y_row * apart),
        )
        ahead = (_AHEAD + samples * height - 1) // (samples * height)
        job = taken(moved(words, 33))
        while job < jobs:
            end = min(total, (job + 1) * each)
            for part in range(job * each, end):
                image, first = part // bands, part % bands * band
                plane, group = image % depth, image // depth % groups
                signal, last = image // (depth * groups), min(blocks, first + band)
                source = signal * words[23] + group * channels * words[24]
                target = signal * words[27] + group * words[28] + plane * words[29]
                given = moved(x, source), moved(every, group * channels * deep * size)
                goal = moved(y, target)
                for number in range(first, last):
                    row = number // apart * apart * height + number % apart
                    _outputs(targets, (goal, sink, y_row), row, (apart, high), height)
                    where = moved(planes, plane * deep), moved(rows, row)
                    sizes = channels, deep, reads, size
                    count = _inputs(table, given, sizes, steps, where)
                    # Rows to come are asked for, unless another thread may make those; but
                    # long rows are foreseen, and several planes take longer to multiply.
                    asks = number + ahead * apart < last or part + 1 < end
                    asks = asks and ahead > 1 and channels * deep == 1
                    later = row + ahead * apart * height
                    soon = moved(given[0], later * x_row), moved(goal, later * y_row)
                    make(
                        tables,
                        (count, taps, 1 + reads),
                        (columns, samples, words[18], words[19], words[20]),
                        (soon, leaps, asks),
                    )
            job = taken(moved(words, 33))

    return run
