"""TensorFlow's convolutions: ``tf.nn`` and the gradients in ``tf.raw_ops``.

Examples
--------
>>> import numpy as np
>>> from convadjoint.frameworks import tensorflow
>>> filters = np.ones((3, 3, 8, 16), np.float32)
>>> op = tensorflow.conv2d_transpose((1, 7, 7, 16), filters, (1, 14, 14, 8), strides=2)
>>> op.dimsd
(1, 14, 14, 8)
"""

from convadjoint.frameworks.tensorflow.convolutions import (
    atrous_conv2d,
    conv1d,
    conv2d,
    conv3d,
    convolution,
    depthwise_conv2d,
)
from convadjoint.frameworks.tensorflow.gradients import (
    Conv2DBackpropFilter,
    Conv2DBackpropInput,
    Conv3DBackpropInputV2,
    depthwise_conv2d_backprop_input,
)
from convadjoint.frameworks.tensorflow.pooling import (
    avg_pool,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
)
from convadjoint.frameworks.tensorflow.transposed import (
    atrous_conv2d_transpose,
    conv1d_transpose,
    conv2d_transpose,
    conv3d_transpose,
    conv_transpose,
)

__all__ = [
    "Conv2DBackpropFilter",
    "Conv2DBackpropInput",
    "Conv3DBackpropInputV2",
    "atrous_conv2d",
    "atrous_conv2d_transpose",
    "avg_pool",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "conv1d",
    "conv1d_transpose",
    "conv2d",
    "conv2d_transpose",
    "conv3d",
    "conv3d_transpose",
    "conv_transpose",
    "convolution",
    "depthwise_conv2d",
    "depthwise_conv2d_backprop_input",
]


def __dir__() -> list[str]:
    return sorted(__all__)
