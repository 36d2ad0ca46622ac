"""
Doubling a picture with a bilinear kernel
=========================================

A transposed convolution whose kernel is a tent interpolates: the usual first weights
of a layer that enlarges pictures.
"""

import numpy as np

import convadjoint as ca

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

places = [(np.arange(2 * n) + 0.5) / 2 - 0.5 for n in (32, 48)]
red, green = np.meshgrid(places[0] / 31, places[1] / 47, indexing="ij")
inside = (slice(1, -1), slice(1, -1))
print("largest difference inside:", abs(enlarged[0] - red)[inside].max())
print("at the border:", abs(enlarged[0] - red).max())

# %%
# At the border it is not: outside is zero, so the picture darkens.

gain = double @ np.ones_like(picture)
print(gain[0, :3, :3])
assert np.allclose(enlarged[0][inside], red[inside])
assert np.allclose(enlarged[1][inside], green[inside])
assert np.allclose(gain[:, 1:-1, 1:-1], 1)
