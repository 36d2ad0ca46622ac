"""The compiled part of the engine `winograd`: lines of sums, products, sums of those.

A job lays some channels of a band out as lines, or makes some channels of its output, or
both.  There are few functions, since each takes its time to be compiled.
"""

from typing import Any

from convadjoint.engines import shapes as of
from convadjoint.engines.blending import blend, block, strange
from convadjoint.engines.movement import origin, strip
from convadjoint.engines.primitives import (
    PARTS,
    address,
    compiled,
    kept,
    merge,
    moved,
    prefetch,
    taken,
)

__all__ = ["run"]

# Weights that share the second-level cache with a band.
_CHUNK = 65_536


@kept
def run(
    jobs: Any,
    counter: Any,
    x: Any,
    y: Any,
    layout: Any,
    rows: Any,
    laid: Any,
    products: Any,
    numbers: Any,
    weights: Any,
) -> None:
    """Do jobs until none is left.  All arrays are flat.

    Parameters
    ----------
    jobs : ndarray, shape (13 * jobs,)
        Group, then the first and the number of channels to be laid out, of blocks of
        channels to be made, and of tiles and signals, as `shapes` has them.
    counter : ndarray, shape (2,)
        The next one to do, which all threads share; then not 0 if an output was not
        finite.
    x, y : ndarray
        Input and output.
    layout : ndarray, shape (24,)
        As the engine `direct` takes it.
    rows, laid, products : ndarray
        Buffers for the rows of one channel, for lines, and for products.
    numbers : ndarray
        Sections, as `shapes` has them.
    weights : ndarray
        Those of the tiles, group by group.
    """
    count = len(jobs) // of.JOB
    jobs, counter, layout = address(jobs), address(counter), address(layout)
    x, y, rows = address(x), address(y), address(rows)
    laid, products = address(laid), address(products)
    numbers, weights = address(numbers), address(weights)
    scalars = moved(numbers, numbers[of.SCALARS])
    while True:
        number = taken(counter)
        if number >= count:
            break
        job = moved(jobs, of.JOB * number)
        group = job[of.GROUP]
        if job[of.CHANNELS]:
            source = moved(x, group * layout[6]), layout, moved(layout, 6)
            _lay(source, rows, laid, job, numbers)
        size = moved(layout, 12), moved(layout, 18)
        target = moved(y, group * layout[18])
        for begin in range(0, job[of.BLOCKS], scalars[of.MOST]):
            blocks = min(scalars[of.MOST], job[of.BLOCKS] - begin)
            first = job[of.BLOCK] + begin
            _multiply((laid, products), job, (first, blocks), numbers, weights)
            if _take(products, rows, (target, size), job, (first, blocks), numbers):
                counter[1] = 1


