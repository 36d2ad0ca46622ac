"""The compiled part of the engine `direct`: fill a band, multiply, store.

Arrays come flat, with the distances of their axes: samples of a row are then known to
be neighbours.  The sizes of the tile travel as the lengths of tuples: they are part of
the types then, and the compiler knows them.
"""

from collections.abc import Callable
from typing import Any

import numba

from convadjoint.engines.microkernel import tile

__all__ = ["run"]

# Weights that share the second-level cache with a band.
_CHUNK = 65_536


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at first use, without the interpreter's lock, and keep it on disk.

    Where neither the package's folder nor the user's can be written, nothing is kept.
    """
    try:
        jitted = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        jitted = numba.njit(nogil=True)(function)
    result: Callable[..., Any] = jitted
    return result


@_compiled
def run(
    jobs: Any,
    source: Any,
    target: Any,
    scratch: Any,
    frame: Any,
    taps: Any,
    kernel: Any,
) -> None:
    """Compute some bands of the output.

    Parameters
    ----------
    jobs : ndarray, shape ``(bands, 8)``
        Signal and group of each; the first and the number of its planes, rows, samples.
    source, target : (flat, sizes, strides)
        Input and output, ``(signal, group, channel, plane, row, sample)``.  Samples of
        the output are neighbours.
    scratch : (inputs, products)
        ``(channel, phase, phase, phase, plane, row, sample)`` for the input of a band,
        ``(phase, sample)`` for its products.
    frame : (firsts, steps, lows, reaches, origins)
        First samples of the input phases, an array per axis, and their steps; least
        shift and reach of the taps; per axis, which sample of the input stands at each
        position of the extended one (empty if it is not extended).
    taps : (offsets, ends, weights, weight_ends, places, group_ends, steps)
        Taps of all output phases and where those of each end; weights per group; the
        first samples of the output phases, which of them share their rows, their steps.
    kernel : (lanes, spacing, m, v)
        The tile.  It holds `m` channels, or `m` rows `spacing` apart.
    """
    firsts, in_steps, lows, reaches, origins = frame
    offsets, ends, weights, weight_ends, places, group_ends, steps = taps
    inputs, products = scratch
    flat = inputs.reshape(inputs.size)
    sides = (inputs.shape[5], inputs.shape[6])
    for job in range(len(jobs)):
        signal, group, plane, planes, row, rows, sample, samples = jobs[job]
        x = _part(source, signal, group)
        y = _part(target, signal, group)
        first = (plane + lows[0], row + lows[1], sample + lows[2])
        count = (planes + reaches[0], rows + reaches[1], samples + reaches[2])
        _fill(x, inputs, first, count, (firsts, in_steps, origins))
        begin = 0
        for end in group_ends:
            z, r, _ = places[begin]
            deep = min(planes, (y[1][1] - z + steps[0] - 1) // steps[0] - plane)
            high = min(rows, (y[1][2] - r + steps[1] - 1) // steps[1] - row)
            if deep > 0 and high > 0:
                shape = (deep, high, samples)
                apart = (0, 0, 0)
                for o in range(begin, end):
                    t, w = (ends[o - 1], weight_ends[o - 1]) if o else (0, 0)
                    part = (offsets[t : ends[o]], weights[group, w : weight_ends[o]])
                    into = products[o - begin]
                    apart = _multiply(flat, sides, part, into, shape, kernel)
                _store(
                    y,
                    products[: end - begin],
                    shape,
                    apart,
                    (z + steps[0] * plane, r + steps[1] * row, sample),
                    steps,
                    places[begin:end, 2],
                )
            begin = end


@_compiled
def _part(array: Any, signal: Any, group: Any) -> Any:
    """One group of one signal: flat, with sizes and strides of channels to samples."""
    flat, sizes, strides = array
    return (
        flat[signal * strides[0] + group * strides[1] :],
        (sizes[2], sizes[3], sizes[4], sizes[5]),
        (strides[2], strides[3], strides[4], strides[5]),
    )


@_compiled
def _fill(source: Any, scratch: Any, first: Any, count: Any, phases: Any) -> None:
    """Lay the input out, its phases apart, extended, and zeros around.

    Sample `i` of a phase along an axis is ``phase + step * (first + i)``.
    """
    x, (channels, planes, rows, samples), strides = source
    firsts, steps, origins = phases
    planes = len(origins[0]) or planes
    rows = len(origins[1]) or rows
    for c in range(channels):
        for a, plane_phase in enumerate(firsts[0]):
            for b, row_phase in enumerate(firsts[1]):
                for i in range(count[0]):
                    plane = plane_phase + steps[0] * (first[0] + i)
                    for j in range(count[1]):
                        row = row_phase + steps[1] * (first[1] + j)
                        lines = scratch[c, a, b, :, i, j, : count[2]]
                        if not (0 <= plane < planes and 0 <= row < rows):
                            lines[:] = 0
                            continue
                        at = c * strides[0]
                        at += _origin(origins[0], plane) * strides[1]
                        at += _origin(origins[1], row) * strides[2]
                        last = at + (samples - 1) * strides[3]
                        for d, phase in enumerate(firsts[2]):
                            line = (phase, steps[2], strides[3], origins[2])
                            _line(x[at : last + 1], lines[d], first[2], line)


@_compiled
def _origin(origins: Any, position: Any) -> Any:
    """The sample that stands at a position of the extended input."""
    return origins[position] if len(origins) else position


@_compiled
def _line(x: Any, line: Any, first: Any, phases: Any) -> None:
    """One row of one phase, with the zeros before and after."""
    phase, step, stride, origins = phases
    length = len(origins) or (len(x) - 1) // stride + 1
    count = len(line)
    begin = min(max(-first, 0), count)
    end = max(begin, min(count, (length - phase + step - 1) // step - first))
    line[:begin] = 0
    line[end:] = 0
    start, target = phase + step * (first + begin), line[begin:end]
    if len(origins):
        for i in range(len(target)):
            target[i] = x[stride * origins[start + step * i]]
    elif step * stride == 1:
        source = x[start:]
        for i in range(len(target)):
            target[i] = source[i]
    else:
        source, jump = x[start * stride :], step * stride
        for i in range(len(target)):
            target[i] = source[jump * i]


@_compiled
def _multiply(x: Any, sides: Any, taps: Any, y: Any, shape: Any, kernel: Any) -> Any:
    """Sum over the taps; return the distances of channels, planes and rows in `y`."""
    (height, pitch), (lanes, spacing, m, v) = sides, kernel
    (offsets, weights), (planes, rows, samples) = taps, shape
    width, block = len(v) * lanes, len(offsets) * len(m)
    if spacing:
        unit = spacing * len(m)
        line = (samples + width - 1) // width * width
        lines = (rows + unit - 1) // unit * unit
        for plane in range(planes):
            for index in range(lines // len(m)):
                row = index // spacing * unit + index % spacing
                x_at = (plane * height + row) * pitch
                y_at = (plane * lines + row) * line
                _tiles(x, x_at, taps, y, y_at, (spacing * line, 0), samples, kernel)
        return planes * lines * line, lines * line, line
    # The rows of a plane are one, with their padding.  Some channels share a place,
    # while its samples are in the first-level cache; but only as many as keep their
    # weights in the second-level one.
    line = (rows * pitch + width - 1) // width * width
    length = (rows - 1) * pitch + samples
    chunk = max(1, _CHUNK // block) * block
    apart = (planes * line, len(m) * planes * line)
    for begin in range(0, len(weights), chunk):
        part = (offsets, weights[begin : begin + chunk])
        for plane in range(planes):
            x_at = plane * height * pitch
            y_at = (begin // len(offsets) * planes + plane) * line
            _tiles(x, x_at, part, y, y_at, apart, length, kernel)
    return planes * line, line, pitch


@_compiled
def _tiles(
    x: Any,
    x_at: Any,
    taps: Any,
    y: Any,
    y_at: Any,
    apart: Any,
    length: Any,
    kernel: Any,
) -> None:
    """Tiles along `length` samples; `apart` are the rows and the blocks of rows."""
    (offsets, weights), (lanes, _, m, v) = taps, kernel
    block = len(offsets) * len(m)
    for at in range(0, length, len(v) * lanes):
        for index in range(len(weights) // block):
            tile(  # type: ignore[call-arg]
                x,
                x_at + at,
                offsets,
                weights,
                index * block,
                y,
                y_at + index * apart[1] + at,
                apart[0],
                m,
                v,
            )


@_compiled
def _store(
    target: Any,
    found: Any,
    shape: Any,
    apart: Any,
    first: Any,
    steps: Any,
    phases: Any,
) -> None:
    """Write output phases to their places in the rows of the target."""
    y, sizes, strides = target
    step, length = steps[2], sizes[3]
    for c in range(sizes[0]):
        for i in range(shape[0]):
            for j in range(shape[1]):
                at = c * strides[0]
                at += (first[0] + steps[0] * i) * strides[1]
                at += (first[1] + steps[1] * j) * strides[2]
                line = y[at : at + length]
                start = c * apart[0] + i * apart[1] + j * apart[2]
                for a in range(len(found)):
                    values = found[a, start:]
                    begin = phases[a] + step * first[2]
                    count = min(shape[2], (length - begin + step - 1) // step)
                    if step == 1:
                        for k in range(count):
                            line[begin + k] = values[k]
                    else:
                        for k in range(count):
                            line[begin + step * k] = values[k]
