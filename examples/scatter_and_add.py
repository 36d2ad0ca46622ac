"""
Scatter and add
===============

The simplest way to see a transposed convolution: every sample of the input stamps a
copy of the kernel, as large as itself, and where stamps overlap they add.
"""

import numpy as np

import convadjoint as ca

x = kernel = np.array([[0.0, 1.0], [2.0, 3.0]])


def scatter(x, kernel, stride):
    """Stamp by stamp."""
    y = np.zeros([(n - 1) * stride + 2 for n in x.shape])
    for (i, j), value in np.ndenumerate(x):
        here = slice(i * stride, i * stride + 2), slice(j * stride, j * stride + 2)
        y[here] += value * kernel
        print(f"{value:g} at {i}, {j}:", y.astype(int).tolist())
    return y


stamped = scatter(x, kernel, stride=1)
print(ca.ConvTranspose2DOp((2, 2), kernel) @ x)

# %%
# Padding is that of the convolution, so here it crops.

cropped = ca.ConvTranspose2DOp((2, 2), kernel, padding=1) @ x
print(cropped)

# %%
# A stride of two puts the stamps side by side.

apart = ca.ConvTranspose2DOp((2, 2), kernel, stride=2) @ x
print(apart)

# %%
# Where a convolution maps one shape to another, the transposed convolution with the
# same arguments maps back: it is the transpose, and both share one matrix.

words = {"stride": 3, "padding": 2}
down = ca.Conv2DOp((16, 16), np.ones((5, 5)), **words)
up = ca.ConvTranspose2DOp(down.dimsd, np.ones((5, 5)), **words)
print(down.dims, "->", down.dimsd, "->", up.dimsd)
assert np.allclose(stamped, ca.ConvTranspose2DOp((2, 2), kernel) @ x)
assert np.allclose(cropped, [[4.0]])
assert np.allclose(apart, np.kron(x, kernel))
assert up.dimsd == down.dims
