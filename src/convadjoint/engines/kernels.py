"""What is done to kernels before any engine sees them."""

import numpy as np

from convadjoint.engines.protocol import Array

__all__ = ["transpose_kernel"]


def transpose_kernel(kernel: Array, groups: int) -> Array:
    """Return the kernel of the transposed convolution.

    Parameters
    ----------
    kernel : ndarray, shape ``(c_out, c_in/groups, *k)``
        Kernel of the convolution.
    groups : int
        Its groups.

    Returns
    -------
    ndarray, shape ``(c_in, c_out/groups, *k)``
        Reversed in space, input and output channels exchanged; not conjugated.
    """
    c_out, per_group, *taps = kernel.shape
    blocks = kernel.reshape(groups, c_out // groups, per_group, *taps)
    swapped = np.flip(blocks.swapaxes(1, 2), tuple(range(3, 3 + len(taps))))
    return np.ascontiguousarray(swapped).reshape(
        groups * per_group, c_out // groups, *taps
    )
