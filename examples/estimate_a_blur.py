"""
Estimating an unknown blur
==========================

A sharp picture and a blurred one of the same scene are there, the blur is not.  The
blurred picture is linear in the kernel, so finding it is a small least-squares problem:
225 unknowns, and an equation for each pixel.
"""

import matplotlib.pyplot as plt
import numpy as np
from pylops.optimization.basic import cgls

import convadjoint as ca
from convadjoint.cli import photo

rng = np.random.default_rng(0)
sharp = (photo.shipped().pixels @ (0.299, 0.587, 0.114))[40:240, 100:300]
truth = np.zeros((15, 15))
for step in np.linspace(0, 1, 400):  # a camera that was moved
    truth[round(3 + 9 * step), round(2 + 10 * step**2)] += 1 / 400
blurred = ca.Conv2DOp(sharp.shape, truth) @ sharp
blurred += 0.002 * rng.standard_normal(blurred.shape)

# %%
# The operator on the kernel has the words of the convolution, and the picture in place of
# its shape.

op = ca.ConvWeightOp(sharp, truth.shape)
print(op)

# %%
# Its adjoint is what neural networks call the weight gradient: how the pixels of both
# pictures go together at every distance.  That is not the kernel, just as a transposed
# convolution is no deconvolution.

gradient = op.H @ blurred
start = np.zeros(gradient.size)
kernel = cgls(op, blurred.ravel(), x0=start, niter=60, tol=0)[0].reshape(op.dims)
error = np.linalg.norm(kernel - truth) / np.linalg.norm(truth)
print(f"error of the kernel: {error:.1%}; it sums to {kernel.sum():.4f}")

# %%
figure, axes = plt.subplots(1, 5, figsize=(10, 2.2), layout="constrained")
pictures = {
    "sharp": sharp,
    "blurred": blurred,
    "its kernel": truth,
    "adjoint": gradient,
    "least squares": kernel,
}
for panel, (title, picture) in zip(axes, pictures.items(), strict=True):
    panel.imshow(picture, cmap="gray")
    panel.set_title(title)
    panel.set_axis_off()

assert error < 0.05
