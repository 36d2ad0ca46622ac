"""Keras's convolution layers, with the kernels that they hold.

Examples
--------
>>> import numpy as np
>>> from convadjoint.frameworks import keras
>>> kernel = np.ones((4, 4, 8, 16), np.float32)
>>> words = {"strides": 2, "padding": "same"}
>>> keras.Conv2DTranspose((1, 7, 7, 16), kernel, **words).dimsd
(1, 14, 14, 8)
"""

from convadjoint.frameworks.keras.layers import (
    Conv1D,
    Conv2D,
    Conv3D,
    DepthwiseConv1D,
    DepthwiseConv2D,
)
from convadjoint.frameworks.keras.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
)
from convadjoint.frameworks.keras.transposed import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
)

__all__ = [
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
]


def __dir__() -> list[str]:
    return sorted(__all__)
