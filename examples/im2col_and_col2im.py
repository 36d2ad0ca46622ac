"""
im2col, col2im, and whose backward pass is whose forward pass
=============================================================

Caffe computes a convolution as im2col and a product of matrices.  Its backward pass is
the other product, and col2im.  A "deconvolution" layer runs the same two the other way
round: forward it does what a convolution does backward.
"""

import numpy as np
from scipy.sparse import eye_array, kron

import convadjoint as ca
from convadjoint import resample

rng = np.random.default_rng(0)
x = rng.standard_normal((3, 6, 6))
w = rng.standard_normal((5, 3, 2, 2))
conv = ca.Conv2DOp(x.shape, w, stride=2)

# %%
# im2col copies each window into a column: it is linear, an operator too.

im2col = resample.unfold(x.shape, (2, 2), stride=2)
columns = im2col @ x
y = w.reshape(5, 12) @ columns
print("im2col:", x.shape, "->", columns.shape, "and gemm ->", y.shape)

# %%
# Backward: the transposed product, then col2im, which adds the columns back.

g = rng.standard_normal((5, 9))
spread = w.reshape(5, 12).T @ g
col2im = resample.fold(spread.shape, (6, 6), (2, 2), stride=2)
gradient = col2im @ spread
print("gemm ->", spread.shape, "and col2im ->", gradient.shape)

# %%
# The deconvolution layer with the same kernel does that forward.  As matrices: C is the
# kernel, once for each place, times im2col; its transpose is col2im times the kernel's.

deconv = ca.ConvTranspose2DOp(conv.dimsd, w, stride=2)
gemm = kron(w.reshape(5, 12), eye_array(9))
print(abs(gemm @ im2col.tosparse() - conv.tosparse()).max())
print(abs(col2im.tosparse() @ gemm.T - deconv.tosparse()).max())

# %%
# The same with numbers to check by eye: ones, kernel 3, padding 1, stride 2.  The input
# of the convolution has 4 samples, so the deconvolution needs an output padding of 1.

ones = ca.ConvTranspose2DOp(
    (2, 2), np.ones((3, 3)), stride=2, padding=1, output_padding=1
)
print((ones @ np.ones((2, 2))).astype(int))
assert np.allclose(y, (conv @ x).reshape(5, -1))
assert np.allclose(gradient, deconv @ g.reshape(5, 3, 3))
assert np.allclose(ones.T @ np.ones((4, 4)), [[4, 6], [6, 9]])
