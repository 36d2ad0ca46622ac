"""PyTorch's convolutions: ``torch.nn.functional``, ``torch.nn`` and ``torch.nn.grad``.

Examples
--------
>>> import numpy as np
>>> import convadjoint as ca
>>> weight = np.ones((2, 3, 4, 4), np.float32)
>>> op = ca.frameworks.torch.conv_transpose2d((1, 2, 8, 8), weight, stride=2, padding=1)
>>> op.dimsd
(1, 3, 16, 16)
"""

from convadjoint.frameworks.torch.convolutions import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from convadjoint.frameworks.torch.gradients import (
    conv1d_input,
    conv1d_weight,
    conv2d_input,
    conv2d_weight,
    conv3d_input,
    conv3d_weight,
)
from convadjoint.frameworks.torch.modules import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from convadjoint.frameworks.torch.windows import (
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    Fold,
    Unfold,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    fold,
    unfold,
)

__all__ = [
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Fold",
    "Unfold",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "conv1d",
    "conv1d_input",
    "conv1d_weight",
    "conv2d",
    "conv2d_input",
    "conv2d_weight",
    "conv3d",
    "conv3d_input",
    "conv3d_weight",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "fold",
    "unfold",
]


def __dir__() -> list[str]:
    return sorted(__all__)
