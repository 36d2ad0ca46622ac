"""The compiled part of `ordering`: matrices are transposed block by block."""

from functools import cache
from typing import Any

import numpy as np

from convadjoint.engines import frames
from convadjoint.engines.primitives import (
    INDEX,
    VECTOR_BYTES,
    Entry,
    compiled,
    emitted,
    entry,
    kind_of,
    moved,
    samples_at,
    taken,
    vector_of,
    words_at,
)
from convadjoint.engines.rows import LINE_BYTES, merge, split
from convadjoint.engines.tiles import PARTS
from convadjoint.engines.turning import exchange

__all__ = ["block", "lanes_of", "transposer"]


@emitted
def block(builder: Any, x: Any, near: Any, y: Any, apart: Any) -> None:
    """Transpose as many vectors as one has lanes."""
    sources, targets = (
        [
            builder.gep(start, [builder.mul(step, INDEX(number))])
            for number in range(vector_of(x).count)
        ]
        for start, step in ((x, near), (y, apart))
    )
    exchange(builder, sources, targets)


@compiled
def _matrix(source: Any, target: Any, width: Any, height: Any, lanes: Any) -> None:
    """Transpose `height` rows of `width` samples; rows of both sides lie some apart."""
    (x, near), (y, apart), (whole, line) = source, target, lanes
    if width <= PARTS and near == width and height >= line:
        split(x, 0, y, 0, apart, width, height)
    elif height <= PARTS and apart == height and width >= line:
        merge(y, 0, x, 0, near, height, width)
    elif min(width, height) >= whole:
        for a in range(0, width, whole):
            column = min(a, width - whole)
            for b in range(0, height, whole):
                row = min(b, height - whole)
                start = moved(x, row * near + column)
                block(start, near, moved(y, column * apart + row), apart)
    else:
        for a in range(width):
            for b in range(height):
                y[a * apart + b] = x[b * near + a]


@cache
def transposer(itemsize: int) -> Entry:
    """Compile what transposes matrices of samples of some bytes, piece by piece."""
    kind = kind_of(np.dtype(f"f{itemsize}"))

    @entry(f"transpose-{8 * itemsize}", INDEX, INDEX)
    def transpose(call: Any, _mine: Any) -> None:
        words = moved(words_at(call), frames.GIVEN)
        x, y = samples_at(words[0], kind), samples_at(words[1], kind)
        jobs, pieces, piece, wide = words[2], words[3], words[4], words[5]
        width, height, far, near = words[6], words[7], words[8], words[9]
        lanes = words[10], words[11]
        job = taken(moved(words, 12))
        while job < jobs:
            first = job % pieces * piece
            a, b, deep, high = first, 0, min(piece, width - first), height
            if wide == 0:
                a, b, deep, high = 0, first, width, min(piece, height - first)
            matrix = job // pieces
            start = moved(x, matrix * far + b * near + a)
            place = moved(y, matrix * width * height + a * height + b)
            _matrix((start, near), (place, height), deep, high, lanes)
            job = taken(moved(words, 12))

    return transpose


def lanes_of(itemsize: int) -> tuple[int, int]:
    """Samples of a whole vector, and of those that rows are moved by."""
    return VECTOR_BYTES // itemsize, LINE_BYTES // itemsize
