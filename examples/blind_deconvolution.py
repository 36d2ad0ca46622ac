"""
Blind deconvolution, one operator after the other
=================================================

Four shaky photographs of one scene: neither the scene nor the four kernels are known.
``C(w) x`` is linear in each of the two, so they are found in turns.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse.linalg import cg

import convadjoint as ca
from convadjoint.cli import photo

rng = np.random.default_rng(0)
sharp = (photo.shipped().pixels @ (0.299, 0.587, 0.114))[None, 40:200, 100:260]
truth = np.zeros((4, 1, 9, 9))  # from one scene to four photographs
for one in truth[:, 0]:
    path = np.cumsum(0.45 * rng.standard_normal((40, 2)), axis=0)
    places = np.rint(4 + path - path.mean(axis=0)).astype(int).clip(0, 8)
    np.add.at(one, tuple(places.T), 1 / 40)
words = {"padding": "same", "padding_mode": "symmetric", "channel_axis": 0}
shaky = ca.ConvNDOp(sharp.shape, truth, **words) @ sharp
shaky += 0.002 * rng.standard_normal(shaky.shape)

# %%
# Edges tell more of a kernel than plains do: both steps look at the differences of
# neighbouring pixels.  Those of the scene are penalised, at first so much that it does
# not follow the first kernels too far.

steps = np.array([[[[0, 0], [-1, 1]]], [[[0, -1], [0, 1]]]])
rough = ca.ConvNDOp(sharp.shape, steps, **words)
edges = ca.ConvNDOp(shaky.shape, np.tile(steps, (4, 1, 1, 1)), groups=4, **words)
scene, kernels = shaky.mean(axis=0, keepdims=True), np.zeros_like(truth)
kernels[..., 4, 4] = 1
data = (edges @ shaky).ravel()
for penalty in np.geomspace(0.1, 0.01, 20):
    fit = edges @ ca.ConvWeightOp(scene, truth.shape, **words)
    found = cg(fit.H @ fit, fit.rmatvec(data), x0=kernels.ravel(), maxiter=8)[0]
    kernels = found.reshape(truth.shape).clip(0)
    kernels /= kernels.sum(axis=(2, 3), keepdims=True)
    blur = ca.ConvNDOp(sharp.shape, kernels, **words)
    smooth = blur.H @ blur + penalty * (rough.H @ rough)
    found, _ = cg(smooth, (blur.H @ shaky).ravel(), x0=scene.ravel(), maxiter=6)
    scene = found.reshape(scene.shape).clip(0, 1)

# %%
# Kernels may be shifted one way and the scene the other: the centre of mass tells.

shift = np.tensordot(np.mgrid[-4:5, -4:5], kernels.mean(axis=(0, 1)))
scene = np.roll(scene, np.rint(-shift).astype(int), (1, 2))
errors = np.linalg.norm((np.vstack([shaky, scene]) - sharp)[:, 8:-8, 8:-8], axis=(1, 2))
print("errors of the photographs and of the scene:", np.round(errors, 2))
bare = {"frame_on": False, "xticks": [], "yticks": []}
figure, axes = plt.subplots(2, 5, figsize=(10, 4.2), subplot_kw=bare)
for panel, one in zip(axes.flat, [*shaky, *scene, *kernels[:, 0]], strict=False):
    panel.imshow(one, cmap="gray")
assert errors[-1] < 0.9 * errors[:-1].min()
