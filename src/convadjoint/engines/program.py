"""All numbers of a plan of the engine `direct`, one after the other in one vector.

Every argument of compiled code takes time to be given, more than a small product takes:
so there is one.  It begins with the place of each section.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = [
    "AXES",
    "BAND",
    "BLOCKS",
    "DISTANCE",
    "ENDS",
    "FORMS",
    "GROUP",
    "GROUPS",
    "GROUP_ENDS",
    "HEAD",
    "LANES",
    "OFFSETS",
    "PART_ENDS",
    "PLACES",
    "PLANE",
    "PLANES",
    "RANGES",
    "REGION",
    "ROW",
    "ROWS",
    "SAMPLE",
    "SAMPLES",
    "SCALARS",
    "SIDES",
    "SIGNAL",
    "SIGNALS",
    "SPACING",
    "STARTS",
    "STEPS",
    "TURNED",
    "VECTOR",
    "WEIGHTS",
    "WIDTH",
    "WOVEN",
    "WRITTEN",
    "M",
    "joined",
]

Integers = npt.NDArray[np.int64]

# Jobs begin with the number of pieces of a band, the blocks of channels of each, and how
# many bands a thread takes at once.
HEAD = 3
# A band: its group, then the first and the number of its planes, rows, signals and
# samples; how many numbers these are.
GROUP, PLANE, PLANES, ROW, ROWS, SIGNAL, SIGNALS, SAMPLE, SAMPLES = range(9)
BAND = 9
# What a band reads and writes, and where the second begins (see `ahead`).
REGION, WRITTEN = 8, 4

# Distance of the products of two output phases (0: tiles write to the output), spacing of
# the rows of a tile, its width, samples moved at once, ranges of taps, weights of a group,
# groups of output phases, rows of a tile, rows moved at once (0: the band is not turned),
# samples of a vector, blocks of channels, phases of a row that a tile puts together.
SCALARS = 0
(
    DISTANCE,
    SPACING,
    WIDTH,
    LANES,
    RANGES,
    WEIGHTS,
    GROUPS,
    M,
    TURNED,
    VECTOR,
    BLOCKS,
    WOVEN,
) = range(12)
# Of the scratch: planes, rows, signals, samples of a row; samples between channels.
SIDES = 1
# Steps of the output phases, and reaches of the taps, along the three axes.
STEPS = 2
# A section for each axis of the input: its phases, their step, the positions of the
# extended input between which samples stand themselves, how far they are moved, how many
# positions there are (0: the input is not extended); then where each phase is first read,
# and the sample at each position.
AXES = 3
# As `packing.Taps` has them.
OFFSETS, ENDS, STARTS, PART_ENDS, PLACES, GROUP_ENDS = range(6, 12)
# The tiles for 0, 1 and more vectors that are left of a row.
FORMS = 12


def joined(sections: Sequence[npt.ArrayLike]) -> Integers:
    """Return one vector: the place of each section, then the sections."""
    flat = [np.ravel(np.asarray(section, np.int64)) for section in sections]
    places = len(flat) + np.cumsum([0, *map(len, flat)])[:-1]
    return np.concatenate([places, *flat])
