"""Samples into a band of the engine `direct`, and its products to their places.

Arrays come as addresses, with the distances of their axes: samples of a row are then
known to be neighbours.  Strided rows are taken apart, and put together, by whole vectors.
"""

from typing import Any

from convadjoint.engines.primitives import compiled, merge, prefetch, split

__all__ = ["fill", "store"]

# Parts of a row that are moved at once: tuples, whose lengths the compiler knows.
_ONE, _TWO, _THREE, _FOUR = (0,), (0,) * 2, (0,) * 3, (0,) * 4
_MOST = 4


@compiled
def fill(source: Any, band: Any, first: Any, count: Any, axes: Any, lanes: Any) -> None:
    """Lay the input out, its phases apart, extended, and zeros around.

    `band` is where, and its planes, rows, signals, and samples of a row.  Sample `i` of
    a phase along an axis is ``start + step * (first + i)``.
    """
    x, sizes, strides = source
    y, sides = band
    apart = sides[0] * sides[1] * sides[2] * sides[3]
    for c in range(sizes[0]):
        for a in range(axes[0][1]):
            for b in range(axes[1][1]):
                number = (c * axes[0][1] + a) * axes[1][1] + b
                for i in range(count[0]):
                    plane = _origin(axes[0], a, first[0] + i)
                    for j in range(count[1]):
                        row = _origin(axes[1], b, first[1] + j)
                        at = c * strides[0] + plane * strides[1] + row * strides[2]
                        y_at = number * axes[2][1] * apart
                        y_at += (i * sides[1] + j) * sides[2] * sides[3]
                        _signals(
                            (x, at + first[2] * strides[3], strides, sizes[4]),
                            (y, y_at, apart, sides[3]),
                            (first[3], count[2], count[3], min(plane, row) >= 0),
                            (axes[2], lanes, c + 1 < sizes[0]),
                        )


@compiled
def _origin(axis: Any, phase: Any, index: Any) -> Any:
    """The sample that stands at an index of a phase, extended; -1 for a zero."""
    starts, _, step, origins, (start, stop, shift), length = axis
    position = starts[phase] + step * index
    if start <= position < stop:
        return position - shift
    return origins[position] if 0 <= position < length else -1


@compiled
def _signals(source: Any, target: Any, part: Any, axis: Any) -> None:
    """The same row of some signals, or zeros."""
    x, at, strides, length = source
    y, y_at, apart, pitch = target
    first, signals, count, inside = part
    samples, lanes, more = axis
    for s in range(signals):
        line = y_at + pitch * s
        if not inside:
            for d in range(samples[1]):
                for u in range(count):
                    y[line + d * apart + u] = 0
            continue
        x_at = at + s * strides[3]
        if more:
            # The same row of the next channel lies too far away to be foreseen.
            for u in range(0, length, 2 * lanes):
                prefetch(x, x_at + strides[0] + u)
        _row((x, x_at, strides[4]), (y, line, apart), (first, count), samples, lanes)