@compiled
def _lay(source: Any, rows: Any, laid: Any, job: Any, numbers: Any) -> None:
    """Lay channels of a band out: rows first, then sums of those."""
    (x, sizes, strides) = source
    scalars = moved(numbers, numbers[of.SCALARS])
    axes = (
        moved(numbers, numbers[of.AXES]),
        moved(numbers, numbers[of.AXES + 1]),
        moved(numbers, numbers[of.AXES + 2]),
    )
    across = moved(numbers, numbers[of.LINES])
    down = moved(numbers, numbers[of.LINES + 1])
    along = moved(numbers, numbers[of.LINES + 2])
    steps, counts = (
        moved(numbers, numbers[of.STEPS]),
        moved(numbers, numbers[of.COUNTS]),
    )
    reaches = moved(numbers, numbers[of.REACHES])
    samples, signals = job[of.SAMPLES], job[of.SIGNALS]
    line, pitch, lanes = scalars[of.LINE], scalars[of.PITCH], scalars[of.LANES]
    woven = scalars[of.WOVEN]
    deep = steps[0] * (job[of.PLANES] - 1) + reaches[0] + 1
    high = steps[1] * (job[of.ROWS] - 1) + reaches[1] + 1
    long = samples + reaches[2]
    # Several signals side by side, sample by sample, if rows are short.
    sets, weave = (1, signals) if woven else (signals, 1)
    many, chunk = counts[2], samples * weave
    apart, temp = scalars[of.APART], scalars[of.TEMP]
    zero = 0
    for c in range(job[of.CHANNEL], job[of.CHANNEL] + job[of.CHANNELS]):
        for number in range(deep * high):
            at_h = scalars[of.HELD] + number * many * line
            plane = origin(axes[0], 0, steps[0] * job[of.PLANE] + number // high)
            row = origin(axes[1], 0, steps[1] * job[of.ROW] + number % high)
            if min(plane, row) < 0:
                for u in range(many * line):
                    rows[at_h + u] = 0
                continue
            at = c * strides[1] + plane * strides[2] + row * strides[3]
            if c + 1 < sizes[1]:
                for u in range(0, sizes[5], 2 * lanes):
                    prefetch(x, at + strides[1] + u)
            for s in range(sets):
                for w in range(weave):
                    here = at + (job[of.SIGNAL] + s * weave + w) * strides[4]
                    into, far = (temp, long) if woven else (0, apart)
                    strip(
                        (x, here, strides[5]),
                        (rows, into, far),
                        (job[of.SAMPLE], long),
                        axes[2],
                        lanes,
                    )
                    if woven:
                        for d in range(axes[2][0]):
                            for u in range(long):
                                rows[d * apart + u * weave + w] = rows[
                                    temp + d * long + u
                                ]
                for index in range(many):
                    one = moved(along, of.LINE_SIZE * index)
                    blend(
                        rows,
                        at_h + index * line + s * chunk,
                        rows,
                        one[1] * apart + one[2] * weave,
                        one[3] * apart + one[4] * weave,
                        zero,
                        one[5],
                        zero,
                        one[0],
                        chunk,
                    )
        whole = samples * signals
        number = 0
        for p in range(counts[0]):
            first = moved(across, of.LINE_SIZE * p)
            for r in range(counts[1]):
                second = moved(down, of.LINE_SIZE * r)
                for index in range(many):
                    held = scalars[of.HELD] + index * line
                    y_at = (number * sizes[1] + c) * pitch
                    number += 1
                    for tile in range(job[of.PLANES] * job[of.ROWS]):
                        i, j = tile // job[of.ROWS], tile % job[of.ROWS]
                        a = first[1] + steps[0] * (first[2] + i)
                        b = first[3] + steps[0] * (first[4] + i)
                        e = second[1] + steps[1] * (second[2] + j)
                        f = second[3] + steps[1] * (second[4] + j)
                        near = held + (a * high + e) * many * line
                        other = held + (a * high + f) * many * line
                        if first[0] == 1:
                            blend(
                                laid,
                                y_at + tile * whole,
                                rows,
                                near,
                                other,
                                zero,
                                second[5],
                                zero,
                                second[0],
                                whole,
                            )
                            continue
                        for side in range(2):
                            shift = side * (b - a) * high * many * line
                            blend(
                                rows,
                                temp + side * line,
                                rows,
                                near + shift,
                                other + shift,
                                zero,
                                second[5],
                                zero,
                                second[0],
                                whole,
                            )
                        blend(
                            laid,
                            y_at + tile * whole,
                            rows,
                            temp,
                            temp + line,
                            zero,
                            first[5],
                            zero,
                            first[0],
                            whole,
                        )


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
    for o in range(scalars[of.PRODUCTS]):
        begin = last[o - 1] if o else 0
        y_at = o * scalars[of.MOST] * m * pitch
        for part in range(begin, last[o]):
            size = (ends[part + 1] - ends[part]) * m
            weights_at = job[of.GROUP] * scalars[of.WEIGHTS] + starts[part]
            most = max(1, _CHUNK // size)
            for low in range(0, blocks, most):
                for sample in range(0, length, width):
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
    m, pitch = scalars[of.M], scalars[of.PITCH]
    steps = moved(numbers, numbers[of.STEPS_OUT])
    apart = scalars[of.MOST] * m * pitch
    made, line, zero = scalars[of.SUMS], scalars[of.LINE], 0
    whole = job[of.SAMPLES] * job[of.SIGNALS]
    bad = 0
    for c in range(min(blocks * m, sizes[1] - first * m)):
        for number in range(counts[0] * job[of.PLANES]):
            one = moved(outer, of.OUTPUT_SIZE * (number // job[of.PLANES]))
            i = number % job[of.PLANES]
            z = one[0] + steps[0] * (job[of.PLANE] + i)
            if z >= sizes[2]:
                continue
            for index in range(counts[1] * job[of.ROWS]):
                two = moved(middle, of.OUTPUT_SIZE * (index // job[of.ROWS]))
                j = index % job[of.ROWS]
                r = two[0] + steps[1] * (job[of.ROW] + j)
                if r >= sizes[3]:
                    continue
                at = c * pitch + (i * job[of.ROWS] + j) * whole
                for p in range(counts[5]):
                    for term in range(one[1]):
                        from_ = at + p * apart
                        from_ += one[2 + term] * counts[4] * counts[5] * apart
                        step = counts[5] * apart
                        blend(
                            rows,
                            made + (p if one[1] == 1 else counts[5] + term) * line,
                            products,
                            from_ + two[2] * step,
                            from_ + two[3] * step,
                            from_ + two[4] * step,
                            two[5],
                            two[6],
                            two[1],
                            whole,
                        )
                    if one[1] > 1:
                        from_ = made + counts[5] * line
                        blend(
                            rows,
                            made + p * line,
                            rows,
                            from_,
                            from_ + line,
                            from_ + 2 * line,
                            one[5],
                            one[6],
                            one[1],
                            whole,
                        )
                place = (first * m + c) * strides[1] + z * strides[2] + r * strides[3]
                bad |= _write(rows, moved(y, place), (sizes, strides), job, numbers)
    return bad


@compiled
def _write(rows: Any, y: Any, extents: Any, job: Any, numbers: Any) -> Any:
    """Make one row of each signal from its sums; say whether it is strange."""
    (sizes, strides), zero = extents, 0
    scalars = moved(numbers, numbers[of.SCALARS])
    counts = moved(numbers, numbers[of.MADE])
    inner = moved(numbers, numbers[of.OUTPUTS + 2])
    made, line, lanes = scalars[of.SUMS], scalars[of.LINE], scalars[of.LANES]
    step = moved(numbers, numbers[of.STEPS_OUT])[2]
    samples, signals, parts = job[of.SAMPLES], job[of.SIGNALS], counts[2]
    sets, weave = (1, signals) if scalars[of.WOVEN] else (signals, 1)
    ready = made + (counts[5] + 3) * line
    room, bad = sizes[5] - step * job[of.SAMPLE], 0
    for d in range(parts):
        one = moved(inner, of.OUTPUT_SIZE * d)
        blend(
            rows,
            ready + d * line,
            rows,
            made + one[2] * line,
            made + one[3] * line,
            made + one[4] * line,
            one[5],
            one[6],
            one[1],
            samples * signals,
        )
        end = min(samples, (room - one[0] + step - 1) // step)
        for s in range(sets):
            bad |= strange(rows, ready + d * line + s * samples * weave, end * weave)
    whole = 0
    if parts == step and step <= PARTS and weave == 1:
        last = moved(inner, of.OUTPUT_SIZE * (parts - 1))[0]
        whole = min(samples, (room - last + step - 1) // step)
        if whole < lanes:
            whole = 0
    for s in range(sets):
        for w in range(weave):
            at = (job[of.SIGNAL] + s * weave + w) * strides[4] + step * job[of.SAMPLE]
            x_at = ready + s * samples * weave + w
            for u in range(0, whole - lanes, lanes):
                merge(y, at + step * u, rows, x_at + u, line, step)
            if whole:
                u = whole - lanes
                merge(y, at + step * u, rows, x_at + u, line, step)
            for d in range(parts):
                phase = moved(inner, of.OUTPUT_SIZE * d)[0]
                end = min(samples, (room - phase + step - 1) // step)
                for u in range(whole, end):
                    y[at + phase + step * u] = rows[x_at + d * line + u * weave]
    return bad
