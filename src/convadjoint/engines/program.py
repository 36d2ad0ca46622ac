"""All numbers of a plan of the engine `direct`, one after the other in one vector.

Every argument of compiled code takes time to be given, more than a small product takes:
so there is one.  It begins with the place of each section.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = [
    "AXES",
    "ENDS",
    "GROUP_ENDS",
    "OFFSETS",
    "PART_ENDS",
    "PLACES",
    "SCALARS",
    "SIDES",
    "STARTS",
    "STEPS",
    "joined",
]

Integers = npt.NDArray[np.int64]

# Scalars: distance of the products of two output phases, spacing, width of a tile,
# samples moved at once, ranges of taps, weights of a group, groups of output phases.
SCALARS = 0
# Of the scratch: planes, rows, signals, samples of a row.
SIDES = 1
# Steps of the output phases, and reaches of the taps, along the three axes.
STEPS = 2
# Three sections, as `compiled.run` says: the axes of the input.
AXES = 3
# As `packing.Taps` has them.
OFFSETS, ENDS, STARTS, PART_ENDS, PLACES, GROUP_ENDS = range(6, 12)


def joined(sections: Sequence[npt.ArrayLike]) -> Integers:
    """Return one vector: the place of each section, then the sections."""
    flat = [np.ravel(np.asarray(section, np.int64)) for section in sections]
    places = len(flat) + np.cumsum([0, *map(len, flat)])[:-1]
    return np.concatenate([places, *flat])
