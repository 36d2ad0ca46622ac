"""
Zeros in the input, or in the kernel
====================================

Both grow something by putting zeros in between, and both have been called
"deconvolution".  A transposed convolution spreads the *input* and enlarges it; a
dilated ("atrous") convolution spreads the *kernel*, and sees further at the same size.
"""

import numpy as np

import convadjoint as ca

kernel = np.array([1.0, 2.0, 3.0])
x = np.array([1.0, 0.0, 10.0, 100.0])

# %%
# Zeros between the samples: 4 become 8, and each one stamps the kernel.

up = ca.ConvTranspose1DOp(4, kernel, stride=2, padding="same")
print(up @ x)
print(up.tosparse().toarray().astype(int))

# %%
# Zeros between the taps: 4 stay 4, and each output reads every second sample.

atrous = ca.Conv1DOp(4, kernel, dilation=2, padding="same")
print(atrous @ x)
print(atrous.tosparse().toarray().astype(int))

# %%
# Neither multiplies by the zeros.  With a kernel that holds them explicitly, they are
# not stored either.

explicit = ca.Conv1DOp(4, [1.0, 0.0, 2.0, 0.0, 3.0], padding="same")
print(f"{up.nnz}, {atrous.nnz} and {explicit.nnz} entries")
assert (explicit.tosparse() != atrous.tosparse()).nnz == 0
