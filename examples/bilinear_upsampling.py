"""
Doubling a picture with a bilinear kernel
=========================================

A transposed convolution whose kernel is a tent interpolates: the usual first weights
of a layer that enlarges pictures.
"""

import numpy as np

import convadjoint as ca
from convadjoint import resample

kernel = ca.bilinear_kernel(3, 3, 4)
print(kernel[0, 0])
print("from red to green:", kernel[0, 1].any())

# %%
# Kernel 4, stride 2, padding 1 doubles every side.

rows, columns = np.mgrid[:32, :48]
picture = np.stack([rows / 31, columns / 47, (rows + columns) / 78])
double = ca.ConvTranspose2DOp(picture.shape, kernel, stride=2, padding=1)
enlarged = double @ picture
print(double.dims, "->", double.dimsd)

# %%
# Inside, that is bilinear interpolation at the centres of the new, smaller pixels.

linear = resample.upsample(picture.shape, (64, 96), mode="linear")
difference = abs(enlarged - linear @ picture).max(axis=0)
print("largest difference inside:", difference[1:-1, 1:-1].max())
print("at the border:", difference.max())

# %%
# At the border it is not: outside is zero, so the picture darkens, while interpolation
# holds the last pixel.

white = np.ones_like(picture)
print((double @ white)[0, :3, :3])
print((linear @ white)[0, :3, :3])

# %%
# With the last pixels held outside, and what they made cropped, both are one matrix.

ends = ((1, 1), (1, 1))
held = resample.pad(picture.shape, ends, mode="replicate")
larger = ca.ConvTranspose2DOp(held.dimsd, kernel, stride=2, padding=3)
gap = abs((larger @ held).tosparse() - linear.tosparse()).max()
print("largest difference of the two matrices:", gap)

# %%
# The corners may also stay where they are; then the pixels are moved a little.

corners = resample.upsample(picture.shape, (64, 96), mode="linear", align_corners=True)
print(linear.tosparse()[1].data, corners.tosparse()[1].data)
assert difference[1:-1, 1:-1].max() < 1e-15
assert np.allclose((double @ white)[:, 1:-1, 1:-1], 1)
assert gap < 1e-15
