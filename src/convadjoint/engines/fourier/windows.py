"""How the compiled transforms cut a signal into windows, all of one length.

A window of the input gives a stretch of the output (overlap-save).  Two windows share a
transform, one as its real and one as its imaginary part: a real kernel keeps them apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt

from convadjoint.engines.fourier.lengths import cost, good, stages
from convadjoint.engines.fourier.lines import Line

__all__ = ["Window", "best"]

Integers = npt.NDArray[np.int64]

# Windows along an axis that come into question.
_COUNTS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64)
# Vector operations for one value that do not depend on the length: in, out, product.
_OTHERS = 30.0
# What a window costs besides.
_START = 20_000.0
# Bytes of spectra that stay in cache (of one axis: in that of a thread), and how much
# longer others take.
_CACHE, _NEAR = 2**24, 2**20
_SLOWER = 0.5


@dataclass(frozen=True, slots=True)
class Window:
    """The windows of an axis: output `step * i` is the first of window `i`.

    The transform's first sample is `lead` after the first output.
    """

    length: int
    count: int
    step: int
    lead: int

    def sources(self, line: Line, phase: int) -> Integers:
        """The sample at each place of each window, -1 for none: ``(count, length)``."""
        pair = next(pair for pair in line.phases if pair.first_in == phase)
        starts = self.step * np.arange(self.count)[:, None] + self.lead
        places = starts + np.arange(self.length)
        if line.period is not None:
            places %= line.period
        samples = pair.first_in + pair.step_in * places
        inside = (places >= 0) & (samples < line.samples)
        found = np.where(inside, samples, -1)
        if line.extend is None:
            return found
        origins = [line.extend.source(i) for i in range(line.samples)]
        return np.where(inside, np.array(origins)[found], -1)

    def targets(self, line: Line, phase: int) -> Integers:
        """The output at each place of each window, -1 for none: ``(count, length)``."""
        pair = next(pair for pair in line.phases if pair.first_out == phase)
        places = np.arange(self.length)
        outputs = places + self.step * np.arange(self.count)[:, None]
        inside = (places < self.step) & (outputs < pair.q)
        return np.where(inside, pair.first_out + pair.step_out * outputs, -1)


def best(
    lines: tuple[Line, ...], *, signals: int, parts: int, lanes: int, nbytes: int
) -> tuple[Window, ...]:
    """The windows of all axes that should take the least time.

    `parts` windows of a signal take as long as one, with one axis `lanes` of those; a
    value of the spectra has `nbytes`.
    """
    many = lanes if len(lines) == 1 else 1

    def effort(windows: tuple[Window, ...]) -> float:
        pairs = signals * -(-prod(window.count for window in windows) // parts)
        *outer, last = (window.length for window in windows)
        values = (-(-prod(outer) // lanes) if outer else 1) * -(-last // lanes) * lanes
        values *= lanes if outer else 1
        each = _OTHERS + 2 * sum(cost(window.length) for window in windows)
        if values * many * nbytes > (_CACHE if len(windows) > 1 else _NEAR):
            each *= 1 + _SLOWER
        return -(-pairs // many) * many * (values * each + _START)

    return min(product(*(dict.fromkeys(_windows(line)) for line in lines)), key=effort)


def _windows(line: Line) -> Iterator[Window]:
    """What comes into question for one axis."""
    size = max(pair.q for pair in line.phases)
    shifts = [shift for pair in line.phases for shift in pair.shifts]
    if line.period is None:
        yield Window(good(line.least), 1, size, 0)
    elif stages(line.period) is not None:
        yield Window(line.period, 1, size, 0)
    lead, reach = min(shifts), max(shifts) - min(shifts)
    for count in _COUNTS:
        if count <= size:
            length = good(-(-size // count) + reach)
            step = length - reach
            yield Window(length, -(-size // step), step, lead)
