"""What the rows of one run read: the samples in order, and the weights they meet."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convadjoint.engines.protocol import Array
from convadjoint.geometry import Run

__all__ = ["Integers", "Reader"]

Integers = npt.NDArray[np.signedinteger]


@dataclass(frozen=True, slots=True)
class Reader:
    """What the rows of a run read: different samples, and the taps in their order.

    `shared` says where the taps of each sample begin, None if each has one.
    """

    run: Run
    sources: Integers
    taps: Integers
    shared: Integers | None

    @classmethod
    def of(cls, run: Run) -> "Reader":
        """Sort the entries of a run by sample."""
        sources, taps = np.asarray(run.sources), np.asarray(run.taps)
        order = np.argsort(sources, kind="stable")
        unique, first = np.unique(sources[order], return_index=True)
        shared = None if len(unique) == len(sources) else first
        return cls(run, unique, taps[order], shared)

    def read(self, kernel: Array, axis: int) -> Array:
        """Weight of each sample: taps picked along `axis`, those that meet summed."""
        picked = kernel.take(self.taps, axis=axis)
        if self.shared is None:
            return picked
        sums = np.add.reduceat(picked, self.shared, axis=axis)
        # What rounding leaves of a sum that cancels is no entry.
        scale = np.add.reduceat(np.abs(picked), self.shared, axis=axis)
        sums[np.abs(sums) <= np.finfo(picked.real.dtype).eps * scale] = 0
        return sums
