"""
Convolve, pool, and come back
=============================

A network that marks something in a volume first makes it smaller, step by step, and
then larger again.  A transposed convolution restores the shape that pooling took away.
"""

import numpy as np

import convadjoint as ca
from convadjoint import resample

rng = np.random.default_rng(0)
channels = 8  # the usual example has 512
shape = (10, 2, 7, 7, channels)  # volumes, depth, height, width, channels
words = {"padding": "same", "axes": (1, 2, 3), "channel_axis": -1, "dtype": "float32"}

# %%
# Convolution with kernels of 3 x 3 x 3: the lengths stay.

w = rng.standard_normal((channels, channels, 3, 3, 3)) / 27
conv = ca.Conv3DOp(shape, w, **words)
x = rng.standard_normal(shape).astype("float32")
y = conv @ x
print(conv)

# %%
# Max-pooling is not linear, and done by NumPy, but the windows are: 2 x 2 x 2, and
# "same", so the odd lengths get one sample of padding, which must not win.

cut = resample.unfold(
    shape, (2, 2, 2), stride=2, padding="same", axes=(1, 2, 3), merged=False
)
inside = cut @ np.ones(shape) > 0
pooled = np.where(inside, cut @ y, -np.inf).max(axis=(2, 3, 4))
pooled = np.moveaxis(pooled, 1, -1).astype("float32")
print(y.shape, "->", pooled.shape)

# %%
# A transposed convolution of stride 2 leads back.  Several shapes would be possible
# (13 or 14 samples from 7, say): which one is meant has to be told.

up = ca.ConvTranspose3DOp(pooled.shape, w, stride=2, output_size=shape[1:4], **words)
restored = up @ pooled
print(up)
print("as large as before:", restored.shape, "and as before:", np.allclose(restored, x))
assert pooled.shape == (10, 1, 4, 4, channels)
assert restored.shape == shape
assert not np.allclose(restored, x)
