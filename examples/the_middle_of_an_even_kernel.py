"""
Where is the middle of an even kernel?
======================================

A kernel of four taps has no middle tap, so "same" means different things.  Here is one
pulse, and what each library's words make of it.
"""

import numpy as np

import convadjoint as ca

scipy, pylops = ca.frameworks.scipy, ca.frameworks.pylops
jax, keras = ca.frameworks.jax, ca.frameworks.keras

# %%
# Libraries for signals reverse the kernel, so that the result is a copy of it.

n, kernel = 10, np.array([1.0, 2.0, 3.0, 4.0])
pulse = np.zeros(n)
pulse[5] = 1.0
calls = {
    "scipy.signal.convolve": scipy.convolve((n,), kernel, "same"),
    "scipy.signal.correlate": scipy.correlate((n,), kernel, "same"),
    "scipy.ndimage.convolve": scipy.ndimage_convolve((n,), kernel),
    "jax.numpy.convolve": jax.convolve((n,), kernel, "same"),
    "pylops, no offset": pylops.Convolve1D(n, kernel),
    "pylops, offset=1": pylops.Convolve1D(n, kernel, offset=1),
}
for name, op in calls.items():
    print(name.ljust(24), *(op @ pulse).astype(int))

# %%
# Libraries for networks do not reverse it, and JAX has two words for the two middles.

shape, taps = (1, n, 1), kernel.reshape(4, 1, 1)
numbers = {"dimension_numbers": ("NHC", "HIO", "NHC")}
layers = {
    "jax, SAME": jax.conv_general_dilated(shape, taps, (1,), "SAME", **numbers),
    "jax, SAME_LOWER": jax.conv_general_dilated(
        shape, taps, (1,), "SAME_LOWER", **numbers
    ),
    "keras, same": keras.Conv1D(shape, taps, padding="same"),
    "keras, causal": keras.Conv1D(shape, taps, padding="causal"),
}
for name, op in layers.items():
    print(name.ljust(24), *(op @ pulse.reshape(shape)).ravel().astype(int))

# %%
# Each is an operator with the exact adjoint, whatever its middle.

rng = np.random.default_rng(0)
for op in (calls | layers).values():
    x, y = rng.standard_normal(op.dims), rng.standard_normal(op.dimsd)
    np.testing.assert_allclose(np.vdot(op @ x, y), np.vdot(x, op.H @ y))
first = {name: int(np.argmax(op @ pulse > 0)) for name, op in calls.items()}
assert first["scipy.signal.convolve"] == 4
assert (first["scipy.ndimage.convolve"], first["pylops, no offset"]) == (3, 5)
