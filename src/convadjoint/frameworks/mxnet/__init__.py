"""MXNet's operators ``Convolution``, ``Deconvolution``, ``Pooling``; Gluon's layers.

Examples
--------
>>> import numpy as np
>>> import convadjoint as ca
>>> weight = np.ones((2, 3, 3, 3), np.float32)
>>> op = ca.frameworks.mxnet.Deconvolution(
...     (1, 2, 8, 8), weight, kernel=(3, 3), stride=(2, 2), target_shape=(16, 16)
... )
>>> op.dimsd
(1, 3, 16, 16)
"""

from convadjoint.frameworks.mxnet.gluon import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
)
from convadjoint.frameworks.mxnet.operators import Convolution, Deconvolution
from convadjoint.frameworks.mxnet.windows import Pooling

__all__ = [
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Convolution",
    "Deconvolution",
    "Pooling",
]


def __dir__() -> list[str]:
    return sorted(__all__)
