"""ONNX's operators ``Conv``, ``ConvTranspose``, ``AveragePool`` and ``Col2Im``.

Attributes are lists, as in a model.  Where onnxruntime and ONNX's reference evaluator
differ, the text of the operator decides.

Examples
--------
>>> import numpy as np
>>> import convadjoint as ca
>>> weight = np.ones((2, 3, 3, 3), np.float32)
>>> op = ca.frameworks.onnx.ConvTranspose(
...     (1, 2, 8, 8), weight, auto_pad="SAME_LOWER", strides=[2, 2]
... )
>>> op.dimsd
(1, 3, 16, 16)
"""

from convadjoint.frameworks.onnx.convolutions import Conv, ConvTranspose
from convadjoint.frameworks.onnx.windows import AveragePool, Col2Im

__all__ = ["AveragePool", "Col2Im", "Conv", "ConvTranspose"]


def __dir__() -> list[str]:
    return sorted(__all__)
