"""Pooling, unfolding, upsampling and other maps that move samples, as operators."""

from convadjoint.resample.interpolation import upsample
from convadjoint.resample.pooling import avg_pool, sum_pool
from convadjoint.resample.shuffling import pixel_shuffle, pixel_unshuffle
from convadjoint.resample.spacing import crop, decimation, pad, zero_insertion
from convadjoint.resample.unfolding import fold, unfold
from convadjoint.resample.unpooling import max_unpool

__all__ = [
    "avg_pool",
    "crop",
    "decimation",
    "fold",
    "max_unpool",
    "pad",
    "pixel_shuffle",
    "pixel_unshuffle",
    "sum_pool",
    "unfold",
    "upsample",
    "zero_insertion",
]


def __dir__() -> list[str]:
    return sorted(__all__)
