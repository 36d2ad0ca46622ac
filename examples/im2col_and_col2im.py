"""
im2col, col2im, and whose backward pass is whose forward pass
=============================================================

Caffe computes a convolution as im2col and a product of matrices.  Its backward pass is
the other product, and col2im.  A "deconvolution" layer runs the same two the other way
round: forward it does what a convolution does backward.
"""

import numpy as np

import convadjoint as ca

rng = np.random.default_rng(0)
x = rng.standard_normal((3, 6, 6))
w = rng.standard_normal((5, 3, 2, 2))
conv = ca.Conv2DOp(x.shape, w, stride=2)

# %%
# im2col copies each window into a column; it is linear, so it is a matrix too.  One tap
# at a time makes it a convolution, from 3 channels to 3 * 2 * 2.

taps = np.eye(12).reshape(12, 3, 2, 2)
im2col = ca.Conv2DOp(x.shape, taps, stride=2)
columns = (im2col @ x).reshape(12, -1)
y = w.reshape(5, 12) @ columns
print("im2col:", x.shape, "->", columns.shape, "and gemm ->", y.shape)

# %%
# Backward: the transposed product, then col2im, which adds the columns back.

g = rng.standard_normal(conv.dimsd)
spread = w.reshape(5, 12).T @ g.reshape(5, -1)
gradient = im2col.T @ spread.reshape(im2col.dimsd)
print("gemm ->", spread.shape, "and col2im ->", gradient.shape)

# %%
# The deconvolution layer with the same kernel, forward.

deconv = ca.ConvTranspose2DOp(conv.dimsd, w, stride=2)
print(deconv)

# %%
# The same with numbers to check by eye: ones, kernel 3, padding 1, stride 2.  The input
# of the convolution has 4 samples, so the deconvolution needs an output padding of 1.

ones = ca.ConvTranspose2DOp(
    (2, 2), np.ones((3, 3)), stride=2, padding=1, output_padding=1
)
print((ones @ np.ones((2, 2))).astype(int))
assert np.allclose(y, (conv @ x).reshape(5, -1))
assert np.allclose(gradient, deconv @ g)
assert np.allclose(ones.T @ np.ones((4, 4)), [[4, 6], [6, 9]])
