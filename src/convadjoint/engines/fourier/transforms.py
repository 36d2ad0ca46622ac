"""Fourier transforms of the spatial axes, with little memory that is new.

The last axis is transformed in portions, by all threads, straight into a buffer that is
already padded; the others follow in place.  Going back, the samples that are not kept
are left out as early as possible.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np
import scipy.fft

from convadjoint.engines.pool import each, num_threads
from convadjoint.engines.protocol import Array, Index
from convadjoint.engines.scratch import room

__all__ = ["Transform"]

# Bytes that are transformed at once.
_PORTION = 2**20
_SPATIAL = 3


@dataclass(frozen=True, slots=True)
class Transform:
    """Between ``(batch, groups, channels, *space)`` and its spectrum.

    `lengths` are those of the transforms; `real` says that samples are.
    """

    lengths: tuple[int, ...]
    real: bool

    def forward(self, x: Array, *, keep: bool = True) -> Array:
        """Transform samples, with zeros after them.

        What need not be kept may lie in a buffer of this thread, until the next one.
        """
        shape = self._spectral(x.shape[:_SPATIAL])
        dtype = np.result_type(x.dtype, np.complex64)
        spectrum = np.empty(shape, dtype) if keep else room("f", shape, dtype)
        inside: Index = (..., *map(slice, x.shape[_SPATIAL:-1]), slice(None))
        rows = spectrum[inside]
        transform = scipy.fft.rfft if self.real else scipy.fft.fft

        def work(part: Index) -> None:
            rows[part] = transform(x[part], self.lengths[-1])

        self._portions(rows, work)
        axes = range(x.ndim - 2, _SPATIAL - 1, -1)
        for axis in axes:
            before = (slice(None),) * axis
            spectrum[(*before, slice(x.shape[axis], None))] = 0
        for axis in axes:
            done = (*map(slice, x.shape[:axis]),)
            scipy.fft.fft(
                spectrum[done], axis=axis, overwrite_x=True, workers=num_threads()
            )
        return spectrum

    def inverse(self, spectrum: Array, y: Array) -> None:
        """Write the first samples to `y`; the spectrum is overwritten."""
        for axis in range(_SPATIAL, y.ndim - 1):
            spectrum = scipy.fft.ifft(
                spectrum, axis=axis, overwrite_x=True, workers=num_threads()
            )
            spectrum = spectrum[(*(slice(None),) * axis, slice(y.shape[axis]))]
        transform = scipy.fft.irfft if self.real else scipy.fft.ifft

        def work(part: Index) -> None:
            y[part] = transform(spectrum[part], self.lengths[-1])[..., : y.shape[-1]]

        self._portions(spectrum, work)

    def _spectral(self, before: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of a spectrum."""
        *others, last = self.lengths
        return (*before, *others, last // 2 + 1 if self.real else last)

    def _portions(self, rows: Array, work: Callable[[Index], None]) -> None:
        """Let all threads do some rows each, along the first axis that is long."""
        axis = _SPATIAL if rows.ndim > _SPATIAL + 1 else 0
        count = rows.shape[axis]
        each_bytes = rows.itemsize * prod(rows.shape) // max(1, count)
        parts = min(count, max(1, count * each_bytes // _PORTION))
        ends = [count * part // parts for part in range(parts + 1)] if count else []
        before = (slice(None),) * axis
        each(work, [(*before, slice(a, b)) for a, b in pairwise(ends)])
