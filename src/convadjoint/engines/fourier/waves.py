"""The compiled part of the engine `fft`: rows, columns, and rows back.

A spectrum lies as ``(pair of windows, channel, block of columns, line, part, lane)``: a
line is a row of samples, lanes are neighbours of its transform.  Rows are transformed as
many at once as there are lanes, and turned on their way in and out; columns lie as
vectors need them.  There is one function, since each is compiled with all it calls.
"""

from functools import cache
from typing import Any

import numpy as np

from convadjoint.engines import frames
from convadjoint.engines.fourier import waveform as of
from convadjoint.engines.fourier.butterflies import butterflies, mixed
from convadjoint.engines.fourier.reeling import aim, read, write
from convadjoint.engines.fourier.turning import put, take
from convadjoint.engines.primitives import (
    INDEX,
    Entry,
    compiled,
    entry,
    inlined,
    kind_of,
    moved,
    prefetch,
    samples_at,
    taken,
    words_at,
)

__all__ = ["runner"]

# Samples that are asked for before they are needed: no more than the cache holds.
_AHEAD = 40_000
_FORWARD, _BACK = 0, 1


@cache
def runner(dtype: np.dtype[np.inexact]) -> Entry:
    """Compile what does a part of a product on real numbers of a dtype.

    It takes the addresses of a call and of its thread's buffers.  The call is given what
    is read and what is written: input, output, or spectra of some pairs of windows; the
    spectrum of the kernel; factors of all transforms, axis by axis; the plan, as
    `waveform` has it; which part it is (0 rows, 1 columns, 2 rows back, 3 all of them
    where there is one axis); the next job, which all threads share; jobs; the first pair
    of windows; and signals.
    """
    kind = kind_of(dtype)

    @entry(f"fft-{dtype}", INDEX, INDEX)
    def run(call: Any, mine: Any) -> None:
        words = moved(words_at(call), frames.GIVEN)
        slots = moved(words_at(mine), 2 * words_at(call)[frames.SLOTS])
        x, y = samples_at(words[0], kind), samples_at(words[1], kind)
        kernel, factors = samples_at(words[2], kind), samples_at(words[3], kind)
        numbers, turn, given = words_at(words[4]), words[5], moved(words, 6)
        work, places = samples_at(slots[0], kind), words_at(slots[2])
        for lane in range(numbers[of.LANES]):
            work[numbers[of.ZEROS] + lane] = 0
        while True:
            job = taken(given)
            if job >= given[1]:
                break
            if turn == 0:
                _rows(job, given, x, y, factors, work, places, numbers)
            elif turn == 1:
                _columns(job, y, kernel, factors, numbers)
            elif turn == 2:
                _back(job, given, y, x, factors, work, places, numbers)
            else:
                _through(job, given, x, y, kernel, factors, work, places, numbers)

    return run


@inlined
def _rows(
    job: Any,
    call: Any,
    x: Any,
    spectra: Any,
    factors: Any,
    work: Any,
    places: Any,
    numbers: Any,
) -> None:
    """Transform some rows of one channel of a pair."""
    lanes, lines, columns = numbers[of.LANES], numbers[of.LINES], numbers[of.COLUMNS]
    chunks, side = lines // lanes, moved(numbers, of.INPUT)
    channels = numbers[of.GROUPS] * side[of.CHANNELS] * side[of.PHASES]
    pair, channel, chunk = (
        job // chunks // channels,
        job // chunks % channels,
        job % chunks,
    )
    first = pair * lines + chunk * lanes
    found = read(first, channel, call, (x, work, work), places, numbers)
    if found:
        _transform(work, 2 * lanes, numbers, of.LAST, factors, _FORWARD)
    block = pair * numbers[of.SPECTRA] + channel
    y = moved(spectra, block * columns * lines * 2 * lanes + chunk * 2 * lanes * lanes)
    for lane in range(lanes):
        places[lane] = lane * 2 * lanes
    for column in range(columns):
        target = moved(y, column * lines * 2 * lanes)
        source = moved(work, column * 2 * lanes * lanes)
        if found:
            put(source, 2 * lanes, target, target, places)
            put(moved(source, lanes), 2 * lanes, moved(target, lanes), target, places)
        else:
            for i in range(2 * lanes * lanes):
                target[i] = 0


