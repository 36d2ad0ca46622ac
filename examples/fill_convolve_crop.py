"""
Fill, convolve, crop
====================

A transposed convolution is often drawn as a picture: put zeros between the samples,
slide the kernel over the larger map, cut off what is too much.  Here the picture is
drawn with NumPy, and compared with the operator.
"""

import numpy as np

import convadjoint as ca

rng = np.random.default_rng(0)
x = rng.integers(0, 3, (4, 3, 3))  # 4 channels, 3 x 3 samples
w = rng.integers(-1, 2, (2, 4, 3, 3))  # 4 channels to 2

# %%
# A zero row and a zero column go before each sample, and one more after the last: 3 x 3
# becomes 7 x 7.

filled = np.zeros((4, 7, 7), int)
filled[:, 1::2, 1::2] = x
print(filled[0])

# %%
# The kernel is centred on every sample of the filled map, which has one ring of zeros
# around it.  The sum runs over the four channels; the last row and column are dropped.

ringed = np.pad(filled, ((0, 0), (1, 1), (1, 1)))
windows = np.lib.stride_tricks.sliding_window_view(ringed, (3, 3), axis=(1, 2))
drawn = np.einsum("ocij,cpqij->opq", w, windows)[:, :6, :6]
print(drawn[0])

# %%
# The operator wants the kernel of the *convolution* that it transposes: 2 channels to
# 4, and turned by 180 degrees, since sliding over the output is stamping, reversed.

kernel = w.transpose(1, 0, 2, 3)[..., ::-1, ::-1]
up = ca.ConvTranspose2DOp(x.shape, kernel, stride=2, padding="same")
print(up)

# %%
# The operator multiplies by none of the zeros, and its matrix holds none of them.

print(f"{up.nnz} entries; the picture multiplies {windows.size * len(w)} times")
assert np.allclose(up @ x, drawn)
