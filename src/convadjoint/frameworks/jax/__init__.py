"""JAX's convolutions: ``jax.lax`` and ``jax.numpy.convolve``.

``jax.linear_transpose`` of a convolution is its ``.T``: nothing is conjugated.

Examples
--------
>>> import numpy as np
>>> from convadjoint.frameworks import jax
>>> op = jax.conv_transpose((1, 4, 4, 2), np.ones((3, 3, 2, 5)), (2, 2), "SAME")
>>> op.dimsd
(1, 8, 8, 5)
"""

from convadjoint.frameworks.jax.convolutions import (
    conv,
    conv_general_dilated,
    conv_with_general_padding,
    convolve,
)
from convadjoint.frameworks.jax.transposed import conv_transpose

__all__ = [
    "conv",
    "conv_general_dilated",
    "conv_transpose",
    "conv_with_general_padding",
    "convolve",
]


def __dir__() -> list[str]:
    return sorted(__all__)
