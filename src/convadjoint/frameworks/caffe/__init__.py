"""Caffe's layers ``Convolution``, ``Deconvolution``, ``Pooling`` and ``Crop``.

OpenCV's importer runs the same layers; its own rules differ in one point: it sizes the
output of a dilated deconvolution as if there were no dilation.

Examples
--------
>>> import numpy as np
>>> import convadjoint as ca
>>> weight = np.ones((2, 3, 4, 4), np.float32)
>>> op = ca.frameworks.caffe.Deconvolution((1, 2, 8, 8), weight, stride=2, pad=1)
>>> op.dimsd
(1, 3, 16, 16)
"""

from convadjoint.frameworks.caffe.convolutions import Convolution, Deconvolution
from convadjoint.frameworks.caffe.windows import Crop, Pooling

__all__ = ["Convolution", "Crop", "Deconvolution", "Pooling"]


def __dir__() -> list[str]:
    return sorted(__all__)