@inlined
def _back(
    job: Any,
    call: Any,
    y: Any,
    spectra: Any,
    factors: Any,
    work: Any,
    places: Any,
    numbers: Any,
) -> None:
    """Undo `_rows`, for some rows of the output."""
    lanes, lines, columns = numbers[of.LANES], numbers[of.LINES], numbers[of.COLUMNS]
    chunks, side = lines // lanes, moved(numbers, of.OUTPUT)
    outs = side[of.CHANNELS] * side[of.PHASES]
    channels = numbers[of.GROUPS] * outs
    pair, channel, chunk = (
        job // chunks // channels,
        job // chunks % channels,
        job % chunks,
    )
    first = pair * lines + chunk * lanes
    found = 0
    for part in range(numbers[of.PARTS]):
        found += aim(first, channel, part, call, places, numbers, side)
    if not found:
        return
    block = _block(pair, channel // outs, channel % outs, numbers)
    x = moved(spectra, block * columns * lines * 2 * lanes + chunk * 2 * lanes * lanes)
    for lane in range(lanes):
        places[lane] = lane * 2 * lanes
    for column in range(columns):
        source = moved(x, column * lines * 2 * lanes)
        target = moved(work, column * 2 * lanes * lanes)
        take(source, source, places, target, 2 * lanes)
        take(moved(source, lanes), source, places, moved(target, lanes), 2 * lanes)
    _transform(work, 2 * lanes, numbers, of.LAST, factors, _BACK)
    write(first, channel, call, y, work, places, numbers)


@inlined
def _block(pair: Any, group: Any, channel: Any, numbers: Any) -> Any:
    """Where the spectrum of an output is."""
    first = pair * numbers[of.SPECTRA] + numbers[of.OUT_FIRST]
    return first + group * numbers[of.OUT_STEP] + channel


@inlined
def _columns(job: Any, spectra: Any, kernel: Any, factors: Any, numbers: Any) -> None:
    """Transform a block of columns of a pair and group, multiply, and transform back."""
    lanes, lines, columns = numbers[of.LANES], numbers[of.LINES], numbers[of.COLUMNS]
    groups = numbers[of.GROUPS]
    column, group, pair = (
        job % columns,
        job // columns % groups,
        job // columns // groups,
    )
    size = lines * 2 * lanes
    ins = numbers[of.INPUT + of.CHANNELS] * numbers[of.INPUT + of.PHASES]
    outs = numbers[of.OUTPUT + of.CHANNELS] * numbers[of.OUTPUT + of.PHASES]
    block = pair * numbers[of.SPECTRA] + group * ins
    x = moved(spectra, (block * columns + column) * size)
    for channel in range(ins):
        start = moved(x, channel * columns * size)
        for line in range(0, size if size <= _AHEAD else 0, lanes):
            # A transform begins with lines that lie far apart.
            prefetch(start, line)
        _outer(start, numbers, factors, _FORWARD)
    for channel in range(outs):
        y = moved(
            spectra, (_block(pair, group, channel, numbers) * columns + column) * size
        )
        w = moved(kernel, (((group * outs + channel) * columns + column) * ins) * size)
        mixed(y, lines, x, w, ins, (columns * size, size, 0))
        _outer(y, numbers, factors, _BACK)


@inlined
def _through(
    job: Any,
    call: Any,
    x: Any,
    y: Any,
    kernel: Any,
    factors: Any,
    work: Any,
    places: Any,
    numbers: Any,
) -> None:
    """Do all that there is to do for one axis, for one group of some pairs."""
    lanes, columns, groups = numbers[of.LANES], numbers[of.COLUMNS], numbers[of.GROUPS]
    ins = numbers[of.INPUT + of.CHANNELS] * numbers[of.INPUT + of.PHASES]
    outs = numbers[of.OUTPUT + of.CHANNELS] * numbers[of.OUTPUT + of.PHASES]
    group, first = job % groups, job // groups * lanes
    size, length = columns * 2 * lanes * lanes, numbers[of.LAST + of.LENGTH]
    for channel in range(ins):
        spectrum = moved(work, (channel + 1) * size)
        line = (x, spectrum, work)
        read(first, group * ins + channel, call, line, places, numbers)
        _transform(spectrum, 2 * lanes, numbers, of.LAST, factors, _FORWARD)
    for channel in range(outs):
        w = moved(kernel, (group * outs + channel) * ins * 2 * length)
        mixed(work, length, moved(work, size), w, ins, (size, 2 * length, 1))
        _transform(work, 2 * lanes, numbers, of.LAST, factors, _BACK)
        write(first, group * outs + channel, call, y, work, places, numbers)


@inlined
def _outer(data: Any, numbers: Any, factors: Any, inverse: Any) -> None:
    """Transform columns along all axes but the last."""
    axes, pitch = numbers[of.AXES], 2 * numbers[of.LANES]
    for number in range(axes):
        axis = number if inverse else axes - 1 - number
        at = of.LAST + (axis + 1) * of.AXIS
        inner, outer, span = (
            numbers[at + of.INNER],
            numbers[at + of.OUTER],
            numbers[at + of.SPAN],
        )
        for i in range(outer):
            for j in range(inner):
                start = (i * span + j) * pitch
                _transform(
                    moved(data, start), inner * pitch, numbers, at, factors, inverse
                )


@inlined
def _transform(
    data: Any, pitch: Any, numbers: Any, at: Any, factors: Any, inverse: Any
) -> None:
    """Transform one axis: a stage of all, then the parts that it leaves."""
    count, table = numbers[at + of.COUNT], moved(numbers, at + of.STAGES)
    if count == 0:
        return
    for turn in range(2):
        whole = turn == inverse
        first, last = (0, 1) if whole else (1, count)
        parts, size = (1, 0) if whole else (table[of.RADIX], table[of.REST])
        for part in range(parts if first < last else 0):
            start = moved(data, part * size * pitch)
            _sweep(start, pitch, table, factors, first, last, inverse)


@compiled
def _sweep(
    data: Any, pitch: Any, table: Any, factors: Any, first: Any, last: Any, inverse: Any
) -> None:
    """Do some stages on what the first of them takes as a whole."""
    whole = table[of.STAGE * first + of.RADIX] * table[of.STAGE * first + of.REST]
    for number in range(last - first):
        stage = moved(
            table, of.STAGE * (last - 1 - number if inverse else first + number)
        )
        radix, rest, kind = stage[of.RADIX], stage[of.REST], stage[of.KIND]
        # The last stage has no factors: its parts are one run.
        size, parts = radix * rest, whole // (radix * rest)
        count, step, kind = (parts, size, 2) if rest == 1 else (rest, 1, inverse)
        kind += stage[of.KIND]
        own = moved(factors, stage[of.FACTORS])
        for part in range(1 if rest == 1 else parts):
            start = moved(data, part * size * pitch)
            butterflies(start, count, step * pitch, rest * pitch, own, kind, inverse)
