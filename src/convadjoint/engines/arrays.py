"""Arrays and their axes as compiled code takes them: addresses, distances, sections.

All ranks are one: there are three spatial axes, some of them of length 1.
"""

import ctypes
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from convadjoint.engines.protocol import Array
from convadjoint.geometry import Border

__all__ = [
    "HEAD",
    "RANK",
    "ROWS_AS_LANES",
    "SIGNALS_AS_LANES",
    "UNTURNED",
    "address",
    "layout_of",
    "lifted",
    "section",
    "walkable",
]

Integers = npt.NDArray[np.int64]

# Bytes of an object before its own fields: the address of an array's samples comes first.
HEAD = object.__basicsize__
_CPYTHON = sys.implementation.name == "cpython"

RANK = 3
# Which of the axes of `lifted` stand for those of a band: in their own order, or with the
# samples as rows, and the rows or the signals as samples.
UNTURNED, ROWS_AS_LANES, SIGNALS_AS_LANES = (
    (0, 1, 2, 3, 4, 5),
    (0, 1, 2, 5, 4, 3),
    (0, 1, 2, 5, 3, 4),
)


def address(array: npt.NDArray[Any]) -> int:
    """Where the samples of an array begin."""
    # Asking the array builds a dictionary, which takes as long as a very small product.
    # The field is where C code that uses NumPy finds it: its place cannot change.
    if _CPYTHON:
        found: int = ctypes.c_ssize_t.from_address(id(array) + HEAD).value
    else:
        found = array.__array_interface__["data"][0]
    return found


def walkable(x: Array) -> bool:
    """Whether the compiled code can step through an array as it is."""
    if not x.flags.aligned:
        return False
    return x.flags.c_contiguous or all(
        stride > 0 and stride % x.itemsize == 0 for stride in x.strides
    )


def section(
    starts: Iterable[int], step: int, border: Border | None, length: int
) -> Integers:
    """The section of an axis, as `program` describes it."""
    firsts = list(starts)
    if border is None:
        return np.array([len(firsts), step, 0, length, 0, 0, *firsts])
    core = (border.core.start, border.core.stop, border.lo)
    origins = [border.source(i) for i in range(border.length)]
    return np.array([len(firsts), step, *core, len(origins), *firsts, *origins])


@lru_cache(maxsize=256)
def layout_of(
    x: tuple[int, ...],
    strides: tuple[int, ...],
    y: tuple[int, ...],
    groups: int,
    itemsize: int,
    order: tuple[int, ...] = UNTURNED,
) -> Integers:
    """Sizes and strides of ``(batch, c, *n)`` and of a new output, as in `lifted`.

    `order` says which of the axes there stand in the place of each.
    """
    steps = [stride // itemsize for stride in strides]
    after = [prod(y[axis + 1 :]) for axis in range(len(y))]
    both = np.array([lifted(x, steps, groups), lifted(y, after, groups)])
    return both.reshape(2, 2, RANK + 3)[..., order].reshape(-1)


def lifted(shape: Sequence[int], steps: Sequence[int], groups: int) -> tuple[int, ...]:
    """Sizes and steps as ``(group, c/g, plane, row, signal, sample)``."""
    idle = [1] * (RANK + 2 - len(shape))
    batch, channels, *sizes = shape
    signal, channel, *others = steps
    *outer, samples = idle + sizes
    *far, near = idle + others
    each_ = channels // groups
    return (
        *(groups, each_, *outer, batch, samples),
        *(each_ * channel, channel, *far, signal, near),
    )