@compiled
def _row(source: Any, target: Any, part: Any, axis: Any, lanes: Any) -> None:
    """One row: all its phases, with what stands before and after."""
    (x, at, stride), (y, y_at, apart), (first, count) = source, target, part
    starts, parts, step, _, (start, stop, shift), _ = axis
    begin = end = 0
    neighbours = parts == step and starts[parts - 1] - starts[0] == step - 1
    if stride == 1 and neighbours and step <= _MOST:
        begin = (start - starts[0] + step - 1) // step - first
        begin = min(max(begin, 0), count)
        end = max(begin, min(count, (stop - starts[0]) // step - first))
        x_at = at + starts[0] + step * (first + begin) - shift
        _taken((x, x_at), (y, y_at + begin, apart), end - begin, step, lanes)
    for d in range(parts):
        for u in range(begin):
            origin = _origin(axis, d, first + u)
            y[y_at + d * apart + u] = x[at + stride * origin] if origin >= 0 else 0
        for u in range(end, count):
            origin = _origin(axis, d, first + u)
            y[y_at + d * apart + u] = x[at + stride * origin] if origin >= 0 else 0


@compiled
def _taken(source: Any, target: Any, count: Any, step: Any, lanes: Any) -> None:
    """Take `step` parts of a row apart."""
    if step == len(_ONE):
        _split(source, target, count, _ONE, lanes)
    elif step == len(_TWO):
        _split(source, target, count, _TWO, lanes)
    elif step == len(_THREE):
        _split(source, target, count, _THREE, lanes)
    else:
        _split(source, target, count, _FOUR, lanes)


@compiled
def _split(source: Any, target: Any, count: Any, parts: Any, lanes: Any) -> None:
    """Take `parts` of a row apart; the last vector may do again what one before did."""
    (x, x_at), (y, y_at, apart), step = source, target, len(parts)
    if count < lanes:
        for u in range(count):
            for d in range(step):
                y[y_at + d * apart + u] = x[x_at + step * u + d]
        return
    for u in range(0, count - lanes, lanes):
        split(x, x_at + step * u, y, y_at + u, apart, parts)
    u = count - lanes
    split(x, x_at + step * u, y, y_at + u, apart, parts)


@compiled
def store(
    target: Any, products: Any, block: Any, shape: Any, place: Any, lanes: Any
) -> None:
    """Write output phases that share their rows.

    `products` are ``(address, distance of phases, distances of channels, planes, rows,
    signals)``; `block` are the first channel and how many; `shape` counts planes, rows,
    signals, samples; `place` says where the first one goes.
    """
    y, sizes, strides = target
    x, phase_apart, apart = products
    (first, steps, phases), (channel, channels) = place, block
    row = (phases, steps[2], sizes[4] - steps[2] * first[3], shape[3])
    for c in range(min(channels, sizes[0] - channel)):
        for i in range(shape[0]):
            for j in range(shape[1]):
                for s in range(shape[2]):
                    x_at = c * apart[0] + i * apart[1] + j * apart[2] + s * apart[3]
                    at = (channel + c) * strides[0] + (first[2] + s) * strides[3]
                    at += (first[0] + steps[0] * i) * strides[1]
                    at += (first[1] + steps[1] * j) * strides[2] + steps[2] * first[3]
                    _written((x, x_at, phase_apart), (y, at), row, lanes)


@compiled
def _written(source: Any, target: Any, row: Any, lanes: Any) -> None:
    """One row: all its phases, as far as they go."""
    (x, x_at, apart), (y, y_at) = source, target
    (places, at, parts), step, room, samples = row
    done = 0
    if parts == step and step <= _MOST:
        shortest = (room - places[at + 3 * parts - 1] + step - 1) // step
        done = min(samples, shortest)
        _put(source, target, done, step, lanes)
    for d in range(parts):
        phase = places[at + 3 * d + 2]
        for u in range(done, min(samples, (room - phase + step - 1) // step)):
            y[y_at + phase + step * u] = x[x_at + d * apart + u]


@compiled
def _put(source: Any, target: Any, count: Any, step: Any, lanes: Any) -> None:
    """Put `step` parts of a row together."""
    if step == len(_ONE):
        _merge(source, target, count, _ONE, lanes)
    elif step == len(_TWO):
        _merge(source, target, count, _TWO, lanes)
    elif step == len(_THREE):
        _merge(source, target, count, _THREE, lanes)
    else:
        _merge(source, target, count, _FOUR, lanes)


@compiled
def _merge(source: Any, target: Any, count: Any, parts: Any, lanes: Any) -> None:
    """Put `parts` of a row together: undoes `_split`."""
    (x, x_at, apart), (y, y_at), step = source, target, len(parts)
    if count < lanes:
        for u in range(count):
            for d in range(step):
                y[y_at + step * u + d] = x[x_at + d * apart + u]
        return
    for u in range(0, count - lanes, lanes):
        merge(x, x_at + u, apart, y, y_at + step * u, parts)
    u = count - lanes
    merge(x, x_at + u, apart, y, y_at + step * u, parts)
