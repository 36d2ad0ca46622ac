"""
Where checkerboards come from
=============================

Networks that enlarge pictures by transposed convolution draw checkerboards.  The sums of
the rows of its matrix, found without the matrix, show them before any training.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse.linalg import LinearOperator, cg

import convadjoint as ca
from convadjoint.operators import DiagonalOp

# %%
# With stride 2, kernels of 3 taps reach every second pixel twice.  Where the stride
# divides the size of the kernel, all pixels are reached equally often.

sizes = (3, 4, 5)
ups = [ca.ConvTranspose2DOp((8, 8), np.ones((k, k)), stride=2) for k in sizes]
reached = [up.row_norms(order=1) for up in ups]
print("taps on neighbouring pixels:", [one[8, 8:12].tolist() for one in reached])
figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for panel, k, one in zip(axes, sizes, reached, strict=True):
    panel.imshow(one, cmap="magma", vmin=0)
    panel.set(title=f"{k} x {k} taps, stride 2", xticks=[], yticks=[])

# %%
# Divided by the sums, the enlargement is flat.

flat = DiagonalOp(1 / reached[0]) @ ups[0]
print("a grey picture stays grey:", np.ptp(flat @ np.ones((8, 8))) < 1e-12)

# %%
# The same numbers help a solver.  The diagonal of the matrix of least squares, exact and
# at the price of a few convolutions, is a preconditioner.

rng = np.random.default_rng(0)
up = ca.ConvTranspose2DOp((40, 40), rng.random((40, 40))[:3, :3], stride=(1, 3))
weights = DiagonalOp(10.0 ** rng.integers(-2, 2, up.dims))
steps = {"plain": 0, "by the diagonal": 0}
op = up @ weights
diagonal = (up.gram_diagonal() * weights.weights**2).ravel() + 1e-6
jacobi = LinearOperator(op.H.shape[:1] * 2, lambda x: x.ravel() / diagonal, dtype=float)


def count(name):
    def step(_):
        steps[name] += 1

    return step


gram, right = op.H @ op, op.H @ (op @ np.ones(op.dims))
for name, inverse in zip(steps, (None, jacobi), strict=True):
    cg(gram, right.ravel(), M=inverse, rtol=1e-8, callback=count(name), maxiter=5000)
print("iterations:", steps)
assert steps["by the diagonal"] < 0.2 * steps["plain"]
